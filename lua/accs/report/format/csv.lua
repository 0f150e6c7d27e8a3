--- Comma-separated values as RFC 4180 has them, but with LF at the end of a line: the tools of a
--- pipeline stumble over CR, and no spreadsheet misses it.
---
--- Text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a
--- line break) gets a `'` in front; numbers, negative ones too, stay as they are.
local cells = require "accs.report.cells"

local csv = {}

local function is_number(text)
  return text:find("^[+-]?%d+$") or text:find("^[+-]?%d*%.%d+$")
    or text:find("^[+-]?%d+%.?%d*[eE][+-]?%d+$")
end

-- One field: made harmless when it is text, quoted when it must be.
local function field(text)
  if text:find("^[=+%-@\t\r\n]") and not is_number(text) then
    text = "'" .. text
  end
  if text:find('[",\r\n]') then
    text = '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

--- Starts a table that is written row by row.
---@param columns accs.Column[]
---@param write fun(text: string)
---@return { row: fun(self, row: table, currency?: string), close: fun(self) }
--- Example: `local out = csv.open({ { name = "sku" } }, io.write) out:row { sku = "a" }`
function csv.open(columns, write)
  local function line(text_of)
    local fields = {}
    for index, column in ipairs(columns) do
      fields[index] = field(text_of(column))
    end
    -- A single empty field would be a blank line, which most readers skip: a row less.
    write((#fields == 1 and fields[1] == "" and '""' or table.concat(fields, ",")) .. "\n")
  end
  line(function(column) return column.name end)
  return {
    row = function(_, row, currency)
      line(function(column) return cells.plain(row[column.name], column, currency) end)
    end,
    close = function() end,
  }
end

--- Writes a report: all its tables as one, told apart by the column `table`; no totals.
---@param result accs.ReportResult
---@param write fun(text: string)
--- Example: `csv.report(result, function(text) io.write(text) end)`
function csv.report(result, write)
  local columns, rows = cells.flatten(result)
  local out = csv.open(columns, write)
  for _, one in ipairs(rows) do
    out:row(one.row, one.currency)
  end
  out:close()
end

return csv
