--- Faults on demand.
--
--     SPEC   := [METHOD ROUTE ":"] ACTION ["@" FIRST] ["*" TIMES]
--     METHOD := GET | POST | ... | ANY        ROUTE := a template as in the counters, or "*"
--     ACTION := STATUS            400 to 599, with the body that the gateway or Commerce would send
--             | "429=" SECONDS    429 with Retry-After in seconds
--             | "429=date"        429 with Retry-After as an HTTP date, two seconds ahead
--             | "reset"           the connection is reset before the request is acted on
--             | "close"           the connection is closed before the request is acted on
--             | "truncate"        the request is acted on, the reply breaks off in the middle
--             | "html"            a gateway's HTML page with status 502
--             | "delay=" SECONDS  the reply comes later
--
-- FIRST is the number of the first matching request that is hit (1), TIMES how many are hit (all).
-- Without METHOD and ROUTE any call of the tenant matches. The first fault that still has hits
-- left is applied; delays are added to it.
local errors = require "accs.sandbox.errors"

local faults = {}

---@class accs.sandbox.Fault
---@field method string|nil
---@field route string|nil
---@field action string
---@field argument string|nil
---@field first integer
---@field last number
---@field seen integer

---@class accs.sandbox.Faults
local Faults = {}
Faults.__index = Faults

local PLAIN = { reset = true, close = true, truncate = true, html = true }

local function check_action(action, argument)
  local status = math.tointeger(tonumber(action))
  if status == 429 and argument then
    return argument == "date" or math.tointeger(tonumber(argument)) ~= nil
  elseif status then
    return argument == nil and status >= 400 and status <= 599
  elseif action == "delay" then
    local seconds = tonumber(argument or "")
    return seconds ~= nil and seconds > 0 and seconds <= 3600
  end
  return PLAIN[action] and argument == nil or false
end

--- Reads one fault.
---@param spec string
---@return accs.sandbox.Fault|nil fault
---@return string|nil message  what is wrong with it
--- Example: `faults.parse("GET /V1/products:503*2")`.
function faults.parse(spec)
  local target, rest = spec:match("^(%u+ %S+):([^:]+)$")
  rest = rest or spec
  local times = rest:match("%*(%d+)$")
  rest = rest:gsub("%*%d+$", "")
  local first = tonumber(rest:match("@(%d+)$")) or 1
  rest = rest:gsub("@%d+$", "")
  local action, argument = rest:match("^([^=]+)=(.+)$")
  action = action or rest
  if not check_action(action, argument) then
    return nil, ("not a fault: %q (for example 503, GET /V1/products:503*2, 429=7, 429=date, "
      .. "reset, close, truncate, html, delay=0.5)"):format(spec)
  end
  local method, route = (target or ""):match("^(%u+) (%S+)$")
  return {
    method = method ~= "ANY" and method or nil,
    route = route ~= "*" and route or nil,
    tenant_only = target == nil,
    action = action,
    argument = argument,
    first = first,
    last = times and first + tonumber(times) - 1 or math.huge,
    seen = 0,
  }
end

--- The faults of a run.
---@param list accs.sandbox.Fault[]  as `faults.parse` gave them
---@return accs.sandbox.Faults
--- Example: `local active = faults.new { assert(faults.parse("reset*1")) }`.
function faults.new(list)
  return setmetatable({ _list = list }, Faults)
end

local function matches(fault, method, route, tenant)
  if fault.tenant_only then
    return tenant
  end
  return (not fault.method or fault.method == method) and (not fault.route or fault.route == route)
end

--- The faults that hit this request. Counts the request.
---@param method string
---@param route string  template
---@param tenant boolean  a call of the tenant, not of IMS
---@return accs.sandbox.Fault|nil fault  the one that decides the reply
---@return number delay  seconds that the reply waits
--- Example: `local fault, delay = active:take("GET", "/V1/orders", true)`.
function Faults:take(method, route, tenant)
  local chosen, delay = nil, 0
  for _, fault in ipairs(self._list) do
    if matches(fault, method, route, tenant) then
      fault.seen = fault.seen + 1
      if fault.seen >= fault.first and fault.seen <= fault.last then
        if fault.action == "delay" then
          delay = delay + tonumber(fault.argument)
        else
          chosen = chosen or fault
        end
      end
    end
  end
  return chosen, delay
end

local GATEWAY = {
  [401] = { "401013", "Oauth token is not valid" },
  [403] = { "403003", "Api Key is invalid" },
  [429] = { "429050", "Too many requests" },
  [503] = { "503000", "Could not validate Api Key" },
}

local HTML = "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n"
  .. "<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n"

local function error_of(status)
  if GATEWAY[status] then
    return errors.gateway(table.unpack(GATEWAY[status]))
  elseif status == 500 then
    return errors.masked(500)
  end
  return errors.commerce(status, "This fault was asked for.")
end

--- The reply of a fault that is a reply.
---@param fault accs.sandbox.Fault
---@return integer status, string body, table<string, string>|nil headers
--- Example: `return faults.reply(fault)`.
function faults.reply(fault)
  local status = math.tointeger(tonumber(fault.action)) or 502
  if status == 502 or status == 504 then
    local title = status == 502 and "502 Bad Gateway" or "504 Gateway Time-out"
    return status, HTML:format(title, title), { ["Content-Type"] = "text/html" }
  end
  local body = select(2, error_of(status))
  if fault.argument == "date" then
    return status, body, { ["Retry-After"] = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 2) }
  elseif fault.argument then
    return status, body, { ["Retry-After"] = fault.argument }
  end
  return status, body
end

return faults
