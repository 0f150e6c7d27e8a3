--- Rate limits: at most so many requests in a window of time, the rest are refused.
local native = require "accs.sandbox.native"

local throttle = {}

---@class accs.sandbox.Throttle
local Throttle = {}
Throttle.__index = Throttle

--- A limit.
---@param rate integer|nil  requests in a window; nil: no limit
---@param window integer  seconds; one begins with the first request after the one before
---@return accs.sandbox.Throttle
--- Example: `local limit = throttle.new(50, 1)`.
function throttle.new(rate, window)
  return setmetatable({ _rate = rate, _window_ms = window * 1000, _end_ms = 0, _count = 0 },
    Throttle)
end

--- Counts a request.
---@return integer|nil  whole seconds until the next window when this one is full
--- Example: `local wait = limit:wait()`.
function Throttle:wait()
  if not self._rate then
    return nil
  end
  local now = native.process.now_ms()
  if now >= self._end_ms then
    self._end_ms, self._count = now + self._window_ms, 0
  end
  self._count = self._count + 1
  if self._count > self._rate then
    return (self._end_ms - now + 999) // 1000
  end
end

return throttle
