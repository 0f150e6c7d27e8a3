--- The calls of the Commerce tenant.
local data = require "accs.sandbox.data"
local errors = require "accs.sandbox.errors"
local json = require "accs.sandbox.json"
local list = require "accs.sandbox.list"
local router = require "accs.sandbox.router"

local tenant = {}

-- Lists and the resource behind each.
local LISTS = {
  ["/V1/products"] = "products",
  ["/V1/orders"] = "orders",
  ["/V1/orders/items"] = "order_items",
  ["/V1/invoices"] = "invoices",
  ["/V1/creditmemos"] = "creditmemos",
  ["/V1/customers/search"] = "customers",
}

local function no_product()
  return errors.commerce(404,
    "The product that was requested doesn't exist. Verify the product and try again.")
end

-- The reply to what the data refused: { status, message, parameters by name or as a list }.
local function refusal(failure)
  local parameters = failure.parameters
  local text
  if parameters and #parameters > 0 then
    local values = {}
    for i, value in ipairs(parameters) do
      values[i] = json.quote(value)
    end
    text = json.array(values)
  elseif parameters then
    local members = {}
    for name, value in pairs(parameters) do
      members[#members + 1] = name
      members[#members + 1] = json.quote(value)
    end
    text = json.object(table.unpack(members))
  end
  return errors.commerce(failure.status, failure.message, text)
end

-- An integer from a path or a parameter; Commerce takes any numeric text.
local function to_integer(text)
  local number = tonumber(text)
  return number and math.tointeger(number // 1)
end

local function get_product(db)
  return function(call)
    local text = data.product_json(db, call.values.sku)
    if not text then
      return no_product()
    end
    return 200, text
  end
end

local function delete_product(db)
  return function(call)
    local done, failure = data.product_delete(db, call.values.sku)
    if not done then
      return refusal(failure)
    end
    return 200, "true"
  end
end

-- POST and PUT: the body holds { "product": {...} }; on PUT the path names the product.
local function save_product(db)
  return function(call)
    if call.body == "" then
      return errors.required("product")
    end
    local text, failure = data.product_save(db, call.body, call.values.sku)
    if not text then
      return refusal(failure)
    end
    return 200, text
  end
end

local function get_order(db)
  return function(call)
    local id = to_integer(call.values.id)
    if not id then
      return errors.wrong_type(call.values.id, "int")
    end
    local text = data.order_json(db, id)
    if not text then
      return errors.commerce(404,
        "The entity that was requested doesn't exist. Verify the entity and try again.")
    end
    return 200, text
  end
end

local function get_categories(db)
  return function(call)
    local values = call:parameters().values
    local numbers = {}
    for _, name in ipairs { "rootCategoryId", "depth" } do
      local text = values[name]
      if text ~= nil and text ~= "" then
        numbers[name] = type(text) == "string" and to_integer(text)
        if not numbers[name] then
          return errors.wrong_type(type(text) == "string" and text or "array", "int")
        end
      end
    end
    local text = data.categories_json(db, numbers.rootCategoryId, numbers.depth)
    if not text then
      return errors.commerce(404, "No such entity with %fieldName = %fieldValue", json.object(
        "fieldName", '"id"', "fieldValue", tostring(numbers.rootCategoryId)))
    end
    return 200, text
  end
end

local function get_store_configs(db)
  return function(call)
    local codes = call:parameters().values.storeCodes
    local wanted
    if type(codes) == "table" then
      wanted = {}
      for i, name in ipairs(codes.names) do
        wanted[i] = codes.values[name]
      end
    end
    return 200, data.store_configs_json(db, wanted)
  end
end

--- The routes of a tenant.
---@param db table  accs.sandbox.native's database, filled by accs.sandbox.data
---@param options { limits: table|nil, repeat_last_page: boolean }
---@return accs.sandbox.Router
--- Example: `local routes = tenant.routes(db, options)`.
function tenant.routes(db, options)
  local routes = router.new()
  local lists = list.new(db, options)
  for template, name in pairs(LISTS) do
    routes:add("GET", template, function(call)
      return lists:answer(data.resources[name], call:parameters())
    end)
  end
  routes:add("GET", "/V1/products/{sku}", get_product(db))
  routes:add("PUT", "/V1/products/{sku}", save_product(db))
  routes:add("DELETE", "/V1/products/{sku}", delete_product(db))
  routes:add("POST", "/V1/products", save_product(db))
  routes:add("GET", "/V1/orders/{id}", get_order(db))
  routes:add("GET", "/V1/categories", get_categories(db))
  routes:add("GET", "/V1/store/storeConfigs", get_store_configs(db))
  return routes
end

return tenant
