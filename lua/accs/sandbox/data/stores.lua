--- The shop's websites and store views: currencies, rates, taxes, ways to ship and to pay.
--
-- Website 1 keeps its books in USD, website 2 in EUR. Two store views sell in another currency
-- than their website's, so `grand_total` and `base_grand_total` differ there.
local stores = {}

---@class accs.sandbox.Store
---@field id integer
---@field code string
---@field website_id integer
---@field name string
---@field website string
---@field locale string
---@field base string  currency of the books
---@field currency string  currency shown and charged
---@field timezone string
---@field weight_unit string

--- By store id.
---@type accs.sandbox.Store[]
stores.list = {
  { id = 1, code = "default", website_id = 1, name = "Default Store View", website = "Main Website",
    locale = "en_US", base = "USD", currency = "USD", timezone = "America/New_York",
    weight_unit = "lbs" },
  { id = 2, code = "ca_fr", website_id = 1, name = "Québec (français)", website = "Main Website",
    locale = "fr_CA", base = "USD", currency = "CAD", timezone = "America/Toronto",
    weight_unit = "kgs" },
  { id = 3, code = "de", website_id = 2, name = "Deutschland", website = "Europe",
    locale = "de_DE", base = "EUR", currency = "EUR", timezone = "Europe/Berlin",
    weight_unit = "kgs" },
  { id = 4, code = "uk", website_id = 2, name = "United Kingdom", website = "Europe",
    locale = "en_GB", base = "EUR", currency = "GBP", timezone = "Europe/London",
    weight_unit = "kgs" },
}

--- How many of 100 people buy in each.
stores.weights = { 50, 10, 28, 12 }

stores.global_currency = "USD"

-- Units of the second for one of the first, in 1/10000, with how far it wanders in the months.
local RATES = {
  USDUSD = { 10000, 0 },
  USDCAD = { 13580, 310 },
  EURUSD = { 10790, 540 },
  EURGBP = { 8410, 190 },
}

--- The rate of a month.
---@param from string  currency
---@param to string  currency
---@param month integer  0 for the first month of the data
---@return integer  units of `to` for one of `from`, in 1/10000
function stores.rate(from, to, month)
  if from == to then
    return 10000
  end
  local rate = RATES[from .. to]
  return rate[1] + month * 7919 % 1000 * rate[2] // 1000
end

---@class accs.sandbox.Method
---@field code string
---@field title string
---@field amount integer  1/10000
---@field online? boolean

--- Ways to ship, by website.
---@type accs.sandbox.Method[][]
stores.shipping = {
  {
    { code = "flatrate_flatrate", title = "Flat Rate - Fixed", amount = 50000 },
    { code = "tablerate_bestway", title = "Best Way - Table Rate", amount = 129900 },
    { code = "freeshipping_freeshipping", title = "Free Shipping - Free", amount = 0 },
  },
  {
    { code = "flatrate_flatrate", title = "Versand - DHL Paket", amount = 49000 },
    { code = "tablerate_bestway", title = "Versand - Express", amount = 119500 },
    { code = "freeshipping_freeshipping", title = "Versand - kostenlos", amount = 0 },
  },
}

--- Ways to pay; `online` ones are refunded through the gateway.
---@type accs.sandbox.Method[]
stores.payment = {
  { code = "payment_services_paypal_hosted_fields", title = "Credit Card", amount = 0,
    online = true },
  { code = "payment_services_paypal_smart_buttons", title = "PayPal", amount = 0, online = true },
  { code = "checkmo", title = "Check / Money order", amount = 0 },
  { code = "banktransfer", title = "Bank Transfer Payment", amount = 0 },
  { code = "purchaseorder", title = "Purchase Order", amount = 0 },
}

stores.payment_weights = { 52, 24, 8, 10, 6 }

--- Fills the table `store`.
---@param insert fun(row: table)
function stores.generate(insert)
  for _, store in ipairs(stores.list) do
    insert {
      store_id = store.id,
      code = store.code,
      website_id = store.website_id,
      name = store.name,
      order_name = store.website .. "\n" .. store.website .. " Store\n" .. store.name,
      locale = store.locale,
      base_currency_code = store.base,
      default_display_currency_code = store.currency,
      timezone = store.timezone,
      weight_unit = store.weight_unit,
    }
  end
end

return stores
