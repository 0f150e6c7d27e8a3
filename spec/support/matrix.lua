-- Runs the rows of the fault matrix: each row is one call against a port of its own of the fault
-- server, and what is to become of it, written down.
--
-- SPEC_SLOW stretches every limit of time, for a run that is that many times slower (valgrind).
local nginx = require "spec.support.nginx"
local run = require "spec.support.run"

local matrix = {}

--- How many times slower than usual this run is.
matrix.slow = tonumber(os.getenv("SPEC_SLOW")) or 1

local ROOM = 5 -- seconds that a row may take when it says nothing else

-- Upper bounds find waits that should not be. What a busy machine, or another row's work, takes
-- from a row is none: a task that does nothing but sleep tells how late this process gets its turn,
-- and the server's process may be late too, more than once in a call.
local TICK, UNTOLD, TURNS = 0.02, 0.005, 4 -- seconds; seconds of delay that any timer has; count
local late = 0 -- seconds so far

--- Starts to measure how late this process is; cancel the task to end that.
---@return accs.Task
function matrix.watch_clock()
  local accs, monotonic = require "accs", require("accs.core").monotonic
  return accs.spawn(function()
    while true do
      local before = monotonic()
      accs.sleep(TICK)
      late = late + math.max(0, monotonic() - before - TICK - UNTOLD)
    end
  end)
end

---@class support.Row
---@field name string
---@field server? table  fields of support.Port; `tls`: the name of a certificate or a table that
---  has it; false: nothing listens
---@field second? table  another port, for redirects and for addresses that are tried in turn
---@field proxy? table  the same for a proxy; its port becomes the client's option `proxy`
---@field method? string  default "GET"
---@field call? table  options of the call, `data` too
---@field client? table  options of the client; times in it are stretched by SPEC_SLOW
---@field base_url? string  in place of the port's own; $PORT in it is its number
---@field dead6? boolean  the same port of ::1 neither accepts nor refuses
---@field other_authority? boolean  the client trusts another authority than the server's
---@field warm? boolean  first a GET that succeeds; the call is to find its connection in the pool
---@field reused? boolean  false: the call is not to find that connection alive
---@field rest? boolean  the call waits until the server has ended that connection
---@field linger? number  seconds between the call and the one that asks whether the client goes on
---@field alone? boolean  nothing else runs meanwhile
---@field after? boolean  false: do not ask whether the client goes on
---@field want support.Want
---@field verify? fun(world: support.World, got: support.Ending)  what else must hold; raises

---@class support.Want  each field where it is given
---@field kind string  "ok" or the kind of the error
---@field outcome? string
---@field status? integer
---@field count? integer  requests that the server got
---@field sends? integer  `attempts` of the response or the error
---@field connections? integer  that the port accepted
---@field proxied? integer  requests that the proxy got
---@field second? integer  requests that the second port got
---@field text? string  a part of the error's line
---@field min_seconds? number
---@field seconds? number  default 5

---@class support.World
---@field server support.Fault
---@field name string
---@field port integer
---@field client accs.Client

-- Times of a client's options are the point of a row or guard it; either way a slow run needs more.
local function stretched(options)
  local result = {}
  for name, value in pairs(options or {}) do
    local time = name == "timeout" or name == "connect_timeout" or name == "idle_timeout"
    result[name] = time and value * matrix.slow or value
  end
  return result
end

local function open_port(server, name, given, skip)
  local port = { name = name, skip = skip }
  for field, value in pairs(given) do
    port[field] = value
  end
  if port.tls then
    local tls = type(port.tls) == "string" and { certificate = port.tls } or port.tls
    port.tls = { protocol = tls.protocol, alpn = tls.alpn,
      certificate = nginx.certificates().path .. "/" .. (tls.certificate or "good") }
  end
  return server:listen(port)
end

-- $PORT, $SECOND, $PROXY in texts become numbers, so that a redirect can name another origin.
local function filled(value, ports)
  if type(value) == "string" then
    local number = ports[value:match("^%$([A-Z]+)$")]
    return number or (value:gsub("%$([A-Z]+)", function(name)
      return tostring(ports[name] or "$" .. name)
    end))
  elseif type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in pairs(value) do
    result[key] = filled(item, ports)
  end
  return result
end

local function open(row, server, name)
  local ports = {}
  local options = {
    access_token = "example", attempts = 2, timeout = 30, connect_timeout = 30, idle_timeout = 30,
    dotenv = false, ca_file = nginx.certificates().ca,
  }
  if row.second then
    ports.SECOND = open_port(server, name .. "/second", filled(row.second, ports))
  end
  if row.server ~= false then
    -- Over HTTP/2 the server cannot tell the warming call by its path.
    local tls = row.server and row.server.tls
    local h2 = type(tls) == "table" and tls.alpn == "h2"
    local skip = row.warm and h2 and 1 or 0
    options.http_version = h2 and "2" or nil
    ports.PORT = open_port(server, name, filled(row.server or {}, ports), skip)
  end
  if row.proxy then
    ports.PROXY = open_port(server, name .. "/proxy", filled(row.proxy, ports))
    options.proxy = "http://127.0.0.1:" .. ports.PROXY
  end
  local scheme = row.server and row.server.tls and "https" or "http"
  options.base_url = filled(row.base_url or scheme .. "://127.0.0.1:$PORT/tenant", ports)
  if row.dead6 and ports.PORT then
    -- The same port of ::1, where that is; elsewhere localhost is 127.0.0.1 alone.
    server:listen { name = name .. "/dead", host = "::1", port = ports.PORT, full = true }
  end
  if row.other_authority then
    options.ca_file = nginx.certificates().other_ca
  end
  for field, value in pairs(row.client or {}) do
    options[field] = filled(value, ports)
  end
  return {
    server = server, name = name, port = ports.PORT, ports = ports,
    client = require("accs").client(stretched(options)),
  }
end

local function expect(got, want, what, err)
  if want ~= nil and want ~= got then
    error(("%s: %s, not %s (%s)"):format(what, tostring(got), tostring(want), tostring(err)), 0)
  end
end

local function compare(row, world, got)
  local want = row.want
  local text = tostring(got.err)
  local server, name = world.server, world.name
  expect(got.kind, want.kind, "kind", got.err)
  expect(got.outcome, want.outcome, "outcome", got.err)
  expect(got.status, want.status, "status", got.err)
  expect(server:count(name), want.count, "requests at the server", got.err)
  expect((got.response or got.err).attempts, want.sends, "attempts", got.err)
  if want.connections then
    expect(server:accepted(name), want.connections, "connections", got.err)
  end
  if want.proxied then
    expect(server:count(name .. "/proxy"), want.proxied, "requests at the proxy", got.err)
  end
  if want.second then
    expect(server:count(name .. "/second"), want.second, "requests at the other port", got.err)
  end
  if want.text and not text:find(want.text, 1, true) then
    error(("no %q in: %s"):format(want.text, text), 0)
  end
  if got.err and text:find("\n", 1, true) then
    error("not one line: " .. text, 0)
  end
  local least = want.min_seconds or 0
  local most = (want.seconds or ROOM) * matrix.slow + TURNS * (late - world.late)
  if got.seconds < least or got.seconds > most then
    error(("took %.2f s, not %g to %g (%s)"):format(got.seconds, least, most, text), 0)
  end
end

-- The connection that the call met first is the one that was warm.
local function check_reuse(world)
  local warm = world.server:requests(world.name .. "#warm")
  local list = world.server:requests(world.name)
  if list[1] and list[1].connection ~= warm[#warm].connection then
    error("the call met a fresh connection", 0)
  end
end

--- Plays one row; raises where it comes out otherwise than wanted.
---@param row support.Row
---@param server support.Fault
---@param name string  not used before
function matrix.play(row, server, name)
  local world = open(row, server, name)
  local client <close> = world.client
  if row.warm then
    local warm = assert(client:get("/V1/warm"))
    expect(warm.attempts, 1, "attempts of the call that warms the connection")
    server:release(name)
  end
  for _ = 1, row.rest and 1000 or 0 do
    require("accs").sleep(0.02)
    if server:ended(name) > 0 then
      break
    end
  end
  world.late = late
  local got = server:try(client, row.method or "GET", "/V1/x", stretched(row.call))
  compare(row, world, got)
  if row.warm and row.reused ~= false then
    check_reuse(world)
  end
  if row.verify then
    row.verify(world, got)
  end
  if row.linger then
    require("accs").sleep(row.linger)
  end
  if row.after ~= false and row.server ~= false and not (row.server or {}).full then
    local response, err = client:get("/V1/after", { timeout = 30 * matrix.slow })
    assert(response, "the client does not go on: " .. tostring(err))
    assert(response.data.ok == true, "the next call got another one's answer")
  end
end

--- The memory of this process that is in the machine, in bytes.
---@return integer
function matrix.resident()
  return math.tointeger(tonumber(run.read_file("/proc/self/status"):match("VmRSS:%s*(%d+)"))) * 1024
end

--- Makes rows for several calls out of one fault.
---
---     matrix.each({ name = "a cut body", server = ... }, {
---       { want = { kind = "network", count = 2 } },
---       { method = "POST", call = { data = { a = 1 } }, want = { ... } },
---     })
---
---@param base table  what the rows share
---@param calls table[]  what each adds; the method is put in front of the name
---@return support.Row[]
function matrix.each(base, calls)
  local rows = {}
  for index, call in ipairs(calls) do
    local row = {}
    for _, source in ipairs { base, call } do
      for field, value in pairs(source) do
        row[field] = value
      end
    end
    row.name = ("%s: %s"):format(call.name or call.method or "GET", base.name)
    rows[index] = row
  end
  return rows
end

--- Puts lists of rows behind one another.
---@param ... support.Row[]
---@return support.Row[]
function matrix.join(...)
  local rows = {}
  for _, list in ipairs { ... } do
    table.move(list, 1, #list, #rows + 1, rows)
  end
  return rows
end

--- A GET and a POST of one fault, with what becomes of either.
---@param name string
---@param steps table[]  what every request meets
---@param read support.Want
---@param write support.Want
---@param more? table  further fields of both rows
---@return support.Row[]
function matrix.both(name, steps, read, write, more)
  local base = { name = name, server = { entries = { steps } } }
  for field, value in pairs(more or {}) do
    base[field] = value
  end
  return matrix.each(base, {
    { want = read },
    { method = "POST", call = { data = { a = 1 } }, want = write },
  })
end

return matrix
