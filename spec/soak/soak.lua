-- The soak: many requests at once against a server that does some of them wrong. Every request is
-- accounted for, no POST is acted on twice, and memory does not grow.
--
--     make soak [REQUESTS=100000] [CONCURRENCY=64] [SHARE=0.05]
--
-- Exits 1 when a request is lost, a POST was doubled, an answer went to another's request, what
-- the client says differs from what the server did, or memory grew by more than 4 MB from the
-- first tenth to the end.
local accs = require "accs"
local core = require "accs.core"
local process = require "spec.support.process"
local run = require "spec.support.run"

local REQUESTS = math.tointeger(tonumber(arg[1])) or 100000
local CONCURRENCY = math.tointeger(tonumber(arg[2])) or 64
local SHARE = tonumber(arg[3]) or 0.05
local GROWTH_MAX = 4 * 1024 * 1024 -- bytes
local POST, PUT = 3, 2 -- of ten requests; the rest are GETs

local function resident()
  return math.tointeger(tonumber(run.read_file("/proc/self/status"):match("VmRSS:%s*(%d+)"))) * 1024
end

local function method_of(number)
  local digit = number % 10
  return digit < POST and "POST" or digit < POST + PUT and "PUT" or "GET"
end

-- What a request ended as: a number each, so that the record has its size from the start.
local ENDS, END_NAMES = {}, {}
local function end_of(name)
  if not ENDS[name] then
    END_NAMES[#END_NAMES + 1] = name
    ENDS[name] = #END_NAMES
  end
  return ENDS[name]
end

local problems = {}
local function complain(...)
  problems[#problems + 1] = (...):format(select(2, ...))
end

local server <close> = process.start { "lua5.4", "spec/soak/server.lua", SHARE }
local port = assert((server:read_line() or ""):match("^PORT=(%d+)$"), "the server did not start")

local engine = assert(accs.engine { max_connections = CONCURRENCY })
local client <close> = accs.client {
  base_url = ("http://127.0.0.1:%s/tenant"):format(port), access_token = "example", dotenv = false,
  engine = engine, max_concurrency = CONCURRENCY, idle_timeout = 1, timeout = 30, backoff = 0.05,
}

local ended, next_number, done = {}, 0, 0
for number = 1, REQUESTS do
  ended[number] = 0
end
local at_tenth
local started = core.monotonic()

local function call(number)
  local method = method_of(number)
  local path, data = "/V1/soak/" .. number, method ~= "GET" and { unique = number } or nil
  local response, err
  if method == "POST" then
    response, err = client:post(path, data)
  elseif method == "PUT" then
    response, err = client:put(path, data)
  else
    response, err = client:get(path)
  end
  if response then
    local got = response.data
    if got.number ~= number or got.method ~= method or data and got.sent.unique ~= number then
      complain("%s %d got the answer of %s %s", method, number, got.method, got.number)
    end
  end
  return response and "ok" or err.kind .. " " .. err.outcome
end

local function work()
  while next_number < REQUESTS do
    next_number = next_number + 1
    local number = next_number
    local name = call(number)
    if ended[number] ~= 0 then
      complain("%d ended twice", number)
    end
    ended[number] = end_of(name)
    done = done + 1
    if done % (REQUESTS // 10) == 0 then
      local bytes = resident()
      at_tenth = at_tenth or bytes
      print(("%7d requests, %6.1f s, resident %.1f MB"):format(done, core.monotonic() - started,
        bytes / 1048576))
    end
  end
end

local workers = {}
for index = 1, CONCURRENCY do
  workers[index] = work
end
assert(accs.all(workers))
local seconds = core.monotonic() - started
local growth = resident() - at_tenth

server:write("counts\n")
local digits, faults = server:read_line(), server:read_line()

-- What the client says of a request against what the server did.
local totals, doubled, lost, contradicted = {}, 0, 0, 0
for number = 1, REQUESTS do
  local name, method = END_NAMES[ended[number]], method_of(number)
  local acted = tonumber(digits:sub(number, number)) or 0
  if not name then
    lost = lost + 1
    complain("%s %d has no end", method, number)
  else
    local key = method .. " " .. name
    totals[key] = (totals[key] or 0) + 1
    local outcome = name:match(" (%S+)$")
    local fits = outcome == "unknown" or (outcome == "not_sent" or outcome == "refused")
      and acted == 0 or (name == "ok" or outcome == "done") and acted >= 1
    if not fits then
      contradicted = contradicted + 1
      complain("%s %d ended as %s, but was acted on %d times", method, number, name, acted)
    end
  end
  if method == "POST" and acted > 1 then
    doubled = doubled + 1
    complain("POST %d was acted on %d times", number, acted)
  end
end
if growth > GROWTH_MAX then
  complain("memory grew by %d bytes", growth)
end

local keys = {}
for key in pairs(totals) do
  keys[#keys + 1] = key
end
table.sort(keys)
print(("%d requests at concurrency %d in %.1f s (%.0f a second)"):format(REQUESTS, CONCURRENCY,
  seconds, REQUESTS / seconds))
print("injected: " .. faults)
for _, key in ipairs(keys) do
  print(("  %-28s %7d"):format(key, totals[key]))
end
print(("lost %d, POSTs acted on twice %d, contradicted %d, memory grew by %.1f MB"):format(lost,
  doubled, contradicted, growth / 1048576))
for index = 1, math.min(#problems, 20) do
  print("PROBLEM: " .. problems[index])
end
print(#problems == 0 and "all accounted for" or #problems .. " problems")
os.exit(#problems == 0, true)
