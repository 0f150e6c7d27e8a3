--- The data of the sandbox's shop: generated from a seed, kept in SQLite.
local calendar = require "accs.sandbox.data.calendar"
local catalog = require "accs.sandbox.data.catalog"
local orders = require "accs.sandbox.data.orders"
local people = require "accs.sandbox.data.people"
local product = require "accs.sandbox.data.product"
local schema = require "accs.sandbox.data.schema"
local shape = require "accs.sandbox.data.shape"
local stores = require "accs.sandbox.data.stores"
local tree = require "accs.sandbox.data.tree"

local data = {}

---@class accs.sandbox.Sizes
---@field seed integer
---@field products integer
---@field orders integer
---@field customers integer
---@field first integer  when the first order can be placed, seconds since 1970
---@field last integer  the end of the data

local DEFAULTS = { seed = 1, products = 2000, orders = 5000, customers = 1000 }
local NAMES = { "seed", "products", "orders", "customers" }
local SIZE_MAX <const> = 1000000

local function check_sizes(options)
  local sizes = { first = calendar.first, last = calendar.last }
  for name in pairs(options) do
    if DEFAULTS[name] == nil then
      error(("unknown option %q of the data"):format(tostring(name)), 0)
    end
  end
  for _, name in ipairs(NAMES) do
    local value = options[name] == nil and DEFAULTS[name] or options[name]
    local whole = math.type(value) == "integer"
    if not whole or name ~= "seed" and (value < 0 or value > SIZE_MAX) then
      error(("%s must be a whole number%s, not %s"):format(name,
        name == "seed" and "" or " from 0 to 1000000", tostring(value)), 0)
    end
    sizes[name] = value
  end
  if sizes.orders > 0 and sizes.products == 0 then
    error("orders need at least one product", 0)
  end
  return sizes
end

local function stored_meta(db)
  if not db:row("SELECT 1 FROM sqlite_schema WHERE name = 'sandbox_meta'") then
    if db:row("SELECT 1 FROM sqlite_schema") then
      error("the database file is not one of the sandbox's; choose another", 0)
    end
    return nil
  end
  local meta = {}
  for name, value in db:rows("SELECT name, value FROM sandbox_meta") do
    meta[name] = math.tointeger(tonumber(value))
  end
  return meta
end

-- Raises unless the file holds what was asked for; an option that is not given may be anything.
local function check_stored(meta, options)
  if meta.version ~= schema.version then
    error(("the database file has data of version %s, this is version %d; choose another file")
      :format(tostring(meta.version), schema.version), 0)
  end
  for _, name in ipairs(NAMES) do
    if options[name] ~= nil and options[name] ~= meta[name] then
      error(("the database file was made with %s %d, not %d; choose another file"):format(
        name, meta[name], options[name]), 0)
    end
  end
end

local function fill(db, sizes)
  schema.create(db)
  local insert = {}
  for name in pairs(schema.tables) do
    insert[name] = schema.inserter(db, name)
  end
  stores.generate(insert.store)
  catalog.generate(sizes, insert, function(...)
    db:run("INSERT INTO catalog_category_product VALUES(?, ?, ?)", ...)
  end)
  people.generate(sizes, insert.customer, insert.address)
  orders.generate(sizes, insert)
  insert.sandbox_meta { name = "version", value = tostring(schema.version) }
  for _, name in ipairs(NAMES) do
    insert.sandbox_meta { name = name, value = tostring(sizes[name]) }
  end
  schema.index(db)
end

--- Fills an empty database, all or nothing; keeps a filled one.
---
--- The same options give the same rows on every machine. Orders are placed from 2024-07-01 to
--- 2026-06-30 (UTC), whatever the clock says. Amounts, rates and weights are whole numbers of
--- 1/10000; quantities are plain. Time and file size grow evenly with the sizes, memory does not.
---@param db accs.sandbox.Database
---@param options? { seed?: integer, products?: integer, orders?: integer, customers?: integer }
---   1, 2000, 5000 and 1000 by default; each size from 0 to 1,000,000
---@return boolean  true when it was filled, false when it was kept
--- Raises one line on a wrong option, and when the database holds something else.
--- Example: `data.generate(native.database.open("shop.db"), { seed = 7, orders = 100 })`
function data.generate(db, options)
  options = options or {}
  local sizes = check_sizes(options)
  local meta = stored_meta(db)
  if meta ~= nil then
    check_stored(meta, options)
    return false
  end
  -- A sandbox that loses power is made again: no need to wait for the disk.
  db:exec "PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; BEGIN IMMEDIATE"
  local ok, message = pcall(fill, db, sizes)
  if not ok then
    db:exec "ROLLBACK"
    error(message, 0)
  end
  db:exec "COMMIT; PRAGMA optimize"
  return true
end

--- What the server lists, by name.
data.resources = shape.resources

local ONE = "SELECT %s FROM %s r WHERE r.%s = ?"

--- An order.
---@param db accs.sandbox.Database
---@param id integer|string
---@return string?  JSON; nil when there is none
function data.order_json(db, id)
  local orders_resource = shape.resources.orders
  return (db:row(ONE:format(orders_resource.json, orders_resource.table, "entity_id"), id))
end

data.product_json = product.json
data.product_save = product.save
data.product_delete = product.delete
data.categories_json = tree.categories_json
data.store_configs_json = tree.store_configs_json

return data
