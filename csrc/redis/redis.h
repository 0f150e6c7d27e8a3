/* What the files of accs.redis share. They know Lua and hiredis, and nothing of the core. */
#ifndef ACCS_REDIS_H
#define ACCS_REDIS_H

#include <lauxlib.h>
#include <lua.h>

/* Makes a type whose one close function is __close and __gc too. */
void accs_redis_new_type(lua_State *L, const char *name, const luaL_Reg *methods,
                         lua_CFunction close);

/* Pushes nil and why: 2. */
int accs_redis_push_problem(lua_State *L, const char *problem);

/* lookup(host) -> lookup | nil, problem */
int accs_redis_lookup_new(lua_State *L);
void accs_redis_lookup_open(lua_State *L);

/* connect(address, port), connect_path(path) -> connection | nil, problem */
int accs_redis_connect(lua_State *L);
int accs_redis_connect_path(lua_State *L);
void accs_redis_connection_open(lua_State *L);

#endif
