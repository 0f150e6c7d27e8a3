--- The keys that sign tokens: the one in use and, after a rotation, the one before it.
local json = require "accs.sandbox.json"
local native = require "accs.sandbox.native"

local crypto = native.crypto
local keys = {}

local KEPT = 2 -- so many are in the key set: tokens of the key before stay checkable
local quote = json.quote

---@class accs.sandbox.Keys
local Keys = {}
Keys.__index = Keys

--- A key set with one new key.
---@return accs.sandbox.Keys
--- Example: `local signing = keys.new()`.
function keys.new()
  local set = setmetatable({ _newest_first = {}, _made = 0 }, Keys)
  set:rotate()
  return set
end

--- Signs with a new key from now on; the one before stays in the set, older ones leave it.
---@return string kid  of the new key
--- Example: `local kid = signing:rotate()`.
function Keys:rotate()
  self._made = self._made + 1
  local kid = ("ims_na1-key-at-%d"):format(self._made)
  table.insert(self._newest_first, 1, { kid = kid, pair = crypto.key() })
  local oldest = self._newest_first[KEPT + 1]
  if oldest then
    oldest.pair:close()
    self._newest_first[KEPT + 1] = nil
  end
  return kid
end

--- A signed JWT (RS256).
---@param claims string  JSON text of an object
---@param kind string|nil  for the head's `itt`, as in Adobe's access tokens ("at")
---@return string
--- Example: `local token = signing:sign('{"sub":"a"}')`.
function Keys:sign(claims, kind)
  local key = self._newest_first[1]
  local head = json.object("alg", '"RS256"', "x5u", quote(key.kid .. ".cer"), "kid", quote(key.kid),
    "itt", kind and quote(kind))
  local signed = crypto.base64url(head) .. "." .. crypto.base64url(claims)
  return signed .. "." .. crypto.base64url(key.pair:sign(signed))
end

--- The claims of a token that a key of the set signed.
---@param token string
---@return string|nil claims  JSON text; nil for any other text
--- Example: `local claims = signing:read(token)`.
function Keys:read(token)
  local head, claims, signature = token:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
  local bytes = signature and crypto.from_base64url(signature)
  local plain_head = bytes and crypto.from_base64url(head)
  if not plain_head or not json.valid(plain_head) or json.get(plain_head, "$.alg") ~= "RS256" then
    return nil
  end
  local kid = json.get(plain_head, "$.kid")
  for _, key in ipairs(self._newest_first) do
    if key.kid == kid and key.pair:verify(head .. "." .. claims, bytes) then
      return crypto.from_base64url(claims)
    end
  end
end

--- The public keys as a JSON Web Key Set (RFC 7517).
---@return string
--- Example: `return 200, signing:jwks()`.
function Keys:jwks()
  local list = {}
  for i, key in ipairs(self._newest_first) do
    local modulus, exponent = key.pair:public()
    list[i] = json.object("kty", '"RSA"', "alg", '"RS256"', "use", '"sig"', "kid", quote(key.kid),
      "n", quote(crypto.base64url(modulus)), "e", quote(crypto.base64url(exponent)))
  end
  return json.object("keys", json.array(list))
end

return keys
