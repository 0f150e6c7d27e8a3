--- `accs token`: prints an access token, for programs that make calls of their own.
local core = require "accs.core"
local credentials = require "accs.credentials"
local errors = require "accs.error"
local json = require "accs.json"
local options = require "accs.cli.options"
local output = require "accs.cli.output"
local client_options = require "accs.options"
local stop = require "accs.cli.stop"

local token = {}

local STDERR = 2

--- Adds the command.
---@param parser table  argparse's
--- Example: `require("accs.cli.token").add(parser)`
function token.add(parser)
  local command = parser:command("token")
    :summary("Print an access token, for other programs."):usage("Usage: accs token [options]")
    :description("Print an access token: that of a person who signed in, else that of the "
      .. "credential. It is a secret: whoever has it can act in your name until it ends.")
    :epilog("Examples:\n   accs token --claims\n"
      .. "   accs token | sed 's/.*/header = \"Authorization: Bearer &\"/' | curl -K - URL\n"
      .. "(as an argument of curl, everybody on the machine could read it)")
  local claims = command:flag("--claims",
    "Print what the token says of itself (not checked), not the token.")
  local as_json = command:flag("--json",
    "Print the token as JSON, with the seconds that it still lives.")
  command:mutex(claims, as_json)
  command:group("Options", claims, as_json)
  options.add_client(command)
end

local function spell(seconds)
  local hours, minutes = seconds // 3600, seconds % 3600 // 60
  if hours > 0 then
    return string.format("%d h %d min", hours, minutes)
  end
  return minutes > 0 and string.format("%d min", minutes) or string.format("%d s", seconds)
end

-- The credentials that a command line names; a tenant is not needed.
local function open(arguments)
  local given = options.given(arguments)
  local values, sources = client_options.resolve(given, nil, {})
  local is_user = values.auth == "user"
  if not values.access_token then -- says what is missing
    client_options.resolve(given, nil, { "client_id", not is_user and "client_secret" or nil })
  end
  local auth, err = credentials.open(values, sources, { user = is_user })
  return auth or error(err, 0)
end

--- Runs the command.
---@param arguments table
--- Raises an error of kind `auth` where nobody is signed in or the credential is refused.
--- Example: `require("accs.cli.token").run(arguments)`
function token.run(arguments)
  local auth <close> = open(arguments)
  local text, err = auth:token()
  if not text then
    error(err, 0)
  end
  local left = auth:state().left
  left = left and math.floor(left) -- nil: nobody said when it ends
  if arguments.claims then
    local claims, problem = auth:claims()
    if problem and problem.kind == "decode" then
      problem = errors.new { kind = "auth", outcome = "done", hint = stop.token_hint,
        message = "this token does not say anything of itself (it is no JWT)" }
    end
    output.print(json.encode(claims or error(problem, 0)) .. "\n")
  elseif arguments.json then
    output.print(json.encode { access_token = text, token_type = "bearer", expires_in = left }
      .. "\n")
  else
    output.print(text .. "\n")
  end
  if left and core.isatty(STDERR) then
    io.stderr:write("accs: note: it lives for ", spell(left), "\n")
  end
end

return token
