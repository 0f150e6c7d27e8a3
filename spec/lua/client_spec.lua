local accs = require "accs"
local core = require "accs.core"
local errors = require "accs.error"
local fault = require "spec.support.fault"
local support = require "spec.support"

local ROUTE_404 = '{"message":"Request does not match any route."}'

local scripted = fault.scripted

local function echo(server, path)
  local list = server:requests(path or "/V1/x")
  return list[#list]
end

describe("a client's call", function()
  local server, client

  before_each(function()
    server, client = scripted("/V1/x", { fault.ok })
  end)

  after_each(function()
    client:close()
    server:close()
  end)

  it("sends what domain.md asks for", function()
    assert.is_table(assert(client:get("/V1/x")).data)
    local head = echo(server).head
    assert.matches("\r\nAuthorization: Bearer token%-1\r\n", head)
    assert.matches("\r\n[Xx]%-api%-key: example%-client\r\n", head)
    assert.matches("\r\n[Xx]%-gw%-ims%-org%-id: EXAMPLE@AdobeOrg\r\n", head)
    assert.matches("\r\nAccept: application/json\r\n", head)
    assert.matches("\r\nUser%-Agent: accs/", head)
    assert.is_nil(head:find("\r\nStore:"))
    assert.is_nil(head:find("\r\nContent%-Type:"))
  end)

  it("has each method", function()
    server:script("/V1/w", { fault.ok })
    for _, method in ipairs { "get", "delete" } do
      assert.is_true(assert(client[method](client, "/V1/w")).data.ok)
      assert.equal(method:upper(), echo(server, "/V1/w").method)
    end
    for _, method in ipairs { "post", "put", "patch" } do
      assert.is_true(assert(client[method](client, "/V1/w", { a = 1 })).data.ok)
      local sent = echo(server, "/V1/w")
      assert.equal(method:upper(), sent.method)
      assert.equal('{"a":1}', sent.body)
      assert.matches("\r\nContent%-Type: application/json\r\n", sent.head)
    end
  end)

  it("has HEAD, which brings no body", function()
    server:script("/V1/h", { { { "send", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
      .. "Content-Length: 11\r\n\r\n" } } })
    local res = assert(client:head("/V1/h"))
    assert.equal(200, res.status)
    assert.is_nil(res.data)
    assert.equal("", res.body)
    assert.equal("HEAD", echo(server, "/V1/h").method)
  end)

  it("can be made from one table", function()
    local res = assert(client:request {
      method = "put", path = "/V1/{name}", params = { name = "x" }, data = { 1, 2 }, store = "de",
    })
    assert.is_true(res.data.ok)
    local sent = echo(server)
    assert.equal("PUT", sent.method)
    assert.equal("[1,2]", sent.body)
    assert.matches("\r\nStore: de\r\n", sent.head)
    assert.has_error(function() client:request { method = "FETCH", path = "/V1/x" } end)
    assert.has_error(function() client:request("GET") end)
  end)

  it("sends query, fields, store and headers", function()
    assert(client:get("/V1/{a}", {
      params = { a = "x" }, query = { b = { 1, 2 } }, fields = { "items[sku]", "total_count" },
      store = "all", headers = { ["X-Adobe-Company"] = 7 },
    }))
    local sent = echo(server)
    assert.equal("/tenant/V1/x?b%5B0%5D=1&b%5B1%5D=2&fields=items%5Bsku%5D%2Ctotal_count",
      sent.target)
    assert.matches("\r\nStore: all\r\n", sent.head)
    assert.matches("\r\nX%-Adobe%-Company: 7\r\n", sent.head)
  end)

  it("leaves the caller's tables as they were", function()
    local query, opts = { a = 1 }, {}
    opts.query, opts.fields = query, "sku"
    assert(client:get("/V1/x", opts))
    assert.same({ a = 1 }, query)
    assert.same({ query = { a = 1 }, fields = "sku" }, opts)
  end)

  it("takes an absolute address of the tenant itself", function()
    local url = server.env.API_ENDPOINT .. "/V1/x"
    assert.equal(url, assert(client:get(url)).url)
    server:script("/V1/x", { { { "close" } } })
    local _, err = client:get(url, { attempts = 1 })
    assert.equal(url, err.url)
  end)

  it("appends to a query in the path", function()
    assert(client:get("/V1/x?a=1", { query = { b = 2 } }))
    assert.equal("/tenant/V1/x?a=1&b=2", echo(server).target)
  end)

  it("sends scalars as JSON, and text as it is only when told", function()
    local CASES = {
      { "text", nil, '"text"', "application/json" },
      { 5, nil, "5", "application/json" },
      { true, nil, "true", "application/json" },
      { accs.null, nil, "null", "application/json" },
      { accs.json.array(), nil, "[]", "application/json" },
      { '{"raw":1}', { raw = true }, '{"raw":1}', "application/json" },
      { "a,b\n", { raw = true, content_type = "text/csv" }, "a,b\n", "text/csv" },
    }
    for _, case in ipairs(CASES) do
      assert(client:post("/V1/x", case[1], case[2]))
      assert.equal(case[3], echo(server).body)
      local line = "\r\nContent-Type: " .. case[4] .. "\r\n"
      assert.is_not_nil(echo(server).head:find(line, 1, true))
    end
    assert(client:post("/V1/x"))
    assert.equal("", echo(server).body)
    assert.matches("\r\nContent%-Length: 0\r\n", echo(server).head)
    assert.is_nil(echo(server).head:find("Content%-Type"))
  end)

  it("refuses data that has no JSON form, before it is sent", function()
    local res, err = client:post("/V1/x", { a = print })
    assert.is_nil(res)
    assert.equal("config", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.matches("cannot be written as JSON", err.message)
    assert.equal(0, server:count("/V1/x"))
  end)

  it("raises mistakes of the program with the caller's line", function()
    local MISTAKES = {
      { function() client:get("/V1/x", { tiemout = 1 }) end, 'did you mean "timeout"' },
      { function() client:get("/V1/x", { timeout = "1" }) end, "timeout must be a number" },
      { function() client:get("/V1/x", { attempts = 0 }) end, "attempts must be" },
      { function() client:get("/V1/x", { decode = 1 }) end, "decode must be true or false" },
      { function() client:get("/V1/x", "fields") end, "options must be a table" },
      { function() client:get(5) end, "path must be a string" },
      { function() client:get("/V1/x", { query = "a=b" }) end, "query must be a table" },
      { function() client:post("/V1/x", {}, { raw = true }) end, "raw data must be a string" },
      { function() client:request { method = "GET", path = "/V1/x", data = {} } end, "no data" },
      { function() client:get("/V1/x", { store = "a\r\nB: c" }) end, "store must be" },
      { function() client:throttle("1") end, "throttle" },
    }
    for _, mistake in ipairs(MISTAKES) do
      local ok, message = pcall(mistake[1])
      assert.is_false(ok, mistake[2])
      assert.matches("client_spec%.lua:%d+: ", message)
      assert.matches(mistake[2], message)
    end
    assert.equal(0, server:count("/V1/x"))
  end)

  it("returns what is wrong with values, before anything is sent", function()
    local WRONG = {
      { "/V1/x/{id}", {}, "params%.id" },
      { "/V1/x/{id}", { params = { id = ".." } }, "dot segment" },
      { "/V1/x", { params = { id = 1 } }, "not in the path" },
      { "/V1/x", { fields = "a b" }, "fields" },
      { "/V1/x", { headers = { Authorization = "Bearer mine" } }, "cannot be set here" },
      { "/V1/x", { headers = { ["X-A"] = "a\r\nB: c" } }, "header" },
      { "/V1/x", { headers = { ["X A"] = "a" } }, "header" },
      { "/V1/x\r\nB: c", nil, "control character" },
      { "/V1/../x", nil, "segment" },
      { "/V1/%2E%2e/x", nil, "segment" },
      { "/V1/a b", nil, "blank" },
      { "https://example.com/V1/x", nil, "tenant" },
      { "//example.com/V1/x", nil, "//" },
    }
    for _, case in ipairs(WRONG) do
      local res, err = client:get(case[1], case[2])
      assert.is_nil(res)
      assert.equal("config", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal("GET", err.method)
      assert.equal(server.env.API_ENDPOINT, err.url)
      assert.matches(case[3], err.message)
      assert.is_nil(tostring(err):find("[\r\n]"))
    end
    assert.equal(0, #server:requests("/ims/token/v3"))
  end)

  it("is refused once the client is closed", function()
    client:close()
    client:close()
    local res, err = client:get("/V1/x")
    assert.is_nil(res)
    assert.equal("closed", err.kind)
    assert.matches("closed", tostring(client))
    client:throttle(1)
  end)

  it("does not write when the client is read-only", function()
    local careful <close> = server:client { read_only = true, timeout = 10 }
    assert.is_table(careful:get("/V1/x"))
    for _, method in ipairs { "post", "put", "patch", "delete" } do
      local res, err = careful[method](careful, "/V1/x")
      assert.is_nil(res)
      assert.equal("config", err.kind)
      assert.matches("read_only", tostring(err))
    end
    assert.equal(1, server:count("/V1/x"))
  end)

  it("waits when the client is throttled", function()
    assert(client:get("/V1/x"))
    client:throttle(0.3)
    local before = core.monotonic()
    assert(client:get("/V1/x"))
    assert.is_true(core.monotonic() - before >= 0.29)
  end)
end)

describe("an error of the service", function()
  it("has Commerce's words, the answer and a hint", function()
    local server <close>, client = scripted("/V1/orders/5", { { fault.reply(404,
      '{"message":"No such entity with %fieldName = %fieldValue",'
      .. '"parameters":{"fieldName":"orderId","fieldValue":5}}') } })
    local res, err = client:get("/V1/orders/{id}", { params = { id = 5 } })
    assert.is_nil(res)
    assert.is_true(errors.is(err))
    assert.equal("http", err.kind)
    assert.equal("refused", err.outcome)
    assert.equal(404, err.status)
    assert.equal("integer", math.type(err.status))
    assert.equal("No such entity with orderId = 5", err.message)
    assert.equal("GET", err.method)
    assert.equal(server.env.API_ENDPOINT .. "/V1/orders/5", err.url)
    assert.equal(1, err.attempts)
    assert.is_false(err.retryable)
    assert.equal(404, err.response.status)
    assert.equal(5, err.response.data.parameters.fieldValue)
    assert.equal("there is nothing with this id, or not in this store", err.hint)
    assert.matches("^accs: http: HTTP 404: No such entity with orderId = 5 %(GET http",
      tostring(err))
  end)

  it("that is a page of something in front says its title", function()
    local page = "<html><head><title>503 Backend\n fetch failed</title></head>"
    local server <close>, client = scripted("/V1/x", { { fault.reply(503, page,
      { ["Content-Type"] = "text/html" }) } }, { attempts = 1 })
    local _, err = client:get("/V1/x")
    assert.equal("gateway", err.kind)
    assert.matches("503 Backend fetch failed", tostring(err))
    assert.is_nil(tostring(err):find("<", 1, true))
    assert.equal(page, err.response.body)
    assert.equal(1, server:count("/V1/x"))
  end)

  it("that is a login page with status 200 is told as such", function()
    local server <close>, client = scripted("/V1/x", { { fault.reply(200,
      "<html><body><p>Please log in", { ["Content-Type"] = "text/html; charset=utf-8" }) } })
    local res, err = client:get("/V1/x")
    assert.is_nil(res)
    assert.equal("gateway", err.kind)
    assert.matches("Please log in", tostring(err))
    assert.matches("API_ENDPOINT", err.hint)
    assert.equal(1, server:count("/V1/x"))
  end)

  it("that names a missing permission says which", function()
    local server <close>, client = scripted("/V1/x", { { fault.reply(401,
      [[{"message":"The consumer isn't authorized to access %resources.",]]
      .. [["parameters":{"resources":"Magento_Sales::actions_view"}}]]) } })
    local _, err = client:get("/V1/x")
    assert.equal("auth", err.kind)
    assert.matches("Magento_Sales::actions_view", err.hint)
    assert.equal(2, server:count("/V1/x"))
  end)

  it("of the credentials says which variables to check, without the secret", function()
    local server <close> = fault.start()
    server:script("/ims/token/v3", { { fault.reply(400, '{"error":"invalid_client",'
      .. '"error_description":"invalid client_secret parameter"}') } })
    local client <close> = server:client { timeout = 10, client_secret = "canary-secret" }
    local _, err = client:get("/V1/x")
    assert.equal("auth", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal("check IMS_CLIENT_ID and IMS_CLIENT_SECRET", err.hint)
    assert.is_nil(tostring(err):find("canary", 1, true))
    assert.equal(0, server:count("/V1/x"))
  end)

  it("does not repeat the secret and the token that a service names", function()
    local server <close> = fault.start()
    server:script("/ims/token/v3", { { fault.reply(200,
      '{"access_token":"canary-token-bytes","expires_in":3600}') } })
    server:script("/V1/x", { { fault.reply(403,
      '{"message":"\\u0000no: canary-token-bytes, canary-secret."}') } })
    local client <close> = server:client { timeout = 10, client_secret = "canary-secret" }
    local _, err = client:get("/V1/x")
    assert.equal("auth", err.kind)
    assert.equal("no: ***, ***.", err.message)
  end)

  it("does not reach the terminal with control characters", function()
    local server <close>, client = scripted("/V1/x", { { fault.reply(400,
      '{"message":"bad\\u001b[31m\\r\\nX: y"}') } })
    local _, err = client:get("/V1/x")
    assert.is_nil(tostring(err):find("%c"))
    assert.equal(1, server:count("/V1/x"))
  end)

  it("is kept whatever shape its body has", function()
    for _, body in ipairs { ROUTE_404, "[]", "5", "null", '{"message":5}', "", '"text"' } do
      local server <close>, client = scripted("/V1/x", { { fault.reply(404, body) } })
      local _, err = client:get("/V1/x")
      assert.equal(404, err.status)
      assert.is_true(#err.message > 0)
      assert.equal(1, server:count("/V1/x"))
    end
  end)
end)

describe("an unreachable server", function()
  it("is an error of kind network that says what to check", function()
    local server = fault.start()
    local client <close> = server:client {
      timeout = 5, attempts = 1, access_token = "canary-token",
    }
    server:close()
    local res, err = client:get("/V1/x")
    assert.is_nil(res)
    assert.equal("network", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.is_true(err.retryable)
    assert.matches("API_ENDPOINT", err.hint)
    assert.is_nil(tostring(err):find("canary", 1, true))
  end)
end)

describe("a delete", function()
  it("that finds nothing on its repeat has succeeded", function()
    local server <close>, client = scripted("/V1/x", { { { "close" } },
      { fault.reply(404, ROUTE_404) } })
    local res = assert(client:delete("/V1/x"))
    assert.equal(404, res.status)
    assert.is_true(res.data)
    assert.equal(2, res.attempts)
    assert.equal(2, server:count("/V1/x", "DELETE"))
  end)

  it("that finds nothing has failed where no attempt before can have done it", function()
    local CASES = {
      { 401, "refused" }, { 429, "refused", { ["Retry-After"] = "0" } },
    }
    for _, case in ipairs(CASES) do
      local server <close>, client = scripted("/V1/x", {
        { fault.reply(case[1], "{}", case[3]) }, { fault.reply(404, ROUTE_404) } })
      local res, err = client:delete("/V1/x")
      assert.is_nil(res, case[1])
      assert.equal(404, err.status)
      assert.equal(case[2], err.outcome)
      assert.equal(2, err.attempts)
      assert.equal(2, server:count("/V1/x", "DELETE"))
    end
    for _, status in ipairs { 500, 503, 504 } do
      local server <close>, client = scripted("/V1/x", {
        { fault.reply(status, "{}") }, { fault.reply(404, ROUTE_404) } })
      assert.is_true(assert(client:delete("/V1/x")).data)
      assert.equal(2, server:count("/V1/x", "DELETE"))
    end
  end)

  it("is not taken for done because of a page in front of the service", function()
    local page = fault.reply(404, "<html>", { ["Content-Type"] = "text/html" })
    local server <close>, client = scripted("/V1/x", { { { "close" } }, { page } })
    local res, err = client:delete("/V1/x")
    assert.is_nil(res)
    assert.equal("gateway", err.kind)
    assert.equal("unknown", err.outcome)
    assert.equal(2, server:count("/V1/x"))
  end)

  it("that finds nothing at once has failed", function()
    local server <close>, client = scripted("/V1/x", { { fault.reply(404, ROUTE_404) } })
    local res, err = client:delete("/V1/x")
    assert.is_nil(res)
    assert.equal(404, err.status)
    assert.equal(1, server:count("/V1/x"))
  end)
end)

describe("a write that does its work again each time", function()
  it("is not repeated, though its method says so", function()
    local server <close>, client = scripted("/V1/carts/7/order", { { { "close" } } })
    local res, err = client:put("/V1/carts/7/order", {})
    assert.is_nil(res)
    assert.equal("unknown", err.outcome)
    assert.equal(1, server:count("/V1/carts/7/order"))
    assert.matches("look before you repeat it", tostring(err))
  end)

  it("is repeated when the call says so", function()
    local server <close>, client = scripted("/V1/x", { { { "close" } }, fault.ok })
    assert.is_true(assert(client:post("/V1/x", {}, { idempotent = true })).data.ok)
    assert.equal(2, server:count("/V1/x"))
  end)
end)

describe("events", function()
  it("come one by one, in order", function()
    local seen = {}
    local server <close>, client = scripted("/V1/x",
      { { fault.reply(503, "{}", { ["Retry-After"] = "0" }) }, fault.ok },
      { on_event = function(event) seen[#seen + 1] = event end })
    assert(client:get("/V1/x"))
    local kinds = {}
    for _, event in ipairs(seen) do
      kinds[#kinds + 1] = event.kind
    end
    local order = table.concat(kinds, " ")
    assert.matches("request.*response.*retry.*request.*response$", order)
    assert.matches("token", order)
    assert.equal(2, server:count("/V1/x"))
  end)

  it("may make calls of their own", function()
    local inner
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local other <close> = server:client { timeout = 10 }
    local client <close> = server:client {
      timeout = 10,
      on_event = function()
        if inner == nil then
          inner = false
          inner = other:get("/V1/x", { query = { inner = 1 } })
        end
      end,
    }
    assert(client:get("/V1/x"))
    for _ = 1, 500 do -- a blocking wait moves the hook's call as well
      if not inner then
        accs.sleep(0.01)
      end
    end
    assert.is_table(inner)
    assert.is_true(inner.data.ok)
  end)

  it("end for a hook that fails, and say so once", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local script = ([[
      local accs = require "accs"
      local count = 0
      local client = accs.client { dotenv = false, timeout = 10, on_event = function()
        count = count + 1
        error("bad hook")
      end }
      for _ = 1, 3 do assert(client:get("/V1/x")) end
      print(count)]])
    local result = support.run { "lua5.4", "-e", script, env = server.env }
    assert.equal("1\n", result.out)
    local _, times = result.err:gsub("bad hook", "")
    assert.equal(1, times)
    assert.matches("^accs: on_event failed", result.err)
  end)

  it("do not keep a client alive", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local weak = setmetatable({}, { __mode = "k" })
    do
      local holder = {}
      holder.client = server:client { timeout = 10, on_event = function() holder.seen = true end }
      assert(holder.client:get("/V1/x"))
      weak[holder.client] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)
end)

describe("a client that is left", function()
  it("ends its calls in flight as cancelled", function()
    local server <close>, client = scripted("/V1/x", { { { "stall" } } })
    local task = accs.spawn(client.get, client, "/V1/x")
    local closer = accs.spawn(function()
      while server:count("/V1/x") == 0 do
        accs.sleep(0.01)
      end
      client:close()
    end)
    closer:wait()
    local res, err = task:wait()
    assert.is_nil(res)
    assert.equal("cancelled", err.kind)
    assert.equal("unknown", err.outcome)
    assert.equal("GET", err.method)
  end)

  it("does so by <close> too", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local kept
    do
      local client <close> = server:client { timeout = 10 }
      assert(client:get("/V1/x"))
      kept = client
    end
    local _, err = kept:get("/V1/x")
    assert.equal("closed", err.kind)
  end)
end)

describe("accs.client", function()
  it("raises an error object that prints as one line", function()
    local ok, problem = pcall(accs.client, { dotenv = false, tiemout = 1 })
    assert.is_false(ok)
    assert.is_true(errors.is(problem))
    assert.equal('accs: config: unknown option "tiemout" (did you mean "timeout"?)',
      tostring(problem))
  end)

  it("refuses an address with a password, naming the option", function()
    local ok, problem = pcall(accs.client, { dotenv = false, access_token = "t",
      base_url = "https://user:canary@na1.api.commerce.adobe.com/x" })
    assert.is_false(ok)
    assert.matches("base_url", tostring(problem))
    assert.is_nil(tostring(problem):find("canary", 1, true))
  end)

  it("finds everything in the environment", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local result = support.run { "lua5.4", "-e",
      "print(assert(require('accs').client{dotenv=false}:get('/V1/x')).data.ok)", env = server.env }
    assert.equal("true\n", result.out .. result.err)
  end)
end)

describe("a client of the sandbox", function()
  it("goes on with one more token when its token has expired", function()
    local box <close> = support.sandbox { products = 3, args = { "--token-life", "2" } }
    local client <close> = box:client { timeout = 10 }
    assert(client:get("/V1/store/storeConfigs"))
    assert.equal(1, box:count("POST /ims/token/v3"))
    accs.sleep(2.1)
    assert(client:get("/V1/store/storeConfigs"))
    assert.equal(2, box:count("POST /ims/token/v3"))
    assert.equal(2, box:count("GET /V1/store/storeConfigs", 200))
  end)

  it("creates, changes, reads and deletes a product", function()
    local box <close> = support.sandbox { products = 3 }
    local client <close> = box:client { timeout = 10 }
    local sku = "odd / sku+%\xC3\xA4"
    local made = assert(client:post("/V1/products", {
      product = { sku = sku, name = "Odd", price = 34.5, attribute_set_id = 4 },
    }))
    assert.equal(sku, made.data.sku)
    local opts = { params = { sku = sku } }
    assert(client:put("/V1/products/{sku}", { product = { price = 40 } }, opts))
    opts.fields = "sku,price"
    local read = assert(client:get("/V1/products/{sku}", opts))
    assert.same({ sku = sku, price = 40 }, read.data)
    assert.equal("integer", math.type(read.data.price))
    assert.is_true(assert(client:delete("/V1/products/{sku}", opts)).data)
    local res, err = client:get("/V1/products/{sku}", opts)
    assert.is_nil(res)
    assert.equal(404, err.status)
  end)

  it("is told what is wrong with its credentials", function()
    local box = support.shared_sandbox()
    for _, wrong in ipairs { { client_secret = "wrong" }, { client_id = "wrong" } } do
      wrong.timeout = 10
      local client <close> = box:client(wrong)
      local res, err = client:get("/V1/store/storeConfigs")
      assert.is_nil(res)
      assert.equal("auth", err.kind)
      assert.equal("check IMS_CLIENT_ID and IMS_CLIENT_SECRET", err.hint)
    end
  end)
end)
