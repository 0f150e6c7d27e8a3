--- SQL expressions that print columns as JSON, and those a search compares.
--
-- The JSON is put together by `||`, which is several times quicker than json_object and drops
-- null properties by itself: NULL || text is NULL, and ifnull() makes that nothing.
local schema = require "accs.sandbox.data.schema"

local sql = {}

local GROUP <const> = 12

--- Joins SQL expressions by `||`: a sum of groups, so that a byte is copied about as often as a
--- group is long, not as often as there are parts. One level of brackets only: SQLite's parser
--- has a stack of 100 entries.
---@param parts string[]
---@return string
function sql.concat(parts)
  local groups = {}
  for from = 1, #parts, GROUP do
    local to = math.min(from + GROUP - 1, #parts)
    groups[#groups + 1] = "(" .. table.concat(parts, " || ", from, to) .. ")"
  end
  return table.concat(groups, " || ")
end

--- A text constant.
---@param text string
---@return string
function sql.literal(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

--- A decimal column as PHP prints a float: 34, 34.5.
---@param column string  SQL
---@return string
function sql.decimal(column)
  return ("iif(%s %% 10000, %s / 10000.0, %s / 10000)"):format(column, column, column)
end

--- The text `,"name":value`, or NULL where the column is NULL.
---@param name string  of the JSON property
---@param kind string  as in columns.lua
---@param column string  SQL; in brackets unless it is a name or a call
---@return string  SQL
function sql.pair(name, kind, column)
  local label = sql.literal((',"%s":'):format(name))
  if kind == "code" then
    return ("%s || '\"' || %s || '\"'"):format(label, column)
  elseif kind == "text" then
    return ("%s || iif(%s IS NULL, NULL, json_quote(%s))"):format(label, column, column)
  elseif kind == "decimal" then
    return label .. " || " .. sql.decimal(column)
  elseif kind == "bool" then
    return ("%s || iif(%s IS NULL, NULL, iif(%s, 'true', 'false'))"):format(label, column, column)
  end
  return label .. " || " .. column
end

--- The same, or nothing where the column is NULL: Commerce leaves null properties out.
---@param name string
---@param kind string
---@param column string
---@return string  SQL
function sql.member(name, kind, column)
  return "ifnull(" .. sql.pair(name, kind, column) .. ", '')"
end

--- All printed columns of a table; the key comes first, with the opening brace.
---@param name string  of the table
---@param alias string
---@return string[] parts
---@return string[] labels  the JSON name that each part prints
function sql.members(name, alias)
  local parts, labels = {}, {}
  for _, column in ipairs(schema.tables[name]) do
    if not column.flags.hidden and not column.flags.internal then
      local label, value = column.flags.as or column.name, alias .. "." .. column.name
      if #parts == 0 then
        parts[1] = sql.literal(('{"%s":'):format(label)) .. " || " .. value
      else
        parts[#parts + 1] = sql.member(label, column.kind, value)
      end
      labels[#parts] = label
    end
  end
  return parts, labels
end

--- A row of a resource while its parts are put together: what a reply leaves out need not be
--- printed.
---@class accs.sandbox.Row
---@field parts string[]  SQL
---@field labels (string|string[])[]  the JSON name or names that each part prints
local Row = {}
Row.__index = Row

--- Starts a row with the printed columns of its table, as `r`.
---@param name string  of the table
---@return accs.sandbox.Row
--- Example: `local row = sql.row("customer") row:add("addresses", "...")`
function sql.row(name)
  local parts, labels = sql.members(name, "r")
  return setmetatable({ parts = parts, labels = labels }, Row)
end

--- Adds what prints `,"label":value`; it may be given in several parts.
---@param label string|string[]
---@param ... string  SQL
function Row:add(label, ...)
  for _, part in ipairs { ... } do
    self.parts[#self.parts + 1] = part
    self.labels[#self.parts] = label
  end
end

local function is_wanted(label, wanted)
  if type(label) == "string" then
    return wanted[label]
  end
  for _, one in ipairs(label) do
    if wanted[one] then
      return true
    end
  end
end

--- The expression that prints the row.
---@param wanted? table<string, any>  names that the reply keeps: others may be left out, but the
---  key, which opens the object, never is
---@return string  SQL
--- Example: `sql.row("customer"):json { email = true }`
function Row:json(wanted)
  local parts = { self.parts[1] }
  for i = 2, #self.parts do
    if not wanted or is_wanted(self.labels[i], wanted) then
      parts[#parts + 1] = self.parts[i]
    end
  end
  parts[#parts + 1] = "'}'"
  return sql.concat(parts)
end

--- The columns that a search may name.
---@param name string  of the table
---@param alias string
---@return table<string, string>
function sql.columns(name, alias)
  local map = {}
  for _, column in ipairs(schema.tables[name]) do
    local value = alias .. "." .. column.name
    if column.kind == "decimal" and not column.flags.internal then
      -- The cast gives the expression a numeric affinity: a text such as "34.50" compares right.
      map[column.name] = ("CAST(%s / 10000.0 AS REAL)"):format(value)
    elseif column.kind ~= "json" and not column.flags.internal then
      map[column.name] = value
    end
  end
  return map
end

return sql
