-- Plain HTTP over LuaSocket for the sandbox's specs: no code of the product's client is used here.
local cjson = require "cjson"
local mime = require "mime"
local socket = require "socket"
local support = require "spec.support"

local driver = {}

local TIMEOUT = 10 -- seconds

--- Percent-encodes all but unreserved characters.
function driver.encode(text)
  return (tostring(text):gsub("[^%w%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- A query string from a list of { name, value }; a value of nil gives the bare name.
function driver.query(pairs_)
  local parts = {}
  for i, pair in ipairs(pairs_) do
    parts[i] = driver.encode(pair[1]) .. (pair[2] ~= nil and "=" .. driver.encode(pair[2]) or "")
  end
  return table.concat(parts, "&")
end

-- Reads one reply from the connection: status, headers, body; nil and what came when it broke off.
local function read_reply(connection)
  local line = connection:receive("*l")
  if not line then
    return nil, "closed"
  end
  local headers = {}
  while true do
    local header = connection:receive("*l")
    if not header then
      return nil, "closed"
    elseif header == "" then
      break
    end
    local name, value = header:match("^([^:]+):%s*(.-)%s*$")
    headers[name:lower()] = value
  end
  local length = tonumber(headers["content-length"] or "0")
  local body, _, part = "", nil, nil
  if length > 0 then -- else LuaSocket would wait for more
    body, _, part = connection:receive(length)
  end
  if not body then
    return nil, "cut", part
  end
  return {
    status = math.tointeger(tonumber(line:match("^HTTP/1%.1 (%d+)"))),
    headers = headers,
    body = body,
  }
end

--- Opens a connection that can be used for several requests.
function driver.connect(port)
  local connection = assert(socket.tcp())
  connection:settimeout(TIMEOUT)
  assert(connection:connect("127.0.0.1", port))
  connection:setoption("tcp-nodelay", true)
  return connection
end

--- One request on a connection.
function driver.exchange(connection, method, target, headers, body)
  local lines = { ("%s %s HTTP/1.1"):format(method, target), "Host: localhost" }
  for name, value in pairs(headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  if body then
    lines[#lines + 1] = "Content-Length: " .. #body
  end
  assert(connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")))
  return read_reply(connection)
end

--- One request on a connection of its own.
--- Returns { status, headers, body, data } or nil, "closed" | "cut", the bytes so far.
function driver.request(port, method, target, headers, body)
  local connection = driver.connect(port)
  local reply, problem, part = driver.exchange(connection, method, target, headers, body)
  connection:close()
  local plain = reply and reply.body ~= "" and not reply.headers["content-encoding"]
  if plain and (reply.headers["content-type"] or ""):find("json") then
    reply.data = cjson.decode("[" .. reply.body .. "]")[1]
  end
  return reply, problem, part
end

--- POST of a form.
function driver.form(box, target, fields, headers)
  local list = {}
  for name, value in pairs(fields) do
    list[#list + 1] = { name, value }
  end
  local all = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  for name, value in pairs(headers or {}) do
    all[name] = value
  end
  return driver.request(box.port, "POST", target, all, driver.query(list))
end

--- The header of a client that authenticates by Basic.
function driver.basic(credential, secret)
  local pair = credential.client_id .. ":" .. (secret or credential.client_secret)
  return { Authorization = "Basic " .. (mime.b64(pair)) }
end

--- The sandbox's credentials by kind.
function driver.credentials(box)
  return driver.request(box.port, "GET", "/_sandbox/credentials").data
end

--- A visit of the authorize page, with fields in place of the usual (false takes one away).
--- Returns the reply, where it sends the browser, and that URL's parameters.
function driver.authorize(box, fields)
  local all = { response_type = "code", scope = "openid,email,offline_access", state = "s1" }
  for name, value in pairs(fields) do
    all[name] = value or nil
  end
  local list = {}
  for name, value in pairs(all) do
    list[#list + 1] = { name, value }
  end
  local reply = driver.request(box.port, "GET", "/ims/authorize/v2?" .. driver.query(list))
  local uri, query = (reply.headers.location or ""):match("^([^?]*)%??(.*)$")
  local sent = {}
  for name, value in query:gmatch("([^&=]+)=([^&]*)") do
    sent[name] = value:gsub("%%(%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
    end)
  end
  return reply, uri, sent
end

--- Exchanges a code of the web credential; `fields` adds to the form.
function driver.exchange_code(box, web, code, fields)
  local form = { grant_type = "authorization_code", code = code }
  for name, value in pairs(fields or {}) do
    form[name] = value
  end
  return driver.form(box, "/ims/token/v3", form, driver.basic(web))
end

--- A sign-in with the web credential: its token reply.
function driver.sign_in(box, web, fields)
  local asked = { client_id = web.client_id }
  for name, value in pairs(fields or {}) do
    asked[name] = value
  end
  local _, _, sent = driver.authorize(box, asked)
  return driver.exchange_code(box, web, sent.code).data
end

--- A refresh with the web credential.
function driver.refresh(box, web, token)
  return driver.form(box, "/ims/token/v3",
    { grant_type = "refresh_token", refresh_token = token }, driver.basic(web))
end

--- What IMS says about a token.
function driver.validate(box, credential, token, kind)
  return driver.form(box, "/ims/validate_token/v1", {
    type = kind or "access_token", client_id = credential.client_id, token = token,
  }).data
end

--- Asks for a token; `change` replaces form fields (false takes one away).
function driver.token(box, change)
  local form = {
    grant_type = "client_credentials", client_id = box.env.IMS_CLIENT_ID,
    client_secret = box.env.IMS_CLIENT_SECRET, scope = "openid,AdobeID,commerce.accs",
  }
  for name, value in pairs(change or {}) do
    form[name] = value
  end
  local parts = {}
  for name, value in pairs(form) do
    if value then
      parts[#parts + 1] = { name, value }
    end
  end
  return driver.request(box.port, "POST", "/ims/token/v3",
    { ["Content-Type"] = "application/x-www-form-urlencoded" }, driver.query(parts))
end

local Tenant = {}
Tenant.__index = Tenant

--- The tenant of a sandbox, with a token.
function driver.tenant(box, change)
  return setmetatable({
    box = box,
    prefix = box.env.API_ENDPOINT:match("^http://[^/]+(/.*)$"),
    token = driver.token(box, change).data.access_token,
  }, Tenant)
end

--- A call with the usual headers; `headers` adds others, false takes one away.
function Tenant:call(method, path, headers, body)
  local all = {
    Authorization = "Bearer " .. self.token,
    ["x-api-key"] = self.box.env.IMS_CLIENT_ID,
    ["x-gw-ims-org-id"] = self.box.env.IMS_ORG_ID,
    ["Content-Type"] = body and "application/json" or nil,
  }
  for name, value in pairs(headers or {}) do
    all[name] = value or nil
  end
  return driver.request(self.box.port, method, self.prefix .. path, all, body)
end

--- GET with query parameters as a list of pairs.
function Tenant:get(path, pairs_, headers)
  return self:call("GET", pairs_ and path .. "?" .. driver.query(pairs_) or path, headers)
end

--- Parameters of a search: filters { field, condition, value }, each in a group of its own.
function driver.search(filters, more)
  local pairs_ = { { "searchCriteria", "" } }
  for i, filter in ipairs(filters) do
    local prefix = ("searchCriteria[filter_groups][%d][filters][0]"):format(i - 1)
    pairs_[#pairs_ + 1] = { prefix .. "[field]", filter[1] }
    if filter[2] then
      pairs_[#pairs_ + 1] = { prefix .. "[condition_type]", filter[2] }
    end
    if filter[3] ~= nil then
      pairs_[#pairs_ + 1] = { prefix .. "[value]", filter[3] }
    end
  end
  for _, pair in ipairs(more or {}) do
    pairs_[#pairs_ + 1] = pair
  end
  return pairs_
end

--- The names of a table's fields, sorted.
function driver.names_of(object)
  local names = {}
  for name in pairs(object) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

driver.start = support.sandbox

return driver
