--- The command line: finds the command, runs it, and turns whatever happens into one line and an
--- exit code.
local argparse = require "argparse"
local output = require "accs.cli.output"
local stop = require "accs.cli.stop"
local terminal = require "accs.cli.terminal"

local cli = {}

local EPILOG = [[
Credentials come from the environment or a .env file in the current folder:
   API_ENDPOINT       https://<region>.api.commerce.adobe.com/<tenant-id>
   IMS_CLIENT_ID      client id of an OAuth Server-to-Server credential
   IMS_CLIENT_SECRET  its secret (no option: others could see it)
   IMS_ORG_ID         1234567890@AdobeOrg

Exit codes:
   0 done                  1 the service said no   2 wrong use
   3 configuration or credentials                  4 network
   5 incomplete data       6 local trouble         130 interrupted

Start here:
   accs doctor
   accs report sales --from 2026-01-01 --to 2026-06-30
   accs items /V1/products --columns sku,name,price --format csv
   accs get /V1/store/storeConfigs]]

local WIDTH = 80

-- Says what went wrong: the exit code.
local function tell(problem)
  local code, line = stop.explain(problem)
  if line then
    io.stderr:write("accs: ", line, "\n")
  end
  return code
end

-- Ends the process with help or version; argparse makes a message of its own of what is raised.
local function show(text)
  local ok, problem = pcall(output.print, text .. "\n")
  os.exit(ok and stop.CODES.done or tell(problem), true)
end

-- Gives a parser the option --help, and all commands that are made of it.
local function with_help(parser)
  parser:add_help { action = function()
    show(parser:get_help())
  end }
  local make = parser.command
  function parser.command(...)
    return with_help(make(...))
  end
  return parser
end

local function new_parser()
  local parser = argparse("accs",
    "Reports, exports and calls for Adobe Commerce as a Cloud Service.", EPILOG)
    :usage("Usage: accs COMMAND [options]")
  parser:usage_max_width(WIDTH):help_max_width(WIDTH):help_description_margin(30)
  parser:require_command(true):command_target("command")
  parser:flag("--version", "Show the version and exit."):action(function()
    show("accs " .. terminal.version)
  end)
  return with_help(parser)
end

-- Each command is a module of its own; the verbs are one for all.
local function add_commands(parser, words)
  local runs = require("accs.cli.verbs").add(parser)
  for _, name in ipairs {
    "items", "report", "login", "logout", "token", "doctor", "sandbox",
  } do
    local command = require("accs.cli." .. name)
    command.add(parser, words)
    runs[name] = command.run
  end
  return runs
end

-- The part of the command line whose help is of use.
local function asked(words, runs)
  if not runs[words[1]] then
    return "accs"
  end
  local report = words[1] == "report" and words[2] and not words[2]:find("^-") and words[2]
  return "accs " .. words[1] .. (report and " " .. report or "")
end

local function run(words)
  local parser = new_parser()
  local runs = add_commands(parser, words)
  local ok, result = parser:pparse(words)
  if not ok then
    local line = result:gsub("\n(D)(.-)$", function(_, rest) return " (d" .. rest .. ")" end)
    line = string.format("%s (%s --help shows how it is used)", line, asked(words, runs))
    stop.now("usage", line)
  end
  return runs[result.command](result) or stop.CODES.done
end

-- A negative number is a value, and none of the flags begins like one: argparse is told so.
local function join_numbers(words)
  local joined = {}
  for _, word in ipairs(words) do
    local last = joined[#joined] or ""
    if words[1] ~= "sandbox" and word:find("^%-[%d.]") and last:find("^%-%-[%w-]+$") then
      joined[#joined] = last .. "=" .. word
    else
      joined[#joined + 1] = word
    end
  end
  return joined
end

--- Runs a command line.
---@param words string[]  without the name of the program
---@return integer code  the exit code of the process
--- Example: `os.exit(require("accs.cli").main(arg), true)`
function cli.main(words)
  output.guard()
  if words[1] == "help" then -- `accs help token` is `accs token --help`
    words = table.move(words, 2, #words, 1, {})
    words[#words + 1] = "--help"
  end
  local ok, result = pcall(run, join_numbers(words))
  return ok and result or tell(result)
end

return cli
