-- What an engine keeps: connections, TLS sessions, addresses of names; and how many of them.
local accs = require "accs"
local fault = require "spec.support.fault"
local native = require "spec.support.native"
local nginx = require "spec.support.nginx"
local run = require "spec.support.run"
local support = require "spec.support"

local function options_of(base_url, extra)
  local options = { base_url = base_url, access_token = "example", dotenv = false, timeout = 10,
    ca_file = nginx.certificates().ca }
  for name, value in pairs(extra or {}) do
    options[name] = value
  end
  return accs.client(options)
end

-- So many reads at the same time; all must succeed.
local function burst(client, count, path)
  local jobs = {}
  for index = 1, count do
    jobs[index] = index
  end
  assert(accs.map(jobs, function()
    return client:get(path or "/V1/x")
  end, { concurrency = count }))
end

-- Waits until f gives true, at most two seconds.
local function eventually(f)
  for _ = 1, 100 do
    if f() then
      return true
    end
    accs.sleep(0.02)
  end
  return false
end

describe("TLS sessions", function()
  local box
  setup(function() box = support.sandbox { products = 1 } end)
  teardown(function() box:close() end)

  local function front_client(front, extra)
    -- libcurl 7.88 takes no session of an HTTP/2 connection that was closed.
    local given = { ca_file = front.certificates.ca, http_version = "1.1",
      base_url = front:address(box.env.API_ENDPOINT) }
    for name, value in pairs(extra or {}) do
      given[name] = value
    end
    return box:client(given)
  end

  local function resumed(front, count)
    local marks = {}
    for index, request in ipairs(front:requests(count)) do
      marks[index] = request.resumed and "r" or "."
    end
    return table.concat(marks)
  end

  for _, version in ipairs { "TLSv1.2", "TLSv1.3" } do
    it("are shared by the clients of an engine, not by engines: " .. version, function()
      local front <close> = support.nginx { port = box.port, tls = version,
        server = "keepalive_timeout 0; ssl_session_cache shared:sessions:1m;" }
      local engine = accs.engine {}
      local one <close> = front_client(front, { engine = engine })
      assert(one:get("/V1/store/storeConfigs"))
      assert(one:get("/V1/store/storeConfigs"))
      local two <close> = front_client(front, { engine = engine })
      assert(two:get("/V1/store/storeConfigs"))
      local other <close> = front_client(front, { engine = accs.engine {} })
      assert(other:get("/V1/store/storeConfigs"))
      assert.equal(".rr.", resumed(front, 4))
      assert.equal(version, front:requests()[1].tls)
    end)
  end

  it("are resumed by connections of a burst, whichever handle makes them", function()
    local front <close> = support.nginx { port = box.port }
    local client <close> = front_client(front, { engine = accs.engine {} })
    assert(client:get("/V1/store/storeConfigs"))
    burst(client, 8, "/V1/store/storeConfigs")
    local resumed_count = 0 -- how many depends on when the new sessions arrive
    for _, request in ipairs(front:requests(9)) do
      resumed_count = resumed_count + (request.resumed and 1 or 0)
    end
    assert.is_true(resumed_count > 0)
  end)
end)

describe("connections", function()
  local server
  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function() server:clear() end)

  -- A tenant on a port of its own; its answers take a while, so that calls overlap.
  local function slow_port(name, seconds)
    return "http://127.0.0.1:" .. server:listen { name = name,
      entries = { { { "sleep", seconds or 0.1 }, fault.ok[1] } } }
  end

  it("of a burst are there for the next one, by default", function()
    local entries = {}
    for index = 1, 8 do -- they end one after the other
      entries[index] = { { "sleep", 0.1 + 0.02 * index }, fault.ok[1] }
    end
    local client <close> = options_of("http://127.0.0.1:" .. server:listen { name = "many",
      entries = entries }, { engine = accs.engine {} })
    burst(client, 8)
    assert.equal(8, server:accepted "many")
    burst(client, 8)
    assert.equal(8, server:accepted "many")
    assert.equal(16, #server:requests "many")
  end)

  it("are as many at a time as max_connections allows for a host", function()
    local engine = accs.engine { max_connections = 2 }
    local client <close> = options_of(slow_port "two", { engine = engine })
    burst(client, 6)
    assert.equal(2, server:accepted "two")
    assert.equal(6, #server:requests "two")
    local other <close> = options_of(slow_port "other", { engine = engine })
    burst(other, 6)
    assert.equal(2, server:accepted "other") -- another host counts by itself
  end)

  it("are as many at a time as max_total_connections allows for all hosts", function()
    local engine = accs.engine { max_total_connections = 3 }
    local one <close> = options_of(slow_port("one", 0.3), { engine = engine })
    local two <close> = options_of(slow_port("two", 0.3), { engine = engine })
    local open
    assert(accs.all {
      function() burst(one, 3) end,
      function() burst(two, 3) end,
      function()
        accs.sleep(0.15)
        open = server:accepted "one" + server:accepted "two"
      end,
    })
    assert.equal(3, open)
    assert.equal(6, #server:requests "one" + #server:requests "two")
  end)

  local ONE = { host = { max_connections = 1 }, all = { max_total_connections = 1 } }
  for name, limits in pairs(ONE) do
    it("are waited for outside the limits of connecting and of silence: " .. name, function()
      local client <close> = options_of(slow_port("line " .. name, 0.5), {
        engine = accs.engine(limits), connect_timeout = 1, idle_timeout = 1, attempts = 1 })
      burst(client, 5)
      assert.equal(1, server:accepted("line " .. name))
    end)
  end

  it("that are idle are as many as max_idle_connections allows", function()
    local client <close> = options_of(slow_port "idle", {
      engine = accs.engine { max_idle_connections = 2 } })
    burst(client, 6)
    assert.equal(6, server:accepted "idle")
    assert.is_true(eventually(function() return server:ended "idle" == 4 end))
    assert(client:get("/V1/x"))
    assert.equal(6, server:accepted "idle")
  end)

  it("that are idle for longer than max_idle_time are not used again", function()
    local url = slow_port("aged", 0)
    for seconds, accepted in pairs { [1] = 2, [60] = 1 } do
      local before = server:accepted "aged"
      local client <close> = options_of(url, { engine = accs.engine { max_idle_time = seconds } })
      assert(client:get("/V1/x"))
      accs.sleep(2.1) -- libcurl counts whole seconds
      assert(client:get("/V1/x"))
      assert.equal(accepted, server:accepted "aged" - before)
    end
  end)

  it("that the server closed meanwhile cost a new one, and nothing else", function()
    local box <close> = support.sandbox { products = 1 }
    local front <close> = support.nginx { port = box.port, server = "keepalive_timeout 1s;" }
    for _, version in ipairs { "1.1", "2" } do
      local before = #front:requests()
      local client <close> = box:client { base_url = front:address(box.env.API_ENDPOINT),
        ca_file = front.certificates.ca, http_version = version, engine = accs.engine {} }
      for round = 1, 2 do
        for _, method in ipairs { "GET", "DELETE", "POST" } do
          local path = method == "GET" and "/V1/store/storeConfigs" or "/V1/products/nothing"
          local res, err = client:request { method = method, path = path, idempotent = false }
          assert.equal(1, (res or err).attempts)
          assert.is_true(res ~= nil or err.kind == "http", tostring(err))
        end
        accs.sleep(round == 1 and 1.5 or 0)
      end
      local seen = {}
      for index, request in ipairs(front:requests(before + 6)) do
        if index > before then
          seen[#seen + 1] = request.method
        end
      end
      assert.same({ "GET", "DELETE", "POST", "GET", "DELETE", "POST" }, seen)
    end
  end)

  it("carry a large body without waiting for the server to say go on", function()
    local port = server:listen { name = "large", entries = { fault.ok } }
    local client <close> = options_of("http://127.0.0.1:" .. port)
    assert(client:get("/V1/x"))
    assert(client:post("/V1/x", ("x"):rep(1500000), { raw = true }))
    local request = server:requests("large")[2]
    assert.equal(1500000, request.body_len)
    assert.is_nil(request.head:lower():find("expect:", 1, true))
  end)

  for version, host in pairs { [4] = "127.0.0.1", [6] = "::1" } do
    it("are made with IPv" .. version .. " alone where ip_version says so", function()
      local four = server:listen { name = "four" }
      server:listen { name = "six", host = "::1", port = four }
      local url = ("http://localhost:%d"):format(four)
      local engine = accs.engine {}
      local any <close> = options_of(url, { engine = engine })
      local only <close> = options_of(url, { engine = engine, ip_version = version })
      local opposite <close> = options_of(url, { engine = engine, ip_version = 10 - version })
      assert(any:get("/V1/x")) -- its connection and its addresses are there for the others
      assert(opposite:get("/V1/x"))
      local names = { [4] = "four", [6] = "six" }
      local before = #server:requests(names[version])
      assert(only:get("/V1/x"))
      assert.equal(before + 1, #server:requests(names[version]), host)
      assert.equal(3, #server:requests "four" + #server:requests "six")
    end)
  end
end)

-- In a network of its own, with a name server that writes down what it is asked.
describe("addresses of names", function()
  local SERVER = [[
    local socket = require "socket"
    local udp = assert(socket.udp())
    assert(udp:setsockname("127.0.0.1", 53))
    local log = assert(io.open(arg[1], "w"))
    while true do
      local query, ip, port = udp:receivefrom()
      local kind = string.unpack(">I2", query, #query:match("^............[^%z]+%z") + 1)
      log:write(kind, "\n")
      log:flush()
      local question = query:sub(13, (select(2, query:find("%z.%z.", 13))))
      local answer = kind == 1 and "\xc0\x0c\0\1\0\1\0\0\1\0\0\4\127\0\0\1" or ""
      udp:sendto(query:sub(1, 2) .. "\x81\x80\0\1\0" .. (kind == 1 and "\1" or "\0")
        .. "\0\0\0\0" .. question .. answer, ip, port)
    end
  ]]
  local PROGRAM = [[
    local accs = require "accs"
    local function asked()
      local count = 0
      for line in io.lines(os.getenv "LOG") do
        count = count + (line == "1" and 1 or 0)
      end
      return count
    end
    local function client(engine)
      return accs.client { dotenv = false, access_token = "example", attempts = 1, engine = engine,
        base_url = "https://api.example.com:1/x" }
    end
    local engine = accs.engine { dns_cache_time = 1 }
    local one, two, other = client(engine), client(engine), client(accs.engine {})
    print(one:get("/V1/x"))
    one:post("/V1/x")
    two:get("/V1/x")
    print(asked())
    other:get("/V1/x")
    print(asked())
    accs.sleep(2.1)
    two:get("/V1/x")
    other:get("/V1/x")
    print(asked())
  ]]
  local PREFIX = { "unshare", run.first_line("id -u") == "0" and "-mnu" or "-rmnu", "sh", "-c", [[
    echo nowhere.example.com >/proc/sys/kernel/hostname
    ip link set lo up
    [ ! -e /etc/resolv.conf ] || mount --bind "$RESOLV" /etc/resolv.conf
    lua5.4 "$DNS" "$LOG" & pid=$!
    while [ ! -e "$LOG" ]; do sleep 0.01; done
    "$0" "$@"; kill $pid]] }

  it("are kept for dns_cache_time, by engine", function()
    local dir <close> = run.temp_dir()
    local result = native.run(PROGRAM, { prefix = PREFIX, env = {
      RESOLV = run.write_file(dir.path .. "/resolv.conf", "nameserver 127.0.0.1\n"),
      DNS = run.write_file(dir.path .. "/dns.lua", SERVER), LOG = dir.path .. "/log" } })
    assert.equal("", result.err)
    assert.matches("no connection to the server", result.out)
    assert.matches("\n1\n2\n3\n$", result.out)
  end)
end)
