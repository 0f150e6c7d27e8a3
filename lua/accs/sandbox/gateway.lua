--- The gateway in front of Commerce: who may call at all.
--
-- Bodies and statuses are those of Adobe's open-source API gateway. That the organisation is
-- checked here, and with which code, is assumed.
local errors = require "accs.sandbox.errors"

local gateway = {}

local SCOPE = "commerce.accs"

--- Checks the credentials of a call.
---@param ims accs.sandbox.Ims
---@param headers table<string, string>  names in lower case
---@return integer|nil status, string|nil body  nothing when the call may pass
--- Example: `local status, body = gateway.check(ims, headers)`.
function gateway.check(ims, headers)
  local api_key = headers["x-api-key"]
  if not api_key or api_key == "" then
    return errors.gateway("403000", "Api Key is required")
  elseif not ims.credentials:find(api_key) then
    return errors.gateway("403003", "Api Key is invalid")
  end
  local claims, problem = ims:check(headers.authorization, api_key)
  if problem == "missing" then
    return errors.gateway("403010", "Oauth token is missing.")
  elseif not claims then
    return errors.gateway("401013", "Oauth token is not valid")
  elseif not claims.scopes[SCOPE] then
    return errors.gateway("403011", "Scope mismatch")
  elseif headers["x-gw-ims-org-id"] ~= ims.org_id then
    return errors.gateway("403023", "Profile is not valid")
  end
end

return gateway
