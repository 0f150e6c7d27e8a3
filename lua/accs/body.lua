--- The bodies of a call: data as JSON or as it is, and bodies that are moved in pieces while the
--- call is under way, from a source or into a sink. A download that breaks off is continued.
local core = require "accs.core"
local engines = require "accs.engines"
local errors = require "accs.error"
local json = require "accs.json"
local sinks = require "accs.sink"
local sources = require "accs.source"
local waits = require "accs.waits"

local body = {}

--- The body of a request that is made of data.
---@param method string
---@param data any
---@param raw? boolean  the data is the body itself
---@param codec? { encode: fun(data: any): string }  instead of accs.json
---@return string|nil bytes
---@return string|nil message  what is wrong
--- Raises when this method takes none, or raw data is no string.
--- Example: `body.data("POST", { a = 1 })` gives '{"a":1}'.
function body.data(method, data, raw, codec)
  if method == "GET" or method == "HEAD" then
    errors.misuse(("%s takes no data (it would be ignored); use query"):format(method))
  elseif raw then
    if type(data) ~= "string" then
      errors.misuse(("%s: raw data must be a string, not %s"):format(method, type(data)))
    end
    return data
  elseif not codec then
    return json.encode(data)
  end
  local ok, text, problem = pcall(codec.encode, data)
  if ok and type(text) == "string" then
    return text
  end
  return nil, tostring(ok and problem or text or "the codec gave no text")
end

---@class accs.Exchange  one call with a sink or source; to be closed
---@field call table  the request for the core
---@field sink? accs.Sink
---@field source? accs.Source
---@field validator? string  for If-Range: what tells that the content is still the same
---@field total? integer  bytes of the whole content, where the server said so
---@field resumed? boolean  the answer is to go on where the last one broke off
---@field stop? integer  the offset behind the last byte of the part that is coming
---@field rest? accs.core.Reply  whose rest was taken already
---@field first? accs.core.Reply  the answer that broke off
---@field guard table  of the call under way
---@field sent integer  requests that left
local Exchange = {}
Exchange.__index = Exchange

function Exchange.__close(self)
  for _, name in ipairs { "sink", "source" } do
    local part = self[name]
    self[name] = nil
    if part then
      part:close()
    end
  end
end

--- Opens what a call moves in pieces, and marks the call for the core.
---@param call table  the request for the core, without a body
---@param sink? any  as the option
---@param source? any  as the option
---@return accs.Exchange|nil
---@return table|nil failure  kind `io`: nothing was sent
--- Raises when one of them is of the wrong type, or does not fit the method.
--- Example: `local exchange <close> = assert(body.open(call, "orders.json"))`
function body.open(call, sink, source)
  local method = call.method
  if sink ~= nil and method == "HEAD" then
    errors.misuse "HEAD takes no sink: its answer has no body"
  elseif source ~= nil and (method == "GET" or method == "HEAD") then
    errors.misuse(("%s takes no source (it would be ignored)"):format(method))
  elseif source ~= nil and call.body then
    errors.misuse(("%s: either data or a source, not both"):format(method))
  end
  local failure
  local opened <close> = setmetatable({ call = call }, Exchange)
  if source ~= nil then
    opened.source, failure = sources.open(source)
    if not opened.source then
      return nil, failure
    end
    call.source = opened.source.length or true
    call.replayable = opened.source.replayable
  end
  if sink ~= nil then
    opened.sink, failure = sinks.open(sink)
    if not opened.sink then
      return nil, failure
    end
    call.stream = true
  end
  local exchange = setmetatable({
    call = call, sink = opened.sink, source = opened.source, sent = 0,
  }, Exchange)
  opened.sink, opened.source = nil, nil -- they are the exchange's now
  return exchange
end

--- Whether a call with these can be made a second time: handles and functions have moved on.
---@param sink? any
---@param source? any
---@return boolean
--- Example: `body.reusable("orders.json", nil)` is true.
function body.reusable(sink, source)
  return (sink == nil or type(sink) == "string") and (source == nil or type(source) == "string")
end

-- Moving ------------------------------------------------------------------------------------

-- The headers that decide whether, and how, an answer can be continued.
local HEAD = {
  "etag", "last-modified", "date", "content-encoding", "accept-ranges", "content-range",
  "content-length",
}

local function head_of(reply)
  local values = { n = #HEAD }
  for index, name in ipairs(HEAD) do
    values[index] = reply:header(name)
  end
  return reply:status(), table.unpack(values, 1, values.n)
end

-- What an If-Range may hold (RFC 9110, 13.1.5), or nil when the answer cannot be continued.
local function validator_of(status, etag, modified, date, coding, ranges)
  if status ~= 200 or coding and coding:lower() ~= "identity" or ranges == "none" then
    return nil
  elseif etag and not etag:find("^W/") then
    return etag
  elseif ranges == "bytes" and modified and modified ~= date then
    return modified -- changed at least a second before it was sent (RFC 9110, 8.8.2.2)
  end
end

-- Whether the caller himself asked for a part.
local function asks_for_part(call)
  for name in pairs(call.headers or {}) do
    if name:lower() == "range" then
      return true
    end
  end
  return false
end

local function whole_number(text)
  return text and math.tointeger(tonumber(text:match("^%d+$"))) or nil
end

-- Whether the part goes on where the bytes ended, in the same content: servers have been seen that
-- ignore If-Range. Notes how far it goes.
local function continues(self, etag, modified, _, coding, _, range)
  local from, last, total = (range or ""):match("^bytes (%d+)%-(%d+)/([%d%*]+)$")
  from, last, total = whole_number(from), whole_number(last), whole_number(total)
  if from ~= self.sink.bytes or not last or coding or etag and self.etag and etag ~= self.etag
    or modified and self.modified and modified ~= self.modified
    or total and self.total and total ~= self.total then
    return false
  end
  self.stop, self.total = last + 1, self.total or total
  return true
end

-- Looks at the head of a 2xx before its first bytes go to the sink.
local function look(self, status, ...)
  if self.resumed and status == 206 then
    if continues(self, ...) then
      return true
    end
    return nil, { kind = "decode", outcome = "done", status = status,
      message = "the server sent another part of the content than was asked for" }
  elseif status == 206 and self.call.method == "GET" and not asks_for_part(self.call) then
    return nil, { kind = "decode", outcome = "done", status = status,
      message = "the server sent a part of the content, although the whole was asked for" }
  elseif self.resumed then
    local bytes = self.sink.bytes
    local ok, failure = self.sink:restart()
    if not ok then
      return nil, failure or { kind = "network", outcome = "done", retryable = true,
        message = ("the answer broke off after %d bytes, and cannot be continued since the content "
          .. "has changed"):format(bytes) }
    end
    self.resumed, self.first = nil, nil
  end
  self.validator, self.etag, self.modified = validator_of(status, ...), ...
  self.total = whole_number((select(#HEAD, ...)))
  return true
end

-- The service has said yes, whatever becomes of the bytes.
local function write(self, bytes)
  local ok, failure = self.sink:write(bytes)
  if not ok then
    failure.outcome = "done"
  end
  return ok, failure
end

local function take(self, engine, id)
  if not self.looked then
    local function check(status, ...)
      return not status or look(self, status, ...)
    end
    local ok, failure = check(engine:answer(id, table.unpack(HEAD)))
    if not ok then
      return nil, failure
    end
  end
  local bytes = engine:read(id)
  if not bytes then
    return true -- the attempt has ended meanwhile
  end
  self.looked = true
  return write(self, bytes)
end

local function feed(self, engine, id, from_start)
  local bytes, failure = self.source:read(from_start)
  if failure then
    return nil, failure
  elseif engines.lane(engine).closed then
    return true
  end
  return engine:feed(id, bytes)
end

-- Ends the call for a reason of this side; its end tells how far it had come.
local function give_up(engine, id, failure)
  if not engines.lane(engine).closed then
    engine:cancel(id)
  end
  local kind, reply, ended
  repeat
    kind, reply, ended = waits.await_stream(engine, id)
  until kind == "done"
  failure.attempts = ended and ended.attempts or reply and reply:attempts() or 1
  failure.outcome = failure.outcome or ended and ended.outcome or "done"
  return nil, failure
end

-- Sees one call of the core through.
local function move(self, engine, id)
  local guard <close> = waits.open_stream(engine, id)
  self.guard, self.looked, self.stop = guard, nil, nil
  while true do
    local kind, a, b = waits.await_stream(engine, id)
    local ok, failure
    if kind == "done" then
      return a, b
    elseif kind == "wish" then
      ok, failure = feed(self, engine, id, a)
    else
      ok, failure = take(self, engine, id)
    end
    if not ok then
      return give_up(engine, id, failure)
    end
  end
end

-- Downloads ---------------------------------------------------------------------------------

-- What was received and not read when the call ended goes to the sink as well.
local function take_rest(self, reply)
  if reply == self.rest or reply:size() == 0 and not self.resumed and reply:status() ~= 206 then
    return true
  end
  self.rest = reply
  if not self.looked then
    local ok, failure = look(self, head_of(reply))
    if not ok then
      return nil, failure
    end
  end
  if reply:size() == 0 then
    return true
  end
  return write(self, reply:body())
end

-- Nothing is missing.
local function complete(self, reply)
  local ok, failure = self.sink:finish()
  if ok then
    return self.first or reply
  end
  failure.outcome, failure.attempts = failure.outcome or "done", self.sent
  return nil, failure
end

-- What is wrong with an answer that ended well, and whether the download goes on all the same: a
-- server may send less than the part that it was asked for (RFC 9110, 15.3.7).
local function shortfall(self, reply)
  local ok, failure = take_rest(self, reply)
  local bytes, stop, total = self.sink.bytes, self.stop, self.total
  local goes_on = false
  if ok and stop and bytes ~= stop then
    failure = { kind = "decode", message = "the server sent another number of bytes than it said" }
  elseif ok and stop and total and stop < total then
    goes_on = true
    failure = { kind = "network", retryable = true,
      message = ("the server sent %d of %d bytes"):format(bytes, total) }
  end
  if failure then
    failure.outcome, failure.attempts = failure.outcome or "done", self.sent
  end
  return failure, goes_on
end

-- Whether a refusal of the part says that there is none: all had come before the break.
local function nothing_left(self, reply)
  return self.resumed and reply ~= nil and reply:status() == 416
    and reply:header("content-range") == ("bytes */%d"):format(self.sink.bytes)
end

-- The seconds to wait before a download that broke off is continued; nil where it cannot be.
local function resume_delay(self, failure, limits)
  local call = self.call
  local broke = failure.kind == "network" or failure.kind == "timeout"
  if not broke or call.method ~= "GET" or not self.validator or self.sent >= limits.attempts
    or asks_for_part(call) then
    return nil
  end
  local delay = math.min(limits.backoff * 2 ^ (self.sent - 1), limits.max_backoff) * math.random()
  local left = call.timeout and call.timeout - (core.monotonic() - self.started) or math.huge
  return delay < left and delay or nil
end

-- The request for what is missing.
local function next_request(self, limits)
  local call, bytes = self.call, self.sink.bytes
  local request, headers = {}, {}
  for name, value in pairs(call) do
    request[name] = value
  end
  for name, value in pairs(call.headers or {}) do
    headers[name] = value
  end
  headers["Range"], headers["If-Range"] = ("bytes=%d-"):format(bytes), self.validator
  request.headers = headers
  request.attempts = limits.attempts - self.sent
  if call.timeout then
    request.timeout = math.max(0.001, call.timeout - (core.monotonic() - self.started))
  end
  if call.max_body then
    request.max_body = math.max(1, call.max_body - bytes)
  end
  return request
end

-- What to do after a call that failed: the next request, or nil with the answer and the failure.
local function after_failure(self, reply, failure, limits)
  local partial = reply and reply:status() < 300 and failure.kind ~= "gateway"
  if not partial then
    return nil, reply, failure
  end
  local delay = resume_delay(self, failure, limits)
  if not delay then
    return nil, nil, failure
  end
  local ok, problem = take_rest(self, reply)
  if not ok then
    problem.outcome, problem.attempts = problem.outcome or "done", self.sent
    return nil, nil, problem
  end
  self.first = self.first or reply
  self.resumed = true
  waits.sleep(delay)
  return next_request(self, limits)
end

local function attempts_of(reply, failure)
  if failure then
    return failure.attempts or 0
  end
  return reply:attempts()
end

-- The failure, with the requests of all its parts.
local function with_attempts(failure, attempts)
  local copy = {}
  for name, value in next, failure do
    copy[name] = value
  end
  copy.attempts = attempts
  return copy
end

---@class accs.ExchangeLimits
---@field attempts integer  requests at most
---@field backoff number  seconds
---@field max_backoff number  seconds

--- Performs the call. Errors of the user's functions pass through, and end it.
---@param engine accs.core.Engine
---@param start fun(request: table): integer|nil, table|nil  starts a call of the core
---@param limits accs.ExchangeLimits  of continued downloads
---@return accs.core.Reply|nil reply  of an answer that was continued: the first
---@return table|nil failure
--- Example: `local reply, failure = exchange:run(engine, start, { attempts = 4, ... })`
function Exchange:run(engine, start, limits)
  local request = self.call
  self.started = core.monotonic()
  while request do
    local id, reply, failure
    id, failure = start(request)
    if id then
      reply, failure = move(self, engine, id)
      self.sent = self.sent + attempts_of(reply, failure)
    end
    failure = failure and with_attempts(failure, self.sent)
    if not self.sink then
      return reply, failure
    elseif failure and nothing_left(self, reply) then
      return complete(self)
    end
    if not failure then
      local goes_on
      failure, goes_on = shortfall(self, reply)
      if not failure then
        return complete(self, reply)
      elseif not goes_on then
        return nil, failure
      end
    end
    request, reply, failure = after_failure(self, reply, failure, limits)
    if not request then
      return reply, failure
    end
  end
end

--- What `response` says of a body that went to a sink.
---@return { bytes: integer, attempts: integer, elapsed: number }
--- Example: `response.new(reply, exchange:summary())`
function Exchange:summary()
  return {
    bytes = self.sink.bytes, attempts = self.sent, elapsed = core.monotonic() - self.started,
  }
end

return body
