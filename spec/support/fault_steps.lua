-- What the fault server can do on a connection: one function a step, which returns false when the
-- connection is over.
local loop = require "spec.support.loop"
local h2 = require "spec.support.h2"

local Connection = require "spec.support.fault_connection"

local steps = {}

function steps.send(connection, bytes)
  return connection:send(bytes)
end

function steps.trickle(connection, bytes, seconds)
  for at = 1, #bytes do
    if not connection:send(bytes:sub(at, at)) then
      return false
    end
    loop.wait(nil, nil, seconds)
  end
  return true
end

function steps.fill(connection, count, bytes)
  local block = bytes:rep(math.max(1, math.min(count, 65536 // #bytes)))
  local left = count
  while left > 0 do
    local now = math.min(left, #block // #bytes)
    if not connection:send(block:sub(1, now * #bytes)) then
      return false
    end
    left = left - now
  end
  return true
end

function steps.sleep(_, seconds)
  loop.wait(nil, nil, seconds)
  return true
end

-- Receives once, whatever comes: in front of a close it says that the client had begun to speak.
function steps.take(connection)
  return #connection.buffer > 0 or connection:receive()
end

-- Drops what was received: a protocol that is not HTTP has been answered.
function steps.forget(connection)
  connection.buffer = ""
  return true
end

function steps.stall(connection)
  while connection:receive() do
    connection.buffer = ""
  end
  return false
end

function steps.close()
  return false
end

function steps.reset(connection)
  connection:linger_not()
  connection:drop()
  return false
end

function steps.drop(connection)
  connection:drop()
  return false
end

local relayed = {} -- sockets of relayed clients

function steps.cut()
  -- Those of this moment: who was cut may be back before the reset.
  local cut = relayed
  relayed = {}
  for sock in pairs(cut) do
    sock:shutdown("send")
  end
  loop.wait(nil, nil, 0.05)
  for sock in pairs(cut) do
    sock:setoption("linger", { on = true, timeout = 0 })
    sock:close()
  end
  return true
end

-- Until the test says so with `Fault:release`.
function steps.hold(connection)
  local port = connection.port
  while not port.released do
    loop.wait(nil, nil, 0.01)
  end
  return true
end

-- Passes on what one side sends until it ends.
local function pump(from, to)
  while #from.buffer > 0 or from:receive() do
    local bytes = from.buffer
    from.buffer = ""
    if not to:send(bytes) then
      break
    end
  end
  from:drop()
  to:drop()
end

local function join(client, port)
  local backend = Connection.new(assert(require("socket").connect("127.0.0.1", port)))
  backend.sock:settimeout(0)
  loop.start(pump, client, backend)
  pump(backend, client)
end

function steps.tunnel(connection, port)
  join(connection, port)
  return false
end

--- A port that passes bytes on to another one; `cut` ends what goes through it.
---@param port integer
---@return integer
function steps.relay(port)
  return loop.listen(function(sock)
    relayed[sock] = true
    join(Connection.new(sock), port)
  end)
end

-- HTTP/2.

function steps.frame(connection, kind, flags, payload, stream)
  return connection:send(h2.wire.frame(kind, flags, stream or connection.stream, payload))
end

function steps.frames(connection, count, kind, flags, payload, stream)
  for _ = 1, count do
    if not steps.frame(connection, kind, flags, payload, stream) then
      return false
    end
  end
  return true
end

function steps.goaway(connection, code, last)
  local stream = math.max(0, (connection.stream or 0) + last)
  return connection:send(h2.wire.frame(h2.GOAWAY, 0, 0, string.pack(">I4I4", stream, code)))
end

--- Answers what has to be answered, counts windows; false when the client has gone.
---@param connection support.Connection
---@return table|nil frame
function steps.next_frame(connection)
  local frame = h2.wire.take(connection)
  if not frame then
    return nil
  elseif frame.type == h2.SETTINGS and frame.flags & h2.ACK == 0 then
    for at = 1, #frame.payload - 5, 6 do
      local name, value = string.unpack(">I2I4", frame.payload, at)
      if name == 4 then
        connection.first_window = value
      end
    end
    connection:send(h2.wire.frame(h2.SETTINGS, h2.ACK, 0, ""))
  elseif frame.type == h2.PING and frame.flags & h2.ACK == 0 then
    connection:send(h2.wire.frame(h2.PING, h2.ACK, 0, frame.payload))
  elseif frame.type == h2.WINDOW_UPDATE then
    local windows = connection.windows
    windows[frame.stream] = (windows[frame.stream] or connection.first_window)
      + string.unpack(">I4", frame.payload)
  end
  return frame
end

function steps.flow(connection, count, byte)
  local windows, stream = connection.windows, connection.stream
  local left = count
  while left > 0 do
    windows[stream] = windows[stream] or connection.first_window
    local now = math.min(left, windows[0], windows[stream], 16384)
    if now > 0 then
      left = left - now
      windows[0], windows[stream] = windows[0] - now, windows[stream] - now
      if not connection:send(h2.wire.frame(h2.DATA, left == 0 and h2.END_STREAM or 0, stream,
          byte:rep(now))) then
        return false
      end
    elseif not steps.next_frame(connection) then
      return false
    end
  end
  return true
end

return steps
