-- Where a body ends: lengths that are short, long, doubled or no numbers, and bad chunks.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local head, send = fault.head, fault.send
local CLOSE = { "close" }

local BODY = '{"ok":true}'
local TYPE = "Content-Type: application/json"
local CHUNKED = head("200 OK", TYPE, "Transfer-Encoding: chunked")

local fine = { kind = "ok", status = 200, count = 1, sends = 1 }
local lost_read = { kind = "network", outcome = "unknown", count = 2, sends = 2 }
local lost_write = { kind = "network", outcome = "unknown", count = 1, sends = 1 }
local wrong = { kind = "http", outcome = "unknown", count = 1, sends = 1 }
local large_read = { kind = "too_large", count = 1 }
local large_write = { kind = "too_large", outcome = "done", count = 1 }

local rows = {}
local function add(name, steps, read, write, more)
  rows = matrix.join(rows, matrix.both(name, steps, read, write, more))
end

local function with(...)
  return { send(head("200 OK", TYPE, ...), BODY) }
end

for tenth = 0, 9 do
  add(("a body of which %d/10 come"):format(tenth), { send(head("200 OK", TYPE,
    "Content-Length: " .. #BODY), BODY:sub(1, #BODY * tenth // 10)), CLOSE }, lost_read, lost_write)
end
add("a length that is too short", { send(head("200 OK", TYPE, "Content-Length: 5"), BODY), CLOSE },
  { kind = "decode", count = 1 }, { kind = "decode", outcome = "done", count = 1 })
add("a length that is too long", { send(head("200 OK", TYPE, "Content-Length: 500"), BODY), CLOSE },
  lost_read, lost_write)
add("no length and no chunks: the body ends with the connection", { send(head("200 OK", TYPE),
  BODY), CLOSE }, fine, fine)

-- RFC 9112, 6.3: lengths that differ, or are no numbers, end the answer; equal ones are one.
local length = "Content-Length: "
add("two lengths that differ", with(length .. 11, length .. 12), wrong, wrong)
add("two lengths that differ in one line", with(length .. "11, 12"), wrong, wrong)
add("two lengths that differ, the larger one first", with(length .. "12,11"), wrong, wrong)
add("the same length twice", with(length .. 11, length .. 11), fine, fine)
add("the same length twice in one line", with(length .. "11, 11"), fine, fine)
for _, value in ipairs { "eleven", "-11", "+11", "11x", "0x0b", "11 11", "1e1", "11,", ",11", "",
  "11.0", "99999999999999999999999" } do
  add(("a length of %q"):format(value), with(length .. value), wrong, wrong)
end
add("leading zeros in a length", with(length .. "0000011"), fine, fine)
add("a length that differs from that of the chunks", { send(head("200 OK", TYPE, length .. 500,
  "Transfer-Encoding: chunked"), "b\r\n", BODY, "\r\n0\r\n\r\n") }, fine, fine)

for _, case in ipairs {
  { "a chunk that ends early", "20\r\nabc" },
  { "a last chunk that is missing", "b\r\n" .. BODY .. "\r\n" },
  { "a last chunk without its empty line", "b\r\n" .. BODY .. "\r\n0\r\n" },
  { "a chunk size that is none", "zz\r\nabc\r\n0\r\n\r\n" },
  { "a chunk size that is negative", "-5\r\nabc\r\n0\r\n\r\n" },
  { "a chunk size of 20 digits", "fffffffffffffffffff\r\nabc\r\n0\r\n\r\n" },
  { "a chunk size that is missing", "\r\nabc\r\n0\r\n\r\n" },
  { "a chunk longer than it says", "5\r\n" .. BODY .. "\r\n0\r\n\r\n" },
} do
  add(case[1], { send(CHUNKED, case[2]), CLOSE }, lost_read, lost_write)
end
add("chunks of one byte", { send(CHUNKED, (BODY:gsub(".", "1\r\n%0\r\n")), "0\r\n\r\n") }, fine,
  fine)
add("chunks with extensions and trailers", { send(CHUNKED, "b;name=\"value\"\r\n", BODY,
  "\r\n0\r\nX-T: y\r\n\r\n") }, fine, fine)
add("chunks, byte by byte", { send(CHUNKED), { "trickle", "b\r\n" .. BODY .. "\r\n0\r\n\r\n",
  0.01 } }, fine, fine)
add("chunked twice", { send(head("200 OK", "Transfer-Encoding: chunked, chunked"), "0\r\n\r\n"),
  CLOSE }, { kind = "decode", count = 2 }, { kind = "decode", outcome = "done", count = 1 })
add("a transfer coding that nobody asked for", { send(head("200 OK",
  "Transfer-Encoding: gzip, chunked"), "0\r\n\r\n"), CLOSE },
  { kind = "decode", count = 2 }, { kind = "decode", outcome = "done", count = 1 })

local small = { client = { max_body = 1000000 } }
add("a body beyond the limit", { send(head("200 OK", length .. 5000000)), { "fill", 5000000, "x" },
  CLOSE }, large_read, large_write, small)
add("chunks without end", { send(CHUNKED), { "fill", 100000,
  "400\r\n" .. ("x"):rep(1024) .. "\r\n" }, CLOSE }, large_read, large_write, small)
add("a body without end that ends with the connection", { send(head("200 OK", TYPE)),
  { "fill", 50000000, "x" }, CLOSE }, large_read, large_write, small)
rows = matrix.join(rows, matrix.each({ name = "a length beyond the limit in the answer to a HEAD",
  client = small.client, server = { entries = { { send(head("200 OK", length .. 5000000)) } } } },
  { { method = "HEAD", want = fine } }))

return rows
