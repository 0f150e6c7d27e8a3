local prometheus = require "spec.support.prometheus"
local support = require "spec.support"

-- Runs an example as its first lines say.
local function run(box, ...)
  local result = support.run { env = box.env, ... }
  assert.equal("", result.err)
  assert.equal(0, result.code)
  return result.out
end

describe("an example", function()
  local box

  setup(function()
    box = support.shared_sandbox { products = 200, orders = 300, customers = 50 }
  end)

  it("finds products that run low", function()
    local last, count = -1, 0
    for line in run(box, "lua5.4", "examples/low_stock.lua", "50"):gmatch("[^\n]+") do
      local quantity = tonumber(line:match("^%s*(%d+)  "))
      assert.is_true(quantity < 50 and quantity >= last)
      last, count = quantity, count + 1
    end
    assert.is_true(count > 0)
  end)

  it("reads orders at the same time, with the same result as one after the other", function()
    local together = run(box, "lua5.4", "examples/order_details.lua")
    assert.truthy(together:find("^%d+  %d+ x "))
    assert.equal(together, run(box, "lua5.4", "examples/order_details.lua", "1"))
  end)

  for _, loop in ipairs { "luv", "cqueues" } do
    it("adds up orders in the loop of " .. loop .. ", whose timer goes on", function()
      local text = run(box, "lua5.4", "examples/" .. loop .. "_orders.lua", "30")
      local count, sum, ticks = text:match(
        "^(%d+) orders, (%d+%.%d%d) in all; the timer rang (%d+)")
      assert.equal("30", count)
      assert.is_true(tonumber(sum) > 0 and tonumber(ticks) > 0, text)
    end)
  end

  it("keeps tokens in a folder: the second run asks for none", function()
    local dir <close> = support.temp_dir()
    local before = box:count("POST /ims/token/v3")
    local function tokens()
      local result = support.run { "lua5.4", "examples/tokens.lua", dir.path, env = box.env }
      assert.equal(0, result.code, result.err)
      assert.matches("^%d+ store views, asked as .*@techacct.adobe.com\nthe token lives for %d+",
        result.out)
      return result.err
    end
    assert.matches("token: acquired %(none yet%)\n.*token: stored", tokens())
    assert.matches("^token: from the cache", tokens())
    assert.equal(before + 1, box:count("POST /ims/token/v3"))
    assert.matches("^server%-%x+%-%x+\n$", support.run({ "ls", dir.path }).out)
    local result = support.run { "lua5.4", "examples/tokens.lua", dir.path .. "/missing",
      env = box.env }
    assert.equal(0, result.code, result.err)
    assert.matches("cache: not written %(cannot write to /[^\n]+%)\n", result.err)
  end)

  it("says in one line how it is used", function()
    for _, name in ipairs { "tokens", "sign_in" } do
      local result = support.run { "lua5.4", "examples/" .. name .. ".lua", env = box.env }
      assert.equal(2, result.code)
      assert.matches("^usage: lua5.4 examples/" .. name .. ".lua [^\n]+\n$", result.err)
    end
  end)

  it("signs a person in with two requests of a web application", function()
    local web <close> = support.sandbox { products = 1, orders = 1, customers = 1,
      args = { "--as", "web" } }
    web.env.IMS_REDIRECT_URI = web:credentials().web.redirect_uri
    local begun = run(web, "lua5.4", "examples/sign_in.lua", "begin")
    local url, cookie = begun:match("^Location: (%S+)\nSet%-Cookie: sign%-in=([%w_-]+);")
    local back = require("spec.support.sign_in").browse(url)
    local ended = run(web, "lua5.4", "examples/sign_in.lua", "end", cookie, back)
    assert.matches("\nHello Ada Example, there are %d+ store views%.\n$", ended)
    for _, wrong in ipairs { { cookie, back .. "x" }, { cookie .. "x", back } } do
      local result = support.run { "lua5.4", "examples/sign_in.lua", "end", wrong[1], wrong[2],
        env = web.env }
      assert.equal(1, result.code)
      assert.matches("^accs: auth: ", result.err)
    end
  end)

  it("signs a person in with the settings of a .env file", function()
    local web <close> = support.sandbox { products = 1, orders = 1, customers = 1,
      args = { "--as", "web" } }
    local dir <close> = support.temp_dir()
    local lines = { "IMS_REDIRECT_URI=" .. web:credentials().web.redirect_uri }
    for name, value in pairs(web.env) do
      lines[#lines + 1] = name .. "=" .. value
    end
    support.write_file(dir.path .. "/.env", table.concat(lines, "\n"))
    local path = support.run({ "pwd" }).out:match("%S+") .. "/examples/sign_in.lua"
    local function example(...)
      return support.run { "lua5.4", path, cwd = dir.path, ... }
    end
    local begun = example("begin")
    local url, cookie = begun.out:match("^Location: (%S+)\nSet%-Cookie: sign%-in=([%w_-]+);")
    assert.is_string(url, begun.err)
    local back = require("spec.support.sign_in").browse(url)
    local ended = example("end", cookie, back)
    assert.matches("\nHello Ada Example, there are %d+ store views%.\n$", ended.out, ended.err)
  end)

  it("logs JSON lines and ends with Prometheus' text", function()
    local result = support.run { "lua5.4", "examples/observed.lua", "30", env = box.env }
    assert.equal(0, result.code, result.err)
    local responses, elapsed = 0, 0
    for line in result.err:gmatch("[^\n]+") do
      local entry = assert(require("accs").json.decode(line))
      if entry.kind == "response" then
        responses, elapsed = responses + 1, elapsed + entry.phases.total
        assert.equal(32, #entry.request_id)
      end
    end
    local head, rest = result.out:match("^(# 30 orders, %d+%.%d%d in all\n)(.*)$")
    assert.is_string(head, result.out)
    local families = prometheus.parse(rest)
    assert.equal(responses, families.accs_requests_total.samples[1].value)
    assert.equal("orders", families.accs_requests_total.samples[1].labels.job)
    assert.is_true(elapsed > 0)
  end)

  it("reports the best customers, in every format", function()
    local text = run(box, "accs", "report", "examples/best_customers.lua", "--since", "2020-01-01",
      "--top", "3")
    assert.truthy(text:find("Best customers, in USD\n", 1, true))
    local csv = run(box, "accs", "report", "examples/best_customers.lua", "--since", "2020-01-01",
      "--top", "3", "--format", "csv")
    local last, rows = math.huge, 0
    for line in csv:gmatch("[^\n]+") do
      local revenue = tonumber(line:match("^customers,USD,[^,]+,%d+,([%d.]+)$"))
      if revenue then
        assert.is_true(revenue <= last)
        last, rows = revenue, rows + 1
      end
    end
    assert.equal(3, rows)
  end)
end)
