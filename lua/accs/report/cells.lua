--- How the cells of a table are written, for all formats.
local errors = require "accs.error"
local json = require "accs.json"
local money = require "accs.money"

local cells = {}

--- A column of a table.
---@class accs.Column
---@field name string  where a row keeps the value; the header in csv, the key in json and ndjson
---@field title? string  the header for people; the name unless given
---@field kind? "text"|"integer"|"money"|"percent"|"any"  "any", the default, is any JSON value
--- A `money` cell is an integer in 1/10000 (see `accs.money`), with the currency of its table;
--- a `percent` cell is a number, 12.5 for 12.5 %.

--- The kinds of a column.
cells.KINDS = { "text", "integer", "money", "percent", "any" }

--- What stands before the columns of a table when several tables are written as one.
cells.LEADING = { { name = "table", kind = "text" }, { name = "currency", kind = "text" } }

-- Absent, or JSON's null.
local function is_nothing(value)
  return value == nil or value == json.null
end

-- A number in its shortest form, whatever the locale.
local function number(value)
  return math.type(value) == "integer" and string.format("%d", value) or json.encode(value)
end

--- Whether the cells of a column stand at the right.
---@param column accs.Column
---@param value any  decides for columns of kind "any"
---@return boolean
--- Example: `cells.is_number({ name = "a", kind = "money" }) --> true`
function cells.is_number(column, value)
  local kind = column.kind
  return kind == "integer" or kind == "money" or kind == "percent"
    or (kind ~= "text" and type(value) == "number")
end

--- A cell as bare text: what csv holds before quoting.
---@param value any
---@param column accs.Column
---@param currency string|nil  of the table
---@return string  "" for an absent value
--- Example: `cells.plain(345000, { name = "a", kind = "money" }, "USD") --> "34.50"`
function cells.plain(value, column, currency)
  if is_nothing(value) then
    return ""
  elseif column.kind == "money" then
    return money.format(value, currency)
  elseif type(value) == "number" then
    return number(value)
  elseif type(value) == "table" then
    return assert(json.encode(value))
  end
  return tostring(value)
end

--- A cell as people read it: digits in groups, no control characters.
---@param value any
---@param column accs.Column
---@param currency string|nil
---@return string  "-" for an absent number
--- Example: `cells.readable(1234, { name = "a", kind = "integer" }) --> "1,234"`
function cells.readable(value, column, currency)
  if is_nothing(value) then
    return cells.is_number(column) and "-" or ""
  elseif column.kind == "money" then
    return money.format(value, currency, ",")
  elseif column.kind == "integer" and math.type(value) == "integer" then
    return money.group(string.format("%d", value), ",")
  elseif column.kind == "percent" then
    return number(value) .. " %"
  end
  return errors.clean(cells.plain(value, column, currency), math.maxinteger)
end

--- A cell as JSON text. Money is a string, so that no reader makes a float of it.
---@param value any
---@param column accs.Column
---@param currency string|nil
---@return string
--- Example: `cells.json(345000, { name = "a", kind = "money" }, "USD") --> '"34.50"'`
function cells.json(value, column, currency)
  if is_nothing(value) then
    return "null"
  elseif column.kind == "money" then
    return json.encode(money.format(value, currency))
  end
  return assert(json.encode(value))
end

--- A row as a JSON object whose keys stand in the order of the columns.
---@param row table
---@param columns accs.Column[]
---@param currency string|nil
---@return string
--- Example: `cells.object({ a = 1 }, { { name = "a" } }) --> '{"a":1}'`
function cells.object(row, columns, currency)
  local parts = {}
  for index, column in ipairs(columns) do
    parts[index] = json.encode(column.name) .. ":" .. cells.json(row[column.name], column, currency)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Puts a table's columns into the list of all: each new one before the next that is there already.
local function merge(all, places, columns)
  for index, column in ipairs(columns) do
    if not places[column.name] then
      local place = #all + 1
      for later = index + 1, #columns do
        if places[columns[later].name] then
          place = places[columns[later].name]
          break
        end
      end
      table.insert(all, place, column)
      for at = place, #all do
        places[all[at].name] = at
      end
    end
  end
end

--- All tables of a report as one, for the formats that know just rows: a column `table` tells which
--- one a row belongs to, and `currency` its currency. Totals are left out: a sum over a column
--- would count them once more.
---@param result accs.ReportResult
---@return accs.Column[] columns
---@return { row: table, currency: string|nil }[] rows
--- Example: `local columns, rows = cells.flatten(result)`
function cells.flatten(result)
  local columns, places, rows = {}, {}, {}
  merge(columns, places, cells.LEADING)
  for _, one in ipairs(result.tables) do
    merge(columns, places, one.columns)
    for _, row in ipairs(one.rows) do
      local flat = { table = one.name, currency = one.currency }
      for _, column in ipairs(one.columns) do
        flat[column.name] = row[column.name]
      end
      rows[#rows + 1] = { row = flat, currency = one.currency }
    end
  end
  return columns, rows
end

return cells
