local driver = require "spec.lua.sandbox.driver"

local SEARCH = { { "searchCriteria", "" } }

describe("the sandbox's error bodies", function()
  local box, tenant

  setup(function()
    box = driver.start { products = 5, orders = 5, customers = 3 }
    tenant = driver.tenant(box)
  end)

  teardown(function()
    box:close()
  end)

  local NO_ROUTE = '{"message":"Request does not match any route."}'
  local FILTER = "searchCriteria[filter_groups][0][filters][0]"

  -- name, method, path, query, status, body
  for _, case in ipairs {
    { "an unknown route", "GET", "/V1/nothing", nil, 404, NO_ROUTE },
    { "a path in other letters", "GET", "/v1/products", SEARCH, 404, NO_ROUTE },
    { "a known path with another method", "DELETE", "/V1/orders", nil, 404, NO_ROUTE },
    { "PATCH", "PATCH", "/V1/products/x", nil, 404, NO_ROUTE },
    { "a method that is none", "OPTIONS", "/V1/products", nil, 405,
      '{"message":"The OPTIONS HTTP method is not supported."}' },
    { "a missing product", "GET", "/V1/products/nothing", nil, 404, '{"message":"The product that '
      .. 'was requested doesn\'t exist. Verify the product and try again."}' },
    { "deleting a missing product", "DELETE", "/V1/products/nothing", nil, 404, '{"message":"The '
      .. 'product that was requested doesn\'t exist. Verify the product and try again."}' },
    { "a missing order", "GET", "/V1/orders/999999", nil, 404, '{"message":"The entity that was '
      .. 'requested doesn\'t exist. Verify the entity and try again."}' },
    { "an order id that is no number", "GET", "/V1/orders/abc", nil, 400,
      '{"message":"The \\"abc\\" value\'s type is invalid. The \\"int\\" type was expected. '
      .. 'Verify and try again."}' },
    { "no searchCriteria", "GET", "/V1/orders", nil, 400, '{"message":"\\"%fieldName\\" is '
      .. 'required. Enter and try again.","parameters":{"fieldName":"searchCriteria"}}' },
    { "an unknown field of products", "GET", "/V1/products",
      { { FILTER .. "[field]", "foo" } }, 400,
      '{"message":"The \\"%1\\" attribute name is invalid. Reset the name and try again.",'
      .. '"parameters":["foo"]}' },
    { "an unknown field of customers", "GET", "/V1/customers/search",
      { { FILTER .. "[field]", "id" } }, 400,
      '{"message":"The \\"%1\\" attribute name is invalid. Reset the name and try again.",'
      .. '"parameters":["id"]}' },
    { "a page size that is no number", "GET", "/V1/orders",
      { { "searchCriteria[pageSize]", "abc" } }, 400, '{"message":"Error occurred during '
      .. '\\"pageSize\\" processing. The \\"abc\\" value\'s type is invalid. The \\"int\\" type '
      .. 'was expected. Verify and try again."}' },
    { "a list for a value", "GET", "/V1/orders", { { FILTER .. "[value][]", "1" } }, 400,
      '{"message":"Error occurred during \\"value\\" processing. The \\"array\\" value\'s type is '
      .. 'invalid. The \\"string\\" type was expected. Verify and try again."}' },
    { "a text for a list", "GET", "/V1/orders", { { "searchCriteria[filter_groups]", "1" } }, 400,
      '{"message":"Not all parameters valid."}' },
    { "an unknown property", "GET", "/V1/orders", { { "searchCriteria[page_length]", "1" } }, 400,
      '{"message":"\\"%fieldName\\" is not supported. Correct the field name and try again.",'
      .. '"parameters":{"fieldName":"PageLength"}}' },
    { "a bad direction", "GET", "/V1/orders",
      { { "searchCriteria[sortOrders][0][direction]", "up" } }, 400, '{"message":"The sort order '
      .. 'has to be specified as %1 for ascending order or %2 for descending order.",'
      .. '"parameters":["ASC","DESC"]}' },
    { "signs in a sort field", "GET", "/V1/orders",
      { { "searchCriteria[sortOrders][0][field]", "a-b" } }, 400,
      '{"message":"Sort order field %1 contains restricted symbols","parameters":["a-b"]}' },
  } do
    it("answers " .. case[1], function()
      local path = case[4] and case[3] .. "?" .. driver.query(case[4]) or case[3]
      local reply = tenant:call(case[2], path)
      assert.equal(case[5], reply.status)
      assert.equal(case[6], reply.body)
      assert.equal("application/json; charset=utf-8", reply.headers["content-type"])
    end)
  end

  it("masks an unknown field of a flat table", function()
    for _, parameter in ipairs { FILTER .. "[field]", "searchCriteria[sortOrders][0][field]" } do
      local reply = tenant:get("/V1/orders", { { parameter, "foo" } })
      assert.equal(400, reply.status)
      assert.truthy(reply.data.message:find("^Internal Error%. Details are available in Magento "
        .. "log file%. Report ID: webapi%-%x%x%x%x%x%x%x%x%x%x%x%x%x$"))
    end
  end)

  it("ignores a sort field that is no attribute of products", function()
    assert.equal(200, tenant:get("/V1/products",
      { { "searchCriteria[sortOrders][0][field]", "id" } }).status)
  end)

  -- Content-Type (false: none), body, message
  for _, case in ipairs {
    { false, "{}", "Content-Type header is empty." },
    { "what is this", "{}", "Content-Type header is invalid." },
    { "application/json; charset=latin1", "{}", "UTF-8 is the only supported charset." },
    { "text/plain", "{}",
      "Server cannot understand Content-Type HTTP header media type text/plain" },
    { "application/json", "{", "Decoding error." },
    { "application/json; charset=UTF-8", "{", "Decoding error." },
  } do
    it(("answers a body of type %s: %s"):format(case[1], case[3]), function()
      local reply = tenant:call("POST", "/V1/products", { ["Content-Type"] = case[1] }, case[2])
      assert.equal(400, reply.status)
      assert.same({ message = case[3] }, reply.data)
    end)
  end

  it("does not look at the type of an empty body", function()
    local reply = tenant:call("POST", "/V1/products", { ["Content-Type"] = "text/plain" }, "")
    assert.equal(400, reply.status)
    assert.equal("product", reply.data.parameters.fieldName)
  end)

  it("answers an Accept header without JSON in a shape of its own", function()
    local reply = tenant:get("/V1/orders", SEARCH, { Accept = "text/html" })
    assert.equal(406, reply.status)
    assert.same({ messages = { error = { { code = 406, message = "Server cannot match any of the "
      .. "given Accept HTTP header media type(s) from the request: \"text/html\" with media types "
      .. "from the config of response renderer." } } } }, reply.data)
    for _, accept in ipairs { "*/*", "application/json", "text/html, application/json;q=0.5" } do
      assert.equal(200, tenant:get("/V1/orders", SEARCH, { Accept = accept }).status)
    end
  end)

  it("takes the known stores", function()
    for _, store in ipairs { "all", "default", "de" } do
      assert.equal(200, tenant:get("/V1/orders", SEARCH, { Store = store }).status)
    end
    local reply = tenant:get("/V1/orders", SEARCH, { Store = "nowhere" })
    assert.equal(404, reply.status)
    assert.equal("Requested store is not found", reply.data.message)
  end)

  it("keeps a connection open from call to call", function()
    local connection = driver.connect(box.port)
    for _ = 1, 3 do
      assert.equal(200, driver.exchange(connection, "GET", "/_sandbox/counters").status)
    end
    connection:close()
  end)

  it("counts by route and status, and from zero after DELETE", function()
    assert.equal(200, driver.request(box.port, "DELETE", "/_sandbox/counters").status)
    tenant:get("/V1/orders", SEARCH)
    tenant:get("/V1/orders/1")
    tenant:get("/V1/orders/2")
    tenant:get("/V1/orders/3000")
    tenant:get("/V1/nothing")
    assert.same({
      ["GET /V1/orders"] = { ["200"] = 1 },
      ["GET /V1/orders/{id}"] = { ["200"] = 2, ["404"] = 1 },
      ["GET (no route)"] = { ["404"] = 1 },
    }, box:counters())
  end)
end)
