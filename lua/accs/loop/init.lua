--- What the adapters to event loops share: tasks move whenever the host's loop finds something to
--- do for them, and only for a few milliseconds at a time.
---
--- An adapter to another loop gives `loop.attach` a host with three functions, and calls
--- `loop.turn()` when it was woken or a watched descriptor is readable:
---
---     local host = {}
---     function host.wake() ... end          -- have loop.turn() called soon, not from in here
---     function host.watch(fd) ... end       -- readable: loop.turn(); returns something
---     function host.unwatch(watched) ... end -- what watch returned; fd is still open
---     loop.attach(host)
local engines = require "accs.engines"
local errors = require "accs.error"
local tasks = require "accs.tasks"

local loop = {}

local TURN = 0.005 -- seconds after which the host has its turn, but for the task that just runs

---@class accs.loop.Host
---@field wake fun()
---@field watch fun(fd: integer): any
---@field unwatch fun(watched: any)
---@field watches? fun(watched: any): boolean  false: somebody else ended the watch

local host ---@type accs.loop.Host|nil
local watched = {} -- lane -> what the host gave for it
local turning = false

local function wake()
  if not turning then
    host.wake()
  end
end

-- Told by accs.tasks that there is something to do. What there is to wait for is looked at in the
-- turn that follows: only a task that went on begins to wait.
local Listener = { started = wake }

--- Told that an engine is about to be closed.
---@param lane accs.Lane
function Listener.ended(lane)
  local found = watched[lane]
  watched[lane] = nil
  if found ~= nil then
    host.unwatch(found)
    wake()
  end
end

--- Makes tasks run in a host's event loop from now on. They run in one loop at a time.
--- Raises when tasks still wait in another.
---@param new accs.loop.Host
--- Example: see the top of this file
function loop.attach(new)
  if host == new then
    return
  elseif host and next(watched) then
    errors.misuse("tasks still wait in another event loop")
  end
  host = new
  tasks.tell(Listener)
end

-- Watches the engines that somebody waits for, and no other.
local function follow()
  for lane, found in pairs(watched) do
    if not lane.place or host.watches and not host.watches(found) then
      watched[lane] = nil
      host.unwatch(found)
    end
  end
  for _, lane in ipairs(engines.in_use()) do
    if watched[lane] == nil then
      watched[lane] = host.watch(lane.engine:fd())
    end
  end
end

local guard = setmetatable({}, { __close = function() turning = false end })

--- Moves engines and tasks for a moment; for an adapter. Does not wait.
---@return boolean more  whether to call it again at once
---@return boolean waiting  whether a descriptor is watched
--- Example: `local more, waiting = loop.turn()`
function loop.turn()
  turning = true
  local _ <close> = guard
  local more = tasks.turn(TURN)
  follow()
  return more, next(watched) ~= nil
end

--- Makes a task of a function whenever it is called. For the adapters' `wrap`.
---@param f function
---@param what string  for the message when it is none
---@return fun(...): accs.Task
function loop.wrap(f, what)
  tasks.check_callable(f, what)
  return function(...)
    return tasks.start(nil, f, ...)
  end
end

return loop
