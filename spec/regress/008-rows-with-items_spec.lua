-- Orders have `items` of their own. Beside other names these were taken for the items of the reply:
-- the rows came back empty, and the scan ended well.
local accs = require "accs"
local support = require "spec.support"

local SANDBOX = { products = 30, orders = 60, customers = 10 }

describe("fields of rows that have items", function()
  for _, case in ipairs {
    { { "entity_id", "items[sku]" }, "items[entity_id,items[sku]],total_count" },
    { "items[sku],billing_address[city]", "items[items[sku],billing_address[city]],total_count" },
    { "items[items[sku]]", "items[items[sku]],total_count" },
    { "items[sku,total_count]", "items[sku,total_count],total_count" },
    { "items[sku],search_criteria", "items[sku],search_criteria,total_count" },
    { "total_count,items[sku]", "total_count,items[sku]" },
  } do
    it("are asked for as " .. case[2], function()
      assert.equal(case[2], accs.search():fields(case[1]):query().fields)
    end)
  end

  for _, case in ipairs {
    { "entity_id,items[sku]", "state" },
    { "items[items[sku]]", "entity_id" },
    { "items[items[sku]],search_criteria[page_size]", "search_criteria" },
    { "search_criteria[filter_groups],items[items[sku]]" },
  } do
    it("come with the key and can be scanned: " .. case[1], function()
      local client <close> = support.shared_sandbox(SANDBOX):client()
      local orders <close> = client:items("/V1/orders", accs.search():fields(case[1]):page_size(40))
      local ids = 0
      for order in orders do
        ids = ids + order.entity_id
        assert.equal("string", type(order.items[1].sku))
        assert.is_nil(order.state)
      end
      assert.equal(60 * 61 // 2, ids)
      assert.is_true(orders:verdict().complete)
    end)
  end

  it("come out of accs items", function()
    local box = support.shared_sandbox(SANDBOX)
    local function items(columns)
      local result = support.run { "accs", "items", "/V1/orders", "--columns", columns, "--limit",
        "1", "--format", "ndjson", env = box.env }
      assert.equal("0 ", result.code .. " " .. result.err)
      return accs.json.decode(result.out)
    end
    local order = items "entity_id,items.sku,billing_address.city"
    local whole = assert(box:client():get("/V1/orders/" .. order.entity_id)).data
    assert.equal(#whole.items, #order["items.sku"])
    for index, item in ipairs(whole.items) do
      assert.equal(item.sku, order["items.sku"][index])
    end
    assert.equal(whole.billing_address.city, order["billing_address.city"])
    assert.equal(order["items.sku"][1], items("items.sku")["items.sku"][1])
  end)
end)
