local cjson = require "cjson"
local driver = require "spec.lua.sandbox.driver"

describe("a product of the sandbox", function()
  local box, tenant

  setup(function()
    box = driver.start { products = 5, orders = 5, customers = 3 }
    tenant = driver.tenant(box)
  end)

  teardown(function()
    box:close()
  end)

  local function path_of(sku)
    return "/V1/products/" .. driver.encode(sku)
  end

  it("is made, read, changed and deleted", function()
    local sku = "24-MB01/X +ü%"
    local body = cjson.encode { product = { sku = sku, name = "Bag", price = 34.5 } }
    local made = tenant:call("POST", "/V1/products", nil, body)
    assert.equal(200, made.status, made.body)
    assert.equal(sku, made.data.sku)
    assert.truthy(made.body:find('"price":34.5,', 1, true))

    assert.equal(sku, tenant:get(path_of(sku)).data.sku)

    local changed = tenant:call("PUT", path_of(sku), nil,
      '{"product":{"sku":"another","price":40}}')
    assert.equal(200, changed.status)
    assert.equal(sku, changed.data.sku)
    assert.equal("Bag", changed.data.name)
    assert.truthy(tenant:get(path_of(sku)).body:find('"price":40,', 1, true))

    local gone = tenant:call("DELETE", path_of(sku))
    assert.equal(200, gone.status)
    assert.equal("true", gone.body)
    assert.equal(404, tenant:get(path_of(sku)).status)
  end)

  it("has a path that is decoded once, with + as a blank", function()
    tenant:call("POST", "/V1/products", nil, '{"product":{"sku":"a b%41","name":"N"}}')
    assert.equal(200, tenant:call("GET", "/V1/products/a+b%2541").status)
    assert.equal(404, tenant:call("GET", "/V1/products/a%2Bb%2541").status)
    assert.equal(404, tenant:call("GET", "/V1/products/a+b%41").status)
  end)

  for _, case in ipairs {
    { "no product", "{}", '"%fieldName" is required. Enter and try again.' },
    { "no sku", '{"product":{"name":"x"}}', '"%fieldName" is required. Enter and try again.' },
    { "an unknown property", '{"product":{"sku":"x","foo_bar":1}}',
      '"%fieldName" is not supported. Correct the field name and try again.' },
    { "a price that is no number", '{"product":{"sku":"x","price":"abc"}}',
      'Error occurred during "price" processing. The "abc" value\'s type is invalid. The "float" '
      .. "type was expected. Verify and try again." },
  } do
    it("is refused with " .. case[1], function()
      local reply = tenant:call("POST", "/V1/products", nil, case[2])
      assert.equal(400, reply.status)
      assert.equal(case[3], reply.data.message)
    end)
  end
end)

describe("other calls of the sandbox", function()
  local box, tenant

  setup(function()
    box = driver.start { products = 5, orders = 5, customers = 3 }
    tenant = driver.tenant(box)
  end)

  teardown(function()
    box:close()
  end)

  it("give an order, its items and the same order in the list", function()
    local order = tenant:get("/V1/orders/3").data
    assert.equal(3, order.entity_id)
    assert.is_true(#order.items > 0)
    local listed = tenant:get("/V1/orders", driver.search { { "entity_id", "eq", "3" } })
    assert.same(order, listed.data.items[1])
  end)

  it("prefer a static route: /V1/orders/items is no order", function()
    assert.equal(400, tenant:get("/V1/orders/items").status)
    assert.equal(200, tenant:get("/V1/orders/items", { { "searchCriteria", "" } }).status)
  end)

  it("give the category tree, cut at a depth", function()
    local whole = tenant:get("/V1/categories").data
    assert.is_true(#whole.children_data > 0)
    local cut = tenant:get("/V1/categories", { { "rootCategoryId", "2" }, { "depth", "0" } }).data
    assert.equal(2, cut.id)
    assert.same({}, cut.children_data)
    local none = tenant:get("/V1/categories", { { "rootCategoryId", "99999" } })
    assert.equal(404, none.status)
    assert.equal(400, tenant:get("/V1/categories", { { "depth", "x" } }).status)
  end)

  it("give the stores' settings, all or some", function()
    local all = tenant:get("/V1/store/storeConfigs").data
    assert.is_true(#all > 1)
    local some = tenant:get("/V1/store/storeConfigs", { { "storeCodes[]", "default" } }).data
    assert.equal(1, #some)
    assert.equal("default", some[1].code)
  end)

  it("are compressed when the client takes gzip and the reply is not small", function()
    local plain = tenant:get("/V1/products", { { "searchCriteria", "" } })
    assert.is_nil(plain.headers["content-encoding"])
    local packed = tenant:get("/V1/products", { { "searchCriteria", "" } },
      { ["Accept-Encoding"] = "deflate, gzip" })
    assert.equal("gzip", packed.headers["content-encoding"])
    assert.is_true(#packed.body < #plain.body)
    assert.equal("\31\139", packed.body:sub(1, 2))
    local small = tenant:get("/V1/nothing", nil, { ["Accept-Encoding"] = "gzip" })
    assert.is_nil(small.headers["content-encoding"])
  end)
end)
