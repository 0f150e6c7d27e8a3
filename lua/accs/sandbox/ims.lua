--- Adobe's Identity Management Service: its routes, and the check of an access token.
local authorize = require "accs.sandbox.authorize"
local credentials = require "accs.sandbox.credentials"
local errors = require "accs.sandbox.errors"
local grants = require "accs.sandbox.grants"
local json = require "accs.sandbox.json"
local keys = require "accs.sandbox.keys"
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"
local throttle = require "accs.sandbox.throttle"
local tokens = require "accs.sandbox.tokens"
local user = require "accs.sandbox.user"

local ims = {}

local quote = json.quote
local MINUTE = 60 -- s

---@class accs.sandbox.ImsRequest
---@field headers table<string, string>  names in lower case
---@field query string  as received
---@field body string

---@class accs.sandbox.Ims
---@field org_id string
---@field origin string
---@field token_life number  seconds
---@field now_ms fun(): integer  its wall clock
---@field credentials accs.sandbox.Credentials
---@field keys accs.sandbox.Keys
---@field tokens accs.sandbox.Tokens
---@field page accs.sandbox.Authorize
local Ims = {}
Ims.__index = Ims

--- A service with four credentials and a new signing key.
---@param options { origin: string, token_life: number, refresh_life: number,
---  refresh_grace: number, ims_rate: integer|nil, clock_skew: number, deny: boolean,
---  second_secret: boolean }  times in seconds
---@return accs.sandbox.Ims
--- Example: `local service = ims.new(options)`.
function ims.new(options)
  local skew_ms = math.floor(options.clock_skew * 1000)
  local function now_ms()
    return native.process.now_ms() + skew_ms
  end
  local all, signing = credentials.new(options), keys.new()
  return setmetatable({
    org_id = "5A4DB0C05A4DB0C000000000@AdobeOrg",
    origin = options.origin,
    token_life = options.token_life,
    now_ms = now_ms,
    credentials = all,
    keys = signing,
    tokens = tokens.new(signing, now_ms, options),
    page = authorize.new(all, now_ms, options.deny),
    _throttle = throttle.new(options.ims_rate, MINUTE),
  }, Ims)
end

--- Signs with a new key from now on.
---@return string kid
--- Example: `local kid = service:rotate_keys()`.
function Ims:rotate_keys()
  self.tokens:forget_checked()
  return self.keys:rotate()
end

--- The claims of the access token in an Authorization header.
---@param header string|nil  "Bearer ..."
---@param client_id string|nil  whose it must be; nil: anyone's
---@return accs.sandbox.Claims|nil  nil when there is no valid one
---@return "missing"|"invalid"|nil  invalid: the signature is wrong, its time is over, it is
---  revoked, or it is no access token of this client
--- Example: `local claims, problem = service:check(headers.authorization, api_key)`.
function Ims:check(header, client_id)
  local token = (header or ""):match("^[Bb]earer%s+(%S+)$")
  local claims = token and self.tokens:read(token)
  if not claims or claims.type ~= "access_token"
    or client_id and claims.client_id ~= client_id then
    return nil, token and "invalid" or "missing"
  end
  return claims
end

local function answer_token(self, request)
  local wait = self._throttle:wait()
  if wait then
    local status, body = errors.ims(429, "too_many_requests", "too many token requests")
    return status, body, { ["Retry-After"] = tostring(wait) }
  end
  return grants.answer(self, request)
end

-- RFC 7009; success has an empty body.
local function answer_revoke(self, request)
  local form = query.parse(request.body).values
  local credential, status, body = self.credentials:authenticate(request.headers,
    query.parse(request.query).values, form)
  if not credential then
    return status, body
  elseif type(form.token) ~= "string" or form.token == "" then
    return errors.ims(400, "invalid_request", "missing token parameter")
  end
  local claims = self.tokens:read(form.token)
  if claims and claims.client_id ~= credential.client_id then
    return errors.ims(400, "unauthorized_client", "the token of another client")
  elseif claims then
    self.tokens:revoke(claims)
  end
  return 200
end

local function invalid(reason)
  return 200, json.object("valid", "false", "reason", quote(reason))
end

-- The token comes in the form or as a bearer; the client's id in the form, and in a header.
local function answer_validate(self, request)
  local form = query.parse(request.body).values
  local id = form.client_id or request.headers["x-ims-clientid"]
  local token = form.token or (request.headers.authorization or ""):match("^[Bb]earer%s+(%S+)$")
  for _, needed in ipairs { { "type", form.type }, { "client_id", id }, { "token", token } } do
    if type(needed[2]) ~= "string" or needed[2] == "" then
      return errors.ims(400, "invalid_request", "missing " .. needed[1] .. " parameter")
    end
  end
  if not self.credentials:find(id) or (request.headers["x-ims-clientid"] or id) ~= id then
    return errors.ims(400, "invalid_client", "invalid client_id parameter")
  end
  local claims, problem = self.tokens:read(token)
  if not claims then
    return invalid(problem)
  elseif claims.type ~= form.type then
    return invalid("another type of token")
  elseif claims.client_id ~= id then
    return invalid("the token of another client")
  end
  return 200, json.object("valid", "true", "expires_at", ("%d"):format(claims.expires_ms),
    "token", json.object("id", quote(claims.id), "scope", quote(claims.scope),
      "user_id", quote(claims.user_id), "expires_in", quote(("%d"):format(claims.life_ms)),
      "created_at", quote(("%d"):format(claims.expires_ms - claims.life_ms)),
      "client_id", quote(claims.client_id), "type", quote(claims.type), "as", '"ims-na1"'))
end

local function answer_user_info(self, request)
  local claims = self:check(request.headers.authorization)
  if not claims then
    local status, body = errors.ims(401, "invalid_token", "invalid or missing token")
    return status, body, { ["WWW-Authenticate"] = 'Bearer error="invalid_token"' }
  elseif not claims.scopes.openid then
    return errors.ims(403, "insufficient_scope", "the token lacks openid")
  end
  return 200, user.info(claims)
end

local function answer_discovery(self)
  local function url(path)
    return quote(self.origin .. path)
  end
  local function list(words)
    return json.array { (words:gsub("%S+", '"%0"'):gsub(" ", ",")) }
  end
  return 200, json.object(
    "issuer", url(""),
    "authorization_endpoint", url("/ims/authorize/v2"),
    "token_endpoint", url("/ims/token/v3"),
    "userinfo_endpoint", url("/ims/userinfo/v2"),
    "revocation_endpoint", url("/ims/revoke"),
    "jwks_uri", url("/ims/keys"),
    "response_types_supported", list("code"),
    "grant_types_supported", list("authorization_code refresh_token"),
    "subject_types_supported", list("public"),
    "id_token_signing_alg_values_supported", list("RS256"),
    "code_challenge_methods_supported", list("plain S256"),
    "token_endpoint_auth_methods_supported", list("client_secret_basic client_secret_post"))
end

-- path -> its method and answer: (ims, request) -> status, body, headers
local ROUTES = {
  ["/ims/authorize/v2"] = { "GET", function(self, request)
    return self.page:answer(request.query)
  end },
  ["/ims/token/v3"] = { "POST", answer_token, counted = grants.counted },
  ["/ims/revoke"] = { "POST", answer_revoke },
  ["/ims/validate_token/v1"] = { "POST", answer_validate },
  ["/ims/userinfo/v2"] = { "GET", answer_user_info },
  ["/ims/keys"] = { "GET", function(self)
    return 200, self.keys:jwks()
  end },
  ["/ims/.well-known/openid-configuration"] = { "GET", answer_discovery },
}

--- Whether a path is one of IMS's.
---@param path string
---@return boolean
--- Example: `ims.knows("/ims/keys")` is true.
function ims.knows(path)
  return ROUTES[path] ~= nil
end

--- More names under which a request is counted, beside its route's.
---@param method string
---@param path string  one of IMS's
---@param request accs.sandbox.ImsRequest
---@return string[]|nil  to put behind the route's name
--- Example: `service:counted("POST", "/ims/token/v3", request)`.
function Ims:counted(method, path, request)
  local route = ROUTES[path]
  return route.counted and method == route[1] and route.counted(self, request) or nil
end

--- Answers a request.
---@param method string
---@param path string  one of IMS's
---@param request accs.sandbox.ImsRequest
---@return integer status, string|nil body, table<string, string>|nil headers
--- Example: `local status, body = service:answer("GET", "/ims/keys", request)`.
function Ims:answer(method, path, request)
  local allowed, answer = table.unpack(ROUTES[path])
  if method ~= allowed then
    return errors.ims(405, "invalid_request", "only " .. allowed .. " is supported")
  end
  return answer(self, request)
end

return ims
