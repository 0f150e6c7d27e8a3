--- From options to credentials: the core's, and what the program sees of them (accs.auth, which is
--- loaded when it is first used).
local core = require "accs.core"
local engines = require "accs.engines"
local errors = require "accs.error"
local guard = require "accs.guard"
local hooks = require "accs.hooks"

local credentials = {}

-- What the core takes as it is.
local CORE_OPTIONS = {
  "ims_url", "client_id", "access_token", "scopes", "cache_key", "lock_timeout", "user_agent",
  "ca_file", "proxy", "no_proxy", "client_cert", "client_key", "client_key_password", "pin",
  "min_tls", "ip_version", "http_version", "connect_timeout", "idle_timeout", "timeout",
  "max_retry_after", "attempts", "backoff", "max_backoff", "retry_budget", "retry_budget_min",
  "max_headers",
}
local OF_USER = { "session", "code", "code_verifier", "redirect_uri" }

local function fail(message)
  error(errors.new { kind = "config", message = message }, 0)
end

--- The folder of a user's own caches (XDG Base Directory Specification).
---@param getenv? fun(name: string): string|nil  os.getenv by default
---@return string|nil folder
--- Example: `credentials.default_folder()`
function credentials.default_folder(getenv)
  getenv = getenv or os.getenv
  local base, home = getenv("XDG_CACHE_HOME"), getenv("HOME")
  if base and base:sub(1, 1) == "/" then -- a relative one is to be ignored
    return base:gsub("/+$", "") .. "/accs"
  elseif home and home:sub(1, 1) == "/" then
    return home:gsub("/+$", "") .. "/.cache/accs"
  end
end

-- The folder that the option names.
local function find_folder(cache)
  if cache == "file" then
    return credentials.default_folder() or fail("the option cache: there is no folder for "
      .. "\"file\", since neither XDG_CACHE_HOME nor HOME is set: set one, or name a folder in "
      .. "ACCS_CACHE")
  elseif cache:sub(1, 2) == "~/" then
    local home = os.getenv("HOME")
    return home and home ~= "" and home .. cache:sub(2)
      or fail("the option cache: HOME is not set, so ~/ names no folder")
  end
  return cache
end

local stores = setmetatable({}, { __mode = "v" }) -- by address, so that clients share tokens

local function open_redis(url)
  local store = stores[url]
  if not store then
    local ok, problem
    ok, store = pcall(require("accs.store.redis").new, { url = url })
    if not ok then -- it names the line of a program that calls it; here nobody's does
      problem = errors.is(store) and store.message or errors.first_line(store):gsub("^.-:%d+: ", "")
      fail("the option cache (ACCS_CACHE): " .. problem:gsub("^accs%.store%.redis: ", ""))
    end
    stores[url] = store
  end
  return store
end

local function set_cache(inner, engine, cache, held)
  if cache == "memory" then
    return
  elseif type(cache) == "string" and not cache:find("^redis://") then
    inner.cache_folder = find_folder(cache)
    return
  end
  local store = type(cache) == "table" and cache or open_redis(cache)
  inner.cache_hook, held[#held + 1] = require("accs.hosts").add(engine, store)
  inner.cache_locks = store.lock ~= nil
end

local function set_secrets(inner, engine, secret, held)
  if type(secret) == "function" then
    inner.secret_hook, held[#held + 1] = require("accs.hosts").add(engine, secret)
  elseif type(secret) == "table" then
    inner.client_secrets = secret
  else
    inner.client_secret = secret
  end
end

-- Most programs never look at their credentials: the class is loaded when somebody does.
local Unused = { __name = "accs.Auth" }

local function load(auth)
  return setmetatable(auth, require("accs.auth").class)
end

Unused.__index = function(auth, name)
  return load(auth)[name]
end
Unused.__close = function(auth)
  load(auth):close()
end
Unused.__tostring = function(auth)
  return tostring(load(auth))
end

--- Makes the credentials that options name. No I/O.
---@param values table<string, any>  as `options.resolve` gave them; `auth` is not looked at
---@param sources table<string, accs.Source>
---@param extra? { user?: boolean, session?: string, code?: string, code_verifier?: string,
---  redirect_uri?: string, quiet?: boolean }  user: a person's; the next four: instead of the
---  options; quiet: they have no events of their own
---@return accs.Auth|nil auth
---@return accs.Error|nil err
--- Example: `local auth = assert(credentials.open(options.resolve { dotenv = false }))`
function credentials.open(values, sources, extra)
  extra = extra or {}
  local engine = values.engine or engines.engine()
  if engines.lane(engine).closed then
    return nil, errors.new { kind = "closed", message = "the option engine: that engine is closed" }
  end
  local cache = values.cache or "memory"
  if extra.user and not extra.code and cache == "memory" then
    return nil, errors.new { message = "a person's session is in no cache, since the option cache "
      .. 'is memory: set it to where the sign-in kept it (after accs login ACCS_CACHE=file)' }
  end
  local listeners = extra.quiet and {} or hooks.listeners(values, sources)
  local inner, held = { events = listeners[1] ~= nil }, {}
  for _, name in ipairs(CORE_OPTIONS) do
    inner[name] = values[name]
  end
  if extra.user then
    inner.user = true
    for _, name in ipairs(OF_USER) do
      inner[name] = extra[name] or values[name]
    end
  end
  set_secrets(inner, engine, values.client_secret, held)
  set_cache(inner, engine, cache, held)
  local made, failure = core.auth(engine, inner)
  if not made then
    return nil, errors.new(failure)
  end
  return setmetatable({
    _core = made, _engine = engine, _hosts = held, _client_id = values.client_id or false,
    _ims_url = values.ims_url, _of_dotenv = guard.is_of_dotenv(values, sources), _keys = false,
    _hook = listeners[1] and hooks.observe(engine, made:handle(), table.unpack(listeners)) or false,
  }, Unused)
end

--- Closes credentials. A second time does nothing.
---@param auth accs.Auth
function credentials.close(auth)
  local inner = auth._core
  auth._core = false
  if inner then
    inner:close()
  end
end

return credentials
