--- One request from its path to its reply: who it is for, faults, gateway, route, fields.
local control = require "accs.sandbox.control"
local counters = require "accs.sandbox.counters"
local errors = require "accs.sandbox.errors"
local faults = require "accs.sandbox.faults"
local fields = require "accs.sandbox.fields"
local gateway = require "accs.sandbox.gateway"
local ims_routes = require "accs.sandbox.ims"
local media = require "accs.sandbox.media"
local query = require "accs.sandbox.query"
local tenant = require "accs.sandbox.tenant"
local throttle = require "accs.sandbox.throttle"

local app = {}

app.TENANT = "SandboxTenant123456789" -- 22 characters, as Adobe's tenant ids have

local METHODS = { GET = true, POST = true, PUT = true, DELETE = true, PATCH = true }
local NO_PARAMETERS = query.parse("")

---@class accs.sandbox.Call
---@field method string
---@field path string  behind the tenant, percent-encoded
---@field query string  as received
---@field headers table<string, string>  names in lower case
---@field body string
---@field values table<string, string>  of the route's variables, decoded
local Call = {}
Call.__index = Call

--- The query, parsed on first use.
---@return accs.sandbox.Node
--- Example: `local codes = call:parameters().values.storeCodes`.
function Call:parameters()
  local parsed = self._parameters
  if not parsed then
    parsed = self.query == "" and NO_PARAMETERS or query.parse(self.query)
    self._parameters = parsed
  end
  return parsed
end

---@class accs.sandbox.App
local App = {}
App.__index = App

--- A sandbox without its socket.
---@param db table  accs.sandbox.native's database, filled by accs.sandbox.data
---@param ims accs.sandbox.Ims
---@param options { limits: table|nil, repeat_last_page: boolean, rate: integer|nil,
---  faults: accs.sandbox.Fault[], stores: table<string, true>, clock_skew: number }
---@return accs.sandbox.App
--- Example: `local server_app = app.new(db, service, options)`.
function app.new(db, ims, options)
  return setmetatable({
    _ims = ims,
    _routes = tenant.routes(db, options),
    _counters = counters.new(),
    _faults = faults.new(options.faults),
    _throttle = throttle.new(options.rate, 1),
    _clock_skew = options.clock_skew ~= 0 and options.clock_skew or nil,
    _stores = options.stores,
    _prefix = "/" .. app.TENANT .. "/",
  }, App)
end

-- The tenant's own checks, in Commerce's order, then the route.
local function answer_commerce(self, call, route)
  if not METHODS[call.method] then
    return errors.commerce(405, ("The %s HTTP method is not supported."):format(call.method))
  end
  local status, body = media.refuse_accept(call.headers.accept)
  if status then
    return status, body
  elseif not route then
    return errors.no_route()
  end
  status, body = media.refuse_content(call.headers["content-type"], call.body)
  if status then
    return status, body
  end
  local store = call.headers.store
  if store and not self._stores[store] then
    -- what Commerce says here is not known; a mistaken code should not go unseen
    return errors.commerce(404, "Requested store is not found")
  end
  status, body = route.answer(call)
  if status == 200 and call.query:find("fields", 1, true) then
    local filtered = fields.apply(body, call:parameters().values.fields)
    if not filtered then
      return errors.masked(500)
    end
    return 200, filtered
  end
  return status, body
end

local function answer_tenant(self, call, route)
  local wait = self._throttle:wait()
  if wait then
    local status, body = errors.gateway("429050", "Too many requests")
    return status, body, { ["Retry-After"] = tostring(wait) }
  end
  local status, body = gateway.check(self._ims, call.headers)
  if status then
    return status, body
  end
  return answer_commerce(self, call, route)
end

-- Which route a request is for: its template, whether it is the tenant's, how to answer, and the
-- names under which it is counted beside its template.
local function find(self, method, path, query_raw, headers, body)
  local prefix = self._prefix
  if path:sub(1, #prefix) == prefix then
    local rest = path:sub(#prefix)
    local route, values = self._routes:match(method, rest)
    return route and route.name or method .. " (no route)", true, function()
      return answer_tenant(self, setmetatable({
        method = method, path = rest, query = query_raw, headers = headers, body = body,
        values = values,
      }, Call), route)
    end
  elseif ims_routes.knows(path) then
    local request = { headers = headers, query = query_raw, body = body }
    return method .. " " .. path, false, function()
      return self._ims:answer(method, path, request)
    end, self._ims:counted(method, path, request)
  end
  return method .. " (no route)", false, function()
    return errors.gateway("404000", "No such tenant or service")
  end
end

-- Counts a request under its route's name, and under the longer ones.
local function count(self, name, more, status)
  self._counters:add(name, status)
  for _, rest in ipairs(more or {}) do
    self._counters:add(name .. " " .. rest, status)
  end
end

-- The headers with the date of a clock that is wrong.
local function with_date(self, headers)
  if self._clock_skew then
    headers = headers or {}
    headers.Date = os.date("!%a, %d %b %Y %H:%M:%S GMT", self._ims.now_ms() // 1000)
  end
  return headers
end

--- Answers a request; the C server calls it.
---@param method string
---@param path string  as received
---@param query_raw string  as received, without the question mark
---@param headers table<string, string>  names in lower case
---@param body string
---@return integer status
---@return table<string, string>|nil headers
---@return string|nil body
---@return { kind: string|nil, delay: number|nil }|nil fault  for the socket
--- Example: `local status = server_app:handle("GET", "/_sandbox/counters", "", {}, "")`.
function App:handle(method, path, query_raw, headers, body)
  local own_status, own_body = control.answer(self._ims, self._counters, method, path, query_raw)
  if own_status then
    return own_status, nil, own_body
  end
  local name, is_tenant, answer, more = find(self, method, path, query_raw, headers, body)
  local fault, delay = self._faults:take(method, name:match("^%S+ (.*)$"), is_tenant)
  local action = fault and fault.action
  if action == "reset" or action == "close" then
    count(self, name, more, action)
    return 0, nil, nil, { kind = action, delay = delay }
  end
  local status, reply, extra
  if fault and action ~= "truncate" then
    status, reply, extra = faults.reply(fault)
  else
    status, reply, extra = answer()
  end
  count(self, name, more, status)
  extra = with_date(self, extra)
  if fault or delay > 0 then
    return status, extra, reply, { kind = action, delay = delay }
  end
  return status, extra, reply
end

return app
