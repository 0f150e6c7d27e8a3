-- Messages about values that do not fit: they say what is wrong, and raise where they should.
local accs = require "accs"
local errors = require "accs.error"
local options = require "accs.options"

local GIVEN = { base_url = "http://127.0.0.1:1/t", access_token = "example", dotenv = false }

local function with(name, value)
  local given = { [name] = value }
  for key, usual in pairs(GIVEN) do
    given[key] = usual
  end
  return given
end

describe("a value that does not fit", function()
  it("is out of range when it is a number of the right type", function()
    local cases = {
      { "attempts", 0 }, { "attempts", -1 }, { "attempts", 2.0 ^ 60 }, { "timeout", -1 },
      { "timeout", 1e10 }, { "retry_budget", 2 },
    }
    for _, case in ipairs(cases) do
      local ok, err = pcall(options.resolve, with(case[1], case[2]))
      assert.is_false(ok)
      assert.matches("^" .. case[1] .. " must be a .*, not one out of range$", err.message)
    end
    local _, err = pcall(options.resolve, with("attempts", 2.5))
    assert.matches("not float$", err.message)
  end)

  it("is returned when it is a NUL byte in a header, as other characters are", function()
    local client <close> = accs.client(GIVEN)
    for _, headers in ipairs { { ["X-A"] = "a\0b" }, { ["X-A\0"] = "a" } } do
      local res, err = client:get("/V1/x", { headers = headers })
      assert.is_nil(res)
      assert.equal("config", err.kind)
      assert.matches("the header X%-A holds a NUL byte", err.message)
    end
  end)

  it("is an error object when it is a closed engine", function()
    local engine = accs.engine {}
    engine:close()
    local ok, err = pcall(accs.client, with("engine", engine))
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    assert.equal("closed", err.kind)
  end)
end)
