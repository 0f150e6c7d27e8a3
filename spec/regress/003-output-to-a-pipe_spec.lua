-- `-o PIPE` waited for ever: the name was opened for reading, to see whether it is a folder.
local support = require "spec.support"

describe("-o with the name of a pipe", function()
  it("writes into it, and leaves it there", function()
    local box = support.shared_sandbox { products = 30, orders = 60, customers = 10 }
    local dir <close> = support.temp_dir()
    local result = support.run { "sh", "-c", "mkfifo 'a pipe' && { cat 'a pipe' & } && "
      .. "accs get /V1/orders/1 --fields entity_id -o 'a pipe' && wait && test -p 'a pipe' && ls",
      env = box.env, cwd = dir.path, timeout = 20 }
    assert.equal('{"entity_id":1}\na pipe\n', result.out .. result.err)
    assert.equal(0, result.code)
  end)

  it("replaces a file, and follows no quote of its name into the shell", function()
    local box = support.shared_sandbox { products = 30, orders = 60, customers = 10 }
    local dir <close> = support.temp_dir()
    for _, name in ipairs { "plain", "it's", "$(touch x)", "'; touch x; '", "-d" } do
      support.write_file(dir.path .. "/" .. name, "old")
      local result = support.run { "accs", "get", "/V1/orders/1", "--fields", "entity_id",
        "--output=" .. name, env = box.env, cwd = dir.path }
      assert.equal("0 ", result.code .. " " .. result.err)
      assert.equal('{"entity_id":1}\n', support.read_file(dir.path .. "/" .. name))
    end
    assert.is_nil(io.open(dir.path .. "/x"))
  end)
end)
