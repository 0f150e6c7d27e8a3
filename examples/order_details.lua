-- Reads several orders at once and shows what is still to be shipped.
--
--     lua5.4 examples/order_details.lua [CONCURRENCY]
--
-- Inside accs.map each call waits for itself alone: eight orders are read in the time of one.
local accs = require "accs"

local concurrency = math.tointeger(tonumber(arg[1] or 8)) or error("CONCURRENCY is a whole number")
local client <close> = accs.client { read_only = true }

local open = accs.search():where("state", "eq", "processing"):sort("created_at", "DESC")
  :fields { "entity_id" }
local ids = {}
for order in client:items("/V1/orders", open, { limit = 40 }) do
  ids[#ids + 1] = order.entity_id
end

-- An error object that a function returns behind nil ends them all.
local orders = assert(accs.map(ids, function(id)
  local response, err = client:get("/V1/orders/{id}", { params = { id = id } })
  if not response then
    return nil, err
  end
  return response.data
end, { concurrency = concurrency }))

for _, order in ipairs(orders) do
  local waiting = {}
  for _, item in ipairs(order.items) do
    -- As Commerce counts: what was refunded may be what was shipped.
    local gone = math.max(item.qty_shipped or 0, item.qty_refunded or 0)
    local quantity = item.qty_ordered - gone - (item.qty_canceled or 0)
    if not item.parent_item_id and item.is_virtual ~= 1 and quantity > 0 then
      waiting[#waiting + 1] = string.format("%g x %s", quantity, item.sku)
    end
  end
  if #waiting > 0 then
    print(order.increment_id .. "  " .. table.concat(waiting, ", "))
  end
end
