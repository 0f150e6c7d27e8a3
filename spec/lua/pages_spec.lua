local accs = require "accs"
local errors = require "accs.error"
local pages = require "accs.pages"
local support = require "spec.support"

local CALLS_MAX = 50 -- a scan of these tests that asks more often has lost its way

-- A client whose service is a function of page number and size: for the shapes that no healthy
-- service sends.
local function scripted(answer)
  local client = { page_size = 2, calls = {}, items = pages.items, pages = pages.pages }
  function client:get(path, opts)
    local criteria = opts.query.searchCriteria
    self.calls[#self.calls + 1] = criteria
    assert(#self.calls <= CALLS_MAX, "the scan does not end")
    local data, err = answer(criteria.currentPage or 1, criteria.pageSize, #self.calls)
    if err then
      return nil, err
    end
    return { status = 200, url = "https://example.com" .. path, data = data, attempts = 1 }
  end
  return client
end

local function rows(from, to, name)
  local list = {}
  for id = from, to do
    list[#list + 1] = { [name or "entity_id"] = id }
  end
  return list
end

-- A service with so many rows.
local function list_of(count, past_the_end)
  return function(page, size)
    local first = (page - 1) * size + 1
    if first > count and past_the_end then
      return past_the_end(count, size)
    end
    return { items = rows(first, math.min(count, first + size - 1)), total_count = count }
  end
end

local function collect(client, path, search, opts)
  local found = {}
  local scan <close> = client:items(path, search, opts)
  for item in scan do
    found[#found + 1] = type(item) == "table" and (item.entity_id or item.id or item.sku) or item
  end
  return found, scan:verdict(), scan
end

describe("a scan ends", function()
  local function last_again(count, size)
    local first = (math.ceil(count / size) - 1) * size + 1
    return { items = rows(first, count), total_count = count }
  end
  local ends = {
    { "an empty page", function(count) return { items = {}, total_count = count } end },
    { "items: null", function(count) return { items = accs.null, total_count = count } end },
    { "the last page again", last_again },
  }
  for _, case in ipairs(ends) do
    it("by the count, where the service would send " .. case[1], function()
      local client = scripted(list_of(6, case[2]))
      local found, verdict = collect(client, "/V1/orders")
      assert.same({ 1, 2, 3, 4, 5, 6 }, found)
      assert.equal(3, #client.calls)
      assert.is_true(verdict.complete)
      assert.equal(6, verdict.announced)
    end)

    it("at " .. case[1] .. " when there is no count", function()
      local healthy = list_of(6, case[2])
      local client = scripted(function(page, size)
        local data = healthy(page, size)
        data.total_count = nil
        return data
      end)
      assert.same({ 1, 2, 3, 4, 5, 6 }, (collect(client, "/V1/unheard/of")))
      assert.equal(4, #client.calls)
    end)
  end

  it("at a short page when there is no count", function()
    local client = scripted(function(page, size)
      return { items = rows((page - 1) * size + 1, math.min(5, page * size)) }
    end)
    assert.same({ 1, 2, 3, 4, 5 }, (collect(client, "/V1/unheard/of")))
    assert.equal(3, #client.calls)
  end)

  it("although the count says more than there is, and says so", function()
    local client = scripted(function(page, size)
      return { items = page == 1 and rows(1, size) or {}, total_count = 9 }
    end)
    local found, verdict = collect(client, "/V1/orders")
    assert.same({ 1, 2 }, found)
    assert.equal(7, verdict.gaps)
    assert.is_false(verdict.complete)
  end)

  it("when an endless service repeats one page without a count", function()
    local client = scripted(function() return { items = rows(1, 2) } end)
    assert.same({ 1, 2 }, (collect(client, "/V1/unheard/of")))
  end)

  it("when the store shrinks meanwhile, and suspects a gap", function()
    local client = scripted(function(page)
      if page == 1 then
        return { items = rows(1, 2), total_count = 5 }
      end
      return { items = page == 2 and rows(4, 5) or {}, total_count = 4 }
    end)
    local found, verdict = collect(client, "/V1/orders")
    assert.same({ 1, 2, 4, 5 }, found)
    assert.equal(1, verdict.gaps)
    assert.is_false(verdict.complete)
  end)

  it("when the store grows meanwhile, with the new rows", function()
    local client = scripted(function(page, size)
      local count = page == 1 and 3 or 4
      local list = rows((page - 1) * size + 1, math.min(count, page * size))
      return { items = list, total_count = count }
    end)
    local found, verdict = collect(client, "/V1/orders")
    assert.same({ 1, 2, 3, 4 }, found)
    assert.is_true(verdict.complete)
  end)

  it("without a row when there is none", function()
    for _, none in ipairs { { items = {}, total_count = 0 }, { items = accs.null, total_count = 0 },
      { total_count = 0 } } do
      local found, verdict = collect(scripted(function() return none end), "/V1/orders")
      assert.same({}, found)
      assert.is_true(verdict.complete)
    end
  end)
end)

describe("a page", function()
  it("may be a bare array", function()
    local client = scripted(function(page, size)
      return page == 1 and rows(1, size, "agreement_id") or rows(3, 3, "agreement_id")
    end)
    local count = 0
    for _ in client:items("/V1/carts/licence/list") do
      count = count + 1
    end
    assert.equal(3, count)
  end)

  it("may be an empty object in place of a list reply", function()
    local found, verdict = collect(scripted(function() return {} end), "/V1/unheard/of")
    assert.same({}, found)
    assert.is_true(verdict.complete)
  end)

  it("of a known list without a count is not vouched for", function()
    local _, verdict = collect(scripted(function() return {} end), "/V1/orders")
    assert.is_false(verdict.complete)
    assert.truthy(verdict.reason:find("how many", 1, true))
  end)

  it("may carry its count as text", function()
    local client = scripted(function(page, size)
      return { items = rows((page - 1) * size + 1, page * size), total_count = "4" }
    end)
    assert.same({ 1, 2, 3, 4 }, (collect(client, "/V1/orders")))
    assert.equal(2, #client.calls)
  end)

  it("may count itself where the list is known for it", function()
    local sizes = { 2, 1, 2, 0 } -- rows that are not assigned are left out of their page
    local client = scripted(function(page)
      local first = page * 10
      local list = rows(first, first + sizes[page] - 1, "sku")
      return { items = list, total_count = #list }
    end)
    local found = collect(client, "/V1/inventory/export-stock-salable-qty/website/base")
    assert.same({ 10, 11, 20, 30, 31 }, found)
  end)

  for name, wrong in pairs { number = 5, text = "x", boolean = true, object = { sku = "a" } } do
    it("that is a " .. name .. " raises an error object", function()
      local ok, err = pcall(collect, scripted(function() return wrong end), "/V1/orders")
      assert.is_false(ok)
      assert.is_true(errors.is(err))
      assert.equal("decode", err.kind)
      assert.truthy(tostring(err):find("did not answer with a list", 1, true))
    end)
  end

  it("that repeats a row hands it over once", function()
    local client = scripted(function(page)
      return { items = page == 1 and rows(1, 2) or rows(2, 3), total_count = 4 }
    end)
    local found, verdict = collect(client, "/V1/orders")
    assert.same({ 1, 2, 3 }, found)
    assert.equal(1, verdict.duplicates)
    assert.equal(1, verdict.gaps)
  end)
end)

describe("the largest page of a tenant", function()
  local function capped(max)
    return scripted(function(page, size)
      if size > max then
        return nil, errors.new { kind = "http", status = 400, message = "too large",
          response = { data = { message = "Strona za duża", parameters = { max = max } } } }
      end
      return list_of(7)(page, size)
    end)
  end

  it("is learned from its refusal and remembered for the client", function()
    local client = capped(3)
    local big = accs.search():page_size(1000)
    assert.same({ 1, 2, 3, 4, 5, 6, 7 }, (collect(client, "/V1/orders", big)))
    assert.equal(4, #client.calls)
    assert.equal(1000, client.calls[1].pageSize)
    assert.same({ 1, 2, 3, 4, 5, 6, 7 }, (collect(client, "/V1/orders", big)))
    assert.equal(7, #client.calls)
  end)

  it("does not move a page that was asked for by its number", function()
    local client = capped(3)
    local big = accs.search():page_size(5)
    collect(client, "/V1/orders", big)
    local ok, err = pcall(collect, client, "/V1/orders", big:page(2))
    assert.is_false(ok)
    assert.equal(400, err.status)
  end)

  it("is not taken from another 400", function()
    local client = scripted(function()
      return nil, errors.new { kind = "http", status = 400, message = "no",
        response = { data = { parameters = { "foo" } } } }
    end)
    local ok, err = pcall(collect, client, "/V1/orders")
    assert.is_false(ok)
    assert.equal("no", err.message)
    assert.equal(1, #client.calls)
  end)
end)

describe("an iterator", function()
  it("raises the error object of a call, and does not vouch for what came before", function()
    local client = scripted(function(page, size)
      if page == 2 then
        return nil, errors.new { kind = "network", message = "gone" }
      end
      return list_of(9)(page, size)
    end)
    local scan <close> = client:items("/V1/orders")
    local ok, err = pcall(function() for _ in scan do end end)
    assert.is_false(ok)
    assert.equal("network", err.kind)
    assert.is_false(scan:verdict().complete)
    assert.equal("the scan ended with an error", scan:verdict().reason)
    assert.is_nil(scan())
  end)

  it("asks for nothing more after break", function()
    local client = scripted(list_of(9))
    for item in client:items("/V1/orders") do
      if item.entity_id == 2 then
        break
      end
    end
    assert.equal(1, #client.calls)
  end)

  it("that was left early says what it delivered", function()
    local client = scripted(list_of(9))
    local scan = client:items("/V1/orders")
    for item in scan do
      if item.entity_id == 3 then
        break
      end
    end
    scan:close()
    assert.equal(3, scan:verdict().delivered)
    assert.is_false(scan:verdict().complete)
  end)

  it("gives four values, so that for closes it", function()
    local scan, state, control, closing = scripted(list_of(1)):items("/V1/orders")
    assert.is_nil(state)
    assert.is_nil(control)
    assert.equal(scan, closing)
  end)

  it("knows its position", function()
    local scan <close> = scripted(list_of(5)):items("/V1/orders")
    assert.same({ page = 0, index = 0, size = 2, delivered = 0 }, scan:position())
    scan() scan() scan()
    assert.same({ page = 2, index = 1, size = 2, delivered = 3, announced = 5 }, scan:position())
  end)

  it("of pages gives the rows of each", function()
    local seen = {}
    for page in scripted(list_of(5)):pages("/V1/orders") do
      seen[#seen + 1] = page.number .. ":" .. #page.items .. "/" .. page.total_count
    end
    assert.same({ "1:2/5", "2:2/5", "3:1/5" }, seen)
  end)

  it("works inside a user's own coroutine", function()
    local client = scripted(list_of(5))
    local numbers = coroutine.wrap(function()
      for item in client:items("/V1/orders") do
        coroutine.yield(item.entity_id)
      end
    end)
    assert.equal(1, numbers())
    assert.equal(2, numbers())
    assert.equal(3, numbers())
  end)
end)

describe("a limit", function()
  for limit = 1, 6 do
    it("of " .. limit .. " gives as many rows, and is complete with them", function()
      local client = scripted(list_of(5))
      local found, verdict = collect(client, "/V1/orders", nil, { limit = limit })
      assert.equal(math.min(limit, 5), #found)
      assert.is_true(verdict.complete)
      assert.equal(#found, verdict.delivered)
    end)
  end

  it("makes the page no larger than itself", function()
    local client = scripted(list_of(5))
    collect(client, "/V1/orders", accs.search():page_size(300), { limit = 3 })
    assert.equal(3, client.calls[1].pageSize)
    assert.equal(1, #client.calls)
  end)

  for _, wrong in ipairs { 0, -1, 1.5, "3" } do
    it("is not " .. tostring(wrong), function()
      local client = scripted(list_of(5))
      assert.has_error(function() client:items("/V1/orders", nil, { limit = wrong }) end)
    end)
  end
end)

describe("the arguments of a scan", function()
  it("sort by the list's key unless the search has an order", function()
    local client = scripted(list_of(1))
    collect(client, "/V1/orders")
    assert.same({ { field = "entity_id", direction = "ASC" } }, client.calls[1].sortOrders)
    collect(client, "/V1/orders", accs.search():sort("created_at", "DESC"))
    assert.same({ { field = "created_at", direction = "DESC" } }, client.calls[2].sortOrders)
    collect(client, "/V1/unheard/of")
    assert.is_nil(client.calls[3].sortOrders)
  end)

  it("fetch the key beside the chosen fields", function()
    local asked = {}
    local client = { page_size = 2, items = pages.items }
    function client.get(_, _, opts)
      asked[#asked + 1] = opts.query.fields
      return { data = { items = {}, total_count = 0 } }
    end
    for _, case in ipairs {
      { "/V1/products", "sku", "items[sku,id],total_count" },
      { "/V1/products", "sku,extension_attributes[stock_item[id]]",
        "items[sku,extension_attributes[stock_item[id]],id],total_count" },
      { "/V1/products", "id,sku", "items[id,sku],total_count" },
      { "/V1/inventory/source-items", "quantity", "items[quantity,sku,source_code],total_count" },
      { "/V1/products", "items", "items,total_count" },
      { "/V1/unheard/of", "sku", "items[sku],total_count" },
    } do
      collect(client, case[1], accs.search():fields(case[2]))
      assert.equal(case[3], asked[#asked])
    end
  end)

  it("may begin with a later page", function()
    local client = scripted(list_of(5))
    local found, verdict = collect(client, "/V1/orders", accs.search():page(2))
    assert.same({ 3, 4, 5 }, found)
    assert.equal(3, verdict.announced)
    assert.is_true(verdict.complete)
    assert.equal(2, #client.calls)
  end)

  it("keep the page size when they begin with a later page", function()
    local found = collect(scripted(list_of(9)), "/V1/orders", accs.search():page(3):page_size(3),
      { limit = 2 })
    assert.same({ 7, 8 }, found)
  end)

  it("refuse an OR with a filter that the service always ANDs", function()
    local client = scripted(list_of(1))
    local search = accs.search():any({ "category_id", "eq", 5 }, { "sku", "eq", "x" })
    local ok, message = pcall(client.items, client, "/V1/products", search)
    assert.is_false(ok)
    assert.truthy(message:find("category_id", 1, true))
    assert.equal(0, #client.calls)
    collect(client, "/V1/products", accs.search():where("category_id", "eq", 5))
    search = accs.search():any({ "store_id", "eq", 5 }, { "status", "eq", "x" })
    collect(client, "/V1/orders", search)
    assert.equal(2, #client.calls)
  end)

  it("refuse an unknown option with a suggestion", function()
    local ok, message = pcall(pages.items, scripted(list_of(1)), "/V1/orders", nil, { limt = 5 })
    assert.is_false(ok)
    assert.truthy(message:find('did you mean "limit"', 1, true), message)
  end)

  it("refuse a search that is none", function()
    assert.has_error(function() scripted(list_of(1)):items("/V1/orders", { page_size = 5 }) end)
  end)
end)

describe("a scan of a sandbox", function()
  for _, args in ipairs { {}, { "--repeat-last-page" } } do
    it("asks for three pages of two for five products " .. table.concat(args), function()
      local box = support.shared_sandbox { products = 5, args = args }
      local before = box:count("GET /V1/products")
      local client <close> = box:client()
      local search = accs.search():page_size(2):fields("id,sku")
      local found, verdict = collect(client, "/V1/products", search)
      assert.equal(5, #found)
      assert.is_true(verdict.complete)
      assert.equal(5, verdict.announced)
      assert.equal(3, box:count("GET /V1/products") - before)
    end)

    it("stops past the end when the pages are full " .. table.concat(args), function()
      local box = support.shared_sandbox { products = 6, args = args }
      local before = box:count("GET /V1/products")
      local client <close> = box:client()
      local found = collect(client, "/V1/products", accs.search():page_size(3))
      assert.equal(6, #found)
      assert.equal(2, box:count("GET /V1/products") - before)
    end)
  end

  it("goes on with the largest page that is allowed", function()
    local box = support.shared_sandbox { products = 5 }
    local client <close> = box:client()
    local before = box:count("GET /V1/products", 400)
    for _ = 1, 2 do
      assert.equal(5, #collect(client, "/V1/products", accs.search():page_size(1000)))
    end
    assert.equal(1, box:count("GET /V1/products", 400) - before)
  end)

  it("finds what a search says", function()
    local box = support.shared_sandbox { orders = 50 }
    local client <close> = box:client()
    local open, count = accs.search():where("status", "in", { "pending", "processing" }), 0
    for order in client:items("/V1/orders", open) do
      assert.truthy(order.status == "pending" or order.status == "processing")
      count = count + 1
    end
    for order in client:items("/V1/orders") do
      count = count - ((order.status == "pending" or order.status == "processing") and 1 or 0)
    end
    assert.equal(0, count)
  end)

  it("raises the service's own words, with a hint", function()
    local box = support.shared_sandbox { products = 5 }
    local client <close> = box:client()
    local ok, err = pcall(collect, client, "/V1/products", accs.search():where("colour_", "eq", 1))
    assert.is_false(ok)
    assert.equal("http", err.kind)
    assert.equal(400, err.status)
    assert.truthy(tostring(err):find("colour_", 1, true), tostring(err))
  end)

  it("does not vouch for rows when one before them went away meanwhile", function()
    local box <close> = support.sandbox { products = 8 }
    local client <close> = box:client()
    local skus = {}
    local scan <close> = client:items("/V1/products", accs.search():page_size(3):fields("sku"))
    for product in scan do
      skus[#skus + 1] = product.sku
      if #skus == 3 then
        assert(client:delete("/V1/products/{sku}", { params = { sku = skus[1] } }))
      end
    end
    assert.equal(7, #skus)
    assert.equal(1, scan:verdict().gaps)
    assert.is_false(scan:verdict().complete)
  end)

  it("takes a row that came meanwhile", function()
    local box <close> = support.sandbox { products = 5 }
    local client <close> = box:client()
    local count = 0
    local scan <close> = client:items("/V1/products", accs.search():page_size(2))
    for _ in scan do
      count = count + 1
      if count == 2 then
        assert(client:post("/V1/products", { product = { sku = "new", name = "New", price = 1,
          attribute_set_id = 4, type_id = "simple" } }))
      end
    end
    assert.equal(6, count)
    assert.is_true(scan:verdict().complete)
  end)

  it("runs beside another in tasks", function()
    local box = support.shared_sandbox { orders = 50 }
    local client <close> = box:client()
    local function scan(path)
      return function()
        return #collect(client, path, accs.search():page_size(7))
      end
    end
    local counts = assert(accs.all { scan("/V1/orders"), scan("/V1/customers/search") })
    assert.same({ 50, 10 }, { counts[1], counts[2] })
  end)
end)
