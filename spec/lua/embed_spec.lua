-- Programs that hold the core: the examples, built as their README says, and several Lua states in
-- one process.
local support = require "spec.support"

local build = os.getenv("TEST_BUILD") or "build"
local library = build .. "/libaccs.a"

-- The commands of the README, by the program that they make: { compile =, run = }.
local function read_commands()
  local commands = {}
  for line in support.read_file("examples/embed/README.md"):gmatch("\n    ([^\n]+)") do
    local made = line:match("^cc .*%-o build/(%l+) ")
    local run = line:match("^accs%-sandbox %-%- build/(%l+) ")
    if made then
      commands[made] = { compile = line }
    elseif run then
      commands[run].run = line
    end
  end
  return commands
end

-- Sanitizers of the build, where it has any.
local function extra_flags()
  local symbols = support.run { "nm", library, timeout = 20 }
  local flags = ""
  for name, flag in pairs { __asan_init = "address,undefined", __tsan_init = "thread" } do
    if symbols.out:find(name, 1, true) then
      flags = " -fsanitize=" .. flag
    end
  end
  return flags
end

describe("the archive of core and binding", function()
  it("shows nothing but what accs.h declares and luaopen_accs_core", function()
    local declared = { luaopen_accs_core = true }
    for _, header in ipairs { "accs.h", "accs_auth.h" } do
      for name in support.read_file("csrc/core/" .. header):gmatch("%f[%w_](accs_[%w_]+)%(") do
        declared[name] = true
      end
    end
    local shown = 0
    local symbols = support.run { "nm", "-g", "--defined-only", library }
    for name in symbols.out:gmatch("%x+ %u ([%w_]+)") do
      if not name:find("^__") and not name:find("^DW%.ref") then -- of the compiler
        assert.is_true(declared[name] or false, name)
        shown = shown + 1
      end
    end
    assert.is_true(shown > 30)
  end)
end)

describe("the example of embedding", function()
  local commands = read_commands()

  local function try(name)
    local dir <close> = support.temp_dir()
    local made = support.run { "sh", "-c", (commands[name].compile:gsub("build/libaccs%.a", library)
      :gsub("%-o build/", "-o " .. dir.path .. "/")) .. extra_flags() .. " -Wall -Wextra -Werror" }
    assert.equal("", (made.out .. made.err):sub(1, 2000))
    -- No module of the library in sight but its Lua files.
    local result = support.run { "sh", "-c", (commands[name].run:gsub("build/", dir.path .. "/")) }
    assert.equal("", result.err)
    assert.equal(0, result.code)
    return result.out
  end

  it("runs a script", function()
    local out = try("embed")
    assert.is_truthy(out:find("default\tUSD\n", 1, true), out)
    assert.is_truthy(out:find("\n2000 products\n$"), out)
  end)

  it("needs no Lua", function()
    assert.is_truthy(try("plain"):find("^200, %d+ bytes, 1 attempts\n$"))
  end)
end)

describe("several Lua states in one process", function()
  it("work at the same time, each in its thread, and by turns in one", function()
    local box <close> = support.sandbox { products = 12 }
    local result = support.run { build .. "/spec/core/threads", 8, 3, env = box.env }
    assert.equal("", result.err)
    assert.equal("8 threads, 24 states, 384 calls\nby turns, the first closed early: 12 calls\n"
      .. "by turns, the second closed early: 12 calls\n", result.out)
    assert.equal(0, result.code)
  end)
end)
