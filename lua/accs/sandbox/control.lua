--- The sandbox's own routes, for tests: what was counted, and what no client could do.
local errors = require "accs.sandbox.errors"
local json = require "accs.sandbox.json"
local query = require "accs.sandbox.query"

local control = {}

local PREFIX = "/_sandbox/"

local function unknown()
  return errors.commerce(404, "No such route of the sandbox.")
end

-- ?index=1|2 and, for another than the server's, &client=web
local function revoke_secret(service, query_raw)
  local asked = query.parse(query_raw).values
  local number = math.tointeger(tonumber(asked.index))
  if not number or not service.credentials:revoke_secret(asked.client or "server", number) then
    return errors.commerce(404, "No such secret.")
  end
  return 200, "true"
end

-- "METHOD NAME" -> (app's service, counters, query) -> status, body
local ROUTES = {
  ["GET counters"] = function(_, counts)
    return 200, counts:json()
  end,
  ["DELETE counters"] = function(_, counts)
    counts:reset()
    return 200, "true"
  end,
  ["GET credentials"] = function(service)
    return 200, service.credentials:json()
  end,
  ["POST keys/rotate"] = function(service)
    return 200, json.object("kid", json.quote(service:rotate_keys()))
  end,
  ["POST secrets/revoke"] = function(service, _, query_raw)
    return revoke_secret(service, query_raw)
  end,
  ["DELETE secrets"] = function(service, _, query_raw)
    return revoke_secret(service, query_raw)
  end,
  ["POST tokens/revoke"] = function(service)
    service.tokens:revoke_all()
    return 200, "true"
  end,
}

--- Answers a request of these routes; they are not counted, and no fault hits them.
---@param service accs.sandbox.Ims
---@param counts accs.sandbox.Counters
---@param method string
---@param path string
---@param query_raw string
---@return integer|nil status  nil: the path is not one of these
---@return string|nil body
--- Example: `local status, body = control.answer(service, counts, method, path, "")`.
function control.answer(service, counts, method, path, query_raw)
  if path:sub(1, #PREFIX) ~= PREFIX then
    return nil
  end
  local route = ROUTES[method .. " " .. path:sub(#PREFIX + 1)]
  if not route then
    return unknown()
  end
  return route(service, counts, query_raw)
end

return control
