-- Products that run low, the scarcest first.
--
--     lua5.4 examples/low_stock.lua [QUANTITY]
--
-- Settings come from the environment or a .env file, as for every program that uses accs.
local accs = require "accs"

local threshold = math.tointeger(tonumber(arg[1] or 20)) or error("QUANTITY is a whole number")
local client <close> = accs.client { read_only = true }

local search = accs.search()
  :where("type_id", "eq", "simple")
  :where("status", "eq", 1)
  :page_size(300)
  :fields { "id", "sku", "name", "extension_attributes[stock_item[qty]]" }

local low = {}
local products <close> = client:items("/V1/products", search)
for product in products do
  local stock = (product.extension_attributes or {}).stock_item
  local quantity = stock and stock.qty
  if quantity and quantity < threshold then
    low[#low + 1] = { quantity = quantity, sku = product.sku, name = product.name }
  end
end

table.sort(low, function(a, b)
  if a.quantity ~= b.quantity then
    return a.quantity < b.quantity
  end
  return a.sku < b.sku
end)
for _, product in ipairs(low) do
  print(string.format("%6g  %-24s  %s", product.quantity, product.sku, product.name))
end

local verdict = products:verdict()
if not verdict.complete then
  io.stderr:write("incomplete: ", verdict.reason, "\n")
  os.exit(5, true)
end
