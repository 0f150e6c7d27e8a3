-- Bodies that are moved in pieces: a slow side holds the other, memory stays bounded, waits and
-- ends at the wrong moment, and downloads that go on where they broke off.
local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"
local run = require "spec.support.run"
local support = require "spec.support"

local head, reply, send = fault.head, fault.reply, fault.send
local MEGABYTE = 1 << 20
local BLOCK = ("0123456789abcdef"):rep(64) -- 1 KB
-- The sanitizers keep what is freed for a while.
local ROOM = ((os.getenv "TEST_BUILD" or ""):find("asan", 1, true) and 400 or 12) * MEGABYTE

local server, client, dir

setup(function()
  server = fault.start()
end)

teardown(function()
  server:close()
end)

before_each(function()
  server:clear()
  client = server:client { access_token = "example", backoff = 0.01 }
  dir = run.temp_dir()
end)

after_each(function()
  client:close()
  dir:remove()
end)

-- An entry that sends that many megabytes.
local function large(megabytes, ...)
  return { send(head("200 OK", "Content-Length: " .. megabytes * MEGABYTE, ...)),
    { "fill", megabytes * 1024, BLOCK } }
end

local function names()
  return run.first_line("ls -A " .. run.quote(dir.path) .. " | tr '\\n' ' '"):match("^(.-) *$")
end

describe("a slow consumer", function()
  it("holds the transfer: 200 MB go through in a few", function()
    server:script("/V1/x", { large(200) })
    local bytes, calls, most = 0, 0, 0
    local before = matrix.resident()
    local res = assert(client:get("/V1/x", { sink = function(piece)
      bytes, calls = bytes + #piece, calls + 1
      most = math.max(most, #piece)
      if calls % 20 == 0 then
        accs.sleep(0.005) -- a full window waits, and what the sockets hold
      end
    end }))
    assert.equal(200 * MEGABYTE, bytes)
    assert.equal(bytes, res.bytes)
    assert.equal(262144, most)
    assert.is_true(matrix.resident() - before < ROOM)
  end)

  it("is not flooded by a compression bomb", function()
    local path = dir.path .. "/zeros"
    assert(os.execute("head -c 200M /dev/zero | gzip -1 >" .. run.quote(path)))
    server:script("/V1/x", { { fault.gzipped(run.read_file(path)) } })
    local bytes, calls, most = 0, 0, 0
    local before, began = matrix.resident(), os.clock()
    assert(client:get("/V1/x", { sink = function(piece)
      bytes, calls = bytes + #piece, calls + 1
      most = math.max(most, #piece)
    end }))
    local whole = os.clock() - began
    assert.equal(200 * MEGABYTE, bytes)
    assert.equal(262144, most)
    assert.is_true(matrix.resident() - before < ROOM)
    -- Stopped early, the rest is never inflated.
    began = os.clock()
    local _, err = client:get("/V1/x", { sink = function() return false end })
    assert.equal("cancelled", err.kind)
    assert.is_true(os.clock() - began < whole / 4)
  end)

  it("takes longer than the idle limit, which is the server's alone", function()
    server:script("/V1/x", { large(20) })
    local patient <close> = server:client { access_token = "example", idle_timeout = 1 }
    local slept = false
    local res = assert(patient:get("/V1/x", { sink = function()
      if not slept then
        slept = true
        accs.sleep(2.5)
      end
    end }))
    assert.equal(20 * MEGABYTE, res.bytes)
    assert.equal(1, res.attempts)
  end)

  it("may take longer than the idle limit, which then holds again", function()
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: " .. 2 * MEGABYTE)),
      { "fill", 1024, BLOCK }, { "stall" } } })
    local patient <close> = server:client { access_token = "example", idle_timeout = 1 }
    local slept
    local _, err = patient:get("/V1/x", { sink = function()
      if not slept then
        accs.sleep(2.5)
        slept = core.monotonic()
      end
    end })
    local seconds = core.monotonic() - slept
    assert.equal("timeout", err.kind)
    assert.is_true(seconds > 0.95 and seconds < 1.8, "after " .. seconds)
  end)

  it("of an upload may take longer too, and then the limit holds again", function()
    server:script("/V1/x", { { { "stall" } } })
    local patient <close> = server:client { access_token = "example", idle_timeout = 1 }
    local calls, ended = 0, nil
    local _, err = patient:post("/V1/x", nil, { source = function()
      calls = calls + 1
      if calls == 2 then
        accs.sleep(2.5)
      elseif calls == 3 then
        ended = core.monotonic()
        return nil
      end
      return "abc"
    end })
    local seconds = core.monotonic() - ended
    assert.equal("timeout", err.kind)
    assert.equal("unknown", err.outcome)
    assert.is_true(seconds > 0.95 and seconds < 1.8, "after " .. seconds)
  end)

  it("of an upload may be the source as well", function()
    server:script("/V1/x", { fault.ok })
    local patient <close> = server:client { access_token = "example", idle_timeout = 1 }
    local calls = 0
    local res = assert(patient:post("/V1/x", nil, { source = function()
      calls = calls + 1
      if calls == 1 then
        accs.sleep(2.5)
      end
      return calls < 4 and "abc" or nil
    end }))
    assert.equal(1, res.attempts)
    assert.equal(9, server:requests("/V1/x")[1].body_len)
  end)

  it("does not hold the others", function()
    server:script("/V1/x", { large(20) })
    server:script("/V1/ok", { fault.ok })
    local bytes = 0
    local slow = accs.spawn(client.get, client, "/V1/x", { sink = function(piece)
      bytes = bytes + #piece
      accs.sleep(0.02)
    end })
    for _ = 1, 20 do
      assert(accs.all { function() return client:get "/V1/ok" end })
    end
    assert.is_true(bytes < 20 * MEGABYTE)
    assert(slow:wait())
    assert.equal(20 * MEGABYTE, bytes)
  end)
end)

describe("a server that goes silent in the body", function()
  it("is given up after the idle limit", function()
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: 10"), "abc"), { "stall" } } })
    local hasty <close> = server:client { access_token = "example", idle_timeout = 1 }
    local started = core.monotonic()
    local _, err = hasty:get("/V1/x", { sink = dir.path .. "/x" })
    assert.equal("timeout", err.kind)
    assert.equal(1, err.attempts) -- bytes were delivered
    local seconds = core.monotonic() - started
    assert.is_true(seconds > 0.95 and seconds < 1.8, "after " .. seconds)
    assert.equal("", names())
  end)
end)

describe("while the consumer is at work", function()
  local path

  before_each(function()
    server:script("/V1/x", { large(20) })
    server:script("/V1/ok", { fault.ok })
    path = dir.path .. "/x"
  end)

  -- A sink that waits in its first piece, so that the transfer is paused behind it.
  local function pausing(seconds, meanwhile)
    local first = true
    return function()
      if first then
        first = false
        accs.sleep(seconds)
        if meanwhile then
          meanwhile()
        end
      end
    end
  end

  it("the call's own time limit holds", function()
    local started = core.monotonic()
    local _, err = client:get("/V1/x", { sink = pausing(0.5), timeout = 0.2 })
    assert.equal("timeout", err.kind)
    assert.equal("no result within 0.2 s (timeout): the call was waiting for its sink or source",
      err.message)
    assert.is_true(core.monotonic() - started < 2)
    -- The client's limit is not for streams.
    local short <close> = server:client { access_token = "example", timeout = 0.2 }
    assert.equal(20 * MEGABYTE, assert(short:get("/V1/x", { sink = pausing(0.5) })).bytes)
  end)

  it("its task may be cancelled", function()
    local closed = false
    local task
    task = accs.spawn(function()
      local _guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore
        closed = true
        assert(client:get("/V1/ok"))
      end })
      return client:get("/V1/x", { sink = pausing(30) })
    end)
    local killer = accs.spawn(function()
      accs.sleep(0.2)
      task:cancel()
    end)
    killer:wait()
    local _, err = task:wait()
    assert.equal("cancelled", err.kind)
    assert.is_true(closed)
    assert(client:get("/V1/ok"))
    assert.equal(0, accs.engine():pending())
  end)

  it("a cancelled download leaves no file", function()
    local task = accs.spawn(client.get, client, "/V1/x", { sink = path })
    local wait = accs.spawn(function()
      accs.sleep(0.02)
      task:cancel()
    end)
    wait:wait()
    local _, err = task:wait()
    assert.is_truthy(not err or err.kind == "cancelled")
    assert.is_true(err == nil or names() == "")
  end)

  it("the client may be closed", function()
    local _, err = client:get("/V1/x", { sink = pausing(0.2, function() client:close() end) })
    assert.equal("cancelled", err.kind)
    client = server:client { access_token = "example" }
    assert(client:get("/V1/ok"))
  end)

  it("the engine may be closed", function()
    local engine = accs.engine { max_connections = 2 }
    local own = server:client { access_token = "example", engine = engine }
    local _, err = own:get("/V1/x", { sink = pausing(0.2, function() engine:close() end) })
    assert.equal("closed", err.kind)
    engine = accs.engine { max_connections = 2 }
    own = server:client { access_token = "example", engine = engine }
    _, err = own:post("/V1/ok", nil, { source = function()
      engine:close()
      return "abc"
    end })
    assert.equal("closed", err.kind)
  end)

  it("the state may end", function()
    local result = run { "lua5.4", "-e", [[
      local client = require("accs").client { access_token = "example" }
      client:get("/V1/x", { sink = function() os.exit(7, true) end })
    ]], env = server.env }
    assert.equal(7, result.code, result.err)
    assert.equal("", result.err)
  end)
end)

describe("a download that breaks off", function()
  local HALVES = { ("a"):rep(500), ("b"):rep(400) }
  local WHOLE = HALVES[1] .. HALVES[2]
  local TAG = 'ETag: "v1"'

  -- An entry that sends the first half of it and ends the connection.
  local function broken(...)
    return { send(head("200 OK", "Content-Length: 900", ...), HALVES[1]), { "sleep", 0.2 },
      { "close" } }
  end

  local function part(range, body, ...)
    return { send(head("206 Partial Content", "Content-Range: " .. range,
      "Content-Length: " .. #body, ...), body) }
  end

  local REST = part("bytes 500-899/900", HALVES[2], TAG)

  local function get_text(opts)
    local got = {}
    local given = { sink = function(bytes) got[#got + 1] = bytes end }
    for name, value in pairs(opts or {}) do
      given[name] = value
    end
    local res, err = client:get("/V1/x", given)
    return res, err, table.concat(got)
  end

  local function header(index, name)
    return server:requests("/V1/x")[index].head:match("\r\n" .. name .. ": ([^\r]*)")
  end

  local function modified(seconds_ago)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() - seconds_ago)
  end

  it("is continued, into a function and into a file", function()
    server:script("/V1/x", { broken(TAG), REST })
    local res, err, text = get_text()
    assert(res, tostring(err))
    assert.equal(WHOLE, text)
    assert.equal(200, res.status)
    assert.equal('"v1"', res.headers.etag)
    assert.equal(900, res.bytes)
    assert.equal(2, res.attempts)
    assert.is_nil(header(1, "Range"))
    assert.equal("bytes=500-", header(2, "Range"))
    assert.equal('"v1"', header(2, "If%-Range"))
    server:script("/V1/x", { broken(TAG), REST })
    local path = dir.path .. "/x"
    assert.equal(2, assert(client:get("/V1/x", { sink = path })).attempts)
    assert.equal(WHOLE, run.read_file(path))
    assert.equal("x", names())
  end)

  it("is continued behind what came while the function was at work", function()
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: 900", TAG),
      HALVES[1]:sub(1, 300)), { "sleep", 0.2 }, send(HALVES[1]:sub(301)), { "close" } }, REST })
    local got = {}
    local res = assert(client:get("/V1/x", { sink = function(bytes)
      got[#got + 1] = bytes
      if #got == 1 then
        accs.sleep(0.5)
      end
    end }))
    assert.equal(WHOLE, table.concat(got))
    assert.equal(2, res.attempts)
    assert.equal("bytes=500-", header(2, "Range"))
  end)

  it("is continued by its date of change where the server says that it can", function()
    local date, now = "Last-Modified: " .. modified(5000), "Date: " .. modified(0)
    server:script("/V1/x", { broken(date, now, "Accept-Ranges: bytes"), REST })
    local res, _, text = get_text()
    assert(res)
    assert.equal(WHOLE, text)
    assert.equal(date:match(": (.*)"), header(2, "If%-Range"))
  end)

  it("is continued more than once, up to the attempts", function()
    local middle = part("bytes 500-899/900", HALVES[2], TAG)
    middle[1][2] = middle[1][2]:sub(1, -301)
    middle[2], middle[3] = { "sleep", 0.1 }, { "close" }
    local last = part("bytes 600-899/900", ("b"):rep(300), TAG)
    server:script("/V1/x", { broken(TAG), middle, last })
    local res, err, text = get_text { attempts = 3 }
    assert(res, tostring(err))
    assert.equal(WHOLE, text)
    assert.equal(3, res.attempts)
    assert.equal("bytes=600-", header(3, "Range"))
    server:script("/V1/x", { broken(TAG), middle, last })
    res, err, text = get_text { attempts = 2 }
    assert.is_nil(res)
    assert.equal("network", err.kind)
    assert.equal(2, err.attempts)
    assert.equal(WHOLE:sub(1, 600), text)
    assert.equal(5, server:count("/V1/x"))
  end)

  it("waits for a service that asks for time", function()
    server:script("/V1/x", { broken(TAG), { reply(503, "{}") }, { reply(429, "{}",
      { ["Retry-After"] = "0" }) }, REST })
    local res, err, text = get_text()
    assert(res, tostring(err))
    assert.equal(WHOLE, text)
    assert.equal(4, res.attempts)
  end)

  it("begins again in a file when the content has changed", function()
    server:script("/V1/x", { broken(TAG), { reply(200, "new", { ETag = '"v2"' }) } })
    local path = dir.path .. "/x"
    local res = assert(client:get("/V1/x", { sink = path }))
    assert.equal("new", run.read_file(path))
    assert.equal('"v2"', res.headers.etag)
    assert.equal(3, res.bytes)
  end)

  it("cannot begin again in a function", function()
    server:script("/V1/x", { broken(TAG), { reply(200, "new", { ETag = '"v2"' }) } })
    local res, err, text = get_text()
    assert.is_nil(res)
    assert.equal("network", err.kind)
    assert.matches("broke off after 500 bytes, and cannot be continued since the content has "
      .. "changed", err.message)
    assert.equal(HALVES[1], text)
    assert.equal(2, err.attempts)
  end)

  it("is whole where the server says that nothing is left", function()
    local all = { send(head("200 OK", "Transfer-Encoding: chunked", TAG), "1f4\r\n", HALVES[1],
      "\r\n"), { "sleep", 0.2 }, { "close" } }
    server:script("/V1/x", { all, { reply(416, "", { ["Content-Range"] = "bytes */500" }) } })
    local res, err, text = get_text()
    assert(res, tostring(err))
    assert.equal(200, res.status)
    assert.equal(500, res.bytes)
    assert.equal(HALVES[1], text)
    server:script("/V1/x", { all, { reply(416, "", { ["Content-Range"] = "bytes */499" }) } })
    res, err = get_text()
    assert.is_nil(res)
    assert.equal(416, err.status)
  end)

  it("refuses another part than it asked for", function()
    local wrong = {
      part("bytes 400-899/900", ("b"):rep(500), TAG),
      part("bytes 500-899/900", HALVES[2], 'ETag: "v2"'),
      part("items 500-899/900", HALVES[2], TAG),
      { send(head("206 Partial Content", "Content-Length: 400", TAG), HALVES[2]) },
    }
    for index, entry in ipairs(wrong) do
      server:script("/V1/x", { broken(TAG), entry })
      local res, err, text = get_text()
      assert.is_nil(res)
      assert.equal("decode", err.kind, "case " .. index)
      assert.equal(HALVES[1], text)
    end
  end)

  local never = {
    { "a weak tag", broken('ETag: W/"v1"') },
    { "no tag, no date", broken "Accept-Ranges: bytes" },
    { "a date, and no word of ranges", broken("Last-Modified: " .. modified(5000)) },
    { "a date as young as the answer", broken("Last-Modified: " .. modified(0), "Date: "
      .. modified(0), "Accept-Ranges: bytes") },
    { "ranges refused", broken(TAG, "Accept-Ranges: none") },
    { "a part of the caller's own", broken(TAG), { headers = { Range = "bytes=0-" } } },
    { "one attempt", broken(TAG), { attempts = 1 } },
    { "no time", broken(TAG), { timeout = 0.3, backoff = 30, max_backoff = 3000 } },
  }
  for _, case in ipairs(never) do
    it("is not continued with " .. case[1], function()
      server:script("/V1/x", { case[2], REST })
      local res, err, text = get_text(case[3])
      assert.is_nil(res)
      assert.equal("network", err.kind)
      assert.equal(1, err.attempts)
      assert.equal(HALVES[1], text)
      assert.equal(1, server:count("/V1/x"))
      assert.equal("", names())
    end)
  end

  it("is not continued when it came packed", function()
    local packed = fault.gzip(run.first_line "head -c 3000 /dev/urandom | base64 -w0")
    server:script("/V1/x", { { send(head("200 OK", "Content-Encoding: gzip", TAG,
      "Content-Length: " .. #packed), packed:sub(1, -1000)), { "sleep", 0.2 }, { "close" } },
      REST })
    local _, err = get_text()
    assert.equal("network", err.kind)
    assert.equal(1, server:count("/V1/x"))
  end)

  it("is not continued, nor sent again, when it answers a write", function()
    server:script("/V1/x", { broken(TAG), REST })
    local _, err = client:post("/V1/x", { a = 1 }, { sink = function() end })
    assert.equal("network", err.kind)
    assert.equal("unknown", err.outcome)
    assert.equal(1, server:count("/V1/x"))
  end)

  it("is asked for again as a whole when nothing was delivered yet", function()
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: 3")), { "close" } },
      { reply(200, "abc") } })
    local res, _, text = get_text()
    assert.equal(2, assert(res).attempts)
    assert.equal("abc", text)
    assert.is_nil(header(2, "Range"))
  end)
end)

describe("behind TLS and HTTP/2", function()
  local front, files

  setup(function()
    files = run.temp_dir()
    assert(os.execute(("head -c 20M /dev/urandom >%s"):format(run.quote(files.path .. "/random"))))
    front = support.nginx { port = server.port, server = ([[
      location /tenant/files/ { alias %s/; default_type application/octet-stream; }
      proxy_request_buffering off;
      client_max_body_size 200m;]]):format(files.path) }
  end)

  teardown(function()
    front:close()
    files:remove()
  end)

  local function secure(extra)
    local given = {
      base_url = front.origin .. "/tenant", ca_file = front.certificates.ca, backoff = 0.01,
      access_token = "example", http_version = "2",
    }
    for name, value in pairs(extra or {}) do
      given[name] = value
    end
    return server:client(given)
  end

  local function same(path)
    return os.execute(("cmp -s %s %s"):format(run.quote(files.path .. "/random"),
      run.quote(path))) == true
  end

  it("a streamed body goes over HTTP/1.1, whatever other reads use", function()
    local secured <close> = secure()
    server:script("/V1/ok", { fault.ok })
    assert(secured:get("/V1/ok"))
    local inner = 0
    assert(secured:get("/files/random", { sink = function()
      inner = inner + 1
      if inner <= 20 then
        assert(secured:get("/V1/ok", { timeout = 5 }))
      end
    end }))
    local protocols = {}
    for _, request in ipairs(front:requests(22)) do
      protocols[request.path:match("[^/]*$") .. " " .. request.protocol] = true
    end
    assert.same({ ["random HTTP/1.1"] = true, ["ok HTTP/2.0"] = true }, protocols)
  end)

  it("a file comes whole, although the consumer is slow", function()
    local secured <close> = secure()
    local path = dir.path .. "/random"
    local file <close> = assert(io.open(path, "wb"))
    local pieces = 0
    assert(secured:get("/files/random", { sink = function(bytes)
      pieces = pieces + 1
      if pieces % 10 == 0 then
        accs.sleep(0.01)
      end
      assert(file:write(bytes))
    end }))
    assert(file:flush())
    assert.is_true(same(path))
  end)

  it("a file whose connection is cut is continued", function()
    local port = server:relay(front.port)
    local secured <close> = secure { base_url = "https://localhost:" .. port .. "/tenant" }
    server:script("/V1/cut", { { { "cut" }, fault.ok[1] } })
    local path = dir.path .. "/random"
    local file <close> = assert(io.open(path, "wb"))
    local pieces = 0
    local res = assert(secured:get("/files/random", { sink = function(bytes)
      pieces = pieces + 1
      if pieces == 10 then
        assert(client:get("/V1/cut"))
      end
      assert(file:write(bytes))
    end }))
    assert.equal(2, res.attempts)
    assert.equal(200, res.status)
    assert.equal(20 * MEGABYTE, res.bytes)
    assert(file:flush())
    assert.is_true(same(path))
  end)

  it("a large file is sent", function()
    local secured <close> = secure()
    server:script("/V1/x", { fault.ok })
    assert(secured:put("/V1/x", nil, { source = files.path .. "/random" }))
    assert(client:put("/V1/x", nil, { source = files.path .. "/random" }))
    local requests = server:requests "/V1/x"
    assert.equal(20 * MEGABYTE, requests[1].body_len)
    assert.equal(requests[2].checksum, requests[1].checksum)
  end)
end)
