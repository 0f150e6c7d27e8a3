/* Checks of tokens that are at hand as text. */
#include "fields.h"

enum { CHECK_KEYS = FIELD_OWN, CHECK_SECONDS };

static const accs_lua_field check_fields[] = {
    {"keys", CHECK_KEYS, offsetof(accs_jwt_check, keys)},
    {"issuer", FIELD_TEXT, offsetof(accs_jwt_check, issuer)},
    {"audience", FIELD_TEXT, offsetof(accs_jwt_check, audience)},
    {"client", FIELD_TEXT, offsetof(accs_jwt_check, client)},
    {"type", FIELD_TEXT, offsetof(accs_jwt_check, type)},
    {"now", CHECK_SECONDS, offsetof(accs_jwt_check, now_s)},
    {"leeway", CHECK_SECONDS, offsetof(accs_jwt_check, leeway_s)},
    {NULL, FIELD_END, 0},
};

/* The number on top of the stack, cut to whole seconds. */
static int64_t top_seconds(lua_State *L, const char *name)
{
    const lua_Number most = 1e12;
    lua_Number value;

    if (lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "%s must be a number, not %s", name, luaL_typename(L, -1));
    value = lua_tonumber(L, -1);
    if (!(value >= 0))
        luaL_error(L, "%s must not be negative", name);
    return (int64_t)(value < most ? value : most);
}

void accs_lua_read_jwt_check(lua_State *L, int index, accs_jwt_check *check)
{
    *check = (accs_jwt_check){.now_s = -1};
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        const accs_lua_field *found = accs_lua_find_field(L, check_fields, "a check");

        if (found->kind == CHECK_SECONDS) {
            *(int64_t *)(void *)((char *)check + found->offset) = top_seconds(L, found->name);
        } else if (found->kind != CHECK_KEYS) {
            accs_lua_read_field(L, found, check);
        } else {
            if (lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "keys must be a string, not %s", luaL_typename(L, -1));
            check->keys.bytes = lua_tolstring(L, -1, &check->keys.len);
        }
    }
    if (check->keys.bytes == NULL || check->now_s < 0)
        luaL_error(L, "a check needs keys and now");
}

int accs_lua_push_verdict(lua_State *L, accs_jwt_verdict verdict)
{
    lua_pushstring(L, accs_jwt_verdict_name(verdict));
    lua_pushstring(L, accs_jwt_verdict_text(verdict));
    return 2;
}

int accs_lua_push_claims(lua_State *L, accs_error error, accs_text *claims)
{
    if (error == ACCS_OK)
        return accs_lua_push_text(L, claims);
    lua_pushnil(L);
    lua_pushstring(L, accs_jwt_verdict_text(error == ACCS_ERROR_MEMORY ? ACCS_JWT_NO_MEMORY
                                                                       : ACCS_JWT_MALFORMED));
    return 2;
}

static accs_text check_text(lua_State *L, int index)
{
    accs_text text;

    text.bytes = luaL_checklstring(L, index, &text.len);
    return text;
}

/* jwt_claims(token) -> json | nil, message */
static int jwt_claims(lua_State *L)
{
    accs_text token = check_text(L, 1);
    accs_text *claims = accs_lua_new_text(L);

    return accs_lua_push_claims(L, accs_jwt_claims(token, claims), claims);
}

/* jwt_verify(token, check) -> name of the verdict, text */
static int jwt_verify(lua_State *L)
{
    accs_text token = check_text(L, 1);
    accs_jwt_check check;

    accs_lua_read_jwt_check(L, 2, &check);
    return accs_lua_push_verdict(L, accs_jwt_verify(token, &check));
}

void accs_lua_jwt_open(lua_State *L)
{
    lua_pushcfunction(L, jwt_claims);
    lua_setfield(L, -2, "jwt_claims");
    lua_pushcfunction(L, jwt_verify);
    lua_setfield(L, -2, "jwt_verify");
}
