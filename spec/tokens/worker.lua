-- One process of a herd (spec/tokens/herd.lua): says "ready PID", waits until the barrier falls,
-- works as its first argument says, and says "done PID ok|failed SLOWEST CACHE-EVENTS WORDS".
local core = require "accs.core"
local accs = require "accs"

local what, count = arg[1], tonumber(arg[2])
local stat <close> = assert(io.open("/proc/self/stat"))
local pid = stat:read("n")
local cache_events, slowest, words = 0, 0, ""

local function options(more)
  local made = {
    dotenv = false, timeout = 40, cache = os.getenv "CACHE", cache_key = os.getenv "KEY",
    on_event = function(event)
      if event.kind == "cache" then
        cache_events = cache_events + 1
        words = words .. event.text .. ": " .. tostring(event.reason) .. " "
      end
    end,
  }
  for name, value in pairs(more or {}) do
    made[name] = value
  end
  return made
end

local works = {}

-- So many calls at the same time.
function works.calls()
  local client <close> = accs.client(options())
  local list = {}
  for index = 1, count do
    list[index] = function()
      local began = core.monotonic()
      local response, err = client:get("/V1/store/storeConfigs")
      slowest = math.max(slowest, core.monotonic() - began)
      return response, err
    end
  end
  return accs.all(list)
end

-- The same with a store in Redis.
function works.redis()
  local plain = options
  options = function()
    return plain { cache = accs.store.redis { port = math.tointeger(os.getenv "REDIS_PORT") } }
  end
  return works.calls()
end

-- So many refreshes of a person's session, one after the other.
function works.refresh()
  local session <close>, err = accs.oauth.session(options { timeout = 10 })
  if not session then
    return nil, err
  end
  for _ = 1, count do
    local began = core.monotonic()
    local ok, problem = session:refresh()
    if not ok then
      return nil, problem
    end
    slowest = math.max(slowest, core.monotonic() - began)
  end
  return true
end

-- Whether a session is kept, with its refresh token.
function works.look()
  local session <close>, err = accs.oauth.session(options())
  return session and session:state().has_refresh_token, err or "no refresh token"
end

io.write("ready ", pid, "\n")
io.flush()
assert(io.open(os.getenv "BARRIER")):close() -- waits until it is open for writing
local ok, problem = works[what]()
if not ok then
  words = tostring(problem):gsub("\n.*", "")
end
io.write(("done %d %s %.3f %d %s\n"):format(pid, ok and "ok" or "failed", slowest, cache_events,
  words))
