-- Request ids and W3C Trace Context: what is sent, what is refused, and where ids come back.
local fault = require "spec.support.fault"

local PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

local function header(request, name)
  local found = {}
  for line_name, value in request.head:gmatch("\r\n([^:\r\n]+): ([^\r\n]*)") do
    if line_name:lower() == name then
      found[#found + 1] = value
    end
  end
  assert.is_true(#found <= 1, name .. " was sent twice")
  return found[1]
end

describe("request_id", function()
  it("goes out with every attempt, and is in events", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { fault.reply(503, "{}") }, fault.ok })
    local ids = {}
    local client <close> = server:client { timeout = 10, backoff = 0.01, on_event = function(event)
      if event.kind ~= "token" then
        ids[#ids + 1] = event.request_id or "none"
      end
    end }
    local response = assert(client:get("/V1/x", { request_id = "order-5" }))
    assert.same({ "order-5", "order-5", "order-5", "order-5", "order-5" }, ids)
    assert.equal("order-5", header(server:requests("/V1/x")[1], "x-request-id"))
    assert.equal("order-5", header(server:requests("/V1/x")[2], "x-request-id"))
    assert.is_nil(response.request_id) -- the service sent none
  end)

  it("is not sent unless asked for", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local seen
    local client <close> = server:client { on_event = function(event) seen = event end }
    assert(client:get("/V1/x"))
    assert.is_nil(header(server:requests("/V1/x")[1], "x-request-id"))
    assert.is_nil(seen.request_id)
  end)

  it("is made for each call with request_ids, unless the call has its own", function()
    local server <close> = fault.start()
    server:script("/V1/x", { { fault.reply(503, "{}") }, fault.ok })
    local client <close> = server:client { timeout = 10, backoff = 0.01, request_ids = true }
    assert(client:get("/V1/x"))
    assert(client:get("/V1/x"))
    assert(client:get("/V1/x", { request_id = "mine" }))
    local list = server:requests("/V1/x")
    local first = header(list[1], "x-request-id")
    assert.matches("^%x+$", first)
    assert.equal(32, #first)
    assert.equal(first, header(list[2], "x-request-id")) -- the same call
    local second = header(list[3], "x-request-id")
    assert.equal(32, #second)
    assert.not_equal(first, second)
    assert.equal("mine", header(list[4], "x-request-id"))
  end)

  it("is in an error: the service's where it sent one, else the call's", function()
    local server <close> = fault.start()
    server:script("/V1/own", { { fault.reply(404, "{}", { ["X-Request-Id"] = "of-service" }) } })
    server:script("/V1/none", { { fault.reply(404, "{}") } })
    server:script("/V1/dead", { { { "close" } } })
    local client <close> = server:client { timeout = 10, attempts = 1 }
    local opts = { request_id = "of-caller" }
    local _, err = client:get("/V1/own", opts)
    assert.equal("of-service", err.request_id)
    assert.equal("of-service", err.response.request_id)
    assert.equal("of-caller", select(2, client:get("/V1/none", opts)).request_id)
    assert.equal("of-caller", select(2, client:post("/V1/dead", {}, opts)).request_id)
    assert.is_nil(select(2, client:get("/V1/none")).request_id)
  end)
end)

describe("traceparent", function()
  it("is passed on as it is, with tracestate", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local client <close> = server:client { timeout = 10 }
    local given = { ["X-Mine"] = "1" }
    assert(client:get("/V1/x", {
      traceparent = PARENT, tracestate = "rojo=00f067aa0ba902b7, congo@x=t61rcWkgMzE,",
      headers = given,
    }))
    assert(client:get("/V1/x", { traceparent = PARENT }))
    local both, alone = table.unpack(server:requests("/V1/x"))
    assert.equal(PARENT, header(both, "traceparent"))
    assert.equal("rojo=00f067aa0ba902b7, congo@x=t61rcWkgMzE,", header(both, "tracestate"))
    assert.equal("1", header(both, "x-mine"))
    assert.equal(PARENT, header(alone, "traceparent"))
    assert.is_nil(header(alone, "tracestate"))
    assert.same({ ["X-Mine"] = "1" }, given) -- the caller's table stays his
  end)
end)

describe("a wrong value", function()
  local server, client

  setup(function()
    server = fault.start()
    server:script("/V1/x", { fault.ok })
    client = server:client { timeout = 10 }
  end)

  teardown(function()
    client:close()
    server:close()
  end)

  it("is a config error before anything is sent", function()
    local zeros, id, parent = ("0"):rep(32), ("a"):rep(32), ("b"):rep(16)
    local CASES = {
      { { request_id = "" }, "request_id must be" },
      { { request_id = ("x"):rep(129) }, "request_id must be" },
      { { request_id = "a b" }, "request_id must be" },
      { { request_id = "a\r\nX: y" }, "request_id must be" },
      { { request_id = "a\0" }, "request_id must be" },
      { { request_id = "ü" }, "request_id must be" },
      { { traceparent = "" }, "traceparent must be" },
      { { traceparent = PARENT .. "-x" }, "traceparent must be" },
      { { traceparent = PARENT .. "\n" }, "traceparent must be" },
      { { traceparent = "01" .. PARENT:sub(3) }, "traceparent must be" },
      { { traceparent = "ff" .. PARENT:sub(3) }, "traceparent must be" },
      { { traceparent = PARENT:upper() }, "traceparent must be" },
      { { traceparent = ("00-%s-%s-01"):format(id:sub(2), parent) }, "traceparent must be" },
      { { traceparent = ("00-%s-%s-01"):format(id, parent .. "b") }, "traceparent must be" },
      { { traceparent = ("00-%s-%s-1"):format(id, parent) }, "traceparent must be" },
      { { traceparent = ("00-%s-%s-0g"):format(id, parent) }, "traceparent must be" },
      { { traceparent = ("00-%s-%s-01"):format(zeros, parent) }, "all zeros" },
      { { traceparent = ("00-%s-%s-01"):format(id, zeros:sub(1, 16)) }, "all zeros" },
      { { tracestate = "a=b" }, "tracestate needs a traceparent" },
      { { traceparent = PARENT, tracestate = "a" }, "tracestate must be" },
      { { traceparent = PARENT, tracestate = "A=b" }, "tracestate must be" },
      { { traceparent = PARENT, tracestate = "a=b=c" }, "tracestate must be" },
      { { traceparent = PARENT, tracestate = "a=b\r\nX: y" }, "tracestate must be" },
      { { traceparent = PARENT, tracestate = "a=" .. ("x"):rep(257) }, "tracestate must be" },
      { { traceparent = PARENT, tracestate = ("a=b,"):rep(33) }, "longer than" },
      { { traceparent = PARENT, tracestate = ("a=" .. ("x"):rep(200) .. ","):rep(3) },
        "longer than" },
      { { headers = { ["X-Request-ID"] = "x" } }, "use the option request_id" },
      { { headers = { TraceParent = PARENT } }, "use the option traceparent" },
      { { headers = { tracestate = "a=b" } }, "use the option tracestate" },
    }
    for index, case in ipairs(CASES) do
      local response, err = client:get("/V1/x", case[1])
      assert.is_nil(response, "case " .. index)
      assert.equal("config", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find(case[2], 1, true), err.message)
    end
    assert.equal(0, server:count("/V1/x"))
  end)

  it("of another type is a mistake of the program", function()
    for _, name in ipairs { "request_id", "traceparent", "tracestate" } do
      local ok, problem = pcall(client.get, client, "/V1/x", { [name] = 5 })
      assert.is_false(ok)
      assert.truthy(problem:find(name .. " must be a string, not number", 1, true), problem)
    end
  end)

  it("is refused by the core as well", function()
    local inner = client._core
    for _, id in ipairs { "", "a b", ("x"):rep(129), "a\nb", "\x7F" } do
      local started, failure = inner:start { method = "GET", path = "/V1/x", request_id = id }
      assert.is_nil(started)
      assert.equal("config", failure.kind)
    end
    local started, failure = inner:start { method = "GET", path = "/V1/x",
      headers = { ["x-request-id"] = "x" } }
    assert.is_nil(started)
    assert.equal("config", failure.kind)
  end)
end)
