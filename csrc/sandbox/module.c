/* accs.sandbox.native: the C parts of the sandbox under one module. */
#include "native.h"

#include <lauxlib.h>

__attribute__((visibility("default"))) int luaopen_accs_sandbox_native(lua_State *L);

int luaopen_accs_sandbox_native(lua_State *L)
{
    lua_newtable(L);
    accs_sandbox_database_open(L);
    lua_setfield(L, -2, "database");
    return 1;
}
