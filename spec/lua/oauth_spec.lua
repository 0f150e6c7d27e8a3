-- Sign-in of a person: what its options may be, and the session that is kept.
local accs = require "accs"
local sign_in = require "spec.support.sign_in"
local support = require "spec.support"

local BOX = { products = 1, orders = 1, customers = 1 }
local settings, offline = sign_in.settings, sign_in.offline
local browse, raised = sign_in.browse, sign_in.raised

------------------------------------------------------------------------------------ mistakes

describe("a mistake in the options", function()
  local public = { client_secret = "none" }
  local function with(more)
    local all = {}
    for name, value in pairs(public) do all[name] = value end
    for name, value in pairs(more) do all[name] = value end
    return all
  end
  local CASES = {
    { { redirect_uri = "none" }, "redirect_uri is missing" },
    { { client_id = "none" }, "client_id is missing" },
    { { client_secret = "none" }, "client_secret is missing, which kind web has" },
    { { kind = "desktop" }, 'kind must be "web", "spa" or "native"' },
    { { redirect_uri = "http://localhost:8080/cb" }, "must begin with https:// for kind web" },
    { { redirect_uri = "com.example.app:/cb" }, "must begin with https:// for kind web" },
    { with { kind = "spa", redirect_uri = "http://127.0.0.1/cb" },
      "must begin with https:// for kind spa, on localhost too" },
    { with { kind = "native", redirect_uri = "https://shop.example.com/cb" },
      "of kind native has a scheme of its own" },
    { with { kind = "native", redirect_uri = "javascript:alert(1)" }, "absolute address" },
    { { redirect_uri = "/cb" }, "absolute address" },
    { { redirect_uri = "https://localhost/cb#x" }, "without fragment" },
    { { redirect_uri = "https://localhost/c b" }, "without fragment (#) and blanks" },
    { { redirect_uri = "https://me@localhost/cb" }, "without user name" },
    { with { kind = "spa", offline_access = true }, "offline_access: kind spa gets no refresh" },
    { with { kind = "native", offline_access = true, redirect_uri = "com.example.app:/cb" },
      "offline_access: kind native gets no refresh" },
    { with { kind = "spa", pkce = false }, "pkce: kind spa cannot do without it" },
    { { kind = "spa" }, "client_secret: kind spa is public" },
    { { offline_access = "yes" }, "offline_access must be true or false" },
    { { pkce = 1 }, "pkce must be true or false" },
    { { seal_key = "short" }, "seal_key must be a string of 16 bytes" },
    { { access_token = "example" }, "access_token has no place" },
    { { auth = "server" }, "auth has no place" },
    { { redirect_url = "x" }, 'unknown option "redirect_url" (did you mean "redirect_uri"?)' },
    { { ims_url = "http://ims.example.com" }, "ims_url" },
  }
  for index, case in ipairs(CASES) do
    it(("%d is told in one line: %s"):format(index, case[2]), function()
      local err = raised(accs.oauth.authorization, offline(case[1]))
      assert.equal("config", err.kind)
      assert.matches(case[2], err.message, 1, true)
      assert.is_nil(tostring(err):find("\n", 1, true))
      assert.is_nil(tostring(err):find("example-not-a-secret", 1, true))
    end)
  end

  it("is none in these redirect URIs", function()
    for uri, kind in pairs {
      ["https://localhost/cb"] = "web", ["https://shop.example.com:8443/a/b?c=d"] = "web",
      ["https://127.0.0.1:8443/"] = "spa", ["https://localhost:8443"] = "native",
      ["http://localhost:8080/cb"] = "native", ["http://[::1]:8080/cb"] = "native",
      ["com.example.app:/cb"] = "native", ["adobe+0123abc://adobeid/example"] = "native",
    } do
      local secret = kind == "web" and "example-not-a-secret" or "none"
      assert.truthy(accs.oauth.authorization(offline {
        redirect_uri = uri, kind = kind, client_secret = secret }).url)
    end
  end)

  it("is raised as plain text where the program passes something else", function()
    assert.error_matches(function() accs.oauth.authorization("x") end, "must be a table")
    local flow = accs.oauth.authorization(offline())
    assert.error_matches(function() flow:exchange("x", true) end, "must be a table")
  end)
end)

------------------------------------------------------------------------------------ sessions

describe("a stored session", function()
  it("of a public client is not kept as a .env says, whatever secret stands beside", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env",
      "ACCS_CACHE=./canary\nACCS_CACHE_KEY=canary\nIMS_CLIENT_SECRET=bait\n")
    local given = offline { client_secret = "none", dotenv = path, kind = "spa" }
    for _, begin in ipairs { accs.oauth.authorization, accs.oauth.session } do
      assert.matches("the tokens of a session are not kept", raised(begin, given).message, 1, true)
    end
  end)

  it("is found again by another process, sealed in between", function()
    local box <close> = support.sandbox(BOX)
    local dir <close> = support.temp_dir()
    local options = settings(box, "web", { cache = dir.path .. "/cache", offline_access = true,
      session = "reports" })
    local flow = accs.oauth.authorization(options)
    local session = assert(flow:exchange(browse(flow.url)))
    local token = assert(session:token())
    session:close()
    local script = [[
      local accs = require "accs"
      local session, err = accs.oauth.session { dotenv = false, session = os.getenv("SESSION") }
      local state = session and session:state() or {}
      print(session and session:token() or err.kind, state.has_refresh_token)]]
    local function look(name, more)
      local env = { IMS_CLIENT_ID = options.client_id, IMS_CLIENT_SECRET = options.client_secret,
        IMS_URL = options.ims_url, ACCS_CACHE = options.cache, SESSION = name }
      for key, value in pairs(more or {}) do
        env[key] = value
      end
      local result = support.run { "lua5.4", "-e", script, env = env }
      return result.out .. result.err
    end
    assert.equal(token .. "\ttrue\n", look("reports"))
    assert.equal("auth\tnil\n", look("other"))
    assert.equal("auth\tnil\n", look("reports", { IMS_CLIENT_ID = "other" }))
    assert.equal("auth\tnil\n", look("reports", { IMS_CLIENT_SECRET = "example-not-a-secret" }))
    assert.equal(1, box:count("POST /ims/token/v3"))
    local found = support.run { "grep", "-rlF", token, dir.path }
    assert.equal("", found.out)
  end)

  it("is not there before a sign-in, and nobody is asked", function()
    local box <close> = support.sandbox(BOX)
    local dir <close> = support.temp_dir()
    local session, err = accs.oauth.session { client_id = "sandbox-native", dotenv = false,
      ims_url = box.env.IMS_URL, cache = dir.path .. "/cache", kind = "native" }
    assert.is_nil(session)
    assert.equal("auth", err.kind)
    assert.equal(0, box:count("POST /ims/token/v3"))
  end)

  it("of a public client needs no secret", function()
    local box <close> = support.sandbox(BOX)
    local dir <close> = support.temp_dir()
    local options = settings(box, "spa", { cache = dir.path .. "/cache" })
    local flow = accs.oauth.authorization(options)
    assert(flow:exchange(browse(flow.url))):close()
    local session <close> = assert(accs.oauth.session { client_id = options.client_id,
      ims_url = options.ims_url, cache = options.cache, dotenv = false,
      engine = accs.engine { max_connections = 2 } })
    assert.is_true(session:state().has_access_token)
  end)

  it("needs a client id", function()
    local err = raised(accs.oauth.session, { dotenv = false })
    assert.equal("config", err.kind)
    assert.matches("client_id is missing", err.message, 1, true)
  end)
end)
