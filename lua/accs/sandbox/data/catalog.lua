--- Categories and products, each product computed from its number.
--
-- Products come in blocks of ten: a configurable one, its four variants, five of their own
-- (now and then a virtual one).
local random = require "accs.sandbox.data.random"
local text = require "accs.sandbox.data.text"

local catalog = {}

local DOMAIN <const>, DOMAIN_ROW <const> = 21, 22
local quote = text.quote

-- id, parent, name, position; the children of 3 to 6 take the products.
local CATEGORIES = {
  { 1, 0, "Root Catalog", 0 }, { 2, 1, "Default Category", 1 },
  { 3, 2, "Women", 1 }, { 4, 2, "Men", 2 }, { 5, 2, "Gear", 3 }, { 6, 2, "Home & Garden", 4 },
  { 7, 2, "Sale", 5 }, { 8, 2, "Archive (hidden)", 6 },
  { 9, 3, "Tops", 1 }, { 10, 3, "Dresses", 2 }, { 11, 3, "Shoes", 3 },
  { 12, 4, "Shirts", 1 }, { 13, 4, "Trousers", 2 }, { 14, 4, "Jackets", 3 },
  { 15, 5, "Bags", 1 }, { 16, 5, "Watches", 2 }, { 17, 5, "Fitness", 3 },
  { 18, 6, "Kitchen", 1 }, { 19, 6, "Möbel", 2 }, { 20, 6, "Tools", 3 },
  { 21, 9, "T-Shirts", 1 }, { 22, 9, "Jumpers", 2 }, { 23, 14, "Rain Jackets", 1 },
  { 24, 15, "Backpacks", 1 }, { 25, 15, "Messenger Bags", 2 }, { 26, 18, "Knives", 1 },
}

-- code, noun, categories, lowest and highest price in units of currency, weight in 1/10000
local KINDS = {
  { "TSH", "T-Shirt", { 3, 9, 21 }, 12, 45, 2000 },
  { "JMP", "Jumper", { 3, 9, 22 }, 35, 120, 5000 },
  { "DRS", "Dress", { 3, 10 }, 40, 260, 6000 },
  { "SHO", "Shoes", { 3, 11 }, 45, 220, 11000 },
  { "SHR", "Shirt", { 4, 12 }, 25, 110, 3000 },
  { "TRS", "Trousers", { 4, 13 }, 35, 150, 6500 },
  { "RJK", "Rain Jacket", { 4, 14, 23 }, 60, 340, 9000 },
  { "BPK", "Backpack", { 5, 15, 24 }, 30, 190, 12500 },
  { "MSG", "Messenger Bag", { 5, 15, 25 }, 28, 160, 10000 },
  { "WTC", "Watch", { 5, 16 }, 49, 899, 1500 },
  { "YGA", "Yoga Mat", { 5, 17 }, 15, 80, 14000 },
  { "KNF", "Chef's Knife", { 6, 18, 26 }, 19, 240, 4500 },
  { "PAN", "Frying Pan", { 6, 18 }, 20, 140, 18000 },
  { "CHR", "Chair", { 6, 19 }, 49, 520, 71250 },
  { "DRL", "Cordless Drill", { 6, 20 }, 39, 310, 23375 },
}

local ADJECTIVES = { "Classic", "Light", "Urban", "Alpine", "Vintage", "Everyday", "Pro", "Eco",
  "Compact", "Grand", "Nordic", "Café", "Quiet", "Bold", "Summer", "Winter" }
local MATERIALS = { "Cotton", "Linen", "Wool", "Leather", "Canvas", "Steel", "Oak", "Nylon" }
local MAKERS = { "Aurora", "Bergmann & Söhne", "Cedar Lane", "Doré", "Eastwind" }
local COUNTRIES = { "PT", "IT", "DE", "TR", "VN", "US" }

-- The variants of a configurable product: label and option id of attribute 93 (color).
local COLORS = { { "Black", 49 }, { "Blue", 50 }, { "Red", 58 }, { "Green", 53 } }
local COLOR_ATTRIBUTE <const> = 93

---@class accs.sandbox.Product
---@field id integer
---@field sku string
---@field name string
---@field kind string  type_id
---@field price integer  1/10000
---@field cost integer  1/10000
---@field weight? integer  1/10000; absent for a virtual one
---@field parent? integer  number of the configurable product that it is a variant of
---@field color? integer  index of the variant's color
---@field variants? integer  of a configurable product

local function type_of(number, count)
  local place = (number - 1) % 10
  local variants = math.min(4, count - number)
  if place == 0 and variants > 0 then
    return "configurable", variants
  elseif place == 9 and number // 10 % 4 == 1 then
    return "virtual"
  end
  return "simple", nil, place >= 1 and place <= 4 and number - place or nil, place
end

-- SKUs that trouble clients which join URLs carelessly: about one in forty.
local ODD = {
  function(sku) return sku .. "/A" end,
  function(sku) return sku .. "+XL" end,
  function(sku) return (sku:gsub("-", " ", 1)) end,
  function(sku) return sku .. " 100%" end,
  function(sku) return sku .. ' 14"' end,
  function(sku) return "Größe-" .. sku end,
  function(sku) return sku .. "?#&=" end,
  function(sku) return sku .. "'s" end,
}

local function compute(seed, number, count)
  local kind, variants, parent, place = type_of(number, count)
  local rng = random.stream(seed, DOMAIN, parent or number)
  local sort = rng:pick(KINDS)
  local price = rng:int(sort[4] * 100, sort[5] * 100) * 100
  if rng:chance(600) then
    price = price // 10000 * 10000 + 9900
  elseif rng:chance(60) then
    price = price + rng:int(1, 99) -- four decimals: prices of business contracts
  end
  local name = ("%s %s %s"):format(rng:pick(ADJECTIVES), rng:pick(MATERIALS), sort[2])
  local sku = ("%s-%05d"):format(sort[1], parent or number)
  local weight = sort[6]
  if kind == "virtual" then
    name, sku, weight = name .. " Care Plan", "CARE-" .. sku, nil
  elseif parent ~= nil then
    sku = sku .. "-" .. COLORS[place][1]:upper()
    name = name .. "-" .. COLORS[place][1]
  elseif rng:chance(40) then
    sku = ODD[number // 10 % #ODD + 1](sku)
  end
  return {
    id = number,
    sku = sku,
    name = name,
    kind = kind,
    price = price,
    cost = price * rng:int(35, 62) // 10000 * 100,
    weight = weight,
    parent = parent,
    color = parent and place,
    variants = variants,
  }, sort
end

--- Products by number, the last few thousand kept.
---@param sizes accs.sandbox.Sizes
---@return fun(number: integer): accs.sandbox.Product
function catalog.reader(sizes)
  local kept, held = {}, 0
  return function(number)
    local product = kept[number]
    if product == nil then
      product = compute(sizes.seed, number, sizes.products)
      if held >= 8192 then
        kept, held = {}, 0
      end
      kept[number] = product
      held = held + 1
    end
    return product
  end
end

--- What a customer chose of a configurable product, as an order item keeps it.
---@param variant accs.sandbox.Product
---@return string  JSON
function catalog.chosen(variant)
  return ('{"extension_attributes":{"configurable_item_options":'
    .. '[{"option_id":"%d","option_value":%d}]}}'):format(COLOR_ATTRIBUTE, COLORS[variant.color][2])
end

local function configurable_json(product)
  local values, links = {}, {}
  for i = 1, product.variants do
    values[i] = ('{"value_index":%d}'):format(COLORS[i][2])
    links[i] = ("%d"):format(product.id + i)
  end
  return ('"configurable_product_options":[{"id":%d,"attribute_id":"%d","label":"Color",'
    .. '"position":0,"values":[%s],"product_id":%d}],"configurable_product_links":[%s]'):format(
    product.id, COLOR_ATTRIBUTE, table.concat(values, ","), product.id, table.concat(links, ","))
end

local function attributes_json(product, rng, sort)
  local image = ("/%s/%s-%d.jpg"):format(sort[1]:sub(1, 1):lower(), sort[1]:lower(), product.id)
  local maker = rng:pick(MAKERS)
  local list = {}
  local function add(code, value)
    list[#list + 1] = ('{"attribute_code":"%s","value":%s}'):format(code, value)
  end
  add("image", quote(image))
  add("small_image", quote(image))
  add("thumbnail", quote(image))
  add("options_container", '"container2"')
  add("url_key", quote((product.name:lower():gsub("[^%w]+", "-")) .. "-" .. product.id))
  add("required_options", product.variants and '"1"' or '"0"')
  add("has_options", product.variants and '"1"' or '"0"')
  add("tax_class_id", '"2"')
  local ids = {}
  for i, id in ipairs(sort[3]) do
    ids[i] = '"' .. id .. '"'
  end
  add("category_ids", "[" .. table.concat(ids, ",") .. "]")
  add("description", quote(("<p>The %s by %s.</p>\n<ul><li>Made to last &amp; easy to repair</li>"
    .. "<li>Material: %s</li></ul>"):format(product.name, maker, rng:pick(MATERIALS))))
  add("short_description", quote(product.name .. ", " .. maker))
  add("meta_title", quote(product.name))
  add("manufacturer", quote(maker))
  add("country_of_manufacture", quote(rng:pick(COUNTRIES)))
  if product.color ~= nil then
    add("color", ('"%d"'):format(COLORS[product.color][2]))
  end
  if rng:chance(150) then
    add("special_price", quote(text.decimal(product.price * rng:int(60, 90) // 10000 * 100)))
    add("special_from_date", '"2026-01-01 00:00:00"')
  end
  add("cost", quote(text.decimal(product.cost)))
  return "[" .. table.concat(list, ",") .. "]", image
end

local function product_row(product, sort, sizes)
  local rng = random.stream(sizes.seed, DOMAIN_ROW, product.id)
  local created = rng:int(sizes.first - 900 * 86400, sizes.first - 86400)
  local updated = rng:int(created, sizes.last)
  local attributes, image = attributes_json(product, rng, sort)
  local qty = product.variants and 0 or (rng:chance(930) and rng:int(1, 900) or 0)
  return {
    entity_id = product.id,
    sku = product.sku,
    name = product.name,
    attribute_set_id = product.id % 3 == 0 and 9 or 4,
    price = product.variants and 0 or product.price,
    status = rng:chance(970) and 1 or 2,
    visibility = product.parent and 1 or 4,
    type_id = product.kind,
    created_at = text.date(created),
    updated_at = text.date(updated),
    weight = not product.variants and product.weight or nil,
    website_ids = rng:chance(850) and "[1,2]" or "[1]",
    qty = qty * 10000,
    is_in_stock = product.variants ~= nil or qty > 0,
    configurable = product.variants and configurable_json(product) or nil,
    product_links = "[]",
    options = "[]",
    media_gallery_entries = ('[{"id":%d,"media_type":"image","label":%s,"position":1,'
      .. '"disabled":false,"types":["image","small_image","thumbnail"],"file":%s}]'):format(
      product.id, quote(product.name), quote(image)),
    tier_prices = rng:chance(80) and ('[{"customer_group_id":2,"qty":10,"value":%s,'
      .. '"extension_attributes":{"website_id":0}}]'):format(
      text.number(product.price * 9 // 1000 * 100)) or "[]",
    custom_attributes = attributes,
  }
end

--- Fills `catalog_category`, `catalog_product` and the links between them.
---@param sizes accs.sandbox.Sizes
---@param insert table<string, fun(row: table)>  by table
---@param link fun(product: integer, category: integer, position: integer)
function catalog.generate(sizes, insert, link)
  local levels = { [0] = -1 }
  for _, category in ipairs(CATEGORIES) do
    levels[category[1]] = levels[category[2]] + 1
    insert.catalog_category {
      entity_id = category[1],
      parent_id = category[2],
      name = category[3],
      is_active = category[1] ~= 8,
      position = category[4],
      level = levels[category[1]],
    }
  end
  for number = 1, sizes.products do
    local product, sort = compute(sizes.seed, number, sizes.products)
    insert.catalog_product(product_row(product, sort, sizes))
    for _, category in ipairs(sort[3]) do
      link(number, category, number % 50)
    end
  end
end

return catalog
