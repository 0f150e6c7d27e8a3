--- Where secrets may go: addresses, and who may name them.
local core = require "accs.core"
local errors = require "accs.error"

local guard = {}

-- What must not be decided by a source weaker than that of the secret: the server that gets it, who
-- is trusted to be that server, the way to it. A pin or a newer TLS can only narrow the trust.
local ADDRESSES = { "ims_url", "base_url", "ca_file", "proxy" }
-- Tokens that are kept in another's cache, or sealed with another's key, are his as well.
local CREDENTIAL = { "ims_url", "base_url", "ca_file", "proxy", "cache", "cache_key" }
local RULES = {
  { secret = "access_token", by = CREDENTIAL },
  { secret = "client_secret", by = CREDENTIAL },
  { secret = "client_cert", by = ADDRESSES }, -- it says who we are, to whoever asks
  { secret = "client_key", by = ADDRESSES },
  { secret = "proxy", by = { "no_proxy" } }, -- a way around it
  { secret = "proxy", by = { "ca_file" }, password = true }, -- may be spoken to over TLS
}

local IS_URL = { ims_url = true, base_url = true, proxy = true }

local function fail(message, ...)
  error(errors.new { kind = "config", message = message:format(...) }, 0)
end

local function is_adobe(name, value)
  local address = IS_URL[name] and core.address(value)
  return address and address.adobe
end

-- Whether a weaker source may say so: an address of Adobe's, memory, or this user's own folder.
local function is_harmless(name, value)
  return is_adobe(name, value) or name == "cache" and (value == "memory" or value == "file")
end

-- A secret must not go where a weaker source says: whoever can put a `.env` into the current
-- folder could otherwise have the environment's secret sent to a server of his.
local function check_sources(values, sources)
  for _, rule in ipairs(RULES) do
    local value = values[rule.secret]
    local strong = value and sources[rule.secret].kind ~= "dotenv"
      and (not rule.password or value:find("@", 1, true))
    for _, name in ipairs(rule.by) do
      if strong and values[name] and sources[name].kind == "dotenv"
        and not is_harmless(name, values[name]) then
        fail("%s comes from %s, but %s from %s%s: "
          .. "a secret goes nowhere on the word of a weaker source; set both in one place",
          rule.secret, sources[rule.secret].words, name, sources[name].words,
          IS_URL[name] and " and is not Adobe's own" or "")
      end
    end
  end
end

-- Where a person's tokens are kept, and what they are sealed with: the word of a `.env` counts
-- where the credential is its own. A public client has no secret that would tell whose it is.
local function check_kept(values, sources)
  local secret = values.client_secret and sources.client_secret.kind
  for _, name in ipairs { "cache", "cache_key" } do
    if values[name] and sources[name].kind == "dotenv" and secret ~= "dotenv"
      and not is_harmless(name, values[name]) then
      fail("%s comes from %s: the tokens of a session are not kept, or sealed, on the word of a "
        .. "weaker source; set it in the environment, or as an option", name, sources[name].words)
    end
  end
end

--- Whether tokens are those of an IMS that `.env` names, and no Adobe's: they may go where it says.
---@param values table<string, any>  of the options
---@param sources table<string, accs.Source>
---@return boolean
--- Example: `guard.is_of_dotenv(values, sources)`
function guard.is_of_dotenv(values, sources)
  return sources.ims_url.kind == "dotenv" and not is_adobe("ims_url", values.ims_url)
end

-- A person's tokens: those of a session that the program made, which knows where its IMS was named,
-- or those that this user's cache has. What somebody signed in with at an IMS is no business of a
-- `.env` that names another tenant.
local function check_session(values, sources)
  local made = type(values.auth) == "table"
  local of_dotenv
  if made then
    of_dotenv = values.auth._of_dotenv
  else
    of_dotenv = guard.is_of_dotenv(values, sources)
  end
  if not made and values.auth ~= "user" or of_dotenv then
    return
  end
  for _, name in ipairs { "base_url", "ca_file", "proxy" } do
    if values[name] and sources[name].kind == "dotenv" and not is_adobe(name, values[name]) then
      fail("%s comes from %s and is not Adobe's own: the tokens of a session go nowhere on the "
        .. "word of a weaker source; set it in the environment, or as an option", name,
        sources[name].words)
    end
  end
  if not made then
    check_kept(values, sources)
  end
end

local function check_addresses(values, sources)
  for _, name in ipairs { "base_url", "ims_url" } do
    local address, problem
    if values[name] then
      address, problem = core.address(values[name])
    end
    if problem == "not enough memory" then
      error(errors.new { kind = "memory", message = problem }, 0)
    elseif problem then
      fail("%s from %s: %s", name, sources[name].words, problem)
    elseif address and address.has_user_info then
      fail("%s from %s holds a user name or password; credentials have options of their own", name,
        sources[name].words)
    elseif address and not address.https and not address.loopback then
      fail("%s from %s must begin with https:// (plain http:// only to this machine)", name,
        sources[name].words)
    end
  end
end

--- Checks that no secret goes in clear to another machine, or to an address that a weaker source
--- names. Raises an accs.Error of kind config.
---@param values table<string, any>  of the options
---@param sources table<string, accs.Source>
--- Example: `guard.check(values, sources)`
function guard.check(values, sources)
  check_sources(values, sources)
  check_session(values, sources)
  check_addresses(values, sources)
end

--- Drops the secret of a public client, which has none: what the environment has is another
--- credential's, and does not speak for this one. Raises an accs.Error of kind config.
---@param values table<string, any>  of the options
---@param sources table<string, accs.Source>
--- Example: `guard.drop_secret(values, sources)`
function guard.drop_secret(values, sources)
  values.client_secret = nil
  guard.check(values, sources)
end

return guard
