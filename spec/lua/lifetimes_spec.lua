-- Objects of the core may go in any order: closed by hand, or by the collector.
local core = require "accs.core"
local fault = require "spec.support.fault"

-- Every order of the numbers from 1 to count.
local function orders(count)
  local all = { {} }
  for number = 1, count do
    local longer = {}
    for _, order in ipairs(all) do
      for place = 1, number do
        local new = table.move(order, 1, #order, 1, {})
        table.insert(new, place, number)
        longer[#longer + 1] = new
      end
    end
    all = longer
  end
  return all
end

describe("engine, clients and replies", function()
  local server
  setup(function()
    server = fault.start()
    server:script("/V1/x", { fault.ok })
    server:script("/V1/slow", { { { "sleep", 60 } } })
  end)
  teardown(function()
    server:close()
  end)

  -- An engine, two clients of one identity, a reply; a call of each client is in flight.
  local function make()
    local engine = assert(core.engine {})
    local settings = { base_url = server.env.API_ENDPOINT, access_token = "example", events = true }
    local one = assert(core.client(engine, settings))
    local two = assert(core.client(engine, settings))
    assert(one:start { method = "GET", path = "/V1/x" })
    local kind, _, reply = engine:next()
    while kind ~= "done" do
      assert(engine:step(5))
      kind, _, reply = engine:next()
    end
    assert(one:start { method = "GET", path = "/V1/slow" })
    assert(two:start { method = "GET", path = "/V1/slow" })
    assert(engine:step(0))
    return { engine, one, two, reply }
  end

  it("are closed in every order, and twice", function()
    for _, order in ipairs(orders(4)) do
      local objects = make()
      for _, number in ipairs(order) do
        objects[number]:close()
        objects[number]:close()
      end
      for _, object in ipairs(objects) do
        local method = object == objects[1] and "pending" or object == objects[4] and "status"
          or "handle"
        local ok, problem = pcall(object[method], object)
        assert(not ok and problem:find("closed", 1, true), problem)
      end
    end
  end)

  it("are collected in every order", function()
    for _, order in ipairs(orders(4)) do
      local objects = make()
      for _, number in ipairs(order) do
        objects[number] = nil
        collectgarbage()
        collectgarbage()
      end
    end
  end)

  it("say so when the engine is gone, and no call is lost before", function()
    local objects = make()
    local engine, one, two = objects[1], objects[2], objects[3]
    one:close()
    local kind, _, reply, failure = engine:next()
    while kind == "event" do
      kind, _, reply, failure = engine:next()
    end
    assert.same({ "done", "cancelled" }, { kind, failure.kind })
    assert.is_nil(reply)
    engine:close()
    local id, problem = two:start { method = "GET", path = "/V1/x" }
    assert.is_nil(id)
    assert.equal("closed", problem.kind)
    two:close()
  end)
end)
