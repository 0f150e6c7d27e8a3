local accs = require "accs"
local support = require "spec.support"
local uv = require "luv"

local adapter = require "accs.loop.luv"

local rules = assert(loadfile("spec/lua/loop_rules.lua", "t", _ENV))() -- with busted's functions
local host = { wrap = adapter.wrap }

function host.new() end

function host.start(f)
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    f()
  end)
end

function host.every(seconds, f)
  local timer = uv.new_timer()
  timer:start(0, math.tointeger(seconds * 1000), f)
  return function()
    timer:close()
  end
end

function host.run()
  uv.run()
end

function host.left()
  local count = 0
  uv.walk(function(handle)
    count = count + (handle:is_closing() and 0 or 1)
  end)
  return count
end

describe("a task in libuv's loop", function()
  rules(host)

  it("starts from the main program too: a whole script runs in the loop", function()
    local ran
    adapter.wrap(function()
      accs.sleep(0.01)
      ran = true
    end)()
    assert.is_nil(ran)
    uv.run()
    assert.is_true(ran)
  end)

  it("outlives that a program closes every handle of the loop", function()
    local slow = adapter.wrap(function()
      accs.sleep(0.2)
      return "slow"
    end)()
    local timer = uv.new_timer()
    timer:start(20, 0, function()
      uv.walk(function(handle)
        if not handle:is_closing() then
          handle:close()
        end
      end)
    end)
    uv.run()
    assert.is_false(slow.finished)
    local quick = adapter.wrap(function()
      accs.sleep(0.01)
      return "quick"
    end)()
    uv.run()
    assert.is_true(quick.finished)
    assert.is_true(slow.finished)
    assert.equal("slow", slow:wait())
    assert.equal(0, host.left())
  end)

  it("runs in one loop at a time", function()
    adapter.wrap(accs.sleep)(0.02)
    uv.run("once")
    local other = { wake = function() end, watch = function() end, unwatch = function() end }
    local ok, message = pcall(require("accs.loop").attach, other)
    assert.is_false(ok)
    assert.matches("another event loop", message)
    uv.run()
    assert.equal(0, host.left())
  end)
end)

describe("accs.loop.luv", function()
  it("says what to install where there is no luv", function()
    local result = support.run { "lua5.4", "-e",
      "package.preload.luv = function() error 'none' end print(pcall(require, 'accs.loop.luv'))" }
    assert.matches("needs the module luv: apt%-get install lua%-luv", result.out)
  end)
end)
