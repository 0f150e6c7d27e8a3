-- Many small calls, some at a time: usage: parallel.lua SKUS CONCURRENCY
local accs = require "accs"

local concurrency = math.tointeger(arg[2])
local skus = {}
for sku in io.lines(arg[1]) do
  skus[#skus + 1] = sku
end
local client = accs.client {
  engine = accs.engine { max_connections = concurrency }, max_concurrency = concurrency,
}
assert(accs.map(skus, function(sku)
  local response = assert(client:get("/V1/products/{sku}", {
    params = { sku = sku },
    fields = "sku,name,price",
  }))
  assert(response.data.sku == sku)
  return true
end, { concurrency = concurrency }))
client:close()
