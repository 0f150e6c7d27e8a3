-- Access tokens against an IMS that misbehaves; how often it was asked is counted by the server.
local accs = require "accs"
local fault = require "spec.support.fault"

local check, reply, send = fault.check, fault.reply, fault.send
local IMS = "/ims/token/v3"
local SECRET = "example-not-a-secret" -- the one of fault.lua

local function token(name, expires_in)
  return reply(200, ('{"access_token":"%s","token_type":"bearer","expires_in":%s}'):format(name,
    expires_in or "86399"))
end

local function bearer(request)
  return request.head:match("\r\nAuthorization: Bearer (%S+)\r\n")
end

local server
local function start()
  server = fault.start()
end
local function stop()
  server:close()
end

describe("a 401", function()
  before_each(start)
  after_each(stop)

  local refused = { reply(401, '{"error_code":"401013","message":"Oauth token is not valid"}') }

  it("once: another token, the same body, and no one notices", function()
    local client <close> = server:client()
    server:script("/V1/x", { refused, fault.ok })
    check("POST", { kind = "ok", count = 2 },
      server:try(client, "POST", "/V1/x", { data = { text = ("abc"):rep(700000) } }))
    local requests = server:requests("/V1/x")
    assert.equal("token-1", bearer(requests[1]))
    assert.equal("token-2", bearer(requests[2]))
    assert.is_true(requests[1].body_len > 2000000)
    assert.equal(requests[1].body_len, requests[2].body_len)
    assert.equal(requests[1].checksum, requests[2].checksum)
    assert.equal(2, server:count(IMS))
  end)

  it("each time: two requests, two tokens, and the error", function()
    local client <close> = server:client()
    server:script("/V1/x", { refused })
    check("GET", { kind = "auth", status = 401, outcome = "refused", count = 2 },
      server:try(client, "GET", "/V1/x"))
    assert.equal(2, server:count(IMS))
  end)

  it("or 403 with a token that lacks commerce.accs says so, in whatever language", function()
    local function jwt(scope) -- {"alg":"RS256"}, and a signature that nobody looks at
      local claims = ('{"scope":"%s"}'):format(scope)
      return "eyJhbGciOiJSUzI1NiJ9." .. require("mime").b64(claims):gsub("=", "")
        :gsub("+", "-"):gsub("/", "_") .. ".AAAA"
    end
    local cases = { { "openid,email", true }, { "openid,commerce.accs", false },
      { "openid commerce.accs email", false }, { "openid,commerce.accs.read", true } }
    for _, case in ipairs(cases) do
      for _, status in ipairs { 401, 403 } do
        server:script(IMS, { { token(jwt(case[1])) } })
        server:script("/V1/x", { { reply(status, '{"message":"Brak uprawnień"}') } })
        local client <close> = server:client()
        local _, err = client:get("/V1/x")
        assert.equal("auth", err.kind)
        local told = err.hint:find("the token lacks the scope commerce.accs", 1, true) ~= nil
        assert.equal(case[2], told, case[1] .. ": " .. err.hint)
        assert.is_nil(err.lacks_scope)
      end
    end
  end)

  it("with a ready token is final", function()
    local client <close> = server:client { access_token = "example" }
    server:script("/V1/x", { refused })
    check("GET", { kind = "auth", count = 1 }, server:try(client, "GET", "/V1/x"))
    assert.equal(0, server:count(IMS))
  end)

  it("of many calls at once asks for one token", function()
    local client <close> = server:client()
    local late = { { "sleep", 0.3 }, refused[1] }
    server:script("/V1/x", { late, late, late, late, late, late, late, late, fault.ok })
    local calls = {}
    for i = 1, 8 do
      calls[i] = function() return client:get("/V1/x") end
    end
    for _, response in ipairs(assert(accs.all(calls))) do
      assert.equal(200, response.status)
    end
    assert.equal(16, server:count("/V1/x"))
    assert.equal(2, server:count(IMS))
  end)

  it("that comes late does not drop the newer token", function()
    local client <close> = server:client()
    server:script("/V1/late", { { { "sleep", 0.5 }, refused[1] }, fault.ok })
    server:script("/V1/x", { refused, fault.ok })
    assert(accs.all {
      function() return client:get("/V1/late") end,
      function() accs.sleep(0.1) return client:get("/V1/x") end,
    })
    assert.equal("token-1", bearer(server:requests("/V1/late")[1]))
    assert.equal("token-2", bearer(server:requests("/V1/late")[2]))
    assert.equal(2, server:count(IMS))
  end)
end)

describe("one token request", function()
  before_each(start)
  after_each(stop)

  local function all_get(clients, count)
    local calls = {}
    for i = 1, count do
      calls[i] = function()
        local response, err = clients[i % #clients + 1]:get("/V1/x")
        return { response and response.status or tostring(err) }
      end
    end
    return assert(accs.all(calls))
  end

  it("is on the wire for 64 tasks on two clients of one identity", function()
    local one <close> = server:client()
    local two <close> = server:client()
    server:script(IMS, { { { "sleep", 0.2 }, token("a") } })
    server:script("/V1/x", { fault.ok })
    for _, result in ipairs(all_get({ one, two }, 64)) do
      assert.equal(200, result[1])
    end
    assert.equal(1, server:count(IMS))
    assert.equal(64, server:count("/V1/x"))
  end)

  it("for each identity", function()
    local one <close> = server:client()
    local two <close> = server:client { client_id = "another" }
    server:script("/V1/x", { fault.ok })
    all_get({ one, two }, 16)
    assert.equal(2, server:count(IMS))
  end)

  it("fails for all that wait, in the same words, and so do further calls at once", function()
    local client <close> = server:client()
    server:script(IMS, { { { "sleep", 0.2 },
      reply(400, '{"error":"unauthorized_client","error_description":"no"}') }, { token("a") } })
    server:script("/V1/x", { fault.ok })
    local results = all_get({ client }, 64)
    table.move(all_get({ client }, 1000), 1, 1000, #results + 1, results)
    for _, result in ipairs(results) do
      assert.equal(results[1][1], result[1])
    end
    assert.is_truthy(results[1][1]:find("unauthorized_client", 1, true))
    assert.equal(1, server:count(IMS))
    assert.equal(0, server:count("/V1/x"))
  end)

  it("that IMS could not answer for now is made again by the next call", function()
    local client <close> = server:client()
    server:script(IMS, { { reply(400, '{"error":"temporarily_unavailable"}') }, { token("a") } })
    server:script("/V1/x", { fault.ok })
    check("the first", { kind = "auth" }, server:try(client, "GET", "/V1/x"))
    check("the next", { kind = "ok" }, server:try(client, "GET", "/V1/x"))
    assert.equal(2, server:count(IMS))
  end)

  it("goes on when the call that began it is cancelled", function()
    local client <close> = server:client()
    server:script(IMS, { { { "sleep", 0.3 }, token("a") } })
    server:script("/V1/x", { fault.ok })
    local response
    assert(accs.all {
      function()
        local task = accs.spawn(function() return client:get("/V1/x") end)
        accs.sleep(0.1)
        task:cancel()
        task:wait()
        return true
      end,
      function() response = client:get("/V1/x") return true end,
    })
    assert.equal(200, response.status)
    assert.equal(1, server:count(IMS))
    assert.equal(1, server:count("/V1/x"))
  end)
end)

describe("an answer of IMS", function()
  before_each(start)
  after_each(stop)

  local html = { ["Content-Type"] = "text/html" }
  local good = token("a")
  local packed = fault.gzip('{"access_token":"a","expires_in":3600}')
  -- name, entries, kind, token requests of one call
  local cases = {
    { "200 with an error", { { reply(200, '{"error":"invalid_client"}') } }, "auth", 1 },
    { "400 invalid_client", { { reply(400, '{"error":"invalid_client","error_description":"'
      .. "secret " .. SECRET .. ' is wrong"}') } }, "auth", 1 },
    { "401 invalid_client", { { reply(401, '{"error":"invalid_client"}') } }, "auth", 1 },
    { "400 invalid_scope", { { reply(400, '{"error":"invalid_scope"}') } }, "auth", 1 },
    { "400 without a reason", { { reply(400, "CANARY") } }, "http", 1 },
    { "404 in HTML", { { reply(404, "<html>CANARY", html) } }, "http", 1 },
    { "200 in HTML", { { reply(200, "<html>CANARY</html>", html) } }, "decode", 1 },
    { "200 as a form", { { reply(200, "access_token=CANARY&expires_in=9") } }, "decode", 1 },
    { "200 without a token", { { reply(200, '{"token_type":"CANARY","expires_in":9}') } },
      "decode", 1 },
    { "a token that is no text", { { reply(200, '{"access_token":12345678}') } }, "decode", 1 },
    { "an empty token", { { reply(200, '{"access_token":""}') } }, "decode", 1 },
    { "a token with a line end", { { reply(200, '{"access_token":"CANARY\\r\\nX: y"}') } },
      "decode", 1 },
    { "an array", { { reply(200, '["CANARY"]') } }, "decode", 1 },
    { "truncated JSON", { { reply(200, '{"access_token":"CANARY') } }, "decode", 1 },
    { "nothing", { { reply(200, "") } }, "decode", 1 },
    { "5 MB", { { send(fault.head("200 OK", "Content-Length: 5000000")),
      { "fill", 5000000, "x" } } }, "too_large", 1 },
    { "a redirect", { { reply(302, "", { Location = "https://example.com/" }) } }, "redirect", 1 },
    { "503 each time", { { reply(503, "<html>CANARY", html) } }, "http", 4 },
    { "503 once", { { reply(503, "") }, { good } }, "ok", 2 },
    { "a connection closed once", { { { "close" } }, { good } }, "ok", 2 },
    { "a connection closed each time", { { { "close" } } }, "network", 4 },
    { "gzip", { { fault.gzipped(packed) } }, "ok", 1 },
    { "gzip cut short", { { fault.gzipped(packed:sub(1, -5)) } }, "decode", 4 },
    { "429 with a wait", { { reply(429, "", { ["Retry-After"] = "1" }) }, { good } }, "ok", 2 },
    { "429 with a long wait", { { reply(429, "", { ["Retry-After"] = "9999" }) } },
      "rate_limited", 1 },
    { "silence", { { { "stall" } } }, "timeout", 1, { timeout = 0.5 } },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local client <close> = server:client { attempts = 1 } -- a limit of calls, not of tokens
      server:script(IMS, case[2])
      server:script("/V1/x", { fault.ok })
      local got = server:try(client, "POST", "/V1/x", case[5])
      check("POST", { kind = case[3], count = case[3] == "ok" and 1 or 0, seconds = 6 }, got)
      assert.equal(case[4], server:count(IMS))
      if got.err then
        assert.equal("not_sent", got.outcome)
        local text = tostring(got.err)
        for _, word in ipairs { SECRET, "CANARY" } do
          assert.is_nil(text:find(word, 1, true))
        end
      end
    end)
  end

  for _, life in ipairs { '"3600"', "3600.5", "null", "0", "-5", "1e12", "86399000", '"x"', "true",
    "99999999999999999999" } do
    it("with expires_in " .. life .. " gives a token for more than one call", function()
      local client <close> = server:client()
      server:script(IMS, { { token("a", life) } })
      server:script("/V1/x", { fault.ok })
      for _ = 1, 3 do
        check("GET", { kind = "ok", count = 1 }, server:try(client, "GET", "/V1/x"))
      end
      assert.equal(1, server:count(IMS))
    end)
  end

  it("is asked for again once when the token has died", function()
    local client <close> = server:client()
    server:script(IMS, { { token("a", 2) }, { token("b") } })
    server:script("/V1/x", { fault.ok })
    for _ = 1, 3 do
      assert(client:get("/V1/x"))
    end
    accs.sleep(2.1)
    for _ = 1, 3 do
      assert(client:get("/V1/x"))
    end
    assert.equal(2, server:count(IMS))
    assert.equal("a", bearer(server:requests("/V1/x")[3]))
    assert.equal("b", bearer(server:requests("/V1/x")[4]))
  end)

  it("is asked for again beside the calls, before the token has to go", function()
    local client <close> = server:client()
    server:script(IMS, { { token("a", 8) }, { { "sleep", 0.5 }, token("b") } })
    server:script("/V1/x", { fault.ok })
    assert(client:get("/V1/x"))
    accs.sleep(6.85) -- the last fifth of its life, but not yet the last second
    check("GET", { kind = "ok", count = 1, seconds = 0.4 }, server:try(client, "GET", "/V1/x"))
    accs.sleep(0.6)
    check("GET", { kind = "ok", count = 1 }, server:try(client, "GET", "/V1/x"))
    local requests = server:requests("/V1/x")
    assert.equal("a", bearer(requests[2]))
    assert.equal("b", bearer(requests[3]))
    assert.equal(2, server:count(IMS))
  end)

  it("may fail while the old token lives", function()
    local client <close> = server:client { attempts = 1 }
    server:script(IMS, { { token("a", 3) }, { reply(503, "") } })
    server:script("/V1/x", { fault.ok })
    assert(client:get("/V1/x"))
    accs.sleep(2.2) -- in the last second: a call asks for another token first
    check("GET", { kind = "ok", count = 1 }, server:try(client, "GET", "/V1/x"))
    assert.is_true(server:count(IMS) >= 2)
    assert.equal("a", bearer(server:requests("/V1/x")[2]))
    accs.sleep(1)
    check("GET", { kind = "http", count = 0, seconds = 6 }, server:try(client, "GET", "/V1/x"))
  end)

  it("is asked for in the body, never in the address", function()
    local client <close> = server:client()
    server:script("/V1/x", { fault.ok })
    assert(client:get("/V1/x"))
    local request = server:requests(IMS)[1]
    assert.equal("POST", request.method)
    assert.equal(IMS, request.target)
    assert.is_nil(request.head:find(SECRET, 1, true))
    assert.is_truthy(request.body:find("client_secret=" .. SECRET, 1, true))
    assert.is_nil(request.head:find("x-api-key", 1, true))
  end)
end)
