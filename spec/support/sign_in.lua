-- Sign-ins of a person for the specs: options of a flow, and the browser's part.
local accs = require "accs"
local errors = require "accs.error"
local run = require "spec.support.run"

local sign_in = {}

-- Options with more of them; "none" takes one away.
local function with(options, more)
  for name, value in pairs(more or {}) do
    if value == "none" then
      value = nil
    end
    options[name] = value
  end
  return options
end

--- Options of a flow for a kind of credential of the sandbox.
function sign_in.settings(box, kind, more)
  local credential = box:credentials()[kind]
  return with({
    kind = kind, client_id = credential.client_id, client_secret = credential.client_secret,
    redirect_uri = credential.redirect_uri, ims_url = box.env.IMS_URL, dotenv = false,
    engine = accs.engine { max_connections = 4 }, -- tokens of its own
  }, more)
end

--- Options of a flow that meets no server.
function sign_in.offline(more)
  return with({ client_id = "example-id", client_secret = "example-not-a-secret",
    redirect_uri = "https://localhost/cb", dotenv = false }, more)
end

--- What a browser would be sent to: the sandbox consents at once.
function sign_in.browse(url)
  local result = run { "curl", "-s", "-o", "/dev/null", "-w", "%{redirect_url}", url }
  assert(result.code == 0, result.err)
  return result.out
end

--- The parameters of an address's query, and how many.
function sign_in.parameters_of(url)
  local found, count = {}, 0
  for name, value in url:match("%?(.*)$"):gmatch("([^&=]+)=([^&]*)") do
    assert(not found[name], name .. " is there twice")
    found[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    count = count + 1
  end
  return found, count
end

--- The state of a flow, as its address has it.
function sign_in.state_of(flow)
  return sign_in.parameters_of(flow.url).state
end

--- The error object that a function raises.
function sign_in.raised(f, ...)
  local ok, problem = pcall(f, ...)
  assert(not ok, "nothing was raised")
  assert(errors.is(problem), tostring(problem))
  return problem
end

return sign_in
