--- What depends on a person watching: progress, the width of the window, the words of --version.
local core = require "accs.core"

local terminal = {}

local STDOUT, STDERR = 1, 2
local INTERVAL = 0.1 -- seconds between two drawings
local LONG = 2 -- seconds of waiting that are worth a word
local drawn = false -- whether a line of progress stands there

local function clear()
  if drawn then
    io.stderr:write("\r\27[K")
    drawn = false
  end
end

--- Version of accs, and of the libraries that it runs with.
terminal.version = core.version .. " (" .. core.libraries .. ")"

--- Whether standard output is a terminal.
---@return boolean
--- Example: `if terminal.is_watched() then print "hello" end`
function terminal.is_watched()
  return core.isatty(STDOUT)
end

--- Columns of the window that standard output is, nil when it is none.
---@return integer|nil
--- Example: `terminal.width() --> 80`
function terminal.width()
  if not core.isatty(STDOUT) then
    return nil
  end
  local columns = math.tointeger(tonumber(os.getenv("COLUMNS")))
  if not columns then
    local stty = io.popen("stty size 2>/dev/null </dev/tty")
    columns = stty and math.tointeger(tonumber((stty:read("a") or ""):match("%d+%s+(%d+)")))
    if stty then
      stty:close()
    end
  end
  return columns and columns >= 20 and columns or 80
end

--- Starts a progress line on standard error; it draws nothing unless that is a terminal.
---@return { show: fun(what: string, done: integer, total: integer|nil), clear: fun() }
--- Example: `local line = terminal.progress() line.show("orders", 100, 5000) line.clear()`
function terminal.progress()
  local watched, last = core.isatty(STDERR), 0
  local money = require "accs.money"
  local function count(number)
    return money.group(string.format("%d", number), ",")
  end
  return {
    show = function(what, done, total)
      local now = watched and core.monotonic() or 0
      if watched and now - last >= INTERVAL then
        last, drawn = now, true
        local of = total and total >= done and " of " .. count(total) or ""
        io.stderr:write("\r\27[K", what, ": ", count(done), of)
      end
    end,
    clear = clear,
  }
end

--- What tells a person why nothing moves: an `on_event` for a client. It hears of an event before
--- the client's log does.
---@param logged boolean  whether the client logs: then progress makes room for each line
---@return (fun(event: table)) | nil on_event  nil when nobody watches standard error
--- Example: `accs.client { on_event = terminal.waits(false) }`
function terminal.waits(logged)
  local status
  return core.isatty(STDERR) and function(event)
    if logged then
      clear()
    end
    if event.kind == "response" then
      status = event.status
    elseif event.kind == "retry" and (event.delay or 0) >= LONG then
      clear()
      io.stderr:write(string.format("accs: note: %s; asking again in %.0f s\n",
        (status or 0) > 0 and "HTTP " .. status or "no answer", event.delay))
    end
  end or nil
end

return terminal
