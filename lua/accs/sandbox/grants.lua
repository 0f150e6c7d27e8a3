--- `POST /ims/token/v3`: tokens for a secret, a code or a refresh token.
local authorize = require "accs.sandbox.authorize"
local credentials = require "accs.sandbox.credentials"
local errors = require "accs.sandbox.errors"
local json = require "accs.sandbox.json"
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"
local tokens = require "accs.sandbox.tokens"
local user = require "accs.sandbox.user"

local crypto = native.crypto
local grants = {}

local quote = json.quote

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function integer(number)
  return ("%d"):format(math.floor(number))
end

local function missing(name)
  return errors.ims(400, "invalid_request", "missing " .. name .. " parameter")
end

local function invalid_grant(words)
  return errors.ims(400, "invalid_grant", words)
end

-- Each grant: (ims, credential, form) -> status, body.
local GRANTS = {}

function GRANTS.client_credentials(ims, credential, form)
  if not text(form.scope) then
    return missing("scope")
  end
  -- blanks, which IMS takes for users, are refused here: Adobe's documents show commas alone
  local scope = credentials.scopes(credential, form.scope, ",")
  if not scope then
    return errors.ims(400, "invalid_scope", "invalid scope parameter")
  end
  local token = ims.tokens:access {
    client_id = credential.client_id, user_id = user.TECHNICAL_ID, scope = scope,
  }
  return 200, json.object("access_token", quote(token), "token_type", '"bearer"',
    "expires_in", integer(ims.token_life))
end

-- Whether the verifier belongs to the challenge of the authorize request (RFC 7636, 4.6).
local function proves(granted, verifier)
  if not granted.challenge or not verifier then
    return not granted.challenge and not verifier
  elseif not authorize.is_verifier(verifier) then
    return false
  elseif granted.method == "S256" then
    verifier = crypto.base64url(crypto.sha256(verifier))
  end
  return crypto.equal(verifier, granted.challenge)
end

-- Why a code cannot be exchanged; nil when it can. From here on it is used up.
local function spend(ims, granted, credential, form)
  if not granted or granted.credential ~= credential then
    return "no such code"
  elseif granted.used then
    if granted.session then
      tokens.finish(granted.session)
    end
    return "code used before: its tokens are revoked"
  end
  granted.used = true
  if granted.expires_ms <= ims.now_ms() then
    return "code expired"
  elseif form.redirect_uri and form.redirect_uri ~= granted.redirect_uri then
    return "redirect_uri differs"
  elseif not proves(granted, text(form.code_verifier)) then
    return "code_verifier does not fit"
  end
end

local function id_token(ims, granted, session)
  local now = ims.now_ms() // 1000
  local scopes = user.set(session.scope)
  return ims.keys:sign(json.object(
    "iss", quote(ims.origin),
    "sub", quote(session.user_id),
    "aud", quote(session.client_id),
    "iat", integer(now),
    "exp", integer(now + math.ceil(ims.token_life)),
    "nonce", granted.nonce and quote(granted.nonce),
    "email", scopes.email and quote(user.EMAIL)))
end

function GRANTS.authorization_code(ims, credential, form)
  if not text(form.code) then
    return missing("code")
  end
  local granted = ims.page:find(form.code)
  local problem = spend(ims, granted, credential, form)
  if problem then
    return invalid_grant(problem)
  end
  local session = ims.tokens:begin(credential.client_id, user.ID, granted.scope)
  local scopes = user.set(granted.scope)
  granted.session = session
  local refresh = scopes.offline_access and credential.grants.refresh_token
    and ims.tokens:rotate(session)
  return 200, json.object(
    "sub", quote(session.user_id),
    "id_token", scopes.openid and quote(id_token(ims, granted, session)) or nil,
    "token_type", '"bearer"',
    "access_token", quote(ims.tokens:access(session)),
    "refresh_token", refresh and quote(refresh) or nil,
    "expires_in", integer(ims.token_life))
end

function GRANTS.refresh_token(ims, credential, form)
  if not text(form.refresh_token) then
    return missing("refresh_token")
  end
  local session, refresh = ims.tokens:use_refresh(form.refresh_token, credential.client_id)
  if not session then
    return invalid_grant(refresh)
  end
  return 200, json.object("access_token", quote(ims.tokens:access(session)),
    "refresh_token", quote(refresh), "token_type", '"bearer"',
    "expires_in", integer(ims.token_life))
end

--- Answers the request.
---@param ims accs.sandbox.Ims
---@param request accs.sandbox.ImsRequest
---@return integer status, string body
--- Example: `local status, body = grants.answer(service, request)`.
function grants.answer(ims, request)
  local media = (request.headers["content-type"] or ""):lower()
  if not media:find("^application/x%-www%-form%-urlencoded") then
    return errors.ims(400, "invalid_request", "the body must be application/x-www-form-urlencoded")
  end
  local form = query.parse(request.body).values
  local name = text(form.grant_type)
  if not name then
    return missing("grant_type")
  elseif not GRANTS[name] then
    return errors.ims(400, "unsupported_grant_type", "unsupported grant_type parameter")
  end
  local credential, status, body = ims.credentials:authenticate(request.headers,
    query.parse(request.query).values, form)
  if not credential then
    return status, body
  elseif not credential.grants[name] then
    return errors.ims(400, "unauthorized_client", "this credential has no such grant")
  end
  return GRANTS[name](ims, credential, form)
end

--- More names under which a token request is counted: by its grant, and by grant and client.
---@param ims accs.sandbox.Ims
---@param request accs.sandbox.ImsRequest
---@return string[]  to put behind the route's name
--- Example: `grants.counted(service, request)` is `{ "refresh_token", "refresh_token a" }`.
function grants.counted(ims, request)
  local form = query.parse(request.body).values
  local name = GRANTS[text(form.grant_type) or ""] and form.grant_type or "(no grant)"
  local client = ims.credentials:named(request.headers, query.parse(request.query).values, form)
  return { name, name .. " " .. (client and client.client_id or "(no client)") }
end

return grants
