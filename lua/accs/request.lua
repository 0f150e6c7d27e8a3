--- What a call is made of: path templates, query parameters, fields and headers. Pure: nothing
--- here touches the network. Values may come from data, so what is wrong with one is returned as
--- a message; a wrong type is a mistake of the program and raises.
local core = require "accs.core"
local errors = require "accs.error"

local request = {}

local percent_encode = core.percent_encode
local NO_PARAMS = {}
local DEPTH_MAX = 16 -- of nested query tables; deeper is a table that holds itself

-- These are the client's own, or decide how the request travels.
local OWN_HEADERS = {
  ["authorization"] = "the client sends its token",
  ["x-api-key"] = "set the client's client_id",
  ["x-gw-ims-org-id"] = "set the client's org_id",
  ["store"] = "use the option store",
  ["content-type"] = "use the option content_type",
  ["user-agent"] = "set the client's user_agent",
  ["host"] = "it follows from base_url",
  ["content-length"] = "it follows from the body",
  ["accept-encoding"] = "the client decides",
  ["connection"] = "the client decides",
  ["expect"] = "the client decides",
  ["te"] = "the client decides",
  ["trailer"] = "the client decides",
  ["transfer-encoding"] = "the client decides",
  ["upgrade"] = "the client decides",
  ["x-request-id"] = "use the option request_id",
  ["traceparent"] = "use the option traceparent",
  ["tracestate"] = "use the option tracestate",
  ["proxy-authorization"] = "put it into the option proxy",
}

--- Writes a number as Commerce reads it, with a point in every locale: whole ones without
--- fraction, others in the shortest form that reads back the same.
---@param number number
---@return string|nil  nil for infinity and NaN
--- Example: `request.number(34.0)` gives "34", `request.number(0.1)` gives "0.1".
function request.number(number)
  if math.type(number) == "integer" then
    return ("%d"):format(number)
  elseif number ~= number or number == math.huge or number == -math.huge then
    return nil
  elseif number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    return ("%d"):format(number)
  end
  for digits = 14, 17 do
    local text = ("%%.%dg"):format(digits):format(number)
    if tonumber(text) == number then
      return (text:gsub("[^%d%+%-e]", "."))
    end
  end
end

local function scalar(value)
  local kind = type(value)
  if kind == "string" then
    return value
  elseif kind == "number" then
    return request.number(value)
  elseif kind == "boolean" then
    return tostring(value)
  end
end

local NO_NUL = "params.%s holds a NUL byte"
local DOTS_MAX = #"%2e%2e" -- bytes of the longest dot segment

-- One parameter of a path; nil and what is wrong with it.
local function path_value(name, value)
  if type(value) == "string" and #value > DOTS_MAX then -- most are like this
    local encoded = percent_encode(value)
    if encoded ~= value and value:find("\0", 1, true) then
      return nil, NO_NUL:format(name)
    end
    return encoded
  elseif value == nil or value == core.null then
    return nil, ("the path needs params.%s"):format(name)
  end
  local text = scalar(value)
  if not text then
    errors.misuse(("params.%s must be a string or a finite number"):format(name))
  elseif text == "" then
    return nil, ("params.%s is empty"):format(name)
  end
  local plain = #text <= DOTS_MAX and text:gsub("%%2[eE]", ".")
  if plain == "." or plain == ".." then
    return nil, ("params.%s must not be a dot segment: it would lead to another path"):format(name)
  elseif text:find("\0", 1, true) then
    return nil, NO_NUL:format(name)
  end
  return percent_encode(text)
end

-- A program uses few different paths and lists of fields: what was found out about one is kept.
local KEPT_MAX = 256

-- A table that has `make(key)` for every key that this gives something for, made once while no more
-- than KEPT_MAX are known.
local function keep(make)
  local count = 0
  return setmetatable({}, { __index = function(kept, key)
    local value = make(key)
    if value ~= nil then
      if count == KEPT_MAX then
        for old in next, kept do
          kept[old] = nil
        end
        count = 0
      end
      kept[key], count = value, count + 1
    end
    return value
  end })
end

-- The parts of a path template: text and names take turns, beginning and ending with text.
-- `names` are those of its parameters; a query has none.
local templates = keep(function(path)
  if type(path) ~= "string" then
    return nil
  end
  local parts, names, done = {}, {}, 1
  local stop = path:find("?", 1, true) or #path + 1
  local first, last, name = path:find("{([%w_]+)}")
  while first and first < stop do
    parts[#parts + 1] = path:sub(done, first - 1)
    parts[#parts + 1] = name
    names[name] = true
    done = last + 1
    first, last, name = path:find("{([%w_]+)}", done)
  end
  parts[#parts + 1] = path:sub(done)
  return { parts = parts, names = names }
end)

--- Fills a path template: `/V1/products/{sku}` with `{ sku = "24-MB01/X" }`. Each value is one
--- segment, percent-encoded. A missing, empty or unused one, and a dot segment are refused.
---@param path string
---@param params? table<string, string|number>
---@return string|nil path
---@return string|nil message
--- Example: `request.path("/V1/orders/{id}", { id = 5 })` gives "/V1/orders/5".
function request.path(path, params)
  local found = params and templates[path]
  if not found then
    if type(path) ~= "string" then
      errors.misuse(("the path must be a string, not %s%s"):format(type(path),
        path == nil and " (a call is client:get(path), with a colon)" or ""))
    elseif not path:find("{", 1, true) then
      return path
    end
    found = templates[path]
  elseif type(params) ~= "table" then
    errors.misuse(("params must be a table, not %s"):format(type(params)))
  end
  params = params or NO_PARAMS
  for name in next, params do
    if not found.names[name] and not found.names[tostring(name)] then
      return nil, ("params.%s is not in the path %s")
        :format(errors.clean(tostring(name), 60), errors.clean(path, 80))
    end
  end
  local parts = found.parts
  local filled = parts[1]
  for index = 2, #parts, 2 do
    local text, message = path_value(parts[index], params[parts[index]])
    if not text then
      return nil, message
    end
    filled = filled .. text .. parts[index + 1]
  end
  return filled
end

-- Keys in a fixed order, so that a request is reproducible: numbers, then text.
local function sorted_keys(values)
  local keys = {}
  for key in pairs(values) do
    if math.type(key) ~= "integer" and type(key) ~= "string" then
      errors.misuse(("query: a key must be a string or a whole number, not %s"):format(type(key)))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys, function(left, right)
    if type(left) ~= type(right) then
      return type(left) == "number"
    end
    return left < right
  end)
  return keys
end

local function parameter(name, text)
  return percent_encode(name) .. "=" .. percent_encode(text)
end

local function expand(name, value, parts, depth)
  if type(value) ~= "table" then
    local text = scalar(value)
    if value == core.null then
      return
    elseif not text then
      errors.misuse(("query: %s must be a string, finite number, boolean or table")
        :format(errors.clean(name, 80)))
    end
    parts[#parts + 1] = parameter(name, text)
    return
  elseif depth > DEPTH_MAX then
    errors.misuse("query: the table is nested too deeply, or holds itself")
  end
  local keys = sorted_keys(value)
  if #keys == 0 then
    parts[#parts + 1] = parameter(name, "")
  end
  -- A list counts from 0, as PHP does; other whole keys stay what they are.
  local shift = #keys > 0 and #keys == #value and 1 or 0
  for _, key in ipairs(keys) do
    local label = type(key) == "number" and key - shift or key
    expand(("%s[%s]"):format(name, label), value[key], parts, depth + 1)
  end
end

--- Writes query parameters: nested tables become brackets, lists count from 0, keys are sorted,
--- everything is percent-encoded. `true` and `false` are sent as these words, `accs.null` leaves a
--- parameter out, an empty table is an empty value (`searchCriteria=`).
---@param query? table
---@param fields? string  checked, for the parameter `fields`; it comes last, and wins
---@return string  without "?", "" when nothing is in it
--- Example: `request.query { criteria = { pageSize = 2 } }` gives "criteria%5BpageSize%5D=2".
function request.query(query, fields)
  if not query or next(query) == nil then
    return fields and parameter("fields", fields) or ""
  end
  local parts = {}
  for _, key in ipairs(sorted_keys(query)) do
    if not fields or key ~= "fields" then
      expand(tostring(key), query[key], parts, 1)
    end
  end
  if fields then
    parts[#parts + 1] = parameter("fields", fields)
  end
  return table.concat(parts, "&")
end

local function balanced(fields)
  local depth = 0
  for bracket in fields:gmatch("[%[%]]") do
    depth = depth + (bracket == "[" and 1 or -1)
    if depth < 0 then
      return false
    end
  end
  return depth == 0
end

-- What is wrong with a list of fields, or nil.
local function fields_problem(fields)
  if fields == "" or fields:find("[^%w_%[%],]") then
    return ('fields "%s" may hold only names, commas and brackets, no blank')
      :format(errors.clean(fields, 80))
  elseif fields:find("[][]") and not balanced(fields) then
    return ('fields "%s": the brackets do not match'):format(errors.clean(fields, 80))
  end
end

--- Checks `fields`: the service answers `[]` with status 200 to a blank or any other character it
--- does not know, so such a list is refused before it is sent.
---@param fields string|string[]
---@return string|nil fields
---@return string|nil message
--- Example: `request.fields { "items[sku,name]", "total_count" }`
function request.fields(fields)
  local kind = type(fields)
  if kind == "table" then
    for index, field in ipairs(fields) do
      if type(field) ~= "string" then
        errors.misuse(("fields: entry %d must be a string, not %s"):format(index, type(field)))
      end
    end
    fields = table.concat(fields, ",")
  elseif kind ~= "string" then
    errors.misuse(("fields must be a string or a list of strings, not %s"):format(kind))
  end
  local problem = fields_problem(fields)
  if problem then
    return nil, problem
  end
  return fields
end

-- The parameter `fields` of lists that nothing is wrong with.
local good_fields = keep(function(fields)
  if type(fields) == "string" and not fields_problem(fields) then
    return parameter("fields", fields)
  end
end)

--- Path and query of a call: see `request.path`, `request.query` and `request.fields`.
---@param path string
---@param params? table<string, string|number>
---@param query? table
---@param fields? string|string[]
---@return string|nil target
---@return string|nil message
--- Example: `request.target("/V1/orders/{id}", { id = 5 }, nil, "status")` gives
--- "/V1/orders/5?fields=status".
function request.target(path, params, query, fields)
  local filled, problem = request.path(path, params)
  if not filled or not query and fields == nil then
    return filled, problem
  end
  local text = not query and good_fields[fields]
  if not text then
    if fields ~= nil then
      fields, problem = request.fields(fields)
      if not fields then
        return nil, problem
      end
    end
    text = request.query(query, fields)
    if text == "" then
      return filled
    end
  end
  return filled .. (filled:find("?", 1, true) and "&" or "?") .. text
end

--- Checks the headers of a call. Those that the client makes itself are refused.
---@param headers table<string, string|number>
---@return table<string, string>|nil headers
---@return string|nil message
--- Example: `request.headers { ["X-Adobe-Company"] = "7" }`
function request.headers(headers)
  if type(headers) ~= "table" then
    errors.misuse(("headers must be a table, not %s"):format(type(headers)))
  end
  local checked = {}
  for name, value in pairs(headers) do
    local text = type(name) == "string" and type(value) ~= "boolean" and scalar(value)
    if not text then
      errors.misuse(("headers: name and value must be strings (%s)")
        :format(errors.clean(tostring(name), 60)))
    end
    local own = OWN_HEADERS[name:lower()]
    if own then
      return nil, ("the header %s cannot be set here: %s"):format(errors.clean(name, 60), own)
    end
    if name:find("\0", 1, true) or text:find("\0", 1, true) then
      return nil, ("the header %s holds a NUL byte"):format(errors.clean(name, 60))
    end
    checked[name] = text
  end
  return checked
end

return request
