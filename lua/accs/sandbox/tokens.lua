--- Access tokens, refresh tokens and the sign-ins behind them: made, checked, rotated, revoked.
--
-- A token is a JWT signed with RS256. As in Adobe's, `created_at` and `expires_in` are strings of
-- milliseconds and there is no `exp`.
local json = require "accs.sandbox.json"
local native = require "accs.sandbox.native"

local crypto = native.crypto
local tokens = {}

local CHECKED_MAX = 1000 -- tokens remembered as checked, so that a call costs no RSA
local quote = json.quote

---@class accs.sandbox.Claims
---@field id string
---@field serial integer  tokens are numbered as they are made
---@field client_id string
---@field user_id string
---@field type "access_token"|"refresh_token"
---@field scope string  comma-separated
---@field scopes table<string, true>
---@field sid string|nil  of the sign-in
---@field expires_ms integer  wall clock
---@field life_ms integer

--- One sign-in: what was granted, and its one refresh token that is good.
---@class accs.sandbox.Session
---@field id string
---@field client_id string
---@field user_id string
---@field scope string
---@field over boolean|nil
---@field refresh string|nil  the newest refresh token
---@field refresh_id string|nil
---@field before_id string|nil  of the one that it replaced
---@field rotated_ms integer|nil  when

---@class accs.sandbox.Tokens
local Tokens = {}
Tokens.__index = Tokens

local function random_hex(count)
  return (crypto.random(count):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

--- A maker of tokens.
---@param keys accs.sandbox.Keys
---@param now_ms fun(): integer  the wall clock of IMS
---@param options { token_life: number, refresh_life: number, refresh_grace: number }  seconds
---@return accs.sandbox.Tokens
--- Example: `local made = tokens.new(keys.new(), native.process.now_ms, options)`.
function tokens.new(keys, now_ms, options)
  return setmetatable({
    _keys = keys,
    _now_ms = now_ms,
    _life_ms = { access_token = math.floor(options.token_life * 1000),
      refresh_token = math.floor(options.refresh_life * 1000) },
    _grace_ms = math.floor(options.refresh_grace * 1000),
    _serial = 0,
    _revoked_upto = 0, -- access tokens with a serial up to this one
    _revoked = {}, -- ids
    _sessions = {}, -- by id
    _checked = {}, -- claims by token
    _checked_count = 0,
  }, Tokens)
end

-- A signed token, and its id.
local function make(self, kind, grant)
  local created = self._now_ms()
  self._serial = self._serial + 1
  local id = ("%d_%08x%s_uw2"):format(created, self._serial, random_hex(12))
  local refresh = kind == "access_token" and grant.refresh_id
  local token = self._keys:sign(json.object(
    "id", quote(id),
    "type", quote(kind),
    "client_id", quote(grant.client_id),
    "user_id", quote(grant.user_id),
    "as", '"ims-na1"',
    "aa_id", quote(grant.user_id),
    "ctp", "0",
    "moi", quote(random_hex(4)),
    "expires_in", quote(("%d"):format(self._life_ms[kind])),
    "created_at", quote(("%d"):format(created)),
    "scope", quote(grant.scope),
    "sid", grant.id and quote(grant.id),
    "rtid", refresh and quote(refresh) or nil),
    kind == "access_token" and "at" or "rt")
  return token, id
end

--- An access token.
---@param grant accs.sandbox.Session|{ client_id: string, user_id: string, scope: string }
---@return string
--- Example: `made:access { client_id = "a", user_id = "b", scope = "openid" }`.
function Tokens:access(grant)
  return (make(self, "access_token", grant))
end

--- Begins a sign-in.
---@param client_id string
---@param user_id string
---@param scope string  comma-separated
---@return accs.sandbox.Session
--- Example: `local session = made:begin("sandbox-web", user_id, "openid")`.
function Tokens:begin(client_id, user_id, scope)
  local session = { id = random_hex(16), client_id = client_id, user_id = user_id, scope = scope }
  self._sessions[session.id] = session
  return session
end

--- The next refresh token of a sign-in; it takes the place of the one before.
---@param session accs.sandbox.Session
---@return string
--- Example: `local refresh_token = made:rotate(session)`.
function Tokens:rotate(session)
  session.before_id, session.rotated_ms = session.refresh_id, self._now_ms()
  session.refresh, session.refresh_id = make(self, "refresh_token", session)
  return session.refresh
end

--- The sign-in that a refresh token stands for, with a refresh token to go on with. The use of
--- one that was replaced ends the sign-in, but for the grace.
---@param token string
---@param client_id string
---@return accs.sandbox.Session|nil session
---@return string next  refresh token, or why there is none
--- Example: `local session, refresh_token = made:use_refresh(form.refresh_token, id)`.
function Tokens:use_refresh(token, client_id)
  local claims, problem = self:read(token)
  if not claims then
    return nil, "refresh token " .. problem
  elseif claims.type ~= "refresh_token" or claims.client_id ~= client_id then
    return nil, "not a refresh token of this client"
  end
  local session = self._sessions[claims.sid]
  if claims.id == session.refresh_id then
    return session, self:rotate(session)
  elseif claims.id == session.before_id
    and self._now_ms() - session.rotated_ms <= self._grace_ms and self._grace_ms > 0 then
    return session, session.refresh
  end
  tokens.finish(session)
  return nil, "refresh token used before: the session is over"
end

--- Ends a sign-in: none of its tokens is good any longer.
---@param session accs.sandbox.Session
--- Example: `tokens.finish(session)`.
function tokens.finish(session)
  session.over = true
end

--- Revokes a token; a refresh token takes the whole sign-in with it.
---@param claims accs.sandbox.Claims
--- Example: `made:revoke(claims)`.
function Tokens:revoke(claims)
  if claims.type == "refresh_token" then
    tokens.finish(self._sessions[claims.sid])
  else
    self._revoked[claims.id] = true
  end
end

--- Revokes every access token so far.
--- Example: `made:revoke_all()`.
function Tokens:revoke_all()
  self._revoked_upto = self._serial
end

--- Forgets which tokens were checked: the keys are others now.
--- Example: `made:forget_checked()`.
function Tokens:forget_checked()
  self._checked, self._checked_count = {}, 0
end

-- The claims of a token with a right signature; nil for any other text.
local function parse(self, token)
  local claims = self._keys:read(token)
  if not claims or not json.get(claims, "$.created_at") then
    return nil -- an id token has a right signature, too
  end
  local scope = json.get(claims, "$.scope")
  local scopes = {}
  for name in scope:gmatch("[^,]+") do
    scopes[name] = true
  end
  local id = json.get(claims, "$.id")
  local life_ms = math.tointeger(json.get(claims, "$.expires_in"))
  return {
    id = id,
    serial = tonumber(id:match("^%d+_(%x%x%x%x%x%x%x%x)"), 16),
    client_id = json.get(claims, "$.client_id"),
    user_id = json.get(claims, "$.user_id"),
    type = json.get(claims, "$.type"),
    scope = scope,
    scopes = scopes,
    sid = json.get(claims, "$.sid"),
    life_ms = life_ms,
    expires_ms = math.tointeger(json.get(claims, "$.created_at")) + life_ms,
  }
end

--- The claims of a token that is good now.
---@param token string
---@return accs.sandbox.Claims|nil
---@return "bad payload"|"expired"|"revoked"|nil reason
--- Example: `local claims, reason = made:read(token)`.
function Tokens:read(token)
  local claims = self._checked[token]
  if not claims then
    claims = parse(self, token)
    if not claims then
      return nil, "bad payload"
    elseif self._checked_count >= CHECKED_MAX then
      self:forget_checked()
    end
    self._checked[token] = claims
    self._checked_count = self._checked_count + 1
  end
  local session = claims.sid and self._sessions[claims.sid]
  if claims.expires_ms <= self._now_ms() then
    return nil, "expired"
  elseif self._revoked[claims.id] or session and session.over
    or claims.type == "access_token" and claims.serial <= self._revoked_upto then
    return nil, "revoked"
  end
  return claims
end

return tokens
