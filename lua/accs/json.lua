--- JSON by the rules of RFC 8259, with true numbers and shapes: integers stay integers, `[]` stays
--- a list and `{}` an object. The values are those of lua-cjson: `null` is `cjson.null`, and lists
--- carry lua-cjson's own metatable where the installed one has such (`array_mt`, `empty_array_mt`).
local cjson = require "cjson"
local core = require "accs.core"

assert(cjson.null == core.null, "accs.json: this lua-cjson has a null of its own kind")

---@class accs.json
local json = {}

--- What JSON's null becomes: the same value as `cjson.null`. It counts as true in a condition.
---@type lightuserdata
json.null = core.null

-- Told once, when the module is loaded: every decoder of this Lua state marks lists so from now on.
local array_metatable = core.json_arrays(cjson)

---@class accs.json.DecodeOptions
---@field big_integers? "float"|"text"  an integer beyond 64 bit: the nearest float, or its digits

--- Reads one JSON text. Integers up to 64 bit become Lua integers, other numbers floats (`-0` too,
--- so that its sign stays); of equal keys the last one counts. A number beyond the largest float is
--- an error.
---
---     local order = assert(accs.json.decode('{"entity_id": 9007199254740993, "items": []}'))
---     print(order.entity_id, #order.items) --> 9007199254740993  0
---
---@param text string  UTF-8, at most 1 GB, at most 512 levels
---@param options? accs.json.DecodeOptions
---@return any value  nil when the text is no JSON
---@return string? message  what is wrong and at which byte (from 0); holds nothing of the text
--- Raises when `text` is no string, or on an unknown option.
function json.decode(text, options)
  if type(text) ~= "string" then
    error("accs.json.decode: text must be a string, got " .. type(text), 2)
  end
  return core.json_decode(text, options)
end

--- Writes a value as JSON, without white space. A table is a list when it is marked as one
--- (`json.array`, or it came from a decoder), or when its keys are 1 to n with none missing;
--- otherwise its keys must all be strings. An empty table is `{}` unless it is marked. Metamethods
--- are not asked. Integers stay integers, floats keep a point or an exponent (`5.0`).
---
---     print(accs.json.encode({ links = accs.json.array() })) --> {"links":[]}
---
---@param value any  nothing but tables, strings (UTF-8), finite numbers, booleans and `null`
---@return string? text  nil when the value has no JSON form; members in the order of their names
---@return string? message  place and fault, e.g. "at items[3].price: a function, ..."
function json.encode(value)
  return core.json_encode(value)
end

--- Marks a table as a list, so that it is written as `[]` when it is empty.
---
---     client:put("/V1/products/x", { product = { media_gallery_entries = accs.json.array() } })
---
---@generic T : table
---@param list? T  default: a new table
---@return T list  the same table
--- Raises when `list` is no table, or has a metatable of another kind.
function json.array(list)
  list = list == nil and {} or list
  if type(list) ~= "table" then
    error("accs.json.array: list must be a table, got " .. type(list), 2)
  end
  local metatable = getmetatable(list)
  if metatable ~= nil and metatable ~= array_metatable and metatable ~= cjson.empty_array_mt then
    error("accs.json.array: list has a metatable of another kind", 2)
  end
  return setmetatable(list, array_metatable)
end

return json
