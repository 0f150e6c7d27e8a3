-- The handle of the fault server: scripts go in, what crossed the wire comes out.
local literal = require "spec.support.literal"
local process = require "spec.support.process"

local fault = {}

local REASONS = { [200] = "OK", [404] = "Not Found", [429] = "Too Many Requests" }

---@class support.Fault
---@field port integer
---@field other_port integer  a second origin, whose paths begin with "other:"
---@field origin string  "http://127.0.0.1:PORT"
---@field env table<string, string>  API_ENDPOINT IMS_URL IMS_CLIENT_ID IMS_CLIENT_SECRET IMS_ORG_ID
local Fault = {}
Fault.__index = Fault

--- A step that sends a whole answer with its Content-Length.
---
---     fault.reply(503, "<html>", { ["Content-Type"] = "text/html" })
---
---@param status integer
---@param body? string  default ""
---@param headers? table<string, string>  Content-Type is application/json unless given
---@return table step
function fault.reply(status, body, headers)
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASONS[status] or "Status") }
  local given = { ["Content-Type"] = "application/json", ["Content-Length"] = #(body or "") }
  for name, value in pairs(headers or {}) do
    given[name] = value
  end
  for name, value in pairs(given) do
    lines[#lines + 1] = name .. ": " .. value
  end
  return { "send", table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "") }
end

--- An entry that answers {"ok":true}.
fault.ok = { fault.reply(200, '{"ok":true}') }

--- Starts a server of its own.
---
---     local server <close> = fault.start()
---     server:script("/V1/x", { { { "close" } }, fault.ok })
---
---@return support.Fault
function fault.start()
  local child = process.start { "lua5.4", "spec/support/fault_server.lua" }
  local function read(name)
    local line = child:read_line() or ""
    local value = math.tointeger(tonumber(line:match("^" .. name .. "=(%d+)$")))
    if not value then
      child:close()
      error("the fault server did not start: " .. line .. child:errors(), 3)
    end
    return value
  end
  local self = setmetatable({ _process = child }, Fault)
  self.port, self.other_port = read("PORT"), read("OTHER")
  self.origin = "http://127.0.0.1:" .. self.port
  self.env = {
    API_ENDPOINT = self.origin .. "/tenant",
    IMS_URL = self.origin,
    IMS_CLIENT_ID = "example-client",
    IMS_CLIENT_SECRET = "example-not-a-secret",
    IMS_ORG_ID = "EXAMPLE@AdobeOrg",
  }
  return self
end

local function command(self, ...)
  self._process:write(literal.dump { ... } .. "\n")
  local line = self._process:read_line()
  if not line then
    error("the fault server has ended: " .. self._process:errors(), 3)
  end
  return literal.parse(line)
end

--- What the requests of a path meet from now on: the first entry the next request, and so on; the
--- last entry all that follow. The steps are listed in spec/support/fault_server.lua.
---@param path string  without tenant and query, "/V1/x"
---@param entries table[]
function Fault:script(path, entries)
  command(self, "script", path, entries)
end

--- What the next connections meet before a byte is read.
---@param entries table[]
function Fault:connections(entries)
  command(self, "connections", entries)
end

--- The requests that a path got so far.
---@param path string
---@return { method: string, target: string, head: string, body: string|nil, body_len: integer|nil,
---  checksum: integer|nil, connection: integer, at: number }[]
function Fault:requests(path)
  return command(self, "requests", path)
end

--- How many requests a path got.
---@param path string
---@param method? string  only these
---@return integer
function Fault:count(path, method)
  local count = 0
  for _, request in ipairs(self:requests(path)) do
    if not method or request.method == method then
      count = count + 1
    end
  end
  return count
end

--- How many connections were accepted on both ports.
---@return integer
function Fault:connection_count()
  return command(self, "counts").connections
end

--- Forgets scripts, requests and counts; connections live on.
function Fault:clear()
  command(self, "clear")
end

--- An accs client whose IMS and tenant are this server.
---@param extra? table  more options for accs.client, or others in place of the usual
---@return accs.Client
function Fault:client(extra)
  local options = {
    base_url = self.env.API_ENDPOINT,
    ims_url = self.env.IMS_URL,
    client_id = self.env.IMS_CLIENT_ID,
    client_secret = self.env.IMS_CLIENT_SECRET,
    org_id = self.env.IMS_ORG_ID,
    dotenv = false,
  }
  for name, value in pairs(extra or {}) do
    options[name] = value
  end
  return require("accs").client(options)
end

--- Stops it. Raises when a script was wrong.
function Fault:close()
  local child = self._process
  if child then
    self._process = nil
    child:close()
    if child:errors() ~= "" then
      error("the fault server: " .. child:errors(), 2)
    end
  end
end

Fault.__close = Fault.close

return fault
