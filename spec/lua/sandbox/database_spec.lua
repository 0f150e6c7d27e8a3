-- SQLite for Lua: csrc/sandbox/database.c.
local native = require "accs.sandbox.native"

local STATEMENTS_MAX <const> = 96

local function memory()
  return native.database.open(":memory:")
end

describe("the sandbox's SQLite binding", function()
  it("keeps integers, floats, text with NUL and nil as they are", function()
    local db <close> = memory()
    for _, value in ipairs { 9007199254740993, math.mininteger, 1.5, "", "a\0b", "Größe" } do
      local back = db:row("SELECT ?", value)
      assert.equal(value, back)
      assert.equal(math.type(value), math.type(back))
    end
    assert.equal("float", math.type((db:row("SELECT ?", 2.0))))
    assert.equal(1, (db:row("SELECT ?", true)))
    assert.equal(0, (db:row("SELECT ?", false)))
    assert.equal(2, select("#", db:row("SELECT ?, NULL", nil)))
    assert.equal("\0\255", (db:row("SELECT x'00ff'")))
  end)

  it("tells rows changed and the last id", function()
    local db <close> = memory()
    db:exec "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(a)"
    assert.same({ 1, 1 }, { db:run("INSERT INTO t(b) VALUES (?)", "x") })
    assert.same({ 1, 2 }, { db:run("INSERT INTO t(b) VALUES (?)", "y") })
    assert.equal(2, (db:run "UPDATE t SET b = 'z'"))
  end)

  it("gives no value where there is no row", function()
    local db <close> = memory()
    assert.equal(0, select("#", db:row "SELECT 1 WHERE 0"))
  end)

  it("lets the same statement run inside itself", function()
    local db <close> = memory()
    local pairs_seen = {}
    local sql = "SELECT value FROM json_each('[1,2]') WHERE value > ?"
    for outer in db:rows(sql, 0) do
      for inner in db:rows(sql, 0) do
        pairs_seen[#pairs_seen + 1] = outer .. inner
      end
    end
    assert.same({ "11", "12", "21", "22" }, pairs_seen)
  end)

  it("gives a statement back when a loop is left early", function()
    local db <close> = memory()
    for _ = 1, 3 * STATEMENTS_MAX do
      for value in db:rows "SELECT 1 UNION SELECT 2" do
        if value == 1 then
          break
        end
      end
    end
    assert.equal(1, (db:row "SELECT 1"))
  end)

  it("makes room in its cache and says when all statements are in use", function()
    local db <close> = memory()
    for i = 1, 3 * STATEMENTS_MAX do
      assert.equal(i, (db:row("SELECT " .. i)))
    end
    local open = {}
    for i = 1, STATEMENTS_MAX do
      open[i] = db:rows("SELECT " .. i)
    end
    assert.has_error(function() db:row "SELECT 'one more'" end,
      "more than 96 statements are in use")
    for i = 1, STATEMENTS_MAX do
      assert.equal(i, open[i]())
      assert.is_nil(open[i]())
    end
    assert.equal("one more", (db:row "SELECT 'one more'"))
  end)

  it("raises SQLite's message, and the statement works again afterwards", function()
    local db <close> = memory()
    db:exec "CREATE TABLE t(a UNIQUE)"
    local insert = "INSERT INTO t VALUES (?)"
    db:run(insert, 1)
    assert.has_error(function() db:run(insert, 1) end, "UNIQUE constraint failed: t.a")
    assert.equal(1, (db:run(insert, 2)))
    assert.has_error(function() db:exec "CREATE TABLE t(a)" end, "table t already exists")
    assert.has_error(function() db:row "SELECT nope" end, "no such column: nope")
  end)

  it("refuses what it would misread", function()
    local db <close> = memory()
    local cases = {
      { "SELECT 1; SELECT 2", "one statement at a time (db:exec takes several)" },
      { "", "an empty statement" },
      { "SELECT 1 -- \0 hidden", "the statement holds a NUL or is too long" },
      { "SELECT ?", "the statement has 1 parameters, 0 values were given" },
    }
    for _, case in ipairs(cases) do
      assert.has_error(function() db:row(case[1]) end, case[2])
    end
    assert.has_error(function() db:row("SELECT ?", {}) end)
    assert.equal(1, (db:row "SELECT 1; "))
  end)

  it("closes once and for all", function()
    local db = memory()
    local iterate = db:rows "SELECT 1 UNION SELECT 2"
    iterate()
    db:close()
    db:close()
    assert.has_error(iterate, "the database is closed")
    assert.has_error(function() db:row "SELECT 1" end, "the database is closed")
    assert.has_error(function() db:exec "SELECT 1" end, "the database is closed")
  end)

  it("keeps the database alive while an iterator is", function()
    local iterate = memory():rows "SELECT 1 UNION SELECT 2"
    collectgarbage()
    collectgarbage()
    assert.equal(1, iterate())
    assert.equal(2, iterate())
  end)

  it("says which file it cannot open", function()
    assert.has_error(function() native.database.open "/nonexistent/shop.db" end,
      "/nonexistent/shop.db: unable to open database file")
  end)
end)
