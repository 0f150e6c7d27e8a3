-- Several engines in one Lua state, and calls that signal more than their end.
local accs = require "accs"
local core = require "accs.core"
local engines = require "accs.engines"
local errors = require "accs.error"
local fault = require "spec.support.fault"
local waits = require "accs.waits"

local function seconds(f, ...)
  local before = core.monotonic()
  f(...)
  return core.monotonic() - before
end

describe("several engines", function()
  it("work at the same time, also where their ids are the same", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "sleep", 0.1 }, fault.reply(200, '{"ok":true}') } })
    local clients, calls = {}, {}
    for index = 1, 3 do
      local client = server:client {
        timeout = 20, access_token = "example", engine = accs.engine { max_connections = index },
      }
      clients[index] = client
      calls[index] = function() return client:get("/V1/x", { query = { n = index } }) end
    end
    calls[4] = function() accs.sleep(0.1) return "slept" end -- on the default engine
    local spent = seconds(function()
      local results = assert(accs.all(calls))
      for index = 1, 3 do
        assert.matches("n=" .. index .. "$", results[index].url)
      end
      assert.equal("slept", results[4])
    end)
    assert.is_true(spent < 0.28, spent) -- one after the other: 0.4
    for _, client in ipairs(clients) do
      client:close()
    end
  end)

  it("have connections of their own, as many as each may", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "sleep", 0.05 }, fault.reply(200, '{"ok":true}') } })
    local narrow <close> = server:client {
      timeout = 20, access_token = "example", engine = accs.engine { max_connections = 1 },
    }
    local calls = {}
    for index = 1, 4 do
      calls[index] = function() return narrow:get("/V1/x") end
    end
    assert.is_true(seconds(function() assert(accs.all(calls)) end) >= 0.2)
  end)

  it("wait without burning the processor", function()
    local engine <close> = accs.engine { max_connections = 1 }
    local before = os.clock()
    assert(accs.all {
      function() return waits.await(engine, engine:timer(0.2)) end,
      function() accs.sleep(0.3) end,
    })
    assert.is_true(os.clock() - before < 0.1)
  end)

  it("move while a call on another blocks", function()
    local engine <close> = accs.engine { max_connections = 1 }
    local early
    local task = accs.spawn(function()
      early = waits.await(engine, engine:timer(0.05))
    end)
    assert(accs.all {
      function() coroutine.yield() coroutine.yield() end,
      function()
        table.sort({ 1, 2 }, function(left, right) accs.sleep(0.1) return left < right end)
      end,
      function() task:wait() end,
    })
    assert.is_true(early)
    assert.equal(0, engine:pending())
  end)

  it("end their calls when they are closed, and others go on", function()
    local server <close> = fault.start()
    server:script("/V1/slow", { { { "stall" } } })
    local engine = accs.engine { max_connections = 2 }
    local client <close> = server:client {
      timeout = 20, access_token = "example", engine = engine,
    }
    local err, slept
    local spent = seconds(function()
      assert(accs.all {
        function() err = select(2, client:get("/V1/slow")) end,
        function() accs.sleep(0.05) engine:close() end,
        function() slept = accs.sleep(0.1) end,
      })
    end)
    assert.equal("closed", err.kind)
    assert.is_true(slept)
    assert.is_true(spent < 2)
    local _, later = client:get("/V1/slow")
    assert.equal("closed", later.kind)
  end)

  it("are collected with their clients", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local seen = setmetatable({}, { __mode = "v" })
    do
      local client = server:client { access_token = "example", engine = accs.engine {} }
      assert(client:get("/V1/x"))
      seen[1] = client._engine
      client:close()
    end
    for _ = 1, 3 do
      collectgarbage()
    end
    assert.is_nil(seen[1])
  end)

  it("take options that are known, of the right type", function()
    for _, given in ipairs { 5, { max_conections = 1 }, { max_connections = 0 },
      { max_connections = "2" } } do
      local ok, message = pcall(accs.engine, given)
      assert.is_false(ok)
      assert.matches("accs.engine: ", tostring(message))
    end
    for _, given in ipairs { 5, io.stdout, {} } do
      local ok, err = pcall(accs.client, { base_url = "https://x.example.com", dotenv = false,
        access_token = "example", engine = given })
      assert.is_false(ok)
      assert.matches("engine must be an engine", tostring(err))
    end
    assert.not_equal(accs.engine {}, accs.engine())
  end)
end)

-- An engine that says what a table tells, one entry a step: { kind, id, a, b } or a function.
local function scripted(steps)
  local engine = { queue = {}, cancelled = {} }
  function engine.on_close() end
  function engine.step()
    if #engine.queue > 0 then
      return true -- as the real one: nothing is waited for while something is there
    end
    local entry = assert(table.remove(steps, 1), "the script is over")
    for _, item in ipairs(type(entry) == "function" and entry(engine) or { entry }) do
      table.insert(engine.queue, item)
    end
    return true
  end
  function engine.next(self)
    return table.unpack(table.remove(self.queue, 1) or {}, 1, 4)
  end
  function engine.cancel(self, id)
    self.cancelled[#self.cancelled + 1] = id
    table.insert(self.queue, { "done", id, nil, { kind = "cancelled", outcome = "unknown" } })
  end
  return engines.adopt(engine)
end

describe("the signals of a call", function()
  local both = {
    { "in a task", function(f) return accs.spawn(f):wait() end },
    { "in the main program", function(f) return f() end },
  }
  for _, case in ipairs(both) do
    it("come one by one, the end last, " .. case[1], function()
      local engine = scripted {
        { "wish", 7, true }, { "body", 7 },
        function() return { { "body", 7 }, { "wish", 7, false }, { "done", 7, "reply" } } end,
      }
      local seen = case[2](function()
        local guard <close> = waits.open_stream(engine, 7)
        local list = {}
        repeat
          local kind, a = waits.await_stream(engine, guard.id)
          list[#list + 1] = kind .. " " .. tostring(a)
        until kind == "done"
        return list
      end)
      -- What was not fetched before the end is void: the end says all.
      assert.same({ "wish true", "body nil", "done reply" }, seen)
      assert.is_nil(engines.lane(engine).waiters[7])
      assert.equal(0, engines.lane(engine).waiting)
      assert.same({}, engine.cancelled)
    end)
  end

  it("are kept while the caller does something else", function()
    local engine = scripted {
      { "body", 7 }, { "done", 7, nil, { kind = "network" } },
    }
    local seen = {}
    local task = accs.spawn(function()
      local guard <close> = waits.open_stream(engine, 7)
      seen[1] = waits.await_stream(engine, 7)
      accs.sleep(0) -- a sink that calls accs
      local kind, reply, failure = waits.await_stream(engine, 7)
      seen[2], seen[3], seen[4] = kind, reply, failure.kind
      return guard
    end)
    -- One engine at a time: the script has no descriptor to wait for.
    local move = engine.step
    engine.step = function(self)
      return #seen == 0 and move(self) or true
    end
    local wait = core.wait
    finally(function() core.wait = wait end)
    core.wait = function() engine.step = move return true end
    task:wait()
    assert.same({ "body", "done", nil, "network" }, seen)
  end)

  it("end with a sink that fails: the call is cancelled", function()
    local engine = scripted { { "body", 7 }, { "timer", 8, true } }
    local _, err = accs.spawn(function()
      local guard <close> = waits.open_stream(engine, 7)
      assert.equal("body", (waits.await_stream(engine, guard.id)))
      error("the disk is full", 0)
    end):wait()
    assert.matches("the disk is full", err)
    assert.same({ 7 }, engine.cancelled)
    assert.equal(0, engines.lane(engine).waiting)
    assert.is_true((waits.await(engine, 8))) -- the end of 7 is fetched, and dropped
    assert.is_nil(engines.lane(engine).waiters[7])
  end)

  it("end with the task: its error tells what is known", function()
    local engine = scripted { { "body", 7 }, { "body", 7 } }
    local task
    task = accs.spawn(function()
      local guard <close> = waits.open_stream(engine, 7)
      while waits.await_stream(engine, guard.id) == "body" do
        accs.spawn(function() task:cancel() end)
      end
    end)
    local _, err = task:wait()
    assert.is_true(errors.is(err))
    assert.equal("cancelled", err.kind)
    assert.equal("unknown", err.outcome)
    assert.same({ 7 }, engine.cancelled)
    assert.equal(0, engines.lane(engine).waiting)
  end)

  it("end with a task that had a signal, and did not go on yet", function()
    local engine = scripted { { "body", 7 }, { "timer", 8, true } }
    local task
    -- Both are woken by the first step; the canceller comes first.
    local canceller = accs.spawn(function()
      waits.await(engine, 9)
    end)
    task = accs.spawn(function() return waits.await_stream(engine, 7) end)
    local step = engine.step
    engine.step = function(self)
      task:cancel()
      engine.step = step
      self.queue = { { "body", 7 }, { "done", 9, "reply" } }
      return true
    end
    engine.cancel = function(self, id) self.cancelled[#self.cancelled + 1] = id end
    canceller:wait()
    engine.queue = { { "done", 7, nil, { kind = "cancelled", outcome = "done" } } }
    engine.step = function() return true end
    local _, err = task:wait()
    assert.equal("cancelled", err.kind)
    assert.equal("done", err.outcome) -- the body meanwhile says less than the end
  end)

  it("end with a task that is cancelled between a signal and its next step", function()
    local engine = scripted { function() return { { "body", 7 }, { "done", 9, "reply" } } end }
    local task
    local canceller = accs.spawn(function()
      waits.await(engine, 9)
    end)
    task = accs.spawn(function() return waits.await_stream(engine, 7) end)
    engine.cancel = function(self, id) self.cancelled[#self.cancelled + 1] = id end
    local next = engine.next
    engine.next = function(self)
      local kind, id, a, b = next(self)
      if not kind then
        task:cancel() -- it is ready, and did not go on yet
      end
      return kind, id, a, b
    end
    canceller:wait()
    local _, err = task:wait()
    assert.equal("cancelled", err.kind)
    assert.equal("unknown", err.outcome)
    assert.same({ 7 }, engine.cancelled)
    assert.equal(0, engines.lane(engine).waiting)
  end)

  it("are not lost when a finalizer moves the engine before the caller waits", function()
    local engine = scripted { function()
      return { { "done", 7, "early" }, { "body", 8 }, { "done", 9, "own" } }
    end, { "done", 8, "later" } }
    assert.equal("own", (waits.await(engine, 9)))
    assert.equal("early", (waits.await(engine, 7)))
    assert.equal("body", (waits.await_stream(engine, 8)))
    assert.same({ "done", "later" }, { waits.await_stream(engine, 8) })
    assert.is_nil(next(engines.lane(engine).waiters))
  end)

  it("are not lost when a call of a finalizer takes them while the caller waits", function()
    local engine
    engine = scripted { function()
      assert.equal("inner", (waits.await(engine, 8)))
      return {}
    end, function()
      return { { "done", 7, "outer" }, { "done", 8, "inner" } }
    end }
    assert.equal("outer", (waits.await(engine, 7)))
    assert.is_nil(next(engines.lane(engine).waiters))
    assert.equal(0, engines.lane(engine).waiting)
  end)
end)
