--- Makes the tables that columns.lua declares, and fills rows into them.
local declared = require "accs.sandbox.data.columns"

local schema = {}

--- Goes up when the data of a seed change: a file of another version is not reused.
schema.version = 1

---@class accs.sandbox.Column
---@field name string
---@field kind string
---@field flags table<string, boolean|string>
---@field expression? string

local TYPES = {
  key = "INTEGER PRIMARY KEY",
  int = "INTEGER",
  bool = "INTEGER",
  decimal = "INTEGER",
  text = "TEXT COLLATE NOCASE",
  code = "TEXT COLLATE NOCASE",
  json = "TEXT",
}

---@param line string
---@return accs.sandbox.Column[]
local function columns_of(line)
  local left, expression = line:match("^(.-)%s*=%s*(.+)$")
  local words = {}
  for word in (left or line):gmatch("%S+") do
    words[#words + 1] = word
  end
  local flags = {}
  for i = 3, #words do
    local flag, value = words[i]:match("^(%w+):?(.*)$")
    flags[flag] = value ~= "" and value or true
  end
  if words[2] ~= "pair" then
    return { { name = words[1], kind = words[2], flags = flags, expression = expression } }
  end
  local both = {}
  for i, prefix in ipairs { "base_", "" } do
    both[i] = {
      name = prefix .. words[1],
      kind = "decimal",
      flags = flags,
      expression = expression and expression:gsub("{}", prefix),
    }
  end
  return both
end

--- Columns by table, in the order of the file.
---@type table<string, accs.sandbox.Column[]>
schema.tables = {}

for name, source in pairs(declared) do
  local columns = {}
  for line in source:gmatch("[^\n]+") do
    table.move(columns_of(line), 1, 2, #columns + 1, columns)
  end
  schema.tables[name] = columns
end

---@param name string
---@return string
local function create_table(name)
  local lines = {}
  for _, column in ipairs(schema.tables[name]) do
    local line = column.name .. " " .. TYPES[column.kind]
    if column.expression ~= nil then
      line = line .. " AS (" .. column.expression .. ") VIRTUAL"
    end
    lines[#lines + 1] = line
  end
  return "CREATE TABLE " .. name .. "(" .. table.concat(lines, ",") .. ");"
end

--- Makes the empty tables.
---@param db accs.sandbox.Database
function schema.create(db)
  local names = {}
  for name in pairs(schema.tables) do
    names[#names + 1] = name
  end
  table.sort(names) -- the same file for the same seed
  for _, name in ipairs(names) do
    db:exec(create_table(name))
  end
  db:exec [[
    CREATE TABLE catalog_category_product(
      product_id INTEGER, category_id INTEGER, position INTEGER,
      PRIMARY KEY (product_id, category_id)) WITHOUT ROWID;
  ]]
end

--- Makes the indexes: after the rows are in, which is much quicker.
---@param db accs.sandbox.Database
function schema.index(db)
  db:exec [[
    CREATE UNIQUE INDEX catalog_product_sku ON catalog_product(sku);
    CREATE INDEX catalog_category_product_category ON catalog_category_product(category_id);
    CREATE INDEX address_customer ON address(customer_id);
    CREATE INDEX customer_email ON customer(email);
    CREATE INDEX sales_order_created_at ON sales_order(created_at);
    CREATE INDEX sales_order_increment_id ON sales_order(increment_id);
    CREATE INDEX sales_order_item_order ON sales_order_item(order_id);
    CREATE INDEX sales_invoice_order ON sales_invoice(order_id);
    CREATE INDEX sales_invoice_created_at ON sales_invoice(created_at);
    CREATE INDEX sales_invoice_item_parent ON sales_invoice_item(parent_id);
    CREATE INDEX sales_creditmemo_order ON sales_creditmemo(order_id);
    CREATE INDEX sales_creditmemo_created_at ON sales_creditmemo(created_at);
    CREATE INDEX sales_creditmemo_item_parent ON sales_creditmemo_item(parent_id);
  ]]
end

--- A function that inserts a row, given as a table by column name; a missing one is NULL.
---@param db accs.sandbox.Database
---@param name string  of the table
---@return fun(row: table<string, any>)
function schema.inserter(db, name)
  local names, marks, values = {}, {}, {}
  for _, column in ipairs(schema.tables[name]) do
    if column.expression == nil then
      names[#names + 1] = column.name
      marks[#marks + 1] = "?"
    end
  end
  local count = #names
  local sql = ("INSERT INTO %s(%s) VALUES(%s)"):format(
    name, table.concat(names, ","), table.concat(marks, ","))
  return function(row)
    for i = 1, count do
      values[i] = row[names[i]]
    end
    db:run(sql, table.unpack(values, 1, count))
  end
end

return schema
