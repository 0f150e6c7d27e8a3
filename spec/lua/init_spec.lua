local accs = require "accs"
local cjson = require "cjson"

describe("the module accs", function()
  it("offers what design and manual name, and nothing else", function()
    local names = {}
    for name in pairs(accs) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.equal("all client engine json log map null oauth prometheus search sleep spawn store "
      .. "version", table.concat(names, " "))
  end)

  it("has lua-cjson's null", function()
    assert.equal(cjson.null, accs.null)
    assert.equal(accs.null, accs.json.decode("null"))
  end)

  it("leaves no global behind", function()
    local script = "local before = {} for name in pairs(_G) do before[name] = true end "
      .. "require 'accs' for name in pairs(_G) do if not before[name] then print(name) end end"
    local result = require("spec.support").run { "lua5.4", "-e", script }
    assert.equal("", result.out .. result.err)
  end)

  it("has one engine, whoever asks", function()
    assert.equal(accs.engine(), accs.engine())
    assert.equal("integer", math.type(accs.engine():fd()))
  end)

  it("goes on with another engine when somebody closed the first", function()
    local script = [[
      local accs = require "accs"
      local old = accs.engine()
      local waiting = accs.spawn(accs.sleep, 60)
      local closer = accs.spawn(function() accs.sleep(0.01) old:close() end)
      closer:wait()
      local _, err = waiting:wait()
      print(err.kind, accs.engine() ~= old, accs.sleep(0.01))]]
    local result = require("spec.support").run { "lua5.4", "-e", script, timeout = 10 }
    assert.equal("closed\ttrue\ttrue\n", result.out .. result.err)
  end)
end)
