--- The command line of accs-sandbox.
local argparse = require "argparse"
local credentials = require "accs.sandbox.credentials"
local faults = require "accs.sandbox.faults"

local options = {}

---@class accs.sandbox.Options
---@field db string  file of the database, or ":memory:"
---@field data { seed?: integer, products?: integer, orders?: integer, customers?: integer }
---  as given: nil means what the file has, or the default
---@field ims { token_life: number, refresh_life: number, refresh_grace: number,
---  ims_rate: integer|nil, clock_skew: number, deny: boolean, second_secret: boolean,
---  origin: string|nil }  times in seconds; the origin is known once it listens
---@field as "server"|"web"|"spa"|"native"  whose settings are told
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
Prints API_ENDPOINT IMS_URL IMS_CLIENT_ID IMS_CLIENT_SECRET IMS_ORG_ID as .env
lines once it is ready (then IMS_CLIENT_SECRET_2 and IMS_REDIRECT_URI where
there are any), and stops when its standard input ends, or on SIGTERM or SIGINT.
Standard input that is a terminal is left alone; with --keep any other is, too
(for example in the background of a shell).

accs-sandbox [options] -- COMMAND [ARGUMENT...] runs a command with these in its
environment instead, stops when it ends, and exits with its code.

The user signs in and consents at once. Any redirect URI on this machine counts
as registered (https; for --as native http and a scheme of its own as well); with
any other, the browser is sent to IMS_REDIRECT_URI, as IMS does.

Faults (--fault, repeatable): [METHOD ROUTE:]ACTION[@FIRST][*TIMES]
  actions: 503 (any status from 400), 429=7 and 429=date (Retry-After), reset,
  close, truncate, html, delay=0.5; FIRST is the first matching request that is
  hit, TIMES how many are (all).
  "GET /V1/products:503*2"  "POST /ims/token/v3:429=1*1"  "ANY *:delay=0.2"

For tests, without a token:
  GET    /_sandbox/counters       requests by route and status, and those for a
                                  token by grant, and by grant and client
  DELETE /_sandbox/counters       sets them to zero
  GET    /_sandbox/credentials    client ids, secrets and redirect URIs
  POST   /_sandbox/keys/rotate    signs with a new key, keeps the one before
  POST   /_sandbox/secrets/revoke?index=1   (&client=web) takes a secret away
  POST   /_sandbox/tokens/revoke  revokes every access token]]

local function integer(name, low, high)
  return function(text)
    local number = math.tointeger(tonumber(text))
    if not number or number < low or number > high then
      return nil, ("%s takes a whole number from %d to %d, not '%s'"):format(name, low, high, text)
    end
    return number
  end
end

local SECONDS_MAX = 1e9

local function seconds(name, low)
  return function(text)
    local number = tonumber(text)
    if not number or not (number >= low and number <= SECONDS_MAX) then
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
  { "--ims-rate", "Token requests a minute; what is more gets a 429 (no limit).", nil, 1, 1000000 },
  { "--page-limit", "Largest page (300); 0: no input limits.", 300, 0, 1000000 },
  { "--port", "Port on 127.0.0.1 (a free one).", 0, 0, 65535 },
}

local LEAST = 1e-3 -- s
local TIMES = { -- name, description, default, smallest
  { "--token-life", "How long an access token lives (86399).", 86399, LEAST },
  { "--refresh-life", "How long a refresh token lives (1209600: 14 days).", 1209600, LEAST },
  { "--refresh-grace", "How long a replaced refresh token still gets the newest again (0).", 0, 0 },
  { "--clock-skew", "How far the service's clock is ahead (0); behind: --clock-skew=-60.", 0,
    -SECONDS_MAX },
}

local function new_parser()
  local parser = argparse("accs-sandbox",
    "A local server that stands in for Adobe IMS and a Commerce tenant.", EPILOG)
    :help_max_width(80)
  for _, number in ipairs(NUMBERS) do
    parser:option(number[1], number[2], number[3], integer(number[1], number[4], number[5]))
      :argname("N")
  end
  parser:option("--db", "SQLite file for the data; kept, and used again (memory).", ":memory:")
    :argname("FILE"):show_default(false)
  for _, time in ipairs(TIMES) do
    parser:option(time[1], time[2], time[3], seconds(time[1], time[4])):argname("SECONDS")
      :show_default(false)
  end
  parser:option("--as", "Whose settings are told: server, web, spa or native (server).", "server")
    :choices(credentials.kinds()):argname("KIND"):show_default(false)
  parser:flag("--second-secret", "Two client secrets for each credential that has any.")
  parser:flag("--deny", "The user refuses to sign in.")
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
    ims = {
      token_life = parsed.token_life, refresh_life = parsed.refresh_life,
      refresh_grace = parsed.refresh_grace, clock_skew = parsed.clock_skew,
      ims_rate = parsed.ims_rate, deny = parsed.deny or false,
      second_secret = parsed.second_secret or false,
    },
    as = parsed.as,
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
