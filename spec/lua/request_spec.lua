local core = require "accs.core"
local request = require "accs.request"
local support = require "spec.support"

describe("a number in a query", function()
  local CASES = {
    { 0, "0" }, { -5, "-5" }, { math.maxinteger, "9223372036854775807" },
    { 34.0, "34" }, { -0.5, "-0.5" }, { 0.1, "0.1" }, { 1 / 3, "0.3333333333333333" },
    { 19.99, "19.99" }, { 1e15, "1000000000000000" }, { 1e300, "1e+300" },
    { 2 ^ 53, "9007199254740992" }, { -2 ^ 60, "-1.152921504606847e+18" },
  }
  for _, case in ipairs(CASES) do
    it("is " .. case[2], function()
      local text = request.number(case[1])
      assert.equal(case[2], text)
      assert.equal(case[1], tonumber(text))
    end)
  end

  it("is nothing when it is not finite", function()
    assert.is_nil(request.number(math.huge))
    assert.is_nil(request.number(-math.huge))
    assert.is_nil(request.number(0 / 0))
  end)

  it("has a point in a locale with a comma", function()
    local dir <close> = support.temp_dir()
    assert.equal(0, support.run({ "sh", "spec/support/comma_locale.sh", dir.path }).code)
    local script = "assert(os.setlocale('xx_XX', 'numeric')) print(('%.1f'):format(0.5)) "
      .. "print((require('accs.request').query { a = 1.5, b = 1 / 3, c = 2.0 }))"
    local result = support.run { "lua5.4", "-e", script, env = { LOCPATH = dir.path } }
    assert.equal("0,5\na=1.5&b=0.3333333333333333&c=2\n", result.out .. result.err)
  end)
end)

describe("a path template", function()
  local GOOD = {
    { "/V1/orders", nil, "/V1/orders" },
    { "/V1/orders/{id}", { id = 5 }, "/V1/orders/5" },
    { "/V1/orders/{id}", { id = 5.0 }, "/V1/orders/5" },
    { "/V1/products/{sku}", { sku = "24-MB01/X" }, "/V1/products/24-MB01%2FX" },
    { "/V1/products/{sku}", { sku = "a b+c%?#" }, "/V1/products/a%20b%2Bc%25%3F%23" },
    { "/V1/products/{sku}", { sku = "\xC3\xA4\"'" }, "/V1/products/%C3%A4%22%27" },
    { "/V1/products/{sku}", { sku = "{id}" }, "/V1/products/%7Bid%7D" },
    { "/V1/products/{sku}", { sku = "..." }, "/V1/products/..." },
    { "/V1/products/{sku}", { sku = "a/../b" }, "/V1/products/a%2F..%2Fb" },
    { "/V1/a/{x}/b/{y_1}?c={z}", { x = "1", y_1 = true }, "/V1/a/1/b/true?c={z}" },
    { "/V1/a/{x}/{x}", { x = "1" }, "/V1/a/1/1" },
  }
  for index, case in ipairs(GOOD) do
    it(("is filled in: case %d"):format(index), function()
      assert.equal(case[3], request.path(case[1], case[2]))
    end)
  end

  local BAD = {
    { "/V1/x/{sku}", nil, "needs params%.sku" },
    { "/V1/x/{sku}", {}, "needs params%.sku" },
    { "/V1/x/{sku}", { sku = core.null }, "needs params%.sku" },
    { "/V1/x/{sku}", { sku = "" }, "params%.sku is empty" },
    { "/V1/x/{sku}", { sku = "." }, "dot segment" },
    { "/V1/x/{sku}", { sku = ".." }, "dot segment" },
    { "/V1/x/{sku}", { sku = "%2e" }, "dot segment" },
    { "/V1/x/{sku}", { sku = "%2E." }, "dot segment" },
    { "/V1/x/{sku}", { sku = "%2e%2E" }, "dot segment" },
    { "/V1/x/{sku}", { sku = "a\0" }, "NUL" },
    { "/V1/x/{sku}", { sku = "24-MB01\0/X" }, "NUL" }, -- longer than a dot segment
    { "/V1/x/{sku}", { sku = "a", id = 5 }, "params%.id is not in the path" },
    { "/V1/x", { id = 5 }, "params%.id is not in the path" },
    { "/V1/x?c={id}", { id = 5 }, "params%.id is not in the path" },
  }
  for index, case in ipairs(BAD) do
    it(("is refused: case %d, %s"):format(index, case[3]), function()
      local path, message = request.path(case[1], case[2])
      assert.is_nil(path)
      assert.matches(case[3], message)
    end)
  end

  it("is filled in when there are many different ones", function()
    for round = 1, 2 do
      for index = 1, 600 do
        assert.equal(("/V1/%d/a%d"):format(index, round),
          request.path(("/V1/%d/{x}"):format(index), { x = "a" .. round }))
      end
    end
  end)

  it("raises on wrong types", function()
    for _, value in ipairs { {}, print, 0 / 0, math.huge } do
      assert.has_error(function() request.path("/V1/{x}", { x = value }) end)
    end
    assert.has_error(function() request.path(5) end)
    local _, problem = pcall(request.path, nil) -- what client.get("/V1/x") comes to
    assert.truthy(tostring(problem):find("client:get(path), with a colon", 1, true), problem)
    assert.has_error(function() request.path("/V1/x", "id") end)
  end)
end)

describe("query parameters", function()
  local CASES = {
    { {}, "" },
    { { b = 2, a = "x y", c = true, d = false }, "a=x%20y&b=2&c=true&d=false" },
    { { a = { "x", "y" } }, "a%5B0%5D=x&a%5B1%5D=y" },
    { { a = { [0] = "x", [1] = "y" } }, "a%5B0%5D=x&a%5B1%5D=y" },
    { { a = { [7] = "x", z = "y", b = 1 } }, "a%5B7%5D=x&a%5Bb%5D=1&a%5Bz%5D=y" },
    { { searchCriteria = "" }, "searchCriteria=" },
    { { searchCriteria = {} }, "searchCriteria=" },
    { { a = core.null, b = 1 }, "b=1" },
    { { a = "\xC3\xA4&=?#+%" }, "a=%C3%A4%26%3D%3F%23%2B%25" },
    { { ["a b"] = 1 }, "a%20b=1" },
    { { a = 34.0, b = 0.1 }, "a=34&b=0.1" },
    { { searchCriteria = { filter_groups = { { filters = {
        { field = "price", value = 10 },
      } } } } },
      "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D=price"
        .. "&searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=10" },
  }
  for index, case in ipairs(CASES) do
    it("are written the same way every time: case " .. index, function()
      assert.equal(case[2], request.query(case[1]))
    end)
  end

  it("end with the fields, which win over a parameter of that name", function()
    assert.equal("a=1&fields=sku", request.query({ fields = "name", a = 1 }, "sku"))
    assert.equal("fields=sku%2Cname", request.query({}, "sku,name"))
    assert.equal("fields=name", request.query { fields = "name" })
  end)

  it("of a long list keep its order", function()
    local list, expected = {}, {}
    for index = 1, 12 do
      list[index] = "v" .. index
      expected[index] = ("a%%5B%d%%5D=v%d"):format(index - 1, index)
    end
    assert.equal(table.concat(expected, "&"), request.query { a = list })
  end)

  it("raise on what has no form, and on a table that holds itself", function()
    local loop = {}
    loop.loop = loop
    for _, value in ipairs { print, 0 / 0, math.huge, loop } do
      assert.has_error(function() request.query { a = value } end)
    end
    assert.has_error(function() request.query { a = { [1.5] = 1 } } end)
    assert.has_error(function() request.query { [true] = 1 } end)
  end)
end)

describe("fields", function()
  it("are a string or a list", function()
    assert.equal("items[sku,name],total_count", request.fields("items[sku,name],total_count"))
    assert.equal("sku,items[a,b[c]]", request.fields { "sku", "items[a,b[c]]" })
  end)

  it("are refused where the service would answer an empty list", function()
    for _, fields in ipairs { "", "a b", "a, b", "a.b", "a-b", "a\n", "a[b", "a]b[", "a[b]]",
      "\xC3\xA4" } do
      local checked, message = request.fields(fields)
      assert.is_nil(checked, fields)
      assert.matches("^fields ", message)
    end
    assert.is_nil((request.fields {}))
  end)

  it("raise on wrong types", function()
    assert.has_error(function() request.fields(5) end)
    assert.has_error(function() request.fields { "a", 5 } end)
  end)
end)

describe("headers of a call", function()
  it("are passed on", function()
    assert.same({ ["X-Adobe-Company"] = "7", Accept = "text/csv" },
      request.headers { ["X-Adobe-Company"] = 7, Accept = "text/csv" })
  end)

  it("cannot take the client's place", function()
    for _, name in ipairs { "Authorization", "authorization", "HOST", "Content-Length", "x-api-key",
      "X-Gw-Ims-Org-Id", "Store", "Content-Type", "Transfer-Encoding", "Accept-Encoding", "Expect",
      "User-Agent", "Connection" } do
      local headers, message = request.headers { [name] = "x" }
      assert.is_nil(headers, name)
      assert.matches("cannot be set here", message)
    end
  end)

  it("raise on wrong types", function()
    for _, headers in ipairs { { "x" }, { a = true }, { a = {} } } do
      assert.has_error(function() request.headers(headers) end)
    end
    assert.has_error(function() request.headers("a: b") end)
  end)
end)

describe("what a request is made of", function()
  it("does not depend on the process", function()
    local script = "print((require('accs.request').query "
      .. "{ z = 1, a = { y = 2, b = 3 }, m = { 1, 2 } }))"
    local outputs = {}
    for _ = 1, 4 do -- table order differs from one process to the next
      outputs[support.run({ "lua5.4", "-e", script }).out] = true
    end
    assert.same({ ["a%5Bb%5D=3&a%5By%5D=2&m%5B0%5D=1&m%5B1%5D=2&z=1\n"] = true }, outputs)
  end)
end)
