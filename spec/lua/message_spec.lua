local fault = require "spec.support.fault"
local message = require "accs.message"

local GET = { method = "GET", path = "/V1/orders/5" }

describe("an error body", function()
  local cases = {
    { "parameters by name", { message = "No such entity with %fieldName = %fieldValue",
      parameters = { fieldName = "orderId", fieldValue = 5 } },
      "No such entity with orderId = 5" },
    { "parameters by number", { message = 'The "%1" attribute name is invalid.',
      parameters = { "foo" } }, 'The "foo" attribute name is invalid.' },
    { "the longest name first", { message = "%field2Name, %field, %fields",
      parameters = { field = "a", field2Name = "b" } }, "b, a, as" },
    { "ten and one", { message = "%1 %10",
      parameters = { "a", 2, 3, 4, 5, 6, 7, 8, 9, "j" } }, "a j" },
    { "a list as parameter", { message = "%resources", parameters = { resources = { "a", "b" } } },
      "a, b" },
    { "a missing parameter", { message = "%a and %1", parameters = {} }, "%a and %1" },
    { "no parameters", { message = "100% sure" }, "100% sure" },
    { "several errors", { message = "One or more input exceptions have occurred.", errors = {
      { message = '"%fieldName" is required.', parameters = { fieldName = "a" } },
      { message = '"%fieldName" is required.', parameters = { fieldName = "b" } },
    } }, 'One or more input exceptions have occurred. "a" is required. "b" is required.' },
    { "the other shape", { messages = { error = { { code = 406, message = "No media type" } } } },
      "No media type" },
    { "the gateway", { error_code = "403010", message = "Oauth token is missing." },
      "Oauth token is missing." },
    { "lines", { message = "Invoice Document Validation Error(s):\nA\nB" },
      "Invoice Document Validation Error(s): A B" },
    { "control characters", { message = "a\27[31mb" }, "a [31mb" },
    { "another language", { message = "Wniosek nie odpowiada żadnej ścieżce." },
      "Wniosek nie odpowiada żadnej ścieżce." },
  }
  for _, case in ipairs(cases) do
    it("with " .. case[1] .. " is filled in", function()
      assert.equal(case[3], (message.explain(case[2], 400, GET)))
    end)
  end

  for _, odd in ipairs { "text", 5, true, {}, { message = 5 }, { messages = "x" },
    { messages = { error = { 5 } } }, { message = {}, errors = 1 } } do
    it("of another shape says nothing", function()
      assert.is_nil((message.explain(odd, 400, GET)))
    end)
  end

  it("survives parameters of any shape", function()
    assert.equal("%a", (message.explain({ message = "%a", parameters = "x" }, 400, GET)))
    assert.equal("x", (message.explain({ message = "x", errors = { 1, "y", {} } }, 400, GET)))
    assert.equal("x", (message.explain({ message = "x" }, nil, nil)))
  end)
end)

describe("a hint", function()
  local function hint(status, path, data, method)
    data.message = data.message or "Błąd."
    local _, text = message.explain(data, status, { method = method or "GET", path = path })
    return text or ""
  end

  local cases = {
    { "names the missing permission", 401, "/V1/orders",
      { parameters = { resources = "Magento_Sales::actions_view" } },
      "Magento_Sales::actions_view" },
    { "names it for 403 as well", 403, "/V1/orders", { parameters = { resources = "X::y" } },
      "X::y" },
    { "knows the gateway's codes", 403, "/V1/orders", { error_code = "403011" }, "commerce.accs" },
    { "tells the page size", 400, "/V1/orders", { parameters = { max = 300 } }, "300 rows a page" },
    { "tells the entries of a call", 400, "/V1/x", { parameters = { max = 20, type = "T" } },
      "20 entries" },
    { "tells that a list wants a search", 400, "/V1/orders",
      { parameters = { fieldName = "searchCriteria" } }, "client:items" },
    { "names an unknown field", 400, "/V1/products", { parameters = { "colour" } }, "colour" },
    { "knows a missing thing by its parameters", 404, "/V1/x/5",
      { parameters = { fieldName = "id", fieldValue = 5 } }, "nothing with this id" },
    { "knows a missing thing by its path", 404, "/V1/products/abc", {}, "nothing with this id" },
    { "knows that the tenant may be wrong", 404, "/V1/products/abc", {}, "API_ENDPOINT" },
    { "asks for the organisation", 403, "/V1/orders", { error_code = "403023" }, "IMS_ORG_ID" },
    { "knows an unknown route", 404, "/V1/nonsense", {}, "path and method (GET)" },
    { "knows where a list is read", 404, "/V1/customers", {}, "read from /V1/customers/search" },
    { "knows a small v", 404, "/v1/orders", {}, "capital" },
    { "knows a missing version", 404, "/orders", {}, "begin with the version" },
    { "knows what the cloud service lacks", 404, "/V1/search", {}, "productSearch" },
    { "knows an unknown field of a flat list", 500, "/V1/orders", {}, "unknown search field" },
    { "knows it in its newer form", 400, "/V1/orders", {}, "unknown field" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local text = hint(case[2], case[3], case[4])
      assert.truthy(text:find(case[5], 1, true), text)
    end)
  end

  it("knows a body that was JSON before it was encoded", function()
    local server <close>, client = fault.scripted("/V1/products",
      { { fault.reply(400, '{"message":"\\"product\\" is required."}') } })
    for data, told in pairs {
      ['{"product":{}}'] = true, [' [1]'] = true, ["{curly} words"] = true, ["plain"] = false,
    } do
      local _, err = client:post("/V1/products", data)
      assert.equal(told, err.hint ~= nil and err.hint:find("raw = true", 1, true) ~= nil, data)
    end
    local _, err = client:post("/V1/products", '{"product":{}}', { raw = true })
    assert.is_nil(err.hint)
    assert.equal(5, #server:requests("/V1/products"))
  end)

  it("on a POST does not speak of an id", function()
    assert.truthy(hint(404, "/V1/products/x", {}, "POST"):find("path and method (POST)", 1, true))
  end)
end)

describe("a repeat", function()
  local cases = {
    { "PUT", "/V1/orders/create", false }, { "PUT", "V1/orders/create", false },
    { "PUT", "/V1/carts/17/order", false }, { "POST", "/V1/async/products", false },
    { "PUT", "/V1/async/bulk/products/bySku", false }, { "DELETE", "/V1/async/products/a", false },
    { "PUT", "/V1/products/24-MB01", nil }, { "PUT", "/V1/carts/17/order/x", nil },
    { "PUT", "/V1/orders/5", nil }, { "POST", "/V1/orders/create", nil },
    { "POST", "/graphql", nil }, { "GET", "/V1/orders", nil }, { "DELETE", "/V1/products/a", nil },
  }
  for _, case in ipairs(cases) do
    it(("of %s %s is %s"):format(case[1], case[2],
      case[3] == false and "harmful" or "as the method says"), function()
      assert.equal(case[3], message.classify(case[1], case[2]))
    end)
  end
end)
