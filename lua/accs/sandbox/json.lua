--- JSON texts for the sandbox's replies, made and read by SQLite's JSON functions.
--
-- Values stay texts: an object is put together from texts, a reply is taken apart into slices.
local native = require "accs.sandbox.native"

local json = {}

-- SQLite as a library of functions; it holds no data.
local engine = native.database.open(":memory:")

--- One level of a JSON text that is known to be valid, as slices.
---
---     local kind, keys, values = json.split('{"sku":"a","qty":[1]}')
---     -- "object", { "sku", "qty" }, { '"a"', "[1]" }
---
---@param text string
---@param wanted? table<string, any>  return only the members whose key is in it
---@return "object"|"array"|"scalar" kind
---@return string[]|nil first  keys of an object, values of an array
---@return string[]|nil second  values of an object
function json.split(text, wanted)
  return native.json.split(text, wanted)
end

--- A Lua value as JSON text.
---@param value string|integer|boolean|nil
---@return string
--- Example: `json.quote('a "b"')` is `"a \"b\""` with the quotes.
function json.quote(value)
  if type(value) == "string" then
    if not value:find('[^%w _.,:;/%-%%+*=()!?@\']') then
      return '"' .. value .. '"' -- nothing in it needs an escape
    end
    return (engine:row("SELECT json_quote(?)", value))
  elseif value == nil then
    return "null"
  end
  return tostring(value)
end

--- An object from names and JSON texts in turn; a pair whose text is nil is left out.
---@param ... string|nil  name, JSON text, name, JSON text ...
---@return string
--- Example: `json.object("message", json.quote("No"), "code", nil)` is `{"message":"No"}`.
function json.object(...)
  local pairs_ = table.pack(...)
  local members = {}
  for i = 1, pairs_.n, 2 do
    if pairs_[i + 1] ~= nil then
      members[#members + 1] = json.quote(pairs_[i]) .. ":" .. pairs_[i + 1]
    end
  end
  return "{" .. table.concat(members, ",") .. "}"
end

--- An array from JSON texts.
---@param texts string[]
---@return string
--- Example: `json.array { "1", "2" }` is `[1,2]`.
function json.array(texts)
  return "[" .. table.concat(texts, ",") .. "]"
end

--- Whether a text is valid JSON.
---@param text string
---@return boolean
--- Example: `json.valid("{}")` is true.
function json.valid(text)
  return engine:row("SELECT json_valid(?)", text) == 1
end

--- The value at a path of SQLite's kind: a string, a number, 1 or 0 for a boolean, the text of an
--- object or array; nil where there is none.
---@param text string  valid JSON
---@param path string  for example "$.product.sku"
---@return string|number|nil value
---@return string|nil kind  as SQLite's json_type: object array text integer real true false null
--- Example: `json.get('{"a":5}', "$.a")` gives 5, "integer".
function json.get(text, path)
  return engine:row("SELECT json_extract(?1, ?2), json_type(?1, ?2)", text, path)
end

return json
