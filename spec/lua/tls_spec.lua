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

  it("may have its IMS behind TLS too; the token request is a write like any other", function()
    local front <close> = support.nginx { port = box.port }
    local ims <close> = support.nginx { port = box.port }
    local client <close> = secure_client(box, front, { ims_url = ims:address(box.env.IMS_URL) })
    assert(client:get("/V1/store/storeConfigs"))
    assert.same({ "POST HTTP/1.1" }, protocols(ims, 1))
    assert.equal("/ims/token/v3", ims:requests()[1].path)
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

-- The public key of a certificate, as pin takes it.
local function pin_of(path)
  return "sha256//" .. support.run { "sh", "-c", [[
    openssl x509 -in "$0" -pubkey -noout | openssl pkey -pubin -outform der |
      openssl dgst -sha256 -binary | base64 -w 0]], path }.out
end

describe("a pin", function()
  local FRESH = "keepalive_timeout 0; ssl_session_cache shared:sessions:1m;"
  local box, front, pinned, other
  setup(function()
    box = support.sandbox { products = 1 }
    front = support.nginx { port = box.port, server = FRESH }
    pinned = pin_of(front.certificates.path .. "/good.pem")
    other = pin_of(front.certificates.path .. "/wrong-host.pem")
  end)
  teardown(function()
    front:close()
    box:close()
  end)

  it("lets a server through that has one of the keys", function()
    assert.equal(#"sha256//" + 44, #pinned)
    for _, pin in ipairs { pinned, other .. ";" .. pinned, pinned .. ";" .. other } do
      local client <close> = secure_client(box, front, { pin = pin })
      assert(client:get("/V1/store/storeConfigs"))
    end
  end)

  it("keeps out one that has none of them, trusted or not, known already or not", function()
    local accs = require "accs"
    local engine = accs.engine {}
    -- Of its own: nginx writes its log after its answer, so what others asked may be missing yet.
    local own <close> = support.nginx { port = box.port, server = FRESH }
    local before <close> = secure_client(box, own, { engine = engine, http_version = "1.1" })
    assert(before:get("/V1/store/storeConfigs")) -- its TLS session must not help the others
    assert.equal(1, #own:requests(1))
    for _, pin in ipairs { other, other .. ";" .. other, "sha256//AAAA", "/no/such/file",
      "sha256/" .. pinned:sub(9) } do
      local client <close> = secure_client(box, own, { pin = pin, engine = engine,
        http_version = "1.1" })
      local _, err = client:post("/V1/products", product("pinned"))
      assert.equal("tls", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.matches("pin", err.hint)
    end
    assert.equal(1, #own:requests())
  end)

  it("holds for a connection of the pool too", function()
    local accs = require "accs"
    local open <close> = support.nginx { port = box.port }
    local engine = accs.engine {}
    local before <close> = secure_client(box, open, { engine = engine })
    assert(before:get("/V1/store/storeConfigs"))
    local client <close> = secure_client(box, open, { engine = engine, pin = other })
    local _, err = client:get("/V1/store/storeConfigs")
    assert.equal("tls", err.kind)
  end)
end)

describe("a client certificate", function()
  local box, front, path
  setup(function()
    box = support.sandbox { products = 1 }
    path = support.certificates().path
    front = support.nginx { port = box.port, server = "ssl_verify_client on; "
      .. "ssl_client_certificate " .. path .. "/ca.pem;" }
  end)
  teardown(function()
    front:close()
    box:close()
  end)

  local GOOD = {
    { "client.pem", "client.key" }, { "client-both.pem" },
    { "client.pem", "client-locked.key", "not-a-password" },
  }
  for _, case in ipairs(GOOD) do
    it("is shown to a server that asks: " .. table.concat(case, ", "), function()
      local client <close> = secure_client(box, front, { client_cert = path .. "/" .. case[1],
        client_key = case[2] and path .. "/" .. case[2], client_key_password = case[3] })
      assert(client:get("/V1/store/storeConfigs"))
      assert(client:post("/V1/products", product("client-" .. #case)))
    end)
  end

  it("may come from the environment, and holds for IMS too", function()
    local env = { ACCS_CA_FILE = front.certificates.ca, ACCS_CLIENT_CERT = path .. "/client.pem",
      ACCS_CLIENT_KEY = path .. "/client-locked.key", ACCS_CLIENT_KEY_PASSWORD = "not-a-password" }
    for name, value in pairs(box.env) do
      env[name] = value
    end
    env.API_ENDPOINT = front:address(box.env.API_ENDPOINT)
    env.IMS_URL = front:address(box.env.IMS_URL)
    local result = support.run { "accs", "get", "/V1/store/storeConfigs", env = env }
    assert.equal("", result.err)
    assert.equal(0, result.code)
  end)

  it("that is missing is told", function()
    local client <close> = secure_client(box, front)
    local response, err = client:get("/V1/store/storeConfigs")
    assert.is_nil(response)
    assert.matches("certificate", tostring(err)) -- nginx says so over HTTP
  end)

  local BAD = {
    { "nothing.pem", "client.key" }, { "client.pem", "nothing.key" }, { "client.pem", "good.key" },
    { "client.pem", "client-locked.key", "canary-password" }, { "client.pem", "client-locked.key" },
    { "client.key", "client.key" }, { "client.pem" },
  }
  for _, case in ipairs(BAD) do
    it("that cannot be used is a mistake of the options: " .. table.concat(case, ", "), function()
      local client <close> = secure_client(box, front, { client_cert = path .. "/" .. case[1],
        client_key = case[2] and path .. "/" .. case[2], client_key_password = case[3],
        engine = require("accs").engine {} }) -- without the connections of other clients
      local before = box:count("GET /V1/store/storeConfigs")
      local _, err = client:get("/V1/store/storeConfigs")
      assert.equal("config", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal(0, err.attempts)
      assert.matches("client certificate or its key", err.message)
      assert.matches("client_key_password", err.hint)
      assert.is_nil(tostring(err):find("canary", 1, true))
      assert.equal(before, box:count("GET /V1/store/storeConfigs"))
    end)
  end

  it("is refused for a token too, in the same words", function()
    local client <close> = box:client { ims_url = front:address(box.env.IMS_URL),
      ca_file = front.certificates.ca, client_cert = path .. "/nothing.pem" }
    local _, err = client:get("/V1/store/storeConfigs")
    assert.equal("config", err.kind)
    assert.matches("^no access token: the client certificate or its key", err.message)
    assert.matches("client_key_password", err.hint)
  end)

  it("with a locked key and no password does not ask at the terminal", function()
    local env = { ACCS_CA_FILE = front.certificates.ca, ACCS_CLIENT_CERT = path .. "/client.pem",
      ACCS_CLIENT_KEY = path .. "/client-locked.key" }
    for name, value in pairs(box.env) do
      env[name] = value
    end
    env.API_ENDPOINT = front:address(box.env.API_ENDPOINT)
    local result = support.run { "accs", "get", "/V1/store/storeConfigs", env = env, tty = true,
      timeout = 10 }
    assert.equal(3, result.code)
    assert.is_nil(result.out:find("pass phrase:", 1, true))
    assert.matches("client_key_password", result.out)
  end)
end)

describe("the version of TLS", function()
  local fault = require "spec.support.fault"

  -- What becomes of a call to a server that speaks one version and no other.
  local function try(server, protocol, min_tls)
    local port = server:listen { name = protocol, tls = { protocol = protocol,
      certificate = support.certificates().path .. "/good" } }
    local client <close> = server:client { access_token = "example", attempts = 1,
      base_url = "https://localhost:" .. port, ca_file = support.certificates().ca,
      min_tls = min_tls }
    return client:get("/V1/x")
  end

  local cases = {
    { "tlsv1_1", nil, "tls" }, { "tlsv1_2", nil, "ok" }, { "tlsv1_3", nil, "ok" },
    { "tlsv1_2", "1.2", "ok" }, { "tlsv1_2", "1.3", "tls" }, { "tlsv1_3", "1.3", "ok" },
  }
  for index, case in ipairs(cases) do
    it(("is %s at least: %s, %s"):format(case[2] or "1.2", case[1], case[3]), function()
      local server <close> = fault.start()
      local response, err = try(server, case[1], case[2])
      assert.equal(case[3], response and "ok" or err.kind, index)
      if err then
        assert.equal("not_sent", err.outcome)
        assert.matches("min_tls", err.hint)
        assert.equal(0, #server:requests(case[1]))
      end
    end)
  end

  it("is 1.2 at least even where OpenSSL would take an older one", function()
    local path = support.certificates().path
    local old <close> = support.start { "sh", "-c", [[
      openssl s_server -accept 127.0.0.1:0 -www -tls1_1 -cipher DEFAULT@SECLEVEL=0 \
        -cert "$0/good.pem" -key "$0/good.key" </dev/null & pid=$!
      cat >/dev/null; kill $pid]], path } -- it does not look at its standard input
    local line, port = "", nil
    while line and not port do
      line = old:read_line()
      port = line and line:match("^ACCEPT .*:(%d+)$")
    end
    local dir <close> = support.temp_dir()
    local lax = support.write_file(dir.path .. "/openssl.cnf", "openssl_conf = all\n[all]\n"
      .. "ssl_conf = ssl\n[ssl]\nsystem_default = lax\n[lax]\nMinProtocol = TLSv1\n"
      .. "CipherString = DEFAULT@SECLEVEL=0\n")
    local url = ("https://localhost:%s"):format(port)
    local env = { OPENSSL_CONF = lax, API_ENDPOINT = url, ACCS_ACCESS_TOKEN = "example",
      ACCS_CA_FILE = support.certificates().ca, ACCS_ATTEMPTS = "1" }
    local curl = support.run { "curl", "-s", "--tlsv1.1", "--cacert", env.ACCS_CA_FILE, url,
      env = env }
    assert.equal(0, curl.code, curl.err) -- the others can
    local result = support.run { "accs", "get", "/V1/x", env = env, cwd = dir.path }
    assert.matches("^accs: tls: ", result.err)
    assert.equal(4, result.code)
  end)
end)
