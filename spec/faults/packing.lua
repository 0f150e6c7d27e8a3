-- Packed bodies: cut, corrupt, of several members, of another coding, and bombs.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"
local run = require "spec.support.run"

local gzipped, head, send = fault.gzipped, fault.head, fault.send
local CLOSE = { "close" }

local JSON = '{"items":[{"sku":"24-MB01"}],"total_count":1}'
local PACKED = fault.gzip(JSON)

local fine = { kind = "ok", count = 1, sends = 1 }
-- What was garbled on its way may come whole the next time; a write has happened all the same.
local broken_read = { kind = "decode", count = 2, sends = 2 }
local broken_write = { kind = "decode", outcome = "done", count = 1, sends = 1 }
local large_read = { kind = "too_large", count = 1 }
local large_write = { kind = "too_large", outcome = "done", count = 1 }

local rows = {}
local function add(name, steps, read, write, more)
  rows = matrix.join(rows, matrix.both(name, steps, read or broken_read, write or broken_write,
    more))
end

local function right(_, got)
  if got.response.data.total_count ~= 1 then
    error("not the document that was packed", 0)
  end
end

-- A body that says it is packed, without its length.
local function until_the_end(bytes)
  return { send(head("200 OK", "Content-Encoding: gzip"), bytes), CLOSE }
end

add("gzip", { gzipped(PACKED) }, fine, fine, { verify = right })
add("gzip, under its old name", { gzipped(PACKED, "x-gzip") }, fine, fine, { verify = right })
add("gzip, byte by byte", { send(head("200 OK", "Content-Encoding: gzip",
  "Content-Length: " .. #PACKED)), { "trickle", PACKED, 0.001 } }, fine, fine, { verify = right })
add("identity, which is no coding", { fault.reply(200, JSON,
  { ["Content-Encoding"] = "identity" }) }, fine, fine, { verify = right })
for tenth = 1, 9 do
  local cut = PACKED:sub(1, #PACKED * tenth // 10)
  add(("gzip cut at %d/10"):format(tenth), { gzipped(cut) })
  add(("gzip cut at %d/10 by the end of the connection"):format(tenth), until_the_end(cut))
end
add("gzip of which nothing comes", { gzipped "" }, fine, fine)
add("gzip without its trailer", { gzipped(PACKED:sub(1, -9)) })
add("gzip without the last byte", { gzipped(PACKED:sub(1, -2)) })
add("gzip with a byte of the data changed",
  { gzipped(PACKED:sub(1, 20) .. "\0" .. PACKED:sub(22)) })
add("gzip with a wrong checksum", { gzipped(PACKED:sub(1, -9) .. "\0\0\0\0" .. PACKED:sub(-4)) })
add("gzip with a wrong length", { gzipped(PACKED:sub(1, -5) .. "\1\2\3\4") })
add("gzip with a wrong magic number", { gzipped("\x1f\x8c" .. PACKED:sub(3)) })
add("gzip with an unknown method", { gzipped("\x1f\x8b\9" .. PACKED:sub(4)) })
add("gzip with a second member", { gzipped(PACKED .. PACKED) })
add("gzip with bytes behind it", { gzipped(PACKED .. "x") })
add("gzip that is plain text", { gzipped(JSON) })
add("gzip twice over", { gzipped(PACKED, "gzip, gzip") })
add("gzip twice over in two headers", { send(head("200 OK", "Content-Encoding: gzip",
  "Content-Encoding: gzip", "Content-Length: " .. #PACKED), PACKED) })
for _, coding in ipairs { "br", "deflate", "zstd", "compress", "gzip, br" } do
  add("the coding " .. coding .. ", which nobody asked for", { gzipped(PACKED, coding) })
end

-- 100 MB of zeros in 97 kB, and that packed once more.
local function bomb()
  local dir <close> = run.temp_dir()
  local path = dir.path .. "/bomb.gz"
  assert(os.execute("head -c 100000000 /dev/zero | gzip -9 -n >" .. run.quote(path)))
  return run.read_file(path)
end
local BOMB = bomb()
local LIMIT, ROOM = 1000000, 8000000 -- bytes: of the body; that memory may grow by

local function small(world)
  local before = matrix.resident()
  for _ = 1, 3 do
    assert(not world.client:get("/V1/x"))
  end
  local grown = matrix.resident() - before
  if grown > ROOM then
    error(("memory grew by %d bytes"):format(grown), 0)
  end
end

local more = { client = { max_body = LIMIT }, alone = true, verify = small }
add("a bomb", { gzipped(BOMB) }, large_read, large_write, more)
add("a bomb in chunks without end", { send(head("200 OK", "Content-Encoding: gzip",
  "Transfer-Encoding: chunked")), { "fill", 1000, ("%x\r\n%s\r\n"):format(#BOMB, BOMB) } },
  large_read, large_write, more)
add("a bomb in a bomb", { gzipped(fault.gzip(BOMB), "gzip, gzip") }, broken_read, broken_write)
add("a bomb with a length that lies", { send(head("200 OK", "Content-Encoding: gzip",
  "Content-Length: 10"), BOMB), CLOSE })

-- The limit is met exactly.
local text = '"' .. ("x"):rep(9998) .. '"'
for _, case in ipairs { { 10000, fine, fine }, { 9999, large_read, large_write } } do
  local limit = { client = { max_body = case[1] } }
  add(("10000 bytes with a limit of %d"):format(case[1]), { fault.reply(200, text) }, case[2],
    case[3], limit)
  add(("10000 bytes, packed, with a limit of %d"):format(case[1]), { gzipped(fault.gzip(text)) },
    case[2], case[3], limit)
end

return rows
