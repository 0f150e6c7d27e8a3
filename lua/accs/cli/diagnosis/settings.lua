--- What `accs doctor` sees without the network: settings, credential, organisation, tenant. Each
--- check is a function of what the checks share.
local client_options = require "accs.options"
local errors = require "accs.error"
local options = require "accs.cli.options"
local way = require "accs.cli.diagnosis.way"
local words = require "accs.cli.words"

local settings = {}

--- Where a value comes from: an option, a variable, the file, or nobody said anything.
---@param source accs.Source
---@param name string  of the option
---@return string
--- Example: `settings.origin(sources.store, "store")` is "--store".
function settings.origin(source, name)
  if source.kind == "option" then
    return "--" .. name:gsub("_", "-")
  elseif source.kind == "environment" then
    return client_options.by_name[name].env
  end
  return source.kind == "dotenv" and source.words:match("^(.*) %(") or source.kind
end

-- An address without the user name and password that it may hold, however they are spelt.
local function mask(address)
  local scheme, rest = address:match("^(%a[%w+.-]*://)(.*)$")
  return (scheme or "") .. (rest or address):gsub("^.*@", "***@")
end

--- A value for the eye; secrets are counted, never shown.
---@param name string  of the option
---@param value any
---@return string
--- Example: `settings.show("timeout", 20)` is "20".
function settings.show(name, value)
  local option = client_options.by_name[name]
  if name == "client_secret" and type(value) == "table" then
    return ("%d secrets, not shown"):format(#value)
  elseif option.secret then
    return "set, not shown"
  elseif option.password and (name ~= "cache" or value:find("://", 1, true)) then -- no folder
    return mask(value)
  elseif option.type == "scopes" then
    return (value:gsub(",", ", "))
  elseif type(value) == "string" then
    return value
  elseif math.type(value) == "float" then
    return ("%.15g"):format(value)
  end
  return tostring(value)
end

-- Told one by one, set or not; the others where somebody set them.
local FIRST = { "base_url", "ims_url", "client_id", "client_secret", "access_token" }
-- Told by a check of their own, or no settings of a command line.
local UNTOLD = { cache = true, org_id = true, auth = true, on_event = true, engine = true,
  codec = true }

local function told_names(self)
  local names, seen = {}, {}
  for _, name in ipairs(FIRST) do
    seen[name] = true
    names[#names + 1] = self.values[name] ~= nil and name or nil
  end
  for _, option in ipairs(client_options.list) do
    local source = self.sources[option.name]
    if not seen[option.name] and not UNTOLD[option.name] and source
      and source.kind ~= "default" then
      names[#names + 1] = option.name
    end
  end
  return names
end

local function dotenv_words(self)
  local path = self.arguments.client_dotenv or ".env"
  local count = 0
  for _, source in pairs(self.sources) do
    count = count + (source.kind == "dotenv" and 1 or 0)
  end
  local file = io.open(path, "rb")
  if not file then
    return path .. ": none here"
  end
  file:close()
  return ("%s: %s"):format(path, count == 0 and "nothing in it is used"
    or count == 1 and "1 setting is used" or count .. " settings are used")
end

--- The options, and where each comes from.
---@param self accs.cli.Diagnosis
--- Example: `settings.settings(self)`
function settings.settings(self)
  local ok, problem, values, sources = pcall(options.given, self.arguments)
  if not ok then
    if not errors.is(problem) then
      error(problem, 0)
    end
    self:add("fail", "settings", (words.of(problem.message)), problem.hint, problem.kind)
    return
  end
  values.cache = problem.cache or values.cache
  values.auth = problem.auth or values.auth
  self.given, self.values, self.sources = problem, values, sources
  local auth, refusal = way.open(values, sources, values.ims_url)
  if auth then
    auth:close()
    self:add("ok", "settings", dotenv_words(self))
  else
    self:add("fail", "settings", (words.of(refusal.message)), refusal.hint, refusal.kind)
  end
  for _, name in ipairs(told_names(self)) do
    self:add("ok", name, ("%s (%s)"):format(settings.show(name, values[name]),
      settings.origin(sources[name], name)))
  end
end

--- Which kind of credential is in use, and whether it is whole.
---@param self accs.cli.Diagnosis
--- Example: `settings.credential(self)`
function settings.credential(self)
  local values = self.values
  if values.access_token then
    return self:add("ok", "credential", "a ready access token; IMS is not asked")
  end
  local missing = {}
  for _, name in ipairs { "client_id", "client_secret" } do
    if not values[name] and not (values.auth == "user" and name == "client_secret") then
      missing[#missing + 1] = client_options.by_name[name].env
    end
  end
  if #missing > 0 then
    return self:add("fail", "credential", table.concat(missing, " and ")
      .. (#missing > 1 and " are" or " is") .. " not set",
      "the Developer Console shows " .. (#missing > 1 and "them; they belong" or "it; it belongs")
        .. " in the environment or in .env. A client without a secret needs "
        .. "a sign-in: accs login")
  elseif values.auth == "user" then
    return self:add("ok", "credential", ("a person's sign-in, session %s, %s a client secret")
      :format(values.session, values.client_secret and "with" or "without"))
  end
  self:add("ok", "credential", "server to server")
end

--- The organisation's form.
---@param self accs.cli.Diagnosis
--- Example: `settings.organisation(self)`
function settings.organisation(self)
  local org = self.values.org_id
  if not org then
    return self:add("warn", "organisation", "IMS_ORG_ID is not set",
      "the header x-gw-ims-org-id is left out, which a tenant may refuse")
  elseif not org:find("^%x+@AdobeOrg$") then
    return self:add("warn", "organisation", org .. " has not the form of an organisation id",
      "it is like 1234567890ABCDEF12345678@AdobeOrg: copy it from the Developer Console")
  end
  self:add("ok", "organisation", ("%s (%s)"):format(org,
    settings.origin(self.sources.org_id, "org_id")))
end

local HOSTS = { "^api%.commerce%.adobe%.com$", "^[%w-]+%.api%.commerce%.adobe%.com$" }
local TENANT_LENGTH = 22

local REST = "API_ENDPOINT is host and tenant id alone: https://<region>.api.commerce.adobe.com/"
  .. "<tenant-id>"

local function is_api_host(host)
  for _, pattern in ipairs(HOSTS) do
    if host:find(pattern) then
      return true
    end
  end
  return false
end

--- The form of the tenant's address.
---@param self accs.cli.Diagnosis
--- Example: `settings.tenant(self)`
function settings.tenant(self)
  local url = self.values.base_url
  if not url then
    return self:add("fail", "tenant", "API_ENDPOINT is not set", REST)
  end
  local host, path = url:lower():match("^https?://([^/:]+)[^/]*"), url:match("^%a+://[^/]+(.*)$")
  local tenant = path:match("^/([^/]+)/?$")
  if host:find("%.admin%.commerce%.adobe%.com$") then
    return self:add("fail", "tenant", host .. " is the Admin's address",
      "the API's host has api in place of admin: " .. host:gsub("%.admin%.", ".api."))
  elseif not tenant then
    return self:add("fail", "tenant", path:find("^/*$") and "there is no tenant id in the address"
      or path .. " is more than a tenant id", REST)
  elseif not is_api_host(host) then
    return self:add("ok", "tenant", ("%s on %s, which is not Adobe's"):format(tenant, host))
  elseif not tenant:find("^[%w-]+$") then
    return self:add("fail", "tenant", tenant .. " is no tenant id", REST)
  elseif #tenant ~= TENANT_LENGTH then
    return self:add("warn", "tenant", ("%s has %d characters, tenant ids have %d"):format(tenant,
      #tenant, TENANT_LENGTH), "copy the REST endpoint from the Commerce Cloud Manager")
  end
  self:add("ok", "tenant", ("%s in %s"):format(tenant, host:match("^(.-)%.?api%.") ~= ""
    and host:match("^(.-)%.api%.") or "any region"))
end

return settings
