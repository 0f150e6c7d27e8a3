-- Which version of HTTP serves large pages better: accs fetches pages of 300 kB over TLS from nginx
-- with HTTP/1.1 and HTTP/2, from loopback as it is and from 50 ms away, some at a time. The two
-- take turns; a "cold" page comes over a connection that is made for it. Never fails for a figure.
--
-- usage: make bench-http [ROUNDS=7]
local support = require "spec.support"
local ratio = require "bench.ratio"

local build = assert(os.getenv("BUILD"))
local rounds = math.max(1, math.tointeger(tonumber(os.getenv("ROUNDS"))) or 7)
local PAGE_BYTES, TENANT = 300000, "/tenant"
local LATENCIES = { 0, 50 } -- ms of a round trip
local CONCURRENCIES = { 1, 4, 8 }

local dir <close> = support.temp_dir()
os.execute("chmod 755 " .. support.quote(dir.path))

--- A page of products as Commerce writes them, not compressed.
local function write_page()
  local rows, size = {}, 0
  while size < PAGE_BYTES do
    local row = ('{"id":%d,"sku":"EX-%05d","name":"Example %d","price":%d.5,"status":1}')
      :format(#rows + 1, #rows + 1, #rows + 1, 10 + #rows % 90)
    rows[#rows + 1] = row
    size = size + #row + 1
  end
  return support.write_file(dir.path .. "/page.json",
    '{"items":[' .. table.concat(rows, ",") .. '],"total_count":' .. #rows .. "}")
end

local server_lines = ([[
    access_log off;
    location = %s/V1/page { default_type application/json; alias %s; }]])
  :format(TENANT, write_page())
local front <close> = support.nginx { port = 9, server = server_lines }

--- The port to ask: nginx's own, or that of a relay which delays.
local relays = {}
local function port_at(latency)
  if latency == 0 then
    return front.port
  end
  if not relays[latency] then
    local child = support.start { build .. "/bench/delay", front.port, latency // 2 }
    relays[latency] = { child = child, port = assert(child:read_line()) }
  end
  return relays[latency].port
end

local function measure(version, latency, concurrency)
  local pages = latency == 0 and 200 or 20 * concurrency
  local result = support.run {
    "lua5.4", "bench/http_pages.lua", "/V1/page", pages, concurrency, timeout = 600,
    env = {
      API_ENDPOINT = ("https://localhost:%s%s"):format(port_at(latency), TENANT),
      ACCS_CA_FILE = front.certificates.ca,
      ACCS_HTTP_VERSION = version,
    },
  }
  local cold_wall, cold_cpu, wall, cpu = result.out:match("^(%d+) (%d+) (%d+) (%d+)\n$")
  assert(cold_wall, result.err)
  return {
    cold_wall = tonumber(cold_wall) / 1000, cold_cpu = tonumber(cold_cpu) / 1000,
    wall = tonumber(wall) / 1000, cpu = tonumber(cpu) / 1000,
  }
end

print(("pages of %d kB over TLS; ms a page: median of %d rounds (lowest to highest)")
  :format(PAGE_BYTES // 1000, rounds))
print(("%-8s %-9s %-5s %-24s %-24s %-24s %s"):format("latency", "at a time", "HTTP", "wall",
  "CPU", "wall, cold", "CPU, cold"))
for _, latency in ipairs(LATENCIES) do
  for _, concurrency in ipairs(CONCURRENCIES) do
    local figures = { ["1.1"] = {}, ["2"] = {} }
    for round = 0, rounds do -- round 0 warms up and does not count
      for _, version in ipairs(round % 2 == 0 and { "1.1", "2" } or { "2", "1.1" }) do
        local result = measure(version, latency, concurrency)
        for name, value in pairs(result) do
          figures[version][name] = figures[version][name] or {}
          figures[version][name][round] = value -- round 0 stays out of the list
        end
      end
    end
    for _, version in ipairs { "1.1", "2" } do
      local of = figures[version]
      print(("%-8s %-9d %-5s %-24s %-24s %-24s %s"):format(latency .. " ms", concurrency, version,
        ratio.cell(of.wall), ratio.cell(of.cpu), ratio.cell(of.cold_wall),
        ratio.cell(of.cold_cpu)))
    end
  end
end

for _, relay in pairs(relays) do
  relay.child:close()
end
