rockspec_format = "3.0"
package = "accs-redis"
version = "scm-1"
source = {
  url = "git+https://example.com/accs.git",
}
description = {
  summary = "Token store in Redis for accs, shared by machines",
  detailed = "The C part of accs.store.redis, on libhiredis; its Lua part comes with accs.",
  license = "MIT",
  labels = { "commerce", "redis" },
}
dependencies = {
  "lua >= 5.4, < 5.5",
  "accs",
}
external_dependencies = {
  HIREDIS = { library = "hiredis" },
}
-- Not "builtin", which would install the lua/ folder a second time.
build = {
  type = "command",
  build_command = "mkdir -p accs"
    .. " && $(CC) $(CFLAGS) -D_GNU_SOURCE -I$(LUA_INCDIR) $(LIBFLAG)"
    .. " -o accs/redis.$(LIB_EXTENSION) csrc/redis/*.c -lhiredis -lanl",
  install = {
    lib = {
      ["accs.redis"] = "accs/redis.so",
    },
  },
}
test = {
  type = "command",
  command = "make check",
}
