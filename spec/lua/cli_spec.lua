local errors = require "accs.error"
local fault = require "spec.support.fault"
local stop = require "accs.cli.stop"
local support = require "spec.support"

local SANDBOX = { products = 30, orders = 60, customers = 10 }

---------------------------------------------------------------------- the cases of spec/cli/*.case

local function read_cases(path)
  local cases, current = {}, nil
  for line in (assert(support.read_file(path)) .. "\n"):gmatch("(.-)\n") do
    local mark, text = line:match("^([=$>!]) ?(.*)$")
    if line:find("^== ") then
      current = { name = line:sub(4), out = {}, err = {}, code = 0 }
      cases[#cases + 1] = current
    elseif current and mark == "=" then
      current.code = math.tointeger(tonumber(text))
    elseif current and mark == "$" then
      current.command = text
    elseif current and (mark == ">" or mark == "!") then
      local list = mark == ">" and current.out or current.err
      list[#list + 1] = text
    elseif current and line == "{**}" then
      current.out[#current.out + 1] = line
    end
  end
  return cases
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

-- Whether a line fits; {*} stands for any text.
local function fits(line, wanted)
  local pattern = wanted:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("{%%%*}", ".-")
  return line:find("^" .. pattern .. "$") ~= nil
end

-- Whether lines fit from `at` and `place` on; {**} stands for any number of lines.
local function match_lines(lines, wanted, at, place)
  if wanted[place] == "{**}" then
    for skip = at, #lines + 1 do
      if match_lines(lines, wanted, skip, place + 1) then
        return true
      end
    end
    return false
  elseif wanted[place] == nil then
    return lines[at] == nil
  end
  return lines[at] ~= nil and fits(lines[at], wanted[place])
    and match_lines(lines, wanted, at + 1, place + 1)
end

local function assert_lines(wanted, text, what)
  local lines = lines_of(text)
  if not match_lines(lines, wanted, 1, 1) then
    assert.equal(table.concat(wanted, "\n"), table.concat(lines, "\n"), what)
    error(what .. " differs in its end of line")
  end
end

local function run(command, env, more)
  local dir <close> = support.temp_dir()
  local options = { "bash", "-c", command, env = env, cwd = dir.path, timeout = 60 }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return support.run(options)
end

for _, name in ipairs { "usage", "bad_input", "commands" } do
  describe("spec/cli/" .. name .. ".case:", function()
    for _, case in ipairs(read_cases("spec/cli/" .. name .. ".case")) do
      it(case.name, function()
        local box = support.shared_sandbox(SANDBOX)
        local result = run(case.command, box.env)
        assert_lines(case.out, result.out, "standard output")
        assert_lines(case.err, result.err, "standard error")
        assert.equal(case.code, result.code)
        assert.is_nil(result.err:find("stack traceback", 1, true))
        assert.is_nil(result.err:find(box.env.IMS_CLIENT_SECRET, 1, true))
        assert.is_nil(result.err:find("example-not-a-secret", 1, true))
      end)
    end
  end)
end

describe("the runner of the cases", function()
  it("notices what differs", function()
    assert.is_true(fits("a.b c", "a.b {*}"))
    assert.is_false(fits("axb c", "a.b {*}"))
    assert.is_false(fits("a.b", "a.b {*}"))
    assert.is_true(match_lines({ "a", "b", "c" }, { "a", "{**}", "c" }, 1, 1))
    assert.is_false(match_lines({ "a", "b" }, { "a", "{**}", "c" }, 1, 1))
    assert.is_false(match_lines({ "a", "b" }, { "a" }, 1, 1))
    assert.has_error(function() assert_lines({ "a" }, "b\n", "output") end)
    assert.has_error(function() assert_lines({ "a" }, "a\nb\n", "output") end)
  end)
end)

------------------------------------------------------------------------------------ exit codes

describe("an exit code", function()
  local codes = { http = 1, gateway = 1, rate_limited = 1, redirect = 1, decode = 1, too_large = 1,
    config = 3, auth = 3, network = 4, tls = 4, timeout = 4, io = 6, cache = 6, memory = 6,
    closed = 6, cancelled = 130 }
  for kind, code in pairs(codes) do
    it("of " .. kind .. " is " .. code, function()
      assert.equal(code, (stop.explain(errors.new { kind = kind, message = "x" })))
    end)
  end

  it("is 130 for what lua5.4 raises on SIGINT", function()
    assert.equal(130, (stop.explain("cli.lua:1: interrupted!")))
  end)

  -- A hook raises it, as lua5.4 does, when the function of that name is entered.
  local AT = [[debug.sethook(function()
    if debug.getinfo(2, "n").name == "%s" then debug.sethook() error("interrupted!") end
  end, "c")]]
  for _, name in ipairs { "require", "add_commands", "read_columns" } do
    it("is 130 also in " .. name, function()
      local program = support.run { "sh", "-c", "command -v accs" }.out:gsub("\n", "")
      local result = support.run { "lua5.4", "-e", AT:format(name), program, "items", "/V1/orders",
        "--columns", "a" }
      assert.equal("accs: interrupted\n", result.err)
      assert.equal(130, result.code)
    end)
  end
end)

------------------------------------------------------------------- a service that does not behave

describe("an answer that is", function()
  local gzip = "\31\139\8\0\0\0\0\0\0\3\171\86\202\207\6\0" -- the beginning of a gzip file
  local answers = {
    { "garbage", fault.reply(200, "\1\2\3 garbage"), 1 },
    { "truncated JSON", fault.reply(200, '{"items":[{"entity_id":1'), 1 },
    { "a gzip body cut short", fault.reply(200, gzip, { ["Content-Encoding"] = "gzip" }), nil },
    { "a gateway's page", fault.reply(503,
      "<html><head><title>503 Service Unavailable</title></head></html>",
      { ["Content-Type"] = "text/html" }), 1 },
    { "a login page", fault.reply(200, "<html><title>Sign in</title></html>",
      { ["Content-Type"] = "text/html" }), 1 },
    { "a redirect", fault.reply(302, "", { Location = "https://elsewhere.example.com/" }), 1 },
    { "a refusal", fault.reply(401, '{"message":"Brak dostępu do %resources.",'
      .. '"parameters":{"resources":"Magento_Sales::sales"}}'), 3 },
    { "a limit", fault.reply(429, '{"message":"Too Many Requests"}',
      { ["Retry-After"] = "9999" }), 1 },
    { "a broken connection", { "reset" }, 4 },
  }
  for _, case in ipairs(answers) do
    it(case[1] .. " gives one line, and no file", function()
      local server <close> = fault.start()
      server:script("/V1/orders", { { case[2], { "close" } } })
      local result = run("accs items /V1/orders --attempts 1 -o out.csv; code=$?; ls -A; "
        .. "exit $code", server.env)
      assert.equal("", result.out)
      assert.equal(1, #lines_of(result.err), result.err)
      assert.truthy(result.err:find("^accs: [%a_]+: "), result.err)
      assert.is_nil(result.err:find("traceback", 1, true))
      assert.is_nil(result.err:find("example-not-a-secret", 1, true))
      if case[3] then
        assert.equal(case[3], result.code, result.err)
      else
        assert.truthy(result.code == 1 or result.code == 4, result.err)
      end
    end)
  end

  it("late gives a timeout", function()
    local server <close> = fault.start()
    server:script("/V1/orders/1", { { { "stall" } } })
    local result = run("accs get /V1/orders/1 --timeout 0.5", server.env)
    assert.equal(4, result.code)
    assert.truthy(result.err:find("^accs: timeout: "), result.err)
  end)

  it("interrupted ends with 130 and leaves no file", function()
    local server <close> = fault.start()
    server:script("/V1/orders", { { { "stall" } } })
    local result = run("timeout --preserve-status -s INT 1 accs items /V1/orders -o out.csv; "
      .. "code=$?; ls -A; exit $code", server.env)
    assert.equal(130, result.code)
    assert.equal("accs: interrupted\n", result.err)
    assert.equal("", result.out)
  end)
end)

describe("a certificate", function()
  local certificates = { "expired", "wrong-host", "self-signed" }
  for _, name in ipairs(certificates) do
    it("that is " .. name .. " gives one line", function()
      local box = support.shared_sandbox(SANDBOX)
      local made = support.certificates()
      local front <close> = support.nginx { port = box.port, certificate = name }
      local env = {}
      for key, value in pairs(box.env) do
        env[key] = value
      end
      env.API_ENDPOINT = front.origin .. "/" .. box.env.API_ENDPOINT:match("[^/]+$")
      env.ACCS_CA_FILE = made.ca
      local result = run("accs get /V1/orders/1 --attempts 1", env)
      assert.equal(4, result.code, result.err)
      assert.equal(1, #lines_of(result.err))
      assert.truthy(result.err:find("^accs: tls: .*ca_file"), result.err)
    end)
  end
end)

--------------------------------------------------------------------------------- a person watching

describe("the tokens of commands", function()
  local box
  setup(function() box = support.sandbox(SANDBOX) end)
  teardown(function() box:close() end)

  local function env_of(dir, more)
    local env = { XDG_CACHE_HOME = dir.path, ACCS_CACHE = false }
    for name, value in pairs(box.env) do
      env[name] = value
    end
    for name, value in pairs(more or {}) do
      env[name] = value
    end
    return env
  end

  local GET = "accs get /V1/orders/1"

  it("are kept in the user's cache folder, sealed, and used by the next one", function()
    local dir <close> = support.temp_dir()
    local before = box:count("POST /ims/token/v3")
    for _ = 1, 3 do
      local result = run(GET, env_of(dir))
      assert.equal(0, result.code, result.err)
    end
    assert.equal(before + 1, box:count("POST /ims/token/v3"))
    local listed = support.run({ "find", dir.path, "-type", "f", "-printf", "%m %f\n" }).out
    assert.matches("600 server%-%x+%-%x+%.sealed\n", listed)
    for line in listed:gmatch("[^\n]+") do
      assert.matches("^600 ", line)
    end
    assert.equal("700\n", support.run({ "stat", "-c", "%a", dir.path .. "/accs" }).out)
    local found = support.run { "grep", "-rl", "eyJ", dir.path }
    assert.equal("", found.out)
  end)

  it("are kept nowhere when it is told so", function()
    local dir <close> = support.temp_dir()
    local before = box:count("POST /ims/token/v3")
    assert.equal(0, run(GET .. " --cache memory", env_of(dir)).code)
    assert.equal(0, run(GET, env_of(dir, { ACCS_CACHE = "memory" })).code)
    assert.equal(before + 2, box:count("POST /ims/token/v3"))
    assert.equal("", support.run({ "find", dir.path, "-type", "f" }).out)
  end)

  it("are kept nowhere where there is no home folder", function()
    local dir <close> = support.temp_dir()
    local result = run(GET, env_of(dir, { XDG_CACHE_HOME = false, HOME = "" }))
    assert.equal(0, result.code, result.err)
  end)

  it("are those of a person who signed in before, unless told otherwise", function()
    local dir <close> = support.temp_dir()
    local driver = require "spec.lua.sandbox.driver"
    local web = box:credentials().web
    local scopes = "openid,AdobeID,offline_access,commerce.accs"
    local reply = driver.request(box.port, "GET", "/ims/authorize/v2?" .. driver.query {
      { "client_id", web.client_id }, { "redirect_uri", web.redirect_uri },
      { "response_type", "code" }, { "scope", scopes }, { "state", "example-state" },
    })
    local options = require "accs.options"
    local values, sources = options.resolve({
      ims_url = box.env.IMS_URL, client_id = web.client_id, client_secret = web.client_secret,
      redirect_uri = web.redirect_uri, scopes = scopes, cache = dir.path .. "/accs",
      dotenv = false, engine = require("accs").engine {},
    }, function() end, { "client_id" })
    local session <close> = assert(require("accs.credentials").open(values, sources,
      { user = true, code = reply.headers.location:match("[?&]code=([^&]+)") }))
    assert(session:token())
    local env = env_of(dir, { IMS_CLIENT_ID = web.client_id, IMS_CLIENT_SECRET = web.client_secret,
      IMS_SCOPES = scopes })
    local before = box:count("POST /ims/token/v3")
    local result = run(GET, env)
    assert.equal(0, result.code, result.err)
    assert.equal(before, box:count("POST /ims/token/v3"))
    result = run(GET .. " --auth server", env) -- a credential that has no such grant
    assert.equal(3, result.code, result.out)
    assert.equal(before + 1, box:count("POST /ims/token/v3"))
    result = run(GET .. " --session another", env)
    assert.equal(3, result.code, result.out)
  end)

  it("cost no call when the folder cannot be used", function()
    local dir <close> = support.temp_dir()
    support.write_file(dir.path .. "/accs", "in the way")
    local result = run(GET .. " --log warn", env_of(dir))
    assert.equal(0, result.code, result.err)
    assert.matches("cache text=\"not [%w]+\"", result.err)
    assert.equal("in the way", support.read_file(dir.path .. "/accs"))
  end)
end)

describe("on a terminal", function()
  it("one thing is set in lines", function()
    local box = support.shared_sandbox(SANDBOX)
    local result = run("accs get /V1/orders/1 --fields entity_id", box.env, { tty = true })
    assert.equal('{\n  "entity_id": 1\n}\n', (result.out:gsub("\r", "")))
  end)

  it("rows are a table that fits", function()
    local box = support.shared_sandbox(SANDBOX)
    local result = run("COLUMNS=60 accs items /V1/orders --limit 3", box.env, { tty = true })
    local lines = lines_of((result.out:gsub("\r", "")))
    assert.equal(5, #lines)
    for _, line in ipairs(lines) do
      assert.is_true(utf8.len(line) <= 60, line)
    end
  end)

  it("progress is shown on standard error, and gone at the end", function()
    local box = support.shared_sandbox(SANDBOX)
    local result = run("accs items /V1/orders --columns entity_id --page-size 10 -o out.csv",
      box.env, { tty = true })
    assert.equal(0, result.code)
    assert.truthy(result.out:find("rows: 1 of 60", 1, true), result.out)
    assert.truthy(result.out:find("\r\27%[K$"), result.out)
  end)

  it("progress makes room for the log", function()
    local server <close> = fault.start()
    local function page(id)
      return { { "sleep", 0.15 },
        fault.reply(200, ('{"items":[{"entity_id":%d}],"total_count":3}'):format(id)) }
    end
    server:script("/V1/orders", { page(1), page(2), page(3) })
    local result = run("accs items /V1/orders --columns entity_id --page-size 1 -o out.csv "
      .. "--log info", server.env, { tty = true })
    assert.equal(0, result.code, result.out)
    assert.truthy(result.out:find("rows: 1 of 3\r\27%[K%d%d%d%d%-"), result.out)
    assert.is_nil(result.out:find("of 3%d"), result.out)
  end)

  it("a long wait is told, and only there", function()
    local server <close> = fault.start()
    local late = { fault.reply(429, "{}", { ["Retry-After"] = "2" }) }
    server:script("/V1/orders/1", { late, { fault.reply(200, "{}") }, late,
      { fault.reply(200, "{}") } })
    local result = run("accs get /V1/orders/1", server.env, { tty = "stderr" })
    assert.equal("accs: note: HTTP 429; asking again in 2 s\n", (result.err:gsub("\r", "")))
    assert.equal("{}\n", result.out)
    result = run("accs get /V1/orders/1", server.env)
    assert.equal("", result.err)
  end)

  it("progress is gone before a message, too", function()
    local server <close> = fault.start()
    local function page(id)
      return { fault.reply(200, ('{"items":[{"entity_id":%d}],"total_count":3}'):format(id)) }
    end
    server:script("/V1/orders", { page(1), page(2), { fault.reply(400, "{}") } })
    local result = run("accs items /V1/orders --columns entity_id --page-size 1 -o out.csv",
      server.env, { tty = true })
    assert.equal(1, result.code, result.out)
    assert.truthy(result.out:find("rows: 1 of 3", 1, true), result.out)
    assert.truthy(result.out:find("\r\27%[Kaccs: "), result.out)
  end)
end)
