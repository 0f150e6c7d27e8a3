-- Tokens that others made: the openssl command, and the sandbox.
local core = require "accs.core"
local run = require "spec.support.run"
local sandbox = require "spec.support.sandbox"

-- Bytes in base64url by the openssl command.
local function base64url(bytes)
  local text = run { "openssl", "base64", "-A", stdin = bytes }.out
  return (text:gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
end

local function sign(key, header, claims)
  local text = base64url(header) .. "." .. base64url(claims)
  local signed = run { "openssl", "dgst", "-sha256", "-sign", key, stdin = text }
  assert.equal(0, signed.code)
  return text .. "." .. base64url(signed.out)
end

-- A new key in that folder, and its modulus in base64url.
local function make_key(dir, name)
  local path = dir.path .. "/" .. name
  assert.equal(0, run { "openssl", "genrsa", "-out", path, "2048" }.code)
  local printed = run { "openssl", "rsa", "-in", path, "-noout", "-modulus" }.out
  local modulus = printed:match("^Modulus=(%x+)"):gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end)
  return path, base64url(modulus)
end

local function jwks(...)
  local list = {}
  for index = 1, select("#", ...), 2 do
    local kid, modulus = select(index, ...)
    list[#list + 1] = ('{"kty":"RSA","use":"sig","alg":"RS256","kid":"%s","n":"%s","e":"AQAB"}')
      :format(kid, modulus)
  end
  return '{"keys":[' .. table.concat(list, ",") .. "]}"
end

local function post(box, path, form)
  local words = { "curl", "-sS", "--max-time", "10", "-X", "POST", box.origin .. path }
  for name, value in pairs(form) do
    words[#words + 1] = "--data-urlencode"
    words[#words + 1] = name .. "=" .. value
  end
  local result = run(words)
  assert.equal(0, result.code, result.err)
  return core.json_decode(result.out)
end

local function new_token(box)
  return post(box, "/ims/token/v3", { grant_type = "client_credentials",
    client_id = box.env.IMS_CLIENT_ID, client_secret = box.env.IMS_CLIENT_SECRET,
    scope = "openid,commerce.accs" }).access_token
end

local function keys_of(box)
  local status, body = sandbox.get(box.port, "/ims/keys")
  assert.equal(200, status)
  return body
end

describe("a token signed by the openssl command", function()
  local dir = run.temp_dir()
  local ours, modulus = make_key(dir, "ours.pem")
  local other, other_modulus = make_key(dir, "other.pem")
  local claims = '{"iss":"https://example.com","aud":["a","b"],"type":"access_token",'
    .. '"client_id":"example","nbf":1000,"exp":2000,"name":"J\u{f6}rg"}'
  local header = '{"alg":"RS256","kid":"k1"}'
  local good = sign(ours, header, claims)

  teardown(function()
    dir:remove()
  end)

  local function verdict(token, changes)
    local check = { keys = jwks("k0", other_modulus, "k1", modulus), now = 1500 }
    for name, value in pairs(changes or {}) do
      check[name] = value
    end
    local name, text = core.jwt_verify(token, check)
    assert.is_string(text)
    return name
  end

  it("is good by the key of its name", function()
    assert.equal("good", verdict(good))
    assert.equal("good", verdict(good, { issuer = "https://example.com", audience = "b",
      client = "example", type = "access_token", leeway = 60 }))
    assert.equal("signature", verdict(sign(other, header, claims)))
    assert.equal("key_unknown", verdict(good, { keys = jwks("k0", modulus) }))
    assert.equal("keys", verdict(good, { keys = "{}" }))
    assert.equal("algorithm", verdict(sign(ours, '{"alg":"none","kid":"k1"}', claims)))
    assert.equal("malformed", verdict("x"))
  end)

  it("is checked for whom it is, each by its field", function()
    for name, wanted in pairs { issuer = "issuer", audience = "audience", client = "client",
      type = "type" } do
      assert.equal(wanted, verdict(good, { [name] = "another" }))
      assert.equal("good", verdict(good, { [name] = "" }))
    end
    assert.equal("claims", verdict(sign(ours, header, '{"exp":2000}'), { issuer = "a" }))
  end)

  it("has its time, in seconds", function()
    assert.equal("not_yet", verdict(good, { now = 999.9 }))
    assert.equal("good", verdict(good, { now = 1000 }))
    assert.equal("good", verdict(good, { now = 1999.9 }))
    assert.equal("expired", verdict(good, { now = 2000 }))
    assert.equal("good", verdict(good, { now = 2059, leeway = 60 }))
    assert.equal("expired", verdict(good, { now = 2060, leeway = 60 }))
    assert.equal("good", verdict(good, { now = 940, leeway = 60.9 }))
    assert.equal("expired", verdict(good, { now = math.huge }))
    assert.equal("good", verdict(good, { now = 2060, leeway = math.huge }))
  end)

  it("shows its claims to anyone", function()
    assert.equal(claims, core.jwt_claims(good))
    assert.equal("J\u{f6}rg", core.json_decode(core.jwt_claims(good)).name)
    local json, message = core.jwt_claims("not-a-token")
    assert.is_nil(json)
    assert.equal("not a JWT in compact form (RFC 7515, 7.1)", message)
    assert.is_nil((core.jwt_claims(good .. "\0")))
  end)
end)

describe("a token of the sandbox", function()
  it("is an access token as Adobe's are", function()
    local box <close> = sandbox.start { products = 1, args = { "--token-life", "100" } }
    local token, keys = new_token(box), keys_of(box)
    local check = { keys = keys, client = box.env.IMS_CLIENT_ID, type = "access_token",
      now = os.time(), leeway = 5 }
    assert.equal("good", (core.jwt_verify(token, check)))
    check.now = os.time() + 94
    assert.equal("good", (core.jwt_verify(token, check)))
    check.now = os.time() + 106
    assert.equal("expired", (core.jwt_verify(token, check)))
    check.now, check.client = os.time(), "another"
    assert.equal("client", (core.jwt_verify(token, check)))
    local claims = core.json_decode(core.jwt_claims(token))
    assert.equal("100000", claims.expires_in)
    assert.is_truthy(claims.scope:find("commerce.accs", 1, true))
  end)

  it("stays good while keys are changed, and not longer", function()
    local box <close> = sandbox.start { products = 1 }
    local function verdict(token, keys)
      return (core.jwt_verify(token, { keys = keys, now = os.time(), leeway = 5 }))
    end
    local old, old_keys = new_token(box), keys_of(box)
    post(box, "/_sandbox/keys/rotate", {})
    local new, new_keys = new_token(box), keys_of(box)
    assert.equal("good", verdict(old, old_keys))
    assert.equal("key_unknown", verdict(new, old_keys)) -- asks for the keys again
    assert.equal("good", verdict(new, new_keys))
    assert.equal("good", verdict(old, new_keys))
    post(box, "/_sandbox/keys/rotate", {})
    assert.equal("key_unknown", verdict(old, keys_of(box)))
    assert.equal("good", verdict(new, keys_of(box)))
  end)

  it("is another's when another sandbox signed it", function()
    local one <close> = sandbox.start { products = 1 }
    local two <close> = sandbox.start { products = 1 }
    assert.equal("signature",
      (core.jwt_verify(new_token(one), { keys = keys_of(two), now = os.time() })))
  end)
end)
