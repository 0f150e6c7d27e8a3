--- Amounts of money as integers, so that sums do not drift.
---
--- An amount is an integer in 1/10000 of the currency's unit, which is what Commerce keeps
--- (`decimal(20,4)`): 34.5 is 345000. JSON numbers are converted by their shortest decimal form,
--- never by multiplication: 0.1 is 1000 and stays 1000 however often it is added.
---
--- ```lua
--- local money = require "accs.money"
--- local sum = 0
--- for order in client:items("/V1/orders") do
---   sum = money.add(sum, assert(money.parse(order.base_grand_total)))
--- end
--- print(money.format(sum, "EUR")) -- such as 1234.50
--- ```
local request = require "accs.request"

local money = {}

--- Units of an amount in one unit of the currency.
money.SCALE = 10000

local DIGITS = 4

-- ISO 4217 currencies that do not have two decimals.
local EXPONENTS = {
  BIF = 0, CLP = 0, DJF = 0, GNF = 0, ISK = 0, JPY = 0, KMF = 0, KRW = 0, PYG = 0, RWF = 0, UGX = 0,
  VND = 0, VUV = 0, XAF = 0, XOF = 0, XPF = 0,
  BHD = 3, IQD = 3, JOD = 3, KWD = 3, LYD = 3, OMR = 3, TND = 3,
  CLF = 4, UYW = 4,
}

-- Sign, digits and the place of the decimal point: "-12.5e1" is "-", "125", 3.
local function split(text)
  local sign, whole, rest = text:match("^([+-]?)(%d*)(.*)$")
  local fraction, exponent = rest:match("^%.(%d*)(.*)$")
  if not fraction then
    fraction, exponent = "", rest
  end
  local power = 0
  if exponent ~= "" then
    power = math.tointeger(tonumber(exponent:match("^[eE]([+-]?%d%d?%d?)$")))
  end
  if not power or whole .. fraction == "" then
    return nil
  end
  return sign, whole .. fraction, #whole + power
end

--- Turns a number of the service into an amount.
---@param value integer|number|string|nil  as JSON gave it: 34, 34.5 or "34.5000"; what is absent,
---  nil or JSON's null, is 0
---@return integer|nil amount  in 1/10000; more decimals than four are rounded half away from zero
---@return string|nil message  what is wrong with the value
--- Example: `money.parse(34.5) --> 345000`, `money.parse("0.00005") --> 1`
function money.parse(value)
  local text = value
  if value == nil or type(value) == "userdata" then
    return 0
  elseif math.type(value) == "integer" then
    text = string.format("%d", value)
  elseif math.type(value) == "float" then
    if value ~= value or value == math.huge or value == -math.huge then
      return nil, "not an amount: " .. tostring(value)
    end
    text = request.number(value)
  elseif type(value) ~= "string" then
    return nil, "not an amount: " .. type(value)
  end
  local sign, digits, point = split(text)
  if not sign then
    return nil, string.format("not an amount: %q", text)
  end
  local amount = 0
  for place = 1, point + DIGITS do
    local digit = math.tointeger(tonumber(digits:sub(place, place))) or 0
    if amount > (math.maxinteger - digit) // 10 then
      return nil, "amount is too large: " .. text
    end
    amount = amount * 10 + digit
    if amount == 0 and place > #digits then
      break -- 0e999
    end
  end
  -- The first digit that is cut off decides: 5 or more means half or more.
  local cut = point + DIGITS + 1
  if cut >= 1 and (tonumber(digits:sub(cut, cut)) or 0) >= 5 then
    if amount == math.maxinteger then
      return nil, "amount is too large: " .. text
    end
    amount = amount + 1
  end
  return sign == "-" and -amount or amount
end

--- Adds two amounts.
---@param a integer  in 1/10000
---@param b integer  in 1/10000
---@return integer
--- Raises when the sum leaves 64 bits (922 trillion units) instead of wrapping round.
--- Example: `money.add(345000, -45000) --> 300000`
function money.add(a, b)
  local sum = a + b
  if (a >= 0) == (b >= 0) and (sum >= 0) ~= (a >= 0) then
    error("the sum of " .. a .. " and " .. b .. " is too large for an amount", 2)
  end
  return sum
end

-- dividend / divisor (> 0), rounded half away from zero, without leaving integers.
local function divide(dividend, divisor)
  local quotient, rest = dividend // divisor, dividend % divisor
  if rest > divisor - rest or (rest == divisor - rest and dividend > 0) then
    quotient = quotient + 1
  end
  return quotient
end

--- Divides an amount by a count, rounded half away from zero: an average.
---@param amount integer  in 1/10000
---@param count integer  more than 0
---@return integer|nil average  nil when there is nothing to divide by
--- Example: `money.divide(100000, 3) --> 33333`
function money.divide(amount, count)
  if count <= 0 then
    return nil
  end
  return divide(amount, count)
end

--- How many decimals a currency has.
---@param currency string|nil  ISO 4217 code; unknown ones and nil have 2
---@return integer
--- Example: `money.exponent("JPY") --> 0`
function money.exponent(currency)
  return EXPONENTS[currency] or 2
end

--- Puts a separator between groups of three digits.
---@param digits string  a whole number
---@param separator string
---@return string
--- Example: `money.group("1234567", ",") --> "1,234,567"`
function money.group(digits, separator)
  local sign, number = digits:match("^(%-?)(%d+)$")
  local head = (#number - 1) % 3 + 1
  return sign .. number:sub(1, head) .. number:sub(head + 1):gsub("%d%d%d", separator .. "%0")
end

--- Writes an amount with the decimals of its currency, rounded half away from zero.
---@param amount integer  in 1/10000
---@param currency string|nil  ISO 4217 code
---@param separator string|nil  put between groups of three digits, e.g. ","
---@return string
--- Example: `money.format(12345678900, "USD", ",") --> "1,234,567.89"`
function money.format(amount, currency, separator)
  local decimals = money.exponent(currency)
  local rounded = divide(amount, math.tointeger(10 ^ (DIGITS - decimals)))
  local text = string.format("%0" .. decimals + 1 .. "d", rounded):gsub("^%-", "")
  text = string.rep("0", decimals + 1 - #text) .. text
  local whole, fraction = text:sub(1, #text - decimals), text:sub(#text - decimals + 1)
  if separator then
    whole = money.group(whole, separator)
  end
  return (rounded < 0 and "-" or "") .. whole .. (decimals > 0 and "." .. fraction or "")
end

return money
