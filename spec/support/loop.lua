-- A scheduler for servers of the tests: every connection is a coroutine that waits for its socket
-- or for a moment.
local socket = require "socket"

local loop = {}

local waiting = {} -- thread -> { socket=, mode= "read"|"write"|nil, at= moment|nil }

--- Waits, inside a coroutine that `loop.start` made.
---@param sock? table  anything that socket.select takes
---@param mode? "read"|"write"
---@param seconds? number  at most
---@return boolean ready  false: the time is over
function loop.wait(sock, mode, seconds)
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

--- Runs f(...) as a coroutine of this loop.
---@param f function
function loop.start(f, ...)
  local arguments = table.pack(...)
  resume(coroutine.create(function()
    f(table.unpack(arguments, 1, arguments.n))
  end))
end

local function step()
  local reads, writes, timeout = {}, {}, nil
  local readers, writers = {}, {} -- by socket: a relay's may have one of each
  local now = socket.gettime()
  for thread, want in pairs(waiting) do
    if want.mode then
      local reading = want.mode == "read"
      local list, owners = reading and reads or writes, reading and readers or writers
      list[#list + 1] = want.socket
      owners[want.socket] = thread
    end
    if want.at then
      timeout = math.min(timeout or math.huge, math.max(0, want.at - now))
    end
  end
  local readable, writable = socket.select(reads, writes, timeout)
  for index, list in ipairs { readable, writable } do
    for _, sock in ipairs(list) do
      local thread = (index == 1 and readers or writers)[sock]
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

--- Serves for ever.
function loop.run()
  while true do
    step()
  end
end

--- Accepts connections, each served by a coroutine of its own.
---@param serve fun(sock: table)
---@param host? string  default "127.0.0.1"
---@param port? integer  default: a free one
---@return integer port
function loop.listen(serve, host, port)
  local server = assert(socket.bind(host or "127.0.0.1", port or 0, 128))
  server:settimeout(0)
  loop.start(function()
    while true do
      loop.wait(server, "read")
      local sock = server:accept()
      if sock then
        sock:settimeout(0)
        sock:setoption("tcp-nodelay", true)
        loop.start(serve, sock)
      end
    end
  end)
  local _, given = server:getsockname()
  return math.tointeger(tonumber(given))
end

return loop
