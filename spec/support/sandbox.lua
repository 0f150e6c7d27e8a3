-- A sandbox tenant for a test: the real accs-sandbox on a free port.
local new_client = require "spec.support.client"
local cjson = require "cjson"
local process = require "spec.support.process"
local run = require "spec.support.run"

local sandbox = {}

local VARIABLES = { "API_ENDPOINT", "IMS_URL", "IMS_CLIENT_ID", "IMS_CLIENT_SECRET", "IMS_ORG_ID" }

---@class support.Sandbox
---@field env table<string, string>  API_ENDPOINT IMS_URL IMS_CLIENT_ID IMS_CLIENT_SECRET IMS_ORG_ID
---@field origin string  "http://127.0.0.1:PORT"
---@field port integer
---@field process support.Process
local Sandbox = {}
Sandbox.__index = Sandbox

--- Starts a sandbox. Small by default, so that it is there at once.
---
---     local box <close> = support.sandbox { products = 5, args = { "--token-life", "2" } }
---
---@param options? { products?: integer, orders?: integer, customers?: integer, seed?: integer,
---  db?: string, args?: string[] }
---@return support.Sandbox
function sandbox.start(options)
  options = options or {}
  local words = { "accs-sandbox" }
  local function add(name, value)
    words[#words + 1] = name
    words[#words + 1] = tostring(value)
  end
  add("--products", options.products or 20)
  add("--orders", options.orders or 20)
  add("--customers", options.customers or 10)
  if options.seed then
    add("--seed", options.seed)
  end
  if options.db then
    add("--db", options.db)
  end
  for _, word in ipairs(options.args or {}) do
    words[#words + 1] = word
  end
  local child = process.start(words)
  local env = {}
  for _ = 1, #VARIABLES do
    local line = child:read_line()
    local name, value = (line or ""):match("^([A-Z_]+)=\"?(.-)\"?$")
    if not name then
      local code = child:close()
      error(("accs-sandbox did not start (exit code %s): %s"):format(code, child:errors()), 2)
    end
    env[name] = value
  end
  for _, name in ipairs(VARIABLES) do
    assert(env[name], "accs-sandbox did not print " .. name)
  end
  local origin = env.IMS_URL:match("^http://[^/]+")
  return setmetatable({
    env = env,
    process = child,
    origin = origin,
    port = math.tointeger(tonumber(origin:match("%d+$"))),
  }, Sandbox)
end

--- An accs client of this sandbox.
---@param extra? table  more options for accs.client, or others in place of the usual
---@return accs.Client
function Sandbox:client(extra)
  return new_client(self.env, extra)
end

--- All counters: requests by route template and status. Needs no token.
---@return table<string, table<string, integer>>
function Sandbox:counters()
  local status, body = sandbox.get(self.port, "/_sandbox/counters")
  assert(status == 200, "the sandbox gave no counters")
  return cjson.decode(body)
end

--- How many requests of a route came, over all statuses or with one.
---@param route string  for example "GET /V1/products/{sku}"
---@param status? integer
---@return integer
function Sandbox:count(route, status)
  local sum = 0
  for code, count in pairs(self:counters()[route] or {}) do
    if not status or tonumber(code) == status then
      sum = sum + math.tointeger(count)
    end
  end
  return sum
end

--- A request to one of the sandbox's own routes, for example to rotate its keys.
---
---     box:control("POST", "/_sandbox/keys/rotate")
---
---@param method string
---@param path string
---@return table|boolean  the reply
function Sandbox:control(method, path)
  local status, body = sandbox.get(self.port, path, method)
  assert(status == 200, "the sandbox refused " .. method .. " " .. path)
  return cjson.decode("[" .. body .. "]")[1]
end

--- Client ids, secrets and redirect URIs by kind: server, web, spa, native.
---@return table<string, { client_id: string, client_secret: string|nil, client_secrets: string[],
---  redirect_uri: string|nil }>
function Sandbox:credentials()
  return self:control("GET", "/_sandbox/credentials")
end

--- Stops it. Raises when it ended otherwise than by being asked to.
function Sandbox:close()
  local process_ = self.process
  if process_ then
    self.process = nil
    local code = process_:close()
    if code ~= 0 then
      error(("accs-sandbox ended with %s: %s"):format(code, process_:errors()), 2)
    end
  end
end

Sandbox.__close = Sandbox.close

--- A plain request without any client of ours: the shell's own TCP.
---@param port integer  on 127.0.0.1
---@param path string
---@param method? string  GET
---@return integer|nil status, string body
function sandbox.get(port, path, method)
  local request = (method or "GET") .. " " .. path .. " HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n"
  local script = ("exec 3<>/dev/tcp/127.0.0.1/%d && printf '%%b' %s >&3 && cat <&3"):format(port,
    run.quote(request))
  local result = run { "bash", "-c", script, timeout = 10 }
  local head, body = result.out:match("^(.-)\r\n\r\n(.*)$")
  return head and math.tointeger(tonumber(head:match("^HTTP/%d%.%d (%d+)"))), body or ""
end

local shared = {} -- running sandboxes by their options

--- A sandbox that lives until the end of the spec run, one for each set of options. Its counters
--- go on counting, so compare them before and after.
---@param options? table  as for start
---@return support.Sandbox
function sandbox.shared(options)
  local parts = {}
  for name, value in pairs(options or {}) do
    parts[#parts + 1] = name .. "=" .. (type(value) == "table" and table.concat(value, " ")
      or tostring(value))
  end
  table.sort(parts)
  local key = table.concat(parts, ",")
  shared[key] = shared[key] or sandbox.start(options)
  return shared[key]
end

--- Stops the shared ones.
function sandbox.close_shared()
  for key, box in pairs(shared) do
    shared[key] = nil
    box:close()
  end
end

return sandbox
