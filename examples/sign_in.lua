-- The two requests of a web application in which a person signs in. Between them nothing is kept
-- but a cookie, so they may reach different processes.
--
--     lua5.4 examples/sign_in.lua begin
--     lua5.4 examples/sign_in.lua end COOKIE ADDRESS
--
-- The first prints where to send the browser and the cookie to set; the second takes the cookie and
-- the address that the browser came back to. Settings come from the environment or a .env file, all
-- from one place: the credential is an OAuth Web App, with IMS_REDIRECT_URI. For the sandbox's:
--
--     accs-sandbox --as web > .env
local accs = require "accs"

-- The same for both. In memory the sessions of two persons stay apart; one that is to outlive the
-- request is kept under a name that is this person's alone: session = "user-17", cache = "file".
local options = { cache = "memory" }

-- GET /sign-in
local function begin()
  local flow = accs.oauth.authorization(options)
  print("Location: " .. flow.url)
  print("Set-Cookie: sign-in=" .. flow:serialise()
    .. "; Path=/signed-in; Max-Age=600; HttpOnly; Secure; SameSite=Lax")
end

-- GET /signed-in?code=...&state=...
local function finish(cookie, address)
  local flow, err = accs.oauth.restore(cookie, options)
  if not flow then
    return nil, err
  end
  print("Set-Cookie: sign-in=; Path=/signed-in; Max-Age=0") -- it has served
  local session <close>, problem = flow:exchange(address)
  if not session then
    return nil, problem
  end
  local client <close> = accs.client { auth = session }
  local views = assert(client:get("/V1/store/storeConfigs")).data
  print(("Hello %s, there are %d store views."):format(assert(session:user_info()).name, #views))
  return true
end

if arg[1] == "begin" then
  begin()
elseif arg[1] ~= "end" or not arg[3] then
  io.stderr:write("usage: lua5.4 examples/sign_in.lua begin | end COOKIE ADDRESS\n")
  os.exit(2)
else
  local ok, err = finish(arg[2], arg[3])
  if not ok then
    io.stderr:write(tostring(err), "\n")
    os.exit(1, true)
  end
end
