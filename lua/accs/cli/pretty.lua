--- Sets JSON in lines for reading, without changing it: numbers, order of keys and escapes stay as
--- the service wrote them, which decoding and encoding again could not promise.
local pretty = {}

local function newline(depth)
  return "\n" .. string.rep("  ", depth)
end

-- The place of the quote that ends the string which begins at `at`.
local function end_of_string(text, at)
  at = at + 1
  while true do
    at = text:find('["\\]', at)
    if not at then
      return #text
    elseif text:sub(at, at) == '"' then
      return at
    end
    at = at + 2
  end
end

--- Indents a JSON text.
---@param text string  valid JSON
---@return string
--- Example: `pretty.json('{"a":[1,2]}')`
function pretty.json(text)
  local parts, depth, at = {}, 0, 1
  local function put(piece)
    parts[#parts + 1] = piece
  end
  while true do
    at = text:find("%S", at)
    if not at then
      return table.concat(parts)
    end
    local char = text:sub(at, at)
    local stop = at
    if char == '"' then
      stop = end_of_string(text, at)
      put(text:sub(at, stop))
    elseif char == "{" or char == "[" then
      local close = text:match("^%s*([%]}])", at + 1)
      if close then
        stop = text:find(close, at, true)
        put(char .. close)
      else
        depth = depth + 1
        put(char .. newline(depth))
      end
    elseif char == "}" or char == "]" then
      depth = depth - 1
      put(newline(depth) .. char)
    elseif char == "," then
      put("," .. newline(depth))
    elseif char == ":" then
      put(": ")
    else
      stop = text:find("[%s,%]}]", at) or #text + 1
      stop = stop - 1
      put(text:sub(at, stop))
    end
    at = stop + 1
  end
end

return pretty
