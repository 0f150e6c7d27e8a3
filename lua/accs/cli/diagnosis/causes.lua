--- The likely cause of what went wrong, for `accs doctor`: what Adobe's troubleshooting sections
--- name, and what is known of IMS, of the gateway in front of Commerce and of libcurl. Pure.
local causes = {}

-- What IMS calls its errors (RFC 6749, 5.2), as the message quotes them.
local OF_IMS = {
  { "invalid_client", "client id or client secret is wrong: compare both with the project's "
    .. "credential in the Developer Console. A secret that was deleted there is refused from then "
    .. "on; a credential of the stage environment needs "
    .. "IMS_URL=https://ims-na1-stg1.adobelogin.com" },
  { "invalid_scope", "the project lacks one of the scopes: add the API \"Adobe Commerce as a Cloud "
    .. "Service\" to it in the Developer Console, or correct IMS_SCOPES" },
  { "unauthorized_client", "the credential is of another kind: without a sign-in accs needs one of "
    .. "the kind OAuth Server-to-Server; for Web App, Single-Page App and Native App: accs login" },
  { "unsupported_grant_type", "IMS_URL is no Identity Management Service of Adobe's, or the "
    .. "credential is of another kind than OAuth Server-to-Server" },
  { "the session is over", "sign in again: accs login" },
  { "invalid_grant", "the sign-in is over or was revoked: accs login" },
  { "no session", "nobody has signed in with this client id: accs login" },
  { "access_denied", "the user, or a rule of the organisation, refuses the sign-in" },
}

local LIMITED = "too many token requests: keep tokens across processes (ACCS_CACHE=file), and wait"

--- Why there is no token.
---@param err accs.Error
---@return string|nil
--- Example: `causes.of_token(err)`
function causes.of_token(err)
  for _, case in ipairs(OF_IMS) do
    if err.message:find(case[1], 1, true) then
      return case[2]
    end
  end
  if err.kind == "rate_limited" then
    return LIMITED
  elseif err.status == 404 then
    return "IMS_URL is no Identity Management Service of Adobe's: unset it for production"
  elseif (err.status or 0) >= 500 then
    return "IMS has trouble of its own: see https://status.adobe.com and try again later"
  end
  return err.hint
end

local NO_API = "the project lacks the API \"Adobe Commerce as a Cloud Service\": add it in the "
  .. "Developer Console, with the credential whose client id this is"
local NO_PROFILE = "IMS_ORG_ID is not the organisation of this tenant, or the credential lacks the "
  .. "product profile of this instance: add it in the Admin Console"

-- By the gateway's error_code (Adobe's api-gateway-request-validation); the first digits are the
-- status.
local OF_GATEWAY = {
  ["403000"] = NO_API, ["403003"] = NO_API,
  ["403010"] = "the request came without its token: a proxy on the way may take it away",
  ["401013"] = "the service does not take this token: it was revoked, or belongs to another "
    .. "client, or IMS_URL is of the stage environment and API_ENDPOINT of production",
  ["403011"] = "the token lacks the scope commerce.accs: add the API \"Adobe Commerce as a Cloud "
    .. "Service\" to the project, and unset IMS_SCOPES",
  ["403020"] = NO_PROFILE, ["403023"] = NO_PROFILE, ["403024"] = NO_PROFILE,
  ["403012"] = "the address of this machine is blocked by the service",
  ["403013"] = "the address of this machine is not among those that the service allows",
}

-- By status alone. The texts of Commerce come translated and tell nothing for certain.
local OF_STATUS = {
  [401] = "the token is not taken: revoked, of another environment (stage, production), or without "
    .. "commerce.accs; or the clock of this machine is far off",
  [403] = "the account may not do this: check the product profile and the role of the technical "
    .. "account, and that IMS_ORG_ID is the tenant's organisation",
  [404] = "the tenant id or the region in API_ENDPOINT is wrong: copy the REST endpoint from the "
    .. "Commerce Cloud Manager",
}

--- Why the first call failed.
---@param err accs.Error
---@param store? string  where the store view is named, such as "ACCS_STORE"; nil: it is not
---@return string|nil
--- Example: `causes.of_call(err, "--store")`
function causes.of_call(err, store)
  local data = err.response and err.response.data
  if type(data) == "table" then
    local known = OF_GATEWAY[tostring(data.error_code)]
    if known then
      return known
    elseif type(data.parameters) == "table" and data.parameters.resources then
      return err.hint -- names the permission
    elseif err.message:find("not entitled", 1, true) then
      return NO_PROFILE
    end
  end
  if store and err.status == 404 then
    return "the store view code in " .. store .. " is wrong, or the tenant id or the region in "
      .. "API_ENDPOINT"
  elseif err.kind == "http" or err.kind == "auth" then
    return OF_STATUS[err.status] or err.hint
  end
  return err.hint
end

-- How far a request came, by libcurl's code (curl/curl.h); the rest by kind.
local STEPS = {
  [5] = "dns", [6] = "dns", [7] = "connection", [28] = "connection", [97] = "connection",
  [58] = "tls", [59] = "tls", [77] = "tls", [83] = "tls", [98] = "tls",
}
local STEPS_BY_KIND = { network = "connection", timeout = "connection", tls = "tls" }

--- The step at which a request ended that got no answer.
---@param err accs.Error
---@param code integer|nil  libcurl's
---@return "dns"|"connection"|"tls"|nil  nil: there was an answer
--- Example: `causes.step(err, 6)` is "dns".
function causes.step(err, code)
  local step = STEPS[code] or STEPS_BY_KIND[err.kind]
  if not step and err.status and err.outcome == "not_sent" then
    return "connection" -- the answer is a proxy's
  end
  return step
end

--- Why a host was not reached.
---@param err accs.Error
---@return string|nil
--- Example: `causes.of_way(err)`
function causes.of_way(err)
  if err.kind == "gateway" then
    return "the proxy does not let this host through: name the host in ACCS_NO_PROXY, or ask "
      .. "whoever runs the proxy"
  end
  return err.hint
end

--- Why a certificate may not be trusted, in words that name the clock.
---@param err accs.Error
---@param today string  this machine's date
---@return string
--- Example: `causes.of_tls(err, os.date("%Y-%m-%d"))`
function causes.of_tls(err, today)
  local hint = err.hint or "check ca_file (ACCS_CA_FILE)"
  if err.message:find("expired", 1, true) or err.message:find("not yet valid", 1, true) then
    return "the certificate's time is not now, or this machine's clock is wrong (it says "
      .. today .. ")"
  end
  return hint
end

return causes
