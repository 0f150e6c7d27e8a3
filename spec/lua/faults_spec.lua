-- What the client makes of a server that misbehaves: the kind of error, what is known about the
-- request's fate, and how many requests crossed the wire, counted by the server.
local fault = require "spec.support.fault"

local JSON = '{"items":[{"sku":"24-MB01"}],"total_count":1}'

local check, gzipped, head, send = fault.check, fault.gzipped, fault.head, fault.send
local CLOSE, RESET = { "close" }, { "reset" }
local PLAIN = head("200 OK", "Content-Type: application/json", "Content-Length: " .. #JSON)
local CHUNKED = head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")

describe("a first connection", function()
  for _, case in ipairs { { "closed", CLOSE }, { "reset", RESET } } do
    it(case[1] .. " before the request was read: a read goes again, a write does not", function()
      local server <close> = fault.start()
      local client <close> = server:client { attempts = 2, access_token = "example" }
      server:script("/V1/x", { fault.ok })
      server:connections { { case[2] } }
      check("GET", { kind = "ok", count = 1 }, server:try(client, "GET", "/V1/x"))
      server:script("/V1/y", { { fault.ok[1], CLOSE } })
      assert(client:get("/V1/y")) -- no connection is left
      server:connections { { { "sleep", 0.1 }, case[2] } }
      local got = server:try(client, "POST", "/V1/x", { data = { a = 1 } })
      check("POST", { kind = "network", outcome = "unknown", count = 0 }, got)
    end)
  end

  it("refused: the request was not sent, and a write is tried again too", function()
    local server <close> = fault.start()
    local client <close> = server:client { attempts = 2, access_token = "example",
      base_url = "http://127.0.0.1:1/tenant" }
    local response, err = client:post("/V1/x", { a = 1 })
    assert.is_nil(response)
    assert.equal("network", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, err.attempts)
    assert.is_true(err.retryable)
  end)
end)

describe("an answer that is not what it should be", function()
  local packed = fault.gzip(JSON)
  local long = ("x"):rep(2000)
  local many = {}
  for i = 1, 400 do
    many[i] = "X-" .. i .. ": y"
  end
  local server

  -- steps: for every request. read, write: kind, outcome, count of a GET and of a POST.
  -- A read is repeated when that may help, a write never.
  local lost = { "network", nil, 2, "network", "unknown", 1 }
  local broken = { "decode", nil, 2, "decode", "done", 1 }
  local cases = {
    { "a body that ends early", { send(PLAIN, JSON:sub(1, -2)), CLOSE }, lost },
    { "a chunk that ends early", { send(CHUNKED, "20\r\nabc"), CLOSE }, lost },
    { "a last chunk that is missing", { send(CHUNKED, "2d\r\n", JSON, "\r\n"), CLOSE }, lost },
    { "a chunk size that is none", { send(CHUNKED, "zz\r\nabc\r\n0\r\n\r\n"), CLOSE }, lost },
    { "no HTTP at all", { send "SSH-2.0-OpenSSH_9.2\r\n\r\n", CLOSE },
      { "http", nil, 1, "http", "unknown", 1 } },
    { "two lengths that differ", { send(head("200 OK", "Content-Length: 2", "Content-Length: 3"),
      "{} ") }, { "http", nil, 1, "http", "unknown", 1 } },
    { "status 999", { send(head("999 Odd", "Content-Length: 2"), "{}") },
      { "http", nil, 1, "http", "unknown", 1 } },
    { "status 101 that nobody asked for", { send(head("101 Switching", "Upgrade: x",
      "Connection: upgrade")), { "stall" } }, { "http", nil, 1, "http", "unknown", 1 } },
    { "100 and 103 before the answer", { send(head("100 Continue"), head("103 Early Hints",
      "Link: </x>"), PLAIN, JSON) }, { "ok", nil, 1, "ok", nil, 1 } },
    { "204 with a body", { send(head("204 No Content"), "junk"), CLOSE },
      { "ok", nil, 1, "ok", nil, 1 } },
    { "200 without a body", { send(head("200 OK", "Content-Length: 0")) },
      { "ok", nil, 1, "ok", nil, 1 } },
    { "more headers than the limit", { send(head("200 OK", "Content-Length: 2",
      table.unpack(many)), "{}") }, { "too_large", nil, 1, "too_large", "done", 1 } },
    { "headers of 300 kB", { send(head("200 OK", "Content-Length: 2")
      :sub(1, -3), ("X-A: " .. long .. "\r\n"):rep(150), "\r\n{}") },
      { "too_large", nil, 1, "too_large", "done", 1 } },
    { "one header of 120 kB", { send("HTTP/1.1 200 OK\r\nX-A: ", long:rep(60), "\r\n\r\n"), CLOSE },
      { "too_large", nil, 1, "too_large", "done", 1 } },
    { "a body beyond the limit", { send(head("200 OK", "Content-Length: 5000000")),
      { "fill", 5000000, "x" }, CLOSE }, { "too_large", nil, 1, "too_large", "done", 1 } },
    { "an endless chunked body", { send(CHUNKED), { "fill", 100000, "400\r\n" .. ("x"):rep(1024)
      .. "\r\n" }, CLOSE }, { "too_large", nil, 1, "too_large", "done", 1 } },
    { "HTML with 200", { fault.reply(200, "<html><title>Login</title></html>",
      { ["Content-Type"] = "text/html" }) }, { "gateway", nil, 1, "gateway", "unknown", 1 } },
    { "HTML with 403", { fault.reply(403, "<html>", { ["Content-Type"] = "text/html" }) },
      { "gateway", nil, 1, "gateway", "refused", 1 } },
    { "HTML with 503", { fault.reply(503, "<html>", { ["Content-Type"] = "text/html" }) },
      { "gateway", nil, 2, "gateway", "unknown", 1 } },
    { "garbage that calls itself JSON", { fault.reply(200, "\1\2\3garbage") },
      { "decode", nil, 1, "decode", "done", 1 } },
    { "truncated JSON", { fault.reply(200, JSON:sub(1, 20)) },
      { "decode", nil, 1, "decode", "done", 1 } },
    { "two JSON documents", { fault.reply(200, "{}{}") },
      { "decode", nil, 1, "decode", "done", 1 } },
    { "a bad UTF-8 byte in JSON", { fault.reply(200, '{"a":"\xff"}') },
      { "decode", nil, 1, "decode", "done", 1 } },
    { "404", { fault.reply(404, '{"message":"No such entity."}') },
      { "http", "refused", 1, "http", "refused", 1 } },
    { "400", { fault.reply(400, '{"message":"Invalid product data: %1"}') },
      { "http", "refused", 1, "http", "refused", 1 } },
    { "408", { fault.reply(408, "{}") }, { "http", nil, 2, "http", "refused", 1 } },
    { "500", { fault.reply(500, "{}") }, { "http", "unknown", 2, "http", "unknown", 1 } },
    { "502", { fault.reply(502, "{}") }, { "http", "unknown", 2, "http", "unknown", 1 } },
    { "503", { fault.reply(503, "{}") }, { "http", "unknown", 2, "http", "unknown", 1 } },
    { "504", { fault.reply(504, "{}") }, { "http", "unknown", 2, "http", "unknown", 1 } },
    { "501", { fault.reply(501, "{}") }, { "http", "unknown", 1, "http", "unknown", 1 } },
    { "403 in JSON", { fault.reply(403, '{"message":"no"}') },
      { "auth", "refused", 1, "auth", "refused", 1 } },
    { "gzip", { gzipped(packed) }, { "ok", nil, 1, "ok", nil, 1 } },
    { "gzip with a byte changed", { gzipped(packed:sub(1, 20) .. "\0" .. packed:sub(22)) },
      broken },
    { "gzip with a second member", { gzipped(packed .. packed) }, broken },
    { "gzip with bytes behind it", { gzipped(packed .. "x") }, broken },
    { "gzip that is plain text", { gzipped(JSON) }, broken },
    { "gzip twice over", { gzipped(packed, "gzip, gzip") }, broken },
    { "a coding that nobody asked for", { gzipped(packed, "br") }, broken },
  }
  for tenth = 0, 9 do
    local cut = packed:sub(1, #packed * tenth // 10)
    cases[#cases + 1] = { ("gzip cut at %d/10"):format(tenth),
      { tenth > 0 and gzipped(cut) or send(head("200 OK", "Content-Type: application/json",
        "Content-Encoding: gzip", "Transfer-Encoding: chunked"), "0\r\n\r\n") },
      tenth > 0 and broken or { "ok", nil, 1, "ok", nil, 1 } }
    if tenth > 0 then
      cases[#cases + 1] = { ("gzip cut at %d/10 by the end of the connection"):format(tenth),
        { send(head("200 OK", "Content-Encoding: gzip"), cut), CLOSE }, broken }
    end
  end

  local function examine(case, index)
    local steps, want = case[2], case[3]
    local path, after = "/V1/" .. index, "/V1/after/" .. index
    local client <close> = server:client { attempts = 2, max_body = 1000000 }
    server:script(path, { steps })
    server:script(after, { fault.ok })
    local got = server:try(client, "GET", path)
    check("GET", { kind = want[1], outcome = want[2], count = want[3] }, got)
    got = server:try(client, "POST", path, { data = { a = 1 } })
    check("POST", { kind = want[4], outcome = want[5], count = want[6] }, got)
    -- Whatever it was: the client goes on.
    check("afterwards", { kind = "ok", count = 1 }, server:try(client, "GET", after))
  end

  local verdict
  setup(function()
    server = fault.start()
    verdict = fault.together(cases, examine)
  end)
  teardown(function()
    server:close()
  end)
  for index, case in ipairs(cases) do
    it(case[1], function()
      verdict(index)
    end)
  end
end)
