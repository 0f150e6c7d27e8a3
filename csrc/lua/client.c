#include "binding.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINE_SLOT = 1, HEADERS_MAX = 64 };

typedef struct client_box {
    accs_client *client; /* owned; NULL when not open yet, or closed */
} client_box;

/*
 * Option fields are read with rawget: what an __index function returns would
 * not be anchored while the core borrows it.
 */
static const char *text_field(lua_State *L, int index, const char *name)
{
    const char *text = NULL;
    size_t len;

    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s must be a string, not %s", name, luaL_typename(L, -1));
        text = lua_tolstring(L, -1, &len);
        if (strlen(text) != len)
            luaL_error(L, "%s holds a NUL byte", name);
    }
    lua_pop(L, 1); /* the table keeps it alive */
    return text;
}

static lua_Number number_field(lua_State *L, int index, const char *name)
{
    lua_Number value = 0;

    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TNUMBER)
            luaL_error(L, "%s must be a number, not %s", name, luaL_typename(L, -1));
        value = lua_tonumber(L, -1);
        if (!(value > 0))
            luaL_error(L, "%s must be greater than 0", name);
    }
    lua_pop(L, 1);
    return value;
}

static int64_t time_field(lua_State *L, int index, const char *name)
{
    return accs_lua_ms(number_field(L, index, name));
}

static size_t size_field(lua_State *L, int index, const char *name)
{
    const lua_Number most = 9e15;
    lua_Number value = number_field(L, index, name);

    return value < most ? (size_t)value : (size_t)most;
}

static unsigned count_field(lua_State *L, int index, const char *name)
{
    lua_Number value = number_field(L, index, name);

    return value < 1000000 ? (unsigned)value : 1000000;
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
    options.attempts = count_field(L, index, "attempts");
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

static size_t read_headers(lua_State *L, int index, accs_header *headers)
{
    size_t count = 0;

    lua_pushliteral(L, "headers");
    if (lua_rawget(L, index) != LUA_TNIL) {
        luaL_checktype(L, -1, LUA_TTABLE);
        lua_pushnil(L);
        while (lua_next(L, -2) != 0) {
            size_t name_len;
            size_t value_len;

            if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "headers must map strings to strings");
            if (count == HEADERS_MAX)
                luaL_error(L, "more than %d headers", (int)HEADERS_MAX);
            headers[count].name = lua_tolstring(L, -2, &name_len);
            headers[count].value = lua_tolstring(L, -1, &value_len);
            if (strlen(headers[count].name) != name_len ||
                strlen(headers[count].value) != value_len)
                luaL_error(L, "a header holds a NUL byte");
            count++;
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return count;
}

static void read_request(lua_State *L, int index, accs_request *request)
{
    lua_pushliteral(L, "path");
    lua_rawget(L, index);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "path must be a string");
    request->path = lua_tolstring(L, -1, &request->path_len);
    lua_pop(L, 1);
    lua_pushliteral(L, "body");
    if (lua_rawget(L, index) != LUA_TNIL) {
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "body must be a string");
        request->body = lua_tolstring(L, -1, &request->body_len);
    }
    lua_pop(L, 1);
    lua_pushliteral(L, "idempotent");
    request->idempotent = lua_rawget(L, index) == LUA_TNIL ? -1 : lua_toboolean(L, -1);
    lua_pop(L, 1);
    request->method = text_field(L, index, "method");
    luaL_argcheck(L, request->method != NULL, index, "method is missing");
    request->store = text_field(L, index, "store");
    request->content_type = text_field(L, index, "content_type");
    request->timeout_ms = time_field(L, index, "timeout");
    request->max_retry_after_ms = time_field(L, index, "max_retry_after");
    request->attempts = count_field(L, index, "attempts");
    request->max_body = size_field(L, index, "max_body");
}

/* client:start(request) -> id | nil, failure */
static int client_start(lua_State *L)
{
    accs_header headers[HEADERS_MAX];
    accs_request request = {.headers = headers};
    accs_failure failure;
    uint64_t id;

    check_client(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    read_request(L, 2, &request);
    request.header_count = read_headers(L, 2, headers);
    /* The client is taken last: a finalizer may have closed it while the request was read. */
    if (accs_client_start(check_client(L), &request, &id, &failure) != ACCS_OK)
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

void accs_lua_client_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", client_close},
        {"start", client_start},
        {"throttle", client_throttle},
        {"handle", client_handle},
        {NULL, NULL},
    };

    accs_lua_new_type(L, ACCS_CLIENT_TYPE, methods, client_close);
    lua_pushcfunction(L, client_new);
    lua_setfield(L, -2, "client");
}
