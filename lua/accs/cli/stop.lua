--- Ends a command with one line and an exit code.
local stop = {}

--- Exit codes; `accs --help` shows them.
stop.CODES = {
  done = 0, refused = 1, usage = 2, config = 3, network = 4, incomplete = 5, ["local"] = 6,
  interrupted = 130, broken_pipe = 141,
}

-- By the kind of an error object.
local BY_KIND = {
  http = "refused", gateway = "refused", rate_limited = "refused", redirect = "refused",
  decode = "refused", too_large = "refused",
  config = "config", auth = "config",
  network = "network", tls = "network", timeout = "network",
  io = "local", cache = "local", memory = "local", closed = "local",
  cancelled = "interrupted",
}

local Stop = {}

--- What to check where the service refuses the token; nil: what the error says.
---@type string|nil
stop.token_hint = nil

--- Ends the command.
---@param code "usage"|"incomplete"|"local"|"broken_pipe"
---@param message string|nil  one line; nil: nothing is said
--- Raises, always.
--- Example: `stop.now("usage", "--limit: 'x' is not a whole number")`
function stop.now(code, message)
  error(setmetatable({ code = stop.CODES[code], message = message }, Stop), 0)
end

--- What a raised value means.
---@param problem any
---@return integer code
---@return string|nil line  for stderr, without the name of the program
--- Example: `stop.explain(errors.new { kind = "auth", message = "no" }) --> 3, "auth: no"`
function stop.explain(problem)
  if getmetatable(problem) == Stop then
    return problem.code, problem.message
  end
  local errors = require "accs.error"
  if errors.is(problem) and problem.kind == "config" then
    local line, is_flag = require("accs.cli.words").of(problem.message)
    return is_flag and stop.CODES.usage or stop.CODES.config,
      (is_flag and "" or "config: ") .. line .. (problem.hint and "; " .. problem.hint or "")
  elseif errors.is(problem) then
    if problem.kind == "auth" and problem.status == 401 then
      problem.hint = stop.token_hint or problem.hint
    end
    return stop.CODES[BY_KIND[problem.kind] or "local"], (tostring(problem):gsub("^accs: ", ""))
  end
  local text = tostring(problem)
  if text:find("interrupted!", 1, true) then -- what lua5.4 raises on SIGINT
    return stop.CODES.interrupted, "interrupted"
  elseif text:find("not enough memory", 1, true) then
    return stop.CODES["local"], "memory: not enough memory"
  end
  return stop.CODES["local"], errors.clean(text)
end

return stop
