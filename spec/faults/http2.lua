-- HTTP/2, which reads use where the server offers it, and writes never do.
local h2 = require "spec.support.h2"
local matrix = require "spec.support.matrix"

local frame, headers, data, goaway, reset = h2.frame, h2.headers, h2.data, h2.goaway, h2.reset
local CLOSE, CUT, STALL = { "close" }, { "reset" }, { "stall" }
local JSON = '{"ok":true}'

local TLS = { alpn = "h2" }
local rows = {}

-- A GET: what the first request meets; those after it are answered well, unless `more` says that
-- all meet the same. Then there is nothing to ask the client afterwards.
local function add(name, steps, want, more)
  more = more or {}
  local row = { name = "GET: " .. name, server = { tls = TLS, entries = { steps, h2.ok } },
    want = want }
  for field, value in pairs(more) do
    row[field] = value
  end
  if more.always then
    row.always = nil
    row.server.entries, row.after = { steps }, false
  end
  for _, field in ipairs { "greeting", "settings" } do
    row.server[field], row[field] = more[field], nil
  end
  rows[#rows + 1] = row
end

local function spoke_h2(world)
  for _, request in ipairs(world.server:requests(world.name)) do
    if request.protocol ~= "h2" then
      error("not over HTTP/2", 0)
    end
  end
end

local fine = { kind = "ok", count = 1, sends = 1, connections = 1 }
local again = { kind = "ok", count = 2, sends = 2 }
local lost = { kind = "network", outcome = "unknown", count = 2, sends = 2 }

add("an answer", h2.ok, fine, { verify = spoke_h2 })
add("an answer on a connection of the pool", h2.ok, fine, { warm = true, verify = spoke_h2 })
add("an answer in frames of one byte", { headers(200), data("{", false), data('"ok":tru', false),
  data("e}") }, fine)
add("an answer whose end is an empty frame", { headers(200), data(JSON, false), data "" }, fine)
add("an answer with padding", { headers(200), frame(h2.DATA, h2.END_STREAM | h2.PADDED,
  "\5" .. JSON .. "\0\0\0\0\0") }, fine)
add("trailers", { headers(200), data(JSON, false), frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM,
  h2.block { { "x-trailer", "y" } }) }, fine)
add("headers in a frame of HEADERS and one of CONTINUATION", { frame(h2.HEADERS, 0,
  h2.block { { ":status", "200" } }), frame(h2.CONTINUATION, h2.END_HEADERS,
  h2.block { { "content-type", "application/json" } }), data(JSON) }, fine)
add("100, 102 and 103 before the answer", { headers(100, {}), headers(102, {}),
  headers(103, { { "link", "</x>" } }), headers(200), data(JSON) }, fine)
add("204", { headers(204, {}, h2.END_HEADERS | h2.END_STREAM) }, { kind = "ok", status = 204,
  count = 1 })
add("503, then an answer", { headers(503), data "{}" }, again)
add("404", { headers(404), data "{}" }, { kind = "http", outcome = "refused", status = 404,
  count = 1 })
add("a body beyond all windows, sent as they open", { headers(200), data('"', false),
  { "flow", 40000000, "x" } }, { kind = "decode", status = 200, count = 1, seconds = 15 })
add("frames of an unknown type", { frame(0xbe, 0, "what"), headers(200),
  frame(0xbe, 0xff, "else", 0), data(JSON) }, fine)
add("PING and SETTINGS in between", { frame(h2.PING, 0, "12345678", 0), headers(200),
  frame(h2.SETTINGS, 0, "", 0), data(JSON) }, fine)

-- Writes: over HTTP/1.1, also when an HTTP/2 connection waits in the pool.
for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
  rows[#rows + 1] = {
    name = method .. ": over HTTP/1.1 beside an HTTP/2 connection", method = method, warm = true,
    reused = false, server = { tls = TLS }, after = false,
    want = { kind = "ok", count = 1, sends = 1, connections = 2 },
    verify = function(world)
      if world.server:requests(world.name)[1].protocol == "h2" then
        error("a write went over HTTP/2", 0)
      end
    end,
  }
end

-- RST_STREAM.
for _, case in ipairs {
  { "PROTOCOL_ERROR", 1 }, { "INTERNAL_ERROR", 2 }, { "FLOW_CONTROL_ERROR", 3 },
  { "STREAM_CLOSED", 5 }, { "CANCEL", 8 }, { "ENHANCE_YOUR_CALM", 11 }, { "unknown", 0xabcdef },
} do
  add("RST_STREAM before the answer, " .. case[1], { reset(case[2]) }, again)
  add("RST_STREAM in the body, " .. case[1], { headers(200), data('{"ok"', false), reset(case[2]) },
    again)
  add("RST_STREAM every time, " .. case[1], { reset(case[2]) }, lost, { always = true })
end
add("RST_STREAM before the answer, NO_ERROR", { reset(h2.NO_ERROR) }, again)
-- libcurl takes this for the end; that the document is cut shows in itself.
add("RST_STREAM in the body, NO_ERROR", { headers(200), data('{"ok"', false), reset(h2.NO_ERROR) },
  { kind = "decode", outcome = "done", count = 1 })
add("RST_STREAM behind a whole answer", { headers(200), data(JSON), reset(0) }, fine)
add("REFUSED_STREAM once", { reset(h2.REFUSED_STREAM) }, again)
add("REFUSED_STREAM every time", { reset(h2.REFUSED_STREAM) }, { kind = "network", count = 2,
  sends = 2 }, { always = true })
add("REFUSED_STREAM on a connection of the pool", { reset(h2.REFUSED_STREAM) }, again,
  { warm = true })

-- GOAWAY.
add("GOAWAY before the answer, our stream is served", { goaway(), headers(200), data(JSON) }, fine)
add("GOAWAY in the answer, our stream is served", { headers(200), data('{"ok"', false), goaway(),
  data ":true}" }, fine)
add("GOAWAY with our stream left out", { goaway(0, -2) }, again)
add("GOAWAY with our stream left out, and the end", { goaway(0, -2), CLOSE }, again)
add("GOAWAY with our stream left out, on a connection of the pool", { goaway(0, -2), CLOSE }, again,
  { warm = true })
add("GOAWAY with our stream left out every time", { goaway(0, -2), CLOSE }, { kind = "network",
  count = 2, sends = 2 }, { always = true })
add("GOAWAY and the end before the answer", { goaway(), CLOSE }, again)
add("GOAWAY and the end in the body", { headers(200), data('{"ok"', false), goaway(), CLOSE },
  again)
for _, case in ipairs { { "PROTOCOL_ERROR", 1 }, { "INTERNAL_ERROR", 2 },
  { "ENHANCE_YOUR_CALM", 11 } } do
  add("GOAWAY with " .. case[1] .. " and the end", { goaway(case[2]), CLOSE }, again)
end
rows[#rows + 1] = {
  name = "GET: GOAWAY while the connection is idle", warm = true, reused = false, rest = true,
  server = { tls = TLS, warm = { headers(200), data(JSON), { "hold" }, goaway(), CLOSE } },
  want = { kind = "ok", count = 1, sends = 1, connections = 2 },
}
rows[#rows + 1] = {
  name = "GET: the connection is closed while it is idle", warm = true, reused = false, rest = true,
  server = { tls = TLS, warm = { headers(200), data(JSON), { "hold" }, CLOSE } },
  want = { kind = "ok", count = 1, connections = 2 },
}
rows[#rows + 1] = { -- "hold": a reset throws away what the client has not read
  name = "GET: the connection is reset while it is idle", warm = true, reused = false, rest = true,
  server = { tls = TLS, warm = { headers(200), data(JSON), { "hold" }, CUT } },
  want = { kind = "ok", count = 1, connections = 2 },
}

-- The connection dies.
for _, case in ipairs {
  { "before the answer", {} },
  { "in a frame's head", { { "send", "\0\0" } } },
  { "in the frame of headers", { { "send", "\0\0\40\1\4\0\0\0\1\0\7:sta" } } },
  { "behind the headers", { headers(200) } },
  { "in the body", { headers(200), data('{"ok"', false) } },
} do
  local closed = { table.unpack(case[2]) }
  closed[#closed + 1] = CLOSE
  local cut = { table.unpack(case[2]) }
  cut[#cut + 1] = { "sleep", 0.05 }
  cut[#cut + 1] = CUT
  add("the connection is closed " .. case[1], closed, again)
  add("the connection is reset " .. case[1], cut, again)
  add("the connection of the pool is closed " .. case[1], closed, again, { warm = true })
  add("the connection is closed every time " .. case[1], closed, lost, { always = true })
end

-- Silence.
local SLOW = matrix.slow
for _, case in ipairs {
  { "before the answer", { STALL } },
  { "behind the headers", { headers(200), STALL } },
  { "in the body, as with a window that never opens", { headers(200), data('{"ok"', false),
    STALL } },
  { "behind GOAWAY", { goaway(), STALL } },
} do
  add("silence " .. case[1], case[2], { kind = "timeout", outcome = "unknown", count = 1, sends = 1,
    min_seconds = 1.95 * SLOW, seconds = 3.5 }, { always = true, call = { timeout = 2 } })
end
add("silence instead of SETTINGS", h2.ok, { kind = "timeout", outcome = "unknown",
  min_seconds = 1.95 * SLOW, seconds = 3.5 },
  { greeting = { STALL }, call = { timeout = 2 }, after = false })

-- What breaks the protocol: the connection is of no use any more, the request goes again.
local broken = { outcome = "unknown", sends = 2, count = 2 }
for _, case in ipairs {
  { "DATA in front of the headers", { data(JSON) } },
  { "headers without a status", { frame(h2.HEADERS, h2.END_HEADERS, h2.block { { "a", "b" } }),
    data(JSON) } },
  { "a status that is none", { headers("abc"), data(JSON) } },
  { "a header in capitals", { headers(200, { { "X-A", "b" } }), data(JSON) } },
  { "a header with a line end", { headers(200, { { "x-a", "b\r\nc: d" } }), data(JSON) } },
  { "a header with NUL", { headers(200, { { "x-a", "b\0c" } }), data(JSON) } },
  { "the header connection", { headers(200, { { "connection", "close" } }), data(JSON) } },
  { "an index of HPACK that nothing has", { frame(h2.HEADERS, h2.END_HEADERS,
    "\xff\xff\xff\x0f") } },
  { "HPACK that is cut", { frame(h2.HEADERS, h2.END_HEADERS, "\0\x20abc") } },
  { "a content-length that is too long", { headers(200, { { "content-length", "500" } }),
    data(JSON) } },
  { "a content-length that is too short", { headers(200, { { "content-length", "5" } }),
    data(JSON) } },
  { "a content-length that is none", { headers(200, { { "content-length", "many" } }),
    data(JSON) } },
  { "a frame that is too long", { { "send", "\1\0\0\0\0\0\0\0\1" }, { "fill", 65536, "x" } } },
  { "PUSH_PROMISE", { frame(h2.PUSH_PROMISE, h2.END_HEADERS, "\0\0\0\2" .. h2.block {
    { ":method", "GET" } }) } },
  { "HEADERS on a stream that nobody opened", { frame(h2.HEADERS, h2.END_HEADERS, h2.block {
    { ":status", "200" } }, 9) } },
  { "HEADERS on stream 0", { frame(h2.HEADERS, h2.END_HEADERS, h2.block { { ":status", "200" } },
    0) } },
  { "CONTINUATION that belongs to nothing", { frame(h2.CONTINUATION, h2.END_HEADERS, "") } },
  { "a window that grows too far", { frame(h2.WINDOW_UPDATE, 0, "\127\255\255\255", 0) } },
  { "a window that does not grow", { frame(h2.WINDOW_UPDATE, 0, "\0\0\0\0", 0) } },
  { "SETTINGS of a wrong length", { frame(h2.SETTINGS, 0, "abc", 0) } },
} do
  local once = { table.unpack(case[2]) }
  add(case[1] .. ", once", once, again)
  local always = { table.unpack(case[2]) }
  add(case[1] .. ", every time", always, broken, { always = true })
end
add("HTTP/1.1 in place of the first SETTINGS", h2.ok, { count = 0, outcome = "unknown" },
  { greeting = { { "send", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" }, CLOSE },
    after = false })
add("random bytes in place of the first SETTINGS", h2.ok, { count = 0, outcome = "unknown" },
  { greeting = { { "send", ("\1\2\3\4\5"):rep(500) }, CLOSE }, after = false })

-- Too much.
local long = ("x"):rep(4000)
local many = {}
for index = 1, 400 do
  many[index] = { "x-" .. index, "y" }
end
local function large(name, steps, more)
  more = more or {}
  more.always = true
  add(name, steps, { kind = "too_large", count = 1 }, more)
end
large("more headers than the limit", { headers(200, many), data(JSON) })
large("headers over the client's own limit", { headers(200, { { "x-a", long } }), data(JSON) },
  { client = { max_headers = 2000 } })
-- A head of HEADERS and so many CONTINUATIONs of 16,000 bytes.
local function long_head(count)
  local steps = { frame(h2.HEADERS, 0, h2.block { { ":status", "200" } }) }
  for index = 1, count do
    steps[index + 1] = frame(h2.CONTINUATION, 0, h2.block { { "x-a", ("x"):rep(16000) } })
  end
  steps[#steps + 1] = frame(h2.CONTINUATION, h2.END_HEADERS, "")
  steps[#steps + 1] = data(JSON)
  return steps
end
large("headers of 96 kB in CONTINUATION, over the client's limit", long_head(6),
  { client = { max_headers = 50000 } })
add("a flood of CONTINUATION", long_head(40), broken, { always = true })
large("a body beyond the limit", { headers(200), { "flow", 5000000, "x" } },
  { client = { max_body = 1000000 } })
add("a storm of PINGs", { { "frames", 5000, h2.PING, 0, "12345678", 0 }, headers(200), data(JSON) },
  fine)
add("a storm of SETTINGS", { { "frames", 900, h2.SETTINGS, 0, "", 0 }, headers(200), data(JSON) },
  fine)
add("a storm of empty DATA", { headers(200), { "frames", 5000, h2.DATA, 0, "", false },
  data(JSON) }, fine)
add("interim answers without end", { { "frames", 20000, h2.HEADERS, h2.END_HEADERS,
  h2.block { { ":status", "102" } }, false }, CLOSE }, lost, { always = true })

return rows
