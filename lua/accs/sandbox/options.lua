--- The command line of accs-sandbox.
local argparse = require "argparse"
local faults = require "accs.sandbox.faults"

local options = {}

---@class accs.sandbox.Options
---@field db string  file of the database, or ":memory:"
---@field data { seed?: integer, products?: integer, orders?: integer, customers?: integer }
---  as given: nil means what the file has, or the default
---@field token_life number  seconds
---@field rate integer|nil  calls of the tenant a second
---@field faults accs.sandbox.Fault[]
---@field repeat_last_page boolean
---@field limits { page_size_max: integer, page_size_default: integer }|nil
---@field port integer  0: a free one
---@field gzip_above integer  bytes; 0: never
---@field keep boolean
---@field command string[]|nil  to run with the sandbox

local PAGE_SIZE_DEFAULT = 20 -- Commerce's, where input limits are on
local GZIP_ABOVE = 1000

local EPILOG = [[
Prints API_ENDPOINT IMS_URL IMS_CLIENT_ID IMS_CLIENT_SECRET IMS_ORG_ID as .env lines once it is
ready, and stops when its standard input ends, or on SIGTERM or SIGINT. Standard input that is a
terminal is left alone; with --keep any other is, too (for example in the background of a shell).

accs-sandbox [options] -- COMMAND [ARGUMENT...] runs a command with these five in its environment
instead, stops when it ends, and exits with its code.

Faults (--fault, repeatable): [METHOD ROUTE:]ACTION[@FIRST][*TIMES]
  actions: 503 (any status from 400), 429=7 and 429=date (Retry-After), reset, close, truncate,
  html, delay=0.5; FIRST is the first matching request that is hit, TIMES how many are (all).
  "GET /V1/products:503*2"  "POST /ims/token/v3:429=1*1"  "ANY *:delay=0.2"  "reset@3*1"
GET /_sandbox/counters tells the requests by route and status; DELETE there sets them to zero.]]

local function integer(name, low, high)
  return function(text)
    local number = math.tointeger(tonumber(text))
    if not number or number < low or number > high then
      return nil, ("%s takes a whole number from %d to %d, not '%s'"):format(name, low, high, text)
    end
    return number
  end
end

local function seconds(name)
  return function(text)
    local number = tonumber(text)
    if not number or not (number > 0 and number <= 1e9) then
      return nil, ("%s takes a number of seconds, not '%s'"):format(name, text)
    end
    return number
  end
end

local NUMBERS = { -- name, description, default, smallest, largest
  { "--seed", "Number from which the data is made (1).", nil, 0, math.maxinteger },
  { "--products", "How many products (2000).", nil, 0, 1000000 },
  { "--orders", "How many orders, over two years (5000).", nil, 0, 1000000 },
  { "--customers", "How many customers (1000).", nil, 0, 1000000 },
  { "--rate", "Calls a second; what is more gets a 429 (no limit).", nil, 1, 1000000 },
  { "--page-limit", "Largest page (300); 0: no input limits.", 300, 0, 1000000 },
  { "--port", "Port on 127.0.0.1 (a free one).", 0, 0, 65535 },
}

local function new_parser()
  local parser = argparse("accs-sandbox",
    "A local server that stands in for Adobe IMS and a Commerce tenant.", EPILOG)
  for _, number in ipairs(NUMBERS) do
    parser:option(number[1], number[2], number[3], integer(number[1], number[4], number[5]))
      :argname("N")
  end
  parser:option("--db", "SQLite file for the data; kept, and used again (memory).", ":memory:")
    :argname("FILE"):show_default(false)
  parser:option("--token-life", "How long an access token lives (86399).", 86399,
    seconds("--token-life")):argname("SECONDS")
  parser:option("--fault", "A fault, see below.", nil, faults.parse):argname("SPEC"):count("*")
  parser:flag("--repeat-last-page", "Past the end, give the last page again.")
  parser:flag("--no-gzip", "Compress no reply.")
  parser:flag("--keep", "Do not stop when standard input ends.")
  parser:argument("command", "Command to run, behind --."):args("*")
  return parser
end

--- Reads the command line.
---@param arguments string[]
---@return accs.sandbox.Options|nil options
---@return string|nil message  one line that says what is wrong
--- Ends the process for `--help`.
--- Example: `local chosen, message = options.read { "--port", "8080" }`.
function options.read(arguments)
  local ok, parsed = new_parser():pparse(arguments)
  if not ok then
    return nil, parsed
  end
  local limit = parsed.page_limit
  return {
    db = parsed.db,
    data = {
      seed = parsed.seed, products = parsed.products, orders = parsed.orders,
      customers = parsed.customers,
    },
    token_life = parsed.token_life,
    rate = parsed.rate,
    faults = parsed.fault,
    repeat_last_page = parsed.repeat_last_page or false,
    limits = limit > 0 and {
      page_size_max = limit, page_size_default = math.min(PAGE_SIZE_DEFAULT, limit),
    } or nil,
    port = parsed.port,
    gzip_above = parsed.no_gzip and 0 or GZIP_ABOVE,
    keep = parsed.keep or false,
    command = #parsed.command > 0 and parsed.command or nil,
  }
end

return options
