--- The four credentials of the sandbox's project, one of each kind, and who may use them.
local errors = require "accs.sandbox.errors"
local json = require "accs.sandbox.json"
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"

local crypto = native.crypto
local credentials = {}

local quote = json.quote

local SCOPES = {} -- what a credential may ask for
for scope in ("AdobeID openid email profile additional_info.roles "
  .. "additional_info.projectedProductContext commerce.accs"):gmatch("%S+") do
  SCOPES[scope] = true
end
local USER_SCOPES = setmetatable({ offline_access = true }, { __index = SCOPES })

-- In the order in which they are told. `public`: no secret, PKCE instead.
local KINDS = {
  { kind = "server", client_id = "sandbox-client", scopes = SCOPES,
    grants = { client_credentials = true } },
  { kind = "web", client_id = "sandbox-web", scopes = USER_SCOPES,
    redirect_uri = "https://localhost:8443/signed-in",
    grants = { authorization_code = true, refresh_token = true } },
  { kind = "spa", client_id = "sandbox-spa", scopes = USER_SCOPES, public = true,
    redirect_uri = "https://localhost:8443/signed-in", grants = { authorization_code = true } },
  { kind = "native", client_id = "sandbox-native", scopes = USER_SCOPES, public = true,
    redirect_uri = "com.example.sandbox:/signed-in", grants = { authorization_code = true } },
}

---@class accs.sandbox.Credential
---@field kind "server"|"web"|"spa"|"native"
---@field client_id string
---@field secrets table<integer, string>  by number, first and second; none for a public client
---@field public boolean|nil
---@field redirect_uri string|nil  the default one
---@field scopes table<string, true>
---@field grants table<string, true>

---@class accs.sandbox.Credentials
local Credentials = {}
Credentials.__index = Credentials

local function new_secret()
  return "sandbox-secret-" .. crypto.random(16):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end)
end

--- The credentials, with new secrets.
---@param options { second_secret: boolean|nil }  two secrets for each that has any
---@return accs.sandbox.Credentials
--- Example: `local all = credentials.new { second_secret = true }`.
function credentials.new(options)
  local self = setmetatable({ _by_kind = {}, _by_id = {} }, Credentials)
  for _, template in ipairs(KINDS) do
    local credential = setmetatable({ secrets = {} }, { __index = template })
    for i = 1, template.public and 0 or options.second_secret and 2 or 1 do
      credential.secrets[i] = new_secret()
    end
    self._by_kind[template.kind] = credential
    self._by_id[template.client_id] = credential
  end
  return self
end

--- The names of the kinds.
---@return string[]
--- Example: `table.concat(credentials.kinds(), "|")`.
function credentials.kinds()
  local names = {}
  for i, template in ipairs(KINDS) do
    names[i] = template.kind
  end
  return names
end

--- The credential of a kind.
---@param kind string
---@return accs.sandbox.Credential|nil
--- Example: `local web = all:of_kind("web")`.
function Credentials:of_kind(kind)
  return self._by_kind[kind]
end

--- The credential with a client id.
---@param client_id any
---@return accs.sandbox.Credential|nil
--- Example: `local credential = all:find(headers["x-api-key"])`.
function Credentials:find(client_id)
  return self._by_id[client_id or false]
end

--- Takes a client secret away, as the Developer Console can.
---@param kind string
---@param number integer  1 or 2
---@return boolean  whether there was one
--- Example: `all:revoke_secret("server", 1)`.
function Credentials:revoke_secret(kind, number)
  local credential = self._by_kind[kind]
  local found = credential ~= nil and credential.secrets[number] ~= nil
  if found then
    credential.secrets[number] = nil
  end
  return found
end

--- All credentials as JSON, secrets included: for tests.
---@return string
--- Example: `return 200, all:json()`.
function Credentials:json()
  local members = {}
  for _, template in ipairs(KINDS) do
    local credential = self._by_kind[template.kind]
    local secrets = {}
    for number = 1, 2 do
      local secret = credential.secrets[number]
      secrets[#secrets + 1] = secret and quote(secret)
    end
    members[#members + 1] = template.kind
    members[#members + 1] = json.object("client_id", quote(credential.client_id),
      "client_secret", secrets[1], "client_secrets", json.array(secrets),
      "redirect_uri", credential.redirect_uri and quote(credential.redirect_uri))
  end
  return json.object(table.unpack(members))
end

-- Client id and secret of a Basic header, each form-encoded (RFC 6749, 2.3.1).
local function basic(header)
  local encoded = header and header:match("^[Bb]asic%s+([%w+/]+)=*$")
  local bytes = encoded and crypto.from_base64url((encoded:gsub("+", "-"):gsub("/", "_")))
  local id, secret = (bytes or ""):match("^([^:]*):(.*)$")
  if id then
    return query.decode(id), query.decode(secret)
  end
end

local function is_secret(credential, secret)
  local found = false
  for number = 1, 2 do
    local known = credential.secrets[number]
    found = known ~= nil and crypto.equal(secret, known) or found
  end
  return found
end

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

--- The client that a request names, whether it proves to be it or not.
---@param headers table<string, string>  names in lower case
---@param parameters table<string, any>  of the query
---@param form table<string, any>
---@return accs.sandbox.Credential|nil
--- Example: `local client = all:named(headers, parameters, form)`.
function Credentials:named(headers, parameters, form)
  local basic_id = basic(headers.authorization)
  return self:find(text(form.client_id) or basic_id or text(parameters.client_id))
end

--- Which client asks: by a Basic header, or by fields of the body. The id of a public client may
--- be in the query, as in Adobe's samples; nothing else may, for queries are logged.
---@param headers table<string, string>  names in lower case
---@param parameters table<string, any>  of the query
---@param form table<string, any>
---@return accs.sandbox.Credential|nil credential
---@return integer|nil status  of the refusal
---@return string|nil body
--- Example: `local client, status, reply = all:authenticate(headers, parameters, form)`.
function Credentials:authenticate(headers, parameters, form)
  local basic_id, basic_secret = basic(headers.authorization)
  local id = text(form.client_id) or basic_id or text(parameters.client_id)
  local credential = self._by_id[id or false]
  local in_query = parameters.client_id and not (credential and credential.public)
  if in_query or parameters.client_secret then
    return nil, errors.ims(400, "invalid_request", "credentials in the query are refused")
  elseif not id then
    return nil, errors.ims(400, "invalid_request", "missing client_id parameter")
  elseif basic_id and id ~= basic_id or basic_secret and form.client_secret then
    return nil, errors.ims(400, "invalid_request", "two ways of authentication at once")
  elseif not credential then
    return nil, errors.ims(400, "invalid_client", "invalid client_id parameter")
  end
  local secret = basic_secret or text(form.client_secret)
  if not secret and not credential.public then
    return nil, errors.ims(400, "invalid_request", "missing client_secret parameter")
  elseif secret and not is_secret(credential, secret) then
    return nil, errors.ims(401, "invalid_client", "invalid client_secret parameter")
  end
  return credential
end

--- The scopes of a request, separated by commas.
---@param credential accs.sandbox.Credential
---@param names string
---@param separator string  Lua pattern of a class: what may stand between two
---@return string|nil  nil when one is unknown, or there is none
--- Example: `credentials.scopes(web, "openid commerce.accs", ",%s")` is `"openid,commerce.accs"`.
function credentials.scopes(credential, names, separator)
  local list = {}
  for name in names:gmatch("[^" .. separator .. "]+") do
    if not credential.scopes[name] then
      return nil
    end
    list[#list + 1] = name
  end
  return #list > 0 and table.concat(list, ",") or nil
end

local LOOPBACK = { ["localhost"] = true, ["127.0.0.1"] = true, ["[::1]"] = true }

--- Whether the Developer Console would hold this redirect URI for a credential. Here that is any
--- on this machine: by HTTPS for web and single-page apps; by HTTP, or with a scheme of its own,
--- for native apps as well.
---@param credential accs.sandbox.Credential
---@param uri string
---@return boolean
--- Example: `credentials.is_registered(web, "https://localhost:8443/callback")` is true.
function credentials.is_registered(credential, uri)
  local scheme, rest = uri:match("^(%a[%w+.-]*):(.*)$")
  if not scheme or uri:find("[%c%s#]") then
    return false
  end
  scheme = scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then
    return credential.kind == "native"
  end
  local authority = rest:match("^//([^/?]*)") or ""
  local host = authority:match("^(%[[%x:]+%])") or authority:match("^[^:]*")
  local port = authority:sub(#host + 1)
  return LOOPBACK[host:lower()] == true and (port == "" or port:find("^:%d+$") ~= nil)
    and (scheme == "https" or credential.kind == "native")
end

return credentials
