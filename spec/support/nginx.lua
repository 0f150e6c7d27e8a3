-- nginx with TLS and HTTP/2 in front of a backend, as an ordinary process with a folder of its own,
-- and certificates that the openssl command makes on the spot.
local process = require "spec.support.process"
local run = require "spec.support.run"

local nginx = {}

local CERTIFICATES = [[
set -e
umask 077
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null; }
authority() { # name
  key "$1"
  openssl req -x509 -new -key "$1.key" -days 30 -subj "/CN=Example Authority $1" -out "$1.pem"
}
server() { # name alternative-names openssl-dates...
  name=$1 names=$2; shift 2
  key "$name"
  openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$names" >"$name.ext"
  : >"index.$name"
  openssl ca -batch -notext -config ca.cnf -name ca -in "$name.csr" -out "$name.pem" \
    -extfile "$name.ext" "$@" 2>/dev/null
}
cat >ca.cnf <<'CONFIG'
[ca]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
certificate = ca.pem
private_key = ca.key
unique_subject = no
[any]
commonName = supplied
CONFIG
: >index.txt
authority ca
authority other-ca
server good DNS:localhost,IP:127.0.0.1 -days 30
server expired DNS:localhost,IP:127.0.0.1 -startdate 20200101000000Z -enddate 20200201000000Z
server wrong-host DNS:elsewhere.example.com -days 30
server client DNS:client.example.com -days 30
openssl ec -in client.key -aes256 -passout pass:not-a-password -out client-locked.key 2>/dev/null
cat client.pem client.key >client-both.pem
key self-signed
openssl req -x509 -new -key self-signed.key -days 30 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -out self-signed.pem
]]

---@class support.Certificates
---@field ca string  path of the authority's certificate: what a client gets as ca_file
---@field other_ca string  an authority that signed none of them
---@field path string  folder: <name>.pem and <name>.key for good expired wrong-host self-signed
---  and client; client-locked.key (password not-a-password), client-both.pem

local made -- once a run: they cost a third of a second

--- Makes the certificates, once.
---@return support.Certificates
function nginx.certificates()
  if not made then
    local dir = run.temp_dir()
    local script = run.write_file(dir.path .. "/make.sh", CERTIFICATES)
    local result = run { "sh", script, cwd = dir.path }
    assert(result.code == 0, "openssl made no certificates: " .. result.err)
    made = {
      dir = dir, path = dir.path,
      ca = dir.path .. "/ca.pem", other_ca = dir.path .. "/other-ca.pem",
    }
  end
  return made
end

local CONFIG = [[
worker_processes 1;
daemon off;
%s
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  log_format accs '$connection $server_protocol $status $request_method $request_uri '
    '$ssl_session_reused $ssl_protocol';
  access_log access.log accs;
  client_max_body_size 64m;
  keepalive_requests 100000;
  %s
  server {
    listen 127.0.0.1:%d ssl%s;
    ssl_certificate %s.pem;
    ssl_certificate_key %s.key;
    ssl_protocols %s;
    %s
    location / {
      proxy_pass http://127.0.0.1:%d;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_buffer_size 64k;
      proxy_buffers 8 64k;
    }
  }
}
]]

---@class support.Logged
---@field connection string
---@field protocol string  "HTTP/1.1", "HTTP/2.0"
---@field status integer
---@field method string
---@field path string
---@field resumed boolean  the TLS session was an earlier one
---@field tls string  "TLSv1.3" for example

---@class support.Front
---@field port integer
---@field origin string  "https://localhost:PORT"
---@field certificates support.Certificates
local Front = {}
Front.__index = Front

--- A port that was free a moment ago: nginx cannot choose one itself.
local function free_port(attempt)
  local base = run.first_line("shuf -i 20000-31999 -n 1")
  return math.tointeger(tonumber(base)) + attempt
end

--- Starts nginx in front of a backend on 127.0.0.1 and waits until it answers.
---
---     local front <close> = support.nginx { port = box.port }
---     local client = box:client { base_url = front:address(box.env.API_ENDPOINT),
---       ca_file = front.certificates.ca }
---
---@param options { port: integer, certificate?: "good"|"expired"|"wrong-host"|"self-signed",
---  http2?: boolean, tls?: string, server?: string, http?: string }  port: the backend's; http2:
---  default true; tls: versions, default "TLSv1.2 TLSv1.3"; server: more lines for its server
---  block; http: for what stands around it
---@return support.Front
function nginx.start(options)
  local certificates = nginx.certificates()
  local certificate = certificates.path .. "/" .. (options.certificate or "good")
  -- As root its worker would be another user, who may not enter the test's folder.
  local user = run.first_line("id -u") == "0" and "user root;" or ""
  for attempt = 1, 20 do
    local dir = run.temp_dir()
    local port = free_port(attempt)
    run.write_file(dir.path .. "/nginx.conf", CONFIG:format(user, options.http or "", port,
      options.http2 == false and "" or " http2", certificate, certificate,
      options.tls or "TLSv1.2 TLSv1.3", options.server or "",
      options.port))
    -- nginx does not look at its standard input; this shell does, and ends it.
    local script = [[nginx -p "$0/" -c nginx.conf -e stderr </dev/null & pid=$!
      while kill -0 $pid 2>/dev/null && ! test -s "$0/nginx.pid"; do sleep 0.01; done
      (: </dev/tcp/127.0.0.1/$1) 2>/dev/null && kill -0 $pid 2>/dev/null && echo ready
      cat >/dev/null; kill $pid 2>/dev/null; wait $pid]]
    local path = "/usr/local/sbin:/usr/sbin:/sbin:" .. (os.getenv("PATH") or "")
    local child = process.start({ "bash", "-c", script, dir.path, port }, { env = { PATH = path } })
    local first = child:read_line()
    if first == "ready" then
      return setmetatable({
        port = port, origin = "https://localhost:" .. port, certificates = certificates,
        process = child, _dir = dir,
      }, Front)
    end
    child:close()
    dir:remove()
    if not child:errors():find("Address already in use", 1, true) then
      error("nginx did not start: " .. child:errors(), 2)
    end
  end
  error("no free port for nginx", 2)
end

--- The same address behind this front.
---@param url string  http address of the backend
---@return string
function Front:address(url)
  return (url:gsub("^http://[^/]+", self.origin))
end

--- What arrived, in order of its end. nginx writes its log after the last byte of the answer, so a
--- test says how many lines it waits for (at most ten seconds).
---@param count? integer
---@return support.Logged[]
function Front:requests(count)
  local list, text = {}, ""
  for _ = 1, 500 do
    text = run.read_file(self._dir.path .. "/access.log") or ""
    if select(2, text:gsub("\n", "")) >= (count or 0) then
      break
    end
    os.execute("sleep 0.02")
  end
  for line in text:gmatch("[^\n]+") do
    local connection, protocol, status, method, path, resumed, tls =
      line:match("^(%S+) (%S+) (%d+) (%S+) (.*) (%S+) (%S+)$")
    list[#list + 1] = {
      connection = connection, protocol = protocol, status = math.tointeger(tonumber(status)),
      method = method, path = path, resumed = resumed == "r", tls = tls,
    }
  end
  return list
end

--- Stops it.
function Front:close()
  self.process:close()
  self._dir:remove()
end

Front.__close = Front.close

return nginx
