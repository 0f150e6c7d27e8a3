-- Sealing, held against OpenSSL's own command. It offers no GCM, but all that GCM is made of:
-- HKDF for the keys, counter mode with the counter from 2 on for the text (NIST SP 800-38D, 7.1),
-- and GMAC, which is the tag of an empty text.
local core = require "accs.core"
local support = require "spec.support"

local SALT = "accs sealing, version 1"
local SECRET, PURPOSE = "not-a-secret", "example"
local CONTEXT = "text" -- what core.seal adds to the header as associated data

local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

local function unhex(text)
  return (text:gsub("[^%x]", ""):gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- What `openssl` prints.
local function openssl(words, stdin)
  local result = support.run { "openssl", stdin = stdin, table.unpack(words) }
  assert(result.code == 0, result.err)
  return result.out
end

-- HKDF-SHA256 by OpenSSL's command.
local function hkdf(use, len)
  return unhex(openssl { "kdf", "-keylen", len, "-kdfopt", "digest:SHA256",
    "-kdfopt", "key:" .. SECRET, "-kdfopt", "salt:" .. SALT,
    "-kdfopt", "info:" .. PURPOSE .. use, "HKDF" })
end

-- The tag of an empty text.
local function gmac(key, nonce, associated)
  local dir <close> = support.temp_dir()
  return unhex(openssl { "mac", "-cipher", "AES-256-GCM", "-macopt", "hexkey:" .. hex(key),
    "-macopt", "hexiv:" .. hex(nonce), "-in",
    support.write_file(dir.path .. "/associated", associated), "GMAC" })
end

-- AES-256 in counter mode, from the counter that GCM begins a text with.
local function counter(key, nonce, text)
  return openssl({ "enc", "-aes-256-ctr", "-K", hex(key), "-iv", hex(nonce) .. "00000002" }, text)
end

-- base64url, by a command too.
local function decode(text)
  local padded = text:gsub("-", "+"):gsub("_", "/") .. ("="):rep(-#text % 4)
  return openssl({ "base64", "-d", "-A" }, padded)
end

local function encode(bytes)
  local text = openssl({ "base64", "-A" }, bytes)
  return (text:gsub("%+", "-"):gsub("/", "_"):gsub("=", ""))
end

-- The parts of sealed bytes as seal.h says.
local function parts(sealed)
  local bytes = decode(sealed)
  return {
    magic = bytes:sub(1, 5), id = bytes:sub(6, 13), nonce = bytes:sub(14, 25),
    header = bytes:sub(1, 25), text = bytes:sub(26, -17), tag = bytes:sub(-16),
  }
end

describe("what was sealed", function()
  local key, id

  setup(function()
    key, id = hkdf(" key", 32), hkdf(" id", 8)
    assert(#key == 32 and #id == 8)
  end)

  it("stands behind a header that names version and key", function()
    local found = parts(assert(core.seal(SECRET, PURPOSE, "a text")))
    assert.equal("ACCS\1", found.magic)
    assert.equal(hex(id), hex(found.id))
    assert.equal(6, #found.text)
  end)

  it("is the text in OpenSSL's counter mode", function()
    for _, text in ipairs { "x", "a text", ("0123456789abcdef"):rep(100), "\0\1\2\255" } do
      local found = parts(assert(core.seal(SECRET, PURPOSE, text)))
      assert.not_equal(text, found.text)
      assert.equal(hex(text), hex(counter(key, found.nonce, found.text)))
    end
  end)

  it("has the tag that OpenSSL's GMAC gives for header and context", function()
    local found = parts(assert(core.seal(SECRET, PURPOSE, "")))
    assert.equal("", found.text)
    assert.equal(hex(gmac(key, found.nonce, found.header .. CONTEXT)), hex(found.tag))
    assert.not_equal(hex(gmac(key, found.nonce, found.header)), hex(found.tag))
  end)

  it("is opened when OpenSSL made it", function()
    local nonce = ("n"):rep(12)
    local header = "ACCS\1" .. id .. nonce
    assert.equal("", core.unseal(SECRET, PURPOSE,
      encode(header .. gmac(key, nonce, header .. CONTEXT))))
    assert.is_nil(core.unseal(SECRET, PURPOSE, encode(header .. gmac(key, nonce, header))))
  end)

  it("is not opened behind another header, although the tag is right", function()
    local nonce = ("n"):rep(12)
    for _, start in ipairs { "ACCS\2" .. id, "ACCS\0" .. id, "BCCS\1" .. id,
      "ACCS\1" .. ("i"):rep(8) } do
      local header = start .. nonce
      local opened, message = core.unseal(SECRET, PURPOSE,
        encode(header .. gmac(key, nonce, header .. CONTEXT)))
      assert.is_nil(opened)
      assert.equal("sealed with another secret, or changed", message)
    end
  end)
end)

describe("a challenge", function()
  it("is OpenSSL's SHA-256 of the verifier", function()
    local verifier, challenge = core.pkce()
    assert.equal(challenge, encode(openssl({ "dgst", "-sha256", "-binary" }, verifier)))
  end)
end)
