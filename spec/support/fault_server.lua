-- A server that misbehaves as told, byte by byte, over real sockets.
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
--     { "requests", PATH }                       the list of requests that a path got
--     { "counts" }                               accepted connections, requests by method and path
--     { "relay", PORT }                          another port that passes bytes on to PORT
--     { "clear" }                                forgets scripts, requests and counts
--
-- PATH is without query and tenant ("/V1/x"); on the second port it begins with "other:".
-- ENTRY is a list of steps; `body = false` in it leaves the request's body unread:
--
--     { "send", BYTES }   { "trickle", BYTES, SECONDS between bytes }   { "fill", COUNT, BYTES }
--     { "sleep", SECONDS }   { "stall" }: until the client goes   { "close" }   { "reset" }
--     { "cut" }: ends what is relayed towards the clients, first in order, then with a reset
--
-- A connection whose steps end without a close goes on with its next request.
local socket = require "socket"
local literal = require "spec.support.literal"

local TENANT = "/tenant"
local BODY_KEPT = 65536

local scripts, requests, connection_scripts, counts, tokens

local relayed = {} -- sockets of relayed clients

local function clear()
  scripts, requests, connection_scripts = {}, {}, {}
  counts, tokens = { connections = 0, requests = {} }, 0
end

-- The scheduler: every connection is a coroutine that waits for its socket or a moment.

local waiting = {} -- thread -> { socket=, mode= "read"|"write"|nil, at= moment|nil }

local function wait(sock, mode, seconds)
  return coroutine.yield(sock, mode, seconds and socket.gettime() + seconds)
end

local function resume(thread, ready)
  waiting[thread] = nil
  local ok, sock, mode, at = coroutine.resume(thread, ready)
  if not ok then
    io.stderr:write(debug.traceback(thread, tostring(sock)), "\n")
  elseif coroutine.status(thread) ~= "dead" then
    waiting[thread] = { socket = sock, mode = mode, at = at }
  end
end

local function start(f, ...)
  local arguments = table.pack(...)
  resume(coroutine.create(function()
    f(table.unpack(arguments, 1, arguments.n))
  end))
end

local function step()
  local reads, writes, owners, timeout = {}, {}, {}, nil
  local now = socket.gettime()
  for thread, want in pairs(waiting) do
    if want.mode then
      local list = want.mode == "read" and reads or writes
      list[#list + 1] = want.socket
      owners[want.socket] = thread
    end
    if want.at then
      timeout = math.min(timeout or math.huge, math.max(0, want.at - now))
    end
  end
  local readable, writable = socket.select(reads, writes, timeout)
  for _, list in ipairs { readable, writable } do
    for _, sock in ipairs(list) do
      local thread = owners[sock]
      if waiting[thread] then
        resume(thread, true)
      end
    end
  end
  now = socket.gettime()
  local due = {}
  for thread, want in pairs(waiting) do
    if want.at and want.at <= now then
      due[#due + 1] = thread
    end
  end
  for _, thread in ipairs(due) do
    resume(thread, false)
  end
end

-- One connection.

---@class Connection
---@field sock table
---@field buffer string  received and not used yet
---@field number integer
---@field prefix string  "" or "other:"
local Connection = {}
Connection.__index = Connection

--- Receives more; false when the client has gone.
function Connection:receive()
  while true do
    local bytes, problem, part = self.sock:receive(65536)
    bytes = bytes or part
    if bytes and #bytes > 0 then
      self.buffer = self.buffer .. bytes
      return true
    elseif problem ~= "timeout" then
      return false
    end
    wait(self.sock, "read")
  end
end

function Connection:send(bytes)
  local from = 1
  while from <= #bytes do
    local last, problem, part = self.sock:send(bytes, from)
    if not last and problem ~= "timeout" then
      return false
    end
    from = (last or part) + 1
    if not last then
      wait(self.sock, "write")
    end
  end
  return true
end

--- Takes count bytes from what was received; nil when the client goes before.
function Connection:take(count)
  while #self.buffer < count do
    if not self:receive() then
      return nil
    end
  end
  local bytes = self.buffer:sub(1, count)
  self.buffer = self.buffer:sub(count + 1)
  return bytes
end

--- Takes everything up to and with the mark.
function Connection:take_until(mark)
  while true do
    local _, last = self.buffer:find(mark, 1, true)
    if last then
      return self:take(last)
    elseif not self:receive() then
      return nil
    end
  end
end

function Connection:take_body(head)
  local lower = head:lower()
  local length = lower:match("\r\ncontent%-length:%s*(%d+)")
  if length then
    return self:take(math.tointeger(tonumber(length)))
  elseif not lower:find("\r\ntransfer%-encoding:%s*chunked") then
    return ""
  end
  local parts = {}
  while true do
    local size = (self:take_until("\r\n") or ""):match("^%x+")
    local chunk = size and self:take(tonumber(size, 16) + 2)
    if not chunk then
      return nil
    elseif #chunk == 2 then
      return table.concat(parts)
    end
    parts[#parts + 1] = chunk:sub(1, -3)
  end
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

local function default_entry(path)
  if path == "/ims/token/v3" then
    tokens = tokens + 1
    local body = ('{"access_token":"token-%d","token_type":"bearer","expires_in":86399}')
      :format(tokens)
    return { { "send", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
      .. #body .. "\r\n\r\n" .. body } }
  end
  local body = '{"message":"Request does not match any route."}'
  return { { "send", "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
    .. "Content-Length: " .. #body .. "\r\n\r\n" .. body } }
end

--- Writes the request down and finds what it meets.
function Connection:note(head)
  local method, target = head:match("^(%S+) (%S+)")
  local path = self.prefix .. (target or "?"):gsub("[?#].*", ""):gsub("^" .. TENANT, "")
  local list = requests[path] or {}
  requests[path] = list
  local note = {
    method = method, target = target, head = head, connection = self.number,
    at = socket.gettime(),
  }
  list[#list + 1] = note
  local key = tostring(method) .. " " .. path
  counts.requests[key] = (counts.requests[key] or 0) + 1
  local script = scripts[path]
  local entry = script and (script[#list - script.seen] or script[#script]) or default_entry(path)
  return note, entry
end

local steps = {}

function steps.send(connection, bytes)
  return connection:send(bytes)
end

function steps.trickle(connection, bytes, seconds)
  for at = 1, #bytes do
    if not connection:send(bytes:sub(at, at)) then
      return false
    end
    wait(nil, nil, seconds)
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
  wait(nil, nil, seconds)
  return true
end

function steps.stall(connection)
  while connection:receive() do
    connection.buffer = ""
  end
  return false
end

function steps.cut()
  for sock in pairs(relayed) do
    relayed[sock] = nil
    sock:shutdown("send")
    wait(nil, nil, 0.05)
    sock:setoption("linger", { on = true, timeout = 0 })
    sock:close()
  end
  return true
end

function steps.close()
  return false
end

function steps.reset(connection)
  connection.sock:setoption("linger", { on = true, timeout = 0 })
  return false
end

--- Runs the steps; false when the connection is over.
function Connection:run(entry)
  for _, words in ipairs(entry) do
    local run = assert(steps[words[1]], "no such step: " .. tostring(words[1]))
    if not run(self, table.unpack(words, 2)) then
      return false
    end
  end
  return true
end

function Connection:serve()
  local first = table.remove(connection_scripts, 1)
  local alive = not first or self:run(first)
  while alive do
    local head = self:take_until("\r\n\r\n")
    if not head then
      break
    end
    local note, entry = self:note(head)
    if entry.body ~= false then
      local body = self:take_body(head)
      if not body then
        break
      end
      note.body_len = #body
      note.checksum = checksum(body)
      note.body = #body <= BODY_KEPT and body or nil
    end
    alive = self:run(entry)
  end
  self.sock:close()
end

-- Accepts connections on a free port, each served by a coroutine; returns the port.
local function listen(serve)
  local server = assert(socket.bind("127.0.0.1", 0, 128))
  server:settimeout(0)
  start(function()
    while true do
      wait(server, "read")
      local sock = server:accept()
      if sock then
        sock:settimeout(0)
        sock:setoption("tcp-nodelay", true)
        start(serve, sock)
      end
    end
  end)
  local _, port = server:getsockname()
  return math.tointeger(tonumber(port))
end

local function http(prefix)
  return function(sock)
    counts.connections = counts.connections + 1
    setmetatable({
      sock = sock, buffer = "", number = counts.connections, prefix = prefix,
    }, Connection):serve()
  end
end

-- Passes on what one side sends until it ends.
local function pump(from, to)
  local source = setmetatable({ sock = from, buffer = "" }, Connection)
  local target = setmetatable({ sock = to }, Connection)
  while source:receive() and target:send(source.buffer) do
    source.buffer = ""
  end
  from:close()
  to:close()
end

local function relay(port)
  return function(client)
    local backend = assert(socket.connect("127.0.0.1", port))
    backend:settimeout(0)
    relayed[client] = true
    start(pump, client, backend)
    pump(backend, client)
  end
end

-- Commands.

local commands = { clear = clear }

function commands.script(path, script)
  script.seen = #(requests[path] or {})
  scripts[path] = script
end

function commands.connections(list)
  connection_scripts = list
end

function commands.requests(path)
  return requests[path] or {}
end

function commands.counts()
  return counts
end

function commands.relay(to)
  return listen(relay(to))
end

local function take_commands()
  -- One command is under way at a time, so a line is there as soon as a byte is.
  local input = { getfd = function() return 0 end, dirty = function() return false end }
  while true do
    wait(input, "read")
    local line = io.read("l")
    if not line then
      os.exit(0)
    end
    local words = literal.parse(line)
    local run = assert(commands[words[1]], "no such command: " .. tostring(words[1]))
    local answer = run(table.unpack(words, 2))
    io.write(literal.dump(answer == nil and true or answer), "\n")
    io.flush()
  end
end

clear()
local port, other = listen(http("")), listen(http("other:"))
start(take_commands)
io.write("PORT=", port, "\nOTHER=", other, "\n")
io.flush()
while true do
  step()
end
