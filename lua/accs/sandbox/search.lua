--- `searchCriteria`: read as Commerce's ServiceInputProcessor does, and echoed.
local errors = require "accs.sandbox.errors"
local json = require "accs.sandbox.json"

local search = {}

---@class accs.sandbox.Filter
---@field field string|nil
---@field value string|nil
---@field condition string  "eq" when missing

---@class accs.sandbox.Sort
---@field field string|nil
---@field direction "ASC"|"DESC"|nil

---@class accs.sandbox.Criteria
---@field groups accs.sandbox.Filter[][]  ANDed groups of ORed filters
---@field sorts accs.sandbox.Sort[]
---@field page_size integer|nil
---@field current_page integer|nil

-- A refusal travels as an error value { status, body } through the reading functions.
local function refuse(status, body)
  error({ status = status, body = body }, 0)
end

-- filter_groups, filterGroups -> FilterGroups
local function upper_camel(name)
  return (("_" .. name):gsub("_(.?)", string.upper))
end

-- Calls the reader of each property of an object; anything but an object has none.
local function read_object(node, readers)
  if type(node) ~= "table" then
    return
  end
  for _, name in ipairs(node.names) do
    local camel = upper_camel(name)
    local reader = readers[camel:lower()] -- PHP's methods ignore case
    if not reader then
      refuse(errors.unsupported(camel))
    end
    reader(node.values[name], name)
  end
end

local function read_list(node, read_element)
  if type(node) ~= "table" then
    refuse(errors.commerce(400, "Not all parameters valid."))
  end
  local list = {}
  for _, name in ipairs(node.names) do
    list[#list + 1] = read_element(node.values[name])
  end
  return list
end

local function read_string(value, name)
  if type(value) == "table" then
    refuse(errors.wrong_type("array", "string", name))
  end
  return value
end

-- Any numeric text is taken, and cut to an integer.
local function read_integer(value, name)
  if type(value) == "table" then
    refuse(errors.wrong_type("array", "int", name))
  end
  local number = value:find("^%s*[-+]?[%d.]+[eE%d+-]*$") and tonumber(value)
  if not number or number ~= number or math.abs(number) >= 2 ^ 63 then
    refuse(errors.wrong_type(value, "int", name))
  end
  return math.tointeger(number) or math.tointeger(number < 0 and math.ceil(number)
    or math.floor(number))
end

local function read_filter(node)
  local filter = { condition = "eq" }
  read_object(node, {
    field = function(value, name)
      filter.field = read_string(value, name)
    end,
    value = function(value, name)
      filter.value = read_string(value, name)
    end,
    conditiontype = function(value, name)
      local text = read_string(value, name)
      filter.condition = text ~= "" and text or "eq"
    end,
  })
  return filter
end

local function read_group(node)
  local filters = {}
  read_object(node, {
    filters = function(value)
      filters = read_list(value, read_filter)
    end,
  })
  return filters
end

local function read_sort(node)
  local sort = {}
  read_object(node, {
    field = function(value, name)
      sort.field = read_string(value, name)
      if sort.field:find("[^%w_]") then
        refuse(errors.commerce(400, "Sort order field %1 contains restricted symbols",
          json.array { json.quote(sort.field) }))
      end
    end,
    direction = function(value, name)
      sort.direction = read_string(value, name):upper()
      if sort.direction ~= "ASC" and sort.direction ~= "DESC" then
        refuse(errors.commerce(400, "The sort order has to be specified as %1 for ascending order "
          .. "or %2 for descending order.", '["ASC","DESC"]'))
      end
    end,
  })
  return sort
end

local function read_criteria(node, limits)
  local criteria = { groups = {}, sorts = {} }
  read_object(node, {
    filtergroups = function(value)
      criteria.groups = read_list(value, read_group)
    end,
    sortorders = function(value)
      criteria.sorts = read_list(value, read_sort)
    end,
    pagesize = function(value, name)
      criteria.page_size = read_integer(value, name)
      -- the validator compares the name as it was sent: page_size is not limited
      if limits and name == "pageSize" and criteria.page_size > limits.page_size_max then
        refuse(errors.commerce(400, "Maximum SearchCriteria pageSize is %max",
          json.object("max", tostring(limits.page_size_max))))
      end
    end,
    currentpage = function(value, name)
      criteria.current_page = read_integer(value, name)
    end,
  })
  if limits and not criteria.page_size then
    criteria.page_size = limits.page_size_default -- so it appears in the echo
  end
  return criteria
end

--- Reads the criteria of a list call.
---@param parameters accs.sandbox.Node  the parsed query
---@param limits { page_size_max: integer, page_size_default: integer }|nil  nil: no input limits
---@return accs.sandbox.Criteria|nil criteria
---@return integer|nil status  of the refusal
---@return string|nil body
--- Example: `local criteria, status, body = search.read(query.parse(text), limits)`.
function search.read(parameters, limits)
  local node = parameters.values.searchCriteria or parameters.values.search_criteria
  if node == nil then
    return nil, errors.required("searchCriteria")
  end
  local ok, result = pcall(read_criteria, node, limits)
  if ok then
    return result
  elseif type(result) ~= "table" then
    error(result, 0)
  end
  return nil, result.status, result.body
end

local function echo_filter(filter)
  return json.object("field", filter.field and json.quote(filter.field),
    "value", filter.value and json.quote(filter.value),
    "condition_type", json.quote(filter.condition))
end

local function map(list, f)
  local result = {}
  for i, value in ipairs(list) do
    result[i] = f(value)
  end
  return result
end

--- The criteria as the reply repeats them: nulls are left out, the page is the one asked for.
---@param criteria accs.sandbox.Criteria
---@return string
--- Example: `json.object("search_criteria", search.echo(criteria))`.
function search.echo(criteria)
  local groups = map(criteria.groups, function(filters)
    return json.object("filters", json.array(map(filters, echo_filter)))
  end)
  local sorts = map(criteria.sorts, function(sort)
    return json.object("field", sort.field and json.quote(sort.field),
      "direction", sort.direction and json.quote(sort.direction))
  end)
  return json.object("filter_groups", json.array(groups),
    "sort_orders", #sorts > 0 and json.array(sorts) or nil,
    "page_size", criteria.page_size and tostring(criteria.page_size),
    "current_page", criteria.current_page and tostring(criteria.current_page))
end

return search
