--- `accs.log`: turns events into lines, for people or for machines. Used as a client's `on_event`;
--- the variable `ACCS_LOG` (or the option `log`) alone makes a client log to standard error.
---
--- | Level   | Events |
--- |---------|--------|
--- | `error` | an attempt without an answer, or with status 500 and above; no token to be had |
--- | `warn`  | status 400 to 499; retry; throttle; other events of tokens; cache; events dropped |
--- | `info`  | other responses, cancelled attempts; tokens had, kept, revoked or forgotten |
--- | `debug` | requests; what is not listed here |
---
--- A line has no secret: events carry neither tokens nor bodies, and credentials in a query are
--- `***`. Control characters are escaped, so that one event is one line.
local errors = require "accs.error"
local json = require "accs.json"
local options = require "accs.options"

local log = {}

-- `off` makes no line at all; it is for the environment.
local LEVELS = { off = 0, error = 1, warn = 2, info = 3, debug = 4 }
local OPTIONS = { to = true, format = true, level = true }

-- In the order of a line; what an event does not have is left out.
local FIELDS = {
  "call", "attempt", "method", "url", "status", "error", "text", "reason", "secret", "delay",
  "elapsed", "bytes", "bytes_in", "bytes_out", "protocol", "reused", "request_id", "dropped",
}
local PHASES = { "queue", "name_lookup", "connect", "tls", "first_byte", "total" }

-- By the text of a `token` event; the others are `warn`.
local TOKENS = {
  acquired = "info", refreshed = "info", rotated = "info", ["from the cache"] = "info",
  stored = "info", revoked = "info", forgotten = "info", ["refused by IMS"] = "error",
  ["not acquired"] = "error",
}

local made = setmetatable({}, { __mode = "k" }) -- the functions of this module

local function level_of_response(event)
  local status = event.status or 0
  if event.error == "cancelled" then
    return "info"
  elseif event.error or status >= 500 then
    return "error"
  end
  return status >= 400 and "warn" or "info"
end

local function level_of(event)
  local level = "debug"
  if event.kind == "response" then
    level = level_of_response(event)
  elseif event.kind == "token" then
    level = TOKENS[event.text] or "warn"
  elseif event.kind == "retry" or event.kind == "throttle" or event.kind == "cache" then
    level = "warn"
  end
  return event.dropped and LEVELS[level] > LEVELS.warn and "warn" or level
end

local function escape(byte)
  return ("\\x%02x"):format(byte:byte())
end

-- Text from outside: control characters (of C1 too) are escaped, bytes that are no UTF-8 as well,
-- and what looks like a token is removed.
local function scrub(text)
  text = text:gsub("%c", escape):gsub("\xC2[\x80-\x9F]", function(char)
    return escape(char:sub(2))
  end)
  local _, bad = utf8.len(text)
  while bad do
    text = text:sub(1, bad - 1) .. escape(text:sub(bad, bad)) .. text:sub(bad + 1)
    _, bad = utf8.len(text, bad)
  end
  return errors.clean(text)
end

local function spell(value)
  return json.encode(type(value) == "string" and scrub(value) or value)
end

-- In the text form plain words stand as they are.
local function spell_word(value)
  local text = spell(value)
  return text:match('^"([^%s"\\]+)"$') or text
end

local function timestamp(seconds)
  local ms = math.floor(seconds * 1000 + 0.5)
  return ("%s.%03dZ"):format(os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000), ms % 1000)
end

local function as_json(event, level)
  local parts = {
    ('"time":"%s","level":"%s","kind":%s'):format(timestamp(event.time), level, spell(event.kind)),
  }
  for _, name in ipairs(FIELDS) do
    if event[name] ~= nil then
      parts[#parts + 1] = ('"%s":%s'):format(name, spell(event[name]))
    end
  end
  if event.phases then
    local phases = {}
    for index, name in ipairs(PHASES) do
      phases[index] = ('"%s":%s'):format(name, spell(event.phases[name]))
    end
    parts[#parts + 1] = ('"phases":{%s}'):format(table.concat(phases, ","))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function as_text(event, level)
  local parts = { timestamp(event.time), ("%-5s"):format(level), scrub(event.kind) }
  for _, name in ipairs(FIELDS) do
    if event[name] ~= nil then
      parts[#parts + 1] = name .. "=" .. spell_word(event[name])
    end
  end
  for _, name in ipairs(event.phases and PHASES or {}) do
    if event.phases[name] > 0 then
      parts[#parts + 1] = name .. "=" .. spell(event.phases[name])
    end
  end
  return table.concat(parts, " ")
end

local WRITERS = { json = as_json, text = as_text }

-- A function that writes a line to a file; trouble is said once, and ends it.
local function file_writer(file, name, problem)
  local function stop(message)
    file = nil
    io.stderr:write("accs: no log any more: ", errors.clean(("%s: %s"):format(name, message)), "\n")
  end
  if not file then
    stop(problem)
  end
  return function(line)
    if file then
      local fine, ok, message = pcall(file.write, file, line .. "\n") -- it raises when it is closed
      if not (fine and ok) then
        stop(fine and message or ok)
      end
    end
  end
end

local function open(to)
  if to == nil then
    return file_writer(io.stderr, "standard error")
  elseif io.type(to) == "file" then
    return file_writer(to, "the file of accs.log")
  elseif type(to) == "string" then
    local file, problem = io.open(to, "a")
    if file then
      file:setvbuf("no") -- each line is one write; a full disk shows in none but such
    end
    return file_writer(file, to, problem and problem:gsub("^.*: ", ""))
  end
  local meta = getmetatable(to)
  if type(to) ~= "function" and not (type(meta) == "table" and meta.__call) then
    errors.misuse(("accs.log: to must be a path, an open file or a function, not %s")
      :format(io.type(to) or type(to)))
  end
  return to
end

local function choose_level(level)
  if level == nil then
    level = os.getenv("ACCS_LOG")
    if level == nil or level == "" then
      return "info"
    elseif not LEVELS[level] then
      error(errors.new { kind = "config",
        message = "ACCS_LOG must be one of error, warn, info, debug, off" }, 0)
    end
  elseif not LEVELS[level] then
    errors.misuse("accs.log: level must be one of error, warn, info, debug, off")
  end
  return level
end

--- Makes a function that writes each event as a line, to be used as `on_event`.
---
--- A file that cannot be opened or written costs one line on standard error, never a call. Lines
--- are `time level kind name=value ...`, or JSON objects with the same names; times are UTC.
---@param given? accs.LogOptions
---@return fun(event: accs.Event)
--- Raises on an unknown option or a wrong value; an accs.Error of kind config where `ACCS_LOG` has
--- no level.
--- Example:
---     local client = accs.client {
---       on_event = accs.log { to = "calls.log", format = "json", level = "debug" },
---     }
function log.new(given)
  if given ~= nil and type(given) ~= "table" then
    errors.misuse(("accs.log: the options must be a table, not %s"):format(type(given)))
  end
  given = given or {}
  for name in pairs(given) do
    if not OPTIONS[name] then
      errors.misuse("accs.log: " .. options.unknown("option", name, OPTIONS))
    end
  end
  local format = given.format or "text"
  if not WRITERS[format] then
    errors.misuse('accs.log: format must be "text" or "json"')
  end
  local highest = LEVELS[choose_level(given.level)]
  local write, form = open(given.to), WRITERS[format]
  local function log_event(event)
    local level = level_of(event)
    if LEVELS[level] <= highest then
      write(form(event, level), level)
    end
  end
  made[log_event] = true
  return log_event
end

---@class accs.LogOptions
---@field to? string|file*|fun(line: string, level: string)  a path (lines are added at its end), an
---  open file, or a function that gets the line without its end; default: standard error
---@field format? "text"|"json"  default "text"
---@field level? "error"|"warn"|"info"|"debug"|"off"  default: `ACCS_LOG`, else "info"

--- Tells whether a value is a function that `accs.log` made.
---@param value any
---@return boolean
--- Example: `log.is(client_options.on_event)`
function log.is(value)
  return made[value] == true
end

return log
