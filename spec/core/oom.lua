-- What runs while memory ends, for spec/core/oom.c: each scene prepares itself with all memory
-- there is, works while allocations fail, and shows afterwards that its client can be used or is
-- cleanly closed. Called with the name of a scene; without one it returns their names.
local wanted = ...

-- A hook that fails is told on stderr, which is right, but not thousands of times.
io.stderr = assert(io.open("/dev/null", "w")) -- luacheck: ignore 122

local scenes = {}

-- Raises a failure of a call as it is, so that the judge sees its kind.
local function must(value, problem)
  if value == nil then
    error(problem, 0)
  end
  return value
end

local function new_client(accs, extra)
  local options = { dotenv = false, attempts = 2, timeout = 5 }
  for name, value in pairs(extra or {}) do
    options[name] = value
  end
  return accs.client(options)
end

-- A call works, or says that the client is closed.
local function prove(client)
  local response, err = client:get("/V1/store/storeConfigs")
  if not response then
    assert(err.kind == "closed", tostring(err))
  else
    assert(response.status == 200 and #response.data > 0)
  end
  client:close()
  response, err = client:get("/V1/store/storeConfigs")
  assert(response == nil and err.kind == "closed")
end

-- The modules themselves.
scenes.load = {
  body = function()
    local accs = require "accs"
    require "accs.pages"
    require "accs.search"
    require "accs.group"
    return accs
  end,
  after = function()
    for _, name in ipairs { "accs", "accs.pages", "accs.search", "accs.group" } do
      require(name) -- what failed once must not stand in the way
    end
    prove(new_client(require "accs"))
  end,
}

-- The binding alone, all of it.
scenes.core = {
  prepare = function()
    local core = require "accs.core"
    core.seal("not-a-secret", "example", "a text") -- libcrypto keeps what it has once fetched
    return { core = core }
  end,
  body = function(here)
    local core = here.core
    assert(must(core.address(os.getenv "API_ENDPOINT")).loopback)
    assert(core.percent_encode("a b") == "a%20b")
    local sealed = must(core.seal("not-a-secret", "example", "a text"))
    assert(must(core.unseal("not-a-secret", "example", sealed)) == "a text")
    local engine = must(core.engine { max_connections = 2 })
    here.engine = engine
    local client = must(core.client(engine, {
      base_url = os.getenv "API_ENDPOINT", ims_url = os.getenv "IMS_URL",
      client_id = os.getenv "IMS_CLIENT_ID", client_secret = os.getenv "IMS_CLIENT_SECRET",
      org_id = os.getenv "IMS_ORG_ID", events = true, timeout = 5,
    }))
    here.client = client
    local wanted_ids = {}
    for index = 1, 2 do
      local id = must(client:start { method = "GET", path = "/V1/store/storeConfigs",
        headers = { ["X-Example"] = "number " .. index } })
      wanted_ids[id] = true
    end
    wanted_ids[must(engine:timer(0.001))] = true
    local cancelled = must(engine:timer(1000))
    wanted_ids[cancelled] = true
    engine:cancel(cancelled)
    assert(engine:fd() > 0 and engine:timeout() == 0)
    while next(wanted_ids) do
      must(engine:step(1))
      local kind, id, value, failure = engine:next()
      while kind do
        if kind == "done" then
          if failure then
            error(failure.kind, 0)
          end
          assert(value:status() == 200 and value:attempts() == 1 and value:elapsed() > 0)
          assert(#value:headers() > 1 and value:header("content-type"))
          assert(value:size() == #value:body() and value:url():find("storeConfigs", 1, true))
          assert(must(value:decode())[1].code)
          value:close()
        end
        if kind ~= "event" then
          wanted_ids[id] = nil
        end
        kind, id, value, failure = engine:next()
      end
    end
    assert(client:redact("no secret") == "no secret")
    client:throttle(0.001)
    client:close()
    engine:close()
  end,
  after = function(here)
    if here.client and pcall(here.client.handle, here.client) then
      local seen
      local id = must(here.client:start { method = "GET", path = "/V1/store/storeConfigs" })
      while not seen do
        must(here.engine:step(1))
        local kind, of, reply, failure = here.engine:next()
        while kind do
          if kind == "done" and of == id then
            assert(not failure, failure and failure.message)
            seen = reply:status()
          end
          kind, of, reply, failure = here.engine:next()
        end
      end
      assert(seen == 200)
    end
  end,
}

local VALUE = {
  list = { 1, 2.5, "three", true },
  nested = { a = { b = { c = {} } }, text = ("long "):rep(30) },
}

scenes.json = {
  prepare = function()
    return { json = require("accs.json") }
  end,
  body = function(here)
    local text = must(here.json.encode(VALUE))
    local back = must(here.json.decode(text))
    assert(back.list[3] == "three" and back.nested.text == VALUE.nested.text)
    assert(not here.json.encode { print })
    assert(not here.json.decode '{"a": [1, 2')
    assert(must(here.json.decode("[" .. ("123456789012345678901,"):rep(9) .. "0]",
      { big_integers = "text" }))[1] == "123456789012345678901")
  end,
  after = function(here)
    assert(here.json.encode(here.json.decode '{"a":[1]}') == '{"a":[1]}')
  end,
}

scenes.calls = {
  prepare = function()
    local here = { accs = require "accs", events = 0 }
    require "accs.message"
    return here
  end,
  body = function(here)
    here.client = new_client(here.accs, { on_event = function()
      here.events = here.events + 1
    end })
    local client = here.client
    local response = must(client:get("/V1/products", {
      query = here.accs.search():where("price", "gt", 1):page_size(3):query(),
      fields = "items[sku]",
    }))
    assert(#response.data.items == 3 and response.headers["content-type"] and #response.body > 10)
    local answer, err = client:post("/V1/products", { product = { name = "no sku" } })
    assert(answer == nil)
    if err.kind ~= "http" then
      error(err, 0)
    end
    assert(tostring(err):find("HTTP 4", 1, true))
    response, err = client:get("/V1/products/{sku}", { params = { sku = "none such" } })
    assert(response == nil)
    if err.kind ~= "http" then
      error(err, 0)
    end
    assert(err.status == 404 and tostring(err) and err.response)
    if not err.response.data then
      error("no memory for the data of an error, which counts all the same", 0)
    end
    assert(err.response.data.message)
  end,
  after = function(here)
    if here.client then
      prove(here.client)
    end
  end,
}

scenes.tasks = {
  prepare = function()
    local accs = require "accs"
    require "accs.group"
    return { accs = accs, client = new_client(accs) }
  end,
  body = function(here)
    local accs, client = here.accs, here.client
    local results = must(accs.map({ 1, 2, 3 }, function(number)
      return must(client:get("/V1/store/storeConfigs")).status + number
    end, { concurrency = 2 }))
    assert(results[1] == 201 and results[3] == 203)
    local task = accs.spawn(function()
      local _ <close> = setmetatable({}, { __close = function()
        client:get("/V1/store/storeConfigs")
      end })
      accs.sleep(1000)
    end)
    must(accs.all { function() accs.sleep(0.001) end, function() return 1 end })
    task:cancel()
    local _, problem = task:wait()
    if problem.kind ~= "cancelled" then
      error(problem, 0)
    end
  end,
  after = function(here)
    prove(here.client)
  end,
}

scenes.lists = {
  prepare = function()
    local accs = require "accs"
    require "accs.pages"
    require "accs.search"
    return { accs = accs, client = new_client(accs) }
  end,
  body = function(here)
    local count = 0
    for item in here.client:items("/V1/products", here.accs.search():page_size(4), { limit = 9 }) do
      count = count + (item.sku and 1 or 0)
    end
    assert(count == 9)
    for page in here.client:pages("/V1/orders", here.accs.search():page_size(2)) do
      if #page > 0 then
        break -- ends what is fetched ahead
      end
    end
  end,
  after = function(here)
    prove(here.client)
  end,
}

-- Bodies that are moved in pieces.
scenes.streams = {
  prepare = function()
    return { accs = require "accs", path = os.tmpname() }
  end,
  body = function(here)
    here.client = new_client(here.accs)
    local client = here.client
    local bytes = 0
    local query = here.accs.search():page_size(20):query()
    local response = must(client:get("/V1/products", { query = query, sink = function(piece)
      bytes = bytes + #piece
      here.accs.sleep(0)
    end }))
    assert(response.bytes == bytes and bytes > 1000)
    response = must(client:get("/V1/products", { query = query, sink = here.path }))
    assert(response.bytes == bytes)
    for _, source in ipairs { here.path, function()
      bytes = bytes - 1000
      return bytes > -1000 and ("x"):rep(1000) or nil
    end } do
      local answer, err = client:post("/V1/products", nil, { source = source })
      assert(answer == nil)
      if err.kind ~= "http" then
        error(err, 0)
      end
    end
  end,
  after = function(here)
    os.remove(here.path)
    if here.client then
      prove(here.client)
    end
  end,
}

-- Credentials, and functions that the core asks.
scenes.tokens = {
  prepare = function()
    local here = { accs = require "accs", kept = {} }
    require "accs.auth"
    require "accs.hosts"
    return here
  end,
  body = function(here)
    local kept = here.kept
    here.client = new_client(here.accs, {
      client_secret = function()
        here.accs.sleep(0)
        return { os.getenv "IMS_CLIENT_SECRET" }
      end,
      cache = {
        load = function(key) return kept[key] end,
        save = function(key, sealed) kept[key] = sealed end,
        remove = function(key) kept[key] = nil end,
        lock = function() return true end,
        unlock = function() end,
      },
    })
    local auth = here.client.auth
    local token, err = auth:token()
    if not token then -- a question that could not be asked is a problem of the credentials
      error(tostring(err):find("memory", 1, true) and "no memory for a question" or err, 0)
    end
    assert(must(auth:claims()).client_id == os.getenv "IMS_CLIENT_ID")
    assert(must(auth:verify()).type == "access_token")
    assert(must(auth:state()).has_access_token)
    must(auth:refresh())
    assert(must(auth:token()) ~= token)
    must(auth:clear())
  end,
  after = function(here)
    if here.client then
      prove(here.client)
    end
  end,
}

-- Closed with calls in flight, and left to the collector.
scenes.close = {
  prepare = function()
    return { accs = require "accs" }
  end,
  body = function(here)
    local accs = here.accs
    local one, two = new_client(accs), new_client(accs)
    here.two = two
    local task = accs.spawn(function() return one:get("/V1/store/storeConfigs") end)
    local other = accs.spawn(function() return two:get("/V1/store/storeConfigs") end)
    must(accs.all { function() accs.sleep(0.001) end })
    one:close()
    local _, problem = task:wait()
    if problem and problem.kind ~= "cancelled" then
      error(problem, 0)
    end
    must(other:wait())
    one, task, other = nil, nil, nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
  end,
  after = function(here)
    if here.two then
      prove(here.two)
    end
  end,
}

if not wanted then
  return { "load", "core", "json", "calls", "tasks", "lists", "streams", "tokens", "close" }
end

-- Whether an error is what the lack of memory may lead to.
local function judge(problem)
  local kind = type(problem) == "table" and problem.kind
  -- libcurl has one code for "no memory" and for "a header line that is too long".
  return kind == "memory" or kind == "too_large" or problem == "too_large"
    or type(problem) == "string" and problem:find("memory", 1, true) ~= nil
    or tostring(problem)
end

local scene = scenes[wanted]
return scene.prepare and scene.prepare() or {}, scene.body, scene.after, judge
