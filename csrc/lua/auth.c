/* Credentials and their tokens. The bytes of tokens stay in the core, but for read(). */
#include "options.h"

#include <string.h>

enum { ENGINE_SLOT = 1 };

typedef struct auth_box {
    accs_auth *auth; /* owned; NULL when not open yet, or closed */
} auth_box;

accs_auth *accs_lua_check_auth(lua_State *L, int index)
{
    auth_box *box = luaL_checkudata(L, index, ACCS_AUTH_TYPE);

    if (box->auth == NULL)
        luaL_error(L, "auth is closed");
    return box->auth;
}

/* auth(engine, options) -> auth | nil, failure */
static int auth_new(lua_State *L)
{
    accs_lua_options options;
    accs_engine *engine;
    accs_failure failure;
    auth_box *box;

    accs_lua_check_engine(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    box = lua_newuserdatauv(L, sizeof *box, 1);
    box->auth = NULL;
    luaL_setmetatable(L, ACCS_AUTH_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, ENGINE_SLOT);
    accs_lua_read_options(L, 2, "an auth", &options);
    engine = accs_lua_check_engine(L, 1); /* again: a finalizer may have closed it meanwhile */
    if (accs_auth_new(engine, &options.core, &box->auth, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    return 1;
}

static int auth_close(lua_State *L)
{
    auth_box *box = accs_lua_self(L, ACCS_AUTH_TYPE);
    accs_auth *auth = box->auth;

    box->auth = NULL;
    accs_auth_free(auth);
    return 0;
}

static accs_auth *check_self(lua_State *L)
{
    auth_box *box = accs_lua_self(L, ACCS_AUTH_TYPE);

    if (box->auth == NULL)
        luaL_error(L, "auth is closed");
    return box->auth;
}

static accs_auth_job check_job(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);

    for (int job = ACCS_AUTH_TOKEN; job <= ACCS_AUTH_USER_INFO; job++)
        if (strcmp(name, accs_auth_job_name((accs_auth_job)job)) == 0)
            return (accs_auth_job)job;
    luaL_argerror(L, index, "no such job");
    return ACCS_AUTH_TOKEN;
}

/* start(job, seconds | nil) -> id | nil, failure */
static int auth_start(lua_State *L)
{
    accs_auth *auth = check_self(L);
    accs_auth_job job = check_job(L, 2);
    int64_t timeout_ms = lua_isnoneornil(L, 3) ? 0 : accs_lua_ms(luaL_checknumber(L, 3));
    accs_failure failure;
    uint64_t id;

    if (accs_auth_start(auth, job, timeout_ms, &id, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushinteger(L, (lua_Integer)id);
    return 1;
}

static accs_auth_text check_which(lua_State *L, int index)
{
    static const char *const names[] = {"access_token", "id_token", NULL};
    static const accs_auth_text texts[] = {ACCS_AUTH_ACCESS_TOKEN, ACCS_AUTH_ID_TOKEN};

    return texts[luaL_checkoption(L, index, NULL, names)];
}

/* read("access_token" | "id_token") -> text | nil */
static int auth_read(lua_State *L)
{
    accs_auth *auth = check_self(L);
    accs_text text;

    if (!accs_auth_read(auth, check_which(L, 2), &text))
        return 0;
    lua_pushlstring(L, text.bytes, text.len); /* copies before a finalizer can run */
    return 1;
}

static void set_flag(lua_State *L, const char *name, bool flag)
{
    lua_pushboolean(L, flag);
    lua_setfield(L, -2, name);
}

static void set_seconds(lua_State *L, const char *name, int64_t ms)
{
    lua_pushnumber(L, (lua_Number)ms / 1000);
    lua_setfield(L, -2, name);
}

/* claims(which) -> json | nil, message */
static int auth_claims(lua_State *L)
{
    accs_auth_text which = check_which(L, 2);
    accs_text *claims = accs_lua_new_text(L);
    accs_text token;

    if (!accs_auth_read(check_self(L), which,
                        &token)) { /* so late: a finalizer may have closed it */
        lua_pushnil(L);
        lua_pushliteral(L, "there is no such token");
        return 2;
    }
    return accs_lua_push_claims(L, accs_jwt_claims(token, claims), claims);
}

/* verify(which, check) -> name of the verdict, text | nil, message */
static int auth_verify(lua_State *L)
{
    accs_auth_text which = check_which(L, 2);
    accs_jwt_check check;
    accs_text token;

    accs_lua_read_jwt_check(L, 3, &check);
    if (!accs_auth_read(check_self(L), which, &token)) {
        lua_pushnil(L);
        lua_pushliteral(L, "there is no such token");
        return 2;
    }
    return accs_lua_push_verdict(L, accs_jwt_verify(token, &check));
}

/* state() -> table */
static int auth_state(lua_State *L)
{
    accs_auth_state state;

    accs_auth_look(check_self(L), &state);
    lua_createtable(L, 0, 8);
    set_flag(L, "has_access_token", state.has_access_token);
    set_flag(L, "has_refresh_token", state.has_refresh_token);
    set_flag(L, "has_id_token", state.has_id_token);
    set_flag(L, "user", state.user);
    if (state.has_access_token && state.life_ms > 0) {
        set_seconds(L, "left", state.left_ms);
        set_seconds(L, "life", state.life_ms);
    }
    if (state.secret != 0) {
        lua_pushinteger(L, (lua_Integer)state.secret);
        lua_setfield(L, -2, "secret");
    }
    set_seconds(L, "skew", state.skew_ms);
    return 1;
}

static int auth_handle(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)accs_auth_handle(check_self(L)));
    return 1;
}

/* redact(text) -> text, with the secrets and tokens of these credentials as "***" */
static int auth_redact(lua_State *L)
{
    size_t text_len;
    const char *text = luaL_checklstring(L, 2, &text_len);
    char *copy = lua_newuserdatauv(L, text_len + 1, 0);

    memcpy(copy, text, text_len + 1);
    accs_auth_redact(check_self(L), copy); /* last: a finalizer may have closed it */
    lua_pushstring(L, copy);
    return 1;
}

void accs_lua_auth_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", auth_close},   {"start", auth_start},   {"read", auth_read},
        {"state", auth_state},   {"claims", auth_claims}, {"verify", auth_verify},
        {"handle", auth_handle}, {"redact", auth_redact}, {NULL, NULL},
    };

    accs_lua_new_type(L, ACCS_AUTH_TYPE, methods, auth_close, auth_close);
    lua_pushcfunction(L, auth_new);
    lua_setfield(L, -2, "auth");
}
