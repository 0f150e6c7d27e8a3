--- Where the body of an answer goes as it comes: a file, an open handle, or a function.
local core = require "accs.core"
local errors = require "accs.error"

local sink = {}

local NAME_KEPT = 241 -- bytes of a file's name (255 at most) that leave room for .<8 digits>.part

---@class accs.Sink  to be closed, whatever happened
---@field bytes integer  delivered
local Sink = {}
Sink.__index = Sink

local function trouble(path, problem)
  problem = problem and problem:gsub("^.*: ", "") or "unknown trouble"
  return { kind = "io", message = ("cannot write %s: %s"):format(path, problem) }
end

-- A file ------------------------------------------------------------------------------------

local File = setmetatable({}, { __index = Sink })
File.__index = File

-- Opens the file that is written: beside the real one, so that a broken run leaves no half of it.
function File:_open()
  local file, problem = io.open(self.part or self.path, "wb")
  self.file, self.bytes = file, 0
  return file ~= nil, not file and trouble(self.path, problem) or nil
end

function File:_close()
  local file = self.file
  self.file = nil
  if file then
    return file:close() -- with the reason: a full disk may show here first
  end
end

--- Takes bytes: true, or nil and the failure.
---@param bytes string
---@return true|nil ok
---@return table|nil failure
function File:write(bytes)
  local ok, problem = self.file:write(bytes)
  if not ok then
    return nil, trouble(self.path, problem)
  end
  self.bytes = self.bytes + #bytes
  return true
end

--- Begins again with an empty file.
---@return boolean ok
---@return table|nil failure
function File:restart()
  self:_close()
  return self:_open()
end

--- All is there: gives the file its name.
---@return true|nil ok
---@return table|nil failure
function File:finish()
  local ok, problem = self:_close()
  if ok and self.part then
    ok, problem = os.rename(self.part, self.path)
    self.part = ok and nil or self.part
  end
  return ok and true, not ok and trouble(self.path, problem) or nil
end

--- Removes what is not finished. A second time does nothing.
function File:close()
  self:_close()
  if self.part then
    os.remove(self.part)
    self.part = nil
  end
end

File.__close = File.close

-- A name that no other process makes: where this one's memory lies, and the moment. Not
-- math.random(), whose numbers a program may have fixed for its own ends.
local function part_name(path)
  local address = tonumber(tostring({}):match("0x(%x+)") or "0", 16)
  local moment = math.floor(core.monotonic() * 1e6)
  local folder, name = path:match("^(.-)([^/]*)$")
  return ("%s%s.%08x.part"):format(folder, name:sub(1, NAME_KEPT),
    (address ~ moment * 2654435761) & 0xffffffff)
end

local function open_file(path)
  if path == "" or path:find("\0", 1, true) then -- the system would take another path
    return nil, trouble(path, "the path is empty or holds a NUL byte")
  end
  local kind = core.file(path)
  if kind == "directory" then
    return nil, trouble(path, "it is a directory")
  end
  local self = setmetatable({ path = path, bytes = 0 }, File)
  if kind ~= "other" then -- a device or pipe is written to, not replaced
    repeat
      self.part = part_name(path)
    until not core.file(self.part)
  end
  local ok, failure = self:_open()
  if not ok then
    return nil, failure
  end
  return self
end

-- An open handle ----------------------------------------------------------------------------

local Handle = setmetatable({ write = File.write }, { __index = Sink })
Handle.__index = Handle

--- What is written cannot be taken back.
---@return boolean ok
function Handle:restart()
  return self.bytes == 0
end

--- All is there. The handle stays open.
---@return true|nil ok
---@return table|nil failure
function Handle:finish()
  local ok, problem = self.file:flush()
  return ok and true, not ok and trouble(self.path, problem) or nil
end

--- Leaves the handle open.
function Handle:close() end -- luacheck: no unused args

Handle.__close = Handle.close

-- A function --------------------------------------------------------------------------------

local Function = setmetatable({ restart = Handle.restart, close = Handle.close },
  { __index = Sink })
Function.__index = Function
Function.__close = Handle.close

--- Calls the function; what it raises passes through.
---@param bytes string
---@return true|nil ok
---@return table|nil failure
function Function:write(bytes)
  local answer, message = self.call(bytes)
  if answer == false or answer == nil and message ~= nil then
    return nil, { kind = "cancelled", outcome = "done",
      message = message ~= nil and tostring(message) or "the sink wants no more" }
  end
  self.bytes = self.bytes + #bytes
  return true
end

--- All is there.
---@return true ok
function Function:finish()
  return self.bytes >= 0
end

--- Opens a sink.
---
---   * a path: written beside (`<path>.<8 digits>.part`, same folder) and given its name when all
---     is there; what was there before is replaced then, and stays as it is when the call fails
---   * a file handle: written to from where it stands, flushed, and left open
---   * a function: called with each piece, a string of at most 256 KB. It may wait, call accs, and
---     raise. `false`, or `nil` and a message, ends the call with kind `cancelled`
---@param target string|file*|fun(bytes: string): any, string?
---@return accs.Sink|nil
---@return table|nil failure  kind `io`
--- Raises for anything else.
--- Example: `local to <close> = assert(sink.open("orders.json"))`
function sink.open(target)
  local meta = getmetatable(target)
  if type(target) == "string" then
    return open_file(target)
  elseif io.type(target) == "file" then
    return setmetatable({ file = target, path = "to the sink", bytes = 0 }, Handle)
  elseif type(target) == "function" or type(meta) == "table" and meta.__call then
    return setmetatable({ call = target, bytes = 0 }, Function)
  end
  errors.misuse(("sink must be a path, an open file or a function, not %s")
    :format(io.type(target) or type(target)))
end

return sink
