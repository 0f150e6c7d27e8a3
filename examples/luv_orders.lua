-- Adds up the newest orders inside libuv's loop, while a timer of the program goes on.
--
--     lua5.4 examples/luv_orders.lua [COUNT]
--
-- Needs lua-luv. The functions given to `wrap` are written as without a loop: a call there waits
-- for itself alone.
local accs = require "accs"
local luv = require "accs.loop.luv"
local uv = require "luv"

local count = math.tointeger(tonumber(arg[1] or 40)) or error("COUNT is a whole number")
local client <close> = accs.client { read_only = true }

local rang = 0
local clock = uv.new_timer()
clock:start(0, 10, function()
  rang = rang + 1
end)

local work = uv.new_timer()
work:start(0, 0, luv.wrap(function()
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
  work:close()
  clock:close()
end))

uv.run() -- returns when neither timers nor tasks are left
