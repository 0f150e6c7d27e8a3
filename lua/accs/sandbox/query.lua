--- Query strings and form bodies as PHP reads them: `a[b][]=1` becomes nested, ordered maps.
local query = {}

--- An ordered map. `names` has the keys in the order of their first appearance.
---@class accs.sandbox.Node
---@field names string[]
---@field values table<string, string|accs.sandbox.Node>

local function new_node()
  return { names = {}, values = {} }
end

local function put(node, name, value)
  if node.values[name] == nil then
    node.names[#node.names + 1] = name
  end
  node.values[name] = value
end

-- The index that PHP gives to `[]`: one above the largest so far.
local function next_index(node)
  local largest = -1
  for _, name in ipairs(node.names) do
    local index = math.tointeger(tonumber(name))
    if index and index > largest then
      largest = index
    end
  end
  return tostring(largest + 1)
end

--- Decodes percent-encoding and `+`, once.
---@param text string
---@return string
--- Example: `query.decode("a%2Bb+c")` is `a+b c`.
function query.decode(text)
  if not text:find("[%%+]") then
    return text
  end
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

--- Percent-encodes all but unreserved characters (RFC 3986, 2.3).
---@param text string
---@return string
--- Example: `query.encode("a b")` is `a%20b`.
function query.encode(text)
  return (text:gsub("[^%w%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

-- "a[b][c]" -> { "a", "b", "c" }; brackets that do not close belong to the name.
local function path_of(key)
  local name, rest = key:match("^([^%[]+)(%[.*)$")
  if not name then
    return { key }
  end
  local path = { name }
  for part in rest:gmatch("%[([^%]]*)%]") do
    path[#path + 1] = part
  end
  return #path > 1 and path or { key }
end

--- Parses a query string or a form body.
---@param text string  still percent-encoded
---@return accs.sandbox.Node
--- Example: `query.parse("a[b]=1").values.a.values.b` is `"1"`.
function query.parse(text)
  local root = new_node()
  for pair in text:gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=(.*)$")
    local path = path_of(query.decode(key or pair))
    local node = root
    for i = 1, #path - 1 do
      local name = path[i] == "" and next_index(node) or path[i]
      if type(node.values[name]) ~= "table" then
        put(node, name, new_node())
      end
      node = node.values[name]
    end
    local last = path[#path]
    put(node, (last == "" and #path > 1) and next_index(node) or last, query.decode(value or ""))
  end
  return root
end

return query
