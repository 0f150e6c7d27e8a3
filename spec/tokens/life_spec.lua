-- Calls that go on while tokens live for ten seconds and take half a second to get: nobody notices.
-- `make herd` does it for a minute.
local accs = require "accs"
local core = require "accs.core"
local herd = require "spec.tokens.herd"
local support = require "spec.support"

local TOKEN = "POST /ims/token/v3"
local SECONDS = herd.full and 60 or 15
-- A token of 10 s is refreshed 2 s before its end, and little later: one every 8 to 10 s.
local LEAST, MOST = SECONDS // 10, SECONDS // 8 + 2
local CONCURRENCY = 16

describe("a token that lives for 10 s and takes 0.5 s to get", function()
  it("is there whenever a call needs one, after the first", function()
    local box <close> = support.sandbox { products = 2, orders = 2, customers = 2,
      args = { "--token-life", "10", "--fault", TOKEN .. ":delay=0.5" } }
    local longest, calls, first_wait, events = 0, 0, 0, {}
    local began
    local client <close> = box:client {
      engine = accs.engine { max_connections = CONCURRENCY }, max_concurrency = CONCURRENCY,
      on_event = function(event)
        if event.kind == "response" and event.phases then
          calls = calls + 1
          -- Those of the first token's time are the ones that may wait.
          if core.monotonic() - began < 2 then
            first_wait = math.max(first_wait, event.phases.queue)
          else
            longest = math.max(longest, event.phases.queue)
          end
        elseif event.kind == "token" then
          events[#events + 1] = event.text
        end
      end,
    }
    began = core.monotonic()
    local list = {}
    for index = 1, CONCURRENCY do
      list[index] = function()
        while core.monotonic() - began < SECONDS do
          local response, err = client:get("/V1/store/storeConfigs")
          if not response then
            return nil, err
          end
          accs.sleep(0.02)
        end
        return true
      end
    end
    assert(accs.all(list))
    local asked = box:count(TOKEN)
    if herd.full then
      io.stderr:write(("# %d calls in %d s at %d at a time: %d token requests; longest wait %.3f s,"
        .. " for the first token %.3f s\n"):format(calls, SECONDS, CONCURRENCY, asked, longest,
        first_wait))
    end
    assert.is_true(calls > SECONDS * 50, calls)
    assert.is_true(first_wait >= 0.5, first_wait) -- so a wait for a token would be seen
    assert.is_true(longest < 0.3, longest)
    assert.is_true(asked >= LEAST and asked <= MOST, asked)
    assert.equal("acquired", events[1])
    for index = 2, #events do
      assert.equal("refreshed", events[index])
    end
  end)
end)
