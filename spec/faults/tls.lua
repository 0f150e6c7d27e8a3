-- TLS: certificates that must not be trusted, versions that are too old, handshakes that break.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local send = fault.send
local CLOSE, RESET, TAKE, DROP = { "close" }, { "reset" }, { "take" }, { "drop" }
local BODY = { a = 1 }

local rows = {}
local function add(base, want, write)
  rows = matrix.join(rows, matrix.each(base, {
    { want = want },
    { method = "POST", call = { data = BODY }, want = write or want },
  }))
end

-- The same would come of it again, so it is not tried again.
local function final(text)
  return { kind = "tls", outcome = "not_sent", count = 0, sends = 0, connections = 1, text = text }
end

add({ name = "a certificate that is fine", server = { tls = "good" } }, { kind = "ok", count = 1 })
for _, case in ipairs {
  { "that has expired", { tls = "expired" } },
  { "of another host", { tls = "wrong-host" } },
  { "that is self-signed", { tls = "self-signed" } },
} do
  add({ name = "a certificate " .. case[1], server = case[2], after = false }, final "certificate")
end
add({ name = "a certificate of an authority that is not in ca_file", server = { tls = "good" },
  other_authority = true, after = false }, final "certificate")
add({ name = "a key that is not the pinned one", server = { tls = "good" }, after = false,
  client = { pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" } }, final "pinned")

-- Versions. An old one is refused by our side or theirs; no request leaves either way.
for _, version in ipairs { "tlsv1", "tlsv1_1" } do
  add({ name = "a server that speaks nothing newer than " .. version, after = false,
    server = { tls = { protocol = version } } },
    { kind = "tls", outcome = "not_sent", count = 0, sends = 0 })
end
add({ name = "a server that speaks TLS 1.2 alone", server = { tls = { protocol = "tlsv1_2" } } },
  { kind = "ok", count = 1 })
add({ name = "a server that speaks TLS 1.2 alone, with min_tls 1.3", after = false,
  server = { tls = { protocol = "tlsv1_2" } }, client = { min_tls = "1.3" } },
  { kind = "tls", outcome = "not_sent", count = 0, sends = 0 })

-- Handshakes that break: nothing was sent.
local ALERT = "\21\3\3\0\2\2\40" -- fatal: handshake failure
for _, case in ipairs {
  { "the connection is closed before it", { CLOSE }, "tls" },
  { "the connection is closed in it", { TAKE, CLOSE }, "tls" },
  { "the connection is reset in it", { TAKE, RESET }, "tls" },
  { "the server's hello is cut", { TAKE, send "\22\3\3\0\122\2\0\0\118\3\3", CLOSE }, "tls" },
  { "the server refuses", { TAKE, send(ALERT), CLOSE }, "tls" },
  { "the server speaks plain HTTP", { TAKE, send(fault.head("400 Bad Request",
    "Content-Length: 0")), CLOSE }, "tls" },
  { "the server speaks SSH", { send "SSH-2.0-OpenSSH_9.2\r\n", TAKE, CLOSE }, "tls" },
  { "the server sends random bytes", { TAKE, send(("\1\2\3\4\5"):rep(100)), CLOSE }, "tls" },
} do
  add({ name = "a handshake that breaks every time: " .. case[1], after = false,
    server = { tls = "good", accept = { case[2], case[2], case[2], case[2] } } },
    { kind = case[3], outcome = "not_sent", count = 0, sends = 0 })
  add({ name = "a handshake that breaks once: " .. case[1],
    server = { tls = "good", accept = { case[2] } } }, { kind = "ok", count = 1, sends = 1 })
end

-- A body that ends with the connection: without TLS's goodbye anyone on the way may have cut it.
-- libcurl does not tell; that a document is whole shows in itself.
local OPEN = fault.head("200 OK", "Content-Type: application/json")
local cut_read = { kind = "network", count = 2, outcome = "unknown" }
local cut_write = { kind = "network", count = 1, outcome = "unknown" }
add({ name = "a body that ends with the goodbye", server = { tls = "good",
  entries = { { send(OPEN, '{"ok":true}'), CLOSE } } } }, { kind = "ok", count = 1 })
add({ name = "half a document, without a goodbye", server = { tls = "good",
  entries = { { send(OPEN, '{"ok":tr'), DROP } } } },
  { kind = "decode", outcome = "done", count = 1 })
add({ name = "a body that ends with a reset", server = { tls = "good",
  entries = { { send(OPEN, '{"ok":true}'), { "sleep", 0.1 }, RESET } } } }, cut_read, cut_write)
add({ name = "a body with a length, without a goodbye", server = { tls = "good",
  entries = { { fault.ok[1], DROP } } } }, { kind = "ok", count = 1 })

return rows
