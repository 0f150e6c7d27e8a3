local errors = require "accs.error"

describe("an error object", function()
  it("prints as one line", function()
    local err = errors.new {
      kind = "http", outcome = "refused", status = 404, message = "No such\r\nentity",
      method = "GET", url = "https://example.com/V1/orders/5", response = {}, hint = "look again",
    }
    assert.equal("accs: http: HTTP 404: No such entity (GET https://example.com/V1/orders/5); "
      .. "look again", tostring(err))
    assert.equal("why: " .. tostring(err), "why: " .. err)
    assert.equal("No such entity", err.message)
  end)

  it("leaves a search out of the line, and keeps it in url", function()
    local url = "https://example.com/V1/orders?fields=a%5Bb%5D&searchCriteria%5BpageSize%5D=1"
    local err = errors.new { kind = "http", message = "no", method = "GET", url = url }
    assert.equal("accs: http: no (GET https://example.com/V1/orders?...)", tostring(err))
    assert.equal(url, err.url)
  end)

  it("does not say the status twice", function()
    local err = errors.new { kind = "http", status = 500, message = "HTTP 500", response = {} }
    assert.equal("accs: http: HTTP 500", tostring(err))
  end)

  it("has defaults for what nobody said", function()
    local err = errors.new { message = "x" }
    assert.equal("config", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.is_false(err.retryable)
    assert.equal("integer", math.type(err.attempts))
    assert.equal(0, err.attempts)
  end)

  it("warns of a write whose fate is not known", function()
    local fields = { kind = "network", outcome = "unknown", message = "broke", method = "POST",
      url = "https://example.com/V1/x" }
    assert.matches("look before you repeat it", tostring(errors.new(fields)))
    fields.method = "GET"
    assert.is_nil(tostring(errors.new(fields)):find("look before", 1, true))
  end)

  it("is told from other values", function()
    assert.is_true(errors.is(errors.new { message = "x" }))
    assert.is_false(errors.is({ kind = "http" }))
    assert.is_false(errors.is("accs: http: x"))
    assert.is_false(errors.is(nil))
  end)

  it("makes assert print its line", function()
    local ok, problem = pcall(assert, nil, errors.new { kind = "io", message = "disk full" })
    assert.is_false(ok)
    assert.equal("accs: io: disk full", tostring(problem))
  end)
end)

describe("foreign text", function()
  local CASES = {
    { "plain", "plain" },
    { " a\t\r\n b ", "a b" },
    { "\27[31mred\27[0m", "[31mred [0m" },
    { "c1 \xC2\x9B31m", "c1 31m" },
    { "Bearer abc.def-123 rest", "Bearer *** rest" },
    { "token eyJhbGciOi.eyJpZCI6.c2lnbmF0 end", "token *** end" },
    { "\xC3\xA4", "\xC3\xA4" },
  }
  for _, case in ipairs(CASES) do
    it("is cleaned: " .. case[2], function()
      assert.equal(case[2], errors.clean(case[1]))
    end)
  end

  it("is cut between characters", function()
    assert.equal("a\xC3\xA4...", errors.clean("a\xC3\xA4\xC3\xA4", 4))
    assert.is_not_nil(utf8.len(errors.clean(("\xE2\x82\xAC"):rep(500))))
    assert.is_true(#errors.clean(("x"):rep(5000)) < 1010)
  end)
end)

describe("a mistake of the program", function()
  it("is raised with the line outside of accs", function()
    local ok, message = pcall(function()
      errors.misuse("wrong")
    end)
    assert.is_false(ok)
    assert.matches("error_spec%.lua:%d+: wrong$", message)
  end)
end)

describe("a hint", function()
  local CASES = {
    { { kind = "network", curl_code = 6 }, "host name" },
    { { kind = "network", curl_code = 7 }, "port" },
    { { kind = "network" }, "API_ENDPOINT" },
    { { kind = "tls", curl_code = 60 }, "ACCS_CA_FILE" },
    { { kind = "tls", curl_code = 77 }, "PEM" },
    { { kind = "tls" }, "clock" },
    { { kind = "auth", message = "IMS refused with invalid_client" }, "IMS_CLIENT_SECRET" },
    { { kind = "auth", message = "IMS refused with invalid_scope" }, "IMS_SCOPES" },
    { { kind = "auth", status = 403 }, "IMS_ORG_ID" },
    { { kind = "auth", status = 401,
        response = { data = { parameters = { resources = "A::b" } } } }, "role the resource A::b" },
    { { kind = "auth", status = 401 }, "commerce%.accs" },
    { { kind = "gateway", status = 503 }, "maintenance" },
    { { kind = "gateway", status = 200 }, "base_url" },
    { { kind = "gateway", status = 403 }, "refused" },
    { { kind = "rate_limited", retry_after = 90.0 },
      "wait 90 s.*ACCS_TIMEOUT.*ACCS_MAX_RETRY_AFTER" },
    { { kind = "timeout", message = "no access token: no answer" }, "ACCS_TIMEOUT.*IMS is slow" },
    { { kind = "timeout", message = "no answer" }, "ACCS_TIMEOUT.*ask for less" },
    { { kind = "http", status = 404 }, "path and method" },
    { { kind = "timeout" }, "ACCS_TIMEOUT" },
    { { kind = "cache" }, "ACCS_CACHE" },
    { { kind = "too_large" }, "ACCS_MAX_BODY" },
  }
  for _, case in ipairs(CASES) do
    it(("for %s %s speaks of %s"):format(case[1].kind, case[1].status or "", case[2]), function()
      case[1].message = case[1].message or "x"
      assert.matches(case[2], errors.hint(case[1]))
    end)
  end

  it("is not given where nothing can be checked", function()
    assert.is_nil(errors.hint { kind = "http", status = 500, message = "x" })
    assert.is_nil(errors.hint { kind = "cancelled", message = "x" })
  end)
end)

describe("an HTML page", function()
  local CASES = {
    { "<html><head><title>\n 503 Backend &amp; more\n</title>", "503 Backend & more" },
    { "<TITLE lang=en>Down</TITLE><p>x", "Down" },
    { "<title> </title><body><h1>Login</h1> please", "Login please" },
    { "<style>p{}</style><script>alert(1)</script><!-- no --><p>Only this", "Only this" },
    { "plain words", "plain words" },
    { "", nil },
    { "<br>", nil },
  }
  for index, case in ipairs(CASES) do
    it("says in one line: case " .. index, function()
      assert.equal(case[2], errors.page_text(case[1]))
    end)
  end

  it("is cut", function()
    assert.is_true(#errors.page_text(("word "):rep(1000)) <= 203)
  end)
end)
