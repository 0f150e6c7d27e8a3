local cjson = require "cjson"
local driver = require "spec.lua.sandbox.driver"
local native = require "accs.sandbox.native"
local socket = require "socket"

local crypto = native.crypto

local function start(...)
  return driver.start { products = 3, orders = 3, customers = 3, args = { ... } }
end

local function bearer(token)
  return { Authorization = "Bearer " .. token }
end

local function post(box, path)
  return driver.request(box.port, "POST", path)
end

describe("the sandbox's revoke", function()
  local box, known, web

  setup(function()
    box = start()
    known = driver.credentials(box)
    web = known.web
  end)

  teardown(function()
    box:close()
  end)

  local function revoke(credential, token)
    return driver.form(box, "/ims/revoke", { token = token }, driver.basic(credential))
  end

  it("ends an access token everywhere, with an empty reply", function()
    local tenant = driver.tenant(box)
    assert.equal(200, tenant:call("GET", "/V1/store/storeConfigs").status)
    local reply = revoke(known.server, tenant.token)
    assert.same({ 200, "" }, { reply.status, reply.body })
    reply = tenant:call("GET", "/V1/store/storeConfigs")
    assert.same({ 401, "401013" }, { reply.status, reply.data.error_code })
    assert.same({ valid = false, reason = "revoked" },
      driver.validate(box, known.server, tenant.token))
    assert.equal(200, driver.tenant(box):call("GET", "/V1/store/storeConfigs").status)
  end)

  it("ends the sign-in with its refresh token, and not with an access token", function()
    local data = driver.sign_in(box, web)
    revoke(web, data.access_token)
    local next_data = driver.refresh(box, web, data.refresh_token).data
    assert.is_true(driver.validate(box, web, next_data.access_token).valid)
    assert.equal(200, revoke(web, next_data.refresh_token).status)
    assert.is_false(driver.validate(box, web, next_data.access_token).valid)
    assert.equal("invalid_grant",
      driver.refresh(box, web, next_data.refresh_token).data.error)
  end)

  it("is content with a token that is unknown or over", function()
    local token = driver.token(box).data.access_token
    for _, each in ipairs { "abc", token, token } do
      local reply = revoke(known.server, each)
      assert.same({ 200, "" }, { reply.status, reply.body })
    end
  end)

  it("takes a public client's id from the form or the query", function()
    for _, where in ipairs { "form", "query" } do
      local verifier = ("v"):rep(43)
      local _, _, sent = driver.authorize(box, {
        client_id = known.spa.client_id, code_challenge = verifier,
      })
      local token = driver.form(box, "/ims/token/v3", {
        grant_type = "authorization_code", code = sent.code, client_id = known.spa.client_id,
        code_verifier = verifier,
      }).data.access_token
      local reply = where == "form"
        and driver.form(box, "/ims/revoke", { token = token, client_id = known.spa.client_id })
        or driver.form(box, "/ims/revoke?client_id=" .. known.spa.client_id, { token = token })
      assert.equal(200, reply.status)
      assert.is_false(driver.validate(box, known.spa, token).valid)
    end
  end)

  it("refuses strangers, and leaves another client's token alone", function()
    local token = driver.token(box).data.access_token
    local reply = driver.form(box, "/ims/revoke", { token = token }, driver.basic(web, "wrong"))
    assert.same({ 401, "invalid_client" }, { reply.status, reply.data.error })
    reply = driver.form(box, "/ims/revoke", { token = token })
    assert.same({ 400, "invalid_request" }, { reply.status, reply.data.error })
    reply = revoke(web, token)
    assert.same({ 400, "unauthorized_client" }, { reply.status, reply.data.error })
    reply = driver.form(box, "/ims/revoke", {}, driver.basic(web))
    assert.same({ 400, "invalid_request" }, { reply.status, reply.data.error })
    assert.is_true(driver.validate(box, known.server, token).valid)
  end)
end)

describe("the sandbox's validate_token", function()
  local box, known

  setup(function()
    box = start()
    known = driver.credentials(box)
  end)

  teardown(function()
    box:close()
  end)

  local function ask(fields, headers)
    return driver.form(box, "/ims/validate_token/v1", fields, headers)
  end

  it("takes the token from the form, and as a bearer", function()
    local token = driver.token(box).data.access_token
    local claims = cjson.decode(crypto.from_base64url(token:match("%.([^.]+)%.")))
    local id = known.server.client_id
    for _, reply in ipairs {
      ask { type = "access_token", client_id = id, token = token },
      ask({ type = "access_token", client_id = id, token = token }, { ["X-IMS-ClientId"] = id }),
      ask({ type = "access_token", token = token }, { ["X-IMS-ClientId"] = id }),
      ask({ type = "access_token", client_id = id }, bearer(token)),
    } do
      assert.equal(200, reply.status)
      assert.is_true(reply.data.valid)
      assert.equal(tonumber(claims.created_at) + tonumber(claims.expires_in),
        reply.data.expires_at)
      for _, name in ipairs { "id", "scope", "user_id", "expires_in", "client_id", "type" } do
        assert.equal(claims[name], reply.data.token[name])
      end
    end
  end)

  it("knows refresh tokens by their type", function()
    local data = driver.sign_in(box, known.web)
    assert.is_true(driver.validate(box, known.web, data.refresh_token, "refresh_token").valid)
    assert.is_false(driver.validate(box, known.web, data.refresh_token).valid)
    assert.is_false(driver.validate(box, known.web, data.access_token, "refresh_token").valid)
  end)

  it("says why a token is not valid", function()
    local short <close> = start("--token-life", "0.3")
    local server = driver.credentials(short).server
    local token = driver.token(short).data.access_token
    assert.is_true(driver.validate(short, server, token).valid)
    socket.sleep(0.35)
    assert.same({ valid = false, reason = "expired" }, driver.validate(short, server, token))
    assert.same({ valid = false, reason = "bad payload" },
      driver.validate(box, known.server, token)) -- another service's
    local own = driver.token(box).data.access_token
    assert.same({ valid = false, reason = "the token of another client" },
      driver.validate(box, known.web, own))
  end)

  it("refuses a request that lacks something, or names no client", function()
    local id = known.server.client_id
    for _, fields in ipairs {
      { client_id = id, token = "x" }, { type = "access_token", token = "x" },
      { type = "access_token", client_id = id },
    } do
      local reply = ask(fields)
      assert.same({ 400, "invalid_request" }, { reply.status, reply.data.error })
    end
    for _, reply in ipairs {
      ask { type = "access_token", client_id = "someone", token = "x" },
      ask({ type = "access_token", client_id = id, token = "x" }, { ["X-IMS-ClientId"] = "other" }),
    } do
      assert.same({ 400, "invalid_client" }, { reply.status, reply.data.error })
    end
  end)
end)

describe("the sandbox's userinfo", function()
  local box, web

  setup(function()
    box = start()
    web = driver.credentials(box).web
  end)

  teardown(function()
    box:close()
  end)

  local function ask(token)
    return driver.request(box.port, "GET", "/ims/userinfo/v2", token and bearer(token))
  end

  it("tells about the user what the scopes allow", function()
    local data = driver.sign_in(box, web, { scope = "openid,email,profile" })
    assert.same({
      sub = data.sub, account_type = "ind", email_verified = true, email = "ada@example.com",
      name = "Ada Example", given_name = "Ada", family_name = "Example",
      address = { country = "US" },
    }, ask(data.access_token).data)
    data = driver.sign_in(box, web, { scope = "openid" })
    assert.same({ sub = data.sub, account_type = "ind" }, ask(data.access_token).data)
  end)

  it("wants a good access token with openid", function()
    local data = driver.sign_in(box, web, { scope = "AdobeID,offline_access" })
    assert.equal(403, ask(data.access_token).status)
    for _, token in ipairs { data.refresh_token, "abc", false } do
      local reply = ask(token)
      assert.same({ 401, "invalid_token" }, { reply.status, reply.data.error })
      assert.truthy(reply.headers["www-authenticate"])
    end
  end)
end)

describe("the sandbox's keys", function()
  local function kid_of(token)
    return cjson.decode(crypto.from_base64url(token:match("^[^.]+"))).kid
  end

  local function kids(box)
    local list = {}
    for i, key in ipairs(driver.request(box.port, "GET", "/ims/keys").data.keys) do
      list[i] = key.kid
    end
    return list
  end

  it("rotate: the new one signs, the one before is kept, older ones go", function()
    local box <close> = start()
    local server = driver.credentials(box).server
    local first = driver.token(box).data.access_token
    assert.same({ kid_of(first) }, kids(box))
    local kid = post(box, "/_sandbox/keys/rotate").data.kid
    local second = driver.token(box).data.access_token
    assert.equal(kid, kid_of(second))
    assert.same({ kid_of(second), kid_of(first) }, kids(box))
    assert.is_true(driver.validate(box, server, first).valid)
    assert.is_true(driver.validate(box, server, second).valid)
    local keys = driver.request(box.port, "GET", "/ims/keys").data.keys
    assert.not_equal(keys[1].n, keys[2].n)
    assert.equal("AQAB", keys[1].e)
    post(box, "/_sandbox/keys/rotate")
    assert.equal(2, #kids(box))
    assert.same({ valid = false, reason = "bad payload" }, driver.validate(box, server, first))
    assert.is_true(driver.validate(box, server, second).valid)
  end)

  it("are found by the discovery document, as everything else", function()
    local box <close> = start()
    local found = driver.request(box.port, "GET", "/ims/.well-known/openid-configuration").data
    assert.equal(box.origin, found.issuer)
    for name, path in pairs {
      authorization_endpoint = "/ims/authorize/v2", token_endpoint = "/ims/token/v3",
      userinfo_endpoint = "/ims/userinfo/v2", revocation_endpoint = "/ims/revoke",
      jwks_uri = "/ims/keys",
    } do
      assert.equal(box.origin .. path, found[name])
    end
    assert.same({ "authorization_code", "refresh_token" }, found.grant_types_supported)
    assert.same({ "client_secret_basic", "client_secret_post" },
      found.token_endpoint_auth_methods_supported)
  end)
end)

describe("the sandbox's control routes", function()
  it("revoke a client secret of two", function()
    local box <close> = start("--second-secret")
    local known = driver.credentials(box)
    local first, second = table.unpack(known.server.client_secrets)
    assert.equal(box.env.IMS_CLIENT_SECRET, first)
    assert.not_equal(first, second)
    local function try(secret)
      local reply = driver.token(box, { client_secret = secret })
      return reply.status, reply.data.error
    end
    assert.equal(200, (try(first)))
    assert.equal(200, (try(second)))
    assert.equal(200, post(box, "/_sandbox/secrets/revoke?index=1").status)
    assert.same({ 401, "invalid_client" }, { try(first) })
    assert.equal(200, (try(second)))
    assert.same({ second }, driver.credentials(box).server.client_secrets)
    assert.equal(404, post(box, "/_sandbox/secrets/revoke?index=1").status)
    assert.equal(2, #driver.credentials(box).web.client_secrets)
    assert.equal(200,
      driver.request(box.port, "DELETE", "/_sandbox/secrets?index=2&client=web").status)
    assert.same({ known.web.client_secrets[1] }, driver.credentials(box).web.client_secrets)
    assert.equal(404, post(box, "/_sandbox/secrets/revoke?index=3").status)
    assert.equal(404, post(box, "/_sandbox/secrets/revoke?index=1&client=spa").status)
  end)

  it("revoke all access tokens so far, and no refresh token", function()
    local box <close> = start()
    local web = driver.credentials(box).web
    local tenant = driver.tenant(box)
    local data = driver.sign_in(box, web)
    assert.equal(200, post(box, "/_sandbox/tokens/revoke").status)
    assert.equal(401, tenant:call("GET", "/V1/store/storeConfigs").status)
    assert.is_false(driver.validate(box, web, data.access_token).valid)
    assert.equal(200, driver.refresh(box, web, data.refresh_token).status)
    assert.equal(200, driver.tenant(box):call("GET", "/V1/store/storeConfigs").status)
  end)

  it("are not counted, and no others are there", function()
    local box <close> = start()
    driver.credentials(box)
    assert.equal(404, post(box, "/_sandbox/nothing").status)
    assert.equal(404, post(box, "/_sandbox/credentials").status)
    assert.same({}, box:counters())
  end)
end)

describe("accs-sandbox", function()
  for _, case in ipairs { -- kind, client id, redirect URI
    { "server", "sandbox-client" },
    { "web", "sandbox-web", "https://localhost:8443/signed-in" },
    { "spa", "sandbox-spa", "https://localhost:8443/signed-in" },
    { "native", "sandbox-native", "com.example.sandbox:/signed-in" },
  } do
    it("tells the settings --as " .. case[1], function()
      local box <close> = start("--as", case[1])
      local own = driver.credentials(box)[case[1]]
      assert.equal(case[2], box.env.IMS_CLIENT_ID)
      assert.equal(own.client_secret or "", box.env.IMS_CLIENT_SECRET)
      assert.equal(case[2], own.client_id)
      assert.equal(case[3], own.redirect_uri)
      if case[3] then
        assert.equal("IMS_REDIRECT_URI=" .. case[3], box.process:read_line())
      end
    end)
  end

  it("tells a second secret behind the five lines", function()
    local box <close> = start("--second-secret")
    local second = driver.credentials(box).server.client_secrets[2]
    assert.equal("IMS_CLIENT_SECRET_2=" .. second, box.process:read_line())
  end)

  it("limits token requests to --ims-rate a minute, and nothing else", function()
    local box <close> = start("--ims-rate", "2")
    assert.equal(200, driver.token(box).status)
    assert.equal(401, driver.token(box, { client_secret = "wrong" }).status)
    local reply = driver.token(box)
    assert.equal(429, reply.status)
    assert.equal("too_many_requests", reply.data.error)
    local wait = tonumber(reply.headers["retry-after"])
    assert.truthy(wait >= 58 and wait <= 60, wait)
    assert.equal(200, driver.request(box.port, "GET", "/ims/keys").status)
    assert.equal(1, box:count("POST /ims/token/v3", 429))
  end)

  it("has a clock that is wrong by --clock-skew", function()
    for _, skew in ipairs { -7200, 7200 } do
      local box <close> = start("--clock-skew=" .. skew)
      local reply = driver.token(box)
      local claims = cjson.decode(crypto.from_base64url(
        reply.data.access_token:match("%.([^.]+)%.")))
      local expected = os.time() + skew
      assert.truthy(math.abs(tonumber(claims.created_at) / 1000 - expected) <= 2)
      local said = {}
      said.day, said.hour, said.min, said.sec = reply.headers.date:match(
        "^%a+, (%d+) %a+ %d+ (%d+):(%d+):(%d+) GMT$")
      assert.equal(os.date("!%d %H", tonumber(claims.created_at) // 1000),
        said.day .. " " .. said.hour)
      -- by its own clock its tokens are good
      local tenant = driver.tenant(box)
      reply = tenant:call("GET", "/V1/store/storeConfigs")
      assert.equal(200, reply.status)
      assert.equal(os.date("!%H", expected), reply.headers.date:match(" (%d%d):"))
    end
  end)

  it("puts faults upon the routes of IMS, too", function()
    local box <close> = start("--fault", "POST /ims/token/v3:delay=0.3*1",
      "--fault", "POST /ims/token/v3:503@2*1", "--fault", "GET /ims/keys:reset*1")
    local before = socket.gettime()
    assert.equal(200, driver.token(box).status)
    assert.truthy(socket.gettime() - before >= 0.29)
    assert.equal(503, driver.token(box).status)
    assert.equal(200, driver.token(box).status)
    assert.is_nil((driver.request(box.port, "GET", "/ims/keys")))
    assert.same({ ["200"] = 2, ["503"] = 1 },
      box:counters()["POST /ims/token/v3 client_credentials"])
    assert.same({ reset = 1 }, box:counters()["GET /ims/keys"])
  end)
end)
