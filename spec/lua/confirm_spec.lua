-- Writes whose fate is unknown: the server counts what was sent, and proves that nothing was sent
-- again without the look-up's word.
local accs = require "accs"
local errors = require "accs.error"
local fault = require "spec.support.fault"

local LOST = { { "close" } } -- read, and never answered

-- A client and the error of a write that was lost; what follows it is answered.
local function lost_write(server, options)
  server:clear()
  server:script("/V1/w", { LOST, fault.ok })
  server:script("/V1/look", { fault.ok })
  local client = server:client { access_token = "example", timeout = 5 }
  local response, err = client:post("/V1/w", { name = "Bag" }, options)
  assert.is_nil(response)
  assert.equal("unknown", err.outcome)
  return client, err
end

describe("a write that may have happened", function()
  local server

  setup(function() server = fault.start() end)
  teardown(function() server:close() end)

  local function look(client)
    return client:get("/V1/look")
  end

  it("is not sent again when it is found", function()
    local client, err = lost_write(server)
    local given
    local found, problem, how = client:confirm(err, function(...)
      given = table.pack(...)
      return { id = 5 }
    end)
    assert.same({ id = 5 }, found)
    assert.is_nil(problem)
    assert.equal("found", how)
    assert.equal(2, given.n)
    assert.is_true(rawequal(client, given[1]))
    assert.is_true(rawequal(err, given[2]))
    assert.is_true(assert(client:confirm(err, look)).data.ok)
    assert.equal(1, server:count("/V1/w"))
    assert.equal(1, server:count("/V1/look"))
  end)

  it("is sent again, the very same, when it surely did not happen", function()
    local answers = { function() return false end, function() return false, nil end }
    for _, answer in ipairs(answers) do
      local data, options = { name = "Bag" }, {
        headers = { ["X-Case"] = "7" }, query = { a = 1 }, store = "de", decode = false }
      server:clear()
      server:script("/V1/w", { LOST, fault.ok })
      local client <close> = server:client { access_token = "example" }
      local _, err = client:post("/V1/w", data, options)
      data.name, options.query.a, options.store, options.decode = "changed", 2, "fr", nil
      local response, problem, how = client:confirm(err, answer)
      assert.is_nil(problem)
      assert.equal("repeated", how)
      assert.equal('{"ok":true}', response.body)
      assert.is_nil(response.data)
      local requests = server:requests("/V1/w")
      assert.equal(2, #requests)
      for _, request in ipairs(requests) do
        assert.equal('{"name":"Bag"}', request.body)
        assert.equal("/tenant/V1/w?a=1", request.target)
        assert.matches("\r\nX%-Case: 7\r\n", request.head)
        assert.matches("\r\nStore: de\r\n", request.head)
      end
    end
  end)

  it("is not sent again when the look-up tells nothing", function()
    server:script("/V1/down", { { fault.reply(500, '{"message":"Down."}') } })
    local UNTOLD = {
      { function(client) return client:get("/V1/down", { attempts = 1 }) end, "Down" },
      { function() return nil, "cannot tell" end, "cannot tell" },
      { function() return false, "cannot tell" end, "cannot tell" },
      { function() end, "returned nothing" },
      { function(client) -- no mistake is easier to make
        local found = client:get("/V1/down", { attempts = 1 })
        return found
      end, "returned nothing" },
      { function() error(errors.new { kind = "network", message = "gone" }) end, "gone" },
      { function(client)
        for _ in client:items("/V1/down", nil, { attempts = 1 }) do end
        return false
      end, "Down" },
    }
    for index, case in ipairs(UNTOLD) do
      local client, err = lost_write(server)
      server:script("/V1/down", { { fault.reply(500, '{"message":"Down."}') } })
      local result, problem, how = client:confirm(err, case[1])
      assert.is_nil(result, index)
      assert.is_nil(how)
      assert.is_true(errors.is(problem))
      assert.equal("unknown", problem.outcome)
      assert.equal(err.kind, problem.kind)
      assert.equal("POST", problem.method)
      assert.matches(case[2], problem.message)
      assert.is_not_nil(problem.cause)
      assert.equal(1, server:count("/V1/w"))
      -- It can be tried again.
      local response
      response, problem, how = client:confirm(problem, function() return false end)
      assert.is_nil(problem)
      assert.equal("repeated", how)
      assert.is_true(response.data.ok)
      assert.equal(2, server:count("/V1/w"))
      client:close()
    end
  end)

  it("is not sent again when the look-up has a fault, which is raised", function()
    local client <close>, err = lost_write(server)
    local ok, message = pcall(client.confirm, client, err, function(self) return self.no_such.y end)
    assert.is_false(ok)
    assert.matches("confirm_spec%.lua:%d+: attempt to index", message)
    assert.equal(1, server:count("/V1/w"))
  end)

  it("is sent again once at most, whoever looks", function()
    local client <close>, err = lost_write(server)
    local results = assert(accs.map({ 1, 2, 3, 4 }, function()
      local response, problem, how = client:confirm(err, function(self)
        assert(self:get("/V1/look"))
        return false
      end)
      return { response, problem and problem.outcome, how }
    end))
    local repeated = 0
    for _, result in ipairs(results) do
      repeated = repeated + (result[3] == "repeated" and 1 or 0)
      assert.equal(result[3] ~= "repeated" and "unknown" or nil, result[2])
    end
    assert.equal(1, repeated)
    assert.equal(2, server:count("/V1/w"))
  end)

  it("may be sent again later when it did not leave", function()
    local client <close>, err = lost_write(server, { timeout = 0.3 })
    client:throttle(100) -- beyond the deadline
    local response, problem = client:confirm(err, function() return false end)
    assert.is_nil(response)
    assert.equal("not_sent", problem.outcome)
    assert.equal(1, server:count("/V1/w"))
    local _, again = client:confirm(err, function() return false end)
    assert.equal("not_sent", again.outcome)
    assert.is_nil(again.message:find("by another confirm", 1, true))
  end)

  it("may be lost again, and be looked for again", function()
    local client <close>, err = lost_write(server)
    server:script("/V1/w", { LOST, fault.ok })
    local response, again = client:confirm(err, function() return false end)
    assert.is_nil(response)
    assert.equal("unknown", again.outcome)
    assert.equal("repeated", select(3, client:confirm(again, function() return false end)))
    assert.equal(3, server:count("/V1/w"))
  end)

  it("is left alone when its task is cancelled while it looks", function()
    local client <close>, err = lost_write(server)
    server:script("/V1/stuck", { { { "stall" } } })
    local task = accs.spawn(function()
      return client:confirm(err, function(self)
        self:get("/V1/stuck")
        return false
      end)
    end)
    accs.spawn(function()
      accs.sleep(0.1)
      task:cancel()
    end)
    local _, problem = task:wait()
    assert.equal("cancelled", problem.kind)
    assert.equal(1, server:count("/V1/w"))
  end)

  it("is the only thing that is looked for", function()
    server:clear()
    server:script("/V1/refused", { { fault.reply(400, "{}") } })
    server:script("/V1/lost", { LOST })
    local client <close> = server:client { access_token = "example" }
    local function never() error("looked") end
    local SETTLED = {
      { "refused", client:post("/V1/refused", {}) },
      { "unknown", client:get("/V1/lost", { attempts = 1 }) },
      { "not_sent", client:post("/V1/../x", {}) },
    }
    for _, case in ipairs(SETTLED) do
      local err = case[3]
      assert.equal(case[1], err.outcome)
      local result, same = client:confirm(err, never)
      assert.is_nil(result)
      assert.is_true(rawequal(err, same))
    end
  end)

  it("cannot be sent again from an error that somebody made", function()
    local client <close> = lost_write(server)
    local made = errors.new { kind = "network", outcome = "unknown", method = "POST" }
    assert.equal(5, (client:confirm(made, function() return 5 end)))
    local result, err = client:confirm(made, function() return false end)
    assert.is_nil(result)
    assert.equal("not_sent", err.outcome)
    assert.matches("cannot be sent again", err.message)
    assert.equal(1, server:count("/V1/w"))
  end)

  it("stays with its client", function()
    local client <close>, err = lost_write(server)
    local other <close> = server:client { access_token = "example" }
    local MISTAKES = {
      { function() other:confirm(err, look) end, "another client" },
      { function() client:confirm("lost", look) end, "an error object of accs is needed" },
      { function() client:confirm(err) end, "must be a function" },
    }
    for _, mistake in ipairs(MISTAKES) do
      local ok, message = pcall(mistake[1])
      assert.is_false(ok)
      assert.matches("confirm_spec%.lua:%d+: ", message)
      assert.matches(mistake[2], message)
    end
    client:close()
    local _, closed = client:confirm(err, function() return false end)
    assert.equal("closed", closed.kind)
    assert.equal(1, server:count("/V1/w"))
  end)

  it("shows its data in no error", function()
    server:clear()
    server:script("/V1/w", { LOST })
    local client <close> = server:client { access_token = "canary-token" }
    local _, err = client:post("/V1/w", { password = "canary-body" }, {
      headers = { ["X-Key"] = "canary-header" } })
    local _, failed = client:confirm(err, function() end)
    local seen = {}
    local function walk(value)
      if type(value) == "table" and not seen[value] then
        seen[value] = true
        for name, one in next, value do
          walk(name)
          walk(one)
        end
        walk(getmetatable(value))
      elseif type(value) == "string" then
        assert.is_nil(value:find("canary", 1, true), value)
      end
    end
    for _, one in ipairs { err, failed } do
      walk(one)
      walk(tostring(one))
      local fields = {}
      for name, value in pairs(one) do
        fields[name] = value
      end
      walk(assert(accs.json.encode(fields)))
    end
  end)

  it("is forgotten with its error", function()
    local client <close>, err = lost_write(server, { params = {} })
    assert.equal("unknown", err.outcome)
    server:script("/V1/w", { LOST })
    local kept = { select(2, client:post("/V1/w", { text = ("x"):rep(8000000) })) }
    local weak = setmetatable({ kept[1] }, { __mode = "v" })
    collectgarbage()
    local held = collectgarbage("count")
    kept[1] = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
    assert.is_true(held - collectgarbage("count") > 7000)
  end)
end)
