local errors = require "accs.error"
local options = require "accs.options"
local support = require "spec.support"

local ADOBE = "https://na1.api.commerce.adobe.com/example"

local function full(extra)
  local given = {
    base_url = ADOBE, client_id = "id", client_secret = "canary-secret", dotenv = false,
  }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  return given
end

local function resolve(given, variables)
  return options.resolve(given, function(name)
    return (variables or {})[name]
  end)
end

-- The line of the error that is raised; it must be one of kind config, and hold no secret.
local function refusal(given, variables)
  local ok, problem = pcall(resolve, given, variables)
  assert.is_false(ok)
  assert.is_true(errors.is(problem), tostring(problem))
  assert.equal("config", problem.kind)
  local line = tostring(problem)
  assert.is_nil(line:find("canary", 1, true), line)
  assert.is_nil(line:find("\n", 1, true))
  return line
end

describe("the value of an option", function()
  it("comes from the program before the environment, before .env, before the default", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env",
      "ACCS_STORE=file\nACCS_TIMEOUT=3\nACCS_ATTEMPTS=2\n")
    local variables = { ACCS_STORE = "env", ACCS_TIMEOUT = "4" }
    local values, sources = resolve(full { dotenv = path, store = "given" }, variables)
    assert.equal("given", values.store)
    assert.equal("option", sources.store.kind)
    assert.equal(4, values.timeout)
    assert.equal("environment", sources.timeout.kind)
    assert.equal("the environment (ACCS_TIMEOUT)", sources.timeout.words)
    assert.equal(2, values.attempts)
    assert.equal("integer", math.type(values.attempts))
    assert.equal("dotenv", sources.attempts.kind)
    assert.equal(path .. " (ACCS_ATTEMPTS)", sources.attempts.words)
    assert.equal(100, values.page_size)
    assert.equal("default", sources.page_size.kind)
  end)

  it("has the default of the core, where it is a number", function()
    local limits, seen = {}, 0
    for id, value, unit in support.read_file("csrc/core/limits.h")
      :gmatch('X%(([%w_]+), [%w_]+, ([%d.]+), "([^"]*)"') do
      limits[id:lower()] = tonumber(value) / (unit == "ms" and 1000 or 1)
    end
    for _, option in ipairs(options.list) do
      if type(option.default) == "number" and option.name ~= "page_size" then -- not the core's
        assert.equal(limits[option.name], option.default, option.name)
        assert.is_string(option.unit, option.name)
        seen = seen + 1
      end
    end
    assert.is_true(seen >= 12)
  end)

  it("is not kept as text beside the value", function()
    local _, sources = resolve(full(), { ACCS_STORE = "canary" })
    for _, value in pairs(sources.store) do
      assert.is_nil(tostring(value):find("canary", 1, true))
    end
  end)

  it("can come from every variable that the list names", function()
    local texts = { text = "https://x.adobe.com", seconds = "7", count = "7", share = "0.7",
      flag = "true", scopes = "commerce.accs", secret = '["a", "b"]', cache = "./folder",
      auth = "user" }
    local seen = 0
    for _, option in ipairs(options.list) do
      if option.env then
        local variables = { API_ENDPOINT = ADOBE, IMS_CLIENT_ID = "i", IMS_CLIENT_SECRET = "s" }
        variables[option.env] = option.choices and tostring(option.choices[1])
          or texts[option.type]
        local values, sources = resolve({ dotenv = false }, variables)
        assert.equal("environment", sources[option.name].kind, option.name)
        assert.is_not_nil(values[option.name], option.name)
        seen = seen + 1
      end
    end
    assert.is_true(seen >= 20)
  end)

  it("is unset when the variable is empty", function()
    local values = resolve(full(), { ACCS_STORE = "", IMS_URL = "" })
    assert.is_nil(values.store)
    assert.equal("https://ims-na1.adobelogin.com", values.ims_url)
  end)

  it("reads the .env of the current folder, unless told not to", function()
    local dir <close> = support.temp_dir()
    support.write_file(dir.path .. "/.env", "API_ENDPOINT=" .. ADOBE
      .. "\nIMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s\nACCS_STORE=here\n")
    local script = "print((require('accs.options').resolve(%s)).store)"
    local function run(given)
      return support.run { "lua5.4", "-e", script:format(given), cwd = dir.path }
    end
    assert.equal("here\n", run("{}").out)
    assert.matches("base_url is missing", run("{ dotenv = false }").err)
  end)

  it("says what is wrong in a broken .env, by its number", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env", "A=1\nIMS_CLIENT_SECRET='canary\n")
    assert.matches("%.env:2: ", refusal(full { dotenv = path }))
    assert.matches("cannot read /nonexistent", refusal(full { dotenv = "/nonexistent" }))
  end)

  it("is found misspelt in .env, but not in the environment, which is others' too", function()
    local dir <close> = support.temp_dir()
    local path = dir.path .. "/.env"
    support.write_file(path, "ACCS_STORE=x\nACCS_TIMOUT=canary\nACCS_ZZ=canary\n")
    assert.equal("accs: config: " .. path
      .. ': unknown variable "ACCS_TIMOUT" (did you mean "ACCS_TIMEOUT"?)',
      refusal(full { dotenv = path }):match("^[^\n]-%)"))
    local variables, lines = { ACCS_TIMOUT = "3" }, { "IMS_TOKEN=x", "API_KEY=x", "MY_ACCS_X=x" }
    for _, option in ipairs(options.list) do
      if option.env and option.env:find("^ACCS_") then
        lines[#lines + 1] = option.env .. "="
      end
    end
    assert.is_true(#lines > 20)
    support.write_file(path, table.concat(lines, "\n"))
    assert.equal("canary-secret", resolve(full { dotenv = path }, variables).client_secret)
  end)
end)

describe("an option", function()
  local REFUSED = {
    { { tiemout = 1 }, 'unknown option "tiemout" %(did you mean "timeout"%?%)' },
    { { clientid = "x" }, 'did you mean "client_id"' },
    { { something_else = 1 }, 'unknown option "something_else"$' },
    { { [1] = "x" }, 'unknown option "1"' },
    { { timeout = "5" }, "timeout must be a number of seconds.*not '5'$" },
    { { cache_key = "" }, "cache_key must be a string.*, not an empty one$" },
    { { cache = "flie" }, "cache must be memory.*, not 'flie'$" },
    { { auth = "canary@" }, "auth must be .*, not other text$" },
    { { store = "canary\n" }, "store must be .*, not other text$" },
    { { timeout = -1 }, "timeout must be" },
    { { timeout = 0 / 0 }, "timeout must be" },
    { { timeout = math.huge }, "timeout must be" },
    { { attempts = 0 }, "attempts must be a whole number from 1" },
    { { attempts = 1.5 }, "attempts must be a whole number.*not float" },
    { { retry_budget = 1.1 }, "retry_budget must be a number from 0 to 1" },
    { { retry_budget = -0.1 }, "retry_budget must be" },
    { { min_tls = "1.1" }, 'min_tls must be "1.2" or "1.3"$' },
    { { min_tls = 1.3 }, 'min_tls must be "1.2" or "1.3"$' },
    { { ip_version = 5 }, "ip_version must be 4 or 6$" },
    { { http_version = "3" }, 'http_version must be "1.1" or "2"$' },
    { { http_version = 2 }, 'http_version must be "1.1" or "2"$' },
    { { log = "loud" }, 'log must be "error", "warn", "info", "debug" or "off"$' },
    { { no_proxy = "" }, "no_proxy must be" },
    { { client_cert = 5 }, "client_cert must be a string" },
    { { client_key_password = "\n" }, "client_key_password must be" },
    { { retry_budget = "0.1" }, "retry_budget must be.*not '0.1'" },
    { { retry_budget_min = 0 }, "retry_budget_min must be a whole number from 1" },
    { { backoff = -1 }, "backoff must be a number of seconds" },
    { { page_size = true }, "page_size must be.*not boolean" },
    { { client_secret = 5 }, "client_secret must be a string, a list.*or a function, not integer" },
    { { client_secret = "canary\r\nX: y" }, "client_secret must be" },
    { { client_secret = {} }, "client_secret must be a string, a list of 1 to 8 strings" },
    { { client_secret = { "canary", "" } }, "client_secret must be a string, a list" },
    { { client_secret = { "canary", 5 } }, "client_secret must be a string, a list" },
    { { client_secret = { "canary", name = "canary" } }, "client_secret must be a string, a list" },
    { { client_secret = { "1", "2", "3", "4", "5", "6", "7", "8", "canary" } },
      "client_secret must be a string, a list of 1 to 8" },
    { { client_secret = { "canary", nil, "canary" } }, "client_secret must be.*without holes" },
    { { client_secret = { nil, "canary" } }, "client_secret must be.*without holes" },
    { { client_secret = { [1] = "canary", [5] = "canary" } }, "client_secret.*without holes" },
    { { base_url = "https://user:canary@example.com/x" }, "base_url.*holds a user name" },
    { { ims_url = "https://canary@example.com" }, "ims_url.*holds a user name" },
    { { cache = true }, "cache must be memory, file, a folder.*not boolean" },
    { { cache = "somewhere" }, "cache must be memory, file, a folder %(with a / in it%)" },
    { { cache = "" }, "cache must be" },
    { { cache = "rediss://user:canary@localhost" }, "cache must be memory.*not other text" },
    { { cache = "redis://" }, "cache must be memory" },
    { { cache = "~somebody/x" }, "cache must be a folder that is spelled out" },
    { { cache = {} }, "cache must be a store table with the functions load and save" },
    { { cache = { load = print, save = "canary" } }, "cache must be a store table" },
    { { cache = { load = print, save = print, remove = 5 } }, "cache must be a store table" },
    { { cache = { load = print, save = print, lock = print } }, "with both of lock and unlock" },
    { { cache_key = "" }, "cache_key must be" },
    { { cache_key = 5 }, "cache_key must be a string" },
    { { lock_timeout = -1 }, "lock_timeout must be a number of seconds" },
    { { auth = "anybody" }, 'auth must be "server", "user" or a session' },
    { { auth = {} }, 'auth must be "server", "user" or a session' },
    { { auth = setmetatable({}, { __name = "other" }) }, 'auth must be "server", "user"' },
    { { session = "" }, "session must be" },
    { { redirect_uri = 5 }, "redirect_uri must be a string" },
    { { client_id = "" }, "client_id must be" },
    { { read_only = "yes" }, "read_only must be true or false" },
    { { on_event = "x" }, "on_event must be a function" },
    { { codec = { encode = print } }, "codec must be a table with the functions" },
    { { scopes = 5 }, "scopes must be a string or a list" },
    { { scopes = { 5 } }, "scopes must be" },
    { { scopes = "a\1" }, "scopes must be" },
    { { dotenv = 5 }, "dotenv must be a path, or false" },
    { { base_url = "http://example.com/x" }, "base_url.*must begin with https://" },
    { { ims_url = "http://example.com" }, "ims_url.*must begin with https://" },
    { { base_url = "example.com/x" }, "base_url" },
    { { base_url = "ftp://example.com/x" }, "base_url" },
  }
  for index, case in ipairs(REFUSED) do
    it(("is refused in case %d: %s"):format(index, case[2]), function()
      assert.matches(case[2], refusal(full(case[1])))
    end)
  end

  it("takes whole floats as counts, and 0 s as hardly any time", function()
    local values = resolve(full { attempts = 3.0, max_retry_after = 0 })
    assert.equal("integer", math.type(values.attempts))
    assert.is_true(values.max_retry_after > 0 and values.max_retry_after <= 0.001)
  end)

  it("reads numbers of the environment strictly", function()
    for _, text in ipairs { "1e3", "0x10", " 5", "5s", "-1", "5,5", "nan", "inf" } do
      assert.matches("timeout from the environment %(ACCS_TIMEOUT%) must be",
        refusal(full(), { ACCS_TIMEOUT = text }))
    end
    assert.matches("attempts from the environment", refusal(full(), { ACCS_ATTEMPTS = "2.5" }))
    assert.equal(2.5, (resolve(full(), { ACCS_TIMEOUT = "2.5" })).timeout)
    assert.matches("read_only from", refusal(full(), { ACCS_READ_ONLY = "maybe" }))
    assert.is_false((resolve(full(), { ACCS_READ_ONLY = "0" })).read_only)
    assert.is_true((resolve(full(), { ACCS_READ_ONLY = "true" })).read_only)
  end)

  it("takes http to this machine", function()
    for _, url in ipairs { "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x" } do
      assert.equal(url, (resolve(full { base_url = url })).base_url)
    end
  end)

  it("that is missing is named with its variable", function()
    local given = { dotenv = false }
    assert.matches("base_url is missing: set API_ENDPOINT", refusal(given))
    given.base_url = ADOBE
    assert.matches("client_id is missing: set IMS_CLIENT_ID", refusal(given))
    given.client_id = "x"
    assert.matches("client_secret is missing: set IMS_CLIENT_SECRET", refusal(given))
    given.client_id, given.access_token = nil, "token"
    assert.equal("token", (resolve(given)).access_token)
  end)
end)

describe("client_secret", function()
  it("is text, a list, or a function", function()
    local list = { "new", "old" }
    local values = resolve(full { client_secret = list })
    assert.same({ "new", "old" }, values.client_secret)
    assert.is_false(rawequal(list, values.client_secret)) -- the program may change its own
    assert.equal(print, (resolve(full { client_secret = print })).client_secret)
  end)

  it("is a list in a variable that begins with a bracket", function()
    local given = { base_url = ADOBE, client_id = "id", dotenv = false }
    local function from(text)
      return (resolve(given, { IMS_CLIENT_SECRET = text })).client_secret
    end
    assert.same({ "new", "old" }, from('["new","old"]'))
    assert.same({ "one" }, from(' [ "one" ]'))
    assert.equal('p8e-["x"]', from('p8e-["x"]'))
    local function assert_refused(text, words)
      local line = refusal(given, { IMS_CLIENT_SECRET = text })
      assert.matches("client_secret from the environment %(IMS_CLIENT_SECRET%) " .. words, line)
    end
    for _, text in ipairs { '["canary"', "[canary]", "[" } do
      assert_refused(text, "begins with %[ and is no JSON list: it is broken$")
    end
    for _, text in ipairs { "[]", '["canary",5]', '[["canary"]]' } do
      assert_refused(text, "must be")
    end
  end)
end)

describe("cache", function()
  it("is memory unless set", function()
    assert.equal("memory", (resolve(full())).cache)
    assert.equal("memory", (resolve(full { cache = false })).cache)
  end)

  it("takes what the list names", function()
    local store = { load = print, save = print, lock = print, unlock = print, remove = print }
    for _, value in ipairs { "memory", "file", "/var/cache/x", "./x", "~/x", "x/y",
      "redis://localhost", "redis://user:word@localhost:6379/2", store } do
      assert.equal(value, (resolve(full { cache = value })).cache)
    end
    assert.equal("./x", (resolve(full(), { ACCS_CACHE = "./x" })).cache)
  end)
end)

describe("the credentials that there must be", function()
  it("are those of whose tokens are wanted", function()
    local given = { base_url = ADOBE, dotenv = false, auth = "user" }
    assert.matches("client_id is missing: set IMS_CLIENT_ID", refusal(given))
    given.client_id = "id"
    assert.is_nil((resolve(given)).client_secret)
    assert.equal("default", (resolve(given)).session)
    given.auth = "server"
    assert.matches("client_secret is missing", refusal(given))
  end)

  it("are a session's own", function()
    local session = setmetatable({}, { __name = "accs.Auth" })
    local values = resolve({ base_url = ADOBE, dotenv = false, auth = session },
      { ACCS_ACCESS_TOKEN = "left over", IMS_CLIENT_SECRET = "left over" })
    assert.equal(session, values.auth)
    assert.is_nil(values.access_token)
    assert.is_nil(values.client_secret)
  end)

  it("are those that whoever asks names", function()
    local values = options.resolve({ client_id = "id", dotenv = false }, function() end,
      { "client_id" })
    assert.is_nil(values.base_url)
    local ok, problem = pcall(options.resolve, { client_id = "id", dotenv = false },
      function() end, { "client_id", "redirect_uri" })
    assert.is_false(ok)
    assert.matches("redirect_uri is missing: set IMS_REDIRECT_URI", tostring(problem))
  end)

  it("are a ready token's where that comes from a source as strong as what says user", function()
    local given = { base_url = ADOBE, client_id = "id", dotenv = false }
    local values = resolve(given, { ACCS_ACCESS_TOKEN = "x", ACCS_AUTH = "user" })
    assert.equal("x", values.access_token)
    assert.equal("server", values.auth)
    given.auth = "user"
    values = resolve(given, { ACCS_ACCESS_TOKEN = "left over" })
    assert.is_nil(values.access_token)
    assert.equal("user", values.auth)
  end)
end)

describe("scopes", function()
  local FULL = "AdobeID,openid,email,profile,additional_info.roles,"
    .. "additional_info.projectedProductContext,commerce.accs"

  it("are Adobe's full list unless set", function()
    assert.equal(FULL, (resolve(full())).scopes)
  end)

  it("have one spelling for one set, and commerce.accs always", function()
    for _, scopes in ipairs { "openid,AdobeID,zeta,beta", "beta zeta  AdobeID openid,openid",
      { "zeta", "AdobeID", "openid", "beta" },
      { "openid,zeta", "AdobeID beta", "commerce.accs" } } do
      local values = resolve(full { scopes = scopes })
      assert.equal("AdobeID,openid,commerce.accs,beta,zeta", values.scopes)
    end
    assert.equal("commerce.accs", (resolve(full { scopes = {} })).scopes)
  end)
end)

describe("a secret", function()
  local FOREIGN = {
    IMS_URL = "https://example.com", API_ENDPOINT = "https://example.com/x",
    ACCS_CA_FILE = "/tmp/ca.pem", ACCS_PROXY = "http://example.com:3128",
  }
  local NAMES = { IMS_URL = "ims_url", API_ENDPOINT = "base_url", ACCS_CA_FILE = "ca_file",
    ACCS_PROXY = "proxy" }

  local function dotenv(dir, key, value)
    return support.write_file(dir.path .. "/.env", key .. "=" .. value .. "\n")
  end

  for key, value in pairs(FOREIGN) do
    it("of the environment goes nowhere on the word of .env: " .. key, function()
      local dir <close> = support.temp_dir()
      local variables = { API_ENDPOINT = ADOBE, IMS_CLIENT_ID = "i", IMS_CLIENT_SECRET = "canary" }
      variables[key] = nil
      local line = refusal({ dotenv = dotenv(dir, key, value) }, variables)
      assert.matches("client_secret comes from the environment %(IMS_CLIENT_SECRET%)", line)
      assert.matches(NAMES[key] .. " from .*%.env %(" .. key .. "%)", line)
    end)
  end

  it("goes nowhere on the word of a CA file that is named like an address of Adobe", function()
    local dir <close> = support.temp_dir()
    local path = dotenv(dir, "ACCS_CA_FILE", "https://x.adobe.com/ca.pem") -- a relative path, too
    assert.matches("ca_file from", refusal(full { dotenv = path }))
  end)

  it("of the options neither, nor a token", function()
    local dir <close> = support.temp_dir()
    local path = dotenv(dir, "IMS_URL", "https://example.com")
    assert.matches("client_secret comes from the option", refusal(full { dotenv = path }))
    assert.matches("access_token comes from the option",
      refusal { base_url = ADOBE, access_token = "canary", dotenv = path })
  end)

  it("of the options is not sent past its proxy on the word of .env", function()
    local dir <close> = support.temp_dir()
    local path = dotenv(dir, "ACCS_NO_PROXY", "*")
    local proxy = "http://user:canary@proxy.example.com:3128"
    assert.matches("proxy comes from the option proxy, but no_proxy from",
      refusal(full { dotenv = path, proxy = proxy }))
    assert.equal("*", resolve(full { dotenv = path }).no_proxy) -- no proxy to go past
  end)

  it("of a proxy is not shown to whom .env trusts", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env",
      "IMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s\nACCS_CA_FILE=/tmp/ca.pem\n")
    local given = { dotenv = path, base_url = ADOBE, proxy = "https://user:canary@127.0.0.1:3128" }
    assert.matches("proxy comes from the option proxy, but ca_file from", refusal(given))
    given.proxy = "https://127.0.0.1:3128"
    assert.equal("/tmp/ca.pem", resolve(given).ca_file)
  end)

  it("that is a key is not used towards whom .env names", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env",
      "IMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s\nAPI_ENDPOINT=https://example.com/x\n")
    for _, name in ipairs { "client_cert", "client_key" } do
      assert.matches(name .. " comes from the option", refusal { dotenv = path, [name] = "x.pem" })
    end
  end)

  it("may have its pin, its TLS and its way named by .env: they widen no trust", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env", "ACCS_PIN=sha256//AAAA\nACCS_MIN_TLS=1.3\n"
      .. "ACCS_IP_VERSION=6\nACCS_HTTP_VERSION=1.1\n")
    local values = resolve(full { dotenv = path })
    assert.equal("sha256//AAAA", values.pin)
    assert.equal("1.3", values.min_tls)
    assert.equal("integer", math.type(values.ip_version))
    assert.equal(6, values.ip_version)
    assert.equal("1.1", values.http_version)
  end)

  for key, value in pairs { ACCS_CACHE = "./canary", ACCS_CACHE_KEY = "canary" } do
    it("seals no tokens as .env says, nor has them kept there: " .. key, function()
      local dir <close> = support.temp_dir()
      local path = dotenv(dir, key, value)
      local name = key:sub(6):lower()
      local line = refusal(full { dotenv = path })
      assert.matches("client_secret comes from the option client_secret, but " .. name
        .. " from .*%.env %(" .. key .. "%): a secret goes nowhere", line)
      assert.is_nil(line:find("Adobe's own", 1, true))
      assert.matches("access_token comes from", refusal { base_url = ADOBE, access_token = "canary",
        dotenv = path })
    end)
  end

  it("may have its tokens kept in memory and in the user's own folder on the word of .env",
    function()
      local dir <close> = support.temp_dir()
      for _, value in ipairs { "memory", "file" } do
        assert.equal(value, (resolve(full { dotenv = dotenv(dir, "ACCS_CACHE", value) })).cache)
      end
    end)

  it("that is a person's session goes to no address of .env", function()
    local dir <close> = support.temp_dir()
    local session = setmetatable({}, { __name = "accs.Auth" })
    for key, value in pairs(FOREIGN) do
      if key ~= "IMS_URL" then
        local path = dotenv(dir, key, value)
        local given = { dotenv = path, client_id = "id", auth = session,
          base_url = key ~= "API_ENDPOINT" and ADOBE or nil }
        local words = NAMES[key] .. " comes from .*%.env %(" .. key .. "%) and is not Adobe's own"
        assert.matches(words, refusal(given))
        given.auth = "user"
        assert.matches(words, refusal(given))
      end
    end
    local path = dotenv(dir, "API_ENDPOINT", ADOBE)
    assert.equal(ADOBE, (resolve { dotenv = path, client_id = "id", auth = "user" }).base_url)
  end)

  it("that is a person's session is kept and sealed as .env says only with a secret of its own",
    function()
      local dir <close> = support.temp_dir()
      for line, name in pairs {
        ["ACCS_CACHE=./canary"] = "cache", ["ACCS_CACHE=redis://canary.example.com"] = "cache",
        ["ACCS_CACHE_KEY=canary"] = "cache_key",
      } do
        local path = support.write_file(dir.path .. "/.env", line .. "\n")
        local given = { dotenv = path, client_id = "id", auth = "user", base_url = ADOBE }
        assert.matches("^accs: config: " .. name .. " comes from .*%.env .*the tokens of a session",
          refusal(given))
        given[name] = "/here"
        assert.equal("/here", resolve(given)[name])
        given[name], given.client_id = nil, nil
        support.write_file(path, line .. "\nIMS_CLIENT_ID=i\n")
        assert.matches("the tokens of a session", refusal(given))
        support.write_file(path, line .. "\nIMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s\n")
        assert.is_truthy(resolve(given)[name])
      end
      local path = support.write_file(dir.path .. "/.env", "ACCS_CACHE=file\n")
      assert.equal("file", resolve({ dotenv = path, client_id = "i", auth = "user",
        base_url = ADOBE }).cache)
    end)

  it("that is a person's session goes to the tenant beside an IMS that .env names too", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env",
      "API_ENDPOINT=http://127.0.0.1:1/x\nIMS_URL=http://127.0.0.1:2\n")
    local given = { dotenv = path, client_id = "id", auth = "user" }
    assert.equal("http://127.0.0.1:1/x", (resolve(given)).base_url)
    given.ims_url = "http://127.0.0.1:2"
    assert.matches("base_url comes from", refusal(given))
    given.ims_url, given.auth = nil, setmetatable({}, { __name = "accs.Auth" }) -- of whatever IMS
    assert.matches("base_url comes from", refusal(given))
    rawset(given.auth, "_of_dotenv", true) -- of the one that it names
    assert.equal("http://127.0.0.1:1/x", (resolve(given)).base_url)
    support.write_file(path,
      "API_ENDPOINT=https://example.com/x\nIMS_URL=https://ims-na1-stg1.adobelogin.com\n")
    given.auth = "user"
    assert.matches("base_url comes from", refusal(given))
  end)

  it("goes to Adobe's own addresses, wherever they stand", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env", "API_ENDPOINT=" .. ADOBE
      .. "\nIMS_URL=https://ims-na1-stg1.adobelogin.com\n")
    local values = resolve({ dotenv = path, client_id = "i", client_secret = "s" })
    assert.equal("https://ims-na1-stg1.adobelogin.com", values.ims_url)
    path = dotenv(dir, "IMS_URL", "https://adobelogin.com.example.com")
    assert.matches("not Adobe's own", refusal(full { dotenv = path }))
  end)

  it("of .env goes where .env says", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/.env", "API_ENDPOINT=https://example.com/x\n"
      .. "IMS_URL=https://example.com\nIMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s\n")
    assert.equal("https://example.com", (resolve { dotenv = path }).ims_url)
  end)

  it("is the one of the stronger source: the token when both are equal", function()
    local values = resolve(full(), { ACCS_ACCESS_TOKEN = "left over" })
    assert.is_nil(values.access_token)
    assert.equal("canary-secret", values.client_secret)
    values = resolve(full { access_token = "mine" })
    assert.equal("mine", values.access_token)
    assert.is_nil(values.client_secret)
  end)
end)

describe("a suggestion", function()
  it("is the nearest name, if any is near", function()
    local names = { "timeout", "idle_timeout", "store", "pin" }
    assert.equal("timeout", options.suggest("tiemout", names))
    assert.equal("idle_timeout", options.suggest("idletimeout", names))
    assert.is_nil(options.suggest("completely", names))
    assert.is_nil(options.suggest(("x"):rep(100000), names))
  end)
end)
