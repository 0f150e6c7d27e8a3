-- What the specs need to meet the real world: processes, sandboxes, a TLS front, a shell.
local process = require "spec.support.process"
local run = require "spec.support.run"
local sandbox = require "spec.support.sandbox"

local support = {
  run = run,
  quote = run.quote,
  read_file = run.read_file,
  write_file = run.write_file,
  temp_dir = run.temp_dir,
  start = process.start,
  sandbox = sandbox.start,
  shared_sandbox = sandbox.shared,
  http_get = sandbox.get,
}

--- nginx with TLS and HTTP/2 in front of a backend: see spec/support/nginx.lua.
function support.nginx(options)
  return require("spec.support.nginx").start(options)
end

--- Certificates made on the spot: see spec/support/nginx.lua.
function support.certificates()
  return require("spec.support.nginx").certificates()
end

--- A server that misbehaves as told: see spec/support/fault.lua.
function support.fault_server()
  return require("spec.support.fault").start()
end

--- A port that was free a moment ago, for who cannot choose one itself.
---@return integer
function support.free_port()
  local server = assert(require("socket").bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return math.tointeger(tonumber(port))
end

-- However the specs ended, nothing outlives them.
if package.loaded["busted"] then
  require("busted").subscribe({ "exit" }, function()
    sandbox.close_shared()
    process.close_all()
    return nil, true
  end)
end

return support
