--- The answer to a sign-in, in whatever form it comes: the address that the browser was redirected
--- to, its query, a table of parameters, a bare code.
local redirect = {}

local NAMES = { code = true, state = true, error = true, error_description = true, iss = true }
local LENGTH_MAX = 16384 -- bytes; no browser sends more to a redirect URI
local CODE_MIN = 8 -- bytes of a bare code: less is a slip of the hand

---@class accs.Answer
---@field code? string
---@field state? string
---@field error? string
---@field error_description? string
---@field iss? string
---@field bare? boolean  it is a code alone; one in an address or a query is never bare

-- The text of a form's value (application/x-www-form-urlencoded); nil when it is broken.
local function decode(text)
  local broken = false
  text = text:gsub("+", " "):gsub("%%(.?.?)", function(digits)
    if not digits:find("^%x%x$") then
      broken = true
      return ""
    end
    return string.char(tonumber(digits, 16))
  end)
  return not broken and text or nil
end

local function read_query(query)
  local found = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = decode(name)
    if name and NAMES[name] then
      if found[name] then
        return nil, ("the answer has the parameter %s twice"):format(name)
      end
      found[name] = decode(value)
      if not found[name] then
        return nil, ("the parameter %s of the answer is not percent-encoded as it should be")
          :format(name)
      end
    end
  end
  return found
end

-- Whether text without "?" is a query; a code may hold "=" as well.
local function is_query(text)
  text = "&" .. text
  return text:find("&code=", 1, true) or text:find("&state=", 1, true)
    or text:find("&error=", 1, true)
end

local function read_text(text)
  if #text > LENGTH_MAX then
    return nil, "the answer is too long to be one"
  end
  local is_words = text:find("%S[ \t]+%S") -- a code may be broken by a line end, not by a blank
  -- Nothing of an address is a blank: those come from the line ends of terminals and mails.
  text = text:gsub("%s+", ""):gsub("^[\"'<]+", ""):gsub("[\"'>]+$", ""):gsub("#.*$", "")
  local query = text:match("%?(.*)$") or is_query(text) and text
  if query then
    return read_query(query)
  elseif text:find("^%a[%w+.-]*:/") then
    return nil, "the address has no query: the one that the browser came back to is needed"
  elseif not is_words and #text >= CODE_MIN and not text:find("[^\x21-\x7E]") then
    local code = decode((text:gsub("+", "%%2B")))
    return code and { code = code, bare = true }, "the code is not percent-encoded as it should be"
  end
  return nil, "this is no answer to a sign-in"
end

local function read_table(given)
  local found = {}
  for name in pairs(NAMES) do
    local value = given[name]
    if type(value) == "table" then
      return nil, ("the answer has the parameter %s twice"):format(name)
    elseif value ~= nil and type(value) ~= "string" then
      return nil, ("the parameter %s of the answer is no text"):format(name)
    end
    found[name] = value
  end
  found.bare = found.code ~= nil and (found.state or "") == "" and (found.error or "") == ""
  return found
end

--- Reads an answer. What it says is not checked.
---@param answer any  an address, a query with or without "?", a table, or a bare code
---@return accs.Answer|nil found  without parameters that are empty
---@return string|nil problem  without anything of the answer
--- Example: `redirect.read("?code=a&state=b").state` gives "b".
function redirect.read(answer)
  local found, problem
  if type(answer) == "string" then
    found, problem = read_text(answer)
  elseif type(answer) == "table" then
    found, problem = read_table(answer)
  else
    return nil, ("an address, a query or a table is needed, not %s"):format(type(answer))
  end
  if not found then
    return nil, problem
  end
  for name, value in pairs(found) do
    if value == "" then
      found[name] = nil
    elseif name ~= "bare" and value:find("%c") and name ~= "error_description" then
      return nil, ("the parameter %s of the answer holds a control character"):format(name)
    end
  end
  found.bare = found.bare and found.code and true or nil
  return found
end

return redirect
