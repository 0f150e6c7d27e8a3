--- The one user of the sandbox, and the technical account of its server-to-server credential.
local json = require "accs.sandbox.json"

local user = {}

user.ID = "00000000000000000000USER@AdobeID"
user.TECHNICAL_ID = "00000000000000000000SAND@techacct.adobe.com"
user.EMAIL = "ada@example.com"

local quote = json.quote

--- The scopes of a token as a set.
---@param scope string  comma-separated
---@return table<string, true>
--- Example: `user.set("openid,email").email` is true.
function user.set(scope)
  local set = {}
  for name in scope:gmatch("[^,]+") do
    set[name] = true
  end
  return set
end

--- What `GET /ims/userinfo/v2` tells: names for the scope profile, the address for email.
---@param claims accs.sandbox.Claims
---@return string
--- Example: `return 200, user.info(claims)`.
function user.info(claims)
  local profile, email = claims.scopes.profile, claims.scopes.email
  return json.object("sub", quote(claims.user_id), "account_type", '"ind"',
    "email_verified", email and "true" or nil,
    "address", profile and json.object("country", '"US"') or nil,
    "name", profile and '"Ada Example"' or nil,
    "given_name", profile and '"Ada"' or nil,
    "family_name", profile and '"Example"' or nil,
    "email", email and quote(user.EMAIL) or nil)
end

return user
