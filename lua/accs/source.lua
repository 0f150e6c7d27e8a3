--- Where the body of a request comes from while it is sent: a file, an open handle, or a function.
local core = require "accs.core"
local errors = require "accs.error"

local source = {}

local PIECE = 131072 -- bytes read at a time
local PIECE_MAX = 262144 -- that the core takes at a time

---@class accs.Source  to be closed
---@field length? integer  bytes, where they are known
---@field replayable boolean  it can begin again
local Source = {}
Source.__index = Source

local function trouble(what, problem)
  problem = problem and problem:gsub("^.*: ", "") or "unknown trouble"
  return { kind = "io", message = ("cannot read %s: %s"):format(what, problem) }
end

-- A file or handle ---------------------------------------------------------------------------

local File = setmetatable({}, { __index = Source })
File.__index = File

-- What tells that somebody wrote to it meanwhile.
local function changed(self)
  if not self.path then
    return self.file:seek("end") ~= self.start + self.length
  end
  local kind, size, time = core.file(self.path)
  return kind ~= "file" or size ~= self.length or time ~= self.time
end

--- The next piece; nil at the end; nil and a failure when there is trouble.
---@param from_start boolean  begin again
---@return string|nil bytes
---@return table|nil failure
function File:read(from_start)
  if from_start and self.replayable then
    local at, problem = self.file:seek("set", self.start)
    if not at then
      return nil, trouble(self.name, problem)
    end
    self.given = 0
  end
  local most = self.length and math.min(PIECE, self.length - self.given) or PIECE
  if most == 0 then
    return nil
  end
  local bytes, problem = self.file:read(most)
  if not bytes and problem then
    return nil, trouble(self.name, problem)
  end
  self.given = self.given + #(bytes or "")
  -- Before the last piece leaves: without it the server has no whole body to act on.
  if self.length and (not bytes or self.given == self.length) then
    if not bytes or changed(self) then
      return nil, trouble(self.name, "it was changed while it was sent")
    elseif not self.path then
      self.file:seek("set", self.start + self.given)
    end
  end
  return bytes
end

--- Closes a file that was opened here.
function File:close()
  if self.path then
    self.file:close()
  end
end

File.__close = File.close

local function open_path(path)
  if path == "" or path:find("\0", 1, true) then -- the system would take another path
    return nil, trouble(path, "the path is empty or holds a NUL byte")
  end
  local kind, size, time = core.file(path)
  if kind == "directory" then
    return nil, trouble(path, "it is a directory")
  end
  local file, problem = io.open(path, "rb")
  if not file then
    return nil, trouble(path, problem)
  end
  local plain = kind == "file" and (size > 0 or not file:read(0)) -- /proc says 0
  return setmetatable({
    file = file, path = path, name = path, start = 0, given = 0, time = time,
    length = plain and size or nil, replayable = plain,
  }, File)
end

local function open_handle(file)
  local start = file:seek("cur")
  local stop = start and file:seek("end")
  local plain = stop and file:seek("set", start) and stop > start -- a device says 0
  return setmetatable({
    file = file, name = "the source", start = start or 0, given = 0,
    length = plain and stop - start or nil, replayable = plain and true or false,
  }, File)
end

-- A function ---------------------------------------------------------------------------------

local Function = setmetatable({ replayable = false }, { __index = Source })
Function.__index = Function

--- The next piece; nil at the end; what the function raises passes through.
---@return string|nil bytes
---@return table|nil failure
function Function:read()
  local bytes, at = self.left, self.at
  if not bytes then
    local message
    bytes, message = self.call()
    if bytes == nil and message ~= nil then
      return nil, { kind = "cancelled", message = tostring(message) }
    elseif bytes ~= nil and type(bytes) ~= "string" then
      errors.misuse(("source: the function must return a string, or nil at the end; not %s")
        :format(type(bytes)))
    elseif not bytes or #bytes <= PIECE_MAX then
      return bytes
    end
    at = 1
  end
  local stop = at + PIECE_MAX
  self.left, self.at = stop <= #bytes and bytes or nil, stop
  return bytes:sub(at, stop - 1)
end

--- Nothing is open.
function Function:close() end -- luacheck: no unused args

Function.__close = Function.close

--- Opens a source.
---
---   * a path: sent with its Content-Length, again from the start when the call is repeated. A file
---     that is changed meanwhile ends the call with kind `io`
---   * a file handle: from where it stands to its end, likewise where it can be sought; it is left
---     open. From a pipe it is sent in chunks, and only once
---   * a function: called for each piece until it returns nil; sent in chunks, once. It may wait,
---     call accs, and raise. `nil` and a message end the call with kind `cancelled`
---@param given string|file*|fun(): string?, string?
---@return accs.Source|nil
---@return table|nil failure  kind `io`
--- Raises for anything else.
--- Example: `local from <close> = assert(source.open("products.json"))`
function source.open(given)
  local meta = getmetatable(given)
  if type(given) == "string" then
    return open_path(given)
  elseif io.type(given) == "file" then
    return open_handle(given)
  elseif type(given) == "function" or type(meta) == "table" and meta.__call then
    return setmetatable({ call = given }, Function)
  end
  errors.misuse(("source must be a path, an open file or a function, not %s")
    :format(io.type(given) or type(given)))
end

return source
