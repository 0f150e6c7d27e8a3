#include "binding.h"
#include "value.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int luaopen_accs_core(lua_State *L);

void accs_lua_push_failure_table(lua_State *L, const accs_failure *failure)
{
    lua_createtable(L, 0, 9);
    lua_pushstring(L, accs_error_name(failure->code));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, accs_outcome_name(failure->outcome));
    lua_setfield(L, -2, "outcome");
    lua_pushstring(L, failure->text);
    lua_setfield(L, -2, "message");
    lua_pushinteger(L, failure->attempts);
    lua_setfield(L, -2, "attempts");
    lua_pushboolean(L, failure->retryable);
    lua_setfield(L, -2, "retryable");
    if (failure->status != 0) {
        lua_pushinteger(L, failure->status);
        lua_setfield(L, -2, "status");
    }
    if (failure->curl_code != 0) {
        lua_pushinteger(L, failure->curl_code);
        lua_setfield(L, -2, "curl_code");
    }
    if (failure->system_errno != 0) {
        lua_pushinteger(L, failure->system_errno);
        lua_setfield(L, -2, "errno");
    }
    if (failure->retry_after_ms >= 0) {
        lua_pushnumber(L, (lua_Number)failure->retry_after_ms / 1000);
        lua_setfield(L, -2, "retry_after");
    }
}

int accs_lua_push_failure(lua_State *L, const accs_failure *failure)
{
    lua_pushnil(L);
    accs_lua_push_failure_table(L, failure);
    return 2;
}

int64_t accs_lua_ms(lua_Number seconds)
{
    const lua_Number years = 1e12;

    if (!(seconds > 0))
        return 0;
    return seconds < years ? (int64_t)ceil(seconds * 1000) : (int64_t)1000 * (int64_t)years;
}

void accs_lua_new_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close,
                       lua_CFunction gc)
{
    const luaL_Reg ends[] = {{"__gc", gc}, {"__close", close}, {NULL, NULL}};

    luaL_newmetatable(L, name);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, methods, 1); /* the metatable: for accs_lua_self() */
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, -1);
    luaL_setfuncs(L, ends, 1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void *accs_lua_self(lua_State *L, const char *name)
{
    void *box = lua_touserdata(L, 1);

    if (box != NULL && lua_getmetatable(L, 1)) {
        bool same = lua_rawequal(L, -1, lua_upvalueindex(1));

        lua_pop(L, 1);
        if (same)
            return box;
    }
    return luaL_checkudata(L, 1, name);
}

/* ------------------------------------------------------ small functions */

/* percent_encode(text) -> text */
static int percent_encode(lua_State *L)
{
    size_t bytes_len;
    const char *bytes = luaL_checklstring(L, 1, &bytes_len);
    luaL_Buffer encoded;

    luaL_argcheck(L, bytes_len < SIZE_MAX / 3, 1, "text too long");
    luaL_buffinit(L, &encoded);
    bytes_len = accs_percent_encode(bytes, bytes_len, luaL_prepbuffsize(&encoded, 3 * bytes_len));
    luaL_pushresultsize(&encoded, bytes_len);
    return 1;
}

/* address(url) -> table | nil, message */
static int address(lua_State *L)
{
    const char *url = luaL_checkstring(L, 1);
    accs_address found;
    accs_failure failure;

    if (accs_address_look(url, &found, &failure) != ACCS_OK) {
        lua_pushnil(L);
        lua_pushstring(L, failure.code == ACCS_ERROR_MEMORY ? ACCS_LUA_NO_MEMORY : failure.text);
        return 2;
    }
    lua_createtable(L, 0, 5);
    lua_pushboolean(L, found.https);
    lua_setfield(L, -2, "https");
    lua_pushboolean(L, found.loopback);
    lua_setfield(L, -2, "loopback");
    lua_pushboolean(L, found.adobe);
    lua_setfield(L, -2, "adobe");
    lua_pushboolean(L, found.has_user_info);
    lua_setfield(L, -2, "has_user_info");
    lua_pushboolean(L, found.has_query);
    lua_setfield(L, -2, "has_query");
    return 1;
}

/* redact_url(url) -> url, with "***" for credentials in its query */
static int redact_url(lua_State *L)
{
    size_t url_len;
    const char *url = luaL_checklstring(L, 1, &url_len);
    luaL_Buffer out;
    char *room;

    luaL_argcheck(L, url_len < SIZE_MAX / 3, 1, "text too long");
    luaL_argcheck(L, strlen(url) == url_len, 1, "text holds a NUL byte");
    luaL_buffinit(L, &out);
    room = luaL_prepbuffsize(&out, 3 * url_len + 1);
    accs_url_redact(url, room, 3 * url_len + 1);
    luaL_pushresultsize(&out, strlen(room));
    return 1;
}

/* random_id() -> 32 hexadecimal digits; raises where the system has no random numbers */
static int random_id(lua_State *L)
{
    char id[33];

    if (accs_random_id(id) != ACCS_OK)
        luaL_error(L, "no random numbers to be had");
    lua_pushstring(L, id);
    return 1;
}

/* monotonic() -> seconds */
static int monotonic(lua_State *L)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

/* file(path) -> "file" | "directory" | "other", bytes, seconds since 1970 of its change | nil */
static int look_at_file(lua_State *L)
{
    struct stat found;

    if (stat(luaL_checkstring(L, 1), &found) != 0)
        return 0;
    lua_pushstring(L, S_ISREG(found.st_mode)   ? "file"
                      : S_ISDIR(found.st_mode) ? "directory"
                                               : "other");
    lua_pushinteger(L, (lua_Integer)found.st_size);
    lua_pushnumber(L, (lua_Number)found.st_mtim.tv_sec + (lua_Number)found.st_mtim.tv_nsec / 1e9);
    return 3;
}

/* isatty(fd) -> boolean */
static int is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

static void push_error_names(lua_State *L)
{
    lua_newtable(L);
#define PUSH_NAME(id, name, text)                                                                  \
    lua_pushliteral(L, name);                                                                      \
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    ACCS_ERROR_LIST(PUSH_NAME)
#undef PUSH_NAME
}

int luaopen_accs_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"percent_encode", percent_encode},
        {"address", address},
        {"redact_url", redact_url},
        {"random_id", random_id},
        {"monotonic", monotonic},
        {"file", look_at_file},
        {"isatty", is_terminal},
        {NULL, NULL},
    };

    char libraries[128];

    luaL_checkversion(L);
    luaL_newlib(L, functions);
    lua_pushliteral(L, ACCS_VERSION);
    lua_setfield(L, -2, "version");
    accs_libraries(libraries, sizeof libraries);
    lua_pushstring(L, libraries);
    lua_setfield(L, -2, "libraries");
    push_error_names(L);
    lua_setfield(L, -2, "errors");
    accs_lua_value_open(L);
    accs_lua_engine_open(L);
    accs_lua_reply_open(L);
    accs_lua_client_open(L);
    accs_lua_auth_open(L);
    accs_lua_jwt_open(L);
    accs_lua_policy_open(L);
    accs_lua_loopback_open(L);
    accs_lua_security_open(L);
    return 1;
}
