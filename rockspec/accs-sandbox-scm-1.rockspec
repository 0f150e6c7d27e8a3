rockspec_format = "3.0"
package = "accs-sandbox"
version = "scm-1"
source = {
  url = "git+https://example.com/accs.git",
}
description = {
  summary = "A local stand-in for an Adobe Commerce as a Cloud Service tenant and for Adobe IMS",
  detailed = "The C part and the command of accs's sandbox; its Lua part comes with accs.",
  license = "MIT",
  labels = { "commerce", "test" },
}
dependencies = {
  "lua >= 5.4, < 5.5",
  "accs",
}
external_dependencies = {
  MICROHTTPD = { library = "microhttpd" },
  SQLITE = { library = "sqlite3" },
  CRYPTO = { library = "crypto" },
  ZLIB = { library = "z" },
}
-- Not "builtin", which would install the lua/ folder a second time.
build = {
  type = "command",
  build_command = "mkdir -p accs/sandbox"
    .. " && $(CC) $(CFLAGS) -D_GNU_SOURCE -I$(LUA_INCDIR) $(LIBFLAG)"
    .. " -o accs/sandbox/native.$(LIB_EXTENSION) csrc/sandbox/*.c"
    .. " -lmicrohttpd -lsqlite3 -lcrypto -lz",
  install = {
    lib = {
      ["accs.sandbox.native"] = "accs/sandbox/native.so",
    },
    bin = {
      ["accs-sandbox"] = "lua/bin/accs-sandbox",
    },
  },
}
test = {
  type = "command",
  command = "make check",
}
