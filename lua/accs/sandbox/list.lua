--- List calls: a search, its page, its count and its echo.
local conditions = require "accs.sandbox.conditions"
local errors = require "accs.sandbox.errors"
local fields = require "accs.sandbox.fields"
local json = require "accs.sandbox.json"
local search = require "accs.sandbox.search"

local list = {}

---@class accs.sandbox.List
local List = {}
List.__index = List

--- The lists of a tenant.
---@param db table  accs.sandbox.native's database
---@param options { limits: table|nil, repeat_last_page: boolean }
---@return accs.sandbox.List
--- Example: `local lists = list.new(db, { repeat_last_page = true })`.
function list.new(db, options)
  return setmetatable({
    _db = db,
    _limits = options.limits,
    _repeat_last_page = options.repeat_last_page,
    _kinds = {},
  }, List)
end

-- How a column compares: by the type of its first value, asked once.
local function kind_of(self, resource, field)
  local kinds = self._kinds[resource] or {}
  self._kinds[resource] = kinds
  if not kinds[field] then
    local column = resource.columns[field]
    local value = self._db:row(("SELECT %s FROM %s r WHERE %s IS NOT NULL LIMIT 1")
      :format(column, resource.table, column))
    if type(value) == "number" then
      kinds[field] = "number"
    elseif type(value) == "string" then
      kinds[field] = value:find("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d$") and "datetime" or "text"
    else
      return "text" -- no value yet: look again next time
    end
  end
  return kinds[field]
end

-- LIMIT and OFFSET of the page to deliver; a limit of -1 is everything.
local function page_of(self, criteria, count)
  local size = criteria.page_size or 0
  local page = math.max(criteria.current_page or 1, 1)
  if size <= 0 then
    return -1, 0
  end
  if self._repeat_last_page then
    page = math.min(page, math.max((count + size - 1) // size, 1))
  end
  return size, math.min(page - 1, math.maxinteger // size) * size
end

local function refuse_field(resource, field)
  if resource.eav then
    return errors.unknown_attribute(field)
  end
  return errors.masked(400)
end

-- The names of a row that `fields` keeps; nil: all. `fields` itself is applied to the whole reply
-- later: this only spares printing what it would throw away, most of an order's 13 kB.
local function kept(parameter)
  local tree = type(parameter) == "string" and parameter ~= "0" and fields.parse(parameter)
  if not tree or tree.items == true then
    return nil
  end
  return tree.items or {}
end

-- The JSON of the rows. Their keys are found first: a statement that sorts keeps the JSON of every
-- row that matches, not just of the page's.
local function read_rows(db, resource, wanted, from, binds)
  local key = resource.columns[resource.key]
  local one = ("SELECT %s FROM %s r WHERE %s = ?"):format(resource.row:json(wanted),
    resource.table, key)
  local items = {}
  for id in db:rows(("SELECT %s %s LIMIT ? OFFSET ?"):format(key, from),
    table.unpack(binds, 1, binds.n + 2)) do
    items[#items + 1] = db:row(one, id)
  end
  return items
end

--- Answers a list call.
---@param resource accs.sandbox.Resource
---@param parameters accs.sandbox.Node  the parsed query
---@return integer status, string body
--- Example: `return lists:answer(data.resources.orders, call:parameters())`.
function List:answer(resource, parameters)
  local criteria, status, body = search.read(parameters, self._limits)
  if not criteria then
    return status, body
  end
  local where, binds = conditions.where(resource, function(field)
    return kind_of(self, resource, field)
  end, criteria.groups)
  if not where then
    return refuse_field(resource, binds)
  end
  local order, unknown = conditions.order(resource, criteria.sorts)
  if not order then
    return refuse_field(resource, unknown)
  end
  local n = binds.n
  local count = self._db:row(("SELECT count(*) FROM %s r WHERE %s"):format(resource.table, where),
    table.unpack(binds, 1, n))
  binds[n + 1], binds[n + 2] = page_of(self, criteria, count)
  local items = read_rows(self._db, resource, kept(parameters.values.fields),
    ("FROM %s r WHERE %s ORDER BY %s"):format(resource.table, where, order), binds)
  return 200, json.object("items", json.array(items), "search_criteria", search.echo(criteria),
    "total_count", ("%d"):format(count))
end

return list
