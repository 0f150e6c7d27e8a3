-- Builds spec/support/native.c and runs test programs that use it: as `native`, a global of theirs.
local run = require "spec.support.run"

local native = {}

local built -- once a run

local function build()
  if not built then
    local dir = run.temp_dir()
    local result = run { "sh", "-c", [[${CC:-cc} -shared -fPIC -D_GNU_SOURCE -O1 -o "$0" ]]
      .. [[$(pkg-config --cflags lua5.4) spec/support/native.c]], dir.path .. "/native.so" }
    assert(result.code == 0, result.err)
    built = dir
  end
  return built.path
end

--- Runs a Lua program as a process of its own.
---@param source string  its text
---@param options? table  as for support.run; `prefix`: words of a command that starts it
---@return support.Result
function native.run(source, options)
  local dir <close> = run.temp_dir()
  local path = run.write_file(dir.path .. "/program.lua", table.concat({
    "local native = assert(package.loadlib(", ("%q"):format(build() .. "/native.so"),
    ", 'luaopen_native'))() ", source,
  }))
  local call = { timeout = 20 }
  for name, value in pairs(options or {}) do
    call[name] = value
  end
  for _, word in ipairs(call.prefix or {}) do
    call[#call + 1] = word
  end
  call[#call + 1], call[#call + 2] = "lua5.4", path
  call.prefix = nil
  return run(call)
end

return native
