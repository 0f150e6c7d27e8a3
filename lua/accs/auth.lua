--- What a program may do with its credentials and tokens: `client.auth`, and the sessions of
--- accs.oauth.
local core = require "accs.core"
local credentials = require "accs.credentials"
local errors = require "accs.error"
local issuer = require "accs.issuer"
local json = require "accs.json"
local waits = require "accs.waits"

local auth = {}

--- The credentials of a client, and the tokens that it had with them: `client.auth`. Clients of one
--- identity share their tokens, so all see what one does here. Its methods return `nil, err` for
--- what the network or IMS did; inside a task others go on meanwhile.
---@class accs.Auth
local Auth = {}
Auth.__index = Auth
Auth.__name = "accs.Auth"
auth.class = Auth

local LEEWAY, LEEWAY_MAX = 60, 600 -- seconds that clocks may be apart
local NO_MEMORY = { ["no memory left"] = true, ["not enough memory"] = true }
local WHICH = { access_token = true, id_token = true }

local function fail(kind, message, fields, user)
  fields = fields or {}
  fields.kind, fields.message = kind, message
  fields.hint = fields.hint or errors.hint(fields, user)
  fields.curl_code = nil
  return nil, errors.new(fields)
end

local function closed()
  return fail("closed", "the credentials are closed")
end

-- Runs a job of the core: the reply, or true where it has none; nil, the error, and libcurl's code
-- where it was the network.
function Auth:_run(job)
  if not self._core then
    return closed()
  end
  local id, failure = self._core:start(job)
  if not id then
    return fail(failure.kind, failure.message, failure)
  end
  local reply
  reply, failure = waits.await(self._engine, id)
  if failure then
    local code, user = failure.curl_code, self._core and self._core:state().user
    return nil, select(2, fail(failure.kind, failure.message, failure, user)), code
  end
  return reply or true
end

-- Runs a job whose reply is a JSON object.
local function ask(self, job)
  local reply, err = self:_run(job)
  if not reply then
    return nil, err
  end
  local data, problem = reply:decode()
  reply:close()
  if type(data) ~= "table" then
    return fail(NO_MEMORY[problem] and "memory" or "decode",
      ("the answer of IMS is not readable: %s"):format(problem or "no JSON object"),
      { outcome = "done" })
  end
  return data
end

--- An access token that serves, for programs that make calls of their own: the client sends it by
--- itself. One is asked for when there is none, or when it nears its end. It is a secret.
---@return string|nil token
---@return accs.Error|nil err
--- Example: `local token = assert(client.auth:token())`
function Auth:token()
  local ok, err = self:_run("token")
  if not ok then
    return nil, err
  end
  local token = self._core and self._core:read("access_token")
  if not token then
    return fail("auth", "the access token has just ended")
  end
  return token
end

local function check_which(which, method)
  if which == nil then
    return "access_token"
  elseif not WHICH[which] then
    errors.misuse(method .. ': "access_token" or "id_token" is needed')
  end
  return which
end

-- Claims from their JSON text; or from nil and why there is none.
local function decode_claims(text, problem)
  local claims
  if text then
    claims, problem = json.decode(text)
  end
  if type(claims) ~= "table" then
    return fail(NO_MEMORY[problem] and "memory" or "decode",
      problem or "the claims of the token are no JSON object",
      { outcome = "done", hint = "only IMS can read such a token: client.auth:validate()" })
  end
  return claims
end

--- What a token says of itself, unchecked; asks nobody. See `verify`.
---@param which? "access_token"|"id_token"  default "access_token"
---@return table|nil claims
---@return accs.Error|nil err  of kind auth where there is no such token (yet)
--- Example:
---     assert(client.auth:token())
---     print(client.auth:claims().client_id)
function Auth:claims(which)
  which = check_which(which, "claims")
  if not self._core then
    return closed()
  end
  local state = self._core:state()
  if not state["has_" .. which] then
    return fail("auth", ("there is no %s"):format((which:gsub("_", " "))),
      { hint = "ask for one first: client.auth:token()" })
  end
  return decode_claims(self._core:claims(which))
end

local function check_options(opts)
  opts = opts or {}
  if type(opts) ~= "table" then
    errors.misuse("verify: the options must be a table")
  end
  for name in pairs(opts) do
    if name ~= "leeway" and name ~= "audience" and name ~= "type" then
      errors.misuse(('verify: unknown option "%s"'):format(errors.clean(tostring(name), 60)))
    end
  end
  local leeway = opts.leeway or LEEWAY
  if type(leeway) ~= "number" or not (leeway >= 0 and leeway <= LEEWAY_MAX) then
    errors.misuse(("verify: leeway must be a number of seconds from 0 to %d"):format(LEEWAY_MAX))
  elseif opts.audience ~= nil and (type(opts.audience) ~= "string" or opts.audience == "") then
    errors.misuse("verify: audience must be a string that is not empty")
  end
  return opts, math.max(1, math.floor(leeway)) -- clocks tell whole seconds here
end

-- What a token has to be.
local function requirements(self, which, opts, leeway)
  local skew = self._core:state().skew
  local check = { now = math.floor(os.time() + skew), leeway = leeway }
  if which == "id_token" then
    check.issuer = issuer.identifier(self._ims_url)
    check.audience = opts.audience or self._client_id
  else
    check.type, check.client = "access_token", self._client_id or nil
    check.audience = opts.audience
  end
  if which == "id_token" and not check.audience then
    errors.misuse("verify: there is no client_id to check the audience with: give the option "
      .. "audience")
  end
  return check
end

-- What the check of a token finds with these keys: a verdict and its words.
local function judge(self, which, text, keys, opts, leeway)
  local check = requirements(self, which, opts, leeway)
  check.keys = keys.text
  if text then
    return core.jwt_verify(text, check)
  end
  return self._core:verify(which, check)
end

-- Likewise, with keys of IMS that have the one that the token names, where there is such a one.
local function find_verdict(self, which, text, opts, leeway)
  self._keys = self._keys or issuer.key_set(function()
    return self:_run("keys")
  end)
  local keys, err = self._keys:find()
  if not self._core then
    return nil, select(2, closed())
  elseif not keys then
    return nil, err
  end
  local verdict, words = judge(self, which, text, keys, opts, leeway)
  if verdict == "key_unknown" then
    local newer
    newer, err = self._keys:find(keys)
    if not self._core then
      return nil, select(2, closed())
    elseif not newer then
      return nil, err
    elseif newer ~= keys then
      verdict, words = judge(self, which, text, newer, opts, leeway)
    end
  end
  return verdict, words
end

-- Has a token of these credentials at hand that is to be checked.
local function want(self, which)
  if not self._core then
    return closed()
  elseif which == "access_token" then
    return self:_run("token")
  elseif not self._core:state().has_id_token then
    return fail("auth", "there is no id token",
      { hint = "it comes with a sign-in, with openid among the scopes" })
  end
  return true
end

local VERDICT_KINDS = { keys = "decode", memory = "memory" }

---@class accs.VerifyOptions
---@field leeway? number  seconds that clocks may be apart, default 60, at most 600; less than 1
---  counts as 1
---@field audience? string  whom it must be meant for; default of an id_token: the client id
---@field type? "access_token"|"id_token"  as what a token from elsewhere is checked; default
---  "access_token"

--- Checks a token: its signature with the keys of IMS (RS256), its time, and whose it is. An access
--- token has to be one of this client id; an id_token has to come from this IMS and be meant for
--- this client id. The keys are kept for an hour, and looked for again, at most once a minute, when
--- a token names one that is not among them. Time is that of IMS, as its answers tell.
---@param what? string  "access_token" (default; one is asked for when there is none), "id_token",
---  or a token that came from elsewhere
---@param opts? accs.VerifyOptions
---@return table|nil claims  those of the token, now checked
---@return accs.Error|nil err  of kind auth where the token is not good
--- Raises on a wrong option.
--- Example: `local claims = assert(client.auth:verify("access_token", { leeway = 30 }))`
--- See: RFC 7515, RFC 7519, RFC 8725.
function Auth:verify(what, opts)
  local leeway
  opts, leeway = check_options(opts)
  local which, text = what == nil and "access_token" or what, nil
  if type(which) ~= "string" then
    errors.misuse("verify: a token, or which one, is needed")
  elseif not WHICH[which] then
    which, text = check_which(opts.type, "verify: type"), which
  end
  if not text then
    local ok, err = want(self, which)
    if not ok then
      return nil, err
    end
  end
  if not self._core then
    return closed()
  end
  local verdict, words = find_verdict(self, which, text, opts, leeway)
  if not verdict then
    return nil, errors.is(words) and words
      or errors.new { kind = "auth", message = "the token has just ended" }
  elseif verdict == "good" then
    if text then
      return decode_claims(core.jwt_claims(text))
    end
    return decode_claims(self._core:claims(which))
  elseif verdict == "keys" then
    self._keys:forget()
  end
  return nil, errors.new { kind = VERDICT_KINDS[verdict] or "auth",
    message = ("the %s is not good: %s"):format((which:gsub("_", " ")), words or verdict) }
end

--- Gets another access token now, whatever the present one is like, and even where IMS has just
--- refused one.
---@return true|nil ok
---@return accs.Error|nil err
--- Example: `assert(client.auth:refresh())`
function Auth:refresh()
  local ok, err = self:_run("refresh")
  return ok and true or nil, err
end

--- Asks IMS about the access token.
---@return table|nil answer  as IMS gave it: `valid` is true or false, with `token`, what it says of
---  it, or `reason`
---@return accs.Error|nil err
--- Example: `print(assert(client.auth:validate()).valid)`
function Auth:validate()
  local answer, err = ask(self, "validate")
  if not answer then
    return nil, err
  end
  answer.valid = answer.valid == true
  return answer
end

--- Has IMS revoke the refresh token, or the access token where there is no other, and forgets both,
--- in the cache too. The next call gets another, or says that the session is over.
---@return true|nil ok
---@return accs.Error|nil err  of kind auth where there is none
--- Example:
---     assert(client.auth:token())
---     assert(client.auth:revoke())
function Auth:revoke()
  local ok, err = self:_run("revoke")
  return ok and true or nil, err
end

--- Forgets the tokens, in the cache too. They stay valid: see `revoke`.
---@return true|nil ok
---@return accs.Error|nil err
--- Example: `assert(client.auth:clear())`
function Auth:clear()
  local ok, err = self:_run("clear")
  return ok and true or nil, err
end

--- Whose access token it is, as IMS says (OpenID Connect Core, 5.3).
---@return table|nil info  `sub`, `name`, `email` and more, as the scopes allow
---@return accs.Error|nil err
--- Example: `print(assert(client.auth:user_info()).sub)`
function Auth:user_info()
  return ask(self, "user_info")
end

--- What is known of the tokens; asks nobody.
---@class accs.AuthState
---@field has_access_token boolean  one that lives
---@field has_refresh_token boolean
---@field has_id_token boolean
---@field user boolean  a person's sign-in
---@field left? number  seconds of the access token's life; nil: not known, as of a ready token
---@field life? number  all of it
---@field secret? integer  which client secret worked last, from 1, newest first
---@field skew number  seconds that this machine's clock is behind IMS's

--- What is known of the tokens, without them; asks nobody.
---@return accs.AuthState|nil state
---@return accs.Error|nil err
--- Example: `print(client.auth:state().left)`
function Auth:state()
  if not self._core then
    return closed()
  end
  return self._core:state()
end

--- Closes the credentials; what is under way ends as `cancelled`. Clients that use them go on. A
--- client closes its own; a session is closed by whoever made it. A second time does nothing.
--- Example:
---     local auth = client.auth
---     client:close()
---     print(auth:state()) --> nil accs: closed: the credentials are closed
function Auth:close()
  credentials.close(self)
end

Auth.__close = Auth.close

function Auth:__tostring()
  return ("accs.Auth: %s%s"):format(self._client_id or "a ready token",
    self._core and "" or " (closed)")
end

return auth
