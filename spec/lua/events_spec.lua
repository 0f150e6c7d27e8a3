-- What events say: phases, bytes, connection and protocol, and what happens when nobody keeps up.
local accs = require "accs"
local fault = require "spec.support.fault"
local support = require "spec.support"

-- A client whose events land in the list that comes back.
local function watched(server, extra)
  local seen, given = {}, { timeout = 10 }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  given.on_event = function(event)
    seen[#seen + 1] = event
  end
  return server:client(given), seen
end

local function of_kind(seen, kind)
  local found = {}
  for _, event in ipairs(seen) do
    if event.kind == kind then
      found[#found + 1] = event
    end
  end
  return found
end

-- Times have a lower bound; how much longer a busy machine takes is not known, so upper bounds
-- compare what was measured at the same time.
local function at_least(seconds, value)
  assert.is_true(value >= seconds - 0.01 and value < seconds + 10, ("%g s"):format(value))
end

local function same(expected, value)
  assert.is_true(math.abs(expected - value) < 0.05, ("%g s, not %g s"):format(value, expected))
end

local PHASES = { "queue", "name_lookup", "connect", "tls", "first_byte", "total" }

describe("a response event", function()
  it("tells what crossed the wire", function()
    local server <close> = fault.start()
    local packed = fault.gzip(("x"):rep(5000))
    server:script("/V1/x", { { fault.gzipped(packed) } })
    server:script("/V1/y", { fault.ok })
    local client <close>, seen = watched(server)
    assert(client:get("/V1/x", { decode = false }))
    assert(client:post("/V1/y", { text = ("y"):rep(300) }))
    local packed_one, written = table.unpack(of_kind(seen, "response"))
    local asked, wrote = server:requests("/V1/x")[1], server:requests("/V1/y")[1]
    assert.equal(5000, packed_one.bytes)
    assert.equal("integer", math.type(packed_one.bytes_in))
    assert.is_true(packed_one.bytes_in > #packed and packed_one.bytes_in < #packed + 300)
    assert.equal(#asked.head, packed_one.bytes_out)
    assert.equal(#wrote.head + wrote.body_len, written.bytes_out)
    assert.equal("HTTP/1.1", written.protocol)
  end)

  it("counts a big body once, and what it waits for afterwards", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "sleep", 0.1 }, fault.reply(200, "{}") } })
    local client <close>, seen = watched(server)
    assert(client:post("/V1/x", ("z"):rep(3000000), { raw = true }))
    local event, wrote = of_kind(seen, "response")[1], server:requests("/V1/x")[1]
    assert.equal(#wrote.head + 3000000, event.bytes_out)
    assert.is_true(event.phases.first_byte >= 0.09, "the first byte came before the answer")
    assert.is_true(event.phases.total >= event.phases.first_byte)
  end)

  it("tells durations, one after the other", function()
    local server <close> = fault.start()
    local body = ("x"):rep(10)
    server:script("/V1/x", { { { "sleep", 0.15 },
      fault.send(fault.head("200 OK", "Content-Length: 10", "Content-Type: text/plain")),
      { "sleep", 0.1 }, fault.send(body) } })
    local client <close>, seen = watched(server)
    assert(client:get("/V1/x", { decode = false }))
    assert(client:get("/V1/x", { decode = false }))
    for _, event in ipairs(of_kind(seen, "response")) do
      local phases = event.phases
      at_least(0.15, phases.first_byte)
      at_least(0.25, phases.total) -- a busy client may see the first byte late, even with the last
      assert.is_true(phases.first_byte < phases.total)
      same(event.elapsed, phases.total)
    end
  end)

  it("is no shorter than its phases when the answer comes at once", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close>, seen = watched(server)
    for _ = 1, 200 do
      local response = assert(client:get("/V1/x"))
      local event = seen[#seen]
      assert.equal("response", event.kind)
      assert.is_true(event.elapsed >= event.phases.total - 1e-4,
        ("%g s, but %g s in all"):format(event.elapsed, event.phases.total))
      assert.is_true(response.elapsed >= event.phases.total - 1e-4)
    end
  end)

  it("tells of a connection that was opened, and of one that was open", function()
    local server <close> = fault.start()
    local front <close> = support.nginx { port = server.port }
    local address = { base_url = front:address(server.env.API_ENDPOINT),
      ca_file = front.certificates.ca, http_version = "2" }
    server:script("/V1/x", { { { "sleep", 0.05 }, fault.reply(200, "{}") } })
    local client <close>, seen = watched(server, address)
    assert(client:get("/V1/x"))
    assert(client:get("/V1/x"))
    assert(client:post("/V1/x", {}))
    local first, second, write = table.unpack(of_kind(seen, "response"))
    assert.is_false(first.reused)
    assert.is_true(first.phases.connect > 0 and first.phases.tls > 0)
    assert.is_true(first.phases.name_lookup > 0)
    assert.is_true(second.reused)
    for _, phase in ipairs { "name_lookup", "connect", "tls" } do
      assert.equal(0, second.phases[phase])
    end
    assert.equal("HTTP/2", first.protocol)
    assert.equal("HTTP/2", second.protocol)
    assert.equal("HTTP/1.1", write.protocol) -- see doc/decisions/0004
    assert.is_false(write.reused)
    for _, event in ipairs { first, second, write } do
      local sum = 0
      for index = 2, 5 do
        assert.is_true(event.phases[PHASES[index]] >= 0)
        sum = sum + event.phases[PHASES[index]]
      end
      at_least(0.05, event.phases.first_byte)
      assert.is_true(sum <= event.phases.total + 1e-9)
    end
  end)

  it("tells how long the attempt waited for its turn", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "sleep", 0.1 }, fault.reply(200, "{}") } })
    local client <close>, seen = watched(server, { max_concurrency = 1 })
    assert(client:get("/V1/x"))
    assert(accs.all {
      function() return client:get("/V1/x") end,
      function() return client:get("/V1/x") end,
    })
    local list = of_kind(seen, "response")
    at_least(0.1, list[3].phases.queue)
    same(list[3].elapsed, list[3].phases.total) -- without the queue
    same(list[2].elapsed, list[3].phases.queue)
    assert.is_true(list[2].phases.queue < list[3].phases.queue - 0.05)
  end)

  it("tells how long the attempt waited for a connection", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { { "sleep", 0.1 }, fault.reply(200, "{}") } })
    local engine = accs.engine { max_connections = 1 }
    local client <close>, seen = watched(server, { engine = engine })
    assert(client:get("/V1/x"))
    for _, method in ipairs { "GET", "POST" } do
      local function ask()
        return client:request { method = method, path = "/V1/x",
          data = method == "POST" and {} or nil }
      end
      assert(accs.all { ask, ask })
      local list = of_kind(seen, "response")
      local event = list[#list]
      at_least(0.1, event.phases.queue)
      at_least(0.1, event.phases.total)
      same(event.elapsed, event.phases.queue + event.phases.total)
      assert.is_true(event.reused)
    end
  end)

  it("does not count the back-off as queue", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { fault.reply(503, "{}", { ["Retry-After"] = "1" }) }, fault.ok })
    local client <close>, seen = watched(server)
    assert(client:get("/V1/x"))
    local list = of_kind(seen, "response")
    assert.is_true(of_kind(seen, "retry")[1].delay >= 1)
    assert.is_true(list[2].phases.queue < 0.5)
    at_least(1, client:stats().spent.backoff)
    assert.equal(2, list[2].attempt)
  end)

  it("comes for each request, also when that is cut short", function()
    local server <close> = fault.start()
    server:script("/V1/slow", { { { "stall" } } })
    local client <close>, seen = watched(server)
    local _, err = client:get("/V1/slow", { timeout = 0.2 })
    assert.equal("timeout", err.kind)
    local task = accs.spawn(client.get, client, "/V1/slow")
    local sleeper = accs.spawn(function()
      accs.sleep(0.1)
      task:cancel()
    end)
    sleeper:wait()
    task:wait()
    accs.sleep(0.05)
    local requests, responses = of_kind(seen, "request"), of_kind(seen, "response")
    assert.equal(2, #requests)
    assert.equal(2, #responses)
    assert.equal("timeout", responses[1].error)
    assert.equal("cancelled", responses[2].error)
    at_least(0.19, responses[1].elapsed)
    same(responses[1].elapsed, responses[1].phases.total)
    assert.equal(0, responses[1].phases.first_byte)
    assert.is_nil(responses[1].status)
  end)

  it("has no connection to tell of where there was none", function()
    local server <close> = fault.start()
    local client <close>, seen = watched(server,
      { base_url = "http://127.0.0.1:9/tenant", attempts = 1 })
    local _, err = client:get("/V1/x")
    assert.equal("network", err.kind)
    local event = of_kind(seen, "response")[1]
    assert.equal("network", event.error)
    assert.is_nil(event.reused)
    assert.is_nil(event.protocol)
    assert.equal(0, event.bytes_in)
    assert.equal(0, event.bytes_out)
  end)
end)

describe("an event", function()
  it("says when it was", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close>, seen = watched(server)
    local before = os.time()
    assert(client:get("/V1/x"))
    for _, event in ipairs(seen) do
      assert.is_true(event.time >= before and event.time <= os.time() + 1)
    end
  end)

  it("shows no credential of the query", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close>, seen = watched(server)
    assert(client:get("/V1/x", {
      query = { access_token = "canary-1", a = "b", sig = "canary-2" } }))
    for _, event in ipairs(of_kind(seen, "request")) do
      assert.truthy(event.url:find("access_token=***&sig=***", 1, true)
        or event.url:find("a=b&access_token=***&sig=***", 1, true), event.url)
    end
    assert.truthy(server:requests("/V1/x")[1].target:find("canary-1", 1, true))
  end)

  it("and neither does a response, nor an error", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok, { { "close" } } })
    local client = server:client { attempts = 1 }
    local opts = { query = { access_token = "canary" } }
    local response = assert(client:get("/V1/x", opts))
    local _, gone = client:get("/V1/none", opts)
    local _, lost = client:post("/V1/x", {}, opts)
    client:close()
    local _, closed = client:get("/V1/none", opts)
    for _, told in ipairs { response, gone, lost, closed } do
      assert.truthy(told.url:find("?access_token=***", 1, true), told.url)
      assert.is_nil(tostring(told):find("canary", 1, true))
    end
  end)

  it("is dropped when too many wait, and the next one says so", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local seen, release = 0, false
    local dropped = 0
    local client <close> = server:client {
      timeout = 10,
      on_event = function(event)
        seen = seen + 1
        dropped = dropped + (event.dropped or 0)
        while not release do
          accs.sleep(0.01)
        end
      end,
    }
    for _ = 1, 600 do -- two events each
      assert(client:get("/V1/x"))
    end
    assert.equal(1, seen)
    local lost = client:stats().events_dropped
    assert.equal(1201 - 1001, lost) -- the token's event too; one is held by the hook
    local function until_seen(count)
      for _ = 1, 1000 do
        if seen >= count then
          break
        end
        accs.sleep(0.01)
      end
      accs.sleep(0.02) -- for one too many
      assert.equal(count, seen)
    end
    release = true
    until_seen(1001)
    assert(client:get("/V1/x"))
    until_seen(1003)
    assert.equal(lost, dropped)
    assert.equal(lost, client:stats().events_dropped)
  end)
end)

describe("a token event", function()
  it("tells why, how long it took, and with which client secret", function()
    local server <close> = fault.start()
    server:script("/ims/token/v3", {
      { fault.reply(401, '{"error":"invalid_client"}') },
      { { "sleep", 0.2 }, fault.reply(200, '{"access_token":"a","expires_in":86399}') },
      { fault.reply(200, '{"access_token":"b","expires_in":86399}') },
    })
    server:script("/V1/x", { fault.ok })
    local client <close>, seen = watched(server, {
      client_secret = { "example-canary-1", "example-canary-2" }, engine = accs.engine {},
    })
    assert(client:get("/V1/x"))
    assert(client.auth:refresh())
    assert(client:get("/V1/x")) -- the events have come by then
    local by_text = {}
    for _, event in ipairs(of_kind(seen, "token")) do
      by_text[event.text] = event
      for _, value in pairs(event) do
        assert.is_nil(tostring(value):find("canary", 1, true))
      end
    end
    assert.equal("invalid_client", by_text["refused by IMS"].reason)
    assert.equal(1, by_text["refused by IMS"].secret)
    local acquired = by_text.acquired
    assert.equal("none yet", acquired.reason)
    assert.equal(2, acquired.secret)
    assert.equal("integer", math.type(acquired.secret))
    at_least(0.2, acquired.elapsed)
    assert.equal("asked for", by_text.refreshed.reason)
    assert.equal(2, by_text.refreshed.secret)
    for _, event in ipairs(of_kind(seen, "response")) do
      assert.is_nil(event.reason)
      assert.is_nil(event.secret)
    end
  end)
end)
