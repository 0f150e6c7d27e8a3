-- The manual is what the code says, all that users reach is in it, and what it shows runs.
local manual = require "doc.make_manual"
local public = require "doc.public"
local support = require "spec.support"

local RUNNER = support.run.first_line("pwd") .. "/spec/support/manual_runner.lua"

-- Every fenced block of Lua, with the line on which it begins and the heading above.
local function blocks_of(text)
  local blocks, block, number, heading = {}, nil, 0, ""
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    if block and line == "```" then
      blocks[#blocks + 1] = block
      block = nil
    elseif block then
      block.text = block.text .. line .. "\n"
    elseif line == "```lua" then
      block = { line = number, heading = heading, text = "" }
    elseif line:find("^#+ ") then
      heading = line:gsub("^#+ ", ""):gsub("`", "")
    end
  end
  return blocks
end

describe("the manual", function()
  local text = manual.text()

  it("is what `make doc` makes", function()
    local kept = support.read_file("doc/manual.md") or ""
    if kept ~= text then
      local dir <close> = support.temp_dir()
      local path = support.write_file(dir.path .. "/manual.md", text)
      local difference = support.run { "diff", "doc/manual.md", path }.out
      error("doc/manual.md is stale: run `make doc`\n" .. difference:sub(1, 2000), 0)
    end
  end)

  it("has what users reach, each function with parameters, results and an example", function()
    assert.equal("", table.concat(public.complaints(public.sections()), "\n"))
    for _, name in ipairs { "accs.client(given?)", "client:get(path, opts?)", "task:wait()",
      "search:where(field, condition, value?)", "scan:verdict()", "engine:fd()",
      "accs.json.decode(text, options?)", "accs.map(list, f, opts?)" } do
      assert.is_not_nil(text:find("#### `" .. name .. "`\n", 1, true), name)
    end
  end)

  it("notices a function without annotations", function()
    local accs = require "accs"
    accs.undocumented = function(what) return what end
    local ok, complaints = pcall(function() return public.complaints(public.sections()) end)
    accs.undocumented = nil
    assert.is_true(ok, complaints)
    assert.equal(1, #complaints)
    assert.matches("^accs%.undocumented .* has no annotation$", complaints[1])
  end)

  it("has every option and limit, each with its default and unit", function()
    for _, option in ipairs(require("accs.options").list) do
      local row = text:match("\n(| `" .. option.name .. "` |[^\n]*)\n")
      assert.is_not_nil(row, option.name)
      if option.unit then
        assert.is_not_nil(row:find(option.unit, 1, true), row)
      end
    end
    assert.is_not_nil(text:find("| timeout | 120 s |", 1, true))
    assert.is_not_nil(text:find("| max body | 268435456 bytes (256 MiB) |", 1, true))
  end)

  it("has the table of repeats", function()
    for _, row in ipairs(require("accs.core").retry_table()) do
      assert.is_not_nil(text:find(" | " .. row.why .. " | ", 1, true), row.why)
    end
  end)

  it("links to what is there", function()
    local anchors = {}
    for title in text:gmatch("\n##+ ([^\n]+)") do
      anchors["#" .. title:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true
    end
    local count = 0
    for target in text:gmatch("%]%(([^)]+)%)") do
      count = count + 1
      if target:sub(1, 1) == "#" then
        assert.is_true(anchors[target], target)
      elseif not target:find("^https://") then
        local path = "doc/" .. target:gsub("#.*$", "")
        assert.is_truthy(os.rename(path, path), target)
      end
    end
    assert.is_true(count > 10)
  end)
end)

describe("an example of the manual", function()
  local box, dir

  setup(function()
    box = support.sandbox { products = 50, orders = 30, customers = 10 }
    dir = support.temp_dir()
    local client <close> = box:client()
    for _, sku in ipairs { "new", "old", "24-MB01/X" } do -- what the examples speak of
      assert(client:post("/V1/products", { product = {
        sku = sku, name = sku, price = 10, attribute_set_id = 4, type_id = "simple",
      } }))
    end
  end)

  teardown(function()
    dir:remove()
    box:close()
  end)

  local function run(text)
    local path = support.write_file(dir.path .. "/example.lua", text)
    return support.run { "lua5.4", RUNNER, path, env = box.env,
      cwd = dir.path, timeout = 20 }
  end

  it("is really looked at", function()
    for _, wrong in ipairs { "assert(nil)", "nobody()", "1 + 1 --> 3", "print(1) --> 2", "x =" } do
      assert.not_equal(0, run(wrong).code, wrong)
    end
    for _, right in ipairs { "assert(client)", "1 + 1 --> 2", "print(1, 2) --> 1 2",
      "('x'):rep(2), nil --> \"xx\", nil" } do
      assert.equal(0, run(right).code, right)
    end
  end)

  for _, block in ipairs(blocks_of(manual.text())) do
    it(("runs: line %d, %s"):format(block.line, block.heading), function()
      local result = run(block.text)
      assert.equal(0, result.code, block.text .. result.err)
    end)
  end
end)
