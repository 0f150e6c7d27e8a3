--- What went wrong in the words of the command line: flags and variables for the names in Lua.
local client_options = require "accs.options"

local words = {}

-- What cannot be typed, and how values are spelt where they can.
local SPELLINGS = {
  { ", or the option client_secret", "" },
  { "a string, a list of 1 to 8 strings (in a variable: of JSON) or a function",
    "a secret, or a JSON list of 1 to 8 secrets" },
  { "secrets, not table", "secrets" },
  { ", redis://host or a store table", " or redis://host" },
  { '"server", "user" or a session that accs.oauth made', "server or user" },
  { "offline_access: ", "--offline: " },
}

local function replace(text, from, to)
  local first, last = text:find(from, 1, true)
  return first and text:sub(1, first - 1) .. to .. text:sub(last + 1) or text
end

local function flag_of(name)
  return "--" .. name:gsub("_", "-")
end

-- "NAME from SOURCE (VARIABLE)" is the variable, with its file where it is not the environment.
local function name_variables(text)
  for _, option in ipairs(client_options.list) do
    if option.env then
      local source = "^" .. option.name .. " from ([^;:]-) %(" .. option.env .. "%)"
      text = text:gsub(source, function(file)
        return option.env .. (file == "the environment" and "" or " in " .. file)
      end)
    end
  end
  return text
end

--- Says a message of a client's options for somebody who types a command.
---@param text string
---@return string
---@return boolean is_flag  it is about the value of a flag
--- Example: `words.of("base_url from the option base_url: no")` gives "--base-url: no" and true.
function words.of(text)
  for _, pair in ipairs(SPELLINGS) do
    text = replace(text, pair[1], pair[2])
  end
  local name, rest = text:match("^([%l_]+) from the option ([%l_]+.*)$")
  local is_flag = name ~= nil and rest:sub(1, #name) == name
  if is_flag then
    text = flag_of(name) .. rest:sub(#name + 1)
  end
  text = text:gsub("^[%l_]+ is missing: set ([%u_]+) in", "%1 is not set: set it in")
  text = name_variables(text):gsub("the option ([%l_]+)", function(option)
    local known = client_options.by_name[option]
    return known and not known.secret and flag_of(option) or nil
  end)
  return text, is_flag
end

return words
