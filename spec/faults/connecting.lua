-- The way to the server, before it has read a request.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local CLOSE, RESET, TAKE = { "close" }, { "reset" }, { "take" }
local BODY = { a = 1 }

local rows = {}
local function add(base, calls)
  rows = matrix.join(rows, matrix.each(base, calls))
end

-- Nothing was sent, so everything may go again, and is told so when it fails.
local never = { kind = "network", outcome = "not_sent", count = 0, sends = 0 }
local function all(want)
  return {
    { want = want },
    { method = "POST", call = { data = BODY }, want = want },
    { method = "PUT", call = { data = BODY, idempotent = false }, want = want },
    { method = "DELETE", call = { idempotent = false }, want = want },
  }
end

add({ name = "refused", server = false, base_url = "http://127.0.0.1:1/tenant" }, all(never))
add({ name = "refused over IPv6", server = false, base_url = "http://[::1]:1/tenant" }, all(never))
add({ name = "unreachable", server = false, base_url = "https://224.0.0.1/tenant" }, all(never))

-- localhost is ::1 first, then 127.0.0.1.
add({ name = "IPv6 first, but refused", base_url = "http://localhost:$PORT/tenant" },
  all { kind = "ok", count = 1, sends = 1, connections = 1, seconds = 2 })
add({ name = "IPv6 first, but dead", base_url = "http://localhost:$PORT/tenant",
  dead6 = true }, all { kind = "ok", count = 1, sends = 1, connections = 1, seconds = 3 })
add({ name = "IPv4 alone, which is dead", server = { full = true }, client = {
  connect_timeout = 0.3, attempts = 1 } }, all { kind = "timeout", outcome = "not_sent", count = 0,
  min_seconds = 0.25 * matrix.slow, seconds = 3 })

-- The connection is there, and ends at once: whether the request was read cannot be known.
local lost = { kind = "network", outcome = "unknown", count = 0, sends = 1 }
for _, case in ipairs {
  { "closed at once", { CLOSE } },
  { "reset at once", { RESET } },
  { "closed when bytes have come", { TAKE, CLOSE } },
  { "reset when bytes have come", { TAKE, RESET } },
} do
  add({ name = "a first connection, " .. case[1], server = { accept = { case[2] } } }, {
    { want = { kind = "ok", count = 1 } },
    { name = "HEAD", method = "HEAD", want = { kind = "ok", count = 1 } },
    { name = "PUT", method = "PUT", call = { data = BODY }, want = { kind = "ok", count = 1 } },
    { name = "DELETE", method = "DELETE", want = { kind = "ok", count = 1 } },
  })
  -- With something to send the client has sent it, or finds the connection gone before.
  add({ name = "a first connection, " .. case[1],
    server = { accept = { { TAKE, case[2][#case[2]] } } } }, {
    { name = "POST", method = "POST", call = { data = BODY }, want = lost },
    { name = "POST without a body", method = "POST", want = lost },
    { name = "PATCH", method = "PATCH", call = { data = BODY }, want = lost },
  })
end
add({ name = "every connection is closed at once", server = { accept = {
  { TAKE, CLOSE }, { TAKE, CLOSE } } }, after = false }, {
  { want = { kind = "network", outcome = "unknown", count = 0, sends = 2, connections = 2 } },
})
add({ name = "the server answers before it has read the body, and closes",
  server = { entries = { { body = false, fault.reply(413, '{"message":"too large"}'), CLOSE } } },
  after = false }, {
  { method = "POST", call = { data = { text = ("x"):rep(3000000) } }, want = { count = 1 },
    verify = function(_, got)
      -- The reset that answers the rest of the body may overtake the answer.
      local refused = got.kind == "http" and got.outcome == "refused" and got.status == 413
      if not refused and not (got.kind == "network" and got.outcome == "unknown") then
        error("ended as " .. tostring(got.err), 0)
      end
    end },
})

return rows
