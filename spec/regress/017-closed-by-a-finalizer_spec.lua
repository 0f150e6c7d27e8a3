-- A finalizer that closes a client or an engine while a method of it reads its arguments: the
-- method went on with what had been freed.
local core = require "accs.core"

local OPTIONS = { base_url = "http://127.0.0.1:1/tenant", access_token = "example" }
local REQUEST = { method = "GET", path = "/V1/x" }

-- Calls f(...) so that the first collection in it runs `finalizer`; whether it ran, and as pcall.
local function interrupted(finalizer, f, ...)
  local ran = false
  collectgarbage()
  collectgarbage "stop"
  setmetatable({}, { __gc = function()
    ran = true
    finalizer()
  end })
  collectgarbage("incremental", 100, 1000, 30)
  collectgarbage "restart"
  local ok, problem = pcall(f, ...)
  return ran, ok, problem
end

describe("what a finalizer closes in the middle of a method", function()
  it("is closed for that method as well", function()
    local met = 0
    for _ = 1, 10 do
      local engine = core.engine {}
      local client = core.client(engine, OPTIONS)
      local ran, ok, problem = interrupted(function() client:close() end, client.start, client,
        REQUEST)
      if ran then
        met = met + 1
        assert.is_false(ok)
        assert.is_truthy(problem:find("client is closed", 1, true))
      end
      ran, ok, problem = interrupted(function() engine:close() end, core.client, engine, OPTIONS)
      if ran then
        met = met + 1
        assert.is_false(ok)
        assert.is_truthy(problem:find("engine is closed", 1, true))
      end
      client:close()
      engine:close()
    end
    collectgarbage("incremental", 200, 100, 13)
    assert.is_true(met > 0)
  end)
end)
