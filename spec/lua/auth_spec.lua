-- client.auth: what a program may do with its credentials and tokens, against the sandbox's IMS.
local accs = require "accs"
local core = require "accs.core"
local credentials = require "accs.credentials"
local driver = require "spec.lua.sandbox.driver"
local errors = require "accs.error"
local fault = require "spec.support.fault"
local options = require "accs.options"
local support = require "spec.support"

local TOKEN = "POST /ims/token/v3"
local KEYS = "GET /ims/keys"

-- A client of a sandbox with an engine, and so tokens, of its own.
local function client_of(box, extra)
  local given = { engine = accs.engine {}, timeout = 10 }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  return box:client(given)
end

local function control(box, what)
  box:control("POST", "/_sandbox/" .. what)
end

local SCOPES = "openid,AdobeID,offline_access,commerce.accs"

-- The code of a person's sign-in at the sandbox, which consents by itself.
local function code_of(box, scopes)
  local web = box:credentials().web
  local reply = driver.request(box.port, "GET", "/ims/authorize/v2?" .. driver.query {
    { "client_id", web.client_id }, { "redirect_uri", web.redirect_uri },
    { "response_type", "code" }, { "scope", scopes or SCOPES }, { "state", "example-state" },
  })
  return assert(reply.headers.location:match("[?&]code=([^&]+)")), web
end

-- A person's session, as accs.oauth makes one.
local function session_of(box, extra)
  local code, web = code_of(box, extra and extra.scopes)
  local given = {
    ims_url = box.env.IMS_URL, client_id = web.client_id, client_secret = web.client_secret,
    scopes = SCOPES, redirect_uri = web.redirect_uri, dotenv = false, engine = accs.engine {},
  }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  local values, sources = options.resolve(given, function() end, { "client_id" })
  return assert(credentials.open(values, sources, { user = true, code = code }))
end

describe("client.auth", function()
  local box
  setup(function() box = support.sandbox { products = 3, orders = 3, customers = 3 } end)
  teardown(function() box:close() end)

  it("gives the token that the client uses", function()
    local client <close> = client_of(box)
    local before = box:count(TOKEN)
    local token = assert(client.auth:token())
    assert.matches("^eyJ[%w_-]+%.[%w_-]+%.[%w_-]+$", token)
    assert(client:get("/V1/store/storeConfigs"))
    assert.equal(token, (client.auth:token()))
    assert.equal(before + 1, box:count(TOKEN))
    local plain = accs.client { base_url = box.env.API_ENDPOINT, access_token = token,
      client_id = box.env.IMS_CLIENT_ID, org_id = box.env.IMS_ORG_ID, dotenv = false }
    assert(plain:get("/V1/store/storeConfigs"))
    assert.equal(token, (plain.auth:token()))
    plain:close()
    assert.equal(before + 1, box:count(TOKEN))
  end)

  it("tells the claims without asking anybody", function()
    local client <close> = client_of(box)
    local claims, err = client.auth:claims()
    assert.is_nil(claims)
    assert.equal("auth", err.kind)
    assert.matches("there is no access token; ask for one first", tostring(err))
    assert(client.auth:token())
    local before = box:count(TOKEN)
    claims = assert(client.auth:claims())
    assert.equal(box.env.IMS_CLIENT_ID, claims.client_id)
    assert.equal("access_token", claims.type)
    assert.equal(before, box:count(TOKEN))
    claims, err = client.auth:claims("id_token")
    assert.is_nil(claims)
    assert.matches("there is no id token", err.message)
    assert.has_error(function() client.auth:claims("refresh_token") end)
  end)

  it("gets another token on request", function()
    local client <close> = client_of(box)
    local first = assert(client.auth:token())
    assert.is_true(client.auth:refresh())
    local second = assert(client.auth:token())
    assert.not_equal(first, second)
  end)

  it("asks IMS whether the token is good", function()
    local client <close> = client_of(box)
    local answer = assert(client.auth:validate())
    assert.is_true(answer.valid)
    assert.equal(box.env.IMS_CLIENT_ID, answer.token.client_id)
    control(box, "tokens/revoke")
    answer = assert(client.auth:validate())
    assert.is_false(answer.valid)
  end)

  it("revokes and forgets: the next call gets another token", function()
    local client <close> = client_of(box)
    local first = assert(client.auth:token())
    assert.is_true(client.auth:revoke())
    assert.is_false(client.auth:state().has_access_token)
    local old <close> = accs.client { base_url = box.env.API_ENDPOINT, access_token = first,
      client_id = box.env.IMS_CLIENT_ID, org_id = box.env.IMS_ORG_ID, dotenv = false }
    local _, err = old:get("/V1/store/storeConfigs")
    assert.equal("auth", err.kind)
    assert(client:get("/V1/store/storeConfigs"))
  end)

  it("forgets without revoking", function()
    local client <close> = client_of(box)
    local first = assert(client.auth:token())
    assert.is_true(client.auth:clear())
    assert.is_false(client.auth:state().has_access_token)
    assert.not_equal(first, (client.auth:token()))
    local old <close> = accs.client { base_url = box.env.API_ENDPOINT, access_token = first,
      client_id = box.env.IMS_CLIENT_ID, org_id = box.env.IMS_ORG_ID, dotenv = false }
    assert(old:get("/V1/store/storeConfigs"))
  end)

  it("tells what it knows of the tokens", function()
    local client <close> = client_of(box)
    local state = client.auth:state()
    assert.is_false(state.has_access_token)
    assert.is_false(state.user)
    assert.is_nil(state.left)
    assert.is_nil(state.secret)
    assert(client.auth:token())
    state = client.auth:state()
    assert.is_true(state.has_access_token)
    assert.is_false(state.has_refresh_token)
    assert.is_true(state.left > 86000 and state.left <= 86400, tostring(state.left))
    assert.is_true(state.life >= state.left)
    assert.equal(1, state.secret)
    assert.equal("integer", math.type(state.secret))
    assert.is_true(math.abs(state.skew) < 5)
    local ready <close> = client_of(box, { access_token = assert(client.auth:token()) })
    state = ready.auth:state()
    assert.is_true(state.has_access_token)
    assert.is_nil(state.left) -- nobody said
    assert.is_nil(state.life)
  end)

  it("says whose token it is", function()
    local session <close> = session_of(box)
    local info = assert(session:user_info())
    assert.is_string(info.sub)
  end)

  it("is closed with its client, and says so", function()
    local client = client_of(box)
    local auth = client.auth
    assert(auth:token())
    client:close()
    for _, method in ipairs { "token", "claims", "verify", "refresh", "validate", "revoke", "clear",
      "user_info", "state" } do
      local result, err = auth[method](auth)
      assert.is_nil(result, method)
      assert.equal("closed", err.kind, method)
    end
    assert.matches("^accs%.Auth: .* %(closed%)$", tostring(auth))
    auth:close()
  end)

  it("outlives a client that is collected", function()
    local auth = client_of(box).auth
    collectgarbage() collectgarbage()
    assert(auth:token())
    auth:close()
  end)

  it("may be closed before its client, which goes on", function()
    local client <close> = client_of(box)
    client.auth:close()
    assert(client:get("/V1/store/storeConfigs"))
    assert.equal("closed", select(2, client.auth:token()).kind)
  end)

  it("may be closed by <close>, used or not", function()
    local client = client_of(box)
    do
      local auth <close> = client.auth -- luacheck: ignore
    end
    assert.matches("closed", tostring(client.auth))
    client:close()
  end)

  it("costs a program that does not use it no module", function()
    local script = [[
      local accs = require "accs"
      local client = accs.client { base_url = "https://example.com/x", access_token = "x",
        dotenv = false }
      for _, name in ipairs { "accs.auth", "accs.hosts", "accs.store.redis" } do
        io.write(tostring(package.loaded[name]), " ")
      end
      io.write(type(client.auth:state()), " ", type(package.loaded["accs.auth"]))]]
    assert.equal("nil nil nil table table", support.run({ "lua5.4", "-e", script }).out)
  end)

  it("may be given to another client, which does not close it", function()
    local client <close> = client_of(box)
    local before = box:count(TOKEN)
    for _ = 1, 2 do
      local other <close> = accs.client { base_url = box.env.API_ENDPOINT, auth = client.auth,
        org_id = box.env.IMS_ORG_ID, dotenv = false }
      assert(other:get("/V1/store/storeConfigs"))
      assert.equal(client.auth, other.auth)
    end
    assert(client:get("/V1/store/storeConfigs"))
    assert.equal(before + 1, box:count(TOKEN))
  end)

  it("cannot be given when it is closed, nor to another engine", function()
    local client = client_of(box)
    local given = { base_url = box.env.API_ENDPOINT, auth = client.auth, dotenv = false,
      engine = accs.engine {} }
    local ok, problem = pcall(accs.client, given)
    assert.is_false(ok)
    assert.equal("config", problem.kind)
    assert.matches("the session in auth has another one", problem.message)
    client:close()
    given.engine = nil
    ok, problem = pcall(accs.client, given)
    assert.is_false(ok)
    assert.equal("closed", problem.kind)
  end)

  it("runs its jobs in tasks beside each other, with one token request", function()
    local client <close> = client_of(box)
    local before = box:count(TOKEN)
    local results = assert(accs.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function()
      return client.auth:token()
    end))
    for index = 2, 8 do
      assert.equal(results[1], results[index])
    end
    assert.equal(before + 1, box:count(TOKEN))
  end)

  it("ends what a cancelled task waits for", function()
    local server <close> = fault.start()
    server:script("/ims/token/v3", { { { "stall" } } })
    local client <close> = server:client { engine = accs.engine {}, timeout = 20 }
    local started = core.monotonic()
    local _, err = accs.all({ function() return client.auth:token() end }, { timeout = 0.1 })
    assert.equal("timeout", err.kind)
    assert.is_true(core.monotonic() - started < 5)
  end)

  it("gives errors with a hint, and nothing of a secret", function()
    local client <close> = client_of(box, { client_secret = "canary-not-right" })
    for _ = 1, 2 do
      local token, err = client.auth:token()
      assert.is_nil(token)
      assert.is_true(errors.is(err))
      assert.equal("auth", err.kind)
      assert.matches("invalid_client.*check IMS_CLIENT_ID and IMS_CLIENT_SECRET", tostring(err))
      assert.is_nil(tostring(err):find("canary", 1, true))
    end
  end)

  it("says what is unreadable in an answer of IMS", function()
    local server <close> = fault.start()
    local client <close> = server:client { engine = accs.engine {}, attempts = 1 }
    for _, body in ipairs { "<html>", "", "5", "{" } do
      server:script("/ims/userinfo/v2", { { fault.reply(200, body) } })
      local info, err = client.auth:user_info()
      assert.is_nil(info)
      assert.equal("decode", err.kind, body)
    end
  end)
end)

describe("a person's session", function()
  local box
  setup(function() box = support.sandbox { products = 3, orders = 3, customers = 3 } end)
  teardown(function() box:close() end)

  it("is what a client can be made of, without any credentials", function()
    local session <close> = session_of(box)
    local client <close> = accs.client { base_url = box.env.API_ENDPOINT, auth = session,
      org_id = box.env.IMS_ORG_ID, dotenv = false }
    assert(client:get("/V1/store/storeConfigs"))
    client:close()
    local state = session:state()
    assert.is_true(state.user and state.has_refresh_token and state.has_id_token)
    assert.equal("sandbox-web", session:claims("id_token").aud)
  end)

  it("is looked for in no memory, where none can be", function()
    for _, begin in ipairs { accs.client, accs.oauth.session } do
      local given = { auth = begin == accs.client and "user" or nil, client_id = "example",
        ims_url = box.env.IMS_URL, base_url = box.env.API_ENDPOINT, dotenv = false }
      local ok, made, err = pcall(begin, given)
      err = ok and err or made
      assert.equal("config", err.kind)
      assert.matches("in no cache, since the option cache is memory", err.message, 1, true)
      assert.matches("after accs login ACCS_CACHE=file", err.message, 1, true)
    end
  end)

  it("that cannot begin or go on says how to sign in", function()
    local dir <close> = support.temp_dir()
    local web = box:credentials().web
    for _, case in ipairs {
      { "no-such-code", "refused with invalid_grant.*begin the sign%-in again %(accs login%)" },
      { false, "no session.*sign in: accs login" },
    } do
      local values, sources = options.resolve({ ims_url = box.env.IMS_URL, dotenv = false,
        client_id = web.client_id, client_secret = web.client_secret, engine = accs.engine {},
        cache = dir.path .. "/tokens", redirect_uri = web.redirect_uri }, function() end,
        { "client_id" })
      local session <close> = assert(credentials.open(values, sources,
        { user = true, code = case[1] or nil }))
      local client <close> = accs.client { base_url = box.env.API_ENDPOINT, auth = session,
        dotenv = false }
      for _, err in ipairs { select(2, session:token()),
        (select(2, client:get("/V1/store/storeConfigs"))) } do
        assert.equal("auth", err.kind)
        assert.matches(case[2], tostring(err))
      end
    end
  end)

  it("without a refresh token is not over before its end", function()
    local session <close> = session_of(box, { scopes = "openid,AdobeID,commerce.accs" })
    local token = assert(session:token())
    local ok, err = session:refresh()
    assert.is_nil(ok)
    assert.equal("auth", err.kind)
    assert.matches("no refresh token, and ends with its access token", err.message, 1, true)
    assert.equal(token, session:token())
    assert(session:revoke())
    assert.matches("no session", select(2, session:token()).message, 1, true)
  end)

  it("has an id_token that can be checked", function()
    local session <close> = session_of(box)
    assert(session:token())
    local claims = assert(session:verify("id_token"))
    assert.equal("sandbox-web", claims.aud)
    local _, err = session:verify("id_token", { audience = "someone-else" })
    assert.equal("auth", err.kind)
    assert.matches("the id token is not good: made for another audience", err.message)
  end)

  it("is found again in the cache by its client id and name", function()
    local dir <close> = support.temp_dir()
    local cache = dir.path .. "/tokens"
    local session = session_of(box, { cache = cache })
    local token = assert(session:token())
    session:close()
    local web = box:credentials().web
    local function again(name)
      return client_of(box, { client_id = web.client_id, client_secret = web.client_secret,
        auth = "user", session = name, cache = cache, org_id = box.env.IMS_ORG_ID,
        scopes = SCOPES })
    end
    local client <close> = again("default")
    assert(client:get("/V1/store/storeConfigs"))
    assert.equal(token, (client.auth:token()))
    local other <close> = again("another")
    local _, err = other:get("/V1/store/storeConfigs")
    assert.equal("auth", err.kind)
    assert.matches("accs login", tostring(err))
  end)
end)

describe("verify", function()
  local box
  before_each(function() box = support.sandbox { products = 3, orders = 3, customers = 3 } end)
  after_each(function() box:close() end)

  it("checks the access token, and gets one and the keys when there are none", function()
    local client <close> = client_of(box)
    local claims = assert(client.auth:verify())
    assert.equal(box.env.IMS_CLIENT_ID, claims.client_id)
    assert.same(claims, client.auth:claims())
    assert(client.auth:verify("access_token", { leeway = 0 }))
    assert.equal(1, box:count(TOKEN))
    assert.equal(1, box:count(KEYS))
  end)

  it("checks a token from elsewhere", function()
    local client <close> = client_of(box)
    local other <close> = client_of(box)
    local token = assert(other.auth:token())
    assert.equal(box.env.IMS_CLIENT_ID, assert(client.auth:verify(token)).client_id)
    local broken = token:sub(1, -5) .. (token:sub(-4) == "AAAA" and "BBBB" or "AAAA")
    local claims, err = client.auth:verify(broken)
    assert.is_nil(claims)
    assert.equal("auth", err.kind)
    assert.matches("the access token is not good: the signature is wrong", err.message)
    assert.is_nil(tostring(err):find("eyJ", 1, true))
    claims, err = client.auth:verify("rubbish")
    assert.is_nil(claims)
    assert.matches("not a JWT", err.message)
    claims, err = client.auth:verify(token, { type = "id_token" })
    assert.is_nil(claims)
    assert.equal("auth", err.kind)
    assert.equal(0, box:count(TOKEN) - 1) -- a token from elsewhere needs none of one's own
  end)

  it("refuses a token of another client", function()
    local session <close> = session_of(box)
    local token = assert(session:token())
    local client <close> = client_of(box)
    local _, err = client.auth:verify(token)
    assert.matches("made for another client", err.message)
  end)

  it("refuses a token of another type", function()
    local code, web = code_of(box)
    local reply = driver.request(box.port, "POST", "/ims/token/v3", {
      ["Content-Type"] = "application/x-www-form-urlencoded",
    }, driver.query { { "grant_type", "authorization_code" }, { "code", code },
      { "client_id", web.client_id }, { "client_secret", web.client_secret },
      { "redirect_uri", web.redirect_uri } })
    local session <close> = session_of(box)
    assert(session:verify(reply.data.access_token))
    local _, err = session:verify(reply.data.refresh_token)
    assert.matches("another type of token", err.message)
    assert.equal("auth", err.kind)
  end)

  it("refuses an id_token of another issuer", function()
    local session <close> = session_of(box, {
      ims_url = box.env.IMS_URL:gsub("127%.0%.0%.1", "localhost"),
    })
    assert(session:token())
    local _, err = session:verify("id_token")
    assert.matches("made by another issuer", err.message)
  end)

  it("refuses options that it does not know", function()
    local client <close> = client_of(box)
    for _, opts in ipairs { { leway = 5 }, { leeway = -1 }, { leeway = 601 }, { leeway = "5" },
      { audience = 5 }, { audience = "" }, "x" } do
      assert.is_false(pcall(client.auth.verify, client.auth, "access_token", opts))
    end
    assert.is_false(pcall(client.auth.verify, client.auth, 5))
    assert.is_false(pcall(client.auth.verify, client.auth, "x", { type = "refresh_token" }))
    assert.equal(0, box:count(KEYS))
  end)

  it("takes IMS's clock for its own", function()
    local fast <close> = support.sandbox { products = 1, orders = 1, customers = 1,
      args = { "--clock-skew", "7200" } }
    local client <close> = client_of(fast)
    assert(client.auth:verify("access_token", { leeway = 5 }))
    assert.is_true(math.abs(client.auth:state().skew - 7200) < 5)
  end)
end)

describe("the folder of the user's cache", function()
  it("is the one of XDG, else in the home folder", function()
    local function folder(variables)
      return credentials.default_folder(function(name) return variables[name] end)
    end
    assert.equal("/c/accs", folder { XDG_CACHE_HOME = "/c", HOME = "/h" })
    assert.equal("/c/accs", folder { XDG_CACHE_HOME = "/c/" })
    assert.equal("/h/.cache/accs", folder { HOME = "/h" })
    assert.equal("/h/.cache/accs", folder { XDG_CACHE_HOME = "relative", HOME = "/h" })
    assert.equal("/h/.cache/accs", folder { XDG_CACHE_HOME = "", HOME = "/h" })
    assert.is_nil(folder {})
    assert.is_nil(folder { HOME = "" })
  end)

  it("is needed for file, and the home folder for ~/", function()
    local script = [[
      local accs = require "accs"
      for _, cache in ipairs { "file", "~/tokens" } do
        print(pcall(accs.client, { base_url = "https://example.com/x", client_id = "i",
          client_secret = "canary", cache = cache, dotenv = false }))
      end]]
    local result = support.run { "env", "-u", "HOME", "-u", "XDG_CACHE_HOME", "lua5.4", "-e",
      script }
    assert.matches("false\taccs: config: the option cache: there is no folder.*ACCS_CACHE\n",
      result.out)
    assert.matches("\nfalse\taccs: config: the option cache: HOME is not set", result.out)
    assert.is_nil((result.out .. result.err):find("canary", 1, true))
  end)

  it("is what file and ~/ stand for", function()
    local box <close> = support.sandbox { products = 1, orders = 1, customers = 1 }
    for cache, path in pairs { file = "/.cache/accs", ["~/tokens/accs"] = "/tokens/accs" } do
      local home <close> = support.temp_dir()
      local script = ("require('accs').client { cache = %q, dotenv = false }.auth:token()")
        :format(cache)
      local env = { HOME = home.path, XDG_CACHE_HOME = false }
      for name, value in pairs(box.env) do
        env[name] = value
      end
      for _ = 1, 2 do
        assert.equal("", support.run({ "lua5.4", "-e", script, env = env }).err)
      end
      local listed = support.run({ "find", home.path .. path, "-name", "server-*.sealed" }).out
      assert.matches("^[^\n]+\n$", listed)
    end
    assert.equal(2, box:count(TOKEN))
  end)
end)
