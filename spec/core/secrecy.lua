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

-- What a browser does with the address of a sign-in: the sandbox consents at once.
local function browse(url)
  local pipe <close> = assert(io.popen("curl -s -o /dev/null -w '%{redirect_url}' '" .. url .. "'"))
  return pipe:read("a")
end

local function sign_in(kind)
  return {
    dotenv = false, kind = kind, timeout = 20, cache = os.getenv "FOLDER",
    client_id = os.getenv(kind .. "_id"), client_secret = os.getenv(kind .. "_secret"),
    redirect_uri = os.getenv(kind .. "_uri"), ims_url = os.getenv "IMS_URL",
    offline_access = kind == "web", engine = accs.engine {},
    seal_key = kind ~= "web" and "example-of-a-seal-key" or nil,
  }
end

local function session_of(kind)
  local options = sign_in(kind)
  local url
  do
    local flow = accs.oauth.authorization(options)
    local sealed = flow:serialise()
    url, flow = browse(flow.url), nil -- luacheck: ignore
    local session <close> = assert(assert(accs.oauth.restore(sealed, options)):exchange(url))
    assert(session:claims("id_token").nonce)
    local client <close> = accs.client { auth = session, dotenv = false, engine = options.engine }
    assert(client:get("/V1/store/storeConfigs"))
    if kind == "web" then
      assert(session:refresh())
      assert(session:refresh())
      assert(client:get("/V1/store/storeConfigs"))
    end
  end
  options.engine = accs.engine {}
  options.redirect_uri, options.offline_access, options.seal_key = nil, nil, nil
  local again <close> = assert(accs.oauth.session(options))
  if kind == "web" then
    assert(again:refresh())
  end
  assert(again:validate().valid)
  assert(again:user_info().sub)
  assert(again:verify("id_token"))
  assert(again:revoke())
end

-- A person signs in to a web app: HTTP Basic, a refresh token that is another each time.
function scenes.web()
  session_of("web")
end

-- And to a single-page app: a public client, with a code verifier.
function scenes.spa()
  session_of("spa")
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
