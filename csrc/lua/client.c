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

/*
 * Option fields are read with rawget: what an __index function returns would
 * not be anchored while the core borrows it.
 */
static const char *text_field(lua_State *L, int index, const char *name)
{
    const char *text = NULL;

    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TNIL)
        text = top_text(L, name);
    lua_pop(L, 1); /* the table keeps it alive */
    return text;
}

static lua_Number number_field(lua_State *L, int index, const char *name)
{
    lua_Number value = 0;

    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TNIL)
        value = top_number(L, name);
    lua_pop(L, 1);
    return value;
}

static int64_t time_field(lua_State *L, int index, const char *name)
{
    return accs_lua_ms(number_field(L, index, name));
}

static size_t size_field(lua_State *L, int index, const char *name)
{
    return as_size(number_field(L, index, name));
}

static bool flag_field(lua_State *L, int index, const char *name)
{
    bool flag;

    lua_pushstring(L, name);
    lua_rawget(L, index);
    flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static accs_client_options read_options(lua_State *L, int index)
{
    accs_client_options options = {.base_url = text_field(L, index, "base_url")};

    options.ims_url = text_field(L, index, "ims_url");
    options.client_id = text_field(L, index, "client_id");
    options.client_secret = text_field(L, index, "client_secret");
    options.access_token = text_field(L, index, "access_token");
    options.org_id = text_field(L, index, "org_id");
    options.scopes = text_field(L, index, "scopes");
    options.store = text_field(L, index, "store");
    options.user_agent = text_field(L, index, "user_agent");
    options.ca_file = text_field(L, index, "ca_file");
    options.proxy = text_field(L, index, "proxy");
    options.pin = text_field(L, index, "pin");
    options.connect_timeout_ms = time_field(L, index, "connect_timeout");
    options.idle_timeout_ms = time_field(L, index, "idle_timeout");
    options.timeout_ms = time_field(L, index, "timeout");
    options.max_retry_after_ms = time_field(L, index, "max_retry_after");
    options.attempts = as_count(number_field(L, index, "attempts"));
    options.max_concurrency = size_field(L, index, "max_concurrency");
    options.max_body = size_field(L, index, "max_body");
    options.max_headers = size_field(L, index, "max_headers");
    options.read_only = flag_field(L, index, "read_only");
    options.events = flag_field(L, index, "events");
    return options;
}

/* client(engine, options) -> client | nil, failure */
static int client_new(lua_State *L)
{
    accs_client_options options;
    accs_engine *engine;
    accs_failure failure;
    client_box *box;

    accs_lua_check_engine(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    options = read_options(L, 2);
    box = lua_newuserdatauv(L, sizeof *box, 1);
    box->client = NULL;
    luaL_setmetatable(L, ACCS_CLIENT_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, ENGINE_SLOT);
    engine = accs_lua_check_engine(L, 1); /* last: a finalizer may have closed it meanwhile */
    if (accs_client_new(engine, &options, &box->client, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    return 1;
}

static int client_close(lua_State *L)
{
    client_box *box = luaL_checkudata(L, 1, ACCS_CLIENT_TYPE);
    accs_client *client = box->client;

    box->client = NULL;
    accs_client_free(client);
    return 0;
}

static accs_client *check_client(lua_State *L)
{
    client_box *box = luaL_checkudata(L, 1, ACCS_CLIENT_TYPE);

    if (box->client == NULL)
        luaL_error(L, "client is closed");
    return box->client;
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
    FIELD_PATH,
    FIELD_BODY,
    FIELD_HEADERS,
    FIELD_IDEMPOTENT,
    FIELD_ATTEMPTS,
    FIELD_MAX_BODY,
    FIELD_TEXT, /* these two stand at offset in the request */
    FIELD_TIME,
} field_kind;

typedef struct request_field {
    const char *name;
    field_kind kind;
    size_t offset;
} request_field;

static const request_field *find_field(lua_State *L, const char *name)
{
    static const request_field fields[] = {
        {"method", FIELD_TEXT, offsetof(accs_request, method)},
        {"path", FIELD_PATH, 0},
        {"headers", FIELD_HEADERS, 0},
        {"store", FIELD_TEXT, offsetof(accs_request, store)},
        {"body", FIELD_BODY, 0},
        {"content_type", FIELD_TEXT, offsetof(accs_request, content_type)},
        {"idempotent", FIELD_IDEMPOTENT, 0},
        {"timeout", FIELD_TIME, offsetof(accs_request, timeout_ms)},
        {"attempts", FIELD_ATTEMPTS, 0},
        {"max_retry_after", FIELD_TIME, offsetof(accs_request, max_retry_after_ms)},
        {"max_body", FIELD_MAX_BODY, 0},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(name, fields[i].name) == 0)
            return &fields[i];
    luaL_error(L, "a request has no field %s", name);
    return NULL;
}

/* Puts the value on top of the stack into the request. */
static void read_field(lua_State *L, const request_field *field, accs_request *request,
                       accs_header *headers)
{
    void *member = (char *)request + field->offset;

    switch (field->kind) {
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
    case FIELD_IDEMPOTENT:
        request->idempotent = lua_toboolean(L, -1);
        break;
    case FIELD_ATTEMPTS:
        request->attempts = as_count(top_number(L, field->name));
        break;
    case FIELD_MAX_BODY:
        request->max_body = as_size(top_number(L, field->name));
        break;
    case FIELD_TEXT:
        *(const char **)member = top_text(L, field->name);
        break;
    case FIELD_TIME:
        *(int64_t *)member = accs_lua_ms(top_number(L, field->name));
        break;
    }
}

/*
 * client:start(request) -> id | nil, failure
 * Reading the request makes no objects, so no finalizer can close the client meanwhile.
 */
static int client_start(lua_State *L)
{
    accs_client *client = check_client(L);
    accs_header headers[HEADERS_MAX];
    accs_request request = {.headers = headers, .idempotent = -1};
    accs_failure failure;
    uint64_t id;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) { /* the table keeps alive what is borrowed from it */
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 2, "the fields of a request have names");
        read_field(L, find_field(L, lua_tostring(L, -2)), &request, headers);
        lua_pop(L, 1);
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

/* redact(text) -> text, with this client's secret and token as "***" */
static int client_redact(lua_State *L)
{
    const accs_client *client = check_client(L);
    size_t text_len;
    const char *text = luaL_checklstring(L, 2, &text_len);
    char *copy = lua_newuserdatauv(L, text_len + 1, 0);

    memcpy(copy, text, text_len + 1);
    accs_client_redact(client, copy);
    lua_pushstring(L, copy);
    return 1;
}

void accs_lua_client_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", client_close},   {"start", client_start},   {"throttle", client_throttle},
        {"handle", client_handle}, {"redact", client_redact}, {NULL, NULL},
    };

    accs_lua_new_type(L, ACCS_CLIENT_TYPE, methods, client_close);
    lua_pushcfunction(L, client_new);
    lua_setfield(L, -2, "client");
}
