--- `accs items PATH`: the rows of a list as a table, csv, json or ndjson.
local accs = require "accs"
local catalogue = require "accs.catalogue"
local options = require "accs.cli.options"
local output = require "accs.cli.output"
local stop = require "accs.cli.stop"
local terminal = require "accs.cli.terminal"

local items = {}

local FORMATS = { "table", "csv", "ndjson", "json" }

--- Adds the command.
---@param parser table  argparse's
--- Example: `require("accs.cli.items").add(parser)`
function items.add(parser)
  local command = parser:command("items")
    :summary("Write the rows of a list: products, orders, customers, ...")
    :usage("Usage: accs items PATH [options]")
    :description("Write the rows of a list, read page by page until the end. On a terminal it is a "
      .. "table, otherwise csv. A list that cannot vouch for being whole ends with exit code 5.")
    :epilog("Examples:\n"
      .. "   accs items /V1/products --columns sku,name,price -o products.csv\n"
      .. '   accs items /V1/orders --where "status in pending,processing"\n'
      .. '   accs items /V1/products --where "name like %bag%" --sort price:desc')
  command:argument("PATH", "Path of the list, such as /V1/products."):target("path")
  command:group("Options",
    command:option("--columns", "What to show, in this order: names of fields. a.b is a field "
      .. "within a field (of a list: a list of it), custom_attributes.color an attribute by its "
      .. "code."):argname("LIST"),
    command:option("--where", "Condition that must hold: FIELD CONDITION VALUE, with eq neq gt "
      .. "gteq lt lteq like nlike in nin finset null notnull. Times are in UTC. Can be repeated.")
      :argname("CONDITION"):count("*"),
    command:option("--sort", "Order of the rows: FIELD, FIELD:asc or FIELD:desc. Can be repeated.")
      :argname("FIELD"):count("*"),
    command:option("--limit", "Stop after so many rows."):argname("NUMBER"),
    options.output(command, FORMATS, "Default: table on a terminal, csv otherwise."))
  options.add_client(command)
end

-- How other languages spell the conditions.
local SIGNS = {
  ["="] = "eq", ["=="] = "eq", ["!="] = "neq", ["<>"] = "neq", [">"] = "gt", [">="] = "gteq",
  ["<"] = "lt", ["<="] = "lteq",
}

-- "price gt 10" and the like; the value may hold blanks.
local function add_condition(search, text)
  local field, condition, value = text:match("^%s*(%S+)%s+(%S+)%s*(.*)$")
  if not field then
    stop.now("usage", string.format("--where: '%s' is not FIELD CONDITION VALUE", text))
  end
  if SIGNS[condition] then
    stop.now("usage", string.format("--where: the condition '%s' is written '%s': \"%s %s %s\"",
      condition, SIGNS[condition], field, SIGNS[condition], value))
  end
  condition = condition:lower()
  local given = value ~= "" and value or nil
  if condition == "in" or condition == "nin" then
    given = {}
    for one in value:gmatch("[^,]+") do
      given[#given + 1] = one:match("^%s*(.-)%s*$")
    end
  end
  return search:where(field, condition, given)
end

-- The tree of wanted fields as the service spells it: `a[b,c],d`.
local function spell(tree)
  local parts = {}
  for index, name in ipairs(tree) do
    parts[index] = #tree[name] > 0 and name .. "[" .. spell(tree[name]) .. "]" or name
  end
  return table.concat(parts, ",")
end

-- Columns for the formats, and the fields that they need.
local function read_columns(text)
  local columns, tree = {}, {}
  for path in text:gmatch("[^,]+") do
    path = path:match("^%s*(.-)%s*$")
    if not path:find("^[%w_][%w_%.]*$") or path:find("%.%.") or path:find("%.$") then
      stop.now("usage", string.format("--columns: '%s' is not the name of a field", path))
    end
    columns[#columns + 1] = { name = path }
    local branch = tree
    for name in path:gmatch("[^.]+") do
      if not branch[name] then
        branch[name] = {}
        branch[#branch + 1] = name
      end
      branch = branch[name]
    end
  end
  if #columns == 0 then
    stop.now("usage", "--columns names nothing")
  end
  return columns, spell(tree)
end

-- The value of an attribute in `custom_attributes`, which is a list or, by a quirk of `fields`, an
-- object with numbers for keys.
local function attribute(list, code)
  for _, one in pairs(list) do
    if type(one) == "table" and one.attribute_code == code then
      return one.value
    end
  end
end

-- The value behind a name; of a list, the list of what its elements have there.
local function step(value, name, is_attributes)
  if type(value) ~= "table" then
    return nil
  elseif value[name] ~= nil then
    return value[name]
  elseif is_attributes then
    return attribute(value, name)
  elseif value[1] ~= nil then
    local list = {}
    for index, one in ipairs(value) do
      local inner = step(one, name)
      list[index] = inner == nil and accs.null or inner
    end
    return list
  end
end

local function pick(row, path)
  local value = row
  for name in path:gmatch("[^.]+") do
    value = step(value, name, value == row.custom_attributes)
  end
  return value
end

local function flat_row(row, columns)
  if type(row) ~= "table" then
    return { [columns[1].name] = row }
  end
  local flat = {}
  for _, column in ipairs(columns) do
    flat[column.name] = pick(row, column.name)
  end
  return flat
end

-- Columns for a list that nothing is known of: the plain values of its first row.
local function guess(row)
  local names = {}
  for name, value in pairs(type(row) == "table" and row or { value = row }) do
    if type(name) == "string" and type(value) ~= "table" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  local columns = {}
  for index, name in ipairs(names) do
    columns[index] = { name = name }
  end
  return columns
end

local function add_sort(search, text)
  local field, direction = text:match("^([%w_]+):?(%a*)$")
  direction = (direction or ""):lower()
  if not field or (direction ~= "" and direction ~= "asc" and direction ~= "desc") then
    stop.now("usage", string.format("--sort: '%s' is not FIELD, FIELD:asc or FIELD:desc", text))
  end
  return search:sort(field, direction ~= "" and direction or "asc")
end

-- A search made of what was typed; its complaints are the user's.
local function build(arguments, columns_text)
  local ok, result, columns = pcall(function()
    local search, columns = accs.search(), nil
    for _, text in ipairs(arguments.where or {}) do
      search = add_condition(search, text)
    end
    for _, text in ipairs(arguments.sort or {}) do
      search = add_sort(search, text)
    end
    if columns_text then
      local fields
      columns, fields = read_columns(columns_text)
      search = search:fields("items[" .. fields .. "]") -- of a row: it may have `items` as well
    end
    return search, columns
  end)
  if not ok then
    if type(result) == "string" and not result:find("interrupted!", 1, true) then
      stop.now("usage", (result:gsub("^[^:]+:%d+: ", "")))
    end
    error(result, 0)
  end
  return result, columns
end

-- Columns that no row had: a slip of the pen, as a rule.
local function new_watch(columns)
  local missing, any = {}, false
  for _, column in ipairs(columns or {}) do
    missing[column.name] = true
  end
  return {
    see = function(row)
      any = true
      for name in pairs(missing) do
        missing[name] = row[name] == nil or nil
      end
    end,
    report = function()
      for _, column in ipairs(any and columns or {}) do
        if missing[column.name] then
          io.stderr:write("accs: note: no row has a field ", column.name, "\n")
        end
      end
    end,
  }
end

local function write_rows(rows, format, columns, out, line)
  local writer, watch = nil, new_watch(columns)
  for row in rows do
    if not columns and (format == "table" or format == "csv") then
      columns = guess(row)
    end
    writer = writer or require("accs.report.format." .. format).open(columns, out.write,
      { width = out.width })
    row = columns and flat_row(row, columns) or row
    watch.see(row)
    writer:row(row)
    line.show("rows", rows:position().delivered, rows:position().announced)
  end
  writer = writer or require("accs.report.format." .. format).open(columns or {}, out.write)
  writer:close()
  line.clear()
  watch.report()
end

--- Runs the command.
---@param arguments table
--- Example: `require("accs.cli.items").run(arguments)`
function items.run(arguments)
  local watched = not arguments.output and terminal.is_watched()
  local format = arguments.format or (watched and "table" or "csv")
  local known = catalogue.list(arguments.path)
  local whole = format == "json" or format == "ndjson"
  local default = not whole and known and known.columns and table.concat(known.columns, ",") or nil
  local limit = options.count(arguments.limit, "--limit")
  local search, columns = build(arguments, arguments.columns or default)
  local client <close> = options.client(arguments)
  local out <close> = output.open(arguments.output)
  out.width = watched and terminal.width() or nil
  local line = terminal.progress()
  if watched then
    line.show = function() end -- rows and progress would write over each other
  end
  local rows <close> = client:items(arguments.path, search, { limit = limit })
  local ok, problem = pcall(write_rows, rows, format, columns, out, line)
  line.clear() -- before any message
  if not ok then
    error(problem, 0)
  end
  out:commit()
  if not rows:verdict().complete then
    stop.now("incomplete", "incomplete: " .. rows:verdict().reason)
  end
end

return items
