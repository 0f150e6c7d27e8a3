-- The listener for the redirect of a sign-in, as real clients meet it.
local core = require "accs.core"
local socket = require "socket"
local everybody = require "spec.support.everybody"
local support = require "spec.support"

local SLOW = tonumber(os.getenv("SPEC_SLOW")) or 1

-- A listener in a process of its own: what is asked of it meets a wait that goes on.
local function listen(scheme, host)
  local port = support.free_port()
  local uri = ("%s://%s:%d/callback"):format(scheme, host or "localhost", port)
  local child = support.start { "lua5.4", "spec/support/listener.lua", uri }
  if child:read_line() ~= "up" then
    child:close()
    error("no listener: " .. child:errors(), 2)
  end
  return child, port, uri
end

local function curl(...)
  local words = { "curl", "-sk", "--max-time", "20", "-w", " %{http_code}", ... }
  words.timeout = 30 * SLOW
  return support.run(words)
end

-- Whether the redirect still gets through; ends the listener.
local function assert_goes_on(child, uri)
  local result = curl(uri .. "?code=good&state=x")
  assert.matches("Signed in", result.out, 1, true)
  assert.matches(" 200$", result.out)
  assert.equal("redirect\tcode=good&state=x", child:read_line())
  assert.equal(0, child:close())
end

-- A plain connection that does not wait for long.
local function dial(port)
  local client = assert(socket.tcp())
  client:settimeout(15 * SLOW)
  assert(client:connect("127.0.0.1", port))
  return client
end

-- All that comes until the end, and how that was.
local function hear(client)
  local all, problem, part = client:receive("*a")
  return all or part, all and "closed" or problem
end

for _, scheme in ipairs { "http", "https" } do
  describe("a listener for " .. scheme, function()
    it("gives out the query of the redirect and shows the browser a page", function()
      local child, _, uri = listen(scheme)
      assert_goes_on(child, uri)
    end)

    it("can be reached over both families", function()
      local child, port, uri = listen(scheme)
      for _, number in ipairs { "127.0.0.1", "::1" } do
        local result = curl("--connect-to", ("localhost:%d:%s:%d"):format(port,
          number:find(":") and "[::1]" or number, port), uri .. "?code=bad")
        assert.matches("Not this sign-in", result.out, 1, true)
        assert.matches(" 400$", result.out)
        assert.equal("redirect\tcode=bad", child:read_line())
      end
      assert_goes_on(child, uri)
    end)

    it("neither ends nor shows success for a wrong hit", function()
      local child, _, uri = listen(scheme)
      local result = curl(uri .. "?code=other")
      assert.matches("Not this sign-in", result.out, 1, true)
      assert.is_nil(result.out:find("Signed in", 1, true))
      assert.equal("redirect\tcode=other", child:read_line())
      assert.matches("Not signed in", curl(uri .. "?failed").out, 1, true)
      assert.equal("redirect\tfailed", child:read_line())
      assert_goes_on(child, uri)
    end)

    local CASES = {
      { "another path", 404, function(origin) return { origin .. "/" } end },
      { "a browser's wish for an icon", 404,
        function(origin) return { origin .. "/favicon.ico" } end },
      { "a POST", 405, function(_, uri) return { "-d", "code=good", uri .. "?code=good" } end },
      { "a PUT", 405, function(_, uri) return { "-X", "PUT", uri .. "?code=good" } end },
      { "a foreign Host", 421, function(_, uri)
        return { "-H", "Host: evil.example.com", uri .. "?code=good" }
      end },
      { "HEAD", 204, function(_, uri) return { "--head", uri .. "?code=good" } end },
      { "HEAD of another path", 404, function(origin) return { "--head", origin .. "/x" } end },
      { "a large POST", 405, function(_, uri)
        return { "-d", ("x"):rep(100000), uri .. "?code=good" }
      end },
    }
    for _, case in ipairs(CASES) do
      it("answers " .. case[1] .. " and goes on", function()
        local child, _, uri = listen(scheme)
        local result = curl(table.unpack(case[3](uri:gsub("/callback$", ""), uri)))
        assert.matches((" %d$"):format(case[2]), result.out)
        assert.equal(0, result.code)
        assert_goes_on(child, uri)
      end)
    end

    it("speaks HTTP/1.0 too", function()
      local child, _, uri = listen(scheme)
      local result = curl("--http1.0", uri .. "?code=good&state=y")
      assert.matches("Signed in", result.out, 1, true)
      assert.equal("redirect\tcode=good&state=y", child:read_line())
      assert.equal(0, child:close())
    end)

    it("reads standard input beside it", function()
      local child, _, uri = listen(scheme)
      child:write("one\n")
      assert.equal("input\tone", child:read_line())
      assert.equal("", child:read_line()) -- the line's end
      curl(uri .. "?code=other")
      assert.equal("redirect\tcode=other", child:read_line())
      child:write("two\n")
      assert.equal("input\ttwo", child:read_line())
      assert.equal(0, child:close())
    end)

    it("takes a redirect in pieces", function()
      if scheme == "https" then
        return -- curl cuts nothing; the C test does
      end
      local child, port, uri = listen(scheme)
      local client = dial(port)
      client:setoption("tcp-nodelay", true)
      for byte in ("GET /callback?code=slow HTTP/1.1\r\nHost: localhost:%d\r\n\r\n")
        :format(port):gmatch(".") do
        assert(client:send(byte))
      end
      assert.matches("Not this sign-in", (hear(client)), 1, true)
      assert.equal("redirect\tcode=slow", child:read_line())
      client:close()
      assert_goes_on(child, uri)
    end)

    it("refuses a head of a megabyte, and lets nobody wait for it", function()
      local child, port, uri = listen(scheme, scheme == "http" and "localhost" or nil)
      local result = curl("-H", "X-Long: " .. ("x"):rep(100000), uri .. "?code=good")
      assert.matches("[ ]?431$", result.out)
      if scheme == "http" then
        local client = dial(port)
        client:settimeout(5 * SLOW)
        client:send("GET /callback?code=good HTTP/1.1\r\nX: " .. ("x"):rep(1 << 20))
        assert.matches("^HTTP/1.1 431 ", (hear(client)))
        client:close()
      end
      assert_goes_on(child, uri)
    end)
  end)
end

describe("a listener for https", function()
  it("tells a plain request that it wants TLS, and never takes a code from it", function()
    local child, port, uri = listen("https")
    local result = curl(("http://localhost:%d/callback?code=good"):format(port))
    assert.matches("begins with https", result.out, 1, true)
    assert.matches(" 403$", result.out)
    assert_goes_on(child, uri)
  end)

  it("has a certificate for this machine alone, for a day", function()
    local child, port, uri = listen("https")
    local script = ("openssl s_client -connect 127.0.0.1:%d </dev/null 2>/dev/null "
      .. "| openssl x509 -noout -text -checkend %%d"):format(port)
    local now = support.run { "sh", "-c", script:format(0) }
    assert.equal(0, now.code)
    assert.matches("DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1", now.out, 1,
      true)
    assert.matches("Public%-Key: %(256 bit%)", now.out)
    assert.matches("CA:FALSE", now.out, 1, true)
    assert.matches("TLS Web Server Authentication", now.out, 1, true)
    assert.equal(1, support.run { "sh", "-c", script:format(86400) }.code) -- over by then
    assert_goes_on(child, uri)
  end)

  it("is trusted by a client that was given its certificate, by each of its names", function()
    local child, port, uri = listen("https")
    local dir <close> = support.temp_dir()
    local pem = dir.path .. "/cert.pem"
    support.run { "sh", "-c", ("openssl s_client -connect 127.0.0.1:%d </dev/null 2>/dev/null "
      .. "| openssl x509 -out %s"):format(port, pem) }
    for name, status in pairs { localhost = 404, ["127.0.0.1"] = 421, ["[::1]"] = 421 } do
      local result = support.run { "curl", "-s", "--cacert", pem, "-o", "/dev/null", "-w",
        "%{http_code}", ("https://%s:%d/x"):format(name, port) }
      assert.equal(tostring(status), result.out)
    end
    assert_goes_on(child, uri)
  end)

  for protocol, fine in pairs { ["-tls1_1"] = false, ["-tls1_2"] = true, ["-tls1_3"] = true } do
    it((fine and "speaks " or "does not speak ") .. protocol, function()
      local child, port, uri = listen("https")
      local result = support.run { "sh", "-c", ("openssl s_client %s -cipher ALL:@SECLEVEL=0 "
        .. "-connect 127.0.0.1:%d </dev/null"):format(protocol, port) }
      assert.equal(fine, result.code == 0)
      assert_goes_on(child, uri)
    end)
  end

  it("makes another certificate each time", function()
    local seen = {}
    for _ = 1, 2 do
      local child, port = listen("https")
      local result = support.run { "sh", "-c", ("openssl s_client -connect 127.0.0.1:%d </dev/null "
        .. "2>/dev/null | openssl x509 -noout -fingerprint -serial"):format(port) }
      seen[#seen + 1] = result.out
      assert.equal(0, child:close())
    end
    assert.matches("Fingerprint", seen[1], 1, true)
    assert.not_equal(seen[1], seen[2])
  end)
end)

describe("a client that does not get on", function()
  it("ends after ten seconds by itself, and the wait goes on", function()
    local plain, plain_port, plain_uri = listen("http")
    local tls, tls_port, tls_uri = listen("https")
    local function begin(name, port, bytes)
      local client = dial(port)
      client:send(bytes)
      return { name = name, client = client, begun = socket.gettime() }
    end
    local open = {
      begin("says nothing", plain_port, ""),
      begin("stops in its head", plain_port, "GET /callback?code=good HTTP/1.1\r\nHost: "),
      begin("says nothing to TLS", tls_port, ""),
      begin("stops in its handshake", tls_port, "\22\3\1\0\200\1\0\0\196\3\3"),
      begin("is plain and stops", tls_port, "GET / HTTP/1.1\r\n"),
    }
    local dripping = begin("drips", plain_port, "GET /callback?code=")
    local till = socket.gettime() + 14 * SLOW
    while dripping and socket.gettime() < till do
      dripping.client:settimeout(0.5)
      local _, problem = dripping.client:receive(1)
      if problem == "closed" or not dripping.client:send("x") then
        assert.is_true(socket.gettime() - dripping.begun >= 9.5, "it was ended too early")
        dripping = nil
      end
    end
    assert.is_nil(dripping, "a client that drips was not ended")
    for _, each in ipairs(open) do
      each.client:settimeout(3 * SLOW)
      local _, how = hear(each.client)
      assert.equal("closed", how, each.name)
      each.client:close()
    end
    assert_goes_on(plain, plain_uri)
    assert_goes_on(tls, tls_uri)
  end)

  it("is not waited for by those who come after it, however many there are", function()
    local child, port, uri = listen("https")
    local silent = {}
    for index = 1, 60 do
      silent[index] = dial(port)
    end
    local begun = socket.gettime()
    assert_goes_on(child, uri)
    assert.is_true(socket.gettime() - begun < 5 * SLOW)
    for _, client in ipairs(silent) do
      client:close()
    end
  end)

  it("may reset the connection anywhere", function()
    local child, port, uri = listen("http")
    for _, bytes in ipairs { "", "GET", "GET /callback?code=x HTTP/1.1\r\nHost: localhost:" .. port
      .. "\r\n\r\n" } do
      local client = dial(port)
      client:send(bytes)
      client:setoption("linger", { on = true, timeout = 0 })
      client:close()
    end
    local result = curl(uri .. "?code=good&state=z")
    assert.matches("Signed in", result.out, 1, true)
    child:close()
  end)
end)

describe("core.loopback", function()
  it("says what is wrong with a redirect URI or a port", function()
    local loopback, failure = core.loopback("https://shop.example.com/callback")
    assert.is_nil(loopback)
    assert.equal("config", failure.kind)
    local server <close> = setmetatable({ assert(socket.bind("127.0.0.1", 0)) }, { __close =
      function(held) held[1]:close() end })
    local _, port = server[1]:getsockname()
    loopback, failure = core.loopback(("http://localhost:%d/"):format(port))
    assert.is_nil(loopback)
    assert.equal("io", failure.kind)
    assert.matches("another program has it", failure.message, 1, true)
  end)

  -- Where the system lets everybody have them there is nothing to say.
  local first = tonumber(support.read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
  if first and first > 443 then
    it("says that ports below 1024 are not for everybody", function()
      local place = everybody.place()
      local words = place.words("-e",
        "print(select(2, require('accs.core').loopback('https://localhost/cb')).message)")
      words.env = place.env
      local result = support.run(words)
      place.remove()
      assert.matches("port 443 of localhost", result.out .. result.err, 1, true)
      assert.matches("ports below 1024", result.out, 1, true)
    end)
  end

  it("waits without a listener, for the time that it is given", function()
    local loopback <close> = assert(core.loopback())
    local begun = core.monotonic()
    assert.is_nil(loopback:wait(0.2))
    assert.is_true(core.monotonic() - begun >= 0.2)
    assert.is_nil(loopback:wait(0))
  end)

  it("raises when it is closed, and for a page that there is not", function()
    local loopback = assert(core.loopback())
    assert.has_error(function() loopback:answer("success") end)
    loopback:answer("accepted") -- nothing to answer
    loopback:close()
    loopback:close()
    assert.error_matches(function() loopback:wait(0) end, "closed", 1, true)
    assert.error_matches(function() loopback:answer("accepted") end, "closed", 1, true)
  end)
end)
