--- The engines of a Lua state: which there are, moving them, and handing out what they finished.
--- Nothing here yields or resumes: accs.tasks does. See doc/decisions/0003-one-engine-a-state.md.
---
--- Whoever waits for a call or timer is a *waiter*: a table whose method `_told(kind, a, b)` gets
--- what `engine:next()` gave, "done" or "timer" last. It must neither raise nor wait.
local core = require "accs.core"
local errors = require "accs.error"
local option_types = require "accs.option_types"
local options = require "accs.options"
local streams = require "accs.streams"

local engines = {}

---@class accs.Lane  an engine, and who waits for what it does. Ids are unique only within it.
---@field engine accs.core.Engine
---@field waiters table<integer, table>  by id of a call or timer
---@field waiting integer  the number of those that somebody waits for
---@field place integer|false  in `active`, while that is not 0
---@field hooks table<integer, table>  by client handle; clients hold theirs
---@field hosts table<integer, table>  by number, what the core may ask; credentials hold theirs
---@field host_of table<function|table, table>  the same, by what the program gave
---@field host_count integer  how many there ever were
---@field closed accs.core.Failure|false  nothing will come any more

local lanes = setmetatable({}, { __mode = "k" }) -- by engine
local active = {} ---@type accs.Lane[] those that somebody waits for
local default ---@type accs.core.Engine|nil

local listener ---@type table|nil  an event loop: has ended(lane)

local CLOSED = { kind = "closed", outcome = "unknown", message = "the engine is closed" }

local function remove(lane)
  local place, last = lane.place, active[#active]
  active[place], last.place = last, place
  active[#active] = nil
  lane.place = false
end

--- Whom to tell, before its descriptor is closed, that an engine ends (`loop.ended(lane)`). For
--- accs.loop.
---@param loop table|nil
function engines.tell(loop)
  listener = loop
end

--- The engines in use: those that somebody waits for.
---@return accs.Lane[]  not to be changed
function engines.in_use()
  return active
end

-- The engine was closed, or this is a forked child.
local function fail_all(lane, failure)
  local left = lane.waiters
  lane.waiters, lane.waiting = {}, 0
  if lane.place then
    remove(lane)
  end
  for id, waiter in pairs(left) do
    lane.waiters[id] = waiter.keeps and waiter or nil
    waiter:_told("done", nil, failure)
  end
end

--- Minds an engine from now on.
---@param engine accs.core.Engine
---@return accs.core.Engine engine
function engines.adopt(engine)
  local lane = {
    engine = engine, waiters = {}, waiting = 0, hooks = setmetatable({}, { __mode = "v" }),
    hosts = setmetatable({}, { __mode = "v" }), host_of = setmetatable({}, { __mode = "kv" }),
    host_count = 0,
    place = false, closed = false, -- here already: setting them later needs no memory
  }
  lanes[engine] = lane
  engine:on_close(function()
    lane.closed = CLOSED
    fail_all(lane, CLOSED)
    if listener then
      listener.ended(lane)
    end
  end)
  return engine
end

local function open(settings)
  local engine, failure = core.engine(settings)
  return engines.adopt(engine or error(errors.new(failure), 0))
end

-- Options of an engine, with their types of accs.options.
local ENGINE_OPTIONS = {
  max_connections = "count", max_total_connections = "count", max_idle_connections = "count",
  max_streams = "count", max_idle_time = "seconds", dns_cache_time = "seconds",
}

local function check_settings(settings)
  if type(settings) ~= "table" then
    errors.misuse(("accs.engine: the options must be a table, not %s"):format(type(settings)))
  end
  for name, value in pairs(settings) do
    if not ENGINE_OPTIONS[name] then
      errors.misuse("accs.engine: " .. options.unknown("option", name, ENGINE_OPTIONS))
    end
    local accepted, expected = option_types.check(ENGINE_OPTIONS[name], value)
    if accepted == nil then
      errors.misuse(("accs.engine: %s must be %s"):format(name, expected))
    end
  end
end

--- Without options: the engine of this Lua state, which its clients share; made on first use, and
--- anew after somebody closed it, and in a forked child. With options: a further engine, with
--- connections and tokens of its own, for clients that are given it
--- (`accs.client { engine = ... }`). Tasks wait for calls on any of them.
--- Raises an accs.Error when there is none to be had, and on a wrong option.
---@param settings? accs.core.EngineOptions
---@return accs.core.Engine engine  with fd(), timeout(), step(seconds), pending() and close()
--- Example:
---     local reports = accs.client { engine = accs.engine { max_connections = 2 } }
function engines.engine(settings)
  if settings ~= nil then
    check_settings(settings)
    return open(settings)
  end
  if not default or lanes[default].closed or not default:usable() then
    default = open {}
  end
  return default
end

--- What is known of an engine that `engines.engine` made.
---@param engine accs.core.Engine
---@return accs.Lane
function engines.lane(engine)
  return lanes[engine]
end

-- Waiters ------------------------------------------------------------------------------------

-- Of a call that was cancelled and that nobody waits for any more.
local NOBODY = { _told = function() end }

local function leave(lane)
  lane.waiting = lane.waiting - 1
  if lane.waiting == 0 then
    remove(lane)
  end
end

local function deliver(lane, kind, id, a, b)
  local waiter = lane.waiters[id]
  if not waiter then -- a finalizer moved the engine before its caller came to wait
    waiter = streams.new { early = true }
    lane.waiters[id] = waiter
  elseif kind == "done" or kind == "timer" then
    if not waiter.keeps then
      lane.waiters[id] = nil
    end
    if waiter ~= NOBODY and not waiter.early then
      leave(lane)
    end
  end
  waiter:_told(kind, a, b)
end

--- Takes what came for an id before somebody waited for it.
---@param lane accs.Lane
---@param id integer
---@return any a
---@return any b
function engines.early(lane, id)
  local stream = lane.waiters[id]
  lane.waiters[id] = nil
  if stream then
    return stream.a, stream.b
  end
  return nil, lane.closed
end

--- From now on `waiter` waits for this call or timer, which has not come yet.
---@param lane accs.Lane
---@param id integer
---@param waiter table
function engines.expect(lane, id, waiter)
  if not lane.place then
    local place = #active + 1
    active[place] = lane
    lane.place = place
  end
  lane.waiters[id] = waiter
  lane.waiting = lane.waiting + 1 -- so late, since memory may run out before
end

--- The stream of a call, made when it is first asked for: what `expect` is for many signals.
---@param lane accs.Lane
---@param id integer
---@return table stream
function engines.stream(lane, id)
  local stream = lane.waiters[id]
  if not stream then
    stream = streams.new { done = lane.closed and true, b = lane.closed }
    if lane.closed then
      lane.waiters[id] = stream
    else
      engines.expect(lane, id, stream)
    end
  elseif stream.early and not stream.done then
    stream.early = nil
    engines.expect(lane, id, stream)
  end
  return stream
end

--- Whether a task will still be told of a call or timer.
---@param lane accs.Lane
---@param id integer
---@param waiter table
---@return boolean
function engines.awaits(lane, id, waiter)
  local found = lane.waiters[id]
  return found == waiter or found ~= nil and found.waiter == waiter
end

--- Forgets a call or timer; one that has not ended is cancelled.
---@param lane accs.Lane
---@param id integer
function engines.abandon(lane, id)
  local waiter = lane.waiters[id]
  if not waiter or waiter == NOBODY then
    return
  elseif waiter.done then
    lane.waiters[id] = nil
    return
  end
  lane.waiters[id] = NOBODY
  if not waiter.early then
    leave(lane)
  end
  lane.engine:cancel(id)
end

--- Ends a call that a waiter of `expect_alone` does not wait for any more.
---@param lane accs.Lane
---@param id integer
function engines.give_up(lane, id)
  if lane.waiters[id] then
    engines.abandon(lane, id)
  elseif not lane.closed then
    lane.waiters[id] = NOBODY
    lane.engine:cancel(id)
  end
end

--- Whether somebody waits for something of an engine.
---@return boolean
function engines.busy()
  return active[1] ~= nil
end

-- Hands out one thing that happened.
local function hand_out(lane, kind, id, a, b)
  if kind == "event" then
    local hook = lane.hooks[id]
    if hook then
      hook:add(a)
    end
  elseif kind == "hook" then
    local host = lane.hosts[a.host]
    if not host then
      lane.engine:settle(id, "the program has dropped it")
    elseif not pcall(host.asked, host, id, a) then
      lane.engine:settle(id, "not enough memory")
    end
  else
    deliver(lane, kind, id, a, b)
  end
end

--- Waits for a call or timer that was just started. While nobody waits for anything else, as in a
--- program that makes one call after the other, the engine is moved right here; as soon as
--- something else comes, this is `expect`.
---@param lane accs.Lane
---@param id integer
---@param waiter table
function engines.expect_alone(lane, id, waiter)
  local engine = lane.engine
  while not (active[1] or lane.closed or lane.waiters[id]) do
    local ok, failure = engine:step(nil)
    if not ok then
      waiter:_told("done", nil, failure)
      return
    end
    local kind, of, a, b = engine:next()
    if of == id and (kind == "done" or kind == "timer") then
      waiter:_told(kind, a, b)
      return
    elseif kind == "hook" then -- so early: should memory run out, somebody has the question
      hand_out(lane, kind, of, a)
      engines.expect(lane, id, waiter)
      return
    elseif kind then
      engines.expect(lane, id, waiter)
      hand_out(lane, kind, of, a, b)
      return
    end
  end
  if lane.closed or lane.waiters[id] then -- a finalizer closed or moved the engine
    waiter:_told("done", engines.early(lane, id))
  else
    engines.expect(lane, id, waiter)
  end
end

-- Moves one engine once, and hands out at most so many things that happened.
local function move(lane, seconds, most)
  local engine = lane.engine
  local ok, failure = engine:step(seconds)
  if not ok then
    fail_all(lane, failure)
    return
  end
  local kind, id, a, b = engine:next()
  while kind do
    hand_out(lane, kind, id, a, b)
    most = most - 1
    if lane.closed or most == 0 then
      return
    end
    kind, id, a, b = engine:next()
  end
end

local function wait(seconds)
  local list = {}
  for index, lane in ipairs(active) do
    list[index] = lane.engine
  end
  local ok, failure = core.wait(list, seconds)
  if not ok then
    error(errors.new(failure), 0)
  end
end

--- Moves every engine that somebody waits for once, and tells the waiters what ended.
---@param seconds? number  the longest wait; nil: until something happens
---@param most? integer  things handed out of each engine; by default all. The rest is there at once
---  with the next step
function engines.step(seconds, most)
  local count = #active
  if count > 1 and seconds ~= 0 then
    wait(seconds)
    seconds = 0
  end
  for index = count, 1, -1 do
    local lane = active[index] -- what was handed out may have ended others meanwhile
    if lane then
      move(lane, seconds, most or math.huge)
    end
  end
end

return engines
