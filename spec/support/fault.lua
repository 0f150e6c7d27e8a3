-- The handle of the fault server: scripts go in, what crossed the wire comes out.
local new_client = require "spec.support.client"
local literal = require "spec.support.literal"
local process = require "spec.support.process"
local run = require "spec.support.run"

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

--- The head of an answer as raw bytes, its empty line too.
---@param status string  code and reason
---@param ... string  header lines
---@return string
function fault.head(status, ...)
  local lines = { "HTTP/1.1 " .. status, ... }
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

--- A step that sends the pieces.
---@param ... string
---@return table step
function fault.send(...)
  return { "send", table.concat { ... } }
end

--- Packs as the gzip command does.
---@param text string
---@return string
function fault.gzip(text)
  local dir <close> = run.temp_dir()
  local path = run.write_file(dir.path .. "/text", text)
  assert(os.execute("gzip -9 -n " .. run.quote(path)))
  return run.read_file(path .. ".gz")
end

--- A step that answers 200 with bytes that are said to be packed.
---@param bytes string
---@param coding? string  default "gzip"
---@return table step
function fault.gzipped(bytes, coding)
  return fault.reply(200, bytes, { ["Content-Encoding"] = coding or "gzip" })
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
---  checksum: integer|nil, connection: integer, at: number, under_way: integer|nil }[]  under_way:
---  how many requests of this path were being answered then, itself among them (HTTP/1.1)
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

--- Opens a port that passes bytes on to another one, until a `cut` step.
---@param port integer
---@return integer port
function Fault:relay(port)
  return command(self, "relay", port)
end

---@class support.Port  a port of its own, on which all requests meet the entries in turn, whatever
---  its path; but /V1/warm and /V1/after are answered {"ok":true} and counted apart, under the
---  name with "#warm" or "#after" behind it
---@field name string  what its requests are counted under
---@field entries? table[]  default: all are answered {"ok":true}
---@field accept? table[]  what its connections meet in turn before a byte is read
---@field tls? { certificate: string, protocol?: string, alpn?: string }  certificate: a path
---  without ".pem"; protocol: "tlsv1" for example, and nothing else; alpn: "h2" to speak that
---  where offered
---@field warm? table  what /V1/warm meets instead
---@field skip? integer  this many requests are answered {"ok":true} and counted as "#warm"
---@field greeting? table  HTTP/2: steps in place of the server's first SETTINGS
---@field settings? string  HTTP/2: payload of the server's first SETTINGS
---@field full? boolean  connections are neither accepted nor refused
---@field host? string  default "127.0.0.1"
---@field port? integer  default: a free one

--- Opens such a port.
---@param port support.Port
---@return integer number
function Fault:listen(port)
  return command(self, "listen", port)
end

--- Lets the `hold` steps of such a port go on, now and later.
---@param name string
function Fault:release(name)
  command(self, "release", name)
end

--- How many connections such a port accepted.
---@param name string
---@return integer
function Fault:accepted(name)
  return command(self, "accepted", name)
end

--- How many of them are over.
---@param name string
---@return integer
function Fault:ended(name)
  return command(self, "ended", name)
end

--- Forgets scripts, requests and counts; connections live on.
function Fault:clear()
  command(self, "clear")
end

--- An accs client whose IMS and tenant are this server.
---@param extra? table  more options for accs.client, or others in place of the usual
---@return accs.Client
function Fault:client(extra)
  return new_client(self.env, extra)
end

---@class support.Ending  how a call ended
---@field response? accs.Response
---@field err? accs.Error
---@field kind string  "ok" or the kind of the error
---@field outcome? string
---@field status? integer
---@field seconds number
---@field count integer  requests that the path got meanwhile

--- Makes a call and says in one table how it ended.
---@param client accs.Client
---@param method string
---@param path string
---@param options? table  data and the options of the call
---@return support.Ending
function Fault:try(client, method, path, options)
  local monotonic = require("accs.core").monotonic
  local call = { method = method, path = path }
  for name, value in pairs(options or {}) do
    call[name] = value
  end
  local before, started = self:count(path), monotonic()
  local response, err = client:request(call)
  return {
    response = response, err = err, kind = err and err.kind or "ok", outcome = err and err.outcome,
    status = (response or err).status, seconds = monotonic() - started,
    count = self:count(path) - before,
  }
end

--- Compares an ending with what is wanted: kind, outcome, status, count (each where given), at
--- least `min_seconds`, at most `seconds` (default 2). Raises where they differ.
---@param what string  for the message
---@param want table
---@param got support.Ending
function fault.check(what, want, got)
  for _, field in ipairs { "kind", "outcome", "status", "count" } do
    if want[field] ~= nil and want[field] ~= got[field] then
      error(("%s: %s is %s, not %s (%s)"):format(what, field, tostring(got[field]),
        tostring(want[field]), tostring(got.err)), 2)
    end
  end
  if got.seconds > (want.seconds or 2) or got.seconds < (want.min_seconds or 0) then
    error(("%s took %.2f s (%s)"):format(what, got.seconds, tostring(got.err)), 2)
  end
end

--- Runs f(case, index) for all cases, some at a time, since most just wait.
---@param cases table[]
---@param f function
---@param concurrency? integer  default 8
---@return fun(index: integer) verdict  raises what f raised for that case
function fault.together(cases, f, concurrency)
  local results = assert(require("accs").map(cases, function(case, index)
    return { pcall(f, case, index) }
  end, { concurrency = concurrency or 8 }))
  return function(index)
    if not results[index][1] then
      error(results[index][2], 0)
    end
  end
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

--- A server whose path answers as told, and a client of it with a short deadline.
---@param path string
---@param entries table  as for `Fault:script`
---@param extra? table  more options for accs.client
---@return support.Fault server
---@return accs.Client client
function fault.scripted(path, entries, extra)
  local server = fault.start()
  server:script(path, entries)
  local given = { timeout = 10 }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  return server, server:client(given)
end

return fault
