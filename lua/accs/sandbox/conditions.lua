--- Search conditions as SQL with bound parameters.
--
-- Reproduces what MySQL and Magento's prepareSqlCondition do: text compares without case, numbers
-- are read from the front of a text, an unknown condition means `eq`, neq loses rows without value.
local conditions = {}

--- How a column compares, found by looking at its first value.
---@alias accs.sandbox.ColumnKind "number"|"text"|"datetime"

-- What MySQL makes of a text that meets a number: its longest numeric beginning, else 0.
local function leading_number(text)
  local digits = text:match("^%s*([-+]?%d+%.?%d*[eE][-+]?%d+)")
    or text:match("^%s*([-+]?%d+%.?%d*)") or text:match("^%s*([-+]?%.%d+)")
  local number = tonumber(digits or "0") or 0
  return math.tointeger(number) or number
end

-- The value as the column compares it; a date without a time is midnight.
local function operand(kind, value)
  if value == nil then
    return nil
  elseif kind == "number" then
    return leading_number(value)
  elseif kind == "datetime" then
    if value:find("^%d%d%d%d%-%d%d%-%d%d$") then
      return value .. " 00:00:00"
    end
    return (value:gsub("^(%d%d%d%d%-%d%d%-%d%d)T", "%1 "))
  end
  return value
end

-- Ignoring case costs the use of an index; text without letters or the signs between the letters'
-- two ranges compares the same either way.
local function collation(kind, value)
  if kind == "number" or (value and not value:find("[^%d :.,/+-]")) then
    return ""
  end
  return " COLLATE NOCASE"
end

local function compare(operator)
  return function(column, kind, value)
    return ("(%s %s ?%s)"):format(column, operator, collation(kind, value)),
      { operand(kind, value) }
  end
end

-- PHP's explode: no trimming, empty parts count.
local function explode(value)
  local parts = {}
  for part in ((value or "") .. ","):gmatch("([^,]*),") do
    parts[#parts + 1] = part
  end
  return parts
end

local function member(operator)
  return function(column, kind, value)
    local binds, marks = {}, {}
    for i, part in ipairs(explode(value)) do
      binds[i] = operand(kind, part)
      marks[i] = "?"
    end
    -- IN takes the collation of its left side
    return ("(%s%s %s (%s))"):format(column, collation(kind, value), operator,
      table.concat(marks, ",")), binds
  end
end

-- FIND_IN_SET(value, column): a value with a comma is in no set.
local function in_set(wanted)
  return function(column, _, value)
    local needle = (value == nil or value == "" or value:find(",", 1, true)) and "," or value
    return ("((instr(',' || lower(%s) || ',', ',' || lower(?) || ',') > 0) = %d)")
      :format(column, wanted), { needle }
  end
end

local function like(operator)
  return function(column, _, value)
    return ("(%s %s ?)"):format(column, operator), { value or "" }
  end
end

local equal = compare("=")

local SQL = {
  eq = equal,
  neq = compare("!="),
  gt = compare(">"),
  gteq = compare(">="),
  lt = compare("<"),
  lteq = compare("<="),
  from = compare(">="),
  to = compare("<="),
  like = like("LIKE"),
  nlike = like("NOT LIKE"),
  ["in"] = member("IN"),
  nin = member("NOT IN"),
  finset = in_set(1),
  nfinset = in_set(0),
  null = function(column)
    return ("(%s IS NULL)"):format(column), {}
  end,
  notnull = function(column)
    return ("(%s IS NOT NULL)"):format(column), {}
  end,
}

-- An unknown condition is `eq`; on an EAV list the attribute's name is compared as well, since it
-- is part of the same array in PHP.
local function unknown(resource, column, kind, filter)
  local sql, binds = equal(column, kind, filter.value)
  if not resource.eav then
    return sql, binds
  end
  local by_name, name_binds = equal(column, kind, filter.field)
  return "(" .. by_name .. " OR " .. sql .. ")", { n = 2, name_binds[1], binds[1] }
end

local function condition(resource, column, kind, filter)
  local build = SQL[filter.condition]
  if build then
    return build(column, kind, filter.value)
  end
  return unknown(resource, column, kind, filter)
end

-- Each "?" of the SQL takes one value, which may be nil.
local function append(binds, sql, values)
  for i = 1, select(2, sql:gsub("%?", "")) do
    binds.n = binds.n + 1
    binds[binds.n] = values[i]
  end
end

-- The filters of one group, ORed; returns nil and the name of an unknown field.
local function any_of(resource, kind_of, filters, binds)
  local any, joined = {}, {}
  for _, filter in ipairs(filters) do
    local field = filter.field or ""
    local column = resource.columns[field]
    if column then
      local sql, values = condition(resource, column, kind_of(field), filter)
      any[#any + 1] = sql
      append(binds, sql, values)
      if resource.eav and filter.condition ~= "null" then
        joined[#joined + 1] = column .. " IS NOT NULL"
      end
    elseif not resource.custom[field] then
      return nil, field
    end
  end
  if #any == 0 then
    return "1"
  end
  local sql = "(" .. table.concat(any, " OR ") .. ")"
  if #any > 1 and #joined > 0 then
    -- each attribute is inner-joined: a row without a value drops out of the whole group
    sql = sql .. " AND " .. table.concat(joined, " AND ")
  end
  return sql
end

-- Custom filters are applied directly, so they are ANDed even inside a group. All are of ids.
local function add_custom(resource, filters, all, binds)
  for _, filter in ipairs(filters) do
    local custom = resource.custom[filter.field or ""]
    if custom then
      local sql, values = condition(resource, custom.column, "number", filter)
      all[#all + 1] = custom.exists:format(sql)
      append(binds, sql, values)
    end
  end
end

--- The WHERE of a search.
---@param resource accs.sandbox.Resource
---@param kind_of fun(field: string): accs.sandbox.ColumnKind
---@param groups accs.sandbox.Filter[][]
---@return string|nil sql  without the word WHERE; nil for an unknown field
---@return table|string binds  the bound values with their count `n`, or the unknown field
--- Example: `local sql, binds = conditions.where(resource, kind_of, criteria.groups)`.
function conditions.where(resource, kind_of, groups)
  local all, binds = {}, { n = 0 }
  for _, filters in ipairs(groups) do
    local sql, unknown_field = any_of(resource, kind_of, filters, binds)
    if not sql then
      return nil, unknown_field
    end
    all[#all + 1] = sql
    add_custom(resource, filters, all, binds)
  end
  return #all > 0 and table.concat(all, " AND ") or "1", binds
end

--- The ORDER BY of a search.
---@param resource accs.sandbox.Resource
---@param sorts accs.sandbox.Sort[]
---@return string|nil sql  without the words ORDER BY; nil for an unknown field of a flat table
---@return string|nil field  the unknown one
--- Example: `local order = conditions.order(resource, { { field = "sku" } })` sorts down.
function conditions.order(resource, sorts)
  local terms = {}
  local direction = "ASC"
  for _, sort in ipairs(sorts) do
    local column = resource.columns[sort.field or ""]
    if column then
      direction = sort.direction or "DESC" -- a missing one means down
      terms[#terms + 1] = column .. " " .. direction
    elseif not resource.eav then
      return nil, sort.field or ""
    end
    -- an EAV list ignores what is no attribute
  end
  -- ties in the order of the key, so that the same search gives the same pages
  terms[#terms + 1] = resource.columns[resource.key] .. " " .. direction
  return table.concat(terms, ", ")
end

return conditions
