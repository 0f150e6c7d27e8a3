-- `return accs.all { ... }` inside a task turned a raised text into success: only nil and an accs
-- error counted as a failure, so the mistake was lost, and what ran beside it was not cancelled.
local accs = require "accs"
local core = require "accs.core"

local function boom()
  accs.sleep(0.01)
  error("boom")
end

local function long()
  accs.sleep(20)
end

describe("a failure that is passed on", function()
  local nested = {
    ["all in all"] = function()
      return accs.all { function() return accs.all { boom, long } end, long }
    end,
    ["map in all"] = function()
      return accs.all { function() return accs.map({ 1 }, boom) end, long }
    end,
    ["all in map"] = function()
      return accs.map({ 1, 2 }, function(index)
        if index == 2 then
          return long()
        end
        return accs.all { boom }
      end)
    end,
    ["wait in all"] = function()
      return accs.all { function() return accs.spawn(boom):wait() end, long }
    end,
    ["all in a task"] = function()
      return accs.spawn(function()
        return accs.spawn(function() return accs.all { boom, long } end):wait()
      end):wait()
    end,
  }
  for name, call in pairs(nested) do
    it("fails, and cancels the rest: " .. name, function()
      local began = core.monotonic()
      local results, problem = call()
      assert.is_nil(results)
      assert.truthy(tostring(problem):find("boom", 1, true))
      assert.is_true(core.monotonic() - began < 10)
      assert.equal(0, accs.engine():pending())
    end)
  end

  it("is one also when it is no text", function()
    local raised = {}
    local results, problem = accs.all { function()
      return accs.all { function() error(raised) end }
    end }
    assert.is_nil(results)
    assert.equal(raised, problem)
  end)

  it("is none when the function made it itself", function()
    local results = assert(accs.all {
      function() return nil, "not found" end,
      function()
        accs.all { boom }
        return nil, "handled"
      end,
    })
    assert.equal(2, results.n)
  end)
end)
