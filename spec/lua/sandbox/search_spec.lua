local driver = require "spec.lua.sandbox.driver"
local native = require "accs.sandbox.native"
local support = require "spec.support"

local ORDERS, PRODUCTS = 60, 40

describe("a search", function()
  local box, tenant, db, dir

  setup(function()
    dir = support.temp_dir()
    box = driver.start {
      products = PRODUCTS, orders = ORDERS, customers = 20, db = dir.path .. "/shop.db",
    }
    tenant = driver.tenant(box)
    db = native.database.open(dir.path .. "/shop.db")
    -- an order at midnight sharp, so that the cases below tell gt from gteq
    db:run("UPDATE sales_order SET created_at = '2025-07-01 00:00:00' WHERE entity_id = 7")
  end)

  teardown(function()
    db:close()
    box:close()
    dir:remove()
  end)

  -- The keys of all items, sorted.
  local function keys_of(path, key, pairs_)
    pairs_[#pairs_ + 1] = { "searchCriteria[pageSize]", "0" }
    local reply = tenant:get(path, pairs_)
    assert.equal(200, reply.status, reply.body)
    local keys = {}
    for i, item in ipairs(reply.data.items) do
      keys[i] = math.tointeger(item[key])
    end
    table.sort(keys)
    assert.equal(#keys, reply.data.total_count)
    return keys
  end

  local function keys_in_sql(sql)
    local keys = {}
    for key in db:rows(sql) do
      keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
  end

  -- field, condition (nil: not sent), value, and the same in SQL over the tables
  for _, case in ipairs {
    { "entity_id", "eq", "5", "entity_id = 5" },
    { "entity_id", nil, "5", "entity_id = 5" },
    { "entity_id", "", "5", "entity_id = 5" },
    { "entity_id", "eq", "5abc", "entity_id = 5" },
    { "entity_id", "gt", "50.5", "entity_id >= 51" },
    { "entity_id", "gt", "30", "entity_id > 30" },
    { "entity_id", "gteq", "30", "entity_id > 29" },
    { "entity_id", "from", "30", "entity_id > 29" },
    { "entity_id", "lt", "30", "entity_id < 30" },
    { "entity_id", "lteq", "30", "entity_id < 31" },
    { "entity_id", "to", "30", "entity_id < 31" },
    { "grand_total", "gt", "100", "grand_total > 1000000" },
    { "grand_total", "lt", "99.5", "grand_total < 995000" },
    { "base_grand_total", "gteq", "50", "base_grand_total >= 500000" },
    { "base_grand_total", "lteq", "50", "base_grand_total <= 500000" },
    { "status", "eq", "complete", "status = 'complete'" },
    { "status", "eq", "COMPLETE", "status = 'complete'" },
    { "status", "neq", "complete", "status <> 'complete'" },
    { "coupon_code", "neq", "nothing", "coupon_code IS NOT NULL" },
    { "status", "in", "complete,closed", "status IN ('complete', 'closed')" },
    { "status", "in", "complete, closed", "status = 'complete'" },
    { "entity_id", "in", "1, 2,40", "entity_id IN (1, 2, 40)" },
    { "status", "nin", "complete,closed", "status NOT IN ('complete', 'closed')" },
    { "status", "like", "%C%ED", "status LIKE 'c%ed' OR status LIKE '%c%ed'" },
    { "status", "like", "c_osed", "status = 'closed'" },
    { "status", "nlike", "c%", "status NOT LIKE 'c%'" },
    { "created_at", "gt", "2025-07-01", "created_at > '2025-07-01 00:00:00'" },
    { "created_at", "from", "2025-07-01 12:00:00", "created_at >= '2025-07-01 12:00:00'" },
    { "created_at", "eq", "2025-07-01", "entity_id = 7" },
    { "created_at", "eq", "2025-07-01T00:00:00", "entity_id = 7" },
    { "created_at", "gteq", "2025-07-01", "created_at >= '2025-07-01 00:00:00'" },
    { "created_at", "to", "2025-07-01", "created_at <= '2025-07-01 00:00:00'" },
    { "customer_id", "null", "whatever", "customer_id IS NULL" },
    { "customer_id", "notnull", nil, "customer_id IS NOT NULL" },
    { "applied_rule_ids", "finset", "1", "',' || applied_rule_ids || ',' LIKE '%,1,%'" },
    { "applied_rule_ids", "nfinset", "1", "',' || applied_rule_ids || ',' NOT LIKE '%,1,%'" },
    { "applied_rule_ids", "finset", "1,2", "0" },
    { "entity_id", "moreq", "30", "entity_id = 30" },
    { "entity_id", "GT", "30", "entity_id = 30" },
    { "status", "eq", "' OR 1=1 --", "0" },
  } do
    it(("of orders by %s %s %s"):format(case[1], case[2], case[3]), function()
      assert.same(keys_in_sql("SELECT entity_id FROM sales_order WHERE " .. case[4]),
        keys_of("/V1/orders", "entity_id", driver.search { { case[1], case[2], case[3] } }))
    end)
  end

  it("meets rows that its cases tell apart", function()
    for _, sql in ipairs {
      "status = 'complete'", "status = 'closed'", "customer_id IS NULL", "customer_id IS NOT NULL",
      "coupon_code IS NULL", "coupon_code IS NOT NULL", "applied_rule_ids IS NOT NULL",
      "grand_total > 1000000", "grand_total < 995000",
    } do
      local count = db:row("SELECT count(*) FROM sales_order WHERE " .. sql)
      assert.is_true(count > 0 and count < ORDERS, sql .. ": " .. count)
    end
  end)

  it("takes the keys in both spellings", function()
    for _, names in ipairs {
      { "searchCriteria[filterGroups][0][filters][0][conditionType]",
        "searchCriteria[filterGroups][0][filters][0]" },
      { "search_criteria[filter_groups][0][filters][0][condition_type]",
        "search_criteria[filter_groups][0][filters][0]" },
      { "searchCriteria[filter_groups][7][filters][x][condition_type]",
        "searchCriteria[filter_groups][7][filters][x]" },
    } do
      local root = names[1]:match("^[^%[]+")
      local reply = tenant:get("/V1/orders", { { names[1], "lteq" }, { names[2] .. "[value]", "3" },
        { names[2] .. "[field]", "entity_id" }, { root .. "[pageSize]", "10" } })
      assert.equal(3, reply.data.total_count)
      assert.equal(10, reply.data.search_criteria.page_size)
    end
  end)

  it("ORs filters within a group and ANDs groups", function()
    local pairs_ = {}
    for i, filter in ipairs { { 0, 0, "3", "eq" }, { 0, 1, "9", "eq" }, { 1, 0, "5", "gt" } } do
      local prefix = ("searchCriteria[filter_groups][%d][filters][%d]"):format(filter[1], filter[2])
      pairs_[3 * i - 2] = { prefix .. "[field]", "entity_id" }
      pairs_[3 * i - 1] = { prefix .. "[value]", filter[3] }
      pairs_[3 * i] = { prefix .. "[condition_type]", filter[4] }
    end
    assert.same({ 9 }, keys_of("/V1/orders", "entity_id", pairs_))
  end)

  it("on products compares an unknown condition with the attribute's name, which is 0", function()
    tenant:call("POST", "/V1/products", nil, '{"product":{"sku":"free","name":"Free","price":0}}')
    tenant:call("POST", "/V1/products", nil, '{"product":{"sku":"p77","name":"P","price":77.25}}')
    assert.same(keys_in_sql("SELECT entity_id FROM catalog_product WHERE price IN (0, 772500)"),
      keys_of("/V1/products", "id", driver.search { { "price", "moreq", "77.25" } }))
    assert.is_true(#keys_in_sql("SELECT 1 FROM catalog_product WHERE price > 772500") > 0)
    tenant:call("DELETE", "/V1/products/free")
    tenant:call("DELETE", "/V1/products/p77")
  end)

  it("on products loses rows without a value from an OR, but not with null", function()
    local sku = "no-special-price"
    tenant:call("POST", "/V1/products", nil, '{"product":{"sku":"' .. sku .. '","name":"N"}}')
    local prefix = "searchCriteria[filter_groups][0][filters]"
    local function find(condition)
      return tenant:get("/V1/products", {
        { prefix .. "[0][field]", "sku" }, { prefix .. "[0][value]", sku },
        { prefix .. "[1][field]", "special_price" }, { prefix .. "[1][condition_type]", condition },
        { prefix .. "[1][value]", "1000000" }, { "searchCriteria[pageSize]", "0" },
      }).data.items
    end
    for _, item in ipairs(find("lt")) do
      assert.not_equal(sku, item.sku)
    end
    local found = false
    for _, item in ipairs(find("null")) do
      found = found or item.sku == sku
    end
    assert.is_true(found)
    tenant:call("DELETE", "/V1/products/" .. sku)
  end)

  it("on products ANDs category_id even inside a group", function()
    local category, count = db:row("SELECT category_id, count(*) FROM catalog_category_product "
      .. "GROUP BY category_id ORDER BY count(*) LIMIT 1")
    assert.is_true(count < PRODUCTS)
    local prefix = "searchCriteria[filter_groups][0][filters]"
    local keys = keys_of("/V1/products", "id", {
      { prefix .. "[0][field]", "category_id" }, { prefix .. "[0][value]", tostring(category) },
      { prefix .. "[1][field]", "entity_id" }, { prefix .. "[1][value]", "0" },
      { prefix .. "[1][condition_type]", "gt" },
    })
    assert.same(keys_in_sql("SELECT product_id FROM catalog_category_product WHERE category_id = "
      .. category), keys)
  end)

  describe("sorts", function()
    local function first_ids(sorts)
      local pairs_ = { { "searchCriteria[pageSize]", "0" } }
      for i, sort in ipairs(sorts) do
        local prefix = ("searchCriteria[sortOrders][%d]"):format(i - 1)
        pairs_[#pairs_ + 1] = { prefix .. "[field]", sort[1] }
        if sort[2] then
          pairs_[#pairs_ + 1] = { prefix .. "[direction]", sort[2] }
        end
      end
      local ids = {}
      for i, item in ipairs(tenant:get("/V1/orders", pairs_).data.items) do
        ids[i] = math.tointeger(item.entity_id)
      end
      return ids
    end

    local function ids_in_sql(order)
      local ids = {}
      for id in db:rows("SELECT entity_id FROM sales_order ORDER BY " .. order) do
        ids[#ids + 1] = id
      end
      return ids
    end

    for _, case in ipairs {
      { "down without a direction", { { "entity_id" } }, "entity_id DESC" },
      { "up", { { "grand_total", "ASC" } }, "grand_total, entity_id" },
      { "with the direction in small letters", { { "entity_id", "asc" } }, "entity_id" },
      { "by several fields in turn", { { "status", "ASC" }, { "grand_total", "DESC" } },
        "status, grand_total DESC, entity_id DESC" },
    } do
      it(case[1], function()
        assert.same(ids_in_sql(case[3]), first_ids(case[2]))
      end)
    end
  end)

  describe("pages", function()
    local function page(parameters, path)
      local reply = tenant:get(path or "/V1/orders", parameters)
      assert.equal(200, reply.status, reply.body)
      return reply.data
    end

    it("hold 20 by default, and the echo says so", function()
      local data = page { { "searchCriteria" } }
      assert.equal(20, #data.items)
      assert.equal(20, data.search_criteria.page_size)
      assert.equal(ORDERS, data.total_count)
      assert.is_nil(data.search_criteria.current_page)
    end)

    it("below the first are the first", function()
      for _, number in ipairs { "0", "-3" } do
        local data = page { { "searchCriteria[pageSize]", "7" },
          { "searchCriteria[currentPage]", number } }
        assert.equal(1, data.items[1].entity_id)
        assert.equal(tonumber(number), data.search_criteria.current_page)
      end
    end)

    it("follow one another, and are empty past the end", function()
      local size, seen = 25, {}
      for number = 1, 3 do
        for _, item in ipairs(page { { "searchCriteria[pageSize]", size },
          { "searchCriteria[currentPage]", number } }.items) do
          seen[#seen + 1] = item.entity_id
        end
      end
      assert.equal(ORDERS, #seen)
      local past = tenant:get("/V1/orders", { { "searchCriteria[pageSize]", size },
        { "searchCriteria[currentPage]", 99 } })
      assert.truthy(past.body:find('^{"items":%[%],'))
      assert.equal(ORDERS, past.data.total_count)
      assert.equal(99, past.data.search_criteria.current_page)
    end)

    it("have no size 0: that is everything", function()
      assert.equal(ORDERS, #page { { "searchCriteria[pageSize]", "0" } }.items)
    end)

    it("are at most 300, but for the spelling page_size", function()
      local reply = tenant:get("/V1/orders", { { "searchCriteria[pageSize]", "301" } })
      assert.equal(400, reply.status)
      assert.equal('{"message":"Maximum SearchCriteria pageSize is %max","parameters":{"max":300}}',
        reply.body)
      assert.equal(300, page { { "searchCriteria[pageSize]", "300" } }.search_criteria.page_size)
      assert.equal(1000, page { { "searchCriteria[page_size]", "1000" } }.search_criteria.page_size)
    end)

    it("may have a size with a fraction, which is cut", function()
      assert.equal(2, #page { { "searchCriteria[pageSize]", "2.9" } }.items)
    end)
  end)

  it("echoes what was asked, without what was not", function()
    local filters = { { "status", nil, "a \"quoted\" ü" }, { "customer_id", "null" } }
    local pairs_ = driver.search(filters, {
      { "searchCriteria[sortOrders][0][field]", "entity_id" },
      { "searchCriteria[sortOrders][0][direction]", "asc" },
      { "searchCriteria[pageSize]", "5" }, { "searchCriteria[currentPage]", "2" },
    })
    assert.equal('{"items":[],"search_criteria":{"filter_groups":['
      .. '{"filters":[{"field":"status","value":"a \\"quoted\\" ü","condition_type":"eq"}]},'
      .. '{"filters":[{"field":"customer_id","condition_type":"null"}]}],'
      .. '"sort_orders":[{"field":"entity_id","direction":"ASC"}],"page_size":5,"current_page":2},'
      .. '"total_count":0}', tenant:get("/V1/orders", pairs_).body)
  end)

  it("lists every resource", function()
    for path, sql in pairs {
      ["/V1/products"] = "catalog_product", ["/V1/orders"] = "sales_order",
      ["/V1/orders/items"] = "sales_order_item", ["/V1/invoices"] = "sales_invoice",
      ["/V1/creditmemos"] = "sales_creditmemo", ["/V1/customers/search"] = "customer",
    } do
      local reply = tenant:get(path, { { "searchCriteria", "" } })
      assert.equal(200, reply.status, path)
      assert.equal(db:row("SELECT count(*) FROM " .. sql), reply.data.total_count, path)
      assert.is_true(#reply.data.items > 0, path)
    end
  end)
end)

describe("a search without input limits", function()
  it("gives everything when no size is asked for", function()
    local box <close> = driver.start {
      products = 30, orders = 30, customers = 5, args = { "--page-limit", "0" },
    }
    local tenant = driver.tenant(box)
    local data = tenant:get("/V1/orders", { { "searchCriteria", "" } }).data
    assert.equal(30, #data.items)
    assert.is_nil(data.search_criteria.page_size)
    assert.equal(200, tenant:get("/V1/orders", { { "searchCriteria[pageSize]", "5000" } }).status)
  end)
end)

describe("--repeat-last-page", function()
  it("gives the last page again past the end", function()
    local box <close> = driver.start {
      products = 5, orders = 5, customers = 5, args = { "--repeat-last-page" },
    }
    local tenant = driver.tenant(box)
    local function page(number)
      return tenant:get("/V1/orders", { { "searchCriteria[pageSize]", "2" },
        { "searchCriteria[currentPage]", number } }).data
    end
    assert.equal(1, #page(3).items)
    assert.same(page(3).items, page(4).items)
    assert.equal(99, page(99).search_criteria.current_page)
  end)
end)
