--- When the orders come in: two years with seasons, weekdays, hours and growth.
local text = require "accs.sandbox.data.text"

local calendar = {}

--- Orders are placed from 2024-07-01 00:00:00 to 2026-06-30 23:59:59 UTC; nothing in the data is
--- later than that, whatever the clock says, so that a seed gives the same shop for ever.
---@type integer
calendar.first = text.days(2024, 7, 1) * 86400
---@type integer
calendar.last = text.days(2026, 7, 1) * 86400 - 1

local MONTHS = { 82, 78, 88, 90, 95, 92, 86, 84, 93, 99, 148, 165 }
local WEEKDAYS = { 108, 96, 94, 99, 112, 104, 117 } -- Monday first
local HOURS = { 22, 12, 7, 5, 5, 8, 16, 30, 44, 55, 60, 62, 66, 64, 61, 60, 62, 66, 72, 82, 88, 80,
  60, 38 }

local DAYS <const> = (calendar.last + 1 - calendar.first) // 86400

--- Months since the first one.
---@param seconds integer
---@return integer
function calendar.month(seconds)
  local year, month = text.civil(seconds // 86400)
  return (year - 2024) * 12 + month - 7
end

-- A second of the day from a point between 0 and 1, in 1/2^20, along the hours' weights.
local function second_of_day(point)
  local total = 0
  for _, weight in ipairs(HOURS) do
    total = total + weight
  end
  local place = point * total * 3600 >> 20
  for hour, weight in ipairs(HOURS) do
    if place < weight * 3600 then
      return (hour - 1) * 3600 + place // weight
    end
    place = place - weight * 3600
  end
  return 86399
end

--- The times of `count` orders, in order.
---@param count integer
---@param rng accs.sandbox.Random
---@return fun(): integer?  seconds since 1970, `count` times
function calendar.times(count, rng)
  local first_day = calendar.first // 86400
  local sums, total = { [0] = 0 }, 0
  for day = 1, DAYS do
    local _, month = text.civil(first_day + day - 1)
    local weekday = (first_day + day + 2) % 7 + 1 -- 1970-01-01 was a Thursday
    total = total + MONTHS[month] * WEEKDAYS[weekday] * (1000 + day)
    sums[day] = total
  end
  local day, place, today = 0, 0, 0
  return function()
    while place >= today do
      if day == DAYS then
        return nil
      end
      day, place = day + 1, 0
      -- count is a million at most and the sum about 10^10: the product stays below 2^63.
      today = count * sums[day] // total - count * sums[day - 1] // total
    end
    place = place + 1
    local point = ((place - 1 << 20) + rng:int(0, (1 << 20) - 1)) // today
    return (first_day + day - 1) * 86400 + second_of_day(point)
  end
end

return calendar
