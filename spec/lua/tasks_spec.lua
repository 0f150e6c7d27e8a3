local accs = require "accs"
local core = require "accs.core"
local errors = require "accs.error"
local fault = require "spec.support.fault"

local function seconds(f, ...)
  local before = core.monotonic()
  f(...)
  return core.monotonic() - before
end

local function returns(value)
  return function()
    return value
  end
end

describe("a task", function()
  it("gives what its function returned", function()
    local task = accs.spawn(function(a, b)
      return a + b, nil, "x"
    end, 1, 2)
    local results = table.pack(task:wait())
    assert.equal(3, results.n)
    assert.equal(3, results[1])
    assert.equal("integer", math.type(results[1]))
    assert.equal("x", results[3])
    assert.equal(3, (task:wait()))
  end)

  it("does not start before something waits", function()
    local started = false
    local task = accs.spawn(function() started = true end)
    assert.is_false(started)
    task:wait()
    assert.is_true(started)
  end)

  it("runs beside others while it waits", function()
    local order = {}
    local slow = accs.spawn(function()
      accs.sleep(0.3)
      order[#order + 1] = "slow"
    end)
    local quick = accs.spawn(function()
      accs.sleep(0.2)
      order[#order + 1] = "quick"
    end)
    local spent = seconds(function()
      slow:wait()
      quick:wait()
    end)
    assert.same({ "quick", "slow" }, order)
    assert.is_true(spent < 0.48, spent) -- one after the other: 0.5
  end)

  it("that raises text gives it with the user's line and stack", function()
    local function inner()
      error("boom")
    end
    local result, err = accs.spawn(function()
      inner()
    end):wait()
    assert.is_nil(result)
    assert.matches("^[^\n]*tasks_spec%.lua:%d+: boom\n", err)
    assert.matches("stack traceback:.*tasks_spec%.lua:%d+: in upvalue 'inner'", err)
  end)

  it("that raises an object gives that object", function()
    local thrown = errors.new { kind = "http", message = "no" }
    local _, err = accs.spawn(error, thrown):wait()
    assert.equal(thrown, err)
    assert.matches("stack traceback", err.traceback)
    assert.is_nil(tostring(err):find("traceback", 1, true))
    local plain = { code = 5 }
    _, err = accs.spawn(error, plain):wait()
    assert.equal(plain, err)
    _, err = accs.spawn(error):wait()
    assert.is_string(err)
  end)

  it("fails by returning nil and an accs error, not nil and text", function()
    local problem = errors.new { kind = "http", message = "no" }
    local result, err = accs.spawn(function() return nil, problem end):wait()
    assert.is_nil(result)
    assert.equal(problem, err)
    assert.is_nil((accs.all { function() return nil, problem end }))
    assert.is_table((accs.all { function() return nil, "text" end }))
  end)

  it("can wait for another, several for one", function()
    local first = accs.spawn(function()
      accs.sleep(0.01)
      return 7
    end)
    local others = {}
    for index = 1, 5 do
      others[index] = accs.spawn(function() return first:wait() + index end)
    end
    for index = 1, 5 do
      assert.equal(7 + index, (others[index]:wait()))
    end
  end)

  it("can make tasks", function()
    local task = accs.spawn(function()
      local results = assert(accs.all { returns(1), returns(2) })
      local mapped = assert(accs.map({ 1, 2, 3 }, function(item)
        accs.sleep(0.001)
        return item * item
      end))
      return results[1] + results[2] + mapped[3]
    end)
    assert.equal(12, (task:wait()))
  end)

  it("lets others go on by a plain yield", function()
    local order = {}
    local function count(name)
      return function()
        for _ = 1, 3 do
          order[#order + 1] = name
          coroutine.yield()
        end
      end
    end
    assert(accs.all { count("a"), count("b") })
    assert.equal("a b a b a b", table.concat(order, " "))
  end)

  it("does not starve timers by being ready all the time", function()
    local over = false
    assert(accs.all {
      function()
        while not over do
          coroutine.yield()
        end
      end,
      function()
        accs.sleep(0.01)
        over = true
      end,
    })
    assert.is_true(over)
  end)

  it("is no coroutine of the user: a call there blocks just for itself", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    local generator = coroutine.wrap(function()
      for _ = 1, 3 do
        coroutine.yield(assert(client:get("/V1/x")).status)
      end
    end)
    assert.equal(200, generator())
    local task = accs.spawn(function() return generator() + generator() end)
    assert.equal(400, (task:wait()))
    assert.equal(3, server:count("/V1/x"))
  end)

  it("blocks in a comparator, and nobody else goes on meanwhile", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    local inside, disturbed = false, false
    local results = assert(accs.all {
      function()
        local list = { 3, 1, 2 }
        table.sort(list, function(left, right)
          inside = true
          assert(client:get("/V1/x"))
          inside = false
          return left < right
        end)
        return table.concat(list)
      end,
      function()
        for _ = 1, 50 do
          accs.sleep(0.001)
          disturbed = disturbed or inside
        end
      end,
    })
    assert.equal("123", results[1])
    assert.is_false(disturbed)
  end)

  it("blocks in a finalizer", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    local status
    accs.spawn(function()
      setmetatable({}, { __gc = function() status = assert(client:get("/V1/x")).status end })
      collectgarbage()
    end):wait()
    assert.equal(200, status)
  end)

  it("is not resumed by a blocking call of the main program", function()
    local ran = 0
    local task = accs.spawn(function()
      ran = ran + 1
      accs.sleep(0.01)
      ran = ran + 1
    end)
    accs.sleep(0.03)
    assert.equal(0, ran)
    task:wait()
    assert.equal(2, ran)
  end)
end)

describe("a turn of tasks", function()
  it("resumes one at least every other time, however short it is", function()
    local tasks = require "accs.tasks"
    local ran = 0
    for _ = 1, 3 do
      accs.spawn(function() ran = ran + 1 end)
    end
    for turn = 1, 6 do
      assert.equal(turn < 6, tasks.turn(0))
      assert.equal(turn // 2, ran)
    end
    assert.is_false(tasks.turn(0))
  end)

  it("lets a task that is ready all the time have one step", function()
    local tasks = require "accs.tasks"
    local steps = 0
    local task = accs.spawn(function()
      while steps < 5 do
        steps = steps + 1
        coroutine.yield()
      end
    end)
    assert.is_true(tasks.turn(10))
    assert.equal(1, steps)
    task:wait()
  end)
end)

describe("a failure that nobody waits for", function()
  local function told(script)
    local support = require "spec.support"
    local result = support.run { "lua5.4", "-e", "local accs = require 'accs' " .. script,
      timeout = 20 }
    assert.equal(0, result.code)
    return result.err, result.out
  end

  it("is told when the program ends, in one line with the place", function()
    local text = told [[
      local task = accs.spawn(function() error("boom\nand more") end)
      accs.spawn(function() accs.sleep(0.01) end):wait()]]
    assert.matches('^accs: a task failed and nobody waited for it: .*:%d+: boom\n$', text)
  end)

  it("is told when the task is collected", function()
    local _, out = told [[
      io.stderr = { write = function(_, ...) io.write(...) end }
      local problem = require("accs.error").new { kind = "http", message = "no" }
      accs.spawn(function() return nil, problem end)
      accs.spawn(function() accs.sleep(0.01) end):wait()
      collectgarbage() collectgarbage()
      print("end")]]
    assert.matches("nobody waited for it: accs: http: no\nend\n$", out)
  end)

  it("shows no token", function()
    local text = told [[
      accs.spawn(function() error("Bearer abcdef.ghijkl", 0) end)
      accs.spawn(function() accs.sleep(0.01) end):wait()]]
    assert.matches("waited for it: Bearer %*%*%*\n$", text)
  end)

  it("is not told of one that was waited for, cancelled, or is of a group", function()
    local text = told [[
      local waited = accs.spawn(error, "waited")
      local cancelled = accs.spawn(accs.sleep, 30)
      local early = accs.spawn(error, "never runs")
      early:cancel()
      accs.all { function() error("group") end, function() accs.sleep(30) end }
      accs.all({ function() accs.sleep(30) end }, { timeout = 0.01 })
      accs.spawn(function() accs.sleep(0.01) cancelled:cancel() end):wait()
      accs.spawn(function() accs.sleep(0.01) end):wait()
      accs.spawn(function() return waited:wait() and nil end):wait()
      waited, cancelled, early = nil, nil, nil
      collectgarbage()]]
    assert.equal("", text)
  end)

  it("is told of one that fails otherwise while it is cancelled", function()
    local text = told [[
      local task = accs.spawn(function()
        local _ <close> = setmetatable({}, { __close = function() error("clean-up", 0) end })
        accs.sleep(30)
      end)
      accs.spawn(function() accs.sleep(0.01) task:cancel() end):wait()
      accs.spawn(function() accs.sleep(0.01) end):wait()]]
    assert.matches("waited for it: clean%-up", text)
  end)
end)

describe("waiting", function()
  it("for each other is reported, not endless", function()
    local first, second
    first = accs.spawn(function() return second:wait() end)
    second = accs.spawn(function() return first:wait() end)
    local ok, message = pcall(first.wait, first)
    assert.is_false(ok)
    assert.matches("deadlock", message)
    first:cancel()
    local _, err = first:wait()
    assert.equal("cancelled", err.kind)
    local _, other = second:wait()
    assert.equal("cancelled", other.kind)
  end)

  it("for oneself is refused", function()
    local task
    task = accs.spawn(function() return task:wait() end)
    local _, err = task:wait()
    assert.matches("cannot wait for itself", err)
  end)

  it("takes sensible times only", function()
    for _, value in ipairs { -1, 0 / 0, math.huge, "1" } do
      assert.has_error(function() accs.sleep(value) end)
    end
    assert.is_true(accs.sleep(0))
    assert.is_true(seconds(accs.sleep, 0.05) >= 0.05)
  end)
end)

describe("cancelling", function()
  it("ends a task where it waits, and runs its <close> variables, which may make calls", function()
    local server <close> = fault.start()
    server:script("/V1/slow", { { { "stall" } } })
    server:script("/V1/cleanup", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    local cleaned, others = nil, 0
    local task = accs.spawn(function()
      local _ <close> = setmetatable({}, { __close = function()
        cleaned = assert(client:get("/V1/cleanup")).status
      end })
      client:get("/V1/slow")
      return "not reached"
    end)
    assert(accs.all {
      function()
        while server:count("/V1/slow") == 0 do
          accs.sleep(0.01)
        end
        task:cancel()
        task:wait()
      end,
      function()
        for _ = 1, 5 do
          accs.sleep(0.005)
          others = others + 1
        end
      end,
    })
    local result, err = task:wait()
    assert.is_nil(result)
    assert.equal("cancelled", err.kind)
    assert.equal("unknown", err.outcome) -- the request had left
    assert.equal(200, cleaned)
    assert.equal(5, others)
  end)

  it("of a task that did not start means it never will", function()
    local ran = false
    local task = accs.spawn(function() ran = true end)
    task:cancel()
    local _, err = task:wait()
    assert.equal("cancelled", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.is_false(ran)
  end)

  it("of a finished task does nothing", function()
    local task = accs.spawn(returns(5))
    task:wait()
    task:cancel()
    assert.equal(5, (task:wait()))
  end)

  it("of oneself raises at once", function()
    local task, after
    task = accs.spawn(function()
      task:cancel()
      after = true
    end)
    local _, err = task:wait()
    assert.equal("cancelled", err.kind)
    assert.is_nil(after)
  end)

  it("twice delivers one error", function()
    local caught = 0
    local task = accs.spawn(function()
      for _ = 1, 2 do
        local ok, err = pcall(accs.sleep, 0.03)
        if not ok and err.kind == "cancelled" then
          caught = caught + 1
        end
      end
      return "went on"
    end)
    accs.spawn(function()
      accs.sleep(0.005)
      task:cancel()
      task:cancel()
    end):wait()
    assert.equal("went on", (task:wait()))
    assert.equal(1, caught)
  end)

  it("reaches a task that is ready already", function()
    local caught, slept
    local task = accs.spawn(function()
      local ok, err = pcall(accs.sleep, 0.012)
      caught = not ok and err.kind
      slept = seconds(accs.sleep, 0.05)
    end)
    local canceller = accs.spawn(function()
      accs.sleep(0.01)
      task:cancel()
    end)
    accs.spawn(function()
      accs.sleep(0)
      local stop = core.monotonic() + 0.03 -- both timers end meanwhile, and come in one step
      repeat until core.monotonic() > stop
    end):wait()
    canceller:wait()
    task:wait()
    assert.equal("cancelled", caught)
    assert.is_true(slept >= 0.05, slept)
  end)

  it("leaves no wish behind for what the task waited for before", function()
    local first = accs.spawn(accs.sleep, 0.02)
    local slept
    local task = accs.spawn(function()
      pcall(first.wait, first)
      slept = seconds(accs.sleep, 0.06) -- first ends meanwhile
    end)
    accs.spawn(function()
      accs.sleep(0.005)
      task:cancel()
    end):wait()
    task:wait()
    assert.is_true(slept >= 0.06, slept)
  end)

  it("of one that waits for another leaves the other alone", function()
    local slow = accs.spawn(function()
      accs.sleep(0.03)
      return "done"
    end)
    local waiter = accs.spawn(function() return slow:wait() end)
    accs.spawn(function()
      accs.sleep(0.005)
      waiter:cancel()
    end):wait()
    local _, err = waiter:wait()
    assert.equal("cancelled", err.kind)
    assert.equal("done", (slow:wait()))
  end)

  it("of a task with a group ends the whole group first", function()
    local ended = 0
    local parent = accs.spawn(function()
      return accs.map({ 1, 2, 3 }, function()
        local _ <close> = setmetatable({}, { __close = function()
          accs.sleep(0.001)
          ended = ended + 1
        end })
        accs.sleep(5)
      end)
    end)
    accs.spawn(function()
      accs.sleep(0.01)
      parent:cancel()
    end):wait()
    local spent = seconds(function()
      local _, err = parent:wait()
      assert.equal("cancelled", err.kind)
    end)
    assert.equal(3, ended)
    assert.is_true(spent < 1)
  end)

  it("of a blocked caller by an error ends its call", function()
    -- Ctrl-C in lua5.4 is an error out of a hook; so is this, as soon as the engine is asked.
    local thread = coroutine.create(function()
      debug.sethook(function()
        local name = debug.getinfo(2, "n").name
        if name == "step" or name == "expect_alone" then
          error("interrupted!")
        end
      end, "", 1)
      accs.sleep(30)
    end)
    local ok, message = coroutine.resume(thread)
    debug.sethook(thread)
    assert.is_false(ok)
    assert.matches("interrupted!", tostring(message))
    coroutine.close(thread)
    accs.sleep(0)
    assert.equal(0, accs.engine():pending())
  end)
end)
