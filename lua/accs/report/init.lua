--- Loads reports, checks their options, runs them and writes what they found.
---
--- A report is a Lua file that returns a table. This one counts customers:
---
--- ```lua
--- local accs = require "accs"
--- return {
---   name = "customers",
---   summary = "How many customers there are in each group",
---   options = { { name = "since", kind = "date", help = "first day of their accounts" } },
---   run = function(context)
---     local counts = {}
---     local search = accs.search():fields { "id", "group_id" }
---     if context.options.since then
---       search = search:where("created_at", "gteq", context.options.since .. " 00:00:00")
---     end
---     local customers <close> = context.client:items("/V1/customers/search", search)
---     for customer in customers do
---       counts[customer.group_id] = (counts[customer.group_id] or 0) + 1
---     end
---     local rows = {}
---     for group, count in pairs(counts) do
---       rows[#rows + 1] = { group = group, customers = count }
---     end
---     return {
---       title = "Customers",
---       tables = { {
---         name = "groups", title = "By group", rows = rows,
---         columns = { { name = "group", title = "Group", kind = "integer" },
---           { name = "customers", title = "Customers", kind = "integer" } },
---       } },
---       verdict = customers:verdict(),
---     }
---   end,
--- }
--- ```
--- `accs report customers.lua --since 2026-01-01` runs it.
local cells = require "accs.report.cells"
local dates = require "accs.dates"
local errors = require "accs.error"

local report = {}

--- A report.
---@class accs.Report
---@field name string
---@field summary string  one line
---@field options accs.ReportOption[]
---@field check? fun(options: table): string|nil  says what is wrong with the options together
---@field run fun(context: accs.ReportContext): accs.ReportResult

---@class accs.ReportOption
---@field name string  letters, digits, `-`; the value is `options.<name>` with `_` for `-`
---@field kind? "text"|"integer"|"date"|"choice"|"flag"  "text" unless said
---@field choices? string[]  for "choice"
---@field default? any
---@field required? boolean
---@field help? string

---@class accs.ReportContext
---@field client accs.Client
---@field options table<string, any>  checked; dates as `YYYY-MM-DD`
---@field progress fun(what: string, done: integer, total: integer|nil)  shown on a terminal
---@field fail fun(message: string)  ends the report with an error: the data cannot be used

---@class accs.ReportTable
---@field name string
---@field title string
---@field currency string|nil  ISO 4217 code of its money columns
---@field columns accs.Column[]
---@field rows table[]
---@field totals table|nil  a row

---@class accs.ReportResult
---@field title string
---@field heading? string[]  what the numbers mean
---@field tables accs.ReportTable[]
---@field notes? string[]
---@field verdict? accs.Verdict  of the scans it rests on

--- The reports that come with accs.
report.BUILTIN = { "sales" }

--- The formats that a report can be written in.
report.FORMATS = { "table", "csv", "ndjson", "json" }

-- What must be in a report, in an option of it, in what it finds, and in a table of that.
local REPORT = {
  { "name", "string" }, { "summary", "string" }, { "options", "table" }, { "run", "function" },
}
local OPTION = { { "name", "string" } }
local RESULT = { { "title", "string" }, { "tables", "table" } }
local TABLE = {
  { "name", "string" }, { "title", "string" }, { "columns", "table" }, { "rows", "table" },
}
local COLUMN = { { "name", "string" } }

-- What is wrong with the fields of a table, if anything.
local function shape_error(value, fields, what, whose)
  if type(value) ~= "table" then
    return string.format("%s must be a table, not %s", what, type(value))
  end
  for _, field in ipairs(fields) do
    local name, kind = field[1], field[2]
    if type(value[name]) ~= kind then
      return string.format("%s field %s must be a %s, not %s", whose or what .. "'s", name, kind,
        type(value[name]))
    end
  end
end

-- The same, and for each element of a list in it.
local function shapes_error(value, fields, list, element_fields, ...)
  local problem = shape_error(value, fields, ...)
  for index, one in ipairs(not problem and value[list] or {}) do
    problem = problem or shape_error(one, element_fields, string.format("%s[%d]", list, index))
  end
  return problem
end

-- From what was given to the value of an option, by kind; nil and what is wrong.
local READ = {
  text = function(value)
    return tostring(value)
  end,

  flag = function(value)
    return value and true or false
  end,

  integer = function(value)
    local number = math.tointeger(tonumber(value))
    return number, number == nil and string.format("'%s' is not a whole number", value) or nil
  end,

  date = function(value)
    local day, problem = dates.parse(value)
    return day and value, problem
  end,

  choice = function(value, option)
    for _, choice in ipairs(option.choices) do
      if value == choice then
        return value
      end
    end
    return nil, string.format("'%s' is not one of %s", value, table.concat(option.choices, ", "))
  end,
}

-- What is wrong with the options of a report, if anything.
local function options_error(options)
  for _, option in ipairs(options) do
    if not option.name:find("^%l[%l%d-]*$") then
      return string.format("its option '%s' must be named by a-z, 0-9 and -", option.name)
    elseif not READ[option.kind or "text"] then
      return string.format("its option %s has no kind '%s'", option.name, tostring(option.kind))
    elseif option.kind == "choice" and type(option.choices) ~= "table" then
      return string.format("its option %s needs choices", option.name)
    end
  end
end

--- Finds a report.
---@param name string  of one that comes with accs, or a file: it ends in `.lua` or holds a `/`
---@return accs.Report|nil
---@return string|nil message  why there is none
--- Example: `report.load("sales")`, `report.load("./reports/customers.lua")`
function report.load(name)
  if not (name:find("%.lua$") or name:find("/", 1, true)) then
    for _, builtin in ipairs(report.BUILTIN) do
      if name == builtin then
        return require("accs.report.builtin." .. name)
      end
    end
    return nil, string.format("there is no report '%s'; there is %s, or a file ending in .lua",
      name, table.concat(report.BUILTIN, ", "))
  end
  local chunk, problem = loadfile(name, "t")
  if not chunk then
    return nil, "cannot load report: " .. problem
  end
  local ok, value = pcall(chunk)
  if not ok then
    return nil, "report " .. name .. " failed: " .. tostring(value)
  end
  problem = shapes_error(value, REPORT, "options", OPTION, "what it returns", "its")
    or options_error(value.options)
  if problem then
    return nil, "report " .. name .. ": " .. problem
  end
  return value
end

--- The key of an option in `context.options`: `first-day` is `first_day`.
---@param option accs.ReportOption
---@return string
--- Example: `report.key({ name = "first-day" }) --> "first_day"`
function report.key(option)
  return (option.name:gsub("%-", "_"))
end

--- Checks what was given against a report's options.
---@param rep accs.Report
---@param given table<string, any>  by key
---@return table<string, any>|nil options  checked, with defaults
---@return string|nil message
--- Example: `report.check(report.load("sales"), { from = "2026-01-01", to = "2026-01-31" })`
function report.check(rep, given)
  local options = {}
  for _, option in ipairs(rep.options) do
    local key = report.key(option)
    local value = given[key]
    if value == nil then
      value = option.default
    end
    if value == nil and option.required then
      return nil, "--" .. option.name .. " is required"
    elseif value ~= nil then
      local problem
      options[key], problem = READ[option.kind or "text"](value, option)
      if problem then
        return nil, "--" .. option.name .. ": " .. problem
      end
    end
  end
  local problem = rep.check and rep.check(options)
  if problem then
    return nil, problem
  end
  return options
end

local function known_kind(kind)
  for _, one in ipairs(cells.KINDS) do
    if kind == one then
      return true
    end
  end
  return false
end

-- What is wrong with the columns of what a report found, if anything. With a kind that is not
-- known, amounts would show ten thousand times too large.
local function columns_error(tables)
  for index, one in ipairs(tables) do
    for place, column in ipairs(one.columns) do
      local what = string.format("tables[%d].columns[%d]", index, place)
      local problem = shape_error(column, COLUMN, what)
      if problem then
        return problem
      elseif column.kind ~= nil and not known_kind(column.kind) then
        return string.format("%s (%s) has no kind '%s'; there is %s", what, column.name,
          tostring(column.kind), table.concat(cells.KINDS, ", "))
      end
    end
  end
end

--- Runs a report.
---@param client accs.Client
---@param rep accs.Report
---@param options table<string, any>  as `report.check` gives them
---@param progress? fun(what: string, done: integer, total: integer|nil)
---@return accs.ReportResult
--- Raises what the report raises: error objects of failed calls, for example.
--- Example:
---     local options = assert(report.check(sales, { from = "2026-01-01", to = "2026-01-31" }))
---     local result = report.run(client, sales, options)
function report.run(client, rep, options, progress)
  local result = rep.run {
    client = client,
    options = options,
    progress = progress or function() end,
    fail = function(message)
      error(errors.new { kind = "decode", outcome = "done", message = message }, 0)
    end,
  }
  local problem = shapes_error(result, RESULT, "tables", TABLE, "its result")
    or columns_error(result.tables)
  if problem then
    error("report " .. rep.name .. ": " .. problem, 0)
  end
  return result
end

--- Writes what a report found.
---@param result accs.ReportResult
---@param format "table"|"csv"|"ndjson"|"json"
---@param write fun(text: string)  takes the text piece by piece
---@param options? { width?: integer }  columns of the terminal; nil: nothing is cut
--- Example: `report.write(result, "csv", function(text) io.write(text) end)`
function report.write(result, format, write, options)
  require("accs.report.format." .. format).report(result, write, options)
end

return report
