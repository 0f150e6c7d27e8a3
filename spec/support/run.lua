-- Runs commands for real: through the shell, with careful quoting, output caught in files.
local run = {}

-- Variables that would change what the tested programs do; a test that wants one says so.
local FOREIGN = {
  "API_ENDPOINT", "IMS_URL", "IMS_CLIENT_ID", "IMS_CLIENT_SECRET", "IMS_ORG_ID", "IMS_SCOPES",
  "ACCS_STORE", "ACCS_CA_FILE", "ACCS_PROFILE", "ACCS_CACHE", "ACCS_LOG", "ACCS_TIMEOUT",
  "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY",
  "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
}

--- One shell word for any text.
---@param text string|number
---@return string
function run.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- A list of words as one shell command.
---@param words (string|number)[]
---@return string
function run.command(words)
  local quoted = {}
  for index, word in ipairs(words) do
    quoted[index] = run.quote(word)
  end
  return table.concat(quoted, " ")
end

--- The `env` prefix that takes the caller's own settings away and puts given ones in.
---@param variables? table<string, string|number|false>  false: not set at all
---@return string
function run.environment(variables)
  local words = { "env" }
  for _, name in ipairs(FOREIGN) do
    words[#words + 1] = "-u"
    words[#words + 1] = name
  end
  local names = {}
  for name in pairs(variables or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if variables[name] == false then
      words[#words + 1] = "-u"
      words[#words + 1] = name
    end
  end
  for _, name in ipairs(names) do
    if variables[name] ~= false then
      words[#words + 1] = name .. "=" .. tostring(variables[name])
    end
  end
  return run.command(words)
end

--- The whole content of a file.
---@param path string
---@return string|nil text  nil when it cannot be opened
function run.read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

--- Writes a file, raises when that fails.
---@param path string
---@param text string
---@return string path
function run.write_file(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  return path
end

--- The first line that a shell command prints.
---@param command string
---@return string
function run.first_line(command)
  local pipe <close> = assert(io.popen(command, "r"))
  return pipe:read("l") or ""
end

---@class support.Result
---@field code integer  exit code; 128 + number for a signal; 124 when the time limit passed
---@field out string  standard output (with tty = true: all that the terminal showed)
---@field err string  standard error

--- Runs a command and waits for it.
---
---     local result = run { "accs", "get", "/V1/products", env = box.env, stdin = "" }
---
--- Fields beside the words: `env` (table; false takes a variable away), `stdin` (text; default
--- none), `cwd`, `timeout` (s, default 60), `tty` (true: stdout and stderr are a terminal,
--- "stderr" or "stdout": only that one is).
---@param options table
---@return support.Result
local function call(_, options)
  local dir <close> = run.temp_dir()
  local out, err, input = dir.path .. "/out", dir.path .. "/err", "/dev/null"
  if options.stdin and options.stdin ~= "" then
    input = run.write_file(dir.path .. "/in", options.stdin)
  end
  local command = run.environment(options.env) .. " " .. run.command(options)
  if options.tty then
    local to_file = options.tty == "stderr" and (" >" .. run.quote(out))
      or options.tty == "stdout" and (" 2>" .. run.quote(err)) or ""
    command = "script -qec " .. run.quote(command .. to_file) .. " /dev/null"
    local terminal = options.tty == "stderr" and err or out
    command = command .. " >" .. run.quote(terminal)
  else
    command = command .. " >" .. run.quote(out) .. " 2>" .. run.quote(err)
  end
  command = "timeout -k 5 " .. (options.timeout or 60) .. " " .. command
    .. " <" .. run.quote(input)
  if options.cwd then
    command = "cd " .. run.quote(options.cwd) .. " && " .. command
  end
  local _, how, code = os.execute(command)
  return {
    code = how == "signal" and 128 + code or code,
    out = run.read_file(out) or "",
    err = run.read_file(err) or "",
  }
end

local Dir = {}
Dir.__index = Dir
Dir.__tostring = function(dir)
  return dir.path
end
Dir.__gc = function(dir) -- at the latest when the Lua state closes
  dir:remove()
end
Dir.__close = function(dir)
  dir:remove()
end

--- Removes the folder with all that is in it.
function Dir:remove()
  if self.path then
    os.execute("rm -rf " .. run.quote(self.path))
    self.path = nil
  end
end

--- A new empty folder, removed by `<close>` or at the end of the run.
---@return { path: string, remove: fun(self) }
function run.temp_dir()
  local path = run.first_line("mktemp -d \"${TMPDIR:-/tmp}/accs-test.XXXXXX\"")
  assert(path ~= "", "mktemp made no folder")
  return setmetatable({ path = path }, Dir)
end

return setmetatable(run, { __call = call })
