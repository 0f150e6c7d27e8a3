-- Adds up the newest orders in a controller of cqueues, while another coroutine of it goes on.
--
--     lua5.4 examples/cqueues_orders.lua [COUNT]
--
-- Needs lua-cqueues. The functions given to `wrap` are written as without a loop: a call there
-- waits for itself alone.
local accs = require "accs"
local accs_loop = require "accs.loop.cqueues"
local cqueues = require "cqueues"

local count = math.tointeger(tonumber(arg[1] or 40)) or error("COUNT is a whole number")
local client <close> = accs.client { read_only = true }
local controller = cqueues.new()

local rang, over = 0, false
controller:wrap(function()
  while not over do
    rang = rang + 1
    cqueues.sleep(0.01)
  end
end)

controller:wrap(accs_loop.wrap(function()
  local ids, sum = {}, 0
  local newest = accs.search():sort("created_at", "DESC"):fields { "entity_id" }
  for order in client:items("/V1/orders", newest, { limit = count }) do
    ids[#ids + 1] = order.entity_id
  end
  local orders = assert(accs.map(ids, function(id)
    return client:get("/V1/orders/{id}", { params = { id = id } })
  end))
  for _, response in ipairs(orders) do
    sum = sum + response.data.base_grand_total
  end
  print(("%d orders, %.2f in all; the timer rang %d times meanwhile"):format(#ids, sum, rang))
  over = true
end))

assert(controller:loop()) -- returns when neither coroutines nor tasks are left
