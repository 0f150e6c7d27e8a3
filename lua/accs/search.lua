--- Builds the `searchCriteria` of a list call.
---
--- ```lua
--- local search = accs.search()
---   :where("price", "gt", 10)
---   :any({ "name", "like", "%bag%" }, { "sku", "eq", "X" })
---   :sort("entity_id", "ASC")
---   :fields { "sku", "name" }
--- for product in client:items("/V1/products", search) do print(product.sku) end
--- ```
local errors = require "accs.error"
local options = require "accs.options"
local request = require "accs.request"

local search = {}

--- A search is a value: every method returns a new one, so one search can be the base of many.
---@class accs.Search
---@field private _groups table[]  groups are ANDed, the conditions of a group are ORed
---@field private _sorts table[]
---@field private _page_size integer|nil
---@field private _page integer|nil
---@field private _fields string|nil
local Search = {}
Search.__index = Search
Search.__name = "accs.Search"

---@alias accs.Condition
---| "eq" | "neq" | "gt" | "gteq" | "lt" | "lteq" | "from" | "to" | "like" | "nlike"
---| "in" | "nin" | "finset" | "nfinset" | "null" | "notnull"

-- What a condition takes, and the name that it travels by. Commerce documents `moreq`, but its core
-- does not know it and takes every unknown condition for `eq`, without an error.
local CONDITIONS = {
  eq = { takes = "one" }, neq = { takes = "one" },
  gt = { takes = "one" }, gteq = { takes = "one" }, moreq = { takes = "one", sent = "gteq" },
  lt = { takes = "one" }, lteq = { takes = "one" },
  from = { takes = "one" }, to = { takes = "one" },
  like = { takes = "one" }, nlike = { takes = "one" },
  ["in"] = { takes = "list" }, nin = { takes = "list" },
  finset = { takes = "one" }, nfinset = { takes = "one" },
  null = { takes = "none" }, notnull = { takes = "none" },
}

local function changed(self, field, value)
  local copy = setmetatable({}, Search)
  for name, old in pairs(self) do
    copy[name] = old
  end
  copy[field] = value
  return copy
end

local function appended(list, value)
  local copy = table.move(list, 1, #list, 1, {})
  copy[#copy + 1] = value
  return copy
end

local function check_field(field)
  if type(field) ~= "string" or not field:find("^[%w_]+$") then
    errors.misuse(string.format("a search field is a name of letters, digits and _, not %s",
      type(field) == "string" and string.format("%q", field) or type(field)))
  end
end

-- One value as text; PHP knows booleans as 1 and 0.
local function encode(value, field)
  local kind = math.type(value) or type(value)
  if kind == "string" then
    return value
  elseif kind == "boolean" then
    return value and "1" or "0"
  elseif type(value) == "number" and request.number(value) then
    return request.number(value)
  end
  errors.misuse(string.format("%s: a value is a string, a number or a boolean, not %s", field,
    kind == "float" and tostring(value) or kind))
end

local function encode_list(value, field)
  if type(value) ~= "table" then
    value = { value }
  end
  local texts = {}
  for index, one in ipairs(value) do
    texts[index] = encode(one, field)
    if texts[index]:find(",", 1, true) then
      errors.misuse(string.format("%s: the value %q holds a comma, which a list cannot express; "
        .. "use eq", field, texts[index]))
    end
  end
  if #texts == 0 then
    errors.misuse(field .. ": an empty list matches nothing")
  end
  return table.concat(texts, ",")
end

local function filter(field, condition, value)
  check_field(field)
  local rule = CONDITIONS[condition]
  if not rule then
    errors.misuse(field .. ": " .. options.unknown("condition", condition, CONDITIONS))
  end
  local text
  if rule.takes == "none" then
    if value ~= nil then
      errors.misuse(string.format("%s: the condition %s takes no value", field, condition))
    end
  elseif value == nil then
    errors.misuse(string.format("%s: the condition %s needs a value", field, condition))
  elseif rule.takes == "list" then
    text = encode_list(value, field)
  else
    text = encode(value, field)
  end
  return { field = field, value = text, condition_type = rule.sent or condition }
end

--- Starts a search that matches everything.
---@return accs.Search
--- Example: `accs.search():where("status", "eq", "pending")`
function search.new()
  return setmetatable({ _groups = {}, _sorts = {} }, Search)
end

--- Whether a value is a search.
---@param value any
---@return boolean
--- Example: `search.is(accs.search()) --> true`
function search.is(value)
  return getmetatable(value) == Search
end

--- Adds a condition that must hold as well.
---@param field string  top-level attribute, e.g. "price"
---@param condition accs.Condition  `moreq` is sent as `gteq`, which is what it means
---@param value? string|number|boolean|(string|number)[]  a list for `in` and `nin`; nothing for
---  `null` and `notnull`; times are `YYYY-MM-DD HH:MM:SS` in UTC
---@return accs.Search
--- Raises on an unknown condition, or a value that the condition cannot take.
--- See: Adobe, "Search using REST endpoints".
--- Example: `accs.search():where("status", "in", { "pending", "processing" })`
function Search:where(field, condition, value)
  return changed(self, "_groups", appended(self._groups, { filter(field, condition, value) }))
end

--- Adds several conditions of which one must hold.
---@param ... table  each { field, condition, value }
---@return accs.Search
--- Raises as `where` does. Filters that Commerce ANDs whatever the group (`category_id`,
--- `store_id`, `website_id` of products) are refused by the call that uses the search.
--- Example: `accs.search():any({ "name", "like", "%bag%" }, { "sku", "eq", "X" })`
function Search:any(...)
  local group = {}
  for index, condition in ipairs { ... } do
    if type(condition) ~= "table" then
      errors.misuse("any() takes tables of field, condition and value")
    end
    group[index] = filter(condition[1], condition[2], condition[3])
  end
  if #group == 0 or #group ~= select("#", ...) then
    errors.misuse("any() takes at least one table of field, condition and value, and no nil")
  end
  return changed(self, "_groups", appended(self._groups, group))
end

--- Orders the rows; call it again for the order among equals.
---@param field string
---@param direction? "ASC"|"DESC"  ASC unless said
---@return accs.Search
--- Raises on another direction.
--- Example: `accs.search():sort("created_at", "DESC"):sort("entity_id")`
function Search:sort(field, direction)
  check_field(field)
  local name = tostring(direction or "ASC"):upper()
  if name ~= "ASC" and name ~= "DESC" then
    errors.misuse(string.format("sort direction is ASC or DESC, not %q", tostring(direction)))
  end
  return changed(self, "_sorts", appended(self._sorts, { field = field, direction = name }))
end

local function positive(value, name)
  local number = math.tointeger(value)
  if not number or number < 1 then
    errors.misuse(string.format("%s is a whole number from 1, not %s", name, tostring(value)))
  end
  return number
end

--- Sets how many rows a page has.
---@param count integer  from 1; where the tenant has a maximum (300 as a rule) scans keep to it
---@return accs.Search
--- Example: `accs.search():page_size(300)`
function Search:page_size(count)
  return changed(self, "_page_size", positive(count, "page_size"))
end

--- Sets the page to ask for, or to begin with in a scan.
---@param number integer  from 1
---@return accs.Search
--- Example: `accs.search():page_size(20):page(3)`
function Search:page(number)
  return changed(self, "_page", positive(number, "page"))
end

local REPLY = { items = true, search_criteria = true, total_count = true }

-- The names of a fields text, without what is chosen inside of them.
local function outer_names(text)
  local names, all_of_reply = {}, true
  for name in text:gsub("%b[]", ""):gmatch("[^,]+") do
    names[name] = true
    all_of_reply = all_of_reply and REPLY[name] ~= nil
  end
  return names, all_of_reply
end

--- Chooses what comes back of each row.
---@param names string|string[]  e.g. { "sku", "extension_attributes[stock_item[qty]]" }
---@return accs.Search
--- What names parts of the whole reply, `items[sku],total_count` for example, is taken as it is. So
--- of rows that have `items` themselves, as orders do, these alone are `items[items[sku]]`; beside
--- other names they are just `items[sku]`.
--- Raises on characters for which Commerce would answer with an empty list instead of an error.
--- Example: `accs.search():fields({ "sku" }):query().fields --> "items[sku],total_count"`
function Search:fields(names)
  if type(names) == "table" then
    names = table.concat(names, ",")
  end
  if type(names) ~= "string" then
    errors.misuse("fields are a string or a list of names, not " .. type(names))
  end
  local text, problem = request.fields((names:gsub("%s*,%s*", ","):match("^%s*(.-)%s*$")))
  if not text then
    errors.misuse(problem)
  end
  local outer, is_reply = outer_names(text)
  if not (is_reply and outer.items) then
    text, outer = "items[" .. text .. "]", {}
  end
  if not outer.total_count then
    text = text .. ",total_count" -- without it the service leaves the count out
  end
  return changed(self, "_fields", text)
end

--- What is sent: a table for the `query` option of a call.
---@return table
--- Example: `client:get("/V1/products", { query = accs.search():page_size(1):query() })`
function Search:query()
  local criteria = { pageSize = self._page_size, currentPage = self._page }
  for index, group in ipairs(self._groups) do
    criteria.filter_groups = criteria.filter_groups or {}
    local filters = {}
    for place, one in ipairs(group) do
      filters[place] =
        { field = one.field, value = one.value, condition_type = one.condition_type }
    end
    criteria.filter_groups[index] = { filters = filters }
  end
  for index, one in ipairs(self._sorts) do
    criteria.sortOrders = criteria.sortOrders or {}
    criteria.sortOrders[index] = { field = one.field, direction = one.direction }
  end
  -- The parameter is required even when there is nothing to say.
  return {
    searchCriteria = next(criteria) ~= nil and criteria or "",
    fields = self._fields,
  }
end

return search
