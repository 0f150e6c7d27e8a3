local env = require "accs.env"
local errors = require "accs.error"
local support = require "spec.support"

-- Text of a file, and the value of A in it; nil: the file is refused.
local CASES = {
  { "A=1", "1" },
  { "A=", "" },
  { "A = b c ", "b c" },
  { "\t A\t=\tb\t", "b" },
  { "export A=1", "1" },
  { "export\t A=1", "1" },
  { "exported=2\nA=1", "1" },
  { "A=1\r\nB=2\r\n", "1" },
  { "\xEF\xBB\xBFA=1\r\n", "1" },
  { "\n\n  # comment = none\n#A=2\nA=1\n\n", "1" },
  { "A=1 # one", "1" },
  { "A=1\t# one", "1" },
  { "A= # nothing", "" },
  { "A=#1", "#1" },
  { "A=a#b", "a#b" },
  { "A='a # b' # c", "a # b" },
  { "A=\"a # b\"# c", "a # b" },
  { "A='it''s'", nil },
  { "A='a\\n'", "a\\n" },
  { "A=\"a\\n\\t\\r\\\"\\\\\"", "a\n\t\r\"\\" },
  { "A=\"a\\q\\$\"", "a\\q\\$" },
  { "A=\"\"", "" },
  { "A=$B${C}`d`", "$B${C}`d`" },
  { "A=\"$B ${C}\"\nB=2", "$B ${C}" },
  { "A=1\nA=2", "2" },
  { "A=b=c==", "b=c==" },
  { "A=it's", "it's" },
  { "A=\xC3\xA4", "\xC3\xA4" },
  { "A", nil },
  { "=1", nil },
  { "1A=1", nil },
  { "A-B=1", nil },
  { "A B=1", nil },
  { "export A", nil },
  { "A='open", nil },
  { "A=\"open", nil },
  { "A=\"open\\\"", nil },
  { "A='x' y", nil },
  { "A=\"x\"y", nil },
  { "A=x\27[31m", nil },
  { "A=x\0", nil },
  { "A=x\ry", nil },
}

describe("the text of a .env file", function()
  for index, case in ipairs(CASES) do
    it(("reads case %d: %s"):format(index, case[1]:gsub("%c", "~")), function()
      local values, message = env.parse(case[1])
      if case[2] then
        assert.is_nil(message)
        assert.equal(case[2], values.A)
      else
        assert.is_nil(values)
        assert.is_string(message)
      end
    end)
  end

  it("names file and line of a broken line, and never its value", function()
    local values, message = env.parse("A=1\n\n# x\nSECRET='very-secret\nB=2", "conf/x.env")
    assert.is_nil(values)
    assert.matches("^conf/x%.env:4: ", message)
    assert.is_nil(message:find("very-secret", 1, true))
    assert.is_nil(message:find("\n", 1, true))
  end)

  it("reads every key of a file that the sandbox could have printed", function()
    local values = assert(env.parse("API_ENDPOINT=http://127.0.0.1:1/x\nIMS_ORG_ID=A@AdobeOrg\n"))
    assert.same({ API_ENDPOINT = "http://127.0.0.1:1/x", IMS_ORG_ID = "A@AdobeOrg" }, values)
  end)

  it("refuses more than 64 KiB", function()
    assert.is_table(env.parse("A=" .. ("x"):rep(65534)))
    local values, message = env.parse("A=" .. ("x"):rep(65535))
    assert.is_nil(values)
    assert.matches("longer than 65536 bytes", message)
  end)
end)

describe("a .env file", function()
  it("may be missing when nobody asked for it", function()
    local dir <close> = support.temp_dir()
    local result = support.run {
      "lua5.4", "-e", "print(next(assert(require('accs.env').load())) == nil)", cwd = dir.path,
    }
    assert.equal("true\n", result.out)
  end)

  it("must be there when it was asked for", function()
    local values, err = env.load("/nonexistent/shop.env")
    assert.is_nil(values)
    assert.is_true(errors.is(err))
    assert.equal("config", err.kind)
    assert.matches("/nonexistent/shop%.env", tostring(err))
  end)

  it("must be a file", function()
    local dir <close> = support.temp_dir()
    local values, err = env.load(dir.path)
    assert.is_nil(values)
    assert.matches("cannot read", tostring(err))
  end)

  it("is read from the path given", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/shop.env", "A=1\nbroken\n")
    local values, err = env.load(path)
    assert.is_nil(values)
    assert.matches("shop%.env:2: ", err.message)
    support.write_file(path, "A=1\n")
    assert.same({ A = "1" }, env.load(path))
  end)

  it("that is empty holds nothing", function()
    local dir <close> = support.temp_dir()
    assert.same({}, env.load(support.write_file(dir.path .. "/empty.env", "")))
  end)
end)
