-- Which version of HTTP a request goes over, and what HTTP/2 does to counting.
local accs = require "accs"
local fault = require "spec.support.fault"
local h2 = require "spec.support.h2"
local support = require "spec.support"

local CONFIGS = "/V1/store/storeConfigs"

local function product(sku)
  return {
    product = { sku = sku, name = "A bag", price = 3.5, type_id = "simple", attribute_set_id = 4 },
  }
end

local function together(count, f)
  local jobs = {}
  for index = 1, count do
    jobs[index] = index
  end
  return assert(accs.map(jobs, function(index)
    return { f(index) } -- a failure is looked at, too
  end, { concurrency = count }))
end

describe("behind a server that offers HTTP/2", function()
  local box, front

  setup(function()
    box = support.sandbox { products = 5 }
  end)
  teardown(function()
    box:close()
  end)
  before_each(function()
    front = support.nginx { port = box.port }
  end)
  after_each(function()
    front:close()
  end)

  local function new(extra, of)
    local options = { base_url = (of or front):address(box.env.API_ENDPOINT),
      ca_file = front.certificates.ca, engine = accs.engine {} }
    for name, value in pairs(extra or {}) do
      options[name] = value
    end
    return box:client(options)
  end

  -- "METHOD protocol" of each request, and the number of connections.
  local function seen(count)
    local list, connections, number = {}, {}, 0
    for index, request in ipairs(front:requests(count)) do
      list[index] = request.method .. " " .. request.protocol
      number = number + (connections[request.connection] and 0 or 1)
      connections[request.connection] = true
    end
    return list, number
  end

  it("everything goes over HTTP/1.1, over one connection, unless told otherwise", function()
    local client <close> = new()
    assert(client:get(CONFIGS))
    assert(client:post("/V1/products", product "h2-1"))
    assert(client:get(CONFIGS))
    local list, connections = seen(3)
    assert.same({ "GET HTTP/1.1", "POST HTTP/1.1", "GET HTTP/1.1" }, list)
    assert.equal(1, connections)
  end)

  it("reads go over HTTP/2 where http_version says so, writes never", function()
    local client <close> = new { http_version = "2" }
    assert(client:get(CONFIGS))
    assert(client:get(CONFIGS))
    -- Now an HTTP/2 connection waits in the pool; no write may take it.
    assert(client:post("/V1/products", product "h2-2"))
    assert(client:put("/V1/products/h2-2", product "h2-2"))
    assert(client:delete("/V1/products/h2-2"))
    local list, connections = seen(5)
    assert.same({ "GET HTTP/2.0", "GET HTTP/2.0", "POST HTTP/1.1", "PUT HTTP/1.1",
      "DELETE HTTP/1.1" }, list)
    assert.equal(2, connections)
  end)

  it("no write goes over an HTTP/2 connection that reads use at the same time", function()
    local client <close> = new { http_version = "2", max_concurrency = 16 }
    assert(client:get(CONFIGS))
    together(16, function(index)
      if index % 2 == 0 then
        return assert(client:post("/V1/products", product("h2-3-" .. index)))
      end
      return assert(client:get(CONFIGS))
    end)
    local wrong = 0
    for _, request in ipairs(front:requests(17)) do
      wrong = wrong + (request.method == "POST" and request.protocol ~= "HTTP/1.1" and 1 or 0)
    end
    assert.equal(0, wrong)
    assert.equal(17, #front:requests())
  end)

  it("reads take the idle HTTP/1.1 connection that a write left", function()
    local client <close> = new { http_version = "2" }
    assert(client:post("/V1/products", product "h2-4"))
    assert(client:get(CONFIGS))
    local list, connections = seen(2)
    assert.same({ "POST HTTP/1.1", "GET HTTP/1.1" }, list)
    assert.equal(1, connections)
  end)

  it("reads at the same time share one connection", function()
    local client <close> = new { http_version = "2" }
    assert(client:get(CONFIGS))
    together(16, function() return assert(client:get(CONFIGS)) end)
    local list, connections = seen(17)
    for _, one in ipairs(list) do
      assert.equal("GET HTTP/2.0", one)
    end
    assert.equal(1, connections)
  end)

  it("max_streams says how many share one, max_connections how many there are", function()
    local client <close> = new { http_version = "2",
      engine = accs.engine { max_streams = 1, max_connections = 3 } }
    assert(client:get(CONFIGS))
    together(16, function() return assert(client:get(CONFIGS)) end)
    local _, connections = seen(17)
    assert.is_true(connections > 1 and connections <= 3, connections)
  end)

  it("one that does not offer it is asked over HTTP/1.1", function()
    local old <close> = support.nginx { port = box.port, http2 = false }
    local client <close> = new({ http_version = "2" }, old)
    assert(client:get(CONFIGS))
    assert.equal("HTTP/1.1", old:requests(1)[1].protocol)
  end)

  it("the version may come from the environment and the command line", function()
    local env = { ACCS_CA_FILE = front.certificates.ca, ACCS_HTTP_VERSION = "2" }
    for name, value in pairs(box.env) do
      env[name] = value
    end
    env.API_ENDPOINT = front:address(box.env.API_ENDPOINT)
    assert.equal(0, support.run { "accs", "get", CONFIGS, env = env }.code)
    assert.equal(0, support.run { "accs", "get", CONFIGS, "--http-version", "1.1",
      env = env }.code)
    assert.same({ "GET HTTP/2.0", "GET HTTP/1.1" }, (seen(2)))
    local result = support.run { "accs", "get", CONFIGS, "--http-version", "3", env = env }
    assert.equal(2, result.code)
    assert.matches([['3' is not "1.1" or "2"]], result.err)
  end)
end)

-- libcurl repeats a refused stream by itself, again and again.
describe("streams that are refused", function()
  local server
  setup(function() server = fault.start() end)
  teardown(function() server:close() end)

  local function refusing(name, entries)
    return server:listen { name = name, entries = entries,
      tls = { certificate = support.certificates().path .. "/good", alpn = "h2" } }
  end

  local function new(port, extra)
    local options = { base_url = "https://localhost:" .. port, access_token = "example",
      ca_file = support.certificates().ca, http_version = "2", backoff = 0.01, timeout = 10 }
    for name, value in pairs(extra or {}) do
      options[name] = value
    end
    return server:client(options)
  end

  for attempts = 1, 5 do
    it("are sent as often as attempts allows, and no oftener: " .. attempts, function()
      local name = "refused " .. attempts
      local client <close> = new(refusing(name, { { h2.reset(h2.REFUSED_STREAM) } }),
        { attempts = attempts })
      local _, err = client:get("/V1/x")
      assert.equal("network", err.kind)
      assert.equal(attempts, err.attempts)
      assert.equal(attempts, #server:requests(name))
    end)
  end

  it("of parallel calls neither", function()
    local client <close> = new(refusing("many", { { h2.reset(h2.REFUSED_STREAM) } }),
      { attempts = 4, retry_budget_min = 1000 })
    local sum = 0
    for _, result in ipairs(together(8, function() return client:get("/V1/x") end)) do
      local err = result[2]
      assert.equal("network", err.kind)
      assert.is_true(err.attempts <= 4, err.attempts)
      sum = sum + err.attempts
    end
    assert.equal(sum, #server:requests "many")
  end)

  it("once are repeated, and counted", function()
    local client <close> = new(refusing("once", { { h2.reset(h2.REFUSED_STREAM) }, h2.ok }))
    assert.equal(2, assert(client:get("/V1/x")).attempts)
    assert.equal(2, #server:requests "once")
  end)

  it("that may not be repeated are sent once", function()
    local client <close> = new(refusing("single", { { h2.reset(h2.REFUSED_STREAM) }, h2.ok }))
    local _, err = client:get("/V1/x", { idempotent = false })
    assert.equal("network", err.kind)
    assert.equal(1, err.attempts)
    assert.equal(1, #server:requests "single")
  end)
end)
