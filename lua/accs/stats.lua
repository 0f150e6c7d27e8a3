--- What clients did: `client:stats()` as a table, and several clients as Prometheus' text.
local errors = require "accs.error"
local json = require "accs.json"
local request = require "accs.request"

local stats = {}

--- What a client did since it was made. Requests for tokens are not among calls and requests.
---@class accs.Stats
---@field started integer  calls
---@field ended table<string, integer>  calls by how they ended: `ok`, or the kind of error
---@field in_flight integer  calls that have not ended
---@field waiting integer  of these, waiting for their turn (`max_concurrency`)
---@field attempts integer  requests that left, libcurl's hidden repeats included
---@field retries integer  attempts after a call's first
---@field throttles integer  times that the client was told to pause
---@field spent table<string, number>  seconds of all calls together, by what they did: wait for a
---  `token`, the `throttle`, their turn (`place`), between attempts (`backoff`); `transfer`
---@field bytes_in integer  heads and bodies as they came, before inflating
---@field bytes_out integer
---@field connections_opened integer  begun, in vain too
---@field connections_reused integer  requests that left over an open one
---@field tokens { acquired: integer, refreshed: integer, failed: integer }  of its identity, which
---  clients may share: then each counts them
---@field events_dropped integer  because the hook was too slow, or memory too short
---@field latency accs.Latency

--- Seconds of whole calls with their waits and repeats; cancelled ones are left out. Quantiles are
--- off by 5 % at most, the rest is exact.
---@class accs.Latency
---@field count integer
---@field sum number
---@field max number
---@field p50 number
---@field p90 number
---@field p99 number
---@field buckets { le: number, count: integer }[]  calls that took at most `le` seconds

--- The numbers of a client, a table of the caller's own.
---@param client accs.Client  also a closed one: then those of its end
---@return accs.Stats
--- Example: `print(stats.read(client).latency.p99)`
function stats.read(client)
  local found
  if client._core then
    found = client._core:stats()
  else
    found = json.decode(json.encode(client._final)) -- a copy
    found.ended.cancelled = found.ended.cancelled + found.in_flight -- that is what closing does
    found.in_flight, found.waiting = 0, 0
  end
  local unreadable = client._unreadable or 0
  found.ended.ok = found.ended.ok - unreadable -- the core has not looked into the JSON
  found.ended.decode = found.ended.decode + unreadable
  found.events_dropped = found.events_dropped + (client._hook and client._hook.lost or 0)
  return found
end

-- Each family: name, type, help, and a function that adds the samples of one client.
---@type { name: string, type: string, help: string, add: fun(found: accs.Stats, add: function) }[]
local FAMILIES = {}

local function family(name, kind, help, add)
  FAMILIES[#FAMILIES + 1] = { name = name, type = kind, help = help, add = add }
end

local function field(name)
  return function(found, add)
    add("", found[name])
  end
end

-- One sample for each entry of a table, in a fixed order.
local function each(name, label)
  return function(found, add)
    local keys = {}
    for key in pairs(found[name]) do
      keys[#keys + 1] = key
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
      add("", found[name][key], label, key)
    end
  end
end

family("accs_calls_started_total", "counter", "Calls started.", field("started"))
family("accs_calls_total", "counter", "Calls ended, by result: ok or the kind of error.",
  each("ended", "result"))
family("accs_calls_in_flight", "gauge", "Calls that have not ended.", field("in_flight"))
family("accs_calls_waiting", "gauge", "Calls that wait for their turn.", field("waiting"))
family("accs_requests_total", "counter", "Requests that left.", field("attempts"))
family("accs_retries_total", "counter", "Attempts after a call's first.", field("retries"))
family("accs_throttles_total", "counter", "Times that the client was told to pause.",
  field("throttles"))
family("accs_spent_seconds_total", "counter", "Time that calls spent, by what they did.",
  each("spent", "stage"))
family("accs_received_bytes_total", "counter", "Bytes received, before inflating.",
  field("bytes_in"))
family("accs_sent_bytes_total", "counter", "Bytes sent.", field("bytes_out"))
family("accs_connections_opened_total", "counter", "Connections begun.",
  field("connections_opened"))
family("accs_connections_reused_total", "counter", "Requests over an open connection.",
  field("connections_reused"))
family("accs_tokens_total", "counter", "Requests for tokens, by result.", each("tokens", "result"))
family("accs_events_dropped_total", "counter", "Events that a slow hook did not see.",
  field("events_dropped"))
family("accs_call_duration_seconds", "histogram", "Time of whole calls with waits and repeats.",
  function(found, add)
    for _, bucket in ipairs(found.latency.buckets) do
      add("_bucket", bucket.count, "le", request.number(bucket.le))
    end
    add("_bucket", found.latency.count, "le", "+Inf")
    add("_sum", found.latency.sum)
    add("_count", found.latency.count)
  end)

local RESERVED = { le = true, result = true, stage = true, quantile = true }
local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function pair(name, value)
  return ('%s="%s"'):format(name, value:gsub('[\\"\n]', ESCAPES))
end

-- The user's labels as text, sorted.
local function spell_labels(labels)
  if labels == nil then
    return ""
  elseif type(labels) ~= "table" then
    errors.misuse(("prometheus: labels must be a table, not %s"):format(type(labels)))
  end
  local pairs_of = {}
  for name, value in pairs(labels) do
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") or name:find("^__")
      or RESERVED[name] then
      errors.misuse(('prometheus: "%s" cannot be the name of a label')
        :format(errors.clean(tostring(name), 60)))
    elseif type(value) ~= "string" or not utf8.len(value) then
      errors.misuse(("prometheus: the label %s must be a string in UTF-8"):format(name))
    end
    pairs_of[#pairs_of + 1] = pair(name, value)
  end
  table.sort(pairs_of)
  return table.concat(pairs_of, ",")
end

local function read_source(source)
  local is_table = type(source) == "table"
  if is_table and source.latency and source.ended then
    return source -- numbers that were read before
  elseif is_table and type(source.stats) == "function" then
    return source:stats()
  end
  errors.misuse("prometheus: a client is needed, what client:stats() gave, or a list of these")
end

-- A list of { found, labels as text }.
local function read_sources(source, labels)
  local many = type(source) == "table" and rawget(source, 1) ~= nil
  local list, seen = {}, {}
  for index, entry in ipairs(many and source or { { source, labels } }) do
    if many and labels ~= nil or type(entry) ~= "table" then
      errors.misuse("prometheus: each of several clients is { client, labels }")
    end
    local text = spell_labels(entry[2])
    if seen[text] then
      errors.misuse(("prometheus: the clients %d and %d have the same labels")
        :format(seen[text], index))
    end
    seen[text] = index
    list[index] = { read_source(entry[1]), text }
  end
  return list
end

--- The numbers of clients in Prometheus' text format (version 0.0.4; Content-Type
--- `text/plain; version=0.0.4`). All begin with `accs_`; durations are in seconds.
---@param source accs.Client|accs.Stats|{ [1]: accs.Client|accs.Stats, [2]: table }[]  a client, its
---  numbers, or for several a list of `{ client, labels }`
---@param labels? table<string, string>  for every sample of the one client
---@return string
--- Raises on a label that Prometheus would not take, and when two clients have the same labels.
--- Example:
---     print(accs.prometheus(client, { shop = "eu" }))
---     local eu, us = accs.client {}, accs.client {}
---     print(accs.prometheus { { eu, { shop = "eu" } }, { us, { shop = "us" } } })
--- See: Prometheus, "Exposition formats".
function stats.prometheus(source, labels)
  local sources, lines = read_sources(source, labels), {}
  for _, entry in ipairs(FAMILIES) do
    lines[#lines + 1] = ("# HELP %s %s"):format(entry.name, entry.help)
    lines[#lines + 1] = ("# TYPE %s %s"):format(entry.name, entry.type)
    for _, one in ipairs(sources) do
      local found, shared = one[1], one[2]
      entry.add(found, function(suffix, value, label, text)
        local own = label and pair(label, text) or ""
        local both = shared .. (shared ~= "" and own ~= "" and "," or "") .. own
        lines[#lines + 1] = ("%s%s%s %s"):format(entry.name, suffix,
          both ~= "" and "{" .. both .. "}" or "", json.encode(value))
      end)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return stats
