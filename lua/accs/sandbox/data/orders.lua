--- Orders, their items, invoices and credit memos, one order after the other.
local calendar = require "accs.sandbox.data.calendar"
local catalog = require "accs.sandbox.data.catalog"
local money = require "accs.sandbox.data.money"
local people = require "accs.sandbox.data.people"
local plan = require "accs.sandbox.data.plan"
local random = require "accs.sandbox.data.random"
local rows = require "accs.sandbox.data.rows"
local stores = require "accs.sandbox.data.stores"

local orders = {}

local DOMAIN_ORDER <const>, DOMAIN_TIMES <const> = 31, 32

local COUPONS = {
  { code = "WELCOME10", text = "10 % for newcomers", percent = 10, rule = "1" },
  { code = "SUMMER-15", text = "Summer sale", percent = 15, rule = "2" },
  { code = "VIP 20", text = "Friends & family", percent = 20, rule = "3" },
  { code = "TAKE10", text = "10 off", fixed = 100000, rule = "4" },
  { code = "FREESHIP", text = "Free shipping", free = true, rule = "5" },
}
local NO_COUPON = {}

local LINE_COUNTS = { 50, 27, 14, 9 }
local QTY_WEIGHTS = { 74, 15, 6, 2, 2, 1 }

-- Customers that had registered by then, or one of the guests.
local function buyer(ctx, rng, at)
  local sizes = ctx.sizes
  local early = sizes.customers * 6 // 10
  local known = early
    + (sizes.customers - early) * (at - calendar.first) // (calendar.last - calendar.first)
  if known < 1 or rng:chance(250) then
    return ctx.person(sizes.customers + rng:int(1, people.guests(sizes)))
  end
  return ctx.person(rng:int(1, known))
end

-- A product, some far more often than others.
local function product_number(rng, count)
  local draw = rng:int(0, (1 << 20) - 1)
  return (draw * draw * count >> 40) + 1
end

local function choose_lines(ctx, rng, min_qty, wholesale)
  local lines, seen = {}, {}
  for index = 1, rng:weighted(LINE_COUNTS) do
    local product = ctx.product(product_number(rng, ctx.sizes.products))
    local variant
    if product.parent ~= nil then
      product, variant = ctx.product(product.parent), product
    elseif product.variants ~= nil then
      variant = ctx.product(product.id + rng:int(1, product.variants))
    end
    local bought = variant or product
    if not seen[bought.id] then
      seen[bought.id] = true
      local qty = rng:weighted(QTY_WEIGHTS) * (wholesale and 5 or 1)
      lines[#lines + 1] = {
        product = product,
        variant = variant,
        qty = index == 1 and math.max(qty, min_qty) or qty,
        base_price = product.price,
        invoiced = 0,
        shipped = 0,
        refunded = 0,
        canceled = 0,
      }
    end
  end
  return lines
end

local function is_virtual(lines)
  for _, line in ipairs(lines) do
    if line.product.kind ~= "virtual" then
      return false
    end
  end
  return true
end

-- The order as it was placed. `before` is the order that this one replaces, if any.
local function place(ctx, number, at, story, before)
  local rng = random.stream(ctx.sizes.seed, DOMAIN_ORDER, number)
  local person = before and before.person or buyer(ctx, rng, at)
  local store = stores.list[person.store]
  local month = calendar.month(at)
  local lines = choose_lines(ctx, rng, story.min_qty, person.group_id == 2)
  local virtual = is_virtual(lines)
  local coupon = rng:chance(180) and rng:pick(COUPONS) or NO_COUPON
  local shipping = not virtual and rng:pick(stores.shipping[store.website_id]) or nil
  local currency = rng:chance(50) and store.base or store.currency
  local payment = stores.payment[rng:weighted(stores.payment_weights)]
  local rate = stores.rate(store.base, currency, month)
  local terms = {
    unit = rng:chance(20) and 1 or 100,
    tax_percent = person.tax_percent,
    shipping = shipping and shipping.amount or 0,
    shipping_taxed = store.website_id == 2,
    shipping_free = coupon.free or false,
    discount_percent = coupon.percent or 0,
    discount_fixed = coupon.fixed or 0,
  }
  local base = money.side(lines, 10000, terms)
  return {
    id = number,
    rng = rng,
    at = at,
    updated = at,
    state = "new",
    person = person,
    store = store,
    lines = lines,
    virtual = virtual,
    coupon = coupon,
    shipping = shipping,
    payment = payment,
    online = payment.online,
    currency = currency,
    rate = rate,
    month = month,
    base = base,
    order = rate == 10000 and base or money.side(lines, rate, terms),
    tax_percent = person.tax_percent,
    discount_percent = coupon.percent,
    invoices = {},
    memos = {},
  }
end

-- "000000017"; other store views have their id in front, as Commerce numbers them.
local function next_increment(counters, store)
  local count = (counters[store.id] or 0) + 1
  counters[store.id] = count
  return store.id == 1 and ("%09d"):format(count) or ("%d%09d"):format(store.id, count)
end

local function number_order(ctx, order, before)
  if before == nil then
    order.increment = next_increment(ctx.order_numbers, order.store)
    return
  end
  order.before = before
  order.original = before.original or before.increment
  order.edits = (before.edits or 0) + 1
  order.increment = ("%s-%d"):format(order.original, order.edits)
end

-- The number that the order replacing this one will have.
local function name_successor(order)
  order.after_id = order.id + 1
  order.after_increment = ("%s-%d"):format(order.original or order.increment,
    (order.edits or 0) + 1)
end

local function write(ctx, order)
  local insert = ctx.insert
  insert.sales_order(rows.order(order))
  local item_ids = {}
  for index, line in ipairs(order.lines) do
    item_ids[index] = rows.items(order, line, index, ctx.ids, insert.sales_order_item)
  end
  for _, invoice in ipairs(order.invoices) do
    invoice.increment = next_increment(ctx.invoice_numbers, order.store)
    rows.document(order, invoice, "sales_invoice", item_ids, ctx.ids, insert)
  end
  for _, memo in ipairs(order.memos) do
    memo.increment = next_increment(ctx.memo_numbers, order.store)
    rows.document(order, memo, "sales_creditmemo", item_ids, ctx.ids, insert)
  end
end

--- Fills the sales tables.
---@param sizes accs.sandbox.Sizes
---@param insert table<string, fun(row: table)>  by table
function orders.generate(sizes, insert)
  local ctx = {
    sizes = sizes,
    insert = insert,
    product = catalog.reader(sizes),
    person = people.reader(sizes),
    ids = { item = 0, sales_invoice = 0, sales_creditmemo = 0, sales_invoice_item = 0,
      sales_creditmemo_item = 0 },
    order_numbers = {},
    invoice_numbers = {},
    memo_numbers = {},
  }
  local number, before = 0, nil
  for at in calendar.times(sizes.orders, random.stream(sizes.seed, DOMAIN_TIMES, 0)) do
    number = number + 1
    local story = plan.story(number, sizes.seed)
    local order = place(ctx, number, at, story, before)
    local name = story.name
    if name == "edited" and number == sizes.orders then
      name = "canceled" -- nothing comes after it that could replace it
    end
    number_order(ctx, order, before)
    plan.run(order, name)
    before = nil
    if order.edited then
      name_successor(order)
      before = order
    end
    write(ctx, order)
  end
end

return orders
