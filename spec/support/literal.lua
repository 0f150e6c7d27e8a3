-- Plain values as one line of Lua text and back: what the fault server and its handle say to
-- each other. Bytes of every value survive, line ends too.
local literal = {}

--- One line for a value of nil, booleans, numbers, strings and tables of these.
---@param value any
---@return string
function literal.dump(value)
  local kind = type(value)
  if kind == "string" then
    -- %q writes a line end as backslash and line end.
    return (("%q"):format(value):gsub("\\\n", "\\n"):gsub("\r", "\\r"))
  elseif kind ~= "table" then
    assert(kind == "nil" or kind == "boolean" or kind == "number", "cannot be written: " .. kind)
    return ("%q"):format(value)
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = "[" .. literal.dump(key) .. "]=" .. literal.dump(item)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- The value of such a line. Raises on anything else.
---@param line string
---@return any
function literal.parse(line)
  return assert(load("return " .. line, "=literal", "t", {}))()
end

return literal
