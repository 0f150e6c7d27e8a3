-- A finalizer that runs inside a method and changes what the method is reading: the options of a
-- client, the table that becomes JSON, the reply that is read. Under AddressSanitizer each of these
-- was a use after free.
local core = require "accs.core"
local fault = require "spec.support.fault"

-- Calls f(...) so that the first collection in it runs `finalizer`; whether it ran, and as pcall.
local function interrupted(finalizer, f, ...)
  local ran = false
  collectgarbage()
  collectgarbage "stop"
  setmetatable({}, { __gc = function()
    ran = true
    finalizer()
  end })
  collectgarbage("incremental", 100, 1000, 30)
  collectgarbage "restart"
  local result = table.pack(ran, pcall(f, ...))
  collectgarbage("incremental", 200, 100, 13)
  result[1] = ran
  return table.unpack(result, 1, result.n)
end

describe("what a finalizer changes in the middle of a method", function()
  it("is what counts for a client's options", function()
    local met = 0
    for index = 1, 10 do
      local engine <close> = core.engine {}
      local options = { base_url = "http://127.0.0.1:1/tenant/" .. index, access_token = "example" }
      local ran, ok, client, failure = interrupted(function()
        options.base_url = nil
      end, core.client, engine, options)
      assert.is_true(ok)
      if ran then
        met = met + 1
        assert.is_nil(client)
        assert.equal("base_url is missing", failure.message)
      else
        client:close()
      end
    end
    assert.is_true(met > 0)
  end)

  it("does not disturb what redact() works with", function()
    local met = 0
    for _ = 1, 10 do
      local engine <close> = core.engine {}
      local client <close> = core.client(engine, { base_url = "http://127.0.0.1:1/tenant",
        access_token = "example-not-a-token" })
      local ran, ok, problem = interrupted(function() client:close() end, client.redact, client,
        "with example-not-a-token in it")
      if ran then
        met = met + 1
        assert.is_false(ok)
        assert.is_truthy(problem:find("client is closed", 1, true))
      end
    end
    assert.is_true(met > 0)
  end)

  it("is left out of JSON, or refused", function()
    local refused, shorter = 0, 0
    for round = 1, 40 do
      local object = {}
      for index = 1, 50 do
        object[("a name of more than forty bytes, so that it is no short one: %d"):format(index)] =
          { index }
      end
      local names = {}
      for name in pairs(object) do
        names[#names + 1] = name
      end
      local ran, ok, text, problem = interrupted(function()
        for index = 1, #names do
          object[names[index]] = nil
        end
        if round % 2 == 0 then
          for index = 1, 60 do
            object["another name, of which there are more than before: " .. index] = index
          end
        end
        names = nil
      end, core.json_encode, object)
      assert.is_true(ok)
      if ran and text then
        shorter = shorter + 1
        assert.is_truthy(core.json_decode(text))
      elseif ran then
        refused = refused + 1
        assert.is_truthy(problem:find("finalizer", 1, true) or problem:find("nil", 1, true))
      end
    end
    assert.is_true(refused + shorter > 0)
  end)

  it("is noticed by a reply that is being read", function()
    local server <close> = fault.start()
    local body = {}
    for index = 1, 300 do
      body[index] = ('"some text of a row: %d"'):format(index)
    end
    body = "[" .. table.concat(body, ",") .. "]"
    local headers = {}
    for index = 1, 30 do
      headers["X-Example-" .. index] = ("value %d "):format(index):rep(9)
    end
    server:script("/V1/x", { { fault.reply(200, body, headers) } })
    local engine <close> = core.engine {}
    local client <close> = core.client(engine, { base_url = server.env.API_ENDPOINT,
      access_token = "example" })
    local function fetch()
      assert(client:start { method = "GET", path = "/V1/x" })
      local kind, _, reply = engine:next()
      while kind ~= "done" do
        assert(engine:step(5))
        kind, _, reply = engine:next()
      end
      return reply
    end
    local met = { decode = 0, headers = 0 }
    for name in pairs(met) do
      for _ = 1, 10 do
        local reply = fetch()
        local ran, ok, result = interrupted(function() reply:close() end, reply[name], reply)
        if ran then
          met[name] = met[name] + 1
          if name == "decode" then -- goes on to the end; the collector frees it
            assert.is_true(ok)
            assert.equal(300, #result)
          else
            assert.is_truthy(ok or result:find("reply is closed", 1, true))
          end
        end
      end
    end
    assert.is_true(met.decode > 0 and met.headers > 0)
  end)
end)
