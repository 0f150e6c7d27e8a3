-- How long accs keeps an event loop from its other work: the worst gap between two calls of the
-- host's own 10 ms timer while pages of products are read, 8 at a time.
--
--     accs-sandbox --products 20000 -- lua5.4 bench/loops.lua luv|cqueues [CONCURRENCY [PAGE_SIZE]]
--
-- Prints one line. On a machine that does other work as well the gaps grow by it: "without accs"
-- shows that; the processor time between two calls is what accs and its tasks had of it.
local accs = require "accs"

local LOOP = arg[1]
local CONCURRENCY = math.tointeger(tonumber(arg[2] or 8))
local PAGE_SIZE = math.tointeger(tonumber(arg[3] or 300))
local PERIOD = 0.01 -- seconds

local client <close> = accs.client { read_only = true, max_concurrency = CONCURRENCY,
  engine = accs.engine { max_connections = CONCURRENCY } }

local rows

local function scan()
  local total = assert(client:get("/V1/products",
    { query = { searchCriteria = { pageSize = 1, currentPage = 1 } } })).data.total_count
  local pages = {}
  for page = 1, math.ceil(total / PAGE_SIZE) do
    pages[page] = page
  end
  local counts = assert(accs.map(pages, function(page)
    local search = { pageSize = PAGE_SIZE, currentPage = page }
    return #assert(client:get("/V1/products", { query = { searchCriteria = search } })).data.items
  end, { concurrency = CONCURRENCY }))
  rows = 0
  for _, count in ipairs(counts) do
    rows = rows + count
  end
end

-- What the timer's function notes: the gaps between its calls.
local function new_gaps(clock)
  local last, last_cpu
  local gaps = { worst = 0, cpu = 0, count = 0 }
  function gaps.tick()
    local now, cpu = clock(), os.clock()
    if last then
      gaps.worst = math.max(gaps.worst, now - last)
      gaps.cpu = math.max(gaps.cpu, cpu - last_cpu)
      gaps.count = gaps.count + 1
    end
    last, last_cpu = now, cpu
  end
  return gaps
end

local loops = {}

function loops.luv(work)
  local uv = require "luv"
  local gaps = new_gaps(function() return uv.hrtime() / 1e9 end)
  local timer = uv.new_timer()
  timer:start(0, 10, gaps.tick)
  require("accs.loop.luv").wrap(function()
    work()
    timer:close()
  end)()
  uv.run()
  return gaps
end

function loops.cqueues(work)
  local cqueues = require "cqueues"
  local gaps = new_gaps(cqueues.monotime)
  local controller = cqueues.new()
  local over = false
  controller:wrap(function()
    while not over do
      cqueues.sleep(PERIOD)
      gaps.tick()
    end
  end)
  controller:wrap(require("accs.loop.cqueues").wrap(function()
    work()
    over = true
  end))
  assert(controller:loop())
  return gaps
end

local run = loops[LOOP] or error("usage: bench/loops.lua luv|cqueues [CONCURRENCY [PAGE_SIZE]]")
local quiet = run(function() accs.sleep(1) end)
local busy = run(scan)
print(("%s: %d rows in pages of %d, %d at a time: worst gap of a 10 ms timer %.1f ms in %d calls,"
  .. " of it %.1f ms processor time at most; without accs %.1f ms"):format(LOOP, rows, PAGE_SIZE,
  CONCURRENCY, busy.worst * 1000, busy.count, busy.cpu * 1000, quiet.worst * 1000))
