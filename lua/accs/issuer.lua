--- IMS as the issuer of tokens: its identifier, and the set of keys (RFC 7517) to check their
--- signatures with.
local core = require "accs.core"
local errors = require "accs.error"
local tasks = require "accs.tasks"

local issuer = {}

local LIFE = 3600 -- seconds that the keys are used for
local PAUSE = 60 -- seconds between two looks for a key that was not there
local HINT = "IMS gives its keys to everybody: check ims_url (IMS_URL), and what is on the way"

--- The issuer's identifier: the address of IMS without path, in one spelling.
---@param url string
---@return string  empty for what is no address
--- Example: `issuer.identifier "HTTPS://IMS.example.com:443/"` gives "https://ims.example.com".
function issuer.identifier(url)
  local origin = url:lower():match("^%a+://[^/?#]+") or ""
  return (origin:gsub("^(https://.-):443$", "%1"))
end

---@class accs.KeySet
---@field current { text: string, asked: number }|false  the keys that came last, and when
---@field look { at: number, err: accs.Error }|false  the last one for a missing key, if it failed
---@field package _ask fun(): accs.Response|nil, accs.Error|nil
---@field package _fetch table|false  the one under way
local KeySet = {}
KeySet.__index = KeySet

--- The keys of an issuer. No I/O.
---@param ask fun(): accs.Response|nil, accs.Error|nil  has them fetched
---@return accs.KeySet
--- Example: `issuer.key_set(function() return auth:_run("keys") end)`
function issuer.key_set(ask)
  return setmetatable({ current = false, look = false, _ask = ask, _fetch = false }, KeySet)
end

-- Fetches the keys, once for all tasks that want them at the same time.
local function fetch_keys(self)
  local fetch = self._fetch
  if fetch then
    tasks.wait_for(fetch)
    if fetch.keys or fetch.err then
      return fetch.keys, fetch.err
    end
    return fetch_keys(self) -- whoever asked was cancelled
  end
  fetch = { finished = false, joined = false }
  self._fetch = fetch
  local _ <close> = setmetatable({}, { __close = function()
    self._fetch = false
    tasks.finish(fetch)
  end })
  local asked = core.monotonic()
  local reply, err = self._ask()
  if err and err.kind == "auth" then -- they are for everybody: that says nothing about a token
    err = errors.new { kind = "http", message = err.message, status = err.status,
      outcome = err.outcome, attempts = err.attempts, hint = HINT }
  end
  if reply then
    fetch.keys = { text = reply:body(), asked = asked }
    self.current = fetch.keys
    reply:close()
  end
  fetch.err = err
  return fetch.keys, err
end

--- Keys that are fresh enough: kept for an hour. With a key missing among those that were tried,
--- newer ones, looked for at most once a minute.
---@param tried? { text: string }  what was found before
---@return { text: string }|nil keys  those that were tried, where it is too early for a look
---@return accs.Error|nil err
--- Example: `local keys, err = set:find()`
function KeySet:find(tried)
  local keys = self.current
  local age = keys and core.monotonic() - keys.asked
  if keys and keys ~= tried and age < LIFE then
    return keys
  elseif not tried or keys ~= tried then
    return fetch_keys(self)
  elseif age < PAUSE then
    return tried
  end
  local look = self.look -- anybody can make up names of keys
  if look and core.monotonic() - look.at < PAUSE then
    return nil, look.err
  end
  local newer, err = fetch_keys(self)
  self.look = err and { at = core.monotonic(), err = err } or false
  return newer, err
end

--- Forgets keys that cannot be read: they are fetched anew the next time.
--- Example: `set:forget()`
function KeySet:forget()
  self.current = false
end

return issuer
