local dates = require "accs.dates"

describe("a day", function()
  it("agrees with the C library on every day from 1970 to 2100", function()
    for day = 0, dates.parse("2100-12-31") do
      local text = os.date("!%Y-%m-%d", day * 86400)
      assert.equal(text, dates.text(day))
      assert.equal(day, dates.parse(text))
      assert.equal(os.date("!%G-W%V", day * 86400), dates.period(day, "week").label)
    end
  end)

  for _, wrong in ipairs { "2026-02-30", "2025-02-29", "1900-02-29", "2026-13-01", "2026-00-10",
    "2026-01-00", "2026-04-31", "2026-1-1", "20260101", " 2026-01-01", "2026-01-01 ", "",
    "2026-01-01 00:00:00", "heute" } do
    it("is not '" .. wrong .. "'", function()
      local day, message = dates.parse(wrong)
      assert.is_nil(day)
      assert.is_string(message)
    end)
  end

  it("may be the 29th of February in a leap year", function()
    assert.equal("2024-02-29", dates.text(assert(dates.parse("2024-02-29"))))
    assert.equal("2000-02-29", dates.text(assert(dates.parse("2000-02-29"))))
  end)
end)

describe("a moment", function()
  it("is a day and its seconds", function()
    local day, seconds = dates.moment("2026-01-01 23:59:59")
    assert.equal(dates.parse("2026-01-01"), day)
    assert.equal(86399, seconds)
  end)

  for _, wrong in ipairs { "2026-01-01", "2026-01-01 24:00:00", "2026-01-01 00:60:00",
    "2026-01-01T00:00:00", "2026-02-30 00:00:00", "2026-01-01 00:00:00Z" } do
    it("is not '" .. wrong .. "'", function()
      local day, message = dates.moment(wrong)
      assert.is_nil(day)
      assert.is_string(message)
    end)
  end
end)

describe("periods", function()
  local function labels(from, to, by)
    local list = {}
    for index, period in ipairs(dates.periods(dates.parse(from), dates.parse(to), by)) do
      list[index] = period.label
    end
    return table.concat(list, " ")
  end

  it("cover a range without a hole", function()
    for _, by in ipairs(dates.KINDS) do
      local from, to = dates.parse("2023-11-17"), dates.parse("2026-03-05")
      local next_day = from
      for _, period in ipairs(dates.periods(from, to, by)) do
        assert.equal(next_day, period.first)
        for day = period.first, period.last do
          assert.equal(period.label, dates.period(day, by).label)
        end
        next_day = period.last + 1
      end
      assert.equal(to + 1, next_day)
    end
  end)

  it("are named by day, ISO week and month", function()
    assert.equal("2026-02-28 2026-03-01", labels("2026-02-28", "2026-03-01", "day"))
    assert.equal("2026-W01 2026-W02", labels("2025-12-29", "2026-01-05", "week"))
    assert.equal("2025-12 2026-01", labels("2025-12-31", "2026-01-01", "month"))
  end)

  it("of a range that ends before it begins are none", function()
    assert.equal("", labels("2026-01-02", "2026-01-01", "day"))
  end)

  it("are days, weeks or months", function()
    assert.has_error(function() dates.period(0, "year") end,
      "a period is a day, week or month, not 'year'")
  end)
end)
