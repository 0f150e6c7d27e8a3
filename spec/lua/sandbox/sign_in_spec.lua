local cjson = require "cjson"
local driver = require "spec.lua.sandbox.driver"
local native = require "accs.sandbox.native"
local support = require "spec.support"

local crypto = native.crypto

local SMALL = { products = 3, orders = 3, customers = 3 }
-- RFC 7636, appendix B
local VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
local CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

local function start(...)
  return driver.start { products = 3, orders = 3, customers = 3, args = { ... } }
end

describe("the sandbox's authorize page", function()
  local box, known

  setup(function()
    box = driver.start(SMALL)
    known = driver.credentials(box)
  end)

  teardown(function()
    box:close()
  end)

  it("sends the browser back with a code and the state", function()
    local reply, uri, sent = driver.authorize(box, {
      client_id = known.web.client_id, redirect_uri = "https://localhost:8443/back",
      state = "a b&c=d/%",
    })
    assert.equal(302, reply.status)
    assert.equal("", reply.body)
    assert.equal("https://localhost:8443/back", uri)
    assert.same({ "code", "state" }, driver.names_of(sent))
    assert.equal("a b&c=d/%", sent.state)
    assert.truthy(#sent.code > 40)
  end)

  it("gives no state where none was sent", function()
    local _, _, sent = driver.authorize(box, { client_id = known.web.client_id, state = false })
    assert.same({ "code" }, driver.names_of(sent))
  end)

  it("adds to a query that the redirect URI has", function()
    local reply = driver.authorize(box, {
      client_id = known.web.client_id, redirect_uri = "https://localhost/back?from=ims",
    })
    assert.truthy(reply.headers.location:find("https://localhost/back?from=ims&code=", 1, true))
  end)

  for _, case in ipairs { -- kind, redirect URI, whether the browser is sent there
    { "web", "https://localhost/x", true },
    { "web", "https://127.0.0.1:9000/x", true },
    { "web", "https://[::1]:9000/x", true },
    { "web", "HTTPS://LocalHost/x", true },
    { "web", "http://localhost/x", false },
    { "web", "https://example.com/x", false },
    { "web", "https://localhost.example.com/x", false },
    { "web", "https://localhost@example.com/x", false },
    { "web", "https://localhost:80@example.com/x", false },
    { "web", "https://localhost/x#part", false },
    { "web", "com.example.app:/x", false },
    { "web", "//localhost/x", false },
    { "spa", "https://localhost/x", true },
    { "spa", "http://localhost/x", false },
    { "native", "http://127.0.0.1:5000/x", true },
    { "native", "https://localhost/x", true },
    { "native", "com.example.app:/x", true },
    { "native", "http://example.com/x", false },
  } do
    it(("%s %s for a %s app"):format(case[3] and "knows" or "does not know", case[2], case[1]),
      function()
        local credential = known[case[1]]
        local _, uri, sent = driver.authorize(box, {
          client_id = credential.client_id, redirect_uri = case[2], code_challenge = CHALLENGE,
          code_challenge_method = "S256",
        })
        assert.equal(case[3] and case[2] or credential.redirect_uri, uri)
        assert.truthy(sent.code) -- a foreign one is no error, as with IMS
      end)
  end

  it("sends the browser to the default redirect URI where none is named", function()
    local _, uri = driver.authorize(box, { client_id = known.web.client_id })
    assert.equal(known.web.redirect_uri, uri)
  end)

  for _, case in ipairs { -- what is wrong, kind, fields, error
    { "an unknown scope", "web", { scope = "openid,everything" }, "invalid_scope" },
    { "no scope", "web", { scope = false }, "invalid_scope" },
    { "another response type", "web", { response_type = "token" }, "unsupported_response_type" },
    { "no response type", "web", { response_type = false }, "unsupported_response_type" },
    { "no challenge of a spa", "spa", {}, "invalid_request" },
    { "no challenge of a native app", "native", {}, "invalid_request" },
    { "an unknown method", "spa", { code_challenge = CHALLENGE, code_challenge_method = "S512" },
      "invalid_request" },
    { "a challenge that is too short", "web", { code_challenge = "abc" }, "invalid_request" },
    { "a state that is too long", "web", { state = ("s"):rep(4097) }, "invalid_request" },
  } do
    it("tells the client of " .. case[1], function()
      local fields = { client_id = known[case[2]].client_id }
      for name, value in pairs(case[3]) do
        fields[name] = value
      end
      local reply, uri, sent = driver.authorize(box, fields)
      assert.equal(302, reply.status)
      assert.equal(known[case[2]].redirect_uri, uri)
      assert.equal(case[4], sent.error)
      assert.is_nil(sent.code)
      assert.equal(fields.state or "s1", sent.state)
    end)
  end

  it("takes a state of 4096 characters", function()
    local _, _, sent = driver.authorize(box, {
      client_id = known.web.client_id, state = ("s"):rep(4096),
    })
    assert.equal(4096, #sent.state)
    assert.truthy(sent.code)
  end)

  it("sends nobody anywhere for a client that cannot sign users in", function()
    for _, id in ipairs { "someone", known.server.client_id } do
      local reply = driver.authorize(box, { client_id = id, redirect_uri = "https://localhost/x" })
      assert.equal(400, reply.status)
      assert.equal("invalid_client", reply.data.error)
      assert.is_nil(reply.headers.location)
    end
    assert.equal(400, driver.authorize(box, {}).status)
  end)

  it("is there for GET alone", function()
    assert.equal(405, driver.form(box, "/ims/authorize/v2", { client_id = "x" }).status)
  end)

  it("tells with --deny that the user refused", function()
    local refusing <close> = start("--deny")
    for prompt, name in pairs { login = "access_denied", none = "login_required" } do
      local _, _, sent = driver.authorize(refusing, {
        client_id = known.web.client_id, prompt = prompt,
      })
      assert.equal(name, sent.error)
      assert.equal("s1", sent.state)
      assert.is_nil(sent.code)
    end
  end)
end)

describe("the sandbox's exchange of a code", function()
  local box, known

  setup(function()
    box = driver.start(SMALL)
    known = driver.credentials(box)
  end)

  teardown(function()
    box:close()
  end)

  local function code_of(kind, fields)
    local asked = { client_id = known[kind].client_id }
    for name, value in pairs(fields or {}) do
      asked[name] = value
    end
    return select(3, driver.authorize(box, asked)).code
  end

  -- The exchange by a client without a secret.
  local function exchange_public(kind, code, fields)
    local form = {
      grant_type = "authorization_code", code = code, client_id = known[kind].client_id,
    }
    for name, value in pairs(fields or {}) do
      form[name] = value
    end
    return driver.form(box, "/ims/token/v3", form)
  end

  it("gives a web app what its scopes allow", function()
    for _, case in ipairs {
      { "openid,offline_access",
        { "access_token", "expires_in", "id_token", "refresh_token", "sub", "token_type" } },
      { "openid", { "access_token", "expires_in", "id_token", "sub", "token_type" } },
      { "offline_access", { "access_token", "expires_in", "refresh_token", "sub", "token_type" } },
      { "AdobeID commerce.accs", { "access_token", "expires_in", "sub", "token_type" } },
    } do
      local reply = driver.exchange_code(box, known.web, code_of("web", { scope = case[1] }))
      assert.equal(200, reply.status)
      assert.same(case[2], driver.names_of(reply.data))
      assert.equal("bearer", reply.data.token_type)
      assert.equal(86399, reply.data.expires_in)
    end
  end)

  it("takes the secret in the body as well", function()
    local reply = driver.form(box, "/ims/token/v3", {
      grant_type = "authorization_code", code = code_of("web"), client_id = known.web.client_id,
      client_secret = known.web.client_secret,
    })
    assert.equal(200, reply.status)
  end)

  for _, kind in ipairs { "spa", "native" } do
    it("gives a " .. kind .. " app no refresh token", function()
      local reply = exchange_public(kind, code_of(kind, {
        code_challenge = CHALLENGE, code_challenge_method = "S256",
      }), { code_verifier = VERIFIER })
      assert.equal(200, reply.status)
      assert.same({ "access_token", "expires_in", "id_token", "sub", "token_type" },
        driver.names_of(reply.data))
    end)
  end

  it("takes the client id of a public client from the query", function()
    local code = code_of("spa", { code_challenge = CHALLENGE, code_challenge_method = "S256" })
    local reply = driver.form(box, "/ims/token/v3?client_id=" .. known.spa.client_id,
      { grant_type = "authorization_code", code = code, code_verifier = VERIFIER })
    assert.equal(200, reply.status)
  end)

  it("signs an id token that the openssl command verifies from the key set", function()
    local data = driver.exchange_code(box, known.web,
      code_of("web", { nonce = "n-1", scope = "openid email" })).data
    local head, claims, signature = data.id_token:match("^([^.]+)%.([^.]+)%.([^.]+)$")
    local kid = cjson.decode(crypto.from_base64url(head)).kid
    local key
    for _, each in ipairs(driver.request(box.port, "GET", "/ims/keys").data.keys) do
      key = each.kid == kid and each or key
    end
    assert.same({ "RSA", "RS256", "sig" }, { key.kty, key.alg, key.use })
    local dir <close> = support.temp_dir()
    local function hex(text)
      return (crypto.from_base64url(text):gsub(".", function(byte)
        return ("%02X"):format(byte:byte())
      end))
    end
    -- the public key in DER, made by openssl from the two numbers alone
    support.write_file(dir.path .. "/key.cnf", ([[asn1=SEQUENCE:spki
[spki]
algorithm=SEQUENCE:algorithm
key=BITWRAP,SEQUENCE:numbers
[algorithm]
name=OID:rsaEncryption
none=NULL
[numbers]
n=INTEGER:0x%s
e=INTEGER:0x%s
]]):format(hex(key.n), hex(key.e)))
    support.write_file(dir.path .. "/signed", head .. "." .. claims)
    support.write_file(dir.path .. "/signature", crypto.from_base64url(signature))
    local function verify()
      return support.run { "sh", "-c", ([[cd %s && openssl asn1parse -genconf key.cnf -noout \
        -out key.der && openssl dgst -sha256 -keyform DER -verify key.der \
        -signature signature signed]]):format(support.quote(dir.path)) }
    end
    assert.equal("Verified OK\n", verify().out)
    support.write_file(dir.path .. "/signed", head .. "." .. claims .. "A")
    assert.equal("Verification failure\n", verify().out)

    claims = cjson.decode(crypto.from_base64url(claims))
    assert.equal(box.origin, claims.iss)
    assert.equal(known.web.client_id, claims.aud)
    assert.equal(data.sub, claims.sub)
    assert.equal("n-1", claims.nonce)
    assert.equal("ada@example.com", claims.email)
    assert.equal(86399, claims.exp - claims.iat)
    assert.truthy(math.abs(claims.iat - os.time()) <= 2)
  end)

  it("leaves nonce and email out where they were not asked for", function()
    local data = driver.exchange_code(box, known.web, code_of("web", { scope = "openid" })).data
    local claims = cjson.decode(crypto.from_base64url(data.id_token:match("%.([^.]+)%.")))
    assert.same({ "aud", "exp", "iat", "iss", "sub" }, driver.names_of(claims))
  end)

  it("makes access tokens with which the tenant can be called", function()
    local data = driver.exchange_code(box, known.web,
      code_of("web", { scope = "openid,commerce.accs" })).data
    local tenant = driver.tenant(box)
    local headers = {
      Authorization = "Bearer " .. data.access_token, ["x-api-key"] = known.web.client_id,
    }
    assert.equal(200, tenant:call("GET", "/V1/store/storeConfigs", headers).status)
    headers["x-api-key"] = known.server.client_id -- another credential's
    assert.equal(401, tenant:call("GET", "/V1/store/storeConfigs", headers).status)
    headers = { Authorization = "Bearer " .. data.id_token, ["x-api-key"] = known.web.client_id }
    assert.equal(401, tenant:call("GET", "/V1/store/storeConfigs", headers).status)
  end)

  it("takes a code once, and revokes its tokens when it comes again", function()
    local code = code_of("web")
    local data = driver.exchange_code(box, known.web, code).data
    assert.is_true(driver.validate(box, known.web, data.access_token).valid)
    for _ = 1, 2 do
      local reply = driver.exchange_code(box, known.web, code)
      assert.equal(400, reply.status)
      assert.equal("invalid_grant", reply.data.error)
    end
    assert.same({ valid = false, reason = "revoked" },
      driver.validate(box, known.web, data.access_token))
    assert.equal("invalid_grant", driver.refresh(box, known.web, data.refresh_token).data.error)
  end)

  it("ends a code after 60 seconds", function()
    local now = 1000000
    local function now_ms()
      return now
    end
    local all = require("accs.sandbox.credentials").new {}
    local keys = require("accs.sandbox.keys").new()
    local ims = {
      origin = "http://127.0.0.1", token_life = 60, now_ms = now_ms, credentials = all, keys = keys,
      page = require("accs.sandbox.authorize").new(all, now_ms, false),
      tokens = require("accs.sandbox.tokens").new(keys, now_ms,
        { token_life = 60, refresh_life = 60, refresh_grace = 0 }),
    }
    local headers = { ["content-type"] = "application/x-www-form-urlencoded" }
    for later, expected in pairs { [59999] = 200, [60000] = 400 } do
      local page = "client_id=sandbox-web&response_type=code&scope=openid"
      local code = select(3, ims.page:answer(page)).Location:match("code=([^&]+)")
      now = now + later
      local status, body = require("accs.sandbox.grants").answer(ims, {
        headers = headers, query = "", body = driver.query { { "grant_type", "authorization_code" },
          { "code", code }, { "client_id", "sandbox-web" },
          { "client_secret", all:of_kind("web").secrets[1] } },
      })
      assert.equal(expected, status, body)
    end
  end)

  it("wants the redirect URI of the authorize request, where one is sent", function()
    local there = "https://localhost:8443/there"
    local code = code_of("web", { redirect_uri = there })
    assert.equal(200, driver.exchange_code(box, known.web, code, { redirect_uri = there }).status)
    code = code_of("web", { redirect_uri = there })
    local reply = driver.exchange_code(box, known.web, code, { redirect_uri = there .. "/" })
    assert.equal("invalid_grant", reply.data.error)
    code = code_of("web") -- none was sent: the default one
    reply = driver.exchange_code(box, known.web, code, { redirect_uri = known.web.redirect_uri })
    assert.equal(200, reply.status)
  end)

  local S256 = { code_challenge = CHALLENGE, code_challenge_method = "S256" }
  local PLAIN = { code_challenge = VERIFIER, code_challenge_method = "plain" }
  for _, case in ipairs { -- rule, fields of the page, verifier, whether it fits
    { "S256 as in RFC 7636, appendix B", S256, VERIFIER, true },
    { "plain", PLAIN, VERIFIER, true },
    { "plain where no method is named", { code_challenge = VERIFIER }, VERIFIER, true },
    { "no S256 where no method is named", { code_challenge = CHALLENGE }, VERIFIER, false },
    { "no plain where S256 was named", { code_challenge = VERIFIER,
      code_challenge_method = "S256" }, VERIFIER, false },
    { "no other verifier", S256, VERIFIER:reverse(), false },
    { "no challenge as its verifier", S256, CHALLENGE, false },
    { "no verifier left out", S256, nil, false },
  } do
    it("takes " .. case[1], function()
      for _, kind in ipairs { "spa", "web" } do
        local code = code_of(kind, case[2])
        local fields = { code_verifier = case[3] }
        local reply = kind == "spa" and exchange_public(kind, code, fields)
          or driver.exchange_code(box, known.web, code, fields)
        assert.equal(case[4] and 200 or 400, reply.status)
        assert.equal(not case[4] and "invalid_grant" or nil, reply.data.error)
      end
    end)
  end

  it("refuses a verifier where there was no challenge", function()
    local reply = driver.exchange_code(box, known.web, code_of("web"), { code_verifier = VERIFIER })
    assert.equal("invalid_grant", reply.data.error)
  end)

  it("uses a code up by a verifier that does not fit", function()
    local code = code_of("web", S256)
    driver.exchange_code(box, known.web, code, { code_verifier = CHALLENGE })
    local reply = driver.exchange_code(box, known.web, code, { code_verifier = VERIFIER })
    assert.equal("invalid_grant", reply.data.error)
  end)

  it("refuses a code that another client got", function()
    local reply = exchange_public("spa", code_of("native", S256), { code_verifier = VERIFIER })
    assert.equal("invalid_grant", reply.data.error)
  end)

  it("refuses a wrong secret, and no secret", function()
    local code = code_of("web")
    local form = { grant_type = "authorization_code", code = code }
    local reply = driver.form(box, "/ims/token/v3", form, driver.basic(known.web, "wrong"))
    assert.same({ 401, "invalid_client" }, { reply.status, reply.data.error })
    form.client_id = known.web.client_id
    reply = driver.form(box, "/ims/token/v3", form)
    assert.same({ 400, "invalid_request" }, { reply.status, reply.data.error })
    assert.equal(200, driver.exchange_code(box, known.web, code).status) -- the code is still good
  end)

  it("refuses a secret in the query", function()
    for _, where in ipairs { "web", "spa" } do
      local reply = driver.form(box, "/ims/token/v3?client_secret=" .. known.web.client_secret,
        { grant_type = "authorization_code", code = "x", client_id = known[where].client_id },
        where == "web" and driver.basic(known.web) or nil)
      assert.same({ 400, "invalid_request" }, { reply.status, reply.data.error })
      assert.truthy(reply.data.error_description:find("query", 1, true))
    end
  end)

  for _, case in ipairs { -- kind, grant
    { "server", "authorization_code" }, { "web", "client_credentials" },
    { "server", "refresh_token" },
  } do
    it(("has no %s for the %s credential"):format(case[2], case[1]), function()
      local reply = driver.form(box, "/ims/token/v3",
        { grant_type = case[2], code = "x", refresh_token = "x", scope = "openid" },
        driver.basic(known[case[1]]))
      assert.same({ 400, "unauthorized_client" }, { reply.status, reply.data.error })
    end)
  end

  it("refuses two ways of authentication at once", function()
    local reply = driver.exchange_code(box, known.web, code_of("web"),
      { client_secret = known.web.client_secret })
    assert.same({ 400, "invalid_request" }, { reply.status, reply.data.error })
  end)
end)
