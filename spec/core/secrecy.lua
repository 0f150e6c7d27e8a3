-- Scenes for spec/core/secrecy.c: each uses credentials in one way, ends well, and leaves nothing
-- that still lives. Called with the name of a scene; without one it returns their names.
local wanted = ...

local accs = require "accs"

local scenes = {}

-- One call with a client, which is closed then; `more` does more with it.
local function call(extra, more)
  local options = { dotenv = false, timeout = 20, attempts = 2 }
  for name, value in pairs(extra or {}) do
    options[name] = value
  end
  local client <close> = accs.client(options)
  assert(client:get("/V1/store/storeConfigs"))
  if more then
    more(client)
  end
end

-- The client secret stands in the environment.
function scenes.secret()
  call()
end

-- The first one of a list is refused.
function scenes.list()
  call { client_secret = { os.getenv "OLD_SECRET", os.getenv "IMS_CLIENT_SECRET" } }
end

scenes["function"] = function()
  call { client_secret = function()
    accs.sleep(0.01)
    return os.getenv "IMS_CLIENT_SECRET"
  end }
end

-- The second client finds the token of the first.
function scenes.folder()
  for _ = 1, 2 do
    call { cache = os.getenv "FOLDER", engine = accs.engine {} }
  end
end

function scenes.redis()
  for _ = 1, 2 do
    call { cache = accs.store.redis { path = os.getenv "REDIS" }, engine = accs.engine {} }
  end
end

-- Everything that client.auth does.
function scenes.auth()
  call(nil, function(client)
    assert(client.auth:token())
    assert(client.auth:claims().client_id)
    assert(client.auth:verify())
    assert(client.auth:validate().valid)
    assert(client.auth:refresh())
    assert(client:get("/V1/store/storeConfigs"))
    assert(client.auth:revoke())
  end)
end

-- IMS refuses, and repeats in its answer what it was sent.
function scenes.echo()
  local client <close> = accs.client { dotenv = false, timeout = 20, attempts = 2 }
  local response, err = client:get("/V1/store/storeConfigs")
  assert(response == nil and err.kind == "auth", tostring(err))
  assert(not tostring(err):find(os.getenv "IMS_CLIENT_SECRET", 1, true), "shown")
end

if not wanted then
  local names = {}
  for name in pairs(scenes) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end
scenes[wanted]()
collectgarbage()
collectgarbage()
