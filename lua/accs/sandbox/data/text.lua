--- Text that the generator writes itself: JSON strings, UTC dates, amounts as PHP prints them.
local text = {}

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- A JSON string with its quotes.
---@param value string  UTF-8
---@return string
function text.quote(value)
  return '"' .. value:gsub('[%c"\\]', function(char)
    return ESCAPES[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

--- The days of the Gregorian calendar, after Howard Hinnant's "days_from_civil".
---@param year integer
---@param month integer  1 to 12
---@param day integer  1 to 31
---@return integer  days since 1970-01-01
function text.days(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local era = year // 400
  local year_of_era = year - era * 400
  local day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    - 719468
end

---@param days integer  since 1970-01-01
---@return integer year, integer month, integer day
function text.civil(days)
  days = days + 719468
  local era = days // 146097
  local day_of_era = days - era * 146097
  local year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
  local day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
  local shifted = (5 * day_of_year + 2) // 153
  local month = shifted < 10 and shifted + 3 or shifted - 9
  year = year + era * 400
  return month <= 2 and year + 1 or year, month, day_of_year - (153 * shifted + 2) // 5 + 1
end

local day_texts = {} -- days since 1970 -> "YYYY-MM-DD"; a few thousand days at most

--- "YYYY-MM-DD HH:MM:SS" as Commerce prints it, in UTC.
---@param seconds integer  since 1970-01-01 UTC
---@return string
function text.date(seconds)
  local days = seconds // 86400
  local rest = seconds - days * 86400
  local day = day_texts[days]
  if day == nil then
    day = ("%04d-%02d-%02d"):format(text.civil(days))
    day_texts[days] = day
  end
  return ("%s %02d:%02d:%02d"):format(day, rest // 3600, rest // 60 % 60, rest % 60)
end

--- A price inside `custom_attributes`: a string with four decimals.
---@param amount integer  in 1/10000
---@return string
function text.decimal(amount)
  return ("%d.%04d"):format(amount // 10000, amount % 10000)
end

--- A number as PHP prints a float: 34, 34.5.
---@param amount integer  in 1/10000
---@return string
function text.number(amount)
  return (("%d.%04d"):format(amount // 10000, amount % 10000):gsub("%.?0+$", "", 1))
end

return text
