--- Routes by method and path template: static parts win over variables.
local query = require "accs.sandbox.query"

local router = {}

---@class accs.sandbox.Route
---@field name string  method and template, for example "GET /V1/products/{sku}"
---@field answer fun(call: accs.sandbox.Call): integer, string

---@class accs.sandbox.Router
local Router = {}
Router.__index = Router

--- A router without routes.
---@return accs.sandbox.Router
--- Example: `local routes = router.new()`.
function router.new()
  return setmetatable({ _roots = {} }, Router)
end

--- Adds a route.
---@param method string
---@param template string  for example "/V1/products/{sku}"
---@param answer fun(call: accs.sandbox.Call): integer, string
--- Example: `routes:add("GET", "/V1/orders/{id}", get_order)`.
function Router:add(method, template, answer)
  local node = self._roots[method] or { static = {} }
  self._roots[method] = node
  for part in template:gmatch("[^/]+") do
    local variable = part:match("^{(.+)}$")
    if variable then
      node.variable = node.variable or { static = {}, name = variable }
      node = node.variable
    else
      node.static[part] = node.static[part] or { static = {} }
      node = node.static[part]
    end
  end
  node.route = { name = method .. " " .. template, answer = answer }
end

local function walk(node, parts, index, values)
  local part = parts[index]
  if not part then
    return node.route
  end
  local below = node.static[part]
  local route = below and walk(below, parts, index + 1, values)
  if route then
    return route
  end
  below = node.variable
  route = below and walk(below, parts, index + 1, values)
  if route then
    values[below.name] = query.decode(part)
  end
  return route
end

--- The route of a request.
---@param method string
---@param path string  percent-encoded; static parts are compared as they are, case included, and
---  variable parts are decoded once, with `+` as a blank
---@return accs.sandbox.Route|nil route
---@return table<string, string> values  of the variables
--- Example: `local route, values = routes:match("GET", "/V1/products/24-MB01%2FX")`.
function Router:match(method, path)
  local root = self._roots[method]
  local parts, values = {}, {}
  if not root then
    return nil, values
  end
  for part in path:gsub("^/+", ""):gsub("/+$", ""):gmatch("[^/]*") do
    parts[#parts + 1] = part
  end
  return walk(root, parts, 1, values), values
end

return router
