-- What was decoded behind a pause went past max_body, or was corrupt, while the server had no more
-- to say: the call waited for it until its idle_timeout.
local core = require "accs.core"
local fault = require "spec.support.fault"
local run = require "spec.support.run"

local head, send = fault.head, fault.send

-- 4 MB as a kilobyte or so: the window is full, and all of it has come.
local function bomb()
  local dir <close> = run.temp_dir()
  os.execute(("head -c 4194304 /dev/zero | gzip -9 > %s/bomb"):format(run.quote(dir.path)))
  return run.read_file(dir.path .. "/bomb")
end

describe("a body refused behind a pause", function()
  local server, client

  setup(function()
    server = fault.start()
    client = server:client { access_token = "example", attempts = 1, idle_timeout = 8 }
  end)

  teardown(function() server:close() end)

  local packed = bomb()
  local cases = {
    { name = "too large", kind = "too_large", bytes = packed, max_body = 300000 },
    { name = "corrupt", kind = "decode", bytes = packed:sub(1, -9) .. "12345678" },
  }
  for _, case in ipairs(cases) do
    it("ends the call at once: " .. case.name, function()
      server:script("/V1/body", { { send(head("200 OK", "Content-Encoding: gzip",
        "Content-Type: application/octet-stream", "Content-Length: 999999"), case.bytes),
        { "stall" } } })
      local started = core.monotonic()
      local seen = 0
      local res, err = client:get("/V1/body", { max_body = case.max_body,
        sink = function(bytes) seen = seen + #bytes end })
      assert.is_nil(res)
      assert.equal(case.kind, err.kind)
      assert.equal("done", err.outcome)
      assert.is_true(seen >= 262144)
      assert.is_true(core.monotonic() - started < 4, "waited for the server")
    end)
  end
end)
