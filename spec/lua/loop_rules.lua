-- What holds for tasks in every event loop: a function to call inside a `describe` with a host:
--   new()             forgets what an earlier test left
--   wrap(f)           of the adapter
--   start(f)          has f called in the loop, as a callback of the host
--   every(seconds, f) likewise again and again; returns a function that ends it
--   run()             the loop, until nothing is left in it
--   left()            what is left in it, a number
local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"
local support = require "spec.support"

local function returns(value)
  return function()
    return value
  end
end

-- Closed by <close>: what the host does again and again must end with the task, or the loop would
-- never end where the task fails.
local function ends(stop)
  return setmetatable({}, { __close = stop })
end

-- Runs f as a task in the host's loop until nothing is left there. The loop must end in time.
local function inside(host, f)
  local results
  host.start(host.wrap(function()
    results = table.pack(pcall(f))
  end))
  local before = core.monotonic()
  host.run()
  local spent = core.monotonic() - before
  assert.is_table(results, "the task did not run to its end")
  assert.is_true(results[1], tostring(results[2]))
  assert.is_true(spent < 60, spent)
  assert.equal(0, host.left())
  return table.unpack(results, 2, results.n)
end

-- A script as people write it, which knows nothing of loops.
local function script(client)
  local lines = {}
  local ids = {}
  local search = accs.search():sort("entity_id", "ASC"):page_size(5):fields { "entity_id" }
  for order in client:items("/V1/orders", search, { limit = 12 }) do
    ids[#ids + 1] = order.entity_id
  end
  local orders = assert(accs.map(ids, function(id)
    return client:get("/V1/orders/{id}", { params = { id = id } })
  end, { concurrency = 4 }))
  for index, response in ipairs(orders) do
    lines[index] = ids[index] .. " " .. response.data.increment_id
  end
  accs.sleep(0.01)
  local _, err = client:get("/V1/orders/999999999")
  lines[#lines + 1] = err.kind .. " " .. tostring(err.status)
  local task = accs.spawn(function() error("boom", 0) end)
  lines[#lines + 1] = select(2, task:wait()):match("^[^\n]*")
  return table.concat(lines, "\n")
end

return function(host)
  local server

  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function()
    server:clear()
    host.new()
  end)

  it("gives a script the same results as without a loop", function()
    local box = support.shared_sandbox { products = 200, orders = 300, customers = 50 }
    local client <close> = box:client { timeout = 20 }
    local blocking = script(client)
    assert.matches("^1 %d+\n2 .*\nhttp 404\nboom$", blocking)
    assert.equal(blocking, inside(host, function() return script(client) end))
  end)

  it("lets the host's own work go on while a task waits", function()
    server:script("/V1/x", { { { "sleep", 0.3 }, fault.ok[1] } })
    local client <close> = server:client { timeout = 10, access_token = "example" }
    local ticks = 0
    local stop = host.every(0.01, function() ticks = ticks + 1 end)
    inside(host, function()
      local _ <close> = ends(stop)
      assert(client:get("/V1/x"))
      accs.sleep(0.1)
    end)
    assert.is_true(ticks >= 10, ticks) -- 40 on a machine with nothing else to do
  end)

  it("passes arguments on, and gives a task to wait for", function()
    local task
    local f = host.wrap(function(...)
      accs.sleep(0.01)
      return select("#", ...), ...
    end)
    host.start(function() task = f(1, nil, "x", nil) end)
    local waited = inside(host, function()
      accs.sleep(0.001)
      return table.concat({ tostring(task:wait()), select("#", task:wait()) }, " ")
    end)
    assert.equal("4 5", waited)
    assert.has_error(function() host.wrap(5) end)
  end)

  it("has tasks of several callbacks at the same time, on several engines", function()
    server:script("/V1/x", { { { "sleep", 1 }, fault.ok[1] } })
    local count = 0
    local clients = {}
    for index = 1, 4 do
      clients[index] = server:client { timeout = 10, access_token = "example",
        engine = index > 2 and accs.engine { max_connections = 1 } or nil }
      host.start(host.wrap(function()
        assert(clients[index]:get("/V1/x"))
        accs.sleep(0.001)
        count = count + 1
      end))
    end
    local before = core.monotonic()
    host.run()
    assert.equal(4, count)
    assert.is_true(core.monotonic() - before < 3) -- one after the other: 4
    assert.equal(0, host.left())
    for _, client in ipairs(clients) do
      client:close()
    end
  end)

  it("waits without burning the processor", function()
    local engine <close> = accs.engine { max_connections = 1 }
    local before = os.clock()
    host.start(host.wrap(function() require("accs.waits").await(engine, engine:timer(0.3)) end))
    inside(host, function() accs.sleep(0.3) end)
    assert.is_true(os.clock() - before < 0.15)
  end)

  it("has event hooks as well, which may wait", function()
    server:script("/V1/x", { fault.ok })
    local kinds = {}
    local client <close> = server:client {
      timeout = 10, access_token = "example", on_event = function(event)
        accs.sleep(0.002)
        kinds[#kinds + 1] = event.kind
      end,
    }
    assert.equal(200, inside(host, function() return assert(client:get("/V1/x")).status end))
    assert.equal("request response", table.concat(kinds, " "))
  end)

  it("has functions that the core asks as well, which may wait", function()
    server:script("/V1/x", { fault.ok })
    local asked, kept = {}, {}
    local function wait(name)
      asked[#asked + 1] = name
      accs.sleep(0.002)
    end
    local client <close> = server:client {
      timeout = 10, engine = accs.engine {},
      client_secret = function()
        wait("secret")
        return "example-not-a-secret"
      end,
      cache = {
        load = function(key)
          wait("load")
          return kept[key]
        end,
        save = function(key, sealed)
          wait("save")
          kept[key] = sealed
        end,
      },
    }
    for _ = 1, 2 do
      assert.equal(200, inside(host, function() return assert(client:get("/V1/x")).status end))
    end
    assert.equal("secret load save", table.concat(asked, " "))
    assert.is_string(kept[next(kept)])
  end)

  it("ends when nothing is left, and begins again", function()
    for round = 1, 3 do
      assert.equal(round, inside(host, function()
        accs.sleep(0.005)
        return round
      end))
    end
  end)

  it("moves tasks that were spawned outside a task as well", function()
    local seen
    host.wrap(returns(1)) -- from now on tasks move in the loop
    host.start(function()
      accs.spawn(function()
        accs.sleep(0.01)
        seen = true
      end)
    end)
    host.run()
    assert.is_true(seen)
    assert.equal(0, host.left())
  end)

  it("blocks in a callback that is not wrapped, and tasks go on afterwards", function()
    server:script("/V1/x", { { { "sleep", 0.05 }, fault.ok[1] } })
    local client <close> = server:client { timeout = 10, access_token = "example" }
    local order = {}
    host.start(host.wrap(function()
      accs.sleep(0.02)
      order[#order + 1] = "task"
    end))
    host.start(function()
      order[#order + 1] = assert(client:get("/V1/x")).status
      order[#order + 1] = "plain"
    end)
    host.run()
    assert.equal("200 plain task", table.concat(order, " "))
    assert.equal(0, host.left())
  end)

  it("lets a callback that is not wrapped run a group to its end", function()
    local done = {}
    host.start(host.wrap(function()
      accs.sleep(0.05)
      done[#done + 1] = "task"
    end))
    host.start(function()
      assert(accs.all { function() accs.sleep(0.01) end, function() accs.sleep(0.02) end })
      done[#done + 1] = "group"
    end)
    host.run()
    assert.equal("group task", table.concat(done, " "))
    assert.equal(0, host.left())
  end)

  it("ends waiting tasks when their engine is closed, and goes on with another", function()
    local closed
    host.start(host.wrap(function()
      local ok, err = pcall(accs.sleep, 30)
      closed = not ok and err.kind
      accs.sleep(0.01) -- on a new engine
      closed = closed .. " and on"
    end))
    host.start(host.wrap(function()
      accs.sleep(0.02)
      host.start(function() accs.engine():close() end)
    end))
    local before = core.monotonic()
    host.run()
    assert.equal("closed and on", closed)
    assert.is_true(core.monotonic() - before < 5)
    assert.equal(0, host.left())
  end)

  it("ends calls in flight when their client is closed by a callback", function()
    server:script("/V1/slow", { { { "stall" } } })
    local client = server:client { timeout = 10, access_token = "example" }
    local kinds = {}
    for _ = 1, 3 do
      host.start(host.wrap(function()
        local _, err = client:get("/V1/slow")
        kinds[#kinds + 1] = err.kind
      end))
    end
    host.start(host.wrap(function()
      accs.sleep(0.05)
      host.start(function() client:close() end)
    end))
    host.run()
    assert.equal("cancelled cancelled cancelled", table.concat(kinds, " "))
    assert.equal(0, host.left())
  end)

  it("gives the host its turn between many tasks that are ready", function()
    local worst, last = 0, os.clock()
    local stop = host.every(0.01, function()
      local now = os.clock()
      worst, last = math.max(worst, now - last), now
    end)
    local left = 200
    for _ = 1, left do
      host.start(host.wrap(function()
        local till = os.clock() + 0.002
        repeat until os.clock() > till
        left = left - 1
        if left == 0 then
          worst = math.max(worst, os.clock() - last)
          stop()
        end
      end))
    end
    host.run()
    assert.equal(0, left)
    assert.is_true(worst < 0.1, worst) -- processor time; in one turn: 0.4
  end)

  it("gives the host its turn between many timers, and between the pages of a scan", function()
    local box = support.shared_sandbox { products = 200, orders = 300, customers = 50 }
    local client <close> = box:client { timeout = 60 }
    local worst, last = 0, os.clock()
    local stop = host.every(0.01, function()
      local now = os.clock()
      worst, last = math.max(worst, now - last), now
    end)
    local rows = 0
    inside(host, function()
      local _ <close> = ends(stop)
      last = os.clock()
      local timers = {}
      for index = 1, 2000 do
        timers[index] = accs.spawn(accs.sleep, 0.05)
      end
      local pages = {}
      for index = 1, 30 do
        pages[index] = index % 3 + 1
      end
      assert(accs.map(pages, function(page)
        local found = assert(client:get("/V1/orders", { query = { searchCriteria = {
          pageSize = 100, currentPage = page } } })).data
        rows = rows + #found.items
      end, { concurrency = 8 }))
      for _, timer in ipairs(timers) do
        timer:wait()
      end
      worst = math.max(worst, os.clock() - last)
    end)
    assert.equal(3000, rows)
    assert.is_true(worst < 0.15, worst)
  end)

  it("cancels in the loop: <close> variables run, and may wait", function()
    local cleaned
    inside(host, function()
      local task = accs.spawn(function()
        local _ <close> = setmetatable({}, { __close = function()
          accs.sleep(0.01)
          cleaned = true
        end })
        accs.sleep(30)
      end)
      accs.sleep(0.01)
      task:cancel()
      assert.equal("cancelled", select(2, task:wait()).kind)
    end)
    assert.is_true(cleaned)
  end)
end
