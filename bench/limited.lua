-- Does it help to lower the concurrency after a 429? The same work against nginx with limit_req: 8
-- tasks make calls that repeat themselves, and what failed all the same is asked for again. With
-- max_concurrency lowered after a 429, with 8 throughout, and with 2 and 1 for comparison. Waiting
-- is nearly all of it. Prints times and how often the service said 429.
--
-- usage: make bench-limited [ROUNDS=3]
local accs = require "accs"
local core = require "accs.core"
local support = require "spec.support"

local ROUNDS = math.tointeger(tonumber(os.getenv("ROUNDS"))) or 3
local WORKERS = 8
local LATENCY = 0.1 -- seconds of one call

local BURSTS = { "", "burst=10 nodelay", "burst=10" }
local WORKS = { -- calls, and how many a second are let through
  { count = 30, rate = 10, bursts = BURSTS },
  { count = 60, rate = 50, bursts = BURSTS },
  { count = 300, rate = 50, bursts = { "burst=10 nodelay" } },
}

local CASES = {}
for _, work in ipairs(WORKS) do
  for _, burst in ipairs(work.bursts) do
    for _, told in ipairs { false, true } do
      CASES[#CASES + 1] = { rate = work.rate, count = work.count, burst = burst, told = told }
    end
  end
end

local box <close> = support.sandbox {
  products = 20, args = { "--fault", ("GET *:delay=%g"):format(LATENCY) },
}

local function start_front(case)
  return support.nginx {
    port = box.port,
    http = ("limit_req_zone $server_port zone=all:1m rate=%dr/s;"):format(case.rate),
    server = ("limit_req zone=all %s; limit_req_status 429; %s"):format(case.burst,
      case.told and "add_header Retry-After 1 always;" or ""),
  }
end

-- Until everything has been answered: what failed is asked for again.
local function work(client, count)
  local left = count
  while left > 0 do
    local items = {}
    for index = 1, left do
      items[index] = index
    end
    local failed = 0
    assert(accs.map(items, function()
      local response, err = client:get("/V1/store/storeConfigs")
      if not response then
        assert(err.status == 429 or err.kind == "rate_limited", tostring(err))
        failed = failed + 1
      end
      return true
    end, { concurrency = WORKERS }))
    left = failed
  end
end

local WAYS = {
  { "8, lowered", {} }, -- as it comes
  { "8, fixed", { fixed_concurrency = true } },
  { "2, fixed", { fixed_concurrency = true, max_concurrency = 2 } },
  { "1, fixed", { fixed_concurrency = true, max_concurrency = 1 } },
}

local function run(case, way)
  local front <close> = start_front(case)
  local client <close> = box:client {
    base_url = front:address(box.env.API_ENDPOINT), ca_file = front.certificates.ca,
    max_concurrency = way[2].max_concurrency, fixed_concurrency = way[2].fixed_concurrency,
  }
  local started = core.monotonic()
  work(client, case.count)
  local seconds, refused = core.monotonic() - started, 0
  for _, request in ipairs(front:requests(case.count)) do
    refused = refused + (request.status == 429 and 1 or 0)
  end
  return seconds, refused
end

local function spread(list)
  table.sort(list)
  return ("%5.2f (%.2f to %.2f)"):format(list[(#list + 1) // 2], list[1], list[#list])
end

print(("seconds until all calls are answered, %g s each: median of %d rounds (lowest to highest); "
  .. "429s"):format(LATENCY, ROUNDS))
for _, case in ipairs(CASES) do
  print(("\n%d calls, %d a second, %s, %s"):format(case.count, case.rate,
    case.burst == "" and "no burst" or case.burst,
    case.told and "Retry-After: 1" or "no Retry-After"))
  local times, refusals = {}, {}
  for round = 1, ROUNDS do
    for index = 1, #WAYS do -- in turn, beginning with another each round
      local way = WAYS[(index + round) % #WAYS + 1]
      times[way] = times[way] or {}
      refusals[way] = refusals[way] or {}
      local seconds, refused = run(case, way)
      table.insert(times[way], seconds)
      table.insert(refusals[way], refused)
    end
  end
  for _, way in ipairs(WAYS) do
    table.sort(refusals[way])
    print(("  %-16s %-24s %4d"):format(way[1], spread(times[way]),
      refusals[way][(ROUNDS + 1) // 2]))
  end
  io.stdout:flush()
end
