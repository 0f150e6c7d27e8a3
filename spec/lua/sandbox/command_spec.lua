local native = require "accs.sandbox.native"
local driver = require "spec.lua.sandbox.driver"
local support = require "spec.support"

local SMALL = { "--products", "3", "--orders", "3", "--customers", "3" }

-- Runs accs-sandbox with small data, more words and options of support.run.
local function run(words, options)
  local command = { "accs-sandbox" }
  table.move(SMALL, 1, #SMALL, 2, command)
  table.move(words, 1, #words, #command + 1, command)
  for name, value in pairs(options or {}) do
    command[name] = value
  end
  return support.run(command)
end

-- Starts accs-sandbox with small data; a time limit ends it where it would hang. In the
-- foreground, timeout hands a signal to accs-sandbox alone, not to the whole group.
local function start(...)
  return support.start { "timeout", "--foreground", "-k", "1", "20", "accs-sandbox",
    "--products", "3", "--orders", "3", "--customers", "3", ... }
end

local function first_lines(child, count)
  local lines = {}
  for i = 1, count do
    lines[i] = child:read_line()
  end
  return lines
end

describe("accs-sandbox", function()
  it("prints five lines and stops when its standard input ends", function()
    local child = start()
    local lines = first_lines(child, 5)
    for i, name in ipairs { "API_ENDPOINT", "IMS_URL", "IMS_CLIENT_ID", "IMS_CLIENT_SECRET",
      "IMS_ORG_ID" } do
      assert.truthy(lines[i]:find("^" .. name .. "=%S+$"))
    end
    assert.truthy(lines[1]:find("^API_ENDPOINT=http://127%.0%.0%.1:%d+/%w+$"))
    assert.equal(22, #lines[1]:match("[^/]+$"))
    assert.equal(0, child:close())
    assert.equal("", child:errors())
  end)

  it("stops although a reply is still waiting for its time", function()
    local box = driver.start {
      products = 3, orders = 3, customers = 3, args = { "--fault", "ANY *:delay=60" },
    }
    local connection = driver.connect(box.port)
    assert(connection:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    connection:settimeout(0.1)
    assert.is_nil((connection:receive("*l")))
    box:close()
    connection:close()
  end)

  for _, signal in ipairs { "TERM", "INT" } do
    it("stops on SIG" .. signal, function()
      local child = start()
      assert.equal(5, #first_lines(child, 5))
      child:signal(signal)
      assert.is_nil(child:read_line()) -- nothing else, and the end
      assert.equal(0, child:close())
    end)
  end

  it("stops on SIGINT while it makes its data", function()
    local dir <close> = support.temp_dir()
    local path = dir.path .. "/data"
    local child = support.start { "accs-sandbox", "--keep", "--orders", "400000", "--db", path }
    local at_work = ([[for i in $(seq 1000); do
      [ -e %s ] && sleep 0.2 && exit 0; sleep 0.02; done; exit 1]]):format(support.quote(path))
    assert.is_true(os.execute(at_work), "it makes no data")
    child:signal("INT")
    assert.is_nil(child:read_line())
    assert.equal(130, child:close(), child:errors())
    assert.equal("", child:errors())
  end)

  -- Raises what lua5.4 raises on SIGINT, as soon as the function of that name is entered.
  local function interrupt_in(name)
    local program = support.run { "sh", "-c", "command -v accs-sandbox" }.out:gsub("\n", "")
    return support.run { "lua5.4", "-e", ([[debug.sethook(function()
      if debug.getinfo(2, "n").name == "%s" then debug.sethook() error("interrupted!") end
    end, "c")]]):format(name), program, "--orders", "1", "--products", "1", "--", "echo", "ran" }
  end

  it("hears of a Ctrl-C before its command starts", function()
    for _, name in ipairs { "require", "store_codes" } do
      local result = interrupt_in(name)
      assert.equal("", result.out .. result.err)
      assert.equal(130, result.code)
    end
    assert.equal("ran\n", interrupt_in("nothing").out)
  end)

  it("hears of one that came since it listens", function()
    local result = support.run { "lua5.4", "-e", [[
      local native = require "accs.sandbox.native"
      local server = native.http.listen(0)
      os.execute("kill -INT $PPID")
      print(native.process.spawn({ "true" }, { "A=1" }))
      server:close() -- signals wait no longer: this one was taken
      print("goes on")]] }
    assert.equal("nil\tinterrupted!\ngoes on\n", result.out)
    assert.equal("", result.err)
  end)

  it("stops at once when there is no standard input", function()
    local result = run({}, { timeout = 20 })
    assert.equal(0, result.code)
    assert.truthy(result.out:find("^API_ENDPOINT="))
  end)

  it("stays with --keep until it is told to stop", function()
    local result = support.run { "timeout", "-s", "TERM", "2", "accs-sandbox", "--keep",
      "--products", "3", "--orders", "3", "--customers", "3", timeout = 20 }
    assert.equal(124, result.code) -- timeout had to end it
    assert.equal("", result.err)
  end)

  it("gives --help", function()
    local result = support.run { "accs-sandbox", "--help" }
    assert.equal(0, result.code)
    for _, word in ipairs { "--seed", "--db", "--products", "--orders", "--customers",
      "--token-life", "--rate", "--fault", "--repeat-last-page", "--port", "--ims-rate",
      "--refresh-life", "--refresh-grace", "--clock-skew", "--as", "--deny", "--second-secret" } do
      assert.truthy(result.out:find(word, 1, true), word)
    end
    for line in result.out:gmatch("[^\n]+") do
      assert.truthy(#line <= 80, line)
    end
  end)

  for _, case in ipairs {
    { { "--prot", "1" }, "--port" },
    { { "--port", "x" }, "--port takes a whole number" },
    { { "--port", "65536" }, "--port takes a whole number" },
    { { "--orders", "1000001" }, "--orders takes a whole number" },
    { { "--token-life", "0" }, "--token-life takes a number of seconds" },
    { { "--fault", "sometimes" }, "not a fault" },
    { { "--ims-rate", "0" }, "--ims-rate takes a whole number" },
    { { "--refresh-life", "0" }, "--refresh-life takes a number of seconds" },
    { { "--refresh-grace=-1" }, "--refresh-grace takes a number of seconds" },
    { { "--clock-skew", "late" }, "--clock-skew takes a number of seconds" },
    { { "--as", "boss" }, "'--as'" },
  } do
    it("says what is wrong with " .. table.concat(case[1], " "), function()
      local result = support.run { "accs-sandbox", table.unpack(case[1]) }
      assert.equal(2, result.code)
      assert.equal("", result.out)
      assert.truthy(result.err:find("^accs%-sandbox: [^\n]+\n$"), result.err)
      assert.truthy(result.err:find(case[2], 1, true), result.err)
    end)
  end

  it("says that a port is taken", function()
    local box <close> = driver.start { products = 3, orders = 3, customers = 3 }
    local result = run { "--port", tostring(box.port) }
    assert.equal(1, result.code)
    assert.equal(("accs-sandbox: cannot listen on 127.0.0.1:%d: Address already in use\n")
      :format(box.port), result.err)
  end)

  it("says that a database cannot be used", function()
    local dir <close> = support.temp_dir()
    support.write_file(dir.path .. "/text", ("no database\n"):rep(100))
    for _, path in ipairs { dir.path .. "/text", dir.path .. "/no/such/folder.db" } do
      local result = run { "--db", path }
      assert.equal(1, result.code)
      assert.equal("", result.out)
      assert.truthy(result.err:find("^accs%-sandbox: cannot use the database [^\n]+\n$"),
        result.err)
    end
  end)

  it("uses a database again, with the sizes that it has", function()
    local dir <close> = support.temp_dir()
    local path = dir.path .. "/shop.db"
    assert.equal(0, run({ "--db", path }).code)
    assert.equal(0, support.run({ "accs-sandbox", "--db", path }).code)
    local db <close> = native.database.open(path)
    assert.equal(3, (db:row("SELECT count(*) FROM sales_order")))
    assert.equal(1, run({ "--db", path, "--seed", "9" }).code)
  end)
end)

describe("accs-sandbox -- command", function()
  it("gives the command the five settings and its code back", function()
    local result = run { "--", "sh", "-c", "echo $API_ENDPOINT $IMS_URL $IMS_CLIENT_ID "
      .. "$IMS_CLIENT_SECRET $IMS_ORG_ID; exit 7" }
    assert.equal(7, result.code)
    assert.truthy(result.out:find("^http://%S+ http://%S+ %S+ %S+ %S+@AdobeOrg\n$"))
    assert.equal("", result.err)
  end)

  it("gives the command of --as web a redirect URI as well", function()
    assert.equal("sandbox-web https://localhost:8443/signed-in\n",
      run({ "--as", "web", "--", "sh", "-c", "echo $IMS_CLIENT_ID $IMS_REDIRECT_URI" }).out)
  end)

  it("leaves standard input to the command", function()
    local result = run({ "--", "cat" }, { stdin = "for the command\n" })
    assert.equal(0, result.code)
    assert.equal("for the command\n", result.out)
  end)

  it("passes options of the command on", function()
    assert.equal("--port 5\n", run({ "--", "echo", "--port", "5" }).out)
  end)

  it("serves while the command runs", function()
    local result = run { "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${IMS_URL##*:};"
      .. " printf 'GET /_sandbox/counters HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; head -n 1 <&3" }
    assert.equal("HTTP/1.1 200 OK\r\n", result.out)
  end)

  it("ends as a shell would when a signal ends the command", function()
    assert.equal(128 + 9, run({ "--", "sh", "-c", "kill -9 $$" }).code)
  end)

  it("says that the command is not there", function()
    local result = run { "--", "no-such-command-here" }
    assert.equal(127, result.code)
    assert.equal("accs-sandbox: cannot run no-such-command-here: No such file or directory\n",
      result.err)
  end)

  it("hands SIGTERM on to the command", function()
    local child = start("--", "sh", "-c",
      "trap 'exit 3' TERM; echo up; for i in $(seq 100); do sleep 0.1; done")
    assert.equal("up", child:read_line())
    child:signal("TERM")
    assert.is_nil(child:read_line())
    assert.equal(3, child:close())
  end)
end)
