-- An IMS that neither answers nor fails: one acquisition has an end of its own, and a token that is
-- still good is used meanwhile.
local accs = require "accs"
local fault = require "spec.support.fault"

local check, head, reply, send = fault.check, fault.head, fault.reply, fault.send
local IMS = "/ims/token/v3"

local function token(expires_in)
  return { reply(200, ('{"access_token":"t","expires_in":%d}'):format(expires_in)) }
end

describe("a token request", function()
  it("that trickles ends with the time limit; the next call asks anew", function()
    local server <close> = fault.start()
    local client <close> = server:client { timeout = 0.6 }
    local trickle = { send(head("200 OK", "Content-Length: 1000")),
      { "trickle", (" "):rep(1000), 0.1 } }
    server:script("/V1/x", { fault.ok })
    server:script(IMS, { trickle, token(86399) })
    check("the first", { kind = "timeout", outcome = "not_sent", count = 0, min_seconds = 0.55,
      seconds = 1.2 }, server:try(client, "GET", "/V1/x"))
    check("the next", { kind = "ok", seconds = 0.5 }, server:try(client, "GET", "/V1/x"))
    assert.equal(2, server:count(IMS))
  end)

  for name, down in pairs { silent = { { "stall" } }, down = { reply(503, "{}") } } do
    it("to an IMS that is " .. name .. " holds no call up while the old token is good", function()
      local server <close> = fault.start()
      local texts = {}
      local client <close> = server:client { timeout = 2, on_event = function(event)
        texts[#texts + 1] = event.text
      end }
      server:script("/V1/x", { fault.ok })
      server:script(IMS, { token(4), down })
      assert(client:get("/V1/x"))
      accs.sleep(3.05) -- into the margin, the last second
      check("in the margin", { kind = "ok", count = 1, seconds = 0.7 },
        server:try(client, "GET", "/V1/x"))
      check("again", { kind = "ok", count = 1, seconds = 0.2 },
        server:try(client, "GET", "/V1/x"))
      assert.is_truthy(table.concat(texts, "\n"):find("the old token is used", 1, true))
    end)
  end

  it("that is refused in many words shows no part of the secret", function()
    local server <close> = fault.start()
    local secret = server.env.IMS_CLIENT_SECRET
    for length = 100, 170, 3 do
      local client <close> = server:client()
      server:script(IMS, { { reply(400, ('{"error":"invalid_client","error_description":"%s %s"}')
        :format(("."):rep(length), secret)) } })
      local _, err = client:get("/V1/x")
      assert.equal("auth", err.kind)
      for last = 1, #secret do
        local part = ". " .. secret:sub(1, last)
        assert.is_nil(tostring(err):find(part, 1, true))
      end
    end
  end)
end)
