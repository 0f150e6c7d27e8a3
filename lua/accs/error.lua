--- The error object that every part of accs returns or raises, and the hints that go with it.
---
--- Calls return `nil, err`; `accs.client{}` and iterators raise such an object. It prints as one
--- line without any secret, so `assert(client:get(...))` says all there is to say:
---
---     accs: http: HTTP 404: No such entity. (GET https://.../V1/orders/5); check the path ...
local errors = {}

---@class accs.Error
---@field kind accs.ErrorKind
---@field outcome "not_sent"|"refused"|"unknown"|"done"  what is known about the request's fate
---@field message string  one line, Commerce's own words where it sent some
---@field status? integer  HTTP status, where there was an answer
---@field retry_after? number  seconds that the service asked to wait
---@field method? string
---@field url? string  without user name, password and token
---@field attempts integer  requests that were sent
---@field retryable boolean  the same call may succeed later
---@field response? accs.Response  the answer, where one was read
---@field request_id? string  that the service sent back, else that of the call
---@field hint? string  what to check
---@field cause? any  of `client:confirm`: why the look-up failed
---@field traceback? string  where it was raised inside a task
local Error = {}
Error.__index = Error
Error.__name = "accs.Error"

---@alias accs.ErrorKind
---| "config" # a mistake in options, credentials or request
---| "auth" # credentials or permissions refused
---| "network" # no connection, or it broke
---| "tls" # no trusted encrypted connection
---| "timeout" # a time limit passed
---| "http" # the service answered with an error
---| "gateway" # something in front of the service answered
---| "rate_limited" # the service asks to slow down
---| "redirect" # a redirect, which this API never sends
---| "decode" # the answer cannot be read
---| "too_large" # more data than the limit allows
---| "cancelled" # the caller ended the call
---| "closed" # the client or engine is closed
---| "cache" # the token cache failed
---| "io" # a local file or descriptor failed
---| "memory" # no memory left

local MESSAGE_MAX = 1000 -- bytes; a line longer than that helps nobody
local URL_SHOWN = 200 -- bytes of the address in the printed line

-- Cuts to at most `max` bytes, never inside a UTF-8 sequence.
local function cut(text, max)
  if #text <= max then
    return text
  end
  while max > 0 and text:byte(max + 1) & 0xC0 == 0x80 do
    max = max - 1
  end
  return text:sub(1, max) .. "..."
end

--- Makes foreign text fit for one line of a terminal or log: control characters (of C1 too)
--- and runs of white space become one blank, and what looks like a token becomes `***`.
---@param text string
---@param max? integer  bytes, default 1000
---@return string
--- Example: `errors.clean("two\nlines")` gives `"two lines"`.
function errors.clean(text, max)
  text = text:gsub("\xC2[\x80-\x9F]", " "):gsub("[%c%s]+", " ")
  text = text:gsub("eyJ[%w_%-]+%.[%w_%-]+%.?[%w_%-]*", "***")
  text = text:gsub("([Bb]earer )[%w_%-%.~+/=]+", "%1***")
  return cut(text:match("^%s*(.-)%s*$"), max or MESSAGE_MAX)
end

--- The first line of what somebody raised: any value, even one that cannot be turned into text.
---@param problem any
---@return string
--- Example: `errors.first_line(5)` gives "5".
function errors.first_line(problem)
  local ok, text = pcall(tostring, problem)
  if not ok then
    return ("a %s, of which no text can be made"):format(type(problem))
  end
  return errors.clean(text:match("^[^\n]*"))
end

--- Makes an error object. Kind `config` and outcome `not_sent` are the defaults.
---@param fields table  fields of accs.Error; `message` is cleaned to one line
---@return accs.Error
--- Example: `error(errors.new { kind = "io", message = "cannot write report.csv" })`
function errors.new(fields)
  local err = {}
  for name, value in pairs(fields) do
    err[name] = value
  end
  err.kind = err.kind or "config"
  err.outcome = err.outcome or "not_sent"
  err.attempts = err.attempts or 0
  err.retryable = err.retryable or false
  err.message = errors.clean(tostring(err.message or err.kind))
  return setmetatable(err, Error)
end

--- Tells whether a value is an error object of accs.
---@param value any
---@return boolean
--- Example:
---     local ok, problem = pcall(function()
---       for order in client:items("/V1/no-such-list") do print(order.increment_id) end
---     end)
---     if not ok and errors.is(problem) then print(problem.kind, problem.status) end
function errors.is(value)
  return getmetatable(value) == Error
end

-- "HTTP 404: " for an answer of the service, unless the message says the status itself.
local function status_words(err)
  if not err.status or not err.response or err.message:find("HTTP " .. err.status, 1, true) then
    return ""
  end
  return ("HTTP %d: "):format(err.status)
end

function Error:__tostring()
  local line = { "accs: ", self.kind, ": ", status_words(self), self.message }
  if self.method and self.url and self.kind ~= "config" then -- that says itself what is wrong
    -- A search is long and unreadable in an address; `url` has all of it.
    local shown = self.url:gsub("%?.*$", "?...")
    line[#line + 1] = (" (%s %s)"):format(self.method, cut(shown, URL_SHOWN))
  end
  local write = self.method and self.method ~= "GET" and self.method ~= "HEAD"
  if self.outcome == "unknown" and write then
    line[#line + 1] = "; the service may have acted on it: look before you repeat it"
  end
  if self.hint then
    line[#line + 1] = "; " .. self.hint
  end
  return (table.concat(line):gsub("%c", " "))
end

function Error.__concat(left, right)
  return tostring(left) .. tostring(right)
end

-- The folder of this library, as chunk names spell it: "@/usr/share/lua/5.4/accs/".
local library = debug.getinfo(1, "S").source:match("^(.*[/\\])[^/\\]*$") or "@"

--- Raises a mistake of the program as plain text, with the place outside of accs that made it:
--- `script.lua:12: unknown option "tiemout" (did you mean "timeout"?)`.
---@param message string
function errors.misuse(message)
  local level = 2
  local info = debug.getinfo(level, "S")
  while info and (info.what == "C" or info.source:sub(1, #library) == library) do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  error(message, info and level or 2)
end

-- Codes of libcurl (curl/curl.h) that tell one cause of a network or TLS error from another.
local CURL_HINTS = {
  [5] = "check the proxy's host name (proxy, ACCS_PROXY)",
  [6] = "check the network and its name server, and the host name in base_url (API_ENDPOINT) and "
    .. "ims_url (IMS_URL)",
  [7] = "check host and port of base_url (API_ENDPOINT) and ims_url (IMS_URL), proxy and firewall",
  [35] = "check min_tls (ACCS_MIN_TLS), the address, and client_cert if the server asks for one",
  [58] = "check client_cert, client_key and client_key_password (ACCS_CLIENT_CERT and so on)",
  [60] = "the certificate is not trusted: for a private authority set ca_file (ACCS_CA_FILE)",
  [77] = "check that ca_file (ACCS_CA_FILE) is a readable PEM file",
  [90] = "the server's key is not the one in pin (ACCS_PIN)",
  [97] = "check the proxy (proxy, ACCS_PROXY, or https_proxy and all_proxy of the environment)",
  [98] = "set client_cert and client_key (ACCS_CLIENT_CERT, ACCS_CLIENT_KEY)",
}

-- What IMS calls its errors (RFC 6749, 5.2), as the core's message quotes them; the second hint is
-- for a person's sign-in.
local IMS_HINTS = {
  { "another person has signed in",
    "sign in again, under a name of your own (session, ACCS_SESSION)" },
  { "the session is over", "sign in again: accs login" }, -- what the core makes of invalid_grant
  { "no session", "sign in: accs login" },
  { "there is no token yet", "a call, or client.auth:token(), gets one" },
  { "invalid_client", "check IMS_CLIENT_ID and IMS_CLIENT_SECRET",
    "check IMS_CLIENT_ID and IMS_CLIENT_SECRET, and the kind of the credential" },
  { "invalid_scope", "check IMS_SCOPES: the project may lack one, commerce.accs for example" },
  { "unauthorized_client", "check that the credential is of the kind OAuth Server-to-Server, or "
    .. "sign in where it is one for persons: accs login",
    "check that the credential is of the kind OAuth Web App, Single-Page App or Native App" },
  { "invalid_grant", "check that the credential is of the kind OAuth Server-to-Server",
    "begin the sign-in again (accs login): the code is used up or too old, or the redirect URI "
      .. "another" },
}

local KIND_HINTS = {
  network = "check base_url (API_ENDPOINT), ims_url (IMS_URL), the network and the proxy",
  tls = "check the address, ca_file (ACCS_CA_FILE) and the clock of this machine",
  timeout = "raise timeout (ACCS_TIMEOUT), or ask for less at a time",
  decode = "ask again; if it stays so, check base_url (API_ENDPOINT)",
  cache = "check the cache (ACCS_CACHE), of which accs doctor says what is wrong, and lock_timeout",
  too_large = "raise max_body (ACCS_MAX_BODY), or ask for less: fields, a smaller page_size",
}

local PROXY_FAILED = 97 -- of libcurl: what a SOCKS proxy says

local function hint_auth(fields, user)
  local data = fields.response and fields.response.data
  local parameters = type(data) == "table" and data.parameters
  if type(parameters) == "table" and type(parameters.resources) == "string" then
    -- A permission: another token would not help (behaviour of Commerce's RequestValidator).
    local resources = errors.clean(parameters.resources, 200)
    return "give the technical account's role the resource " .. resources
  end
  for _, case in ipairs(IMS_HINTS) do
    if fields.message:find(case[1], 1, true) then
      return user and case[3] or case[2]
    end
  end
  if fields.lacks_scope then
    return "the token lacks the scope commerce.accs: add the Commerce API to the project, and the "
      .. "scope to IMS_SCOPES"
  elseif fields.status == 407 or fields.curl_code == PROXY_FAILED then
    return "check user name and password of the proxy (proxy, ACCS_PROXY, or https_proxy)"
  elseif fields.status == 403 then
    return "check that the project has the Commerce API, and IMS_CLIENT_ID and IMS_ORG_ID"
  end
  return "check IMS_CLIENT_ID, IMS_CLIENT_SECRET, API_ENDPOINT's tenant, scope commerce.accs"
end

local function hint_gateway(fields)
  local status = fields.status or 0
  if status >= 500 then
    return "the service may be down for maintenance: try again later"
  elseif status == 403 then
    return "something in front of the service refused: check base_url (API_ENDPOINT) and firewalls"
  end
  return "check base_url (API_ENDPOINT): this is not an answer of the Commerce API"
end

--- What a reader of the error should check, after the troubleshooting sections of Adobe's guides.
--- Told by kind, status and parameters, never by the words of Commerce, which come translated.
---@param fields table  as for `errors.new`; `curl_code` tells more about network errors
---@param user? boolean  it is about a person's sign-in
---@return string|nil
--- Example: `errors.hint { kind = "network", message = "no such host", curl_code = 6 }`
function errors.hint(fields, user)
  local kind = fields.kind
  if kind == "auth" then
    return hint_auth(fields, user)
  elseif kind == "gateway" then
    return hint_gateway(fields)
  elseif kind == "network" or kind == "tls" or kind == "config" then
    return CURL_HINTS[fields.curl_code] or KIND_HINTS[kind]
  elseif kind == "rate_limited" then
    local wait = fields.retry_after
    return wait and ("wait %.0f s, or let the call wait: timeout (ACCS_TIMEOUT) and "
      .. "max_retry_after (ACCS_MAX_RETRY_AFTER) must be longer than that"):format(wait)
  elseif kind == "timeout" and fields.message:find("no access token", 1, true) then
    return "raise timeout (ACCS_TIMEOUT), or try again later: IMS is slow"
  elseif kind == "http" and fields.status == 404 then
    return "check path and method: a known path with another method is answered like this too"
  end
  return KIND_HINTS[kind]
end

--- What an HTML page says in one line: its title, else the first 200 bytes of its text.
---@param page string
---@return string|nil  nil when it says nothing
--- Example: `errors.page_text("<html><title>503 Backend fetch failed</title>...")`
function errors.page_text(page)
  page = page:sub(1, 65536)
  local text = page:match("<[Tt][Ii][Tt][Ll][Ee][^>]*>(.-)</[Tt][Ii][Tt][Ll][Ee]")
  if not text or not text:find("%S") then
    text = page:gsub("<!%-%-.-%-%->", " ")
    text = text:gsub("<[Ss][Tt][Yy][Ll][Ee].-</[Ss][Tt][Yy][Ll][Ee]>", " ")
    text = text:gsub("<[Ss][Cc][Rr][Ii][Pp][Tt].-</[Ss][Cc][Rr][Ii][Pp][Tt]>", " ")
    text = text:gsub("<[^>]*>", " ")
  end
  text = text:gsub("&(%a+);", { amp = "&", lt = "<", gt = ">", quot = '"', nbsp = " " })
  text = errors.clean(text, 200)
  return text ~= "" and text or nil
end

return errors
