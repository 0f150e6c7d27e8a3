-- What a client counts, and how Prometheus gets it.
local accs = require "accs"
local fault = require "spec.support.fault"
local prometheus = require "spec.support.prometheus"

describe("client:stats()", function()
  it("starts at nothing", function()
    local server <close> = fault.start()
    local client <close> = server:client {}
    local stats = client:stats()
    for name, value in pairs(stats) do
      if type(value) == "number" then
        assert.equal(0, value, name)
        assert.equal("integer", math.type(value), name)
      end
    end
    assert.equal(0, stats.latency.p99)
    assert.equal(0, stats.ended.ok)
    for _, kind in ipairs(require("accs.core").errors) do
      if kind ~= "parse" then -- the core's own
        assert.equal(0, stats.ended[kind], kind)
      end
    end
  end)

  it("counts calls by how they ended", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    server:script("/V1/gone", { { fault.reply(404, "{}") } })
    server:script("/V1/broken", { { fault.reply(200, "{") } })
    server:script("/V1/again", { { fault.reply(503, "{}") }, { { "close" } }, fault.ok })
    local client <close> = server:client { timeout = 10, backoff = 0.01 }
    for _ = 1, 3 do
      assert(client:get("/V1/x"))
    end
    assert.equal("http", select(2, client:get("/V1/gone")).kind)
    assert.equal("decode", select(2, client:get("/V1/broken")).kind)
    assert(client:get("/V1/again"))
    local stats = client:stats()
    assert.equal(6, stats.started)
    assert.equal(4, stats.ended.ok)
    assert.equal(1, stats.ended.http)
    assert.equal(1, stats.ended.decode)
    assert.equal(0, stats.in_flight)
    assert.equal(8, stats.attempts)
    assert.equal(1, stats.retries) -- the other repeat is libcurl's, on a connection that had died
    assert.equal(6, stats.latency.count)
    assert.equal(1, stats.tokens.acquired)
    assert.is_true(stats.spent.transfer > 0)
  end)

  it("counts bytes and connections as the server does", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    local sent = 0
    for _ = 1, 5 do
      assert(client:get("/V1/x"))
    end
    for _, request in ipairs(server:requests("/V1/x")) do
      sent = sent + #request.head
    end
    local stats = client:stats()
    assert.equal(sent, stats.bytes_out)
    assert.equal(5 * #fault.ok[1][2], stats.bytes_in)
    assert.equal(server:connection_count() - 1, stats.connections_opened) -- the token's
    assert.equal(5, stats.connections_opened + stats.connections_reused)
  end)

  it("shows what is under way", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "sleep", 0.2 }, fault.reply(200, "{}") } })
    local client <close> = server:client { timeout = 10, max_concurrency = 1 }
    local function ask()
      return client:get("/V1/x")
    end
    local middle
    assert(accs.all { ask, ask, ask, function()
      accs.sleep(0.1)
      middle = client:stats()
    end })
    assert.equal(3, middle.started)
    assert.equal(3, middle.in_flight)
    assert.equal(2, middle.waiting)
    local stats = client:stats()
    assert.equal(0, stats.in_flight)
    assert.equal(0, stats.waiting)
    assert.is_true(stats.spent.place > 0.5, ("waited %g s"):format(stats.spent.place)) -- 0.2 + 0.4
  end)

  it("counts the time that a throttle costs", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    client:throttle(0.3)
    assert(client:get("/V1/x"))
    local stats = client:stats()
    assert.equal(1, stats.throttles)
    assert.is_true(stats.spent.throttle >= 0.29 and stats.spent.throttle < 2)
    assert.is_true(stats.latency.max >= 0.29)
  end)

  it("has quantiles of whole calls, without those that were cancelled", function()
    local server <close> = fault.start()
    local script = {}
    for index = 1, 20 do
      script[index] = { { "sleep", index == 20 and 0.3 or 0.02 }, fault.reply(200, "{}") }
    end
    script[21] = { { "stall" } }
    server:script("/V1/x", script)
    local client <close> = server:client { timeout = 10 }
    for _ = 1, 20 do
      assert(client:get("/V1/x"))
    end
    local task = accs.spawn(client.get, client, "/V1/x")
    accs.spawn(function()
      accs.sleep(0.05)
      task:cancel()
    end):wait()
    task:wait()
    local latency, ended = client:stats().latency, client:stats().ended
    assert.equal(1, ended.cancelled)
    assert.equal(20, latency.count)
    assert.is_true(latency.p50 >= 0.019 and latency.p50 < 0.25)
    assert.is_true(latency.p90 >= latency.p50 and latency.p90 <= latency.p99)
    assert.is_true(latency.p99 >= 0.285 and latency.p99 <= latency.max)
    assert.is_true(latency.max >= 0.3)
    assert.is_true(latency.sum >= 19 * 0.02 + 0.3)
    local last = 0
    for _, bucket in ipairs(latency.buckets) do
      assert.is_true(bucket.count >= last)
      last = bucket.count
    end
    assert.equal(20, last)
    assert.equal(0, latency.buckets[2].count) -- 10 ms
    assert.equal(0.01, latency.buckets[2].le)
  end)

  it("can be asked of a closed client, whose calls are ended", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    server:script("/V1/slow", { { { "stall" } } })
    local client = server:client { timeout = 10 }
    assert(client:get("/V1/x"))
    local task = accs.spawn(client.get, client, "/V1/slow")
    accs.spawn(function()
      accs.sleep(0.05)
      client:close()
    end):wait()
    task:wait()
    for _ = 1, 2 do
      local stats = client:stats()
      assert.equal(2, stats.started)
      assert.equal(1, stats.ended.ok)
      assert.equal(1, stats.ended.cancelled)
      assert.equal(0, stats.in_flight)
      stats.ended.ok = 99 -- a table of the caller's own
    end
    client:close()
    assert.equal(1, client:stats().ended.ok)
  end)

  it("can be asked when the engine is closed", function()
    local server <close> = fault.start()
    server:script("/V1/slow", { { { "stall" } } })
    local engine = accs.engine {}
    local client <close> = server:client { engine = engine, timeout = 10 }
    local task = accs.spawn(client.get, client, "/V1/slow")
    accs.spawn(function()
      accs.sleep(0.05)
      engine:close()
    end):wait()
    task:wait()
    local stats = client:stats()
    assert.equal(1, stats.started)
    assert.equal(1, stats.ended.closed)
    assert.equal(0, stats.in_flight)
    assert.equal(0, stats.latency.count)
  end)

  it("counts what became of tokens", function()
    local server <close> = fault.start()
    server:script("/ims/token/v3", { { fault.reply(400, '{"error":"invalid_client"}') } })
    local client <close> = server:client { timeout = 10 }
    assert.equal("auth", select(2, client:get("/V1/x")).kind)
    local stats = client:stats()
    assert.equal(0, stats.tokens.acquired)
    assert.equal(1, stats.tokens.failed)
    assert.equal(1, stats.ended.auth)
    assert.equal(0, stats.attempts)
  end)
end)

describe("accs.prometheus", function()
  local server, client

  setup(function()
    server = fault.start()
    server:script("/V1/x", { { fault.reply(503, "{}") }, fault.ok })
    client = server:client { timeout = 10, backoff = 0.01 }
    assert(client:get("/V1/x"))
    assert(client:get("/V1/x"))
    assert.is_nil((client:get("/V1/none")))
  end)

  teardown(function()
    client:close()
    server:close()
  end)

  -- The value of the series of a family with these labels.
  local function value(families, name, labels)
    for _, sample in ipairs(assert(families[name], name).samples) do
      local fits = sample.suffix == "" or sample.suffix == labels.suffix
      for label, text in pairs(labels) do
        fits = fits and (label == "suffix" or sample.labels[label] == text)
      end
      if fits then
        return sample.value
      end
    end
  end

  it("writes what a strict reader takes, with the numbers of the client", function()
    local families = prometheus.parse(accs.prometheus(client))
    assert.equal(3, value(families, "accs_calls_started_total", {}))
    assert.equal(2, value(families, "accs_calls_total", { result = "ok" }))
    assert.equal(1, value(families, "accs_calls_total", { result = "http" }))
    assert.equal(4, value(families, "accs_requests_total", {}))
    assert.equal(1, value(families, "accs_retries_total", {}))
    assert.equal(0, value(families, "accs_calls_in_flight", {}))
    assert.equal(1, value(families, "accs_tokens_total", { result = "acquired" }))
    local name = "accs_call_duration_seconds"
    assert.equal(3, value(families, name, { suffix = "_count" }))
    assert.equal(3, value(families, name, { suffix = "_bucket", le = "120" }))
    assert.is_true(value(families, name, { suffix = "_sum" }) > 0)
    assert.equal(client:stats().spent.transfer,
      value(families, "accs_spent_seconds_total", { stage = "transfer" }))
  end)

  it("puts labels on every sample, escaped", function()
    local odd = 'a"b\\c\nd{e},f=ü '
    local families = prometheus.parse(accs.prometheus(client, { shop = odd, B_2 = "" }))
    local count = 0
    for _, family in pairs(families) do
      for _, sample in ipairs(family.samples) do
        assert.equal(odd, sample.labels.shop)
        assert.equal("", sample.labels.B_2)
        count = count + 1
      end
    end
    assert.is_true(count > 40)
  end)

  it("takes several clients, each family once", function()
    local other <close> = server:client {}
    local families = prometheus.parse(accs.prometheus {
      { client, { shop = "eu" } }, { other:stats(), { shop = "us" } },
    })
    assert.equal(3, value(families, "accs_calls_started_total", { shop = "eu" }))
    assert.equal(0, value(families, "accs_calls_started_total", { shop = "us" }))
  end)

  it("refuses what Prometheus would not take", function()
    local CASES = {
      { { client, { ["a-b"] = "x" } }, '"a-b" cannot be the name of a label' },
      { { client, { le = "x" } }, '"le" cannot be the name of a label' },
      { { client, { __x = "x" } }, '"__x" cannot be the name of a label' },
      { { client, { "x" } }, '"1" cannot be the name of a label' },
      { { client, { x = 5 } }, "the label x must be a string" },
      { { client, { x = "\xFF" } }, "the label x must be a string in UTF-8" },
      { { client, "x" }, "labels must be a table" },
      { { nil }, "a client is needed" },
      { { {} }, "a client is needed" },
      { { { { client, { a = "b" } }, { client, { a = "b" } } } },
        "the clients 1 and 2 have the same labels" },
      { { { { client } }, { a = "b" } }, "each of several clients is { client, labels }" },
    }
    for _, case in ipairs(CASES) do
      local ok, problem = pcall(accs.prometheus, case[1][1], case[1][2])
      assert.is_false(ok)
      assert.truthy(problem:find(case[2], 1, true), problem)
      assert.truthy(problem:find("^spec/lua/stats_spec.lua:") or problem:find("prometheus: "))
    end
  end)

  it("is read by a reader that refuses wrong text", function()
    local HEAD = "# HELP a_total x\n# TYPE a_total counter\n"
    local HISTOGRAM = "# HELP h x\n# TYPE h histogram\n"
    local WRONG = {
      "a_total 1\n", HEAD, HEAD .. "a_total 1", HEAD .. "a_total x\n", HEAD .. "b_total 1\n",
      HEAD .. "a_total 1\na_total 2\n", HEAD .. 'a_total{b="\\x"} 1\n', HEAD .. "a_total{b} 1\n",
      HEAD .. 'a_total{b="c" d="e"} 1\n', HEAD .. 'a_total{b="c",} 1\n', HEAD .. "a_total  1\n",
      HISTOGRAM .. 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
      HISTOGRAM .. 'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
      HISTOGRAM .. 'h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n',
      HISTOGRAM .. 'h_bucket{le="+Inf"} 1\nh_count 1\n',
    }
    for index, text in ipairs(WRONG) do
      assert.is_false(pcall(prometheus.parse, text), "text " .. index)
    end
    assert.is_table(prometheus.parse(HEAD .. "a_total 1\n"))
  end)
end)
