--- How each resource of the API looks: the SQL expression that prints a row, and the columns that
--- a search may name.
local sql = require "accs.sandbox.data.sql"
local stores = require "accs.sandbox.data.stores"

local concat, literal, decimal = sql.concat, sql.literal, sql.decimal
local pair, member, members, columns = sql.pair, sql.member, sql.members, sql.columns

local shape = {}

local ADDRESS_FIELDS = { "city", "company", "country_id", "email", "firstname", "lastname",
  "postcode", "region", "region_code", "telephone" }

local function order_address(kind, id, order, source)
  local parts = { literal(('{"address_type":"%s"'):format(kind)) }
  for _, name in ipairs(ADDRESS_FIELDS) do
    parts[#parts + 1] = member(name, "text", "a." .. name)
  end
  parts[#parts + 1] = member("region_id", "int", "a.region_id")
  parts[#parts + 1] = member("customer_address_id", "int", "iif(a.customer_id, a.entity_id, NULL)")
  parts[#parts + 1] = pair("entity_id", "int", id)
  parts[#parts + 1] = pair("parent_id", "int", order)
  parts[#parts + 1] = "',\"street\":[' || json_quote(a.street) || ']}'"
  return ("(SELECT %s FROM address a WHERE a.entity_id = %s)"):format(concat(parts), source)
end

local function item_parts(alias)
  local parts = members("sales_order_item", alias)
  parts[#parts + 1] = member("product_option", "json", alias .. ".product_option")
  return parts
end

-- A child embeds its parent.
local function parent_item(alias)
  local parent = item_parts("p")
  parent[#parent + 1] = "'}'"
  return ("iif(%s.parent_item_id IS NULL, '', ',\"parent_item\":' || "
    .. "(SELECT %s FROM sales_order_item p WHERE p.item_id = %s.parent_item_id))"):format(
    alias, concat(parent), alias)
end

--- An order item inside its order.
local function item_json(alias)
  local parts = item_parts(alias)
  parts[#parts + 1] = parent_item(alias)
  parts[#parts + 1] = "'}'"
  return concat(parts)
end

local function item_row()
  local row = sql.row("sales_order_item")
  row:add("product_option", member("product_option", "json", "r.product_option"))
  row:add("parent_item", parent_item("r"))
  return row
end

local function payment_title()
  local cases = {}
  for i, method in ipairs(stores.payment) do
    cases[i] = ("WHEN '%s' THEN '%s'"):format(method.code, method.title)
  end
  return "CASE r.payment_method " .. table.concat(cases, " ") .. " END"
end

-- The payment's name and the order's column.
local PAYMENT_AMOUNTS = {
  { "amount_ordered", "grand_total" }, { "amount_paid", "total_paid" },
  { "amount_refunded", "total_refunded" }, { "amount_canceled", "total_canceled" },
  { "shipping_amount", "shipping_amount" }, { "shipping_captured", "shipping_invoiced" },
  { "shipping_refunded", "shipping_refunded" },
}

local function payment_json()
  local parts = {
    "'{\"account_status\":null,\"additional_information\":[\"'",
    payment_title(),
    "'\"]'",
    "',\"cc_last4\":' || ifnull('\"' || r.cc_last4 || '\"', 'null')",
    pair("method", "code", "r.payment_method"),
    pair("entity_id", "int", "r.entity_id"),
    pair("parent_id", "int", "r.entity_id"),
  }
  for _, prefix in ipairs { "", "base_" } do
    for _, field in ipairs(PAYMENT_AMOUNTS) do
      parts[#parts + 1] = member(prefix .. field[1], "decimal", "r." .. prefix .. field[2])
    end
  end
  parts[#parts + 1] = "'}'"
  return concat(parts)
end

local function shipping_total_json()
  local parts = { "'{\"shipping_amount\":' || " .. decimal("r.shipping_amount") }
  for _, name in ipairs { "base_shipping_amount", "base_shipping_incl_tax", "shipping_incl_tax",
    "base_shipping_tax_amount", "shipping_tax_amount", "base_shipping_discount_amount",
    "shipping_discount_amount", "base_shipping_invoiced", "shipping_invoiced",
    "base_shipping_canceled", "shipping_canceled", "base_shipping_refunded",
    "shipping_refunded" } do
    parts[#parts + 1] = member(name, "decimal", "r." .. name)
  end
  parts[#parts + 1] = "'}'"
  return concat(parts)
end

-- The items stand in an order twice; the inner query prints them once.
local ITEMS_OF_ORDER = "(SELECT group_concat(%s, ',') AS items FROM sales_order_item i"
  .. " INDEXED BY sales_order_item_order WHERE i.order_id = r.entity_id) t"

local function order_items_json()
  local assignments = concat {
    "'\"shipping_assignments\":[{\"shipping\":{\"address\":'",
    order_address("shipping", "(r.entity_id * 2)", "r.entity_id", "r.address_source"),
    pair("method", "code", "r.shipping_method"),
    "',\"total\":'",
    shipping_total_json(),
    "'},\"items\":[' || t.items || '],\"stock_id\":1}],'",
  }
  local taxes = concat {
    "',\"applied_taxes\":[{\"code\":\"standard\",\"title\":\"Tax\"'",
    pair("percent", "decimal", "r.tax_percent"),
    pair("amount", "decimal", "r.tax_amount"),
    pair("base_amount", "decimal", "r.base_tax_amount"),
    "'}]'",
  }
  local both = concat {
    "',\"items\":[' || t.items || '],\"extension_attributes\":{'",
    "iif(r.is_virtual, '', " .. assignments .. ")",
    "'\"payment_additional_info\":[{\"key\":\"method_title\",\"value\":\"'",
    payment_title(),
    "'\"}]'",
    "iif(r.coupon_code IS NULL, '', ',\"coupon_codes\":[' || json_quote(r.coupon_code) || ']')",
    "iif(r.tax_amount, " .. taxes .. ", '')",
    "'}'",
  }
  return ("(SELECT %s FROM %s)"):format(both, ITEMS_OF_ORDER:format(item_json("i")))
end

local HISTORY = "',\"status_histories\":[{\"comment\":null,\"is_customer_notified\":0,"
  .. "\"is_visible_on_front\":0,\"entity_name\":\"order\",\"entity_id\":' || r.entity_id"
  .. " || ',\"parent_id\":' || r.entity_id || ',\"created_at\":\"' || r.updated_at"
  .. " || '\",\"status\":' || json_quote(r.status) || '}]'"

local function order_row()
  local row = sql.row("sales_order")
  row:add("store_name", "',\"store_name\":' || (SELECT json_quote(s.order_name) FROM store s"
    .. " WHERE s.store_id = r.store_id)")
  row:add("billing_address", "',\"billing_address\":'",
    order_address("billing", "r.billing_address_id", "r.entity_id", "r.address_source"))
  row:add("payment", "',\"payment\":'", payment_json())
  row:add("status_histories", HISTORY)
  row:add({ "items", "extension_attributes" }, order_items_json())
  return row
end

local DOCUMENT_ITEM_FIELDS = {
  { "qty", "int", "d" }, { "sku", "text", "i" }, { "name", "text", "i" },
  { "product_id", "int", "i" }, { "base_cost", "decimal", "i" }, { "base_price", "decimal", "i" },
  { "price", "decimal", "i" }, { "base_price_incl_tax", "decimal", "i" },
  { "price_incl_tax", "decimal", "i" }, { "base_row_total", "decimal", "d" },
  { "row_total", "decimal", "d" }, { "base_row_total_incl_tax", "decimal", "d" },
  { "row_total_incl_tax", "decimal", "d" }, { "base_tax_amount", "decimal", "d" },
  { "tax_amount", "decimal", "d" }, { "base_discount_amount", "decimal", "d" },
  { "discount_amount", "decimal", "d" },
}

local function document_row(name)
  local item = {
    "'{\"entity_id\":' || d.entity_id || ',\"parent_id\":' || d.parent_id",
    pair("order_item_id", "int", "d.order_item_id"),
  }
  for _, field in ipairs(DOCUMENT_ITEM_FIELDS) do
    item[#item + 1] = member(field[1], field[2], field[3] .. "." .. field[1])
  end
  item[#item + 1] = "'}'"
  local row = sql.row(name)
  -- CROSS JOIN keeps the document's items outside, in the order of their ids.
  row:add("items", ("',\"items\":[' || (SELECT group_concat(%s, ',') FROM %s_item d"
    .. " INDEXED BY %s_item_parent CROSS JOIN sales_order_item i ON i.item_id = d.order_item_id"
    .. " WHERE d.parent_id = r.entity_id) || ']'"):format(concat(item), name, name))
  row:add("comments", "',\"comments\":[]'")
  return row
end

local function customer_row()
  local address = { "'{\"id\":' || a.entity_id || ',\"customer_id\":' || a.customer_id" }
  for _, name in ipairs { "city", "company", "country_id", "firstname", "lastname", "postcode",
    "telephone" } do
    address[#address + 1] = member(name, "text", "a." .. name)
  end
  address[#address + 1] = concat {
    "',\"region_id\":' || a.region_id || ',\"region\":{\"region_id\":' || a.region_id",
    "',\"region_code\":\"' || a.region_code || '\",\"region\":' || json_quote(a.region) || '}'",
    "',\"street\":[' || json_quote(a.street) || '],\"default_billing\":true'",
    "',\"default_shipping\":true}'",
  }
  local row = sql.row("customer")
  row:add("addresses", ("',\"addresses\":[' || ifnull((SELECT group_concat(%s, ',') FROM address a"
    .. " WHERE a.customer_id = r.entity_id), '') || ']'"):format(concat(address)))
  row:add("extension_attributes", "',\"extension_attributes\":{\"is_subscribed\":'"
    .. " || iif(r.is_subscribed, 'true', 'false') || '}'")
  return row
end

-- The flags that every stock item has unless a merchant changes them.
local STOCK_DEFAULTS = '"is_qty_decimal":false,"show_default_notification_message":false,'
  .. '"use_config_min_qty":true,"min_qty":0,"use_config_min_sale_qty":1,"min_sale_qty":1,'
  .. '"use_config_max_sale_qty":true,"max_sale_qty":10000,"use_config_backorders":true,'
  .. '"backorders":0,"use_config_notify_stock_qty":true,"notify_stock_qty":1,'
  .. '"use_config_qty_increments":true,"qty_increments":0,"use_config_enable_qty_inc":true,'
  .. '"enable_qty_increments":false,"use_config_manage_stock":true,"manage_stock":true,'
  .. '"low_stock_date":null,"is_decimal_divided":false,"stock_status_changed_auto":0}'

local function product_row()
  local row = sql.row("catalog_product")
  row:add("extension_attributes", concat {
    "',\"extension_attributes\":{\"website_ids\":' || r.website_ids",
    "ifnull(',\"category_links\":[' || (SELECT group_concat('{\"position\":' || c.position"
      .. " || ',\"category_id\":\"' || c.category_id || '\"}', ',') FROM catalog_category_product c"
      .. " WHERE c.product_id = r.entity_id) || ']', '')",
    "',\"stock_item\":{\"item_id\":' || r.entity_id || ',\"product_id\":' || r.entity_id",
    "',\"stock_id\":1,\"qty\":' || " .. decimal("r.qty"),
    "',\"is_in_stock\":' || iif(r.is_in_stock, 'true', 'false') || ','",
    literal(STOCK_DEFAULTS),
    "ifnull(',' || r.configurable, '') || '}'",
  })
  for _, name in ipairs { "product_links", "options", "media_gallery_entries", "tier_prices" } do
    row:add(name, pair(name, "json", "r." .. name))
  end
  row:add("custom_attributes", "iif(r.custom_attributes = '[]', '', ',\"custom_attributes\":'"
    .. " || r.custom_attributes)")
  return row
end

local ATTRIBUTE = "(SELECT json_extract(x.value, '$.value') FROM json_each(r.custom_attributes) x"
  .. " WHERE json_extract(x.value, '$.attribute_code') = '%s')"

local function product_columns()
  local map = columns("catalog_product", "r")
  for _, code in ipairs { "url_key", "description", "short_description", "meta_title", "image",
    "small_image", "thumbnail", "manufacturer", "country_of_manufacture", "tax_class_id", "color",
    "required_options", "has_options", "options_container", "special_from_date" } do
    map[code] = ATTRIBUTE:format(code) .. " COLLATE NOCASE"
  end
  for _, code in ipairs { "special_price", "cost" } do
    map[code] = ("CAST(%s AS REAL)"):format(ATTRIBUTE:format(code))
  end
  return map
end

local function put_address_columns(map, prefix, condition)
  for _, name in ipairs { "firstname", "lastname", "company", "street", "city", "region",
    "postcode", "country_id", "telephone" } do
    map[prefix .. name] = ("(SELECT a.%s FROM address a WHERE %s)"):format(name, condition)
  end
end

local function order_columns()
  local map = columns("sales_order", "r")
  put_address_columns(map, "billing_", "a.entity_id = r.address_source")
  put_address_columns(map, "shipping_", "a.entity_id = r.address_source")
  return map
end

local function customer_columns()
  local map = columns("customer", "r")
  map.name = "(r.firstname || ' ' || r.lastname) COLLATE NOCASE"
  put_address_columns(map, "billing_", "a.entity_id = r.entity_id")
  return map
end

--- Filters of products that are not attributes: `exists` with a condition on `column` put in.
local PRODUCT_CUSTOM = {
  category_id = {
    column = "x.category_id",
    exists = "EXISTS (SELECT 1 FROM catalog_category_product x"
      .. " WHERE x.product_id = r.entity_id AND (%s))",
  },
  website_id = {
    column = "CAST(x.value AS INTEGER)",
    exists = "EXISTS (SELECT 1 FROM json_each(r.website_ids) x WHERE (%s))",
  },
  store_id = {
    column = "x.store_id",
    exists = "EXISTS (SELECT 1 FROM json_each(r.website_ids) w JOIN store x"
      .. " ON x.website_id = w.value WHERE (%s))",
  },
}
PRODUCT_CUSTOM.store = PRODUCT_CUSTOM.store_id

---@class accs.sandbox.Resource
---@field table string
---@field key string  the search name of its key
---@field columns table<string, string>  search field -> SQL over the table as `r`
---@field json string  SQL over `r`: the row's JSON text
---@field row accs.sandbox.Row  prints parts of it
---@field eav boolean  how an unknown field is refused
---@field custom table<string, { column: string, exists: string }>

---@type table<string, accs.sandbox.Resource>
shape.resources = {
  products = { table = "catalog_product", key = "entity_id", columns = product_columns(),
    row = product_row(), eav = true, custom = PRODUCT_CUSTOM },
  orders = { table = "sales_order", key = "entity_id", columns = order_columns(),
    row = order_row(), eav = false, custom = {} },
  order_items = { table = "sales_order_item", key = "item_id",
    columns = columns("sales_order_item", "r"), row = item_row(), eav = false, custom = {} },
  invoices = { table = "sales_invoice", key = "entity_id", columns = columns("sales_invoice", "r"),
    row = document_row("sales_invoice"), eav = false, custom = {} },
  creditmemos = { table = "sales_creditmemo", key = "entity_id",
    columns = columns("sales_creditmemo", "r"), row = document_row("sales_creditmemo"),
    eav = false, custom = {} },
  customers = { table = "customer", key = "entity_id", columns = customer_columns(),
    row = customer_row(), eav = true, custom = {} },
}
for _, resource in pairs(shape.resources) do
  resource.json = resource.row:json()
end

return shape
