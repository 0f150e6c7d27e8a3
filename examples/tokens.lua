-- Keeps the access token in a folder of its own choice, by a custom store: run it twice, and the
-- second run asks Adobe IMS for nothing. What the store gets is sealed, so it may lie anywhere.
--
--     lua5.4 examples/tokens.lua FOLDER
local accs = require "accs"

local folder = arg[1]
if not folder then
  io.stderr:write("usage: lua5.4 examples/tokens.lua FOLDER\n")
  os.exit(2)
end

local store = {}

function store.load(key) -- keys are letters, digits and "-"
  local file <close> = io.open(folder .. "/" .. key, "rb")
  return file and file:read("a")
end

function store.save(key, sealed)
  local path = folder .. "/" .. key
  local file <close> = io.open(path .. ".new", "wb") or error("cannot write to " .. folder, 0)
  assert(file:write(sealed))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

function store.remove(key)
  os.remove(folder .. "/" .. key)
end

local client <close> = accs.client {
  cache = store,
  on_event = function(event)
    if event.kind == "token" or event.kind == "cache" then
      io.stderr:write(("%s: %s (%s)\n"):format(event.kind, event.text, event.reason or "-"))
    end
  end,
}

local configs = assert(client:get("/V1/store/storeConfigs")).data
local claims = assert(client.auth:verify()) -- signed by IMS, for us, and not over
print(("%d store views, asked as %s"):format(#configs, claims.user_id))
print(("the token lives for %d more minutes"):format(client.auth:state().left // 60))
