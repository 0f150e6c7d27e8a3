-- A service that refuses whatever token it is shown (a wrong organisation) had each call ask IMS
-- for another one.
local fault = require "spec.support.fault"

local check, reply = fault.check, fault.reply
local IMS = "/ims/token/v3"

describe("a service that refuses every token", function()
  local server
  local refused = { reply(401, '{"error_code":"401013","message":"Oauth token is not valid"}') }

  before_each(function() server = fault.start() end)
  after_each(function() server:close() end)

  local function try_refused(client, count)
    check("GET", { kind = "auth", status = 401, outcome = "refused", count = count },
      server:try(client, "GET", "/V1/x"))
  end

  it("has IMS asked for one other token, not for one by each call", function()
    local client <close> = server:client()
    server:script("/V1/x", { refused })
    try_refused(client, 2)
    for _ = 1, 5 do
      server:script("/V1/x", { refused })
      try_refused(client, 1)
    end
    assert.equal(2, server:count(IMS))
    assert.is_true(client.auth:clear())
    server:script("/V1/x", { refused })
    try_refused(client, 2)
    assert.equal(4, server:count(IMS))
  end)

  it("and then accepts one gets another for it once more", function()
    local client <close> = server:client()
    server:script("/V1/x", { refused })
    try_refused(client, 2)
    server:script("/V1/x", { fault.ok })
    check("GET", { kind = "ok", count = 1 }, server:try(client, "GET", "/V1/x"))
    server:script("/V1/x", { refused, fault.ok })
    check("GET", { kind = "ok", count = 2 }, server:try(client, "GET", "/V1/x"))
    assert.equal(3, server:count(IMS))
  end)
end)
