--- Event hooks: `on_event` of a client is called in a task of its own, one event after the other,
--- so it may be slow, wait and make calls. It moves while anything waits, blocking calls included.
local engines = require "accs.engines"
local errors = require "accs.error"
local queue = require "accs.queue"
local tasks = require "accs.tasks"

local hooks = {}

local Hook = {}
Hook.__index = Hook

local function run(hook)
  local event = queue.pop(hook.events)
  while event do
    hook.call(event)
    event = queue.pop(hook.events)
  end
end

--- Told by accs.engines that something was observed.
---@param event accs.Event
function Hook:add(event)
  if self.dropped then
    return
  end
  queue.push(self.events, event)
  if not self.busy then
    self.busy = true
    tasks.start_urgent(self, run, self)
  end
end

--- Told by accs.tasks when the task of the hook has ended. It fails once: then it is dropped.
---@param task accs.Task
function Hook:ended(task)
  self.busy = false
  if task.failed then
    self.dropped = true
    self.events = queue.new()
    local line = tostring(task.problem):match("^[^\n]*")
    io.stderr:write("accs: on_event failed and is not called again: ", errors.clean(line), "\n")
  end
end

--- Calls `call(event)` for each event of a client.
---@param engine accs.core.Engine  of the client
---@param handle integer  of the core's client
---@param call fun(event: accs.Event)
---@return table hook  the client holds it; events end when it is collected or dropped
function hooks.observe(engine, handle, call)
  local hook = setmetatable({ call = call, events = queue.new(), busy = false }, Hook)
  engines.lane(engine).hooks[handle] = hook
  return hook
end

return hooks
