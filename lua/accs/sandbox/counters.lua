--- Counts requests by route and status, so that a test can see what crossed the wire.
local json = require "accs.sandbox.json"

local counters = {}

---@class accs.sandbox.Counters
local Counters = {}
Counters.__index = Counters

--- Counters that are all zero.
---@return accs.sandbox.Counters
--- Example: `local counts = counters.new()`.
function counters.new()
  return setmetatable({ _routes = {} }, Counters)
end

--- Counts one request.
---@param route string  method and template, for example "GET /V1/products/{sku}"
---@param status integer|string  the status, or "reset" or "close" where no reply was sent
--- Example: `counts:add("GET /V1/orders", 200)`.
function Counters:add(route, status)
  local statuses = self._routes[route]
  if not statuses then
    statuses = {}
    self._routes[route] = statuses
  end
  statuses[status] = (statuses[status] or 0) + 1
end

--- Forgets all counts.
--- Example: `counts:reset()`.
function Counters:reset()
  self._routes = {}
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return keys
end

--- The counts as JSON: `{"GET /V1/orders":{"200":3}}`.
---@return string
--- Example: `return 200, counts:json()`.
function Counters:json()
  local members = {}
  for _, route in ipairs(sorted_keys(self._routes)) do
    local statuses = self._routes[route]
    local counts = {}
    for _, status in ipairs(sorted_keys(statuses)) do
      counts[#counts + 1] = tostring(status)
      counts[#counts + 1] = tostring(statuses[status])
    end
    members[#members + 1] = route
    members[#members + 1] = json.object(table.unpack(counts))
  end
  return json.object(table.unpack(members))
end

return counters
