-- Servers that tests start. A child's standard input is a pipe held here: closing it, or the end
-- of the test process for whatever reason, ends the child.
local run = require "spec.support.run"

local process = {}

local live = {} -- processes that run, so that the end of the test run can stop them

---@class support.Process
---@field pid integer
---@field dir string  a folder of its own, removed when it is closed
local Process = {}
Process.__index = Process

--- Starts a program whose standard input stays open.
---@param words string[]  the command
---@param options? { env?: table, cwd?: string }
---@return support.Process
function process.start(words, options)
  options = options or {}
  local dir = run.temp_dir()
  local fifo, err = dir.path .. "/out", dir.path .. "/err"
  assert(os.execute("mkfifo " .. run.quote(fifo)))
  local line = "echo $$; exec " .. run.environment(options.env) .. " " .. run.command(words)
  if options.cwd then
    line = "cd " .. run.quote(options.cwd) .. " && " .. line
  end
  -- The output is opened by this shell before anything can fail, so the open below never hangs.
  local command = "exec >" .. run.quote(fifo) .. " 2>" .. run.quote(err) .. "; " .. line
  local input = assert(io.popen(command, "w"))
  local output = assert(io.open(fifo, "r"))
  local self = setmetatable({
    _input = input, _output = output, _dir = dir, _err = err, dir = dir.path, _words = words,
  }, Process)
  live[self] = true
  self.pid = math.tointeger(tonumber(output:read("l")))
  if not self.pid then
    self:close()
    error("cannot start " .. words[1], 2)
  end
  return self
end

--- The next line that the program prints; nil when it has ended.
---@return string|nil
function Process:read_line()
  return self._output:read("l")
end

--- Writes to the program's standard input.
---@param text string
function Process:write(text)
  assert(self._input:write(text))
  assert(self._input:flush())
end

--- What it has written to standard error so far.
---@return string
function Process:errors()
  return self._err_text or run.read_file(self._err) or ""
end

--- Sends a signal.
---@param signal string  "TERM", "INT", "KILL", "STOP", "CONT"
function Process:signal(signal)
  os.execute("kill -" .. signal .. " " .. self.pid)
end

--- Closes its standard input and waits for its end. A second call does nothing.
---@return integer|nil code  exit code, 128 + number for a signal
function Process:close()
  if not live[self] then
    return self._code
  end
  live[self] = nil
  local _, how, code = self._input:close()
  self._output:close()
  self._err_text = run.read_file(self._err) or ""
  self._dir:remove()
  self._code = how == "signal" and 128 + code or code
  return self._code
end

Process.__close = Process.close
Process.__gc = Process.close

--- Stops every process that still runs.
function process.close_all()
  for self in pairs(live) do
    self:close()
  end
end

return process
