--- Commerce's error texts, filled in, and what to check. Put into the client by `accs`.
---
--- Texts arrive in the language of the store, so errors are told apart by status, path and the keys
--- of `parameters`, never by words.
local catalogue = require "accs.catalogue"
local errors = require "accs.error"

local message = {}

-- A parameter as text; lists of scalars are joined, anything else is left out.
local function show(value)
  if type(value) == "table" then
    local parts = {}
    for index, one in ipairs(value) do
      parts[index] = type(one) ~= "table" and show(one) or nil
    end
    return table.concat(parts, ", ")
  elseif type(value) == "userdata" then
    return "" -- null
  end
  return tostring(value)
end

-- `%fieldName` is filled in by the longest name that fits, as PHP's strtr does.
local function fill(text, parameters)
  if type(parameters) ~= "table" then
    return text
  end
  return (text:gsub("%%([%w_]+)", function(word)
    for length = #word, 1, -1 do
      local name = word:sub(1, length)
      local value = parameters[name]
      if value == nil then
        value = parameters[math.tointeger(tonumber(name))]
      end
      if value ~= nil then
        return show(value) .. word:sub(length + 1)
      end
    end
  end))
end

-- The main text of a body: Commerce's usual shape, its other one, or the gateway's.
local function text_of(data)
  if type(data.message) == "string" then
    local text = fill(data.message, data.parameters)
    local details = {}
    for _, one in ipairs(type(data.errors) == "table" and data.errors or {}) do
      if type(one) == "table" and type(one.message) == "string" then
        details[#details + 1] = fill(one.message, one.parameters)
      end
    end
    if #details > 0 then
      text = text .. " " .. table.concat(details, " ")
    end
    return text
  end
  local list = type(data.messages) == "table" and data.messages.error
  local texts = {}
  for _, one in ipairs(type(list) == "table" and list or {}) do
    if type(one) == "table" and type(one.message) == "string" then
      texts[#texts + 1] = one.message
    end
  end
  return #texts > 0 and table.concat(texts, " ") or nil
end

local NO_PROFILE = "check org_id (IMS_ORG_ID), and give the technical account a product profile in "
  .. "the Admin Console"

-- Codes of Adobe's API gateway: api-gateway-request-validation,
-- validatorsHandlerErrorDecorator.lua.
local GATEWAY = {
  ["403000"] = "set client_id (IMS_CLIENT_ID): it travels as x-api-key",
  ["403003"] = "check client_id (IMS_CLIENT_ID), and that its project has the Commerce API",
  ["403010"] = "no token arrived: check what stands between you and the service",
  ["401013"] = "check that the credential is of the tenant's organisation (IMS_ORG_ID)",
  ["403011"] = "add the scope commerce.accs (IMS_SCOPES), and the Commerce API to the project",
  ["403012"] = "your address is on the service's list of blocked ones",
  ["403013"] = "your address is not on the service's list of allowed ones",
  ["403020"] = "check that the credential is of the tenant's organisation (IMS_ORG_ID)",
  ["403023"] = NO_PROFILE,
  ["403024"] = NO_PROFILE,
}

-- Paths of other editions; ACCS answers them with 404.
local ABSENT = {
  { "^search$", "this list does not exist in the cloud service; use GraphQL productSearch" },
  { "^import/csv$", "this path does not exist in the cloud service; use import/json" },
  { "^customers/me", "customer paths do not exist in the cloud service; use GraphQL" },
  { "^carts/mine", "customer paths do not exist in the cloud service; use GraphQL" },
  { "^guest%-carts", "guest paths do not exist in the cloud service; use GraphQL" },
  { "^integration/", "tokens come from Adobe IMS, and the client gets them by itself" },
}

-- Paths of one thing, by its id: a 404 there speaks of the thing.
local THINGS = {
  "^products/[^/]+$", "^orders/[^/]+$", "^orders/items/[^/]+$", "^invoices/[^/]+$",
  "^creditmemo/[^/]+$", "^shipment/[^/]+$", "^customers/[^/]+$", "^categories/[^/]+$",
  "^coupons/[^/]+$", "^salesRules/[^/]+$", "^carts/[^/]+$", "^taxRates/[^/]+$",
}

local function matches(patterns, resource)
  for _, pattern in ipairs(patterns) do
    if resource:find(pattern) then
      return true
    end
  end
  return false
end

local function hint_not_found(parameters, context)
  local path, resource = context.path or "", catalogue.resource(context.path or "")
  if path:find("^/*v%d") then
    return "write the version with a capital letter: /V1/..."
  elseif not path:find("^/*V%d+/") and not path:find("^/*graphql") then
    return "paths begin with the version: /V1/..."
  end
  for _, case in ipairs(ABSENT) do
    if resource:find(case[1]) then
      return case[2]
    end
  end
  if parameters.fieldName then
    return "there is nothing with this id, or not in this store"
  elseif context.method ~= "POST" and matches(THINGS, resource) and not catalogue.list(path) then
    return "there is nothing with this id, or not in this store; an unknown store (ACCS_STORE) or "
      .. "tenant (API_ENDPOINT) is answered like this too"
  end
  if context.method == "GET" and catalogue.list(path .. "/search") then
    return "this list is read from " .. path .. "/search"
  end
  return "check path and method (" .. (context.method or "GET")
    .. "): a known path with another method is answered like this too, and an unknown store "
    .. "(ACCS_STORE) or tenant (API_ENDPOINT) may be"
end

local function hint_bad_request(parameters, context)
  local list = catalogue.list(context.path or "")
  if context.body and context.body:find('^"%s*[{%[]') then
    return "the data was text and went out as a JSON string: what is JSON already needs raw = true"
  elseif parameters.max and parameters.type then
    return "send at most " .. show(parameters.max) .. " entries in one call"
  elseif parameters.max then
    return "ask for at most " .. show(parameters.max) .. " rows a page (page_size)"
  elseif parameters.fieldName == "searchCriteria" then
    return "this is a list: use client:items (accs items), or query = accs.search():query()"
  elseif list and context.method == "GET" and #parameters == 1 then
    return "only attributes of the row itself can be searched and sorted by; "
      .. "this list does not know " .. show(parameters[1])
  elseif list and context.method == "GET" and next(parameters) == nil then
    return "an unknown field to search or sort by is answered like this"
  end
end

-- A refusal that names what is missing; another token would not help.
local function hint_refused(parameters)
  if parameters.resources then
    return "give the technical account's role the resource " .. show(parameters.resources)
      .. " (Admin: System > Permissions > User Roles)"
  end
end

local function hint_server(_, context)
  if context.method == "GET" and catalogue.list(context.path or "") then
    return "try again later; on this list an unknown search field is answered like this too"
  end
  return "try again later; the report id, where there is one, names the entry in the service's log"
end

local HINTS = {
  [400] = hint_bad_request, [401] = hint_refused, [403] = hint_refused, [404] = hint_not_found,
  [500] = hint_server,
}

--- Says in plain words what an error body means.
---@param data any  the decoded body
---@param status integer|nil  HTTP status
---@param context { method?: string, path?: string, kind?: string, body?: string }  body: as sent
---@return string|nil text  the service's message with its parameters filled in, one line
---@return string|nil hint  what to check; nil when the client's general hint is as good
--- Example: `message.explain({ message = "No %1", parameters = { "x" } }, 400, {}) --> "No x"`
function message.explain(data, status, context)
  if type(data) ~= "table" then
    return nil
  end
  local parameters = type(data.parameters) == "table" and data.parameters or {}
  local hint = GATEWAY[tostring(data.error_code)]
  if not hint and HINTS[status] then
    hint = HINTS[status](parameters, context or {})
  end
  local text = text_of(data)
  return text and errors.clean(text), hint and errors.clean(hint, 300)
end

-- Writes that do the thing again when they come again, against their method's promise.
local ONCE = { "^orders/create$", "^carts/[^/]+/order$", "^guest%-carts/[^/]+/order$" }

--- Whether repeating a call is harmless, where the method says otherwise than the service does.
---@param method string  e.g. "PUT"
---@param path string
---@return boolean|nil idempotent  nil: as the method says (RFC 9110, 9.2.2)
--- Example: `message.classify("PUT", "/V1/orders/create") --> false`
function message.classify(method, path)
  local resource = catalogue.resource(path)
  if resource:find("^async/") and method ~= "GET" then
    return false -- each acceptance queues the work once more
  elseif method == "PUT" and matches(ONCE, resource) then
    return false
  end
  return nil
end

return message
