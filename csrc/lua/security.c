#include "binding.h"
#include "value.h"

#include <string.h>

/* A purpose is a word or two; libcrypto takes no more than 1,024 bytes with what the core adds. */
enum { PURPOSE_MAX = 256 };

static const char NO_RANDOM[] = "no random numbers to be had";

static int text_close(lua_State *L)
{
    accs_text *text = luaL_checkudata(L, 1, ACCS_TEXT_TYPE);

    accs_auth_text_free(text);
    return 0;
}

accs_text *accs_lua_new_text(lua_State *L)
{
    accs_text *text = lua_newuserdatauv(L, sizeof *text, 0);

    *text = (accs_text){.bytes = NULL};
    luaL_setmetatable(L, ACCS_TEXT_TYPE);
    return text;
}

int accs_lua_push_text(lua_State *L, accs_text *text)
{
    lua_pushlstring(L, text->bytes, text->len);
    accs_auth_text_free(text);
    return 1;
}

static accs_text check_text(lua_State *L, int index)
{
    accs_text text;

    luaL_checktype(L, index, LUA_TSTRING); /* a number would be changed in place */
    text.bytes = lua_tolstring(L, index, &text.len);
    return text;
}

/* pkce() -> verifier, challenge; raises where the system has no random numbers */
static int pkce(lua_State *L)
{
    char verifier[ACCS_PKCE_LEN + 1];
    char challenge[ACCS_PKCE_LEN + 1];

    if (accs_pkce_new(verifier, challenge) != ACCS_OK)
        return luaL_error(L, NO_RANDOM);
    lua_pushlstring(L, verifier, ACCS_PKCE_LEN);
    lua_pushlstring(L, challenge, ACCS_PKCE_LEN);
    return 2;
}

/* state() -> text; raises where the system has no random numbers */
static int state(lua_State *L)
{
    char text[ACCS_PKCE_LEN + 1];

    if (accs_state_new(text) != ACCS_OK)
        return luaL_error(L, NO_RANDOM);
    lua_pushlstring(L, text, ACCS_PKCE_LEN);
    return 1;
}

/* equal(left, right) -> boolean */
static int equal(lua_State *L)
{
    lua_pushboolean(L, accs_text_equal(check_text(L, 1), check_text(L, 2)));
    return 1;
}

typedef accs_error sealer(accs_text secret, const char *purpose, accs_text text, accs_text *result);

/* Checks the arguments, and only then has the core make something. */
static int use(lua_State *L, sealer *work)
{
    accs_text secret = check_text(L, 1);
    accs_text purpose = check_text(L, 2);
    accs_text text = check_text(L, 3);
    accs_text *result;
    accs_error error;

    luaL_argcheck(L, secret.len > 0, 1, "the secret is empty");
    luaL_argcheck(L, strlen(purpose.bytes) == purpose.len, 2, "the purpose holds a NUL byte");
    luaL_argcheck(L, purpose.len <= PURPOSE_MAX, 2, "the purpose is longer than 256 bytes");
    result = accs_lua_new_text(L);
    error = work(secret, purpose.bytes, text, result);
    if (error == ACCS_OK)
        return accs_lua_push_text(L, result);
    lua_pushnil(L);
    lua_pushstring(L, error == ACCS_ERROR_PARSE ? "sealed with another secret, or changed"
                      : error == ACCS_ERROR_IO  ? NO_RANDOM
                                                : ACCS_LUA_NO_MEMORY);
    return 2;
}

/* seal(secret, purpose, text) -> text | nil, message */
static int seal(lua_State *L)
{
    return use(L, accs_seal_text);
}

/* unseal(secret, purpose, text) -> text | nil, message */
static int unseal(lua_State *L)
{
    return use(L, accs_unseal_text);
}

void accs_lua_security_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"pkce", pkce}, {"state", state},   {"equal", equal},
        {"seal", seal}, {"unseal", unseal}, {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};

    accs_lua_new_type(L, ACCS_TEXT_TYPE, none, text_close, text_close);
    luaL_setfuncs(L, functions, 0);
}
