--- `GET /ims/authorize/v2`: the user signs in and consents at once, and the browser is sent back
--- with a code.
local credentials = require "accs.sandbox.credentials"
local errors = require "accs.sandbox.errors"
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"

local crypto = native.crypto
local authorize = {}

local CODE_LIFE_MS = 60000
local STATE_MAX = 4096 -- characters
local PKCE_METHODS = { S256 = true, plain = true }

--- What a code stands for.
---@class accs.sandbox.Code
---@field credential accs.sandbox.Credential
---@field redirect_uri string  where the browser was sent
---@field scope string  comma-separated
---@field nonce string|nil
---@field challenge string|nil
---@field method "S256"|"plain"
---@field expires_ms integer
---@field used boolean|nil
---@field session accs.sandbox.Session|nil  what it was exchanged for

---@class accs.sandbox.Authorize
local Authorize = {}
Authorize.__index = Authorize

--- The page, without codes yet.
---@param all accs.sandbox.Credentials
---@param now_ms fun(): integer
---@param deny boolean  the user refuses
---@return accs.sandbox.Authorize
--- Example: `local page = authorize.new(all, native.process.now_ms, false)`.
function authorize.new(all, now_ms, deny)
  return setmetatable({ _credentials = all, _now_ms = now_ms, _deny = deny, _codes = {} },
    Authorize)
end

-- A redirect with parameters, a list of { name, value }; a value of nil leaves its name out.
local function redirect(uri, parameters)
  local parts = {}
  for _, pair in ipairs(parameters) do
    if pair[2] then
      parts[#parts + 1] = pair[1] .. "=" .. query.encode(pair[2])
    end
  end
  local mark = uri:find("?", 1, true) and "&" or "?"
  return 302, nil, { Location = uri .. mark .. table.concat(parts, "&") }
end

-- What is wrong with a request whose redirect URI is known: an error's name and words for it.
local function refusal(self, credential, asked)
  if #(asked.state or "") > STATE_MAX then
    return "invalid_request", "state is longer than 4096 characters"
  elseif asked.response_type ~= "code" then
    return "unsupported_response_type", "only code is supported"
  elseif not credentials.scopes(credential, asked.scope or "", ",%s") then
    return "invalid_scope", "a scope is unknown, or there is none"
  elseif not PKCE_METHODS[asked.code_challenge_method or "plain"] then
    return "invalid_request", "code_challenge_method must be S256 or plain"
  elseif asked.code_challenge and not authorize.is_verifier(asked.code_challenge) then
    return "invalid_request", "code_challenge must be 43 to 128 unreserved characters"
  elseif credential.public and not asked.code_challenge then
    return "invalid_request", "code_challenge is needed for a public client"
  elseif self._deny and asked.prompt == "none" then
    return "login_required", "nobody is signed in"
  elseif self._deny then
    return "access_denied", "the user refused"
  end
end

--- Whether a text has the form of a code verifier (RFC 7636, 4.1), which a challenge has as well.
---@param text string
---@return boolean
--- Example: `authorize.is_verifier("too short")` is false.
function authorize.is_verifier(text)
  return #text >= 43 and #text <= 128 and not text:find("[^%w%-._~]")
end

--- Answers the request.
---@param query_raw string
---@return integer status, string|nil body, table<string, string>|nil headers
--- Example: `local status, body, headers = page:answer(request.query)`.
function Authorize:answer(query_raw)
  local asked = {}
  for name, value in pairs(query.parse(query_raw).values) do
    asked[name] = type(value) == "string" and value ~= "" and value or nil
  end
  local credential = self._credentials:find(asked.client_id)
  if not credential or not credential.grants.authorization_code then
    -- nowhere to send the browser: the user sees an error page
    return errors.ims(400, "invalid_client", "invalid client_id parameter")
  end
  local uri = asked.redirect_uri
  if not uri or not credentials.is_registered(credential, uri) then
    uri = credential.redirect_uri -- as IMS does
  end
  local state = asked.state
  local problem, words = refusal(self, credential, asked)
  if problem then
    return redirect(uri, { { "error", problem }, { "error_description", words },
      { "state", state } })
  end
  local code = "eyJ" .. crypto.base64url(crypto.random(48))
  self._codes[code] = {
    credential = credential, redirect_uri = uri, nonce = asked.nonce,
    scope = credentials.scopes(credential, asked.scope, ",%s"),
    challenge = asked.code_challenge, method = asked.code_challenge_method or "plain",
    expires_ms = self._now_ms() + CODE_LIFE_MS,
  }
  return redirect(uri, { { "code", code }, { "state", state } })
end

--- What a code stands for, used up or not.
---@param code string
---@return accs.sandbox.Code|nil
--- Example: `local granted = page:find(form.code)`.
function Authorize:find(code)
  return self._codes[code]
end

return authorize
