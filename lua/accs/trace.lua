--- What connects a call with the records of others: its request id, and the trace of W3C's Trace
--- Context that it belongs to. Pure checks; values often come from outside, so what is wrong with
--- one is returned.
local core = require "accs.core"
local errors = require "accs.error"

local trace = {}

local REQUEST_ID_MAX = 128 -- bytes, as in accs.h
local STATE_MAX, STATE_MEMBERS = 512, 32 -- Trace Context, 3.3.1.5 and 3.3.1.1

local function check_type(name, value)
  if value ~= nil and type(value) ~= "string" then
    errors.misuse(("%s must be a string, not %s"):format(name, type(value)))
  end
end

-- Version 00 of the header, field by field; what a later one may add cannot be checked.
local function parent_problem(text)
  local trace_id, parent_id = text:match("^00%-(%x+)%-(%x+)%-%x%x$")
  if not trace_id or #trace_id ~= 32 or #parent_id ~= 16 or text:find("%u") then
    return "traceparent must be 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, in lower case"
  elseif not trace_id:find("[^0]") or not parent_id:find("[^0]") then
    return "traceparent has an id that is all zeros"
  end
end

local function state_problem(text)
  local members = 0
  for member in (text .. ","):gmatch("([^,]*),") do
    member = member:match("^[ \t]*(.-)[ \t]*$")
    if member ~= "" then
      local key, value = member:match("^([%l%d][%l%d_%-%*/@]*)=([\x20-\x7E]*)$")
      if not key or #key > 256 or #value > 256 or value == "" or value:find("=", 1, true) then
        return "tracestate must be a list of key=value, separated by commas"
      end
      members = members + 1
    end
  end
  if #text > STATE_MAX or members > STATE_MEMBERS then
    return ("tracestate is longer than %d bytes or %d entries"):format(STATE_MAX, STATE_MEMBERS)
  end
end

local function id_problem(text)
  if #text == 0 or #text > REQUEST_ID_MAX or text:find("[^\x21-\x7E]") then
    return ("request_id must be 1 to %d visible ASCII characters"):format(REQUEST_ID_MAX)
  end
end

-- What is wrong with the values of a call, or nil.
local function problem_of(opts)
  local parent, state = opts.traceparent, opts.tracestate
  if state and not parent then
    return "tracestate needs a traceparent"
  end
  return opts.request_id and id_problem(opts.request_id)
    or parent and parent_problem(parent)
    or state and state_problem(state)
    or nil
end

--- Puts request id and trace of a call into its request for the core.
---@param call table  as for `accs.core`'s Client:start
---@param opts accs.CallOptions
---@param make_id boolean  a call without an id gets a random one
---@return string|nil problem  what is wrong with the values
--- Raises when one is not a string.
--- Example: `local problem = trace.apply(call, { request_id = "order-5" }, false)`
--- See: W3C, Trace Context, sections 3.2 and 3.3.
function trace.apply(call, opts, make_id)
  check_type("request_id", opts.request_id)
  check_type("traceparent", opts.traceparent)
  check_type("tracestate", opts.tracestate)
  local problem = problem_of(opts)
  if problem then
    return problem
  end
  call.request_id = opts.request_id or make_id and core.random_id() or nil
  if opts.traceparent then
    call.headers = call.headers or {}
    call.headers.traceparent = opts.traceparent
    call.headers.tracestate = opts.tracestate
  end
end

return trace
