#include "binding.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINE_SLOT = 1, HEADERS_MAX = 64 };

typedef struct client_box {
    accs_client *client; /* owned; NULL when not open yet, or closed */
} client_box;

/* The string on top of the stack; borrowed from the table that holds it. */
static const char *top_text(lua_State *L, const char *name)
{
    const char *text;
    size_t len;

    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s must be a string, not %s", name, luaL_typename(L, -1));
    text = lua_tolstring(L, -1, &len);
    if (strlen(text) != len)
        luaL_error(L, "%s holds a NUL byte", name);
    return text;
}

static lua_Number top_number(lua_State *L, const char *name)
{
    lua_Number value;

    if (lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "%s must be a number, not %s", name, luaL_typename(L, -1));
    value = lua_tonumber(L, -1);
    if (!(value > 0))
        luaL_error(L, "%s must be greater than 0", name);
    return value;
}

static size_t as_size(lua_Number value)
{
    const lua_Number most = 9e15;

    return value < most ? (size_t)value : (size_t)most;
}

static unsigned as_count(lua_Number value)
{
    return value < 1000000 ? (unsigned)value : 1000000;
}

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
        headers[count].value = top_text(L, "a header");
        lua_pop(L, 1);
        headers[count].name = top_text(L, "a header");
        count++;
    }
    return count;
}

typedef enum field_kind {
    FIELD_END = 0,
    FIELD_TEXT,  /* const char * */
    FIELD_TIME,  /* int64_t, ms; seconds in Lua */
    FIELD_COUNT, /* unsigned */
    FIELD_SIZE,  /* size_t */
    FIELD_SHARE, /* double */
    FIELD_FLAG,  /* bool */
    FIELD_PATH,  /* the others stand where the request has them */
    FIELD_BODY,
    FIELD_HEADERS,
    FIELD_IDEMPOTENT,
    FIELD_SOURCE,
} field_kind;

/* A field of accs_client_options or accs_request. */
typedef struct field {
    const char *name;
    field_kind kind;
    size_t offset;
} field;

/* Puts the value on top of the stack into the request. */
static void read_special(lua_State *L, field_kind kind, accs_request *request, accs_header *headers)
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

/* Puts the value on top of the stack into the member of into. Text is borrowed. */
static void read_field(lua_State *L, const field *found, void *into)
{
    void *member = (char *)into + found->offset;

    switch (found->kind) {
    case FIELD_TEXT:
        *(const char **)member = top_text(L, found->name);
        break;
    case FIELD_TIME:
        *(int64_t *)member = accs_lua_ms(top_number(L, found->name));
        break;
    case FIELD_COUNT:
        *(unsigned *)member = as_count(top_number(L, found->name));
        break;
    case FIELD_SIZE:
        *(size_t *)member = as_size(top_number(L, found->name));
        break;
    case FIELD_SHARE:
        *(double *)member = top_number(L, found->name);
        break;
    default:
        *(bool *)member = lua_toboolean(L, -1);
    }
}

/*
 * The entry of fields for the key below the top of the stack. Neither this nor
 * the reading of a value makes objects, and lua_next() asks no metamethod: so
 * no finalizer runs that could change the table, which keeps alive what is
 * borrowed from it, or close what the caller has checked.
 */
static const field *find_field(lua_State *L, const field *fields, const char *what)
{
    const char *name;

    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "the fields of %s have names", what);
    name = lua_tostring(L, -2);
    for (; fields->kind != FIELD_END; fields++)
        if (strcmp(name, fields->name) == 0)
            return fields;
    luaL_error(L, "%s has no field %s", what, name);
    return NULL;
}

static const field client_fields[] = {
    {"base_url", FIELD_TEXT, offsetof(accs_client_options, base_url)},
    {"ims_url", FIELD_TEXT, offsetof(accs_client_options, ims_url)},
    {"client_id", FIELD_TEXT, offsetof(accs_client_options, client_id)},
    {"client_secret", FIELD_TEXT, offsetof(accs_client_options, client_secret)},
    {"access_token", FIELD_TEXT, offsetof(accs_client_options, access_token)},
    {"org_id", FIELD_TEXT, offsetof(accs_client_options, org_id)},
    {"scopes", FIELD_TEXT, offsetof(accs_client_options, scopes)},
    {"store", FIELD_TEXT, offsetof(accs_client_options, store)},
    {"user_agent", FIELD_TEXT, offsetof(accs_client_options, user_agent)},
    {"ca_file", FIELD_TEXT, offsetof(accs_client_options, ca_file)},
    {"proxy", FIELD_TEXT, offsetof(accs_client_options, proxy)},
    {"no_proxy", FIELD_TEXT, offsetof(accs_client_options, no_proxy)},
    {"client_cert", FIELD_TEXT, offsetof(accs_client_options, client_cert)},
    {"client_key", FIELD_TEXT, offsetof(accs_client_options, client_key)},
    {"client_key_password", FIELD_TEXT, offsetof(accs_client_options, client_key_password)},
    {"pin", FIELD_TEXT, offsetof(accs_client_options, pin)},
    {"min_tls", FIELD_TEXT, offsetof(accs_client_options, min_tls)},
    {"http_version", FIELD_TEXT, offsetof(accs_client_options, http_version)},
    {"ip_version", FIELD_COUNT, offsetof(accs_client_options, ip_version)},
    {"connect_timeout", FIELD_TIME, offsetof(accs_client_options, connect_timeout_ms)},
    {"idle_timeout", FIELD_TIME, offsetof(accs_client_options, idle_timeout_ms)},
    {"timeout", FIELD_TIME, offsetof(accs_client_options, timeout_ms)},
    {"max_retry_after", FIELD_TIME, offsetof(accs_client_options, max_retry_after_ms)},
    {"attempts", FIELD_COUNT, offsetof(accs_client_options, attempts)},
    {"backoff", FIELD_TIME, offsetof(accs_client_options, backoff_ms)},
    {"max_backoff", FIELD_TIME, offsetof(accs_client_options, max_backoff_ms)},
    {"retry_budget", FIELD_SHARE, offsetof(accs_client_options, retry_budget)},
    {"retry_budget_min", FIELD_COUNT, offsetof(accs_client_options, retry_budget_min)},
    {"max_concurrency", FIELD_SIZE, offsetof(accs_client_options, max_concurrency)},
    {"fixed_concurrency", FIELD_FLAG, offsetof(accs_client_options, fixed_concurrency)},
    {"max_body", FIELD_SIZE, offsetof(accs_client_options, max_body)},
    {"max_headers", FIELD_SIZE, offsetof(accs_client_options, max_headers)},
    {"read_only", FIELD_FLAG, offsetof(accs_client_options, read_only)},
    {"events", FIELD_FLAG, offsetof(accs_client_options, events)},
    {NULL, FIELD_END, 0},
};

/* client(engine, options) -> client | nil, failure */
static int client_new(lua_State *L)
{
    accs_client_options options = {.base_url = NULL};
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
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1))
        read_field(L, find_field(L, client_fields, "a client"), &options);
    engine = accs_lua_check_engine(L, 1); /* again: a finalizer may have closed it meanwhile */
    if (accs_client_new(engine, &options, &box->client, &failure) != ACCS_OK)
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

static const field request_fields[] = {
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
        const field *found = find_field(L, request_fields, "a request");

        if (found->kind < FIELD_PATH)
            read_field(L, found, &request);
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
