-- Proxies: what goes to them, what they must never see, and what is said when they refuse. The
-- proxy and the server behind it are ports of the fault server.
local accs = require "accs"
local fault = require "spec.support.fault"
local h2 = require "spec.support.h2"
local native = require "spec.support.native"
local nginx = require "spec.support.nginx"
local support = require "spec.support"

local USER, PASSWORD = "jane", "pa55@word"
local IN_ADDRESS = "jane:pa55%40word"
local BASIC = "amFuZTpwYTU1QHdvcmQ="
local TOKEN = "canary-token"

local OPENED = { "send", fault.head "200 Connection established" }

local function tls()
  return { certificate = nginx.certificates().path .. "/good" }
end

-- A server over TLS, and the address of its tenant.
local function secure_server(server, entries)
  local port = server:listen { name = "server", tls = tls(), entries = entries }
  return port, ("https://localhost:%d/tenant"):format(port)
end

-- A proxy that answers each CONNECT by opening a tunnel to a port.
local function open_proxy(server, port, extra)
  local given = { name = "proxy", entries = { { OPENED, { "tunnel", port } } } }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  return server:listen(given)
end

local function settings(base_url, extra)
  local options = {
    base_url = base_url, access_token = TOKEN, client_id = "canary-id", org_id = "canary-org",
    dotenv = false, ca_file = nginx.certificates().ca, timeout = 10, backoff = 0.01,
  }
  for name, value in pairs(extra or {}) do
    options[name] = value or nil
  end
  return options
end

local function hidden(text)
  for _, secret in ipairs { PASSWORD, "pa55", BASIC, TOKEN } do
    assert.is_nil(text:find(secret, 1, true), "a secret in: " .. text)
  end
end

describe("a proxy of the option proxy", function()
  local server, port, base_url

  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function()
    server:clear()
    port, base_url = secure_server(server)
  end)

  it("gets CONNECT and its own password; the server gets the rest", function()
    local proxy = open_proxy(server, port)
    local client <close> = accs.client(settings(base_url, {
      proxy = ("http://%s@127.0.0.1:%d"):format(IN_ADDRESS, proxy) }))
    assert.equal(200, assert(client:get("/V1/x")).status)
    assert(client:post("/V1/x", { a = 1 }))
    local asked = server:requests("proxy")
    assert.equal(1, #asked) -- one tunnel, two requests
    assert.equal("CONNECT", asked[1].method)
    assert.equal("localhost:" .. port, asked[1].target)
    local head = asked[1].head:lower()
    assert.is_truthy(asked[1].head:find("\r\nProxy-Authorization: Basic " .. BASIC, 1, true))
    for _, name in ipairs { "\r\nauthorization:", "x-api-key", "x-gw-ims-org-id", "canary" } do
      assert.is_nil(head:find(name, 1, true), name)
    end
    for _, request in ipairs(server:requests("server")) do
      assert.is_truthy(request.head:find("\r\nAuthorization: Bearer " .. TOKEN .. "\r\n", 1, true))
      assert.is_nil(request.head:lower():find("proxy-authorization", 1, true))
      assert.equal("/tenant/V1/x", request.target)
    end
    hidden(tostring(client))
  end)

  it("carries HTTP/2 too", function()
    local secure = tls()
    secure.alpn = "h2"
    local backend = server:listen { name = "h2", tls = secure, entries = { h2.ok } }
    local proxy = open_proxy(server, backend)
    local client <close> = accs.client(settings("https://localhost:" .. backend, {
      proxy = "http://127.0.0.1:" .. proxy, http_version = "2" }))
    assert(client:get("/V1/x"))
    assert(client:get("/V1/x"))
    assert.equal("h2", server:requests("h2")[2].protocol)
    assert.equal(1, #server:requests("proxy"))
  end)

  it("opens a tunnel for each password, and for none", function()
    local proxy = open_proxy(server, port)
    for index, user in ipairs { "jane:one@", "jane:two@", "" } do
      local client <close> = accs.client(settings(base_url, {
        proxy = ("http://%s127.0.0.1:%d"):format(user, proxy) }))
      assert(client:get("/V1/x"))
      assert.equal(index, #server:requests("proxy"))
    end
  end)

  it("is spoken to over TLS where its address says https", function()
    local proxy = open_proxy(server, port, { tls = tls() })
    local client <close> = accs.client(settings(base_url, {
      proxy = ("https://%s@localhost:%d"):format(IN_ADDRESS, proxy) }))
    assert(client:get("/V1/x"))
    assert.equal(1, #server:requests("proxy"))
    assert.equal(1, #server:requests("server"))
  end)

  it("is trusted like a server: not with another authority's certificate", function()
    local proxy = open_proxy(server, port, { tls = {
      certificate = nginx.certificates().path .. "/self-signed" } })
    local client <close> = accs.client(settings(base_url, {
      proxy = ("https://%s@localhost:%d"):format(IN_ADDRESS, proxy) }))
    local _, err = client:post("/V1/x", {})
    assert.equal("tls", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.matches("proxy's certificate", err.message)
    assert.equal(0, #server:requests("proxy"))
    hidden(tostring(err))
  end)

  it("may speak SOCKS 5, and is told the server's name", function()
    local proxy = server:listen { name = "socks", accept = { {
      { "take" }, { "forget" }, { "send", "\5\0" },
      { "take" }, { "forget" }, { "send", "\5\0\0\1\0\0\0\0\0\0" }, { "tunnel", port },
    } } }
    local client <close> = accs.client(settings(base_url, {
      proxy = "socks5h://127.0.0.1:" .. proxy }))
    assert(client:get("/V1/x"))
    assert.equal(1, #server:requests("server"))
  end)

  it("that speaks SOCKS 5 and wants a password says so", function()
    local proxy = server:listen { name = "socks", accept = { {
      { "take" }, { "forget" }, { "send", "\5\255" }, { "sleep", 0.2 }, { "close" } } } }
    local client <close> = accs.client(settings(base_url, {
      proxy = "socks5h://127.0.0.1:" .. proxy }))
    local _, err = client:get("/V1/x")
    assert.equal("auth", err.kind)
    assert.matches("password", tostring(err))
    assert.matches("proxy", err.hint)
    assert.equal(1, server:accepted("socks"))
  end)

  it("is passed by for what no_proxy names", function()
    local proxy = open_proxy(server, port)
    for no_proxy, connects in pairs { localhost = 0, ["*"] = 0, ["example.com"] = 1 } do
      local before = #server:requests("proxy")
      local client <close> = accs.client(settings(base_url, {
        engine = accs.engine {}, proxy = "http://127.0.0.1:" .. proxy, no_proxy = no_proxy }))
      assert(client:get("/V1/x"))
      assert.equal(connects, #server:requests("proxy") - before, no_proxy)
    end
  end)

  it("on another machine is not used for plain http to this one", function()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { access_token = TOKEN, attempts = 1,
      proxy = "http://proxy.example.com:3128" }
    assert(client:get("/V1/x"))
    assert.equal(1, server:count("/V1/x"))
  end)

  it("is used for the token too; clients with different ones share none", function()
    local token = fault.reply(200, '{"access_token":"t","token_type":"bearer","expires_in":86399}')
    local ims_port = server:listen { name = "ims", tls = tls(), entries = { { token } } }
    local proxy = open_proxy(server, ims_port, { name = "to-ims" })
    local ims = ("https://localhost:%d"):format(ims_port)
    local function tokens_asked()
      local count = 0
      for _, request in ipairs(server:requests("ims")) do
        count = count + (request.target == "/ims/token/v3" and 1 or 0)
      end
      return count
    end
    local function new(with_proxy)
      return accs.client(settings(ims .. "/tenant", { access_token = false, ims_url = ims,
        client_secret = "canary-secret", proxy = with_proxy and "http://127.0.0.1:" .. proxy }))
    end
    local one <close> = new(true)
    local same <close> = new(true)
    local other <close> = new(false)
    assert(one:get("/V1/x"))
    assert(same:get("/V1/x"))
    assert.equal(1, tokens_asked())
    assert.equal(1, #server:requests("to-ims")) -- one host here, so one tunnel serves both
    assert(other:get("/V1/x"))
    assert.equal(2, tokens_asked())
    assert.equal(1, #server:requests("to-ims"))
  end)
end)

describe("a proxy that refuses", function()
  local server, port, base_url

  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function()
    server:clear()
    port, base_url = secure_server(server)
  end)

  local cases = {
    { status = 407, kind = "auth", count = 1, words = "user name and password", hint = "proxy" },
    { status = 403, kind = "gateway", count = 1, words = "proxy refuses", hint = "." },
    { status = 400, kind = "gateway", count = 1, words = "proxy refuses", hint = "." },
    { status = 502, kind = "network", count = 4, words = "proxy gave no", hint = "proxy" },
    { status = 503, kind = "network", count = 4, words = "proxy gave no", hint = "proxy" },
    { status = 302, kind = "network", count = 4, words = "proxy gave no", hint = "proxy" },
  }
  for _, case in ipairs(cases) do
    for _, method in ipairs { "GET", "POST" } do
      it(("with HTTP %d is blamed, not the server: %s"):format(case.status, method), function()
        local refusal = fault.reply(case.status, "<html>canary page</html>", {
          ["Content-Type"] = "text/html", ["Proxy-Authenticate"] = 'Basic realm="example"',
          ["Location"] = "https://example.com/" })
        local proxy = server:listen { name = "proxy", entries = { { refusal } } }
        local told = {}
        local client <close> = accs.client(settings(base_url, {
          proxy = ("http://%s@127.0.0.1:%d"):format(IN_ADDRESS, proxy),
          on_event = function(event)
            for _, value in pairs(event) do
              told[#told + 1] = tostring(value)
            end
          end }))
        local res, err = client:request { method = method, path = "/V1/x" }
        assert.is_nil(res)
        assert.equal(case.kind, err.kind)
        assert.equal("not_sent", err.outcome)
        assert.equal(0, err.attempts)
        assert.matches(case.words, err.message)
        assert.matches(tostring(case.status), err.message)
        assert.matches(case.hint, err.hint)
        assert.equal(case.count, #server:requests("proxy"))
        assert.equal(0, #server:requests("server"))
        hidden(tostring(err) .. err.url .. table.concat(told, "\n"))
      end)
    end
  end

  it("the token request is told from IMS that refuses", function()
    local proxy = server:listen { name = "proxy", entries = { { fault.reply(407) } } }
    local options = settings(base_url, { access_token = false, client_secret = "canary-secret",
      ims_url = ("https://localhost:%d"):format(port), proxy = "http://127.0.0.1:" .. proxy })
    local client <close> = accs.client(options)
    local _, err = client:get("/V1/x")
    assert.equal("auth", err.kind)
    assert.equal(407, err.status)
    assert.matches("^no access token: the proxy asks for", err.message)
    assert.matches("password of the proxy", err.hint)
    assert.equal(1, #server:requests("proxy"))
  end)

  it("once is not blamed for it again, when later its connection breaks", function()
    local proxy = server:listen { name = "proxy", entries = { { fault.reply(407), { "close" } },
      { { "close" } }, { { "reset" } } } }
    local client <close> = accs.client(settings(base_url, {
      attempts = 1, proxy = "http://127.0.0.1:" .. proxy }))
    local _, first = client:get("/V1/x")
    assert.equal("auth", first.kind)
    for count = 2, 3 do
      local _, err = client:get("/V1/x")
      assert.equal("network", err.kind)
      assert.is_nil(err.status)
      assert.equal(count, #server:requests("proxy"))
    end
  end)

  it("in front of plain http is answered like a CONNECT", function()
    local proxy = server:listen { name = "proxy", entries = { {
      fault.reply(407, "<html>", { ["Content-Type"] = "text/html" }) } } }
    local client <close> = server:client { access_token = TOKEN,
      proxy = ("http://%s@127.0.0.1:%d"):format(IN_ADDRESS, proxy) }
    local _, err = client:get("/V1/x")
    assert.equal("auth", err.kind)
    assert.equal(407, err.status)
    assert.matches("password of the proxy", err.hint)
    hidden(tostring(err))
  end)
end)

describe("a proxy of the environment", function()
  local server, port, base_url

  local PROGRAM = [[
    local accs = require "accs"
    local client <close> = accs.client { dotenv = false, access_token = "canary-token",
      attempts = 1, no_proxy = os.getenv "OPTION",
      on_event = function(event) for _, value in pairs(event) do print(value) end end }
    local res, err = client:get("/V1/x")
    print(res and res.status or err)
  ]]

  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function()
    server:clear()
    port, base_url = secure_server(server)
  end)

  local function program(variables)
    local env = { API_ENDPOINT = base_url, ACCS_CA_FILE = nginx.certificates().ca }
    for name, value in pairs(variables) do
      env[name] = value
    end
    local result = native.run(PROGRAM, { env = env })
    assert.equal("", result.err)
    hidden(result.out)
    return result.out
  end

  for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ACCS_PROXY" } do
    it("is used for https: " .. name, function()
      local proxy = open_proxy(server, port)
      local out = program { [name] = ("http://%s@127.0.0.1:%d"):format(IN_ADDRESS, proxy) }
      assert.matches("200\n$", out)
      local asked = server:requests("proxy")
      assert.equal(1, #asked)
      assert.is_truthy(asked[1].head:find("Basic " .. BASIC, 1, true))
    end)
  end

  it("is passed by for what no_proxy, NO_PROXY or the option names", function()
    local proxy = open_proxy(server, port)
    for _, name in ipairs { "no_proxy", "NO_PROXY", "ACCS_NO_PROXY", "OPTION" } do
      assert.matches("200\n$", program { https_proxy = "http://127.0.0.1:" .. proxy,
        [name] = "example.org,localhost" })
      assert.equal(0, #server:requests("proxy"), name)
    end
    program { https_proxy = "http://127.0.0.1:" .. proxy, no_proxy = "localhost",
      OPTION = "example.org" }
    assert.equal(1, #server:requests("proxy")) -- the option is the stronger word
  end)

  it("that is for http alone is not used for https, and not shown", function()
    local proxy = open_proxy(server, port)
    for _, name in ipairs { "http_proxy", "HTTP_PROXY" } do
      assert.matches("200\n$",
        program { [name] = ("http://%s@127.0.0.1:%d"):format(IN_ADDRESS, proxy) })
    end
    assert.equal(0, server:accepted("proxy"))
  end)

  it("that refuses keeps its password", function()
    local proxy = server:listen { name = "proxy", entries = { { fault.reply(407) } } }
    assert.matches("accs: auth: the proxy asks for",
      program { https_proxy = ("http://%s:%s@127.0.0.1:%d"):format(USER, "pa55", proxy) })
  end)

  it("is in no line of the log, whatever becomes of the call", function()
    local good = open_proxy(server, port)
    local bad = server:listen { name = "bad", entries = { { fault.reply(407) } } }
    for _, number in ipairs { good, bad, 1 } do
      local result = support.run { "accs", "get", "/V1/x", env = {
        API_ENDPOINT = base_url, ACCS_CA_FILE = nginx.certificates().ca, ACCS_ATTEMPTS = "1",
        ACCS_ACCESS_TOKEN = TOKEN, ACCS_LOG = "debug",
        ACCS_PROXY = ("http://%s@127.0.0.1:%d"):format(IN_ADDRESS, number) } }
      assert.matches("request", result.err)
      hidden(result.err .. result.out)
    end
    assert.equal(1, #server:requests("bad"))
  end)

  it("that is not there keeps its password", function()
    assert.matches("accs: network: ",
      program { https_proxy = ("http://%s@127.0.0.1:1"):format(IN_ADDRESS) })
  end)
end)

describe("the password of a proxy", function()
  it("is not taken from the command line", function()
    local result = support.run { "accs", "get", "/V1/x", "--proxy",
      ("http://%s@127.0.0.1:1"):format(IN_ADDRESS) }
    assert.equal(2, result.code)
    assert.matches("^accs: %-%-proxy: [^\n]*ACCS_PROXY\n$", result.err)
    hidden(result.err .. result.out)
  end)
end)

describe("a .netrc", function()
  it("does not replace the token", function()
    local server <close> = fault.start()
    local port, base_url = secure_server(server)
    local home <close> = support.temp_dir()
    support.write_file(home.path .. "/.netrc",
      "machine localhost login jane password pa55\ndefault login jane password pa55\n")
    assert(os.execute("chmod 600 " .. support.quote(home.path .. "/.netrc")))
    local result = native.run([[
      local client = require("accs").client { dotenv = false, access_token = "canary-token" }
      print(assert(client:get("/V1/x")).status, assert(client:post("/V1/x", {})).status)
    ]], { env = { HOME = home.path, API_ENDPOINT = base_url,
      ACCS_CA_FILE = nginx.certificates().ca } })
    assert.equal("200\t200\n", result.out)
    local requests = server:requests("server")
    assert.equal(2, #requests, port)
    for _, request in ipairs(requests) do
      local _, count = request.head:gsub("\r\nAuthorization:", "")
      assert.equal(1, count)
      assert.is_truthy(request.head:find("\r\nAuthorization: Bearer " .. TOKEN .. "\r\n", 1, true))
    end
  end)
end)
