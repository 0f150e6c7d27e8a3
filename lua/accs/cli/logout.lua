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

-- Forgets the session; a cache that keeps it all the same is an error.
local function forget(session, troubles)
  local cleared, err = session:clear()
  local reason = troubles["not removed"]
  if cleared and reason then
    err = errors.new { kind = "cache", message = "the session is still in the cache: " .. reason,
      hint = "mend that, and sign out again" }
  end
  if err then
    error(err, 0)
  end
end

-- Raises what keeps the session from being found, unless there is none.
local function check_absence(err, troubles)
  local reason = troubles["not read"]
  if err.kind ~= "auth" then
    error(err, 0)
  elseif reason then
    error(errors.new { kind = "cache", hint = "mend that, and sign out again",
      message = "whether anybody is signed in is not known, since the cache was not read: "
        .. reason }, 0)
  end
end

--- Runs the command.
---@param arguments table
--- Raises what kept the session from being revoked, once it is forgotten here.
--- Example: `require("accs.cli.logout").run(arguments)`
function logout.run(arguments)
  local troubles = {} -- of the cache
  local session <close>, name = options.person(arguments, function(event)
    if event.kind == "cache" then
      troubles[event.text] = event.reason or "no reason given"
    end
  end)
  local ok, err = session:_run("load")
  local over = not ok and options.is_over(err)
  if not ok and not over then
    check_absence(err, troubles)
    io.stderr:write(name and "There is no session " .. name or "Nobody is signed in", ".\n")
    return
  end
  if ok then
    ok, err = session:revoke()
  end
  forget(session, troubles)
  if ok or over or is_gone(err) then
    io.stderr:write("Signed out.\n")
    return
  end
  error(errors.new { kind = err.kind, retryable = err.retryable, hint = err.hint,
    message = "forgotten on this machine, but not revoked: " .. err.message }, 0)
end

return logout
