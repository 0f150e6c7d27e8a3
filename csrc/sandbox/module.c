/* accs.sandbox.native: the C parts of the sandbox under one module. */
#include "native.h"

#include <lauxlib.h>

__attribute__((visibility("default"))) int luaopen_accs_sandbox_native(lua_State *L);

int luaopen_accs_sandbox_native(lua_State *L)
{
    static const luaL_Reg parts[] = {
        {"crypto", accs_sandbox_crypto_open},   {"database", accs_sandbox_database_open},
        {"http", accs_sandbox_http_open},       {"json", accs_sandbox_json_open},
        {"process", accs_sandbox_process_open}, {NULL, NULL},
    };

    lua_newtable(L);
    for (const luaL_Reg *part = parts; part->name != NULL; part++) {
        part->func(L);
        lua_setfield(L, -2, part->name);
    }
    return 1;
}
