-- Memory that ends anywhere (spec/core/oom.c): here at some of the places, `make oom` tries all.
local support = require "spec.support"

local build = os.getenv("TEST_BUILD") or "build"

-- How much is left out, so that a run takes some seconds.
local cases = {
  { allocator = "lua", stride = 31, least = 1000 },
  { allocator = "core", stride = 2, least = 400 },
}

describe("memory that ends", function()
  for _, case in ipairs(cases) do
    it("in the allocator of " .. case.allocator .. " leaves nothing behind", function()
      local box <close> = support.sandbox { products = 12, orders = 6, customers = 3 }
      local result = support.run { build .. "/spec/core/oom", "-s", case.stride, "-a",
        case.allocator, env = box.env, timeout = 250 }
      local failed = result.out:match("^" .. case.allocator
        .. ": (%d+) allocations failed in %d+ runs, nothing was left\n$")
      assert(failed and result.code == 0, result.out .. result.err)
      assert.is_true(tonumber(failed) >= case.least)
    end)
  end
end)
