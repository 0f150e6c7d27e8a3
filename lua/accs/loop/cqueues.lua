--- Tasks inside a controller of cqueues: while they wait for the network, its other coroutines go
--- on.
---
---     local cqueues = require "cqueues"
---     local accs_loop = require "accs.loop.cqueues"
---
---     local controller = cqueues.new()
---     controller:wrap(accs_loop.wrap(function()
---       local response = assert(client:get("/V1/store/storeConfigs")) -- blocks this task alone
---       print(#response.data)
---     end))
---     assert(controller:loop())
---
--- `controller:loop` returns when no task is left that waits for something. In a coroutine of
--- cqueues that is not wrapped, a call blocks the controller; so do `task:wait()`, `accs.all` and
--- `accs.map` there. In a task use `accs.sleep` and calls of accs: what cqueues itself waits for
--- (`cqueues.sleep`, sockets) belongs into a coroutine of its own.
local ok, cqueues = pcall(require, "cqueues")
if not ok then
  error("accs.loop.cqueues needs the module cqueues: apt-get install lua-cqueues, or luarocks "
    .. "install cqueues", 0)
end
local condition = require "cqueues.condition"
local errors = require "accs.error"
local loop = require "accs.loop"

local adapter = {}

local woken = condition.new()
local controller -- the last one known
local pumps = setmetatable({}, { __mode = "k" }) -- controller -> whether tasks move in it
local polled = {} -- what is polled

local function move()
  local more, waiting = loop.turn()
  while more or waiting do
    cqueues.poll(woken, more and 0 or nil, table.unpack(polled))
    more, waiting = loop.turn()
  end
end

-- A coroutine of the controller, while there is something to do.
local function pump()
  local fine, problem = pcall(move)
  pumps[cqueues.running()] = nil
  if not fine then
    error(problem, 0)
  end
end

local function wake()
  controller = cqueues.running() or controller
  if controller and not pumps[controller] then
    pumps[controller] = true
    controller:wrap(pump)
  end
  woken:signal()
end

local function watch(fd)
  local entry = { pollfd = fd, events = "r" }
  polled[#polled + 1] = entry
  return entry
end

local function unwatch(entry)
  for index, other in ipairs(polled) do
    if other == entry then
      table.remove(polled, index)
    end
  end
  cqueues.cancel(entry.pollfd)
end

local host = { wake = wake, watch = watch, unwatch = unwatch }

--- Makes a function that a controller runs (`controller:wrap`) a task: its calls let the other
--- coroutines go on. Each call of the result starts `f` with the same arguments in a task of its
--- own, soon, and returns that task. A task that fails while nobody waits for it is told on stderr.
---
--- Tasks move in the controller from then on, also those of `accs.spawn`. What holds the controller
--- is held for a few milliseconds at a time, or for as long as one task runs without waiting.
---@param f function
---@return fun(...): accs.Task
--- Raises, when called, outside a controller if there was none before.
--- Example: `controller:wrap(accs_loop.wrap(function() print(client:get("/V1/orders/5")) end))`
function adapter.wrap(f)
  local wrapped = loop.wrap(f, "accs.loop.cqueues.wrap: the argument")
  loop.attach(host)
  return function(...)
    if not controller and not cqueues.running() then
      errors.misuse("accs.loop.cqueues: a wrapped function is called by controller:wrap first")
    end
    return wrapped(...)
  end
end

return adapter
