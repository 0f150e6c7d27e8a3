--- What `accs doctor` sees on the way to the hosts: names, connections, certificates, the clock.
--- Each check is a function of what the checks share.
local causes = require "accs.cli.diagnosis.causes"
local core = require "accs.core"
local credentials = require "accs.credentials"

local way = {}

local PROBE_TIME = 15 -- seconds for a host to answer

--- Opens what a request without any credential needs.
---@param from table<string, any>  values of the options
---@param sources table<string, accs.Source>
---@param url string  of the host
---@return accs.Auth|nil auth
---@return accs.Error|nil err  what is wrong with the options
--- Example: `way.open(values, sources, "https://ims-na1.adobelogin.com")`
function way.open(from, sources, url)
  local values = {}
  for name, value in pairs(from) do
    values[name] = value
  end
  values.ims_url, values.client_secret, values.cache = url, nil, "memory"
  values.access_token, values.on_event, values.log = "none", nil, nil
  values.attempts, values.backoff, values.max_backoff = 1, 0.05, 0.05
  values.timeout = math.min(values.timeout or PROBE_TIME, PROBE_TIME)
  return credentials.open(values, sources, { quiet = true })
end

-- How far such a request comes. The path is that of IMS's public keys; a tenant's host has no such
-- path and says so, which is an answer as well.
local function probe(self, url)
  local found = { url = url, host = url:match("^%a+://(%[[^%]]*%])") or url:match("//([^/:]+)") }
  local auth <close> = assert(way.open(self.values, self.sources, url))
  local begun = core.monotonic()
  local reply, err, code = auth:_run("keys")
  found.err, found.step = err, err and causes.step(err, code)
  found.elapsed, found.skew = core.monotonic() - begun, auth:state().skew
  if reply then
    reply:close()
  end
  return found
end

local function origin_of(url)
  return url and url:match("^%a+://[^/]+")
end

-- What came of each host: IMS's, which a ready token has no need of, and the tenant's, where it is
-- another one. Each is tried once, by the first check that asks.
local function probes(self)
  if not self.probes then
    local values = self.values
    local ims, tenant = origin_of(values.ims_url), origin_of(values.base_url)
    self.probes = {}
    if not values.access_token then
      self.probes[1] = probe(self, ims)
      self.probes[1].place = "IMS"
    end
    if tenant and (values.access_token or tenant ~= ims) then
      local found = probe(self, tenant)
      found.place = "tenant"
      self.probes[#self.probes + 1] = found
    end
  end
  return self.probes
end

-- A finding for each host that came no further than this step, and one for all that passed it.
local function look_at_step(self, step, passed, words, hint)
  local good, failed = {}, false
  for _, found in ipairs(probes(self)) do
    if found.step == step then
      failed = true
      self:add("fail", step, ("%s: %s"):format(found.host, found.err.message), hint(found),
        found.err.kind)
      self.broken["way to " .. found.place] = step
    elseif passed(found) then
      good[#good + 1] = words(found)
    end
  end
  if #good > 0 then
    self:add("ok", step, table.concat(good, ", "))
  elseif not failed then
    self:add("skip", step, "no host came so far")
  end
end

local ORDER = { dns = 1, connection = 2, tls = 3 }

local function came_past(step)
  return function(found)
    return not found.step or ORDER[found.step] > ORDER[step]
  end
end

local function hint_of(found)
  return causes.of_way(found.err)
end

local function is_name(found)
  return not found.host:find("^%[") and not found.host:find("^[%d.]+$")
end

--- Names have addresses.
---@param self accs.cli.Diagnosis
--- Example: `way.dns(self)`
function way.dns(self)
  local names = #probes(self) == 0
  for _, found in ipairs(probes(self)) do
    names = names or is_name(found)
  end
  if not names then
    return self:add("skip", "dns", "the addresses are numbers")
  end
  look_at_step(self, "dns", came_past("dns"), function(found)
    return found.host
  end, hint_of)
end

--- The hosts answer.
---@param self accs.cli.Diagnosis
--- Example: `way.connection(self)`
function way.connection(self)
  look_at_step(self, "connection", came_past("connection"), function(found)
    return ("%s answers in %.0f ms"):format(found.host, math.max(1, found.elapsed * 1000))
  end, hint_of)
end

--- Their certificates are trusted.
---@param self accs.cli.Diagnosis
--- Example: `way.tls(self)`
function way.tls(self)
  local plain = #probes(self) > 0
  for _, found in ipairs(probes(self)) do
    plain = plain and found.url:find("^http:") ~= nil
  end
  if plain then
    return self:add("skip", "tls", "plain http, on this machine")
  end
  look_at_step(self, "tls", came_past("tls"), function(found)
    return found.host .. (found.url:find("^http:") and ": plain http" or ": trusted")
  end, function(found)
    return causes.of_tls(found.err, os.date("!%Y-%m-%d"))
  end)
end

local SKEW_MAX = 30 -- seconds that nobody needs to hear of

--- A time in words.
---@param count number  seconds
---@return string
--- Example: `way.duration(7200)` is "2 h".
function way.duration(count)
  local minutes = math.floor(count / 60 + 0.5)
  if minutes >= 60 then
    return minutes % 60 == 0 and ("%d h"):format(minutes // 60)
      or ("%d h %d min"):format(minutes // 60, minutes % 60)
  elseif minutes >= 2 then
    return ("%d min"):format(minutes)
  end
  return ("%.0f s"):format(count)
end

--- This machine's clock is that of IMS.
---@param self accs.cli.Diagnosis
--- Example: `way.clock(self)`
function way.clock(self)
  local found
  for _, one in ipairs(probes(self)) do
    found = found or (not one.step and one)
  end
  if not found then
    return self:add("skip", "clock", "nobody answered to compare it with")
  end
  local skew = found.skew or 0
  if math.abs(skew) <= SKEW_MAX then
    return self:add("ok", "clock", ("within %d s of %s's"):format(math.max(1,
      math.ceil(math.abs(skew))), found.host))
  end
  self:add("warn", "clock", ("this machine's is %s %s %s's"):format(way.duration(math.abs(skew)),
    skew > 0 and "behind" or "ahead of", found.host),
    "set it (timedatectl set-ntp true): certificates and logs go by it. The life of tokens is "
      .. "reckoned by the service's clock")
end

return way
