-- A list of which nothing is known, and whose total_count counts the rows of the page, ended behind
-- its first page, and the scan called itself complete.
local pages = require "accs.pages"

local function scan_of(path, rows, count)
  local client = { page_size = 5, items = pages.items, calls = 0 }
  function client.get(_, _, opts)
    client.calls = client.calls + 1
    assert(client.calls < 20, "the scan does not end")
    local first, items = (opts.query.searchCriteria.currentPage - 1) * 5, {}
    for place = first + 1, math.min(first + 5, rows) do
      items[#items + 1] = { entity_id = place }
    end
    return { status = 200, data = { items = items, total_count = count(#items) } }
  end
  local found = 0
  local scan <close> = client:items(path)
  for row in scan do
    found = found + 1
    assert.equal(found, row.entity_id)
  end
  return found, scan:verdict().complete, client.calls
end

local function of_page(count) return count end

describe("a list that counts the rows of the page", function()
  it("is read to its end, without a word for its being whole", function()
    for rows, calls in pairs { [12] = 3, [15] = 4, [6] = 2 } do
      assert.same({ rows, false, calls }, { scan_of("/V1/not/known", rows, of_page) })
    end
  end)

  it("costs one call more only when a first page holds just what was counted", function()
    assert.same({ 5, true, 2 }, { scan_of("/V1/not/known", 5, function() return 5 end) })
    assert.same({ 4, true, 1 }, { scan_of("/V1/not/known", 4, of_page) })
    assert.same({ 10, true, 2 }, { scan_of("/V1/not/known", 10, function() return 10 end) })
    assert.same({ 5, true, 1 }, { scan_of("/V1/orders", 5, of_page) })
  end)

  it("is not believed once more rows came than it counted", function()
    local found, _, calls = scan_of("/V1/orders", 15, function() return 7 end)
    assert.same({ 15, 4 }, { found, calls })
  end)
end)
