--- `accs logout`: ends a person's session.
local errors = require "accs.error"
local options = require "accs.cli.options"

local logout = {}

--- Adds the command.
---@param parser table  argparse's
--- Example: `require("accs.cli.logout").add(parser)`
function logout.add(parser)
  local command = parser:command("logout")
    :summary("Sign out: revoke and forget the session of a person.")
    :usage("Usage: accs logout [options]")
    :description("Sign out: has IMS revoke the session that `accs login` made, and forgets it. "
      .. "Where IMS cannot be reached it is forgotten here all the same, and the exit code says "
      .. "that it was not revoked.")
    :epilog("Example:\n   accs logout --session reports")
  command:group("Options",
    command:option("--kind", "Kind of the credential, as for `accs login`.")
      :choices { "web", "spa", "native" }:argname("KIND"))
  options.add_client(command)
end

-- IMS does not know the tokens any more: there is nothing left to revoke.
local function is_gone(err)
  return err.kind == "auth" and (err.message:find("invalid_grant", 1, true)
    or err.message:find("invalid_token", 1, true)) ~= nil
end

--- Runs the command.
---@param arguments table
--- Raises what kept the session from being revoked, once it is forgotten here.
--- Example: `require("accs.cli.logout").run(arguments)`
function logout.run(arguments)
  local session <close> = options.person(arguments)
  local ok, err = session:_run("load")
  local over = not ok and options.is_over(err)
  if not ok and not over then
    if err.kind ~= "auth" then
      error(err, 0)
    end
    io.stderr:write("Nobody is signed in.\n")
    return
  end
  if ok then
    ok, err = session:revoke()
  end
  if ok or over or is_gone(err) then
    session:clear()
    io.stderr:write("Signed out.\n")
    return
  end
  local cleared, problem = session:clear()
  if not cleared then
    error(problem, 0)
  end
  error(errors.new { kind = err.kind, retryable = err.retryable, hint = err.hint,
    message = "forgotten on this machine, but not revoked: " .. err.message }, 0)
end

return logout
