local json = require "accs.json"
local report = require "accs.report"

local function written(result, format, options)
  local parts = {}
  report.write(result, format, function(text) parts[#parts + 1] = text end, options)
  return table.concat(parts)
end

-- A table written row by row.
local function rows_as(format, columns, rows, options)
  local parts = {}
  local out = require("accs.report.format." .. format).open(columns, function(text)
    parts[#parts + 1] = text
  end, options)
  for _, row in ipairs(rows) do
    out:row(row)
  end
  out:close()
  return table.concat(parts)
end

local RESULT = {
  title = "Title", heading = { "What it means." }, notes = { "a note." },
  tables = {
    { name = "month", title = "By month", currency = "USD",
      columns = { { name = "month", title = "Month", kind = "text" },
        { name = "orders", title = "Orders", kind = "integer" },
        { name = "revenue", title = "Revenue", kind = "money" } },
      rows = { { month = "2026-01", orders = 1234, revenue = 12345678900 },
        { month = "2026-02", orders = 0, revenue = -5000 } },
      totals = { month = "Total", orders = 1234, revenue = 12345673900 } },
    { name = "status", title = "By status", currency = "JPY",
      columns = { { name = "status", title = "Status", kind = "text" },
        { name = "orders", title = "Orders", kind = "integer" },
        { name = "average", title = "Average", kind = "money" } },
      rows = { { status = "new, old", orders = 1 },
        { status = "läuft", orders = 2, average = 345000 } } },
  },
  verdict = { complete = true, delivered = 2 },
}

describe("a report as a table", function()
  it("stands in columns, numbers at the right", function()
    assert.equal([[
Title

What it means.

By month

Month    Orders       Revenue
-------  ------  ------------
2026-01   1,234  1,234,567.89
2026-02       0         -0.50
-------  ------  ------------
Total     1,234  1,234,567.39

By status

Status    Orders  Average
--------  ------  -------
new, old       1        -
läuft          2       35

Note: a note.
]], written(RESULT, "table"))
  end)

  it("says aloud that it is incomplete", function()
    local text = written({ title = "T", tables = {},
      verdict = { complete = false, reason = "3 rows are missing" } }, "table")
    assert.truthy(text:find("INCOMPLETE: 3 rows are missing.", 1, true))
  end)

  it("keeps its words within the width", function()
    local result = { title = "T", heading = { string.rep("word ", 60) }, tables = {} }
    for line in written(result, "table", { width = 40 }):gmatch("[^\n]+") do
      assert.is_true(#line <= 40)
    end
  end)
end)

describe("a report as csv", function()
  it("is one table, with a column that tells which one a row belongs to", function()
    assert.equal([[
table,currency,month,status,orders,revenue,average
month,USD,2026-01,,1234,1234567.89,
month,USD,2026-02,,0,-0.50,
status,JPY,,"new, old",1,,
status,JPY,,läuft,2,,35
]], written(RESULT, "csv"))
  end)
end)

describe("a report as ndjson", function()
  it("is an object a line, its keys in the order of the columns", function()
    assert.equal([[
{"table":"month","currency":"USD","month":"2026-01","orders":1234,"revenue":"1234567.89"}
{"table":"month","currency":"USD","month":"2026-02","orders":0,"revenue":"-0.50"}
{"table":"status","currency":"JPY","status":"new, old","orders":1,"average":null}
{"table":"status","currency":"JPY","status":"läuft","orders":2,"average":"35"}
]], written(RESULT, "ndjson"))
  end)
end)

describe("a report as json", function()
  it("is one document with all that was found", function()
    local document = assert(json.decode(written(RESULT, "json")))
    assert.equal("Title", document.title)
    assert.same({ "What it means." }, document.heading)
    assert.equal("1234567.39", document.tables[1].totals.revenue)
    assert.equal("2026-02", document.tables[1].rows[2].month)
    assert.equal("money", document.tables[2].columns[3].kind)
    assert.is_true(document.verdict.complete)
  end)

  it("is a document without tables as well", function()
    local document = assert(json.decode(written({ title = "T", tables = {} }, "json")))
    assert.same(0, #document.tables)
  end)
end)

describe("csv", function()
  local TEXT, ANY = { { name = "a", kind = "text" } }, { { name = "a" } }
  local harmless = {
    { "=1+2", "'=1+2" }, { "+cmd", "'+cmd" }, { "-5+cmd", "'-5+cmd" }, { "@SUM(A1)", "'@SUM(A1)" },
    { "\tx", "'\tx" }, { "\rx", "\"'\rx\"" }, { "\n=1", "\"'\n=1\"" },
    { "-5", "-5" }, { "-5.5", "-5.5" },
    { "+5", "+5" }, { "-1e3", "-1e3" }, { "a=1", "a=1" }, { "", '""' }, { "a,b", '"a,b"' },
    { 'a"b', '"a""b"' }, { "a\nb", '"a\nb"' }, { '=HYPERLINK("x")', "\"'=HYPERLINK(\"\"x\"\")\"" },
    { "-", "'-" }, { "=", "'=" }, { "ä", "ä" },
  }
  for _, case in ipairs(harmless) do
    it(string.format("writes %q as %q", case[1], case[2]), function()
      assert.equal("a\n" .. case[2] .. "\n", rows_as("csv", TEXT, { { a = case[1] } }))
    end)
  end

  for value, text in pairs { [-5] = "-5", [5.5] = "5.5", [0.1] = "0.1",
    [9007199254740993] = "9007199254740993" } do
    it("keeps the number " .. text, function()
      assert.equal("a\n" .. text .. "\n", rows_as("csv", ANY, { { a = value } }))
    end)
  end

  it("writes true, null, nothing and a list; a line is never blank, as many readers skip such",
  function()
    assert.equal("a\ntrue\n\"\"\n\"\"\n\"[1,2]\"\n",
      rows_as("csv", ANY, { { a = true }, { a = json.null }, {}, { a = { 1, 2 } } }))
  end)

  it("has its header when there is no row", function()
    assert.equal("a\n", rows_as("csv", TEXT, {}))
  end)
end)

describe("json and ndjson of rows", function()
  it("write rows as they are without columns", function()
    assert.equal('[\n{"a":1},\n{"a":[]}\n]\n', rows_as("json", nil, { { a = 1 },
      json.decode('{"a":[]}') }))
    assert.equal('{"a":1}\n', rows_as("ndjson", nil, { { a = 1 } }))
  end)

  it("are an empty list and nothing without rows", function()
    assert.equal("[]\n", rows_as("json", nil, {}))
    assert.equal("", rows_as("ndjson", nil, {}))
  end)
end)

describe("a table of rows", function()
  local COLUMNS = { { name = "id" }, { name = "name" } }

  it("takes a column of numbers for one of numbers", function()
    assert.equal("id  name\n--  ----\n 5  a\n10  5\n",
      rows_as("table", COLUMNS, { { id = 5, name = "a" }, { id = 10, name = 5 } }))
  end)

  it("counts characters, not bytes", function()
    assert.equal("id  name\n--  ----\n 1  ÄÖÜ\n",
      rows_as("table", COLUMNS, { { id = 1, name = "ÄÖÜ" } }))
  end)

  it("lets no control character through", function()
    local out = rows_as("table", COLUMNS, { { id = 1, name = "a\27[2Jb\nc" } })
    assert.is_nil(out:find("\27", 1, true))
    assert.truthy(out:find("a [2Jb c", 1, true))
  end)

  it("cuts text, never a number, to fit a terminal", function()
    local row = { id = 123456789012345678, name = string.rep("ä", 100) }
    for line in rows_as("table", COLUMNS, { row }, { width = 40 }):gmatch("[^\n]+") do
      assert.is_true(utf8.len(line) <= 40, line)
    end
    assert.truthy(rows_as("table", COLUMNS, { row }, { width = 20 }):find("123456789012345678"))
  end)

  it("is cut nowhere in a pipe, however long it is", function()
    local rows = {}
    for id = 1, 2500 do
      rows[id] = { id = id, name = string.rep("x", id // 25) }
    end
    local out = rows_as("table", COLUMNS, rows)
    local _, lines = out:gsub("\n", "")
    assert.equal(2502, lines)
    assert.truthy(out:find(string.rep("x", 100), 1, true))
  end)
end)
