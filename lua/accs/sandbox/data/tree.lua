--- The category tree and the store views' settings.
local text = require "accs.sandbox.data.text"

local tree = {}

local quote = text.quote
local DEFAULT_ROOT <const> = 2

local function node_json(db, row, depth)
  local children = {}
  if depth ~= 0 then
    for id in db:rows(
      "SELECT entity_id FROM catalog_category WHERE parent_id = ? ORDER BY position", row.id) do
      children[#children + 1] = id
    end
    for i, id in ipairs(children) do
      children[i] = tree.categories_json(db, id, depth and depth - 1)
    end
  end
  return ('{"id":%d,"parent_id":%d,"name":%s,"is_active":%s,"position":%d,"level":%d,'
    .. '"product_count":%d,"children_data":[%s]}'):format(row.id, row.parent, quote(row.name),
    row.active ~= 0 and "true" or "false", row.position, row.level, row.products,
    table.concat(children, ","))
end

--- The category tree.
---@param db accs.sandbox.Database
---@param root? integer  id of its top; the store's root category (2) by default
---@param depth? integer  levels below the top; all by default
---@return string?  JSON; nil when there is no such category
function tree.categories_json(db, root, depth)
  local row = {}
  row.id, row.parent, row.name, row.active, row.position, row.level, row.products = db:row(
    "SELECT entity_id, parent_id, name, is_active, position, level, (SELECT count(*)"
      .. " FROM catalog_category_product p WHERE p.category_id = c.entity_id)"
      .. " FROM catalog_category c WHERE entity_id = ?", root or DEFAULT_ROOT)
  return row.id and node_json(db, row, depth) or nil
end

local HOST <const> = "https://shop.example.com/"

--- The store views' settings.
---@param db accs.sandbox.Database
---@param codes? string[]  just those; unknown ones are left out, as Commerce does
---@return string  a JSON list
function tree.store_configs_json(db, codes)
  local wanted
  if codes ~= nil and #codes > 0 then
    wanted = {}
    for _, code in ipairs(codes) do
      wanted[code] = true
    end
  end
  local list = {}
  for id, code, website, locale, base, display, timezone, unit in db:rows(
    "SELECT store_id, code, website_id, locale, base_currency_code,"
      .. " default_display_currency_code, timezone, weight_unit FROM store ORDER BY store_id") do
    if wanted == nil or wanted[code] then
      local parts = {
        ('{"id":%d,"code":"%s","website_id":%d,"locale":"%s","base_currency_code":"%s",'
          .. '"default_display_currency_code":"%s","timezone":"%s","weight_unit":"%s"'):format(
          id, code, website, locale, base, display, timezone, unit),
      }
      for _, prefix in ipairs { "", "secure_" } do
        parts[#parts + 1] = ('"%sbase_url":"%s","%sbase_link_url":"%s%s/",'
          .. '"%sbase_static_url":"%sstatic/","%sbase_media_url":"%smedia/"'):format(
          prefix, HOST, prefix, HOST, code, prefix, HOST, prefix, HOST)
      end
      list[#list + 1] = table.concat(parts, ",") .. "}"
    end
  end
  return "[" .. table.concat(list, ",") .. "]"
end

return tree
