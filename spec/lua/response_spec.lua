local accs = require "accs"
local core = require "accs.core"
local fault = require "spec.support.fault"

local scripted = fault.scripted

describe("a response", function()
  it("has what the call brought", function()
    local server <close>, client = scripted("/V1/x", { { fault.reply(200,
      '{"id":9007199254740993,"list":[],"none":null}',
      { ["X-Request-Id"] = "abc", ["X-Two"] = "1\r\nx-two: 2" }) } })
    local res = assert(client:get("/V1/x", { query = { a = 1 } }))
    assert.equal("integer", math.type(res.status))
    assert.equal(200, res.status)
    assert.equal(9007199254740993, res.data.id)
    assert.equal("integer", math.type(res.data.id))
    assert.equal(accs.null, res.data.none)
    assert.equal("[]", accs.json.encode(res.data.list))
    assert.equal("abc", res.request_id)
    assert.equal("abc", res.headers["x-request-id"])
    assert.equal("abc", res.headers["X-REQUEST-ID"])
    assert.equal("1, 2", res.headers["X-Two"])
    assert.is_nil(res.headers["x-nothing"])
    assert.is_nil(res.headers[1])
    local names = {}
    for name in pairs(res.headers) do
      names[#names + 1] = name
    end
    assert.is_true(#names >= 4)
    assert.equal('{"id":9007199254740993,"list":[],"none":null}', res.body)
    assert.is_true(res.elapsed > 0 and res.elapsed < 10)
    assert.equal("integer", math.type(res.attempts))
    assert.equal(1, res.attempts)
    assert.equal(server.env.API_ENDPOINT .. "/V1/x?a=1", res.url)
    assert.is_nil(res.nonsense)
    assert.is_true(rawequal(res.headers, res.headers))
    assert.matches("200 http://127", tostring(res))
  end)

  it("took as long as the caller waited, also when the answer came at once", function()
    local server <close>, client = scripted("/V1/x", { fault.ok })
    local took, waited = 0, 0
    for _ = 1, 200 do
      local before = core.monotonic()
      took = took + assert(client:get("/V1/x")).elapsed
      waited = waited + core.monotonic() - before
    end
    assert.equal(200, #server:requests("/V1/x"))
    assert.is_true(took <= waited and took > waited / 2, ("%g s of %g s"):format(took, waited))
  end)

  it("may be a scalar, or nothing", function()
    local BODIES = { { "true", true }, { "5", 5 }, { '"x"', "x" }, { "false", false }, { "", nil } }
    local server <close>, client = scripted("/V1/x", {})
    for _, case in ipairs(BODIES) do
      server:script("/V1/x", { { fault.reply(200, case[1]) } })
      local res = assert(client:get("/V1/x"))
      assert.equal(case[2], res.data)
      assert.equal(case[1], res.body)
    end
  end)

  it("is not decoded with decode = false", function()
    local server <close>, client = scripted("/V1/x", { { fault.reply(200, "{broken") } })
    local res = assert(client:get("/V1/x", { decode = false }))
    assert.is_nil(res.data)
    assert.equal("{broken", res.body)
    assert.equal(1, server:count("/V1/x"))
  end)

  it("that is no JSON is an error of kind decode, though it happened", function()
    for _, body in ipairs { "{broken", '{"a":1} x', "\xFF", "nul" } do
      local server <close>, client = scripted("/V1/x", { { fault.reply(200, body) } })
      local res, err = client:post("/V1/x", { a = 1 })
      assert.is_nil(res)
      assert.equal("decode", err.kind)
      assert.equal("done", err.outcome)
      assert.is_false(err.retryable)
      assert.equal(body, err.response.body)
      assert.equal(1, server:count("/V1/x"))
    end
  end)

  it("is decoded by the client's own codec, errors too", function()
    local codec = {
      decode = function(text)
        if text == "bad" then
          error("codec says no")
        end
        return { text = text }
      end,
      encode = function(value)
        return "<" .. tostring(value.a) .. ">"
      end,
    }
    local server <close>, client = scripted("/V1/x", {
      { fault.reply(200, "[1]") }, { fault.reply(200, "bad") }, { fault.reply(404, "[2]") },
    }, { codec = codec })
    assert.equal("[1]", assert(client:post("/V1/x", { a = 7 })).data.text)
    assert.equal("<7>", server:requests("/V1/x")[1].body)
    local _, err = client:get("/V1/x")
    assert.equal("decode", err.kind)
    assert.matches("codec says no", err.message)
    _, err = client:get("/V1/x")
    assert.equal("[2]", err.response.data.text)
    assert.equal(3, server:count("/V1/x"))
  end)

  it("works with cjson.safe as codec", function()
    local server <close>, client = scripted("/V1/x", { fault.ok },
      { codec = require "cjson.safe" })
    assert.is_true(assert(client:get("/V1/x")).data.ok)
    assert.equal(1, server:count("/V1/x"))
  end)
end)
