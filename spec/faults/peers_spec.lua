-- Real servers of HTTP/2 and TLS in front of the fault server: nginx and nghttpx, with settings
-- that end connections and refuse streams under way. All that is asked is answered, and writes are
-- acted on once.
local accs = require "accs"
local fault = require "spec.support.fault"
local nghttpx = require "spec.support.nghttpx"
local nginx = require "spec.support.nginx"

local SLOW = tonumber(os.getenv("SPEC_SLOW")) or 1

local function nginx_with(lines, http2)
  return function(port)
    return nginx.start { port = port, server = lines, http2 = http2 }
  end
end

local function nghttpx_with(...)
  local words = { ... }
  return function(port)
    return nghttpx.start(port, table.unpack(words))
  end
end

-- front, and what single calls of paths end as, where they differ from a good answer
local fronts = {
  { "nginx", nginx_with "" },
  { "nginx over HTTP/1.1", nginx_with("", false) },
  { "nginx that ends connections after 3 requests", nginx_with "keepalive_requests 3;" },
  { "nginx over HTTP/1.1 that ends connections after 3 requests",
    nginx_with("keepalive_requests 3;", false) },
  { "nginx that takes one stream at a time", nginx_with "http2_max_concurrent_streams 1;" },
  { "nginx that keeps no connection", nginx_with "keepalive_timeout 0;" },
  { "nginx over HTTP/1.1 that keeps no connection", nginx_with("keepalive_timeout 0;", false) },
  { "nginx that does not buffer", nginx_with "proxy_buffering off;" },
  { "nghttpx", nghttpx_with() },
  { "nghttpx that takes one stream at a time",
    nghttpx_with "--frontend-http2-max-concurrent-streams=1" },
  { "nghttpx with small windows", nghttpx_with("--frontend-http2-window-size=16383",
    "--frontend-http2-connection-window-size=65535") },
  { "nghttpx that ends connections after 3 requests", nghttpx_with "--frontend-max-requests=3" },
}

local READS, WRITES = 60, 40

describe("faults, peers:", function()
  for _, case in ipairs(fronts) do
    describe(case[1], function()
      local server, front, client

      setup(function()
        server = fault.start()
        front = case[2](server.port)
        -- Where a connection serves three streams, the last of sixteen is left out five times.
        client = server:client { base_url = front:address(server.env.API_ENDPOINT),
          ca_file = front.certificates.ca, timeout = 20 * SLOW, attempts = 30, backoff = 0.02,
          retry_budget_min = 1000 }
        server:script("/V1/x", { fault.ok })
      end)
      teardown(function()
        client:close()
        front:close()
        server:close()
      end)
      before_each(function()
        server:clear()
        server:script("/V1/x", { fault.ok })
      end)

      it("answers " .. READS .. " reads at once", function()
        local jobs = {}
        for index = 1, READS do
          jobs[index] = index
        end
        assert(accs.map(jobs, function(index)
          local response = assert(client:get("/V1/x", { query = { n = index } }))
          assert.is_true(response.data.ok)
        end, { concurrency = 16 }))
        assert.is_true(server:count("/V1/x") >= READS)
      end)

      it("is sent " .. WRITES .. " writes at once, each one time", function()
        local jobs = {}
        for index = 1, WRITES do
          jobs[index] = index
        end
        assert(accs.map(jobs, function(index)
          assert(client:post("/V1/x", { n = index }))
        end, { concurrency = 16 }))
        local seen = {}
        for _, request in ipairs(server:requests("/V1/x")) do
          assert.is_nil(seen[request.body], "twice: " .. request.body)
          seen[request.body] = true
        end
        assert.equal(WRITES, server:count("/V1/x"))
      end)

      it("passes on a body of 3 MB whole", function()
        server:script("/V1/x", { { fault.reply(200, '"' .. ("x"):rep(3000000) .. '"') } })
        local response = assert(client:get("/V1/x"))
        assert.equal(3000000, #response.data)
      end)

      it("tells a read from a write when the backend dies before its answer", function()
        server:script("/V1/x", { { { "close" } } })
        local got = server:try(client, "POST", "/V1/x", { data = { a = 1 } })
        fault.check("POST", { kind = "gateway", outcome = "unknown", count = 1,
          seconds = 5 * SLOW }, got)
        server:script("/V1/x", { { { "close" } }, fault.ok })
        got = server:try(client, "GET", "/V1/x")
        fault.check("GET", { kind = "ok", seconds = 5 * SLOW }, got)
      end)

      it("cuts an answer where the backend does: never a part of it", function()
        server:script("/V1/x", { { fault.send(fault.head("200 OK", "Content-Length: 100000",
          "Content-Type: application/json"), '{"a":"', ("x"):rep(50000)), { "sleep", 0.1 },
          { "close" } } })
        local got = server:try(client, "POST", "/V1/x", { data = { a = 1 } })
        assert.is_nil(got.response)
        assert.is_true(got.outcome == "unknown" or got.outcome == "done", tostring(got.err))
        assert.equal(1, got.count)
        got = server:try(client, "GET", "/V1/x", { attempts = 2 })
        assert.is_nil(got.response)
      end)
    end)
  end

  it("nginx that closes without an answer: a read goes again, a write does not", function()
    local server <close> = fault.start()
    local front <close> = nginx.start { port = server.port,
      server = "location = /tenant/V1/gone { return 444; }" }
    local client <close> = server:client { base_url = front:address(server.env.API_ENDPOINT),
      ca_file = front.certificates.ca, attempts = 2 }
    for _, method in ipairs { "GET", "POST" } do
      local got = server:try(client, method, "/V1/gone")
      fault.check(method, { kind = "network", outcome = "unknown", seconds = 5 * SLOW }, got)
      assert.equal(method == "GET" and 2 or 1, got.err.attempts)
    end
    local methods = {}
    for _, request in ipairs(front:requests(3)) do
      methods[#methods + 1] = request.method
    end
    table.sort(methods)
    assert.same({ "GET", "GET", "POST" }, methods)
  end)

  it("nginx that is stopped under way: the next call finds another", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local front <close> = nginx.start { port = server.port }
    local client <close> = server:client { base_url = front:address(server.env.API_ENDPOINT),
      ca_file = front.certificates.ca, attempts = 1 }
    assert(client:get("/V1/x"))
    front.process:close()
    local got = server:try(client, "POST", "/V1/x", { data = { a = 1 } })
    fault.check("POST", { kind = "network", outcome = "not_sent", count = 0, seconds = 5 * SLOW },
      got)
  end)
end)
