-- Fetches the same page again and again, and tells how long it took:
-- usage: http_pages.lua PATH PAGES CONCURRENCY. Prints wall and processor microseconds a page of
-- the first CONCURRENCY pages (over new connections) and of PAGES more (over those it has then).
local accs = require "accs"
local core = require "accs.core"

local path, pages, concurrency = arg[1], math.tointeger(arg[2]), math.tointeger(arg[3])
local client <close> = accs.client { access_token = "not-a-token", max_concurrency = concurrency }

local function fetch(count)
  local list = {}
  for index = 1, count do
    list[index] = index
  end
  local wall, cpu = core.monotonic(), os.clock()
  assert(accs.map(list, function()
    local response = assert(client:get(path, { decode = false }))
    return #response.body
  end, { concurrency = concurrency }))
  return (core.monotonic() - wall) / count * 1e6, (os.clock() - cpu) / count * 1e6
end

local cold_wall, cold_cpu = fetch(concurrency)
local wall, cpu = fetch(pages)
print(("%.0f %.0f %.0f %.0f"):format(cold_wall, cold_cpu, wall, cpu))
