-- Paths that the system would take for others, and sources whose size is not what it seems.
local fault = require "spec.support.fault"
local run = require "spec.support.run"

describe("sinks and sources", function()
  local server, client, dir

  setup(function()
    server = fault.start()
    server:script("/V1/x", { fault.ok })
    client = server:client { access_token = "example" }
    dir = run.temp_dir()
  end)

  teardown(function()
    dir:remove()
    client:close()
    server:close()
  end)

  it("refuse a path with a NUL byte, which named another file, or none for ever", function()
    local path = run.write_file(dir.path .. "/kept", "precious")
    for _, odd in ipairs { path .. "\0.json", dir.path .. "/new\0.json", "" } do
      for _, opts in ipairs { { sink = odd }, { source = odd } } do
        local res, err = client:put("/V1/x", nil, opts)
        assert.is_nil(res)
        assert.equal("io", err.kind)
        assert.matches("the path is empty or holds a NUL byte", err.message)
      end
    end
    assert.equal("precious", run.read_file(path))
    assert.equal(0, server:count("/V1/x"))
  end)

  it("take a name as long as the system allows", function()
    local path = dir.path .. "/" .. ("n"):rep(255)
    assert(client:get("/V1/x", { sink = path }))
    assert.equal('{"ok":true}', run.read_file(path))
  end)

  it("send files that are longer than the system says", function()
    local res = assert(client:post("/V1/x", nil, { source = "/proc/self/status" }))
    assert.equal(200, res.status)
    local requests = server:requests("/V1/x")
    assert.is_true(requests[#requests].body_len > 100)
  end)

  it("cut one huge piece in time that grows with its length", function()
    local function seconds_of(megabytes)
      local piece = ("x"):rep(megabytes << 20)
      local source = require("accs.source").open(function()
        local now = piece
        piece = nil
        return now
      end)
      local started, bytes = os.clock(), 0
      for _ = 1, megabytes * 4 do
        bytes = bytes + #source:read()
      end
      assert.equal(megabytes << 20, bytes)
      assert.is_nil(source:read())
      return os.clock() - started
    end
    assert.is_true(seconds_of(128) < 2) -- 512 copies of what was left took 8 s
  end)
end)
