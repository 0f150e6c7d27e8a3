-- The binding by itself: what core.meta.lua says is what the module has.
local core = require "accs.core"
local fault = require "spec.support.fault"

local function declared()
  local found = { core = {}, Engine = {}, Client = {}, Auth = {}, Reply = {}, Loopback = {} }
  local of_module = false
  for line in io.lines("lua/accs/core.meta.lua") do
    local owner, name = line:match("^function (%w+)[.:]([%w_]+)%(")
    if owner then
      found[owner][name] = true
    end
    of_module = line == "---@class accs.core" or of_module and line ~= "local core = {}"
    name = of_module and line:match("^%-%-%-@field ([%w_]+) ")
    if name then
      found.core[name] = true
    end
  end
  return found
end

-- The public methods of a userdata: its metatable hides itself, its __index does not.
local function methods_of(object)
  local names = {}
  for name in pairs(debug.getmetatable(object).__index) do
    names[name] = true
  end
  return names
end

local function settings(server)
  return {
    base_url = server.env.API_ENDPOINT, ims_url = server.env.IMS_URL,
    client_id = server.env.IMS_CLIENT_ID, client_secret = server.env.IMS_CLIENT_SECRET,
  }
end

-- The end of a call, within a bound.
local function outcome(engine, id)
  for _ = 1, 100 do
    assert(engine:step(0.1))
    local kind, ended, reply, failure = engine:next()
    if kind == "done" and ended == id then
      return reply, failure
    end
  end
  error("the call did not end")
end

describe("accs.core", function()
  it("has what core.meta.lua declares, and nothing else", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local engine <close> = assert(core.engine())
    local client <close> = assert(core.client(engine, settings(server)))
    local id = assert(client:start { method = "GET", path = "/V1/x" })
    local reply <close> = assert(outcome(engine, id))
    local found, real = declared(), {}
    for name in pairs(core) do
      real[name] = true
    end
    assert.same(found.core, real)
    assert.same(found.Engine, methods_of(engine))
    assert.same(found.Client, methods_of(client))
    local auth <close> = assert(core.auth(engine, settings(server)))
    assert.same(found.Auth, methods_of(auth))
    assert.same(found.Reply, methods_of(reply))
    local loopback <close> = assert(core.loopback())
    assert.same(found.Loopback, methods_of(loopback))
  end)

  it("gives the table of repeats, which a reader may change for himself", function()
    local rows = core.retry_table()
    rows[1].why = nil
    rows = core.retry_table()
    local seen = {}
    for _, row in ipairs(rows) do
      seen[row.ending] = (seen[row.ending] or 0) + 1
      assert.is_string(row.why)
      assert.equal(row.ending == "answered", math.type(row.first_status) == "integer")
      assert.equal(row.ending == "answered", math.type(row.last_status) == "integer")
      if row.first_status == 429 then
        assert.same({ "yes", "yes", "refused", true, true, false },
          { row.idempotent, row.other, row.outcome, row.pauses_client, row.heeds_wait,
            row.uses_budget })
      elseif row.ending == "lost" then
        assert.same({ "yes", "no", "unknown", false, false, true },
          { row.idempotent, row.other, row.outcome, row.pauses_client, row.heeds_wait,
            row.uses_budget })
      end
    end
    assert.same({ never_sent = 1, lost = 1, final = 1, answered = #rows - 3 }, seen)
  end)

  it("gives integers for what is whole", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local engine <close> = assert(core.engine())
    local client <close> = assert(core.client(engine, settings(server)))
    local reply <close> = assert(outcome(engine, assert(client:start {
      method = "GET", path = "/V1/x" })))
    assert.equal("integer", math.type(reply:status()))
    assert.equal("integer", math.type(reply:attempts()))
    assert.equal("integer", math.type(reply:size()))
    assert.equal("integer", math.type(engine:pending()))
    assert.equal(reply:size(), #reply:body())
  end)

  it("raises for what is closed, and closes twice", function()
    local engine = assert(core.engine())
    engine:close()
    engine:close()
    assert.has_error(function() engine:step(0) end, "engine is closed")
    assert.has_error(function() core.client(engine, {}) end, "engine is closed")
  end)

  it("raises for a wrong type, and names the field", function()
    local engine <close> = assert(core.engine())
    assert.has_error(function() core.client(engine, { base_url = 5 }) end,
      "base_url must be a string, not number")
    assert.has_error(function() core.client(engine, { base_url = "http://a\0b" }) end,
      "base_url holds a NUL byte")
    assert.has_error(function() core.client(engine, { timeout = "x" }) end,
      "timeout must be a number, not string")
    assert.has_error(function() core.client(engine, { timeout = 0 }) end,
      "timeout must be greater than 0")
  end)

  it("takes the fields of a token's check that it knows, each of its type", function()
    local function refuses(check, message)
      assert.has_error(function() core.jwt_verify("a.b.c", check) end, message)
    end
    refuses({ keys = "{}", now = 0, key = "{}" }, "a check has no field key")
    refuses({ "a" }, "the fields of a check have names")
    refuses({ keys = {}, now = 0 }, "keys must be a string, not table")
    refuses({ keys = "{}", now = "0" }, "now must be a number, not string")
    refuses({ keys = "{}", now = -1 }, "now must not be negative")
    refuses({ keys = "{}", now = 0 / 0 }, "now must not be negative")
    refuses({ keys = "{}", now = 0, leeway = -1 }, "leeway must not be negative")
    refuses({ keys = "{}", now = 0, leeway = true }, "leeway must be a number, not boolean")
    for _, name in ipairs { "issuer", "audience", "client", "type" } do
      refuses({ keys = "{}", now = 0, [name] = 5 }, name .. " must be a string, not number")
      refuses({ keys = "{}", now = 0, [name] = "a\0b" }, name .. " holds a NUL byte")
    end
    refuses({ keys = "{}" }, "a check needs keys and now")
    refuses({ now = 0 }, "a check needs keys and now")
    assert.has_error(function() core.jwt_verify("a.b.c") end)
    assert.has_error(function() core.jwt_verify(nil, { keys = "{}", now = 0 }) end)
    assert.has_error(function() core.jwt_claims() end)
    assert.equal("malformed", (core.jwt_verify("a.b.c", { keys = "{}", now = 0 })))
  end)

  it("takes the options of an engine that it knows, each of its type", function()
    local CASES = {
      { { max_connection = 5 }, "an engine has no option max_connection" },
      { { 5 }, "the options of an engine have names" },
      { { max_connections = "5" }, "max_connections must be a number greater than 0" },
      { { max_total_connections = 0 }, "max_total_connections must be a number greater than 0" },
      { { max_idle_connections = 0.5 }, "max_idle_connections must be at least 1" },
      { { max_streams = 0 / 0 }, "max_streams must be a number greater than 0" },
      { { max_idle_time = -1 }, "max_idle_time must be a number greater than 0" },
      { { dns_cache_time = {} }, "dns_cache_time must be a number greater than 0" },
    }
    for _, case in ipairs(CASES) do
      local ok, problem = pcall(core.engine, case[1])
      assert.is_false(ok)
      assert.matches(case[2], problem, 1, true)
    end
    local engine <close> = assert(core.engine { max_connections = 1e300, max_total_connections = 1,
      max_idle_connections = math.huge, max_streams = 1, max_idle_time = math.huge,
      dns_cache_time = 0.001 })
    assert.equal(0, engine:pending())
  end)

  it("raises for a method that is called on something else", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local engine <close> = assert(core.engine())
    local client <close> = assert(core.client(engine, settings(server)))
    local id = assert(client:start { method = "GET", path = "/V1/x" })
    local reply <close> = assert(outcome(engine, id))
    local auth <close> = assert(core.auth(engine, settings(server)))
    local loopback <close> = assert(core.loopback())
    local objects = { engine = engine, client = client, reply = reply, auth = auth,
      loopback = loopback }
    local others = { io.stdout, {}, 5, "text", false }
    for owner, object in pairs(objects) do
      for name, method in pairs(debug.getmetatable(object).__index) do
        local tried = table.move(others, 1, #others, 1, {})
        for other, wrong in pairs(objects) do
          tried[#tried + 1] = other ~= owner and wrong or nil
        end
        for _, wrong in ipairs(tried) do
          local ok, problem = pcall(method, wrong)
          assert.is_false(ok, owner .. ":" .. name)
          assert.matches("expected, got", problem, 1, true)
        end
      end
    end
    assert.equal(200, reply:status())
  end)

  it("takes the fields of a request that it knows, each of its type", function()
    local engine <close> = assert(core.engine())
    local client <close> = assert(core.client(engine, {
      base_url = "http://127.0.0.1:1", access_token = "not-a-token",
    }))
    local CASES = {
      { { path = "/V1/x" }, "method is missing" },
      { { method = "GET" }, "path must be a string" },
      { { method = "GET", path = 5 }, "path must be a string" },
      { { method = "PUT", path = "/V1/x", body = {} }, "body must be a string" },
      { { method = 5, path = "/V1/x" }, "method must be a string, not number" },
      { { method = "GET", path = "/V1/x", store = "a\0" }, "store holds a NUL byte" },
      { { method = "GET", path = "/V1/x", timeout = 0 }, "timeout must be greater than 0" },
      { { method = "GET", path = "/V1/x", attempts = "2" }, "attempts must be a number" },
      { { method = "GET", path = "/V1/x", headers = { a = 5 } }, "headers must map strings" },
      { { method = "GET", path = "/V1/x", headers = { a = "\0" } }, "a header holds a NUL byte" },
      { { method = "GET", path = "/V1/x", time_out = 5 }, "a request has no field time_out" },
      { { "GET" }, "the fields of a request have names" },
    }
    for _, case in ipairs(CASES) do
      local ok, problem = pcall(client.start, client, case[1])
      assert.is_false(ok)
      assert.matches(case[2], problem, 1, true)
    end
    assert.equal(0, engine:pending())
  end)

  it("leaves the client usable whichever of engine and client is closed first", function()
    local server <close> = fault.start()
    local engine = assert(core.engine())
    local client = assert(core.client(engine, settings(server)))
    assert(client:start { method = "GET", path = "/V1/x" })
    engine:close()
    local id, failure = client:start { method = "GET", path = "/V1/x" }
    assert.is_nil(id)
    assert.equal("closed", failure.kind)
    client:close()
  end)

  it("makes what a sign-in needs", function()
    local verifier, challenge = core.pkce()
    assert.matches("^[%w_-]+$", verifier)
    assert.equal(43, #verifier)
    assert.equal(43, #challenge)
    assert.not_equal(verifier, challenge)
    assert.not_equal(verifier, (core.pkce()))
    local state = core.state()
    assert.matches("^[%w_-]+$", state)
    assert.equal(43, #state)
    assert.not_equal(state, core.state())
  end)

  it("compares texts byte by byte", function()
    assert.is_true(core.equal("", ""))
    assert.is_true(core.equal("a\0b", "a\0b"))
    assert.is_false(core.equal("a\0b", "a\0c"))
    assert.is_false(core.equal("a", "ab"))
    assert.is_false(core.equal("1", ""))
  end)

  it("seals a text for one secret and one purpose", function()
    local text = "a text\0of two parts"
    local sealed = assert(core.seal("s3cret", "example", text))
    assert.matches("^[%w_-]+$", sealed)
    assert.not_equal(sealed, core.seal("s3cret", "example", text))
    assert.equal(text, core.unseal("s3cret", "example", sealed))
    assert.equal("", core.unseal("s3cret", "", assert(core.seal("s3cret", "", ""))))
    assert.equal(text, core.unseal("s\0", ("p"):rep(256),
      assert(core.seal("s\0", ("p"):rep(256), text))))
    for _, case in ipairs {
      { "other", "example", sealed }, { "s3cret", "other", sealed },
      { "s3cret", "example", sealed:sub(1, -2) }, { "s3cret", "example", sealed .. "A" },
      { "s3cret", "example", sealed .. "=" }, { "s3cret", "example", "" },
      { "s3cret\0", "example", sealed }, { "s3cret", "example", (sealed:gsub("^.", "R")) },
    } do
      local opened, message = core.unseal(table.unpack(case))
      assert.is_nil(opened)
      assert.equal("sealed with another secret, or changed", message)
    end
  end)

  it("says which argument of these is wrong", function()
    local CASES = {
      { core.equal, { "a" }, "string expected, got no value" },
      { core.equal, { 1, "1" }, "string expected, got number" },
      { core.seal, { "", "p", "t" }, "bad argument #1 .* the secret is empty" },
      { core.seal, { "s", "p\0", "t" }, "bad argument #2 .* the purpose holds a NUL byte" },
      { core.seal, { "s", ("p"):rep(257), "t" }, "bad argument #2 .* longer than 256 bytes" },
      { core.seal, { "s", "p" }, "bad argument #3" },
      { core.unseal, { 5, "p", "t" }, "bad argument #1" },
      { core.unseal, { "s", "p", {} }, "bad argument #3" },
    }
    for _, case in ipairs(CASES) do
      local ok, problem = pcall(case[1], table.unpack(case[2]))
      assert.is_false(ok)
      assert.matches(case[3], (problem:gsub("[()]", "")))
    end
  end)

  it("takes the fields of credentials that it knows, each of its type", function()
    local engine <close> = assert(core.engine())
    local closed = assert(core.auth(engine, { access_token = "not-a-token" }))
    closed:close()
    local CASES = {
      { { client_secrets = "x" }, "client_secrets must be a table, not string" },
      { { client_secrets = {} }, "client_secrets must hold 1 to 8 strings" },
      { { client_secrets = { "1", "2", "3", "4", "5", "6", "7", "8", "9" } },
        "client_secrets must hold 1 to 8 strings" },
      { { client_secrets = { "1", 2 } }, "a client secret must be a string, not number" },
      { { client_secrets = { "1\0" } }, "a client secret holds a NUL byte" },
      { { secret_hook = "1" }, "secret_hook must be a number, not string" },
      { { cache_hook = 0 }, "cache_hook must be greater than 0" },
      { { cache_folder = 5 }, "cache_folder must be a string, not number" },
      { { lock_timeout = -1 }, "lock_timeout must be greater than 0" },
      { { auth = 5 }, "accs.core.auth expected, got number" },
      { { auth = closed }, "auth is closed" },
      { { secrets = { "x" } }, "has no field secrets" },
    }
    for _, case in ipairs(CASES) do
      for _, make in ipairs { core.auth, core.client } do
        local ok, problem = pcall(make, engine, case[1])
        assert.is_false(ok)
        assert.matches(case[2], problem, 1, true)
      end
    end
  end)

  it("makes clients of credentials, which may be closed before them, and of no other engine",
    function()
      local server <close> = fault.start()
      server:script("/V1/x", { fault.ok })
      local engine <close> = assert(core.engine())
      local auth = assert(core.auth(engine, settings(server)))
      local client <close> = assert(core.client(engine,
        { base_url = server.env.API_ENDPOINT, auth = auth }))
      auth:close()
      auth:close()
      assert.has_error(function() auth:state() end, "auth is closed")
      local reply <close> = assert(outcome(engine, assert(client:start {
        method = "GET", path = "/V1/x" })))
      assert.equal(200, reply:status())
      local other <close> = assert(core.engine())
      auth = assert(core.auth(engine, settings(server)))
      local made, failure = core.client(other,
        { base_url = server.env.API_ENDPOINT, auth = auth })
      assert.is_nil(made)
      assert.equal("config", failure.kind)
    end)

  it("gives the questions of the core, each once, and takes the answers", function()
    local server <close> = fault.start()
    local engine <close> = assert(core.engine())
    local given = settings(server)
    given.client_secret = nil
    given.secret_hook, given.cache_hook, given.cache_locks = 7, 8, true
    given.cache_key = "example-key"
    local auth <close> = assert(core.auth(engine, given))
    local id = assert(auth:start("token"))
    local ANSWERS = { secret = { "one", "two" }, lock = { "had" } }
    local seen, ids, done = {}, {}, false
    for _ = 1, 200 do
      assert(engine:step(0.05))
      local kind, of, what, failure = engine:next()
      if kind == "hook" then
        assert.is_nil(ids[of])
        ids[of] = true
        seen[#seen + 1] = what
        assert.is_true(engine:settle(of, nil, table.unpack(ANSWERS[what.kind] or {})))
        assert.is_true(engine:settle(of, "too late")) -- ignored
      elseif kind == "done" and of == id then
        assert.is_nil(failure)
        done = true
        break
      end
    end
    assert.is_true(done)
    local by_kind = {}
    for _, what in ipairs(seen) do
      by_kind[what.kind] = what
      assert.equal(what.kind == "secret" and 7 or 8, what.host)
    end
    assert.same({ kind = "secret", host = 7 }, by_kind.secret)
    assert.matches("^server%-%x+%-%x+$", by_kind.load.key)
    assert.same({ kind = "load", host = 8, key = by_kind.load.key }, by_kind.load)
    assert.matches("^%x+$", by_kind.lock.owner)
    assert.is_true(by_kind.lock.ttl > 1 and by_kind.lock.ttl < 100) -- seconds
    assert.is_nil(by_kind.lock.bytes)
    assert.equal(by_kind.load.key, by_kind.save.key)
    assert.is_true(#by_kind.save.bytes > 60 and by_kind.save.ttl > 60
      and by_kind.save.ttl < 100000)
    assert.is_nil(by_kind.save.owner)
    assert.is_true(auth:state().has_access_token)
    assert.equal(1, auth:state().secret)
    assert.is_true(#auth:read("access_token") > 0)
    assert.is_nil(auth:read("id_token"))
  end)

  it("raises for answers and jobs that make no sense", function()
    local engine <close> = assert(core.engine())
    local auth <close> = assert(core.auth(engine, { access_token = "not-a-token" }))
    local CASES = {
      { "number expected", function() engine:settle("x") end },
      { "string expected", function() engine:settle(1, 5) end },
      { "string expected", function() engine:settle(1, nil, 5) end },
      { "too many values", function()
        engine:settle(1, nil, "1", "2", "3", "4", "5", "6", "7", "8", "9")
      end },
      { "no such job", function() auth:start("tokens") end },
      { "string expected", function() auth:start() end },
      { "number expected", function() auth:start("token", "x") end },
      { "invalid option 'refresh_token'", function() auth:read("refresh_token") end },
      { "invalid option 'x'", function() auth:claims("x") end },
      { "table expected", function() auth:verify("access_token") end },
    }
    for _, case in ipairs(CASES) do
      local ok, problem = pcall(case[2])
      assert.is_false(ok)
      assert.matches(case[1], problem, 1, true)
    end
    assert.is_true(engine:settle(1, "nobody asked"))
    assert.equal("not-a-token", auth:read("access_token"))
    assert.equal("a ***", auth:redact("a not-a-token"))
    assert.is_nil(auth:claims("access_token"))
    assert.is_nil(auth:claims("id_token"))
    assert.equal("malformed", auth:verify("access_token", { keys = "{}", now = 1 }))
    assert.is_nil(auth:verify("id_token", { keys = "{}", now = 1 }))
  end)
end)
