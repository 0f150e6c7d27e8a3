--- `accs sandbox`: starts the local stand-in for a tenant.
local sandbox = {}

--- Adds the command.
---@param parser table  argparse's
--- Example: `require("accs.cli.sandbox").add(parser)`
function sandbox.add(parser)
  local command = parser:command("sandbox")
    :summary("Start a local stand-in for a tenant, to try things without an Adobe account.")
    :description("Start a local stand-in for a tenant. It prints the lines of a .env file and "
      .. "serves until its input closes or Ctrl-C. `accs sandbox -- --help` shows its options.")
    :epilog("Example:\n   accs sandbox -- --products 100 --orders 500 > .env")
  command:argument("arguments", "Passed on to accs-sandbox."):args("*")
end

-- One word for the shell.
local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Runs the command.
---@param arguments table
---@return integer code  of accs-sandbox
--- Example: `require("accs.cli.sandbox").run(arguments)`
function sandbox.run(arguments)
  local words = { "accs-sandbox" }
  for _, word in ipairs(arguments.arguments or {}) do
    words[#words + 1] = quote(word)
  end
  local _, how, code = os.execute(table.concat(words, " "))
  return how == "signal" and 128 + code or code
end

return sandbox
