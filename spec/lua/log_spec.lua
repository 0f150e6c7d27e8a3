-- accs.log: lines of events, where they go, and what never stands in one.
local accs = require "accs"
local fault = require "spec.support.fault"
local log = require "accs.log"
local support = require "spec.support"

local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ"

-- A function for `to`, and the list of the lines it got.
local function collector()
  local lines = {}
  return function(line, level)
    lines[#lines + 1] = line
    lines.level = level
  end, lines
end

-- The line of one event, or nil.
local function line_of(event, options)
  local to, lines = collector()
  local given = { to = to, level = "debug" }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  event.time = event.time or 1700000000.123
  accs.log(given)(event)
  assert.is_true(#lines <= 1)
  return lines[1], lines.level
end

local function lines_in(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

-- Runs a script against the fault server, as a user would.
local function run_script(server, script, env)
  local given = { ACCS_LOG = false }
  for _, more in ipairs { server.env, env or {} } do
    for name, value in pairs(more) do
      given[name] = value
    end
  end
  return support.run { "lua5.4", "-e", script, env = given }
end

local GET = 'local accs = require "accs" local client = accs.client { dotenv = false } '
  .. 'assert(client:get("/V1/x")) client:close()'

describe("a level", function()
  it("belongs to each event", function()
    local CASES = {
      { "error", { kind = "response", status = 500 } },
      { "error", { kind = "response", status = 503 } },
      { "error", { kind = "response", error = "network" } },
      { "error", { kind = "response", error = "timeout", status = 200 } },
      { "error", { kind = "token", text = "not acquired", error = "auth" } },
      { "error", { kind = "token", text = "refused by IMS", reason = "invalid_client" } },
      { "warn", { kind = "response", status = 404 } },
      { "warn", { kind = "response", status = 429 } },
      { "warn", { kind = "retry", delay = 1 } },
      { "warn", { kind = "throttle", delay = 1 } },
      { "warn", { kind = "token", text = "asking again" } },
      { "warn", { kind = "token", text = "late, the old token is used" } },
      { "warn", { kind = "token", text = "not refreshed, the old token is used", error = "auth" } },
      { "warn", { kind = "token", text = "refused by the service" } },
      { "warn", { kind = "token", text = "clock differs", reason = "by 600 s" } },
      { "warn", { kind = "cache", text = "not read", reason = "no answer within 1 s" } },
      { "warn", { kind = "request", dropped = 3 } },
      { "error", { kind = "response", status = 500, dropped = 3 } },
      { "info", { kind = "response", status = 200 } },
      { "info", { kind = "response", status = 302 } },
      { "info", { kind = "response", error = "cancelled" } },
      { "info", { kind = "token", text = "acquired" } },
      { "info", { kind = "token", text = "refreshed", reason = "near its end" } },
      { "info", { kind = "token", text = "rotated" } },
      { "info", { kind = "token", text = "from the cache" } },
      { "info", { kind = "token", text = "stored" } },
      { "info", { kind = "token", text = "revoked" } },
      { "info", { kind = "token", text = "forgotten" } },
      { "debug", { kind = "request" } },
      { "debug", { kind = "something new" } },
    }
    local ORDER = { "error", "warn", "info", "debug" }
    for index, case in ipairs(CASES) do
      local line, level = line_of(case[2])
      assert.equal(case[1], level, "case " .. index)
      assert.truthy(line:find(" " .. case[1], 1, true))
      local reached = false
      for _, name in ipairs(ORDER) do
        reached = reached or name == case[1]
        assert.equal(reached, line_of(case[2], { level = name }) ~= nil)
      end
      assert.is_nil(line_of(case[2], { level = "off" }))
    end
  end)
end)

describe("a line", function()
  local EVENT = {
    kind = "response", time = 1700000000.123, call = 7, attempt = 2, method = "GET",
    url = "https://example.com/V1/x?a=b", status = 200, elapsed = 0.25, bytes = 10, bytes_in = 5,
    bytes_out = 4, reused = true, protocol = "HTTP/2", request_id = "order-5",
    phases = { queue = 0.5, name_lookup = 0, connect = 0, tls = 0, first_byte = 0.125,
      total = 0.25 },
  }

  it("is readable text", function()
    assert.equal("2023-11-14T22:13:20.123Z info  response call=7 attempt=2 method=GET "
      .. "url=https://example.com/V1/x?a=b status=200 elapsed=0.25 bytes=10 bytes_in=5 "
      .. "bytes_out=4 protocol=HTTP/2 reused=true request_id=order-5 queue=0.5 "
      .. "first_byte=0.125 total=0.25", (line_of(EVENT)))
    assert.equal('2023-11-14T22:13:20.123Z warn  token text="asking again" delay=2',
      (line_of { kind = "token", text = "asking again", delay = 2 }))
  end)

  it("is one JSON object", function()
    local line = line_of(EVENT, { format = "json" })
    local value = assert(accs.json.decode(line))
    assert.equal("2023-11-14T22:13:20.123Z", value.time)
    assert.equal("info", value.level)
    for name, expected in pairs(EVENT) do
      if name ~= "time" then
        assert.same(expected, value[name], name)
      end
    end
    assert.equal('{"time":"2023-11-14T22:13:20.123Z","level":"debug","kind":"request"}',
      (line_of({ kind = "request" }, { format = "json" })))
  end)

  it("stays one line whatever comes from outside", function()
    local texts = { "a\nb", "a\r\nb", "a\0b", "a\27[31mb", "a\xC2\x9Bb", "a\xFFb", "a\xC3", 'a"b',
      "a\\b", "a\xE2\x80\xA8b", ("x"):rep(5000), "\xED\xA0\x80" }
    for _, text in ipairs(texts) do
      for _, format in ipairs { "text", "json" } do
        local line = line_of({ kind = "retry", text = text, url = text }, { format = format })
        assert.is_nil(line:find("%c"), ("%q"):format(text))
        assert.is_nil(line:find("\xC2[\x80-\x9F]"))
        assert.is_truthy(utf8.len(line))
        assert.is_true(#line < 3000)
        if format == "json" then
          assert.is_table(accs.json.decode(line))
        end
      end
    end
    assert.truthy(line_of({ kind = "retry", text = "a\nb" }):find("a\\\\x0ab", 1, true))
  end)

  it("rounds the time, and does not carry it wrongly", function()
    assert.truthy(line_of({ kind = "request", time = 1700000000.9996 })
      :find("2023-11-14T22:13:21.000Z", 1, true))
    assert.truthy(line_of({ kind = "request", time = 0 }):find("1970-01-01T00:00:00.000Z", 1, true))
  end)
end)

describe("where lines go", function()
  it("a file gets them at its end, at once", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/calls.log", "before\n")
    local write = accs.log { to = path, level = "debug" }
    write { kind = "request", time = 0 }
    assert.equal(2, #lines_in(support.read_file(path)))
    accs.log { to = path, level = "debug" } { kind = "request", time = 0 }
    local lines = lines_in(support.read_file(path))
    assert.equal("before", lines[1])
    assert.equal(3, #lines)
  end)

  it("an open file will do", function()
    local dir <close> = support.temp_dir()
    local path = dir.path .. "/calls.log"
    local file = assert(io.open(path, "w"))
    accs.log { to = file, level = "debug" } { kind = "request", time = 0 }
    file:close()
    assert.equal(1, #lines_in(support.read_file(path)))
  end)

  it("trouble costs a line on standard error, never a call", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local SCRIPT = [[local accs = require "accs"
      local write = accs.log { to = %s, level = "debug" }
      local client = accs.client { dotenv = false, on_event = write }
      for _ = 1, 5 do assert(client:get("/V1/x")) end client:close() print "done"]]
    local WAYS = {
      { '"/nowhere/at/all/calls.log"', "no log any more: /nowhere/at/all/calls.log: No such file" },
      { '"/dev/full"', "no log any more: /dev/full: No space left on device" },
    }
    for _, way in ipairs(WAYS) do
      local result = run_script(server, SCRIPT:format(way[1]))
      assert.equal("done\n", result.out, result.err)
      assert.equal(0, result.code)
      local lines = lines_in(result.err)
      assert.equal(1, #lines, result.err)
      assert.truthy(lines[1]:find(way[2], 1, true), lines[1])
    end
  end)

  it("a closed file is trouble too", function()
    local result = support.run { "lua5.4", "-e", [[
      local accs = require "accs" local file = io.tmpfile()
      local write = accs.log { to = file, level = "debug" } file:close()
      for _ = 1, 3 do write { kind = "request", time = 0 } end print "done"]] }
    assert.equal("done\n", result.out)
    assert.equal(1, #lines_in(result.err))
    assert.matches("no log any more", result.err)
  end)
end)

describe("wrong options", function()
  it("are mistakes of the program", function()
    local CASES = {
      { "x", "the options must be a table" },
      { { level = "loud" }, "level must be one of error, warn, info, debug, off" },
      { { level = 3 }, "level must be one of" },
      { { format = "xml" }, 'format must be "text" or "json"' },
      { { to = 5 }, "to must be a path, an open file or a function, not number" },
      { { to = false }, "to must be a path" },
      { { too = print }, 'unknown option "too" (did you mean "to"?)' },
    }
    for _, case in ipairs(CASES) do
      local ok, problem = pcall(accs.log, case[1])
      assert.is_false(ok)
      assert.truthy(problem:find("accs.log: ", 1, true), problem)
      assert.truthy(problem:find(case[2], 1, true), problem)
    end
  end)
end)

describe("ACCS_LOG", function()
  local server

  setup(function()
    server = fault.start()
    server:script("/V1/x", { fault.ok })
  end)

  teardown(function()
    server:close()
  end)

  it("alone makes a client log to standard error", function()
    local result = run_script(server, GET, { ACCS_LOG = "debug" })
    assert.equal(0, result.code, result.err)
    local lines = lines_in(result.err)
    assert.equal(3, #lines)
    for _, line in ipairs(lines) do
      assert.matches(TIME, line)
    end
    assert.matches("info  token .*acquired", lines[1])
    assert.matches("debug request .*method=GET", lines[2])
    assert.matches("info  response .*status=200", lines[3])
    assert.equal(2, #lines_in(run_script(server, GET, { ACCS_LOG = "info" }).err))
  end)

  it("says nothing when unset, empty or off", function()
    for _, value in ipairs { "", "off", false } do
      assert.equal("", run_script(server, GET, { ACCS_LOG = value }).err)
    end
  end)

  it("with another word is a clear error", function()
    local result = run_script(server, GET, { ACCS_LOG = "verbose" })
    assert.equal(1, result.code)
    assert.truthy(result.err:find("accs: config: log from the environment (ACCS_LOG) must be "
      .. '"error", "warn", "info", "debug" or "off"', 1, true), result.err)
    result = run_script(server, 'require("accs").log {}', { ACCS_LOG = "verbose" })
    assert.truthy(result.err:find("accs: config: ACCS_LOG must be one of", 1, true), result.err)
  end)

  it("gives accs.log its level, and then does not log twice", function()
    local script = [[local accs = require "accs" local client = accs.client { dotenv = false,
      on_event = accs.log { to = function(line) print(line) end%s } }
      assert(client:get("/V1/x")) client:close()]]
    local result = run_script(server, script:format(""), { ACCS_LOG = "debug" })
    assert.equal(3, #lines_in(result.out))
    assert.equal("", result.err)
    assert.equal(2, #lines_in(run_script(server, script:format("")).out)) -- info
    result = run_script(server, script:format(', level = "info"'), { ACCS_LOG = "debug" })
    assert.equal(2, #lines_in(result.out))
  end)

  it("and on_event both get every event, and fail alone", function()
    local script = [[local accs = require "accs" local client = accs.client { dotenv = false,
      on_event = function(event) print(event.kind) event.kind = "mine" %s end }
      assert(client:get("/V1/x")) assert(client:get("/V1/x")) client:close()]]
    local result = run_script(server, script:format(""), { ACCS_LOG = "debug" })
    assert.equal(5, #lines_in(result.out))
    assert.equal(5, #lines_in(result.err))
    assert.is_nil(result.err:find("mine"))
    result = run_script(server, script:format('error("broken")'), { ACCS_LOG = "debug" })
    assert.equal(1, #lines_in(result.out))
    assert.equal(6, #lines_in(result.err)) -- and one that says that on_event failed
    assert.matches("on_event failed", result.err)
  end)

  it("is an option as well, of the command line too", function()
    local given = { dotenv = false, log = "debug" }
    local client = server:client(given)
    client:close()
    local ok, problem = pcall(server.client, server, { log = "loud" })
    assert.is_false(ok)
    assert.matches('log must be "error", "warn"', tostring(problem))
    local result = support.run { "accs", "get", "/V1/x", "--log", "info", env = server.env }
    assert.equal(0, result.code)
    assert.matches("info  response", result.err)
  end)

  it("knows a function of accs.log", function()
    assert.is_true(log.is(accs.log { to = print }))
    assert.is_false(log.is(print))
    assert.is_false(log.is(nil))
  end)
end)

describe("no line", function()
  local SECRET, TOKEN = "canary+secret/value=", "canary.token-value"
  local PASSWORD, QUERY = "canary-proxy-password", "canary/query+value"

  local function base64(text)
    local result = support.run { "base64", "-w0", stdin = text }
    return (result.out:gsub("=+$", ""))
  end

  local function encoded(text)
    return (text:gsub("[^%w%-._~]", function(char) return ("%%%02X"):format(char:byte()) end))
  end

  it("shows a credential, raw, in base64 or URL-encoded", function()
    local server <close> = fault.start()
    local to, lines = collector()
    local to_json, json_lines = collector()
    server:script("/ims/token/v3", { { fault.reply(400, '{"error":"invalid_client",'
      .. '"error_description":"' .. SECRET .. ' is wrong"}') }, { fault.reply(200,
      '{"access_token":"' .. TOKEN .. '","expires_in":3600}') } })
    server:script("/V1/x", { { fault.reply(503, SECRET .. TOKEN) }, { fault.reply(401,
      '{"message":"' .. TOKEN .. ' ' .. SECRET .. '"}') }, { { "close" } }, { { "reset" } } })
    local function both(event)
      accs.log { to = to, level = "debug" }(event)
      accs.log { to = to_json, level = "debug", format = "json" }(event)
    end
    local given = { client_secret = SECRET, timeout = 3, on_event = both, backoff = 0.01 }
    local opts = { query = {
      token = QUERY, password = QUERY, ["X-Signature"] = QUERY, a = { client_secret = QUERY },
    } }
    local client <close> = server:client(given)
    client:get("/V1/x", opts)
    assert(client.auth:refresh()) -- the refusal holds for calls
    for _ = 1, 6 do
      client:get("/V1/x", opts)
      client:get("/V1/" .. TOKEN .. "/x")
      client:post("/V1/x", { secret = SECRET }, opts)
    end
    given.proxy = "http://user:" .. PASSWORD .. "@127.0.0.1:9"
    local proxied <close> = server:client(given)
    proxied:get("/V1/x", opts)
    given.proxy = "nonsense://user:" .. PASSWORD .. "@127.0.0.1:9"
    local wrong, other = pcall(server.client, server, given)
    if wrong then
      other:get("/V1/x", opts)
      other:close()
    end
    assert.is_true(#lines > 30)
    assert.equal(#lines, #json_lines)
    local text = table.concat(lines, "\n") .. table.concat(json_lines, "\n")
    assert.truthy(text:find("token=***", 1, true))
    for _, canary in ipairs { SECRET, TOKEN, PASSWORD, QUERY, "user:" .. PASSWORD,
      server.env.IMS_CLIENT_ID .. ":" .. SECRET } do
      for _, form in ipairs { canary, base64(canary), encoded(canary) } do
        local at = text:find(form, 1, true)
        assert.is_nil(at, at and text:sub(math.max(1, at - 80), at + 80))
      end
    end
  end)
end)
