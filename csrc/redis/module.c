/*
 * accs.redis: what a token store needs of libhiredis, none of which ever waits.
 *
 * Lua: redis.lookup(host) -> lookup; redis.connect(address, port) and redis.connect_path(path) ->
 * connection. See lua/accs/store/redis.lua, its one user.
 */
#include "redis.h"

__attribute__((visibility("default"))) int luaopen_accs_redis(lua_State *L);

void accs_redis_new_type(lua_State *L, const char *name, const luaL_Reg *methods,
                         lua_CFunction close)
{
    const luaL_Reg ends[] = {{"__gc", close}, {"__close", close}, {NULL, NULL}};

    luaL_newmetatable(L, name);
    luaL_setfuncs(L, ends, 0);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int accs_redis_push_problem(lua_State *L, const char *problem)
{
    lua_pushnil(L);
    lua_pushstring(L, problem);
    return 2;
}

int luaopen_accs_redis(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"lookup", accs_redis_lookup_new},
        {"connect", accs_redis_connect},
        {"connect_path", accs_redis_connect_path},
        {NULL, NULL},
    };

    accs_redis_lookup_open(L);
    accs_redis_connection_open(L);
    luaL_newlib(L, functions);
    return 1;
}
