--- What is known of the service's lists: the key that orders each one, and its habits.
---
--- Data, not rules: a path that is not here works as well, in page mode without a key.
--- Source: the open core of Commerce 2.4 (behaviour of each list), and Adobe's schema of the API.
local catalogue = {}

--- A list of the service.
---@class accs.List
---@field sort string|nil  field to search and sort by that is unique and grows; nil: none is known
---@field key string[]  names in the reply that tell one row from another; {} where there are none
---@field custom table<string, true>|nil  filters that are ANDed even inside an OR group
---@field bare boolean|nil  replies an array without a count
---@field page_count boolean|nil  `total_count` counts the rows of the page, not of the list
---@field columns string[]|nil  what a table of this list shows when nothing was chosen

local function set(...)
  local names = {}
  for _, name in ipairs { ... } do
    names[name] = true
  end
  return names
end

local LISTS = {
  ["products"] = {
    sort = "entity_id", key = { "id" },
    custom = set("category_id", "store", "store_id", "website_id"),
    columns = { "id", "sku", "name", "type_id", "status", "price" },
  },
  ["categories/list"] = {
    sort = "entity_id", key = { "id" },
    columns = { "id", "parent_id", "name", "is_active", "position", "level" },
  },
  ["customers/search"] = {
    sort = "entity_id", key = { "id" },
    columns = { "id", "email", "firstname", "lastname", "group_id", "created_at" },
  },
  ["customerGroups/search"] = { sort = "id", key = { "id" }, columns = { "id", "code" } },
  ["orders"] = {
    sort = "entity_id", key = { "entity_id" },
    columns = { "entity_id", "increment_id", "created_at", "status", "grand_total",
      "order_currency_code" },
  },
  ["orders/items"] = {
    sort = "item_id", key = { "item_id" },
    columns = { "item_id", "order_id", "sku", "name", "qty_ordered", "row_total" },
  },
  ["invoices"] = {
    sort = "entity_id", key = { "entity_id" },
    columns = { "entity_id", "order_id", "created_at", "state", "grand_total",
      "order_currency_code" },
  },
  ["shipments"] = {
    sort = "entity_id", key = { "entity_id" },
    columns = { "entity_id", "order_id", "created_at", "total_qty" },
  },
  ["creditmemos"] = {
    sort = "entity_id", key = { "entity_id" },
    columns = { "entity_id", "order_id", "created_at", "state", "grand_total",
      "order_currency_code" },
  },
  ["transactions"] = { sort = "transaction_id", key = { "transaction_id" } },
  ["returns"] = { key = { "entity_id" } },
  ["carts/search"] = { sort = "entity_id", key = { "id" } },
  ["carts/licence/list"] = { sort = "agreement_id", key = { "agreement_id" }, bare = true },
  ["coupons/search"] = {
    sort = "coupon_id", key = { "coupon_id" },
    columns = { "coupon_id", "rule_id", "code", "times_used", "created_at" },
  },
  ["salesRules/search"] = {
    sort = "rule_id", key = { "rule_id" },
    columns = { "rule_id", "name", "is_active", "from_date", "to_date" },
  },
  ["taxRates/search"] = { sort = "tax_calculation_rate_id", key = { "id" } },
  ["taxRules/search"] = { sort = "id", key = { "id" } },
  ["taxClasses/search"] = { sort = "class_id", key = { "class_id" } },
  ["products/attributes"] = { sort = "attribute_id", key = { "attribute_id" } },
  ["categories/attributes"] = { sort = "attribute_id", key = { "attribute_id" } },
  ["eav/attribute-sets/list"] = {
    sort = "attribute_set_id", key = { "attribute_set_id" }, custom = set("entity_type_code"),
  },
  ["products/attribute-sets/sets/list"] = {
    sort = "attribute_set_id", key = { "attribute_set_id" }, custom = set("entity_type_code"),
  },
  ["products/attribute-sets/groups/list"] = {
    sort = "attribute_group_id", key = { "attribute_group_id" },
    custom = set("attribute_set_id", "attribute_group_code"),
  },
  ["inventory/sources"] = { sort = "source_code", key = { "source_code" } },
  ["inventory/source-items"] = {
    sort = "source_item_id", key = { "sku", "source_code" },
    columns = { "sku", "source_code", "quantity", "status" },
  },
  ["inventory/stock-source-links"] = { sort = "link_id", key = { "stock_id", "source_code" } },
  ["inventory/stocks"] = { sort = "stock_id", key = { "stock_id" } },
  -- The id of /V1/bulk is the index in its bulk in newer versions, so it is no key.
  ["bulk"] = { key = { "bulk_uuid", "id" } },
  ["company"] = { key = { "id" } },
  ["company/role"] = { key = { "id" } },
  ["company/relations"] = { key = { "company_id" } },
  ["team"] = { sort = "team_id", key = { "id" } },
  ["companyCredits"] = { key = { "id" } },
  ["companyCredits/history"] = { key = { "id" } },
  ["sharedCatalog"] = { key = { "id" } },
  ["gift-wrappings"] = { key = { "wrapping_id" } },
  ["giftcardaccounts"] = { key = { "account_id" } },
  ["customerSegments/search"] = { key = { "id" } },
}

local SALABLE = { key = { "sku" }, page_count = true }

--- The part of a path that names the resource: without version, query and outer slashes.
---@param path string
---@return string
--- Example: `catalogue.resource("/V1/orders?a=1") --> "orders"`
function catalogue.resource(path)
  return (path:gsub("[?#].*$", ""):gsub("^/*[Vv]%d+/", ""):gsub("/+$", ""):gsub("^/+", ""))
end

--- What is known of a list.
---@param path string  as given to `client:items`
---@return accs.List|nil
--- Example: `catalogue.list("/V1/products").sort --> "entity_id"`
function catalogue.list(path)
  local resource = catalogue.resource(path)
  if resource:find("^inventory/export%-stock%-salable%-qty/") then
    return SALABLE
  end
  return LISTS[resource]
end

return catalogue
