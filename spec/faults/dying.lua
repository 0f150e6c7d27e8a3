-- A connection that dies after the request was read, at each point of the answer; fresh, and taken
-- from the pool, where libcurl would repeat on its own. Writes that must not go twice go once, and
-- their fate is unknown; the rest is repeated.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local head, send = fault.head, fault.send

local JSON = '{"items":[{"sku":"24-MB01"}],"total_count":1}'
local PLAIN = head("200 OK", "Content-Type: application/json", "Content-Length: " .. #JSON)
local CHUNKED = head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
local CLOSE, RESET, PAUSE = { "close" }, { "reset" }, { "sleep", 0.05 }

local deaths = {
  { "closed", { CLOSE } },
  { "reset", { RESET } },
  { "closed in the status line", { send "HTTP/1.1 2", CLOSE } },
  { "closed in the headers", { send "HTTP/1.1 200 OK\r\nContent-Ty", CLOSE } },
  { "closed after a whole header", { send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", CLOSE } },
  { "reset in the headers", { send "HTTP/1.1 200 OK\r\n", PAUSE, RESET } },
  { "closed after the headers", { send(PLAIN), CLOSE } },
  { "reset after the headers", { send(PLAIN), PAUSE, RESET } },
  { "closed in the body", { send(PLAIN, JSON:sub(1, 10)), CLOSE } },
  { "reset in the body", { send(PLAIN, JSON:sub(1, 10)), PAUSE, RESET } },
  { "closed in a chunk", { send(CHUNKED, "20\r\nabc"), CLOSE } },
  { "closed after an interim answer", { send(head("103 Early Hints")), CLOSE } },
}

local BODY = { a = 1 }
local once = { kind = "network", outcome = "unknown", count = 1, sends = 1 }
local twice = { kind = "ok", count = 2, sends = 2 }
local calls = {
  { name = "GET", want = twice },
  { name = "HEAD", method = "HEAD", want = twice },
  { name = "GET that may not be repeated", call = { idempotent = false }, want = once },
  { name = "POST with a body", method = "POST", call = { data = BODY }, want = once },
  { name = "POST without a body", method = "POST", want = once },
  { name = "POST that may be repeated", method = "POST", call = { data = BODY, idempotent = true },
    want = twice },
  { name = "PATCH with a body", method = "PATCH", call = { data = BODY }, want = once },
  { name = "PATCH without a body", method = "PATCH", want = once },
  { name = "PATCH that may be repeated", method = "PATCH",
    call = { data = BODY, idempotent = true }, want = twice },
  { name = "PUT with a body", method = "PUT", call = { data = BODY }, want = twice },
  { name = "PUT without a body", method = "PUT", want = twice },
  { name = "PUT that may not be repeated", method = "PUT",
    call = { data = BODY, idempotent = false }, want = once },
  { name = "PUT without a body that may not be repeated", method = "PUT",
    call = { idempotent = false }, want = once },
  { name = "DELETE", method = "DELETE", want = twice },
  { name = "DELETE with a body", method = "DELETE", call = { data = BODY }, want = twice },
  { name = "DELETE that may not be repeated", method = "DELETE", call = { idempotent = false },
    want = once },
}

-- An answer to HEAD is whole after its headers.
local function whole_for_head(death)
  return death[1]:find("in the body$") or death[1]:find("in a chunk$")
    or death[1]:find("after the headers$")
end

local rows = {}
for _, death in ipairs(deaths) do
  for _, warm in ipairs { false, true } do
    local list = {}
    for _, call in ipairs(calls) do
      if call.method ~= "HEAD" or not whole_for_head(death) then
        list[#list + 1] = call
      end
    end
    rows = matrix.join(rows, matrix.each({
      name = (warm and "connection of the pool, " or "fresh connection, ") .. death[1],
      server = { entries = { death[2], fault.ok } }, warm = warm,
    }, list))
  end
end

-- The server closes an idle connection. Seen in time, a fresh one is taken and nothing is lost;
-- else the request goes out on a connection that is dead already.
local fine = fault.ok[1]
local fresh = { kind = "ok", count = 1, sends = 1, connections = 2 }
-- "hold": a reset throws away what the client has not read yet, and that call would be repeated.
local idle = {
  { "closed", "good", { fine, CLOSE } },
  { "closed in the clear", nil, { fine, CLOSE } },
  { "closed without TLS's goodbye", "good", { fine, { "drop" } } },
  { "reset", "good", { fine, { "hold" }, RESET } },
  { "reset in the clear", nil, { fine, { "hold" }, RESET } },
  { "spoken on unasked", nil, { fine, send(head("408 Request Timeout",
    "Content-Length: 0")), CLOSE } },
}
for _, case in ipairs(idle) do
  rows = matrix.join(rows, matrix.each({
    name = "idle connection, " .. case[1], warm = true, rest = true, reused = false,
    server = { tls = case[2], warm = case[3] },
  }, {
    { want = fresh },
    { method = "POST", call = { data = BODY }, want = fresh },
    { method = "POST", name = "POST without a body", want = fresh },
    { method = "PUT", call = { data = BODY, idempotent = false }, want = fresh },
  }))
end
for _, case in ipairs { { "in the clear" }, { "over TLS", "good" } } do
  rows = matrix.join(rows, matrix.each({
    name = "idle connection, reset while the request is under way, " .. case[1],
    warm = true, reused = false,
    server = { tls = case[2], warm = { fine, { "take" }, RESET } },
  }, {
    { want = { kind = "ok", count = 1, sends = 2, connections = 2 } },
    { method = "POST", call = { data = BODY },
      want = { kind = "network", outcome = "unknown", count = 0, sends = 1 } },
    { method = "DELETE", want = { kind = "ok", count = 1, sends = 2 } },
    { method = "DELETE", name = "DELETE that may not be repeated", call = { idempotent = false },
      want = { kind = "network", outcome = "unknown", count = 0, sends = 1 } },
  }))
end
return rows
