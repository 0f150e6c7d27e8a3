-- A page of 300 orders took half a second, whatever `fields` asked for: every row that matched was
-- printed in full, those of other pages too, and then thrown away.
local data = require "accs.sandbox.data"
local fields = require "accs.sandbox.fields"
local list = require "accs.sandbox.list"
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"

local FIELDS = {
  "items[entity_id]", "items[id,sku],total_count", "items[items[sku,parent_item]],search_criteria",
  "items[extension_attributes],total_count", "items[extension_attributes[stock_item[qty]]]",
  "items[custom_attributes[color]]", "items[payment[method],billing_address[city],store_name]",
  "items[addresses[city],comments,status_histories]", "items[product_option,parent_item[sku]]",
  "items[nothing],total_count", "items", "items,total_count", "total_count", "nothing", "0",
  "items[sku]],total_count", "items[sku", "items[website_ids[x],media_gallery_entries[file]]",
}

describe("a list of the sandbox with fields", function()
  local db, lists

  setup(function()
    db = native.database.open(":memory:")
    data.generate(db, { products = 30, orders = 60, customers = 10 })
    lists = list.new(db, { repeat_last_page = false })
  end)

  teardown(function()
    db:close()
  end)

  local function answer(name, text)
    local status, body = lists:answer(data.resources[name], query.parse(text))
    assert.equal(200, status)
    return body
  end

  for _, name in ipairs { "products", "orders", "order_items", "invoices", "creditmemos",
    "customers" } do
    it("answers as if all was printed and then filtered: " .. name, function()
      local search = "searchCriteria[pageSize]=7&searchCriteria[currentPage]=1"
      local whole = answer(name, search)
      for _, text in ipairs(FIELDS) do
        assert.equal(fields.apply(whole, text),
          fields.apply(answer(name, search .. "&fields=" .. text), text), text)
      end
    end)
  end

  it("prints what is asked for, and nothing of other pages", function()
    local printed = 0
    local counting = setmetatable({}, { __index = function(_, method)
      return function(_, sql, ...)
        if method == "row" and sql:find("json_quote", 1, true) then
          printed = printed + 1
        end
        return db[method](db, sql, ...)
      end
    end })
    local counted = list.new(counting, { repeat_last_page = false })
    local from_2000 = "searchCriteria[filter_groups][0][filters][0][field]=created_at"
      .. "&searchCriteria[filter_groups][0][filters][0][condition_type]=gt"
      .. "&searchCriteria[filter_groups][0][filters][0][value]=2000-01-01"
      .. "&searchCriteria[sortOrders][0][field]=entity_id&searchCriteria[pageSize]=5"
    local status, body = counted:answer(data.resources.orders, query.parse(from_2000))
    assert.equal(200, status)
    assert.truthy(body:find('"total_count":60', 1, true))
    assert.equal(5, printed)
    counted:answer(data.resources.orders, query.parse(from_2000 .. "&fields=items[entity_id]"))
    assert.equal(5, printed)
    assert.is_true(#data.resources.orders.row:json { entity_id = true } < 100)
  end)
end)
