-- Proxies: what libcurl says of a bad address holds its password; what goes to this machine in
-- clear goes to no proxy of the environment.
local fault = require "spec.support.fault"
local native = require "spec.support.native"

local PASSWORD = "pa55word"

describe("the password of a proxy", function()
  local addresses = {
    "foo://user:%s@127.0.0.1:1", "http://user:%s@127.0.0.1:99999", "http://user:%s@[::1",
    "user:%s@127.0.0.1:99999", "http://user:%s" .. ("x"):rep(300) .. "@127.0.0.1:99999",
  }
  for _, address in ipairs(addresses) do
    it("is in no message of accs.client: " .. address:sub(1, 32), function()
      local ok, err = pcall(require("accs").client, { access_token = "example", dotenv = false,
        base_url = "https://127.0.0.1:1/x", proxy = address:format(PASSWORD) })
      assert.is_false(ok)
      assert.equal("config", err.kind)
      assert.is_nil(tostring(err):find(PASSWORD, 1, true))
      assert.is_truthy(err.message:find("proxy", 1, true))
    end)

    it("is in no message of a call: " .. address:sub(1, 32), function()
      local result = native.run([[
        local client = require("accs").client { dotenv = false, access_token = "example",
          base_url = "https://127.0.0.1:1/x",
          on_event = function(event) print(event.text) end }
        local _, err = client:post("/V1/x")
        print(err.kind, err.outcome, err.attempts, err)
      ]], { env = { https_proxy = address:format(PASSWORD) } })
      assert.equal("", result.err)
      assert.matches("config\tnot_sent\t0\taccs: config: the proxy's address", result.out)
      assert.is_nil(result.out:find(PASSWORD, 1, true))
    end)
  end
end)

describe("a proxy that the environment names", function()
  it("never sees what goes to this machine over http", function()
    local server <close> = fault.start()
    local proxy <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local env = { http_proxy = proxy.origin, all_proxy = proxy.origin, ALL_PROXY = proxy.origin }
    for name, value in pairs(server.env) do
      env[name] = value
    end
    local result = native.run([[
      local client = require("accs").client { dotenv = false, attempts = 1 }
      print(client:get("/V1/x"))
    ]], { env = env })
    assert.equal("", result.err)
    assert.equal(0, proxy:connection_count())
    assert.equal(1, server:count("/V1/x"))
    assert.equal(1, server:count("/ims/token/v3"))
  end)

  it("is used all the same when the option proxy names it", function()
    local server <close> = fault.start()
    local proxy <close> = fault.start()
    local client <close> = server:client { attempts = 1, access_token = "example",
      proxy = proxy.origin }
    client:get("/V1/x")
    assert.equal(1, proxy:connection_count())
    assert.equal(0, server:connection_count())
  end)
end)
