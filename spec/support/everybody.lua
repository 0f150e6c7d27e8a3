-- A place that every user of this machine reaches, with the library in it: the source tree itself
-- may be out of reach for an ordinary user.
local run = require "spec.support.run"

local everybody = {}

local USER = "65534"

--- Copies the library to such a place.
---@return { path: string, env: table<string, string>, words: fun(...: string): string[] }  words: a
---  command line that runs as an ordinary user, also where the suite runs as root
function everybody.place()
  local path = run.first_line("mktemp -d /tmp/accs-everybody.XXXXXX")
  local core = package.searchpath("accs.core", package.cpath)
  local made = run { "sh", "-c", [[mkdir -p "$0/lib/accs" "$0/bin" && cp -r lua "$0" &&
    cp "$1" "$0/lib/accs/" && cp "$(command -v lua5.4)" "$0/bin/" && chmod -R go+rX "$0" &&
    chmod 755 "$0"]], path, core }
  assert(made.code == 0, made.err)
  local root = run { "id", "-u" }.out == "0\n"
  return {
    path = path, root = root,
    env = {
      LUA_PATH_5_4 = path .. "/lua/?.lua;" .. path .. "/lua/?/init.lua;;",
      LUA_CPATH_5_4 = path .. "/lib/?.so;;", ASAN_OPTIONS = "log_path=stderr",
    },
    words = function(...)
      if root then
        return { "setpriv", "--reuid=" .. USER, "--regid=" .. USER, "--clear-groups",
          path .. "/bin/lua5.4", ... }
      end
      return { path .. "/bin/lua5.4", ... }
    end,
    remove = function()
      os.execute("rm -rf " .. path)
    end,
  }
end

return everybody
