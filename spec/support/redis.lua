-- A real redis-server that keeps nothing on disk, and a server that answers as Redis would not.
local process = require "spec.support.process"
local run = require "spec.support.run"

local redis = {}

---@class support.Redis
---@field port integer  on 127.0.0.1
---@field path string  of its Unix socket
---@field pid integer  of redis-server
local Redis = {}
Redis.__index = Redis

--- Starts redis-server and waits until it listens.
---
---     local server <close> = redis.start { conf = "user jo on >example-password ~* +@all" }
---
---@param options? { port?: integer, password?: string, conf?: string }  port: default a free one
---@return support.Redis
function redis.start(options)
  options = options or {}
  for attempt = 1, 20 do
    local dir = run.temp_dir()
    local base = math.tointeger(tonumber(run.first_line("shuf -i 20000-31999 -n 1")))
    local port = options.port or base + attempt
    run.write_file(dir.path .. "/conf", table.concat({
      "bind 127.0.0.1", "port " .. port, "unixsocket " .. dir.path .. "/socket", "save \"\"",
      "appendonly no", "dir " .. dir.path, "logfile " .. dir.path .. "/log",
      options.password and "requirepass " .. options.password or "", options.conf or "",
    }, "\n") .. "\n")
    -- It does not look at its standard input; this shell does, and ends it.
    local script = [[redis-server "$0/conf" </dev/null & pid=$!
      for i in $(seq 500); do
        test -S "$0/socket" && (: </dev/tcp/127.0.0.1/$1) 2>/dev/null && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.01
      done
      kill -0 $pid 2>/dev/null && echo $pid
      cat >/dev/null; kill -CONT $pid 2>/dev/null; kill -KILL $pid 2>/dev/null; wait $pid
      exit 0]]
    local child = process.start { "bash", "-c", script, dir.path, port }
    local pid = math.tointeger(tonumber(child:read_line()))
    if pid then
      return setmetatable({ port = port, path = dir.path .. "/socket", pid = pid, _dir = dir,
        _child = child, _password = options.password }, Redis)
    end
    child:close()
    local log = run.read_file(dir.path .. "/log") or ""
    dir:remove()
    if options.port or not log:find("Address already in use", 1, true) then
      error("redis-server did not start: " .. log, 2)
    end
  end
  error("no free port for redis-server", 2)
end

--- Sends a signal to redis-server itself.
---@param signal string  "KILL", "STOP", "CONT"
function Redis:signal(signal)
  assert(os.execute("kill -" .. signal .. " " .. self.pid))
end

--- What redis-cli prints for a command.
---@param ... string|number
---@return string  without the last line feed
function Redis:ask(...)
  local env = { REDISCLI_AUTH = self._password }
  local result = run { "redis-cli", "-s", self.path, "--raw", env = env, timeout = 10, ... }
  assert(result.code == 0, result.err)
  return (result.out:gsub("\n$", ""))
end

--- How many connections it has beside the one that asks, or took since its start.
---@return integer open
---@return integer taken
function Redis:connections()
  local taken = tonumber(self:ask("INFO", "stats"):match("total_connections_received:(%d+)"))
  local _, open = self:ask("CLIENT", "LIST", "TYPE", "normal"):gsub("id=", "")
  return open - 1, math.tointeger(taken)
end

--- Stops it.
function Redis:close()
  self._child:close()
  self._dir:remove()
end

Redis.__close = Redis.close

--- A server that `answer(words, connection)` speaks for: it returns the bytes to send, nil to stay
--- silent, false to close. It lives in a task, so the store under test has to be in one too.
---@param answer fun(bytes: string): string|false|nil  gets what came, at once
---@return { port: integer, taken: integer, close: fun(self) }
function redis.pretend(answer)
  local accs, socket = require "accs", require "socket"
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  local fake = { port = math.tointeger(tonumber((select(2, listener:getsockname())))), taken = 0 }
  local over = false
  local function serve(peer)
    peer:settimeout(0)
    while not over do
      local bytes, problem, part = peer:receive(65536)
      bytes = bytes or part
      if bytes and bytes ~= "" then
        local reply = answer(bytes)
        if reply == false then
          break
        elseif reply then
          peer:settimeout(5)
          peer:send(reply)
          peer:settimeout(0)
        end
      elseif problem == "closed" then
        break
      end
      accs.sleep(0.002)
    end
    peer:close()
  end
  local task = accs.spawn(function()
    while not over do
      local peer = listener:accept()
      if peer then
        fake.taken = fake.taken + 1
        accs.spawn(serve, peer)
      end
      accs.sleep(0.002)
    end
    listener:close()
  end)
  function fake.close()
    over = true
    task:wait()
  end
  return setmetatable(fake, { __close = fake.close })
end

return redis
