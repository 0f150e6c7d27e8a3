local dates = require "accs.dates"
local json = require "accs.json"
local money = require "accs.money"
local native = require "accs.sandbox.native"
local report = require "accs.report"
local support = require "spec.support"

-- The same report straight from the sandbox's tables: the definition, in SQL.
local ORDERS = [[
  SELECT base_currency_code, {label},
    sum(state <> 'canceled'), sum(state = 'canceled'),
    sum(CASE state WHEN 'canceled' THEN 0
      ELSE base_grand_total - coalesce(base_total_canceled, 0) END)
  FROM sales_order WHERE created_at BETWEEN ? AND ? GROUP BY 1, 2]]
local REFUNDS = [[
  SELECT m.base_currency_code, {label}, sum(m.base_grand_total)
  FROM sales_creditmemo m JOIN sales_order o ON o.entity_id = m.order_id
  WHERE m.state = 2 AND m.created_at BETWEEN ? AND ? GROUP BY 1, 2]]

-- SQLite 3.40 has no ISO week: its Thursday tells the year and the number.
local WEEK = "strftime('%Y', date({at}, '-3 days', 'weekday 4')) || '-W' || substr('0' || "
  .. "((strftime('%j', date({at}, '-3 days', 'weekday 4')) - 1) / 7 + 1), -2)"
local LABELS = {
  day = "date({at})", week = WEEK, month = "strftime('%Y-%m', {at})",
}

local function put(lines, part, currency, label, field, value)
  local key = part .. "/" .. currency .. "/" .. label
  lines[key] = lines[key] or { orders = 0, canceled = 0, revenue = 0, refunds = 0 }
  lines[key][field] = lines[key][field] + value
end

local function from_sql(path, options)
  local lines = {}
  local db <close> = native.database.open(path)
  local first, last = options.from .. " 00:00:00", options.to .. " 23:59:59"
  local function label(at)
    return (LABELS[options.by]:gsub("{at}", at))
  end
  local function sql(text, column)
    local before, after = text:match("^(.-){label}(.*)$")
    return before .. column .. after
  end
  for part, column in pairs { period = label("created_at"), status = "status" } do
    for currency, name, orders, canceled, revenue in
      db:rows(sql(ORDERS, column), first, last)
    do
      put(lines, part, currency, name, "orders", orders)
      put(lines, part, currency, name, "canceled", canceled)
      put(lines, part, currency, name, "revenue", revenue)
    end
  end
  for part, column in pairs { period = label("m.created_at"), status = "o.status" } do
    for currency, name, refunds in
      db:rows(sql(REFUNDS, column), first, last)
    do
      put(lines, part, currency, name, "refunds", refunds)
    end
  end
  return lines
end

-- The report's rows in the same shape; those without anything are left out, as SQL does.
local function from_report(result)
  local lines = {}
  for _, one in ipairs(result.tables) do
    for _, row in ipairs(one.rows) do
      for _, field in ipairs { "orders", "canceled", "revenue", "refunds" } do
        assert.equal("integer", math.type(row[field]))
        put(lines, one.name, one.currency, row[one.name], field, row[field])
      end
    end
  end
  for key, line in pairs(lines) do
    if line.orders + line.canceled == 0 and line.refunds == 0 then
      lines[key] = nil
    end
  end
  return lines
end

local function run(client, options)
  local sales = report.load("sales")
  return report.run(client, sales, assert(report.check(sales, options)))
end

describe("the sales report", function()
  for seed = 1, 2 do
    it("equals the same sums in SQL, for seed " .. seed, function()
      local dir <close> = support.temp_dir()
      local path = dir.path .. "/shop.db"
      local box <close> = support.sandbox { db = path, seed = seed, products = 60, orders = 1500,
        customers = 80 }
      local client <close> = box:client()
      for by, range in pairs {
        month = { "2020-01-01", "2030-12-31" }, week = { "2025-11-03", "2026-02-11" },
        day = { "2025-12-24", "2026-01-06" },
      } do
        local options = { from = range[1], to = range[2], by = by }
        local result = run(client, options)
        local expected = from_sql(path, options)
        assert.is_truthy(next(expected), "the sandbox has no orders in this time")
        assert.same(expected, from_report(result))
        assert.is_true(result.verdict.complete)
      end
    end)
  end

  it("has the same totals in both parts, and an average that fits", function()
    local client <close> = support.shared_sandbox({ orders = 300 }):client()
    local result = run(client, { from = "2020-01-01", to = "2030-12-31" })
    assert.is_true(#result.tables >= 4, "two parts for each of two currencies")
    for index = 1, #result.tables, 2 do
      local period, status = result.tables[index], result.tables[index + 1]
      assert.equal(period.currency, status.currency)
      for _, field in ipairs { "orders", "canceled", "revenue", "average", "refunds" } do
        assert.equal(period.totals[field], status.totals[field])
      end
      assert.equal(money.divide(period.totals.revenue, period.totals.orders), period.totals.average)
      assert.is_true(period.totals.refunds > 0, "the sandbox refunds nothing")
    end
  end)

  it("shows periods without orders as zeros", function()
    local client <close> = support.shared_sandbox({ orders = 300 }):client()
    local result = run(client, { from = "2026-01-01", to = "2026-03-31", by = "day" })
    local days = dates.parse("2026-03-31") - dates.parse("2026-01-01") + 1
    for _, one in ipairs(result.tables) do
      assert.is_true(one.name ~= "period" or #one.rows == days)
    end
    local empty = 0
    for _, row in ipairs(result.tables[1].rows) do
      if row.orders == 0 then
        empty = empty + 1
        assert.is_nil(row.average)
      end
    end
    assert.is_true(empty > 0, "every day has orders: the test shows nothing")
  end)

  it("says so when there was nothing", function()
    local client <close> = support.shared_sandbox({ orders = 300 }):client()
    local result = run(client, { from = "1999-01-01", to = "1999-01-31" })
    assert.same({}, result.tables)
    assert.truthy(result.notes[1]:find("no orders", 1, true))
    assert.is_true(result.verdict.complete)
  end)

  it("fetches only what it needs", function()
    local client = { calls = {}, page_size = 100 }
    function client:items(path, search)
      self.calls[#self.calls + 1] = path .. " " .. search:query().fields
      return require("accs.pages").items(self, path, search)
    end
    client.pages = client.items
    function client.get()
      return { data = { items = {}, total_count = 0 } }
    end
    run(client, { from = "2026-01-01", to = "2026-01-31" })
    assert.same({
      "/V1/orders items[entity_id,created_at,state,status,base_currency_code,base_grand_total,"
        .. "base_total_canceled],total_count",
      "/V1/creditmemos items[entity_id,order_id,created_at,base_currency_code,base_grand_total],"
        .. "total_count",
    }, client.calls)
  end)

  for _, wrong in ipairs {
    { { from = "2026-02-30", to = "2026-03-01" }, "--from: there is no day 2026-02-30" },
    { { from = "2026-03-01" }, "--to is required" },
    { { from = "2026-03-02", to = "2026-03-01" },
      "--to (2026-03-01) is before --from (2026-03-02)" },
    { { from = "2026-03-02", to = "2026-03-03", by = "year" },
      "--by: 'year' is not one of day, week, month" },
  } do
    it("refuses: " .. wrong[2], function()
      local options, message = report.check(report.load("sales"), wrong[1])
      assert.is_nil(options)
      assert.equal(wrong[2], message)
    end)
  end

  -- A client whose orders and credit memos are given.
  local function client_of(orders, memos)
    local client = { items = require("accs.pages").items, pages = require("accs.pages").pages,
      page_size = 100 }
    function client.get(_, path)
      local rows = path == "/V1/orders" and orders or memos
      return { data = { items = rows, total_count = #rows } }
    end
    return client
  end

  local JANUARY = { from = "2026-01-01", to = "2026-01-31" }

  it("takes an absent canceled total for 0 and counts an edited order once", function()
    local result = run(client_of({
      { entity_id = 1, created_at = "2026-01-02 00:00:00", state = "canceled", status = "canceled",
        base_currency_code = "USD", base_grand_total = 10 },
      { entity_id = 2, created_at = "2026-01-03 00:00:00", state = "new", status = "pending",
        base_currency_code = "USD", base_grand_total = 12.5, base_total_canceled = 2.25 },
      { entity_id = 3, created_at = "2026-01-03 00:00:00", state = "new", status = "pending",
        base_currency_code = "USD", base_grand_total = 0 },
    }, {}), JANUARY)
    local totals = result.tables[1].totals
    assert.same({ 2, 1, 102500 }, { totals.orders, totals.canceled, totals.revenue })
  end)

  it("does not go on with an order that it cannot read", function()
    for _, case in ipairs {
      { "created_at", "yesterday" }, { "base_grand_total", "much" }, { "base_grand_total", nil },
      { "base_grand_total", json.null }, { "base_currency_code", nil },
      -- in no line of the periods, but in one of the statuses
      { "created_at", "2025-12-31 23:59:59" }, { "created_at", "2026-02-01 00:00:00" },
    } do
      local field, bad = case[1], case[2]
      local order = { entity_id = 7, created_at = "2026-01-03 00:00:00", state = "new",
        status = "pending", base_currency_code = "USD", base_grand_total = 1 }
      order[field] = bad
      local ok, err = pcall(run, client_of({ order }, {}), JANUARY)
      assert.is_false(ok)
      assert.equal("decode", err.kind)
      assert.truthy(tostring(err):find("order 7", 1, true), tostring(err))
    end
  end)

  it("does not vouch for refunds whose orders could not all be read", function()
    local client = client_of({}, { { entity_id = 1, order_id = 5, base_currency_code = "USD",
      created_at = "2026-01-03 00:00:00", base_grand_total = 2 } })
    local get = client.get
    function client.get(_, path, opts)
      local response = get(_, path)
      if path == "/V1/orders" and opts.query.fields:find("items[entity_id,state", 1, true) then
        response.data.total_count = 1
      end
      return response
    end
    local result = run(client, JANUARY)
    assert.equal(20000, result.tables[2].totals.refunds)
    assert.equal("unknown", result.tables[2].rows[1].status)
    assert.is_false(result.verdict.complete)
  end)

  it("does not vouch for scans that are not whole", function()
    local client = client_of({}, {})
    local get = client.get
    function client.get(_, path)
      local response = get(_, path)
      response.data.total_count = path == "/V1/orders" and 5 or 0
      return response
    end
    local result = run(client, JANUARY)
    assert.is_false(result.verdict.complete)
    assert.equal(5, result.verdict.gaps)
  end)
end)
