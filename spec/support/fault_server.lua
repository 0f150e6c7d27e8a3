-- A server that misbehaves as told, byte by byte, over real sockets, with or without TLS.
--
--     lua5.4 spec/support/fault_server.lua
--
-- Prints PORT=<n> and OTHER=<n> (a second origin), then takes one command a line on standard
-- input, as Lua literals, and answers each with one line; it stops when standard input closes.
-- spec/support/fault.lua is the handle for tests.
--
--     { "script", PATH, { ENTRY, ENTRY, ... } }  what the 1st, 2nd ... request of a path meets;
--                                                the last entry holds for all later ones
--     { "connections", { ENTRY, ... } }          what the next connections meet before any byte
--                                                is read; those after the last: nothing special
--     { "listen", PORT }                         a port of its own, see support.Port in fault.lua
--     { "requests", PATH }                       the list of requests that a path got
--     { "counts" }                               accepted connections, requests by method and path
--     { "relay", PORT }                          another port that passes bytes on to PORT
--     { "clear" }                                forgets scripts, requests and counts
--
-- PATH is without query and tenant ("/V1/x"); on the second port it begins with "other:".
-- ENTRY is a list of steps; `body = false` in it leaves the request's body unread:
--
--     { "send", BYTES }   { "trickle", BYTES, SECONDS between bytes }   { "fill", COUNT, BYTES }
--     { "sleep", SECONDS }   { "take" }: receives once   { "forget" }: what was received
--     { "stall" }: until the client goes   { "close" }   { "reset" }
--     { "drop" }: without TLS's goodbye
--     { "hold" }: until { "release", NAME } of its port
--     { "tunnel", PORT }: from now on bytes go to that port and back
--     { "cut" }: ends what is relayed towards the clients, first in order, then with a reset
--     over HTTP/2 (spec/support/h2.lua makes them):
--     { "frame", TYPE, FLAGS, PAYLOAD, STREAM }   { "frames", COUNT, TYPE, ... }
--     { "goaway", CODE, LAST }   { "flow", COUNT, BYTE }: a body, as the windows allow
--
-- A connection whose steps end without a close goes on with its next request.
local socket = require "socket"
local h2 = require "spec.support.h2"
local literal = require "spec.support.literal"
local loop = require "spec.support.loop"
local steps = require "spec.support.fault_steps"

local Connection = require "spec.support.fault_connection"

local TENANT = "/tenant"
local BODY_KEPT = 65536

local scripts, requests, connection_scripts, counts, tokens
local under_way -- key of requests -> how many are being answered

local function clear()
  scripts, requests, connection_scripts, under_way = {}, {}, {}, {}
  counts, tokens = { connections = 0, requests = {}, ports = {} }, 0
end

--- Sums the bytes, so that long bodies can be told apart without sending them about.
local function checksum(bytes)
  local sum = #bytes
  for at = 1, #bytes - 7, 8 do
    sum = sum * 31 + string.unpack("<i8", bytes, at)
  end
  for at = #bytes - #bytes % 8 + 1, #bytes do
    sum = sum * 31 + bytes:byte(at)
  end
  return sum
end

local function json(status, body)
  return { { "send", ("HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
    .. "Content-Length: %d\r\n\r\n%s"):format(status, #body, body) } }
end

local FINE = json("200 OK", '{"ok":true}')

local function default_entry(path)
  if path == "/ims/token/v3" then
    tokens = tokens + 1
    return json("200 OK", ('{"access_token":"token-%d","token_type":"bearer","expires_in":86399}')
      :format(tokens))
  end
  return json("404 Not Found", '{"message":"Request does not match any route."}')
end

-- Writes a request down; returns the note and the number of the request.
local function note_under(connection, key, method, target, head)
  local list = requests[key] or {}
  requests[key] = list
  local note = {
    method = method, target = target, head = head, connection = connection.number,
    at = socket.gettime(), protocol = connection.protocol, key = key,
  }
  list[#list + 1] = note
  local counted = tostring(method) .. " " .. key
  counts.requests[counted] = (counts.requests[counted] or 0) + 1
  return note, #list
end

-- Finds what a request on a port of its own meets.
local function meet_port(connection, method, target, head)
  local port = connection.port
  local aside = target and target:match("/V1/(warm)$") or target and target:match("/V1/(after)$")
  if not aside and port.skip > 0 then
    port.skip = port.skip - 1
    aside = "warm"
  end
  if aside then
    local note = note_under(connection, port.name .. "#" .. aside, method, target, head)
    return note, aside == "warm" and port.warm or connection.protocol == "h2" and h2.ok or FINE
  end
  local note, number = note_under(connection, port.name, method, target, head)
  local entry = port.entries[number] or port.entries[#port.entries]
  return note, entry or connection.protocol == "h2" and h2.ok or FINE
end

-- Writes a request down and finds what it meets.
local function meet(connection, head)
  local method, target = head:match("^(%S+) (%S+)")
  if connection.port.entries then
    return meet_port(connection, method, target, head)
  end
  local path = connection.port.name
    .. (target or "?"):gsub("[?#].*", ""):gsub("^" .. TENANT, "")
  local note, number = note_under(connection, path, method, target, head)
  local script = scripts[path]
  return note, script and (script[number - script.seen] or script[#script]) or default_entry(path)
end

--- Runs the steps; false when the connection is over.
local function run(connection, entry)
  for _, words in ipairs(entry) do
    local step = assert(steps[words[1]], "no such step: " .. tostring(words[1]))
    if not step(connection, table.unpack(words, 2)) then
      return false
    end
  end
  return true
end

local function serve_http(connection)
  local alive = true
  while alive do
    local head = connection:take_until("\r\n\r\n")
    if not head then
      break
    end
    local note, entry = meet(connection, head)
    if entry.body ~= false then
      local body = connection:take_body(head)
      if not body then
        break
      end
      note.body_len = #body
      note.checksum = checksum(body)
      note.body = #body <= BODY_KEPT and body or nil
    end
    local key, counted = note.key, under_way
    counted[key] = (counted[key] or 0) + 1
    note.under_way = counted[key]
    alive = run(connection, entry)
    counted[key] = counted[key] - 1
  end
end

-- The block of headers stays packed: to see a path in it would take HPACK's whole state. So over
-- HTTP/2 the requests of a port meet its entries in turn.
local function serve_h2(connection)
  connection.windows, connection.first_window = { [0] = 65535 }, 65535
  if connection:take(#h2.PREFACE) ~= h2.PREFACE then
    return
  end
  local alive = run(connection, connection.port.greeting
    or { h2.frame(h2.SETTINGS, 0, connection.port.settings or "", 0) })
  while alive do
    local frame = steps.next_frame(connection)
    if not frame then
      break
    elseif frame.type == h2.HEADERS then
      connection.stream = frame.stream
      local _, entry = meet_port(connection, "?", nil, "")
      alive = run(connection, entry)
    end
  end
end

local function serve(port)
  return function(sock)
    counts.connections = counts.connections + 1
    port.accepted = port.accepted + 1
    local connection = Connection.new(sock, port, counts.connections)
    local first = table.remove(port.accept or connection_scripts, 1)
    if first and not run(connection, first) or port.tls and not connection:secure(port.tls) then
      connection:drop()
    else
      local speak = connection.protocol == "h2" and serve_h2 or serve_http
      speak(connection)
      connection:close()
    end
    port.ended = port.ended + 1
  end
end

local function open(name)
  return loop.listen(serve { name = name, accepted = 0, ended = 0 })
end

-- Commands.

local commands = { clear = clear, relay = steps.relay }

function commands.script(path, script)
  script.seen = #(requests[path] or {})
  scripts[path] = script
end

function commands.connections(list)
  connection_scripts = list
end

-- A port whose queue of connections is full: the system drops what asks for one more.
local function full_port(port)
  local server = assert(port.host == "::1" and socket.tcp6() or socket.tcp4())
  assert(server:bind(port.host or "127.0.0.1", port.port or 0))
  assert(server:listen(0))
  local _, number = server:getsockname()
  port.held = { server }
  for _ = 1, 2 do
    local filler = assert(port.host == "::1" and socket.tcp6() or socket.tcp4())
    filler:settimeout(0)
    filler:connect(port.host or "127.0.0.1", number)
    port.held[#port.held + 1] = filler
  end
  return math.tointeger(tonumber(number))
end

function commands.listen(port)
  port.accepted, port.ended = 0, 0
  port.skip, port.accept = port.skip or 0, port.accept or {}
  port.entries = port.entries or {}
  counts.ports[port.name] = port
  if port.full then
    return full_port(port)
  end
  return loop.listen(serve(port), port.host, port.port)
end

function commands.requests(path)
  return requests[path] or {}
end

function commands.release(name)
  counts.ports[name].released = true
end

function commands.accepted(name)
  return counts.ports[name].accepted
end

function commands.ended(name)
  return counts.ports[name].ended
end

function commands.counts()
  return { connections = counts.connections, requests = counts.requests }
end

local function take_commands()
  -- One command is under way at a time, so a line is there as soon as a byte is.
  local input = { getfd = function() return 0 end, dirty = function() return false end }
  while true do
    loop.wait(input, "read")
    local line = io.read("l")
    if not line then
      os.exit(0)
    end
    local words = literal.parse(line)
    local command = assert(commands[words[1]], "no such command: " .. tostring(words[1]))
    local answer = command(table.unpack(words, 2))
    io.write(literal.dump(answer == nil and true or answer), "\n")
    io.flush()
  end
end

clear()
local port, other = open(""), open("other:")
loop.start(take_commands)
io.write("PORT=", port, "\nOTHER=", other, "\n")
io.flush()
loop.run()
