--- A token cache in Redis: machines that share it hold one token together.
---
---     local client = accs.client { cache = accs.store.redis { host = "redis.example.com" } }
---
--- What it keeps is sealed: Redis, and whoever reads it, sees no token. Nothing here blocks a task,
--- and each operation is over within `timeout`, name lookup and connecting included. What fails
--- raises a line without secrets; for a client that is an event of kind `cache`.
local core = require "accs.core"
local errors = require "accs.error"
local options = require "accs.options"
local waits = require "accs.waits"

local redis = {}

local STEP, STEP_MAX = 0.002, 0.02 -- seconds between two looks at a connection
local IDLE = 10 -- seconds that a connection is kept for the next operation
local IDLE_COUNT = 2 -- connections that are kept
local LOCK_TTL = 60 -- seconds, of a lock whose taker says none: no lock is for ever

-- Only who has the lock gives it back; between a look and a DEL it might have changed hands.
local UNLOCK = 'if redis.call("GET", KEYS[1]) == ARGV[1] then '
  .. 'return redis.call("DEL", KEYS[1]) end return 0'

local CLUSTER = "it is part of a cluster, which is not supported"
-- What an error reply begins with. No more of it is shown: Redis repeats in it what it was sent.
local REFUSALS = {
  NOAUTH = "it wants a password", WRONGPASS = "user name or password is wrong",
  NOPERM = "this user may not do that", LOADING = "it is still loading its data",
  READONLY = "it is a replica that only reads", OOM = "its memory is full",
  MISCONF = "it cannot write its data to disk", MASTERDOWN = "its master is down",
  BUSY = "a script keeps it busy", MOVED = CLUSTER, ASK = CLUSTER, CLUSTERDOWN = CLUSTER,
}

---@class accs.store.RedisOptions
---@field url? string  redis://[user:password@]host[:port][/database], instead of the next five
---@field host? string  name or address, default "127.0.0.1"
---@field port? integer  default 6379
---@field username? string  of an ACL user
---@field password? string
---@field database? integer  default 0
---@field path? string  of a Unix socket, instead of host and port
---@field prefix? string  what all its keys begin with, default "accs:"
---@field timeout? number  seconds for one operation, all in all, default 1

-- One operation: when it must be over, and how long the next wait is.
local function begin(seconds)
  return { till = core.monotonic() + seconds, step = STEP }
end

-- Waits a little; false when no time is left.
local function pause(turn)
  local left = turn.till - core.monotonic()
  if left <= 0 then
    return false
  end
  waits.sleep(math.min(turn.step, left))
  turn.step = math.min(turn.step * 1.5, STEP_MAX)
  return true
end

-- Asks `thing` until it says more than false; `nil, nil` when the time is over.
local function await(turn, thing, method)
  local done, a, b
  repeat
    done, a, b = thing[method](thing)
  until done ~= false or not pause(turn)
  if done == false then
    return nil
  end
  return done, a, b
end

-- Below, `server` is what is known of one, with the connections to it that wait.

local function fail(server, problem)
  error(("Redis: %s"):format(problem or ("no answer within %g s"):format(server.timeout)), 0)
end

-- One command and its reply: true, value | nil, problem. A problem of nil: no time is left.
local function request(connection, turn, ...)
  local sent, problem = connection:send(...)
  if not sent then
    return nil, problem
  end
  local ok, value, refused = await(turn, connection, "poll")
  if ok and refused then
    local code = refused:match("^%u+%f[^%u]") or "an error"
    return nil, ("it refuses %s: %s"):format((...), REFUSALS[code] or code:sub(1, 20))
  end
  return ok, value
end

-- The addresses to try. A look-up that outlives its operation is kept for the next one.
local function addresses(server, turn)
  if not server.lookup then
    local lookup, problem = server.native.lookup(server.host)
    if not lookup then
      return nil, "its name is not found: " .. problem
    end
    server.lookup = lookup
  end
  local lookup = server.lookup
  local list, problem = await(turn, lookup, "poll")
  if list or problem then
    server.lookup = nil
  end
  if problem then
    return nil, "its name is not found: " .. problem
  end
  return list
end

-- Guards a connection that is being used: closed unless it is to be kept.
local Use = {}
Use.__close = function(use)
  if not use.keep then
    use.connection:close()
  end
end

local function greet(server, connection, turn)
  local ready, problem = await(turn, connection, "ready")
  if ready and server.username then
    ready, problem = request(connection, turn, "AUTH", server.username, server.password)
  elseif ready and server.password then
    ready, problem = request(connection, turn, "AUTH", server.password)
  end
  if ready and server.database > 0 then
    ready, problem = request(connection, turn, "SELECT", ("%d"):format(server.database))
  end
  return ready, problem
end

local function connect(server, address, turn)
  local connection, problem
  if server.path then
    connection, problem = server.native.connect_path(address)
  else
    connection, problem = server.native.connect(address, server.port)
  end
  if not connection then
    return nil, problem
  end
  local use <close> = setmetatable({ connection = connection, keep = false }, Use)
  use.keep, problem = greet(server, connection, turn)
  return use.keep and connection, problem
end

-- A new connection: to the first address that takes it, each with its share of the time left.
local function open(server, turn)
  local list, problem
  if server.path then
    list = { server.path }
  else
    list, problem = addresses(server, turn)
  end
  for index, address in ipairs(list or {}) do
    local now = core.monotonic()
    local share = begin((turn.till - now) / (#list - index + 1))
    local connection
    connection, problem = connect(server, address, share)
    if connection then
      return connection
    end
  end
  return nil, problem
end

-- One that waits, unless it is old or the server has said something meanwhile: then it is closed.
local function take(server, turn)
  local now = core.monotonic()
  while server.idle[1] do
    local entry = table.remove(server.idle)
    if now - entry.since < IDLE and entry.connection:quiet() then
      return entry.connection
    end
    entry.connection:close()
  end
  return open(server, turn)
end

-- One operation. Raises what is wrong; a connection of which that is known is not used again.
local function run(server, ...)
  local turn = begin(server.timeout)
  local connection, problem = take(server, turn)
  if not connection then
    fail(server, problem)
  end
  local use <close> = setmetatable({ connection = connection, keep = false }, Use)
  local ok, value = request(connection, turn, ...)
  if not ok then
    fail(server, value)
  end
  if #server.idle < IDLE_COUNT then
    server.idle[#server.idle + 1] = { connection = connection, since = core.monotonic() }
    use.keep = true
  end
  return value
end

local function expect(server, value, kind, command)
  if kind == "OK" and value ~= "OK" or kind ~= "OK" and math.type(value) ~= kind then
    fail(server, command .. " was answered with something else")
  end
end

-- Seconds as Redis wants them for PX.
local function milliseconds(seconds)
  return ("%d"):format(math.max(1, math.ceil(seconds * 1000)))
end

-- Options ------------------------------------------------------------------------------------

local function port_of(value)
  return math.type(value) == "integer" and value >= 1 and value <= 65535
end

local CHECKS = {
  url = { "a string", function(value) return type(value) == "string" end },
  host = { "a name or an address", function(value)
    return type(value) == "string" and value:find("^[%w%.:_%%-]+$") ~= nil
  end },
  port = { "a port from 1 to 65535", port_of },
  username = { "a string", function(value) return type(value) == "string" end },
  password = { "a string", function(value) return type(value) == "string" end },
  database = { "a number from 0", function(value)
    return math.type(value) == "integer" and value >= 0
  end },
  path = { "a path of at most 107 bytes", function(value)
    return type(value) == "string" and value:find("^[^%z]+$") ~= nil and #value <= 107
  end },
  prefix = { "a string", function(value) return type(value) == "string" end },
  timeout = { "a number of seconds above 0", function(value)
    return type(value) == "number" and value > 0 and value <= 3600
  end },
}

local function check(given)
  for name, value in pairs(given) do
    if not CHECKS[name] then
      errors.misuse("accs.store.redis: " .. options.unknown("option", name, CHECKS))
    elseif not CHECKS[name][2](value) then -- the value is not shown: it may be a password
      errors.misuse(("accs.store.redis: %s must be %s"):format(name, CHECKS[name][1]))
    end
  end
end

local function decode(text)
  return text and text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end) or nil
end

-- redis://[user:password@]host[:port][/database] as options. Says nothing of what stands in it.
local function read_url(url)
  local scheme, rest = url:match("^(%a+)://(.*)$")
  if scheme == "rediss" then
    errors.misuse("accs.store.redis: TLS (rediss://) is not supported; what is kept is sealed, but "
      .. "a password would cross the network readable: use a tunnel or a trusted network")
  end
  local login, place = (rest or ""):match("^(.*)@(.*)$")
  place = place or rest or ""
  local host, tail = place:match("^%[([%x:%.]+)%](.*)$")
  if not host then
    host, tail = place:match("^([%w%._-]+)(.*)$")
  end
  local port, database = (tail or "?"):match("^:?(%d*)/?(%d*)$")
  if scheme ~= "redis" or not port or (tail:find("^:") ~= nil) ~= (port ~= "") then
    local part = scheme ~= "redis" and "scheme" or not host and "host"
      or tail:find("^:?%d*/") and "database" or tail:find("^:") and "port" or "end"
    errors.misuse(("accs.store.redis: url must be redis://[user:password@]host[:port][/database]: "
      .. "its %s is wrong"):format(part))
  end
  local user, password = (login or ""):match("^([^:]*):?(.*)$")
  return {
    host = host, port = math.tointeger(tonumber(port)),
    database = math.tointeger(tonumber(database)),
    username = user ~= "" and decode(user) or nil,
    password = password ~= "" and decode(password) or nil,
  }
end

local function settings_of(given)
  check(given)
  if given.url then
    for _, name in ipairs { "host", "port", "username", "password", "database", "path" } do
      if given[name] ~= nil then
        errors.misuse("accs.store.redis: either url or " .. name)
      end
    end
    local settings = read_url(given.url)
    check(settings)
    settings.prefix, settings.timeout = given.prefix, given.timeout
    return settings
  elseif given.path and (given.host or given.port) then
    errors.misuse("accs.store.redis: either path or host and port")
  end
  return given
end

local function load_native()
  local ok, native = pcall(require, "accs.redis")
  if not ok then
    error(errors.new { kind = "config", message = "accs.store.redis needs the module accs.redis: "
      .. "apt-get install libhiredis-dev, then make, or luarocks --lua-version 5.4 make "
      .. "rockspec/accs-redis-scm-1.rockspec" }, 0)
  end
  return native
end

--- A token store in Redis (4 or newer), for `cache` of a client. It connects when it is first
--- used, and again after a connection was lost. Needs libhiredis: the module accs.redis. The user
--- of an ACL needs `~accs:* +get +set +del +eval`. TLS and Redis Cluster are not supported.
---@param given? accs.store.RedisOptions
---@return accs.Store
--- Raises on unknown options and wrong values, and where the module is missing.
--- Example:
---     local store = accs.store.redis { path = "/run/redis/example.sock", prefix = "reports:" }
---     print(pcall(store.load, "entry")) -- what a client does, for which a problem is an event
function redis.new(given)
  if given ~= nil and type(given) ~= "table" then
    errors.misuse("accs.store.redis: a table of options is needed")
  end
  local settings = settings_of(given or {})
  if settings.username and not settings.password then
    errors.misuse("accs.store.redis: username needs a password")
  end
  local server = {
    native = load_native(), host = settings.host or "127.0.0.1", port = settings.port or 6379,
    path = settings.path, username = settings.username, password = settings.password,
    database = settings.database or 0, timeout = settings.timeout or 1, idle = {}, lookup = nil,
  }
  local prefix = settings.prefix or "accs:"
  local store = {}

  function store.load(key)
    local value = run(server, "GET", prefix .. key)
    if value ~= nil and type(value) ~= "string" then
      expect(server, value, "OK", "GET")
    end
    return value
  end

  function store.save(key, sealed, ttl)
    local value
    if ttl then
      value = run(server, "SET", prefix .. key, sealed, "PX", milliseconds(ttl))
    else
      value = run(server, "SET", prefix .. key, sealed)
    end
    expect(server, value, "OK", "SET")
  end

  function store.remove(key)
    expect(server, run(server, "DEL", prefix .. key), "integer", "DEL")
  end

  function store.lock(key, owner, ttl)
    local value = run(server, "SET", prefix .. key .. ":lock", owner, "NX", "PX",
      milliseconds(ttl or LOCK_TTL))
    if value ~= nil then
      expect(server, value, "OK", "SET")
    end
    return value ~= nil
  end

  function store.unlock(key, owner)
    local value = run(server, "EVAL", UNLOCK, "1", prefix .. key .. ":lock", owner)
    expect(server, value, "integer", "EVAL")
  end

  return store
end

return redis
