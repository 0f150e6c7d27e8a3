--- The `fields` parameter: keeps the named parts of a reply, with Commerce's own oddities.
--
-- Follows Magento\Framework\Webapi\Rest\Response\FieldsFilter step by step; its surprises (an empty
-- list turns into null, nothing left is `[]`, attributes keep their indexes) are what clients meet.
local json = require "accs.sandbox.json"

local fields = {}

---@alias accs.sandbox.FieldTree table<string, true|accs.sandbox.FieldTree>

local CUSTOM_ATTRIBUTES = "custom_attributes"
local TYPE_ERROR = {} -- raised where PHP raises a TypeError: a filter inside a list of scalars

--- Reads the parameter.
---@param text string
---@return accs.sandbox.FieldTree|nil  nil for a filter that Commerce calls invalid: characters
---  other than letters, digits, `_ [ ] ,` (a blank too), or an open bracket
--- Example: `fields.parse("items[sku],total_count")` is
--- `{ items = { sku = true }, total_count = true }`.
function fields.parse(text)
  if text == "" or text:find("[^%w_%[%],]") then
    return nil
  end
  local current, stack, parents, element = {}, {}, {}, ""
  for name, separator in (text .. ","):gmatch("([^%[%],]*)([%[%],])") do
    if name ~= "" then
      element = name
      current[name] = true
    end
    if separator == "[" then
      stack[#stack + 1] = current
      parents[#parents + 1] = element
      current = {}
    elseif separator == "]" then
      local inner = current
      -- a surplus bracket nests what was read under an empty name
      current = table.remove(stack) or {}
      current[table.remove(parents) or ""] = inner
    end
  end
  return #stack == 0 and current or nil
end

local filter

local function filter_object(keys, values, tree)
  local members = {}
  for i, key in ipairs(keys) do
    local below = tree[key]
    local value = values[i]
    if below ~= true then
      value = filter(value, below, key == CUSTOM_ATTRIBUTES)
    end
    members[#members + 1] = '"' .. key .. '":' .. value
  end
  return #members > 0 and "{" .. table.concat(members, ",") .. "}" or "[]"
end

-- Attributes are picked by code, or by part; the chosen ones keep their indexes, and with a gap
-- PHP's list becomes an object.
local function filter_attributes(values, tree)
  local kept, plain, last = {}, {}, -1
  local is_list = true
  for i, value in ipairs(values) do
    local part = value
    if not tree[json.get(value, "$.attribute_code")] then
      local _, keys, parts = json.split(value, tree)
      part = filter_object(keys, parts, tree)
    end
    if part ~= "[]" then
      is_list = is_list and last == i - 2
      last = i - 1
      plain[#plain + 1] = part
      kept[#kept + 1] = ('"%d":%s'):format(last, part)
    end
  end
  return is_list and json.array(plain) or "{" .. table.concat(kept, ",") .. "}"
end

-- The filtered text; a scalar stays as it is, but not inside a list.
function filter(text, tree, is_attributes, in_list)
  local kind, first, second = json.split(text, tree)
  if kind == "scalar" then
    return in_list and error(TYPE_ERROR) or text
  elseif kind == "object" then
    return filter_object(first, second, tree)
  elseif #first == 0 then
    return "null"
  elseif is_attributes then
    return filter_attributes(first, tree)
  end
  local parts = {}
  for i, value in ipairs(first) do
    parts[i] = filter(value, tree, false, true)
  end
  return json.array(parts)
end

--- Applies the parameter to a reply.
---@param body string  JSON text
---@param parameter string|table|nil  the decoded parameter; a table for `fields[]=...`
---@return string|nil  nil where Commerce fails with status 500
--- Example: `fields.apply('{"items":[],"total_count":0}', "items[sku]")` is `{"items":null}`.
function fields.apply(body, parameter)
  if parameter == nil or parameter == "" or parameter == "0" then
    return body
  end
  if not body:find("^[%[{]") then
    return body
  end
  local tree = type(parameter) == "string" and fields.parse(parameter)
  if not tree or body == "[]" then
    return "[]"
  end
  local ok, result = pcall(filter, body, tree, false, false)
  if ok then
    return result
  elseif result ~= TYPE_ERROR then
    error(result, 0)
  end
end

return fields
