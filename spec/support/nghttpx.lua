-- nghttpx, the proxy of nghttp2, with TLS and HTTP/2 in front of a backend.
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local run = require "spec.support.run"

local nghttpx = {}

---@class support.Nghttpx
---@field port integer
---@field origin string  "https://localhost:PORT"
---@field certificates support.Certificates
local Front = {}
Front.__index = Front

--- Starts it in front of 127.0.0.1:port and waits until it answers.
---@param port integer  the backend's
---@param ... string  further arguments, "--frontend-http2-max-concurrent-streams=1" for example
---@return support.Nghttpx
function nghttpx.start(port, ...)
  local certificates = nginx.certificates()
  local words = { ... }
  for attempt = 1, 20 do
    local own = tonumber(run.first_line("shuf -i 20000-31999 -n 1")) + attempt
    -- It does not look at its standard input; this shell does, and ends it.
    local script = [[nghttpx --conf=/dev/null --workers=1 --no-ocsp --log-level=FATAL \
        "-f127.0.0.1,$1" "-b127.0.0.1,$2" "${@:4}" "$3/good.key" "$3/good.pem" </dev/null & pid=$!
      for i in $(seq 500); do
        (: </dev/tcp/127.0.0.1/$1) 2>/dev/null && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.01
      done
      sleep 0.02
      kill -0 $pid 2>/dev/null || exit 1
      echo ready
      cat >/dev/null; kill $pid 2>/dev/null; wait $pid]]
    local child = process.start({ "bash", "-c", script, "nghttpx", own, port, certificates.path,
      table.unpack(words) })
    if child:read_line() == "ready" then
      return setmetatable({ port = own, origin = "https://localhost:" .. own,
        certificates = certificates, process = child }, Front)
    end
    child:close()
  end
  error("nghttpx did not start", 2)
end

--- The same address behind this front.
---@param url string  http address of the backend
---@return string
function Front:address(url)
  return (url:gsub("^http://[^/]+", self.origin))
end

--- Stops it.
function Front:close()
  self.process:close()
end

Front.__close = Front.close

return nghttpx
