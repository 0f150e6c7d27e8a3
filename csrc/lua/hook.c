/* Functions of the host that the core asks for: the question as a table, and the answer. */
#include "binding.h"

enum { VALUES_MAX = 8 }; /* of one answer to a hook; as many client secrets as the core takes */

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void accs_lua_push_hook(lua_State *L, const accs_hook *hook)
{
    accs_hook what = *hook;

    /* Copied before a finalizer can run, which may hand out the same item, and free it. */
    lua_pushlstring(L, what.bytes != NULL ? what.bytes : "", what.bytes_len);
    lua_createtable(L, 0, 6);
    set_text(L, "kind", accs_hook_name(what.kind));
    lua_pushinteger(L, (lua_Integer)what.host);
    lua_setfield(L, -2, "host");
    set_text(L, "key", what.key);
    set_text(L, "owner", what.owner);
    if (what.ttl_ms > 0) {
        lua_pushnumber(L, (lua_Number)what.ttl_ms / 1000);
        lua_setfield(L, -2, "ttl");
    }
    if (what.kind == ACCS_HOOK_SAVE) {
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "bytes");
    }
    lua_remove(L, -2);
}

/* settle(id, problem | nil, values ...) -> true | nil, failure */
int accs_lua_settle(lua_State *L)
{
    accs_engine *engine = accs_lua_check_engine(L, 1);
    uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
    int count = lua_gettop(L) > 3 ? lua_gettop(L) - 3 : 0;
    const char *problem = NULL;
    accs_text values[VALUES_MAX];
    accs_failure failure;

    luaL_argcheck(L, count <= VALUES_MAX, 4, "too many values");
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TSTRING); /* a number would be converted, which makes an object */
        problem = lua_tostring(L, 3);
    }
    for (int i = 0; i < count; i++) {
        luaL_checktype(L, i + 4, LUA_TSTRING);
        values[i].bytes = lua_tolstring(L, i + 4, &values[i].len);
    }
    if (accs_engine_settle(engine, id, values, (size_t)count, problem, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushboolean(L, 1);
    return 1;
}
