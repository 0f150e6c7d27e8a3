--- Tasks: everything that yields or resumes. What the engines finish comes from accs.engines.
--- See doc/decisions/0003-one-engine-a-state.md.
---
--- A task is a coroutine that this file made. Inside one, a call lets other tasks go on while it
--- waits; anywhere else (the main program, a coroutine of the user, a comparator of `table.sort`) a
--- call blocks just for itself. Tasks move while something waits for tasks: `task:wait()`, or
--- `accs.all` and `accs.map` (accs.group); or an event loop of the host calls `tasks.turn`
--- (accs.loop). A plain `coroutine.yield()` in a task lets others go on.
local core = require "accs.core"
local engines = require "accs.engines"
local errors = require "accs.error"
local queue = require "accs.queue"

local tasks = {}

---@class accs.Task
local Task = {}
Task.__index = Task
Task.__name = "accs.Task"

local known = setmetatable({}, { __mode = "k" }) -- coroutine -> unfinished task
local ready = queue.new() -- the user's tasks that can go on
local urgent = queue.new() -- event hooks: they go on during a blocking call too
local push, pop = queue.push, queue.pop
local listener ---@type table|nil  an event loop that runs tasks: has started() and ended(lane)

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
  push(task.hook and urgent or ready, task)
  task.queued = true -- after it: the call itself may find no memory
  if listener then
    listener.started()
  end
end

local function wake(task, a, b)
  task.ticket = task.ticket + 1 -- whatever else would wake it is out of date
  task.lane = false -- not nil, here and below: the collector would take the place away
  task.a, task.b = a or false, b or false
  enqueue(task)
end

-- What it waited for has come: told by accs.engines.
function Task:_told(_kind, a, b)
  wake(self, a, b)
end

--- Wakes everything that waits for `target`. For accs.group. Needs no memory where the target was
--- made with `finished` and `joined`, both false.
---@param target table
function tasks.finish(target)
  target.finished = true
  local join = target.joined
  target.joined = false
  while join do
    if join.task.ticket == join.ticket then
      wake(join.task)
    end
    join = join.next
  end
end

-- Whether nil and this, returned, is a failure: an accs error; or what a task or group that failed
-- gave to this task, which may be text: passed on, it must not turn into success.
local function is_failure(task, problem)
  return errors.is(problem)
    or problem ~= nil and task ~= nil and rawequal(problem, task.met)
end

-- The failure of a task that nobody waits for is told when the task is collected, at the latest
-- when the Lua state is closed: until then somebody may still come.
local Unheard = {}
Unheard.__gc = function(note)
  if not note.heard then
    io.stderr:write("accs: a task failed and nobody waited for it: ",
      errors.first_line(note.problem), "\n")
  end
end

local function settle(task, ok, first, ...)
  if task.co then -- else memory ran out in here before
    known[task.co] = nil
    task.co = false
  end
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
  elseif task.failed and not rawequal(task.problem, task.stopped_by) then
    task.unheard = setmetatable({ problem = task.problem, heard = false }, Unheard)
  end
end

local function body(task)
  local start = task.start
  task.start = false
  settle(task, xpcall(start[1], with_trace, table.unpack(start, 2, start.n)))
end

local function new_task(f, group, ...)
  return setmetatable({
    ticket = 0, group = group or false, start = table.pack(f, ...), co = false,
    queued = false, next_queued = false, next_member = false, previous_member = false,
  }, Task)
end

-- The coroutine comes with the first step: what waits for its turn, or ends at once, is small. So
-- do the other fields: setting one again needs no memory, and no task is lost where that runs out.
local function begin(task)
  task.parked, task.lane, task.id, task.a, task.b = false, false, false, false, false
  task.finished, task.failed, task.problem, task.results = false, false, false, false
  task.cancelling, task.stopped_by, task.met, task.target = false, false, false, false
  task.joined, task.hook = task.joined or false, task.hook or false
  local co = coroutine.create(body)
  known[co] = task
  task.co = co
end

-- Memory ran out, maybe in the middle of what stands here: see recover().
local shaken = false
local taken = false -- what came out of a queue last

local CLOSED = "the task was ended by coroutine.close"

local function resume(task)
  if not task.co and not task.finished then
    begin(task)
  end
  if task.finished then
    taken = false
    return -- cancelled before its first step
  end
  local closed = task.parked and coroutine.status(task.co) == "dead"
  taken = false -- so late, since memory may run out before; nobody else may hold a hook's task
  task.parked, task.queued = false, false
  local ok, problem = coroutine.resume(task.co, task)
  if closed then
    settle(task, false, CLOSED)
  elseif not ok then -- no memory, or an error while an error was handled
    shaken = true
    if not task.finished then
      settle(task, false, problem)
    end
  elseif not task.finished and not task.parked then
    enqueue(task) -- a plain coroutine.yield()
  end
end

local LOST = { kind = "memory", outcome = "unknown", message = "no memory was left for the result" }

-- Any call of a function may find no memory, so a task may have been taken from its queue and not
-- resumed, or told of its end and not woken. All are looked through, and go on.
local function recover()
  shaken = false
  if taken and not taken.finished then
    enqueue(taken)
    taken = false
  end
  for co, task in pairs(known) do
    local target, lane = task.target, task.lane
    if target and target.repair then
      target:repair()
    end
    if coroutine.status(co) == "dead" then
      settle(task, false, task.parked and CLOSED or LOST.message)
    elseif coroutine.status(co) == "suspended" and not task.queued then
      local waits = task.parked and (target and not target.finished
        or lane and engines.awaits(lane, task.id, task))
      if not waits then
        wake(task, nil, lane and LOST)
      end
    end
  end
end

--- Raises what ends the running task. For accs.waits.
---@param task accs.Task  its field `cancelling` is set
function tasks.raise_cancel(task)
  local problem = task.cancelling
  task.cancelling = false
  error(problem, 0)
end

--- Leaves the running task until someone wakes it. For accs.waits.
---@param task accs.Task
---@return any a  what it was woken with
---@return any b
function tasks.park(task)
  task.parked = true
  repeat
    coroutine.yield()
  until not task.parked -- else somebody else resumed its coroutine
  task.target = false
  local a, b = task.a or nil, task.b or nil
  task.a, task.b = false, false
  if task.cancelling then -- with what is known of its call in flight
    local outcome = type(b) == "table" and b.outcome or type(a) == "userdata" and "done"
    task.cancelling.outcome = outcome or "not_sent"
    tasks.raise_cancel(task)
  end
  return a, b
end

--- Ends a task whose coroutine was closed while it was parked, where nothing else would wake it.
--- For accs.waits.
---@param task accs.Task
function tasks.closed(task)
  if task.parked then
    wake(task)
  end
end

--- The running task, where a yield is possible: not in a comparator, a finalizer or a coroutine of
--- the user. For accs.waits.
---@return accs.Task|nil
function tasks.running()
  local task = known[coroutine.running()]
  return task and coroutine.isyieldable() and task or nil
end

-- The loop ----------------------------------------------------------------------------------

--- Runs the hooks that can go on. For accs.waits.
function tasks.run_urgent()
  while urgent.first do
    taken = pop(urgent)
    resume(taken)
  end
end

local function is_more()
  return ready.first ~= false or urgent.first ~= false
end

local loops = 0 -- run() and tasks.turn() under way: they look after what was shaken

local GUARD = setmetatable({}, { __close = function(_, problem)
  loops = loops - 1
  shaken = shaken or problem ~= nil
end })

-- Runs tasks until `target` is finished.
local function run(target)
  local _ <close> = GUARD
  loops = loops + 1
  while not target.finished do
    if shaken then
      if target.repair then
        target:repair()
      end
      recover()
    end
    tasks.run_urgent()
    local last = ready.pushed -- one round; what becomes ready meanwhile waits for the engine's turn
    while ready.popped < last and not target.finished do
      taken = pop(ready)
      resume(taken)
      tasks.run_urgent()
    end
    if not target.finished then
      local more = is_more()
      if not more and not engines.busy() then
        errors.misuse("deadlock: nothing is in flight, and every task waits for another")
      end
      engines.step(more and 0 or nil)
    end
  end
end

--- Notes that an error passed by while a call was waited for. For accs.waits.
function tasks.shake()
  shaken = true
end

--- Before a call blocks outside any loop: hooks that memory ran out for go on. For accs.waits.
function tasks.mend()
  if shaken and loops == 0 then
    recover()
  end
end

local ITEMS_MAX = 128 -- of one engine in one turn: cheap, but there may be 100,000 timers
local owed = false -- the engines took the whole turn before: now the tasks come first

--- Moves the engines and runs tasks that can go on, without waiting. For accs.loop.
---@param seconds number  after which nothing further is begun in this turn
---@return boolean more  whether tasks are left that can go on
function tasks.turn(seconds)
  local till = core.monotonic() + seconds
  local _ <close> = GUARD
  loops = loops + 1
  if shaken then
    recover()
  end
  if not owed then
    engines.step(0, ITEMS_MAX)
    tasks.run_urgent()
  end
  local before, last = ready.popped, ready.pushed
  while ready.popped < last and (owed or core.monotonic() < till) do
    owed = false
    taken = pop(ready)
    resume(taken)
    tasks.run_urgent()
  end
  owed = ready.popped == before and before < last
  return is_more()
end

--- Whom to tell that a task can go on (`loop.started()`); and see `engines.tell`. Whoever is told
--- so outside `tasks.turn` has a turn follow. For accs.loop.
---@param loop table|nil
function tasks.tell(loop)
  listener = loop
  engines.tell(loop)
  if loop and (is_more() or engines.busy()) then
    loop.started()
  end
end

--- Waits until `target.finished`, whoever asks; a target is a task or any table given to
--- `tasks.finish`. For accs.group.
---@param target table
function tasks.wait_for(target)
  local task = tasks.running()
  while not target.finished do
    if task then
      if task.cancelling then
        tasks.raise_cancel(task)
      end
      local join = { task = task, ticket = task.ticket, next = false, last = false }
      local first = target.joined
      if first then
        (first.last or first).next = join
        first.last = join
      else
        target.joined = join
      end
      task.target = target
      tasks.park(task)
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

--- Likewise, but it goes on during blocking calls as well. For accs.hooks.
---@param group table
---@param f function
---@param ... any
function tasks.start_urgent(group, f, ...)
  local task = new_task(f, group, ...)
  task.hook = true
  enqueue(task)
end

--- Makes a task that calls `f(...)`. It starts when something waits for tasks (`task:wait()`,
--- `accs.all`, `accs.map`), or in the event loop of accs.loop.luv or accs.loop.cqueues. A task that
--- fails while nobody waits for it is told on stderr when it is collected or the program ends.
---
--- Lua cannot yield in a comparator of `table.sort`, a function given to `string.gsub`, `__gc`,
--- `tostring` and what `require` runs: calls there, and in coroutines of your own, block all tasks.
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
    if self.unheard then
      self.unheard.heard = true
    end
    tasks.meet(self.problem)
    return nil, self.problem
  end
  return table.unpack(self.results, 1, self.results.n)
end

--- Has a task go on with this error where it waits, or not start at all. For accs.group.
---@param task accs.Task
---@param problem accs.Error  its outcome becomes what is known of the task's call in flight
function tasks.stop(task, problem)
  if task.finished or task.cancelling then
    return
  end
  task.stopped_by = problem
  if task.start then
    settle(task, false, problem)
    task.start = false
    return
  end
  task.cancelling = problem
  if task.lane then
    task.lane.engine:cancel(task.id) -- its end wakes the task
  elseif task.parked and not task.queued then
    wake(task)
  end
end

--- Cancels the task: it goes on with an error of kind `cancelled` where it waits, so its `<close>`
--- variables run and may make calls; its call in flight ends. One that did not start never will.
--- A task that catches the error goes on. Nothing happens when it has ended. Does not wait.
--- Example: `task:cancel() task:wait()`
function Task:cancel()
  local problem = errors.new { kind = "cancelled", message = "the task was cancelled" }
  if self.co and self.co == coroutine.running() and not self.cancelling then
    self.stopped_by = problem
    error(problem, 0)
  end
  tasks.stop(self, problem)
end

return tasks
