local verdict = require "accs.verdict"

local function rows(...)
  local list = {}
  for index, id in ipairs { ... } do
    list[index] = { id = id }
  end
  return list
end

-- A scan of pages with their announced counts; the verdict of its end.
local function scan(names, ascending, ...)
  local tally = verdict.tally(names, ascending)
  for _, page in ipairs { ... } do
    tally:announce(page.total)
    tally.delivered = tally.delivered + #tally:page(page)
  end
  return tally:verdict("end")
end

local function page(total, ...)
  local list = rows(...)
  list.total = total
  return list
end

describe("a verdict", function()
  for _, ascending in ipairs { true, false } do
    local names = ascending and " (by key)" or " (in another order)"

    it("is good when all that was announced came" .. names, function()
      local result = scan({ "id" }, ascending, page(4, 1, 2), page(4, 3, 4))
      assert.same({ method = "page", announced = 4, delivered = 4, duplicates = 0, gaps = 0,
        complete = true }, result)
    end)

    it("counts a row that came again once" .. names, function()
      local result = scan({ "id" }, ascending, page(3, 1, 2), page(3, 2, 3))
      assert.equal(3, result.delivered)
      assert.equal(1, result.duplicates)
      assert.is_true(result.complete)
    end)

    it("suspects a gap when fewer came than were announced" .. names, function()
      local result = scan({ "id" }, ascending, page(4, 1, 2), page(4, 4))
      assert.equal(1, result.gaps)
      assert.is_false(result.complete)
      assert.truthy(result.reason:find("1 rows may be missing", 1, true))
    end)

    it("suspects a gap when the count falls" .. names, function()
      local result = scan({ "id" }, ascending, page(5, 1, 2), page(4, 4, 5))
      assert.equal(1, result.gaps)
      assert.is_false(result.complete)
    end)

    it("takes a count that grows" .. names, function()
      local result = scan({ "id" }, ascending, page(3, 1, 2), page(4, 3, 4))
      assert.equal(0, result.gaps)
      assert.is_true(result.complete)
    end)
  end

  it("keeps no list of keys when the rows come by key", function()
    local tally = verdict.tally({ "id" }, true)
    tally:page(rows(1, 2, 3))
    assert.is_nil(next(tally.seen))
  end)

  it("knows a key as number and as text", function()
    assert.equal(1, scan({ "id" }, false, page(1, 7), page(1, "7")).duplicates)
  end)

  it("knows a key of two parts", function()
    local tally = verdict.tally({ "sku", "source_code" }, false)
    local fresh = tally:page { { sku = "a", source_code = "x" }, { sku = "a", source_code = "y" },
      { sku = "a", source_code = "x" } }
    assert.equal(2, #fresh)
  end)

  it("does not vouch for rows that left their order", function()
    local result = scan({ "id" }, true, page(3, 1, 3, 2))
    assert.is_false(result.complete)
    assert.truthy(result.reason:find("order", 1, true))
  end)

  it("passes on rows without a key", function()
    assert.equal(2, scan({}, false, page(2, 1, 1)).delivered)
  end)

  it("of several scans is good when all are", function()
    local good = scan({ "id" }, true, page(1, 1))
    local bad = scan({ "id" }, true, page(2, 1))
    local unknown = scan({ "id" }, true, page(nil, 1))
    assert.is_true(verdict.join({ good, good }).complete)
    assert.equal(2, verdict.join({ good, good }).delivered)
    assert.is_false(verdict.join({ good, bad }).complete)
    assert.equal(bad.reason, verdict.join({ good, bad }).reason)
    assert.is_falsy(verdict.join({ good, unknown }).announced)
  end)
end)
