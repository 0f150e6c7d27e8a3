--- What a shop sold: orders, revenue, average order and refunds, by period and by status.
---
--- This is also the example of how a report is written: options, a heading that says in plain words
--- what the numbers mean, scans that fetch just the fields they need, sums in integers, tables, and
--- the verdict of the scans. Nothing here is closed to a report of your own.
local accs = require "accs"
local dates = require "accs.dates"
local money = require "accs.money"
local verdict = require "accs.verdict"

local PAGE_SIZE = 300 -- the largest page where a tenant limits it
local CANCELED = "canceled" -- Commerce's spelling of the state
local REFUNDED = 2 -- state of a credit memo that was paid out

-- Statuses in the order of an order's life; a shop's own ones follow by name.
local LIFE = { "pending", "pending_payment", "payment_review", "fraud", "processing", "holded",
  "complete", "closed", "canceled" }

local HEADING = {
  "Orders are those placed in this time; canceled ones are counted apart.",
  "Revenue is what those orders come to, with tax and shipping, less what was canceled of them; "
    .. "refunds are not taken off.",
  "Average is revenue divided by orders.",
  "Refunds are the credit memos of this time, for earlier orders too; by status, they stand where "
    .. "their order stands now.",
}

--- The sums of one line of the report, amounts in 1/10000.
local function new_line()
  return { orders = 0, canceled = 0, revenue = 0, refunds = 0 }
end

--- A book keeps the lines: book[currency].period[label] and book[currency].status[status]. It grows
--- with currencies, periods and statuses, never with orders.
local function line_of(book, currency, part, label)
  book[currency] = book[currency] or { period = {}, status = {} }
  local lines = book[currency][part]
  lines[label] = lines[label] or new_line()
  return lines[label]
end

--- Adds to the period's line and to the status' line, so that both parts have the same totals.
local function add(book, currency, labels, field, amount)
  for part, label in pairs(labels) do
    local line = line_of(book, currency, part, label)
    line[field] = money.add(line[field], amount)
  end
end

--- The search for what was created in the report's days.
local function created_between(options)
  return accs.search()
    :where("created_at", "gteq", options.from .. " 00:00:00")
    :where("created_at", "lteq", options.to .. " 23:59:59")
    :page_size(PAGE_SIZE)
end

--- A value that the report cannot do without.
local function need(context, what, row, value, problem)
  if value == nil then
    context.fail(string.format("%s %s: %s", what, tostring(row.entity_id), problem))
  end
  return value
end

--- Period, currency and total of an order or credit memo.
local function read(context, what, row)
  local options = context.options
  local day = need(context, what, row, dates.moment(row.created_at))
  local date = dates.text(day)
  need(context, what, row, options.from <= date and date <= options.to or nil,
    "it is of " .. date .. ", and only days from " .. options.from .. " to " .. options.to
    .. " were asked for")
  local given = row.base_grand_total ~= accs.null and row.base_grand_total or nil
  need(context, what, row, given, "no base_grand_total")
  local total = need(context, what, row, money.parse(given))
  local currency = need(context, what, row, row.base_currency_code, "no base_currency_code")
  return dates.period(day, options.by).label, currency, total
end

local function count_orders(context, book)
  local search = created_between(context.options):fields {
    "entity_id", "created_at", "state", "status", "base_currency_code", "base_grand_total",
    "base_total_canceled",
  }
  local orders <close> = context.client:items("/V1/orders", search)
  for order in orders do
    local period, currency, total = read(context, "order", order)
    local labels = { period = period, status = order.status or order.state or "unknown" }
    if order.state == CANCELED then
      add(book, currency, labels, "canceled", 1)
    else
      local canceled =
        need(context, "order", order, money.parse(order.base_total_canceled))
      add(book, currency, labels, "orders", 1)
      add(book, currency, labels, "revenue", money.add(total, -canceled))
    end
    context.progress("orders", orders:position().delivered, orders:position().announced)
  end
  return orders:verdict()
end

--- The statuses of some orders, by id; `verdicts` gets what is to be said against them.
local function statuses_of(context, ids, verdicts)
  local statuses = {}
  if #ids == 0 then
    return statuses
  end
  local search = accs.search():where("entity_id", "in", ids):page_size(#ids)
    :fields { "entity_id", "state", "status" }
  local orders <close> = context.client:items("/V1/orders", search)
  for order in orders do
    statuses[order.entity_id] = order.status or order.state
  end
  if not orders:verdict().complete then
    verdicts[#verdicts + 1] = orders:verdict()
  end
  return statuses
end

--- The orders that some credit memos belong to, each id once.
local function order_ids(memos)
  local ids, known = {}, {}
  for _, memo in ipairs(memos) do
    if not known[memo.order_id] then
      known[memo.order_id] = true
      ids[#ids + 1] = memo.order_id
    end
  end
  return ids
end

--- Credit memos come in small pages: the ids of their orders go into one address, which must not
--- become too long.
local function count_refunds(context, book)
  local search = created_between(context.options):where("state", "eq", REFUNDED):page_size(200)
    :fields { "entity_id", "order_id", "created_at", "base_currency_code", "base_grand_total" }
  local pages <close> = context.client:pages("/V1/creditmemos", search)
  local verdicts = {}
  for page in pages do
    local statuses = statuses_of(context, order_ids(page.items), verdicts)
    for _, memo in ipairs(page.items) do
      local period, currency, total = read(context, "credit memo", memo)
      local labels = { period = period, status = statuses[memo.order_id] or "unknown" }
      add(book, currency, labels, "refunds", total)
    end
    context.progress("credit memos", pages:position().delivered, pages:position().announced)
  end
  return verdict.join { pages:verdict(), table.unpack(verdicts) }
end

--- A row of a table, from a line of the book.
local function row_of(name, label, line)
  return {
    [name] = label, orders = line.orders, canceled = line.canceled, revenue = line.revenue,
    average = money.divide(line.revenue, line.orders), refunds = line.refunds,
  }
end

local function new_table(name, title, heading, currency, labels, lines)
  local rows, total = {}, new_line()
  for index, label in ipairs(labels) do
    local line = lines[label] or new_line()
    rows[index] = row_of(name, label, line)
    for field, amount in pairs(line) do
      total[field] = money.add(total[field], amount)
    end
  end
  return {
    name = name, title = title, currency = currency, rows = rows,
    totals = row_of(name, "Total", total),
    columns = {
      { name = name, title = heading, kind = "text" },
      { name = "orders", title = "Orders", kind = "integer" },
      { name = "canceled", title = "Canceled", kind = "integer" },
      { name = "revenue", title = "Revenue", kind = "money" },
      { name = "average", title = "Average", kind = "money" },
      { name = "refunds", title = "Refunds", kind = "money" },
    },
  }
end

local function sorted(lines)
  local names = {}
  for name in pairs(lines) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The statuses that occur, in the order of an order's life.
local function by_life(lines)
  local names, known = {}, {}
  for _, name in ipairs(LIFE) do
    known[name] = true
    names[#names + 1] = lines[name] and name or nil
  end
  for _, name in ipairs(sorted(lines)) do
    names[#names + 1] = not known[name] and name or nil
  end
  return names
end

local function period_labels(options)
  local labels = {}
  local from, to = dates.parse(options.from), dates.parse(options.to)
  for index, period in ipairs(dates.periods(from, to, options.by)) do
    labels[index] = period.label
  end
  return labels
end

local function notes(options, currencies)
  local list = {}
  if #currencies == 0 then
    list[#list + 1] = "there were no orders and no refunds in this time."
  elseif #currencies > 1 then
    list[#list + 1] = "amounts of different currencies are never added up: each has its own tables."
  end
  if options.by == "week" then
    list[#list + 1] = "weeks begin on Monday; the first and the last one are cut to the days above."
  end
  return list
end

--- Both tables of each currency.
local function tables_of(book, options)
  local list, labels = {}, period_labels(options)
  local heading = options.by:sub(1, 1):upper() .. options.by:sub(2)
  for _, currency in ipairs(sorted(book)) do
    local part = book[currency]
    list[#list + 1] = new_table("period", "By " .. options.by .. ", in " .. currency, heading,
      currency, labels, part.period)
    list[#list + 1] = new_table("status", "By status, in " .. currency, "Status",
      currency, by_life(part.status), part.status)
  end
  return list
end

return {
  name = "sales",
  summary = "orders, revenue, average order and refunds, by period and by status",
  options = {
    { name = "from", kind = "date", required = true, help = "first day, YYYY-MM-DD (UTC)" },
    { name = "to", kind = "date", required = true, help = "last day, included" },
    { name = "by", kind = "choice", choices = dates.KINDS, default = "month",
      help = "length of a period" },
  },

  check = function(options)
    if options.to < options.from then
      return string.format("--to (%s) is before --from (%s)", options.to, options.from)
    end
  end,

  run = function(context)
    local options, book = context.options, {}
    local orders = count_orders(context, book)
    local refunds = count_refunds(context, book)
    return {
      title = string.format("Sales from %s to %s (days in UTC)", options.from, options.to),
      heading = HEADING,
      tables = tables_of(book, options),
      notes = notes(options, sorted(book)),
      verdict = verdict.join { orders, refunds },
    }
  end,
}
