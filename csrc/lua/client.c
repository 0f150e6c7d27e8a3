#include "options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINE_SLOT = 1, HEADERS_MAX = 64 };

typedef struct client_box {
    accs_client *client; /* owned; NULL when not open yet, or closed */
} client_box;

/* Fills headers from the table on top of the stack, which keeps their text alive. */
static size_t read_headers(lua_State *L, accs_header *headers)
{
    size_t count = 0;

    luaL_checktype(L, -1, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "headers must map strings to strings");
        if (count == HEADERS_MAX)
            luaL_error(L, "more than %d headers", (int)HEADERS_MAX);
        headers[count].value = accs_lua_top_text(L, "a header");
        lua_pop(L, 1);
        headers[count].name = accs_lua_top_text(L, "a header");
        count++;
    }
    return count;
}

/* Fields that stand where the request has them. */
enum { FIELD_PATH = FIELD_OWN, FIELD_BODY, FIELD_HEADERS, FIELD_IDEMPOTENT, FIELD_SOURCE };

/* Puts the value on top of the stack into the request. */
static void read_special(lua_State *L, int kind, accs_request *request, accs_header *headers)
{
    switch (kind) {
    case FIELD_PATH:
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "path must be a string");
        request->path = lua_tolstring(L, -1, &request->path_len);
        break;
    case FIELD_BODY:
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "body must be a string");
        request->body = lua_tolstring(L, -1, &request->body_len);
        break;
    case FIELD_HEADERS:
        request->header_count = read_headers(L, headers);
        break;
    case FIELD_SOURCE: /* true, or the number of its bytes */
        request->source = lua_toboolean(L, -1);
        request->source_length = lua_isinteger(L, -1) ? (int64_t)lua_tointeger(L, -1) : -1;
        break;
    default:
        request->idempotent = lua_toboolean(L, -1);
    }
}

/* client(engine, options) -> client | nil, failure */
static int client_new(lua_State *L)
{
    accs_lua_options options;
    accs_engine *engine;
    accs_failure failure;
    client_box *box;

    accs_lua_check_engine(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    box = lua_newuserdatauv(L, sizeof *box, 1);
    box->client = NULL;
    luaL_setmetatable(L, ACCS_CLIENT_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, ENGINE_SLOT);
    accs_lua_read_options(L, 2, "a client", &options);
    engine = accs_lua_check_engine(L, 1); /* again: a finalizer may have closed it meanwhile */
    if (accs_client_new(engine, &options.core, &box->client, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    return 1;
}

static int client_close(lua_State *L)
{
    client_box *box = accs_lua_self(L, ACCS_CLIENT_TYPE);
    accs_client *client = box->client;

    box->client = NULL;
    accs_client_free(client);
    return 0;
}

static accs_client *check_client(lua_State *L)
{
    client_box *box = accs_lua_self(L, ACCS_CLIENT_TYPE);

    if (box->client == NULL)
        luaL_error(L, "client is closed");
    return box->client;
}

static const accs_lua_field request_fields[] = {
    {"method", FIELD_TEXT, offsetof(accs_request, method)},
    {"path", FIELD_PATH, 0},
    {"headers", FIELD_HEADERS, 0},
    {"store", FIELD_TEXT, offsetof(accs_request, store)},
    {"body", FIELD_BODY, 0},
    {"content_type", FIELD_TEXT, offsetof(accs_request, content_type)},
    {"idempotent", FIELD_IDEMPOTENT, 0},
    {"connect_timeout", FIELD_TIME, offsetof(accs_request, connect_timeout_ms)},
    {"idle_timeout", FIELD_TIME, offsetof(accs_request, idle_timeout_ms)},
    {"timeout", FIELD_TIME, offsetof(accs_request, timeout_ms)},
    {"attempts", FIELD_COUNT, offsetof(accs_request, attempts)},
    {"max_retry_after", FIELD_TIME, offsetof(accs_request, max_retry_after_ms)},
    {"backoff", FIELD_TIME, offsetof(accs_request, backoff_ms)},
    {"max_backoff", FIELD_TIME, offsetof(accs_request, max_backoff_ms)},
    {"max_body", FIELD_SIZE, offsetof(accs_request, max_body)},
    {"max_headers", FIELD_SIZE, offsetof(accs_request, max_headers)},
    {"stream", FIELD_FLAG, offsetof(accs_request, stream)},
    {"source", FIELD_SOURCE, 0},
    {"replayable", FIELD_FLAG, offsetof(accs_request, replayable)},
    {"request_id", FIELD_TEXT, offsetof(accs_request, request_id)},
    {NULL, FIELD_END, 0},
};

/* client:start(request) -> id | nil, failure */
static int client_start(lua_State *L)
{
    accs_client *client = check_client(L);
    accs_header headers[HEADERS_MAX];
    accs_request request = {.headers = headers, .idempotent = -1};
    accs_failure failure;
    uint64_t id;

    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
        const accs_lua_field *found = accs_lua_find_field(L, request_fields, "a request");

        if (found->kind < FIELD_OWN)
            accs_lua_read_field(L, found, &request);
        else
            read_special(L, found->kind, &request, headers);
    }
    luaL_argcheck(L, request.path != NULL, 2, "path must be a string");
    luaL_argcheck(L, request.method != NULL, 2, "method is missing");
    if (accs_client_start(client, &request, &id, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushinteger(L, (lua_Integer)id);
    return 1;
}

static int client_throttle(lua_State *L)
{
    accs_client_throttle(check_client(L), accs_lua_ms(luaL_checknumber(L, 2)));
    return 0;
}

static int client_handle(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)accs_client_handle(check_client(L)));
    return 1;
}

static int client_stats(lua_State *L)
{
    accs_stats stats;

    accs_client_stats(check_client(L), &stats);
    accs_lua_push_stats(L, &stats);
    return 1;
}

/* redact(text) -> text, with this client's secret and token as "***" */
static int client_redact(lua_State *L)
{
    size_t text_len;
    const char *text = luaL_checklstring(L, 2, &text_len);
    char *copy = lua_newuserdatauv(L, text_len + 1, 0);

    memcpy(copy, text, text_len + 1);
    accs_client_redact(check_client(L), copy); /* last: a finalizer may have closed it */
    lua_pushstring(L, copy);
    return 1;
}

void accs_lua_client_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", client_close},
        {"start", client_start},
        {"throttle", client_throttle},
        {"handle", client_handle},
        {"redact", client_redact},
        {"stats", client_stats},
        {NULL, NULL},
    };

    accs_lua_new_type(L, ACCS_CLIENT_TYPE, methods, client_close, client_close);
    lua_pushcfunction(L, client_new);
    lua_setfield(L, -2, "client");
}
