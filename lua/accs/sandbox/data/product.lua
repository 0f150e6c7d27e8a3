--- Reading, saving and deleting a product. Bodies are read by SQLite's JSON functions.
local shape = require "accs.sandbox.data.shape"
local text = require "accs.sandbox.data.text"

local product = {}

---@class accs.sandbox.Failure  an error body to be
---@field status integer
---@field message string  a template
---@field parameters? table  by name or a list

local NOT_FOUND <const> =
  "The product that was requested doesn't exist. Verify the product and try again."

---@param message string
---@param parameters? table
---@return nil, accs.sandbox.Failure
local function bad_request(message, parameters)
  return nil, { status = 400, message = message, parameters = parameters }
end

-- Top-level properties: the type that errors name.
local TYPES = {
  sku = "string", name = "string", type_id = "string", created_at = "string",
  updated_at = "string", attribute_set_id = "int", status = "int", visibility = "int",
  price = "float", weight = "float",
}

local DECIMALS = { price = true, weight = true }
local LISTS = { product_links = true, options = true, media_gallery_entries = true,
  tier_prices = true }
local READ_ONLY = { id = true }

local function snake_case(name)
  return (name:gsub("%u", function(letter)
    return "_" .. letter:lower()
  end))
end

local function upper_camel_case(name)
  return (("_" .. name):gsub("_(%w)", string.upper))
end

local function type_error(name, value, wanted)
  return bad_request(('Error occurred during "%s" processing. The "%s" value\'s type is invalid. '
    .. 'The "%s" type was expected. Verify and try again.'):format(name, value, wanted))
end

-- A scalar as its type wants it; numbers may come as text, as PHP's is_numeric allows.
local function scalar(name, kind, value)
  local wanted = TYPES[name]
  if kind == "array" or kind == "object" then
    return type_error(name, "array", wanted)
  end
  if wanted == "string" then
    return tostring(value)
  end
  local number = tonumber(value)
  if kind == "true" or kind == "false" or number == nil or tostring(value):find("^%s*0[xX]") then
    return type_error(name, kind == "text" and value or kind, wanted)
  end
  if not DECIMALS[name] then
    return math.tointeger(number) or math.tointeger(number // 1)
  end
  if number < 0 then
    return bad_request("Please enter a number 0 or greater in this field.")
  elseif number >= 1e11 then
    return type_error(name, value, wanted)
  end
  return math.tointeger((number * 10000 + 0.5) // 1)
end

-- The body's fields by column, checked.
local function read_fields(db, body)
  local fields = {}
  for key, kind, value in db:rows("SELECT key, type, value FROM json_each(?, '$.product')", body) do
    local name = snake_case(key)
    if name == "custom_attributes" or name == "extension_attributes" or LISTS[name] then
      local wanted = name == "extension_attributes" and "object" or "array"
      if kind ~= wanted and kind ~= "null" and value ~= "[]" then
        return bad_request("Not all parameters valid.")
      end
      fields[name] = kind == wanted and value or nil
    elseif TYPES[name] == nil and not READ_ONLY[name] then
      return bad_request('"%fieldName" is not supported. Correct the field name and try again.',
        { fieldName = upper_camel_case(name) })
    elseif TYPES[name] ~= nil and kind ~= "null" then
      local read, failure = scalar(name, kind, value)
      if failure ~= nil then
        return nil, failure
      end
      fields[name] = read
    end
  end
  return fields
end

-- A new attribute takes the place of the one with its code; null removes it.
local MERGE <const> = [[
  SELECT '[' || ifnull(group_concat(text, ','), '') || ']' FROM (
    SELECT value AS text FROM json_each(?1) WHERE json_extract(value, '$.attribute_code')
      NOT IN (SELECT json_extract(value, '$.attribute_code') FROM json_each(?2))
    UNION ALL
    SELECT value FROM json_each(?2) WHERE json_extract(value, '$.value') IS NOT NULL)
]]

local function merged_attributes(db, old, new)
  local wrong = db:row("SELECT 1 FROM json_each(?)"
    .. " WHERE type <> 'object' OR json_extract(value, '$.attribute_code') IS NULL", new)
  if wrong then
    return bad_request("Not all parameters valid.")
  end
  return (db:row(MERGE, old, new))
end

local function put_extensions(db, row, extensions)
  local qty, in_stock, websites, links = db:row(
    "SELECT json_extract(?1, '$.stock_item.qty'), json_extract(?1, '$.stock_item.is_in_stock'),"
      .. " json_extract(?1, '$.website_ids'), json_extract(?1, '$.category_links')", extensions)
  if tonumber(qty) ~= nil then
    row.qty = math.tointeger((tonumber(qty) * 10000 + 0.5) // 1)
    row.is_in_stock = row.qty > 0 and 1 or 0
  end
  if in_stock ~= nil then
    row.is_in_stock = (in_stock == 1 or in_stock == "1") and 1 or 0
  end
  row.website_ids = websites or row.website_ids
  return links
end

local function save_links(db, id, links)
  db:run("DELETE FROM catalog_category_product WHERE product_id = ?", id)
  db:run("INSERT OR REPLACE INTO catalog_category_product SELECT ?1,"
    .. " CAST(json_extract(value, '$.category_id') AS INTEGER),"
    .. " ifnull(json_extract(value, '$.position'), 0) FROM json_each(?2)"
    .. " WHERE json_extract(value, '$.category_id') IS NOT NULL", id, links)
end

local STORED = { "sku", "name", "attribute_set_id", "price", "status", "visibility", "type_id",
  "created_at", "updated_at", "weight", "website_ids", "qty", "is_in_stock", "product_links",
  "options", "media_gallery_entries", "tier_prices", "custom_attributes" }

-- Fields of the body that go into their columns as they are.
local SETTABLE = { "name", "attribute_set_id", "price", "status", "visibility", "type_id", "weight",
  "product_links", "options", "media_gallery_entries", "tier_prices" }

-- What a product has that the body does not say.
local function new_row(sku)
  return {
    sku = sku,
    name = sku,
    attribute_set_id = 4,
    price = 0,
    status = 1,
    visibility = 4,
    type_id = "simple",
    weight = 10000,
    website_ids = "[1]",
    qty = 0,
    is_in_stock = 0,
    product_links = "[]",
    options = "[]",
    media_gallery_entries = "[]",
    tier_prices = "[]",
    custom_attributes = "[]",
  }
end

local function stored_row(db, sku)
  local names = "entity_id, " .. table.concat(STORED, ", ")
  local values = { db:row("SELECT " .. names .. " FROM catalog_product WHERE sku = ?", sku) }
  if values[1] == nil then
    return nil
  end
  local row = {}
  for i, name in ipairs(STORED) do
    row[name] = values[i + 1]
  end
  return row, values[1]
end

local function write_row(db, row, id)
  local values, marks = {}, {}
  for i, name in ipairs(STORED) do
    values[i] = row[name]
    marks[i] = id and name .. " = ?" or "?"
  end
  local count = #STORED
  if id ~= nil then
    values[count + 1] = id
    db:run("UPDATE catalog_product SET " .. table.concat(marks, ", ") .. " WHERE entity_id = ?",
      table.unpack(values, 1, count + 1))
    return id
  end
  local _, new_id = db:run(("INSERT INTO catalog_product(%s) VALUES(%s)"):format(
    table.concat(STORED, ", "), table.concat(marks, ", ")), table.unpack(values, 1, count))
  return new_id
end

local function checked_body(db, body)
  if db:row("SELECT json_valid(?)", body) ~= 1 then
    return bad_request("Decoding error.")
  elseif db:row("SELECT json_type(?, '$.product')", body) ~= "object" then
    return bad_request('"%fieldName" is required. Enter and try again.', { fieldName = "product" })
  end
  return read_fields(db, body)
end

--- A product.
---@param db accs.sandbox.Database
---@param sku string
---@return string?  JSON; nil when there is none
function product.json(db, sku)
  return (db:row("SELECT " .. shape.resources.products.json
    .. " FROM catalog_product r WHERE r.sku = ?", sku))
end

--- Creates a product, or changes the given fields of the one that has the SKU (POST and PUT both
--- do either, as in Commerce).
---@param db accs.sandbox.Database
---@param body string  JSON: `{"product": {"sku": ..., ...}}`
---@param sku? string  of the path; it overrides the body's
---@return string?  the saved product's JSON
---@return accs.sandbox.Failure?  what was wrong with the body
--- Example: `data.product_save(db, '{"product":{"price":9.5}}', "BAG-00001")`
function product.save(db, body, sku)
  local fields, failure = checked_body(db, body)
  if fields == nil then
    return nil, failure
  end
  sku = sku or fields.sku
  if sku == nil or sku == "" then
    return bad_request('"%fieldName" is required. Enter and try again.', { fieldName = "sku" })
  end
  local now = text.date(os.time())
  local row, id = stored_row(db, sku)
  row = row or new_row(sku)
  row.created_at = row.created_at or now
  row.updated_at = now
  for _, name in ipairs(SETTABLE) do
    if fields[name] ~= nil then
      row[name] = fields[name]
    end
  end
  if fields.custom_attributes ~= nil then
    row.custom_attributes, failure =
      merged_attributes(db, row.custom_attributes, fields.custom_attributes)
    if failure ~= nil then
      return nil, failure
    end
  end
  local links = fields.extension_attributes and put_extensions(db, row, fields.extension_attributes)
  db:exec "SAVEPOINT product"
  local ok, message = pcall(function()
    id = write_row(db, row, id)
    if links ~= nil then
      save_links(db, id, links)
    end
  end)
  db:exec(ok and "RELEASE product" or "ROLLBACK TO product; RELEASE product")
  if not ok then
    error(message, 0)
  end
  return product.json(db, sku)
end

--- Deletes a product.
---@param db accs.sandbox.Database
---@param sku string
---@return true?
---@return accs.sandbox.Failure?  404 when there is none
function product.delete(db, sku)
  local id = db:row("SELECT entity_id FROM catalog_product WHERE sku = ?", sku)
  if id == nil then
    return nil, { status = 404, message = NOT_FOUND }
  end
  db:run("DELETE FROM catalog_category_product WHERE product_id = ?", id)
  db:run("DELETE FROM catalog_product WHERE entity_id = ?", id)
  return true
end

return product
