#include "options.h"

enum { FIELD_SECRETS = FIELD_OWN, FIELD_AUTH };

#define MEMBER(kind, name)                                                                         \
    {                                                                                              \
#name, kind, offsetof(accs_client_options, name)                                           \
    }
#define MEMBER_MS(name)                                                                            \
    {                                                                                              \
#name, FIELD_TIME, offsetof(accs_client_options, name##_ms)                                \
    }

static const accs_lua_field fields[] = {
    MEMBER(FIELD_TEXT, base_url),
    MEMBER(FIELD_TEXT, ims_url),
    MEMBER(FIELD_TEXT, client_id),
    MEMBER(FIELD_TEXT, client_secret),
    MEMBER(FIELD_SECRETS, client_secrets),
    MEMBER(FIELD_NUMBER, secret_hook),
    MEMBER(FIELD_TEXT, access_token),
    MEMBER(FIELD_AUTH, auth),
    MEMBER(FIELD_FLAG, user),
    MEMBER(FIELD_TEXT, session),
    MEMBER(FIELD_TEXT, code),
    MEMBER(FIELD_TEXT, code_verifier),
    MEMBER(FIELD_TEXT, redirect_uri),
    MEMBER(FIELD_TEXT, cache_folder),
    MEMBER(FIELD_NUMBER, cache_hook),
    MEMBER(FIELD_FLAG, cache_locks),
    MEMBER(FIELD_TEXT, cache_key),
    MEMBER_MS(lock_timeout),
    MEMBER(FIELD_TEXT, org_id),
    MEMBER(FIELD_TEXT, scopes),
    MEMBER(FIELD_TEXT, store),
    MEMBER(FIELD_TEXT, user_agent),
    MEMBER(FIELD_TEXT, ca_file),
    MEMBER(FIELD_TEXT, proxy),
    MEMBER(FIELD_TEXT, no_proxy),
    MEMBER(FIELD_TEXT, client_cert),
    MEMBER(FIELD_TEXT, client_key),
    MEMBER(FIELD_TEXT, client_key_password),
    MEMBER(FIELD_TEXT, pin),
    MEMBER(FIELD_TEXT, min_tls),
    MEMBER(FIELD_TEXT, http_version),
    MEMBER(FIELD_COUNT, ip_version),
    MEMBER_MS(connect_timeout),
    MEMBER_MS(idle_timeout),
    MEMBER_MS(timeout),
    MEMBER_MS(max_retry_after),
    MEMBER(FIELD_COUNT, attempts),
    MEMBER_MS(backoff),
    MEMBER_MS(max_backoff),
    MEMBER(FIELD_SHARE, retry_budget),
    MEMBER(FIELD_COUNT, retry_budget_min),
    MEMBER(FIELD_SIZE, max_concurrency),
    MEMBER(FIELD_FLAG, fixed_concurrency),
    MEMBER(FIELD_SIZE, max_body),
    MEMBER(FIELD_SIZE, max_headers),
    MEMBER(FIELD_FLAG, read_only),
    MEMBER(FIELD_FLAG, events),
    {NULL, FIELD_END, 0},
};

/* The list of strings on top of the stack, which keeps them alive. */
static void read_secrets(lua_State *L, accs_lua_options *options)
{
    size_t count;

    if (lua_type(L, -1) != LUA_TTABLE)
        luaL_error(L, "client_secrets must be a table, not %s", luaL_typename(L, -1));
    count = (size_t)lua_rawlen(L, -1);
    if (count == 0 || count > ACCS_LUA_SECRETS_MAX)
        luaL_error(L, "client_secrets must hold 1 to %d strings", (int)ACCS_LUA_SECRETS_MAX);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        options->secrets[i].bytes = accs_lua_top_text(L, "a client secret");
        options->secrets[i].len = (size_t)lua_rawlen(L, -1);
        lua_pop(L, 1);
    }
    options->core.client_secrets = options->secrets;
    options->core.client_secret_count = count;
}

void accs_lua_read_options(lua_State *L, int index, const char *what, accs_lua_options *options)
{
    *options = (accs_lua_options){.core = {.base_url = NULL}};
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, 4, NULL);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        const accs_lua_field *found = accs_lua_find_field(L, fields, what);

        if (found->kind == FIELD_SECRETS)
            read_secrets(L, options);
        else if (found->kind == FIELD_AUTH)
            options->core.auth = accs_lua_check_auth(L, -1);
        else
            accs_lua_read_field(L, found, &options->core);
    }
}
