-- Memory that ends anywhere (spec/core/oom.c): here at some of the places, `make oom` tries all.
local support = require "spec.support"

local build = os.getenv("TEST_BUILD") or "build"

-- How much is left out, so that a run takes some seconds.
local cases = {
  { allocator = "lua", stride = 31, least = 1000 },
  { allocator = "core", stride = 2, least = 400 },
  { allocator = "curl", stride = 7, least = 100, scenes = { "core", "calls", "tasks" } },
}

describe("memory that ends", function()
  for _, case in ipairs(cases) do
    it("in the allocator of " .. case.allocator .. " leaves nothing behind", function()
      local box <close> = support.sandbox { products = 12, orders = 6, customers = 3 }
      local env = { ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "") .. ":handle_sigfpe=0" }
      for name, value in pairs(box.env) do
        env[name] = value
      end
      local result = support.run { build .. "/spec/core/oom", "-s", case.stride, "-a",
        case.allocator, env = env, timeout = 250, table.unpack(case.scenes or {}) }
      local failed, rest = result.out:match("^" .. case.allocator
        .. ": (%d+) allocations failed in %d+ runs, nothing was left\n(.*)$")
      assert(not failed or rest == "" or case.allocator == "curl"
        and rest:find("^libcurl itself crashed in %d+ of them\n$"), result.out)
      assert(failed and result.code == 0, result.out .. result.err)
      assert.is_true(tonumber(failed) >= case.least)
    end)
  end
end)
