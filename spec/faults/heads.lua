-- Heads of answers: interim ones, statuses that do not exist, too much, malformed, older than
-- HTTP/1.1; and statuses that have no body but come with one.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local head, send = fault.head, fault.send
local CLOSE = { "close" }

local BODY = '{"ok":true}'
local LENGTH = "Content-Length: " .. #BODY
local TYPE = "Content-Type: application/json"

local fine = { kind = "ok", status = 200, count = 1, sends = 1 }
-- What is no HTTP stays so: the same request would end the same way.
local wrong_read = { kind = "http", outcome = "unknown", count = 1, sends = 1 }
local wrong_write = wrong_read
local large_read = { kind = "too_large", count = 1, seconds = 3 }
local large_write = { kind = "too_large", outcome = "done", count = 1, seconds = 3 }

-- An answer of status 200 whose head holds these bytes too.
local function with(lines)
  return { send("HTTP/1.1 200 OK\r\n", TYPE, "\r\n", LENGTH, "\r\n", lines, "\r\n\r\n", BODY) }
end

local function header_is(name, value)
  return function(_, got)
    local held = got.response.headers[name]
    if held ~= value then
      error(("%s is %q"):format(name, tostring(held)), 0)
    end
  end
end

local rows = {}
local function add(name, steps, read, write, more)
  rows = matrix.join(rows, matrix.both(name, steps, read, write, more))
end

local ANSWER = head("200 OK", TYPE, LENGTH) .. BODY
add("100 before the answer", { send(head("100 Continue"), ANSWER) }, fine, fine)
add("102 before the answer", { send(head("102 Processing"), ANSWER) }, fine, fine)
add("100, three times 103 with headers, then the answer", { send(head("100 Continue"),
  head("103 Early Hints", "Link: </x>", "Content-Length: 7"):rep(3), ANSWER) }, fine, fine,
  { verify = header_is("link", nil) })
add("an interim status that nobody knows", { send(head("199 Soon"), ANSWER) }, fine, fine)
add("interim answers without end", { { "fill", 100000, head("102 Processing") }, CLOSE },
  { kind = "too_large", count = 1 }, { kind = "too_large", outcome = "unknown", count = 1 })
add("101 that nobody asked for", { send(head("101 Switching", "Upgrade: x", "Connection: upgrade")),
  { "stall" } }, wrong_read, wrong_write)
add("101 to HTTP/2 that nobody asked for", { send(head("101 Switching", "Upgrade: h2c",
  "Connection: upgrade")), { "stall" } }, wrong_read, wrong_write)

add("204 with a body", { send(head("204 No Content"), "junk"), CLOSE },
  { kind = "ok", status = 204, count = 1 }, { kind = "ok", status = 204, count = 1 })
for _, late in ipairs { 0, 0.1 } do -- the next call must not take it for its answer
  local when = late > 0 and ", which comes late" or ""
  add("204 with a whole answer as its body" .. when, { send(head("204 No Content",
    "Content-Length: 60")), { "sleep", late }, send(head("200 OK", "Content-Length: 2"), "[]") },
    { kind = "ok", status = 204, count = 1 }, { kind = "ok", status = 204, count = 1 },
    { linger = 2 * late })
  add("more bytes than Content-Length says" .. when, { send(ANSWER), { "sleep", late },
    send(head("200 OK", "Content-Length: 2"), "[]") }, fine, fine, { linger = 2 * late })
end
add("304 with a body", { send(head("304 Not Modified", LENGTH), BODY), CLOSE },
  { kind = "http", status = 304, count = 1 }, { kind = "http", status = 304, count = 1 })
rows = matrix.join(rows, matrix.each({ name = "an answer to HEAD that has a body" }, {
  { method = "HEAD", server = { entries = { { send(ANSWER) } } }, want = fine },
}))
add("200 without a body", { send(head("200 OK", "Content-Length: 0")) }, fine, fine)

for _, status in ipairs { "999 Odd", "600 Odd", "099 Odd", "20 Short", "2000 Long", "0x1 Odd" } do
  add("status " .. status:match("%w+"), { send(head(status, LENGTH), BODY) }, wrong_read,
    wrong_write)
end
add("a status line without a reason", { send("HTTP/1.1 200\r\n", LENGTH, "\r\n\r\n", BODY) },
  fine, fine)
for _, case in ipairs {
  { "a version that does not exist", "HTTP/7.3 200 OK" },
  { "a status line of another protocol", "ICY 200 OK" },
  { "no HTTP at all", "SSH-2.0-OpenSSH_9.2" },
  { "a blank instead of a status", "HTTP/1.1  OK" },
} do
  add(case[1], { send(case[2], "\r\n", LENGTH, "\r\n\r\n", BODY), CLOSE }, wrong_read, wrong_write)
end
add("a request instead of an answer", { send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
  CLOSE }, wrong_read, wrong_write)
add("HTTP/0.9: a body alone", { send(BODY), CLOSE }, wrong_read, wrong_write)
add("random bytes", { send(("\0\1\2\3\255"):rep(500)), CLOSE }, wrong_read, wrong_write)
add("a head that ends with the connection", { send("HTTP/1.1 200 OK\r\n", LENGTH, "\r\n"), CLOSE },
  { kind = "network", count = 2 }, { kind = "network", outcome = "unknown", count = 1 })

-- HTTP/1.0.
add("HTTP/1.0, the body ends with the connection", { send("HTTP/1.0 200 OK\r\n\r\n", BODY), CLOSE },
  fine, fine)
add("HTTP/1.0 with a length", { send("HTTP/1.0 200 OK\r\n", LENGTH, "\r\n\r\n", BODY), CLOSE },
  fine, fine)
add("HTTP/1.0 with a body that is cut", { send("HTTP/1.0 200 OK\r\n", LENGTH, "\r\n\r\n",
  BODY:sub(1, 5)), CLOSE }, { kind = "network", count = 2 },
  { kind = "network", outcome = "unknown", count = 1 })
rows = matrix.join(rows, matrix.each({ name = "HTTP/1.0 with keep-alive", warm = true,
  server = { warm = { send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", LENGTH, "\r\n\r\n",
    BODY) } } }, { { want = { kind = "ok", count = 1, connections = 1 } } }))
rows = matrix.join(rows, matrix.each({ name = "HTTP/1.0 without keep-alive", warm = true,
  reused = false, server = { warm = { send("HTTP/1.0 200 OK\r\n", LENGTH, "\r\n\r\n", BODY) } } },
  { { want = { kind = "ok", count = 1, connections = 2 } } }))
rows = matrix.join(rows, matrix.each({ name = "Connection: close is obeyed", warm = true,
  reused = false, server = { warm = { send("HTTP/1.1 200 OK\r\nConnection: close\r\n", LENGTH,
    "\r\n\r\n", BODY) } } }, { { want = { kind = "ok", count = 1, connections = 2 } } }))

-- Too much.
local many = {}
for index = 1, 400 do
  many[index] = "X-" .. index .. ": y"
end
local long = ("x"):rep(2000)
add("more headers than the limit", with(table.concat(many, "\r\n")), large_read, large_write)
add("headers of 300 kB", with((("X-A: " .. long .. "\r\n"):rep(150):sub(1, -3))), large_read,
  large_write)
add("one header of 120 kB", with("X-A: " .. long:rep(60)), large_read, large_write)
add("headers over the client's own limit", with("X-A: " .. long:rep(2)), large_read, large_write,
  { client = { max_headers = 2000 } })
add("headers without end", { send "HTTP/1.1 200 OK\r\n", { "fill", 100000, "X-A: b\r\n" }, CLOSE },
  large_read, large_write)
add("100 trailers behind the last chunk", { send(head("200 OK", TYPE, "Transfer-Encoding: chunked"),
  "b\r\n", BODY, "\r\n0\r\n", ("X-T: y\r\n"):rep(100), "\r\n") }, fine, fine,
  { verify = header_is("x-t", nil) })

-- Malformed. RFC 9112, 5: a field name is a token, and nothing stands between it and the colon.
for _, case in ipairs {
  { "a header without a colon", "Nonsense" },
  { "a header without a name", ": value" },
  { "a blank before the colon", "X-A : b" },
  { "a blank in a header's name", "X A: b" },
  { "a control byte in a header's name", "X-\1A: b" },
  { "NUL in a header's name", "X-\0A: b" },
  { "NUL in a header's value", "X-A: b\0c" },
  { "a bare CR in a header's value", "X-A: b\rContent-Encoding: gzip" },
} do
  add(case[1], with(case[2]), wrong_read, wrong_write)
end
add("bytes above 127 in a header's value", with("X-A: caf\xe9"), fine, fine,
  { verify = header_is("x-a", "caf\xe9") })
add("a header without a value", with("X-A:"), fine, fine, { verify = header_is("x-a", "") })
-- RFC 9112, 5.2: a fold is one or more blanks.
add("a header folded into three lines", with("X-A: b\r\n  c\r\n\td: e"), fine, fine,
  { verify = header_is("x-a", "b c d: e") })
add("a fold in front of the first header", { send("HTTP/1.1 200 OK\r\n folded: x\r\n", LENGTH,
  "\r\n\r\n", BODY) }, wrong_read, wrong_write)
add("lines that end in LF alone", { send("HTTP/1.1 200 OK\n", LENGTH, "\nX-A: b\n\n", BODY) }, fine,
  fine, { verify = header_is("x-a", "b") })

return rows
