-- The token cache in a folder, as a program meets it: whatever is wrong with folder and files,
-- calls get their token, at most one event tells of it, no foreign file is read or written.
local accs = require "accs"
local everybody = require "spec.support.everybody"
local support = require "spec.support"

local TOKEN = "POST /ims/token/v3"

local box
setup(function() box = support.sandbox { products = 2, orders = 1, customers = 1 } end)
teardown(function() box:close() end)

-- Folders that are removed when the test ends.
local bases = {}

local function folder_of_test()
  bases[#bases + 1] = support.temp_dir()
  local path = bases[#bases].path
  support.run { "chmod", "755", path }
  return path
end

after_each(function()
  while bases[1] do
    table.remove(bases):remove()
  end
end)

-- A client as another process has it: with an engine of its own. Its events of a kind are counted
-- by text.
local function client_of(folder, extra)
  local seen = { cache = {}, token = {}, reasons = {} }
  local given = { engine = accs.engine {}, cache = folder, timeout = 20, on_event = function(event)
    if seen[event.kind] then
      seen[event.kind][event.text] = (seen[event.kind][event.text] or 0) + 1
    end
    if event.kind == "cache" then
      seen.reasons[#seen.reasons + 1] = event.reason
    end
  end }
  for name, value in pairs(extra or {}) do
    given[name] = value
  end
  return box:client(given), seen
end

-- One call by a new client: the token requests that it took, and what was seen.
local function call(folder, extra)
  local before = box:count(TOKEN)
  local client <close>, seen = client_of(folder, extra)
  assert(client:get("/V1/store/storeConfigs"))
  accs.sleep(0) -- events are handed out in tasks
  return box:count(TOKEN) - before, seen
end

-- The only entry of a folder.
local function entry_of(folder)
  local result = support.run { "find", folder, "-name", "*.sealed" }
  local path = result.out:match("^([^\n]+)\n$")
  return assert(path, "not one entry: " .. result.out)
end

-- A folder with the token of one client in it.
local function filled()
  local base = folder_of_test()
  local folder = base .. "/tokens"
  assert.equal(1, (call(folder)))
  return folder, entry_of(folder), base
end

describe("a folder for tokens", function()
  it("holds one token for all processes, which is no text", function()
    local folder, entry = filled()
    local requests, seen = call(folder)
    assert.equal(0, requests)
    assert.same({ ["from the cache"] = 1 }, seen.token)
    assert.same({}, seen.cache)
    local bytes = support.read_file(entry)
    assert.equal("ACCS", bytes:sub(1, 4))
    assert.is_nil(bytes:find("eyJ", 1, true)) -- how each JWT begins
    assert.is_nil(bytes:find(box.env.IMS_CLIENT_ID, 1, true))
  end)

  it("is sealed by the newest secret, and opened by each", function()
    local folder, entry = filled()
    local secret = box.env.IMS_CLIENT_SECRET
    local listed = { client_secret = { "not-yet-a-secret", secret } }
    local client <close>, seen = client_of(folder, listed)
    assert(client.auth:token())
    assert.same({ ["from the cache"] = 1 }, seen.token)
    assert.is_true(client.auth:refresh())
    assert.not_equal(entry, entry_of(folder)) -- one still, under another name
    assert.equal(0, (call(folder, listed)))
    assert.equal(1, (call(folder))) -- who has the old secret alone begins anew
  end)

  -- What becomes of the entry's path, and whether a save may put that right.
  local breaks = {
    { "empty", true, function(path) support.write_file(path, "") end },
    { "cut", true, function(path)
      support.write_file(path, support.read_file(path):sub(1, -2))
    end },
    { "changed", true, function(path)
      local bytes = support.read_file(path)
      support.write_file(path, bytes:sub(1, 99) .. string.char(bytes:byte(100) ~ 1)
        .. bytes:sub(101))
    end },
    { "of a newer version", true, function(path)
      support.write_file(path, "ACCS\2" .. support.read_file(path):sub(6))
    end },
    { "text", true, function(path) support.write_file(path, "access_token: x\n") end },
    { "huge", true, function(path) support.write_file(path, ("x"):rep(300000)) end },
    { "open to others", true, function(path) support.run { "chmod", "644", path } end },
    { "a symbolic link", false, function(path, victim)
      support.run { "ln", "-sf", victim, path }
    end },
    { "a folder", false, function(path)
      os.remove(path)
      support.run { "mkdir", path }
    end },
    { "a FIFO", false, function(path)
      os.remove(path)
      support.run { "mkfifo", "-m", "600", path }
    end },
  }
  for _, row in ipairs(breaks) do
    it("whose entry is " .. row[1] .. " costs a token request and one event", function()
      local folder, entry, base = filled()
      local victim = support.write_file(base .. "/victim", support.read_file(entry))
      support.run { "chmod", "600", victim }
      row[3](entry, victim)
      local requests, seen = call(folder)
      assert.equal(1, requests)
      assert.same({ ["not read"] = 1 }, seen.cache)
      requests, seen = call(folder)
      assert.equal(row[2] and 0 or 1, requests)
      assert.same(row[2] and {} or { ["not read"] = 1 }, seen.cache)
      local bytes = support.read_file(victim)
      assert.equal("ACCS\1", bytes:sub(1, 5))
    end)
  end

  it("may vanish, and be made again, while a client lives", function()
    local folder = filled()
    local client <close>, seen = client_of(folder)
    assert(client.auth:token())
    support.run { "rm", "-r", folder }
    assert.is_true(client.auth:refresh())
    assert.equal(0, (call(folder)))
    assert.same({}, seen.cache)
  end)

  -- As an ordinary user: root may do everything. What it prints: events, then requests.
  local SCRIPT = [[
    local accs = require "accs"
    local folder = arg[1]
    local client = accs.client { dotenv = false, cache = folder, on_event = function(event)
      if event.kind == "cache" then
        print("event", event.text, event.reason)
      end
    end }
    assert(client:get("/V1/store/storeConfigs"))
    assert(client.auth:refresh())
    assert(client:get("/V1/store/storeConfigs"))
    accs.sleep(0)
    client:close()
    print("done")
  ]]

  local place
  before_each(function() place = everybody.place() end)
  after_each(function() place.remove() end)

  local function as_user(folder)
    local script = support.write_file(place.path .. "/script.lua", SCRIPT)
    support.run { "chmod", "644", script }
    local words = place.words(script, folder)
    words.env = place.env
    for name, value in pairs(box.env) do
      words.env[name] = value
    end
    return support.run(words)
  end

  local function owned(mode)
    local folder = place.path .. "/tokens"
    support.run { "mkdir", folder }
    support.run { "chown", "65534:65534", folder } -- fails where we are that user ourselves
    support.run { "chmod", mode, folder }
    return folder
  end

  local modes = {
    { "500", "not locked", "permission denied" },
    { "000", "not read", "permission denied" },
    { "777", "not read", "others can write to the folder" },
  }
  for _, row in ipairs(modes) do
    it("of mode " .. row[1] .. " costs one event, never a call", function()
      local result = as_user(owned(row[1]))
      assert.equal(("event\t%s\t%s\ndone\n"):format(row[2], row[3]), result.out .. result.err)
    end)
  end

  it("of another user costs one event, never a call", function()
    local result = as_user(place.root and place.path or "/")
    assert.equal("event\tnot read\tthe folder belongs to another user\ndone\n",
      result.out .. result.err)
  end)
end)
