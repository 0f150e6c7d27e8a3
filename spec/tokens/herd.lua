-- Many processes that begin at one moment: each runs spec/tokens/worker.lua, says that it is ready,
-- waits for all others, works, and says how that went, a line each.
local core = require "accs.core"
local process = require "spec.support.process"
local run = require "spec.support.run"

local herd = {}

--- Whether the long versions are wanted: `make herd`.
herd.full = os.getenv("HERD") == "full"

---@class spec.Herd
---@field pids integer[]
---@field began number  core.monotonic() of the start
local Herd = {}
Herd.__index = Herd

--- Starts so many and waits until all are ready.
---@param count integer
---@param words string[]  arguments of worker.lua
---@param env table<string, string>
---@return spec.Herd
function herd.start(count, words, env)
  local dir = run.temp_dir()
  local barrier = dir.path .. "/barrier"
  assert(os.execute("mkfifo " .. run.quote(barrier)))
  local given = { BARRIER = barrier, LUA_INIT_5_4 = false }
  for name, value in pairs(env) do
    given[name] = value
  end
  local script = [[for i in $(seq "$1"); do lua5.4 spec/tokens/worker.lua "${@:2}" </dev/null & done
    wait; exit 0]]
  local child = process.start({ "bash", "-c", script, "herd", count, table.unpack(words) },
    { env = given })
  local self = setmetatable({ pids = {}, _child = child, _barrier = barrier, _dir = dir,
    _open = {} }, Herd)
  for _ = 1, count do
    local line = child:read_line() or ""
    local pid = math.tointeger(tonumber(line:match("^ready (%d+)$")))
    if not pid then
      self:close()
      error("a process did not start: " .. line .. child:errors(), 2)
    end
    self.pids[#self.pids + 1] = pid
    self._open[pid] = true
  end
  return self
end

--- Lets them begin: each waits in its open(2) until there is a writer.
function Herd:go()
  self._gate = assert(io.open(self._barrier, "r+"))
  self.began = core.monotonic()
end

--- Sends a signal to one of them. One that is killed or stopped is not waited for.
---@param pid integer
---@param signal string
function Herd:signal(pid, signal)
  assert(self._open[pid], "not one of the herd")
  os.execute(("kill -%s %d 2>/dev/null"):format(signal, pid))
  self._open[pid] = signal == "KILL" and nil or "stopped"
end

--- The next one that is done: its fields, and the seconds since the start. nil when all are.
---@return { pid: integer, ok: boolean, slowest: number, cache: integer, seconds: number,
---  words: string }|nil
function Herd:next()
  local left = false
  for _, state in pairs(self._open) do
    left = left or state == true
  end
  local line = left and self._child:read_line()
  if not line then
    assert(not left, "the herd ended early: " .. self._child:errors())
    return nil
  end
  local pid, ok, slowest, cache, words = line:match("^done (%d+) (%l+) ([%d.]+) (%d+) ?(.*)$")
  assert(pid, line)
  pid = math.tointeger(tonumber(pid))
  self._open[pid] = nil
  return { pid = pid, ok = ok == "ok", slowest = tonumber(slowest),
    cache = math.tointeger(tonumber(cache)), seconds = core.monotonic() - self.began,
    words = words }
end

--- Waits for all that are neither killed nor stopped.
---@return { count: integer, failed: string[], cache: integer, last: number, cached: integer }
function Herd:finish()
  local sum = { count = 0, failed = {}, cache = 0, last = 0, cached = 0 }
  local one = self:next()
  while one do
    sum.count = sum.count + 1
    if not one.ok then
      sum.failed[#sum.failed + 1] = one.words
    end
    sum.cache = sum.cache + one.cache
    sum.cached = math.max(sum.cached, one.cache)
    sum.last = math.max(sum.last, one.seconds)
    one = self:next()
  end
  return sum
end

--- Ends whoever still runs.
function Herd:close()
  for pid in pairs(self._open) do
    os.execute(("kill -KILL %d 2>/dev/null"):format(pid))
  end
  self._child:close()
  if self._gate then
    self._gate:close()
  end
  self._dir:remove()
end

Herd.__close = Herd.close

--- Who has the lock of a cache folder: waits for it, at most so many seconds.
---@param folder string
---@param seconds number
---@return integer|nil pid
function herd.holder(folder, seconds)
  local till = core.monotonic() + seconds
  repeat
    local inode = run.first_line(("stat -c %%i %s/*.lock 2>/dev/null"):format(run.quote(folder)))
    if inode ~= "" then
      for line in (run.read_file("/proc/locks") or ""):gmatch("[^\n]+") do
        local pid, at = line:match("FLOCK%s+ADVISORY%s+WRITE%s+(%d+)%s+%x+:%x+:(%d+)")
        if at == inode and not line:find("->", 1, true) then
          return math.tointeger(tonumber(pid))
        end
      end
    end
  until core.monotonic() > till
  return nil
end

return herd
