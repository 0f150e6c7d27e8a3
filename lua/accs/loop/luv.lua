--- Tasks inside libuv's loop: while they wait for the network, the loop's other work goes on.
---
---     local uv = require "luv"
---     local luv = require "accs.loop.luv"
---
---     local timer = uv.new_timer()
---     timer:start(1000, 0, luv.wrap(function()
---       local response = assert(client:get("/V1/store/storeConfigs")) -- blocks this task alone
---       print(#response.data)
---     end))
---     uv.run()
---
--- A whole script runs likewise: `luv.wrap(main)() uv.run()`. `uv.run` returns when no task is left
--- that waits for something. A call in a callback that is not wrapped blocks the loop; so do
--- `task:wait()`, `accs.all` and `accs.map` there.
local ok, uv = pcall(require, "luv")
if not ok then
  error("accs.loop.luv needs the module luv: apt-get install lua-luv, or luarocks install luv", 0)
end
local loop = require "accs.loop"

local luv = {}

local idle -- while tasks can go on: called in each round of uv's loop

-- A program may close all handles of the loop (uv.walk), these as well.
local function lives(handle)
  return handle and not handle:is_closing()
end

local function turn()
  local more = loop.turn()
  if more and not lives(idle) then
    idle = uv.new_idle()
    idle:start(turn)
  elseif idle and not more then
    if lives(idle) then
      idle:close()
    end
    idle = nil
  end
end

local function wake()
  if not lives(idle) then
    idle = uv.new_idle()
    idle:start(turn)
  end
end

local function readable()
  if not lives(idle) then -- it is called in this round anyway
    turn()
  end
end

local function watch(fd)
  local poll = uv.new_poll(fd)
  poll:start("r", readable)
  return poll
end

local function unwatch(poll)
  if lives(poll) then
    poll:stop()
    poll:close()
  end
end

local host = { wake = wake, watch = watch, unwatch = unwatch, watches = lives }

--- Makes a callback of libuv a task: its calls let the loop's other work go on. Each call of the
--- result starts `f` with the same arguments in a task of its own, soon, and returns that task.
--- A task that fails while nobody waits for it is told on stderr.
---
--- Tasks move in libuv's loop from the first `wrap` on, also those of `accs.spawn`. What holds the
--- loop is held for a few milliseconds at a time, or for as long as one task runs without waiting.
---@param f function
---@return fun(...): accs.Task
--- Example: `timer:start(1000, 0, luv.wrap(function() print(client:get("/V1/orders/5")) end))`
function luv.wrap(f)
  local wrapped = loop.wrap(f, "accs.loop.luv.wrap: the argument")
  loop.attach(host)
  return wrapped
end

return luv
