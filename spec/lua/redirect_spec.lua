local redirect = require "accs.redirect"

-- What was found, as text: "code state error", with "*" for a bare code.
local function spell(found)
  local words = {}
  for _, name in ipairs { "code", "state", "error", "error_description", "iss" } do
    words[#words + 1] = found[name] and name .. "=" .. found[name] or nil
  end
  return table.concat(words, " ") .. (found.bare and " *" or "")
end

describe("the answer to a sign-in", function()
  local GOOD = {
    { "a whole address", "https://localhost:8443/cb?code=abc&state=x", "code=abc state=x" },
    { "one of a scheme of its own", "com.example.app:/cb?code=abc&state=x", "code=abc state=x" },
    { "the query with its mark", "?code=abc&state=x", "code=abc state=x" },
    { "the query alone", "code=abc&state=x", "code=abc state=x" },
    { "the query in another order", "state=x&code=abc", "code=abc state=x" },
    { "blanks and line ends around", " \r\n\thttps://localhost/cb?code=abc&state=x \n",
      "code=abc state=x" },
    { "a line end within", "https://localhost/cb?code=a\nbc&st\r\n  ate=x", "code=abc state=x" },
    { "a fragment", "https://localhost/cb?code=abc&state=x#_=_", "code=abc state=x" },
    { "quotes around", "'https://localhost/cb?code=abc&state=x'", "code=abc state=x" },
    { "angle brackets around", "<https://localhost/cb?code=abc&state=x>", "code=abc state=x" },
    { "percent-encoding", "?code=a%2Fb%2bc&state=%41", "code=a/b+c state=A" },
    { "an encoded name", "?c%6Fde=abcd&state=x", "code=abcd state=x" },
    { "an error", "?error=access_denied&error_description=no%20way+there&state=x",
      "state=x error=access_denied error_description=no way there" },
    { "an issuer", "?code=abc&state=x&iss=https%3A%2F%2Fims.example.com",
      "code=abc state=x iss=https://ims.example.com" },
    { "parameters that nobody knows, also twice", "?a=1&a=2&code=abc&state=x&b",
      "code=abc state=x" },
    { "a value with = in it", "?code=abc==&state=x", "code=abc== state=x" },
    { "an empty parameter", "?code=abc&state=", "code=abc" },
    { "a code without state", "?code=abcdefgh", "code=abcdefgh" },
    { "an address that ends too early", "https://localhost/cb?code=abcdefgh", "code=abcdefgh" },
    { "a bare code", "eyJhbGciOi.x_y-z~", "code=eyJhbGciOi.x_y-z~ *" },
    { "a bare code with blanks", "  eyJhbGci\nOi.xyz ", "code=eyJhbGciOi.xyz *" },
    { "a bare code with = and +", "abc+def/==", "code=abc+def/== *" },
    { "a bare code, encoded", "abcdefg%2Fh", "code=abcdefg/h *" },
    { "a table", { code = "abc", state = "x", other = 5 }, "code=abc state=x" },
    { "a table without state", { code = "abc" }, "code=abc *" },
    { "a table with an empty state", { code = "abc", state = "" }, "code=abc *" },
    { "a table that says bare", { code = "abc", state = "x", bare = true }, "code=abc state=x" },
    { "an error beside a code", "?code=abc&error=server_error&state=x",
      "code=abc state=x error=server_error" },
    { "nothing of use", "https://localhost/cb?a=b", "" },
  }
  for _, case in ipairs(GOOD) do
    it("is read from " .. case[1], function()
      local found, problem = redirect.read(case[2])
      assert.is_nil(problem)
      assert.equal(case[3], spell(found))
    end)
  end

  local BAD = {
    { "a code twice", "?code=abc&code=abc&state=x", "code twice" },
    { "a code twice, once encoded", "?code=abc&c%6fde=abc&state=x", "code twice" },
    { "a state twice", "state=x&code=abc&state=y", "state twice" },
    { "an error twice", "?error=a&state=x&error=b", "error twice" },
    { "an empty parameter twice", "?code=&code=abc&state=x", "code twice" },
    { "a list in a table", { code = { "abc", "def" }, state = "x" }, "code twice" },
    { "a number in a table", { code = 5, state = "x" }, "no text" },
    { "broken percent-encoding", "?code=a%zz&state=x", "percent-encoded" },
    { "cut percent-encoding", "?code=abc&state=x%4", "percent-encoded" },
    { "words, which are no code", "hello world", "no answer" },
    { "a broken bare code", "abcdefgh%", "percent-encoded" },
    { "a NUL", "?code=a%00b&state=x", "control character" },
    { "a line end in the state", "?code=abc&state=x%0A", "control character" },
    { "an address without query", "https://localhost:8443/cb", "no query" },
    { "a slip of the hand", "yes", "no answer" },
    { "nothing", " \n", "no answer" },
    { "bytes that are not ASCII", "\xC3\xA4bcdefghi", "no answer" },
    { "too much", "?code=" .. ("x"):rep(20000), "too long" },
    { "a number", 5, "not number" },
    { "nil", nil, "not nil" },
  }
  for _, case in ipairs(BAD) do
    it("is not read from " .. case[1] .. ", and the words show nothing of it", function()
      local found, problem = redirect.read(case[2])
      assert.is_nil(found)
      assert.matches(case[3], problem, 1, true)
      assert.is_nil(problem:find("abc", 1, true))
    end)
  end
end)
