local accs = require "accs"
local cqueues = require "cqueues"
local support = require "spec.support"

local adapter = require "accs.loop.cqueues"

local rules = assert(loadfile("spec/lua/loop_rules.lua", "t", _ENV))() -- with busted's functions
local host = { wrap = adapter.wrap }
local controller

function host.new()
  controller = cqueues.new()
end

function host.start(f)
  controller:wrap(f)
end

function host.every(seconds, f)
  local over = false
  controller:wrap(function()
    while not over do
      f()
      cqueues.sleep(seconds)
    end
  end)
  return function()
    over = true
  end
end

function host.run()
  assert(controller:loop())
end

function host.left()
  return controller:count()
end

describe("a task in a controller of cqueues", function()
  rules(host)

  it("is refused where no controller is known", function()
    local result = support.run { "lua5.4", "-e",
      "print(pcall(require('accs.loop.cqueues').wrap(print)))" }
    assert.matches("^false\t.*called by controller:wrap first", result.out)
  end)

  it("is not held up by a controller that nobody runs any more", function()
    local left = cqueues.new()
    left:wrap(adapter.wrap(function() accs.sleep(30) end))
    assert(left:step(0))
    assert(left:step(0))
    local ran
    host.new()
    host.start(adapter.wrap(function()
      accs.sleep(0.01)
      ran = true
      accs.engine():close() -- ends the other
    end))
    host.run()
    assert.is_true(ran)
  end)
end)

describe("accs.loop.cqueues", function()
  it("says what to install where there is no cqueues", function()
    local result = support.run { "lua5.4", "-e", "package.preload.cqueues = "
      .. "function() error 'none' end print(pcall(require, 'accs.loop.cqueues'))" }
    assert.matches("needs the module cqueues: apt%-get install lua%-cqueues", result.out)
  end)
end)
