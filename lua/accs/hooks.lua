--- Event hooks: `on_event` of a client is called in a task of its own, one event after the other,
--- so it may be slow, wait and make calls. It moves while anything waits, blocking calls included.
local engines = require "accs.engines"
local errors = require "accs.error"
local queue = require "accs.queue"
local tasks = require "accs.tasks"

local hooks = {}

--- What `on_event` gets. Fields that do not apply are nil.
---@class accs.Event
---@field kind "request"|"response"|"retry"|"throttle"|"token"|"cache"  each request has one
---  response
---@field time number  seconds since 1970-01-01 UTC
---@field call? integer  number of the call, the same for all its events
---@field attempt? integer  from 1
---@field method? string
---@field url? string  without credentials, cut to 255 bytes
---@field request_id? string  that was sent
---@field status? integer  HTTP status
---@field error? accs.ErrorKind  why there was no whole answer, or no token
---@field delay? number  seconds to wait, of `retry`, `throttle` and `token`
---@field text? string  what happened, in a few words
---@field reason? string  of `token` and `cache`: why
---@field secret? integer  of `token`: which client secret was used, from 1, newest first
---@field dropped? integer  events that were lost before this one, since too many waited
---@field elapsed? number  seconds: of the attempt, or of what a `token` or `cache` event tells
---@field bytes? integer  of the body, inflated; this and the rest: of `response`
---@field bytes_in? integer  head and body as they came; TLS and HTTP/2's packing not counted
---@field bytes_out? integer  likewise, as they left
---@field protocol? "HTTP/1.0"|"HTTP/1.1"|"HTTP/2"
---@field reused? boolean  the connection was open already; nil: the request never left
---@field phases? accs.Phases

--- Where the time of an attempt went: seconds, one after the other, 0 for what was not needed or
--- never ended.
---@class accs.Phases
---@field queue number  from the call's start, or the end of the back-off, to the attempt: waiting
---  for a token, a throttle, a place or a connection
---@field name_lookup number
---@field connect number  TCP
---@field tls number  with a proxy's tunnel
---@field first_byte number  from the connection's being ready to the first byte of the answer
---@field total number  of the attempt, without queue; what the others leave is the body

-- A slow hook must not make memory grow without end: so many events wait for it, more are lost.
local WAITING_MAX = 1000

local Hook = {}
Hook.__index = Hook

local function run(hook)
  local box = queue.pop(hook.events)
  while box do
    hook.call(box.event)
    box = queue.pop(hook.events)
  end
end

--- Told by accs.engines that something was observed.
---@param event accs.Event
function Hook:add(event)
  if self.dropped then
    return
  elseif self.events.pushed - self.events.popped >= WAITING_MAX then
    self.lost = self.lost + 1
    return
  end
  if self.lost > self.told then
    event.dropped = (event.dropped or 0) + self.lost - self.told
    self.told = self.lost
  end
  queue.push(self.events, { event = event, next_queued = false })
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
    io.stderr:write("accs: on_event failed and is not called again: ",
      errors.first_line(task.problem), "\n")
  end
end

-- Two hooks of one client: each has events of its own, and fails alone.
local Both = {}
Both.__index = function(both, name)
  if name == "lost" then
    return math.max(both[1].lost, both[2].lost)
  end
  return Both[name]
end

--- Told by accs.engines that something was observed.
---@param event accs.Event
function Both:add(event)
  local copy = {}
  for name, value in pairs(event) do
    copy[name] = value
  end
  self[1]:add(event)
  self[2]:add(copy)
end

local function new_hook(call)
  return setmetatable(
    { call = call, events = queue.new(), busy = false, lost = 0, told = 0 }, Hook)
end

--- Calls `call(event)` for each event of a client, and `another(event)` too.
---@param engine accs.core.Engine  of the client
---@param handle integer  of the core's client
---@param call fun(event: accs.Event)
---@param another? fun(event: accs.Event)
---@return table hook  the client holds it; events end when it is collected or dropped. `lost` is
---  how many events came while too many waited
function hooks.observe(engine, handle, call, another)
  local hook = new_hook(call)
  if another then
    hook = setmetatable({ hook, new_hook(another) }, Both)
  end
  engines.lane(engine).hooks[handle] = hook
  return hook
end

--- Who hears the events. What the environment asks for is not said twice, when the program has a
--- log of its own.
---@param values table<string, any>  of the options
---@param sources table<string, accs.Source>
---@return function[]  at most two
--- Example: `local call, another = table.unpack(hooks.listeners(values, sources))`
function hooks.listeners(values, sources)
  local listeners = { values.on_event }
  if values.log and values.log ~= "off" then
    local log = require "accs.log"
    if sources.log.kind == "option" or not log.is(values.on_event) then
      listeners[#listeners + 1] = log.new { level = values.log }
    end
  end
  return listeners
end

return hooks
