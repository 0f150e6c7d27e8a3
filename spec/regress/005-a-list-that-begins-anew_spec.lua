-- Lists that a search engine stands behind can begin anew past their end. Where no count of the
-- whole list comes with the rows, such a scan never ended.
local pages = require "accs.pages"

-- A client whose list has 10 rows, and begins anew behind them.
local function client_of(row, wrap)
  local client = { page_size = 5, items = pages.items, calls = 0 }
  function client.get(_, _, opts)
    client.calls = client.calls + 1
    assert(client.calls < 20, "the scan does not end")
    local number, items = opts.query.searchCriteria.currentPage, {}
    for place = 1, 5 do
      items[place] = row((number - 1) % 2 * 5 + place, number)
    end
    return { status = 200, data = wrap(items) }
  end
  return client
end

local function bare(items) return items end
local function of_page(items) return { items = items, total_count = #items } end

describe("a list that begins anew", function()
  for _, case in ipairs {
    { "/V1/inventory/export-stock-salable-qty/website/base", of_page, "sku" },
    { "/V1/inventory/export-stock-salable-qty/website/base", of_page, "sku", "changed" },
    { "/V1/carts/licence/list", bare, "agreement_id" },
    { "/V1/not/known", bare, "name" },
    { "/V1/not/known", of_page, "name" },
  } do
    it(("ends, and says so: %s %s"):format(case[1], case[4] or ""), function()
      local client = client_of(function(number, page)
        return { [case[3]] = "s" .. number, qty = case[4] and page or 1 }
      end, case[2])
      local found = {}
      local scan <close> = client:items(case[1])
      for row in scan do
        found[#found + 1] = row[case[3]]
      end
      assert.equal("s1 s2 s3 s4 s5 s6 s7 s8 s9 s10", table.concat(found, " "))
      assert.equal(3, client.calls)
      assert.is_false(scan:verdict().complete)
      assert.truthy(scan:verdict().reason:find("again", 1, true))
    end)
  end
end)
