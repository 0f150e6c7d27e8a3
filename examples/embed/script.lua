-- What embed.c runs: the stores of a tenant, and how many products it has.
local accs = require "accs"

local client <close> = accs.client {} -- from the environment or .env

local results = assert(accs.all {
  function() return client:get("/V1/store/storeConfigs") end,
  function()
    return client:get("/V1/products", { query = accs.search():page_size(1):query() })
  end,
})
for _, store in ipairs(results[1].data) do
  print(store.code, store.base_currency_code)
end
print(("%d products"):format(results[2].data.total_count))
