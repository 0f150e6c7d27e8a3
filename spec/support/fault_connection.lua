-- One connection of the fault server: bytes in and out, in the clear or through TLS, and the ways
-- in which a connection can end.
local loop = require "spec.support.loop"

---@class support.Connection
---@field sock table  what is read and written: the plain socket, or TLS on top of it
---@field raw table  the plain socket
---@field buffer string  received and not used yet
---@field number integer  among all connections of the server
---@field port table  the listening port that it came to
---@field protocol? string  "h2" or "http/1.1" when TLS agreed on one
---@field stream? integer  the HTTP/2 stream under way
---@field over? boolean  closed by us
local Connection = {}
Connection.__index = Connection

---@param sock table  a plain socket without timeout
---@param port? table
---@param number? integer
---@return support.Connection
function Connection.new(sock, port, number)
  return setmetatable({
    sock = sock, raw = sock, buffer = "", port = port, number = number,
  }, Connection)
end

-- TLS objects say goodbye when they are collected, to whatever then has their descriptor's number.
local held, contexts = {}, {}

local function context_of(tls)
  local ssl = require "ssl"
  local key = table.concat({ tls.certificate, tls.protocol or "", tls.alpn or "" }, "|")
  contexts[key] = contexts[key] or assert(ssl.newcontext {
    mode = "server", protocol = tls.protocol or "any",
    -- Without the second a client that just goes makes LuaSec's receive spin for ever.
    options = { "all", "ignore_unexpected_eof" },
    certificate = tls.certificate .. ".pem", key = tls.certificate .. ".key",
    ciphers = tls.protocol and "ALL:@SECLEVEL=0" or nil, -- TLS 1.0 is below what OpenSSL allows
    alpn = tls.alpn and function(offered)
      for _, protocol in ipairs(offered) do
        if protocol == tls.alpn then
          return protocol
        end
      end
      return "http/1.1"
    end,
  })
  return contexts[key]
end

--- Takes the connection through a TLS handshake; false when that fails.
---@param tls { certificate: string, protocol?: string, alpn?: string }
---@return boolean
function Connection:secure(tls)
  local fd = self.raw:getfd()
  local sock = assert(require("ssl").wrap(self.raw, context_of(tls)))
  self.raw:setfd(fd)
  held[#held + 1] = sock
  sock:settimeout(0)
  while true do
    local done, problem = sock:dohandshake()
    if done then
      self.sock = sock
      self.protocol = sock:getalpn()
      return true
    elseif problem ~= "wantread" and problem ~= "wantwrite" then
      self:drop()
      return false
    end
    loop.wait(self.raw, problem == "wantread" and "read" or "write")
  end
end

local function would_block(problem)
  return problem == "timeout" or problem == "wantread" or problem == "wantwrite"
end

--- Receives more; false when the client has gone.
function Connection:receive()
  while true do
    local bytes, problem, part = self.sock:receive(65536)
    bytes = bytes or part
    if bytes and #bytes > 0 then
      self.buffer = self.buffer .. bytes
      return true
    elseif not would_block(problem) then
      return false
    end
    loop.wait(self.sock, problem == "wantwrite" and "write" or "read")
  end
end

function Connection:send(bytes)
  local from = 1
  while from <= #bytes do
    local last, problem, part = self.sock:send(bytes, from)
    if not last and not would_block(problem) then
      return false
    end
    from = (last or part or from - 1) + 1
    if not last then
      loop.wait(self.sock, problem == "wantread" and "read" or "write")
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

--- Takes the body that the head of a request announces; nil when the client goes before.
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

--- Ends the connection properly, with TLS's goodbye where there is TLS.
function Connection:close()
  if self.over then
    return -- its descriptor's number may be another connection's by now
  elseif self.sock ~= self.raw and loop.wait(self.raw, "write", 1) then
    self.sock:close() -- blocks while there is no room for the goodbye
    self.raw:setfd(-1)
  end
  self.raw:close()
  self.over = true
end

--- Ends it without a goodbye of TLS.
function Connection:drop()
  self.raw:close()
  self.over = true
end

--- Makes its end a reset, however it comes.
function Connection:linger_not()
  self.raw:setoption("linger", { on = true, timeout = 0 })
end

return Connection
