--- One JSON object a line: for `jq` and for loading into a database.
local cells = require "accs.report.cells"
local json = require "accs.json"

local ndjson = {}

--- Starts a table that is written row by row.
---@param columns accs.Column[]|nil  nil: each row is written as it is
---@param write fun(text: string)
---@return { row: fun(self, row: table, currency?: string), close: fun(self) }
--- Example: `local out = ndjson.open(nil, io.write) out:row { sku = "a" } out:close()`
function ndjson.open(columns, write)
  return {
    row = function(_, row, currency)
      write((columns and cells.object(row, columns, currency) or assert(json.encode(row))) .. "\n")
    end,
    close = function() end,
  }
end

--- Writes a report: the rows of all its tables, each with its table's name; no totals.
---@param result accs.ReportResult
---@param write fun(text: string)
--- Example: `ndjson.report(result, function(text) io.write(text) end)`
function ndjson.report(result, write)
  for _, one in ipairs(result.tables) do
    local columns = table.move(cells.LEADING, 1, #cells.LEADING, 1, {})
    table.move(one.columns, 1, #one.columns, #columns + 1, columns)
    local out = ndjson.open(columns, write)
    for _, row in ipairs(one.rows) do
      out:row(setmetatable({ table = one.name, currency = one.currency }, { __index = row }),
        one.currency)
    end
    out:close()
  end
end

return ndjson
