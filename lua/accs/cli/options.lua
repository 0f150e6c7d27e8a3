--- The options that commands share: those of the client, taken from its own list, and the output's.
local client_options = require "accs.options"
local credentials = require "accs.credentials"
local errors = require "accs.error"
local guard = require "accs.guard"
local option_types = require "accs.option_types"
local stop = require "accs.cli.stop"
local terminal = require "accs.cli.terminal"
local wording = require "accs.cli.words"

local options = {}

-- Not for the command line: secrets would show in the process list and the shell's history, and
-- functions and objects cannot be typed.
local UNTYPED = { ["function"] = true, codec = true, engine = true }
local function is_typed(option)
  return not option.secret and not UNTYPED[option.type]
end

local PLACEHOLDERS = { seconds = "SECONDS", count = "NUMBER", text = "TEXT", scopes = "LIST",
  dotenv = "FILE", choice = "VERSION", share = "SHARE" }

local function flag_of(option)
  return "--" .. option.name:gsub("_", "-")
end

-- Help of one option: what it is, its variable, its default.
local function describe(option)
  local more = {}
  if option.type == "choice" then
    more[#more + 1] = table.concat(option.choices, ", ")
  end
  if option.env then
    more[#more + 1] = "environment: " .. option.env
  end
  if option.default and type(option.default) == "number" then
    more[#more + 1] = string.format("default: %.15g%s", option.default,
      option.unit and " " .. option.unit or "")
  end
  local words = option.type == "dotenv" and "file of settings to read instead of .env" or option.doc
  if #more > 0 then
    words = words .. " (" .. table.concat(more, "; ") .. ")"
  end
  return words:gsub("^%l", string.upper) .. "."
end

--- Gives a command the options of a client.
---@param command table  argparse's
--- Example: `options.add_client(command)`
function options.add_client(command)
  local group = {}
  for _, option in ipairs(client_options.list) do
    if is_typed(option) then
      local made
      if option.type == "flag" then
        made = command:flag(flag_of(option), describe(option))
      else
        made = command:option(flag_of(option), describe(option))
          :argname(option.word or PLACEHOLDERS[option.type])
      end
      group[#group + 1] = made:target("client_" .. option.name)
    end
  end
  command:group("Connection and credentials", table.unpack(group))
end

-- A command line is for everybody on the machine to read.
local function refuse_password(option, text)
  local is_address = option.type ~= "cache" or text:find("://", 1, true) -- else a folder
  if option.password and is_address and text:find("@", 1, true) then
    stop.now("usage", string.format("%s: no user name and password here, where others can read "
      .. "them: set %s", flag_of(option), option.env))
  end
end

local CHOSEN = { choice = true, cache = true, auth = true }

local function read_choice(option, text)
  local value = option_types.from_text(option, text)
  local accepted, expected = option_types.check(option.type, value, option)
  if accepted == nil then
    stop.now("usage", (wording.of(string.format("%s: '%s' is not %s", flag_of(option), text,
      expected))))
  end
  return accepted
end

local NUMBERS = { seconds = "number of seconds", count = "whole number from 1",
  share = "number from 0 to 1" }

local function read(option, text)
  refuse_password(option, text)
  if CHOSEN[option.type] then
    return read_choice(option, text)
  end
  local expected = NUMBERS[option.type]
  if expected then
    local number = text:find("^%d+%.?%d*$") and tonumber(text)
    if not number or not option_types.check(option.type, number) then
      stop.now("usage", string.format("%s: '%s' is not a %s", flag_of(option), text, expected))
    end
    return option.type == "count" and math.tointeger(number) or number
  elseif not option_types.check(option.type, text) then
    stop.now("usage", string.format("%s: '%s' is not fit: it is empty, or holds a character that "
      .. "has no place there", flag_of(option), errors.clean(text, 60)))
  elseif option.type == "dotenv" then
    local file, problem = io.open(text, "rb")
    if not file then
      stop.now("usage", string.format("%s: cannot read %s", flag_of(option), problem))
    end
    file:close()
  end
  return text
end

--- Whether an error says that there was a session, which has ended.
---@param err accs.Error
---@return boolean
--- Example: `options.is_over(err)`
function options.is_over(err)
  return err.kind == "auth" and err.message:find("the session is over", 1, true) ~= nil
end

-- Whether a person has signed in with these credentials: the cache has the session; if not, the
-- error that says so. One that has ended counts, so that the person hears of it instead of a
-- credential that was not meant.
local function has_session(values, sources, given)
  if not values.client_id or values.access_token then
    return false
  end
  values.cache = given.cache or values.cache
  local auth <close>, problem = credentials.open(values, sources, { user = true, quiet = true })
  if not auth then
    return false, problem
  end
  local found, err = auth:_run("load")
  return found ~= nil or options.is_over(err), err
end

-- A session that somebody names is the one that is meant: where it is not, nothing else is used.
local function refuse_session(name, err)
  if err and err.kind == "auth" then
    err = errors.new { kind = "auth", message = "there is no session " .. name,
      hint = "sign in: accs login --session " .. name }
  end
  if err then
    error(err, 0)
  end
end

--- The options of a client that a command line gives, with what holds for commands alone: tokens
--- are kept in the user's cache folder, and are a person's where one has signed in.
---@param arguments table  as argparse read them
---@param is_own? boolean  the command looks for the session itself
---@return table given  for accs.client
---@return table<string, any> values
---@return table<string, accs.Source> sources
--- Raises an error of kind `config` when something is wrong.
--- Example: `local given = options.given(arguments)`
function options.given(arguments, is_own)
  local given = {}
  for _, option in ipairs(client_options.list) do
    local value = arguments["client_" .. option.name]
    if value ~= nil then
      given[option.name] = value ~= true and read(option, value) or value
    end
  end
  local values, sources = client_options.resolve(given, nil, {})
  if sources.cache.kind == "default" and credentials.default_folder() then
    given.cache = "file"
  end
  local is_named = sources.session.kind ~= "default"
  if not is_own and (sources.auth.kind == "default" or values.auth == "user" and is_named) then
    local found, err = has_session(values, sources, given)
    if found then
      given.auth = "user"
    elseif is_named then
      refuse_session(values.session, err)
    end
  end
  stop.token_hint = values.access_token and "check ACCS_ACCESS_TOKEN, or unset it" or nil
  return given, values, sources
end

--- The credentials of a person, signed in or not.
---@param arguments table  as argparse read them, `kind` of the credential among them
---@param on_event fun(event: accs.Event)
---@return accs.Auth
---@return string|nil name  of the session, where somebody named it
--- Raises an error of kind `config` when something is wrong.
--- Example: `local session <close> = options.person(arguments, print)`
function options.person(arguments, on_event)
  local given = options.given(arguments, true)
  given.auth, given.access_token, given.on_event = "user", nil, on_event
  local values, sources = client_options.resolve(given, nil, { "client_id" })
  if arguments.kind and arguments.kind ~= "web" then
    guard.drop_secret(values, sources)
  end
  local auth, err = credentials.open(values, sources, { user = true })
  return auth or error(err, 0), sources.session.kind ~= "default" and values.session or nil
end

--- Makes the client that a command line asks for.
---@param arguments table  as argparse read them
---@return accs.Client
--- Raises an error of kind `config` when credentials are missing or wrong.
--- Example: `local client <close> = options.client(arguments)`
function options.client(arguments)
  local given, values = options.given(arguments)
  local level = values.log
  given.on_event = terminal.waits(level ~= nil and level ~= "off")
  return require("accs").client(given)
end

--- The options `--format` and `-o`.
---@param command table  argparse's
---@param formats string[]
---@param words string  which one is the default
---@return table format, table output
--- Example: `local format, output = options.output(command, { "csv" }, "Default: csv.")`
function options.output(command, formats, words)
  local format = command:option("--format",
    "How to write it: " .. table.concat(formats, ", ") .. ". " .. words)
    :choices(formats):argname("FORMAT")
  return format, options.output_file(command)
end

--- The option `-o`.
---@param command table  argparse's
---@return table output
--- Example: `options.output_file(command)`
function options.output_file(command)
  local output = command:option("-o --output",
    "Write to this file. It appears under its name when all is written, which with exit code 5 is "
    .. "not all there is, and not at all when the command fails."):argname("FILE")
  function output._get_label_lines() -- argparse would set the two below each other, far apart
    return { "-o, --output FILE" }
  end
  return output
end

--- Reads a positive whole number.
---@param text string|nil
---@param flag string
---@return integer|nil
--- Example: `options.count("10", "--limit") --> 10`
function options.count(text, flag)
  if text == nil then
    return nil
  end
  local number = math.tointeger(tonumber(text))
  if not number or number < 1 then
    stop.now("usage", string.format("%s: '%s' is not a whole number from 1", flag, text))
  end
  return number
end

return options
