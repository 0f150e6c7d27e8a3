local driver = require "spec.lua.sandbox.driver"
local fields = require "accs.sandbox.fields"

local PAGE = '{"items":[{"sku":"a","price":1,"x":{"y":[{"z":1,"w":2}],"v":null}},{"sku":"b"}],'
  .. '"total_count":2}'
local EMPTY = '{"items":[],"total_count":0}'
local ATTRIBUTES = '{"custom_attributes":[{"attribute_code":"color","value":"5"},'
  .. '{"attribute_code":"size","value":"7"},{"attribute_code":"brand","value":"x"}]}'

describe("the fields parameter", function()
  for _, case in ipairs {
    { "keeps what is named", PAGE, "items[sku],total_count",
      '{"items":[{"sku":"a"},{"sku":"b"}],"total_count":2}' },
    { "keeps a whole branch", PAGE, "total_count", '{"total_count":2}' },
    { "goes down into objects and lists", PAGE, "items[x[y[w]]]",
      '{"items":[{"x":{"y":[{"w":2}]}},[]]}' },
    { "leaves a scalar with a filter", PAGE, "total_count[a]", '{"total_count":2}' },
    { "drops unknown names", PAGE, "items[sku,nothing],no", '{"items":[{"sku":"a"},{"sku":"b"}]}' },
    { "gives [] when nothing is left", PAGE, "sku,price", "[]" },
    { "turns an empty list into null", EMPTY, "items[sku],total_count",
      '{"items":null,"total_count":0}' },
    { "keeps an empty list that has no filter", EMPTY, "items,total_count",
      '{"items":[],"total_count":0}' },
    { "is ignored when empty", PAGE, "", PAGE },
    { "is ignored when 0", PAGE, "0", PAGE },
    { "is invalid with a blank", PAGE, "items[sku], total_count", "[]" },
    { "is invalid with a sign", PAGE, "items[sku-1]", "[]" },
    { "is invalid with an open bracket", PAGE, "items[sku", "[]" },
    { "is invalid as a list", PAGE, { names = { "0" }, values = { ["0"] = "items" } }, "[]" },
    { "leaves scalars alone", "true", "sku", "true" },
    { "picks attributes by code, with their indexes", ATTRIBUTES, "custom_attributes[size]",
      '{"custom_attributes":{"1":{"attribute_code":"size","value":"7"}}}' },
    { "gives a list while the indexes have no gap", ATTRIBUTES, "custom_attributes[color,size]",
      '{"custom_attributes":[{"attribute_code":"color","value":"5"},'
        .. '{"attribute_code":"size","value":"7"}]}' },
    { "picks attributes by part", ATTRIBUTES, "custom_attributes[value]",
      '{"custom_attributes":[{"value":"5"},{"value":"7"},{"value":"x"}]}' },
    { "applies to each element of a list", '[{"a":1,"b":2},{"b":3}]', "b", '[{"b":2},{"b":3}]' },
    { "is not misled by brackets and quotes in texts", '{"a":"}],\\"{","b":[{"c":"]"}]}', "b[c]",
      '{"b":[{"c":"]"}]}' },
  } do
    it(case[1], function()
      assert.equal(case[4], fields.apply(case[2], case[3]))
    end)
  end

  it("fails inside a list of scalars", function()
    assert.is_nil(fields.apply('{"website_ids":[1,2]}', "website_ids[x]"))
  end)

  describe("in a request", function()
    local box, tenant

    setup(function()
      box = driver.start { products = 8, orders = 4, customers = 3 }
      tenant = driver.tenant(box)
    end)

    teardown(function()
      box:close()
    end)

    it("filters a list", function()
      local reply = tenant:get("/V1/products", { { "searchCriteria[pageSize]", "3" },
        { "fields", "items[sku,price]" } })
      assert.equal(3, #reply.data.items)
      assert.is_nil(reply.data.total_count)
      for _, item in ipairs(reply.data.items) do
        assert.equal("string", type(item.sku))
        item.sku, item.price = nil, nil
        assert.is_nil(next(item))
      end
    end)

    it("turns items into null on an empty result", function()
      local reply = tenant:get("/V1/products", driver.search({ { "sku", "eq", "none" } },
        { { "fields", "items[sku],total_count" } }))
      assert.equal('{"items":null,"total_count":0}', reply.body)
    end)

    it("is a 500 inside a list of scalars", function()
      local sku = tenant:get("/V1/products", { { "searchCriteria", "" } }).data.items[1].sku
      local reply = tenant:get("/V1/products/" .. driver.encode(sku),
        { { "fields", "extension_attributes[website_ids[x]]" } })
      assert.equal(500, reply.status)
      assert.truthy(reply.data.message:find("^Internal Error"))
    end)

    it("leaves errors whole", function()
      local reply = tenant:get("/V1/products/none", { { "fields", "sku" } })
      assert.equal(404, reply.status)
      assert.equal("string", type(reply.data.message))
    end)
  end)
end)
