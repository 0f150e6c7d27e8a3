-- What README.md shows is run.
local support = require "spec.support"

describe("README.md", function()
  local text = assert(support.read_file("README.md"))

  it("has a script that runs", function()
    local script = assert(text:match("```lua\n(.-)```"))
    local dir <close> = support.temp_dir()
    support.write_file(dir.path .. "/script.lua", script)
    local box <close> = support.sandbox { products = 50, orders = 30 }
    local result = support.run { "lua5.4", "script.lua", env = box.env, cwd = dir.path }
    assert.equal(0, result.code, result.err)
    local orders = math.tointeger(tonumber(result.err:match("^(%d+) orders\n$")))
    local _, lines = result.out:gsub("\n", "")
    assert.equal(orders + 1, lines)
    assert.is_true(orders > 0)
  end)

  it("has commands that run", function()
    local box <close> = support.sandbox { products = 50, orders = 30 }
    local dir <close> = support.temp_dir()
    local count = 0
    for line in text:gmatch("\n    (accs [^\n#]+)") do
      local result = support.run { "sh", "-c", line, env = box.env, cwd = dir.path }
      assert.equal(0, result.code, line .. ": " .. result.err)
      count = count + 1
    end
    assert.equal(4, count)
  end)

  it("links to what is there", function()
    for target in text:gmatch("%]%(([^)]+)%)") do
      local path, anchor = target:match("^([^#]*)#?(.*)$")
      assert.is_truthy(os.rename(path, path), target)
      if anchor ~= "" then -- the manual lists its own
        assert.is_truthy(support.read_file(path):find("](#" .. anchor .. ")", 1, true), target)
      end
    end
  end)
end)
