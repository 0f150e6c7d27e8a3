--- The types of options: what fits each, and what a text of the environment or a command line is.
local core = require "accs.core"

local option_types = {}

-- Far beyond any use, and below what overflows as milliseconds.
local SECONDS_MAX, COUNT_MAX = 1e9, 1 << 53

local function in_range(value, low, high)
  return type(value) == "number" and value >= low and value <= high
end

-- Each type: a function from a value (and its option) to the value to use, or nil and what was
-- expected.
local checks = {}

checks.text = function(value)
  if type(value) ~= "string" then
    return nil, "a string"
  elseif value == "" or value:find("%c") then
    return nil, "a string that is not empty and holds no control character"
  end
  return value
end

checks.seconds = function(value)
  if not in_range(value, 0, SECONDS_MAX) then
    return nil, "a number of seconds from 0 to 1e9"
  end
  return value > 0 and value or 0.001 -- the core takes 0 for "the default"
end

checks.share = function(value)
  if not in_range(value, 0, 1) then
    return nil, "a number from 0 to 1"
  end
  return value > 0 and value or 1e-9 -- the core takes 0 for "the default"
end

checks.count = function(value)
  local count = in_range(value, 1, COUNT_MAX) and math.tointeger(value)
  return count or nil, "a whole number from 1"
end

checks.choice = function(value, option)
  local words = {}
  for index, choice in ipairs(option.choices) do
    if value == choice then
      return choice
    end
    words[index] = ("%q"):format(choice) -- 2 is not "2"
  end
  local last = table.remove(words)
  return nil, table.concat(words, ", ") .. " or " .. last
end

checks.flag = function(value)
  if type(value) ~= "boolean" then
    return nil, "true or false"
  end
  return value
end

local SECRETS_MAX = 8 -- as the core takes them
local SECRET_WANTED = "a string, a list of 1 to 8 strings (in a variable: of JSON) or a function"

checks.secret = function(value)
  if type(value) == "string" then
    return checks.text(value)
  elseif type(value) == "function" then
    return value
  elseif type(value) ~= "table" then
    return nil, SECRET_WANTED
  end
  local list, count = {}, 0
  for place, secret in pairs(value) do
    if math.type(place) ~= "integer" or not checks.text(secret) then
      return nil, SECRET_WANTED
    end
    list[place], count = secret, count + 1
  end
  for place = 1, count do -- a hole is a secret that was to be there
    if not list[place] then
      return nil, SECRET_WANTED .. " without holes"
    end
  end
  if count < 1 or count > SECRETS_MAX then
    return nil, SECRET_WANTED
  end
  return list
end

local CACHE_WANTED = "memory, file, a folder (with a / in it), redis://host or a store table"
local STORE_FUNCTIONS = { load = true, save = true, lock = false, unlock = false, remove = false }

-- Nothing of the value is shown: an address may hold a password.
checks.cache = function(value)
  if value == false or value == "memory" then
    return "memory"
  elseif type(value) == "table" then
    for name, needed in pairs(STORE_FUNCTIONS) do
      local kind = type(value[name])
      if kind ~= "function" and (needed or kind ~= "nil") then
        return nil, "a store table with the functions load and save, and maybe remove, lock, unlock"
      end
    end
    if (value.lock == nil) ~= (value.unlock == nil) then
      return nil, "a store table with both of lock and unlock, or with none"
    end
    return value
  elseif type(value) ~= "string" or not checks.text(value) then
    return nil, CACHE_WANTED
  elseif value == "file" or value:find("^redis://.") then
    return value
  elseif value:find("://", 1, true) or not value:find("/", 1, true) then
    return nil, CACHE_WANTED
  elseif value:find("^~[^/]") then
    return nil, "a folder that is spelled out (of ~ only ~/ is known)"
  end
  return value
end

checks.auth = function(value)
  local meta = type(value) == "table" and getmetatable(value)
  if value == "server" or value == "user"
    or type(meta) == "table" and meta.__name == "accs.Auth" then
    return value
  end
  return nil, '"server", "user" or a session that accs.oauth made'
end

checks["function"] = function(value)
  local meta = getmetatable(value)
  local callable = type(value) == "function" or type(meta) == "table" and meta.__call ~= nil
  return callable and value or nil, "a function"
end

checks.codec = function(value)
  local fits = type(value) == "table"
    and type(value.encode) == "function" and type(value.decode) == "function"
  return fits and value or nil, "a table with the functions encode and decode"
end

checks.engine = function(value)
  local fits = type(value) == "userdata" and tostring(value):find("^accs%.engine: ")
  return fits and value or nil, "an engine that accs.engine made"
end

checks.dotenv = function(value)
  return (value == false or checks.text(value)) and { value } or nil, "a path, or false"
end

-- One spelling for one set of scopes (Adobe's order, then the rest sorted), so that clients of one
-- identity share a token however their scopes were written.
checks.scopes = function(value, option)
  if type(value) == "string" then
    value = { value }
  elseif type(value) ~= "table" then
    return nil, "a string or a list of strings"
  end
  local wanted = { ["commerce.accs"] = true }
  for _, text in ipairs(value) do
    if type(text) ~= "string" or text:find("[^\x21-\x7E%s]") or text:find('["\\]') then
      return nil, "a string or a list of strings, as RFC 6749 spells scopes"
    end
    for scope in text:gmatch("[^,%s]+") do
      wanted[scope] = true
    end
  end
  local scopes, rest = {}, {}
  for scope in option.default:gmatch("[^,]+") do
    scopes[#scopes + 1] = wanted[scope] and scope or nil
    wanted[scope] = nil
  end
  for scope in pairs(wanted) do
    rest[#rest + 1] = scope
  end
  table.sort(rest)
  table.move(rest, 1, #rest, #scopes + 1, scopes)
  return table.concat(scopes, ",")
end

--- Checks a value of a call's option.
---@param kind string  a type of accs.Option
---@param value any
---@param option? accs.Option  for a choice, and for scopes
---@return any accepted  nil when it does not fit
---@return string|nil expected
--- Example: `option_types.check("seconds", 2.5)` gives 2.5.
function option_types.check(kind, value, option)
  return checks[kind](value, option)
end

--- From text, of the environment or a command line, to the value of an option. What does not fit
--- stays text.
---@param option accs.Option
---@param text string
---@return any  numbers are plain decimals
---@return string|nil problem  where it cannot be one
--- Example: `option_types.from_text(options.by_name.timeout, "20")` gives 20.
function option_types.from_text(option, text)
  local kind = option.type
  if kind == "choice" then
    for _, choice in ipairs(option.choices) do
      if text == tostring(choice) then
        return choice
      end
    end
  elseif kind == "seconds" or kind == "count" or kind == "share" then
    return text:find("^%d+%.?%d*$") and tonumber(text) or text
  elseif kind == "flag" then
    local flag = ({ ["1"] = true, ["true"] = true, ["0"] = false, ["false"] = false })[text]
    return flag == nil and text or flag
  elseif kind == "secret" and text:find("^%s*%[") then
    local list = core.json_decode(text)
    if type(list) ~= "table" then
      return nil, "begins with [ and is no JSON list: it is broken"
    end
    return list
  end
  return text
end

return option_types
