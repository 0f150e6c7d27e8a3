--- Days, ISO weeks and months, all in UTC as Commerce keeps its times.
---
--- A day is an integer: the days since 1970-01-01. So the next day is `day + 1`, and days compare.
---
--- ```lua
--- local dates = require "accs.dates"
--- local first = assert(dates.parse("2026-01-01"))
--- for _, week in ipairs(dates.periods(first, first + 13, "week")) do
---   print(week.label, dates.text(week.first), dates.text(week.last))
--- end
--- ```
local dates = {}

-- Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the
-- leap day is the last of its year.
local function from_civil(year, month, day)
  local shifted = month <= 2 and year - 1 or year
  local era = shifted // 400
  local year_of_era = shifted - era * 400
  local day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  local day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
  return era * 146097 + day_of_era - 719468
end

local function to_civil(number)
  local shifted = number + 719468
  local era = shifted // 146097
  local day_of_era = shifted - era * 146097
  local year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524
    - day_of_era // 146096) // 365
  local day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
  local march_month = (5 * day_of_year + 2) // 153
  local month = (march_month + 2) % 12 + 1
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return year, month, day_of_year - (153 * march_month + 2) // 5 + 1
end

--- Reads a day.
---@param text string  `YYYY-MM-DD`, nothing around it
---@return integer|nil day  days since 1970-01-01
---@return string|nil message  what is wrong; 2026-02-30 is refused, not moved on to March
--- Example: `dates.parse("2026-01-01") --> 20454`
function dates.parse(text)
  local year, month, day = tostring(text):match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  if not year then
    return nil, string.format("'%s' is not a date, which is written YYYY-MM-DD", text)
  end
  local number = from_civil(math.tointeger(year), math.tointeger(month), math.tointeger(day))
  if dates.text(number) ~= text then
    return nil, string.format("there is no day %s", text)
  end
  return number
end

--- Writes a day as `YYYY-MM-DD`.
---@param day integer  days since 1970-01-01
---@return string
--- Example: `dates.text(20454) --> "2026-01-01"`
function dates.text(day)
  return string.format("%04d-%02d-%02d", to_civil(day))
end

--- Reads a moment as Commerce writes it.
---@param text string  `YYYY-MM-DD HH:MM:SS`, UTC
---@return integer|nil day  days since 1970-01-01
---@return integer|string seconds  since the day began, or what is wrong
--- Example: `dates.moment("2026-01-01 00:01:00") --> 20454, 60`
function dates.moment(text)
  local date, hour, minute, second = tostring(text):match("^(%S+) (%d%d):(%d%d):(%d%d)$")
  local day = date and dates.parse(date)
  if not day or hour > "23" or minute > "59" or second > "59" then
    return nil, string.format("'%s' is not a time, which is written YYYY-MM-DD HH:MM:SS", text)
  end
  return day, math.tointeger(hour) * 3600 + math.tointeger(minute) * 60 + math.tointeger(second)
end

--- A stretch of days with a name.
---@class accs.Period
---@field label string  `2026-01-31`, `2026-W05` or `2026-01`
---@field first integer  first day
---@field last integer  last day

-- The period that a day belongs to, by kind.
local CUT = {
  day = function(day)
    return { label = dates.text(day), first = day, last = day }
  end,

  -- ISO 8601: a week begins on Monday and belongs to the year that holds its Thursday.
  week = function(day)
    local first = day - (day + 3) % 7 -- day 0 was a Thursday
    local year = to_civil(first + 3)
    local week = (first + 3 - from_civil(year, 1, 1)) // 7 + 1
    return { label = string.format("%04d-W%02d", year, week), first = first, last = first + 6 }
  end,

  month = function(day)
    local year, month = to_civil(day)
    local next_year, next_month = month == 12 and year + 1 or year, month % 12 + 1
    return {
      label = string.format("%04d-%02d", year, month),
      first = from_civil(year, month, 1),
      last = from_civil(next_year, next_month, 1) - 1,
    }
  end,
}

--- The names of the periods that there are.
dates.KINDS = { "day", "week", "month" }

--- The period that a day belongs to.
---@param day integer  days since 1970-01-01
---@param by "day"|"week"|"month"
---@return accs.Period
--- Raises on another `by`.
--- Example: `dates.period(dates.parse("2026-01-31"), "week").label --> "2026-W05"`
function dates.period(day, by)
  local cut = CUT[by] or error(string.format("a period is a day, week or month, not '%s'", by), 2)
  return cut(day)
end

--- All periods from one day to another, so that those without data can be shown as well.
---@param from integer  first day
---@param to integer  last day, included
---@param by "day"|"week"|"month"
---@return accs.Period[]  in order; the first and the last are cut to the range
--- Example: `#dates.periods(dates.parse("2026-01-31"), dates.parse("2026-03-01"), "month") --> 3`
function dates.periods(from, to, by)
  local list = {}
  local day = from
  while day <= to do
    local period = dates.period(day, by)
    day = period.last + 1
    period.first, period.last = math.max(period.first, from), math.min(period.last, to)
    list[#list + 1] = period
  end
  return list
end

return dates
