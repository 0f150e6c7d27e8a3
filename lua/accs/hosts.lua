--- Functions of the program that the core asks for: the source of client secrets, and token stores.
--- Each question is answered in a task of its own, which goes on during a blocking call too, so the
--- function may wait, sleep and make calls. The core does not wait for it longer than it says.
local engines = require "accs.engines"
local errors = require "accs.error"
local tasks = require "accs.tasks"

local hosts = {}

--- A place where sealed tokens are kept, for the option `cache`: functions, called without `self`.
--- They may wait, but the core goes on without them after 1 s. What goes wrong is raised, or
--- returned as nil and a message, or as false by `save` and `remove`: it costs one event of kind
--- `cache`, never a call.
---@class accs.Store
---@field load fun(key: string): string|nil, any  the bytes that `save` was given; nil: none
---@field save fun(key: string, sealed: string, ttl: number|nil): any, any  keeps bytes, which may
---  be any; they are of no use after ttl seconds (nil: without end)
---@field remove? fun(key: string): any, any  forgets them. Without it they stay to the end of their
---  ttl, and an event says so
---@field lock? fun(key: string, owner: string, ttl: number): boolean|nil, any  takes the lock of
---  key for owner, for ttl seconds at most: true when it was free, false when another has it.
---  Without lock and unlock every process asks IMS by itself
---@field unlock? fun(key: string, owner: string): any, any  gives it back, where owner has it still

-- What the core is told of a raised or returned problem: the first line, cleaned, without user
-- names and passwords of addresses. Short, since an event has room for few words.
local function spell(problem)
  local text = errors.first_line(problem):gsub("://%S*@", "://***@")
  return (text:gsub("^/.-([^/]+:%d+: )", "%1")) -- the name of a script without its folders
end

-- The words of a function that gives secrets may hold one: nothing of them is told but the kind.
local function spell_kind(problem)
  if problem == "not enough memory" then -- Lua's own words
    return problem
  end
  return errors.is(problem) and problem.kind or type(problem)
end

-- A function that does something: false, or nil with a problem beside it, is a failure.
local function done(result, problem)
  if not result and problem ~= nil then
    return spell(problem)
  elseif result == false then
    return "the store said false"
  end
end

-- By kind of question: a function from what the core asks, the host's functions called, to a
-- problem or nil, and values.
local answers = {}

answers.secret = function(host)
  local given, problem = host.thing()
  local list = type(given) == "string" and { given } or given
  if given == nil and problem ~= nil then
    return ("the client_secret function failed (%s)"):format(spell_kind(problem))
  elseif type(list) ~= "table" then
    return ("the client_secret function gave %s, no text or list"):format(type(given))
  elseif #list < 1 or #list > 8 then
    return ("the client_secret function gave %d secrets, not 1 to 8"):format(#list)
  end
  for index = 1, #list do
    local secret = list[index]
    if type(secret) ~= "string" or secret == "" or secret:find("%c") then
      return "the client_secret function gave one that is no line of text"
    end
  end
  return nil, table.unpack(list)
end

answers.load = function(host, what)
  local sealed, problem = host.thing.load(what.key)
  if sealed == nil and problem == nil then
    return nil
  elseif type(sealed) == "string" then
    return nil, sealed
  end
  return done(sealed or nil, problem)
    or ("load gave a value of type %s, no string or nil"):format(type(sealed))
end

answers.save = function(host, what)
  return done(host.thing.save(what.key, what.bytes, what.ttl))
end

answers.remove = function(host, what)
  if not host.thing.remove then
    return "the store has no function remove"
  end
  return done(host.thing.remove(what.key))
end

answers.lock = function(host, what)
  local had, problem = host.thing.lock(what.key, what.owner, what.ttl)
  if had == true then
    return nil, "had"
  elseif had == false and problem == nil then
    return nil
  end
  return done(had, problem)
    or ("lock gave a value of type %s, no true or false"):format(type(had))
end

answers.unlock = function(host, what)
  local gave, problem = host.thing.unlock(what.key, what.owner)
  return done(gave or nil, problem) -- false: it had ended, and another may have it
end

-- Whoever asked may be gone meanwhile, with the engine too.
local function settle(lane, id, ...)
  if not lane.closed then
    lane.engine:settle(id, ...)
  end
end

-- A question of the core, and the group of the task that answers it.
local Question = {}
Question.__index = Question

local function answer(question)
  settle(question.lane, question.id, answers[question.what.kind](question.host, question.what))
end

local function explain(question, problem)
  if question.what.kind == "secret" then
    return ("the client_secret function failed (%s)"):format(spell_kind(problem))
  end
  return spell(problem)
end

--- Told by accs.tasks when the task has ended.
---@param task accs.Task
function Question:ended(task)
  if task.failed then
    local ok, words = pcall(explain, self, task.problem)
    settle(self.lane, self.id, ok and words or "not enough memory")
  end
end

local Host = {}
Host.__index = Host

--- Told by accs.engines that the core asks something.
---@param id integer
---@param what accs.core.Hook
function Host:asked(id, what)
  local question = setmetatable({ host = self, lane = self.lane, id = id, what = what }, Question)
  tasks.start_urgent(question, answer, question)
end

--- Enters a function that gives client secrets, or a store. The same one has the same number in an
--- engine.
---@param engine accs.core.Engine
---@param thing function|accs.Store
---@return integer number  for the options of core.auth
---@return table host  to be held as long as it may be asked; the engine holds it weakly
--- Example: `local number, store = hosts.add(engine, { load = load, save = save })`
function hosts.add(engine, thing)
  local lane = engines.lane(engine)
  local host = lane.host_of[thing]
  if not host then
    lane.host_count = lane.host_count + 1
    host = setmetatable({ thing = thing, lane = lane, number = lane.host_count }, Host)
    lane.host_of[thing], lane.hosts[host.number] = host, host
  end
  return host.number, host
end

return hosts
