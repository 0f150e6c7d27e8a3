-- Runs one example of the manual: usage: manual_runner.lua FILE. What a fragment takes for granted
-- (a client, a search, an error ...) is made when it is first named; any other undefined name is a
-- mistake. What stands behind `-->` is compared.
local accs = require "accs"

local made = {}

function made.client()
  return accs.client {}
end

function made.search()
  return accs.search()
end

function made.task()
  return accs.spawn(function() return "done" end)
end

function made.engine()
  return accs.engine()
end

function made.flow()
  return accs.oauth.authorization {
    client_id = "example", client_secret = "not-a-secret",
    redirect_uri = "https://shop.example.com/signed-in",
  }
end

function made.scan()
  return (made.client():items("/V1/orders", nil, { limit = 3 }))
end

function made.response()
  return assert(made.client():get("/V1/store/storeConfigs"))
end

function made.err()
  return select(2, made.client():get("/V1/orders/0"))
end

function made.orders()
  return (made.client():items("/V1/orders", nil, { limit = 3 }))
end

function made.sales()
  return assert(require("accs.report").load("sales"))
end

function made.result()
  local report = require "accs.report"
  local sales = made.sales()
  local options = assert(report.check(sales, { from = "2026-01-01", to = "2026-01-31" }))
  return report.run(made.client(), sales, options)
end

function made.timer()
  return require("luv").new_timer()
end

function made.luv()
  return require "accs.loop.luv"
end

function made.controller()
  return require("cqueues").new()
end

function made.accs_loop()
  return require "accs.loop.cqueues"
end

for _, module in ipairs { "money", "dates", "report", "log", "stats", "trace" } do
  made[module] = function() return require("accs." .. module) end
end

function made.errors()
  return require "accs.error"
end

function made.accs()
  return accs
end

setmetatable(_G, { __index = function(globals, name)
  if name:sub(1, 1) == "_" then
    return nil -- libraries look for names of their own
  end
  local make = made[name] or error("the example names " .. name .. ", which nobody made", 2)
  local value = make()
  rawset(globals, name, value)
  return value
end })

local printed
rawset(_G, "print", function(...)
  local words = table.pack(...)
  for index = 1, words.n do
    words[index] = tostring(words[index])
  end
  printed = table.concat(words, " ", 1, words.n)
end)

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

--- Compares what an expression gave with the text behind `-->`.
local function check(expected, ...)
  local f = load("return " .. expected, "=expected", "t", {})
  local wanted = f and table.pack(f()) or error("cannot read: --> " .. expected, 2)
  local got = table.pack(...)
  for index = 1, math.max(wanted.n, got.n) do
    if not rawequal(wanted[index], got[index])
      or math.type(wanted[index]) ~= math.type(got[index]) then
      error(("gives %s, not %s"):format(show(got[index]), expected), 2)
    end
  end
end

--- Compares what was printed, blanks counting as one.
local function check_printed(expected)
  if (printed or ""):gsub("%s+", " ") ~= expected:gsub("%s+", " ") then
    error(("prints %s, not %s"):format(printed, expected), 2)
  end
end

rawset(_G, "_CHECK", check)
rawset(_G, "_PRINTED", check_printed)

local lines = {}
for line in io.lines(arg[1]) do
  local code, expected = line:match("^(.-)%s*%-%->%s*(.-)%s*$")
  if not code then
    lines[#lines + 1] = line
  elseif load("return " .. code) and not code:find("^%s*print%f[%W]") then
    lines[#lines + 1] = ("_CHECK(%q, %s)"):format(expected, code)
  else
    lines[#lines + 1] = ("%s _PRINTED(%q)"):format(code, expected)
  end
end
local text = table.concat(lines, "\n")
local chunk = load("return " .. text, "@example") or assert(load(text, "@example"))
chunk()
