-- Reads the newest orders and tells how it went: every attempt as a JSON line on standard error,
-- and the client's numbers as Prometheus' text at the end, for a file that its node exporter reads.
--
--     lua5.4 examples/observed.lua [ORDERS]
local accs = require "accs"

local client <close> = accs.client {
  on_event = accs.log { format = "json", level = "info" },
  request_ids = true, -- the service's log then tells the same story
}

local search = accs.search():sort("entity_id", "DESC"):page_size(20)
local wanted = tonumber(arg[1]) or 50
local ids = {}
for order in client:items("/V1/orders", search:fields { "entity_id" }, { limit = wanted }) do
  ids[#ids + 1] = order.entity_id
end

local orders = assert(accs.map(ids, function(id)
  return client:get("/V1/orders/{id}", { params = { id = id }, fields = "grand_total" })
end, { concurrency = 4 }))

local total = 0
for _, response in ipairs(orders) do
  total = total + response.data.grand_total
end
io.write(("# %d orders, %.2f in all\n"):format(#orders, total))
io.write(accs.prometheus(client, { job = "orders" }))
