-- The driver of all tests must not take trouble for success: each way in which a runner can fail is
-- tried with a small tree of its own.
local support = require "spec.support"

-- Runs the driver over spec files (name -> text) and returns its last line and its exit code.
local function drive(files)
  local dir <close> = support.temp_dir()
  local here = support.run.first_line("pwd")
  assert(os.execute(("mkdir -p %s/spec && ln -s %s %s/spec/support"):format(dir.path,
    support.quote(here .. "/spec/support"), dir.path)))
  for name, text in pairs(files) do
    support.write_file(dir.path .. "/spec/" .. name .. "_spec.lua", text)
  end
  local result = support.run { "lua5.4", "spec/support/suite.lua", "build", cwd = dir.path }
  local summary = support.read_file(dir.path .. "/build/results/summary")
  local last = result.out:match("([^\n]*)\n$")
  assert.equal(last .. "\n", summary)
  return last, result.code, result.out
end

local GOOD = "it('is good', function() assert.is_true(true) end)"

local cases = {
  { name = "a test that fails", text = "it('x', function() assert.equal(1, 2) end)" .. GOOD,
    expected = "1 passed, 1 failed" },
  { name = "a test that raises", text = "it('x', function() error({}) end)" .. GOOD,
    expected = "1 passed, 1 failed" },
  { name = "a set-up that fails", text = "setup(function() assert(false) end)" .. GOOD,
    expected = "0 passed, 1 failed" },
  { name = "a tear-down that fails", text = "teardown(function() assert(false) end)" .. GOOD,
    expected = "1 passed, 1 failed" },
  { name = "a file that is not Lua", text = "this is no Lua", expected = "0 passed, 1 failed" },
  { name = "a file that raises", text = "error('no')", expected = "0 passed, 1 failed" },
  { name = "a file without a test", text = "", expected = "0 passed, 1 failed" },
  { name = "a process that leaves early, with code 0",
    text = GOOD .. "it('leaves', function() os.exit(0) end)", expected = "1 passed, 1 failed" },
  { name = "a process that is killed",
    text = GOOD .. "it('dies', function() os.execute('kill -9 $PPID') end)",
    expected = "1 passed, 1 failed" },
  { name = "a test that is put off", text = "pending('later')" .. GOOD,
    expected = "1 passed, 1 failed" },
  { name = "a test that skips itself",
    text = "it('x', function() pending('no reason') end)" .. GOOD,
    expected = "1 passed, 1 failed" },
}

describe("the test driver", function()
  it("adds up what passed", function()
    local line, code = drive { one = GOOD, two = GOOD .. GOOD }
    assert.equal("3 passed, 0 failed", line)
    assert.equal(0, code)
  end)

  it("lets a test go that needs ../shared where it is absent", function()
    local line, code, out = drive {
      one = GOOD .. "it('x', function() pending('needs ../shared/reference') end)",
    }
    assert.equal("1 passed, 0 failed", line)
    assert.equal(0, code)
    assert.is_truthy(out:find("skipped: ", 1, true))
  end)

  it("fails when there is nothing to run", function()
    local line, code = drive {}
    assert.equal("0 passed, 1 failed", line)
    assert.equal(1, code)
  end)

  it("counts more than 255 failures, where the exit code is 0 again", function()
    local line, code = drive {
      one = "for i = 1, 256 do it('x' .. i, function() error('x') end) end",
    }
    assert.equal("0 passed, 256 failed", line)
    assert.equal(1, code)
  end)

  for _, case in ipairs(cases) do
    it("counts " .. case.name .. " as a failure", function()
      local line, code = drive { one = case.text }
      assert.equal(case.expected, line)
      assert.equal(1, code)
    end)
  end
end)
