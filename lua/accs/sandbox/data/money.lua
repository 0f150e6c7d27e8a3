--- Amounts of an order, in whole numbers of 1/10000 of a currency unit.
--
-- Every amount is computed once a currency and then only split, never computed again: what was
-- invoiced, refunded and canceled of a line adds up to the line, to the last digit.
local money = {}

---@class accs.sandbox.LineAmounts
---@field price integer
---@field price_incl_tax integer
---@field row_total integer
---@field row_total_incl_tax integer
---@field discount_amount integer
---@field tax_amount integer

---@class accs.sandbox.Side  an order's amounts in one currency
---@field unit integer  what amounts are rounded to: 100 (cents) or 1
---@field lines accs.sandbox.LineAmounts[]
---@field subtotal integer
---@field subtotal_incl_tax integer
---@field discount integer  positive
---@field tax integer
---@field shipping integer
---@field shipping_tax integer
---@field shipping_discount integer
---@field grand_total integer

--- value * factor / 10000, rounded half up to the unit. Nothing here is negative.
---@param value integer
---@param factor integer  in 1/10000
---@param unit integer
---@return integer
local function scaled(value, factor, unit)
  return (value * factor + 5000 * unit) // (10000 * unit) * unit
end

-- value * percent / 100 with the percentage in 1/10000 (8.875 % is 88750), rounded half up.
local function percentage(value, percent, unit)
  return (value * percent + 500000 * unit) // (1000000 * unit) * unit
end

money.scaled = scaled

---@class accs.sandbox.Terms
---@field unit integer
---@field tax_percent integer  1/10000 of a percent
---@field shipping integer  base amount
---@field shipping_taxed boolean
---@field shipping_free boolean  by a coupon: a discount of the same amount
---@field discount_percent integer  whole percent
---@field discount_fixed integer  base amount off the subtotal

--- All amounts of an order in one currency.
---@param lines { base_price: integer, qty: integer }[]
---@param rate integer  from the base currency, in 1/10000
---@param terms accs.sandbox.Terms
---@return accs.sandbox.Side
function money.side(lines, rate, terms)
  local unit, tax_percent = terms.unit, terms.tax_percent
  local side = {
    unit = unit, lines = {}, subtotal = 0, subtotal_incl_tax = 0, discount = 0, tax = 0,
  }
  for i = 1, #lines do
    local line = lines[i]
    local price = rate == 10000 and line.base_price or scaled(line.base_price, rate, unit)
    local row_total = scaled(price * line.qty, 10000, unit)
    local tax = percentage(row_total, tax_percent, unit)
    side.subtotal = side.subtotal + row_total
    side.subtotal_incl_tax = side.subtotal_incl_tax + row_total + tax
    side.lines[i] = {
      price = price,
      price_incl_tax = price + percentage(price, tax_percent, unit),
      row_total = row_total,
      row_total_incl_tax = row_total + tax,
      discount_amount = scaled(row_total, terms.discount_percent * 100, unit),
      tax_amount = tax,
    }
  end
  local fixed = math.min(scaled(terms.discount_fixed, rate, unit), side.subtotal)
  local running = 0
  for i = 1, #lines do
    local amounts = side.lines[i]
    if fixed > 0 then
      local before = fixed * running // side.subtotal // unit * unit
      running = running + amounts.row_total
      amounts.discount_amount = fixed * running // side.subtotal // unit * unit - before
    end
    if amounts.discount_amount > 0 then
      amounts.tax_amount = percentage(amounts.row_total - amounts.discount_amount,
        tax_percent, unit)
    end
    side.discount = side.discount + amounts.discount_amount
    side.tax = side.tax + amounts.tax_amount
  end
  side.shipping = scaled(terms.shipping, rate, unit)
  side.shipping_discount = terms.shipping_free and side.shipping or 0
  side.shipping_tax = terms.shipping_taxed
    and percentage(side.shipping - side.shipping_discount, tax_percent, unit) or 0
  side.discount = side.discount + side.shipping_discount
  side.tax = side.tax + side.shipping_tax
  side.grand_total = side.subtotal - side.discount + side.tax + side.shipping
  return side
end

--- The part of an amount that belongs to the pieces from + 1 to to, of qty.
---@param amount integer
---@param from integer  pieces before
---@param to integer
---@param qty integer
---@param unit integer
---@return integer
local function share(amount, from, to, qty, unit)
  if to - from == qty then
    return amount
  end
  local upper = to == qty and amount or amount * to // (qty * unit) * unit
  return upper - amount * from // (qty * unit) * unit
end

money.share = share

---@class accs.sandbox.Piece  pieces from + 1 to to of line `index`
---@field index integer
---@field from integer
---@field to integer
---@field qty integer  of the line

---@class accs.sandbox.PartAmounts
---@field lines accs.sandbox.LineAmounts[]  by piece
---@field subtotal integer
---@field subtotal_incl_tax integer
---@field discount integer
---@field tax integer
---@field shipping integer
---@field shipping_tax integer
---@field grand_total integer

--- The amounts of some pieces of an order: of an invoice, a credit memo, a cancellation.
---@param side accs.sandbox.Side
---@param pieces accs.sandbox.Piece[]
---@param with_shipping boolean
---@return accs.sandbox.PartAmounts
function money.part(side, pieces, with_shipping)
  local unit = side.unit
  local lines, subtotal, subtotal_incl_tax, discount, tax = {}, 0, 0, 0, 0
  for i = 1, #pieces do
    local piece = pieces[i]
    local whole, from, to, qty = side.lines[piece.index], piece.from, piece.to, piece.qty
    local amounts = {
      row_total = share(whole.row_total, from, to, qty, unit),
      row_total_incl_tax = share(whole.row_total_incl_tax, from, to, qty, unit),
      discount_amount = share(whole.discount_amount, from, to, qty, unit),
      tax_amount = share(whole.tax_amount, from, to, qty, unit),
    }
    lines[i] = amounts
    subtotal = subtotal + amounts.row_total
    subtotal_incl_tax = subtotal_incl_tax + amounts.row_total_incl_tax
    discount = discount + amounts.discount_amount
    tax = tax + amounts.tax_amount
  end
  local shipping, shipping_tax = 0, 0
  if with_shipping then
    shipping, shipping_tax = side.shipping, side.shipping_tax
    discount = discount + side.shipping_discount
    tax = tax + shipping_tax
  end
  return {
    lines = lines,
    subtotal = subtotal,
    subtotal_incl_tax = subtotal_incl_tax,
    discount = discount,
    tax = tax,
    shipping = shipping,
    shipping_tax = shipping_tax,
    grand_total = subtotal - discount + tax + shipping,
  }
end

return money
