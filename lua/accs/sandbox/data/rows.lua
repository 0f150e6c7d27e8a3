--- The rows of an order and of its documents.
local catalog = require "accs.sandbox.data.catalog"
local money = require "accs.sandbox.data.money"
local plan = require "accs.sandbox.data.plan"
local stores = require "accs.sandbox.data.stores"
local text = require "accs.sandbox.data.text"

local rows = {}

local share = money.share

-- Puts base_<name> and <name>.
local function put(row, name, base, order)
  row["base_" .. name] = base
  row[name] = order
end

local function put_currencies(row, order)
  local store = order.store
  local display = stores.rate(store.base, store.currency, order.month)
  row.base_currency_code = store.base
  row.order_currency_code = order.currency
  row.global_currency_code = stores.global_currency
  row.store_currency_code = store.currency
  row.base_to_global_rate = stores.rate(store.base, stores.global_currency, order.month)
  row.base_to_order_rate = order.rate
  row.store_to_base_rate = (100000000 + display // 2) // display
  row.store_to_order_rate = order.currency == store.currency and 10000 or row.store_to_base_rate
end

local SUMS = { "subtotal", "tax", "shipping", "discount" }

-- The sums of documents (those that count) as `<name>_<suffix>`, and their total.
local function put_sums(row, suffix, documents)
  for _, side in ipairs { "base", "order" } do
    local prefix, total = side == "base" and "base_" or "", 0
    for _, name in ipairs(SUMS) do
      local sum = 0
      for _, document in ipairs(documents) do
        sum = sum + document[side][name]
      end
      row[prefix .. name .. "_" .. suffix] = sum
    end
    for _, document in ipairs(documents) do
      total = total + document[side].grand_total + document.positive[side] - document.negative[side]
    end
    row[prefix .. "total_" .. suffix] = total
  end
end

local function counting(documents, other_state)
  local list = {}
  for _, document in ipairs(documents) do
    if document.state == 2 or document.state == other_state then
      list[#list + 1] = document
    end
  end
  return list
end

local function put_invoiced(row, order)
  local billed = counting(order.invoices, 1)
  if #billed == 0 then
    return
  end
  put_sums(row, "invoiced", billed)
  local cost = 0
  for _, line in ipairs(order.lines) do
    cost = cost + line.invoiced * line.product.cost
  end
  row.base_total_invoiced_cost = cost
  local base, own = 0, 0
  for _, invoice in ipairs(billed) do
    if invoice.state == 2 then
      base, own = base + invoice.base.grand_total, own + invoice.order.grand_total
    end
  end
  if base > 0 then
    put(row, "total_paid", base, own)
  end
end

local function put_refunded(row, order)
  local refunds = counting(order.memos)
  if #refunds == 0 then
    return
  end
  put_sums(row, "refunded", refunds)
  local positive, negative = { base = 0, order = 0 }, { base = 0, order = 0 }
  local shipping_tax = { base = 0, order = 0 }
  for _, memo in ipairs(refunds) do
    for side in pairs(positive) do
      positive[side] = positive[side] + memo.positive[side]
      negative[side] = negative[side] + memo.negative[side]
      shipping_tax[side] = shipping_tax[side] + memo[side].shipping_tax
    end
  end
  put(row, "adjustment_positive", positive.base, positive.order)
  put(row, "adjustment_negative", negative.base, negative.order)
  put(row, "shipping_tax_refunded", shipping_tax.base, shipping_tax.order)
  put(row, order.online and "total_online_refunded" or "total_offline_refunded",
    row.base_total_refunded, row.total_refunded)
end

local function put_amounts(row, base, own)
  put(row, "subtotal", base.subtotal, own.subtotal)
  put(row, "subtotal_incl_tax", base.subtotal_incl_tax + 0, own.subtotal_incl_tax)
  put(row, "discount_amount", -base.discount, -own.discount)
  put(row, "tax_amount", base.tax, own.tax)
  put(row, "shipping_amount", base.shipping, own.shipping)
  put(row, "shipping_incl_tax", base.shipping + base.shipping_tax, own.shipping + own.shipping_tax)
  put(row, "shipping_tax_amount", base.shipping_tax, own.shipping_tax)
end

local function put_customer(row, order)
  local person = order.person
  row.customer_id = person.customer_id
  row.customer_email = person.email
  row.customer_is_guest = person.customer_id == nil and 1 or 0
  row.customer_group_id = person.group_id
  row.address_source = person.id
  if person.customer_id ~= nil then
    row.customer_firstname = person.firstname
    row.customer_lastname = person.lastname
    row.customer_gender = person.gender
  end
end

local function put_chain(row, order)
  if order.before ~= nil then
    row.relation_parent_id = tostring(order.before.id)
    row.relation_parent_real_id = order.before.increment
    row.original_increment_id = order.original
    row.edit_increment = order.edits
  end
  if order.after_id ~= nil then
    row.relation_child_id = tostring(order.after_id)
    row.relation_child_real_id = order.after_increment
  end
end

--- The row of `sales_order`.
---@param order accs.sandbox.Order
---@return table
function rows.order(order)
  local qty, weight = 0, 0
  for _, line in ipairs(order.lines) do
    qty = qty + line.qty
    weight = weight + line.qty * ((line.variant or line.product).weight or 0)
  end
  local coupon, shipping, rng = order.coupon, order.shipping, order.rng
  local row = {
    entity_id = order.id,
    increment_id = order.increment,
    state = order.state,
    status = plan.status(order),
    store_id = order.store.id,
    created_at = text.date(order.at),
    updated_at = text.date(order.updated),
    coupon_code = coupon.code,
    discount_description = coupon.text,
    applied_rule_ids = coupon.rule,
    is_virtual = order.virtual and 1 or 0,
    email_sent = order.state ~= "pending_payment" and 1 or nil,
    total_item_count = #order.lines,
    total_qty_ordered = qty,
    weight = weight,
    protect_code = ("%08x"):format(rng:int(0, 0xFFFFFFFF)),
    remote_ip = ("203.0.113.%d"):format(rng:int(1, 254)),
    shipping_description = shipping and shipping.title,
    shipping_method = shipping and shipping.code,
    payment_method = order.payment.code,
    cc_last4 = order.payment.code:find("hosted", 1, true) and ("%04d"):format(rng:int(0, 9999))
      or nil,
    tax_percent = order.tax_percent,
    hold_before_state = order.hold_before_state,
    hold_before_status = order.hold_before_status,
  }
  put_customer(row, order)
  put_chain(row, order)
  put_currencies(row, order)
  put_amounts(row, order.base, order.order)
  put(row, "shipping_discount_amount", order.base.shipping_discount, order.order.shipping_discount)
  put(row, "grand_total", order.base.grand_total, order.order.grand_total)
  put_invoiced(row, order)
  put_refunded(row, order)
  if order.canceled ~= nil then
    put_sums(row, "canceled", { order.canceled })
  end
  return row
end

local ITEM_PARTS = {
  { "row_total", "row_invoiced", "invoiced" }, { "tax_amount", "tax_invoiced", "invoiced" },
  { "discount_amount", "discount_invoiced", "invoiced" },
  { "row_total", "amount_refunded", "refunded" }, { "tax_amount", "tax_refunded", "refunded" },
  { "discount_amount", "discount_refunded", "refunded" },
}

local function put_item_amounts(row, prefix, side, line, index)
  local amounts = side.lines[index]
  for name, value in pairs(amounts) do
    row[prefix .. name] = value
  end
  for _, part in ipairs(ITEM_PARTS) do
    row[prefix .. part[2]] = share(amounts[part[1]], 0, line[part[3]], line.qty, side.unit)
  end
end

local function item_row(order, line, product, kind, id)
  return {
    item_id = id,
    order_id = order.id,
    store_id = order.store.id,
    created_at = text.date(order.at),
    updated_at = text.date(order.updated),
    product_id = product.id,
    product_type = kind,
    sku = (line.variant or product).sku,
    name = product.name,
    weight = (line.variant or product).weight,
    is_virtual = kind == "virtual" and 1 or 0,
    qty_ordered = line.qty,
    qty_invoiced = line.invoiced,
    qty_shipped = line.shipped,
    qty_refunded = line.refunded,
    qty_canceled = line.canceled,
    base_cost = product.cost,
  }
end

local ZERO = {}
for _, name in ipairs { "price", "price_incl_tax", "row_total", "row_total_incl_tax", "tax_amount",
  "discount_amount", "row_invoiced", "tax_invoiced", "discount_invoiced", "amount_refunded",
  "tax_refunded", "discount_refunded" } do
  put(ZERO, name, 0, 0)
end

--- Inserts a line: one row, or two for a configurable product (the child's amounts are 0).
---@param order accs.sandbox.Order
---@param line accs.sandbox.Line
---@param index integer
---@param ids table<string, integer>  the last ids used
---@param insert fun(row: table)
---@return integer  id of the top row; the child's is the next
function rows.items(order, line, index, ids, insert)
  local id = ids.item + 1
  local top = item_row(order, line, line.product, line.product.kind, id)
  put_item_amounts(top, "base_", order.base, line, index)
  put_item_amounts(top, "", order.order, line, index)
  top.tax_percent = order.tax_percent
  top.discount_percent = order.discount_percent and order.discount_percent * 10000 or 0
  top.product_option = line.variant and catalog.chosen(line.variant)
  insert(top)
  ids.item = id
  if line.variant ~= nil then
    local child = item_row(order, line, line.variant, "simple", id + 1)
    for name, value in pairs(ZERO) do
      child[name] = value
    end
    child.parent_item_id = id
    insert(child)
    ids.item = id + 1
  end
  return id
end

local function document_item(parent, order_item, qty, base, own, id)
  local row = { entity_id = id, parent_id = parent, order_item_id = order_item, qty = qty }
  for name, value in pairs(base) do
    put(row, name, value, own[name])
  end
  return row
end

local NOTHING = { row_total = 0, row_total_incl_tax = 0, tax_amount = 0, discount_amount = 0 }

--- Inserts an invoice or a credit memo with its items.
---@param order accs.sandbox.Order
---@param document accs.sandbox.Document
---@param name string  of the table
---@param item_ids integer[]  of the lines' top rows
---@param ids table<string, integer>  the last ids used
---@param insert table<string, fun(row: table)>
function rows.document(order, document, name, item_ids, ids, insert)
  local id, item_table = ids[name] + 1, name .. "_item"
  local base, own = document.base, document.order
  local row = {
    entity_id = id,
    increment_id = document.increment,
    order_id = order.id,
    store_id = order.store.id,
    state = document.state,
    created_at = text.date(document.at),
    updated_at = text.date(document.at),
    email_sent = 1,
    shipping_address_id = not order.virtual and order.id * 2 or nil,
    transaction_id = order.online and ("TXN-%d-%d"):format(order.id, id) or nil,
    discount_description = order.coupon.text,
  }
  put_currencies(row, order)
  put_amounts(row, base, own)
  local positive, negative = document.positive, document.negative
  put(row, "grand_total", base.grand_total + positive.base - negative.base,
    own.grand_total + positive.order - negative.order)
  if name == "sales_creditmemo" then
    row.invoice_id = order.online and order.invoice_id or nil
    put(row, "adjustment_positive", positive.base, positive.order)
    put(row, "adjustment_negative", negative.base, negative.order)
  else
    order.invoice_id = order.invoice_id or id
  end
  local total_qty = 0
  for place, piece in ipairs(document.pieces) do
    local qty, line = piece.to - piece.from, order.lines[piece.index]
    local item_id = ids[item_table] + 1
    insert[item_table](document_item(id, item_ids[piece.index], qty, base.lines[place],
      own.lines[place], item_id))
    if line.variant ~= nil then
      item_id = item_id + 1
      insert[item_table](document_item(id, item_ids[piece.index] + 1, qty, NOTHING, NOTHING,
        item_id))
    end
    ids[item_table] = item_id
    total_qty = total_qty + qty
  end
  row.total_qty = total_qty
  ids[name] = id
  insert[name](row)
end

return rows
