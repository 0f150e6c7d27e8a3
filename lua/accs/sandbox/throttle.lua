--- The rate limit of `--rate N`: at most N calls of the tenant a second, the rest are refused.
local errors = require "accs.sandbox.errors"
local native = require "accs.sandbox.native"

local throttle = {}

---@class accs.sandbox.Throttle
local Throttle = {}
Throttle.__index = Throttle

--- A limit.
---@param rate integer|nil  calls a second; nil: no limit
---@return accs.sandbox.Throttle
--- Example: `local limit = throttle.new(50)`.
function throttle.new(rate)
  return setmetatable({ _rate = rate, _second = 0, _count = 0 }, Throttle)
end

--- Counts a call and refuses it when its second is full.
---@return integer|nil status, string|nil body, table<string, string>|nil headers
--- Example: `local status, body, headers = limit:refuse()`.
function Throttle:refuse()
  if not self._rate then
    return nil
  end
  local second = native.process.now_ms() // 1000
  if second ~= self._second then
    self._second, self._count = second, 0
  end
  self._count = self._count + 1
  if self._count > self._rate then
    local status, body = errors.gateway("429050", "Too many requests")
    return status, body, { ["Retry-After"] = "1" }
  end
end

return throttle
