--- accs-sandbox: the command. Opens the data, listens, says where, serves, stops.
local app = require "accs.sandbox.app"
local data = require "accs.sandbox.data"
local ims = require "accs.sandbox.ims"
local native = require "accs.sandbox.native"
local options = require "accs.sandbox.options"

local sandbox = {}

local EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
local INTERRUPTED = "interrupted!" -- what lua5.4 raises on SIGINT

local function complain(message)
  io.stderr:write("accs-sandbox: ", (message:gsub("%s*\n%s*", " ")), "\n")
end

-- The database, filled; nil and one line of text when the file cannot be used.
local function open_data(chosen)
  local db
  local ok, problem = pcall(function()
    db = native.database.open(chosen.db)
    data.generate(db, chosen.data)
  end)
  if ok then
    return db
  end
  if db then
    db:close()
  end
  if tostring(problem):find(INTERRUPTED, 1, true) then
    return nil, INTERRUPTED
  end
  return nil, ("cannot use the database %s: %s"):format(chosen.db, problem)
end

-- What a Store header may say.
local function store_codes(db)
  local codes = { all = true, default = true }
  for code in db:rows("SELECT code FROM store") do
    codes[code] = true
  end
  return codes
end

-- The settings of a client, as NAME=value: five, and what only some credentials have.
local function settings(service, kind)
  local credential = service.credentials:of_kind(kind)
  local lines = {
    ("API_ENDPOINT=%s/%s"):format(service.origin, app.TENANT),
    "IMS_URL=" .. service.origin,
    "IMS_CLIENT_ID=" .. credential.client_id,
    "IMS_CLIENT_SECRET=" .. (credential.secrets[1] or ""),
    "IMS_ORG_ID=" .. service.org_id,
  }
  if credential.secrets[2] then
    lines[#lines + 1] = "IMS_CLIENT_SECRET_2=" .. credential.secrets[2]
  end
  if credential.redirect_uri then
    lines[#lines + 1] = "IMS_REDIRECT_URI=" .. credential.redirect_uri
  end
  return lines
end

local function serve(server, handler, chosen, lines)
  local child, problem
  if chosen.command then
    child, problem = native.process.spawn(chosen.command, lines)
    if problem == INTERRUPTED then
      return EXIT_INTERRUPTED
    elseif not child then
      complain(problem)
      return 127 -- as a shell does
    end
  else
    io.stdout:write(table.concat(lines, "\n"), "\n")
    io.stdout:flush()
  end
  local watch = not child and not chosen.keep and not native.process.isatty(0)
  local reason, code = server:run {
    handler = handler, gzip_above = chosen.gzip_above, stdin = watch, child = child,
  }
  return reason == "child" and code or 0
end

--- Runs the command.
---@param arguments string[]  of the command line
---@return integer  exit code: 0 stopped as asked, 1 no port or no database, 2 wrong usage, 130
---  interrupted before it served; with a command the command's own, 127 when it cannot be run
--- Example: `os.exit(sandbox.main { "--port", "8080" }, true)`.
function sandbox.main(arguments)
  local chosen, message = options.read(arguments)
  if not chosen then
    complain(message .. " (accs-sandbox --help)")
    return EXIT_USAGE
  end
  -- First the data: many take a while, and a server that listens keeps Ctrl-C for later.
  local db, problem = open_data(chosen)
  if not db and problem == INTERRUPTED then
    return EXIT_INTERRUPTED
  elseif not db then
    complain(problem)
    return EXIT_FAILED
  end
  local server
  server, problem = native.http.listen(chosen.port)
  if not server then
    db:close()
    complain(problem)
    return EXIT_FAILED
  end
  chosen.ims.origin = ("http://127.0.0.1:%d"):format(server:port())
  local service = ims.new(chosen.ims)
  local running = app.new(db, service, {
    limits = chosen.limits, repeat_last_page = chosen.repeat_last_page, rate = chosen.rate,
    faults = chosen.faults, stores = store_codes(db), clock_skew = chosen.ims.clock_skew,
  })
  local code = serve(server, function(...)
    return running:handle(...)
  end, chosen, settings(service, chosen.as))
  server:close()
  db:close()
  return code
end

return sandbox
