-- Repeats, waits and limits of time and size against a server that asks for them; the server's
-- own count and the clock prove what happened.
local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"

local check, head, reply, send = fault.check, fault.head, fault.reply, fault.send

local function http_date(seconds_from_now)
  return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds_from_now)
end

local function limited(retry_after, status)
  return { reply(status or 429, "{}", { ["Retry-After"] = retry_after }) }
end

local server
local function client_of(options)
  local given = { access_token = "example" }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  return server:client(given)
end

describe("an answer that may pass", function()
  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function() server:clear() end)

  local down = { reply(503, "{}") }
  local lost = { { "close" } }

  it("is asked for again until it is right", function()
    local client <close> = client_of()
    server:script("/V1/x", { down, lost, down, fault.ok })
    local got = server:try(client, "GET", "/V1/x")
    check("GET", { kind = "ok", count = 4, seconds = 5 }, got)
    assert.equal(4, got.response.attempts)
  end)

  it("is asked for as often as attempts says", function()
    server:script("/V1/x", { down })
    for attempts = 1, 3 do
      local client <close> = client_of { attempts = attempts }
      local got = server:try(client, "GET", "/V1/x")
      check("GET", { kind = "http", status = 503, count = attempts, seconds = 3 }, got)
      assert.equal(attempts, got.err.attempts)
      got = server:try(client, "GET", "/V1/x", { attempts = 2 })
      check("the call's own", { kind = "http", count = 2, seconds = 3 }, got)
    end
  end)

  it("is asked for again after a write only when it was refused before it was acted on", function()
    local client <close> = client_of()
    for _, status in ipairs { 408, 500, 502, 503, 504 } do
      server:script("/V1/w", { { reply(status, "{}") }, fault.ok })
      check("POST " .. status, { kind = "http", status = status, count = 1 },
        server:try(client, "POST", "/V1/w", { data = { a = 1 } }))
      server:clear()
    end
    server:script("/V1/w", { limited("0"), fault.ok })
    check("POST 429", { kind = "ok", count = 2 },
      server:try(client, "POST", "/V1/w", { data = { a = 1 } }))
  end)

  it("heeds what the caller says about the method", function()
    server:script("/V1/x", { lost, fault.ok })
    local client <close> = client_of()
    check("a POST that may be repeated", { kind = "ok", count = 2 },
      server:try(client, "POST", "/V1/x", { data = { a = 1 }, idempotent = true }))
    server:clear()
    server:script("/V1/x", { lost, fault.ok })
    check("a GET that may not", { kind = "network", outcome = "unknown", count = 1 },
      server:try(client, "GET", "/V1/x", { idempotent = false }))
  end)

  it("repeats the very same body", function()
    local client <close> = client_of()
    local text = ("0123456789abcdef"):rep(131072) -- 2 MiB
    server:script("/V1/x", { lost, down, limited("0"), fault.ok })
    check("PUT", { kind = "ok", count = 4, seconds = 6 },
      server:try(client, "PUT", "/V1/x", { data = { text = text } }))
    local requests = server:requests("/V1/x")
    assert.is_true(requests[1].body_len > #text)
    for index = 2, 4 do
      assert.equal(requests[1].body_len, requests[index].body_len)
      assert.equal(requests[1].checksum, requests[index].checksum)
    end
  end)

  it("is not hammered: repeats are a share of the calls", function()
    -- A server of its own: on a connection used before, libcurl's own repeat would add one.
    local fresh <close> = fault.start()
    local client <close> = fresh:client { attempts = 3, access_token = "example" }
    fresh:script("/V1/x", { lost })
    local calls = {}
    for i = 1, 60 do
      calls[i] = function()
        local _, err = client:get("/V1/x")
        return err.kind
      end
    end
    for _, kind in ipairs(assert(accs.all(calls))) do
      assert.equal("network", kind)
    end
    -- 60 calls allow ten repeats: ten always, and a tenth of the calls is less.
    assert.equal(70, fresh:count("/V1/x"))
  end)

  it("makes no storm out of an outage: as many requests as calls, and the budget", function()
    local CASES = { -- options, requests that 500 calls may make
      { {}, 550 }, -- a tenth
      { { retry_budget = 0.02, retry_budget_min = 3 }, 510 },
      { { retry_budget = 0, retry_budget_min = 3 }, 503 },
    }
    for _, case in ipairs(CASES) do
      server:clear()
      server:script("/V1/x", { down })
      local client <close> = client_of {
        backoff = 0.01, max_backoff = 0.02, max_concurrency = 32,
        retry_budget = case[1].retry_budget, retry_budget_min = case[1].retry_budget_min,
      }
      local calls = {}
      for i = 1, 500 do
        calls[i] = function()
          local _, err = client:get("/V1/x")
          return err.status
        end
      end
      for _, status in ipairs(assert(accs.all(calls))) do
        assert.equal(503, status)
      end
      assert.equal(case[2], server:count("/V1/x"))
    end
  end)

  it("is waited for as backoff and max_backoff say, of the client or the call", function()
    server:script("/V1/x", { down })
    -- 29 waits: by themselves, or all cut to hardly anything, they take no time.
    local CASES = { -- options of the client, of the call, the longest time
      { { backoff = 0.001, max_backoff = 0.001 }, {}, 1 },
      { {}, { backoff = 0.001, max_backoff = 0.001 }, 1 },
      { { backoff = 10 }, { max_backoff = 0.001 }, 1 },
      { { backoff = 20 }, { backoff = 0.001, attempts = 5 }, 1 },
    }
    for _, case in ipairs(CASES) do
      case[1].retry_budget_min = 1000
      local client <close> = client_of(case[1])
      case[2].attempts = case[2].attempts or 30
      check("quick", { kind = "http", count = case[2].attempts, seconds = case[3] },
        server:try(client, "GET", "/V1/x", case[2]))
    end
    -- The other way round: nine waits of 0.1 s at most, each any part of it, take some time.
    local client <close> = client_of { backoff = 0.001 }
    check("slow", { kind = "http", count = 10, min_seconds = 0.05, seconds = 2 },
      server:try(client, "GET", "/V1/x", { attempts = 10, backoff = 0.1, max_backoff = 0.1 }))
  end)
end)

describe("Retry-After", function()
  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function() server:clear() end)

  local cases = {
    -- name, answers before the good one, least and most seconds, options
    { "0 goes again at once", { limited("0") }, 0, 0.5 },
    { "in seconds is kept to", { limited("1") }, 1, 1.6 },
    { "with blanks around it", { limited("  1 ") }, 1, 1.6 },
    { "gone by as a date", { limited("Sun, 06 Nov 1994 08:49:37 GMT") }, 0, 0.5 },
    { "that cannot be read is a back-off", { limited("1.5") }, 0, 0.9 },
    { "of minus one is a back-off", { limited("-1") }, 0, 0.9 },
    { "on 503 is kept to", { limited("1", 503) }, 1, 1.6 },
  }
  local verdict
  setup(function()
    verdict = fault.together(cases, function(case, index)
      local client <close> = client_of()
      local path = "/V1/case/" .. index
      server:script(path, { case[2][1], fault.ok })
      check("GET", { kind = "ok", count = 2, min_seconds = case[3], seconds = case[4] },
        server:try(client, "GET", path))
    end)
  end)
  for index, case in ipairs(cases) do
    it(case[1], function()
      verdict(index)
    end)
  end

  it("as a date is kept to", function()
    local client <close> = client_of()
    server:script("/V1/x", { limited(http_date(2)), fault.ok })
    -- The date has whole seconds: up to one of the two may be gone already.
    check("GET", { kind = "ok", count = 2, min_seconds = 0.9, seconds = 3 },
      server:try(client, "GET", "/V1/x"))
  end)

  local long = {
    { "longer than max_retry_after", "120", {}, 120 },
    { "longer than the call's own max_retry_after", "3", { max_retry_after = 2 }, 3 },
    { "past the deadline", "30", { timeout = 5 }, 30 },
    { "a year ahead", "31536000", {}, 31536000 },
  }
  for _, case in ipairs(long) do
    for _, status in ipairs { 429, 503 } do
      it(case[1] .. " fails at once, on " .. status, function()
        for _, method in ipairs { "GET", "POST" } do
          local client <close> = client_of()
          server:clear()
          server:script("/V1/x", { limited(case[2], status), fault.ok })
          local got = server:try(client, method, "/V1/x", case[3])
          check(method, { kind = "rate_limited", status = status, count = 1, seconds = 0.5 }, got)
          assert.equal(case[4], math.floor(got.err.retry_after + 0.5))
          assert.is_true(got.err.retryable)
          -- The client stays paused: nothing more crosses the wire.
          got = server:try(client, method, "/V1/x", case[3])
          check("the next", { kind = "rate_limited", count = 0, outcome = "not_sent",
            seconds = 0.5 }, got)
          assert.is_true(got.err.retry_after > 1)
        end
      end)
    end
  end

  it("on the last attempt ends the call, and the client waits all the same", function()
    local client <close> = client_of()
    server:script("/V1/x", { limited("1"), fault.ok })
    check("the first", { kind = "rate_limited", count = 1, outcome = "refused", seconds = 0.5 },
      server:try(client, "POST", "/V1/x", { attempts = 1 }))
    check("the next", { kind = "ok", count = 1, min_seconds = 0.8, seconds = 1.6 },
      server:try(client, "POST", "/V1/x", { attempts = 1 }))
  end)

  it("holds for the whole client, not for others", function()
    local client <close> = client_of()
    local other <close> = client_of()
    server:script("/V1/limited", { limited("1"), fault.ok })
    server:script("/V1/x", { fault.ok })
    assert(accs.all {
      function()
        check("the limited call", { kind = "ok", min_seconds = 1, seconds = 1.7 },
          server:try(client, "GET", "/V1/limited"))
      end,
      function()
        accs.sleep(0.2)
        check("another client", { kind = "ok", seconds = 0.3 }, server:try(other, "GET", "/V1/x"))
      end,
      function()
        accs.sleep(0.2)
        check("the same client", { kind = "ok", min_seconds = 0.6, seconds = 1.6 },
          server:try(client, "GET", "/V1/x"))
      end,
    })
  end)

  it("lowers how many calls go at a time, until many were answered; or not, if told so", function()
    -- How many of eight calls, 0.3 s each, the server had at a time.
    local function at_a_time(client)
      local calls, most, before = {}, 0, server:count("/V1/slow")
      for index = 1, 8 do
        calls[index] = function() return client:get("/V1/slow") end
      end
      assert(accs.all(calls))
      for index, request in ipairs(server:requests("/V1/slow")) do
        most = index > before and math.max(most, request.under_way) or most
      end
      assert.equal(before + 8, server:count("/V1/slow"))
      return most
    end
    server:script("/V1/slow", { { { "sleep", 0.3 }, reply(200, "{}") } })
    local CASES = { -- options, refusals, calls at a time
      { {}, 0, 8 },
      { {}, 1, 4 },
      { {}, 2, 2 },
      { { fixed_concurrency = true }, 2, 8 },
    }
    for _, case in ipairs(CASES) do
      local client <close> = client_of(case[1])
      local entries = {}
      for index = 1, case[2] do
        entries[index] = limited("0")
      end
      entries[#entries + 1] = fault.ok
      server:script("/V1/x", entries)
      assert(client:get("/V1/x"))
      assert.equal(case[3], at_a_time(client))
    end
    -- Forty answers bring the first place back, fifty the next, and so on to eight.
    local client <close> = client_of()
    server:script("/V1/x", { limited("0"), fault.ok })
    for _ = 1, 4 * 10 + 5 * 10 + 6 * 10 + 7 * 10 + 1 do
      assert(client:get("/V1/x"))
    end
    assert.equal(8, at_a_time(client))
  end)

  it("is what client:throttle does from above", function()
    local client <close> = client_of()
    server:script("/V1/x", { fault.ok })
    client:throttle(0.5)
    check("GET", { kind = "ok", count = 1, min_seconds = 0.45, seconds = 1 },
      server:try(client, "GET", "/V1/x"))
    client:throttle(100)
    check("GET", { kind = "rate_limited", count = 0, seconds = 0.3 },
      server:try(client, "GET", "/V1/x"))
  end)
end)

describe("a deadline", function()
  it("is not waited for when a Retry-After goes beyond it", function()
    server = fault.start()
    for _, status in ipairs { 429, 503 } do
      local client <close> = client_of { timeout = 10, max_retry_after = 3600 }
      server:script("/V1/x", { limited("60", status) })
      local got = server:try(client, "GET", "/V1/x")
      check("GET", { kind = "rate_limited", status = status, count = 1, seconds = 1 }, got)
      assert.equal(60, got.err.retry_after)
      server:clear()
    end
    server:close()
  end)
end)

describe("a limit of time", function()
  setup(function() server = fault.start() end)
  teardown(function() server:close() end)
  before_each(function() server:clear() end)

  local stall = { "stall" }

  it("ends an attempt on which no byte moves, and a read goes again", function()
    local client <close> = client_of { idle_timeout = 1 }
    server:script("/V1/x", { { stall }, fault.ok })
    check("GET", { kind = "ok", count = 2, min_seconds = 0.9, seconds = 4 },
      server:try(client, "GET", "/V1/x"))
    server:clear()
    server:script("/V1/x", { { stall }, fault.ok })
    check("POST", { kind = "timeout", outcome = "unknown", count = 1, min_seconds = 0.9,
      seconds = 3 }, server:try(client, "POST", "/V1/x"))
  end)

  it("may be one call's own", function()
    local client <close> = client_of()
    server:script("/V1/x", { { stall } })
    check("idle", { kind = "timeout", count = 1, min_seconds = 0.9, seconds = 3 },
      server:try(client, "GET", "/V1/x", { idle_timeout = 1, attempts = 1 }))
    -- The next call of the same handle has the client's again.
    check("idle of the client", { kind = "timeout", count = 1, min_seconds = 2.4, seconds = 4 },
      server:try(client, "GET", "/V1/x", { timeout = 2.5, attempts = 1 }))
    local patient <close> = client_of { idle_timeout = 1 }
    check("longer", { kind = "timeout", count = 1, min_seconds = 2.4, seconds = 4 },
      server:try(patient, "GET", "/V1/x", { idle_timeout = 30, timeout = 2.5, attempts = 1 }))
  end)

  it("for connecting may be one call's own", function()
    local deaf = assert(require("socket").bind("127.0.0.1", 0)) -- connects, and says nothing more
    local _, port = deaf:getsockname()
    local client <close> = client_of { base_url = ("https://127.0.0.1:%s/t"):format(port) }
    local started = core.monotonic()
    local _, err = client:get("/V1/x", { connect_timeout = 0.5, attempts = 1 })
    assert.equal("timeout", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.is_true(core.monotonic() - started < 3)
    deaf:close()
  end)

  it("does not end an answer that is slow but moves", function()
    local client <close> = client_of { idle_timeout = 1 }
    local text = '{"ok":true}'
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: " .. #text)),
      { "trickle", text, 0.2 } } })
    check("GET", { kind = "ok", count = 1, min_seconds = 2, seconds = 4 },
      server:try(client, "GET", "/V1/x"))
  end)

  it("ends an attempt after fractions of a second as well", function()
    local client <close> = client_of { idle_timeout = 0.3, attempts = 1 }
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: 10")), stall } })
    local got = server:try(client, "GET", "/V1/x")
    check("GET", { kind = "timeout", count = 1, min_seconds = 0.29, seconds = 0.9 }, got)
    assert.truthy(tostring(got.err):find("the server was silent for too long (idle_timeout)", 1,
      true))
  end)

  it("ends a token request on which no byte moves", function()
    local client <close> = server:client { idle_timeout = 0.5, attempts = 1 }
    server:script("/ims/token/v3", { { send "HTTP/1.1 200 OK\r\nContent-", stall } })
    server:script("/V1/x", { fault.ok })
    local got = server:try(client, "GET", "/V1/x")
    check("GET", { kind = "timeout", outcome = "not_sent", count = 0, min_seconds = 0.49,
      seconds = 1.5 * server:count "/ims/token/v3" }, got)
    assert.truthy(tostring(got.err):find("(idle_timeout)", 1, true))
  end)

  it("of silence counts only while somebody listens", function()
    local client <close> = client_of { idle_timeout = 0.5, attempts = 1 }
    local text = '{"ok":true}'
    server:script("/V1/x", { { send(head("200 OK", "Content-Length: " .. #text)),
      { "sleep", 0.3 }, send(text) }, { stall } })
    local function beside_busy_program()
      local response, err, back, seconds
      accs.all {
        function()
          response, err = client:get "/V1/x"
          seconds = core.monotonic() - back
        end,
        function()
          accs.sleep(0.1) -- the request leaves
          os.execute "sleep 1" -- and nothing is read
          back = core.monotonic()
        end,
      }
      assert.is_true(seconds < 0.3, "after " .. seconds)
      return response, err
    end
    assert(beside_busy_program())
    local _, err = beside_busy_program() -- silent all the while
    assert.equal("timeout", err.kind)
  end)

  it("counts the waits between attempts", function()
    local client <close> = client_of { timeout = 0.6, attempts = 100 }
    server:script("/V1/x", { { { "close" } } })
    local started = core.monotonic()
    local got = server:try(client, "GET", "/V1/x")
    assert.equal("network", got.kind)
    assert.is_true(core.monotonic() - started < 3) -- a hundred attempts take minutes
  end)

  it("makes no second of waiting out of a large body", function()
    local client <close> = client_of()
    server:script("/V1/x", { fault.ok })
    check("POST", { kind = "ok", count = 1 },
      server:try(client, "POST", "/V1/x", { data = { text = ("x"):rep(1500000) } }))
    assert.is_nil(server:requests("/V1/x")[1].head:lower():find("\nexpect:", 1, true))
  end)
end)
