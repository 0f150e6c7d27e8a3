local support = require "spec.support"

-- A client of the tenant behind the front.
local function secure_client(box, front, extra)
  local options = {
    base_url = front:address(box.env.API_ENDPOINT),
    ca_file = front.certificates.ca,
  }
  for name, value in pairs(extra or {}) do
    options[name] = value or nil
  end
  return box:client(options)
end

local function product(sku)
  return {
    product = { sku = sku, name = "A bag", price = 3.5, type_id = "simple", attribute_set_id = 4 },
  }
end

-- What nginx logged, as "METHOD protocol", in order.
local function protocols(front, count)
  local list = {}
  for index, request in ipairs(front:requests(count)) do
    list[index] = request.method .. " " .. request.protocol
  end
  return list
end

describe("a tenant behind TLS", function()
  local box

  setup(function()
    box = support.sandbox { products = 5 }
  end)

  teardown(function()
    box:close()
  end)

  it("is reached with the authority's certificate as ca_file", function()
    local front <close> = support.nginx { port = box.port }
    local client <close> = secure_client(box, front)
    local response = assert(client:get("/V1/store/storeConfigs"))
    assert.equal(200, response.status)
    assert.is_truthy(response.url:find("^https://localhost:%d+/"))
  end)

  it("is trusted by what SSL_CERT_FILE or the hashed folder of SSL_CERT_DIR holds", function()
    local front <close> = support.nginx { port = box.port }
    local dir <close> = support.temp_dir()
    local ca, hashed, empty = front.certificates.ca, dir.path .. "/hashed", dir.path .. "/empty"
    assert(os.execute(("mkdir %s %s && cp %s %s/$(openssl x509 -hash -noout -in %s).0"):format(
      hashed, empty, ca, hashed, ca)))
    for code, variables in pairs {
      [0] = { { "SSL_CERT_FILE", ca }, { "SSL_CERT_DIR", hashed } },
      [4] = { { "SSL_CERT_DIR", empty }, {} },
    } do
      for _, variable in ipairs(variables) do
        local env = { API_ENDPOINT = front:address(box.env.API_ENDPOINT) }
        for _, name in ipairs { "IMS_URL", "IMS_CLIENT_ID", "IMS_CLIENT_SECRET", "IMS_ORG_ID" } do
          env[name] = box.env[name]
        end
        local result = support.run {
          "env", "-u", "SSL_CERT_FILE", "-u", "SSL_CERT_DIR", -- whatever this machine has
          variable[1] and table.concat(variable, "=") or "LC_ALL=C",
          "accs", "get", "/V1/store/storeConfigs", env = env,
        }
        assert.equal(code, result.code, (variable[1] or "") .. result.err)
      end
    end
  end)

  it("is asked over HTTP/2 for reads and over HTTP/1.1 for writes", function()
    local front <close> = support.nginx { port = box.port }
    local client <close> = secure_client(box, front)
    assert(client:get("/V1/store/storeConfigs"))
    assert(client:get("/V1/store/storeConfigs"))
    -- Now an HTTP/2 connection waits in the pool; no write may take it.
    assert(client:post("/V1/products", product("tls-1")))
    assert(client:put("/V1/products/tls-1", product("tls-1")))
    assert(client:delete("/V1/products/tls-1"))
    assert.same({ "GET HTTP/2.0", "GET HTTP/2.0", "POST HTTP/1.1", "PUT HTTP/1.1",
      "DELETE HTTP/1.1" }, protocols(front, 5))
  end)

  it("gets many reads at once over one HTTP/2 connection", function()
    local accs = require "accs"
    local front <close> = support.nginx { port = box.port }
    local client <close> = secure_client(box, front)
    assert(client:get("/V1/store/storeConfigs"))
    local jobs = {}
    for index = 1, 16 do
      jobs[index] = index
    end
    assert(accs.map(jobs, function()
      return client:get("/V1/store/storeConfigs")
    end, { concurrency = 8 }))
    local connections, requests = {}, front:requests(17)
    assert.equal(17, #requests)
    for _, request in ipairs(requests) do
      assert.equal("HTTP/2.0", request.protocol)
      connections[#connections + 1] = request.connection
    end
    table.sort(connections)
    assert.equal(connections[1], connections[17])
  end)

  it("may have its IMS behind TLS too; the token request is a write like any other", function()
    local front <close> = support.nginx { port = box.port }
    local ims <close> = support.nginx { port = box.port }
    local client <close> = secure_client(box, front, { ims_url = ims:address(box.env.IMS_URL) })
    assert(client:get("/V1/store/storeConfigs"))
    assert.same({ "POST HTTP/1.1" }, protocols(ims, 1))
    assert.equal("/ims/token/v3", ims:requests()[1].path)
  end)

  it("without HTTP/2 is asked over HTTP/1.1", function()
    local front <close> = support.nginx { port = box.port, http2 = false }
    local client <close> = secure_client(box, front)
    assert(client:get("/V1/store/storeConfigs"))
    assert.same({ "GET HTTP/1.1" }, protocols(front, 1))
  end)
end)

describe("a certificate that cannot be trusted", function()
  local box

  setup(function()
    box = support.sandbox { products = 5 }
  end)

  teardown(function()
    box:close()
  end)

  local cases = {
    { name = "is self-signed", certificate = "self-signed" },
    { name = "has expired", certificate = "expired" },
    { name = "is another host's", certificate = "wrong-host" },
    { name = "comes from an authority that is not in ca_file", other = true },
    { name = "comes from an authority that the system does not know", system = true },
  }

  -- The client's ca_file; false for none.
  local function trusted(case, front)
    local certificates = front.certificates
    return case.other and certificates.other_ca or not case.system and certificates.ca
  end

  for _, case in ipairs(cases) do
    it("ends the call before anything is sent: it " .. case.name, function()
      local front <close> = support.nginx { port = box.port, certificate = case.certificate }
      local ca = trusted(case, front)
      local client <close> = secure_client(box, front, { ca_file = ca })
      for _, verb in ipairs { "get", "post" } do
        local data = verb == "post" and product("tls-2") or nil
        local response, err = client[verb](client, "/V1/products", data)
        assert.is_nil(response)
        assert.equal("tls", err.kind)
        assert.equal("not_sent", err.outcome)
        local line = tostring(err)
        assert.is_nil(line:find("\n", 1, true))
        assert.is_truthy(err.hint and line:find(err.hint, 1, true), "no hint in: " .. line)
        assert.is_nil(line:find(box.env.IMS_CLIENT_SECRET, 1, true))
      end
      assert.same({}, front:requests())
    end)

    it("keeps the client's secret at home: it " .. case.name, function()
      local front <close> = support.nginx { port = box.port, certificate = case.certificate }
      local ca = trusted(case, front)
      local client <close> = box:client { ims_url = front:address(box.env.IMS_URL),
        ca_file = ca or nil }
      local response, err = client:get("/V1/store/storeConfigs")
      assert.is_nil(response)
      assert.equal("tls", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.same({}, front:requests())
    end)

    it("ends the command with code 4 and one line: it " .. case.name, function()
      local front <close> = support.nginx { port = box.port, certificate = case.certificate }
      local env = {}
      for name, value in pairs(box.env) do
        env[name] = value
      end
      env.API_ENDPOINT = front:address(box.env.API_ENDPOINT)
      env.ACCS_CA_FILE = trusted(case, front)
      local result = support.run { "accs", "get", "/V1/store/storeConfigs", env = env }
      assert.equal("", result.out)
      assert.is_truthy(result.err:find("^accs: tls: [^\n]+\n$"), result.err)
      assert.equal(4, result.code)
      assert.same({}, front:requests())
    end)
  end
end)
