--- Calls that signal more than their end: what a stream remembers until somebody asks.
local streams = {}

-- Remembers what a call signals until somebody asks: whether it has bytes to read ("body") or wants
-- some ("wish", with whether from the start), and its end. At most one of each is outstanding.
local Stream = { keeps = true } -- stays in `waiters` until its end was taken
Stream.__index = Stream

local STREAMING = { outcome = "unknown" } -- what is known of a call that was cancelled meanwhile

function Stream:_told(kind, a, b)
  if kind == "body" then
    self.body = true
  elseif kind == "wish" then
    self.wish, self.from_start = true, a
  else
    self.body, self.wish, self.done, self.a, self.b = nil, nil, true, a, b
  end
  local waiter = self.waiter
  if waiter and self.done then
    self.waiter = nil
    waiter:_told(kind, a, b)
  elseif waiter and not waiter.cancelling then -- then its end follows, and says more
    self.waiter = nil
    waiter:_told(kind, nil, STREAMING)
  end
end

--- Whether `take` has something to give.
---@return boolean
function Stream:ready()
  return self.done or self.body or self.wish or false
end

--- Takes the next signal; the end last.
---@return "body"|"wish"|"done"|nil kind
---@return any a  "wish": whether from the start; "done": the reply
---@return any b  "done": the failure
function Stream:take()
  if self.wish then
    self.wish = nil
    return "wish", self.from_start
  elseif self.body then
    self.body = nil
    return "body"
  elseif self.done then
    return "done", self.a, self.b
  end
end

--- Makes a stream. It is a waiter of accs.engines, and has one itself: `waiter`, told of the next
--- signal.
---@param fields table  of the stream to be
---@return table stream
function streams.new(fields)
  return setmetatable(fields, Stream)
end

return streams
