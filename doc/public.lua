-- What users reach: the functions of `accs`, the methods of what it hands out, and the modules that
-- a script may require. Walked on the real thing where there is one, so that a new public function
-- shows up by itself; what is not meant for users is listed with its reason.
local annotations = require "doc.annotations"

local public = {}

---@class doc.Entry
---@field title string  as users write it: "client:get(path, opts)"
---@field name string
---@field block doc.Block|nil  nil: no comment stands above it
---@field method boolean
---@field source string  file and line
---@field ends integer|nil  the function's last line

---@class doc.Section
---@field title string
---@field text string[]
---@field examples string[]
---@field entries doc.Entry[]
---@field class string|nil  the type whose methods these are
---@field require string|nil  the line that a script needs

local files = {}
local types -- by name, once they are read

local function read(path)
  files[path] = files[path] or annotations.read(path)
  return files[path]
end

local function path_of(module)
  local path = "lua/" .. module:gsub("%.", "/")
  for _, candidate in ipairs { path .. ".lua", path .. "/init.lua" } do
    local file = io.open(candidate)
    if file then
      file:close()
      return candidate
    end
  end
end

local function sorted_names(table)
  local names = {}
  for name in pairs(table) do
    if type(name) == "string" and name:sub(1, 1) ~= "_" then
      names[#names + 1] = name
    end
  end
  return names
end

-- accs loads some functions on their first call: a function with the upvalues `module`, `name`.
local function resolve(f)
  local upvalues = {}
  for index = 1, 8 do
    local name, value = debug.getupvalue(f, index)
    if not name then
      break
    end
    upvalues[name] = value
  end
  if type(upvalues.module) == "string" and type(upvalues.name) == "string" then
    return require(upvalues.module)[upvalues.name]
  end
  return f
end

-- Where a function stands: the path from "lua/" on, and its lines.
local function place_of(f)
  local info = debug.getinfo(f, "S")
  local path = info.source:match("^@.-(lua/accs.*)$")
  return path, info.linedefined, info.lastlinedefined
end

local function signature(prefix, block, method)
  local names = {}
  for index, name in ipairs(block.names or {}) do
    if not (method and index == 1 and not (block.head or ""):find(":", 1, true)) then
      local optional = false
      for _, param in ipairs(block.params) do
        optional = optional or param.name == name and param.optional
      end
      names[#names + 1] = optional and name .. "?" or name
    end
  end
  return ("%s(%s)"):format(prefix, table.concat(names, ", "))
end

local function lua_entry(shown, f, method)
  local path, line, last = place_of(resolve(f))
  local block = path and read(path).functions[line]
  return {
    name = shown, method = method, block = block and block.described and block or nil,
    title = block and signature(shown, block, method) or shown .. "()",
    source = ("%s:%d"):format(path or "?", line), path = path or "?", order = line, ends = last,
  }
end

-- A method in C: described in core.meta.lua.
local function meta_entry(shown, class, name)
  local block = read("lua/accs/core.meta.lua").by_name[class .. ":" .. name]
  return {
    name = shown, method = true, block = block, source = "lua/accs/core.meta.lua",
    title = block and signature(shown, block, false) or shown .. "()",
    path = "lua/accs/core.meta.lua", order = block and block.line or 0,
  }
end

-- In the order of their files, since that is the order in which a reader should meet them.
local function in_order(entries)
  table.sort(entries, function(a, b)
    if a.path ~= b.path then
      return a.path < b.path
    end
    return a.order < b.order
  end)
  return entries
end

--- The functions of a table, with those of tables in it.
local function functions_of(prefix, module, entries)
  for _, name in ipairs(sorted_names(module)) do
    local value = module[name]
    if type(value) == "function" then
      entries[#entries + 1] = lua_entry(prefix .. name, value, false)
    elseif type(value) == "table" then
      local meta = getmetatable(value)
      if type(meta) == "table" and type(meta.__call) == "function" then
        entries[#entries + 1] = lua_entry(prefix .. name, meta.__call, true)
      end
      functions_of(prefix .. name .. ".", value, entries)
    end
  end
  return entries
end

--- The methods of a class; `class` is the table that its objects look in; `only`: no others.
local function methods_of(shown, class, only)
  local entries = {}
  for _, name in ipairs(sorted_names(class)) do
    if type(class[name]) == "function" and (not only or only[name]) then
      local what = debug.getinfo(class[name], "S").what
      entries[#entries + 1] = what == "C" and meta_entry(shown .. ":" .. name, "Engine", name)
        or lua_entry(shown .. ":" .. name, class[name], true)
    end
  end
  return in_order(entries)
end

--- The functions of a module as its text has them; it need not be loadable here.
local function functions_of_text(module, shown, only)
  local path = path_of(module)
  local file = read(path)
  local entries = {}
  for line, block in pairs(file.functions) do
    local name = (block.head or ""):match("^[%l_]+%.([%w_]+)$")
    if name and name:sub(1, 1) ~= "_" and not block.private and (not only or only[name]) then
      entries[#entries + 1] = {
        name = shown .. "." .. name, method = false, block = block.described and block or nil,
        title = signature(shown .. "." .. name, block, false),
        source = ("%s:%d"):format(path, line), path = path, order = line,
      }
    end
  end
  return in_order(entries)
end

local function index_of(object)
  local meta = debug.getmetatable(object)
  return type(meta.__index) == "table" and meta.__index or meta
end

-- A client that never asks anybody: making it does no I/O.
local function example_client()
  return require("accs").client {
    base_url = "https://example.com/tenant", access_token = "example", dotenv = false,
  }
end

-- What a host does with an engine; the rest is for accs.tasks, which fetches what calls ended with.
local OF_ENGINE = { fd = true, timeout = true, step = true, pending = true, close = true }

-- Modules that a script requires by their own names; `only`: the rest is for other parts of accs.
local MODULES = {
  { name = "accs.loop.luv" },
  { name = "accs.loop.cqueues", shown = "accs_loop" },
  { name = "accs.money" },
  { name = "accs.dates" },
  { name = "accs.report" },
  { name = "accs.error", shown = "errors", only = { is = true } },
}

-- Tables of `accs` whose functions have a section of their own.
local OWN_SECTIONS = { json = true }

--- All sections of the reference, in order.
---@return doc.Section[]
function public.sections()
  local accs = require "accs"
  local sections = {}
  local function add(title, entries, options)
    options = options or {}
    local file = options.path and read(options.path)
    local class = options.class and public.types()[options.class]
    sections[#sections + 1] = {
      title = title, entries = entries, class = options.class, require = options.require,
      text = class and #class.text > 0 and class.text or file and file.text or {},
      examples = file and file.examples or {},
    }
  end
  local top = {}
  for name, value in pairs(accs) do
    top[name] = not OWN_SECTIONS[name] and value or nil
  end
  local client <close> = example_client()
  add("accs", in_order(functions_of("accs.", top, {})), { require = 'local accs = require "accs"' })
  add("Client", methods_of("client", index_of(client)), { class = "accs.Client" })
  assert(client.auth.state, "loads the class")
  add("Auth", methods_of("client.auth", index_of(client.auth)), { class = "accs.Auth" })
  local flow = accs.oauth.authorization { client_id = "example", client_secret = "not-a-secret",
    redirect_uri = "https://localhost/signed-in", dotenv = false }
  add("Flow", methods_of("flow", index_of(flow)), { class = "accs.Flow" })
  add("Search", methods_of("search", index_of(accs.search())),
    { class = "accs.Search", path = "lua/accs/search.lua" })
  add("Scan", methods_of("scan", index_of((client:items("/V1/orders")))),
    { class = "accs.Scan", path = "lua/accs/pages.lua" })
  add("Task", methods_of("task", index_of(accs.spawn(function() end))), { class = "accs.Task" })
  add("Engine", methods_of("engine", index_of(accs.engine()), OF_ENGINE),
    { class = "accs.Engine" })
  add("accs.json", in_order(functions_of("accs.json.", accs.json, {})),
    { path = "lua/accs/json.lua" })
  for _, module in ipairs(MODULES) do
    if path_of(module.name) then
      local shown = module.shown or module.name:match("[%w_]+$")
      add(module.name, functions_of_text(module.name, shown, module.only), {
        path = not module.only and path_of(module.name) or nil,
        require = ('local %s = require "%s"'):format(shown, module.name),
      })
    end
  end
  return sections
end

--- The types that the reference may name, by name: from every file under lua/accs but the
--- sandbox's and the command line's.
---@return table<string, doc.Block>
function public.types()
  if types then
    return types
  end
  types = {}
  local pipe <close> = assert(io.popen("find lua/accs -name '*.lua' | LC_ALL=C sort"))
  for path in pipe:lines() do
    if not path:find("^lua/accs/sandbox/") and not path:find("^lua/accs/cli/") then
      for _, block in ipairs(read(path).types) do
        types[block.class or block.alias] = block
      end
    end
  end
  return types
end

--- What is wrong with the annotations of public functions.
---@param sections doc.Section[]
---@return string[]  one line each
function public.complaints(sections)
  local list = {}
  for _, section in ipairs(sections) do
    for _, entry in ipairs(section.entries) do
      local function complain(text, ...)
        list[#list + 1] = ("%s (%s) "):format(entry.name, entry.source) .. text:format(...)
      end
      local block = entry.block
      if not block then
        complain("has no annotation")
      else
        if #block.text == 0 then
          complain("is not described")
        end
        if #block.examples == 0 then
          complain("has no example")
        end
        for _, name in ipairs(block.names) do
          local found = name:sub(1, 1) == "_"
          for _, param in ipairs(block.params) do
            found = found or param.name == name
          end
          if not found then
            complain("has no @param %s", name)
          end
        end
        for _, param in ipairs(block.params) do
          local found = false
          for _, name in ipairs(block.names) do
            found = found or param.name == name
          end
          if not found then
            complain("has @param %s, which it does not take", param.name)
          end
        end
        if #block.returns == 0 and public.gives_something(entry) then
          complain("returns something and has no @return")
        end
      end
    end
  end
  return list
end

--- Whether the body of a Lua function returns a value, by its text.
---@param entry doc.Entry
---@return boolean
function public.gives_something(entry)
  if not entry.ends then
    return false
  end
  local number = 0
  for line in io.lines(entry.path) do
    number = number + 1
    if number > entry.order and number < entry.ends and line:find("^  return%s+%S") then
      return true
    end
  end
  return false
end

return public
