--- The client of one tenant: verbs, options of a call, and what becomes of an answer.
local body = require "accs.body"
local confirm = require "accs.confirm"
local core = require "accs.core"
local credentials = require "accs.credentials"
local errors = require "accs.error"
local hooks = require "accs.hooks"
local json = require "accs.json"
local option_types = require "accs.option_types"
local options = require "accs.options"
local request = require "accs.request"
local response = require "accs.response"
local tasks = require "accs.tasks"
local waits = require "accs.waits"

local client = {}

--- A client of one tenant. Its calls return `response` or `nil, err`; they raise only mistakes of
--- the program, such as an unknown option. Inside a task (`accs.spawn`) others go on meanwhile.
---@class accs.Client
---@field base_url string
---@field store? string
---@field page_size integer  rows of a page of a scan
---@field read_only boolean
---@field auth accs.Auth  its credentials and tokens
local Client = {}
Client.__index = Client
Client.__name = "accs.Client"

--- The class, for the methods that `accs` adds (`items`, `pages`), and two functions of the
--- commerce floor: `explain(data, status, context) -> message, hint` and
--- `classify(method, path) -> idempotent`.
client.class = Client
client.explain = function() end
client.classify = function() end

---@class accs.CallOptions
---@field params? table<string, string|number>  for `{name}` in the path, percent-encoded; a
---  missing, empty or unused one, `.` and `..` are an error of kind config
---@field query? table  nested tables become brackets, sorted; `accs.null` leaves a parameter out
---@field fields? string|string[]  for the parameter `fields`
---@field headers? table<string, string>  further ones; none of the client's own
---@field store? string  store view code instead of the client's
---@field timeout? number  seconds of the whole call with its waits and repeats
---@field connect_timeout? number  seconds of name lookup, connect and TLS
---@field idle_timeout? number  seconds in which no byte moves
---@field attempts? integer  requests at most
---@field max_retry_after? number  seconds of the longest wait that the service may ask for
---@field backoff? number  seconds of the longest first wait before a repeat
---@field max_backoff? number  seconds that the doubling of the waits stops at
---@field max_body? integer  bytes of the largest decoded answer
---@field max_headers? integer  bytes of all headers of the answer
---@field idempotent? boolean  whether a repeat is harmless; by default as method and path say
---@field decode? boolean  false: leave `response.data` alone
---@field raw? boolean  true: the data is the body itself, a string
---@field content_type? string  of the body, application/json by default
---@field request_id? string  1 to 128 visible ASCII characters, sent as x-request-id with every
---  attempt; events and errors name it
---@field traceparent? string  W3C Trace Context, passed on: `00-<trace id>-<parent id>-<flags>`
---@field tracestate? string  beside traceparent, passed on
---@field sink? string|file*|fun(bytes: string): any, string?  takes the body of a 2xx as it comes,
---  inflated: a path, an open file or a function; see accs.sink. Then `response` has neither `body`
---  nor `data`, but `bytes`; only `idle_timeout` limits the time unless `timeout` is given, and
---  nothing the size unless `max_body` is
---@field source? string|file*|fun(): string?, string?  what to send instead of data: a path, an
---  open file or a function; see accs.source. The time is limited as for a sink

-- Options of a call with their types; seconds and counts are checked as the client's are.
local CALL_OPTIONS = {
  params = "table", query = "table", fields = "any", headers = "table", store = "text",
  timeout = "seconds", connect_timeout = "seconds", idle_timeout = "seconds",
  attempts = "count", max_retry_after = "seconds",
  backoff = "seconds", max_backoff = "seconds", max_body = "count", max_headers = "count",
  idempotent = "flag", decode = "flag", raw = "flag", content_type = "text",
  request_id = "any", traceparent = "any", tracestate = "any",
  sink = "any", source = "any",
}

-- Those that the core takes as they are, but 0.001 s at least: there 0 means "the client's".
local PASSED_ON = {
  store = true, timeout = true, attempts = true, max_retry_after = true, backoff = true,
  max_backoff = true, max_body = true, max_headers = true, connect_timeout = true,
  idle_timeout = true,
}

local NO_MEMORY = "not enough memory" -- in the words of codecs, and of Lua itself

local METHODS = { GET = true, HEAD = true, DELETE = true, POST = true, PUT = true, PATCH = true }
local NO_OPTIONS = {}

-- The options of a call, checked, and the request for the core with what it takes of them.
local function check_call(method, opts)
  local call = { method = method, path = nil, body = nil, idempotent = nil }
  if opts == nil then
    return NO_OPTIONS, call
  elseif type(opts) ~= "table" then
    errors.misuse(("%s: the options must be a table, not %s"):format(method, type(opts)))
  end
  for name, value in next, opts do
    local kind = CALL_OPTIONS[name]
    if not kind then
      errors.misuse(("%s: %s"):format(method, options.unknown("option", name, CALL_OPTIONS)))
    end
    if kind == "table" then
      if type(value) ~= "table" then
        errors.misuse(("%s: %s must be a table"):format(method, name))
      end
    elseif kind ~= "any" then
      local accepted, expected = option_types.check(kind, value)
      if accepted == nil then
        errors.misuse(("%s: %s must be %s"):format(method, name, expected))
      elseif PASSED_ON[name] then
        call[name] = kind == "seconds" and math.max(value, 0.001) or value
      end
    end
  end
  return opts, call
end

-- Completes the request for the core; nil and what is wrong when that is not possible.
local function build(self, call, path, data, opts)
  local method = call.method
  local filled, problem = request.target(path, opts.params, opts.query, opts.fields)
  if not filled then
    return nil, problem
  end
  call.path = filled
  if opts.headers then
    call.headers, problem = request.headers(opts.headers)
    if not call.headers then
      return nil, problem
    end
  end
  if data ~= nil then
    call.body, problem = body.data(method, data, opts.raw, self._codec)
    if problem then
      return nil, problem == NO_MEMORY and problem
        or "the data cannot be written as JSON: " .. problem
    end
  end
  if data ~= nil or opts.source ~= nil then
    call.content_type = opts.content_type
  end
  if self._request_ids or opts.request_id or opts.traceparent or opts.tracestate then
    problem = require("accs.trace").apply(call, opts, self._request_ids)
    if problem then
      return nil, problem
    end
  end
  if opts.idempotent ~= nil then
    call.idempotent = opts.idempotent
  elseif method ~= "GET" and method ~= "HEAD" then
    call.idempotent = client.classify(method, (filled:match("^[^?]*")))
  end
  return call
end

-- Decodes a body; nil and a message when it is not JSON. An empty one is no data.
local function decode(self, res)
  if not self._codec then
    local data, problem = res._reply:decode()
    if data == nil and problem ~= "empty" then
      return nil, problem
    end
    return data
  elseif res.body == "" then
    return nil
  end
  local ok, data, problem = pcall(self._codec.decode, res.body)
  if ok and data ~= nil then
    return data
  end
  return nil, tostring(ok and problem or data or "the codec gave nothing")
end

-- The address for an error that came without an answer.
local function address(self, path)
  if path:find("^%a+://") then
    return path
  end
  return self.base_url .. (path:sub(1, 1) == "/" and "" or "/") .. path
end

-- Whether the token of the client says of itself that it may not be used here.
local function lacks_scope(self)
  local inner = self.auth._core
  local text = inner and inner:claims("access_token")
  local scope = text and (json.decode(text) or {}).scope
  return type(scope) == "string" and not (" " .. scope .. " "):find("[, ]commerce%.accs[, ]")
end

-- Makes the error of a call: Commerce's own words where it sent some, and a hint.
local function fail(self, call, failure, res)
  local path = call.path:match("^[^?]*")
  local fields = {
    kind = failure.kind, outcome = failure.outcome, status = failure.status or res and res.status,
    retry_after = failure.retry_after, message = failure.message, method = call.method,
    url = res and res.url or core.redact_url((address(self, call.path):gsub("%z", " "))),
    attempts = failure.attempts, retryable = failure.retryable, response = res,
    request_id = res and res.request_id or call.request_id, curl_code = failure.curl_code,
  }
  if failure.kind == "config" then
    fields.url = self.base_url -- the path may be what is wrong
  end
  local message, hint
  if res and failure.kind == "gateway" then
    local page = errors.page_text(res.body)
    message = page and ("an answer that is not of the API: %s"):format(page)
  elseif res and res.data ~= nil then
    message, hint = client.explain(res.data, res.status,
      { method = call.method, path = path, kind = failure.kind, body = call.body })
  end
  if message and self._core then -- what a service says may repeat what it was sent
    message = self._core:redact((message:gsub("%z", " ")))
  end
  fields.message = message or failure.message
  fields.lacks_scope = res ~= nil and failure.kind == "auth" and lacks_scope(self)
  fields.hint = hint or errors.hint(fields, self._user)
  fields.lacks_scope = nil
  fields.curl_code = nil
  return errors.new(fields)
end

-- What becomes of an answer: response | nil, err. With a summary its body went to a sink.
local function conclude(self, call, opts, reply, failure, summary)
  local res = reply and response.new(reply, not failure and summary or nil)
  if failure then
    if res and failure.kind ~= "gateway" and call.method ~= "HEAD" then
      res.data = decode(self, res)
    end
    -- A repeat that finds nothing to delete: an earlier attempt may have done it. Where none can
    -- have (all were refused, by 401 or 429), the outcome is "refused".
    if failure.kind == "http" and failure.status == 404 and failure.outcome == "unknown"
      and call.method == "DELETE" then
      res.data = true
      return res
    end
    return nil, fail(self, call, failure, res)
  end
  if opts.decode ~= false and not summary and call.method ~= "HEAD" then
    local data, problem = decode(self, res)
    if problem then
      self._unreadable = (self._unreadable or 0) + 1
      return nil, fail(self, call, {
        kind = problem == NO_MEMORY and "memory" or "decode", outcome = "done",
        status = res.status, attempts = res.attempts,
        retryable = call.method == "GET", message = "the answer is not readable JSON: " .. problem,
      }, res)
    end
    res.data = data
  end
  return res
end

-- A call whose bodies are moved in pieces: response | nil, err.
local function exchange(self, call, opts)
  local opened <close>, problem = body.open(call, opts.sink, opts.source)
  if not opened then
    return nil, fail(self, call, problem)
  end
  local function start(part)
    if not self._core then
      return nil, { kind = "closed", message = "the client is closed" }
    end
    return self._core:start(part)
  end
  local reply, failure = opened:run(self._engine, start, {
    attempts = call.attempts or self._repeats.attempts,
    backoff = call.backoff or self._repeats.backoff,
    max_backoff = call.max_backoff or self._repeats.max_backoff,
  })
  return conclude(self, call, opts, reply, failure, opts.sink ~= nil and opened:summary() or nil)
end

-- Sends a request that is complete.
local function send(self, call, opts)
  if not self._core then
    return nil, fail(self, call, { kind = "closed", message = "the client is closed" })
  end
  local res, err
  if opts.sink ~= nil or opts.source ~= nil then
    res, err = exchange(self, call, opts)
  else
    local id, failure = self._core:start(call)
    if not id then
      return nil, fail(self, call, failure)
    end
    res, err = conclude(self, call, opts, waits.await(self._engine, id))
  end
  if err and err.outcome == "unknown" and call.method ~= "GET" and call.method ~= "HEAD" then
    local kept = {} -- the caller may change his own
    for name, value in next, opts do
      kept[name] = value
    end
    confirm.keep(err, self._mark, body.reusable(opts.sink, opts.source) and function(same_client)
      return send(same_client, call, kept)
    end or nil)
  end
  return res, err
end

local function perform(self, method, path, data, opts)
  local call, problem
  opts, call = check_call(method, opts)
  call, problem = build(self, call, path, data, opts)
  if not call then
    return nil, errors.new {
      kind = problem == NO_MEMORY and "memory" or "config", message = problem, method = method,
      url = self.base_url,
    }
  end
  return send(self, call, opts)
end

--- Reads. Repeated by itself when the connection or the service fails for a moment.
---@param path string  on the tenant, such as "/V1/orders"; `{name}` is filled from `opts.params`
---@param opts? accs.CallOptions
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example:
---     local res = assert(client:get("/V1/products/{sku}", {
---       params = { sku = "24-MB01/X" }, fields = "sku,price", store = "default",
---     }))
---     print(res.data.price)
function Client:get(path, opts)
  return perform(self, "GET", path, nil, opts)
end

--- Asks for status and headers alone; `response.data` is nil. Commerce itself answers most paths
--- with 405.
---@param path string
---@param opts? accs.CallOptions
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example: `local res, err = client:head("/V1/store/storeConfigs")`
function Client:head(path, opts)
  return perform(self, "HEAD", path, nil, opts)
end

--- Deletes. A repeat that is answered 404 counts as success: `status` is 404, `data` is true.
---@param path string
---@param opts? accs.CallOptions
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example: `assert(client:delete("/V1/products/{sku}", { params = { sku = "old" } }))`
function Client:delete(path, opts)
  return perform(self, "DELETE", path, nil, opts)
end

--- Sends data. Not repeated unless it surely was not acted on; `err.outcome` tells what is known.
---@param path string
---@param data any  a table or scalar, sent as JSON; nil: no body; with `raw = true` the body itself
---@param opts? accs.CallOptions
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example: `assert(client:post("/V1/products", { product = { sku = "new", price = 10 } }))`
function Client:post(path, data, opts)
  return perform(self, "POST", path, data, opts)
end

--- Replaces. Repeated like a read, unless the path is known to do its work again each time.
---@param path string
---@param data any  as for `post`
---@param opts? accs.CallOptions
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example:
---     assert(client:put("/V1/products/{sku}", { product = { price = 11 } },
---       { params = { sku = "new" } }))
function Client:put(path, data, opts)
  return perform(self, "PUT", path, data, opts)
end

--- Changes a part. Not repeated unless it surely was not acted on.
---@param path string
---@param data any  as for `post`
---@param opts? accs.CallOptions
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example: `client:patch("/V1/x/{id}", { name = "y" }, { params = { id = 7 } })`
function Client:patch(path, data, opts)
  return perform(self, "PATCH", path, data, opts)
end

--- Any of the above, from one table: method, path, data, and the options of a call.
---@param call { method: string, path: string, data?: any, [string]: any }
---@return accs.Response|nil response
---@return accs.Error|nil err
--- Example: `client:request { method = "GET", path = "/V1/orders/5", timeout = 20 }`
function Client:request(call)
  if type(call) ~= "table" then
    errors.misuse(("request: a table is needed, not %s"):format(type(call)))
  end
  local opts = {}
  for name, value in pairs(call) do
    opts[name] = value
  end
  opts.method, opts.path, opts.data = nil, nil, nil
  local method = type(call.method) == "string" and call.method:upper()
  if not METHODS[method] then
    errors.misuse("request: method must be GET, HEAD, POST, PUT, PATCH or DELETE")
  end
  return perform(self, method, call.path, call.data, opts)
end

--- Settles a write that ended with outcome `unknown`: calls your look-up, and sends the write
--- again only when that says that it surely did not happen. Nothing is sent again when the look-up
--- fails, and never more than once for one error. An error with another outcome, or of a read,
--- comes back as it is, so there is no need to ask for the outcome before.
---@param err accs.Error  of a call of this client
---@param probe fun(client: accs.Client, err: accs.Error): any, any  makes calls of its own. What it
---  returns: a true value, where the write is found; `false`, where it surely did not happen; nil
---  and a problem, where that cannot be told. Nothing, nil alone, and a raised error object count
---  as not told
---@return any result  what the probe found, or the response of the write that was sent again
---@return accs.Error|nil err  of the write, with the problem of the look-up as `cause`; or of the
---  write that was sent again. With outcome `unknown` it may be given to `confirm` once more
---@return "found"|"repeated"|nil how
--- Raises when `err` is no error object or one of another client, and what the probe raises.
--- Example:
---     local response, err = client:post("/V1/products", { product = {
---       sku = "new", name = "Bag", price = 10, attribute_set_id = 4,
---     } })
---     if not response then
---       local found, problem, how = client:confirm(err, function(self)
---         local there, why = self:get("/V1/products/{sku}", { params = { sku = "new" } })
---         if not there and why.status == 404 then return false end -- surely not
---         return there, why
---       end)
---       print(found, problem, how)
---     end
function Client:confirm(err, probe)
  if not errors.is(err) then
    errors.misuse(("confirm: an error object of accs is needed, not %s"):format(type(err)))
  end
  tasks.check_callable(probe, "confirm: the second argument")
  return confirm.run(self, self._mark, err, probe)
end

--- Makes every call of this client wait at least so long from now.
---@param seconds number  from 0
--- Example: `client:throttle(30)`
function Client:throttle(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 1e9) then
    errors.misuse("throttle: a number of seconds from 0 to 1e9 is needed")
  end
  if self._core then
    self._core:throttle(seconds)
  end
end

--- What the client did since it was made: calls, requests, bytes, connections, latency. A closed
--- client tells what it was at its end.
---@return accs.Stats
--- Example:
---     local stats = client:stats()
---     print(stats.ended.ok, stats.retries, stats.latency.p99)
function Client:stats()
  return require("accs.stats").read(self)
end

local function close(self)
  local inner = self._core
  self._core = nil
  if inner then
    inner:close()
  end
end

--- Closes the client; its calls in flight end with kind `cancelled`. Its `auth` is closed as well,
--- unless it is a session that was given to it. A second time does nothing.
--- `local client <close> = accs.client{}` and the collector do the same.
--- Example: `client:close()`
function Client:close()
  if self._core then
    self._final = self._core:stats()
    close(self)
    if self._owns_auth then
      credentials.close(self.auth)
    end
  end
end

Client.__close = Client.close
Client.__gc = close

function Client:__tostring()
  return ("accs.Client: %s%s"):format(self.base_url, self._core and "" or " (closed)")
end

-- What the core takes; the rest belongs to this floor.
local CORE_OPTIONS = {
  "base_url", "org_id", "store", "user_agent", "ca_file", "proxy", "no_proxy", "client_cert",
  "client_key", "client_key_password", "pin", "min_tls", "ip_version", "http_version",
  "connect_timeout", "idle_timeout", "timeout", "max_retry_after", "attempts", "backoff",
  "max_backoff", "retry_budget", "retry_budget_min", "max_concurrency", "fixed_concurrency",
  "max_body", "max_headers", "read_only",
}

-- The credentials of a client: those of the options, or a session that it was given.
local function find_auth(values, sources)
  local auth = values.auth
  if type(auth) == "string" then
    local made, err = credentials.open(values, sources, { user = auth == "user", quiet = true })
    return made or error(err, 0)
  elseif not auth._core then
    error(errors.new { kind = "closed", message = "the option auth: that session is closed" }, 0)
  elseif values.engine and values.engine ~= auth._engine then
    error(errors.new { message = "the option engine: the session in auth has another one" }, 0)
  end
  return auth
end

--- Makes a client. Reads the environment and `.env`, and does no other I/O. Options win over the
--- environment, that over `.env`; accs.options lists them all.
---
--- Raises an accs.Error (kind `config` for a mistake in the options, which prints as one line):
--- unknown option, wrong type, missing credential, plain http to another machine, or a secret that
--- would go to an address which a weaker source names.
---@param given? table<string, any>  see accs.options
---@return accs.Client
--- Example:
---     local client <close> = accs.client {
---       base_url = "https://na1.api.commerce.adobe.com/example-tenant", -- or API_ENDPOINT
---       client_id = "example", client_secret = "not-a-secret",       -- or IMS_CLIENT_ID, ...
---       store = "default",
---     }
function client.new(given)
  if given ~= nil and type(given) ~= "table" then
    errors.misuse(("accs.client: the options must be a table, not %s"):format(type(given)))
  end
  local values, sources = options.resolve(given or {})
  local listeners = hooks.listeners(values, sources)
  local auth = find_auth(values, sources)
  local inner = { events = listeners[1] ~= nil, auth = auth._core }
  for _, name in ipairs(CORE_OPTIONS) do
    inner[name] = values[name]
  end
  local engine = auth._engine
  local made, failure = core.client(engine, inner)
  if not made then
    error(errors.new(failure), 0)
  end
  return setmetatable({
    base_url = values.base_url:gsub("/+$", ""), store = values.store, page_size = values.page_size,
    read_only = values.read_only, _mark = {}, _core = made, _engine = engine,
    auth = auth, _owns_auth = auth ~= values.auth, _user = auth._core:state().user,
    _codec = values.codec or false, -- false: a look-up that fails goes on to the class
    _request_ids = values.request_ids or false, _repeats = {
      attempts = values.attempts, backoff = values.backoff, max_backoff = values.max_backoff,
    },
    _hook = listeners[1] and hooks.observe(engine, made:handle(), table.unpack(listeners)) or nil,
  }, Client)
end

return client
