--- What each table of the sandbox's shop holds, a column named as the API names the field.
--
-- One line a column: `name kind [flags] [= expression]`.
--   kind     key      INTEGER PRIMARY KEY
--            int      whole number
--            bool     0 or 1; JSON true and false
--            decimal  whole number in 1/10000 (amounts, rates, weights); JSON as PHP prints
--                     a float: 34, 34.5
--            pair     two decimals, `base_<name>` and `<name>`; `{}` in the expression stands
--                     for the prefix
--            text     any text, compared without regard to case as MySQL's collation does
--            code     text that never needs escaping (dates, codes, ids in strings)
--            json     text that is JSON already
--   flags    hidden   not in the JSON
--            internal not in the JSON and no search field
--            as:NAME  the JSON name, where it is not the search field's
--   = expr   a virtual column, computed from the others
local columns = {}

columns.sandbox_meta = [[
  name code
  value code
]]

columns.store = [[
  store_id key
  code code
  website_id int
  name text
  order_name text
  locale code
  base_currency_code code
  default_display_currency_code code
  timezone code
  weight_unit code
]]

columns.catalog_category = [[
  entity_id key
  parent_id int
  name text
  is_active bool
  position int
  level int
]]

columns.catalog_product = [[
  entity_id key as:id
  sku text
  name text
  attribute_set_id int
  price decimal
  status int
  visibility int
  type_id text
  created_at code
  updated_at code
  weight decimal
  website_ids json internal
  qty decimal internal
  is_in_stock bool internal
  configurable json internal
  product_links json hidden
  options json hidden
  media_gallery_entries json hidden
  tier_prices json hidden
  custom_attributes json hidden
]]

columns.address = [[
  entity_id key
  customer_id int
  firstname text
  lastname text
  company text
  street text
  city text
  region text
  region_code code
  region_id int
  postcode code
  country_id code
  telephone code
  email text
]]

columns.customer = [[
  entity_id key as:id
  group_id int
  default_billing code
  default_shipping code
  created_at code
  updated_at code
  created_in text
  dob code
  email text
  firstname text
  lastname text
  middlename text
  prefix text
  gender int
  store_id int
  taxvat code
  website_id int
  disable_auto_group_change int = 0
  is_subscribed bool internal
]]

local CURRENCIES = [[
  base_currency_code code
  order_currency_code code
  global_currency_code code
  store_currency_code code
  base_to_global_rate decimal
  base_to_order_rate decimal
  store_to_base_rate decimal
  store_to_order_rate decimal
]]

columns.sales_order = [[
  entity_id key
  increment_id code
  state code
  status text
  store_id int
  created_at code
  updated_at code
  customer_id int
  customer_email text
  customer_firstname text
  customer_lastname text
  customer_group_id int
  customer_is_guest int
  customer_gender int
  customer_note_notify int = 1
  coupon_code text
  discount_description text
  applied_rule_ids code
  is_virtual int
  email_sent int
  total_item_count int
  total_qty_ordered int
  base_total_qty_ordered int = total_qty_ordered
  weight decimal
  quote_id int = entity_id + 1000
  protect_code code
  remote_ip code
  shipping_description text
  hold_before_state code
  hold_before_status code
  relation_child_id code
  relation_child_real_id code
  relation_parent_id code
  relation_parent_real_id code
  original_increment_id code
  edit_increment int
  billing_address_id int = entity_id * 2 - 1
  shipping_address_id int hidden = iif(is_virtual, NULL, entity_id * 2)
  shipping_method code internal
  payment_method code internal
  cc_last4 code internal
  tax_percent decimal internal
  address_source int internal
  shipping_source int internal
  subtotal pair
  subtotal_incl_tax pair
  discount_amount pair
  tax_amount pair
  shipping_amount pair
  shipping_incl_tax pair
  shipping_tax_amount pair
  shipping_discount_amount pair
  discount_tax_compensation_amount pair = 0
  grand_total pair
  subtotal_invoiced pair
  tax_invoiced pair
  shipping_invoiced pair
  discount_invoiced pair
  total_invoiced pair
  total_paid pair
  total_due pair = {}grand_total - ifnull({}total_paid, 0)
  base_total_invoiced_cost decimal
  subtotal_canceled pair
  tax_canceled pair
  shipping_canceled pair
  discount_canceled pair
  total_canceled pair
  subtotal_refunded pair
  tax_refunded pair
  shipping_refunded pair
  shipping_tax_refunded pair
  discount_refunded pair
  adjustment_positive pair
  adjustment_negative pair
  total_refunded pair
  total_online_refunded pair
  total_offline_refunded pair
]] .. CURRENCIES

columns.sales_order_item = [[
  item_id key
  order_id int
  parent_item_id int
  quote_item_id int = item_id + 5000
  store_id int
  created_at code
  updated_at code
  product_id int
  product_type code
  sku text
  name text
  weight decimal
  row_weight decimal = weight * qty_ordered
  is_virtual int
  is_qty_decimal int = 0
  free_shipping int = 0
  no_discount int = 0
  qty_ordered int
  qty_invoiced int
  qty_shipped int
  qty_refunded int
  qty_canceled int
  base_cost decimal
  price pair
  original_price pair = {}price
  price_incl_tax pair
  row_total pair
  row_total_incl_tax pair
  tax_percent decimal
  tax_amount pair
  tax_before_discount pair = {}row_total_incl_tax - {}row_total
  discount_percent decimal
  discount_amount pair
  discount_tax_compensation_amount pair = 0
  row_invoiced pair
  tax_invoiced pair
  discount_invoiced pair
  amount_refunded pair
  tax_refunded pair
  discount_refunded pair
  product_option json hidden
]]

local DOCUMENT = [[
  entity_id key
  increment_id code
  order_id int
  store_id int
  state int
  created_at code
  updated_at code
  email_sent int
  billing_address_id int = order_id * 2 - 1
  shipping_address_id int
  transaction_id code
  discount_description text
  subtotal pair
  subtotal_incl_tax pair
  discount_amount pair
  tax_amount pair
  shipping_amount pair
  shipping_incl_tax pair
  shipping_tax_amount pair
  discount_tax_compensation_amount pair = 0
  grand_total pair
]] .. CURRENCIES

columns.sales_invoice = DOCUMENT .. [[
  total_qty int
  can_void_flag int = 0
  is_used_for_refund int
  base_total_refunded decimal
]]

columns.sales_creditmemo = DOCUMENT .. [[
  invoice_id int
  adjustment_positive pair
  adjustment_negative pair
  adjustment pair = {}adjustment_positive - {}adjustment_negative
]]

local DOCUMENT_ITEM = [[
  entity_id key
  parent_id int
  order_item_id int
  qty int
  row_total pair
  row_total_incl_tax pair
  tax_amount pair
  discount_amount pair
]]

columns.sales_invoice_item = DOCUMENT_ITEM
columns.sales_creditmemo_item = DOCUMENT_ITEM

return columns
