-- The sandbox's generated shop: lua/accs/sandbox/data.
local adobe_schema = require "spec.lua.sandbox.adobe_schema"
local data = require "accs.sandbox.data"
local native = require "accs.sandbox.native"

local SMALL = { seed = 3, products = 200, orders = 600, customers = 90 }

local function make(options)
  local db = native.database.open(":memory:")
  data.generate(db, options)
  return db
end

-- Everything in the tables, in one number.
local function checksum(db)
  local sum = 0
  for name in db:rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") do
    local columns = {}
    for column in db:rows("SELECT name FROM pragma_table_xinfo(?)", name) do
      columns[#columns + 1] = column
    end
    for text in db:rows(("SELECT json_array(%s) FROM %s ORDER BY 1"):format(
      table.concat(columns, ","), name)) do
      for i = 1, #text, 8 do
        sum = (sum ~ (string.unpack("<I8", text:sub(i, i + 7) .. ("\0"):rep(8)))) * 0x100000001B3
      end
    end
  end
  return sum
end

describe("the sandbox's data", function()
  local db

  setup(function()
    db = make {}
  end)

  teardown(function()
    db:close()
  end)

  local function count(sql)
    return (db:row("SELECT count(*) FROM " .. sql))
  end

  it("has 2,000 products, 5,000 orders and 1,000 customers unless told otherwise", function()
    assert.equal(2000, count "catalog_product")
    assert.equal(5000, count "sales_order")
    assert.equal(1000, count "customer")
  end)

  it("is the same for the same seed, another for another", function()
    local one <close> = make(SMALL)
    local again <close> = make(SMALL)
    local other <close> = make { seed = 4, products = 200, orders = 600, customers = 90 }
    assert.equal(checksum(one), checksum(again))
    assert.not_equal(checksum(one), checksum(other))
  end)

  it("has a known checksum: a change of the data needs a new schema.version", function()
    local box <close> = make { seed = 1, products = 30, orders = 100, customers = 10 }
    assert.equal("6ff5e6744c1fda13", ("%016x"):format(checksum(box)))
  end)

  it("takes any sizes, zero too", function()
    local cases = {
      { products = 0, orders = 0, customers = 0 }, { products = 1, orders = 1, customers = 0 },
      { products = 11, orders = 7, customers = 1 }, { products = 3, orders = 0, customers = 25 },
    }
    for _, sizes in ipairs(cases) do
      local box <close> = make(sizes)
      assert.equal(sizes.products, (box:row "SELECT count(*) FROM catalog_product"))
      assert.equal(sizes.orders, (box:row "SELECT count(*) FROM sales_order"))
      assert.equal(sizes.customers, (box:row "SELECT count(*) FROM customer"))
      for name, resource in pairs(data.resources) do
        for text in box:rows(("SELECT %s FROM %s r"):format(resource.json, resource.table)) do
          assert.equal(1, (box:row("SELECT json_valid(?)", text)), name)
        end
      end
    end
  end)

  it("refuses sizes that make no sense, in one line", function()
    local cases = {
      { { orders = 1.5 }, "orders must be a whole number from 0 to 1000000, not 1.5" },
      { { products = -1 }, "products must be a whole number from 0 to 1000000, not -1" },
      { { customers = 1000001 },
        "customers must be a whole number from 0 to 1000000, not 1000001" },
      { { seed = "x" }, "seed must be a whole number, not x" },
      { { products = 0 }, "orders need at least one product" },
      { { order = 1 }, 'unknown option "order" of the data' },
    }
    for _, case in ipairs(cases) do
      local box <close> = native.database.open(":memory:")
      assert.has_error(function() data.generate(box, case[1]) end, case[2])
      assert.is_nil((box:row "SELECT 1 FROM sqlite_schema"))
    end
  end)

  it("keeps a filled database, and refuses one that holds something else", function()
    local box <close> = make(SMALL)
    local before = checksum(box)
    assert.is_false(data.generate(box, SMALL))
    assert.is_false(data.generate(box, { seed = 3 }))
    assert.is_false(data.generate(box))
    assert.equal(before, checksum(box))
    assert.has_error(function() data.generate(box, { seed = 5 }) end,
      "the database file was made with seed 3, not 5; choose another file")
    box:run "UPDATE sandbox_meta SET value = '0' WHERE name = 'version'"
    assert.has_error(function() data.generate(box) end,
      "the database file has data of version 0, this is version 1; choose another file")
    local foreign <close> = native.database.open(":memory:")
    foreign:exec "CREATE TABLE mine(a)"
    assert.has_error(function() data.generate(foreign) end,
      "the database file is not one of the sandbox's; choose another")
  end)

  it("prints each row as valid JSON, quickly enough", function()
    for name, resource in pairs(data.resources) do
      local rows, valid = db:row(("SELECT count(*), sum(json_valid(%s)) FROM %s r"):format(
        resource.json, resource.table))
      assert.equal(rows, valid, name)
    end
    local products = data.resources.products
    local page = ("SELECT %s FROM %s r ORDER BY entity_id LIMIT 300"):format(
      products.json, products.table)
    local started, bytes = os.clock(), 0
    for text in db:rows(page) do
      bytes = bytes + #text
    end
    print(("\n# a page of 300 products: %.1f ms, %d bytes each"):format(
      (os.clock() - started) * 1000, bytes // 300))
  end)

  it("can search and sort by every column it offers, by text as by number", function()
    for name, resource in pairs(data.resources) do
      local key = resource.columns[resource.key]
      assert.is_string(key, name)
      for field, column in pairs(resource.columns) do
        assert.has_no_error(function()
          db:row(("SELECT 1 FROM %s r WHERE %s > ? ORDER BY %s, %s LIMIT 1"):format(
            resource.table, column, column, key), "1")
        end, name .. "." .. field)
      end
    end
    local total = data.resources.orders.columns.grand_total
    assert.equal(count "sales_order r WHERE grand_total > 1005000",
      (db:row("SELECT count(*) FROM sales_order r WHERE " .. total .. " > ?", "100.5")))
  end)

  it("has every state, status, way to cancel, and kind of document", function()
    local expected = {
      "canceled/canceled", "closed/closed", "complete/complete", "holded/holded", "new/pending",
      "payment_review/fraud", "payment_review/payment_review", "pending_payment/pending_payment",
      "processing/awaiting_stock", "processing/processing",
    }
    local found = {}
    for pair in db:rows("SELECT DISTINCT state || '/' || status FROM sales_order ORDER BY 1") do
      found[#found + 1] = pair
    end
    assert.same(expected, found)
    local cases = {
      "sales_invoice WHERE state = 1", "sales_invoice WHERE state = 2",
      "sales_invoice WHERE state = 3", "sales_creditmemo WHERE state = 1",
      "sales_creditmemo WHERE state = 2", "sales_creditmemo WHERE state = 3",
      "sales_order WHERE state = 'processing' AND total_canceled > 0",
      "sales_order WHERE state = 'complete' AND total_canceled > 0",
      "sales_order WHERE state = 'complete' AND total_refunded > 0",
      "sales_order WHERE state = 'processing' AND total_invoiced < grand_total AND total_paid > 0",
      "sales_order WHERE total_invoiced > ifnull(total_paid, 0)",
      "sales_order WHERE customer_is_guest = 1 AND customer_id IS NULL",
      "sales_order WHERE customer_is_guest = 0 AND customer_id > 0",
      "sales_order WHERE coupon_code IS NOT NULL AND discount_amount < 0",
      "sales_order WHERE is_virtual = 1", "sales_order WHERE grand_total % 100 <> 0",
      "sales_order WHERE base_currency_code = 'USD' AND order_currency_code = 'CAD'",
      "sales_order WHERE base_currency_code = 'EUR' AND order_currency_code = 'GBP'",
      "sales_order WHERE edit_increment = 1", "sales_creditmemo WHERE adjustment_negative > 0",
      "sales_creditmemo WHERE adjustment_positive > 0",
      "sales_order o JOIN sales_creditmemo m ON m.order_id = o.entity_id"
        .. " WHERE julianday(m.created_at) - julianday(o.created_at) > 60",
      "(SELECT 1 FROM sales_creditmemo WHERE state = 2 GROUP BY order_id"
        .. " HAVING count(DISTINCT date(created_at)) > 1)",
      "catalog_product WHERE sku LIKE '%/%'", "catalog_product WHERE sku LIKE '%+%'",
      "catalog_product WHERE sku LIKE '% %'", "catalog_product WHERE instr(sku, '%')",
      "catalog_product WHERE instr(sku, '\"')", "catalog_product WHERE instr(sku, 'ö')",
      "catalog_product WHERE price % 100 <> 0", "catalog_product WHERE type_id = 'configurable'",
      "catalog_product WHERE type_id = 'virtual'", "catalog_product WHERE status = 2",
    }
    for _, case in ipairs(cases) do
      assert.is_true(count(case) > 0, case)
    end
  end)

  it("dates everything inside the two years, each document after its order", function()
    assert.same({ "2024-07-01", "2026-06-30" },
      { db:row "SELECT min(date(created_at)), max(date(created_at)) FROM sales_order" })
    for _, name in ipairs { "sales_order", "sales_invoice", "sales_creditmemo" } do
      assert.equal(0, count(name .. " WHERE updated_at > '2026-06-30 23:59:59'"))
    end
    for _, name in ipairs { "sales_invoice", "sales_creditmemo" } do
      assert.equal(0, count(name .. " d JOIN sales_order o ON o.entity_id = d.order_id"
        .. " WHERE d.created_at < o.created_at OR d.created_at > o.updated_at"))
    end
    assert.equal(0, count("sales_order a JOIN sales_order b ON b.entity_id = a.entity_id + 1"
      .. " AND b.created_at < a.created_at"))
    assert.equal(0, count("customer c JOIN sales_order o ON o.customer_id = c.entity_id"
      .. " WHERE o.created_at < c.created_at"))
    assert.equal(0, count("sales_order WHERE created_at NOT GLOB"
      .. " '????-??-?? ??:??:??' OR datetime(created_at) IS NULL"))
  end)

  -- For both sides: base_ and the order's own currency.
  local function both(sql)
    return { (sql:gsub("{}", "base_")), (sql:gsub("{}", "")) }
  end

  it("adds up, to the last digit", function()
    local ITEM = "(SELECT ifnull(sum(i.%s), 0) FROM sales_order_item i"
      .. " WHERE i.order_id = o.entity_id)"
    local INVOICED = "(SELECT ifnull(sum(d.%s), 0) FROM sales_invoice d"
      .. " WHERE d.order_id = o.entity_id AND d.state <> 3)"
    local REFUNDED = "(SELECT ifnull(sum(d.%s), 0) FROM sales_creditmemo d"
      .. " WHERE d.order_id = o.entity_id AND d.state = 2)"
    local wrong = {
      "{}grand_total <> {}subtotal + {}discount_amount + {}tax_amount + {}shipping_amount",
      "{}subtotal <> " .. ITEM:format("{}row_total"),
      "{}subtotal_incl_tax <> " .. ITEM:format("{}row_total_incl_tax"),
      "-{}discount_amount <> {}shipping_discount_amount + " .. ITEM:format("{}discount_amount"),
      "{}tax_amount <> {}shipping_tax_amount + " .. ITEM:format("{}tax_amount"),
      "{}shipping_incl_tax <> {}shipping_amount + {}shipping_tax_amount",
      "ifnull({}total_invoiced, 0) <> " .. INVOICED:format("{}grand_total"),
      "ifnull({}subtotal_invoiced, 0) <> " .. INVOICED:format("{}subtotal"),
      "ifnull({}tax_invoiced, 0) <> " .. INVOICED:format("{}tax_amount"),
      "-ifnull({}discount_invoiced, 0) <> " .. INVOICED:format("{}discount_amount"),
      "ifnull({}subtotal_invoiced, 0) <> " .. ITEM:format("{}row_invoiced"),
      "ifnull({}total_paid, 0) <> (SELECT ifnull(sum(d.{}grand_total), 0) FROM sales_invoice d"
        .. " WHERE d.order_id = o.entity_id AND d.state = 2)",
      "ifnull({}total_refunded, 0) <> " .. REFUNDED:format("{}grand_total"),
      "ifnull({}tax_refunded, 0) <> " .. REFUNDED:format("{}tax_amount"),
      "ifnull({}subtotal_refunded, 0) <> " .. ITEM:format("{}amount_refunded"),
      "ifnull({}total_refunded, 0) <> ifnull({}total_online_refunded, 0)"
        .. " + ifnull({}total_offline_refunded, 0)",
      "ifnull({}total_refunded, 0) > ifnull({}total_paid, 0)",
      "{}total_canceled IS NOT NULL"
        .. " AND {}total_canceled <> {}grand_total - ifnull({}total_paid, 0)",
      "{}total_canceled <> {}subtotal_canceled + {}tax_canceled + {}shipping_canceled"
        .. " - {}discount_canceled",
      "{}total_due <> {}grand_total - ifnull({}total_paid, 0)",
      "{}grand_total < 0 OR {}discount_amount > 0",
    }
    for _, condition in ipairs(wrong) do
      for _, sql in ipairs(both(condition)) do
        assert.equal(0, count("sales_order o WHERE " .. sql), sql)
      end
    end
  end)

  it("adds up inside each document and each item", function()
    for _, name in ipairs { "sales_invoice", "sales_creditmemo" } do
      local more = name == "sales_creditmemo" and " + {}adjustment" or ""
      local ITEM = "(SELECT sum(i.%s) FROM " .. name .. "_item i WHERE i.parent_id = d.entity_id)"
      for _, condition in ipairs {
        "{}grand_total <> {}subtotal + {}discount_amount + {}tax_amount + {}shipping_amount"
          .. more,
        "{}subtotal <> " .. ITEM:format("{}row_total"),
        "{}tax_amount <> {}shipping_tax_amount + " .. ITEM:format("{}tax_amount"),
        "{}grand_total <= 0",
      } do
        for _, sql in ipairs(both(condition)) do
          assert.equal(0, count(name .. " d WHERE " .. sql), name .. ": " .. sql)
        end
      end
    end
    assert.equal(0, count("sales_order_item WHERE qty_ordered < qty_invoiced + qty_canceled"
      .. " OR qty_refunded > qty_invoiced OR qty_shipped > qty_invoiced OR qty_ordered < 1"))
    assert.equal(0, count("sales_order_item"
      .. " WHERE discount_amount < 0 OR row_total < discount_amount"))
  end)

  it("keeps states and amounts in step", function()
    for _, condition in ipairs {
      "state = 'canceled' AND (total_paid IS NOT NULL OR total_canceled <> grand_total)",
      "state = 'closed' AND total_refunded + adjustment_negative - adjustment_positive"
        .. " <> total_invoiced",
      "state = 'closed' AND (SELECT sum(qty_ordered - qty_refunded) FROM sales_order_item i"
        .. " WHERE i.order_id = o.entity_id) <> 0",
      "state = 'complete' AND total_canceled IS NULL AND total_paid <> grand_total",
      "state IN ('new', 'pending_payment', 'payment_review') AND total_invoiced IS NOT NULL",
      "state = 'processing' AND total_invoiced IS NULL",
      "state = 'holded' AND (hold_before_state IS NULL OR hold_before_status IS NULL)",
    } do
      assert.equal(0, count("sales_order o WHERE " .. condition), condition)
    end
  end)

  it("charges by rates that fit: base x rate within a cent a line", function()
    assert.equal(0, count("sales_order WHERE base_currency_code = order_currency_code"
      .. " AND (base_to_order_rate <> 10000 OR base_grand_total <> grand_total)"))
    assert.equal(0, count("sales_order WHERE base_currency_code <> order_currency_code"
      .. " AND base_to_order_rate = 10000"))
    assert.equal(0, count("sales_order"
      .. " WHERE base_currency_code = 'USD' AND base_to_global_rate <> 10000"))
    assert.equal(0, count [[sales_order_item i JOIN sales_order o ON o.entity_id = i.order_id
      WHERE abs(i.price * 10000 - i.base_price * base_to_order_rate) > 50 * 10000]])
  end)

  it("replaces an edited order: the chain is linked both ways", function()
    local orders = 0
    for id, increment, child, child_increment, state in db:rows [[
      SELECT entity_id, increment_id, relation_child_id, relation_child_real_id, state
      FROM sales_order WHERE relation_child_id IS NOT NULL]] do
      orders = orders + 1
      assert.equal("canceled", state)
      local found, parent, parent_increment, edits, original = db:row([[
        SELECT increment_id, relation_parent_id, relation_parent_real_id, edit_increment,
          original_increment_id FROM sales_order WHERE entity_id = ?]], tonumber(child))
      assert.equal(child_increment, found)
      assert.equal(tostring(id), parent)
      assert.equal(increment, parent_increment)
      assert.equal(("%s-%d"):format(original, edits), found)
    end
    assert.is_true(orders > 50)
    assert.equal(orders, count "sales_order WHERE relation_parent_id IS NOT NULL")
    assert.equal(5000, (db:row "SELECT count(DISTINCT increment_id) FROM sales_order"))
  end)

  it("gives a configurable product's line a child row that embeds its parent", function()
    assert.is_true(count "sales_order_item WHERE parent_item_id IS NOT NULL" > 1000)
    assert.equal(0, count [[sales_order_item c
      JOIN sales_order_item p ON p.item_id = c.parent_item_id
      WHERE p.sku <> c.sku OR p.product_type <> 'configurable' OR c.product_type <> 'simple'
      OR c.row_total <> 0 OR c.price <> 0 OR p.order_id <> c.order_id
      OR c.qty_ordered <> p.qty_ordered OR c.product_id = p.product_id]])
    assert.equal(0, count [[sales_order_item WHERE product_type = 'configurable' AND item_id NOT IN
      (SELECT parent_item_id FROM sales_order_item WHERE parent_item_id IS NOT NULL)]])
    assert.equal(0, count [[sales_order_item i LEFT JOIN catalog_product p ON p.sku = i.sku
      WHERE p.entity_id IS NULL]])
    local item = data.resources.order_items
    assert.equal(0, (db:row(([[WITH t AS MATERIALIZED (SELECT %s AS j FROM %s r LIMIT 3000)
      SELECT count(*) FROM t WHERE ifnull(json_extract(j, '$.parent_item.item_id'), 0)
        <> ifnull(json_extract(j, '$.parent_item_id'), 0)]]):format(item.json, item.table))))
  end)

  it("says the same in its JSON as in its columns", function()
    local sums = {
      orders = { "grand_total", "base_total_refunded", "tax_amount", "total_canceled" },
      order_items = { "row_total", "base_tax_amount", "discount_amount" },
      invoices = { "grand_total", "base_subtotal" },
      creditmemos = { "base_grand_total", "adjustment" },
      products = { "price", "weight" },
    }
    for name, fields in pairs(sums) do
      local resource = data.resources[name]
      local wrong = {}
      for i, field in ipairs(fields) do
        wrong[i] = ("CAST(round(json_extract(j, '$.%s') * 10000) AS INTEGER) IS NOT %s"):format(
          field, field)
      end
      -- MATERIALIZED: the JSON is made once a row, not once a comparison
      assert.equal(0, (db:row(("WITH t AS MATERIALIZED (SELECT %s AS j, r.* FROM %s r)"
        .. " SELECT count(*) FROM t WHERE %s"):format(resource.json, resource.table,
        table.concat(wrong, " OR ")))), name)
    end
  end)

  it("prints numbers as PHP does and each order with all its items", function()
    local orders = data.resources.orders
    for id, json in db:rows(("SELECT entity_id, %s FROM %s r WHERE entity_id %% 23 = 0"):format(
      orders.json, orders.table)) do
      assert.is_nil(json:find("[%d]%.%d*0[,}%]]"), id)
      assert.is_nil(json:find("%d[eE][+-]?%d+[,}]"), id)
      assert.same({ db:row("SELECT count(*) FROM sales_order_item WHERE order_id = ?", id) },
        { db:row("SELECT json_array_length(?, '$.items')", json) })
    end
  end)

  it("grows and has seasons", function()
    local first, second = db:row [[SELECT sum(created_at < '2025-07-01'),
      sum(created_at >= '2025-07-01') FROM sales_order]]
    assert.is_true(second > first * 1.2)
    local december, january = db:row [[SELECT sum(created_at LIKE '2025-12%'),
      sum(created_at LIKE '2026-01%') FROM sales_order]]
    assert.is_true(december > january * 1.5)
    local covered = db:row [[SELECT count(DISTINCT date(created_at)) FROM sales_order
      WHERE created_at BETWEEN '2026-01-01' AND '2026-07-01']]
    assert.is_true(covered > 175)
  end)

  describe("against Adobe's schema", function()
    local definitions = adobe_schema.read(adobe_schema.path())
    local names = {
      products = "catalog-data-product-interface",
      orders = "sales-data-order-interface",
      order_items = "sales-data-order-item-interface",
      invoices = "sales-data-invoice-interface",
      creditmemos = "sales-data-creditmemo-interface",
      customers = "customer-data-customer-interface",
    }

    local function check(name, json, faults)
      adobe_schema.check(definitions, name, adobe_schema.tree(db, json), faults)
    end

    it("has every required field, known fields only, and their types", function()
      if definitions == nil then
        pending("../shared is absent")
        return
      end
      assert.is_true(#definitions["sales-data-order-address-interface"].required > 6)
      local faults = {}
      for name, definition in pairs(names) do
        local resource = data.resources[name]
        for json in db:rows(("SELECT %s FROM %s r ORDER BY %s %% 41, %s LIMIT 250"):format(
          resource.json, resource.table, resource.key, resource.key)) do
          check(definition, json, faults)
        end
      end
      check("catalog-data-category-tree-interface", data.categories_json(db), faults)
      for config in db:rows("SELECT value FROM json_each(?)", data.store_configs_json(db)) do
        check("store-data-store-config-interface", config, faults)
      end
      check("catalog-data-product-interface",
        data.product_save(db, '{"product":{"sku":"bare"}}'), faults)
      data.product_delete(db, "bare")
      assert.same({}, faults)
    end)
  end)

  it("prints single things and trees", function()
    assert.is_nil(data.order_json(db, 999999))
    assert.equal(7, (db:row("SELECT json_extract(?, '$.entity_id')", data.order_json(db, 7))))
    assert.is_nil(data.product_json(db, "no such sku"))
    assert.is_nil(data.categories_json(db, 4711))
    local tree = data.categories_json(db)
    assert.equal(4, (db:row("SELECT max(json_extract(value, '$.level')) FROM json_tree(?)"
      .. " WHERE type = 'object'", tree)))
    assert.equal(0, (db:row("SELECT json_array_length(?, '$.children_data[0].children_data')",
      data.categories_json(db, nil, 1))))
    assert.equal(0, (db:row("SELECT json_array_length(?, '$.children_data')",
      data.categories_json(db, 2, 0))))
    assert.equal(4, (db:row("SELECT json_array_length(?)", data.store_configs_json(db))))
    assert.equal("de", (db:row("SELECT json_extract(?, '$[0].code')",
      data.store_configs_json(db, { "de", "nowhere" }))))
  end)
end)

describe("saving a product in the sandbox", function()
  local db

  before_each(function()
    db = make { products = 20, orders = 0, customers = 0 }
  end)

  after_each(function()
    db:close()
  end)

  local function get(json, path)
    return (db:row("SELECT json_extract(?, ?)", json, path))
  end

  it("creates one with believable defaults", function()
    local json = data.product_save(db,
      '{"product":{"sku":"A/B 1+2%","name":"Bag \\"L\\"","price":34.5,"typeId":"simple",'
      .. '"extension_attributes":{"stock_item":{"qty":7},"website_ids":[2],'
      .. '"category_links":[{"position":1,"category_id":"15"}]},'
      .. '"custom_attributes":[{"attribute_code":"color","value":"49"}]}}')
    assert.equal(21, get(json, "$.id"))
    assert.equal("A/B 1+2%", get(json, "$.sku"))
    assert.equal('Bag "L"', get(json, "$.name"))
    assert.equal(34.5, get(json, "$.price"))
    assert.equal(4, get(json, "$.attribute_set_id"))
    assert.equal(7, get(json, "$.extension_attributes.stock_item.qty"))
    assert.equal(1, get(json, "$.extension_attributes.stock_item.is_in_stock"))
    assert.equal("[2]", get(json, "$.extension_attributes.website_ids"))
    assert.equal("15", get(json, "$.extension_attributes.category_links[0].category_id"))
    assert.equal(json, data.product_json(db, "a/b 1+2%"))
  end)

  it("changes just the given fields, the path's SKU wins, custom attributes are merged", function()
    local sku = db:row "SELECT sku FROM catalog_product WHERE entity_id = 6"
    local before = data.product_json(db, sku)
    local json = data.product_save(db,
      '{"product":{"sku":"other","price":"12","custom_attributes":['
      .. '{"attribute_code":"meta_title","value":"New"},'
      .. '{"attribute_code":"thumbnail","value":null},'
      .. '{"attribute_code":"list","value":["1","2"]}]}}', sku)
    assert.equal(6, get(json, "$.id"))
    assert.equal(sku, get(json, "$.sku"))
    assert.equal(12, get(json, "$.price"))
    assert.equal(get(before, "$.name"), get(json, "$.name"))
    assert.equal(get(before, "$.extension_attributes.category_links"),
      get(json, "$.extension_attributes.category_links"))
    local function attribute(text, code)
      return (db:row("SELECT json_extract(value, '$.value')"
        .. " FROM json_each(?, '$.custom_attributes')"
        .. " WHERE json_extract(value, '$.attribute_code') = ?", text, code))
    end
    assert.equal("New", attribute(json, "meta_title"))
    assert.is_nil(attribute(json, "thumbnail"))
    assert.equal('["1","2"]', attribute(json, "list"))
    assert.equal(attribute(before, "url_key"), attribute(json, "url_key"))
    assert.equal(20, (db:row "SELECT count(*) FROM catalog_product"))
  end)

  it("deletes, once", function()
    local sku = db:row "SELECT sku FROM catalog_product WHERE entity_id = 7"
    assert.is_true(data.product_delete(db, sku))
    local done, failure = data.product_delete(db, sku)
    assert.is_nil(done)
    assert.equal(404, failure.status)
    assert.is_nil(data.product_json(db, sku))
    assert.equal(0, (db:row "SELECT count(*) FROM catalog_category_product WHERE product_id = 7"))
  end)

  local TYPE_ERROR = 'Error occurred during "%s" processing. The "%s" value\'s type is invalid. '
    .. 'The "%s" type was expected. Verify and try again.'
  local cases = {
    { "{", "Decoding error." },
    { "{}", '"%fieldName" is required. Enter and try again.', { fieldName = "product" } },
    { '{"product":[]}', '"%fieldName" is required. Enter and try again.',
      { fieldName = "product" } },
    { '{"product":{"price":1}}', '"%fieldName" is required. Enter and try again.',
      { fieldName = "sku" } },
    { '{"product":{"sku":"x","price":"abc"}}', TYPE_ERROR:format("price", "abc", "float") },
    { '{"product":{"sku":"x","price":[1]}}', TYPE_ERROR:format("price", "array", "float") },
    { '{"product":{"sku":"x","name":{"a":1}}}', TYPE_ERROR:format("name", "array", "string") },
    { '{"product":{"sku":"x","status":"0x10"}}', TYPE_ERROR:format("status", "0x10", "int") },
    { '{"product":{"sku":"x","price":-0.01}}',
      "Please enter a number 0 or greater in this field." },
    { '{"product":{"sku":"x","foo_bar":1}}',
      '"%fieldName" is not supported. Correct the field name and try again.',
      { fieldName = "FooBar" } },
    { '{"product":{"sku":"x","custom_attributes":[5]}}', "Not all parameters valid." },
    { '{"product":{"sku":"x","custom_attributes":5}}', "Not all parameters valid." },
    { '{"product":{"sku":"x","extension_attributes":"a"}}', "Not all parameters valid." },
  }
  for _, case in ipairs(cases) do
    it("refuses " .. case[1], function()
      local json, failure = data.product_save(db, case[1])
      assert.is_nil(json)
      assert.same({ status = 400, message = case[2], parameters = case[3] }, failure)
      assert.equal(20, (db:row "SELECT count(*) FROM catalog_product"))
    end)
  end
end)

describe("generating the sandbox's data", function()
  it("is quick and its memory does not grow with the sizes (printed, not asserted)", function()
    local box <close> = native.database.open(":memory:")
    collectgarbage()
    local started = os.clock()
    data.generate(box, { products = 2000, orders = 14000, customers = 3000 })
    local seconds = os.clock() - started
    local rows = 0
    for name in box:rows "SELECT name FROM sqlite_schema WHERE type = 'table'" do
      rows = rows + box:row("SELECT count(*) FROM " .. name)
    end
    print(("\n# %d rows in %.1f s: %d rows a second"):format(rows, seconds, rows / seconds // 1))
    assert.is_true(rows > 100000)
    assert.is_true(collectgarbage("count") < 64 * 1024)
  end)
end)
