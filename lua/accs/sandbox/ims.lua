--- Adobe's Identity Management Service: makes access tokens and checks them.
--
-- A token is a JWT signed with RS256 by a key that is made at the start. As in Adobe's,
-- `created_at` and `expires_in` are strings of milliseconds and there is no `exp`.
local errors = require "accs.sandbox.errors"
local json = require "accs.sandbox.json"
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"

local crypto = native.crypto
local ims = {}

local SCOPES = {} -- what the credential may ask for
for scope in ("AdobeID openid email profile additional_info.roles "
  .. "additional_info.projectedProductContext commerce.accs"):gmatch("%S+") do
  SCOPES[scope] = true
end

local CHECKED_MAX = 1000 -- tokens remembered as checked, so that a call costs no RSA

---@class accs.sandbox.Claims
---@field client_id string
---@field type string
---@field scopes table<string, true>
---@field expires_ms integer  wall clock

---@class accs.sandbox.Ims
---@field client_id string
---@field client_secret string
---@field org_id string
local Ims = {}
Ims.__index = Ims

local function random_hex(count)
  return (crypto.random(count):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

--- A service with one credential and a new signing key.
---@param options { token_life: number }  seconds that a token lives
---@return accs.sandbox.Ims
--- Example: `local service = ims.new { token_life = 86399 }`.
function ims.new(options)
  return setmetatable({
    client_id = "sandbox-client",
    client_secret = "sandbox-secret-" .. random_hex(16),
    org_id = "5A4DB0C05A4DB0C000000000@AdobeOrg",
    _life = options.token_life,
    _key = crypto.key(),
    _checked = {},
    _checked_count = 0,
  }, Ims)
end

local function part(text)
  return crypto.base64url(text)
end

--- A signed access token.
---@param scope string  comma-separated
---@return string
--- Example: `local token = service:sign("openid,commerce.accs")`.
function Ims:sign(scope)
  local created = native.process.now_ms()
  local quote = json.quote
  local head = json.object("alg", '"RS256"', "x5u", '"ims_na1-key-at-1.cer"',
    "kid", '"ims_na1-key-at-1"', "itt", '"at"')
  local claims = json.object(
    "id", quote(("%d_%s_uw2"):format(created, random_hex(16))),
    "type", '"access_token"',
    "client_id", quote(self.client_id),
    "user_id", quote("00000000000000000000SAND@techacct.adobe.com"),
    "as", '"ims-na1"',
    "aa_id", quote("00000000000000000000SAND@techacct.adobe.com"),
    "ctp", "0",
    "moi", quote(random_hex(4)),
    "expires_in", quote(("%d"):format(math.floor(self._life * 1000))),
    "created_at", quote(("%d"):format(created)),
    "scope", quote(scope))
  local signed = part(head) .. "." .. part(claims)
  return signed .. "." .. part(self._key:sign(signed))
end

-- The claims of a token with a right signature; nil for any other text.
local function read(self, token)
  local head, claims, signature = token:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
  local bytes = signature and crypto.from_base64url(signature)
  if not bytes or not self._key:verify(head .. "." .. claims, bytes) then
    return nil
  end
  head, claims = crypto.from_base64url(head), crypto.from_base64url(claims)
  if json.get(head, "$.alg") ~= "RS256" then
    return nil
  end
  local scopes = {}
  for scope in json.get(claims, "$.scope"):gmatch("[^,]+") do
    scopes[scope] = true
  end
  return {
    client_id = json.get(claims, "$.client_id"),
    type = json.get(claims, "$.type"),
    scopes = scopes,
    expires_ms = math.tointeger(json.get(claims, "$.created_at"))
      + math.tointeger(json.get(claims, "$.expires_in")),
  }
end

--- The claims of the access token in an Authorization header.
---@param header string|nil  "Bearer ..."
---@return accs.sandbox.Claims|nil  nil when there is no valid one
---@return "missing"|"invalid"|nil  invalid: the signature is wrong, its time is over, or it is no
---  access token of this client
--- Example: `local claims, problem = service:check(headers.authorization)`.
function Ims:check(header)
  local claims = self._checked[header or ""]
  if not claims then
    local token = (header or ""):match("^[Bb]earer%s+(%S+)$")
    claims = token and read(self, token)
    if not claims or claims.type ~= "access_token" or claims.client_id ~= self.client_id then
      return nil, token and "invalid" or "missing"
    end
    if self._checked_count >= CHECKED_MAX then
      self._checked, self._checked_count = {}, 0
    end
    self._checked[header] = claims
    self._checked_count = self._checked_count + 1
  end
  if claims.expires_ms <= native.process.now_ms() then
    return nil, "invalid"
  end
  return claims
end

-- Client id and secret of a Basic header, each form-encoded (RFC 6749, 2.3.1).
local function basic_credentials(header)
  local encoded = header and header:match("^[Bb]asic%s+([%w+/]+)=*$")
  local bytes = encoded and crypto.from_base64url((encoded:gsub("+", "-"):gsub("/", "_")))
  local id, secret = (bytes or ""):match("^([^:]*):(.*)$")
  if id then
    return query.decode(id), query.decode(secret)
  end
end

local function check_scope(scope)
  local count = 0
  for name in scope:gmatch("[^,]+") do
    if not SCOPES[name] then
      return false
    end
    count = count + 1
  end
  return count > 0
end

-- status, body of a refusal; nothing when the form may have a token.
local function refuse(self, headers, query_raw, form)
  if query_raw:find("client_secret", 1, true) or query_raw:find("client_id", 1, true) then
    return errors.ims(400, "invalid_request", "credentials in the query are refused")
  end
  local media = (headers["content-type"] or ""):lower()
  if not media:find("^application/x%-www%-form%-urlencoded") then
    return errors.ims(400, "invalid_request", "the body must be application/x-www-form-urlencoded")
  end
  local id, secret = basic_credentials(headers.authorization)
  id, secret = form.client_id or id, form.client_secret or secret
  local needed = { grant_type = form.grant_type, client_id = id, client_secret = secret,
    scope = form.scope }
  for _, name in ipairs { "grant_type", "client_id", "client_secret", "scope" } do
    if type(needed[name]) ~= "string" or needed[name] == "" then
      return errors.ims(400, "invalid_request", "missing " .. name .. " parameter")
    end
  end
  if form.grant_type ~= "client_credentials" then
    return errors.ims(400, "unsupported_grant_type", "unsupported grant_type parameter")
  elseif not crypto.equal(id, self.client_id) then
    return errors.ims(400, "invalid_client", "invalid client_id parameter")
  elseif not crypto.equal(secret, self.client_secret) then
    return errors.ims(401, "invalid_client", "invalid client_secret parameter")
  elseif not check_scope(form.scope) then
    return errors.ims(400, "invalid_scope", "invalid scope parameter")
  end
end

--- Answers `POST /ims/token/v3`.
---@param headers table<string, string>  names in lower case
---@param query_raw string
---@param body string
---@return integer status, string body
--- Example: `local status, reply = service:token(headers, "", form)`.
function Ims:token(headers, query_raw, body)
  local form = query.parse(body).values
  local status, reply = refuse(self, headers, query_raw, form)
  if status then
    return status, reply
  end
  return 200, json.object("access_token", json.quote(self:sign(form.scope)),
    "token_type", '"bearer"', "expires_in", ("%d"):format(math.floor(self._life)))
end

return ims
