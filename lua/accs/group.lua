--- Groups of tasks: `accs.all` and `accs.map`.
local core = require "accs.core"
local engines = require "accs.engines"
local errors = require "accs.error"
local option_types = require "accs.option_types"
local options = require "accs.options"
local tasks = require "accs.tasks"

local group = {}

-- Tasks that stand and fall together: the first failure cancels the rest.
local Group = {}
Group.__index = Group

local function new_group()
  return setmetatable({
    left = 0, first = false, -- of the members, which link each other: that needs no memory
    stopped = false, failed = false, problem = false, finished = false, joined = false,
  }, Group)
end

--- Adds a task.
---@param f function
---@param ... any
function Group:spawn(f, ...)
  local task = tasks.start(self, f, ...)
  task.next_member = self.first
  if self.first then
    self.first.previous_member = task
  end
  self.first = task
  self.left = self.left + 1
end

--- Ends every task of the group; what they do then is no failure of the group.
---@param kind accs.ErrorKind
---@param message string
function Group:stop(kind, message)
  self.stopped = true
  local task = self.first
  while task do
    local following = task.next_member -- one that did not start leaves the list at once
    tasks.stop(task, errors.new { kind = kind, message = message })
    task = following
  end
end

-- Ends the group before its tasks have.
local function fail(self, kind, problem)
  self.failed, self.problem = true, problem
  self:stop(kind, problem.message)
end

-- Begins to wait for the end of the time; on another engine when somebody closes this one.
local function arm(self, till, message)
  local engine = engines.engine()
  local id, failure = engine:timer(math.max(0.001, till - core.monotonic()))
  if not id then
    error(errors.new(failure), 0)
  end
  self.lane, self.timer = engines.lane(engine), id
  engines.expect(self.lane, id, { _told = function(_, _, rang)
    if self.left == 0 or self.stopped then
      return
    elseif rang then
      fail(self, "timeout",
        errors.new { kind = "timeout", outcome = "unknown", message = message })
      return
    end
    local ok, problem = pcall(arm, self, till, message)
    if not ok then
      self.timer = nil
      fail(self, "cancelled", errors.is(problem) and problem
        or errors.new { kind = "memory", message = errors.first_line(problem) })
    end
  end })
end

--- Ends the group, with an error of kind `timeout`, unless it has ended by then.
---@param seconds number
---@param name string  of the function, for the message
function Group:limit(seconds, name)
  arm(self, core.monotonic() + seconds, ("%s did not end within %g s"):format(name, seconds))
end

--- Told by accs.tasks when a task of the group has ended.
---@param task accs.Task
function Group:ended(task)
  self.left = self.left - 1
  if task.previous_member then
    task.previous_member.next_member = task.next_member
  else
    self.first = task.next_member
  end
  if task.next_member then
    task.next_member.previous_member = task.previous_member
  end
  task.next_member, task.previous_member = false, false
  if task.failed and not self.stopped then
    self.failed, self.problem = true, task.problem
    self:stop("cancelled", "another task of its group failed")
  end
  if self.left == 0 and not self.finished then
    tasks.finish(self)
  end
end

--- Told by accs.tasks after memory ran out: members may have ended without a word.
function Group:repair()
  local task = self.first
  while task do
    local following = task.next_member
    if task.finished then
      self:ended(task)
    end
    task = following
  end
  if self.left == 0 and not self.finished then
    tasks.finish(self)
  end
end

-- However the block of the group is left, none of its tasks lives on.
function Group:__close()
  if self.timer then
    engines.abandon(self.lane, self.timer)
  end
  if self.left > 0 then
    self:stop("cancelled", "the group of the task was left")
    tasks.wait_for(self)
  end
end

--- Waits for all, and gives what `accs.all` and `accs.map` return.
---@param results table
---@return table|nil results
---@return any err
---@return table|nil partial
function Group:outcome(results)
  if self.left > 0 then
    tasks.wait_for(self)
  end
  if self.failed then
    tasks.meet(self.problem)
    return nil, self.problem, results
  end
  return results
end

-- The options of `accs.all` and `accs.map`.
local function check_options(name, given, known)
  if given ~= nil and type(given) ~= "table" then
    errors.misuse(("%s: the options must be a table, not %s"):format(name, type(given)))
  end
  local checked = {}
  for option, value in pairs(given or {}) do
    local kind = known[option]
    if not kind then
      errors.misuse(("%s: %s"):format(name, options.unknown("option", option, known)))
    end
    local expected
    checked[option], expected = option_types.check(kind, value)
    if checked[option] == nil then
      errors.misuse(("%s: %s must be %s"):format(name, option, expected))
    end
  end
  return checked
end

-- The number of entries of a list, which may say it itself.
local function count_of(list, name)
  local count = list.n
  if count == nil then
    return #list
  elseif math.type(count) ~= "integer" or count < 0 then
    errors.misuse(("%s: n of the list must be a whole number from 0"):format(name))
  end
  return count
end

--- Calls all functions at the same time, each in a task. The first failure cancels the rest.
---
--- With a timeout, the tasks that have not ended by then go on with an error of kind `timeout`
--- where they wait, and so do their calls in flight; `err` is of that kind. As after a failure, the
--- group waits for what their `<close>` variables do. A task that computes without waiting is not
--- interrupted.
---@param functions (fun(): any)[]
---@param opts? { timeout?: number }  seconds for all of them together; none by default
---@return table|nil results  first value of each function, in order, with their number as `n`
---@return any err  of the first that failed
---@return table|nil partial  the results there were, with `n`
--- Example:
---     local results = assert(accs.all {
---       function() return client:get("/V1/orders/1") end,
---       function() return client:get("/V1/orders/2") end,
---     }, { timeout = 20 })
function group.all(functions, opts)
  if type(functions) ~= "table" then
    errors.misuse(("accs.all: a list of functions is needed, not %s"):format(type(functions)))
  end
  local given = check_options("accs.all", opts, { timeout = "seconds" })
  local results = { n = count_of(functions, "accs.all") }
  for index = 1, results.n do
    tasks.check_callable(functions[index], ("accs.all: entry %d"):format(index))
  end
  local members <close> = new_group()
  if given.timeout then
    members:limit(given.timeout, "accs.all")
  end
  for index = 1, results.n do
    local f = functions[index]
    members:spawn(function()
      local value, problem = f()
      results[index] = value
      return value, problem
    end)
  end
  return members:outcome(results)
end

-- Takes one item after the other from a list or an iterator. An iterator may wait for the
-- network, so the workers take turns.
local function new_source(list)
  local source = { taken = 0 }
  local meta = getmetatable(list)
  if type(list) == "table" and not (type(meta) == "table" and meta.__call) then
    local count = count_of(list, "accs.map")
    function source.take()
      if source.taken < count then
        source.taken = source.taken + 1
        return source.taken, list[source.taken]
      end
    end
    return source, count
  end
  tasks.check_callable(list, "accs.map: the first argument, if not a list,")
  function source.take()
    while source.turn do
      tasks.wait_for(source.turn)
    end
    if source.over then
      return nil
    end
    local turn <close> = setmetatable({ finished = false, joined = false }, {
      __close = function(self)
        source.turn = nil
        tasks.finish(self)
      end,
    })
    source.turn = turn
    local item = list()
    if item == nil then
      source.over = true
      return nil
    end
    source.taken = source.taken + 1
    return source.taken, item
  end
  return source
end

--- Calls `f(item, index)` for each item, some at a time. The first failure cancels the rest.
---@param list any[]|fun(): any  a list (with `n`, if it holds nil), or an iterator function
---@param f fun(item: any, index: integer): any
---@param opts? { concurrency?: integer, timeout?: number }  calls of f at the same time, default 8;
---  seconds for all of them together, none by default: see `accs.all`
---@return table|nil results  first value of each call, in the order of the items, with `n`
---@return any err  of the first call that failed
---@return table|nil partial  the results there were, with `n`
--- Example:
---     local orders = assert(accs.map({ 1, 2, 3 }, function(id)
---       return client:get("/V1/orders/{id}", { params = { id = id } })
---     end, { concurrency = 4 }))
function group.map(list, f, opts)
  tasks.check_callable(f, "accs.map: the second argument")
  local given = check_options("accs.map", opts, { concurrency = "count", timeout = "seconds" })
  local concurrency = given.concurrency or 8
  local source, count = new_source(list)
  local results = {}
  local members <close> = new_group()
  if given.timeout then
    members:limit(given.timeout, "accs.map")
  end
  for _ = 1, math.min(concurrency, count or concurrency) do
    members:spawn(function()
      local index, item = source.take()
      while index and not members.stopped do
        local value, problem = f(item, index)
        results[index] = value
        if value == nil and tasks.is_failure(problem) then
          return nil, problem
        end
        index, item = source.take()
      end
    end)
  end
  local done, problem, partial = members:outcome(results)
  results.n = source.taken
  return done, problem, partial
end

return group
