-- Compares accs with a bare libcurl loop: the same transfers, the same server, the same run, in
-- alternating rounds after a warm-up. Prints ratios; it never fails for a slow result. Calls at the
-- same time go to nginx, which answers small calls faster than any client makes them; the loop then
-- uses curl_multi. Other clients run along where they are installed.
--
-- usage: make bench [ROUNDS=7]
local ratio = require "bench.ratio"
local support = require "spec.support"

local build = assert(os.getenv("BUILD"))
local rounds = math.max(7, math.tointeger(tonumber(os.getenv("ROUNDS"))) or 7)
local quote = support.quote

local dir <close> = support.temp_dir()
io.write("starting a sandbox with 30,000 products ...\n")
local box <close> = support.sandbox { products = 30000, orders = 10, customers = 10 }
local front <close> = support.nginx { port = box.port }

--- nginx by itself, without TLS: a product of each name, 70 bytes.
local function start_quick()
  local port = math.random(32000, 32700)
  local started = support.nginx {
    port = box.port,
    server = ([[
    listen 127.0.0.1:%d;
    access_log off;
    location ~ ^/tenant/V1/products/([^/]+)$ {
      default_type application/json;
      return 200 '{"sku":"$1","name":"An example of a product","price":12.5}';
    }]]):format(port),
  }
  started.endpoint = "http://127.0.0.1:" .. port .. "/tenant"
  return started
end
local quick <close> = start_quick()

--- Runs one command under measure: cpu and wall in microseconds, size in kB.
local function measure(case, words, env)
  local command = { build .. "/bench/measure", case.count or 1, env = env, timeout = 600 }
  table.move(words, 1, #words, 3, command)
  local result = support.run(command)
  local cpu, wall, size = result.out:match("^(%d+) (%d+) (%d+)\n$")
  assert(cpu, "failed: " .. table.concat(words, " ") .. ": " .. result.err)
  return { cpu = tonumber(cpu), wall = tonumber(wall), size = tonumber(size) }
end

local function with(more)
  local env = {}
  for _, variables in ipairs { box.env, more } do
    for name, value in pairs(variables) do
      env[name] = value
    end
  end
  return env
end

--- The paths that a command asks for, seen at a front that writes a log. The loop repeats them.
local function record(name, words)
  local before = #front:requests()
  local result = support.run { "env", "ACCS_CA_FILE=" .. front.certificates.ca,
    "API_ENDPOINT=" .. front:address(box.env.API_ENDPOINT), "lua5.4", words[1], words[2],
    env = box.env, timeout = 600 }
  assert(result.code == 0, result.err)
  local tenant = box.env.API_ENDPOINT:match("^http://[^/]+(.*)$")
  local paths, list = {}, front:requests()
  for index = before + 1, #list do
    assert(list[index].path:sub(1, #tenant) == tenant)
    paths[#paths + 1] = list[index].path:sub(#tenant + 1)
  end
  return support.write_file(dir.path .. "/" .. name, table.concat(paths, "\n") .. "\n"), #paths
end

local function skus(count)
  local list, client = {}, box:client()
  for item in client:items("/V1/products", require("accs").search():page_size(300)) do
    list[#list + 1] = item.sku
    if #list == count then
      break
    end
  end
  client:close()
  return support.write_file(dir.path .. "/skus" .. count, table.concat(list, "\n") .. "\n")
end

--- A hashed folder and a bundle with the system's certificates and the test's own.
local function trust_stores()
  local folder, bundle = dir.path .. "/certs", dir.path .. "/bundle.pem"
  local ca = quote(front.certificates.ca)
  assert(os.execute("mkdir " .. folder .. " && cp -L /etc/ssl/certs/*.[0-9] " .. folder
    .. " && cp " .. ca .. " " .. folder .. "/$(openssl x509 -hash -noout -in " .. ca .. ").0"
    .. " && cat /etc/ssl/certs/ca-certificates.crt " .. ca .. " >" .. bundle))
  return folder, bundle
end

local many, one, csv = skus(5000), skus(1), dir.path .. "/products.csv"
local loop = build .. "/bench/libcurl_loop"
local folder, bundle = trust_stores()
local secure = { API_ENDPOINT = front:address(box.env.API_ENDPOINT) }
local quick_env = with { API_ENDPOINT = quick.endpoint }
local small_paths, small_count = record("small.paths", { "bench/small.lua", many })
local page_paths, page_count = record("pages.paths", { "bench/pages.lua", csv })
local one_path = record("one.path", { "bench/small.lua", one })

local cases = {
  {
    name = small_count .. " small GETs", goal = "1.2",
    accs = { "lua5.4", "bench/small.lua", many }, base = { loop, small_paths },
  },
  {
    name = page_count .. " pages of 300 to CSV", goal = "4",
    accs = { "lua5.4", "bench/pages.lua", csv }, base = { loop, page_paths },
  },
  {
    name = "cold start", goal = "1.1", count = 20,
    accs = { "lua5.4", "bench/small.lua", one }, base = { loop, one_path },
  },
  {
    -- Each as it comes: the loop reads libcurl's default bundle, accs the hashed folder.
    name = "cold start over TLS", goal = "1.1", count = 10,
    accs = { "lua5.4", "bench/small.lua", one }, base = { loop, "-c", bundle, one_path },
    accs_env = with { API_ENDPOINT = secure.API_ENDPOINT, SSL_CERT_DIR = folder },
    base_env = with(secure),
  },
}
--- SKUs that nginx can answer, and the paths that accs asks for them.
local function quick_lists(count)
  local names, paths = {}, {}
  for index = 1, count do
    names[index] = ("EX-%05d"):format(index)
    paths[index] = "/V1/products/" .. names[index] .. "?fields=sku%2Cname%2Cprice"
  end
  return support.write_file(dir.path .. "/quick.skus", table.concat(names, "\n") .. "\n"),
    support.write_file(dir.path .. "/quick.paths", table.concat(paths, "\n") .. "\n")
end

local quick_skus, quick_paths = quick_lists(small_count)
for place, concurrency in ipairs { 1, 4, 16, 64 } do
  table.insert(cases, 1 + place, {
    name = ("%d small GETs, %d at a time"):format(small_count, concurrency), goal = "1.3",
    accs = { "lua5.4", "bench/parallel.lua", quick_skus, concurrency },
    base = { loop, "-p", concurrency, quick_paths }, accs_env = quick_env, base_env = quick_env,
  })
end

--- Other clients, which do what the loop does; those that are not installed are left out.
local PEERS = {
  {
    name = "Python, requests", case = 1, try = { "python3", "-c", "import requests" },
    words = { "python3", "bench/peer_requests.py", small_paths },
  },
  {
    name = "Node.js, fetch", case = 4, try = { "node", "-e", "fetch" },
    words = { "node", "bench/peer_fetch.mjs", quick_paths, 16 },
  },
}
for _, peer in ipairs(PEERS) do
  local case = cases[peer.case]
  if support.run(peer.try).code == 0 then
    case.peers = case.peers or {}
    table.insert(case.peers, peer.name)
    case[peer.name], case[peer.name .. "_env"] = peer.words, case.base_env
  else
    print(("%s: not installed, so not compared"):format(peer.name))
  end
end

--- Ratios of one side to the loop, a round each.
local function ratios(case, side, field)
  local list = {}
  for round = 1, rounds do
    list[round] = case.results[side][round][field] / case.results.base[round][field]
  end
  return list
end

--- The middle of a side's figures, for one run of the command.
local function middle_of(case, side, field)
  local list = {}
  for round, result in ipairs(case.results[side]) do
    list[round] = result[field]
  end
  table.sort(list)
  return ratio.median(list)
end

for _, case in ipairs(cases) do
  local sides = { "accs", "base", table.unpack(case.peers or {}) }
  case.results = {}
  for _, side in ipairs(sides) do
    case.results[side] = {}
  end
  for round = 0, rounds do -- round 0 warms up and does not count
    for turn = 1, #sides do
      local side = sides[round % 2 == 0 and turn or #sides + 1 - turn]
      local result = measure(case, case[side], case[side .. "_env"] or box.env)
      if round > 0 then
        case.results[side][round] = result
      end
    end
  end
end

local LINE = "%-30s %-5s %-22s %-22s %-20s %s"
local function report(case, side, name, goal)
  local count = case.count or 1
  print(LINE:format(name, goal, ratio.cell(ratios(case, side, "cpu")),
    ratio.cell(ratios(case, side, "wall")),
    ("%.1f / %.1f ms"):format(middle_of(case, side, "cpu") / count / 1000,
      middle_of(case, "base", "cpu") / count / 1000),
    ("%.1f / %.1f MB"):format(middle_of(case, side, "size") / 1024,
      middle_of(case, "base", "size") / 1024)))
end

print(("\nratio accs / libcurl loop: median of %d rounds (lowest to highest)"):format(rounds))
print("processor time is user and system time of the client process; times are for one run\n")
print(LINE:format("", "goal", "CPU ratio", "wall ratio", "CPU, it / loop", "peak memory"))
for _, case in ipairs(cases) do
  report(case, "accs", case.name, case.goal)
  for _, peer in ipairs(case.peers or {}) do
    report(case, peer, "  " .. peer, "")
  end
end
