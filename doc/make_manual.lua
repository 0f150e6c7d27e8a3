-- Makes the manual from what the code says of itself: annotations, options, limits, the table of
-- repeats; and from the chapters in doc/manual/, which are written by hand.
--
-- usage: make doc, or: lua5.4 doc/make_manual.lua FILE (in the top folder, with accs on the paths)
local public = require "doc.public"

local manual = {}

local function read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- Text in a cell of a table.
local function cell(text)
  return (tostring(text):gsub("|", "\\|"):gsub("\n", " "))
end

local function code(text)
  return "`" .. tostring(text) .. "`"
end

local function add_table(out, head, rows)
  out[#out + 1] = "| " .. table.concat(head, " | ") .. " |"
  out[#out + 1] = "|" .. ("---|"):rep(#head)
  for _, row in ipairs(rows) do
    for index = 1, #head do
      row[index] = cell(row[index] or "")
    end
    out[#out + 1] = "| " .. table.concat(row, " | ", 1, #head) .. " |"
  end
  out[#out + 1] = ""
end

-- The anchor that GitHub gives to a heading.
local function anchor(title)
  return "#" .. title:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")
end

-- Numbers with units -------------------------------------------------------------------------

local function plain(number)
  return math.type(number) == "integer" and tostring(number)
    or (("%.10g"):format(number):gsub("%.0$", ""))
end

local function with_unit(value, unit)
  if unit == "ms" then
    value, unit = value / 1000, "s"
  end
  local text = plain(value)
  if unit == "s" and value >= 86400 then
    return ("%s s (%s days)"):format(text, plain(value / 86400))
  elseif unit == "bytes" and value >= 1048576 then
    return ("%s bytes (%s MiB)"):format(text, plain(value / 1048576))
  elseif unit == "bytes" and value >= 1024 then
    return ("%s bytes (%s KiB)"):format(text, plain(value / 1024))
  end
  return unit and unit ~= "" and text .. " " .. unit or text
end

-- Tables -------------------------------------------------------------------------------------

local makers = {}

local function default_of(option)
  if type(option.default) == "number" then
    return with_unit(option.default, option.unit)
  elseif option.default ~= nil then
    return code(tostring(option.default):gsub(",", ", "))
  end
  return "none"
end

local function kind_of(option)
  if not option.choices then
    return option.type
  end
  local words = {}
  for index, choice in ipairs(option.choices) do
    words[index] = code(choice)
  end
  return table.concat(words, ", ")
end

--- Every option of a client: from lua/accs/options.lua.
function makers.options()
  local options = require "accs.options"
  local per_call = {}
  for _, field in ipairs(public.types()["accs.CallOptions"].fields) do
    per_call[field.name] = true
  end
  local out, rows = {}, {}
  for _, option in ipairs(options.list) do
    rows[#rows + 1] = {
      code(option.name), kind_of(option), default_of(option),
      option.env and code(option.env) or "", per_call[option.name] and "yes" or "",
      option.doc .. (option.secret and "; never shown" or "")
        .. (option.password and "; its password is never shown" or ""),
    }
  end
  add_table(out, { "Option", "Type", "Default", "Variable", "Per call", "What it is" }, rows)
  return table.concat(out, "\n")
end

-- X(identifier, type, value, unit, reason), maybe over two lines.
local LIMIT = 'X%(([%w_]+), [%w_]+, ([%d.]+), "([^"]*)",[%s\\]*"([^"]*)"%)'

--- Every limit of the core: from csrc/core/limits.h.
function makers.limits()
  local by_name = require("accs.options").by_name
  local out, rows = {}, {}
  local list = read_file("csrc/core/limits.h"):match("#define ACCS_LIMIT_LIST%(X%)(.-)\n\n")
  for id, value, unit, reason in list:gmatch(LIMIT) do
    local name = id:lower()
    rows[#rows + 1] = {
      name:gsub("_", " "),
      with_unit(math.tointeger(tonumber(value)) or tonumber(value), unit), reason,
      by_name[name] and code(name) or "",
    }
  end
  local _, count = list:gsub("X%(", "")
  assert(count == #rows, "a line of limits.h cannot be read")
  add_table(out, { "Limit", "Value", "Why, or of what", "Option" }, rows)
  return table.concat(out, "\n")
end

local ENDINGS = {
  never_sent = "no connection", lost = "it left, and no whole answer came",
  final = "an end that a repeat cannot mend",
}
local REPEATS = { yes = "yes", no = "no", new_token = "once, with a new token" }

local function ending_of(row, seen)
  if row.ending ~= "answered" then
    return ENDINGS[row.ending]
  elseif row.first_status == row.last_status then
    return "status " .. row.first_status
  elseif row.last_status > 999 then
    return "any other answer that is no success"
  end
  return ("any other status from %d to %d"):format(row.first_status, row.last_status), seen
end

--- What is repeated after what: the table that decides, out of the core.
function makers.retries()
  local out, rows = {}, {}
  for index, row in ipairs(require("accs.core").retry_table()) do
    local notes = {}
    if row.pauses_client then
      notes[#notes + 1] = "the whole client waits"
    end
    if row.heeds_wait then
      notes[#notes + 1] = "a `Retry-After` that is too long ends the call as `rate_limited`"
    end
    if row.uses_budget and row.idempotent == "yes" then
      notes[#notes + 1] = "counts in the retry budget"
    end
    rows[index] = {
      ending_of(row), REPEATS[row.idempotent], REPEATS[row.other], code(row.outcome), row.why,
      table.concat(notes, "; "),
    }
  end
  add_table(out, { "An attempt ends with", "Idempotent: again?", "Others: again?",
    "`err.outcome`, if it is the last", "Why", "Beside that" }, rows)
  return table.concat(out, "\n")
end

--- The kinds of error: from accs.error.
function makers.kinds()
  local out, rows = {}, {}
  for index, value in ipairs(public.types()["accs.ErrorKind"].values) do
    rows[index] = { code(value.value:gsub('"', "")), value.text }
  end
  add_table(out, { "`err.kind`", "What it means" }, rows)
  return table.concat(out, "\n")
end

-- The reference ------------------------------------------------------------------------------

local function add_text(out, text)
  for _, paragraph in ipairs(text) do
    out[#out + 1] = paragraph
    out[#out + 1] = ""
  end
end

local function add_examples(out, examples)
  for _, example in ipairs(examples) do
    out[#out + 1] = "```lua\n" .. example .. "\n```\n"
  end
end

local function add_entry(out, entry)
  local block = entry.block
  out[#out + 1] = "#### `" .. entry.title .. "`\n"
  add_text(out, block.text)
  for _, param in ipairs(block.params) do
    local skipped = entry.method and param.name == block.names[1]
      and not (block.head or ""):find(":", 1, true)
    if not skipped then
      out[#out + 1] = ("- %s: %s%s%s"):format(code(param.name), code(param.type),
        param.optional and ", may be left out" or "", param.text ~= "" and ": " .. param.text or "")
    end
  end
  for index, value in ipairs(block.returns) do
    out[#out + 1] = ("- returns%s %s%s%s"):format(index > 1 and ", then" or "",
      value.name and code(value.name) .. ": " or "", code(value.type),
      value.text ~= "" and ": " .. value.text or "")
  end
  if #block.params + #block.returns > 0 then
    out[#out + 1] = ""
  end
  add_examples(out, block.examples)
end

local function mentioned(text, types, found)
  for name in text:gmatch("accs%.[%w_.]+") do
    local block = types[name]
    if block and not found[name] then
      found[name] = true
      for _, field in ipairs(block.fields) do
        mentioned(field.type .. " " .. field.text, types, found)
      end
    end
  end
end

local function add_types(out, sections)
  local types, found, shown = public.types(), {}, {}
  for _, section in ipairs(sections) do
    if section.class then
      shown[section.class] = true -- its text stands at the section
      mentioned(section.class, types, found)
    end
    for _, entry in ipairs(section.entries) do
      for _, list in ipairs { entry.block.params, entry.block.returns } do
        for _, one in ipairs(list) do
          mentioned(one.type .. " " .. one.text, types, found)
        end
      end
    end
  end
  local names = {}
  for name in pairs(found) do
    if (#types[name].fields > 0 or #types[name].values > 0) and name ~= "accs.core" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  out[#out + 1] = "### Types\n"
  for _, name in ipairs(names) do
    local block = types[name]
    out[#out + 1] = "#### `" .. name .. "`\n"
    if not shown[name] then
      add_text(out, block.text)
    end
    for _, field in ipairs(block.fields) do
      out[#out + 1] = ("- %s: %s%s%s"):format(code(field.name), code(field.type),
        field.optional and ", may be absent" or "", field.text ~= "" and ": " .. field.text or "")
    end
    for _, value in ipairs(block.values) do
      out[#out + 1] = ("- %s%s"):format(code(value.value), value.text ~= "" and ": " .. value.text
        or "")
    end
    out[#out + 1] = ""
  end
end

--- All functions and types.
function makers.reference()
  local out, sections = {}, public.sections()
  local wrong = public.complaints(sections)
  if #wrong > 0 then
    error("public functions are not annotated:\n" .. table.concat(wrong, "\n"), 0)
  end
  for _, section in ipairs(sections) do
    out[#out + 1] = "### " .. section.title .. "\n"
    if section.require then
      out[#out + 1] = code(section.require) .. "\n"
    end
    add_text(out, section.text)
    add_examples(out, section.examples)
    for _, entry in ipairs(section.entries) do
      add_entry(out, entry)
    end
  end
  add_types(out, sections)
  return table.concat(out, "\n")
end

-- The whole ----------------------------------------------------------------------------------

local function chapters()
  local list = {}
  local pipe <close> = assert(io.popen("ls doc/manual/*.md | LC_ALL=C sort"))
  for path in pipe:lines() do
    local text = read_file(path):gsub("{{(%l+)}}\n", function(name)
      return assert(makers[name], path .. " asks for " .. name)()
    end)
    list[#list + 1] = text
  end
  return list
end

-- Headings of the second and third level, but not inside of code.
local function contents(text)
  local out, fenced = {}, false
  for line in text:gmatch("[^\n]+") do
    if line:find("^```") then
      fenced = not fenced
    end
    local level, title = line:match("^(###?) (.+)$")
    if level and not fenced then
      out[#out + 1] = ("%s- [%s](%s)"):format(level == "###" and "  " or "", title, anchor(title))
    end
  end
  return table.concat(out, "\n")
end

local HEAD = [[
# The manual of accs

<!-- Made by `make doc` from doc/manual/, the annotations in lua/accs/, lua/accs/options.lua,
csrc/core/limits.h and the table of repeats. Change those, not this file. -->

Every example here is run by the tests, against the sandbox.

]]

--- The manual's text.
---@return string
function manual.text()
  local body = table.concat(chapters(), "\n")
  local text = HEAD .. contents(body) .. "\n\n" .. body
  return (text:gsub("[ \t]+\n", "\n"):gsub("\n\n\n+", "\n\n"):gsub("%s*$", "\n"))
end

if arg and arg[0] and arg[0]:find("make_manual%.lua$") then
  local text = manual.text()
  local file <close> = assert(io.open(assert(arg[1], "usage: make_manual.lua FILE"), "wb"))
  assert(file:write(text))
end

return manual
