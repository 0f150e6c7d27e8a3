-- What is left of secrets in memory (spec/core/secrecy.c): nothing in any block of the core or the
-- binding, and in those of others nothing but what doc/security.md names.
local fault = require "spec.support.fault"
local redis = require "spec.support.redis"
local support = require "spec.support"

local build = os.getenv("TEST_BUILD") or "build"
local program = build .. "/spec/core/secrecy"

-- What others keep copies of, whatever the core does: see doc/security.md, "Copies of others".
local KNOWN = { libcurl = true, lua = true }

-- Calls of this program, as functions and lines.
local function named(line)
  return (line:gsub("@(%x+)", function(address)
    return support.run.first_line(("addr2line -s -f -e %s 0x%s | paste -sd ' '"):format(
      support.quote(program), address))
  end))
end

-- Runs a scene: what was looked for, and what was found of it, as lists of lines.
local function examine(scene, env, ...)
  local result = support.run { program, env = env, timeout = 120, scene, ... }
  assert.equal(0, result.code, result.out .. result.err)
  local secrets, finds = {}, {}
  for line in result.out:gmatch("[^\n]+") do
    local secret = line:match("^secret (%S+) ")
    if secret then
      secrets[secret] = (secrets[secret] or 0) + 1
    elseif line:find("^found ") then
      finds[#finds + 1] = line
    end
  end
  assert.matches("searched %d+ blocks", result.out)
  return secrets, finds
end

local function unknown(finds)
  local list = {}
  for _, line in ipairs(finds) do
    if not KNOWN[line:match("^found (%S+)")] then
      list[#list + 1] = named(line)
    end
  end
  return table.concat(list, "\n")
end

describe("what is left of secrets in memory", function()
  local box, front, server, dir

  setup(function()
    box = support.sandbox { products = 2, orders = 2, customers = 2 }
    front = support.nginx { port = box.port }
    server = redis.start()
    dir = support.temp_dir()
  end)
  teardown(function()
    server:close()
    front:close()
    box:close()
    dir:remove()
  end)

  local function env_of(tls)
    local env = { OLD_SECRET = "example-of-an-old-secret-that-was-revoked",
      FOLDER = dir.path .. "/cache", REDIS = server.path, ACCS_CA_FILE = front.certificates.ca }
    for name, value in pairs(box.env) do
      env[name] = tls and front:address(value) or value
    end
    for kind, credential in pairs(box:credentials()) do
      env[kind .. "_id"] = credential.client_id
      env[kind .. "_secret"] = credential.client_secret or false
      env[kind .. "_uri"] = credential.redirect_uri or false
    end
    return env
  end

  -- scene, what it must have used
  local cases = {
    { "secret", "client_secret access_token" },
    { "list", "client_secret access_token" },
    { "function", "client_secret access_token" },
    { "folder", "client_secret access_token" },
    { "redis", "client_secret access_token" },
    { "auth", "client_secret access_token" },
    { "web", "basic code access_token refresh_token id_token verifier", "plain" },
    { "spa", "code access_token id_token verifier", "plain" },
  }
  for _, case in ipairs(cases) do
    -- The sandbox calls itself by its plain address, so a sign-in through a front is refused.
    for _, tls in ipairs(case[3] and { false } or { false, true }) do
      it(("is none in blocks of core and binding: %s%s"):format(case[1], tls and ", TLS" or ""),
        function()
          local secrets, finds = examine(case[1], env_of(tls))
          for name in case[2]:gmatch("%S+") do
            assert.is_truthy(secrets[name], "nothing was looked for: " .. name)
          end
          assert.equal("", unknown(finds))
          assert.is_true(#finds > 0) -- libcurl's copies at least
          os.execute("rm -rf " .. support.quote(dir.path .. "/cache"))
          server:ask("FLUSHALL")
        end)
    end
  end

  -- Packed, in pieces, and with what JSON may write otherwise: zlib's window and the reader's text
  -- have it.
  it("is none when a reply comes in pieces", function()
    local ims <close> = support.fault_server()
    local body = '{"access_token":"example-of-a-token\\/that-is-no-JWT-but-long-enough-to-tell"'
      .. ',"token_type":"bearer","expires_in":3600}'
    local packed = fault.gzip(body)
    local head = fault.head("200 OK", "Content-Type: application/json", "Content-Encoding: gzip",
      "Content-Length: " .. #packed)
    ims:script("/ims/token/v3", { { fault.send(head, packed:sub(1, 70)), { "sleep", 0.1 },
      fault.send(packed:sub(71, -11)), { "sleep", 0.1 }, fault.send(packed:sub(-10)) } })
    ims:script("/V1/store/storeConfigs", { fault.ok })
    local secrets, finds = examine("secret", ims.env)
    assert.is_truthy(secrets.access_token)
    assert.equal("", unknown(finds))
  end)

  it("is none when IMS repeats them in its answer", function()
    local ims <close> = support.fault_server()
    ims:script("/ims/token/v3", { { fault.reply(401, ('{"error":"invalid_client",'
      .. '"error_description":"unknown secret %s"}'):format(ims.env.IMS_CLIENT_SECRET)) } })
    local secrets, finds = examine("echo", ims.env)
    assert.is_truthy(secrets.client_secret)
    assert.equal("", unknown(finds))
  end)

  it("is found where it is left on purpose", function()
    local _, finds = examine("-c", env_of(false), "secret")
    local live, freed = 0, 0
    for _, line in ipairs(finds) do
      live = live + (line:find("^found core live client_secret plain") and 1 or 0)
      freed = freed + (line:find("^found core freed client_secret plain") and 1 or 0)
    end
    assert.same({ 1, 1 }, { live, freed })
  end)
end)
