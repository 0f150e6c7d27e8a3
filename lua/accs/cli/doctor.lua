--- `accs doctor`: goes the way of a call step by step and says what is wrong.
local diagnosis = require "accs.cli.diagnosis"
local errors = require "accs.error"
local json = require "accs.json"
local options = require "accs.cli.options"
local output = require "accs.cli.output"
local stop = require "accs.cli.stop"

local doctor = {}

local WIDTH = 80
local INDENT = 20 -- where details stand

--- Adds the command.
---@param parser table  argparse's
--- Example: `require("accs.cli.doctor").add(parser)`
function doctor.add(parser)
  local command = parser:command("doctor")
    :summary("Go the way of a call step by step, and say what is wrong.")
    :usage("Usage: accs doctor [options]")
    :description("Go the way of a call step by step: settings, addresses, network, certificates, "
      .. "clock, token, scopes, organisation, tenant, one read. Each is a line: ok, warn, fail, or "
      .. "skip where something before it failed. Nothing is changed, and no secret is shown. The "
      .. "exit code is that of the first failure.")
    :epilog("Examples:\n   accs doctor\n   accs doctor --fresh --json")
  command:group("Options",
    command:flag("--fresh", "Ask IMS for another token, even where one is kept."),
    command:flag("--json", "Write one JSON object instead of lines."))
  options.add_client(command)
end

-- Text in lines of at most WIDTH columns, all below the end of `head`, which begins the first.
local function wrap(head, text)
  local lines, line, begun = {}, head, false
  for word in text:gmatch("%S+") do
    if begun and (utf8.len(line .. " " .. word) or #line + 1 + #word) > WIDTH then
      lines[#lines + 1] = line
      line, begun = (" "):rep(#head), false
    end
    line, begun = line .. (begun and " " or "") .. word, true
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n") .. "\n"
end

local function tell(finding)
  output.print(wrap(("%-6s%-14s"):format(finding.status, finding.check), finding.detail)
    .. (finding.hint and wrap((" "):rep(INDENT) .. "-> ", finding.hint) or ""))
end

-- Checks that were skipped for one cause, in one line: it says once what is wrong.
local function tell_skipped(names, detail)
  if #names == 1 then
    return tell { status = "skip", check = names[1], detail = detail }
  end
  output.print(wrap("skip  ", table.concat(names, ", ") .. ": " .. detail:gsub("^needs", "need")))
end

-- Tells findings as they come; those that were skipped when another comes, or none at the end.
local function teller()
  local names, cause = {}, nil
  return function(finding)
    local skipped = finding and finding.status == "skip" and finding.detail:find("^needs ")
    if cause and not (skipped and finding.detail == cause) then
      tell_skipped(names, cause)
      names, cause = {}, nil
    end
    if skipped then
      names[#names + 1], cause = finding.check, finding.detail
    elseif finding then
      tell(finding)
    end
  end
end

local function count(findings, status)
  local sum = 0
  for _, finding in ipairs(findings) do
    sum = sum + (finding.status == status and 1 or 0)
  end
  return sum
end

-- The exit code: that of the first failure.
local function code_of(findings)
  for _, finding in ipairs(findings) do
    if finding.status == "fail" then
      return (stop.explain(errors.new { kind = finding.kind, message = finding.detail }))
    end
  end
  return stop.CODES.done
end

--- Runs the command.
---@param arguments table
---@return integer code
--- Example: `require("accs.cli.doctor").run(arguments)`
function doctor.run(arguments)
  local show = arguments.json and function() end or teller()
  local findings = diagnosis.run(arguments, show)
  show()
  local failed, warned = count(findings, "fail"), count(findings, "warn")
  if arguments.json then
    output.print(json.encode { ok = failed == 0, checks = findings } .. "\n")
  elseif failed + warned == 0 then
    output.print("\nAll is well.\n")
  else
    output.print(("\n%d failed, %d to look at, %d skipped.\n"):format(failed, warned,
      count(findings, "skip")))
  end
  return code_of(findings)
end

return doctor
