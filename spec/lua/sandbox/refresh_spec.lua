local driver = require "spec.lua.sandbox.driver"
local socket = require "socket"

local function start(...)
  return driver.start { products = 3, orders = 3, customers = 3, args = { ... } }
end

local function is_good(box, web, token, kind)
  return driver.validate(box, web, token, kind).valid
end

describe("the sandbox's refresh", function()
  it("gives new tokens, and neither id token nor sub", function()
    local box <close> = start()
    local web = driver.credentials(box).web
    local first = driver.sign_in(box, web)
    local reply = driver.refresh(box, web, first.refresh_token)
    assert.equal(200, reply.status)
    assert.same({ "access_token", "expires_in", "refresh_token", "token_type" },
      driver.names_of(reply.data))
    assert.not_equal(first.access_token, reply.data.access_token)
    assert.not_equal(first.refresh_token, reply.data.refresh_token)
    assert.is_true(is_good(box, web, first.access_token)) -- for its own time
    assert.is_true(is_good(box, web, reply.data.access_token))
    assert.equal(200, driver.refresh(box, web, reply.data.refresh_token).status)
  end)

  it("ends the whole sign-in when a token is used again", function()
    local box <close> = start()
    local web = driver.credentials(box).web
    local other = driver.sign_in(box, web)
    local first = driver.sign_in(box, web)
    local second = driver.refresh(box, web, first.refresh_token).data
    local reply = driver.refresh(box, web, first.refresh_token)
    assert.same({ 400, "invalid_grant" }, { reply.status, reply.data.error })
    assert.equal("invalid_grant", driver.refresh(box, web, second.refresh_token).data.error)
    for _, token in ipairs { first.access_token, second.access_token } do
      assert.same({ valid = false, reason = "revoked" }, driver.validate(box, web, token))
    end
    assert.is_true(is_good(box, web, other.access_token))
    assert.equal(200, driver.refresh(box, web, other.refresh_token).status)
  end)

  it("gives the newest again within the grace", function()
    local box <close> = start("--refresh-grace", "1")
    local web = driver.credentials(box).web
    local first = driver.sign_in(box, web).refresh_token
    local second = driver.refresh(box, web, first).data.refresh_token
    for _ = 1, 2 do
      local reply = driver.refresh(box, web, first)
      assert.equal(200, reply.status)
      assert.equal(second, reply.data.refresh_token)
      assert.is_true(is_good(box, web, reply.data.access_token))
    end
    local third = driver.refresh(box, web, second).data.refresh_token
    assert.not_equal(second, third)
    socket.sleep(1.05)
    assert.equal("invalid_grant", driver.refresh(box, web, second).data.error)
    assert.equal("invalid_grant", driver.refresh(box, web, third).data.error)
  end)

  it("gives the grace to the token just before the newest alone", function()
    local box <close> = start("--refresh-grace", "60")
    local web = driver.credentials(box).web
    local first = driver.sign_in(box, web).refresh_token
    local second = driver.refresh(box, web, first).data.refresh_token
    driver.refresh(box, web, second)
    assert.equal("invalid_grant", driver.refresh(box, web, first).data.error)
  end)

  it("gives no grace within the same millisecond unless there is one", function()
    local made = require("accs.sandbox.tokens").new(require("accs.sandbox.keys").new(), function()
      return 1000000
    end, { token_life = 60, refresh_life = 60, refresh_grace = 0 })
    local first = made:rotate(made:begin("client", "user", "openid"))
    assert.truthy((made:use_refresh(first, "client")))
    assert.is_nil((made:use_refresh(first, "client")))
  end)

  it("ends after the life of a refresh token, each of which has its own", function()
    local box <close> = start("--refresh-life", "0.6")
    local web = driver.credentials(box).web
    local first = driver.sign_in(box, web)
    socket.sleep(0.4)
    local second = driver.refresh(box, web, first.refresh_token).data.refresh_token
    socket.sleep(0.4)
    local third = driver.refresh(box, web, second).data.refresh_token
    socket.sleep(0.65)
    local reply = driver.refresh(box, web, third)
    assert.same({ 400, "invalid_grant" }, { reply.status, reply.data.error })
    assert.is_true(is_good(box, web, first.access_token)) -- that was no misuse
  end)

  it("refuses what is no refresh token of this client", function()
    local box <close> = start()
    local web = driver.credentials(box).web
    local data = driver.sign_in(box, web)
    for _, token in ipairs { "abc", data.access_token, data.id_token,
      data.refresh_token:sub(1, -5) .. "AAAA" } do
      assert.equal("invalid_grant", driver.refresh(box, web, token).data.error)
    end
    assert.equal(200, driver.refresh(box, web, data.refresh_token).status)
  end)

  it("makes no access tokens of refresh tokens", function()
    local box <close> = start()
    local web = driver.credentials(box).web
    local data = driver.sign_in(box, web, { scope = "commerce.accs,offline_access" })
    local tenant = driver.tenant(box)
    assert.equal(401, tenant:call("GET", "/V1/store/storeConfigs", {
      Authorization = "Bearer " .. data.refresh_token, ["x-api-key"] = web.client_id,
    }).status)
  end)

  it("is counted by grant and by client", function()
    local box <close> = start()
    local known = driver.credentials(box)
    local web = known.web
    local data = driver.sign_in(box, web)
    driver.refresh(box, web, data.refresh_token)
    driver.refresh(box, web, data.refresh_token)
    driver.token(box)
    driver.token(box, { grant_type = false, client_id = "someone" })
    assert.equal(5, box:count("POST /ims/token/v3"))
    assert.same({ ["200"] = 1 }, box:counters()["POST /ims/token/v3 authorization_code"])
    assert.same({ ["200"] = 1, ["400"] = 1 }, box:counters()["POST /ims/token/v3 refresh_token"])
    assert.same({ ["200"] = 1, ["400"] = 1 },
      box:counters()["POST /ims/token/v3 refresh_token sandbox-web"])
    assert.same({ ["200"] = 1 },
      box:counters()["POST /ims/token/v3 client_credentials sandbox-client"])
    assert.same({ ["400"] = 1 }, box:counters()["POST /ims/token/v3 (no grant) (no client)"])
    assert.equal(1, box:count("GET /ims/authorize/v2", 302))
  end)
end)
