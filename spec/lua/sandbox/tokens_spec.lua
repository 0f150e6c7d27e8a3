local cjson = require "cjson"
local driver = require "spec.lua.sandbox.driver"
local native = require "accs.sandbox.native"
local socket = require "socket"

local crypto = native.crypto

describe("the sandbox's IMS", function()
  local box

  setup(function()
    box = driver.start { products = 3, orders = 3, customers = 3 }
  end)

  teardown(function()
    box:close()
  end)

  it("gives a token that says how long it lives", function()
    local reply = driver.token(box)
    assert.equal(200, reply.status)
    assert.equal("bearer", reply.data.token_type)
    assert.equal(86399, reply.data.expires_in)
    local names = {}
    for name in pairs(reply.data) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "access_token", "expires_in", "token_type" }, names)
  end)

  it("signs with RS256 and writes times as strings of milliseconds", function()
    local token = driver.token(box).data.access_token
    local head, claims = token:match("^([^.]+)%.([^.]+)%.[^.]+$")
    assert.equal("RS256", cjson.decode(crypto.from_base64url(head)).alg)
    claims = cjson.decode(crypto.from_base64url(claims))
    assert.equal("86399000", claims.expires_in)
    assert.truthy(claims.created_at:find("^%d%d%d%d%d%d%d%d%d%d%d%d%d$"))
    assert.equal("access_token", claims.type)
    assert.equal(box.env.IMS_CLIENT_ID, claims.client_id)
    assert.truthy(claims.user_id:find("@techacct%.adobe%.com$"))
    assert.equal("ims-na1", claims.as)
    assert.equal("openid,AdobeID,commerce.accs", claims.scope)
    assert.is_nil(claims.exp)
  end)

  it("takes the credentials from a Basic header as well", function()
    local pair = box.env.IMS_CLIENT_ID .. ":" .. box.env.IMS_CLIENT_SECRET
    local basic = require("mime").b64(pair)
    local reply = driver.request(box.port, "POST", "/ims/token/v3", {
      ["Content-Type"] = "application/x-www-form-urlencoded", Authorization = "Basic " .. basic,
    }, "grant_type=client_credentials&scope=commerce.accs")
    assert.equal(200, reply.status)
  end)

  for _, case in ipairs {
    { "an unknown client", { client_id = "someone" }, 400, "invalid_client" },
    { "a wrong secret", { client_secret = "wrong" }, 401, "invalid_client" },
    { "an unknown scope", { scope = "openid,everything" }, 400, "invalid_scope" },
    { "scopes with blanks between", { scope = "openid commerce.accs" }, 400, "invalid_scope" },
    { "another grant", { grant_type = "password" }, 400, "unsupported_grant_type" },
    { "no grant", { grant_type = false }, 400, "invalid_request" },
    { "no client id", { client_id = false }, 400, "invalid_request" },
    { "no secret", { client_secret = false }, 400, "invalid_request" },
    { "no scope", { scope = false }, 400, "invalid_request" },
  } do
    it("refuses " .. case[1], function()
      local reply = driver.token(box, case[2])
      assert.equal(case[3], reply.status)
      assert.equal(case[4], reply.data.error)
      assert.equal("string", type(reply.data.error_description))
    end)
  end

  it("refuses credentials in the query", function()
    local reply = driver.request(box.port, "POST", "/ims/token/v3?"
      .. driver.query { { "client_id", box.env.IMS_CLIENT_ID } },
      { ["Content-Type"] = "application/x-www-form-urlencoded" },
      driver.query { { "grant_type", "client_credentials" },
        { "client_secret", box.env.IMS_CLIENT_SECRET }, { "scope", "commerce.accs" } })
    assert.equal(400, reply.status)
    assert.equal("invalid_request", reply.data.error)
  end)

  it("refuses GET and other kinds of body", function()
    assert.equal(405, driver.request(box.port, "GET", "/ims/token/v3").status)
    local reply = driver.request(box.port, "POST", "/ims/token/v3",
      { ["Content-Type"] = "application/json" }, "{}")
    assert.equal(400, reply.status)
    assert.equal("invalid_request", reply.data.error)
  end)
end)

describe("the sandbox's gateway", function()
  local box, tenant

  setup(function()
    box = driver.start { products = 3, orders = 3, customers = 3 }
    tenant = driver.tenant(box)
  end)

  teardown(function()
    box:close()
  end)

  -- A token of the same form whose text was changed after it was signed.
  local function tampered()
    local head, claims, signature = tenant.token:match("^([^.]+)%.([^.]+)%.([^.]+)$")
    local text = crypto.from_base64url(claims):gsub('"expires_in":"%d+', '%09')
    return head .. "." .. crypto.base64url(text) .. "." .. signature
  end

  -- The same claims under a head that asks for no signature.
  local function unsigned()
    local claims = tenant.token:match("^[^.]+%.([^.]+)")
    return crypto.base64url('{"alg":"none"}') .. "." .. claims .. "."
  end

  -- Signed, but with another key.
  local function foreign()
    local signed = tenant.token:match("^([^.]+%.[^.]+)%.")
    local key <close> = crypto.key()
    return signed .. "." .. crypto.base64url(key:sign(signed))
  end

  for _, case in ipairs {
    { "no api key", function() return { ["x-api-key"] = false } end,
      403, "403000", "Api Key is required" },
    { "another api key", function() return { ["x-api-key"] = "other" } end,
      403, "403003", "Api Key is invalid" },
    { "no token", function() return { Authorization = false } end,
      403, "403010", "Oauth token is missing." },
    { "a text that is no token", function() return { Authorization = "Bearer abc" } end,
      401, "401013", "Oauth token is not valid" },
    { "changed claims", function() return { Authorization = "Bearer " .. tampered() } end,
      401, "401013", "Oauth token is not valid" },
    { "no signature", function() return { Authorization = "Bearer " .. unsigned() } end,
      401, "401013", "Oauth token is not valid" },
    { "another's signature", function() return { Authorization = "Bearer " .. foreign() } end,
      401, "401013", "Oauth token is not valid" },
    { "a token without commerce.accs", function()
      local token = driver.token(box, { scope = "openid" }).data.access_token
      return { Authorization = "Bearer " .. token }
    end, 403, "403011", "Scope mismatch" },
    { "no organisation", function() return { ["x-gw-ims-org-id"] = false } end,
      403, "403023", "Profile is not valid" },
    { "another organisation", function() return { ["x-gw-ims-org-id"] = "x@AdobeOrg" } end,
      403, "403023", "Profile is not valid" },
  } do
    it("refuses " .. case[1], function()
      local reply = tenant:call("GET", "/V1/orders?searchCriteria", case[2]())
      assert.equal(case[3], reply.status)
      assert.same({ error_code = case[4], message = case[5] }, reply.data)
    end)
  end

  it("lets the right headers through", function()
    assert.equal(200, tenant:call("GET", "/V1/orders?searchCriteria").status)
  end)

  it("knows no other tenant", function()
    local path = "/AnotherTenant000000000/V1/orders?searchCriteria"
    assert.equal(404, driver.request(box.port, "GET", path).status)
  end)
end)

describe("a token's life", function()
  it("ends when it is over", function()
    local box <close> = driver.start {
      products = 3, orders = 3, customers = 3, args = { "--token-life", "1" },
    }
    local tenant = driver.tenant(box)
    assert.equal(200, tenant:get("/V1/orders", { { "searchCriteria" } }).status)
    socket.sleep(1.05)
    local reply = tenant:get("/V1/orders", { { "searchCriteria" } })
    assert.equal(401, reply.status)
    assert.equal("401013", reply.data.error_code)
    assert.equal(200, driver.tenant(box):get("/V1/orders", { { "searchCriteria" } }).status)
    assert.equal(2, box:count("POST /ims/token/v3"))
  end)
end)
