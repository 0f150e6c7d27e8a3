-- Where bodies of requests come from: what the server gets, and how often.
local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"
local run = require "spec.support.run"

local reply = fault.reply
local PART = {}
for index = 1, 65536 do
  PART[index] = ("%08d"):format(index * 7919 % 99999999)
end
local TEXT = table.concat(PART):rep(4) -- 2 MB
local DENIED = { reply(401, '{"message":"The consumer isn\'t authorized."}') }
local AGAIN = { reply(429, "{}", { ["Retry-After"] = "0" }) }

local server, client, dir, path

setup(function()
  server = fault.start()
end)

teardown(function()
  server:close()
end)

before_each(function()
  server:clear()
  server:script("/V1/x", { fault.ok })
  client = server:client { attempts = 3, backoff = 0.01 }
  dir = run.temp_dir()
  path = run.write_file(dir.path .. "/text", TEXT)
end)

after_each(function()
  client:close()
  dir:remove()
end)

-- A function that gives the text in pieces of that many bytes, and the count of its calls.
local function pieces(text, size)
  local calls = { count = 0 }
  return function()
    local at = calls.count * size + 1
    calls.count = calls.count + 1
    return at <= #text and text:sub(at, at + size - 1) or nil
  end, calls
end

-- The bytes of the bodies that came, -1 for one that did not come whole.
local function lengths(target)
  local list = {}
  for index, request in ipairs(server:requests(target or "/V1/x")) do
    list[index] = request.body_len or -1
  end
  table.sort(list) -- a broken one may be noted after what followed it
  return list
end

-- The checksum that the server makes of a body.
local function checksum_of(text)
  assert(client:post("/V1/sum", text, { raw = true }))
  local requests = server:requests "/V1/sum"
  local request = requests[#requests]
  assert.is_nil(request.head:lower():find("expect:", 1, true)) -- it would cost a second
  return request.checksum
end

describe("the body from", function()
  before_each(function()
    server:script("/V1/sum", { fault.ok })
  end)

  local function check(source, length, chunked)
    local res = assert(client:post("/V1/x", nil, { source = source, content_type = "text/csv" }))
    assert.equal(true, res.data.ok)
    local requests = server:requests "/V1/x"
    local request = requests[#requests]
    assert.equal("POST", request.method)
    assert.equal(length, request.body_len)
    local lower = request.head:lower()
    assert.equal(chunked, lower:find("transfer-encoding: chunked", 1, true) ~= nil)
    assert.equal(not chunked, lower:find("content-length: " .. length, 1, true) ~= nil)
    assert.is_nil(lower:find("expect:", 1, true))
    assert.is_truthy(lower:find("content-type: text/csv", 1, true))
    return request.checksum
  end

  it("a path has its length", function()
    assert.equal(checksum_of(TEXT), check(path, #TEXT, false))
  end)

  it("an empty path is empty", function()
    check(run.write_file(dir.path .. "/empty", ""), 0, false)
  end)

  it("a handle goes from where it stands to the end", function()
    local file <close> = assert(io.open(path, "rb"))
    file:seek("set", 10)
    assert.equal(checksum_of(TEXT:sub(11)), check(file, #TEXT - 10, false))
    assert.equal("file", io.type(file))
    assert.equal(#TEXT, file:seek "cur")
  end)

  it("a pipe goes in chunks", function()
    local file <close> = assert(io.popen("cat " .. run.quote(path)))
    assert.equal(checksum_of(TEXT), check(file, #TEXT, true))
  end)

  it("a function goes in chunks, whatever their size", function()
    local wanted = checksum_of(TEXT)
    for _, size in ipairs { 1000, 262144, 262145, #TEXT } do
      assert.equal(wanted, check(pieces(TEXT, size), #TEXT, true))
    end
  end)

  it("a function may be empty, and may give empty pieces", function()
    check(function() end, 0, true)
    local left = 3
    check(function()
      left = left - 1
      return left == 2 and "" or left == 1 and "abc" or nil
    end, 3, true)
  end)

  it("a function may wait and call accs", function()
    server:script("/V1/ok", { fault.ok })
    local give = pieces(TEXT:sub(1, 3000), 1000)
    local function send()
      check(function()
        accs.sleep(0.01)
        assert(client:get("/V1/ok"))
        return give()
      end, 3000, true)
    end
    send()
    give = pieces(TEXT:sub(1, 3000), 1000)
    assert(accs.all { send })
  end)

  it("a function goes to a sink as well", function()
    local got = {}
    local res = assert(client:post("/V1/x", nil, {
      source = pieces("abc", 1), sink = function(bytes) got[#got + 1] = bytes end,
    }))
    assert.equal('{"ok":true}', table.concat(got))
    assert.equal(11, res.bytes)
    assert.same({ 3 }, lengths())
  end)
end)

describe("a repeat", function()
  -- what the first request meets, method, what a function's call ends with
  local cases = {
    { "after a token was refused", DENIED, "POST", "auth", "refused" },
    { "after 429", AGAIN, "POST", "rate_limited", "refused" },
    { "after 503, of a method that may be repeated",
      { reply(503, "{}", { ["Retry-After"] = "0" }) }, "PUT", "http", "unknown" },
    { "after the connection broke, of a method that may be repeated", { { "close" } }, "PUT",
      "network", "unknown" },
  }
  for _, case in ipairs(cases) do
    it(case[1] .. " sends the same bytes of a path, a handle, a string", function()
      local file <close> = assert(io.open(path, "rb"))
      for _, opts in ipairs { { source = path }, { source = file }, { data = TEXT, raw = true } } do
        server:script("/V1/x", { case[2], fault.ok })
        local before = #server:requests "/V1/x"
        local call = { method = case[3], path = "/V1/x" }
        for name, value in pairs(opts) do
          call[name] = value
        end
        local res = assert(client:request(call))
        assert.equal(2, res.attempts)
        local requests = server:requests "/V1/x"
        assert.equal(before + 2, #requests)
        local first, second = requests[#requests - 1], requests[#requests]
        assert.equal(#TEXT, first.body_len)
        assert.equal(#TEXT, second.body_len)
        assert.equal(first.checksum, second.checksum)
      end
    end)

    it(case[1] .. " is none for a function, which was asked already", function()
      server:script("/V1/x", { case[2], fault.ok })
      local give, calls = pieces(TEXT, 100000)
      local res, err = client:request { method = case[3], path = "/V1/x", source = give }
      assert.is_nil(res)
      assert.equal(case[4], err.kind)
      assert.equal(case[5], err.outcome)
      assert.equal(1, err.attempts)
      assert.same({ #TEXT }, lengths())
      assert.equal(22, calls.count)
      assert(client:get("/V1/x")) -- with another token, where the first was refused
    end)
  end

  it("is made for a function that was not asked yet", function()
    server:script("/V1/x", { { body = false, reply(429, "{}", { ["Retry-After"] = "1",
      ["Connection"] = "close" }), { "close" } }, fault.ok })
    local engine = client._engine
    -- The core alone: no wish is fetched before the first answer; then there is none.
    local id = assert(client._core:start { method = "POST", path = "/V1/x", source = true })
    local started = core.monotonic()
    local until_then = started + 5
    while core.monotonic() < started + 0.5 do
      engine:step(0.02)
    end
    assert.equal(1, server:count("/V1/x"))
    assert.is_nil(engine:next())
    while server:count("/V1/x") < 2 and core.monotonic() < until_then do
      engine:step(0.02)
    end
    local wishes, fed = {}, false
    local kind, _, a, b
    repeat
      engine:step(0.1)
      kind, _, a, b = engine:next()
      if kind == "wish" then
        wishes[#wishes + 1] = a
        assert(engine:feed(id, not fed and "abc" or nil))
        fed = true
      end
    until kind == "done" or core.monotonic() > until_then
    assert.is_nil(b)
    assert.equal(200, a:status())
    assert.same({ true, false }, wishes)
    assert.same({ -1, 3 }, lengths())
  end)
end)

describe("client:confirm", function()
  it("sends a path again, and says that a function's bytes are gone", function()
    local function absent()
      return false
    end
    for source, again in pairs { [path] = true, [pieces("abc", 1)] = false } do
      server:script("/V1/x", { { { "close" } }, fault.ok })
      local before = server:count "/V1/x"
      local _, err = client:post("/V1/x", nil, { source = source })
      assert.equal("unknown", err.outcome)
      local res, problem = client:confirm(err, absent)
      assert.equal(again, res ~= nil, tostring(problem))
      assert.equal(before + (again and 2 or 1), server:count "/V1/x")
    end
  end)
end)

describe("an answer before the body is sent", function()
  local EARLY = { body = false, { "sleep", 0.1 }, reply(413, '{"message":"Too much."}'),
    { "stall" } }

  it("ends the call", function()
    server:script("/V1/x", { EARLY })
    local big = run.write_file(dir.path .. "/big", TEXT:rep(10))
    local res, err = client:post("/V1/x", nil, { source = big })
    assert.is_nil(res)
    assert.equal(413, err.status)
    assert.equal("refused", err.outcome)
    assert.equal("Too much.", err.message)
    assert.equal(1, server:count("/V1/x"))
  end)

  it("ends it while the source makes the next piece, which nobody wants any more", function()
    server:script("/V1/x", { EARLY })
    local calls = 0
    local _, err = client:post("/V1/x", nil, { source = function()
      calls = calls + 1
      accs.sleep(0.3)
      return "abc"
    end })
    assert.equal(413, err.status)
    assert.equal(1, calls)
  end)

  it("ends it although no piece ever comes", function()
    server:script("/V1/x", { EARLY })
    local engine = client._engine
    local id = assert(client._core:start { method = "POST", path = "/V1/x", source = true })
    local deadline, ended = core.monotonic() + 5
    repeat
      engine:step(0.5)
      ended = table.pack(engine:next())
    until ended[1] == "done" or core.monotonic() > deadline
    assert.equal("done", ended[1])
    assert.equal(413, ended[3]:status())
    assert.equal("refused", ended[4].outcome)
    assert(engine:feed(id, "late")) -- ignored
  end)
end)

describe("a source that fails", function()
  it("by raising ends the call, and what it raised passes through", function()
    local problem = {}
    local give = pieces(TEXT, 100000)
    local count = 0
    local ok, raised = pcall(client.post, client, "/V1/x", nil, { source = function()
      count = count + 1
      if count == 3 then
        error(problem, 0)
      end
      return give()
    end })
    assert.is_false(ok)
    assert.equal(problem, raised)
    assert(client:get("/V1/x"))
    assert.same({ -1, 0 }, lengths()) -- no whole body came
    assert.equal(0, accs.engine():pending())
  end)

  it("by nil and a message ends it as cancelled", function()
    local given = false
    local res, err = client:post("/V1/x", nil, { source = function()
      if given then
        return nil, "the data base is gone"
      end
      given = true
      return "abc"
    end })
    assert.is_nil(res)
    assert.equal("cancelled", err.kind)
    assert.equal("unknown", err.outcome)
    assert.equal(1, err.attempts)
    assert.equal("the data base is gone", err.message)
    assert(client:get("/V1/x"))
    assert.same({ -1, 0 }, lengths())
  end)

  it("by a value that is no string raises", function()
    local ok, message = pcall(client.post, client, "/V1/x", nil,
      { source = function() return 5 end })
    assert.is_false(ok)
    assert.matches("source: the function must return a string, or nil at the end; not number",
      message)
  end)

  it("by not being there sends nothing", function()
    for _, wrong in ipairs { dir.path .. "/none", dir.path } do
      local res, err = client:post("/V1/x", nil, { source = wrong })
      assert.is_nil(res)
      assert.equal("io", err.kind)
      assert.equal("not_sent", err.outcome)
    end
    assert.same({}, lengths())
  end)

  local BIG = TEXT:rep(10) -- more than the sockets take by themselves
  for name, text in pairs { grows = BIG .. "x", shrinks = BIG:sub(1, -2), ["is written to"] =
    BIG:sub(1, -2) .. "X" } do
    it("since the file " .. name .. " while it is sent never leaves whole", function()
      local direct <close> = server:client { access_token = "example" }
      server:script("/V1/ok", { fault.ok })
      server:connections { { { "sleep", 0.4 } } }
      run.write_file(path, BIG)
      local task = accs.spawn(direct.post, direct, "/V1/x", nil, { source = path })
      accs.spawn(function()
        accs.sleep(0.2)
        run.write_file(path, text)
      end)
      local res, err = task:wait()
      assert.is_nil(res)
      assert.equal("io", err.kind)
      assert.equal("unknown", err.outcome)
      assert.matches("it was changed while it was sent", err.message)
      assert(client:get("/V1/ok")) -- the server has seen the end of the broken one
      assert.same({ -1 }, lengths())
    end)
  end
end)

describe("the core", function()
  local function upload(length, fed)
    local engine = client._engine
    local id = assert(client._core:start { method = "POST", path = "/V1/x", source = length })
    local deadline = core.monotonic() + 5
    local index = 0
    while core.monotonic() < deadline do
      engine:step(0.5)
      local kind, _, a, b = engine:next()
      if kind == "wish" then
        index = index + 1
        assert(engine:feed(id, fed[index]))
      elseif kind == "done" then
        return a, b
      end
    end
  end

  it("ends a call whose source gives other than the announced bytes", function()
    for _, fed in ipairs { { "abc" }, { "abcdef" }, { "abc", "def" }, {} } do
      local answer, failure = upload(5, fed)
      assert.is_nil(answer)
      assert.equal("io", failure.kind)
      assert.is_false(failure.retryable)
    end
    assert.equal(200, (upload(5, { "abc", "de" })):status())
    assert.same({ -1, -1, -1, -1, 5 }, lengths())
  end)

  it("refuses what it did not ask for", function()
    local engine = client._engine
    local id = assert(client._core:start { method = "POST", path = "/V1/x", source = true })
    local ok, failure = engine:feed(id, "abc")
    assert.is_nil(ok)
    assert.equal("config", failure.kind)
    engine:cancel(id)
    repeat
      engine:step(0.1)
    until engine:next() == "done"
    assert(engine:feed(id, "abc")) -- ended: ignored
    assert.is_nil(engine:read(id))
    assert.is_nil(engine:answer(id, "etag"))
    assert(engine:feed(12345, "abc"))
    local _, refused = client._core:start { method = "POST", path = "/V1/x", source = true,
      body = "x" }
    assert.equal("config", refused.kind)
    _, refused = client._core:start { method = "GET", path = "/V1/x", source = true }
    assert.equal("config", refused.kind)
  end)
end)
