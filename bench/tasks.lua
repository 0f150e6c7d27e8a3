-- What tasks cost: resident memory and time of 100,000 of them.
--
--     lua5.4 bench/tasks.lua map|spawn|sleep [COUNT]
--
-- map: accs.map over an iterator, 8 at a time. spawn: accs.spawn for all, each ends in one step.
-- sleep: accs.spawn for all, all wait at the same time. Prints one line.
local accs = require "accs"

local KIND = arg[1]
local COUNT = math.tointeger(tonumber(arg[2] or 100000))

-- Megabytes: now, and the most there ever was.
local function resident()
  local file <close> = assert(io.open("/proc/self/status"))
  local text = file:read("a")
  local now, most = text:match("VmRSS:%s*(%d+)"), text:match("VmHWM:%s*(%d+)")
  return tonumber(now) / 1024, tonumber(most) / 1024
end

local kinds = {}

function kinds.map()
  local given = 0
  local function iterator()
    given = given + 1
    return given <= COUNT and given or nil
  end
  local results = assert(accs.map(iterator, function()
    accs.sleep(0)
  end))
  assert(results.n == COUNT)
end

local function spawn_all(f, ...)
  local list = {}
  for index = 1, COUNT do
    list[index] = accs.spawn(f, ...)
  end
  for index = 1, COUNT do
    assert(list[index]:wait())
  end
end

function kinds.spawn()
  spawn_all(function() return true end)
end

function kinds.sleep()
  spawn_all(accs.sleep, 1)
end

local run = kinds[KIND] or error("usage: bench/tasks.lua map|spawn|sleep [COUNT]")
accs.sleep(0)
collectgarbage()
local before = resident()
local started = os.clock()
run()
local spent = os.clock() - started
local _, most = resident()
collectgarbage()
collectgarbage()
print(("%s: %d tasks, %.2f s processor time, %.1f MB at most beside %.1f MB before, %.1f MB after")
  :format(KIND, COUNT, spent, most - before, before, resident()))
