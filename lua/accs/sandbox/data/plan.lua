--- What happens to an order after it was placed: paid, shipped, held, canceled, refunded. Each
--- story is a few of the steps of steps.lua.
local steps = require "accs.sandbox.data.steps"

local plan = {}

local HOUR <const>, DAY <const> = 3600, 86400

local first_piece, unrefunded, adjustment = steps.first_piece, steps.unrefunded, steps.adjustment
local invoice, pay, ship = steps.invoice, steps.pay, steps.ship
local cancel, refund, complete = steps.cancel, steps.refund, steps.complete

local stories = {}

stories.complete = complete

function stories.refund_part(order)
  if not complete(order) then
    return
  end
  local rng = order.rng
  if rng:chance(300) and not refund(order, rng:int(DAY, 3 * DAY), first_piece, 3) then
    return
  end
  refund(order, rng:int(2 * DAY, 30 * DAY), first_piece, 2, adjustment(order))
end

function stories.refund_twice(order)
  local rng = order.rng
  if complete(order) and refund(order, rng:int(5 * DAY, 25 * DAY), first_piece, 2)
    and refund(order, rng:int(40 * DAY, 200 * DAY), first_piece, 2) and rng:chance(400) then
    refund(order, rng:int(DAY, 10 * DAY), first_piece, 1)
  end
end

function stories.refund_full(order)
  if complete(order) then
    refund(order, order.rng:int(3 * DAY, 28 * DAY), unrefunded, 2)
  end
end

function stories.refund_late(order)
  local rng = order.rng
  if complete(order) and refund(order, rng:int(10 * DAY, 30 * DAY), first_piece, 2) then
    refund(order, rng:int(60 * DAY, 150 * DAY), unrefunded, 2)
  end
end

stories.processing = pay

function stories.partly_invoiced(order)
  invoice(order, order.rng:int(HOUR, 3 * DAY), first_piece)
end

function stories.partly_shipped(order)
  if pay(order) then
    ship(order, true)
  end
end

function stories.cut_short(order)
  local rng = order.rng
  if invoice(order, rng:int(HOUR, 3 * DAY), first_piece)
    and cancel(order, rng:int(DAY, 9 * DAY)) then
    ship(order)
  end
end

function stories.cut_processing(order)
  local rng = order.rng
  if invoice(order, rng:int(HOUR, 3 * DAY), first_piece) then
    cancel(order, rng:int(DAY, 9 * DAY))
  end
end

function stories.pending()
end

function stories.awaiting_stock(order)
  if pay(order) then
    order.status = "awaiting_stock"
  end
end

function stories.pending_payment(order)
  order.state = "pending_payment"
end

function stories.payment_review(order)
  order.state = "payment_review"
end

function stories.fraud(order)
  order.state, order.status = "payment_review", "fraud"
end

function stories.canceled(order)
  cancel(order, order.rng:int(600, 6 * DAY))
end

function stories.invoice_canceled(order)
  local rng = order.rng
  if invoice(order, rng:int(HOUR, DAY), nil, 3) then
    cancel(order, rng:int(HOUR, 3 * DAY))
  end
end

function stories.holded(order)
  if order.rng:chance(600) then
    pay(order)
  end
  order.hold_before_state = order.state
  order.hold_before_status = plan.status(order)
  order.state = "holded"
end

function stories.open_invoice(order)
  invoice(order, order.rng:int(HOUR, 2 * DAY), nil, 1)
end

-- The merchant changes the order: it is canceled, the next order replaces it.
function stories.edited(order)
  order.edited = cancel(order, 0)
end

-- How many of 100 orders have which story, and how many pieces its first line needs.
local SHARES = {
  { "complete", 44 }, { "refund_part", 6, 2 }, { "refund_twice", 3, 4 }, { "refund_full", 5 },
  { "refund_late", 2, 2 }, { "processing", 5 }, { "partly_invoiced", 3, 2 },
  { "partly_shipped", 2, 2 }, { "cut_short", 2, 2 }, { "cut_processing", 2, 2 },
  { "pending", 5 }, { "awaiting_stock", 2 }, { "pending_payment", 3 }, { "payment_review", 1 },
  { "fraud", 1 }, { "canceled", 7 }, { "invoice_canceled", 1 }, { "holded", 2 }, { "edited", 2 },
  { "open_invoice", 2 },
}

local hundred = {}
for _, row in ipairs(SHARES) do
  for _ = 1, row[2] do
    hundred[#hundred + 1] = { name = row[1], min_qty = row[3] or 1 }
  end
end

--- The story of order `number`: any hundred orders in a row have all of them.
---@param number integer
---@param seed integer
---@return { name: string, min_qty: integer }
function plan.story(number, seed)
  return hundred[(number * 37 + seed) % 100 + 1]
end

--- Lets the story happen.
---@param order accs.sandbox.Order
---@param name string
function plan.run(order, name)
  stories[name](order)
end

local DEFAULT_STATUS = { new = "pending" }

--- The order's status: its own, or its state's default.
---@param order accs.sandbox.Order
---@return string
function plan.status(order)
  return order.status or DEFAULT_STATUS[order.state] or order.state
end

return plan
