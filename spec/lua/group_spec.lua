local accs = require "accs"
local core = require "accs.core"
local errors = require "accs.error"
local fault = require "spec.support.fault"
local support = require "spec.support"

local function returns(value)
  return function()
    return value
  end
end

-- Waits until a program that has no more to do than to wait does so.
local function until_asleep(pid)
  for _ = 1, 1000 do
    if (support.read_file("/proc/" .. pid .. "/stat") or ""):find(") S ", 1, true) then
      return
    end
    accs.sleep(0.01)
  end
  error "it does not come to rest"
end

describe("accs.all", function()
  it("gives the results in order, with their number", function()
    local results = assert(accs.all {
      function() accs.sleep(0.02) return "slow" end,
      returns(nil),
      returns("quick"),
    })
    assert.equal(3, results.n)
    assert.equal("integer", math.type(results.n))
    assert.equal("slow", results[1])
    assert.is_nil(results[2])
    assert.equal("quick", results[3])
    assert.equal(0, assert(accs.all {}).n)
  end)

  it("ends at the first failure: the rest is cancelled, what there was is given", function()
    local problem = errors.new { kind = "http", message = "no" }
    local cancelled = 0
    local before = core.monotonic()
    local results, err, partial = accs.all {
      returns("one"),
      function()
        local ok, cause = pcall(accs.sleep, 5)
        cancelled = cancelled + (not ok and cause.kind == "cancelled" and 1 or 0)
        error(cause, 0)
      end,
      function() accs.sleep(0.01) return nil, problem end,
      function() accs.sleep(5) end,
    }
    assert.is_nil(results)
    assert.equal(problem, err)
    assert.equal(4, partial.n)
    assert.equal("one", partial[1])
    assert.is_nil(partial[4])
    assert.equal(1, cancelled)
    assert.is_true(core.monotonic() - before < 1)
  end)

  it("gives raised text with the user's line", function()
    local _, err = accs.all { function() error("boom") end }
    assert.matches("group_spec%.lua:%d+: boom\n", err)
  end)

  it("gives raised text with the user's line through groups in groups", function()
    local _, err = accs.all { function()
      return accs.map({ 1 }, function() error("deep") end)
    end }
    assert.matches("^[^\n]*group_spec%.lua:%d+: deep\n", err)
  end)

  it("does not start the rest when the first fails at once", function()
    local ran = false
    local _, err = accs.all {
      function() error("first", 0) end,
      function() ran = true end,
    }
    assert.matches("^first", err)
    assert.is_false(ran)
  end)

  it("cancels calls in flight", function()
    local server <close> = fault.start()
    server:script("/V1/slow", { { { "stall" } } })
    server:script("/V1/bad", { { { "sleep", 0.05 }, fault.reply(404, '{"message":"no"}') } })
    local client <close> = server:client { timeout = 20 }
    local before = core.monotonic()
    local results, err = accs.all {
      function() return client:get("/V1/slow") end,
      function() return client:get("/V1/bad") end,
    }
    assert.is_nil(results)
    assert.equal(404, err.status)
    assert.is_true(core.monotonic() - before < 5)
    assert.equal(0, accs.engine():pending())
  end)

  it("refuses what is no function, before it starts anything", function()
    local ran = false
    for _, list in ipairs { { function() ran = true end, 5 }, { n = 2, returns(1) } } do
      local ok, message = pcall(accs.all, list)
      assert.is_false(ok)
      assert.matches("entry 2 must be a function", message)
    end
    assert.has_error(function() accs.all(5) end)
    accs.sleep(0)
    assert.is_false(ran)
  end)
end)

describe("accs.map", function()
  it("keeps the order of the items and gives their number", function()
    local results = assert(accs.map({ 3, 1, 2 }, function(item, index)
      accs.sleep(item / 200)
      return item * 10 + index
    end))
    assert.equal(3, results.n)
    assert.equal(31, results[1])
    assert.equal(12, results[2])
    assert.equal(23, results[3])
    assert.equal(0, assert(accs.map({}, returns(1))).n)
  end)

  it("keeps to its concurrency", function()
    for _, limit in ipairs { 1, 3, 8 } do
      local now, most = 0, 0
      assert(accs.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function()
        now = now + 1
        most = math.max(most, now)
        accs.sleep(0.002)
        now = now - 1
      end, { concurrency = limit }))
      assert.equal(limit, most)
    end
  end)

  it("takes an iterator, which may wait, one item after the other", function()
    local inside, count = 0, 0
    local results = assert(accs.map(function()
      assert.equal(0, inside)
      inside = inside + 1
      accs.sleep(0.002)
      inside = inside - 1
      count = count + 1
      return count <= 7 and count or nil
    end, function(item)
      accs.sleep(0.005)
      return item * 2
    end, { concurrency = 3 }))
    assert.equal(7, results.n)
    for index = 1, 7 do
      assert.equal(index * 2, results[index])
    end
    assert.is_true(count >= 8 and count <= 8, count)
  end)

  it("takes lists with holes by their n, and objects that can be called", function()
    local results = assert(accs.map({ n = 3, 1, nil, 3 }, function(item) return item or "hole" end))
    assert.equal(3, results.n)
    assert.equal("hole", results[2])
    local left = 2
    local callable = setmetatable({}, { __call = function()
      left = left - 1
      return left >= 0 and "x" or nil
    end })
    assert.equal(2, assert(accs.map(callable, returns(1))).n)
  end)

  it("ends at the first failure, also of the iterator", function()
    local seen = 0
    local results, err, partial = accs.map({ 1, 2, 3, 4, 5, 6 }, function(item)
      seen = seen + 1
      if item == 2 then
        error("two", 0)
      end
      accs.sleep(0.01)
      return item
    end, { concurrency = 2 })
    assert.is_nil(results)
    assert.matches("^two", err)
    assert.equal(2, seen)
    assert.equal("table", type(partial))
    results, err = accs.map(function() error("source", 0) end, returns(1))
    assert.is_nil(results)
    assert.matches("^source", err)
  end)

  it("ends at a returned error as well", function()
    local problem = errors.new { kind = "http", message = "no" }
    local seen = 0
    local results, err = accs.map({ 1, 2, 3, 4 }, function()
      seen = seen + 1
      return nil, problem
    end, { concurrency = 1 })
    assert.is_nil(results)
    assert.equal(problem, err)
    assert.equal(1, seen)
  end)

  it("gives no further item to one who catches its cancelling", function()
    local seen = 0
    local _, err = accs.map({ 1, 2, 3, 4, 5, 6 }, function(item)
      seen = seen + 1
      if item == 2 then
        error("two", 0)
      end
      pcall(accs.sleep, 0.01)
    end, { concurrency = 2 })
    assert.matches("^two", err)
    assert.equal(2, seen)
  end)

  it("refuses unknown options and wrong types", function()
    assert.has_error(function() accs.map({}, 5) end)
    assert.has_error(function() accs.map(5, print) end)
    assert.has_error(function() accs.map({}, print, { concurency = 1 }) end)
    for _, value in ipairs { 0, -1, 1.5, "2" } do
      assert.has_error(function() accs.map({}, print, { concurrency = value }) end)
    end
  end)

  it("copes with 10,000 tasks in time that grows with their number", function()
    local function spent(count)
      local list = {}
      for index = 1, count do
        list[index] = index
      end
      local before = os.clock()
      local results = assert(accs.map(list, function(item)
        coroutine.yield()
        return item
      end, { concurrency = count }))
      assert.equal(count, results.n)
      assert.equal(count, results[count])
      return os.clock() - before
    end
    spent(1000)
    local small, large = spent(2000), spent(10000)
    assert.is_true(large < 2, large)
    assert.is_true(large < small * 25 + 0.1, ("%f %f"):format(small, large))
  end)

  it("copes with 10,000 timers", function()
    local list = {}
    for index = 1, 10000 do
      list[index] = index
    end
    local before = os.clock()
    local results = assert(accs.map(list, function(item)
      accs.sleep(0.001 * (item % 5))
      return item
    end, { concurrency = 10000 }))
    assert.equal(10000, results.n)
    assert.is_true(os.clock() - before < 3)
    assert.equal(0, accs.engine():pending())
  end)
end)

describe("a group with a timeout", function()
  it("ends in time: tasks and calls end as timeout, what there was is given", function()
    local server <close> = fault.start()
    server:script("/V1/slow", { { { "stall" } } })
    local client <close> = server:client { timeout = 20 }
    local seen = {}
    local before = core.monotonic()
    local results, err, partial = accs.all({
      returns("one"),
      function() return client:get("/V1/slow") end,
      function()
        local ok, problem = pcall(accs.sleep, 5)
        seen[1] = not ok and problem
        error(problem, 0)
      end,
      function()
        local ok, problem = pcall(client.post, client, "/V1/slow", { a = 1 })
        seen[2] = not ok and problem
        error(problem, 0)
      end,
    }, { timeout = 0.2 })
    local spent = core.monotonic() - before
    assert.is_nil(results)
    assert.equal("timeout", err.kind)
    assert.equal("unknown", err.outcome)
    assert.matches("accs.all did not end within 0.2 s", tostring(err))
    assert.equal(4, partial.n)
    assert.equal("one", partial[1])
    assert.equal("timeout", seen[1].kind)
    assert.equal("timeout", seen[2].kind)
    assert.equal("unknown", seen[2].outcome) -- the request had left
    assert.is_true(spent >= 0.2 and spent < 2, spent)
    assert.equal(0, accs.engine():pending())
  end)

  it("that ends before leaves nothing behind", function()
    local before = core.monotonic()
    assert.equal(1, assert(accs.all({ returns(1) }, { timeout = 30 }))[1])
    assert.equal(3, assert(accs.map({ 1, 2, 3 }, returns(1), { timeout = 30 })).n)
    assert.equal(0, assert(accs.all({}, { timeout = 30 })).n)
    local _, err = accs.all({ function() error("boom", 0) end }, { timeout = 30 })
    assert.matches("^boom", err)
    accs.sleep(0)
    assert.is_true(core.monotonic() - before < 2)
    assert.equal(0, accs.engine():pending())
  end)

  it("holds for a map: no further item is taken", function()
    local given = 0
    local results, err, partial = accs.map(function()
      given = given + 1
      return given
    end, function(item)
      pcall(accs.sleep, 0.05)
      return item
    end, { concurrency = 2, timeout = 0.12 })
    assert.is_nil(results)
    assert.equal("timeout", err.kind)
    assert.is_true(given <= 8, given)
    assert.equal(1, partial[1])
  end)

  it("ends the groups inside it first, whose <close> variables may wait", function()
    local order = {}
    local before = core.monotonic()
    local _, err = accs.all({
      function()
        local inner, problem = accs.map({ 1, 2 }, function()
          local _ <close> = setmetatable({}, { __close = function()
            accs.sleep(0.02)
            order[#order + 1] = "inner"
          end })
          accs.sleep(30)
        end)
        return inner, problem
      end,
    }, { timeout = 0.05 })
    order[#order + 1] = "outer"
    assert.equal("timeout", err.kind)
    assert.equal("inner inner outer", table.concat(order, " "))
    assert.is_true(core.monotonic() - before < 2)
  end)

  it("inside another fails like any call", function()
    local results, err = accs.all {
      function() return accs.all({ function() accs.sleep(30) end }, { timeout = 0.05 }) end,
      function() accs.sleep(30) end,
    }
    assert.is_nil(results)
    assert.equal("timeout", err.kind)
  end)

  it("ends tasks that wait for each other", function()
    local first, second
    first = accs.spawn(function() return second:wait() end)
    second = accs.spawn(function() return first:wait() end)
    local _, err = accs.all({ function() return first:wait() end }, { timeout = 0.05 })
    assert.equal("timeout", err.kind)
    first:cancel()
    first:wait()
    second:wait()
  end)

  it("waits for a task that computes or blocks, and interrupts it where it waits next", function()
    local slept
    local _, err = accs.all({ function()
      table.sort({ 1, 2 }, function(left, right)
        slept = accs.sleep(0.15) -- blocks; the time passes meanwhile
        return left < right
      end)
      accs.sleep(30)
    end }, { timeout = 0.05 })
    assert.is_true(slept)
    assert.equal("timeout", err.kind)
  end)

  it("takes a sensible time only", function()
    for _, value in ipairs { -1, "1", 0 / 0 } do
      local ok, message = pcall(accs.all, {}, { timeout = value })
      assert.is_false(ok)
      assert.matches("accs.all: timeout must be", message)
    end
    assert.has_error(function() accs.all({}, { timeuot = 1 }) end)
    assert.has_error(function() accs.all({}, 5) end)
    assert.has_error(function() accs.map({}, print, 5) end)
  end)
end)

describe("the memory of tasks", function()
  local COUNT = 20000

  local function used()
    collectgarbage()
    collectgarbage()
    return collectgarbage("count") / 1024
  end

  it("does not grow with the number of items that a map takes from an iterator", function()
    local given, early, late = 0, nil, nil
    local results = assert(accs.map(function()
      given = given + 1
      if given == COUNT // 10 then
        early = used()
      elseif given == COUNT then
        late = used()
      end
      return given <= COUNT and given or nil
    end, function()
      accs.sleep(0)
    end))
    assert.equal(COUNT, results.n)
    assert.is_true(late - early < 0.5, late - early) -- megabytes
  end)

  it("is below a kilobyte for a task that has not begun, and is given back", function()
    local before = used()
    do
      local list = {}
      for index = 1, COUNT do
        list[index] = accs.spawn(returns(index))
      end
      local held = (used() - before) * 1024 / COUNT
      assert.is_true(held < 1, held)
      for index = 1, COUNT do
        assert.equal(index, (list[index]:wait()))
      end
    end
    assert.is_true(used() - before < 4, used() - before)
  end)

  it("is below three kilobytes for a task that waits", function()
    local before = used()
    local list = {}
    for index = 1, COUNT do
      list[index] = accs.spawn(accs.sleep, 0.2)
    end
    local held
    accs.spawn(function()
      coroutine.yield()
      held = (used() - before) * 1024 / COUNT
    end):wait()
    assert.is_true(held > 0.5 and held < 3, held)
    for index = 1, COUNT do
      list[index]:wait()
    end
  end)
end)

describe("several clients in tasks", function()
  it("share one token of one identity, however many calls wait", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    server:script("/ims/token/v3", { { { "sleep", 0.05 }, fault.reply(200,
      '{"access_token":"token-1","token_type":"bearer","expires_in":86399}') } })
    local one <close> = server:client { timeout = 20 }
    local two <close> = server:client { timeout = 20 }
    local functions = {}
    for index = 1, 64 do
      local client = index % 2 == 0 and one or two
      functions[index] = function()
        return client:get("/V1/x", { query = { n = index } })
      end
    end
    local results = assert(accs.all(functions))
    assert.equal(64, results.n)
    for index = 1, 64 do
      assert.matches("n=" .. index .. "$", results[index].url)
    end
    assert.equal(1, server:count("/ims/token/v3"))
    assert.equal(64, server:count("/V1/x"))
  end)

  it("run at the same time", function()
    local left <close> = fault.start()
    local right <close> = fault.start()
    local functions = {}
    local clients = {}
    for _, server in ipairs { left, right } do
      server:script("/V1/x", { fault.ok, { { "sleep", 0.5 }, fault.ok[1] } })
      local client = server:client { timeout = 20 }
      clients[#clients + 1] = client
      assert(client:get("/V1/x"))
      for _ = 1, 4 do
        functions[#functions + 1] = function() return client:get("/V1/x") end
      end
    end
    local before = core.monotonic()
    assert(accs.all(functions))
    assert.is_true(core.monotonic() - before < 3) -- one after the other: 4
    for _, client in ipairs(clients) do
      client:close()
    end
  end)

  it("end cleanly on Ctrl-C: <close> variables run, and may wait", function()
    local script = [[
      local accs = require "accs"
      accs.all {
        function() accs.sleep(30) end,
        function()
          local _ <close> = setmetatable({}, { __close = function()
            accs.sleep(0.05)
            print("closed")
          end })
          print("ready")
          io.stdout:flush()
          accs.sleep(30)
        end,
      }]]
    local program <close> = support.start { "lua5.4", "-e", script }
    assert.equal("ready", program:read_line())
    until_asleep(program.pid)
    local before = core.monotonic()
    program:signal("INT")
    assert.equal("closed", program:read_line())
    assert.is_nil(program:read_line())
    assert.equal(1, program:close())
    assert.matches("interrupted!", program:errors())
    assert.is_true(core.monotonic() - before < 10)
  end)

  it("leave nothing behind when the program ends in the middle", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "stall" } } })
    local script = [[
      local accs = require "accs"
      local client = accs.client { dotenv = false, timeout = 30 }
      for _ = 1, 5 do accs.spawn(client.get, client, "/V1/x") end
      accs.spawn(function() accs.sleep(0.05) end):wait()
      print("end")]]
    local result = support.run { "lua5.4", "-e", script, env = server.env, timeout = 10 }
    assert.equal("end\n", result.out .. result.err)
    assert.equal(0, result.code)
  end)
end)

describe("64 tasks on two clients of the sandbox", function()
  it("make one token request", function()
    local box <close> = support.sandbox { products = 3 }
    local one <close> = box:client { timeout = 20 }
    local two <close> = box:client { timeout = 20 }
    local results = assert(accs.map({ n = 64 }, function(_, index)
      local client = index % 2 == 0 and one or two
      return client:get("/V1/orders/{id}", { params = { id = index % 20 + 1 } })
    end, { concurrency = 64 }))
    assert.equal(64, results.n)
    for index = 1, 64 do
      assert.equal(index % 20 + 1, results[index].data.entity_id)
    end
    assert.equal(1, box:count("POST /ims/token/v3"))
    assert.equal(64, box:count("GET /V1/orders/{id}", 200))
  end)
end)
