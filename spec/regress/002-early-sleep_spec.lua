-- Timers counted from the millisecond that had begun, so a sleep beside others could end up to 1 ms
-- early: one in five of these did.
local accs = require "accs"
local core = require "accs.core"

describe("a sleep beside others", function()
  it("never ends early", function()
    local early = 0
    local jobs = {}
    for index = 1, 20 do
      jobs[index] = 0.001 * (1 + index % 7)
    end
    assert(accs.map(jobs, function(duration)
      for _ = 1, 10 do
        local start = core.monotonic()
        accs.sleep(duration)
        if core.monotonic() - start < duration then
          early = early + 1
        end
      end
      return true
    end, { concurrency = 20 }))
    assert.equal(0, early)
  end)
end)
