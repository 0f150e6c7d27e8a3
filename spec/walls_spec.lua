-- The house's picture as tables: who may include or require whom, and what may stand where. Each
-- rule is a function from a tree (path -> text) to a list of complaints; each is shown a tree that
-- breaks it, so that a rule which sees nothing fails.
local run = require "spec.support.run"

---------------------------------------------------------------------------------- the picture

-- Where a C file belongs: the first pattern that fits its path.
local C_ROOMS = {
  { "^csrc/core/accs%.h$", "header" },
  { "^csrc/core/accs_auth%.h$", "header" },
  { "^csrc/core/limits%.h$", "limits" },
  { "^csrc/core/compat%.h$", "compat" },
  { "^csrc/core/error%.[ch]$", "base" },
  { "^csrc/core/buffer%.[ch]$", "base" },
  { "^csrc/core/secret%.[ch]$", "base" },
  { "^csrc/core/file%.[ch]$", "base" },
  { "^csrc/core/clock%.[ch]$", "base" },
  { "^csrc/core/timers%.[ch]$", "base" },
  { "^csrc/core/idle%.[ch]$", "base" },
  { "^csrc/core/retry%.[ch]$", "policy" },
  { "^csrc/core/attempt%.[ch]$", "policy" },
  { "^csrc/core/token_reply%.[ch]$", "policy" },
  { "^csrc/core/token_window%.[ch]$", "policy" },
  { "^csrc/core/retry_after%.[ch]$", "policy" },
  { "^csrc/core/throttle%.[ch]$", "policy" },
  { "^csrc/core/budget%.[ch]$", "policy" },
  { "^csrc/core/url%.[ch]$", "policy" },
  { "^csrc/core/jwt[a-z_]*%.[ch]$", "policy" },
  { "^csrc/core/base64url%.[ch]$", "base" },
  { "^csrc/core/token_record%.[ch]$", "policy" },
  { "^csrc/core/http_date%.[ch]$", "policy" },
  { "^csrc/core/json_[a-z]+%.[ch]$", "policy" },
  { "^csrc/core/inflate%.[ch]$", "policy" },
  { "^csrc/core/upload%.[ch]$", "policy" },
  { "^csrc/core/scan%.[ch]$", "policy" },
  { "^csrc/core/histogram%.[ch]$", "policy" },
  { "^csrc/core/redact%.[ch]$", "policy" },
  { "^csrc/core/loopback_head%.[ch]$", "policy" },
  { "^csrc/core/seal%.[ch]$", "security" },
  { "^csrc/core/seal_text%.c$", "security" },
  { "^csrc/core/pkce%.[ch]$", "security" },
  { "^csrc/core/[a-z_]+%.[ch]$", "machines" },
  { "^csrc/lua/[a-z_]+%.[ch]$", "binding" },
  { "^csrc/redis/[a-z_]+%.[ch]$", "redis" },
  { "^csrc/sandbox/[a-z_]+%.[ch]$", "sandbox" },
}

-- room -> rooms whose headers it may include
local C_ARROWS = {
  header = { "header" },
  limits = {},
  compat = { "header" },
  base = { "header", "limits", "compat", "base" },
  policy = { "header", "limits", "compat", "base", "policy" },
  security = { "header", "limits", "compat", "base", "security" },
  machines = { "header", "limits", "compat", "base", "policy", "security", "machines" },
  binding = { "header", "binding" },
  redis = { "redis" },
  sandbox = { "sandbox" },
}

-- Outside headers that only some rooms may include; others (C, POSIX) are free for all.
local C_LIBRARIES = {
  { "^lua", { "binding", "redis", "sandbox" } },
  { "^lauxlib", { "binding", "redis", "sandbox" } },
  { "^curl/", { "compat", "machines", "policy" } },
  { "^openssl/", { "compat", "base", "policy", "security", "machines", "sandbox" } },
  { "^zlib", { "compat", "policy", "machines", "sandbox" } },
  { "^microhttpd", { "sandbox" } },
  { "^sqlite3", { "sandbox" } },
  { "^hiredis", { "redis" } },
  { "^sys/epoll", { "machines" } },
  { "^sys/socket", { "machines", "redis", "sandbox" } },
  { "^pthread", { "machines", "sandbox" } },
}

-- Where a Lua module belongs: the first pattern that fits its name.
local LUA_ROOMS = {
  { "^accs$", "assembly" },
  { "^accs%.core$", "binding" },
  { "^accs%.client$", "client" },
  { "^accs%.request$", "client" },
  { "^accs%.confirm$", "client" },
  { "^accs%.response$", "client" },
  { "^accs%.body$", "client" },
  { "^accs%.sink$", "client" },
  { "^accs%.source$", "client" },
  { "^accs%.error$", "error" },
  { "^accs%.json$", "json" },
  { "^accs%.options$", "options" },
  { "^accs%.option_types$", "options" },
  { "^accs%.env$", "options" },
  { "^accs%.guard$", "options" },
  { "^accs%.log$", "client" },
  { "^accs%.stats$", "client" },
  { "^accs%.trace$", "client" },
  { "^accs%.oauth$", "client" },
  { "^accs%.flow$", "client" },
  { "^accs%.redirect$", "client" },
  { "^accs%.auth$", "client" },
  { "^accs%.issuer$", "client" },
  { "^accs%.credentials$", "client" },
  { "^accs%.hosts$", "client" },
  { "^accs%.store%.", "client" },
  { "^accs%.queue$", "client" },
  { "^accs%.engines$", "client" },
  { "^accs%.streams$", "client" },
  { "^accs%.tasks$", "client" },
  { "^accs%.waits$", "client" },
  { "^accs%.hooks$", "client" },
  { "^accs%.group$", "client" },
  { "^accs%.request$", "client" },
  { "^accs%.loop$", "client" },
  { "^accs%.loop%.", "loop" },
  { "^accs%.search$", "commerce" },
  { "^accs%.pages$", "commerce" },
  { "^accs%.scan$", "commerce" },
  { "^accs%.verdict$", "commerce" },
  { "^accs%.bulk$", "commerce" },
  { "^accs%.graphql$", "commerce" },
  { "^accs%.message$", "commerce" },
  { "^accs%.catalogue$", "commerce" },
  { "^accs%.money$", "commerce" },
  { "^accs%.dates$", "commerce" },
  { "^accs%.report$", "report" },
  { "^accs%.report%.", "report" },
  { "^accs%.cli$", "cli" },
  { "^accs%.cli%.", "cli" },
  { "^accs%.sandbox$", "sandbox" },
  { "^accs%.sandbox%.", "sandbox" },
  { "^bin/accs$", "command" },
  { "^bin/accs%-sandbox$", "sandbox_command" },
}

-- room -> rooms and outside modules that it may require
local LUA_ARROWS = {
  assembly = { "binding", "client", "error", "json", "options", "commerce" },
  error = { "error" },
  json = { "binding", "error", "cjson" },
  options = { "binding", "error", "options" },
  client = { "binding", "client", "error", "json", "options", "cjson" },
  loop = { "client", "error", "luv", "cqueues", "cqueues.condition" },
  commerce = { "client", "error", "json", "options", "commerce", "lpeg" },
  report = { "assembly", "error", "json", "commerce", "report" },
  cli = { "assembly", "error", "json", "options", "commerce", "report", "cli", "argparse" },
  sandbox = { "sandbox", "cjson", "argparse" },
  command = { "cli" },
  sandbox_command = { "sandbox" },
}

-- Single arrows beside the rooms, each with its reason.
local LUA_EXTRA = {
  ["accs.cli"] = { "accs.core" }, -- the versions of the libraries, for --version
  ["accs.cli.terminal"] = { "accs.core" }, -- isatty
  -- addresses are tried without a credential, and all takes its time
  ["accs.cli.diagnosis.way"] = { "accs.core", "accs.credentials" },
  ["accs.cli.diagnosis.service"] = { "accs.core", "accs.credentials" },
  ["accs.cli.options"] = { "accs.credentials" }, -- whether somebody has signed in
  ["accs.cli.login"] = { "accs.core" }, -- the listener, the clock
  ["accs.cli.token"] = { "accs.core", "accs.credentials" }, -- isatty; tokens without a tenant
}

local TOP_LEVEL = {
  csrc = true, lua = true, rockspec = true, spec = true, doc = true, examples = true, bench = true,
  ["Makefile"] = true, ["README.md"] = true, ["LICENSE"] = true, ["CHANGELOG.md"] = true,
  ["CONTRIBUTING.md"] = true, ["SECURITY.md"] = true,
  build = true, accs = true, -- what building leaves behind
}

------------------------------------------------------------------------------------ the rules

local function room_of(rooms, name)
  for _, entry in ipairs(rooms) do
    if name:find(entry[1]) then
      return entry[2]
    end
  end
end

local function contains(list, value)
  for _, entry in ipairs(list) do
    if entry == value then
      return true
    end
  end
  return false
end

local function sorted(tree)
  local paths = {}
  for path in pairs(tree) do
    paths[#paths + 1] = path
  end
  table.sort(paths)
  local index = 0
  return function()
    index = index + 1
    return paths[index], tree[paths[index]]
  end
end

--- The code of a C file: comments become spaces, line numbers stay.
local function without_c_comments(text)
  local function blank(comment)
    return (comment:gsub("[^\n]", " "))
  end
  return (text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank))
end

--- The code of a Lua file. Quoted text stays, so a "--" inside it must be told from a comment.
local function without_lua_comments(text)
  local out = {}
  for line in (text:gsub("%-%-%[(=*)%[.-%]%1%]", "") .. "\n"):gmatch("(.-)\n") do
    local quote, position = nil, 1
    while position <= #line do
      local char = line:sub(position, position)
      if quote then
        if char == "\\" then
          position = position + 1
        elseif char == quote then
          quote = nil
        end
      elseif char == "\"" or char == "'" then
        quote = char
      elseif line:sub(position, position + 1) == "--" then
        line = line:sub(1, position - 1)
      end
      position = position + 1
    end
    out[#out + 1] = line
  end
  return table.concat(out, "\n")
end

local function is_c(path)
  return path:find("^csrc/.*%.[ch]$") ~= nil
end

local function is_lua(path)
  return path:find("^lua/") ~= nil and not path:find("%.meta%.lua$")
    and (path:find("%.lua$") ~= nil or path:find("^lua/bin/") ~= nil)
end

local rules = {}

function rules.every_c_file_has_a_room(tree)
  local complaints = {}
  for path in sorted(tree) do
    if is_c(path) and not room_of(C_ROOMS, path) then
      complaints[#complaints + 1] = path .. " is in no room"
    end
  end
  return complaints
end

function rules.c_includes_follow_the_arrows(tree)
  local complaints = {}
  for path, text in sorted(tree) do
    local room = is_c(path) and room_of(C_ROOMS, path)
    if room then
      local folder = path:match("^(.*)/")
      for kind, name in without_c_comments(text):gmatch("#%s*include%s*([<\"])([^>\"]+)[>\"]") do
        local function complain(what)
          complaints[#complaints + 1] = ("%s (%s) includes %s%s"):format(path, room, name, what)
        end
        if kind == "\"" then
          local target = tree[folder .. "/" .. name] and folder .. "/" .. name
            or "csrc/core/" .. name:gsub("^%.%./core/", "")
          local other = tree[target] and room_of(C_ROOMS, target)
          if not other then
            complain(", which is not in the house")
          elseif not contains(C_ARROWS[room], other) then
            complain(" (" .. other .. ")")
          end
        else
          for _, entry in ipairs(C_LIBRARIES) do
            if name:find(entry[1]) and not contains(entry[2], room) then
              complain("")
            end
          end
        end
      end
    end
  end
  return complaints
end

function rules.only_compat_asks_for_versions_and_platforms(tree)
  local complaints = {}
  local questions = {
    "LIBCURL_VERSION", "OPENSSL_VERSION", "ZLIB_VERNUM", "LUA_VERSION_NUM", "__linux__",
    "__APPLE__", "_WIN32", "__FreeBSD__", "__GLIBC__", "__has_include",
  }
  for path, text in sorted(tree) do
    if path:find("^csrc/core/") or path:find("^csrc/lua/") then
      for line in without_c_comments(text):gmatch("[^\n]+") do
        for _, question in ipairs(questions) do
          if line:find("^%s*#") and line:find(question, 1, true)
            and path ~= "csrc/core/compat.h" then
            complaints[#complaints + 1] = path .. " asks for " .. question
          end
        end
      end
    end
  end
  return complaints
end

-- The one exception: curl_global_init, once a process and never undone.
local ONCE = { "pthread_once_t once = PTHREAD_ONCE_INIT;", "bool started;" }

function rules.core_keeps_no_state_and_says_nothing(tree)
  local complaints = {}
  local calls = { "printf", "fprintf", "vprintf", "vfprintf", "puts", "fputs", "putchar", "perror",
    "exit", "_exit", "abort", "assert" }
  for path, text in sorted(tree) do
    if path:find("^csrc/core/") then
      local code = without_c_comments(text)
      for line in code:gmatch("[^\n]+") do
        local static = line:match("^%s*static%s+(.*)")
        -- A variable has no "(" before its "=" or ";".
        if static and static:find("^[^(]*[=;]") and not static:find("%f[%w]const%f[%W]")
          and not (path == "csrc/core/library.c" and contains(ONCE, static)) then
          complaints[#complaints + 1] = path .. " keeps state: " .. line
        end
        for _, call in ipairs(calls) do
          if line:find("%f[%w_]" .. call .. "%s*%(") then
            complaints[#complaints + 1] = path .. " calls " .. call
          end
        end
      end
    end
  end
  return complaints
end

local function module_name(path)
  local name = path:match("^lua/(.*)%.lua$")
  if name then
    return (name:gsub("/init$", ""):gsub("/", "."))
  end
  return path:match("^lua/(bin/.*)$")
end

function rules.every_lua_module_has_a_room(tree)
  local complaints = {}
  for path in sorted(tree) do
    if is_lua(path) and not room_of(LUA_ROOMS, module_name(path)) then
      complaints[#complaints + 1] = path .. " is in no room"
    end
  end
  return complaints
end

local REQUIRE = "%f[%w_]require%s*%(?%s*[\"']([%w_.]+)[\"']"

function rules.lua_requires_follow_the_arrows(tree)
  local complaints = {}
  for path, text in sorted(tree) do
    local room = is_lua(path) and room_of(LUA_ROOMS, module_name(path))
    if room then
      for name in without_lua_comments(text):gmatch(REQUIRE) do
        local other = room_of(LUA_ROOMS, name) or name
        local extra = LUA_EXTRA[module_name(path)] or {}
        if not contains(LUA_ARROWS[room], other) and not contains(extra, name) then
          complaints[#complaints + 1] = ("%s (%s) requires %s"):format(path, room, name)
        end
      end
    end
  end
  return complaints
end

function rules.only_tasks_moves_coroutines(tree)
  local complaints = {}
  for path, text in sorted(tree) do
    if is_lua(path) and path ~= "lua/accs/tasks.lua" then
      for verb in without_lua_comments(text):gmatch("coroutine%s*%.%s*(%a+)") do
        if verb == "yield" or verb == "resume" or verb == "wrap" then
          complaints[#complaints + 1] = path .. " calls coroutine." .. verb
        end
      end
    end
  end
  return complaints
end

--- A rockspec is Lua that sets globals.
local function load_rockspec(text)
  local values = {}
  assert(load(text, "rockspec", "t", values))()
  return values
end

function rules.the_rockspec_lists_what_is_there(tree)
  local complaints, listed = {}, {}
  for path, text in sorted(tree) do
    if path:find("^rockspec/accs%-[%w.]+%-%d+%.rockspec$") then
      for _, source in ipairs(load_rockspec(text).build.modules["accs.core"].sources) do
        listed[source] = true
        if not tree[source] then
          complaints[#complaints + 1] = path .. " lists " .. source .. ", which is not there"
        end
      end
    end
  end
  for path in sorted(tree) do
    if path:find("^csrc/core/.*%.c$") or path:find("^csrc/lua/.*%.c$") then
      if not listed[path] then
        complaints[#complaints + 1] = "the rockspec does not list " .. path
      end
    end
  end
  return complaints
end

function rules.public_functions_are_annotated(tree)
  local complaints = {}
  for path, text in sorted(tree) do
    if is_lua(path) and path:find("%.lua$") and not path:find("^lua/accs/sandbox") then
      local notes = {} -- the comment lines right above
      for line in (text .. "\n"):gmatch("(.-)\n") do
        local name, parameters = line:match("^function ([%w_.:]+)%(([^)]*)%)")
        -- Private: a leading "_", or a table of constants (in capitals).
        if name and not name:find("[.:]_") and not name:find("^%u[%u_]*[.:]") then
          local above = table.concat(notes, "\n")
          if not above:find("^%-%-%-") then
            complaints[#complaints + 1] = ("%s: %s has no description"):format(path, name)
          end
          for parameter in parameters:gmatch("[%w_.]+") do
            local plain = parameter:gsub("%.", "%%.")
            if parameter:sub(1, 1) ~= "_"
              and not above:find("@param " .. plain .. "[%s?]") then
              complaints[#complaints + 1] = ("%s: %s does not describe %s"):format(path, name,
                parameter)
            end
          end
        end
        if line:find("^%-%-%-") then
          notes[#notes + 1] = line
        else
          notes = {}
        end
      end
    end
  end
  return complaints
end

-- Put together here, since this file is in the tree as well.
local UNWANTED = {
  "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "\\bst" .. "ub\\b", "/wo" .. "rk/",
  "luarocks%.o" .. "rg", "npmjs%.c" .. "om", "py" .. "pi%.o" .. "rg", "deb%.debian%.o" .. "rg",
}

function rules.no_unwanted_words(tree)
  local complaints = {}
  for path, text in sorted(tree) do
    if not path:find("^spec/fuzz/corpus/") then
      for _, word in ipairs(UNWANTED) do
        local pattern = word:gsub("^\\b", "%%f[%%w]"):gsub("\\b$", "%%f[%%W]")
        if word:find("^%u+$") then
          pattern = "%f[%w]" .. word .. "%f[%W]"
        end
        if text:find(pattern) then
          complaints[#complaints + 1] = path .. " says " .. text:match(pattern)
        end
      end
    end
  end
  return complaints
end

function rules.the_top_level_is_the_house(tree)
  local complaints, seen = {}, {}
  for path in sorted(tree) do
    local top = path:match("^[^/]+")
    if not seen[top] and not TOP_LEVEL[top] and top:sub(1, 1) ~= "." then
      seen[top] = true
      complaints[#complaints + 1] = top .. " does not belong to the top level"
    end
  end
  return complaints
end

---------------------------------------------------------------------------------- the specs

local ROCKSPEC = "build = { modules = { [\"accs.core\"] = { sources = { %s } } } }"

-- For each rule a small tree that breaks it once.
local BROKEN = {
  every_c_file_has_a_room = { ["csrc/extra/thing.c"] = "" },
  c_includes_follow_the_arrows = {
    {
      ["csrc/core/retry.c"] = "#include \"engine.h\"\n", -- policy knows no machine
      ["csrc/core/engine.h"] = "",
    },
    { ["csrc/core/engine.c"] = "#include <lua.h>" }, -- the core knows no Lua
    {
      ["csrc/lua/client.c"] = "#include \"token.h\"", -- the binding knows accs.h only
      ["csrc/core/token.h"] = "",
    },
    {
      ["csrc/sandbox/httpd.c"] = "#include \"../core/buffer.h\"", -- nothing in common
      ["csrc/core/buffer.h"] = "",
    },
    { ["csrc/core/retry.c"] = "#include <sys/epoll.h>" },
    { ["csrc/lua/client.c"] = "#include <curl/curl.h>" },
  },
  only_compat_asks_for_versions_and_platforms = {
    ["csrc/core/engine.c"] = "#if LIBCURL_VERSION_NUM >= 0x075000\n#endif",
  },
  core_keeps_no_state_and_says_nothing = {
    { ["csrc/core/engine.c"] = "static int count = 0;" },
    { ["csrc/core/engine.c"] = "void f(void)\n{\n    static char text[9];\n}" },
    { ["csrc/core/engine.c"] = "    printf(\"hello\");" },
  },
  every_lua_module_has_a_room = { ["lua/accs/extra.lua"] = "" },
  lua_requires_follow_the_arrows = {
    { ["lua/accs/report/builtin/sales.lua"] = "local core = require \"accs.core\"" },
    { ["lua/accs/client.lua"] = "local search = require('accs.search')" },
    { ["lua/accs/sandbox/server.lua"] = "local json = require \"accs.json\"" },
    { ["lua/accs/pages.lua"] = "local core = require \"accs.core\"" },
    { ["lua/accs/cli/init.lua"] = "local client = require \"accs.client\"" },
  },
  only_tasks_moves_coroutines = { ["lua/accs/pages.lua"] = "x = coroutine.wrap(f)" },
  the_rockspec_lists_what_is_there = {
    { ["csrc/core/new.c"] = "", ["rockspec/accs-scm-1.rockspec"] = ROCKSPEC:format("") },
    { ["rockspec/accs-scm-1.rockspec"] = ROCKSPEC:format("\"csrc/core/gone.c\"") },
  },
  public_functions_are_annotated = {
    { ["lua/accs/money.lua"] = "function money.add()\nend" },
    { ["lua/accs/money.lua"] = "--- Adds.\n---@param a integer\nfunction money.add(a, b)\nend" },
  },
  no_unwanted_words = {
    { ["lua/accs/money.lua"] = "-- TO" .. "DO: more" },
    { ["README.md"] = "a st" .. "ub of" },
  },
  the_top_level_is_the_house = { ["tools/thing.sh"] = "" },
}

-- What must not be taken for a breach.
local SOUND = {
  ["csrc/core/accs.h"] = "/* printf(lua.h) #include \"engine.h\" */ #include <stdint.h>",
  ["csrc/core/engine.c"] = "#include \"retry.h\"\n#include <curl/curl.h>\nstatic const int a = 1;\n"
    .. "static int add(int a, int b)\n{\n"
    .. "    snprintf(text, sizeof text, \"exit\");\n}\nstatic void later(int a);",
  ["csrc/core/retry.h"] = "#include \"accs.h\"\n",
  ["csrc/lua/client.c"] = "#include \"../core/accs.h\"\n#include <lua.h>\n#include \"binding.h\"",
  ["csrc/lua/binding.h"] = "",
  ["lua/accs/pages.lua"] = "-- require \"accs.core\"\nlocal error = require \"accs.error\"\n"
    .. "--- Says it.\n---@param name string\n---@param ... any\n"
    .. "function pages.say(name, ...)\nend\n"
    .. "local text = \"-- require \" .. coroutine.running()",
  ["rockspec/accs-scm-1.rockspec"] = ROCKSPEC:format(
    "\"csrc/core/engine.c\", \"csrc/lua/client.c\""),
  ["doc/manual.md"] = "a stubborn method",
  [".gitignore"] = "/build/",
}

local function read_tree()
  local tree = {}
  local pipe <close> = assert(io.popen("find . -type f -not -path './.git/*' -not -path './.git'"
    .. " -not -path './build*' -not -path './accs/*' -not -name '*.o' -not -name '.env'"
    .. " -not -path './.luarocks/*' -not -path './lua_modules/*'"))
  for line in pipe:lines() do
    tree[line:sub(3)] = run.read_file(line)
  end
  return tree
end

describe("the walls of the house", function()
  local tree = read_tree()

  it("are looked at", function()
    assert.is_truthy(tree["csrc/core/accs.h"])
    assert.is_truthy(tree["spec/walls_spec.lua"])
  end)

  for name, rule in sorted(rules) do
    local title = name:gsub("_", " ")
    it(title, function()
      assert.equal("", table.concat(rule(tree), "\n"))
    end)
    it(title .. " (and a breach is noticed)", function()
      local examples = assert(BROKEN[name], "no example that breaks " .. name)
      for index, example in ipairs(examples[1] and examples or { examples }) do
        assert.equal(1, #rule(example), ("example %d of %s"):format(index, name))
      end
      assert.same({}, rule(SOUND))
    end)
  end
end)
