-- A strict reader of Prometheus' text format, version 0.0.4, written from "Exposition formats". It
-- refuses what Prometheus would take but a good exporter does not write.
local prometheus = {}

local function fail(number, message)
  error(("line %d: %s"):format(number, message), 0)
end

local UNESCAPED = { ["\\\\"] = "\\", ['\\"'] = '"', ["\\n"] = "\n" }

-- The labels between the braces: a table, and their text without `le`.
local function read_labels(text, number)
  local labels, rest, shared = {}, text, {}
  while rest ~= "" do
    local name, after = rest:match('^([%a_][%w_]*)="(.*)$')
    if not name then
      fail(number, "not a label: " .. rest)
    end
    local value, at = {}, 1
    while true do
      local char = after:sub(at, at)
      if char == '"' then
        break
      elseif char == "\\" then
        local pair = UNESCAPED[after:sub(at, at + 1)]
        value[#value + 1] = pair or fail(number, "unknown escape in a label")
        at = at + 2
      elseif char == "" then
        fail(number, "a label does not end")
      else
        value[#value + 1] = char
        at = at + 1
      end
    end
    if labels[name] then
      fail(number, "the label " .. name .. " comes twice")
    end
    labels[name] = table.concat(value)
    if name ~= "le" then
      shared[#shared + 1] = ("%s=%q"):format(name, labels[name])
    end
    rest = after:sub(at + 1)
    if rest ~= "" then
      rest = rest:match("^,(.+)$") or fail(number, "no comma between labels")
    end
  end
  table.sort(shared)
  return labels, table.concat(shared, ",")
end

local function read_sample(line, number, family)
  local name, braces, value = line:match("^([%a_:][%w_:]*)(%b{}) ([^ ]+)$")
  if not name then -- a brace may stand in a label's value, which %b does not know
    name, braces, value = line:match("^([%a_:][%w_:]*)({.*}) ([^ ]+)$")
  end
  if not name then
    name, value = line:match("^([%a_:][%w_:]*) ([^ ]+)$")
  end
  if not name then
    fail(number, "not a sample: " .. line)
  end
  local suffix = name:sub(1, #family.name) == family.name and name:sub(#family.name + 1)
  local fits = family.type == "histogram"
    and (suffix == "_bucket" or suffix == "_sum" or suffix == "_count") or suffix == ""
  if not fits then
    fail(number, ("the sample %s stands under %s"):format(name, family.name))
  end
  if not value:find("^[+-]?%d+%.?%d*[eE]?[+-]?%d*$") or not tonumber(value) then
    fail(number, "not a number: " .. value)
  end
  local labels, shared = read_labels(braces and braces:sub(2, -2) or "", number)
  return { suffix = suffix, labels = labels, shared = shared, value = tonumber(value) }
end

-- Buckets of one series: cumulative, by rising bound, the last +Inf and equal to the count.
local function check_histogram(family)
  local groups = {}
  for _, sample in ipairs(family.samples) do
    local group = groups[sample.shared] or { le = -math.huge, count = -1 }
    groups[sample.shared] = group
    if sample.suffix == "_bucket" then
      local text = sample.labels.le or error(family.name .. ": a bucket without le", 0)
      local le = text == "+Inf" and math.huge or tonumber(text)
      if group.total or not le or le <= group.le or sample.value < group.count then
        error(family.name .. ": the buckets do not rise", 0)
      end
      group.le, group.count = le, sample.value
    elseif sample.suffix == "_count" then
      group.total = sample.value
    else
      group.sum = sample.value
    end
  end
  for _, group in pairs(groups) do
    if group.le ~= math.huge or group.total ~= group.count or not group.sum then
      error(family.name .. ": the histogram is not whole", 0)
    end
  end
end

--- Reads a text; raises on whatever is not right in it.
---@param text string
---@return table<string, { name: string, type: string, help: string, samples: table[] }> by name
function prometheus.parse(text)
  local families, family, seen, number = {}, nil, {}, 0
  if text:sub(-1) ~= "\n" then
    error("the last line does not end", 0)
  end
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    local help_of, help = line:match("^# HELP ([%a_:][%w_:]*) (.+)$")
    local type_of, kind = line:match("^# TYPE ([%a_:][%w_:]*) (%a+)$")
    if help_of then
      if families[help_of] then
        fail(number, help_of .. " comes twice")
      end
      family = { name = help_of, help = help, samples = {} }
      families[help_of] = family
    elseif type_of then
      if not family or family.name ~= type_of or family.type or #family.samples > 0 then
        fail(number, "TYPE does not follow HELP")
      elseif kind ~= "counter" and kind ~= "gauge" and kind ~= "histogram" then
        fail(number, "unknown type " .. kind)
      elseif kind == "counter" and not type_of:find("_total$") then
        fail(number, "a counter's name ends in _total")
      end
      family.type = kind
    elseif line:find("^#") or line == "" or not family or not family.type then
      fail(number, "unexpected: " .. line)
    else
      local series = line:match("^(.*) [^ ]+$")
      if seen[series] then
        fail(number, "the series comes twice: " .. series)
      end
      seen[series] = true
      family.samples[#family.samples + 1] = read_sample(line, number, family)
    end
  end
  for _, entry in pairs(families) do
    if #entry.samples == 0 then
      error(entry.name .. " has no samples", 0)
    elseif entry.type == "histogram" then
      check_histogram(entry)
    end
  end
  return families
end

return prometheus
