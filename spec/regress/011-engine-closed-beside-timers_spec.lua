-- An engine that is closed with timers and calls in flight: the timers, freed first, were still
-- moved about while the calls left the heap. Seen by the sanitizers (make asan).
local core = require "accs.core"
local fault = require "spec.support.fault"

describe("an engine closed with timers and calls in flight", function()
  it("lets go of both in any order", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "stall" } } })
    local engine = core.engine {}
    local client = core.client(engine, { base_url = server.env.API_ENDPOINT, access_token = "x" })
    for i = 1, 5 do
      assert(engine:timer(i))
      assert(client:start { method = "GET", path = "/V1/x" })
      assert(engine:timer(i / 2))
    end
    assert(engine:step(0.05))
    assert.equal(15, engine:pending())
    engine:close()
    local id, failure = client:start { method = "GET", path = "/V1/x" }
    assert.is_nil(id)
    assert.equal("closed", failure.kind)
    client:close()
  end)
end)
