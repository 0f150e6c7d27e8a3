--- The answer to a call. Fields are made from the core's reply when they are first asked for.
local core = require "accs.core"

local response = {}

---@class accs.Response
---@field status integer
---@field headers accs.Headers  by name in any case: `res.headers["x-request-id"]`
---@field data any  decoded JSON (`accs.null` for null); nil with `decode = false` and no body
---@field body string  as received, inflated; becomes a Lua string when asked for; nil with a sink
---@field bytes? integer  that went to the sink
---@field elapsed number  seconds of the whole call with its waits and repeats
---@field attempts integer  requests that were sent
---@field request_id? string  x-request-id as the service sent it, for Adobe's support; it may be
---  another than the call's own
---@field url string  without user name, password and token, credentials in its query as `***`
local Response = {}

---@class accs.Headers : table<string, string>

-- Names in lower case; what came twice is joined with ", " (RFC 9110, 5.3).
local Headers = {
  __index = function(headers, name)
    return type(name) == "string" and rawget(headers, name:lower()) or nil
  end,
}

local function read_headers(reply)
  local headers = {}
  for _, pair in ipairs(reply:headers()) do
    local name = pair[1]:lower()
    headers[name] = headers[name] and (headers[name] .. ", " .. pair[2]) or pair[2]
  end
  return setmetatable(headers, Headers)
end

local readers = {
  status = function(reply) return reply:status() end,
  headers = read_headers,
  body = function(reply) return reply:body() end,
  elapsed = function(reply) return reply:elapsed() end,
  attempts = function(reply) return reply:attempts() end,
  request_id = function(reply) return reply:header("x-request-id") end,
  url = function(reply) return core.redact_url(reply:url()) end,
}

function Response.__index(self, name)
  local reader = readers[name]
  if name == "body" and rawget(self, "bytes") then
    return nil
  end
  local value = reader and reader(rawget(self, "_reply"))
  if value ~= nil then
    rawset(self, name, value)
  end
  return value
end

Response.__name = "accs.Response"

function Response:__tostring()
  return ("accs.Response: %d %s"):format(self.status, self.url)
end

--- Makes the response of a core's reply.
---@param reply userdata  see accs.core
---@param summary? { bytes: integer, attempts: integer, elapsed: number }  its body went to a sink
---@return accs.Response
--- Example: `local res = response.new(reply) print(res.status, res.headers["content-type"])`
function response.new(reply, summary)
  local made = { _reply = reply, data = nil } -- room for both at once
  if summary then
    for name, value in next, summary do
      made[name] = value
    end
  end
  return setmetatable(made, Response)
end

return response
