--- `accs get`, `post`, `put`, `patch` and `delete`: one call, its answer printed as it came.
local json = require "accs.json"
local options = require "accs.cli.options"
local output = require "accs.cli.output"
local pretty = require "accs.cli.pretty"
local stop = require "accs.cli.stop"
local terminal = require "accs.cli.terminal"

local verbs = {}

local VERBS = {
  { name = "get", summary = "Read one thing and print it as JSON.",
    example = 'accs get /V1/products/{sku} --param sku=24-MB01/X --fields sku,price' },
  { name = "post", body = true, summary = "Create something, or ask for an action.",
    example = "accs post /V1/products --data @product.json" },
  { name = "put", body = true, summary = "Change something.",
    example = [[accs put /V1/products/24-MB01 --data '{"product":{"price":9.5}}']] },
  { name = "patch", body = true, summary = "Change a part of something.",
    example = "accs patch /V1/... --data -" },
  { name = "delete", summary = "Remove something.", example = "accs delete /V1/products/24-MB01" },
}

local function pairs_of(list, flag)
  local values
  for _, text in ipairs(list or {}) do
    local name, value = text:match("^([^=]+)=(.*)$")
    if not name then
      stop.now("usage", string.format("%s: '%s' is not NAME=VALUE", flag, text))
    end
    values = values or {}
    if values[name] then
      stop.now("usage", string.format("%s: '%s' is given twice%s", flag, name, name:find("%[%]$")
        and "; number them: " .. name:sub(1, -3) .. "[0], " .. name:sub(1, -3) .. "[1]" or ""))
    end
    values[name] = value
  end
  return values
end

-- What the path leaves open, and what it has no place for: in the words of the command line.
local function check_params(path, params)
  for name in path:gmatch("{([%w_]+)}") do
    if not (params and params[name]) then
      stop.now("usage", string.format("the path needs --param %s=VALUE", name))
    end
  end
  for name in pairs(params or {}) do
    if not path:find("{" .. name .. "}", 1, true) then
      stop.now("usage", string.format("--param: there is no {%s} in the path %s", name, path))
    end
  end
end

-- The body of a write: checked here, so that a slip costs no call.
local function read_data(text)
  if text == nil then
    return nil
  end
  local source = text
  if text == "-" then
    source = io.read("a")
  elseif text:sub(1, 1) == "@" then
    local file, problem = io.open(text:sub(2), "rb")
    if not file then
      stop.now("usage", "--data: cannot read " .. problem)
    end
    source = file:read("a")
    file:close()
    if not source then
      stop.now("usage", "--data: cannot read " .. text:sub(2))
    end
  end
  local value, problem = json.decode(source)
  if value == nil then
    stop.now("usage", "--data is not JSON: " .. tostring(problem))
  end
  return source -- as it is: decoding and encoding again could change it
end

local function print_answer(response, out, path)
  local body = response.body
  if not path and terminal.is_watched() then
    body = pretty.json(body)
  end
  if body ~= "" then
    out.write(body:find("\n$") and body or body .. "\n")
  end
  out:commit()
end

local function run(verb, arguments)
  local opts = {
    params = pairs_of(arguments.param, "--param"),
    query = pairs_of(arguments.query, "--query"),
    fields = arguments.fields,
    raw = verb.body and true or nil,
  }
  check_params(arguments.path, opts.params)
  local data = verb.body and read_data(arguments.data) or nil
  local client <close> = options.client(arguments)
  local out <close> = output.open(arguments.output) -- a wrong name is found before anything is sent
  local response, err
  if verb.body then
    response, err = client[verb.name](client, arguments.path, data, opts)
  else
    response, err = client[verb.name](client, arguments.path, opts)
  end
  if not response then
    error(err, 0)
  end
  print_answer(response, out, arguments.output)
end

local function own_options(command, verb)
  local own = {
    command:option("--param", "Value for {NAME} in the path; it is encoded. Can be repeated.")
      :argname("NAME=VALUE"):count("*"),
    command:option("--query", "Query parameter. Can be repeated."):argname("NAME=VALUE"):count("*"),
    command:option("--fields", "Only these come back: sku,extension_attributes[stock_item].")
      :argname("LIST"),
  }
  if verb.body then
    own[#own + 1] = command:option("--data",
      "Body of the call, sent as it is: JSON, @FILE, or - for standard input."):argname("JSON")
  end
  own[#own + 1] = options.output_file(command)
  return own
end

--- Adds the commands.
---@param parser table  argparse's
---@return table<string, fun(arguments: table): integer|nil> commands
--- Example: `verbs.add(parser).get(arguments)`
function verbs.add(parser)
  local commands = {}
  for _, verb in ipairs(VERBS) do
    local command = parser:command(verb.name)
      :summary(verb.summary):usage("Usage: accs " .. verb.name .. " PATH [options]")
      :description(verb.summary .. " The answer is printed as the service wrote it: in lines on a "
        .. "terminal, unchanged in a pipe.")
      :epilog("Example:\n   " .. verb.example)
    command:argument("PATH", "Path on the tenant, such as /V1/orders/5. {name} in it is filled in "
      .. "by --param."):target("path")
    command:group("Options", table.unpack(own_options(command, verb)))
    options.add_client(command)
    commands[verb.name] = function(arguments)
      return run(verb, arguments)
    end
  end
  return commands
end

return verbs
