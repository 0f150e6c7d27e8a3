-- Where bodies of answers go: what a sink gets, and what stays behind when a call fails.
local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"
local run = require "spec.support.run"

local head, reply, send = fault.head, fault.reply, fault.send
local TEXT = ("0123456789abcdef"):rep(4096) -- 64 KB
local RAW = { ["Content-Type"] = "application/octet-stream" }
local CUT = { send(head("200 OK", "Content-Length: 999999")), { "sleep", 0.1 }, send(TEXT),
  { "sleep", 0.1 }, { "close" } }

local server, client, dir

setup(function()
  server = fault.start()
  client = server:client { access_token = "example", attempts = 1 }
end)

teardown(function()
  server:close()
end)

before_each(function()
  server:clear()
  server:script("/V1/text", { { reply(200, TEXT, RAW) } })
  server:script("/V1/cut", { CUT })
  server:script("/V1/no", { { reply(404, '{"message":"No such entity."}') } })
  dir = run.temp_dir()
end)

after_each(function()
  dir:remove()
end)

local function names()
  local list = {}
  for name in io.popen("ls -A " .. run.quote(dir.path)):lines() do
    list[#list + 1] = name
  end
  return table.concat(list, " ")
end

describe("a path", function()
  it("gets its name when all is there, and leaves nothing else", function()
    local path = dir.path .. "/text"
    local res = assert(client:get("/V1/text", { sink = path }))
    assert.equal(200, res.status)
    assert.equal("application/octet-stream", res.headers["content-type"])
    assert.equal(#TEXT, res.bytes)
    assert.equal("integer", math.type(res.bytes))
    assert.is_nil(res.body)
    assert.is_nil(res.data)
    assert.equal(1, res.attempts)
    assert.is_true(res.elapsed > 0)
    assert.is_true(TEXT == run.read_file(path))
    assert.equal("text", names())
  end)

  it("is another file while the body comes", function()
    server:script("/V1/slow", { { send(head("200 OK", "Content-Length: 6"), "abc"),
      { "sleep", 0.3 }, send "def" } })
    local path = run.write_file(dir.path .. "/text", "old")
    local task = accs.spawn(client.get, client, "/V1/slow", { sink = path })
    local seen = accs.spawn(function()
      accs.sleep(0.15)
      return names(), run.read_file(path)
    end)
    local listed, content = seen:wait()
    assert(task:wait())
    assert.matches("^text text%.%x%x%x%x%x%x%x%x%.part$", listed)
    assert.equal("old", content)
    assert.equal("abcdef", run.read_file(path))
    assert.equal("text", names())
  end)

  it("keeps what was there when the body does not come whole, or another answer does", function()
    local path = run.write_file(dir.path .. "/text", "old")
    for target, kind in pairs { ["/V1/cut"] = "network", ["/V1/no"] = "http" } do
      local res, err = client:get(target, { sink = path })
      assert.is_nil(res)
      assert.equal(kind, err.kind)
      assert.equal(1, err.attempts)
      assert.equal("old", run.read_file(path))
      assert.equal("text", names())
    end
    local _, err = client:get("/V1/no", { sink = path })
    assert.equal("No such entity.", err.message)
    assert.equal("No such entity.", err.response.data.message)
  end)

  it("that cannot be written is found before anything is sent", function()
    for _, path in ipairs { dir.path, dir.path .. "/none/text" } do
      local res, err = client:get("/V1/text", { sink = path })
      assert.is_nil(res)
      assert.equal("io", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal(0, err.attempts)
      assert.is_truthy(err.message:find(path, 1, true))
    end
    assert.equal(0, server:count("/V1/text"))
    assert.equal("", names())
  end)

  it("that fills up ends the call", function()
    local res, err = client:get("/V1/text", { sink = "/dev/full" })
    assert.is_nil(res)
    assert.equal("io", err.kind)
    assert.equal("done", err.outcome)
    assert.equal(1, err.attempts)
    assert.equal("cannot write /dev/full: No space left on device", err.message)
  end)

  it("of a device or pipe is written to, not replaced", function()
    assert.equal(#TEXT, assert(client:get("/V1/text", { sink = "/dev/null" })).bytes)
    assert.equal("other", core.file("/dev/null"))
  end)

  it("may be empty in the end", function()
    server:script("/V1/none", { { send(head "204 No Content") } })
    local res = assert(client:get("/V1/none", { sink = dir.path .. "/none" }))
    assert.equal(204, res.status)
    assert.equal(0, res.bytes)
    assert.equal("", run.read_file(dir.path .. "/none"))
  end)
end)

describe("a handle", function()
  it("is written to from where it stands, and stays open", function()
    local path = dir.path .. "/text"
    local file <close> = assert(io.open(path, "wb"))
    file:write "head:"
    assert.equal(#TEXT, assert(client:get("/V1/text", { sink = file })).bytes)
    assert.is_true("head:" .. TEXT == run.read_file(path)) -- flushed
    assert(file:write ":tail")
  end)

  it("that cannot be written ends the call", function()
    local file <close> = assert(io.open(run.write_file(dir.path .. "/text", ""), "rb"))
    local res, err = client:get("/V1/text", { sink = file })
    assert.is_nil(res)
    assert.equal("io", err.kind)
    assert.equal("file", io.type(file))
  end)
end)

describe("a function", function()
  it("gets the inflated body in pieces", function()
    local packed = fault.gzip(TEXT:rep(20))
    server:script("/V1/packed", { { fault.gzipped(packed) } })
    local pieces, longest = {}, 0
    local res = assert(client:get("/V1/packed", { sink = function(bytes)
      pieces[#pieces + 1] = bytes
      longest = math.max(longest, #bytes)
    end }))
    assert.is_true(TEXT:rep(20) == table.concat(pieces))
    assert.equal(20 * #TEXT, res.bytes)
    assert.is_true(longest <= 262144 and #pieces >= 5)
  end)

  it("that returns false, or nil and a message, ends the call as cancelled", function()
    local cases = {
      { function() return false end, "the sink wants no more" },
      { function() return nil, "enough" end, "enough" },
      { function() return false, "enough" end, "enough" },
    }
    for _, case in ipairs(cases) do
      local res, err = client:get("/V1/text", { sink = case[1] })
      assert.is_nil(res)
      assert.equal("cancelled", err.kind)
      assert.equal("done", err.outcome)
      assert.equal(case[2], err.message)
    end
    assert(client:get("/V1/text", { sink = function() end }))
    assert(client:get("/V1/text", { sink = function() return nil end }))
    assert(client:get("/V1/text", { sink = function() return true, "fine" end }))
  end)

  it("that raises ends the call, and what it raised passes through", function()
    local problem = setmetatable({}, { __name = "example" })
    local calls = 0
    for _, path in ipairs { "/V1/text", "/V1/cut" } do
      local ok, raised = pcall(client.get, client, path, { sink = function()
        calls = calls + 1
        error(problem, 0)
      end })
      assert.is_false(ok)
      assert.equal(problem, raised)
    end
    assert.equal(2, calls)
    assert(client:get("/V1/text", { decode = false }))
    assert.equal(0, accs.engine():pending()) -- nothing is left of them
  end)

  it("may wait and call accs", function()
    server:script("/V1/ok", { fault.ok })
    local function copy()
      local inner, bytes = 0, 0
      assert(client:get("/V1/text", { sink = function(piece)
        accs.sleep(0.001)
        assert(client:get("/V1/ok"))
        inner, bytes = inner + 1, bytes + #piece
      end }))
      assert.is_true(inner > 0)
      assert.equal(#TEXT, bytes)
    end
    copy() -- blocking
    assert(accs.all { copy, copy, copy })
  end)

  it("sees nothing of an answer that is not the content", function()
    local wait = { "sleep", 0.2 } -- so that what is there would be delivered
    server:script("/V1/page", { { send(head("200 OK", "Content-Type: text/html",
      "Content-Length: 33"), "<html><title>Login"), wait, send "</title></html>" } })
    server:script("/V1/no", { { send(head("404 Not Found", "Content-Type: application/json",
      "Content-Length: 16"), '{"message"'), wait, send ':"no"}' } })
    local function never()
      error "called"
    end
    for path, kind in pairs { ["/V1/no"] = "http", ["/V1/page"] = "gateway" } do
      local res, err = client:get(path, { sink = never })
      assert.is_nil(res)
      assert.equal(kind, err.kind)
    end
  end)
end)

describe("the decoded size of a streamed body", function()
  it("has no limit but that of the call", function()
    local small <close> = server:client { access_token = "example", max_body = 1000 }
    assert.equal(#TEXT, assert(small:get("/V1/text", { sink = function() end })).bytes)
    local packed = fault.gzip(TEXT)
    server:script("/V1/packed", { { fault.gzipped(packed) } })
    for _, path in ipairs { "/V1/text", "/V1/packed" } do
      local bytes = 0
      local res, err = client:get(path, { max_body = #TEXT - 1, sink = function(piece)
        bytes = bytes + #piece
      end })
      assert.is_nil(res)
      assert.equal("too_large", err.kind)
      assert.equal("done", err.outcome)
      assert.is_true(bytes < #TEXT)
      assert.equal(#TEXT, assert(client:get(path,
        { max_body = #TEXT, sink = function() end })).bytes)
    end
    assert.equal("too_large", select(2, small:get("/V1/text")).kind)
  end)

  it("ends with an error where the packed body is cut or corrupt", function()
    local packed = fault.gzip(TEXT:rep(10))
    server:script("/V1/cut_short", { { fault.gzipped(packed:sub(1, -5)) } })
    server:script("/V1/corrupt",
      { { fault.gzipped(packed:sub(1, 90) .. "\0\0" .. packed:sub(93)) } })
    for _, path in ipairs { "/V1/cut_short", "/V1/corrupt" } do
      local res, err = client:get(path, { sink = dir.path .. "/packed" })
      assert.is_nil(res)
      assert.equal("decode", err.kind)
      assert.equal("done", err.outcome)
      assert.equal("", names())
    end
  end)
end)

describe("a mistake of the program", function()
  it("raises", function()
    local cases = {
      { "get", nil, { sink = 5 }, "sink must be a path, an open file or a function, not number" },
      { "get", nil, { sink = {} }, "sink must be .*, not table" },
      { "head", nil, { sink = "x" }, "HEAD takes no sink" },
      { "get", nil, { source = "x" }, "GET takes no source" },
      { "post", { a = 1 }, { source = "x" }, "either data or a source" },
      { "post", nil, { source = true }, "source must be .*, not boolean" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(function()
        if case[1] == "post" then
          return client:post("/V1/text", case[2], case[3])
        end
        return client[case[1]](client, "/V1/text", case[3])
      end)
      assert.is_false(ok)
      assert.matches(case[4], message)
      assert.matches("sink_spec", message)
    end
    local file = assert(io.open(run.write_file(dir.path .. "/text", "")))
    file:close()
    assert.matches("not closed file", select(2, pcall(client.get, client, "/V1/text",
      { sink = file })))
    assert.equal(0, server:count("/V1/text"))
  end)
end)
