-- The token store in Redis: against a real redis-server, and against servers that only look like
-- one. Time limits are the store's own; with a slow machine (SPEC_SLOW) they stretch.
local accs = require "accs"
local core = require "accs.core"
local native = require "spec.support.native"
local redis = require "spec.support.redis"
local run = require "spec.support.run"

local SLOW = tonumber(os.getenv("SPEC_SLOW")) or 1
local SECRET = "example-not-a-secret" -- what no problem may show

-- Calls f; the line that it raised and how long it took.
local function problem_of(f, ...)
  local began = core.monotonic()
  local ok, problem = pcall(f, ...)
  assert.is_false(ok, "it did not fail")
  assert.equal("string", type(problem))
  assert.is_nil(problem:find(SECRET, 1, true), problem)
  assert.is_nil(problem:find("\n", 1, true), problem)
  return problem, core.monotonic() - began
end

-- f in a task, so that servers in other tasks go on; what it returned.
local function in_task(f, ...)
  local results = table.pack(accs.spawn(f, ...):wait())
  if results[1] == nil and results[2] then
    error(results[2], 0)
  end
  return table.unpack(results, 1, results.n)
end

describe("a token store in Redis", function()
  local server
  setup(function()
    server = redis.start()
  end)
  teardown(function()
    server:close()
  end)
  before_each(function()
    collectgarbage() -- stores of the tests before
    collectgarbage()
    server:ask("FLUSHALL")
  end)

  it("keeps bytes of any kind and length", function()
    local store = accs.store.redis { port = server.port }
    local all = {}
    for byte = 0, 255 do
      all[#all + 1] = string.char(byte)
    end
    all = table.concat(all)
    for _, value in ipairs { "", "x", "\r\n$-1\r\n", all, all:rep(1024), "\0" } do
      store.save("key", value, 60)
      assert.is_true(store.load("key") == value)
    end
    assert.is_nil(store.load("another"))
  end)

  it("keeps them as long as it is told, to the millisecond", function()
    local store = accs.store.redis { port = server.port }
    store.save("short", "x", 0.2)
    store.save("long", "x", 86399.5)
    store.save("ever", "x")
    local left = tonumber(server:ask("PTTL", "accs:long"))
    assert.is_true(left > 86399500 - 5000 * SLOW and left <= 86399500, left)
    assert.equal("-1", server:ask("PTTL", "accs:ever"))
    accs.sleep(0.25)
    assert.is_nil(store.load("short"))
  end)

  it("forgets what is removed, and does not mind what is absent", function()
    local store = accs.store.redis { port = server.port }
    store.save("key", "x")
    store.remove("key")
    store.remove("key")
    assert.is_nil(store.load("key"))
  end)

  it("has a prefix for all its keys, and touches no other", function()
    server:ask("SET", "key", "foreign")
    local one = accs.store.redis { port = server.port, prefix = "one:" }
    local usual = accs.store.redis { port = server.port }
    one.save("key", "1", 60)
    usual.save("key", "2", 60)
    assert.is_true(one.lock("key", "me", 60))
    assert.is_true(usual.lock("key", "you", 60))
    assert.equal("1", one.load("key"))
    local keys = {}
    for key in server:ask("KEYS", "*"):gmatch("%S+") do
      keys[#keys + 1] = key
    end
    table.sort(keys)
    assert.equal("accs:key accs:key:lock key one:key one:key:lock", table.concat(keys, " "))
    one.unlock("key", "me")
    one.remove("key")
    assert.equal("foreign", server:ask("GET", "key"))
    assert.equal("2", usual.load("key"))
    assert.equal("you", server:ask("GET", "accs:key:lock"))
  end)

  it("gives a lock to one owner, who alone gives it back", function()
    local one = accs.store.redis { port = server.port }
    local other = accs.store.redis { port = server.port }
    assert.is_true(one.lock("key", "one", 60))
    assert.is_false(other.lock("key", "other", 60))
    assert.is_false(one.lock("key", "one", 60))
    other.unlock("key", "other") -- the loser's
    assert.equal("one", server:ask("GET", "accs:key:lock"))
    assert.is_false(other.lock("key", "other", 60))
    one.unlock("key", "one")
    assert.is_true(other.lock("key", "other", 60))
  end)

  it("gives a lock that ran out to the next, from whom the first cannot take it", function()
    local one = accs.store.redis { port = server.port }
    local other = accs.store.redis { port = server.port }
    assert.is_true(one.lock("key", "one", 0.3))
    local began = core.monotonic()
    local had = false
    while not had and core.monotonic() - began < 5 * SLOW do
      had = other.lock("key", "other", 60)
      accs.sleep(0.01)
    end
    local waited = core.monotonic() - began
    assert.is_true(had)
    assert.is_true(waited >= 0.2 and waited < 0.6 * SLOW, waited)
    one.unlock("key", "one") -- late
    assert.equal("other", server:ask("GET", "accs:key:lock"))
  end)

  it("has no lock for ever, even where none says how long", function()
    local store = accs.store.redis { port = server.port }
    assert.is_true(store.lock("key", "me"))
    assert.is_true(tonumber(server:ask("PTTL", "accs:key:lock")) > 0)
  end)

  it("uses one connection for what comes after one another", function()
    local _, before = server:connections()
    local store = accs.store.redis { port = server.port }
    for i = 1, 20 do
      store.save("key", tostring(i), 60)
      assert.equal(tostring(i), store.load("key"))
    end
    local open, after = server:connections()
    assert.equal(1, open)
    assert.is_true(after - before <= 4, after - before) -- redis-cli's among them
    store = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(0, (server:connections()))
  end)

  it("has several operations under way for several tasks", function()
    local stopped <close> = redis.start()
    local store = accs.store.redis { port = stopped.port, timeout = 5 * SLOW }
    stopped:signal("STOP")
    local list = {}
    for i = 1, 10 do
      list[i] = function() return store.lock("key", "owner" .. i, 60) end
    end
    list[11] = function()
      accs.sleep(0.2)
      stopped:signal("CONT")
    end
    local results = assert(accs.all(list))
    local had = 0
    for i = 1, 10 do
      had = had + (results[i] and 1 or 0)
    end
    assert.equal(1, had)
    local open, taken = stopped:connections()
    assert.equal(2, open) -- that are kept
    assert.is_true(taken >= 10, taken)
  end)

  it("gives each task its own answer", function()
    local store = accs.store.redis { port = server.port }
    local list = {}
    for i = 1, 40 do
      list[i] = i
    end
    local results = assert(accs.map(list, function(i)
      store.save("key" .. i, ("%d"):format(i):rep(i * 100), 60)
      return store.load("key" .. i)
    end, { concurrency = 40 }))
    for i = 1, 40 do
      assert.equal(("%d"):format(i):rep(i * 100), results[i])
    end
    assert.is_true(server:connections() <= 2)
  end)

  it("speaks through a Unix socket", function()
    local store = accs.store.redis { path = server.path }
    store.save("key", "x", 60)
    assert.equal("x", store.load("key"))
    local gone = accs.store.redis { path = server.path .. ".none" }
    assert.equal("Redis: No such file or directory", (problem_of(gone.load, "key")))
  end)

  it("speaks to another database", function()
    accs.store.redis({ url = ("redis://127.0.0.1:%d/3"):format(server.port) }).save("key", "x")
    assert.equal("", server:ask("GET", "accs:key"))
    assert.equal("x", server:ask("-n", "3", "GET", "accs:key"))
    accs.store.redis({ port = server.port, database = 5 }).save("key", "y")
    assert.equal("y", server:ask("-n", "5", "GET", "accs:key"))
    local far = accs.store.redis { port = server.port, database = 99 }
    assert.equal("Redis: it refuses SELECT: ERR", (problem_of(far.load, "key")))
  end)

  it("finds a host by its name", function()
    local store = accs.store.redis { host = "localhost", port = server.port }
    store.save("key", "x", 60)
    assert.equal("x", store.load("key"))
    local wrong = accs.store.redis { host = "nowhere.invalid", port = server.port }
    assert.matches("^Redis: ", (problem_of(wrong.load, "key")))
  end)

  it("goes on after the server was killed and started again", function()
    local first = redis.start()
    local store = accs.store.redis { port = first.port }
    store.save("key", "x", 60)
    first:signal("KILL")
    first:close()
    local problem, took = problem_of(store.load, "key")
    assert.equal("Redis: Connection refused", problem)
    assert.is_true(took < 0.5 * SLOW, took)
    local second <close> = redis.start { port = first.port }
    assert.is_nil(store.load("key"))
    store.save("key", "y", 60)
    second:signal("KILL")
    local third <close> = redis.start { port = first.port } -- nothing was asked between
    assert.is_nil(store.load("key"))
    assert.is_true(store.lock("key", "me", 60))
    assert.equal("me", third:ask("GET", "accs:key:lock"))
  end)

  it("is given up after its time when the server is stopped, while other tasks go on", function()
    local stopped <close> = redis.start()
    local store = accs.store.redis { port = stopped.port, timeout = 0.5 }
    store.save("key", "x", 60)
    stopped:signal("STOP")
    local ticks, over = 0, false
    local ticking = accs.spawn(function()
      while not over do
        accs.sleep(0.01)
        ticks = ticks + 1
      end
    end)
    for _ = 1, 2 do -- a connection that was open, and one that is opened
      for _, operation in ipairs { { store.load, "key" }, { store.save, "key", ("x"):rep(200000) },
        { store.lock, "key", "me", 60 }, { store.unlock, "key", "me" }, { store.remove, "key" } } do
        ticks = 0
        in_task(function()
          local problem, took = problem_of(table.unpack(operation))
          assert.equal("Redis: no answer within 0.5 s", problem)
          assert.is_true(took >= 0.45 and took < 0.5 + 0.3 * SLOW, took)
          return true
        end)
        assert.is_true(ticks > 10, ticks)
      end
    end
    over = true
    ticking:wait()
    stopped:signal("CONT")
    assert.equal("string", type(store.load("key") or ""))
    stopped:signal("STOP")
    local problem, took = problem_of(store.load, "key") -- outside of any task
    assert.equal("Redis: no answer within 0.5 s", problem)
    assert.is_true(took < 0.5 + 0.3 * SLOW, took)
  end)

  it("closes a connection whose task was cancelled", function()
    local stopped <close> = redis.start()
    local store = accs.store.redis { port = stopped.port, timeout = 20 }
    store.save("key", "x")
    stopped:signal("STOP")
    local task = accs.spawn(store.load, "key")
    local other = accs.spawn(accs.sleep, 0.05)
    other:wait()
    task:cancel()
    local _, err = task:wait()
    assert.equal("cancelled", err.kind)
    stopped:signal("CONT")
    assert.equal(0, (stopped:connections()))
    assert.equal("x", store.load("key")) -- the answer that was not waited for is nobody's
    assert.is_nil(store.load("another"))
  end)

  it("has the password, and the user of an ACL, and says when they are wrong", function()
    local locked <close> = redis.start { password = SECRET,
      conf = "user jo on >" .. SECRET .. "/2 ~accs:* +get +set +del +eval\n"
        .. "user mean on >" .. SECRET .. " ~accs:* +get" }
    local port = locked.port
    local url = "redis://%s@127.0.0.1:" .. port
    for _, options in ipairs {
      { port = port, password = SECRET }, { url = url:format(":" .. SECRET) },
      { port = port, username = "default", password = SECRET },
      { port = port, username = "jo", password = SECRET .. "/2" },
      { url = url:format("jo:" .. SECRET .. "%2F2") },
      { url = url:format("jo:" .. SECRET .. "/2") },
    } do
      local store = accs.store.redis(options)
      store.save("key", "x", 60)
      assert.equal("x", store.load("key"))
      assert.is_true(store.lock("key", "me", 60))
      store.unlock("key", "me")
      store.remove("key")
    end
    for _, case in ipairs {
      { { port = port }, "GET: it wants a password" },
      { { port = port, password = SECRET .. "x" }, "AUTH: user name or password is wrong" },
      { { port = port, username = "no", password = SECRET },
        "AUTH: user name or password is wrong" },
      { { url = url:format("mean:" .. SECRET), prefix = "other:" },
        "GET: this user may not do that" },
      { { port = server.port, password = SECRET }, "AUTH: ERR" },
    } do
      local store = accs.store.redis(case[1])
      assert.equal("Redis: it refuses " .. case[2], (problem_of(store.load, "key")))
    end
    assert.equal("Redis: it refuses SET: this user may not do that",
      (problem_of(accs.store.redis({ url = url:format("mean:" .. SECRET) }).save, "key", "x", 60)))
  end)
end)

describe("what answers in place of Redis", function()
  -- What it sends, and what becomes of a load.
  local cases = {
    { "-LOADING Redis is loading the dataset in memory\r\n",
      "it refuses GET: it is still loading its data" },
    { "-READONLY You can't write against a read only replica.\r\n",
      "it refuses GET: it is a replica that only reads" },
    { "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
      "it refuses GET: its memory is full" },
    { "-MISCONF Redis is configured to save RDB snapshots\r\n",
      "it refuses GET: it cannot write its data to disk" },
    { "-MOVED 3999 127.0.0.1:6381\r\n",
      "it refuses GET: it is part of a cluster, which is not supported" },
    { "-ERR unknown command `GET`, with args beginning with: `" .. SECRET .. "`\r\n",
      "it refuses GET: ERR" },
    { "-" .. SECRET .. "\r\n", "it refuses GET: an error" },
    { "-AVERYLONGWORDTHATNOREDISKNOWSABOUT x\r\n", "it refuses GET: AVERYLONGWORDTHATNOR" },
    { ":5\r\n", "GET was answered with something else" },
    { "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "its answer is not of the kind that was asked for" },
    { "*1000000000\r\n", "its answer is not of the kind that was asked for" },
    { "HTTP/1.1 400 Bad Request\r\n\r\n", "its answer is not of the kind that was asked for" },
    { "+\255\254\r\n", nil }, -- odd, but an answer
    { "$x\r\n", "its answer cannot be read" },
    { "$-7\r\n", "its answer cannot be read" },
    { "$99999999999999999999\r\n", "its answer cannot be read" },
    { "$2000000\r\n" .. ("x"):rep(2000000) .. "\r\n", "its answer is too large" },
    { "$5\r\nab", "no answer within 0.3 s" },
    { nil, "no answer within 0.3 s" },
    { false, "it closed the connection" },
  }
  for index, case in ipairs(cases) do
    local shown = tostring(case[1]):sub(1, 20):gsub("[^%g ]", " ")
    it(("has its say in words without secrets: %d, %s"):format(index, shown), function()
      in_task(function()
        local fake <close> = redis.pretend(function() return case[1] end)
        local store = accs.store.redis { port = fake.port, timeout = 0.3 }
        if case[2] then
          local problem, took = problem_of(store.load, "key")
          assert.equal("Redis: " .. case[2], problem)
          assert.is_true(took < 0.3 + 0.3 * SLOW, took)
        else
          assert.equal("\255\254", store.load("key"))
        end
        return true
      end)
    end)
  end

  it("is not spoken to again over a connection that said something wrong", function()
    in_task(function()
      local replies = { "-LOADING x\r\n", "$1\r\na\r\n", "$1\r\nb\r\n$1\r\nc\r\n", "$1\r\nd\r\n" }
      local fake <close> = redis.pretend(function() return table.remove(replies, 1) end)
      local store = accs.store.redis { port = fake.port, timeout = 2 * SLOW }
      problem_of(store.load, "key")
      assert.equal("a", store.load("key"))
      assert.equal(2, fake.taken)
      assert.equal("b", store.load("key"))
      assert.equal("d", store.load("key")) -- not the c that nobody asked for
      assert.equal(3, fake.taken)
      return true
    end)
  end)

  it("is checked for each command's kind of answer", function()
    in_task(function()
      local fake <close> = redis.pretend(function() return "$2\r\nNO\r\n" end)
      local store = accs.store.redis { port = fake.port }
      for name, command in pairs { save = "SET", lock = "SET", unlock = "EVAL", remove = "DEL" } do
        assert.equal("Redis: " .. command .. " was answered with something else",
          (problem_of(store[name], "key", "value", 1)))
      end
      return true
    end)
  end)
end)

describe("a client with its tokens in Redis", function()
  local support = require "spec.support"
  local TOKEN = "POST /ims/token/v3"
  local box

  setup(function()
    box = support.sandbox { products = 2, orders = 2, customers = 2 }
  end)
  teardown(function()
    box:close()
  end)

  -- Ten calls at once; the cache events that there were, and how long all of it took.
  local function calls(store)
    local events = {}
    local client <close> = box:client { cache = store, engine = accs.engine {},
      on_event = function(event)
        if event.kind == "cache" then
          events[#events + 1] = event.text .. ": " .. event.reason
        end
      end }
    local list = {}
    for i = 1, 10 do
      list[i] = function() return client:get("/V1/store/storeConfigs") end
    end
    local began = core.monotonic()
    assert(accs.all(list))
    return events, core.monotonic() - began
  end

  it("shares them with other clients", function()
    local server <close> = redis.start()
    local before = box:count(TOKEN)
    for _ = 1, 3 do
      assert.same({}, (calls(accs.store.redis { port = server.port })))
    end
    assert.equal(1, box:count(TOKEN) - before)
    local key = server:ask("KEYS", "*")
    assert.matches("^accs:server%-%x+%-%x+$", key) -- and no lock is left
    local left = tonumber(server:ask("TTL", key))
    assert.is_true(left > 80000 and left <= 86400, left)
    assert.is_nil(server:ask("GET", key):find("eyJ", 1, true)) -- sealed
  end)

  local function wait_until_gone(server)
    local socket = require "socket"
    for _ = 1, 200 do
      local connection = socket.connect("127.0.0.1", server.port)
      if not connection then
        return
      end
      connection:close()
      socket.sleep(0.01)
    end
    error("the server is still there")
  end

  -- What is done to the server, the reason of the one cache event, seconds at most.
  local cases = {
    { "is stopped", function(server) server:signal("STOP") end, "no answer within 1 s", 1.5 },
    { "is killed", function(server)
      server:signal("KILL")
      wait_until_gone(server) -- one that is dying still takes connections, and resets them
    end, "Connection refused", 0.5 },
    { "has no memory left", function(server) server:ask("CONFIG", "SET", "maxmemory", "1") end,
      "its memory is full", 0.5 },
    { "wants a password", function(server)
      server:ask("CONFIG", "SET", "requirepass", "example-password")
    end, "it wants a password", 0.5 },
  }
  for _, case in ipairs(cases) do
    it("has one cache event and loses no call when Redis " .. case[1], function()
      local server <close> = redis.start()
      local before = box:count(TOKEN)
      case[2](server)
      local events, took = calls(accs.store.redis { port = server.port })
      assert.equal(1, #events, table.concat(events, "; "))
      assert.is_truthy(events[1]:find(case[3], 1, true), events[1])
      assert.is_true(took < case[4] * SLOW + 0.5, took)
      assert.equal(1, box:count(TOKEN) - before)
    end)
  end
end)

describe("the module accs.redis", function()
  it("is not needed by anything else, and its absence says what to install", function()
    local script = [[
      package.cpath = package.cpath:gsub("[^;]+", function(path)
        return path:find("/lib/%?%.so$") and os.getenv "NO_REDIS" .. "/?.so" or path
      end)
      local accs = require "accs"
      local ok, problem = pcall(accs.store.redis)
      print(ok, problem)]]
    local dir <close> = run.temp_dir()
    local lib = package.searchpath("accs.core", package.cpath)
    assert(os.execute(("mkdir %s/accs && cp %s %s/accs/"):format(dir.path, run.quote(lib),
      dir.path)))
    local result = run { "lua5.4", "-e", script, env = { NO_REDIS = dir.path } }
    assert.equal("false\taccs: config: accs.store.redis needs the module accs.redis: apt-get "
      .. "install libhiredis-dev, then make, or luarocks --lua-version 5.4 make "
      .. "rockspec/accs-redis-scm-1.rockspec\n",
      result.out .. result.err)
  end)

  it("lets no SIGPIPE end the process, and gives no child the connection", function()
    local server <close> = redis.start()
    local script = ([[
      local redis = require "accs.redis"
      local before = io.popen("ls /proc/self/fd | wc -l"):read("n")
      local connection = assert(redis.connect("127.0.0.1", PORT))
      print(io.popen("ls /proc/self/fd | wc -l"):read("n") - before)
      os.execute("kill -KILL PID; sleep 0.2")
      local problem
      for i = 1, 100 do
        local ok, why = connection:send("PING")
        problem = why or problem
      end
      print(problem)]]):gsub("PORT", server.port):gsub("PID", server.pid)
    -- luasocket, which busted loads, has SIGPIPE ignored.
    local result = run { "env", "--default-signal=PIPE", "lua5.4", "-e", script }
    assert.equal("0\nBroken pipe\n", result.out .. result.err)
  end)

  it("leaves a connection to the process that opened it", function()
    local server <close> = redis.start()
    local program = [[
      local redis, socket = require "accs.redis", require "socket"
      local connection = assert(redis.connect("127.0.0.1", PORT))
      local function ask(...)
        local ok, problem = connection:send(...)
        if not ok then return problem end
        for _ = 1, 1000 do
          local done, value = connection:poll()
          if done ~= false then return value end
          socket.sleep(0.01)
        end
      end
      io.write(ask("SET", "key", "parent"), " ", tostring(connection:quiet()), "\n")
      io.stdout:flush()
      local pid = native.fork()
      if pid == 0 then
        io.write(tostring(connection:quiet()), " ", ask("GET", "key"), "\n")
        connection:close()
        io.stdout:flush()
        native.exit(0)
      end
      native.wait(pid)
      io.write(ask("GET", "key"), "\n")]]
    local result = native.run((program:gsub("PORT", server.port)))
    assert.equal("OK true\nfalse the connection belongs to the parent process\nparent\n",
      result.out .. result.err)
  end)

  it("raises on mistakes, and on what was closed", function()
    local module = require "accs.redis"
    assert.has_error(function() module.connect("localhost", 1) end,
      "bad argument #1 to 'connect' (not a numeric address)")
    assert.has_error(function() module.connect("127.0.0.1", 65536) end,
      "bad argument #2 to 'connect' (not a port)")
    assert.has_error(function() module.connect_path(("x"):rep(108)) end,
      "bad argument #1 to 'connect_path' (path too long)")
    assert.has_error(function() module.lookup("a\0b") end,
      "bad argument #1 to 'lookup' (text holds a NUL byte)")
    local lookup = module.lookup("127.0.0.1")
    assert.same({ "127.0.0.1" }, lookup:poll())
    lookup:close()
    lookup:close()
    assert.has_error(function() lookup:poll() end,
      "the look-up is closed")
    local server <close> = redis.start()
    local connection = module.connect("127.0.0.1", server.port)
    assert.has_error(function() connection:send() end,
      "bad argument #1 to 'send' (too few or too many words)")
    connection:close()
    connection:close()
    assert.has_error(function() connection:ready() end,
      "the connection is closed")
  end)
end)

describe("names", function()
  -- The only name server is the program itself, in namespaces of its own.
  local program = [[
    assert(native.loopback_up())
    local accs, core, socket = require "accs", require "accs.core", require "socket"
    local server = assert(socket.udp4())
    assert(server:setsockname("127.0.0.1", 53))
    server:settimeout(0)
    local silent = assert(os.getenv "SILENT") == "yes"
    local over, asked = false, 0
    local function answer(query)
      local at = 13
      while query:byte(at) ~= 0 do
        at = at + 1 + query:byte(at)
      end
      local kind = string.unpack(">I2", query, at + 1)
      local records, count = "", 0
      if kind == 1 then
        for _, last in ipairs { 1, 2 } do -- glibc puts 127.0.0.1 first, where nobody listens
          count = count + 1
          records = records .. "\xc0\12" .. string.pack(">I2I2I4s2", 1, 1, 1,
            "\127\0\0" .. string.char(last))
        end
      end
      return query:sub(1, 2) .. string.pack(">I2I2I2I2I2", 0x8180, 1, count, 0, 0)
        .. query:sub(13, at + 4) .. records
    end
    local serving = accs.spawn(function()
      while not over do
        local query, address, port = server:receivefrom()
        if query then
          asked = asked + 1
          if not silent then
            server:sendto(answer(query), address, port)
          end
        end
        accs.sleep(0.005)
      end
    end)
    local listener = assert(socket.bind("127.0.0.2", 6379))
    listener:settimeout(0)
    local answering = accs.spawn(function()
      local peer
      while not over do
        peer = peer or listener:accept()
        if peer then
          peer:settimeout(0)
          local _, _, part = peer:receive(1000)
          if part and part ~= "" then
            peer:send("$5\r\nhello\r\n")
          end
        end
        accs.sleep(0.002)
      end
    end)
    local store = accs.store.redis { host = "redis.example.com", timeout = 1 }
    local ticks = 0
    local ticking = accs.spawn(function()
      while not over do
        accs.sleep(0.01)
        ticks = ticks + 1
      end
    end)
    assert(accs.all { function()
      for _ = 1, 2 do
        local began = core.monotonic()
        local ok, value = pcall(store.load, "key")
        print(ok, value, core.monotonic() - began, ticks, asked > 0)
        ticks = 0
      end
      over = true
    end })
    serving:wait() ticking:wait() answering:wait()
    print("over", core.monotonic())]]
  local prefix = { "unshare", run.first_line("id -u") == "0" and "-mnu" or "-rmnu", "sh", "-c",
    [[[ ! -e /etc/resolv.conf ] || mount --bind "$RESOLV" /etc/resolv.conf; exec "$0" "$@"]] }

  local function look_up(silent)
    local dir <close> = run.temp_dir()
    local resolv = run.write_file(dir.path .. "/resolv.conf", "nameserver 127.0.0.1\n")
    local began = core.monotonic()
    local result = native.run(program, { prefix = prefix, timeout = 30 * SLOW,
      env = { RESOLV = resolv, SILENT = silent, ASAN_OPTIONS = "detect_leaks=0" } })
    assert.equal("", result.err)
    assert.equal(0, result.code)
    local list = {}
    for ok, value, seconds, ticks, asked in
      result.out:gmatch("(%a+)\t([^\t\n]+)\t([%d.]+)\t(%d+)\t(%a+)\n") do
      list[#list + 1] = { ok = ok, value = value, seconds = tonumber(seconds),
        ticks = tonumber(ticks), asked = asked }
    end
    assert.equal(2, #list, result.out)
    return list, core.monotonic() - began
  end

  it("are asked for without blocking anybody, and a silent name server costs the time limit",
    function()
      local list, all = look_up("yes")
      for _, load in ipairs(list) do
        assert.same({ "false", "Redis: no answer within 1 s" }, { load.ok, load.value })
        assert.is_true(load.seconds >= 0.95 and load.seconds < 1 + 0.3 * SLOW, load.seconds)
        assert.is_true(load.ticks > 30 / SLOW, load.ticks) -- others went on
        assert.equal("true", load.asked)
      end
      assert.is_true(all < 4 * SLOW, all) -- nor does the end of the program wait for it
    end)

  it("with several addresses lead to the first that takes the connection", function()
    local list = look_up("no")
    for _, load in ipairs(list) do
      assert.same({ "true", "hello", "true" }, { load.ok, load.value, load.asked })
      assert.is_true(load.seconds < 0.8 * SLOW, load.seconds)
    end
  end)
end)

describe("options of accs.store.redis", function()
  local WRONG_URL = "url must be redis://[user:password@]host[:port][/database]"
  local cases = {
    { { hots = "x" }, 'unknown option "hots" (did you mean "host"?)' },
    { { host = "a b" }, "host must be a name or an address" },
    { { host = "" }, "host must be a name or an address" },
    { { port = 0 }, "port must be a port from 1 to 65535" },
    { { port = "6379" }, "port must be a port from 1 to 65535" },
    { { database = -1 }, "database must be a number from 0" },
    { { database = 1.5 }, "database must be a number from 0" },
    { { password = 5 }, "password must be a string" },
    { { prefix = false }, "prefix must be a string" },
    { { timeout = 0 }, "timeout must be a number of seconds above 0" },
    { { timeout = 0 / 0 }, "timeout must be a number of seconds above 0" },
    { { path = ("x"):rep(108) }, "path must be a path of at most 107 bytes" },
    { { path = "/x", port = 1 }, "either path or host and port" },
    { { username = "jo" }, "username needs a password" },
    { { url = "redis://h", port = 1 }, "either url or port" },
    { { url = "redis://h", password = SECRET }, "either url or password" },
    { { url = "redis://" }, WRONG_URL .. ": its host is wrong" },
    { { url = "" }, WRONG_URL .. ": its scheme is wrong" },
    { { url = "https://h" }, WRONG_URL .. ": its scheme is wrong" },
    { { url = "redis://h:x" }, WRONG_URL .. ": its port is wrong" },
    { { url = "redis://h:" }, WRONG_URL .. ": its port is wrong" },
    { { url = "redis://h/x" }, WRONG_URL .. ": its database is wrong" },
    { { url = "redis://jo:" .. SECRET .. "@h?x=1" }, WRONG_URL .. ": its end is wrong" },
    { { url = "redis://:" .. SECRET .. "@h:99999" }, "port must be a port from 1 to 65535" },
    { { url = "redis://jo@h" }, "username needs a password" },
    { { url = "rediss://:" .. SECRET .. "@h" },
      "TLS (rediss://) is not supported; what is kept is "
      .. "sealed, but a password would cross the network readable: use a tunnel or a trusted "
      .. "network" },
    { "redis://h", "a table of options is needed" },
  }
  for index, case in ipairs(cases) do
    it(("are checked, and not shown: %d, %s"):format(index, case[2]), function()
      local problem = problem_of(accs.store.redis, case[1])
      assert.is_true(problem:sub(-#case[2]) == case[2], problem)
      assert.matches("redis_spec.lua:%d+: accs.store.redis: ", problem)
    end)
  end

  it("may all be left out", function()
    for _, options in ipairs { {}, { url = "redis://h" }, { url = "redis://[::1]:7/0" },
      { url = "redis://10.0.0.1" }, { host = "::1" }, { timeout = 0.01 } } do
      local store = accs.store.redis(options)
      for _, name in ipairs { "load", "save", "lock", "unlock", "remove" } do
        assert.equal("function", type(store[name]))
      end
    end
    assert.equal("table", type(accs.store.redis()))
  end)
end)
