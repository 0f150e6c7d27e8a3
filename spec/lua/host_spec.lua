-- The process around the client: forks, signals, a name server that never answers, states that
-- end. Each program below is a process of its own.
local core = require "accs.core"
local fault = require "spec.support.fault"
local native = require "spec.support.native"
local run = require "spec.support.run"
local support = require "spec.support"

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

-- Raises with what the program said when it ended otherwise than wanted.
local function must_end(result, code)
  if result.code ~= (code or 0) or result.err ~= "" then
    error(("the program ended with %d: %s%s"):format(result.code, result.out, result.err), 2)
  end
  return lines(result.out)
end

describe("after a fork", function()
  -- The child tries everything, then ends as `ending` says; the parent goes on.
  local program = [[
    local accs = require "accs"
    local client = accs.client { dotenv = false, ca_file = os.getenv "CA" }
    assert(client:get("/V1/warm"))
    local task = accs.spawn(client.get, client, "/V1/slow") -- in flight while the fork happens
    accs.all { function() accs.sleep(0.2) end }
    io.stdout:flush()
    local pid = native.fork()
    if pid == 0 then
      local response, err = client:post("/V1/child", { a = 1 })
      io.write(tostring(response), " ", err.kind, " ", err.outcome, " ",
        err.message:find("fork", 1, true) and "fork" or err.message, "\n")
      response, err = client:get("/V1/child")
      io.write(tostring(response), " ", err.kind, "\n")
      do
        local own <close> = accs.client { dotenv = false, ca_file = os.getenv "CA" }
        io.write(assert(own:get("/V1/own")).status, "\n")
      end
      client:close()
      client = nil
      collectgarbage()
      collectgarbage()
      io.stdout:flush()
      ENDING
    end
    io.write("child ", native.wait(pid), "\n")
    for i = 1, 100 do
      local response = assert(client:get("/V1/echo/" .. i))
      assert(response.data.ok)
    end
    io.write("slow ", assert(task:wait()).status, "\n")
  ]]
  local endings = {
    { "leaves at once", "native.exit(7)" },
    { "closes its state", "os.exit(7, true)" },
    { "runs on and exits", "os.exit(7)" },
  }

  local server
  before_each(function()
    server = fault.start()
    server:script("/V1/warm", { fault.ok })
    server:script("/V1/own", { fault.ok })
    server:script("/V1/slow", { { { "sleep", 0.6 }, fault.ok[1] } })
    for i = 1, 100 do
      server:script("/V1/echo/" .. i, { fault.ok })
    end
  end)
  after_each(function()
    server:close()
  end)

  local function examine(ending, given)
    -- What the child abandons is no leak to look for.
    local env = { ASAN_OPTIONS = "detect_leaks=0" }
    for name, value in pairs(given) do
      env[name] = value
    end
    local result = native.run((program:gsub("ENDING", ending)), { env = env })
    assert.same({ "nil closed not_sent fork", "nil closed", "200", "child 7", "slow 200" },
      must_end(result))
    assert.equal(0, server:count("/V1/child"))
    assert.equal(1, server:count("/V1/slow"))
    for i = 1, 100 do
      assert.equal(1, server:count("/V1/echo/" .. i))
    end
  end

  for _, ending in ipairs(endings) do
    it("a child is refused, " .. ending[1] .. ", and the parent's pool is unharmed", function()
      examine(ending[2], server.env)
      assert.equal(3, server:connection_count()) -- the slow call took the second, the child one
    end)
    it("the same over TLS, when the child " .. ending[1], function()
      local front <close> = support.nginx { port = server.port, http2 = false }
      local env = { CA = front.certificates.ca }
      for name, value in pairs(server.env) do
        env[name] = value
      end
      env.API_ENDPOINT = front:address(env.API_ENDPOINT)
      examine(ending[2], env)
      local connections, count = {}, 0
      for _, request in ipairs(front:requests(103)) do
        if not connections[request.connection] then
          connections[request.connection] = true
          count = count + 1
        end
      end
      assert.equal(3, count)
    end)
  end

  -- Both work at the same time, the child with tasks that the parent had begun behind it.
  local both = [[
    local accs = require "accs"
    local function ask(client, who, number)
      local sku = who .. number
      local body = assert(client:get("/V1/echo/" .. sku)).data
      assert(body.path == sku, "an answer that belongs to another request")
      return 1
    end
    local function make()
      return accs.client { dotenv = false, ca_file = os.getenv "CA" }
    end
    local function work(client, who)
      local numbers = {}
      for number = 1, 100 do
        numbers[number] = number
      end
      local results = assert(accs.map(numbers, function(number)
        return ask(client, who, number)
      end, { concurrency = 4 }))
      io.write(who, " ", #results, "\n")
      io.stdout:flush()
    end
    local client = make()
    local warm = {}
    for number = 1, 4 do
      warm[number] = function() return ask(client, "warm", number) end
    end
    assert(accs.all(warm))
    local task = accs.spawn(ask, client, "flight", 1)
    assert(accs.all { function() accs.sleep(0) end })
    local pid = native.fork()
    if pid == 0 then
      work(make(), "child")
      local _, err = task:wait()
      assert(err.kind == "closed", tostring(err))
      client:close()
      os.exit(0, true)
    end
    work(client, "parent")
    assert(task:wait() == 1)
    assert(native.wait(pid) == 0)
  ]]

  for _, secure in ipairs { false, true } do
    it("both sides make requests, and each answer is the right one"
      .. (secure and " (TLS)" or ""), function()
      for _, who in ipairs { "warm", "child", "parent", "flight" } do
        for number = 1, 100 do
          local answer = fault.reply(200, ('{"path":"%s"}'):format(who .. number))
          server:script("/V1/echo/" .. who .. number, {
            who == "flight" and { { "sleep", 1 }, answer } or { answer },
          })
        end
      end
      local env = { ASAN_OPTIONS = "detect_leaks=0" }
      for name, value in pairs(server.env) do
        env[name] = value
      end
      local front = secure and support.nginx { port = server.port, http2 = false }
      if front then
        env.CA = front.certificates.ca
        env.API_ENDPOINT = front:address(env.API_ENDPOINT)
      end
      local said = must_end(native.run(both, { env = env }))
      if front then
        front:close()
      end
      table.sort(said)
      assert.same({ "child 100", "parent 100" }, said)
      for number = 1, 100 do
        assert.equal(1, server:count("/V1/echo/child" .. number))
        assert.equal(1, server:count("/V1/echo/parent" .. number))
      end
      assert.equal(1, server:count("/V1/echo/flight1"))
    end)
  end
end)

-- The goodbye to such a connection is a write that fails with EPIPE. From 7.87 on libcurl itself
-- sends with MSG_NOSIGNAL; before, OpenSSL wrote, and only the engine's guard stood in between.
describe("a TLS connection that ends and is then reset", function()
  it("raises no SIGPIPE, and the host's own handling of it stays", function()
    local server <close> = fault.start()
    local front <close> = support.nginx { port = server.port, http2 = false }
    local env = { CA = front.certificates.ca }
    for name, value in pairs(server.env) do
      env[name] = value
    end
    env.API_ENDPOINT = ("https://localhost:%d/tenant"):format(server:relay(front.port))
    server:script("/V1/x", { fault.ok })
    server:script("/V1/last", { { fault.ok[1], { "sleep", 0.1 }, { "cut" } } })
    local result = native.run([[
      local accs = require "accs"
      local client = accs.client { dotenv = false, ca_file = os.getenv "CA" }
      for _ = 1, 3 do
        assert(client:get("/V1/last"))
        accs.sleep(0.3)
        assert(client:get("/V1/x")) -- finds the connection dead and says goodbye
      end
      client:close()
      io.write("alive\n")
      io.stdout:flush()
      os.execute("kill -PIPE " .. native.pid()) -- neither blocked nor ignored: this ends it
      os.execute("sleep 1")
      io.write("still alive\n")
    ]], { env = env })
    assert.same({ "alive" }, must_end(result, 141))
  end)
end)

-- Lua unloads C modules when a state ends.
describe("a state that ends in a process that goes on", function()
  it("leaves neither memory nor descriptors, however often", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local env = { ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "") .. ":quarantine_size_mb=0"
      .. ":thread_local_quarantine_size_kb=0" } -- which keeps what is freed, on purpose
    for name, value in pairs(server.env) do
      env[name] = value
    end
    local result = native.run([==[
      local function resident() -- bytes
        local file <close> = io.open "/proc/self/statm"
        local _, pages = file:read("n", "n")
        return 4096 * pages
      end
      local descriptors, memory
      for round = 1, 60 do
        native.state [[
          local accs = require "accs"
          local client = accs.client { dotenv = false }
          assert(accs.map({ 1, 2, 3 }, function() return client:get("/V1/x") end))
          accs.spawn(client.get, client, "/V1/x") -- never begun
        ]]
        if round == 20 then
          collectgarbage()
          descriptors, memory = native.entries "/proc/self/fd", resident()
        end
      end
      collectgarbage()
      assert(native.entries "/proc/self/fd" == descriptors, "descriptors are left")
      local grown = resident() - memory
      assert(grown < 1 << 20, grown .. " bytes are left")
      local file <close> = io.open "/proc/self/maps"
      io.write(file:read("a"):find("accs/core.so", 1, true) and "pinned\n" or "unloaded\n")
    ]==], { env = env })
    assert.same({ "pinned" }, must_end(result))
    assert.equal(180, server:count("/V1/x"))
  end)
end)

describe("a name server that never answers", function()
  -- In a mount and network namespace of its own, whose only name server is a bound UDP socket.
  local program = [[
    assert(native.loopback_up())
    local silent = assert(require("socket").udp4())
    assert(silent:setsockname("127.0.0.1", 53))
    local accs = require "accs"
    local core = require "accs.core"
    local client = accs.client { dotenv = false, timeout = 1, access_token = "example",
      base_url = "https://tenant.example.com/t" }
    local calls = {}
    for i = 1, CALLS do
      calls[i] = function()
        local started = core.monotonic()
        local _, err = client:get("/V1/x")
        io.write(err.kind, " ", err.outcome, " ", core.monotonic() - started, "\n")
      end
    end
    accs.all(calls)
    local started = core.monotonic()
    client:close()
    io.write("closed ", core.monotonic() - started, "\n")
    io.stdout:flush()
    ENDING
  ]]
  local prefix = { "unshare", run.first_line("id -u") == "0" and "-mnu" or "-rmnu", "sh", "-c",
    -- A host name that is in no file: some libraries ask for it when they start.
    [[echo nowhere.example.com >/proc/sys/kernel/hostname
    [ ! -e /etc/resolv.conf ] || mount --bind "$RESOLV" /etc/resolv.conf; exec "$0" "$@"]] }

  for _, ending in ipairs { "return", "os.exit(0, true)" } do
    for _, calls in ipairs { 1, 5 } do
      it(("holds up neither %d calls nor the process (%s)"):format(calls, ending), function()
        local dir <close> = run.temp_dir()
        local resolv = run.write_file(dir.path .. "/resolv.conf", "nameserver 127.0.0.1\n")
        local started = core.monotonic()
        local result = native.run((program:gsub("ENDING", ending):gsub("CALLS", calls)),
          { prefix = prefix, env = { RESOLV = resolv } })
        local seconds = core.monotonic() - started
        local said = must_end(result)
        assert.equal(calls + 1, #said)
        for i = 1, calls do
          local kind, outcome, took = said[i]:match("^(%S+) (%S+) (%S+)$")
          assert.equal("timeout not_sent", kind .. " " .. outcome)
          assert.is_true(tonumber(took) >= 0.9 and tonumber(took) < 4)
        end
        -- Who waits for the thread waits for 10 s: it asks twice, for 5 s each.
        assert.is_true(tonumber(said[#said]:match("closed (%S+)")) < 3)
        assert.is_true(seconds < 8) -- with the start of three programs
      end)
    end
  end

  it("may still be asked by a thread when the state is long gone", function()
    local dir <close> = run.temp_dir()
    local resolv = run.write_file(dir.path .. "/resolv.conf",
      "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n")
    local result = native.run([==[
      assert(native.loopback_up())
      local silent = assert(require("socket").udp4())
      assert(silent:setsockname("127.0.0.1", 53))
      native.state [[
        local accs = require "accs"
        local client = accs.client { dotenv = false, timeout = 0.3, access_token = "example",
          base_url = "https://tenant.example.com/t" }
        local _, err = client:get("/V1/x")
        assert(err.kind == "timeout", tostring(err))
      ]]
      io.write(native.entries "/proc/self/task", "\n")
      for _ = 1, 100 do
        if native.entries "/proc/self/task" == 1 then
          break
        end
        os.execute "sleep 0.1"
      end
      io.write(native.entries "/proc/self/task", "\n")
    ]==], { prefix = prefix, env = { RESOLV = resolv } })
    assert.same({ "2", "1" }, must_end(result))
  end)
end)
