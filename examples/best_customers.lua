-- A report of one's own: who bought most.
--
--     accs report examples/best_customers.lua --since 2026-01-01 --top 10
--
-- A report is a Lua file that returns a table: name, summary, options, and a function that makes
-- tables out of what a client finds. Formats, files, progress and exit codes are not its concern.
local accs = require "accs"
local money = require "accs.money"

-- An amount that every order has. Absent ones count as 0, so a slip in the name would go unseen.
local function amount(order, field)
  if order[field] == nil then
    error("order " .. order.entity_id .. " came without " .. field)
  end
  return assert(money.parse(order[field]))
end

-- Sums of each customer and currency: amounts of two currencies are never added up.
local function sums_of(context)
  local search = accs.search()
    :where("created_at", "gteq", context.options.since .. " 00:00:00")
    :where("state", "neq", "canceled")
    :page_size(300)
    :fields { "entity_id", "customer_email", "base_currency_code", "base_grand_total",
      "base_total_canceled" }
  local sums = {}
  local orders <close> = context.client:items("/V1/orders", search)
  for order in orders do
    local key = order.customer_email .. "\0" .. order.base_currency_code
    local sum = sums[key] or {
      email = order.customer_email, currency = order.base_currency_code, orders = 0, revenue = 0,
    }
    sums[key] = sum
    sum.orders = sum.orders + 1
    sum.revenue = money.add(sum.revenue, amount(order, "base_grand_total"))
    sum.revenue = money.add(sum.revenue, -assert(money.parse(order.base_total_canceled)))
    context.progress("orders", orders:position().delivered, orders:position().announced)
  end
  return sums, orders:verdict()
end

local function by_revenue(a, b)
  if a.revenue ~= b.revenue then
    return a.revenue > b.revenue
  end
  return a.email < b.email
end

return {
  name = "best_customers",
  summary = "who bought most since a day",
  options = {
    { name = "since", kind = "date", required = true, help = "first day, YYYY-MM-DD (UTC)" },
    { name = "top", kind = "integer", default = 10, help = "how many of each currency" },
  },

  run = function(context)
    local sums, verdict = sums_of(context)
    local currencies, tables = {}, {}
    for _, sum in pairs(sums) do
      local rows = currencies[sum.currency] or {}
      currencies[sum.currency] = rows
      rows[#rows + 1] = sum
    end
    for currency, rows in pairs(currencies) do
      table.sort(rows, by_revenue)
      tables[#tables + 1] = {
        name = "customers", title = "Best customers, in " .. currency, currency = currency,
        columns = {
          { name = "email", title = "Customer", kind = "text" },
          { name = "orders", title = "Orders", kind = "integer" },
          { name = "revenue", title = "Revenue", kind = "money" },
        },
        rows = table.move(rows, 1, math.min(#rows, context.options.top), 1, {}),
      }
    end
    table.sort(tables, function(a, b) return a.currency < b.currency end)
    return {
      title = "Best customers since " .. context.options.since,
      heading = { "Revenue is what their orders come to, with tax and shipping, less what was "
        .. "canceled." },
      tables = tables,
      verdict = verdict,
    }
  end,
}
