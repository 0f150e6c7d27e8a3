--- An accs client of a server that the tests started.

--- Makes a client from the variables that a sandbox or a fault server has.
---@param env table<string, string>  API_ENDPOINT, IMS_URL, IMS_CLIENT_ID, ...
---@param extra? table  more options for accs.client, or others in place of the usual
---@return accs.Client
return function(env, extra)
  local options = {
    base_url = env.API_ENDPOINT,
    ims_url = env.IMS_URL,
    client_id = env.IMS_CLIENT_ID,
    client_secret = env.IMS_CLIENT_SECRET,
    org_id = env.IMS_ORG_ID,
    dotenv = false,
  }
  for name, value in pairs(extra or {}) do
    options[name] = value
  end
  return require("accs").client(options)
end
