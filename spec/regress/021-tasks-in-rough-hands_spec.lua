-- What a program can do to the coroutine of a task, to the engine under a group, and what it can
-- raise.
local accs = require "accs"
local fault = require "spec.support.fault"
local run = require "spec.support.run"

local NO_TEXT = setmetatable({}, { __tostring = function() error "no text" end })

describe("a task", function()
  local server, client

  setup(function()
    server = fault.start()
    server:script("/V1/slow", { { { "sleep", 0.2 }, fault.reply(200, '{"ok":true}') } })
    server:script("/V1/stall", { { { "stall" } } })
    client = server:client { access_token = "example" }
  end)

  teardown(function()
    client:close()
    server:close()
  end)

  local other

  -- What a task may wait for.
  local waits = {
    sleep = function() return accs.sleep(0.2) end,
    call = function() return client:get "/V1/slow" end,
    sink = function() return client:get("/V1/slow", { sink = function() end }) end,
    task = function() return other:wait() end,
    group = function() return accs.all { function() return client:get "/V1/slow" end } end,
  }

  -- Starts each, does something to its coroutine, and gives what became of the task.
  local function meddle(wait, act)
    other = accs.spawn(accs.sleep, 0.2)
    local co
    local task = accs.spawn(function()
      co = coroutine.running()
      return wait()
    end)
    accs.spawn(function()
      accs.sleep(0.05)
      act(co)
    end):wait()
    return task:wait()
  end

  for name, wait in pairs(waits) do
    it("ends when somebody closes its coroutine in a " .. name, function()
      local result, err = meddle(wait, coroutine.close)
      assert.is_nil(result)
      assert.equal("the task was ended by coroutine.close", err)
    end)

    it("waits on when somebody resumes its coroutine in a " .. name, function()
      assert(meddle(wait, function(co)
        assert.is_true(coroutine.resume(co))
        assert.is_true(coroutine.resume(co))
      end))
    end)
  end

  it("has its group's limit although the engine of the timer is closed", function()
    local further <close> = accs.engine {}
    local apart <close> = server:client { access_token = "example", engine = further, timeout = 5 }
    local results, err = accs.all({
      function() return apart:get "/V1/stall" end,
      function() accs.engine():close() end,
    }, { timeout = 0.3 })
    assert.is_nil(results)
    assert.equal("accs.all did not end within 0.3 s", err.message)
    client = server:client { access_token = "example" }
  end)

  it("that fails with what cannot be text is told all the same, and so is a hook", function()
    local script = [[
      local accs = require "accs"
      local function fail()
        error(setmetatable({}, { __tostring = function() error "no text" end }))
      end
      accs.spawn(fail)
      local client = accs.client { access_token = "example", dotenv = false, on_event = fail }
      client:get("/V1/x", { attempts = 1 })
      accs.spawn(function() end):wait()]]
    local result = run { "lua5.4", "-e", script, env = server.env }
    assert.equal(0, result.code)
    assert.matches("on_event failed and is not called again: a table, of which no text", result.err)
    assert.matches("a task failed and nobody waited for it: a table, of which no text", result.err)
    server:script("/V1/w", { { { "close" } } })
    local _, err = client:post("/V1/w", {})
    local _, problem = client:confirm(err, function() return nil, NO_TEXT end)
    assert.matches("a table, of which no text can be made", problem.message)
    assert.is_true(rawequal(NO_TEXT, problem.cause))
  end)

  it("of a list with an odd length is a mistake of the program", function()
    for _, n in ipairs { "2", 2.5, -1, false } do
      for _, f in ipairs { accs.all, function(list) return accs.map(list, print) end } do
        local ok, problem = pcall(f, { print, n = n })
        assert.is_false(ok)
        assert.matches("n of the list must be a whole number from 0", problem)
      end
    end
  end)
end)
