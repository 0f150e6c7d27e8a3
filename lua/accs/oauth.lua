--- Sign-in of a person: the authorization code flow with PKCE (RFC 6749, RFC 7636).
---
---     local flow = accs.oauth.authorization {
---       client_id = "example", client_secret = "not-a-secret",
---       redirect_uri = "https://shop.example.com/signed-in", kind = "web",
---     }
---     -- The browser goes to flow.url and comes back to the redirect URI:
---     local session = assert(flow:exchange(url_that_it_came_back_to))
---     local client = accs.client { auth = session, base_url = "..." }
local core = require "accs.core"
local credentials = require "accs.credentials"
local errors = require "accs.error"
local flow = require "accs.flow"
local guard = require "accs.guard"
local options = require "accs.options"

local oauth = {}

local KEY_MIN = 16 -- bytes of a seal_key

local function fail(message, ...)
  error(errors.new { kind = "config", message = message:format(...) }, 0)
end

-- Options ------------------------------------------------------------------------------------

local KINDS = { web = true, spa = true, native = true }
-- Not for a browser to be sent to, whatever a credential says.
local NO_SCHEMES = { javascript = true, data = true, file = true, vbscript = true, about = true,
  blob = true }

-- Adobe's rules for the redirect URIs of each kind of credential.
local function check_redirect_uri(uri, kind)
  local scheme = uri:match("^(%a[%w+.-]*):[^%s]+$")
  if not scheme or NO_SCHEMES[scheme:lower()] or uri:find("[#%s\"<>\\]") then
    fail("redirect_uri must be an absolute address without fragment (#) and blanks")
  end
  scheme = scheme:lower()
  local is_web = scheme == "http" or scheme == "https"
  local address = is_web and core.address(uri)
  if is_web and (not address or address.has_user_info) then
    fail("redirect_uri must be an absolute address, with host and port as they are written in "
      .. "ASCII, and without user name")
  end
  if kind ~= "native" and scheme ~= "https" then
    fail("redirect_uri must begin with https:// for kind %s, on localhost too: Adobe refuses "
      .. "others", kind)
  elseif kind == "native" and is_web and not address.loopback then
    fail("redirect_uri of kind native has a scheme of its own (com.example.app:/signed-in) or is "
      .. "on localhost")
  end
end

local OWN = { "kind", "offline_access", "pkce", "seal_key" }

local function check_own(own)
  if own.kind ~= nil and not KINDS[own.kind] then
    fail('kind must be "web", "spa" or "native"')
  end
  for _, name in ipairs { "offline_access", "pkce" } do
    if own[name] ~= nil and type(own[name]) ~= "boolean" then
      fail("%s must be true or false", name)
    end
  end
  local key = own.seal_key
  if key ~= nil and (type(key) ~= "string" or #key < KEY_MIN) then
    fail("seal_key must be a string of %d bytes or more, random ones", KEY_MIN)
  end
  own.kind = own.kind or "web"
end

-- What only one kind of credential has.
local function check_kind(own, values, sources)
  local kind = own.kind
  if kind == "web" and not values.client_secret then
    fail("client_secret is missing, which kind web has: set IMS_CLIENT_SECRET in the environment "
      .. 'or in .env, or the option client_secret, or the kind ("spa" or "native")')
  elseif kind ~= "web" then
    if values.client_secret and sources.client_secret.kind == "option" then
      fail("client_secret: kind %s is public and has none", kind)
    elseif own.offline_access then
      fail("offline_access: kind %s gets no refresh token from Adobe, only kind web does", kind)
    elseif own.pkce == false then
      fail("pkce: kind %s cannot do without it", kind)
    end
    guard.drop_secret(values, sources)
  end
end

-- The options of a flow: its own, and those of a client.
local function read(given, name)
  if given ~= nil and type(given) ~= "table" then
    errors.misuse(("accs.oauth.%s: the options must be a table, not %s"):format(name, type(given)))
  end
  local own, rest = {}, {}
  for key, value in pairs(given or {}) do
    rest[key] = value
  end
  for _, key in ipairs(OWN) do
    own[key], rest[key] = rest[key], nil
  end
  for _, key in ipairs { "access_token", "auth" } do
    if rest[key] ~= nil then
      fail("%s has no place in a sign-in", key)
    end
  end
  rest.auth = "user" -- a token of the environment is not asked
  check_own(own)
  return own, rest
end

local function resolve(given, name)
  local own, rest = read(given, name)
  local values, sources = options.resolve(rest, nil, { "client_id", "redirect_uri" })
  check_kind(own, values, sources)
  check_redirect_uri(values.redirect_uri, own.kind)
  return own, values, sources
end

---@class accs.AuthorizationOptions
---@field client_id? string  or IMS_CLIENT_ID
---@field client_secret? string|string[]|function  of kind web; or IMS_CLIENT_SECRET
---@field redirect_uri? string  as registered with the credential; or IMS_REDIRECT_URI. Kinds web
---  and spa: https, on localhost too; native: a scheme of its own, or localhost
---@field kind? "web"|"spa"|"native"  of credential, default "web"; the others are public: without a
---  client secret, always with PKCE
---@field scopes? string|string[]  default as for a client; `openid` and `commerce.accs` are added
---@field offline_access? boolean  ask for a refresh token (web only); whether one comes is Adobe's
---  decision: see `session:state().has_refresh_token`
---@field pkce? boolean  false: without (web only)
---@field seal_key? string  for `flow:serialise()`: 16 bytes or more, long and random; default the
---  client secret
---@field session? string  name of the session in the cache, default "default": another for each
---  person, since sessions of one name are one
---@field cache? any  and the other options of `accs.client` about IMS and connections

--- Begins a sign-in.
---@param given? accs.AuthorizationOptions  and options of `accs.client`; the environment and `.env`
---  are read as for a client
---@return accs.Flow flow
--- Raises an accs.Error of kind config: a redirect URI that Adobe refuses for this kind,
--- `offline_access` for a kind that never gets a refresh token, a missing client_id.
--- Example:
---     local flow = accs.oauth.authorization {
---       client_id = "example", client_secret = "not-a-secret",
---       redirect_uri = "https://shop.example.com/signed-in",
---     }
---     print(flow.url)
--- See: RFC 6749, 4.1; RFC 7636; Adobe, "User authentication implementation guide".
function oauth.authorization(given)
  local own, values, sources = resolve(given, "authorization")
  return flow.new(own, values, sources)
end

--- Takes up a flow that was serialised, with the same options.
---@param sealed string  of `flow:serialise()`
---@param given? accs.AuthorizationOptions
---@return accs.Flow|nil flow
---@return accs.Error|nil err  of kind auth where the text was changed, is older than 10 minutes, or
---  belongs to another client_id, redirect URI or IMS
--- Raises an accs.Error of kind config as `authorization` does, and where there is neither a
--- `seal_key` nor a secret.
--- Example:
---     local settings = {
---       client_id = "example", client_secret = "not-a-secret",
---       redirect_uri = "https://shop.example.com/signed-in",
---     }
---     local cookie = accs.oauth.authorization(settings):serialise() -- one request of the browser
---     local flow = assert(accs.oauth.restore(cookie, settings)) -- the next one
function oauth.restore(sealed, given)
  local own, values, sources = resolve(given, "restore")
  return flow.unseal(sealed, own, values, sources)
end

--- The session that is kept in the cache since a sign-in. Asks nobody: when its access token has
--- ended it is refreshed with the first use, where there is a refresh token.
---@param given? table<string, any>  options as for `accs.client`: client_id, session, cache ...; a
---  public client has no client_secret. No base_url is needed
---@return accs.Auth|nil session
---@return accs.Error|nil err  of kind auth where nobody is signed in
--- Raises an accs.Error of kind config.
--- Example: `local session, err = accs.oauth.session { client_id = "example" }`
function oauth.session(given)
  local own, rest = read(given, "session")
  local values, sources = options.resolve(rest, nil, { "client_id" })
  if own.kind ~= "web" then
    guard.drop_secret(values, sources)
  end
  local session, err = credentials.open(values, sources, { user = true })
  if not session then
    return nil, err
  end
  local ok
  ok, err = session:_run("load")
  if not ok then
    session:close()
    return nil, err
  end
  return session
end

return oauth
