--- One JSON document: a list of rows, or a whole report with heading, totals, notes and verdict.
local cells = require "accs.report.cells"
local codec = require "accs.json"

local json = {}

--- Starts a list that is written row by row.
---@param columns accs.Column[]|nil  nil: each row is written as it is
---@param write fun(text: string)
---@return { row: fun(self, row: table, currency?: string), close: fun(self) }
--- Example: `local out = json.open(nil, io.write) out:row { sku = "a" } out:close()`
function json.open(columns, write)
  local separator = "[\n"
  return {
    row = function(_, row, currency)
      write(separator)
      write(columns and cells.object(row, columns, currency) or assert(codec.encode(row)))
      separator = ",\n"
    end,
    close = function()
      write(separator == "[\n" and "[]\n" or "\n]\n")
    end,
  }
end

-- A list of JSON texts, one a line.
local function list(texts, indent)
  if #texts == 0 then
    return "[]"
  end
  return "[\n" .. indent .. "  " .. table.concat(texts, ",\n" .. indent .. "  ") .. "\n" .. indent
    .. "]"
end

local function strings(values)
  local texts = {}
  for index, value in ipairs(values or {}) do
    texts[index] = codec.encode(value)
  end
  return texts
end

local function table_text(one)
  local columns, rows = {}, {}
  for index, column in ipairs(one.columns) do
    columns[index] = string.format('{"name":%s,"title":%s,"kind":%s}', codec.encode(column.name),
      codec.encode(column.title or column.name), codec.encode(column.kind or "any"))
  end
  for index, row in ipairs(one.rows) do
    rows[index] = cells.object(row, one.columns, one.currency)
  end
  local totals = one.totals and cells.object(one.totals, one.columns, one.currency)
  return table.concat({
    "{",
    '      "name": ' .. codec.encode(one.name) .. ",",
    '      "title": ' .. codec.encode(one.title) .. ",",
    '      "currency": ' .. (one.currency and codec.encode(one.currency) or "null") .. ",",
    '      "columns": ' .. list(columns, "      ") .. ",",
    '      "rows": ' .. list(rows, "      ") .. ",",
    '      "totals": ' .. (totals or "null"),
    "    }",
  }, "\n")
end

--- Writes a report. Amounts are strings, so that no reader makes floats of them.
---@param result accs.ReportResult
---@param write fun(text: string)
--- Example: `json.report(result, function(text) io.write(text) end)`
function json.report(result, write)
  local tables = {}
  for index, one in ipairs(result.tables) do
    tables[index] = table_text(one)
  end
  write(table.concat({
    "{",
    '  "title": ' .. codec.encode(result.title) .. ",",
    '  "heading": ' .. list(strings(result.heading), "  ") .. ",",
    '  "tables": ' .. list(tables, "  ") .. ",",
    '  "notes": ' .. list(strings(result.notes), "  ") .. ",",
    '  "verdict": ' .. (result.verdict and codec.encode(result.verdict) or "null"),
    "}\n",
  }, "\n"))
end

return json
