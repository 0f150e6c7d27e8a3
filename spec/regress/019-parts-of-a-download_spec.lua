-- A download that is continued: what the server sends is not always what it was asked for.
local fault = require "spec.support.fault"
local run = require "spec.support.run"

local head, send = fault.head, fault.send
local TAG = 'ETag: "v1"'
local DATES = { "Date: Sun, 04 Jan 2026 00:00:00 GMT", "Accept-Ranges: bytes" }

-- Ten bytes are announced, five come.
local function broken(...)
  return { send(head("200 OK", "Content-Length: 10", ...), "01234"), { "sleep", 0.05 },
    { "close" } }
end

local function part(range, body, ...)
  return { send(head("206 Partial Content", "Content-Range: " .. range,
    "Content-Length: " .. #body, ...), body) }
end

describe("a download that is continued", function()
  local server, client

  setup(function()
    server = fault.start()
    client = server:client { access_token = "example", backoff = 0.01 }
  end)

  teardown(function()
    client:close()
    server:close()
  end)

  local function get(entries, opts)
    server:clear()
    server:script("/V1/x", entries)
    local got = {}
    local given = { sink = function(bytes) got[#got + 1] = bytes end }
    for name, value in pairs(opts or {}) do
      given[name] = value
    end
    local res, err = client:get("/V1/x", given)
    return res, err, table.concat(got)
  end

  it("goes on where the server sends less than the rest (RFC 9110, 15.3.7)", function()
    local entries = { broken(TAG), part("bytes 5-6/10", "56", TAG), part("bytes 7-9/10", "789") }
    local res, err, text = get(entries)
    assert(res, tostring(err))
    assert.equal("0123456789", text)
    assert.equal(10, res.bytes)
    assert.equal(3, res.attempts)
    assert.matches("\r\nRange: bytes=7%-\r\n", server:requests("/V1/x")[3].head)
    res, err, text = get(entries, { attempts = 2 })
    assert.is_nil(res)
    assert.equal("network", err.kind)
    assert.equal("the server sent 7 of 10 bytes", err.message)
    assert.equal("0123456", text)
  end)

  it("is not whole with other bytes than were announced", function()
    local dates = { "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT", table.unpack(DATES) }
    local wrong = {
      { broken(TAG), part("bytes 5-9/10", "56", TAG), "0123456" },
      { broken(TAG), part("bytes 5-9/10", "56789abc", TAG), "0123456789abc" },
      { broken(TAG), part("bytes 5-19/20", "567890123456789", TAG), "01234" },
      { broken(TAG), part("bytes 5-/10", "56789", TAG), "01234" },
      { broken(table.unpack(dates)),
        part("bytes 5-9/10", "XXXXX", "Last-Modified: Fri, 02 Jan 2026 00:00:00 GMT"), "01234" },
    }
    for index, case in ipairs(wrong) do
      local res, err, text = get { case[1], case[2] }
      assert.is_nil(res, "case " .. index)
      assert.equal("decode", err.kind, "case " .. index)
      assert.equal(2, err.attempts)
      assert.equal(case[3], text)
    end
  end)

  it("is not begun with a part that nobody asked for", function()
    local dir <close> = run.temp_dir()
    local entry = part("bytes 0-4/10", "01234", TAG)
    local res, err, text = get { entry }
    assert.is_nil(res)
    assert.equal("decode", err.kind)
    assert.equal("", text)
    assert.is_nil(client:get("/V1/x", { sink = dir.path .. "/x" }))
    assert.equal("", run.first_line("ls -A " .. run.quote(dir.path)) or "")
    res, err, text = get({ entry }, { headers = { RANGE = "bytes=0-4" } })
    assert(res, tostring(err))
    assert.equal("01234", text)
  end)
end)
