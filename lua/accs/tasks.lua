--- Tasks: the one engine of a Lua state, the loop that fetches what it finished, and everything
--- that yields or resumes. See doc/decisions/0003-one-engine-a-state.md.
---
--- A task is a coroutine that this file made. Inside one, a call lets other tasks go on while it
--- waits; anywhere else (the main program, a coroutine of the user, a comparator of `table.sort`) a
--- call blocks just for itself. Tasks move while something waits for tasks: `task:wait()`, or
--- `accs.all` and `accs.map` (accs.group). A plain `coroutine.yield()` in a task lets others go on.
local core = require "accs.core"
local errors = require "accs.error"

local tasks = {}

---@class accs.Task
local Task = {}
Task.__index = Task
Task.__name = "accs.Task"

-- What one Lua state holds. Values of `waiters` are tasks or blocked calls (Block).
local engine -- made on first use
local waiters = {} -- by id of a call or timer
local known = setmetatable({}, { __mode = "k" }) -- coroutine -> unfinished task
local hooks = setmetatable({}, { __mode = "v" }) -- client handle -> hook, which its client holds

local function new_queue()
  return { first = 1, last = 0 }
end

local function push(queue, task)
  queue.last = queue.last + 1
  queue[queue.last] = task
end

local function pop(queue)
  if queue.first > queue.last then
    return nil
  end
  local task = queue[queue.first]
  queue[queue.first] = nil
  queue.first = queue.first + 1
  return task
end

local ready = new_queue() -- the user's tasks that can go on
local urgent = new_queue() -- event hooks: they go on during a blocking call too

-- Somebody may have closed it by accs.engine():close().
local function is_closed(candidate)
  return not pcall(candidate.pending, candidate)
end

--- The engine of this Lua state, which all its clients share. Made on first use.
--- Raises an accs.Error when there is none to be had.
---@return userdata engine  with fd(), timeout(), step(seconds) and pending(), see accs.core
--- Example: `print(accs.engine():pending())`
function tasks.engine()
  if not engine or is_closed(engine) then
    local made, failure = core.engine {}
    if not made then
      error(errors.new(failure), 0)
    end
    engine = made
  end
  return engine
end

-- Tasks -------------------------------------------------------------------------------------

-- Keeps an error as it is; text gets the stack, so that it points at the user's line.
local function with_trace(problem)
  if errors.is(problem) then
    if problem.kind ~= "cancelled" and not problem.traceback then
      problem.traceback = debug.traceback(nil, 2)
    end
    return problem
  elseif type(problem) == "string" then
    return debug.traceback(problem, 2)
  elseif problem == nil then
    return debug.traceback("error without a value", 2)
  end
  return problem
end

local function enqueue(task)
  task.queued = true
  push(task.hook and urgent or ready, task)
end

local function wake(task, a, b)
  task.ticket = task.ticket + 1 -- whatever else would wake it is out of date
  task.waiting_id = nil
  task.a, task.b = a, b
  enqueue(task)
end

--- Wakes everything that waits for `target`. For accs.group.
---@param target table
function tasks.finish(target)
  target.finished = true
  local list = target.joined
  target.joined = nil
  for index = 1, list and #list or 0, 2 do
    if list[index].ticket == list[index + 1] then
      wake(list[index])
    end
  end
end

-- Whether nil and this, returned, is a failure: an accs error; or what a task or group that failed
-- gave to this task, which may be text: passed on, it must not turn into success.
local function is_failure(task, problem)
  return errors.is(problem)
    or problem ~= nil and task ~= nil and rawequal(problem, task.met)
end

local function settle(task, ok, first, ...)
  known[task.co] = nil
  task.co = nil
  if not ok then
    task.failed, task.problem = true, first
  elseif first == nil and is_failure(task, (...)) then
    task.failed, task.problem = true, (...)
  else
    task.results = table.pack(first, ...)
  end
  tasks.finish(task)
  if task.group then
    task.group:ended(task)
  end
end

local function body(task, f, ...)
  settle(task, xpcall(f, with_trace, ...))
end

local function new_task(f, group, ...)
  local task = setmetatable({ ticket = 0, group = group, start = table.pack(f, ...) }, Task)
  task.co = coroutine.create(body)
  known[task.co] = task
  return task
end

local function resume(task)
  if task.finished then
    return -- cancelled before its first step
  end
  local ok, problem
  local co, start = task.co, task.start
  task.parked, task.queued = false, false
  if start then
    task.start = nil
    ok, problem = coroutine.resume(co, task, table.unpack(start, 1, start.n))
  else
    local a, b = task.a, task.b
    task.a, task.b = nil, nil
    ok, problem = coroutine.resume(co, a, b)
  end
  if not ok and not task.finished then -- no memory, or an error while an error was handled
    settle(task, false, problem)
  elseif not task.finished and not task.parked then
    enqueue(task) -- a plain coroutine.yield()
  end
end

local function raise_cancel(task)
  local problem = task.cancelling
  task.cancelling = nil
  error(problem, 0)
end

-- Leaves the running task until someone wakes it, with what wake() was given.
local function park(task)
  task.parked = true
  local a, b = coroutine.yield()
  if task.cancelling then -- with what is known of its call in flight
    local outcome = type(b) == "table" and b.outcome or type(a) == "userdata" and "done"
    task.cancelling.outcome = outcome or "not_sent"
    raise_cancel(task)
  end
  return a, b
end

-- The running task, where a yield is possible: not in a comparator, a finalizer or a coroutine
-- of the user.
local function running_task()
  local task = known[coroutine.running()]
  return task and coroutine.isyieldable() and task or nil
end

-- The loop ----------------------------------------------------------------------------------

local Block = {} -- a call that blocks; its guard ends the call when an error (Ctrl-C) passes by
Block.__close = function(block)
  if not block.finished then
    waiters[block.id] = nil
    engine:cancel(block.id)
  end
end

local function deliver(id, a, b)
  local waiter = waiters[id]
  waiters[id] = nil
  if not waiter then
    return -- nobody waits for it any more
  elseif not waiter.ticket then -- a blocked call, not a task
    waiter.finished, waiter.a, waiter.b = true, a, b
  else
    wake(waiter, a, b)
  end
end

local function run_hook(hook)
  local event = pop(hook.events)
  while event do
    hook.call(event)
    event = pop(hook.events)
  end
end

-- A hook fails once: it is dropped, and said so.
local HookEnd = {}
HookEnd.__index = HookEnd
--- Told when the task of a hook has ended.
---@param task accs.Task
function HookEnd:ended(task)
  local hook = self.hook
  hook.busy = false
  if task.failed then
    hook.dropped = true
    hook.events = new_queue()
    local line = tostring(task.problem):match("^[^\n]*")
    io.stderr:write("accs: on_event failed and is not called again: ", errors.clean(line), "\n")
  end
end

local function observe(handle, event)
  local hook = hooks[handle]
  if not hook or hook.dropped then
    return
  end
  push(hook.events, event)
  if not hook.busy then
    hook.busy = true
    local task = new_task(run_hook, setmetatable({ hook = hook }, HookEnd), hook)
    task.hook = true
    enqueue(task)
  end
end

-- The engine is closed, or this is a forked child: nothing will come any more.
local function fail_all(failure)
  local left = waiters
  waiters = {}
  for id, waiter in pairs(left) do
    waiters[id] = waiter
    deliver(id, nil, failure)
  end
end

-- Moves the engine once (seconds: nil waits until something happens) and hands out what ended.
local function step(seconds)
  local fine, ok, failure = pcall(engine.step, engine, seconds)
  if not fine then
    if not is_closed(engine) then
      error(ok, 0) -- Ctrl-C, for one
    end
    failure = { kind = "closed", outcome = "unknown", message = "the engine is closed" }
  end
  if not fine or not ok then
    fail_all(failure)
    return
  end
  local kind, id, a, b = engine:next()
  while kind do
    if kind == "event" then
      observe(id, a)
    else
      deliver(id, a, b)
    end
    kind, id, a, b = engine:next()
  end
end

local function run_urgent()
  local task = pop(urgent)
  while task do
    resume(task)
    task = pop(urgent)
  end
end

-- Runs tasks until `target` is finished.
local function run(target)
  while not target.finished do
    run_urgent()
    local last = ready.last -- one round; what becomes ready meanwhile waits for the engine's turn
    while ready.first <= last and not target.finished do
      resume(pop(ready))
      run_urgent()
    end
    if not target.finished then
      local more = ready.first <= ready.last or urgent.first <= urgent.last
      if not more and not next(waiters) then
        errors.misuse("deadlock: nothing is in flight, and every task waits for another")
      elseif engine then
        step(more and 0 or nil)
      end
    end
  end
end

-- Waits without letting the user's tasks go on; their completions are kept.
local function block(id)
  local blocked <close> = setmetatable({ id = id, finished = false, a = nil, b = nil }, Block)
  waiters[id] = blocked
  while not blocked.finished do
    step(nil)
    if urgent.first <= urgent.last then
      run_urgent()
    end
  end
  return blocked.a, blocked.b
end

--- Waits for a call or timer of the engine; for the client's use.
---@param id integer
---@return any a  the reply, or whether the timer ended by itself
---@return any b  the failure
function tasks.await(id)
  local task = running_task()
  if not task then
    return block(id)
  elseif task.cancelling then
    engine:cancel(id)
    raise_cancel(task)
  end
  waiters[id] = task
  task.waiting_id = id
  return park(task)
end

--- Waits until `target.finished`, whoever asks; a target is a task or any table given to
--- `tasks.finish`. For accs.group.
---@param target table
function tasks.wait_for(target)
  local task = running_task()
  while not target.finished do
    if task then
      if task.cancelling then
        raise_cancel(task)
      end
      local list = target.joined or {}
      target.joined = list
      list[#list + 1] = task
      list[#list + 1] = task.ticket
      park(task)
    else
      run(target)
    end
  end
end

--- Whether a function of the running task that returned nil and this has failed. For accs.group.
---@param problem any
---@return boolean
function tasks.is_failure(problem)
  return is_failure(known[coroutine.running()], problem)
end

--- Notes that the running task was given this failure of a task or group. For accs.group.
---@param problem any
function tasks.meet(problem)
  local task = known[coroutine.running()]
  if task then
    task.met = problem
  end
end

--- Calls `hook(event)` for each event of a client, in a task of its own, one after the other.
---@param handle integer  of the core's client
---@param call fun(event: accs.Event)
---@return table hook  the client holds it; events end when it is collected or dropped
function tasks.observe(handle, call)
  local hook = { call = call, events = new_queue(), busy = false }
  hooks[handle] = hook
  return hook
end

-- What users see ----------------------------------------------------------------------------

--- Raises a mistake of the program unless `f` can be called.
---@param f any
---@param what string  for the message
function tasks.check_callable(f, what)
  local meta = getmetatable(f)
  if type(f) ~= "function" and not (type(meta) == "table" and meta.__call) then
    errors.misuse(("%s must be a function, not %s"):format(what, type(f)))
  end
end

--- Makes a task whose end is told to `group:ended(task)`. For accs.group.
---@param group? table
---@param f function
---@param ... any
---@return accs.Task
function tasks.start(group, f, ...)
  local task = new_task(f, group, ...)
  enqueue(task)
  return task
end

--- Makes a task that calls `f(...)`. It starts when something waits for tasks.
---@param f function
---@param ... any  arguments for f
---@return accs.Task
--- Example:
---     local task = accs.spawn(client.get, client, "/V1/store/storeConfigs")
---     local response, err = task:wait()
function tasks.spawn(f, ...)
  tasks.check_callable(f, "accs.spawn: the first argument")
  return tasks.start(nil, f, ...)
end

--- Waits until the task has ended. It failed when it raised, or returned nil and an accs error, or
--- nil and what a task or group that failed gave it.
---@return any ...  what its function returned; or nil and the error. Raised text comes with its
---  stack (it points at the line that raised), error objects come as they are
--- Raises on a deadlock, and when a task waits for itself.
--- Example: `local response, err = task:wait()`
function Task:wait()
  if self.co and self.co == coroutine.running() then
    errors.misuse("a task cannot wait for itself")
  end
  tasks.wait_for(self)
  if self.failed then
    tasks.meet(self.problem)
    return nil, self.problem
  end
  return table.unpack(self.results, 1, self.results.n)
end

--- Cancels the task: it goes on with an error of kind `cancelled` where it waits, so its `<close>`
--- variables run and may make calls; its call in flight ends. One that did not start never will.
--- A task that catches the error goes on. Nothing happens when it has ended. Does not wait.
--- Example: `task:cancel() task:wait()`
function Task:cancel()
  if self.finished or self.cancelling then
    return
  end
  local problem = errors.new { kind = "cancelled", message = "the task was cancelled" }
  if self.start then
    self.start = nil
    settle(self, false, problem)
  elseif self.co == coroutine.running() then
    error(problem, 0)
  else
    self.cancelling = problem
    if self.waiting_id then
      engine:cancel(self.waiting_id) -- its end wakes the task
    elseif self.parked and not self.queued then
      wake(self)
    end
  end
end

--- Waits; in a task the others go on.
---@param seconds number  from 0
---@return true
--- Example: `accs.sleep(0.5)`
function tasks.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 1e9) then
    errors.misuse("accs.sleep: a number of seconds from 0 to 1e9 is needed")
  end
  local id, failure = tasks.engine():timer(seconds)
  if not id then
    error(errors.new(failure), 0)
  end
  local ok, problem = tasks.await(id)
  if not ok and problem then
    error(errors.new(problem), 0)
  end
  return true
end

return tasks
