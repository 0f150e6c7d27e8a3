--- A person's sign-in under way: the address for the browser, the answer that comes back and what
--- its code is exchanged for, and the sealed form that it takes between two requests.
local core = require "accs.core"
local credentials = require "accs.credentials"
local errors = require "accs.error"
local issuer = require "accs.issuer"
local json = require "accs.json"
local redirect = require "accs.redirect"

local flow = {}

--- A sign-in that has begun. The answer that carries its `state` uses it up, whatever comes of it.
--- Any number of others leave it as it is: `state` has 256 bits and cannot be guessed, and with a
--- limit whoever knows the redirect URI could end the sign-in.
---@class accs.Flow
---@field url string  where the browser has to go
---@field kind "web"|"spa"|"native"
---@field offline_access boolean  whether a refresh token was asked for
local Flow = {}
Flow.__index = Flow
Flow.__name = "accs.Flow"

local held = setmetatable({}, { __mode = "k" }) -- flow -> what nobody else is to see

local LIFE = 600 -- seconds that a serialised flow can be taken up in
local PURPOSE = "accs sign-in 1" -- of the sealing

local function fail(message)
  error(errors.new { kind = "config", message = message }, 0)
end

local function refuse(message, hint)
  return nil, errors.new { kind = "auth", message = message, hint = hint }
end

-- What is asked for: openid, so that it is known who signed in, and what the options say.
local function scopes_of(own, values)
  local scopes = "," .. values.scopes .. ","
  if not scopes:find(",openid,", 1, true) then
    scopes = ",openid" .. scopes
  end
  if own.offline_access and not scopes:find(",offline_access,", 1, true) then
    scopes = scopes .. "offline_access,"
  end
  return scopes:sub(2, -2)
end

local function write_url(values, parameters)
  local parts = {}
  for index, pair in ipairs(parameters) do
    parts[index] = pair[1] .. "=" .. core.percent_encode(pair[2])
  end
  return values.ims_url:gsub("/+$", "") .. "/ims/authorize/v2?" .. table.concat(parts, "&")
end

-- A flow of this state, nonce and verifier, with the address for the browser.
local function make(own, values, sources, inner)
  local scopes = scopes_of(own, values)
  local parameters = {
    { "client_id", values.client_id }, { "redirect_uri", values.redirect_uri },
    { "scope", scopes }, { "state", inner.state },
    { "nonce", inner.nonce }, { "response_type", "code" },
  }
  if inner.verifier then
    parameters[#parameters + 1] = { "code_challenge", inner.challenge }
    parameters[#parameters + 1] = { "code_challenge_method", "S256" }
  end
  local made = setmetatable({
    url = write_url(values, parameters), kind = own.kind,
    offline_access = scopes:find("offline_access", 1, true) ~= nil,
  }, Flow)
  inner.own, inner.values, inner.sources, inner.spent = own, values, sources, false
  held[made] = inner
  return made
end

--- Begins a sign-in.
---@param own accs.AuthorizationOptions  those of a sign-in alone, such as kind and pkce
---@param values table<string, any>  those of a client, as `options.resolve` gave them
---@param sources table<string, accs.Source>
---@return accs.Flow
--- Example: `flow.new({ kind = "web" }, options.resolve(given))`
function flow.new(own, values, sources)
  local inner = { state = core.state(), nonce = core.state() }
  if own.pkce ~= false then
    inner.verifier, inner.challenge = core.pkce()
  end
  return make(own, values, sources, inner)
end

-- Flows that were used up, by state, until nothing sealed can bring them back.
local spent = {}

-- The answer that carries the state, or a code that may be it, has come.
local function spend(inner)
  local now = os.time()
  for state, till in pairs(spent) do
    spent[state] = till > now and till or nil
  end
  inner.spent = true
  spent[inner.state] = now + LIFE + 1
end

local function is_spent(inner)
  return inner.spent or spent[inner.state] ~= nil
end

-- It was no code of this sign-in.
local function revive(inner)
  inner.spent, spent[inner.state] = false, nil
end

local USED_UP = "this sign-in is over: begin another"

--- Whether the answer to this sign-in has come, so that no other will be taken.
---@return boolean
--- Example: `if flow:is_over() then print "begin another" end`
function Flow:is_over()
  return is_spent(held[self])
end

-- Whether this is the answer to this flow: true, or nil and why not.
local function check_state(inner, answer, opts)
  if is_spent(inner) then
    return refuse(USED_UP)
  elseif answer.bare then
    if not opts.bare then
      return refuse("the answer is a code without its state",
        "give the whole address, or the option bare where a person pasted it")
    elseif not inner.verifier then
      return refuse("a code without its state is taken only with PKCE", "give the whole address")
    end
  elseif not answer.state then
    return refuse("the answer carries no state: it is not the one to this sign-in",
      "give the whole address that the browser came back to")
  elseif not core.equal(answer.state, inner.state) then
    return refuse("the answer is not the one to this sign-in: its state differs",
      "go on in the window that was opened for this sign-in, or begin another")
  elseif not answer.code and not answer.error then
    return refuse("the answer has neither a code nor an error", "give all of the address")
  end
  return true
end

-- What is said instead of giving a code (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6).
local ERROR_HINTS = {
  access_denied = "the person, or the organisation, did not agree: sign in again and accept",
  invalid_scope = "check IMS_SCOPES and offline_access: the credential may lack one of the scopes",
  unauthorized_client = "check that the credential is of this kind: web, spa or native",
  unsupported_response_type = "check that the credential is one for users: web, spa or native",
  invalid_request = "check client_id and redirect_uri against the credential",
  login_required = "sign in with a browser", consent_required = "sign in with a browser",
  interaction_required = "sign in with a browser",
  server_error = "try again later", temporarily_unavailable = "try again later",
}

local function refuse_error(answer)
  local name = errors.clean(answer.error, 60)
  local words = answer.error_description and errors.clean(answer.error_description, 300) or ""
  return refuse(("the sign-in was refused: %s%s%s"):format(name, words ~= "" and ": " or "", words),
    ERROR_HINTS[answer.error] or "sign in again")
end

-- Whether IMS does not know the code.
local function is_refused(err)
  return err.kind == "auth" and err.message:find("invalid_grant", 1, true) ~= nil
end

-- Looks at the id token. It came from IMS itself, so the session stands where the keys to check it
-- with cannot be had just now (OpenID Connect Core, 3.1.3.7, 6); one that is wrong ends it.
local function check_identity(session, inner)
  if not session:state().has_id_token then
    return true
  end
  local claims, err = session:verify("id_token")
  if not claims and err.kind ~= "auth" then
    return true
  elseif claims and (claims.nonce == nil or core.equal(tostring(claims.nonce), inner.nonce)) then
    return true -- that IMS repeats a nonce is not documented: it is sent, and may be absent
  end
  session:clear()
  return nil, err or errors.new { kind = "auth",
    message = "the id token is not good: its nonce is not that of this sign-in" }
end

local function exchange_code(inner, found)
  local values = inner.values
  local session, err = credentials.open(values, inner.sources, {
    user = true, code = found.code, code_verifier = inner.verifier,
    redirect_uri = values.redirect_uri,
  })
  if not session then
    return nil, err
  end
  local token
  token, err = session:_run("token")
  if token then
    token, err = check_identity(session, inner)
  end
  if not token then
    session:close()
    if found.bare and is_refused(err) then
      revive(inner)
      err.hint = "give the whole address that the browser came back to"
    end
    return nil, err
  end
  return session
end

--- Takes the answer to a sign-in: checks it and exchanges its code for tokens.
---
--- An answer with another `state`, or none, is refused and changes nothing. The one with the right
--- `state` uses the flow up, also where it says that the person refused (kind `auth`, for example
--- `access_denied`) or where the exchange fails: a code is good for one use. Then begin another. A
--- bare code that IMS does not know leaves it as it is.
---@param answer string|table  the address that the browser came back to, its query, or a table of
---  the parameters (`code`, `state`, or `error`, `error_description`; `iss`). Blanks, line ends,
---  quotes around it and a fragment do no harm; a parameter that is there twice is refused
---@param opts? { bare?: boolean }  bare: the answer may be a code alone, as a person pastes it, and
---  not an address without `state`. Only with PKCE, which ties it to this sign-in, and never for
---  what a web request brought
---@return accs.Auth|nil session  for `accs.client { auth = session }`
---@return accs.Error|nil err  of kind auth unless the network failed
--- Example:
---     local session, err = flow:exchange("https://shop.example.com/signed-in?code=...&state=...")
---     if not session then print(err) end
function Flow:exchange(answer, opts)
  local inner = held[self]
  opts = opts or {}
  if type(opts) ~= "table" then
    errors.misuse("exchange: the options must be a table")
  end
  local found, problem = redirect.read(answer)
  if not found then
    return refuse(is_spent(inner) and USED_UP or problem)
  end
  local ok, err = check_state(inner, found, opts)
  if not ok then
    return nil, err
  end
  spend(inner)
  if found.iss and issuer.identifier(found.iss) ~= issuer.identifier(inner.values.ims_url) then
    return refuse("the answer comes from another issuer (iss)", "begin another sign-in")
  elseif found.error then
    return refuse_error(found)
  end
  return exchange_code(inner, found)
end

-- The secrets that a flow can be sealed with: the first seals, all open.
local function find_keys(own, values)
  local secret = values.client_secret
  if own.seal_key then
    return { own.seal_key }
  elseif type(secret) == "string" then
    return { secret }
  end
  return type(secret) == "table" and secret or nil
end

--- The flow as sealed text, to be kept between two requests of a web application: in a cookie, for
--- example. Nobody can read or change it without the client secret, or `seal_key` where it is set.
--- It is of use for 10 minutes. Forget it with the answer: a process takes a flow once, but another
--- process cannot know of that; then the code, which IMS takes once, is what protects.
---@return string sealed  of characters that need no quoting
--- Raises an accs.Error of kind config where there is nothing to seal it with, and of kind io or
--- memory where that is not possible.
--- Example: `local cookie = flow:serialise()`
function Flow:serialise()
  local inner = held[self]
  local values = inner.values
  local keys = find_keys(inner.own, values)
  if not keys then
    fail("serialise: there is nothing to seal it with: set the option seal_key")
  end
  local text = json.encode {
    state = inner.state, nonce = inner.nonce, verifier = inner.verifier,
    challenge = inner.challenge, till = os.time() + LIFE,
    client_id = values.client_id, redirect_uri = values.redirect_uri, kind = inner.own.kind,
    ims_url = values.ims_url,
    offline_access = inner.own.offline_access or false,
  }
  local sealed, problem = core.seal(keys[1], PURPOSE, text)
  if not sealed then
    error(errors.new { kind = problem == "not enough memory" and "memory" or "io",
      message = "serialise: " .. problem }, 0)
  end
  return sealed
end

local function open(keys, sealed)
  for _, key in ipairs(keys) do
    local text = core.unseal(key, PURPOSE, sealed)
    if text then
      return json.decode(text)
    end
  end
end

--- Takes up a flow that was serialised: see `accs.oauth.restore`.
---@param sealed string
---@param own accs.AuthorizationOptions  as for `flow.new`
---@param values table<string, any>
---@param sources table<string, accs.Source>
---@return accs.Flow|nil made
---@return accs.Error|nil err
--- Example: `flow.unseal(cookie, { kind = "web" }, options.resolve(given))`
function flow.unseal(sealed, own, values, sources)
  local keys = find_keys(own, values)
  if not keys then
    fail("restore: there is nothing to open it with: set the option seal_key")
  end
  local inner = type(sealed) == "string" and open(keys, sealed)
  if type(inner) ~= "table" or inner.client_id ~= values.client_id
    or inner.redirect_uri ~= values.redirect_uri or inner.kind ~= own.kind
    or inner.ims_url ~= values.ims_url then
    return refuse("this is no sign-in that was begun here: it was changed, or has other options",
      "begin another sign-in")
  elseif os.time() >= inner.till then
    return refuse("this sign-in has taken too long", "begin another")
  end
  own.offline_access = inner.offline_access
  return make(own, values, sources, {
    state = inner.state, nonce = inner.nonce, verifier = inner.verifier,
    challenge = inner.challenge,
  })
end

return flow
