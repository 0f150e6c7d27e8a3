local driver = require "spec.lua.sandbox.driver"
local faults = require "accs.sandbox.faults"
local socket = require "socket"

local SEARCH = { { "searchCriteria", "" } }

local function start(...)
  local args = {}
  for _, fault in ipairs { ... } do
    args[#args + 1] = "--fault"
    args[#args + 1] = fault
  end
  return driver.start { products = 5, orders = 5, customers = 3, args = args }
end

describe("a fault's text", function()
  for _, case in ipairs {
    { "503", { action = "503", first = 1, last = math.huge } },
    { "503*2", { action = "503", first = 1, last = 2 } },
    { "reset@3*1", { action = "reset", first = 3, last = 3 } },
    { "429=7", { action = "429", argument = "7" } },
    { "429=date*1", { action = "429", argument = "date", last = 1 } },
    { "delay=0.5", { action = "delay", argument = "0.5" } },
    { "GET /V1/products/{sku}:truncate", { method = "GET", route = "/V1/products/{sku}" } },
    { "ANY *:html", { action = "html", tenant_only = false } },
  } do
    it("may be " .. case[1], function()
      local fault = assert(faults.parse(case[1]))
      for name, value in pairs(case[2]) do
        assert.equal(value, fault[name], name)
      end
    end)
  end

  for _, text in ipairs {
    "", "200", "600", "5o3", "429=soon", "503=7", "delay", "delay=0", "delay=x", "reset=1",
    "explode", "GET:503", "503*", "503@",
  } do
    it(("may not be %q"):format(text), function()
      local fault, message = faults.parse(text)
      assert.is_nil(fault)
      assert.truthy(message:find("not a fault", 1, true))
    end)
  end
end)

describe("a fault", function()
  it("hits as often as it says, and just its route", function()
    local box <close> = start("GET /V1/products:503*2")
    local tenant = driver.tenant(box)
    assert.equal(200, tenant:get("/V1/orders", SEARCH).status)
    assert.equal(503, tenant:get("/V1/products", SEARCH).status)
    assert.equal(503, tenant:get("/V1/products", SEARCH).status)
    assert.equal(200, tenant:get("/V1/products", SEARCH).status)
    assert.equal(2, box:count("GET /V1/products", 503))
    assert.equal(1, box:count("GET /V1/products", 200))
  end)

  it("may begin later", function()
    local box <close> = start("401@2*1")
    local tenant = driver.tenant(box)
    local statuses = {}
    for i = 1, 3 do
      statuses[i] = tenant:get("/V1/orders", SEARCH).status
    end
    assert.same({ 200, 401, 200 }, statuses)
  end)

  it("may be a 429 with seconds or with a date", function()
    local box <close> = start("GET /V1/orders:429=7*1", "GET /V1/products:429=date*1")
    local tenant = driver.tenant(box)
    local reply = tenant:get("/V1/orders", SEARCH)
    assert.equal(429, reply.status)
    assert.equal("7", reply.headers["retry-after"])
    assert.equal("429050", reply.data.error_code)
    reply = tenant:get("/V1/products", SEARCH)
    assert.truthy(reply.headers["retry-after"]:find(
      "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$"))
  end)

  it("may hit IMS", function()
    local box <close> = start("POST /ims/token/v3:500*1")
    assert.equal(500, driver.token(box).status)
    assert.equal(200, driver.token(box).status)
  end)

  it("may be a gateway's HTML page", function()
    local box <close> = start("html")
    local reply = driver.tenant(box):get("/V1/orders", SEARCH)
    assert.equal(502, reply.status)
    assert.equal("text/html", reply.headers["content-type"])
    assert.truthy(reply.body:find("<h1>502 Bad Gateway</h1>", 1, true))
  end)

  for _, action in ipairs { "reset", "close" } do
    it(("may %s the connection before the request is acted on"):format(action), function()
      local box <close> = start("DELETE /V1/products/{sku}:" .. action .. "*1")
      local tenant = driver.tenant(box)
      local sku = tenant:get("/V1/products", SEARCH).data.items[1].sku
      local path = "/V1/products/" .. driver.encode(sku)
      local reply, problem = tenant:call("DELETE", path)
      assert.is_nil(reply)
      assert.equal("closed", problem)
      assert.equal(200, tenant:get(path).status)
      assert.equal(1, box:count("DELETE /V1/products/{sku}"))
      assert.equal(1, box:counters()["DELETE /V1/products/{sku}"][action])
    end)
  end

  it("resets for real: the client sees ECONNRESET", function()
    local box <close> = start("reset")
    local support = require "spec.support"
    local tenant = driver.tenant(box)
    local result = support.run { "bash", "-c", ([[
      exec 3<>/dev/tcp/127.0.0.1/%d
      printf 'GET %s/V1/orders HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
      cat <&3]]):format(box.port, tenant.prefix), timeout = 10 }
    assert.truthy(result.err:find("Connection reset by peer", 1, true))
  end)

  it("may cut a reply in the middle, after the request was acted on", function()
    local box <close> = start("GET /V1/products:truncate*1", "DELETE /V1/products/{sku}:truncate*1")
    local tenant = driver.tenant(box)
    local reply, problem, part = tenant:get("/V1/products", SEARCH)
    assert.is_nil(reply)
    assert.equal("cut", problem)
    local whole = tenant:get("/V1/products", SEARCH)
    assert.equal(whole.body:sub(1, #whole.body // 2), part)
    local path = "/V1/products/" .. driver.encode(whole.data.items[1].sku)
    assert.is_nil((tenant:call("DELETE", path)))
    assert.equal(404, tenant:get(path).status)
  end)

  it("may delay one reply while others go on", function()
    local box <close> = start("GET /V1/orders:delay=1")
    local tenant = driver.tenant(box)
    local slow = driver.connect(box.port)
    local headers = {
      Authorization = "Bearer " .. tenant.token, ["x-api-key"] = box.env.IMS_CLIENT_ID,
      ["x-gw-ims-org-id"] = box.env.IMS_ORG_ID,
    }
    local began = socket.gettime()
    local lines = { ("GET %s/V1/orders?searchCriteria HTTP/1.1"):format(tenant.prefix), "Host: x" }
    for name, value in pairs(headers) do
      lines[#lines + 1] = name .. ": " .. value
    end
    assert(slow:send(table.concat(lines, "\r\n") .. "\r\n\r\n"))
    assert.equal(200, tenant:get("/V1/products", SEARCH).status)
    assert.is_true(socket.gettime() - began < 0.9)
    assert.equal("HTTP/1.1 200 OK", (slow:receive("*l")))
    assert.is_true(socket.gettime() - began >= 0.99)
    slow:close()
  end)
end)

describe("--rate", function()
  it("refuses what is too much in a second", function()
    local box <close> = driver.start {
      products = 3, orders = 3, customers = 3, args = { "--rate", "5" },
    }
    local tenant = driver.tenant(box)
    local counts = { [200] = 0, [429] = 0 }
    local began = socket.gettime()
    for _ = 1, 30 do
      local reply = tenant:get("/V1/orders", SEARCH)
      counts[reply.status] = counts[reply.status] + 1
      if reply.status == 429 then
        assert.equal("1", reply.headers["retry-after"])
        assert.equal("429050", reply.data.error_code)
      end
    end
    local windows = (socket.gettime() - began) // 1 + 2 -- that the calls can have met
    assert.is_true(counts[200] >= 5 and counts[200] <= 5 * windows, "let through " .. counts[200])
    assert.is_true(windows < 6, "too slow to tell")
    assert.equal(30, counts[200] + counts[429])
  end)
end)
