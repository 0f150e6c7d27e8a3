--- The steps of an order's life: bill, ship, cancel, refund.
--
-- Each step has a date; one that would come after the last day of the data does not happen (the
-- step says false), so young orders are still on their way, as in a real shop.
local calendar = require "accs.sandbox.data.calendar"
local money = require "accs.sandbox.data.money"

local HOUR <const>, DAY <const> = 3600, 86400

---@class accs.sandbox.Line
---@field product accs.sandbox.Product  what the top row shows
---@field variant? accs.sandbox.Product  of a configurable product
---@field qty integer
---@field base_price integer
---@field invoiced integer
---@field shipped integer
---@field refunded integer
---@field canceled integer

---@class accs.sandbox.Document
---@field at integer
---@field state integer
---@field pieces accs.sandbox.Piece[]
---@field with_shipping boolean
---@field base accs.sandbox.PartAmounts
---@field order accs.sandbox.PartAmounts
---@field positive { base: integer, order: integer }
---@field negative { base: integer, order: integer }

---@class accs.sandbox.Order
---@field at integer
---@field updated integer
---@field state string
---@field status? string  the state's default status when absent
---@field lines accs.sandbox.Line[]
---@field base accs.sandbox.Side
---@field order accs.sandbox.Side
---@field invoices accs.sandbox.Document[]
---@field memos accs.sandbox.Document[]
---@field canceled? accs.sandbox.Document

local NOTHING <const> = { base = 0, order = 0 }

-- A document over `count(line)` more pieces of each line, after the `done` ones.
local function document(order, at, state, done, count, with_shipping)
  local pieces = {}
  for index, line in ipairs(order.lines) do
    local pieces_count = count(line, index)
    if pieces_count > 0 then
      local from = line[done]
      pieces[#pieces + 1] = { index = index, from = from, to = from + pieces_count, qty = line.qty }
    end
  end
  local base = money.part(order.base, pieces, with_shipping)
  return {
    at = at,
    state = state,
    pieces = pieces,
    with_shipping = with_shipping,
    base = base,
    order = order.order == order.base and base or money.part(order.order, pieces, with_shipping),
    positive = NOTHING,
    negative = NOTHING,
  }
end

local function add_pieces(order, pieces, done)
  for _, piece in ipairs(pieces) do
    order.lines[piece.index][done] = piece.to
  end
end

local function open_pieces(line)
  return line.qty - line.invoiced - line.canceled
end

-- One piece of the first line: `min_qty` gives these stories at least two.
local function first_piece(_, index)
  return index == 1 and 1 or 0
end

--- Bills pieces; states: 1 open, 2 paid, 3 canceled (counts for nothing).
local function invoice(order, after, count, state)
  local at = order.updated + after
  if at > calendar.last then
    return false
  end
  local made = document(order, at, state or 2, "invoiced", count or open_pieces,
    not order.shipping_invoiced)
  order.invoices[#order.invoices + 1] = made
  order.updated = at
  if made.state ~= 3 then
    add_pieces(order, made.pieces, "invoiced")
    order.shipping_invoiced = true
    order.state = "processing"
  end
  return true
end

-- Bills everything: within minutes where the gateway pays, else in a few days.
local function pay(order)
  return invoice(order, order.online and order.rng:int(20, 900) or order.rng:int(2 * HOUR, 4 * DAY))
end

-- Ships what was billed, or one piece; then the order is complete if nothing is left.
local function ship(order, partly)
  if not order.virtual then
    local at = order.updated + order.rng:int(3 * HOUR, 4 * DAY)
    if at > calendar.last then
      return false
    end
    order.updated = at
  end
  local left = 0
  for index, line in ipairs(order.lines) do
    if line.product.kind ~= "virtual" then
      line.shipped = partly and first_piece(line, index) or line.invoiced
      left = left + line.qty - line.canceled - line.shipped
    else
      left = left + line.qty - line.canceled - line.invoiced
    end
  end
  if left == 0 then
    order.state = "complete"
  end
  return true
end

--- Gives up what was not billed; without any bill the order is canceled.
local function cancel(order, after)
  local at = order.updated + after
  if at > calendar.last then
    return false
  end
  order.canceled = document(order, at, 0, "invoiced", open_pieces, not order.shipping_invoiced)
  for _, piece in ipairs(order.canceled.pieces) do
    order.lines[piece.index].canceled = piece.to - piece.from
  end
  order.updated = at
  if #order.invoices == 0 or order.invoices[1].state == 3 then
    order.state = "canceled"
  end
  return true
end

-- What can still be refunded of a line.
local function unrefunded(line)
  return line.invoiced - line.refunded
end

--- Refunds pieces; states: 1 open, 2 refunded, 3 canceled. Only state 2 counts.
local function refund(order, after, count, state, adjustment)
  local at = order.updated + after
  if at > calendar.last then
    return false
  end
  local left = 0
  for index, line in ipairs(order.lines) do
    left = left + unrefunded(line) - count(line, index)
  end
  local made = document(order, at, state, "refunded", count, left == 0)
  if adjustment ~= nil and made.base.grand_total > adjustment.amount then
    made[adjustment.kind] = {
      base = adjustment.amount,
      order = money.scaled(adjustment.amount, order.rate, 100),
    }
  end
  order.memos[#order.memos + 1] = made
  order.updated = at
  if state == 2 then
    add_pieces(order, made.pieces, "refunded")
    if left == 0 then
      order.state = "closed"
    end
  end
  return true
end

-- Paid and delivered.
local function complete(order)
  return pay(order) and ship(order)
end

-- A restocking fee, or a gesture (only where a part is refunded, so that it is covered).
local function adjustment(order)
  local draw = order.rng:int(1, 100)
  if draw <= 20 then
    return { kind = "negative", amount = 50000 }
  elseif draw <= 30 then
    return { kind = "positive", amount = 12500 }
  end
  return nil
end

return {
  first_piece = first_piece,
  unrefunded = unrefunded,
  invoice = invoice,
  pay = pay,
  ship = ship,
  cancel = cancel,
  refund = refund,
  complete = complete,
  adjustment = adjustment,
}
