local causes = require "accs.cli.diagnosis.causes"
local cjson = require "cjson"
local errors = require "accs.error"
local fault = require "spec.support.fault"
local support = require "spec.support"

local SMALL = { products = 5, orders = 5, customers = 5 }

-- Runs accs doctor in an empty folder with a cache of its own. `change` is put over the sandbox's
-- settings (false takes one away); files: name -> text.
local function doctor(env, change, words, files)
  local dir <close> = support.temp_dir()
  local all = { XDG_CACHE_HOME = dir.path .. "/caches" }
  for _, part in ipairs { env, change or {} } do
    for name, value in pairs(part) do
      all[name] = value
    end
  end
  for name, text in pairs(files or {}) do
    support.write_file(dir.path .. "/" .. name, text)
  end
  local result = support.run { "bash", "-c", "accs doctor " .. (words or ""), env = all,
    cwd = dir.path, timeout = 60 }
  for _, secret in ipairs { env.IMS_CLIENT_SECRET, all.IMS_CLIENT_SECRET or nil } do
    assert.is_nil(secret ~= "" and (result.out .. result.err):find(secret, 1, true) or nil,
      "a secret is shown")
  end
  assert.is_nil((result.out .. result.err):find("eyJ", 1, true), "a token is shown")
  return result
end

-- The findings by check, read from the lines as a person sees them.
local function read(result)
  assert.equal("", result.err)
  local found, last, folded = {}, nil, false
  for line in result.out:gmatch("[^\n]+") do
    local status, check, detail = line:match("^(%l+) +([%w_]+) +(.*)$")
    for name in (folded and line or line:match("^skip  ([%w_]+,.*)$") or ""):gmatch("[%w_]+") do
      found[name] = found[name] or { status = "skip", detail = "", hint = "" }
    end
    folded = line:find("^skip  [%w_]+,") and not line:find(":") or folded and not line:find(":")
    if status and ({ ok = true, warn = true, fail = true, skip = true })[status] then
      last = { status = status, detail = detail, hint = "" }
      if not (found[check] and found[check].status == "fail") then -- one host of two
        found[check] = last
      end
    elseif line:find("^                    ") then
      local text = line:match("^ +(.*)$")
      if text:find("^%-> ") or last.hint ~= "" then
        last.hint = last.hint .. text:gsub("^%-> ", "") .. " "
      else
        last.detail = last.detail .. " " .. text
      end
    end
  end
  return found
end

-- Asserts the status of each named check, and that no other failed.
local function assert_statuses(wanted, found)
  for check, status in pairs(wanted) do
    assert.truthy(found[check], "nothing is said about " .. check)
    assert.equal(status, found[check].status, check .. ": " .. found[check].detail)
  end
  for check, finding in pairs(found) do
    assert.truthy(finding.status ~= "fail" or wanted[check] == "fail",
      check .. ": " .. finding.detail)
  end
end

local function has(text, part)
  assert.truthy(text:find(part, 1, true), text)
end

-- At most 80 columns, but for one word that is longer by itself.
local function assert_width(text)
  for line in text:gmatch("[^\n]+") do
    assert.truthy(utf8.len(line) <= 80 or not line:sub(21):find(" "), line)
  end
end

describe("accs doctor", function()
  local box

  setup(function()
    box = support.shared_sandbox(SMALL)
  end)

  it("says that all is well, line by line", function()
    local result = doctor(box.env)
    local found = read(result)
    assert_statuses({ settings = "ok", base_url = "ok", ims_url = "ok", client_id = "ok",
      client_secret = "ok", credential = "ok", organisation = "ok", tenant = "ok", dns = "skip",
      connection = "ok", tls = "skip", clock = "ok", token = "ok", cache = "ok", scopes = "ok",
      call = "ok" }, found)
    assert.equal(0, result.code)
    has(found.base_url.detail, box.env.API_ENDPOINT .. " (API_ENDPOINT)")
    has(found.client_secret.detail, "not shown (IMS_CLIENT_SECRET)")
    has(found.credential.detail, "server to server")
    has(found.settings.detail, "none here")
    has(found.token.detail, "from IMS, lives 24 h")
    has(found.scopes.detail, "commerce.accs and 6 more")
    has(found.call.detail, "4 store views")
    assert.truthy(result.out:find("\n\nAll is well.\n$"))
    assert_width(result.out)
  end)

  it("makes one token request and one call", function()
    local own <close> = support.sandbox(SMALL)
    doctor(own.env)
    assert.equal(1, own:count("POST /ims/token/v3"))
    assert.equal(1, own:count("GET /V1/store/storeConfigs"))
  end)

  it("says where each value comes from", function()
    local found = read(doctor(box.env, { IMS_ORG_ID = false, ACCS_PROXY = false }, "--timeout 9", {
      [".env"] = "IMS_ORG_ID=" .. box.env.IMS_ORG_ID .. "\nACCS_PAGE_SIZE=7\n",
    }))
    has(found.settings.detail, ".env: 2 settings are used")
    has(found.organisation.detail, box.env.IMS_ORG_ID .. " (.env)")
    has(found.page_size.detail, "7 (.env)")
    has(found.timeout.detail, "9 (--timeout)")
    has(found.base_url.detail, "(API_ENDPOINT)")
    assert.is_nil(found.attempts) -- nobody set it
  end)

  it("hides passwords in addresses", function()
    local result = doctor(box.env, { ACCS_PROXY = "http://me:not-a-password@127.0.0.1:1" })
    assert.is_nil(result.out:find("not-a-password", 1, true))
    has(read(result).proxy.detail, "http://***@127.0.0.1:1")
    result = doctor(box.env, { ACCS_CACHE = "redis://me:not-a-password@127.0.0.1:1" })
    assert.is_nil(result.out:find("not-a-password", 1, true))
    for _, password in ipairs { "not/a-password", "not@a-password", "not/a@b-password" } do
      for _, more in ipairs {
        { ACCS_PROXY = "http://me:" .. password .. "@127.0.0.1:1" },
        { ACCS_PROXY = "me:" .. password .. "@127.0.0.1:1" },
        { ACCS_CACHE = "redis://me:" .. password .. "@127.0.0.1:1" },
      } do
        result = doctor(box.env, more)
        assert.is_nil((result.out .. result.err):find("password", 1, true))
        assert.matches("127.0.0.1:1", result.out, 1, true)
      end
    end
    result = doctor(box.env, { API_ENDPOINT = "https://me:not-a-password@example.com/x" })
    assert.is_nil(result.out:find("not-a-password", 1, true))
    has(read(result).settings.detail, "holds a user name or password")
    result = doctor(box.env, { ACCS_CACHE = "./a@b" })
    has(read(result).cache.detail, "./a@b")
  end)

  it("names an option that cannot be right, and shows the others all the same", function()
    local result = doctor(box.env, { ACCS_PROXY = "http://127.0.0.1:many" })
    assert.equal(3, result.code)
    local found = read(result)
    assert_statuses({ settings = "fail", client_id = "ok", connection = "skip" }, found)
    has(found.settings.detail, "the address of the proxy cannot be read")
    has(found.proxy.detail, "http://127.0.0.1:many")
  end)

  it("takes a token that is kept, unless it is told to ask", function()
    local own <close> = support.sandbox(SMALL)
    local dir <close> = support.temp_dir()
    local kept = { ACCS_CACHE = dir.path .. "/kept" }
    has(read(doctor(own.env, kept)).token.detail, "from IMS")
    has(read(doctor(own.env, kept)).token.detail, "from the cache")
    assert.equal(1, own:count("POST /ims/token/v3"))
    local found = read(doctor(own.env, kept, "--fresh"))
    has(found.token.detail, "from IMS")
    has(found.cache.detail, dir.path .. "/kept")
    assert.equal(2, own:count("POST /ims/token/v3"))
  end)

  it("writes nothing with read_only, and needs no writes", function()
    local result = doctor(box.env, { ACCS_READ_ONLY = "1" })
    has(read(result).read_only.detail, "true (ACCS_READ_ONLY)")
    assert.equal(0, result.code)
  end)

  it("gives the same as JSON", function()
    local result = doctor(box.env, nil, "--json")
    local data = cjson.decode(result.out)
    assert.is_true(data.ok)
    local by_check = {}
    for _, finding in ipairs(data.checks) do
      by_check[finding.check] = finding
    end
    assert.equal("ok", by_check.call.status)
    assert.equal(1, select(2, result.out:gsub("\n", "")))
    result = doctor(box.env, { IMS_CLIENT_SECRET = "example-not-a-secret" }, "--json")
    data = cjson.decode(result.out)
    assert.is_false(data.ok)
    assert.equal(3, result.code)
    for _, finding in ipairs(data.checks) do
      by_check[finding.check] = finding
    end
    assert.same({ "fail", "auth" }, { by_check.token.status, by_check.token.kind })
    has(by_check.token.hint, "Developer Console")
  end)
end)

describe("accs doctor finds", function()
  local box

  setup(function()
    box = support.shared_sandbox(SMALL)
  end)

  -- what, environment, statuses, check, in its detail, in its hint, exit code
  local cases = {
    { "a wrong secret", { IMS_CLIENT_SECRET = "example-not-a-secret" },
      { credential = "ok", token = "fail", scopes = "skip", call = "skip" },
      "token", "invalid_client", "Developer Console", 3 },
    { "a wrong client id", { IMS_CLIENT_ID = "example-client" },
      { token = "fail", call = "skip" }, "token", "invalid_client", "IMS_URL=https://ims-na1-stg1",
      3 },
    { "a scope that the project lacks", { IMS_SCOPES = "openid,everything" },
      { token = "fail", call = "skip" }, "token", "invalid_scope", "IMS_SCOPES", 3 },
    { "a credential of another kind", { IMS_CLIENT_ID = "sandbox-web" },
      { token = "fail" }, "token", "unauthorized_client", "OAuth Server-to-Server", 3, "web" },
    { "another tenant", { API_ENDPOINT = "/AnotherTenant000000000" },
      { token = "ok", scopes = "ok", call = "fail" }, "call", "HTTP 404", "tenant id", 1 },
    { "another organisation", { IMS_ORG_ID = "AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg" },
      { organisation = "ok", call = "fail" }, "call", "Profile is not valid", "product profile",
      3 },
    { "no organisation", { IMS_ORG_ID = false },
      { organisation = "warn", call = "fail" }, "organisation", "IMS_ORG_ID is not set",
      "x-gw-ims-org-id", 3 },
    { "a name as organisation", { IMS_ORG_ID = "Example Company" },
      { organisation = "warn", call = "fail" }, "organisation", "Example Company", "@AdobeOrg", 3 },
    { "no secret", { IMS_CLIENT_SECRET = false },
      { credential = "fail", token = "skip", scopes = "skip", call = "skip", connection = "ok" },
      "credential", "IMS_CLIENT_SECRET is not set", "accs login", 3 },
    { "no credential at all", { IMS_CLIENT_SECRET = false, IMS_CLIENT_ID = false },
      { credential = "fail", token = "skip" },
      "credential", "IMS_CLIENT_ID and IMS_CLIENT_SECRET are not set", "", 3 },
    { "no address", { API_ENDPOINT = false },
      { tenant = "fail", token = "ok", call = "skip", connection = "ok" },
      "tenant", "API_ENDPOINT is not set", "<tenant-id>", 3 },
    { "an address without a tenant", { API_ENDPOINT = "/" },
      { tenant = "fail", call = "skip" }, "tenant", "no tenant id", "<tenant-id>", 3 },
    { "an address with /rest", { API_ENDPOINT = "/AnotherTenant000000000/rest" },
      { tenant = "fail" }, "tenant", "/AnotherTenant000000000/rest is more than a tenant id",
      "<tenant-id>", 3 },
    { "an address with /V1", { API_ENDPOINT = "/AnotherTenant000000000/V1" },
      { tenant = "fail" }, "tenant", "is more than a tenant id", "<tenant-id>", 3 },
    { "an option that is wrong", { ACCS_TIMEOUT = "soon" },
      { settings = "fail", credential = "skip", dns = "skip", token = "skip", call = "skip" },
      "settings", "ACCS_TIMEOUT must be a number of seconds", "", 3 },
    { "plain http to another machine", { API_ENDPOINT = "http://shop.example.com/x" },
      { settings = "fail" }, "settings", "must begin with https://", "", 3 },
    { "a port where nobody listens", { API_ENDPOINT = "http://127.0.0.1:1/SandboxTenant123456789" },
      { connection = "fail", token = "ok", scopes = "ok", call = "skip" },
      "connection", "127.0.0.1: ", "host and port", 4 },
    { "an IMS that is not there", { IMS_URL = "http://127.0.0.1:1" },
      { connection = "fail", token = "skip", call = "skip" }, "connection", "127.0.0.1: ",
      "host and port", 4 },
    { "a host that has no address", { API_ENDPOINT = "https://nosuch.invalid/SandboxTenant12345" },
      { dns = "fail", token = "ok", call = "skip" }, "dns", "nosuch.invalid: ", "host name", 4 },
    { "an IMS without an address", { IMS_URL = "https://nosuch.invalid" },
      { dns = "fail", token = "skip", call = "skip" }, "dns", "nosuch.invalid: ", "host name", 4 },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local env, own = {}, box
      if case[8] then
        own = support.shared_sandbox { products = 5, orders = 5, customers = 5,
          args = { "--as", case[8] } }
      end
      for name, value in pairs(case[2]) do
        env[name] = name == "API_ENDPOINT" and value and value:find("^/")
          and own.origin .. (value == "/" and "" or value) or value
      end
      local result = doctor(own.env, env)
      local found = read(result)
      assert_statuses(case[3], found)
      has(found[case[4]].detail, case[5])
      has(found[case[4]].hint, case[6])
      assert.equal(case[7], result.code)
      assert_width(result.out)
    end)
  end

  it("what is wrong with each of two hosts", function()
    local result = doctor(box.env, { API_ENDPOINT = "https://nosuch.invalid/SandboxTenant12345",
      IMS_URL = "https://neither.invalid" })
    assert_statuses({ dns = "fail", connection = "skip", tls = "skip", clock = "skip",
      token = "skip", call = "skip" }, read(result))
    has(result.out, "fail  dns           neither.invalid: ")
    has(result.out, "fail  dns           nosuch.invalid: ")
    has(result.out, "2 failed, 0 to look at")
    assert.equal(4, result.code)
  end)

  it("a secret that would go where .env says", function()
    local result = doctor(box.env, { API_ENDPOINT = false }, "", {
      [".env"] = "API_ENDPOINT=https://elsewhere.example.com/SandboxTenant123456789\n",
    })
    local found = read(result)
    assert_statuses({ settings = "fail", connection = "skip", call = "skip" }, found)
    has(found.settings.detail, "weaker source")
    assert.equal(3, result.code)
  end)

  it("one of two secrets that is refused", function()
    local own <close> = support.sandbox { products = 5, orders = 5, customers = 5,
      args = { "--second-secret" } }
    local secrets = own:credentials().server.client_secrets
    local both = { IMS_CLIENT_SECRET = cjson.encode(secrets) }
    local found = read(doctor(own.env, both))
    has(found.token.detail, "client secret 1 of 2")
    has(found.client_secret.detail, "2 secrets, not shown")
    own:control("POST", "/_sandbox/secrets/revoke?index=1")
    local result = doctor(own.env, both)
    found = read(result)
    assert_statuses({ token = "warn", call = "ok" }, found)
    has(found.token.detail, "client secret 2 of 2")
    has(found.token.hint, "newest first")
    assert.equal(0, result.code)
    assert.is_nil(result.out:find(secrets[2], 1, true))
  end)

  it("a clock that is wrong", function()
    for skew, words in pairs { [-7200] = "2 h ahead of", [300] = "5 min behind" } do
      local own <close> = support.sandbox { products = 5, orders = 5, customers = 5,
        args = { "--clock-skew=" .. skew } }
      local result = doctor(own.env)
      local found = read(result)
      assert_statuses({ clock = "warn", token = "ok", call = "ok" }, found)
      has(found.clock.detail, words)
      has(found.clock.hint, "timedatectl")
      assert.equal(0, result.code)
    end
  end)

  local function with_fault(...)
    return support.sandbox { products = 5, orders = 5, customers = 5, args = { ... } }
  end

  local call = "GET /V1/store/storeConfigs:"
  for _, case in ipairs {
    { "an API that the project lacks", call .. "403", "call", "Api Key is invalid",
      "the project lacks the API", 3 },
    { "a token that the service refuses", call .. "401", "call", "Oauth token is not valid",
      "stage", 3 },
    { "a page of something in front", call .. "html", "call", "502", "maintenance", 1 },
    { "IMS asking to wait", "POST /ims/token/v3:429=999", "token", "", "ACCS_CACHE=file", 1 },
    { "IMS in trouble", "POST /ims/token/v3:503", "token", "503", "status.adobe.com", nil },
  } do
    it(case[1], function()
      local own <close> = with_fault("--fault", case[2])
      local result = doctor(own.env, nil, "--timeout 5 --backoff 0.01")
      local found = read(result)
      assert_statuses({ [case[3]] = "fail" }, found)
      has(found[case[3]].detail, case[4])
      has(found[case[3]].hint, case[5])
      if case[6] then
        assert.equal(case[6], result.code)
      end
    end)
  end

  it("a service in trouble, in two attempts unless it is told otherwise", function()
    for words, attempts in pairs { [""] = 2, ["--attempts 1"] = 1, ["--attempts 3"] = 3 } do
      local own <close> = with_fault("--fault", call .. "503")
      local found = read(doctor(own.env, nil, "--backoff 0.01 " .. words))
      assert_statuses({ call = "fail" }, found)
      assert.equal(attempts, own:count("GET /V1/store/storeConfigs"))
    end
  end)

  it("nothing wrong with a person who signed in without a secret", function()
    local own <close> = with_fault("--as", "native")
    local found = read(doctor(own.env, { ACCS_AUTH = "user", IMS_CLIENT_SECRET = false }))
    assert_statuses({ credential = "ok", token = "fail", call = "skip" }, found)
    has(found.credential.detail, "a person's sign-in, session default, without a client secret")
  end)

  it("a permission that the role lacks", function()
    local server <close> = fault.start()
    server:script("/V1/store/storeConfigs", { { fault.reply(401, '{"message":"Brak dostępu do '
      .. '%resources.","parameters":{"resources":"Magento_Backend::store"}}') } })
    local found = read(doctor(server.env))
    assert_statuses({ call = "fail" }, found)
    has(found.call.hint, "the resource Magento_Backend::store")
  end)

  for _, case in ipairs {
    { "expired", "expired", "clock is wrong (it says 20" },
    { "wrong-host", "", "" },
    { "self-signed", "", "ca_file" },
  } do
    it("a certificate that is " .. case[1], function()
      local made = support.certificates()
      local front <close> = support.nginx { port = box.port, certificate = case[1] }
      local result = doctor(box.env, {
        API_ENDPOINT = front:address(box.env.API_ENDPOINT), ACCS_CA_FILE = made.ca,
      })
      local found = read(result)
      assert_statuses({ dns = "ok", tls = "fail", token = "ok", call = "skip" }, found)
      has(found.tls.detail, "localhost: ")
      has(found.tls.detail, case[2])
      has(found.tls.hint, case[3])
      assert.equal(4, result.code)
    end)
  end

  it("nothing wrong with a good certificate", function()
    local made = support.certificates()
    local front <close> = support.nginx { port = box.port }
    local result = doctor(box.env, {
      API_ENDPOINT = front:address(box.env.API_ENDPOINT), ACCS_CA_FILE = made.ca,
      IMS_URL = front.origin,
    })
    local found = read(result)
    assert_statuses({ dns = "ok", tls = "ok", call = "ok" }, found)
    has(found.tls.detail, "localhost: trusted")
    assert.equal(0, result.code)
  end)

  local function token_of(own, fields)
    local driver = require "spec.lua.sandbox.driver"
    return driver.token(own, fields).data.access_token
  end

  it("a ready token without commerce.accs", function()
    local result = doctor(box.env, { IMS_CLIENT_SECRET = false,
      ACCS_ACCESS_TOKEN = token_of(box, { scope = "openid" }) })
    local found = read(result)
    assert_statuses({ credential = "ok", token = "ok", scopes = "fail", call = "fail" }, found)
    assert.truthy(found.token.detail:find("^ready, "), found.token.detail)
    has(found.credential.detail, "a ready access token")
    has(found.scopes.detail, "lacks commerce.accs")
    has(found.call.detail, "Scope mismatch")
    assert.equal(3, result.code)
  end)

  it("a ready token that is no JWT, and no address to use it with", function()
    local result = doctor(box.env, { IMS_CLIENT_SECRET = false, API_ENDPOINT = false,
      ACCS_ACCESS_TOKEN = "example-not-a-token" })
    local found = read(result)
    assert_statuses({ tenant = "fail", dns = "skip", connection = "skip", tls = "skip",
      clock = "skip", token = "ok", scopes = "warn", call = "skip" }, found)
    assert.equal("ready, its end is not known", found.token.detail)
    for _, check in ipairs { "dns", "connection", "tls" } do
      assert.equal("no host came so far", found[check].detail)
    end
    assert.is_nil(result.out:find("example-not-a-token", 1, true))
  end)

  it("that one host is both, and not there", function()
    local result = doctor(box.env, { IMS_CLIENT_SECRET = false,
      ACCS_ACCESS_TOKEN = token_of(box), IMS_URL = "http://127.0.0.1:1",
      API_ENDPOINT = "http://127.0.0.1:1/SandboxTenant123456789" })
    assert_statuses({ connection = "fail", token = "ok", call = "skip" }, read(result))
    assert.equal(1, select(2, result.out:gsub("\nfail", "")))
  end)

  it("a proxy that does not let the tenant's host through", function()
    local result = doctor(box.env, { ACCS_PROXY = box.origin, ACCS_NO_PROXY = "127.0.0.1",
      API_ENDPOINT = "https://na1.api.commerce.adobe.com/SandboxTenant123456789" })
    local found = read(result)
    assert_statuses({ tenant = "ok", connection = "fail", token = "ok", call = "skip" }, found)
    has(found.tenant.detail, "SandboxTenant123456789 in na1")
    has(found.connection.detail, "na1.api.commerce.adobe.com: the proxy refuses")
    has(found.connection.hint, "ACCS_NO_PROXY")
    assert.equal(1, result.code)
  end)

  for _, case in ipairs { -- address, status, in the detail, in the hint
    { "https://na1.admin.commerce.adobe.com/SandboxTenant123456789", "fail",
      "the Admin's address", "na1.api.commerce.adobe.com" },
    { "https://api.commerce.adobe.com/SandboxTenant123456789", "ok", "in any region", "" },
    { "https://na1-sandbox.api.commerce.adobe.com/SandboxTenant123456789/", "ok",
      "in na1-sandbox", "" },
    { "https://na1.api.commerce.adobe.com/short", "warn", "has 5 characters", "Cloud Manager" },
    { "https://na1.api.commerce.adobe.com/SandboxTenant123456789/graphql", "fail",
      "is more than a tenant id", "<tenant-id>" },
    { "https://na1.api.commerce.adobe.com/sandbox.tenant.1234567", "fail", "is no tenant id",
      "<tenant-id>" },
  } do
    it("what is to be said of " .. case[1], function()
      -- a proxy that is not there: no name of Adobe's is looked up
      local found = read(doctor(box.env, { API_ENDPOINT = case[1],
        ACCS_PROXY = "http://127.0.0.1:1", ACCS_NO_PROXY = "127.0.0.1" }))
      assert.equal(case[2], found.tenant.status)
      has(found.tenant.detail, case[3])
      has(found.tenant.hint, case[4])
    end)
  end

  it("a scope that was asked for and not granted", function()
    local server <close> = fault.start()
    local token = token_of(box, { scope = "openid,commerce.accs" })
    server:script("/ims/token/v3", { { fault.reply(200, cjson.encode {
      access_token = token, token_type = "bearer", expires_in = 86399,
    }) } })
    server:script("/V1/store/storeConfigs", { { fault.reply(200, '[{"id":1}]') } })
    local result = doctor(server.env, { IMS_CLIENT_ID = "sandbox-client",
      IMS_SCOPES = "openid,email" })
    local found = read(result)
    assert_statuses({ token = "ok", scopes = "warn", call = "ok" }, found)
    has(found.scopes.detail, "not granted: email")
    has(found.call.detail, "1 store view in")
    assert.equal(0, result.code)
  end)

  it("a tenant without stores, which is hardly the right one", function()
    local server <close> = fault.start()
    server:script("/V1/store/storeConfigs", { { fault.reply(200, "[]") } })
    local found = read(doctor(server.env))
    assert_statuses({ call = "warn" }, found)
  end)

  it("a token whose scopes it cannot read", function()
    local server <close> = fault.start() -- its tokens are no JWT
    server:script("/V1/store/storeConfigs", { { fault.reply(200, '[{"id":1}]') } })
    local found = read(doctor(server.env))
    assert_statuses({ token = "ok", scopes = "warn", call = "ok" }, found)
  end)

  it("a ready token of another client", function()
    local result = doctor(box.env, { IMS_CLIENT_SECRET = false, IMS_CLIENT_ID = "another-client",
      ACCS_ACCESS_TOKEN = token_of(box) })
    local found = read(result)
    assert_statuses({ token = "fail", call = "skip" }, found)
    has(found.token.detail, "client id sandbox-client")
    assert.equal(3, result.code)
  end)

  it("whose sign-in is used, and that nobody has signed in", function()
    local driver = require "spec.lua.sandbox.driver"
    local own <close> = support.sandbox { products = 5, orders = 5, customers = 5,
      args = { "--as", "web" } }
    local dir <close> = support.temp_dir()
    local kept = { ACCS_CACHE = dir.path .. "/kept", ACCS_AUTH = "user" }
    local result = doctor(own.env, kept)
    local found = read(result)
    assert_statuses({ credential = "ok", token = "fail", call = "skip" }, found)
    has(found.credential.detail, "a person's sign-in, session default, with a client secret")
    has(found.token.hint, "accs login")
    assert.equal(3, result.code)

    local web = own:credentials().web
    local code = select(3, driver.authorize(own, {
      client_id = web.client_id, redirect_uri = web.redirect_uri,
      scope = "openid,commerce.accs,offline_access",
    })).code
    local signed_in = support.run { "lua5.4", "-e", [[
      local options = require "accs.options"
      local values, sources = options.resolve { dotenv = false }
      local auth = assert(require("accs.credentials").open(values, sources, { user = true,
        code = os.getenv("CODE"), redirect_uri = os.getenv("REDIRECT_URI") }))
      assert(auth:token())
      auth:close()]], env = { CODE = code, REDIRECT_URI = web.redirect_uri,
      ACCS_CACHE = kept.ACCS_CACHE, ACCS_AUTH = "user", API_ENDPOINT = own.env.API_ENDPOINT,
      IMS_URL = own.env.IMS_URL, IMS_CLIENT_ID = own.env.IMS_CLIENT_ID,
      IMS_CLIENT_SECRET = own.env.IMS_CLIENT_SECRET, IMS_ORG_ID = own.env.IMS_ORG_ID } }
    assert.equal("", signed_in.err)
    found = read(doctor(own.env, kept))
    assert_statuses({ credential = "ok", token = "ok", call = "ok", scopes = "ok" }, found)
    has(found.scopes.detail, "commerce.accs and 2 more")
    -- found by itself, as by every command
    found = read(doctor(own.env, { ACCS_CACHE = kept.ACCS_CACHE }))
    has(found.credential.detail, "a person's sign-in")
    assert_statuses({ token = "ok", call = "ok" }, found)
  end)

  it("a cache that cannot be used, and goes on", function()
    local result = doctor(box.env, { ACCS_CACHE = "./.env/cache" }, "", { [".env"] = "" })
    local found = read(result)
    assert_statuses({ token = "ok", cache = "warn", call = "ok" }, found)
    has(found.cache.detail, "./.env/cache: ")
    assert.equal(0, result.code)
  end)
end)

describe("the causes", function()
  local function err(fields)
    fields.hint = fields.hint or "the usual hint"
    return errors.new(fields)
  end

  local gateway = { -- error_code, in the cause
    { "403000", "lacks the API" }, { "403003", "lacks the API" }, { "403010", "without its token" },
    { "401013", "stage" }, { "403011", "commerce.accs" }, { "403012", "blocked" },
    { "403013", "not among those" }, { "403020", "product profile" },
    { "403023", "product profile" }, { "403024", "product profile" },
  }
  for _, case in ipairs(gateway) do
    it("know the gateway's " .. case[1], function()
      has(causes.of_call(err { kind = "auth", status = tonumber(case[1]:sub(1, 3)), message = "x",
        response = { data = { error_code = case[1] } } }), case[2])
    end)
  end

  it("know a user who has nothing to do with the instance", function()
    has(causes.of_call(err { kind = "auth", status = 403,
      message = "User is not entitled to access this instance",
      response = { data = { message = "x" } } }), "product profile")
  end)

  it("go by the status where there is no code", function()
    for status, words in pairs { [401] = "stage", [403] = "role", [404] = "region" } do
      has(causes.of_call(err { kind = "http", status = status, message = "x",
        response = { data = { message = "x" } } }), words)
    end
    assert.equal("the usual hint", causes.of_call(err { kind = "timeout", message = "x" }))
  end)

  for _, case in ipairs {
    { "invalid_client", "Developer Console" }, { "invalid_scope", "IMS_SCOPES" },
    { "unauthorized_client", "Server-to-Server" }, { "invalid_grant", "accs login" },
    { "unsupported_grant_type", "IMS_URL" }, { "access_denied", "refuses" },
  } do
    it("know IMS's " .. case[1], function()
      has(causes.of_token(err { kind = "auth", message = "IMS refused with " .. case[1] }), case[2])
    end)
  end

  it("know how far a request came", function()
    for _, case in ipairs {
      { "dns", 6, { kind = "network" } }, { "dns", 5, { kind = "network" } },
      { "connection", 7, { kind = "network" } }, { "connection", 28, { kind = "timeout" } },
      { "connection", nil, { kind = "timeout" } }, { "tls", 60, { kind = "tls" } },
      { "tls", 77, { kind = "config" } },
      { "connection", 56, { kind = "gateway", status = 403 } }, -- a proxy's answer
      { "connection", 56, { kind = "auth", status = 407 } },
      { nil, nil, { kind = "http", status = 404, outcome = "refused" } },
      { nil, nil, { kind = "gateway", status = 502, outcome = "unknown" } },
    } do
      assert.equal(case[1], causes.step(err(case[3]), case[2]))
    end
  end)
end)
