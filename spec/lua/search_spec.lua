local accs = require "accs"
local search = require "accs.search"

-- The first filter that is sent.
local function filter(value)
  return value:query().searchCriteria.filter_groups[1].filters[1]
end

describe("a search", function()
  it("that says nothing still sends its parameter", function()
    assert.same({ searchCriteria = "" }, accs.search():query())
  end)

  it("is a value: a method changes nothing but its result", function()
    local base = accs.search():where("status", "eq", "pending"):sort("entity_id")
    local before = base:query()
    local more = base:where("a", "eq", 1):any({ "b", "eq", 1 }, { "c", "eq", 2 }):sort("x", "DESC")
      :page_size(7):page(3):fields("sku")
    assert.same(before, base:query())
    assert.equal(3, #more:query().searchCriteria.filter_groups)
  end)

  it("shows a copy of what is sent", function()
    local base = accs.search():where("a", "eq", 1):sort("b")
    local shown = base:query()
    shown.searchCriteria.filter_groups[1].filters[1].value = "changed"
    shown.searchCriteria.sortOrders[1].field = "changed"
    assert.equal("1", filter(base).value)
    assert.equal("b", base:query().searchCriteria.sortOrders[1].field)
  end)

  it("ANDs what where adds, and ORs what any holds", function()
    local groups = accs.search():where("a", "gt", 1):any({ "b", "eq", 2 }, { "c", "lt", 3 }):query()
      .searchCriteria.filter_groups
    assert.same({
      { filters = { { field = "a", condition_type = "gt", value = "1" } } },
      { filters = { { field = "b", condition_type = "eq", value = "2" },
        { field = "c", condition_type = "lt", value = "3" } } },
    }, groups)
  end)

  local sent = {
    { "eq", "text", "text" }, { "eq", 5, "5" }, { "eq", 10.5, "10.5" }, { "eq", 34.0, "34" },
    { "eq", 0.1, "0.1" }, { "eq", true, "1" }, { "eq", false, "0" }, { "neq", "", "" },
    { "gt", 123456789012345, "123456789012345" }, { "from", "2026-01-01 00:00:00",
      "2026-01-01 00:00:00" },
    { "like", "%bag%", "%bag%" }, { "in", { 1, 2, "x" }, "1,2,x" }, { "nin", "a", "a" },
    { "finset", 7, "7" },
  }
  for _, case in ipairs(sent) do
    it(("sends %s %s as %s"):format(case[1], tostring(case[2]), case[3]), function()
      local one = filter(accs.search():where("field", case[1], case[2]))
      assert.equal(case[3], one.value)
      assert.equal(case[1], one.condition_type)
    end)
  end

  it("sends moreq, which the service takes for eq, as gteq", function()
    assert.equal("gteq", filter(accs.search():where("price", "moreq", 30)).condition_type)
  end)

  it("sends no value with null and notnull", function()
    assert.same({ field = "a", condition_type = "null" }, filter(accs.search():where("a", "null")))
  end)

  local refused = {
    { { "price", "lik", 1 }, 'unknown condition "lik" (did you mean "like"?)' },
    { { "price", "nonsense-condition", 1 }, 'unknown condition "nonsense-condition"' },
    { { "price", nil, 1 }, "unknown condition" },
    { { "sku", "in", { "a,b" } }, "comma" }, { { "sku", "in", {} }, "empty list" },
    { { "sku", "in" }, "needs a value" }, { { "sku", "eq" }, "needs a value" },
    { { "sku", "null", 1 }, "takes no value" }, { { "sku", "eq", {} }, "not table" },
    { { "sku", "eq", accs.null }, "not userdata" }, { { "sku", "gt", 0 / 0 }, "nan" },
    { { "sku", "gt", 1 / 0 }, "inf" }, { { "a b", "eq", 1 }, "search field" },
    { { "a[0]", "eq", 1 }, "search field" }, { { 5, "eq", 1 }, "search field" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[2], function()
      local ok, message = pcall(function()
        return accs.search():where(case[1][1], case[1][2], case[1][3])
      end)
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
      assert.truthy(message:find("search_spec.lua:%d+:"), "the place of the mistake: " .. message)
    end)
  end

  for _, wrong in ipairs { { 0 }, { -1 }, { 1.5 }, { "x" }, {} } do
    it("refuses the page size and page " .. tostring(wrong[1]), function()
      assert.has_error(function() accs.search():page_size(wrong[1]) end)
      assert.has_error(function() accs.search():page(wrong[1]) end)
    end)
  end

  it("refuses an any without conditions, or with a hole", function()
    assert.has_error(function() accs.search():any() end)
    assert.has_error(function() accs.search():any({ "a", "eq", 1 }, nil, { "b", "eq", 1 }) end)
    assert.has_error(function() accs.search():any("a", "eq", 1) end)
  end)

  it("sorts ascending unless told, in the order of its calls", function()
    assert.same({ { field = "a", direction = "ASC" }, { field = "b", direction = "DESC" } },
      accs.search():sort("a"):sort("b", "desc"):query().searchCriteria.sortOrders)
    assert.has_error(function() accs.search():sort("a", "up") end)
  end)

  local fields = {
    { { "sku", "name" }, "items[sku,name],total_count" },
    { "sku, name", "items[sku,name],total_count" },
    { { "sku", "extension_attributes[stock_item[qty]]" },
      "items[sku,extension_attributes[stock_item[qty]]],total_count" },
    { "items[sku]", "items[sku],total_count" },
    { "items[sku],total_count", "items[sku],total_count" },
    { "items", "items,total_count" },
    { "items_ordered", "items[items_ordered],total_count" },
  }
  for _, case in ipairs(fields) do
    it("asks for " .. case[2], function()
      assert.equal(case[2], accs.search():fields(case[1]):query().fields)
    end)
  end

  for _, wrong in ipairs { "a b", "a[b", "a]b[", "a;b", "", "a-b" } do
    it("refuses the fields '" .. wrong .. "', which the service would answer with []", function()
      assert.has_error(function() accs.search():fields(wrong) end)
    end)
  end

  it("is known by its kind", function()
    assert.is_true(search.is(accs.search()))
    assert.is_false(search.is({}))
    assert.is_false(search.is(nil))
  end)
end)
