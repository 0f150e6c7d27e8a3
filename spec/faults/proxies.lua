-- Proxies that refuse, ask for a password, fail or die. A tunnel that is not there has carried
-- nothing; and what is meant for the server never reaches the proxy.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local head, send = fault.head, fault.send
local CLOSE, RESET = { "close" }, { "reset" }
local BODY = { a = 1 }

-- Nothing of ours is in what the proxy got.
local function discreet(world)
  for _, request in ipairs(world.server:requests(world.name .. "/proxy")) do
    local text = request.head:lower()
    for _, word in ipairs { "\nauthorization:", "x-api-key", "x-gw-ims-org-id", "example-token" } do
      if text:find(word, 1, true) then
        error("the proxy got: " .. request.head, 0)
      end
    end
  end
end

local rows = {}
local function add(name, steps, want, more)
  local base = { name = name, server = { tls = "good" }, proxy = steps and { entries = { steps } },
    client = { access_token = "example-token", org_id = "EXAMPLE@AdobeOrg" }, after = false,
    verify = discreet }
  for field, value in pairs(more or {}) do
    base[field] = value
  end
  rows = matrix.join(rows, matrix.each(base, {
    { want = want },
    { method = "POST", call = { data = BODY }, want = want },
  }))
end

local function never(proxied, status, kind)
  return { kind = kind or "network", outcome = "not_sent", count = 0, sends = 0, connections = 0,
    proxied = proxied, status = status }
end

add("a proxy that works", { send(head "200 Connection established"), { "tunnel", "$PORT" } },
  { kind = "ok", count = 1, sends = 1, proxied = 1 })
add("a proxy that refuses the connection", nil, never(),
  { client = { proxy = "http://127.0.0.1:1" }, verify = false })
add("a proxy that asks for a password", { send(head("407 Proxy Authentication Required",
  'Proxy-Authenticate: Basic realm="example"', "Content-Length: 0")) }, never(1, 407, "auth"))
add("a proxy that refuses the password", { send(head("407 Proxy Authentication Required",
  'Proxy-Authenticate: Basic realm="example"', "Content-Length: 0")) }, never(1, 407, "auth"),
  { client = { proxy = "http://user:example-not-a-secret@127.0.0.1:$PROXY" },
    verify = function(world, got)
      discreet(world)
      if tostring(got.err):find("example-not-a-secret", 1, true) then
        error("the password shows", 0)
      end
    end })
add("a proxy that forbids", { send(head("403 Forbidden", "Content-Length: 0")) },
  never(1, 403, "gateway"))
for _, status in ipairs { 429, 500, 502, 503, 504 } do
  add("a proxy that answers " .. status,
    { send(head(status .. " No", "Content-Length: 4"), "Away") }, never(2, status))
end
add("a proxy that answers 502 once", nil, { kind = "ok", count = 1, sends = 1, proxied = 2 },
  { proxy = { entries = { { send(head("502 Bad Gateway", "Content-Length: 0")) },
    { send(head "200 Connection established"), { "tunnel", "$PORT" } } } } })
add("a proxy that redirects", { send(head("302 Found", "Location: http://127.0.0.1:$SECOND/",
  "Content-Length: 0")) }, { kind = "network", outcome = "not_sent", count = 0, sends = 0,
  second = 0 }, { second = {} })
for _, case in ipairs {
  { "closes instead of an answer", { CLOSE } },
  { "resets instead of an answer", { RESET } },
  { "closes in the answer", { send "HTTP/1.1 200 Conn", CLOSE } },
  { "closes behind its answer", { send(head "200 Connection established"), CLOSE } },
  { "resets behind its answer", { send(head "200 Connection established"), { "sleep", 0.05 },
    RESET } },
  { "speaks no HTTP", { send "SSH-2.0-OpenSSH_9.2\r\n\r\n", CLOSE } },
  { "speaks HTTP behind its answer", { send(head "200 Connection established", head "400 Bad"),
    CLOSE } },
} do
  add("a proxy that " .. case[1], case[2], { outcome = "not_sent", count = 0, sends = 0,
    connections = 0, proxied = 2 })
end
add("a proxy that is silent", { { "stall" } }, { kind = "timeout", outcome = "not_sent", count = 0,
  sends = 0, proxied = 2, min_seconds = 0.7 * matrix.slow, seconds = 4 },
  { client = { connect_timeout = 0.4 } })
add("a proxy whose answer never ends", { send "HTTP/1.1 200 OK\r\n", { "trickle",
  ("X-A: b\r\n"):rep(100), 0.05 * matrix.slow } }, { kind = "timeout", outcome = "not_sent",
  count = 0, sends = 0, min_seconds = 0.7 * matrix.slow, seconds = 4 },
  { client = { connect_timeout = 0.4 } })

-- A server on this machine, in the clear, through a proxy: the proxy answers itself.
local plain = { server = {}, verify = false }
local HTML = { ["Content-Type"] = "text/html" }
for _, case in ipairs {
  { "407", { fault.reply(407, "<html>", HTML) }, { outcome = "refused", status = 407, proxied = 1,
    count = 0 } },
  { "502", { fault.reply(502, "<html>", HTML) }, { kind = "gateway", outcome = "unknown",
    status = 502, count = 0 } },
} do
  add("a proxy of a plain server that answers " .. case[1], case[2], case[3], plain)
end

-- A proxy that tunnels, and a connection in the tunnel that dies.
rows = matrix.join(rows, matrix.each({ name = "a tunnel in which the connection dies",
  server = { tls = "good", entries = { { { "reset" } }, fault.ok } }, after = false,
  proxy = { entries = { { send(head "200 Connection established"), { "tunnel", "$PORT" } } } } }, {
  { want = { kind = "ok", count = 2, sends = 2 } },
  { method = "POST", call = { data = BODY }, want = { kind = "network", outcome = "unknown",
    count = 1, sends = 1 } },
}))

return rows
