-- What is said about a request's fate when the call ends otherwise than by its last answer.
local core = require "accs.core"
local fault = require "spec.support.fault"

local check, head, reply, send = fault.check, fault.head, fault.reply, fault.send

describe("the outcome", function()
  local server
  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function() server:clear() end)

  it("of a write answered 503 with a long Retry-After is unknown, not not_sent", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      local client <close> = server:client { access_token = "example" }
      server:script("/V1/x", { { reply(503, "{}", { ["Retry-After"] = "120" }) } })
      check(method, { kind = "rate_limited", status = 503, outcome = "unknown", count = 1 },
        server:try(client, method, "/V1/x"))
    end
  end)

  it("stays unknown when a repeat meets 429 with a long Retry-After", function()
    local client <close> = server:client { access_token = "example" }
    server:script("/V1/x", { { { "close" } }, { reply(429, "{}", { ["Retry-After"] = "120" }) } })
    check("PUT", { kind = "rate_limited", outcome = "unknown", count = 2 },
      server:try(client, "PUT", "/V1/x"))
  end)

  -- Starts a call, steps until `seconds` have passed, cancels it.
  local function cancelled(method, seconds)
    local engine <close> = core.engine {}
    local client <close> = core.client(engine, { base_url = server.env.API_ENDPOINT,
      access_token = "example" })
    local id = assert(client:start { method = method, path = "/V1/x" })
    local stop = core.monotonic() + seconds
    while core.monotonic() < stop do
      assert(engine:step(stop - core.monotonic()))
    end
    engine:cancel(id)
    local kind, done, answer, failure = engine:next()
    assert.equal("done", kind)
    assert.equal(id, done)
    assert.equal("cancelled", failure.kind)
    return answer, failure
  end

  it("of a cancelled call that was refused before is not_sent", function()
    server:script("/V1/x", { { reply(429, "{}", { ["Retry-After"] = "30" }) } })
    local _, failure = cancelled("POST", 0.2)
    assert.equal("not_sent", failure.outcome)
    assert.equal(1, failure.attempts)
  end)

  it("of a cancelled call under way is unknown, and half an answer is none", function()
    local half = send(head("200 OK", "Content-Type: application/json", "Content-Length: 100"),
      '{"half":')
    server:script("/V1/x", { { half, { "stall" } } })
    local answer, failure = cancelled("POST", 0.2)
    assert.equal("unknown", failure.outcome)
    assert.is_nil(answer)
  end)

  it("comes without half an answer when the call ends in the wait for its repeat", function()
    local half = send(head("200 OK", "Content-Type: application/json", "Content-Length: 100"),
      '{"half":')
    server:script("/V1/x", { { half, { "close" } } })
    for _ = 1, 20 do -- the wait is random: one of these ends in it
      local engine <close> = core.engine {}
      local client <close> = core.client(engine, { base_url = server.env.API_ENDPOINT,
        access_token = "example", timeout = 0.25 })
      assert(client:start { method = "GET", path = "/V1/x" })
      local kind, answer, failure
      local stop = core.monotonic() + 0.02
      while core.monotonic() < stop do
        assert(engine:step(0.005))
      end
      client:close()
      kind, _, answer, failure = engine:next()
      assert.equal("done", kind)
      assert.is_truthy(failure)
      assert.is_nil(answer)
    end
  end)
end)
