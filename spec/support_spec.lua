local support = require "spec.support"

describe("support.run", function()
  it("gives exit code, output and errors, with input and environment as told", function()
    local result = support.run {
      "sh", "-c", "echo \"$WORD\" \"$1\"; cat; echo bad >&2; exit 3", "sh", "a  'b' $c",
      env = { WORD = "it's" }, stdin = "in",
    }
    assert.same({ code = 3, out = "it's a  'b' $c\nin", err = "bad\n" }, result)
  end)

  it("takes the caller's own settings away", function()
    local result = support.run { "sh", "-c", "echo ${HTTPS_PROXY-none}${HOME-none}",
      env = { HOME = false } }
    assert.equal("nonenone\n", result.out)
  end)

  it("gives a terminal where asked", function()
    local command = "test -t 1 && printf o; test -t 2 && printf e; exit 4"
    local function look(tty)
      local result = support.run { "sh", "-c", command, tty = tty }
      return result.out .. result.err, result.code
    end
    assert.same({ "", 4 }, { look(nil) })
    assert.same({ "oe", 4 }, { look(true) })
    assert.same({ "e", 4 }, { look("stderr") })
    assert.same({ "o", 4 }, { look("stdout") })
  end)

  it("ends what takes too long", function()
    assert.equal(124, support.run({ "sleep", "9", timeout = 0.2 }).code)
  end)
end)

describe("support.start", function()
  it("talks to a process and gets its exit code", function()
    local child <close> = support.start { "sh", "-c", "read line; echo \"got $line\"; cat; exit 5" }
    child:write("a word\n")
    assert.equal("got a word", child:read_line())
    assert.equal(5, child:close())
    assert.equal(5, child:close())
  end)

  it("ends a process that waits for its input, whatever happens to the test", function()
    local dir <close> = support.temp_dir()
    local ok = pcall(function()
      local child <close> = support.start { "sh", "-c", "echo up; cat; echo bye >\"$0\"",
        dir.path .. "/bye" }
      assert(child:read_line() == "up")
      error("the test fails")
    end)
    assert.is_false(ok)
    assert.equal("bye\n", support.read_file(dir.path .. "/bye"))
  end)
end)
