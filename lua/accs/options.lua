--- The one list of a client's options, and how their values are found: the program's own options
--- win over the environment, that over a `.env` file, that over the defaults.
local env = require "accs.env"
local errors = require "accs.error"
local guard = require "accs.guard"
local option_types = require "accs.option_types"

local options = {}

---@class accs.Option
---@field name string  in Lua, and with dashes on the command line
---@field type "text"|"seconds"|"count"|"share"|"flag"|"choice"|"function"|"codec"|"scopes"
---  |"dotenv"|"engine"|"secret"|"cache"|"auth"
---@field choices? (string|integer)[]  of a choice
---@field word? string  for its value in the command line's help
---@field env? string  environment variable
---@field unit? string
---@field default? any  what holds when nobody sets it; the core's own where it is a number
---@field secret? boolean  never shown
---@field password? boolean  an address that may hold one
---@field doc string

---@type accs.Option[]
options.list = {
  { name = "base_url", type = "text", env = "API_ENDPOINT",
    doc = "address of the REST API with the tenant id" },
  { name = "ims_url", type = "text", env = "IMS_URL", default = "https://ims-na1.adobelogin.com",
    doc = "address of Adobe's Identity Management Service" },
  { name = "client_id", type = "text", env = "IMS_CLIENT_ID", doc = "client id of the credential" },
  { name = "client_secret", type = "secret", env = "IMS_CLIENT_SECRET", secret = true,
    doc = "its secret; a list of secrets, newest first, in a variable as JSON; or a function that "
      .. "returns either" },
  { name = "access_token", type = "text", env = "ACCS_ACCESS_TOKEN", secret = true,
    doc = "a ready token instead of a secret" },
  { name = "org_id", type = "text", env = "IMS_ORG_ID",
    doc = "IMS organisation, for the header x-gw-ims-org-id" },
  { name = "scopes", type = "scopes", env = "IMS_SCOPES",
    default = "AdobeID,openid,email,profile,additional_info.roles,"
      .. "additional_info.projectedProductContext,commerce.accs",
    doc = "scopes of the token: a list, or text with commas or blanks; commerce.accs is added" },
  { name = "auth", type = "auth", env = "ACCS_AUTH", default = "server", word = "WHO",
    doc = "whose tokens: server (those of the credential), user (a person's, who signed in "
      .. "before), or a session that accs.oauth made" },
  { name = "session", type = "text", env = "ACCS_SESSION", default = "default", word = "NAME",
    doc = "name of a person's session in the cache" },
  { name = "redirect_uri", type = "text", env = "IMS_REDIRECT_URI", word = "URI",
    doc = "address that a sign-in comes back to, as registered with the credential" },
  { name = "cache", type = "cache", env = "ACCS_CACHE", default = "memory", password = true,
    word = "WHERE",
    doc = "where tokens are kept, sealed, beside memory: memory (nowhere), file (the user's cache "
      .. "folder; the default of the command line), a folder, redis://host, or a store table" },
  { name = "cache_key", type = "text", env = "ACCS_CACHE_KEY", secret = true,
    doc = "what tokens are sealed with there: long and random; unset: the client secret, or a "
      .. "random key in the folder where there is none" },
  { name = "lock_timeout", type = "seconds", env = "ACCS_LOCK_TIMEOUT", unit = "s", default = 5,
    doc = "wait for another process that asks IMS for the same token" },
  { name = "store", type = "text", env = "ACCS_STORE",
    doc = "store view code for the header Store; none unless set" },
  { name = "ca_file", type = "text", env = "ACCS_CA_FILE",
    doc = "PEM file of trusted authorities" },
  { name = "proxy", type = "text", env = "ACCS_PROXY", password = true,
    doc = "proxy: [http, https or socks5h://][user:password@]host:port; unset: as https_proxy and "
      .. "all_proxy say" },
  { name = "no_proxy", type = "text", env = "ACCS_NO_PROXY",
    doc = "hosts and domains without proxy, with commas, * for all; unset: as no_proxy says" },
  { name = "client_cert", type = "text", env = "ACCS_CLIENT_CERT",
    doc = "PEM file of the certificate for servers that ask for one" },
  { name = "client_key", type = "text", env = "ACCS_CLIENT_KEY",
    doc = "PEM file of its key; unset: in client_cert" },
  { name = "client_key_password", type = "text", env = "ACCS_CLIENT_KEY_PASSWORD", secret = true,
    doc = "password of the key" },
  { name = "pin", type = "text", env = "ACCS_PIN",
    doc = "public key to insist on: sha256//BASE64, several with semicolons, or a file" },
  { name = "min_tls", type = "choice", choices = { "1.2", "1.3" }, env = "ACCS_MIN_TLS",
    default = "1.2", doc = "oldest version of TLS to accept" },
  { name = "ip_version", type = "choice", choices = { 4, 6 }, env = "ACCS_IP_VERSION",
    doc = "use IPv4 or IPv6 alone; unset: whichever connects first" },
  { name = "http_version", type = "choice", choices = { "1.1", "2" }, env = "ACCS_HTTP_VERSION",
    default = "1.1", doc = "newest version of HTTP for reads; writes go over 1.1" },
  { name = "user_agent", type = "text", env = "ACCS_USER_AGENT", default = "accs/0.1.0 lua",
    doc = "header User-Agent" },
  { name = "read_only", type = "flag", env = "ACCS_READ_ONLY", default = false,
    doc = "refuse every write before it leaves" },
  { name = "connect_timeout", type = "seconds", env = "ACCS_CONNECT_TIMEOUT", unit = "s",
    default = 10, doc = "name lookup, connect and TLS together" },
  { name = "idle_timeout", type = "seconds", env = "ACCS_IDLE_TIMEOUT", unit = "s", default = 30,
    doc = "no byte moved in either direction, since the request began to leave" },
  { name = "timeout", type = "seconds", env = "ACCS_TIMEOUT", unit = "s", default = 120,
    doc = "a whole call with its waits and repeats" },
  { name = "attempts", type = "count", env = "ACCS_ATTEMPTS", unit = "requests", default = 4,
    doc = "requests of a call that may be repeated" },
  { name = "max_retry_after", type = "seconds", env = "ACCS_MAX_RETRY_AFTER", unit = "s",
    default = 60, doc = "longest wait that the service may ask for; more fails at once" },
  { name = "backoff", type = "seconds", env = "ACCS_BACKOFF", unit = "s", default = 0.5,
    doc = "longest first wait before a repeat; it doubles, and a wait is any part of it" },
  { name = "max_backoff", type = "seconds", env = "ACCS_MAX_BACKOFF", unit = "s", default = 30,
    doc = "what the doubling stops at" },
  { name = "retry_budget", type = "share", env = "ACCS_RETRY_BUDGET", unit = "of recent calls",
    default = 0.1, doc = "repeats as a share of the client's calls of the last minute" },
  { name = "retry_budget_min", type = "count", env = "ACCS_RETRY_BUDGET_MIN", unit = "repeats",
    default = 10, doc = "repeats that a minute always has" },
  { name = "max_concurrency", type = "count", env = "ACCS_MAX_CONCURRENCY", unit = "transfers",
    default = 8, doc = "transfers of this client at a time" },
  { name = "fixed_concurrency", type = "flag", env = "ACCS_FIXED_CONCURRENCY", default = false,
    doc = "keep max_concurrency after a 429 too, instead of half of it for a while" },
  { name = "max_body", type = "count", env = "ACCS_MAX_BODY", unit = "bytes",
    default = 268435456, doc = "largest decoded answer" },
  { name = "max_headers", type = "count", env = "ACCS_MAX_HEADERS", unit = "bytes",
    default = 262144, doc = "all headers of one answer" },
  { name = "page_size", type = "count", env = "ACCS_PAGE_SIZE", unit = "rows", default = 100,
    doc = "rows of one page of a scan" },
  { name = "engine", type = "engine",
    doc = "made by accs.engine; unset: the one that clients share" },
  { name = "dotenv", type = "dotenv", doc = "path of a .env file; false: read none" },
  { name = "codec", type = "codec",
    doc = "replaces accs.json: anything with encode and decode, such as cjson.safe" },
  { name = "on_event", type = "function", doc = "called with each event, in a task of its own" },
  { name = "log", type = "choice", choices = { "error", "warn", "info", "debug", "off" },
    env = "ACCS_LOG", word = "LEVEL",
    doc = "log events up to this level to standard error" },
  { name = "request_ids", type = "flag", env = "ACCS_REQUEST_IDS", default = false,
    doc = "give each call without a request_id a random one (header x-request-id)" },
}

-- Levenshtein's distance, two rows at a time.
local function distance(left, right)
  local row = {}
  for column = 0, #right do
    row[column] = column
  end
  for line = 1, #left do
    local diagonal = row[0]
    row[0] = line
    for column = 1, #right do
      local change = diagonal + (left:byte(line) == right:byte(column) and 0 or 1)
      diagonal = row[column]
      row[column] = math.min(change, diagonal + 1, row[column - 1] + 1)
    end
  end
  return row[#right]
end

--- The name that was probably meant.
---@param name string
---@param names string[]
---@return string|nil  nil when none is near
--- Example: `options.suggest("tiemout", { "timeout", "store" })` gives "timeout".
function options.suggest(name, names)
  local best, least = nil, math.max(2, #name // 3) + 1
  if #name <= 64 then
    for _, candidate in ipairs(names) do
      local far = distance(name, candidate)
      if far < least then
        best, least = candidate, far
      end
    end
  end
  return best
end

--- The words for a name that is not known.
---@param what string  "option" for example
---@param name any
---@param known table<string, any>  by name
---@return string  such as `unknown option "tiemout" (did you mean "timeout"?)`
--- Example: `options.unknown("option", "tiemout", options.by_name)`
function options.unknown(what, name, known)
  name = tostring(name)
  local names = {}
  for other in pairs(known) do
    names[#names + 1] = other
  end
  table.sort(names) -- of two that are as near, always the same
  local near = options.suggest(name, names)
  local advice = near and (' (did you mean "%s"?)'):format(near) or ""
  return ('unknown %s "%s"%s'):format(what, errors.clean(name, 60), advice)
end

local variables = {} -- the list by environment variable
---@type table<string, accs.Option>  the list by name
options.by_name = {}
for _, option in ipairs(options.list) do
  options.by_name[option.name] = option
  if option.env then
    variables[option.env] = option
  end
end

local function fail(message, ...)
  error(errors.new { kind = "config", message = message:format(...) }, 0)
end

local NUMBERS = { seconds = true, count = true, share = true }

-- Options whose values are words and numbers: nobody's secret goes there.
local PLAIN = { seconds = true, count = true, share = true, flag = true, auth = true, cache = true }

-- What was given instead, in words that tell no secret: an address may hold a password.
local function name_given(option, value)
  if value == "" then
    return "an empty one"
  elseif type(value) ~= "string" then
    return math.type(value) or type(value)
  elseif PLAIN[option.type] and #value <= 20 and not value:find("[@:%c]") then
    return "'" .. value .. "'"
  end
  return "other text"
end

-- Checks one value. The message never tells one that may be a secret.
local function accept(option, value, where)
  local accepted, expected = option_types.check(option.type, value, option)
  if accepted == nil then
    local given = name_given(option, value)
    if NUMBERS[option.type] and type(value) == "number"
      and not (option.type == "count" and value % 1 ~= 0) then
      given = "one out of range"
    end
    fail("%s%s must be %s%s", option.name, where, expected,
      option.type == "choice" and "" or ", not " .. given)
  end
  return accepted
end

---@class accs.Source
---@field kind "option"|"environment"|"dotenv"|"default"
---@field words string  such as "the environment (IMS_URL)"

-- A `.env` is written by hand, for this: a misspelt name of ours would go unheard. Others' names,
-- those of IMS among them, may be other programs'; so may anything in the environment.
local function check_dotenv(dotenv, file)
  local unknown
  for name in pairs(dotenv) do
    if name:find("^ACCS_") and not variables[name] and (not unknown or name < unknown) then
      unknown = name
    end
  end
  if unknown then
    fail("%s: %s", file, options.unknown("variable", unknown, variables))
  end
end

local function look_up(option, given, getenv, dotenv, file)
  if given[option.name] ~= nil then
    local source = { kind = "option", words = "the option " .. option.name }
    return accept(option, given[option.name], ""), source
  end
  local sources = {
    { kind = "environment", name = "the environment", text = option.env and getenv(option.env) },
    { kind = "dotenv", name = file, text = option.env and dotenv[option.env] },
  }
  for _, source in ipairs(sources) do
    if source.text and source.text ~= "" then -- an empty variable is an unset one
      local words = ("%s (%s)"):format(source.name, option.env)
      local value, problem = option_types.from_text(option, source.text)
      if problem then
        fail("%s from %s %s", option.name, words, problem)
      end
      value = accept(option, value, " from " .. words)
      return value, { kind = source.kind, words = words }
    end
  end
  return option.default, { kind = "default", words = "the default" }
end

-- What there must be, by whose tokens are used.
local function find_needed(values)
  if type(values.auth) == "table" or values.access_token then
    return { "base_url" }
  elseif values.auth == "user" then
    return { "base_url", "client_id" }
  end
  return { "base_url", "client_id", "client_secret" }
end

local function check_missing(values, needed)
  for _, name in ipairs(needed) do
    if not values[name] then
      fail("%s is missing: set %s in the environment or in .env, or the option %s", name,
        options.by_name[name].env, name)
    end
  end
end

--- Finds the value of every option.
---
--- Raises an accs.Error of kind config: unknown option or variable (with a suggestion), wrong
--- type, broken `.env`, missing credential, plain http to another machine, or a secret that would
--- go to an address of a weaker source. A token from a stronger or equal source wins over the
--- secret.
---@param given table  the program's options
---@param getenv? fun(name: string): string|nil  os.getenv by default
---@param needed? string[]  the options that there must be; by default those of a client
---@return table<string, any> values
---@return table<string, accs.Source> sources
--- Example: `local values, sources = options.resolve { store = "default", timeout = 20 }`
function options.resolve(given, getenv, needed)
  for name in pairs(given) do
    if not options.by_name[name] then
      fail("%s", options.unknown("option", name, options.by_name))
    end
  end
  local path = given.dotenv
  if path ~= nil then
    path = accept(options.by_name.dotenv, path, "")[1]
  end
  local dotenv = {}
  if path ~= false then
    local loaded, problem = env.load(path)
    dotenv = loaded or error(problem, 0)
    check_dotenv(dotenv, path or ".env")
  end
  local values, sources = {}, {}
  for _, option in ipairs(options.list) do
    if option.type ~= "dotenv" then
      values[option.name], sources[option.name] =
        look_up(option, given, getenv or os.getenv, dotenv, path or ".env")
    end
  end
  options.choose_secret(values, sources)
  check_missing(values, needed or find_needed(values))
  guard.check(values, sources)
  return values, sources
end

local RANK = { option = 3, environment = 2, dotenv = 1 }

--- Keeps one of access_token and what is beside it, client_secret or a person's sign-in: the one
--- from the stronger source, the token when both come from the same, so that a left-over variable
--- never beats what the program says. A session that the program made beats all.
---@param values table<string, any>
---@param sources table<string, accs.Source>
function options.choose_secret(values, sources)
  local function is_stronger(name)
    return RANK[sources.access_token.kind] >= (RANK[sources[name].kind] or 0)
  end
  if type(values.auth) == "table" then
    values.access_token, values.client_secret = nil, nil
  elseif not values.access_token then
    return
  elseif values.auth == "user" and not is_stronger("auth") then
    values.access_token = nil
  elseif values.client_secret then
    values[is_stronger("client_secret") and "client_secret" or "access_token"] = nil
  end
  if values.access_token then
    values.auth = "server"
  end
end

return options
