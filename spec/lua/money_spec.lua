local money = require "accs.money"

describe("an amount", function()
  local cases = {
    { nil, 0 }, { 0, 0 }, { 34, 340000 }, { 34.5, 345000 }, { 0.1, 1000 }, { "34.5000", 345000 },
    { "-12.5", -125000 }, { -2.5, -25000 }, { "1e3", 10000000 }, { "5.", 50000 }, { ".5", 5000 },
    { 1e-9, 0 }, { 0.00005, 1 }, { -0.00005, -1 }, { 0.00004999, 0 }, { "0e999", 0 },
    { 0.1 + 0.2, 3000 }, { 12345678901.2345, 123456789012345 }, { -0.0, 0 },
    { "922337203685477.5807", math.maxinteger }, { 922337203685477, 9223372036854770000 },
  }
  for _, case in ipairs(cases) do
    it("reads " .. tostring(case[1]), function()
      local amount = money.parse(case[1])
      assert.equal("integer", math.type(amount))
      assert.equal(case[2], amount)
    end)
  end

  for _, wrong in ipairs { "", "-", ".", "abc", " 1", "1 ", "0x10", "1,5", "1e", "--1", "1.2.3",
    "nan", "inf", true, {}, 0 / 0, 1 / 0, -1 / 0, "922337203685477.5808", "922337203685477.58075",
    "1e999", 1e15, 1e300, math.maxinteger, math.mininteger } do
    it("refuses " .. tostring(wrong), function()
      local amount, message = money.parse(wrong)
      assert.is_nil(amount)
      assert.is_string(message)
    end)
  end

  it("does not drift, however often it is added", function()
    local sum, cent = 0, money.parse(0.01)
    for _ = 1, 100000 do
      sum = money.add(sum, cent)
    end
    assert.equal("1000.00", money.format(sum, "USD"))
  end)

  it("is what its own text says, for every number of cents", function()
    for cents = -100000, 100000, 7 do
      assert.equal(cents * 100, money.parse(cents / 100))
    end
  end)

  it("refuses to wrap round", function()
    assert.has_error(function() money.add(math.maxinteger, 1) end)
    assert.has_error(function() money.add(math.mininteger, -1) end)
    assert.equal(-1, money.add(math.maxinteger, math.mininteger))
    assert.equal(math.maxinteger, money.add(math.maxinteger - 1, 1))
  end)
end)

describe("an average", function()
  local cases = {
    { 100000, 3, 33333 }, { 5, 2, 3 }, { -5, 2, -3 }, { 4, 2, 2 }, { 1, 3, 0 }, { -1, 3, 0 },
    { 2, 3, 1 }, { -2, 3, -1 }, { 0, 7, 0 }, { math.maxinteger, 1, math.maxinteger },
  }
  for _, case in ipairs(cases) do
    it(string.format("%d / %d is %d", case[1], case[2], case[3]), function()
      assert.equal(case[3], money.divide(case[1], case[2]))
    end)
  end

  it("of nothing is nothing", function()
    assert.is_nil(money.divide(100, 0))
  end)
end)

describe("an amount as text", function()
  local cases = {
    { 345000, "USD", nil, "34.50" }, { -345000, "EUR", nil, "-34.50" }, { 0, "USD", nil, "0.00" },
    { 50, "USD", nil, "0.01" }, { 49, "USD", nil, "0.00" }, { -50, "USD", nil, "-0.01" },
    { -49, "USD", nil, "0.00" }, { 345000, "JPY", nil, "35" }, { -345000, "JPY", nil, "-35" },
    { 5, "KWD", nil, "0.001" }, { 12345, "CLF", nil, "1.2345" }, { 345000, nil, nil, "34.50" },
    { 12345678900, "USD", ",", "1,234,567.89" }, { -1234560000, "JPY", ",", "-123,456" },
    { 9990000, "USD", ",", "999.00" }, { 9999999, "USD", ",", "1,000.00" },
  }
  for _, case in ipairs(cases) do
    it(string.format("%d %s is %s", case[1], tostring(case[2]), case[4]), function()
      assert.equal(case[4], money.format(case[1], case[2], case[3]))
    end)
  end

  it("puts digits into groups of three", function()
    assert.equal("1", money.group("1", ","))
    assert.equal("-1,234", money.group("-1234", ","))
    assert.equal("123 456", money.group("123456", " "))
  end)
end)
