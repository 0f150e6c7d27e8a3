--- Settings from outside the program: the environment and a `.env` file.
---
--- A `.env` file has one `KEY=value` a line; blanks around `=`, `export ` before the key, full-line
--- comments and ` # comment` after a value are fine. A value in double quotes knows \n \r \t \" \\,
--- one in single quotes nothing. Nothing is expanded: `$X` and `${X}` stay as they are.
--- The last of several equal keys wins.
local errors = require "accs.error"

local env = {}

local FILE_MAX = 65536 -- bytes; a file of settings is never that long
local ESCAPES = { n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\" }
local ENOENT = 2

-- What may follow a closing quote: blanks, then nothing or a comment.
local function is_rest(text)
  return text:find("^[ \t]*$") ~= nil or text:find("^[ \t]*#") ~= nil
end

-- The value in double quotes, from behind the opening one; nil when it is broken.
local function double_quoted(text)
  local parts, at = {}, 1
  while true do
    local stop = text:find('["\\]', at)
    if not stop then
      return nil
    end
    parts[#parts + 1] = text:sub(at, stop - 1)
    if text:sub(stop, stop) == '"' then
      return is_rest(text:sub(stop + 1)) and table.concat(parts) or nil
    end
    local letter = text:sub(stop + 1, stop + 1)
    parts[#parts + 1] = ESCAPES[letter] or ("\\" .. letter) -- an escape we do not know stays
    at = stop + 2
  end
end

-- The value in what stands behind the "="; nil when it is broken.
local function read_value(text)
  local quote, rest = text:match("^[ \t]*([\"'])(.*)$")
  if quote == '"' then
    return double_quoted(rest)
  elseif quote then
    local value, after = rest:match("^([^']*)'(.*)$")
    return value and is_rest(after) and value or nil
  end
  -- A "#" begins a comment only behind a blank, so that a secret may begin with or hold one.
  local comment = text:find("[ \t]#")
  return (comment and text:sub(1, comment - 1) or text):match("^[ \t]*(.-)[ \t]*$")
end

--- Reads the text of a `.env` file.
---@param text string
---@param name? string  the file's name, for messages; ".env" by default
---@return table<string, string>|nil values
---@return string|nil message  names file and line, never a value
--- Example: `env.parse("IMS_ORG_ID='1234@AdobeOrg' # ours")`
function env.parse(text, name)
  name = name or ".env"
  if #text > FILE_MAX then
    return nil, ("%s is longer than %d bytes"):format(name, FILE_MAX)
  elseif text:find("\0", 1, true) then
    return nil, ("%s holds a NUL byte: it is not a text file"):format(name)
  end
  local values, number = {}, 0
  for line in (text:gsub("^\xEF\xBB\xBF", "") .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    line = line:match("^[ \t]*(.*)$")
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local key, rest = line:gsub("^export[ \t]+", ""):match("^([%a_][%w_]*)[ \t]*=(.*)$")
      local value = key and not rest:find("[%z\1-\8\10-\31\127]") and read_value(rest)
      if not value then
        return nil, ("%s:%d: expected KEY=value, the value bare or in one pair of quotes")
          :format(name, number)
      end
      values[key] = value
    end
  end
  return values
end

--- Reads a `.env` file. A missing one is an error only when it was asked for by name.
---@param path? string  nil: `.env` in the current folder, which may be missing
---@return table<string, string>|nil values
---@return accs.Error|nil err  of kind config
--- Example: `local values = assert(env.load("deploy/shop.env"))`
function env.load(path)
  local name = path or ".env"
  local file, problem, code = io.open(name, "rb")
  if not file then
    if not path and code == ENOENT then
      return {}
    end
    return nil, errors.new { message = ("cannot read %s"):format(problem or name) }
  end
  local text, reading = file:read(FILE_MAX + 1)
  file:close()
  if not text and reading then
    return nil, errors.new { message = ("cannot read %s: %s"):format(name, reading) }
  end
  local values, message = env.parse(text or "", name)
  if not values then
    return nil, errors.new { message = message }
  end
  return values
end

return env
