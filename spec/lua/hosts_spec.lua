-- Functions of the program that the core asks: sources of client secrets, and token stores.
local accs = require "accs"
local core = require "accs.core"
local errors = require "accs.error"
local fault = require "spec.support.fault"
local hosts = require "accs.hosts"

local reply = fault.reply
local IMS = "/ims/token/v3"
local REFUSED = { reply(401, '{"error":"invalid_client","error_description":"no"}') }

local function token(name)
  return { reply(200, ('{"access_token":"%s","token_type":"bearer","expires_in":86399}')
    :format(name)) }
end

local server
setup(function() server = fault.start() end)
teardown(function() server:close() end)
before_each(function()
  server:clear()
  server:script("/V1/x", { fault.ok })
end)

-- A client with an engine of its own, as another process has one, and the list of its events.
local function watched(extra)
  local seen = {}
  local given = { timeout = 10, engine = accs.engine {}, on_event = function(event)
    seen[#seen + 1] = event
  end }
  for name, value in pairs(extra) do
    given[name] = value
  end
  return server:client(given), seen
end

local function of_kind(seen, kind, text)
  local found = {}
  for _, event in ipairs(seen) do
    if event.kind == kind and (not text or event.text == text) then
      found[#found + 1] = event
    end
  end
  return found
end

-- Nothing of what must stay secret is in an error or an event.
local function assert_clean(err, seen)
  local words = { tostring(err), err and err.message or "" }
  for _, event in ipairs(seen or {}) do
    for _, value in pairs(event) do
      words[#words + 1] = tostring(value)
    end
  end
  assert.is_nil(table.concat(words, "\n"):find("canary", 1, true))
end

-- The client secrets that IMS was sent, in their order.
local function secrets_sent()
  local list = {}
  for _, request in ipairs(server:requests(IMS)) do
    list[#list + 1] = request.body:match("client_secret=([^&]*)")
  end
  return list
end

describe("a client_secret function", function()
  it("is asked once for many calls, however they are made", function()
    local asked = 0
    local client <close> = watched { client_secret = function()
      asked = asked + 1
      accs.sleep(0.05)
      return "from-the-function"
    end }
    assert(client:get("/V1/x"))
    assert(accs.map({ 1, 2, 3 }, function() return client:get("/V1/x") end))
    assert.equal(1, asked)
    assert.same({ "from-the-function" }, secrets_sent())
  end)

  it("is asked in a task, too, while others go on", function()
    local ticks = 0
    local client <close> = watched { client_secret = function()
      accs.sleep(0.2)
      return "x"
    end }
    assert(accs.all {
      function() return client:get("/V1/x") end,
      function()
        for _ = 1, 10 do
          accs.sleep(0.01)
          ticks = ticks + 1
        end
        return true
      end,
    })
    assert.equal(10, ticks)
    assert.equal(1, server:count(IMS))
  end)

  it("may make calls of its own", function()
    server:script("/V1/secret", { { reply(200, '"of-the-vault"') } })
    local vault <close> = server:client { access_token = "example", timeout = 5 }
    local client <close> = watched { client_secret = function()
      return assert(vault:get("/V1/secret")).data
    end }
    assert(client:get("/V1/x"))
    assert.same({ "of-the-vault" }, secrets_sent())
  end)

  it("may give a list, newest first", function()
    server:script(IMS, { REFUSED, token("a") })
    local client <close>, seen = watched { client_secret = function()
      return { "newest", "older" }
    end }
    assert(client:get("/V1/x"))
    assert.same({ "newest", "older" }, secrets_sent())
    assert.equal(2, client.auth:state().secret)
    assert.equal(2, of_kind(seen, "token", "acquired")[1].secret)
  end)

  it("is asked again when IMS refuses what it gave: a rotation needs no restart", function()
    server:script(IMS, { token("a"), REFUSED, token("b") })
    local current, asked = "first", 0
    local client <close> = watched { client_secret = function()
      asked = asked + 1
      return current
    end }
    assert(client:get("/V1/x"))
    current = "second"
    assert(client.auth:refresh())
    assert.same({ "first", "first", "second" }, secrets_sent())
    assert.equal(2, asked)
  end)

  local FAILURES = {
    { "raises text", "failed %(string%)", function() error("the canary is wrong") end },
    { "raises a table", "failed %(table%)", function() error({ "canary" }) end },
    { "raises an error object", "failed %(network%)", function()
      error(errors.new { kind = "network", message = "canary" })
    end },
    { "returns nil and a problem", "failed %(string%)", function() return nil, "canary" end },
    { "returns nil and an error object", "failed %(timeout%)", function()
      return nil, errors.new { kind = "timeout", message = "canary" }
    end },
    { "returns nothing", "gave nil, no text or list", function() end },
    { "returns a number", "gave number, no text or list", function() return 5 end },
    { "returns no secret", "gave 0 secrets, not 1 to 8", function() return {} end },
    { "returns too many", "gave 9 secrets, not 1 to 8", function()
      return { "canary", "2", "3", "4", "5", "6", "7", "8", "9" }
    end },
    { "returns two lines", "gave one that is no line of text", function() return "canary\n2" end },
    { "returns an empty one", "gave one that is no line of text", function() return "" end },
    { "returns rubbish in a list", "gave one that is no line", function() return { "a", 5 } end },
    { "returns a hole", "gave one that is no line", function() return { "a", nil, "canary" } end },
  }
  for _, case in ipairs(FAILURES) do
    it("that " .. case[1] .. " fails the call, and what it said is not told", function()
      local client <close>, seen = watched { client_secret = case[3] }
      local response, err = client:get("/V1/x")
      assert.is_nil(response)
      assert.matches("the client_secret function " .. case[2], err.message)
      assert.equal("not_sent", err.outcome)
      assert.equal(0, server:count(IMS))
      assert_clean(err, seen)
    end)
  end
end)

-- A store in a table, as a program might keep one, with a count of its calls.
local function new_store(changes)
  local kept, locks, calls = {}, {}, {}
  local function counted(name, f)
    return function(...)
      calls[name] = (calls[name] or 0) + 1
      return f(...)
    end
  end
  local store = {
    load = counted("load", function(key) return kept[key] end),
    save = counted("save", function(key, sealed) kept[key] = sealed end),
    remove = counted("remove", function(key) kept[key] = nil end),
    lock = counted("lock", function(key, owner)
      if locks[key] and locks[key] ~= owner then
        return false
      end
      locks[key] = owner
      return true
    end),
    unlock = counted("unlock", function(key, owner)
      if locks[key] == owner then
        locks[key] = nil
      end
    end),
  }
  for name, value in pairs(changes or {}) do
    store[name] = value and counted(name, value) or nil
  end
  return store, kept, calls, locks
end

describe("a store", function()
  it("that two engines share holds one token: one request", function()
    local store, kept = new_store()
    local first <close> = watched { cache = store }
    local second <close>, seen = watched { cache = store }
    assert(first:get("/V1/x"))
    assert(second:get("/V1/x"))
    assert.equal(1, server:count(IMS))
    local requests = server:requests("/V1/x")
    assert.equal(requests[1].head:match("Bearer (%S+)"), requests[2].head:match("Bearer (%S+)"))
    assert.equal(1, #of_kind(seen, "token", "from the cache"))
    local keys = 0
    for key, sealed in pairs(kept) do
      keys = keys + 1
      assert.matches("^server%-%x+%-%x+$", key)
      assert.is_nil(sealed:find("token-1", 1, true)) -- the fault server's token
    end
    assert.equal(1, keys)
  end)

  it("whose lock another has is waited for, and looked at again", function()
    local store, _, calls = new_store()
    local first <close> = watched { cache = store }
    local second <close> = watched { cache = store }
    server:script(IMS, { { { "sleep", 0.3 }, token("a")[1] } })
    assert(accs.all {
      function() return first:get("/V1/x") end,
      function() return second:get("/V1/x") end,
    })
    assert.equal(1, server:count(IMS))
    assert.is_true(calls.load >= 3)
  end)

  it("gives its lock back", function()
    local store, _, calls, locks = new_store()
    local client <close> = watched { cache = store }
    assert(client:get("/V1/x"))
    assert(client:get("/V1/x"))
    assert.equal(1, calls.unlock)
    assert.is_nil(next(locks))
  end)

  it("may be without lock, and without remove", function()
    local store, kept = new_store { lock = false, unlock = false, remove = false }
    local client <close>, seen = watched { cache = store }
    assert(client:get("/V1/x"))
    assert.is_string(kept[next(kept)])
    assert.equal(0, #of_kind(seen, "cache"))
    assert(client.auth:clear())
    assert(client:get("/V1/x"))
    local found = of_kind(seen, "cache", "not removed")
    assert.equal(1, #found)
    assert.equal("the store has no function remove", found[1].reason)
  end)

  it("forgets on request", function()
    local store, kept = new_store()
    local client <close> = watched { cache = store }
    assert(client:get("/V1/x"))
    assert(client.auth:clear())
    assert.is_nil(next(kept))
    assert(client:get("/V1/x"))
    assert.equal(2, server:count(IMS))
  end)

  it("may wait in each of its functions", function()
    local store, kept = new_store()
    for name, f in pairs(store) do
      store[name] = function(...)
        accs.sleep(0.02)
        return f(...)
      end
    end
    local client <close>, seen = watched { cache = store }
    assert(client:get("/V1/x"))
    assert.is_string(kept[next(kept)])
    assert.equal(0, #of_kind(seen, "cache"))
  end)

  it("is told how long a token lives", function()
    local ttl
    local store = new_store { save = function(_, _, seconds) ttl = seconds end }
    local client <close> = watched { cache = store }
    assert(client:get("/V1/x"))
    assert.is_true(ttl > 80000 and ttl <= 86400, tostring(ttl))
  end)

  -- name of the function, what it does instead, text of the event, its reason
  local FAILURES = {
    { "load", function() error("canaries\nsing") end, "not read", "hosts_spec.lua:%d+: canaries$" },
    { "load", function() return nil, "it is down" end, "not read", "^it is down$" },
    { "load", function() return nil, errors.new { kind = "io", message = "down" } end, "not read",
      "down" },
    { "load", function() return 5 end, "not read", "load gave a value of type number" },
    { "load", function() return false end, "not read", "load gave a value of type boolean" },
    { "load", function() error("redis://user:canary@localhost is down", 0) end, "not read",
      "^redis://%*%*%*@localhost is down$" },
    { "load", function() error("redis://user:ca/na@ry@localhost is down", 0) end, "not read",
      "^redis://%*%*%*@localhost is down$" },
    { "save", function() error("disk full", 0) end, "not written", "^disk full$" },
    { "save", function() return nil, "disk full" end, "not written", "^disk full$" },
    { "save", function() return false, "disk full" end, "not written", "^disk full$" },
    { "save", function() return false end, "not written", "^the store said false$" },
    { "lock", function() error("no locks", 0) end, "not locked", "^no locks$" },
    { "lock", function() return nil, "no locks" end, "not locked", "^no locks$" },
    { "lock", function() end, "not locked", "lock gave a value of type nil" },
    { "lock", function() return "OK" end, "not locked", "lock gave a value of type string" },
    { "load", function() error(setmetatable({}, { __tostring = function() error("x") end })) end,
      "not read", "a table, of which no text can be made" },
  }
  for index, case in ipairs(FAILURES) do
    it(("that fails costs one event, never a call: case %d, %s"):format(index, case[1]), function()
      local store = new_store { [case[1]] = case[2] }
      local client <close>, seen = watched { cache = store }
      for _ = 1, 3 do
        assert(client:get("/V1/x"))
      end
      assert.equal(1, server:count(IMS))
      local found = of_kind(seen, "cache")
      assert.equal(1, #found)
      assert.equal(case[3], found[1].text)
      assert.matches(case[4], found[1].reason)
    end)
  end

  it("that quotes the credentials in its problem does not have them told", function()
    local key = "canary-" .. ("k"):rep(80) -- longer than what of a problem is told
    local store = new_store {
      load = function() error("no canary-secret, no " .. key .. " at all", 0) end,
    }
    for _, secret in ipairs { "canary-secret", function() return "canary-secret" end } do
      local client <close>, seen = watched { cache = store, client_secret = secret,
        cache_key = key }
      assert(client:get("/V1/x"))
      local found = of_kind(seen, "cache")
      assert.equal("no ***, no *** at all", found[1].reason)
      assert_clean(nil, seen)
    end
  end)

  it("that is slow costs its second and one event, never a call", function()
    local store = new_store { load = function() accs.sleep(2) end }
    local client <close>, seen = watched { cache = store }
    local started = core.monotonic()
    assert(client:get("/V1/x"))
    local spent = core.monotonic() - started
    assert.is_true(spent >= 0.99 and spent < 1.9, spent)
    local found = of_kind(seen, "cache")
    assert.equal(1, #found)
    assert.equal("not read", found[1].text)
    assert.is_true(found[1].elapsed >= 0.99)
    assert(client:get("/V1/x"))
    assert.equal(1, server:count(IMS))
    accs.sleep(1.2) -- the late answer comes, and is ignored
    assert(client:get("/V1/x"))
  end)

  it("that gives back what is not its own costs one more token, no call", function()
    for _, bytes in ipairs { "", "rubbish", ("x"):rep(1000), ("ACCS\1"):rep(20) } do
      server:clear()
      server:script("/V1/x", { fault.ok })
      local store = new_store { load = function() return bytes end }
      local client <close> = watched { cache = store }
      assert(client:get("/V1/x"))
      assert.equal(1, server:count(IMS))
    end
  end)
end)

describe("an address of Redis as cache", function()
  local redis = require "spec.support.redis"

  it("is one store for all clients that name it", function()
    local kept <close> = redis.start()
    local url = "redis://127.0.0.1:" .. kept.port
    local engine = accs.engine {}
    local first <close> = watched { cache = url, engine = engine }
    local second <close>, seen = watched { cache = url, engine = engine }
    local other <close>, seen_there = watched { cache = url }
    assert(first:get("/V1/x"))
    assert(second:get("/V1/x"))
    assert(other:get("/V1/x"))
    assert.equal(1, server:count(IMS))
    assert.equal(0, #of_kind(seen, "token", "from the cache")) -- the engine had it
    assert.equal(1, #of_kind(seen_there, "token", "from the cache"))
    assert.equal(0, #of_kind(seen_there, "cache"))
  end)

  it("that nobody listens on costs an event, and shows no password", function()
    local client <close>, seen = watched { cache = "redis://user:canary@127.0.0.1:1" }
    assert(client:get("/V1/x"))
    assert.is_true(#of_kind(seen, "cache") >= 1)
    assert_clean(nil, seen)
  end)

  it("that is none is a mistake in the options, and shows no password", function()
    local ok, problem = pcall(watched, { cache = "redis://user:canary@localhost:99999999" })
    assert.is_false(ok)
    assert.is_true(errors.is(problem))
    assert.equal("config", problem.kind)
    assert.matches("^the option cache %(ACCS_CACHE%): .*port", problem.message)
    assert.is_nil(tostring(problem):find("canary", 1, true))
  end)
end)

describe("what the core asks", function()
  it("has one number for one function in an engine, and others in another", function()
    local function one() return "x" end
    local engine, other = accs.engine {}, accs.engine {}
    local number, host = hosts.add(engine, one)
    assert.equal(number, (hosts.add(engine, one)))
    assert.equal(host, select(2, hosts.add(engine, one)))
    assert.not_equal(number, (hosts.add(engine, function() return one() end)))
    assert.not_equal(host, select(2, hosts.add(other, one)))
    assert.equal("integer", math.type(number))
  end)

  it("is held by the credentials, not by the engine", function()
    local engine = accs.engine {}
    local gone = setmetatable({}, { __mode = "k" })
    local client = watched { engine = engine, client_secret = (function()
      local kept = {}
      gone[kept] = true
      return function() return kept and "x" end
    end)() }
    collectgarbage() collectgarbage()
    assert.is_not_nil(next(gone))
    assert(client:get("/V1/x"))
    client:close()
    client = nil -- luacheck: ignore
    collectgarbage() collectgarbage()
    assert.is_nil(next(gone))
  end)

  it("is answered although the client that it was first for is gone", function()
    local store = new_store()
    local engine = accs.engine {}
    do
      local first <close> = watched { engine = engine, cache = store }
      assert(first:get("/V1/x"))
    end
    local second <close> = watched { engine = engine, cache = store }
    collectgarbage() collectgarbage()
    assert(second:get("/V1/x"))
    assert.equal(1, server:count(IMS))
  end)

  it("is answered to nobody when the client is closed meanwhile", function()
    local asked, closing
    local client = watched { client_secret = function()
      asked = true
      accs.sleep(0.1)
      closing:wait()
      return "x"
    end }
    local call = accs.spawn(client.get, client, "/V1/x")
    closing = accs.spawn(function()
      accs.sleep(0.05)
      client:close()
    end)
    local response, err = call:wait()
    assert.is_nil(response)
    assert.equal("cancelled", err.kind)
    assert.is_true(asked)
    accs.sleep(0.2) -- the function ends
    assert.equal(0, server:count(IMS))
  end)

  it("is answered to nobody when the engine is closed meanwhile", function()
    local engine = accs.engine {}
    local ended
    local client = watched { engine = engine, client_secret = function()
      accs.sleep(0.1)
      ended = true
      return "x"
    end }
    local call = accs.spawn(client.get, client, "/V1/x")
    accs.spawn(function()
      accs.sleep(0.05)
      engine:close()
    end)
    local _, err = call:wait()
    assert.equal("closed", err.kind)
    accs.sleep(0.2)
    assert.is_true(ended)
  end)
end)
