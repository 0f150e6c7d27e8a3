-- Many small calls in sequence: usage: small.lua SKUS, a file with one SKU a line.
local accs = require "accs"

local client = accs.client {}
for sku in io.lines(arg[1]) do
  local response = assert(client:get("/V1/products/{sku}", {
    params = { sku = sku },
    fields = "sku,name,price",
  }))
  assert(response.data.sku == sku)
end
client:close()
