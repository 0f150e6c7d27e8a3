--- Waiting for calls and timers: in a task it lets others go on, anywhere else it blocks.
local engines = require "accs.engines"
local errors = require "accs.error"
local tasks = require "accs.tasks"

local waits = {}

local Block = {} -- a call that blocks; its guard ends the call when an error (Ctrl-C) passes by
Block.__index = Block
Block.__close = function(block)
  if not block.finished then
    tasks.shake()
    engines.give_up(block.lane, block.id)
  end
end
local spare -- a Block that is not in use: most calls are made one after the other

function Block:_told(_kind, a, b)
  self.finished, self.a, self.b = true, a, b
end

-- Waits without letting the user's tasks go on; their completions are kept.
local function block(lane, id, stream)
  local blocked <close> = spare or setmetatable(
    { lane = nil, id = nil, finished = true, a = nil, b = nil }, Block)
  spare = nil
  blocked.lane, blocked.id, blocked.finished = lane, id, false
  tasks.mend()
  tasks.run_urgent() -- what is waited for may wait for a hook
  if stream then
    stream.waiter = blocked
  else
    engines.expect_alone(lane, id, blocked)
  end
  while true do
    tasks.run_urgent()
    if blocked.finished then
      break
    end
    engines.step(nil)
  end
  local a, b = blocked.a, blocked.b
  blocked.lane, blocked.a, blocked.b = nil, nil, nil
  spare = blocked
  return a, b
end

-- Waits in a task; cancelling it ends the call, whose end then wakes the task.
local function park_for(task, lane, id)
  task.lane, task.id = lane, id
  return tasks.park(task)
end

--- Waits for a call or timer that was just started; for the client's use.
---@param engine accs.core.Engine
---@param id integer
---@return any a  the reply, or whether the timer ended by itself
---@return any b  the failure
function waits.await(engine, id)
  local lane = engines.lane(engine)
  if lane.waiters[id] or lane.closed then
    return engines.early(lane, id)
  end
  local task = tasks.running()
  if not task then
    return block(lane, id)
  end
  engines.expect(lane, id, task)
  if task.cancelling then
    engines.abandon(lane, id)
    tasks.raise_cancel(task)
  end
  return park_for(task, lane, id)
end

-- Ends the call unless its end was seen.
local Guard = {}
Guard.__close = function(guard)
  engines.abandon(guard.lane, guard.id)
  if guard.task then
    tasks.closed(guard.task)
  end
end

--- Remembers from now on what a call signals, for `waits.await_stream`. The result is to be closed:
--- a call that has not ended is cancelled then, whatever error passes by.
---@param engine accs.core.Engine
---@param id integer
---@return table guard
--- Example: `local guard <close> = waits.open_stream(engine, id)`
function waits.open_stream(engine, id)
  local lane = engines.lane(engine)
  engines.stream(lane, id)
  return setmetatable({ lane = lane, id = id }, Guard)
end

--- Waits for the next signal of a call whose body is streamed. Signals that come while nobody waits
--- are kept: at most one "body", one "wish", and the end, which comes once, last, after which the
--- id is forgotten. An error out of here (the task was cancelled, Ctrl-C) has ended the call.
---@param engine accs.core.Engine
---@param id integer
---@return "body"|"wish"|"done" kind
---@return any a  "wish": whether the upload begins anew; "done": the reply
---@return any b  "done": the failure
--- Example:
---     local guard <close> = waits.open_stream(engine, id) -- right after the call was started
---     local kind, reply, failure = waits.await_stream(engine, id)
---     while kind ~= "done" do
---       if kind == "body" then sink(engine:read(id)) else engine:feed(id, source()) end
---       kind, reply, failure = waits.await_stream(engine, id)
---     end
function waits.await_stream(engine, id)
  local lane = engines.lane(engine)
  local stream = engines.stream(lane, id)
  local task = tasks.running()
  if task and task.cancelling then
    engines.abandon(lane, id)
    tasks.raise_cancel(task)
  elseif not stream:ready() then
    if task then
      local guard <close> = setmetatable({ lane = lane, id = id, task = task }, Guard)
      stream.waiter = task
      park_for(task, lane, id)
      guard.id = nil
    else
      block(lane, id, stream)
    end
  end
  if stream.done then
    engines.abandon(lane, id)
  end
  return stream:take()
end

--- Waits; in a task the others go on.
---@param seconds number  from 0
---@return true
--- Example: `accs.sleep(0.5)`
function waits.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 1e9) then
    errors.misuse("accs.sleep: a number of seconds from 0 to 1e9 is needed")
  end
  local engine = engines.engine()
  local id, failure = engine:timer(seconds)
  if not id then
    error(errors.new(failure), 0)
  end
  local ok, problem = waits.await(engine, id)
  if not ok and problem then
    error(errors.new(problem), 0)
  end
  return true
end

return waits
