--- What `accs doctor` hears from IMS and from the tenant: token, cache, scopes, one call. Each
--- check is a function of what the checks share.
local causes = require "accs.cli.diagnosis.causes"
local core = require "accs.core"
local credentials = require "accs.credentials"
local settings = require "accs.cli.diagnosis.settings"
local way = require "accs.cli.diagnosis.way"

local service = {}

local CALL_TIME = 30 -- seconds

-- A copy of options, with patience for somebody who waits, where nobody said otherwise.
local function with_patience(self, from)
  local copy = {}
  for name, value in pairs(from) do
    copy[name] = value
  end
  for name, value in pairs { timeout = CALL_TIME, attempts = 2 } do
    if self.sources[name].kind == "default" then
      copy[name] = value
    end
  end
  return copy
end

local function open_auth(self)
  local values = with_patience(self, self.values)
  values.on_event = function(event)
    self.events[#self.events + 1] = event
  end
  return credentials.open(values, self.sources, { user = values.auth == "user" })
end

local function count_secrets(secret)
  return type(secret) == "table" and #secret or 1
end

local FROM = { ["from the cache"] = "from the cache", acquired = "from IMS", refreshed = "from IMS",
  rotated = "from IMS" }

local function token_words(self, state)
  local from = self.values.access_token and "ready" or "from IMS"
  for _, event in ipairs(self.events) do
    if event.kind == "token" and FROM[event.text] then
      from = FROM[event.text]
    end
  end
  return from .. (state.left and ", lives " .. way.duration(state.left)
    or ", its end is not known")
end

--- There is a token: from the cache, or from IMS.
---@param self accs.cli.Diagnosis
--- Example: `service.token(self)`
function service.token(self)
  local auth, err = open_auth(self)
  if not auth then
    return self:add("fail", "token", err.message, err.hint, err.kind)
  end
  self.auth = auth
  local token
  if self.arguments.fresh and not self.values.access_token then
    token, err = auth:refresh()
  else
    token, err = auth:token()
  end
  if not token then
    return self:add("fail", "token", err.message, causes.of_token(err), err.kind)
  end
  local state = auth:state()
  self.claims = auth:claims()
  local owner = self.claims and self.claims.client_id
  if owner and self.values.client_id and owner ~= self.values.client_id then
    return self:add("fail", "token", "it was made for the client id " .. tostring(owner),
      "a token goes with its own client id: unset ACCS_ACCESS_TOKEN, or correct IMS_CLIENT_ID",
      "auth")
  end
  local words = token_words(self, state)
  local secrets = count_secrets(self.values.client_secret)
  if (state.secret or 0) > 1 then
    return self:add("warn", "token", ("%s, with client secret %d of %d"):format(words,
      state.secret, secrets), "IMS refuses the newer ones: take them out, or put the list in order "
      .. "(newest first)")
  elseif state.secret and secrets > 1 then
    words = ("%s, with client secret %d of %d"):format(words, state.secret, secrets)
  end
  self:add("ok", "token", words)
end

-- One word for the shell.
local function quote(word)
  return word:find("^[%w/._-]+$") and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

-- What mends a folder's trouble.
local function mend_cache(folder, reason)
  if reason == "others can write to the folder" then
    return "chmod 700 " .. quote(folder)
  elseif reason ~= "it is open to other users" then
    return "each process asks IMS for a token of its own until this is mended"
  end
  return "chmod 600 " .. quote(folder) .. "/*"
end

--- Where tokens are kept, and whether that works.
---@param self accs.cli.Diagnosis
--- Example: `service.cache(self)`
function service.cache(self)
  local where = self.values.cache
  if where == "memory" or self.values.access_token then
    return self:add("ok", "cache", "memory: tokens end with the process")
  elseif where == "file" then
    where = credentials.default_folder()
  end
  for _, event in ipairs(self.events) do
    if event.kind == "cache" then
      return self:add("warn", "cache", ("%s: %s, %s"):format(settings.show("cache", where),
        event.text, event.reason or "no reason given"), mend_cache(where, event.reason))
    end
  end
  self:add("ok", "cache", settings.show("cache", where))
end

local WANTED = "commerce.accs"

--- What the token says it is for.
---@param self accs.cli.Diagnosis
--- Example: `service.scopes(self)`
function service.scopes(self)
  local claims = self.claims
  local scope = claims and claims.scope
  if type(scope) ~= "string" then
    return self:add("warn", "scopes", "the token does not tell its scopes")
  end
  local has, count = {}, 0
  for name in scope:gmatch("[^,%s]+") do
    has[name], count = true, count + 1
  end
  if not has[WANTED] then
    return self:add("fail", "scopes", "the token lacks " .. WANTED,
      "add the API \"Adobe Commerce as a Cloud Service\" to the project in the Developer Console",
      "auth")
  end
  local missing = {}
  local asked = not self.values.access_token and self.values.auth == "server"
  for name in (asked and self.values.scopes or ""):gmatch("[^,]+") do
    missing[#missing + 1] = not has[name] and name or nil
  end
  if #missing > 0 then
    return self:add("warn", "scopes", "not granted: " .. table.concat(missing, ", "),
      "the project may lack them; most calls need " .. WANTED .. " alone")
  end
  self:add("ok", "scopes", ("%s and %d more"):format(WANTED, count - 1))
end

local PATH = "/V1/store/storeConfigs"

--- One read of the tenant.
---@param self accs.cli.Diagnosis
--- Example: `service.call(self)`
function service.call(self)
  local client <close> = require("accs").client(with_patience(self, self.given))
  local begun = core.monotonic()
  local res, err = client:get(PATH)
  if not res then
    return self:add("fail", "call", ("GET %s: %s%s"):format(PATH,
      err.status and "HTTP " .. err.status .. ": " or "", err.message),
      causes.of_call(err, self.values.store and settings.origin(self.sources.store, "store")),
      err.kind)
  end
  local views = type(res.data) == "table" and #res.data or 0
  local words = ("GET %s: %d store view%s in %.0f ms"):format(PATH, views, views == 1 and "" or "s",
    math.max(1, (core.monotonic() - begun) * 1000))
  if views == 0 then
    return self:add("warn", "call", words, "a tenant has one at least: is this the right tenant?")
  end
  self:add("ok", "call", words)
end

return service
