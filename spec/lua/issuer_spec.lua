-- IMS as the issuer of tokens, as client.auth:verify asks for its keys.
local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"
local issuer = require "accs.issuer"
local support = require "spec.support"

local KEYS = "GET /ims/keys"

-- A client of a server with an engine, and so tokens, of its own.
local function client_of(server, extra)
  local given = { engine = accs.engine {}, timeout = 10 }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  return server:client(given)
end

describe("an issuer", function()
  it("has one identifier for all spellings of its address", function()
    for url, wanted in pairs {
      ["https://ims.example.com"] = "https://ims.example.com",
      ["HTTPS://IMS.Example.com:443/ims/?a#b"] = "https://ims.example.com",
      ["https://ims.example.com?a"] = "https://ims.example.com",
      ["https://ims.example.com:4433/"] = "https://ims.example.com:4433",
      ["http://127.0.0.1:443/ims"] = "http://127.0.0.1:443", ["ims.example.com"] = "",
    } do
      assert.equal(wanted, issuer.identifier(url))
    end
  end)
end)

describe("a set of keys", function()
  local box
  before_each(function() box = support.sandbox { products = 1, orders = 1, customers = 1 } end)
  after_each(function() box:close() end)

  it("is fetched once for tasks that want it at the same time", function()
    local client <close> = client_of(box)
    assert(accs.map({ 1, 2, 3, 4 }, function() return client.auth:verify() end))
    assert.equal(1, box:count(KEYS))
  end)

  it("is fetched for the others when the one who asked is cancelled", function()
    local server <close> = fault.start()
    server:script("/ims/keys", { { { "stall" } }, { fault.reply(200, '{"keys":[]}') } })
    local client <close> = server:client { engine = accs.engine {} }
    local token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA"
    local first = accs.spawn(function() return client.auth:verify(token) end)
    local second = accs.spawn(function() return client.auth:verify(token) end)
    accs.spawn(function()
      accs.sleep(0.1)
      first:cancel()
    end)
    local _, err = second:wait()
    assert.matches("a key that is not among the issuer's", err.message)
    first:wait()
    assert.equal(2, server:count("/ims/keys"))
  end)

  it("is asked for again for a key that is not in it, at most once a minute", function()
    local client <close> = client_of(box)
    local old = assert(client.auth:token())
    assert(client.auth:verify())
    box:control("POST", "/_sandbox/keys/rotate")
    assert(client.auth:refresh())
    local _, err = client.auth:verify() -- within the minute after the first look
    assert.matches("a key that is not among the issuer's", err.message)
    assert.equal(1, box:count(KEYS))
    client.auth._keys.current.asked = core.monotonic() - 61
    assert(client.auth:verify())
    assert.equal(2, box:count(KEYS))
    assert(client.auth:verify(old)) -- the key before is still among them
    assert.equal(2, box:count(KEYS))
  end)

  it("is looked for no oftener where that fails, whatever keys strangers make up", function()
    local own <close> = support.sandbox { products = 1, orders = 1, customers = 1,
      args = { "--fault", "GET /ims/keys:404@2*2" } }
    local client <close> = client_of(own, { attempts = 1 })
    assert(client.auth:verify())
    local stranger = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5vYm9keSJ9.e30.AAAA"
    for round = 1, 2 do
      client.auth._keys.current.asked = core.monotonic() - 61
      for _ = 1, 5 do
        local _, err = client.auth:verify(stranger)
        assert.equal("http", err.kind)
        assert.equal(404, err.status)
      end
      assert.equal(1 + round, own:count(KEYS))
      assert(client.auth:verify()) -- a key that is known
      client.auth._keys.look.at = core.monotonic() - 61
    end
    local _, err = client.auth:verify(stranger)
    assert.matches("a key that is not among the issuer's", err.message)
    assert.equal(4, own:count(KEYS))
  end)

  it("is used for an hour", function()
    local client <close> = client_of(box)
    assert(client.auth:verify())
    client.auth._keys.current.asked = core.monotonic() - 3599
    assert(client.auth:verify())
    assert.equal(1, box:count(KEYS))
    client.auth._keys.current.asked = core.monotonic() - 3601
    assert(client.auth:verify())
    assert.equal(2, box:count(KEYS))
  end)

  it("that is refused says nothing of the token", function()
    local server <close> = fault.start()
    server:script("/ims/keys", { { fault.reply(403, "") } })
    local client <close> = client_of(server)
    local claims, err = client.auth:verify("a.token.of-somebody")
    assert.is_nil(claims)
    assert.equal("http", err.kind)
    assert.matches("IMS answered keys with status 403", err.message, 1, true)
    assert.matches("IMS gives its keys to everybody", err.hint, 1, true)
  end)

  it("that cannot be read is asked for again the next time", function()
    local server <close> = fault.start()
    server:script("/ims/keys", { { fault.reply(200, "<html>") } })
    local client <close> = server:client { engine = accs.engine {} }
    for _ = 1, 2 do
      local _, err = client.auth:verify("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA")
      assert.equal("decode", err.kind)
    end
    assert.equal(2, server:count("/ims/keys"))
    server:script("/ims/keys", { { fault.reply(404, "{}") } })
    local _, err = client.auth:verify("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA")
    assert.equal(404, err.status)
  end)
end)
