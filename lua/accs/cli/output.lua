--- Where a command writes: standard output, or a file that appears under its name only when whole.
local errors = require "accs.error"
local stop = require "accs.cli.stop"

local output = {}

local EBADF, EPIPE = 9, 32

---@class accs.Output
---@field write fun(text: string)  raises when the text cannot be written
local Output = {}
Output.__index = Output

local function fail(name, problem)
  error(errors.new { kind = "io", message = "cannot write " .. name .. ": " .. problem }, 0)
end

-- A name beside the file that nothing else uses; Lua has no mkstemp.
local function beside(path)
  local seed = string.format("%x%s", os.time(), tostring({}):match("0x(%x+)") or "")
  for try = 1, 100 do
    local name = string.format("%s.%s-%d.part", path, seed, try)
    local taken = io.open(name, "rb")
    if not taken then
      return name
    end
    taken:close()
  end
  fail(path, "no free name beside it")
end

-- One word for the shell.
local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- What a name stands for: "file" (there or not), "folder", or "stream": a device or pipe, which is
-- written to as it is, since a file in its place would remove it. Nothing is opened to find out:
-- that would wait for the pipe's other end, or end its reading.
local function kind_of(path)
  if path:find("^/dev/") then
    return "stream"
  elseif not os.rename(path, path) then -- does nothing, but fails when there is nothing
    return path:find("/$") and "folder" or "file"
  elseif os.execute("test -d " .. quote(path)) then
    return "folder"
  end
  return os.execute("test -f " .. quote(path)) and "file" or "stream"
end

--- Opens the output of a command, before it does any work, so that a wrong name costs nothing.
---@param path string|nil  nil or "-": standard output
---@return accs.Output
--- Raises an error of kind `io` when the file cannot be made.
--- Example: `local out <close> = output.open("orders.csv")`
function output.open(path)
  local self = setmetatable({ _name = path or "standard output", _file = io.stdout }, Output)
  if path and path ~= "-" then
    local kind = kind_of(path)
    if kind == "folder" then
      fail(path, "it is a folder")
    elseif kind == "file" then
      self._path, self._part = path, beside(path)
    end
    local problem
    self._file, problem = io.open(self._part or path, "wb")
    if not self._file then
      fail(path, (problem:gsub("^.*: ", "")))
    end
  end
  self._file:setvbuf("full", 65536)
  self.write = function(text)
    self:_check(self._file:write(text))
  end
  return self
end

-- Raises when a write, flush or close did not succeed.
function Output:_check(ok, problem, code)
  if ok then
    return
  elseif code == EPIPE then
    self._file = nil
    stop.now("broken_pipe") -- the reader has seen enough; nobody wants to be told
  end
  fail(self._name, tostring(problem):gsub("^.*: ", ""))
end

--- Puts the file under its name: call it when all is written.
--- Raises an error of kind `io` when the last bytes cannot be written.
--- Example: `out.write("sku\n") out:commit()`
function Output:commit()
  self:_check(self._file:flush())
  if self._file ~= io.stdout then
    local file = self._file
    self._file = nil
    self:_check(file:close())
  end
  if self._path then
    local ok, problem = os.rename(self._part, self._path)
    if not ok then
      fail(self._path, (problem:gsub("^.*: ", "")))
    end
    self._part = nil
  end
end

--- Writes text on standard output at once, so that a failure is told before anything else is done.
---@param text string
--- Raises an error of kind `io` when it cannot be written.
--- Example: `output.print("hello\n")`
function output.print(text)
  local out <close> = output.open()
  out.write(text)
  out:commit()
end

local guards = {} -- as long as the process

--- Takes the places of standard files that are closed, before a socket or a file of the cache gets
--- one of them, and with it what is printed. To be called before anything is opened.
--- Example: `output.guard()`
function output.guard()
  for _, standard in ipairs { io.stdin, io.stdout, io.stderr } do
    local _, _, code = standard:seek("cur")
    if code == EBADF then -- opened to be read: what is written there fails
      guards[#guards + 1] = io.open("/dev/null", "rb")
    end
  end
end

function Output:__close()
  if self._file and self._file ~= io.stdout then
    self._file:close()
  end
  if self._part then
    os.remove(self._part)
  end
end

return output
