-- Reads LuaCATS annotations: the comment blocks above functions, and the classes and aliases.
local annotations = {}

---@class doc.Block  what stands above a function, or what describes a type
---@field text string[]  paragraphs
---@field params { name: string, optional: boolean, type: string, text: string }[]
---@field returns { type: string, name: string|nil, text: string }[]
---@field fields { name: string, optional: boolean, type: string, text: string }[]
---@field values { value: string, text: string }[]  of an alias
---@field examples string[]  Lua, ready to run
---@field class string|nil
---@field alias string|nil
---@field head string|nil  the function's first line
---@field names string[]  of its parameters
---@field line integer  of the function

local OPENING, CLOSING = "[%(%[{<]", "[%)%]}>]"

-- Splits "type rest": blanks inside brackets, and after `:`, `,` or `|`, belong to the type.
local function split_type(text)
  local depth, position = 0, 1
  while position <= #text do
    local char = text:sub(position, position)
    if char:find(OPENING) then
      depth = depth + 1
    elseif char:find(CLOSING) then
      depth = depth - 1
    elseif char == '"' then
      position = text:find('"', position + 1, true) or #text
    elseif char == " " and depth == 0 and not text:sub(1, position - 1):find("[:,|]$") then
      break
    end
    position = position + 1
  end
  return text:sub(1, position - 1), text:sub(position + 1)
end

local function trim(text)
  return (text:match("^%s*(.-)%s*$"))
end

local readers = {}

function readers.param(block, rest)
  local name, optional, more = rest:match("^([%w_%.]+)(%??)%s+(.*)$")
  local kind, text = split_type(more)
  local entry = { name = name, optional = optional == "?", type = kind, text = trim(text) }
  table.insert(block.params, entry)
  return entry
end

function readers.field(block, rest)
  if rest:find("^private ") or rest:find("^protected ") then
    return { text = "" }
  end
  local name, optional, more = rest:match("^(%S-)(%??)%s+(.*)$")
  local kind, text = split_type(more)
  local entry = { name = name, optional = optional == "?", type = kind, text = trim(text) }
  table.insert(block.fields, entry)
  return entry
end

readers["return"] = function(block, rest)
  local kind, more = split_type(rest)
  local optional = kind:find("%?$") ~= nil
  kind = kind:gsub("%?$", "|nil")
  local name, text = nil, more
  if not more:find("^ ") then -- one blank: a name; two: what it is
    name, text = more:match("^([%w_%.]+),?%s*(.*)$")
    if not name then
      name, text = nil, more
    end
  end
  local entry = { type = kind, name = name, text = trim(text or ""), optional = optional }
  table.insert(block.returns, entry)
  return entry
end

function readers.class(block, rest)
  local name, text = rest:match("^([%w_%.]+)%s*(.*)$")
  block.class = name
  if not text:find("^:") and text ~= "" then
    table.insert(block.text, text)
  end
end

function readers.alias(block, rest)
  local name, text = rest:match("^([%w_%.]+)%s*(.*)$")
  block.alias = name
  if text ~= "" then
    table.insert(block.values, { value = text, text = "" })
  end
end

function readers.private(block)
  block.private = true
end

-- Takes the examples out of the free text: `Example:` with code in backticks, or code indented by
-- four blanks or fenced.
local function take_text(block, lines)
  local paragraph, code
  local fenced = false
  local function end_paragraph()
    if paragraph then
      table.insert(block.text, paragraph)
      paragraph = nil
    end
  end
  local function end_code()
    if code then
      while code[#code] == "" do
        code[#code] = nil
      end
      table.insert(block.examples, table.concat(code, "\n"))
      code = nil
    end
  end
  for _, line in ipairs(lines) do
    local indented = line:match("^    (.*)$")
    local inline, after = line:match("^Example: `(.-)`(.*)$")
    if fenced then
      if line:find("^```") then
        fenced = false
        end_code()
      else
        table.insert(code, line)
      end
    elseif line:find("^```lua") then
      end_paragraph()
      fenced, code = true, {}
    elseif inline then
      end_paragraph()
      end_code()
      -- Two in one line, told apart by a comma.
      local list = { inline }
      for more in after:gmatch(", `(.-)`") do
        table.insert(list, more)
      end
      table.insert(block.examples, table.concat(list, "\n"))
    elseif indented then
      end_paragraph()
      code = code or {}
      table.insert(code, indented)
    elseif line == "" and code then
      table.insert(code, "")
    elseif line == "" then
      end_paragraph()
    else
      end_code()
      if line ~= "Example:" then
        paragraph = paragraph and (paragraph .. " " .. trim(line)) or trim(line)
      end
    end
  end
  end_paragraph()
  end_code()
end

local function new_block()
  return { text = {}, params = {}, returns = {}, fields = {}, values = {}, examples = {} }
end

-- One comment block, without the dashes.
local function read_block(lines)
  local block, free = new_block(), {}
  local last -- the tag whose text goes on in the next lines
  for _, line in ipairs(lines) do
    local tag, rest = line:match("^@(%w+)%s*(.*)$")
    local value, said = line:match("^|%s*(%S+)%s*#?%s*(.*)$")
    if tag then
      last = readers[tag] and readers[tag](block, rest)
    elseif value and block.alias and said:find("^|") then -- several in one line
      for one in line:gmatch("|%s*([^%s|]+)") do
        table.insert(block.values, { value = one, text = "" })
      end
    elseif value and block.alias then
      table.insert(block.values, { value = value, text = said })
    elseif last and line:find("^  %S") then
      last.text = trim(last.text .. " " .. trim(line))
    else
      last = nil
      table.insert(free, (line:gsub("^ ", "")))
    end
  end
  take_text(block, free)
  return block
end

---@class doc.File
---@field text string[]  what the file says of itself
---@field examples string[]  of the file's head
---@field functions table<integer, doc.Block>  by the line of `function`
---@field by_name table<string, doc.Block>  by what follows `function`, such as "Client:get"
---@field types doc.Block[]  classes and aliases

--- Reads one file.
---@param path string
---@return doc.File
function annotations.read(path)
  local file = { text = {}, examples = {}, functions = {}, by_name = {}, types = {} }
  local pending, number, first = {}, 0, true
  local function finish(line)
    local name, names = line:match("^function ([%w_.:]+)%(([^)]*)%)")
    if not name then
      names = line:match("^local function [%w_]+%(([^)]*)%)")
        or line:match("^%s+return function%(([^)]*)%)") or line:match("= function%(([^)]*)%)")
    end
    if #pending == 0 and not names then
      return
    end
    local block = read_block(pending)
    if block.class or block.alias then
      table.insert(file.types, block)
    elseif names then
      block.head, block.line, block.names = name, number, {}
      block.described = #pending > 0
      for parameter in names:gmatch("[%w_.]+") do
        table.insert(block.names, parameter)
      end
      file.functions[number] = block
      if name then
        file.by_name[name] = block
      end
    elseif first then
      file.text, file.examples = block.text, block.examples
    end
    pending, first = {}, false
  end
  for line in io.lines(path) do
    number = number + 1
    local comment = line:match("^%s*%-%-%-(.*)$")
    if comment then
      pending[#pending + 1] = comment
    else
      finish(line)
      pending = {}
    end
  end
  finish("")
  return file
end

return annotations
