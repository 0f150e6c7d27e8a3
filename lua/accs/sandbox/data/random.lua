--- Numbers for the generated shop: the same on every machine, for ever.
--
-- SplitMix64 in Lua's integers (Steele, Lea, Flood: "Fast splittable pseudorandom number
-- generators", 2014). Each thing (product 17, order 4711) has a stream of its own, made from
-- the seed, a domain and an index, so any of them can be computed without the ones before it
-- and nothing needs to be kept in memory.
---@class accs.sandbox.Random
---@field _state integer
local Random = {}
Random.__index = Random

local random = {}

local GAMMA <const> = 0x9E3779B97F4A7C15

---@param z integer
---@return integer
local function mix(z)
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

--- A stream of numbers.
---@param seed integer  of the whole shop
---@param domain integer  a constant for each kind of thing
---@param index integer  which one
---@return accs.sandbox.Random
function random.stream(seed, domain, index)
  return setmetatable({ _state = mix(mix(seed + GAMMA) + mix(domain * GAMMA) + index) }, Random)
end

--- A whole number from low to high, both included.
---@param low integer
---@param high integer  not below low
---@return integer
function Random:int(low, high)
  local state = self._state + GAMMA
  self._state = state
  state = (state ~ (state >> 30)) * 0xBF58476D1CE4E5B9
  state = (state ~ (state >> 27)) * 0x94D049BB133111EB
  -- The upper bits, made non-negative; the bias of the modulus is below 1 in 2^40 here.
  return low + ((state ~ (state >> 31)) >> 1) % (high - low + 1)
end

--- True in `share` of 1,000 cases.
---@param share integer  0 to 1,000
---@return boolean
function Random:chance(share)
  return self:int(1, 1000) <= share
end

--- An element of a list.
---@generic T
---@param list T[]
---@return T
function Random:pick(list)
  return list[self:int(1, #list)]
end

--- An index of a list of weights, each as often as its weight says.
---@param weights integer[]
---@return integer
function Random:weighted(weights)
  local total = 0
  for i = 1, #weights do
    total = total + weights[i]
  end
  local point = self:int(1, total)
  for i = 1, #weights do
    point = point - weights[i]
    if point <= 0 then
      return i
    end
  end
  return #weights
end

return random
