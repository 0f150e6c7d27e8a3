-- What each Lua state of spec/core/threads.c does. Every answer must be the one that was asked for.
local accs = require "accs"

local script = {}

local SKUS = 12

local function skus(client)
  local list = {}
  for item in client:items("/V1/products", accs.search():page_size(5)) do
    list[#list + 1] = item.sku
  end
  assert(#list == SKUS)
  return list
end

local function ask(client, sku)
  local response = assert(client:get("/V1/products/{sku}", { params = { sku = sku } }))
  assert(response.data.sku == sku, "an answer that belongs to another request")
  return response
end

--- All kinds of calls; every third state is left with calls in flight.
---@param number integer  of the thread
---@return integer calls
function script.work(number)
  local events = 0
  local client = accs.client { dotenv = false, on_event = function() events = events + 1 end }
  local list = skus(client)
  assert(accs.map(list, function(sku) return ask(client, sku) end, { concurrency = 4 }))
  local response, err = client:post("/V1/products", { product = { name = "no sku" } })
  assert(response == nil and err.kind == "http" and err.outcome == "refused", tostring(err))
  assert(events > SKUS)
  if number % 3 == 0 then
    accs.spawn(ask, client, list[1])
    accs.all { function() accs.sleep(0.001) end }
  elseif number % 3 == 1 then
    client:close()
  end
  return SKUS + 4
end

local client, list, tasks

--- Starts calls.
---@return integer
function script.begin()
  client = accs.client { dotenv = false, max_concurrency = 1 } -- so that they take their time
  list, tasks = skus(client), {}
  for index, sku in ipairs(list) do
    tasks[index] = accs.spawn(ask, client, sku)
  end
  return 0
end

--- Lets the first calls leave.
---@return integer
function script.step()
  assert(accs.all { function() accs.sleep(0) end })
  assert(accs.engine():pending() > 0)
  return 0
end

--- Waits for all of them.
---@return integer
function script.finish()
  for index, task in ipairs(tasks) do
    assert(assert(task:wait()).data.sku == list[index])
  end
  return #tasks
end

return script
