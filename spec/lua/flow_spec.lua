-- A person's sign-in under way, against the sandbox's IMS.
local accs = require "accs"
local sign_in = require "spec.support.sign_in"
local support = require "spec.support"

local BOX = { products = 1, orders = 1, customers = 1 }
local settings, offline, raised = sign_in.settings, sign_in.offline, sign_in.raised
local browse, parameters_of, state_of = sign_in.browse, sign_in.parameters_of, sign_in.state_of

--------------------------------------------------------------------------------- the address

describe("an authorize URL", function()
  it("has what Adobe's documents name, PKCE and a nonce", function()
    local flow = accs.oauth.authorization(offline())
    assert.matches("^https://ims%-na1%.adobelogin%.com/ims/authorize/v2%?", flow.url)
    local found, count = parameters_of(flow.url)
    assert.equal(8, count)
    assert.equal("example-id", found.client_id)
    assert.equal("https://localhost/cb", found.redirect_uri)
    assert.equal("AdobeID,openid,email,profile,additional_info.roles,"
      .. "additional_info.projectedProductContext,commerce.accs", found.scope)
    assert.equal("code", found.response_type)
    assert.equal("S256", found.code_challenge_method)
    assert.matches("^[%w_-]+$", found.code_challenge)
    for _, name in ipairs { "state", "nonce", "code_challenge" } do
      assert.equal(43, #found[name])
    end
    assert.is_nil(flow.url:find("secret", 1, true))
    assert.is_nil(flow.url:find("verifier", 1, true))
    assert.equal("web", flow.kind)
    assert.is_false(flow.offline_access)
  end)

  it("is another each time", function()
    local one = parameters_of(accs.oauth.authorization(offline()).url)
    local other = parameters_of(accs.oauth.authorization(offline()).url)
    for _, name in ipairs { "state", "nonce", "code_challenge" } do
      assert.not_equal(one[name], other[name])
      assert.not_equal(one[name], one[name == "state" and "nonce" or "state"])
    end
  end)

  it("adds openid, commerce.accs and offline_access to scopes", function()
    local function scope_of(more)
      return parameters_of(accs.oauth.authorization(offline(more)).url).scope
    end
    assert.equal("openid,commerce.accs", scope_of { scopes = "commerce.accs" })
    assert.equal("openid,email,commerce.accs", scope_of { scopes = { "email", "openid" } })
    assert.equal("openid,commerce.accs,offline_access",
      scope_of { scopes = "openid", offline_access = true })
    assert.equal("openid,commerce.accs,offline_access",
      scope_of { scopes = "openid offline_access", offline_access = true })
  end)

  it("percent-encodes what is foreign", function()
    local found = parameters_of(accs.oauth.authorization(offline {
      client_id = "a&b=c d", redirect_uri = "https://localhost/cb?x=1&y=2",
      ims_url = "https://ims.example.com/",
    }).url)
    assert.equal("a&b=c d", found.client_id)
    assert.equal("https://localhost/cb?x=1&y=2", found.redirect_uri)
  end)

  it("goes without PKCE for kind web alone, when told so", function()
    local found, count = parameters_of(accs.oauth.authorization(offline { pkce = false }).url)
    assert.equal(6, count)
    assert.is_nil(found.code_challenge)
    for _, kind in ipairs { "spa", "native" } do
      found = parameters_of(accs.oauth.authorization(offline {
        kind = kind, client_secret = "none",
        redirect_uri = "https://localhost/cb" }).url)
      assert.equal("S256", found.code_challenge_method)
    end
  end)
end)

---------------------------------------------------------------------------------- the answer

describe("a sign-in", function()
  for _, kind in ipairs { "web", "spa", "native" } do
    it("of kind " .. kind .. " gives a session that clients take", function()
      local box <close> = support.sandbox(BOX)
      local options = settings(box, kind)
      local flow = accs.oauth.authorization(options)
      local session <close> = assert(flow:exchange(browse(flow.url)))
      local state = session:state()
      assert.is_true(state.has_access_token)
      assert.is_true(state.has_id_token)
      assert.is_true(state.user)
      assert.is_false(state.has_refresh_token)
      assert.is_true(flow:is_over())
      assert.equal("Ada Example", session:user_info().name)
      assert.truthy(session:verify("id_token"))
      local client <close> = accs.client { base_url = box.env.API_ENDPOINT, auth = session,
        ims_url = options.ims_url, org_id = box.env.IMS_ORG_ID, engine = options.engine,
        dotenv = false }
      assert.equal(200, assert(client:get("/V1/store/storeConfigs")).status)
      assert.equal(1, box:count("POST /ims/token/v3"))
      assert.equal(1, box:count("POST /ims/token/v3 authorization_code", 200))
    end)
  end

  it("of a public client makes no use of a secret that the environment has for another", function()
    local box <close> = support.sandbox(BOX)
    local script = [[
      local accs = require "accs"
      local flow = accs.oauth.authorization { kind = "spa", dotenv = false }
      local back = io.popen("curl -s -o /dev/null -w '%{redirect_url}' '" .. flow.url .. "'")
      print(assert(flow:exchange(back:read("a"))):state().has_access_token)]]
    local result = support.run { "lua5.4", "-e", script, env = { IMS_URL = box.env.IMS_URL,
      IMS_CLIENT_ID = "sandbox-spa", IMS_CLIENT_SECRET = box.env.IMS_CLIENT_SECRET,
      IMS_REDIRECT_URI = "https://localhost/signed-in" } }
    assert.equal("true\n", result.out .. result.err)
  end)

  it("has a refresh token when offline_access was asked for and granted", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web", { offline_access = true }))
    assert.is_true(flow.offline_access)
    local session <close> = assert(flow:exchange(browse(flow.url)))
    assert.is_true(session:state().has_refresh_token)
    assert.truthy(session:refresh())
    assert.equal(1, box:count("POST /ims/token/v3 refresh_token", 200))
  end)

  it("works without PKCE for kind web", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web", { pkce = false }))
    local session <close> = assert(flow:exchange(browse(flow.url)))
    assert.is_true(session:state().has_access_token)
  end)

  local FORMS = {
    ["the query alone"] = function(url) return url:match("%?(.*)$") end,
    ["the query with its mark"] = function(url) return url:match("%?.*$") end,
    ["blanks, line ends and a fragment"] = function(url)
      return "\n  " .. url:sub(1, 60) .. "\r\n" .. url:sub(61) .. "#_=_ \n"
    end,
    ["a table"] = function(url)
      local found = parameters_of(url)
      return { code = found.code, state = found.state }
    end,
  }
  for name, form in pairs(FORMS) do
    it("takes " .. name, function()
      local box <close> = support.sandbox(BOX)
      local flow = accs.oauth.authorization(settings(box, "spa"))
      local session <close> = assert(flow:exchange(form(browse(flow.url))))
      assert.is_true(session:state().has_access_token)
    end)
  end

  it("takes a bare code only when told so, and only with PKCE", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web"))
    local code = parameters_of(browse(flow.url)).code
    local session, err = flow:exchange(code)
    assert.is_nil(session)
    assert.equal("auth", err.kind)
    assert.matches("a code without its state", err.message, 1, true)
    assert.is_nil(tostring(err):find(code, 1, true))
    assert.is_false(flow:is_over())
    local second <close> = assert(flow:exchange("  " .. code .. "\n", { bare = true }))
    assert.is_true(second:state().has_access_token)
    local plain = accs.oauth.authorization(settings(box, "web", { pkce = false }))
    code = parameters_of(browse(plain.url)).code
    session, err = plain:exchange(code, { bare = true })
    assert.is_nil(session)
    assert.matches("only with PKCE", err.message, 1, true)
    assert.is_false(plain:is_over())
  end)

  it("takes no code out of an address without state, and is not ended by a bare one that is wrong",
    function()
      local box <close> = support.sandbox(BOX)
      local flow = accs.oauth.authorization(settings(box, "web"))
      local url = browse(flow.url)
      local cut = url:gsub("&state=.*", "")
      for _, answer in ipairs { cut, (cut:gsub("^.*%?", "")) } do
        local session, err = flow:exchange(answer, { bare = true })
        assert.is_nil(session)
        assert.matches("carries no state", err.message, 1, true)
      end
      assert.equal(0, box:count("POST /ims/token/v3"))
      for count = 1, 2 do
        local session, err = flow:exchange("wrong-code-of-canary", { bare = true })
        assert.is_nil(session)
        assert.matches("invalid_grant", err.message, 1, true)
        assert.equal("give the whole address that the browser came back to", err.hint)
        assert.is_false(flow:is_over())
        assert.equal(count, box:count("POST /ims/token/v3"))
      end
      local session <close> = assert(flow:exchange(url))
      assert.is_true(session:state().has_access_token)
      assert.is_true(flow:is_over())
    end)

  it("is not ended by any number of answers with another state, and never asks IMS for one",
    function()
      local box <close> = support.sandbox(BOX)
      local flow = accs.oauth.authorization(settings(box, "web"))
      local url = browse(flow.url)
      local state = state_of(flow)
      local wrong = { "?code=abcdefgh&state=x", "?code=abcdefgh&state=" .. state:sub(1, -2),
        "?code=abcdefgh&state=" .. state .. "x", "?error=access_denied&state=x",
        "?error=access_denied", "?code=abcdefgh", "?state=" .. state, "garbage", "",
        "?code=a&code=b&state=" .. state, { code = "abcdefgh" }, {} }
      for _ = 1, 3 do
        for _, answer in ipairs(wrong) do
          local session, err = flow:exchange(answer)
          assert.is_nil(session)
          assert.equal("auth", err.kind)
          assert.is_nil(tostring(err):find(state, 1, true))
          assert.is_false(flow:is_over())
        end
      end
      assert.equal(0, box:count("POST /ims/token/v3"))
      local session <close> = assert(flow:exchange(url))
      assert.is_true(session:state().has_access_token)
    end)

  it("is used up by the answer with its state, once", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web"))
    local url = browse(flow.url)
    local session <close> = assert(flow:exchange(url))
    assert.truthy(session)
    for _ = 1, 2 do
      local again, err = flow:exchange(url)
      assert.is_nil(again)
      assert.matches("this sign-in is over", err.message, 1, true)
    end
    assert.equal(1, box:count("POST /ims/token/v3"))
  end)

  it("is used up by an exchange that fails, too, and says that another is to be begun", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web"))
    local session, err = flow:exchange("?code=wrong-code-of-canary&state=" .. state_of(flow))
    assert.is_nil(session)
    assert.equal("auth", err.kind)
    assert.matches("invalid_grant", err.message, 1, true)
    assert.matches("begin the sign-in again", err.hint, 1, true)
    assert.is_nil(tostring(err):find("canary", 1, true))
    assert.is_true(flow:is_over())
    session, err = flow:exchange(browse(flow.url))
    assert.is_nil(session)
    assert.matches("over", err.message, 1, true)
    assert.equal(1, box:count("POST /ims/token/v3"))
  end)

  it("is used up while IMS is down, too, with the network's own error", function()
    local box = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web",
      { attempts = 1, connect_timeout = 2, timeout = 3 }))
    local url = browse(flow.url)
    box:close()
    local session, err = flow:exchange(url)
    assert.is_nil(session)
    assert.equal("network", err.kind)
    assert.is_true(flow:is_over())
  end)

  it("says who refused, and what to do", function()
    local box <close> = support.sandbox { products = 1, orders = 1, customers = 1,
      args = { "--deny" } }
    local flow = accs.oauth.authorization(settings(box, "web"))
    local session, err = flow:exchange(browse(flow.url))
    assert.is_nil(session)
    assert.equal("auth", err.kind)
    assert.equal("the sign-in was refused: access_denied: the user refused", err.message)
    assert.matches("sign in again and accept", err.hint, 1, true)
    assert.is_true(flow:is_over())
    assert.equal(0, box:count("POST /ims/token/v3"))
  end)

  local REFUSALS = {
    access_denied = "did not agree", invalid_scope = "IMS_SCOPES",
    unauthorized_client = "of this kind", login_required = "with a browser",
    temporarily_unavailable = "later", server_error = "later", ["never%2Dheard"] = "sign in again",
  }
  for name, words in pairs(REFUSALS) do
    it("explains " .. name, function()
      local flow = accs.oauth.authorization(offline())
      local _, err = flow:exchange("?error=" .. name .. "&error_description=two%0Alines%1B[31m+"
        .. ("x"):rep(2000) .. "&state=" .. state_of(flow))
      assert.equal("auth", err.kind)
      assert.matches(words, err.hint, 1, true)
      assert.matches("two lines", err.message, 1, true)
      assert.is_true(#err.message < 420)
      assert.is_nil(err.message:find("%c"))
      assert.is_true(flow:is_over())
    end)
  end

  it("refuses an answer of another issuer, and takes its own in any spelling (RFC 9207)", function()
    local flow = accs.oauth.authorization(offline())
    local _, err = flow:exchange("?code=abcdefgh&state=" .. state_of(flow)
      .. "&iss=https%3A%2F%2Fims.example.com")
    assert.matches("another issuer", err.message, 1, true)
    assert.is_true(flow:is_over())
    local box <close> = support.sandbox(BOX)
    flow = accs.oauth.authorization(settings(box, "web"))
    local session <close> = assert(flow:exchange(browse(flow.url) .. "&iss="
      .. box.env.IMS_URL:gsub("^http", "HTTP")))
    assert.truthy(session)
  end)

  it("has IMS check the code verifier", function()
    local box <close> = support.sandbox(BOX)
    local one = accs.oauth.authorization(settings(box, "spa"))
    local other = accs.oauth.authorization(settings(box, "spa"))
    local session, err = one:exchange({ code = parameters_of(browse(other.url)).code,
      state = state_of(one) }) -- a code that was begun elsewhere, injected
    assert.is_nil(session)
    assert.matches("invalid_grant", err.message, 1, true)
  end)

  it("tells a wrong client secret from a wrong code", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web",
      { client_secret = "example-not-a-secret" }))
    local _, err = flow:exchange(browse(flow.url))
    assert.equal("auth", err.kind)
    assert.matches("invalid_client", err.message, 1, true)
    assert.matches("IMS_CLIENT_SECRET", err.hint, 1, true)
  end)

  it("lets other tasks go on", function()
    local box <close> = support.sandbox { products = 1, orders = 1, customers = 1,
      args = { "--fault", "POST /ims/token/v3:delay=0.3" } }
    local flow = accs.oauth.authorization(settings(box, "web"))
    local url = browse(flow.url)
    local ticks = 0
    local results = assert(accs.all {
      function() return flow:exchange(url) end,
      function()
        for _ = 1, 5 do
          accs.sleep(0.02)
          ticks = ticks + 1
        end
        return ticks
      end,
    })
    assert.equal(5, results[2])
    assert.is_true(results[1]:state().has_access_token)
    results[1]:close()
  end)

  it("is of one task, when several bring the answer", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web"))
    local url = browse(flow.url)
    local won, lost = 0, 0
    local function try()
      local session, err = flow:exchange(url)
      if session then
        won = won + 1
        session:close()
      else
        lost = lost + 1
        assert.matches("over", err.message, 1, true)
      end
      return true
    end
    assert(accs.all { try, try, try })
    assert.equal(1, won)
    assert.equal(2, lost)
  end)
end)

----------------------------------------------------------------------------------- id tokens

describe("an id token", function()
  -- An IMS that a test makes: what it answers to the exchange, and its keys.
  local fault = require "spec.support.fault"

  local function exchange(answer, keys, more)
    local server <close> = fault.start()
    server:script("/ims/token/v3", { { answer } })
    server:script("/ims/keys", { { keys or fault.reply(200, "{\"keys\":[]}") } })
    local options = offline {
      ims_url = server.env.IMS_URL, engine = accs.engine { max_connections = 2 },
      attempts = 1, timeout = 5 }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    local flow = accs.oauth.authorization(options)
    local session, err = flow:exchange("?code=abcdefgh&state=" .. state_of(flow))
    local state = session and session:state()
    if session then
      session:close()
    end
    return state, err
  end

  local function reply(id_token)
    return fault.reply(200, ('{"access_token":"example-token","token_type":"bearer",'
      .. '"expires_in":3600%s}'):format(id_token and ',"id_token":"' .. id_token .. '"' or ""),
      { ["Content-Type"] = "application/json" })
  end

  it("may be absent", function()
    local state = assert(exchange(reply()))
    assert.is_false(state.has_id_token)
  end)

  it("that is wrong ends the sign-in, and nothing of it is kept", function()
    local unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
    local kept, saved = {}, 0
    local store = {
      load = function(key) return kept[key] end,
      save = function(key, sealed)
        kept[key], saved = sealed, saved + 1
        return true
      end,
      remove = function(key)
        kept[key] = nil
        return true
      end,
    }
    local state, err = exchange(reply(unsigned), nil, { cache = store })
    assert.is_nil(state)
    assert.is_true(saved > 0)
    assert.is_nil((next(kept)))
    assert.equal("auth", err.kind)
    assert.matches("id token", err.message, 1, true)
  end)

  it("is believed where the keys to check it with cannot be had: it came from IMS itself",
    function()
      local unknown = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJ4In0.AAAA"
      for _, status in ipairs { 503, 403, 401, 404 } do
        local state = assert(exchange(reply(unknown), fault.reply(status, "")))
        assert.is_true(state.has_access_token)
      end
    end)

  it("with another nonce than was sent ends the sign-in", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web"))
    local changed = flow.url:gsub("nonce=[^&]+", "nonce=of-somebody-else")
    local session, err = flow:exchange(browse(changed))
    assert.is_nil(session)
    assert.equal("auth", err.kind)
    assert.matches("nonce", err.message, 1, true)
  end)

  it("without nonce is taken: that IMS repeats it is not documented", function()
    local box <close> = support.sandbox(BOX)
    local flow = accs.oauth.authorization(settings(box, "web"))
    local without = flow.url:gsub("&nonce=[^&]+", "")
    local session <close> = assert(flow:exchange(browse(without)))
    assert.is_true(session:state().has_id_token)
  end)
end)

------------------------------------------------------------------------ between two requests

describe("a serialised flow", function()
  it("is taken up by another process with the client secret", function()
    local box <close> = support.sandbox(BOX)
    local options = settings(box, "web", { offline_access = true })
    local flow = accs.oauth.authorization(options)
    local sealed = flow:serialise()
    assert.matches("^[%w_-]+$", sealed)
    for _, hidden in ipairs { state_of(flow), options.client_secret, options.client_id } do
      assert.is_nil(sealed:find(hidden, 1, true))
    end
    local script = [[
      local accs = require "accs"
      local flow = assert(accs.oauth.restore(os.getenv("SEALED"), { dotenv = false }))
      local session = assert(flow:exchange(os.getenv("ANSWER")))
      print(flow.kind, flow.offline_access, session:state().has_refresh_token)]]
    local result = support.run { "lua5.4", "-e", script, env = {
      IMS_CLIENT_ID = options.client_id, IMS_CLIENT_SECRET = options.client_secret,
      IMS_REDIRECT_URI = options.redirect_uri, IMS_URL = options.ims_url,
      SEALED = sealed, ANSWER = browse(flow.url) } }
    assert.equal("web\ttrue\ttrue\n", result.out .. result.err)
  end)

  it("is taken up with an older secret of a list, and sealed with the newest", function()
    local old = accs.oauth.authorization(offline { client_secret = "example-not-a-secret-1" })
    local sealed = old:serialise()
    local both = offline { client_secret = { "example-not-a-secret-2", "example-not-a-secret-1" } }
    assert.truthy(accs.oauth.restore(sealed, both))
    local new = accs.oauth.authorization(both):serialise()
    assert.truthy(accs.oauth.restore(new, offline { client_secret = "example-not-a-secret-2" }))
    assert.is_nil((accs.oauth.restore(new, offline { client_secret = "example-not-a-secret-1" })))
  end)

  it("of a public client needs a seal_key, as does one whose secret is a function", function()
    local public = offline { kind = "spa", client_secret = "none" }
    local err = raised(function() return accs.oauth.authorization(public):serialise() end)
    assert.equal("config", err.kind)
    assert.matches("seal_key", err.message, 1, true)
    err = raised(accs.oauth.restore, "x", public)
    assert.matches("seal_key", err.message, 1, true)
    local asked = offline { client_secret = function() return "example-not-a-secret" end }
    err = raised(function() return accs.oauth.authorization(asked):serialise() end)
    assert.matches("seal_key", err.message, 1, true)
    public.seal_key = "0123456789abcdef"
    local flow = accs.oauth.authorization(public)
    local restored = assert(accs.oauth.restore(flow:serialise(), public))
    assert.equal("spa", restored.kind)
    assert.equal(state_of(flow), state_of(restored))
  end)

  it("is bound to client id, redirect URI, kind and IMS", function()
    local sealed = accs.oauth.authorization(offline { seal_key = "0123456789abcdef" }):serialise()
    local others = {
      { client_id = "other" }, { redirect_uri = "https://localhost/other" },
      { ims_url = "https://ims-na1-stg1.adobelogin.com" },
      { kind = "spa", client_secret = "none" }, { seal_key = "0123456789abcdeg" },
      { seal_key = "none" },
    }
    for _, other in ipairs(others) do
      other.seal_key = other.seal_key or "0123456789abcdef"
      local flow, err = accs.oauth.restore(sealed, offline(other))
      assert.is_nil(flow)
      assert.equal("auth", err.kind)
      assert.matches("no sign-in that was begun here", err.message, 1, true)
    end
    assert.truthy(accs.oauth.restore(sealed, offline { seal_key = "0123456789abcdef" }))
  end)

  it("cannot be changed in any character, cut, or made up", function()
    local sealed = accs.oauth.authorization(offline()):serialise()
    for at = 1, #sealed do
      local other = sealed:sub(at, at) == "A" and "B" or "A"
      local changed = sealed:sub(1, at - 1) .. other .. sealed:sub(at + 1)
      assert.is_nil((accs.oauth.restore(changed, offline())))
      assert.is_nil((accs.oauth.restore(sealed:sub(1, at - 1), offline())))
    end
    for _, wrong in ipairs { "", "x", "{}", ("A"):rep(400), 5, true, {} } do
      assert.is_nil((accs.oauth.restore(wrong, offline())))
    end
    assert.is_nil((accs.oauth.restore(nil, offline())))
  end)

  it("is of use for ten minutes", function()
    local flow = accs.oauth.authorization(offline())
    local clock = os.time
    local sealed = flow:serialise()
    local function restored_after(seconds)
      os.time = function() return clock() + seconds end -- luacheck: ignore 122
      local restored, err = accs.oauth.restore(sealed, offline())
      os.time = clock -- luacheck: ignore 122
      return restored, err
    end
    assert.truthy(restored_after(590))
    local late, err = restored_after(601)
    assert.is_nil(late)
    assert.matches("too long", err.message, 1, true)
    assert.truthy(restored_after(-3600)) -- a clock that was set back
  end)

  it("is taken once by a process, however often it is restored", function()
    local box <close> = support.sandbox(BOX)
    local options = settings(box, "web")
    local flow = accs.oauth.authorization(options)
    local sealed, url = flow:serialise(), browse(flow.url)
    local first = assert(accs.oauth.restore(sealed, options))
    local second = assert(accs.oauth.restore(sealed, options))
    local session <close> = assert(first:exchange(url))
    assert.truthy(session)
    for _, other in ipairs { flow, second, assert(accs.oauth.restore(sealed, options)) } do
      assert.is_true(other:is_over())
      local again, err = other:exchange(url)
      assert.is_nil(again)
      assert.matches("over", err.message, 1, true)
    end
    assert.equal(1, box:count("POST /ims/token/v3"))
  end)
end)

------------------------------------------------------------------------------------- secrecy

describe("nothing that is secret", function()
  it("shows in errors, events or what a flow prints", function()
    local box <close> = support.sandbox(BOX)
    local seen = {}
    local function hear(text)
      seen[#seen + 1] = tostring(text)
    end
    local function event(e)
      for _, value in pairs(e) do
        hear(value)
      end
    end
    local options = settings(box, "web", { on_event = event, offline_access = true })
    local flow = accs.oauth.authorization(options)
    for name, value in pairs(flow) do
      if name ~= "url" then
        hear(value)
      end
    end
    hear(flow)
    local url = browse(flow.url)
    local code = parameters_of(url).code
    hear(select(2, flow:exchange("?code=" .. code .. "&state=wrong-state-of-canary")))
    hear(select(2, flow:exchange(code)))
    local session <close> = assert(flow:exchange(url))
    hear(select(2, flow:exchange(url)))
    hear(session)
    local failed = accs.oauth.authorization(options)
    hear(select(2, failed:exchange("?code=" .. code .. "&state=" .. state_of(failed))))
    accs.sleep(0.05)
    assert.is_true(#seen > 5)
    local all = table.concat(seen, "\n")
    assert.matches("acquired", all, 1, true) -- the events are among them
    local secrets = { code, options.client_secret, state_of(flow), state_of(failed),
      "wrong-state-of-canary", assert(session:token()) }
    for _, secret in ipairs(secrets) do
      assert.is_true(#secret > 10)
      assert.is_nil(all:find(secret, 1, true))
    end
  end)
end)
