--- `accs login`: signs a person in, by a browser.
local core = require "accs.core"
local errors = require "accs.error"
local option_types = require "accs.option_types"
local options = require "accs.cli.options"
local output = require "accs.cli.output"
local stop = require "accs.cli.stop"

local login = {}

local WAIT = 300 -- seconds for a person to sign in
local STDIN = 0
local LINE_MAX = 16384 -- bytes of what is pasted: no answer is longer

--- Adds the command.
---@param parser table  argparse's
--- Example: `require("accs.cli.login").add(parser)`
function login.add(parser)
  local command = parser:command("login")
    :summary("Sign in as a person, by a browser."):usage("Usage: accs login [options]")
    :description("Sign in as a person: prints the address to open, opens a browser when there is "
      .. "one, and takes the address that the browser comes back to, pasted here (its query or the "
      .. "code alone will do) or, for a redirect URI on localhost, by itself. The session is kept "
      .. "sealed in the cache; commands use it from then on.")
    :epilog("Examples:\n   accs login --redirect-uri https://localhost:8443/signed-in\n"
      .. "   accs login --kind native --redirect-uri com.example.app:/signed-in")
  command:group("Options",
    command:option("--kind", "Kind of the credential: web, spa or native. Default: web, which has "
      .. "a client secret (IMS_CLIENT_SECRET).")
      :choices { "web", "spa", "native" }:argname("KIND"),
    command:flag("--offline", "Ask for a refresh token, so that the session goes on for longer "
      .. "than a day (kind web only)."),
    command:flag("--no-browser", "Open no browser."),
    command:option("--wait", "How long to wait for the sign-in (default: " .. WAIT .. " s).")
      :argname("SECONDS"))
  options.add_client(command)
end

local function say(...)
  io.stderr:write(...)
  io.stderr:write("\n")
end

local function note(text)
  say("accs: note: ", text)
end

-- What the credential is, where nobody says so: the secret tells kind web, and only kind native has
-- redirect URIs with a scheme of their own.
local function find_kind(named, values)
  local uri = values.redirect_uri
  if named or values.client_secret or not uri then
    return named or "web"
  elseif uri:find("^%a[%w+.-]*:") and not uri:lower():find("^https?:") then
    note("there is no client secret, and the redirect URI has a scheme of its own: this is taken "
      .. "for --kind native")
    return "native"
  end
  error(errors.new { message = "IMS_CLIENT_SECRET is not set: set it for a credential of kind web; "
    .. "others have none: accs login --kind spa (or native)" }, 0)
end

-- A browser --------------------------------------------------------------------------------------

-- One word for the shell.
local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The words of a command that shows the address; nil where there is no browser.
local function find_browser(url)
  local named = os.getenv("BROWSER")
  local words, has_place = {}, false
  for word in (named or ""):match("^[^:]*"):gmatch("%S+") do -- the first of several
    local filled, count = word:gsub("%%s", (url:gsub("%%", "%%%%")))
    words[#words + 1], has_place = filled, has_place or count > 0
  end
  if not words[1] then
    local display = os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY")
    if not display or display == "" then
      return nil
    end
    words[1] = "xdg-open"
  end
  if not has_place then
    words[#words + 1] = url
  end
  return words
end

-- Whether the shell knows a command.
local function is_command(word)
  return os.execute("command -v " .. quote(word) .. " >/dev/null 2>&1")
end

-- Nobody waits for it, and what it says is of no interest.
local function open_browser(url)
  local words = find_browser(url)
  local named = os.getenv("BROWSER")
  if words and named and named ~= "" and not is_command(words[1]) then
    note("there is no " .. errors.clean(words[1], 100) .. ", which BROWSER names: open the address "
      .. "in another way")
  elseif words then
    for index, word in ipairs(words) do
      words[index] = quote(word)
    end
    os.execute(table.concat(words, " ") .. " </dev/null >/dev/null 2>&1 &")
  end
end

-- The wait ---------------------------------------------------------------------------------------

-- A listener for the redirect where it comes to this machine; else one that only waits.
local function listen(redirect_uri)
  local address = core.address(redirect_uri)
  if address and address.loopback then
    local loopback, failure = core.loopback(redirect_uri)
    if loopback then
      return loopback, true
    end
    note(errors.clean(failure.message) .. "; paste the address instead")
  end
  local loopback, failure = core.loopback()
  return loopback or error(errors.new(failure), 0), false
end

local Wait = {}
Wait.__index = Wait

-- Takes an answer: the session, or nothing when it is another sign-in's. An answer to this one that
-- is no success ends the command.
function Wait:_take(answer, opts)
  local session, err = self.flow:exchange(answer, opts)
  if session then
    return session
  elseif self.flow:is_over() then
    if self.asked then
      self.loopback:answer("failed")
    end
    error(err, 0)
  end
  self.problem = err
end

-- A redirect, of whomever.
function Wait:_redirected(query)
  self.asked = true
  local session = self:_take("?" .. query)
  self.loopback:answer(session and "accepted" or "foreign")
  self.asked = false
  if not session then
    note("a request that is not the answer to this sign-in was refused; still waiting")
  end
  return session
end

-- Whether this is an answer, or the beginning of one, by itself.
local function begins(line)
  return line:find("://", 1, true) or line:find("code=", 1, true)
end

-- A line that was typed or pasted. A terminal or a mail may have broken an address in several, of
-- which none but the last is the whole, and none is a code.
function Wait:_typed(line)
  if not line:find("%S") then
    return nil
  end
  local begun = not begins(line) and self.line
  local is_piece = begun and begun:find("code=", 1, true) and not begun:find("state=", 1, true)
  local session = begun and self:_take(begun .. line)
  if not session and not is_piece then
    session = self:_take(line, { bare = true })
  end
  self.line = (begun or "") .. line
  if #self.line > LINE_MAX then
    self.line = nil
  end
  if not session then
    note(self.problem.message .. "; still waiting")
  end
  return session
end

-- Bytes of standard input; nil at its end.
function Wait:_input(bytes)
  self.text = (self.text or "") .. (bytes or "\n")
  if not bytes then
    self.reads = false
  end
  local session
  repeat
    local line, rest = self.text:match("^([^\n]*)\n(.*)$")
    if line then
      self.text = rest
      session = self:_typed(line)
    end
  until session or not line
  if #self.text > LINE_MAX then
    self.text = ""
  end
  if not session and not self.reads and not self.listens then
    error(errors.new { kind = "auth", message = "nobody signed in: standard input has ended",
      hint = "paste the address that the browser came back to" }, 0)
  end
  return session
end

-- Waits for the sign-in, whichever way it comes.
function Wait:_run(seconds)
  local till = core.monotonic() + seconds
  while true do
    local left = till - core.monotonic()
    if left <= 0 then
      error(errors.new { kind = "timeout", message = string.format(
        "nobody signed in within %.15g s", seconds), hint = "raise --wait" }, 0)
    end
    local what, text = self.loopback:wait(left, self.reads and STDIN or nil)
    local session
    if what == "redirect" then
      session = self:_redirected(text)
    elseif what == "input" then
      session = self:_input(text)
    elseif text then
      error(errors.new(text), 0)
    end
    if session then
      return session
    end
  end
end

-- The command ------------------------------------------------------------------------------------

local function show_url(flow, listens, redirect_uri)
  say("Open this address in a browser and sign in:")
  output.print(flow.url .. "\n")
  if listens then
    say("The answer is taken at ", redirect_uri, " by itself.")
    if redirect_uri:find("^[Hh][Tt][Tt][Pp][Ss]:") then
      say("The browser warns of the certificate, which was made for this sign-in: go on.")
    end
    say("Or paste here the address that the browser comes back to:")
  else
    say("Then paste here the address that the browser comes back to:")
  end
end

-- Who it is, as IMS says.
local function name_of(session)
  local info = session:user_info()
  if not info then
    return nil
  end
  local parts = {}
  for _, field in ipairs { "name", "email" } do
    if type(info[field]) == "string" and info[field] ~= "" then
      parts[#parts + 1] = errors.clean(info[field], 100)
    end
  end
  if parts[2] then
    parts[2] = "<" .. parts[2] .. ">"
  end
  return parts[1] and table.concat(parts, " ") or info.sub and errors.clean(tostring(info.sub), 100)
end

local function report(session, flow, values)
  local name = name_of(session)
  local state = session:state()
  local ends = os.date("%Y-%m-%d %H:%M %z", math.floor(os.time() + (state.left or 0)))
  local which = values.session ~= "default" and " (session " .. values.session .. ")" or ""
  say("Signed in", name and " as " .. name or "", which, ".")
  if state.has_refresh_token then
    say("The session is renewed by itself.")
  else
    say("The session ends at ", ends, ".")
  end
  if flow.offline_access and not state.has_refresh_token then
    note("no refresh token came, although one was asked for: sign in again by then")
  end
end

-- Whether the session gets into the cache, which is all that this command leaves behind: to be
-- looked at once the sign-in is over.
local function watch_cache(given, values)
  local cache = given.cache or values.cache
  if cache == "memory" then
    error(errors.new { message = "the session would end with this command, since the option cache "
      .. "is memory: set ACCS_CACHE to file (which needs HOME), or to a folder" }, 0)
  end
  if cache:find("^redis:") and given.kind ~= "web" and not values.cache_key then
    error(errors.new { message = "kind " .. given.kind .. " has no client secret, which a session "
      .. "in Redis would be sealed with: set ACCS_CACHE_KEY, long and random" }, 0)
  end
  local kept = { stored = false, problem = "no reason given" }
  function given.on_event(event)
    if event.kind == "cache" then
      kept.problem = event.text .. ", " .. (event.reason or kept.problem)
    end
    kept.stored = kept.stored or event.kind == "token" and event.text == "stored"
  end
  return kept
end

local function check_kept(kept)
  if not kept.stored then
    error(errors.new { kind = "cache", outcome = "done",
      message = "signed in, but the session is not kept: " .. kept.problem,
      hint = "mend that, or name another place in ACCS_CACHE, and sign in again" }, 0)
  end
end

-- Commands find a session by the client id and what seals it, which is the secret where one is set.
local function check_secret(kind, values)
  if (kind == "spa" or kind == "native") and values.client_secret then
    error(errors.new { message = "a credential of kind " .. kind .. " has no client secret, but "
      .. "one is set: commands would look for another session",
      hint = "unset IMS_CLIENT_SECRET (environment, .env)" }, 0)
  end
end

-- Begins the sign-in; what is wrong with the redirect URI is told by where it comes from.
local function begin(given, arguments)
  local ok, result = pcall(require("accs").oauth.authorization, given)
  if ok then
    return result
  end
  local rest = errors.is(result) and result.message:match("^redirect_uri( must .*)$")
  if rest and arguments.client_redirect_uri then
    stop.now("usage", "--redirect-uri" .. rest)
  end
  error(rest and errors.new { message = "IMS_REDIRECT_URI" .. rest, hint = result.hint } or result,
    0)
end

local function read_wait(text)
  if text == nil then
    return WAIT
  end
  local seconds = text:find("^%d+%.?%d*$") and tonumber(text)
  if not seconds or not option_types.check("seconds", seconds) or seconds == 0 then
    stop.now("usage", string.format("--wait: '%s' is not a number of seconds", text))
  end
  return seconds
end

--- Runs the command.
---@param arguments table
--- Raises what kept the person from signing in.
--- Example: `require("accs.cli.login").run(arguments)`
function login.run(arguments)
  local seconds = read_wait(arguments.wait)
  local given, values = options.given(arguments, true)
  given.auth, given.access_token = nil, nil
  given.kind, given.offline_access = find_kind(arguments.kind, values), arguments.offline
  local kept = watch_cache(given, values)
  local flow = begin(given, arguments)
  check_secret(given.kind, values)
  local loopback, listens = listen(values.redirect_uri)
  local _ <close> = loopback
  show_url(flow, listens, values.redirect_uri)
  if not arguments.no_browser then
    open_browser(flow.url)
  end
  local wait = setmetatable({ flow = flow, loopback = loopback, listens = listens, reads = true },
    Wait)
  local session <close> = wait:_run(seconds)
  check_kept(kept)
  report(session, flow, values)
end

return login
