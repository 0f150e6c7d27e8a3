-- HTTP/2 frames (RFC 9113), byte by byte. Headers are literals without indexing and without
-- Huffman's code (RFC 7541, 6.2.2), so that what is sent can be anything, right or wrong.
--
-- The functions in lower case make steps for spec/support/fault.lua; those of `h2.wire` make and
-- read bytes for the fault server.
local h2 = { wire = {} }

h2.PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

h2.DATA, h2.HEADERS, h2.RST_STREAM, h2.SETTINGS, h2.PUSH_PROMISE = 0, 1, 3, 4, 5
h2.PING, h2.GOAWAY, h2.WINDOW_UPDATE, h2.CONTINUATION = 6, 7, 8, 9
h2.END_STREAM, h2.ACK, h2.END_HEADERS, h2.PADDED = 0x1, 0x1, 0x4, 0x8

h2.NO_ERROR, h2.PROTOCOL_ERROR, h2.INTERNAL_ERROR, h2.FLOW_CONTROL_ERROR = 0, 1, 2, 3
h2.REFUSED_STREAM, h2.CANCEL, h2.ENHANCE_YOUR_CALM, h2.HTTP_1_1_REQUIRED = 7, 8, 11, 13

-- A length of HPACK with a prefix of seven bits, its first bit zero (no Huffman's code).
local function length(count)
  if count < 127 then
    return string.char(count)
  end
  local bytes = { "\x7f" }
  count = count - 127
  while count >= 128 do
    bytes[#bytes + 1] = string.char(count % 128 + 128)
    count = count // 128
  end
  bytes[#bytes + 1] = string.char(count)
  return table.concat(bytes)
end

--- A block of headers as HPACK.
---@param headers string[][]  { name, value } each, in order
---@return string
function h2.block(headers)
  local parts = {}
  for index, header in ipairs(headers) do
    parts[index] = "\0" .. length(#header[1]) .. header[1] .. length(#header[2]) .. header[2]
  end
  return table.concat(parts)
end

--- The bytes of one frame.
---@param type integer
---@param flags integer
---@param stream integer
---@param payload string
---@return string
function h2.wire.frame(type, flags, stream, payload)
  return string.pack(">I3BBI4", #payload, type, flags, stream) .. payload
end

--- Takes the next frame from a connection; nil when the client has gone.
---@param connection support.Connection
---@return { type: integer, flags: integer, stream: integer, payload: string }|nil
function h2.wire.take(connection)
  local head = connection:take(9)
  if not head then
    return nil
  end
  local count, kind, flags, stream = string.unpack(">I3BBI4", head)
  local payload = connection:take(count)
  return payload and { type = kind, flags = flags, stream = stream & 0x7fffffff, payload = payload }
end

--- A step that sends a frame.
---@param type integer
---@param flags? integer
---@param payload? string
---@param stream? integer  default: the stream of the request
---@return table step
function h2.frame(type, flags, payload, stream)
  return { "frame", type, flags or 0, payload or "", stream or false }
end

--- A step that sends the head of an answer.
---@param status integer|string
---@param headers? string[][]  { name, value } each; default content-type application/json
---@param flags? integer  default END_HEADERS
---@return table step
function h2.headers(status, headers, flags)
  local list = { { ":status", tostring(status) } }
  for _, header in ipairs(headers or { { "content-type", "application/json" } }) do
    list[#list + 1] = header
  end
  return h2.frame(h2.HEADERS, flags or h2.END_HEADERS, h2.block(list))
end

--- A step that sends a part of the body.
---@param bytes string
---@param last? boolean  default true: it ends the stream
---@return table step
function h2.data(bytes, last)
  return h2.frame(h2.DATA, last == false and 0 or h2.END_STREAM, bytes)
end

--- A step that resets the stream.
---@param code integer
---@return table step
function h2.reset(code)
  return h2.frame(h2.RST_STREAM, 0, string.pack(">I4", code))
end

--- A step that says goodbye to the connection.
---@param code? integer  default NO_ERROR
---@param last? integer  the last stream that is served, counted from the one under way: 0 is that
---  one, -2 leaves it out; default 0
---@return table step
function h2.goaway(code, last)
  return { "goaway", code or h2.NO_ERROR, last or 0 }
end

--- A step that sends `count` bytes as the client's windows allow, and ends the stream.
---@param count integer
---@param byte? string  default a blank
---@return table step
function h2.flow(count, byte)
  return { "flow", count, byte or " " }
end

--- An entry that answers {"ok":true}.
h2.ok = { h2.headers(200), h2.data '{"ok":true}' }

return h2
