-- Silence and slowness at each phase, against each limit of time.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local head, send = fault.head, fault.send
local STALL = { "stall" }

local OPEN = head("200 OK", "Content-Type: application/json", "Content-Length: 1000")
local CHUNKED = head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
local SLOW = matrix.slow

local rows = {}

-- Before anything is sent: nothing is lost, and a write goes again as well.
local HELLO = "\22\3\3\0\122\2\0\0\118\3\3" -- the beginning of a server's hello
local early = {
  { "before the connection is there", { full = true } },
  { "before TLS", { tls = "good", accept = { { STALL }, { STALL } } } },
  { "in TLS", { tls = "good", accept = { { { "take" }, send(HELLO), STALL },
    { { "take" }, send(HELLO), STALL } } } },
}
for _, case in ipairs(early) do
  rows = matrix.join(rows, matrix.each({ name = "silence " .. case[1] .. " (connect_timeout)",
    server = case[2], client = { connect_timeout = 0.4 }, after = false }, {
    { want = { kind = "timeout", outcome = "not_sent", count = 0, sends = 0,
      min_seconds = 0.7 * SLOW, seconds = 4 } },
    { method = "POST", call = { data = { a = 1 } }, want = { kind = "timeout",
      outcome = "not_sent", count = 0, sends = 0, min_seconds = 0.7 * SLOW, seconds = 4 } },
  }), matrix.each({ name = "silence " .. case[1] .. " (timeout)",
    server = case[2], call = { timeout = 0.5 }, after = false }, {
    { want = { kind = "timeout", outcome = "not_sent", count = 0, sends = 0,
      min_seconds = 0.45 * SLOW, seconds = 2 } },
    { method = "POST", want = { kind = "timeout", outcome = "not_sent", count = 0,
      min_seconds = 0.45 * SLOW, seconds = 2 } },
  }))
end

-- After it was sent: the fate is unknown.
local SILENT = "the server was silent for too long (idle_timeout)"
local SENT = 2 -- seconds in which a busy machine sends the request and reads what there is
local late = {
  { "before the answer", { STALL } },
  { "in the status line", { send "HTTP/1.1 2", STALL } },
  { "in the headers", { send "HTTP/1.1 200 OK\r\nContent-Ty", STALL } },
  { "after 100", { send(head("100 Continue")), STALL } },
  { "after several interim answers", { send(head("102 Processing"):rep(20)), STALL } },
  { "before the body", { send(OPEN), STALL } },
  { "in the body", { send(OPEN, '{"a":'), STALL } },
  { "before a chunk", { send(CHUNKED), STALL } },
  { "in a chunk's size", { send(CHUNKED, "2"), STALL } },
  { "in a chunk", { send(CHUNKED, "20\r\nabc"), STALL } },
  { "before the last chunk", { send(CHUNKED, "2\r\n{}\r\n"), STALL } },
  { "in packed bytes", { send(head("200 OK", "Content-Encoding: gzip"), "\x1f\x8b\8\0"), STALL } },
  { "with the body of the request unread", { STALL, body = false } },
  { "over TLS, before the answer", { STALL }, "good" },
  { "over TLS, in the body", { send(OPEN, '{"a":'), STALL }, "good" },
}
for _, case in ipairs(late) do
  -- A body that nobody reads has to be more than what the sockets hold.
  local data = { text = ("x"):rep(case[2].body == false and 5000000 or 100) }
  rows = matrix.join(rows, matrix.each({ name = "silence " .. case[1] .. " (timeout)",
    server = { entries = { case[2] }, tls = case[3] }, call = { timeout = SENT } }, {
    { want = { kind = "timeout", outcome = "unknown", count = 1, sends = 1,
      min_seconds = SENT * SLOW - 0.05, seconds = SENT + 1.5 } },
    { method = "POST", call = { timeout = SENT, data = data }, want = { kind = "timeout",
      outcome = "unknown", count = 1, sends = 1, min_seconds = SENT * SLOW - 0.05,
      seconds = SENT + 1.5 } },
  }), matrix.each({ name = "silence " .. case[1] .. " (idle_timeout), once",
    server = { entries = { case[2], fault.ok }, tls = case[3] }, client = { idle_timeout = 1 } }, {
    { want = { kind = "ok", count = 2, sends = 2, min_seconds = 0.99 * SLOW, seconds = 3 } },
    { method = "POST", call = { data = data }, want = { kind = "timeout", outcome = "unknown",
      count = 1, sends = 1, text = SILENT, min_seconds = 0.99 * SLOW, seconds = 2.5 } },
  }))
end

-- A server that stops reading: more than the sockets hold, given whole and in pieces.
local MEGABYTES = 20
local function pieces()
  local left = MEGABYTES * 4
  return function()
    left = left - 1
    return left >= 0 and ("x"):rep(1 << 18) or nil
  end
end
local UNREAD = { body = false, { "sleep", 3 * SLOW } }
for _, case in ipairs {
  { "whole", { data = { text = ("x"):rep(MEGABYTES << 20) } } },
  { "whole, over TLS", { data = { text = ("x"):rep(MEGABYTES << 20) } }, "good" },
  { "in pieces", { source = pieces() } },
} do
  rows[#rows + 1] = { name = "a server that stops reading a body given " .. case[1],
    method = "POST", call = case[2], alone = true,
    server = { entries = { UNREAD }, tls = case[3] }, client = { idle_timeout = 1 },
    want = { kind = "timeout", outcome = "unknown", count = 1, sends = 1, text = SILENT,
      min_seconds = 0.99 * SLOW, seconds = 2.5 } }
end

-- One that reads four megabytes now and then, and has enough of it at last.
local now_and_then = { body = false }
for _ = 1, 4 do
  now_and_then[#now_and_then + 1] = { "sleep", 0.5 }
  for _ = 1, 64 do
    now_and_then[#now_and_then + 1] = { "take" }
    now_and_then[#now_and_then + 1] = { "forget" }
  end
end
now_and_then[#now_and_then + 1] = fault.reply(413, '{"message":"Enough"}')
for _, tls in ipairs { false, "good" } do
  rows[#rows + 1] = { name = "a server that reads a body slowly" .. (tls and ", over TLS" or ""),
    method = "POST", call = { data = { text = ("x"):rep(40 << 20) } }, alone = true,
    server = { entries = { now_and_then }, tls = tls or nil }, client = { idle_timeout = 0.9 },
    want = { kind = "http", status = 413, count = 1, sends = 1, min_seconds = 1.9 } }
end

-- Each byte comes later than the limit allows, so that the second one is not waited for.
for _, case in ipairs {
  { "headers", { { "trickle", OPEN, 1.6 * SLOW } } },
  { "body", { send(OPEN), { "trickle", (" "):rep(9), 1.6 * SLOW } } },
} do
  rows[#rows + 1] = { name = "trickled " .. case[1] .. ", slower than idle_timeout",
    method = "POST", server = { entries = { case[2] } }, client = { idle_timeout = 1 },
    want = { kind = "timeout", outcome = "unknown", count = 1, text = SILENT,
      min_seconds = 0.99 * SLOW, seconds = 2.5 } }
end

-- Slow is not silent: bytes trickle in, and only the call's own deadline ends that.
local BODY = '{"ok":true}'
local SHORT = head("200 OK", "Content-Length: " .. #BODY)
for _, case in ipairs {
  { "headers", { { "trickle", SHORT, 0.06 }, send(BODY) } },
  { "one header, longer than idle_timeout in all", { { "trickle", "HTTP/1.1 200 OK", 0.25 },
    send(SHORT:sub(16), BODY) } },
  { "interim answers", { { "trickle", head("102 Processing"):rep(2), 0.05 }, send(SHORT, BODY) } },
  { "body", { send(SHORT), { "trickle", BODY, 0.35 } } },
  { "body over TLS", { send(SHORT), { "trickle", BODY, 0.35 } }, "good" },
} do
  rows = matrix.join(rows, matrix.each({ name = "trickled " .. case[1],
    server = { entries = { case[2] }, tls = case[3] }, client = { idle_timeout = 0.7 } }, {
    { want = { kind = "ok", count = 1, sends = 1, min_seconds = 2, seconds = 8 } },
    { method = "POST", want = { kind = "ok", count = 1, min_seconds = 2, seconds = 8 } },
  }))
end
for _, case in ipairs {
  { "status line", { { "trickle", OPEN, 0.1 * SLOW } } },
  { "headers without end", { send "HTTP/1.1 200 OK\r\n", { "trickle", ("X-A: b\r\n"):rep(100),
    0.1 * SLOW } } },
  { "interim answers", { { "trickle", head("102 Processing"):rep(50), 0.02 * SLOW } } },
  { "body", { send(OPEN), { "trickle", (" "):rep(1000), 0.1 * SLOW } } },
  { "chunks", { send(CHUNKED), { "trickle", ("1\r\n \r\n"):rep(100), 0.1 * SLOW } } },
} do
  rows = matrix.join(rows, matrix.each({ name = "a trickle that takes too long: " .. case[1],
    server = { entries = { case[2] } }, call = { timeout = SENT } }, {
    { want = { kind = "timeout", outcome = "unknown", count = 1, min_seconds = SENT * SLOW - 0.1,
      seconds = SENT + 1.5 } },
    { method = "POST", want = { kind = "timeout", outcome = "unknown", count = 1,
      min_seconds = SENT * SLOW - 0.1, seconds = SENT + 1.5 } },
  }))
end

return rows
