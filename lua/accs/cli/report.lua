--- `accs report NAME|FILE.lua`: runs a report and writes what it found.
local client_options = require "accs.options"
local options = require "accs.cli.options"
local output = require "accs.cli.output"
local report = require "accs.report"
local stop = require "accs.cli.stop"
local terminal = require "accs.cli.terminal"

local commands = {}

local loaded = {} -- reports by name: a file is run once

-- What every report takes; its own options have other names.
local TAKEN = { format = true, output = true, help = true }
for _, option in ipairs(client_options.list) do
  TAKEN[option.name:gsub("_", "-")] = true
end

local PLACEHOLDERS = { date = "DATE", integer = "NUMBER", text = "TEXT" }

-- A report's own options become options of its command.
local function own_options(command, rep)
  local group = {}
  for _, option in ipairs(rep.options) do
    if TAKEN[option.name] then
      stop.now("usage", string.format("report %s: its option %s needs another name: every report "
        .. "takes --%s", rep.name, option.name, option.name))
    end
    local help = option.help or ""
    if option.default ~= nil then
      help = string.format("%s (default: %s)", help, tostring(option.default))
    elseif option.required then
      help = help .. " (required)"
    end
    help = help:gsub("^%l", string.upper) .. "."
    local made
    if option.kind == "flag" then
      made = command:flag("--" .. option.name, help)
    else
      made = command:option("--" .. option.name, help)
        :argname(option.choices and table.concat(option.choices, "|") or
          PLACEHOLDERS[option.kind or "text"])
    end
    group[#group + 1] = made:target("report_" .. report.key(option))
  end
  return group
end

local function usage(name, rep)
  local words = { "Usage: accs report", name }
  for _, option in ipairs(rep.options) do
    if option.required then
      words[#words + 1] = "--" .. option.name
      words[#words + 1] = PLACEHOLDERS[option.kind or "text"] or "VALUE"
    end
  end
  words[#words + 1] = "[options]"
  return table.concat(words, " ")
end

local function add_report(parser, name, rep)
  local command = parser:command(name):summary(rep.summary)
    :description(rep.summary:gsub("^%l", string.upper) .. ".")
    :usage(usage(name, rep))
  local own = own_options(command, rep)
  table.move({ options.output(command, report.FORMATS, "Default: table.") }, 1, 2, #own + 1, own)
  command:group("Options", table.unpack(own))
  options.add_client(command)
end

-- The report that a command line names, when it is not one that comes with accs: its file brings
-- options of its own, so it is needed before the command line can be read.
local function named_file(words)
  if words[1] ~= "report" then
    return nil
  end
  for index = 2, #words do
    if words[index]:find("%.lua$") then
      return words[index]
    end
  end
  local name = words[2]
  return name and not name:find("^%-") and name or nil
end

local function find_reports(words)
  local found, known = {}, {}
  for _, name in ipairs(report.BUILTIN) do
    found[#found + 1] = { name = name, report = assert(report.load(name)) }
    known[name] = true
  end
  local name = named_file(words)
  if name and not known[name] then
    local rep, problem = report.load(name)
    if not rep then
      stop.now("usage", problem)
    end
    found[#found + 1] = { name = name, report = rep }
  end
  return found
end

-- `accs report` and options alone; --help is for everyone.
local function check_named(words)
  for index = 2, #words do
    if not words[index]:find("^-") or words[index] == "-h" or words[index] == "--help" then
      return
    end
  end
  stop.now("usage", string.format("which report? There is %s, or a file ending in .lua "
    .. "(accs report --help shows them)", table.concat(report.BUILTIN, ", ")))
end

--- Adds the command.
---@param parser table  argparse's
---@param words string[]  the command line, since a report's file brings its own options
--- Example: `require("accs.cli.report").add(parser, arg)`
function commands.add(parser, words)
  local command = parser:command("report")
    :summary("Run a report: one that comes with accs, or a Lua file.")
    :usage("Usage: accs report NAME|FILE.lua [options]")
    :description("Run a report: one of those below, or a Lua file of your own, by its name ending "
      .. "in .lua. `accs report NAME --help` shows its options.")
    :epilog("Examples:\n"
      .. "   accs report sales --from 2026-01-01 --to 2026-06-30\n"
      .. "   accs report sales --from 2026-01-01 --to 2026-01-31 --by day -o january.txt\n"
      .. "   accs report ./customers.lua --since 2026-01-01")
  command:require_command(true)
  command:command_target("report")
  if words[1] == "report" then
    check_named(words)
  end
  for _, one in ipairs(find_reports(words)) do
    loaded[one.name] = one.report
    add_report(command, one.name, one.report)
  end
end

local function given_options(arguments)
  local given = {}
  for name, value in pairs(arguments) do
    local key = name:match("^report_(.*)$")
    if key then
      given[key] = value
    end
  end
  return given
end

--- Runs the command.
---@param arguments table
--- Example: `require("accs.cli.report").run(arguments)`
function commands.run(arguments)
  local rep = loaded[arguments.report]
  local checked, problem = report.check(rep, given_options(arguments))
  if not checked then
    stop.now("usage", problem)
  end
  local client <close> = options.client(arguments)
  local out <close> = output.open(arguments.output)
  local line = terminal.progress()
  local ok, result = pcall(report.run, client, rep, checked, line.show)
  line.clear()
  if not ok then
    error(result, 0)
  end
  local width = not arguments.output and terminal.width() or nil
  report.write(result, arguments.format or "table", out.write, { width = width })
  out:commit()
  if result.verdict and not result.verdict.complete then
    stop.now("incomplete", "incomplete: " .. (result.verdict.reason or "data are missing"))
  end
end

return commands
