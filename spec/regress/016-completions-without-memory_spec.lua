-- What came out of the core's queue was lost when Lua had no memory left for the values it becomes.
local core = require "accs.core"
local fault = require "spec.support.fault"
local native = require "spec.support.native"

describe("a completion", function()
  it("is fetched later when there is no memory for it now, and once", function()
    local server <close> = fault.start()
    local result = native.run([[
      local core = require "accs.core"
      local engine = core.engine {}
      local client = core.client(engine, { base_url = os.getenv "API_ENDPOINT",
        access_token = "example", events = true })
      local failed = 0
      for left = 0, 60 do
        local wanted = {}
        for index = 1, 3 do
          wanted[assert(client:start { method = "GET", path = "/V1/" .. index })] = true
        end
        wanted[assert(engine:timer(0.01))] = true
        local stop = core.monotonic() + 0.02
        while core.monotonic() < stop do
          assert(engine:step(0.005))
        end
        local seen, events = 0, 0
        collectgarbage "stop" -- else a collection may make room
        local empty = 0
        while engine:pending() > 0 or empty < 1 do
          local ok, kind, id, a, b = native.starved(left, engine.next, engine)
          if not ok then
            assert(tostring(kind):find "memory", kind)
            failed = failed + 1
            kind, id, a, b = engine:next()
          end
          if kind == "event" then
            events = events + 1
            assert(a.kind == "request" or a.kind == "response")
          elseif kind then
            assert(wanted[id], "an id that is not wanted, or was seen")
            wanted[id] = nil
            seen = seen + 1
            if kind == "done" then
              assert(a:status() == 404 and b.status == 404 and b.message)
            end
          else
            empty = empty + 1
            assert(empty < 2 or engine:pending() == 0 or engine:step(1))
          end
        end
        collectgarbage "restart"
        assert(not next(wanted) and seen == 4, "completions lost")
        assert(events == 6, "events lost")
      end
      assert(failed > 20)
      print "fine"
    ]], { env = server.env })
    assert.equal("fine\n", result.out .. result.err)
  end)
end)

assert(core) -- the module that the program above loads
