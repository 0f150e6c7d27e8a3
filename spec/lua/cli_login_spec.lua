-- `accs login`, `accs logout`, `accs token`: real processes against the sandbox.
local cjson = require "cjson"
local fault = require "spec.support.fault"
local redis = require "spec.support.redis"
local socket = require "socket"
local support = require "spec.support"

local browse = require("spec.support.sign_in").browse

local SLOW = tonumber(os.getenv("SPEC_SLOW")) or 1
local BOX = { products = 1, orders = 1, customers = 1, args = { "--as", "web" } }
local WAIT = tostring(20 * SLOW)

-- What the commands of one person need: variables, with a home of its own.
local function home_of(box, more)
  local dir = support.temp_dir()
  local env = { XDG_CACHE_HOME = dir.path, HOME = dir.path, BROWSER = false, DISPLAY = false,
    WAYLAND_DISPLAY = false,
    IMS_REDIRECT_URI = ("https://localhost:%d/signed-in"):format(support.free_port()) }
  for name, value in pairs(box.env) do
    env[name] = value
  end
  for name, value in pairs(more or {}) do
    env[name] = value
  end
  return { env = env, dir = dir, path = dir.path, uri = env.IMS_REDIRECT_URI }
end

-- Starts a sign-in; the address that it printed.
local function login(home, ...)
  local child = support.start({ "accs", "login", "--wait", WAIT, ... },
    { env = home.env, cwd = home.path })
  local url = child:read_line()
  return child, url
end

-- Waits for its end, which it comes to by itself; the exit code and what it said.
local function finish(child)
  local line = child:read_line()
  assert.is_nil(line)
  local code = child:close()
  return code, child:errors()
end

local function accs(home, ...)
  return support.run { "accs", env = home.env, cwd = home.path, timeout = 60 * SLOW, ... }
end

-- A browser that follows redirects, whatever the certificate.
local function follow(url)
  return support.run { "curl", "-skL", "--max-time", "20", url, timeout = 30 * SLOW }.out
end

-- The status that a call with a token gets.
local function use(home, token)
  return support.run { "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H",
    "Authorization: Bearer " .. token:gsub("\n", ""), "-H", "x-api-key: sandbox-web", "-H",
    "x-gw-ims-org-id: " .. home.env.IMS_ORG_ID,
    home.env.API_ENDPOINT .. "/V1/store/storeConfigs" }.out
end

local function is_signed_in(home)
  return accs(home, "token", "--auth", "user").code == 0
end

local function with_box(options, f)
  local box <close> = support.sandbox(options)
  local home = home_of(box)
  local _ <close> = home.dir
  return f(box, home)
end

describe("accs login", function()
  local PASTED = {
    ["the whole address"] = function(url) return url .. "\n" end,
    ["the whole address without a line end"] = function(url) return url, true end,
    ["the query"] = function(url) return url:match("%?(.*)$") .. "\n" end,
    ["the query with its mark, and blanks"] = function(url)
      return "  " .. url:match("%?.*$") .. " \r\n"
    end,
    ["a bare code with blanks"] = function(url)
      return " \n  " .. url:match("code=([^&]*)") .. "  \n"
    end,
    ["an address that a terminal broke in two"] = function(url)
      local at = url:find("&", 1, true)
      return url:sub(1, at - 1) .. "\n" .. url:sub(at) .. "\n"
    end,
    ["an address that a mail broke into pieces"] = function(url)
      return url:gsub(("."):rep(50), "%0\n") .. "\n"
    end,
    ["a query that was broken in two"] = function(url)
      local query = url:match("%?(.*)$")
      return query:sub(1, 16) .. "\n" .. query:sub(17) .. "\n"
    end,
    ["an address that ends too early, then all of it"] = function(url)
      return url:gsub("&.*", "") .. "\n" .. url .. "\n"
    end,
    ["a slip, then another sign-in's address, then the right one"] = function(url)
      return "yes\n" .. url:gsub("state=.*", "state=other") .. "\n" .. url .. "\n"
    end,
  }
  for name, paste in pairs(PASTED) do
    it("takes " .. name, function()
      with_box(BOX, function(box, home)
        local child, url = login(home)
        local text, ends = paste(browse(url))
        child:write(text)
        local code
        if ends then
          code = child:close()
        else
          code = finish(child)
        end
        assert.equal(0, code, child:errors())
        assert.matches("Signed in as Ada Example <ada@example.com>.\n", child:errors(), 1, true)
        assert.matches(
          "The session ends at 20%d%d%-%d%d%-%d%d %d%d:%d%d [+-]%d%d%d%d%.", child:errors())
        assert.is_true(is_signed_in(home))
        assert.equal(1, box:count("POST /ims/token/v3"))
      end)
    end)
  end

  it("takes the redirect at the listener, after a wrong one that neither ends it nor succeeds",
    function()
      with_box(BOX, function(box, home)
        local child, url = login(home, "--offline")
        assert.matches("offline_access", url, 1, true)
        local wrong = follow(home.uri .. "?code=abcdefgh&state=wrong")
        assert.matches("Not this sign-in", wrong, 1, true)
        assert.is_nil(wrong:find("Signed in", 1, true))
        assert.matches("Not this sign-in", follow(home.uri .. "?error=access_denied"), 1, true)
        assert.equal(0, box:count("POST /ims/token/v3"))
        assert.matches("<h1>Signed in</h1>", follow(url), 1, true)
        local code, said = finish(child)
        assert.equal(0, code, said)
        assert.matches("a request that is not the answer to this sign-in", said, 1, true)
        assert.matches("The session is renewed by itself.\n", said, 1, true)
        assert.is_nil(said:find("no refresh token", 1, true))
        assert.is_true(is_signed_in(home))
      end)
    end)

  it("goes on at the listener when standard input has ended", function()
    with_box(BOX, function(_, home)
      local child = support.start({ "bash", "-c",
        "exec accs login --wait " .. WAIT .. " </dev/null" }, { env = home.env, cwd = home.path })
      assert.matches("<h1>Signed in</h1>", follow(child:read_line()), 1, true)
      local code, said = finish(child)
      assert.equal(0, code, said)
    end)
  end)

  it("refuses a secret beside a kind that has none, since no command would find the session",
    function()
      with_box(BOX, function(_, home)
        local result = accs(home, "login", "--kind", "native")
        assert.equal(3, result.code)
        assert.truthy(result.err:find("unset IMS_CLIENT_SECRET (environment, .env)", 1, true))
      end)
    end)

  for _, kind in ipairs { "spa", "native" } do
    it("signs in with a credential of kind " .. kind .. ", which has no secret", function()
      with_box(BOX, function(box, home)
        local credential = box:credentials()[kind]
        home.env.IMS_CLIENT_ID, home.env.IMS_CLIENT_SECRET = credential.client_id, false
        if kind == "native" then
          home.env.IMS_REDIRECT_URI = credential.redirect_uri
        end
        local child, url = login(home, "--kind", kind)
        child:write(browse(url) .. "\n")
        local code, said = finish(child)
        assert.equal(0, code, said)
        assert.is_true(is_signed_in(home))
      end)
    end)
  end

  it("keeps a session that a script goes on with, told by two variables", function()
    with_box(BOX, function(_, home)
      local child, url = login(home)
      child:write(browse(url) .. "\n")
      assert.equal(0, (finish(child)))
      local function script(auth, cache)
        home.env.ACCS_AUTH, home.env.ACCS_CACHE = auth, cache
        return support.run { "lua5.4", "-e", [[local client <close> = require("accs").client {}
          print(client.auth:state().user, assert(client:get("/V1/store/storeConfigs")).status)]],
          env = home.env, cwd = home.path }
      end
      local result = script("user", "file")
      assert.equal("true\t200\n", result.out, result.err)
      result = script("user", false)
      assert.equal("", result.out)
      assert.matches("ACCS_CACHE=file", result.err, 1, true)
    end)
  end)

  it("keeps sessions apart by their names", function()
    with_box(BOX, function(_, home)
      local child, url = login(home, "--session", "reports")
      child:write(browse(url) .. "\n")
      local code, said = finish(child)
      assert.equal(0, code, said)
      assert.matches("Ada Example <ada@example.com> (session reports).", said, 1, true)
      assert.is_false(is_signed_in(home))
      assert.equal(0, accs(home, "token", "--auth", "user", "--session", "reports").code)
    end)
  end)

  it("tells the browser and the person of a refusal", function()
    with_box({ products = 1, orders = 1, customers = 1, args = { "--as", "web", "--deny" } },
      function(_, home)
        local child, url = login(home)
        assert.matches("Not signed in", follow(url), 1, true)
        local code, said = finish(child)
        assert.equal(3, code)
        assert.matches("accs: auth: the sign-in was refused: access_denied: the user refused; "
          .. "the person, or the organisation, did not agree", said, 1, true)
        assert.is_false(is_signed_in(home))
      end)
  end)

  it("ends when standard input does, where nothing listens", function()
    with_box(BOX, function(_, home)
      home.env.IMS_REDIRECT_URI = "https://shop.example.com/signed-in"
      local child, url = login(home)
      assert.matches("^http", url)
      assert.equal(3, child:close())
      assert.matches("accs: auth: nobody signed in: standard input has ended; paste",
        child:errors(), 1, true)
    end)
  end)

  it("ends after --wait", function()
    with_box(BOX, function(_, home)
      local begun = socket.gettime()
      local child = support.start({ "accs", "login", "--wait", "0.5" },
        { env = home.env, cwd = home.path })
      assert.matches("^http", child:read_line())
      local code, said = finish(child)
      assert.equal(4, code)
      assert.matches("accs: timeout: nobody signed in within 0.5 s; raise --wait", said, 1, true)
      assert.is_true(socket.gettime() - begun >= 0.5)
    end)
  end)

  it("is not ended by words that are no code", function()
    with_box(BOX, function(_, home)
      local child, url = login(home)
      child:write("what shall I do now\nwhatshallidonow\n" .. browse(url) .. "\n")
      local code, said = finish(child)
      assert.equal(0, code, said)
      assert.matches("this is no answer to a sign-in; still waiting", said, 1, true)
      assert.matches("invalid_grant (no such code); still waiting", said, 1, true)
    end)
  end)

  it("begins nothing that it could not keep", function()
    with_box(BOX, function(_, home)
      local result = accs(home, "login", "--cache", "memory")
      assert.equal(3, result.code)
      assert.equal("", result.out)
      assert.matches("the session would end with this command", result.err, 1, true)
      home.env.HOME, home.env.XDG_CACHE_HOME = false, false
      assert.equal(3, accs(home, "login").code)
    end)
  end)

  it("says so when the session could not be kept", function()
    with_box(BOX, function(_, home)
      support.write_file(home.path .. "/file", "mine")
      local child, url = login(home, "--cache", home.path .. "/file")
      child:write(browse(url) .. "\n")
      local code, said = finish(child)
      assert.equal(6, code)
      assert.is_nil(said:find("Signed in as", 1, true))
      assert.matches("accs: cache: signed in, but the session is not kept: not %w+, .+; mend that",
        said)
      assert.equal("mine", support.read_file(home.path .. "/file"))
    end)
  end)

  it("goes on with pasting where the port is in use", function()
    with_box(BOX, function(_, home)
      local server <close> = setmetatable({ assert(socket.bind("127.0.0.1",
        tonumber(home.uri:match(":(%d+)/")))) }, { __close = function(it) it[1]:close() end })
      assert.truthy(server)
      local child, url = login(home)
      child:write(browse(url) .. "\n")
      local code, said = finish(child)
      assert.equal(0, code, said)
      assert.matches("another program has it; paste the address instead", said, 1, true)
    end)
  end)

  it("tells the browser and the person when IMS has gone meanwhile", function()
    local box = support.sandbox(BOX)
    local home = home_of(box)
    local _ <close> = home.dir
    local child, url = login(home, "--attempts", "1", "--timeout", "5")
    local back = browse(url)
    box:close()
    assert.matches("Not signed in", follow(back), 1, true)
    local code, said = finish(child)
    assert.equal(4, code)
    assert.matches("accs: network: ", said, 1, true)
  end)

  it("says so when no refresh token came although one was asked for", function()
    local server <close> = fault.start()
    server:script("/ims/token/v3", { { fault.reply(200,
      '{"access_token":"example-token","token_type":"bearer","expires_in":3600}',
      { ["Content-Type"] = "application/json" }) } })
    local home = home_of(server)
    local _ <close> = home.dir
    local child = login(home, "--offline")
    child:write("a-bare-code\n")
    local code, said = finish(child)
    assert.equal(0, code, said)
    assert.matches("note: no refresh token came, although one was asked for", said, 1, true)
    assert.matches("\nSigned in.\n", said, 1, true) -- who it is was not to be had
  end)

  it("is interrupted by Ctrl-C with its code", function()
    with_box(BOX, function(_, home)
      local child = login(home)
      child:signal("INT")
      local code, said = finish(child)
      assert.equal(130, code)
      assert.matches("accs: interrupted", said, 1, true)
    end)
  end)

  describe("opens a browser:", function()
    -- A program that notes its arguments, one a line.
    local function browser(home, name)
      local path = home.path .. "/" .. name
      support.write_file(path, "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$NOTES.part\"\n"
        .. "mv \"$NOTES.part\" \"$NOTES\"\n")
      assert(os.execute("chmod +x " .. support.quote(path)))
      home.env.NOTES = home.path .. "/notes"
      return path
    end

    local function notes(home)
      for _ = 1, 200 * SLOW do
        local text = support.read_file(home.env.NOTES)
        if text then
          return text
        end
        socket.sleep(0.02)
      end
    end

    it("$BROWSER, with %s or without", function()
      with_box(BOX, function(_, home)
        local path = browser(home, "my browser"):gsub(" browser$", "")
        assert(os.rename(path .. " browser", path .. "-browser"))
        for named, wanted in pairs {
          ["%s-browser"] = "%s\n", ["%s-browser --new:w3m"] = "--new\n%s\n",
          ["%s-browser --url=%%s -x"] = "--url=%s\n-x\n",
        } do
          home.env.BROWSER = named:format(path)
          os.remove(home.env.NOTES)
          local child, url = login(home)
          assert.equal(wanted:gsub("%%s", (url:gsub("%%", "%%%%"))), notes(home))
          child:write(browse(url) .. "\n")
          assert.equal(0, (finish(child)))
        end
      end)
    end)

    it("xdg-open where there is a display", function()
      with_box(BOX, function(_, home)
        browser(home, "xdg-open")
        home.env.PATH = home.path .. ":" .. os.getenv("PATH")
        for _, display in ipairs { "DISPLAY", "WAYLAND_DISPLAY" } do
          home.env.DISPLAY, home.env.WAYLAND_DISPLAY = false, false
          home.env[display] = ":7"
          os.remove(home.env.NOTES)
          local child, url = login(home)
          assert.equal(url .. "\n", notes(home))
          child:signal("INT")
          assert.equal(130, (finish(child)))
        end
      end)
    end)

    it("none with --no-browser, none without a display", function()
      with_box(BOX, function(_, home)
        browser(home, "xdg-open")
        home.env.PATH = home.path .. ":" .. os.getenv("PATH")
        local child, url = login(home)
        child:write(browse(url) .. "\n")
        assert.equal(0, (finish(child)))
        home.env.DISPLAY, home.env.BROWSER = ":7", "xdg-open"
        child, url = login(home, "--no-browser")
        child:write(browse(url) .. "\n")
        assert.equal(0, (finish(child)))
        socket.sleep(0.2)
        assert.is_nil(support.read_file(home.env.NOTES))
      end)
    end)

    it("never has a shell read what is not its own", function()
      with_box(BOX, function(_, home)
        local path = browser(home, "browser")
        home.env.BROWSER = path .. " $(touch${IFS}hacked1) ;touch hacked2"
        home.env.IMS_CLIENT_ID = "a'; touch hacked3; '$(touch hacked4)"
        local child, url = login(home)
        assert.equal(("$(touch${IFS}hacked1)\n;touch\nhacked2\n%s\n"):format(url), notes(home))
        child:signal("INT")
        assert.equal(130, (finish(child)))
        assert.equal("", support.run { "sh", "-c", "ls | grep hacked", cwd = home.path }.out)
      end)
    end)
  end)
end)

local function sign_in(home, ...)
  local child, url = login(home, ...)
  child:write(browse(url) .. "\n")
  local code, said = finish(child)
  assert.equal(0, code, said)
end

describe("accs token", function()
  it("prints the token of whoever signed in, alone", function()
    with_box(BOX, function(box, home)
      sign_in(home)
      local result = accs(home, "token")
      assert.equal(0, result.code)
      assert.equal("", result.err)
      assert.matches("^eyJ[%w_-]+%.[%w_-]+%.[%w_-]+\n$", result.out)
      assert.equal(1, box:count("POST /ims/token/v3"))
      assert.equal("200", use(home, result.out))
    end)
  end)

  it("prints claims, or JSON, but not both", function()
    with_box(BOX, function(_, home)
      sign_in(home)
      local claims = accs(home, "token", "--claims")
      assert.equal("sandbox-web", cjson.decode(claims.out).client_id)
      local json = cjson.decode(accs(home, "token", "--json").out)
      assert.equal("bearer", json.token_type)
      assert.is_true(json.expires_in > 86000 and json.expires_in <= 86399)
      assert.equal(accs(home, "token").out, json.access_token .. "\n")
      local both = accs(home, "token", "--claims", "--json")
      assert.equal(2, both.code)
      assert.equal("", both.out)
    end)
  end)

  it("prints that of the credential where nobody signed in, without a tenant", function()
    with_box({ products = 1, orders = 1, customers = 1 }, function(_, home)
      home.env.API_ENDPOINT = false
      local claims = cjson.decode(accs(home, "token", "--claims").out)
      assert.equal("sandbox-client", claims.client_id)
      local missing = accs(home, "token", "--auth", "user")
      assert.equal(3, missing.code)
      assert.equal("", missing.out)
      home.env.IMS_CLIENT_SECRET = false
      missing = accs(home, "token")
      assert.equal(3, missing.code)
      assert.matches("IMS_CLIENT_SECRET is not set", missing.err, 1, true)
    end)
  end)

  it("speaks of a sign-in where the credential is one for persons", function()
    with_box(BOX, function(_, home)
      local result = accs(home, "token")
      assert.equal(3, result.code)
      assert.matches("unauthorized_client.*sign in where it is one for persons: accs login",
        result.err)
    end)
  end)

  it("says that a token cannot be read where it is no JWT", function()
    with_box(BOX, function(_, home)
      home.env.ACCS_ACCESS_TOKEN = "opaque-canary"
      local result = accs(home, "token", "--claims")
      assert.equal(3, result.code)
      assert.matches("^accs: auth: this token does not say anything of itself .*no JWT.*"
        .. "ACCS_ACCESS_TOKEN", result.err)
      assert.is_nil(result.err:find("canary", 1, true))
    end)
  end)

  it("says on a terminal how long it lives", function()
    with_box(BOX, function(_, home)
      sign_in(home)
      local result = support.run { "script", "-qec", "accs token >/dev/null", "/dev/null",
        env = home.env, cwd = home.path, timeout = 60 * SLOW }
      assert.matches("accs: note: it lives for 23 h 59 min", result.out, 1, true)
    end)
  end)
end)

describe("a session that has ended without a refresh token", function()
  it("is named, and not passed over for a credential that was not meant; logout forgets it",
    function()
      with_box({ products = 1, orders = 1, customers = 1,
        args = { "--as", "web", "--token-life", tostring(2 * SLOW) } }, function(box, home)
        sign_in(home)
        socket.sleep(2.1 * SLOW)
        for _, words in ipairs {
          { "token" }, { "token", "--auth", "user" }, { "get", "/V1/store/storeConfigs" },
        } do
          local result = accs(home, table.unpack(words))
          assert.equal(3, result.code)
          assert.equal("", result.out)
          assert.matches("the session is over", result.err, 1, true)
          assert.matches("accs login", result.err, 1, true)
        end
        assert.equal(1, box:count("POST /ims/token/v3"))
        local result = accs(home, "logout")
        assert.equal("Signed out.\n", result.err)
        assert.equal(0, result.code)
        assert.equal(0, box:count("POST /ims/revoke"))
        assert.equal("", support.run { "sh", "-c", "ls accs | grep -v lock", cwd = home.path }.out)
        assert.equal("Nobody is signed in.\n", accs(home, "logout").err)
      end)
    end)
end)

describe("accs logout", function()
  it("has IMS revoke the session, and forgets it", function()
    with_box(BOX, function(box, home)
      sign_in(home, "--offline")
      local token = accs(home, "token").out
      assert.equal("200", use(home, token))
      local result = accs(home, "logout")
      assert.equal(0, result.code, result.err)
      assert.equal("Signed out.\n", result.err)
      assert.equal(1, box:count("POST /ims/revoke", 200))
      assert.is_false(is_signed_in(home))
      assert.equal("", support.run { "sh", "-c", "ls accs | grep -v lock", cwd = home.path }.out)
      assert.equal("401", use(home, token))
    end)
  end)

  it("does not say that nobody is signed in where the cache cannot be read", function()
    with_box(BOX, function(_, home)
      support.write_file(home.path .. "/file", "mine")
      for _, cache in ipairs { "redis://127.0.0.1:1", home.path .. "/file" } do
        home.env.ACCS_CACHE = cache
        local result = accs(home, "logout")
        assert.equal(6, result.code)
        assert.matches("^accs: cache: whether anybody is signed in is not known, .*: .+; mend that",
          result.err)
      end
    end)
  end)

  it("of a public client takes no .env's word for the cache, a secret beside it or not", function()
    with_box(BOX, function(box, home)
      support.write_file(home.path .. "/.env", "ACCS_CACHE=./canary\nIMS_CLIENT_SECRET=bait\n")
      home.env.IMS_CLIENT_SECRET, home.env.ACCS_CACHE = false, false
      assert.equal("Nobody is signed in.\n", accs(home, "logout").err)
      local result = accs(home, "logout", "--kind", "spa")
      assert.not_equal(0, result.code)
      assert.matches("the tokens of a session are not kept", result.err, 1, true)
      assert.equal(0, box:count("POST /ims/revoke"))
    end)
  end)

  it("does not say that it is done where the cache keeps the session", function()
    with_box(BOX, function(box, home)
      local server <close> = redis.start {
        conf = "user jo on >example-password ~* +get +set +eval" }
      home.env.ACCS_CACHE = "redis://jo:example-password@127.0.0.1:" .. server.port
      sign_in(home)
      local result = accs(home, "logout")
      assert.equal(6, result.code)
      assert.matches("^accs: cache: the session is still in the cache: Redis: .*DEL.*; mend that",
        result.err)
      assert.equal(1, box:count("POST /ims/revoke", 200))
    end)
  end)

  it("has nothing to do where nobody is signed in", function()
    with_box(BOX, function(box, home)
      local result = accs(home, "logout")
      assert.equal(0, result.code)
      assert.equal("Nobody is signed in.\n", result.err)
      assert.equal(0, box:count("POST /ims/revoke"))
    end)
  end)

  it("ends the session of that name alone", function()
    with_box(BOX, function(_, home)
      sign_in(home)
      sign_in(home, "--session", "other")
      assert.equal(0, accs(home, "logout", "--session", "other").code)
      assert.is_true(is_signed_in(home))
    end)
  end)

  it("forgets it here while IMS is down, and says so with exit code 4", function()
    local box = support.sandbox(BOX)
    local home = home_of(box)
    local _ <close> = home.dir
    sign_in(home)
    box:close()
    local result = accs(home, "logout", "--attempts", "1", "--timeout", "5")
    assert.equal(4, result.code)
    assert.matches("accs: network: forgotten on this machine, but not revoked: ", result.err, 1,
      true)
    assert.is_false(is_signed_in(home))
    result = accs(home, "logout")
    assert.equal("Nobody is signed in.\n", result.err)
  end)
end)

describe("nothing that is secret", function()
  it("is in an argument list, in what the commands say, or open in the cache", function()
    with_box(BOX, function(_, home)
      local child, url = login(home, "--offline", "--log", "debug")
      local back = browse(url)
      local code = back:match("code=([^&]*)")
      local arguments = support.read_file(("/proc/%d/cmdline"):format(child.pid))
      assert.matches("login", arguments, 1, true)
      child:write("?code=canary-code-of-another&state=canary-state-of-another\n")
      child:write(back .. "\n")
      local status, said = finish(child)
      assert.equal(0, status, said)
      assert.matches("acquired", said, 1, true) -- the log is among it
      local token = accs(home, "token").out:gsub("\n", "")
      local out = accs(home, "logout", "--log", "debug").err
      local all = said .. out .. arguments
      for _, secret in ipairs { code, token, home.env.IMS_CLIENT_SECRET,
        "canary-code-of-another", "canary-state-of-another" } do
        assert.is_true(#secret > 10)
        assert.is_nil(all:find(secret, 1, true))
        assert.equal("", support.run { "grep", "-rlF", secret, home.path }.out)
      end
    end)
  end)
end)
