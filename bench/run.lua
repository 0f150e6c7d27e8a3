-- Compares accs with a bare libcurl loop: the same transfers, the same server, the same run, in
-- alternating rounds after a warm-up. Prints ratios; it never fails for a slow result.
--
-- usage: make bench [ROUNDS=7]
local support = require "spec.support"

local build = assert(os.getenv("BUILD"))
local rounds = math.max(7, math.tointeger(tonumber(os.getenv("ROUNDS"))) or 7)
local quote = support.quote

local dir <close> = support.temp_dir()
io.write("starting a sandbox with 30,000 products ...\n")
local box <close> = support.sandbox { products = 30000, orders = 10, customers = 10 }
local front <close> = support.nginx { port = box.port }

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

local many, one, csv = skus(2000), skus(1), dir.path .. "/products.csv"
local loop = build .. "/bench/libcurl_loop"
local folder, bundle = trust_stores()
local secure = { API_ENDPOINT = front:address(box.env.API_ENDPOINT) }
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
    accs = { "lua5.4", "bench/small.lua", one }, base = { loop, one_path, bundle },
    accs_env = with { API_ENDPOINT = secure.API_ENDPOINT, SSL_CERT_DIR = folder },
    base_env = with(secure),
  },
}

local function sorted_ratios(case, field)
  local list = {}
  for round = 1, rounds do
    list[round] = case.results.accs[round][field] / case.results.base[round][field]
  end
  table.sort(list)
  return list
end

local function median(list)
  local middle = (#list + 1) // 2
  return #list % 2 == 1 and list[middle] or (list[middle] + list[middle + 1]) / 2
end

local function middle_of(case, side, field)
  local list = {}
  for round, result in ipairs(case.results[side]) do
    list[round] = result[field] / (case.count or 1)
  end
  table.sort(list)
  return median(list)
end

for _, case in ipairs(cases) do
  case.results = { accs = {}, base = {} }
  for round = 0, rounds do -- round 0 warms up and does not count
    for _, side in ipairs(round % 2 == 0 and { "accs", "base" } or { "base", "accs" }) do
      local result = measure(case, case[side], case[side .. "_env"] or box.env)
      if round > 0 then
        case.results[side][round] = result
      end
    end
  end
end

print(("\nratio accs / libcurl loop: median of %d rounds (lowest to highest)"):format(rounds))
print("processor time is user and system time of the client process; times are for one run\n")
print(("%-26s %-6s %-22s %-22s %-22s %s"):format("", "goal", "CPU ratio", "wall ratio",
  "CPU, accs / loop", "peak memory"))
for _, case in ipairs(cases) do
  local cells = {}
  for index, field in ipairs { "cpu", "wall" } do
    local list = sorted_ratios(case, field)
    cells[index] = ("%.2f (%.2f to %.2f)"):format(median(list), list[1], list[#list])
  end
  print(("%-26s %-6s %-22s %-22s %-22s %s"):format(case.name, case.goal, cells[1], cells[2],
    ("%.1f / %.1f ms"):format(middle_of(case, "accs", "cpu") / 1000,
      middle_of(case, "base", "cpu") / 1000),
    ("%.1f / %.1f MB"):format(middle_of(case, "accs", "size") * (case.count or 1) / 1024,
      middle_of(case, "base", "size") * (case.count or 1) / 1024)))
end
