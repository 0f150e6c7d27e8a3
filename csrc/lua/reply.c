#include "binding.h"
#include "value.h"

#include <string.h>
#include <strings.h>

typedef struct reply_box {
    accs_reply *reply; /* owned; NULL when empty */
    unsigned busy;     /* decodings under way: a finalizer may close it inside one */
} reply_box;

void accs_lua_new_reply(lua_State *L)
{
    reply_box *box = lua_newuserdatauv(L, sizeof *box, 0);

    box->reply = NULL;
    box->busy = 0;
    luaL_setmetatable(L, ACCS_REPLY_TYPE);
}

void accs_lua_fill_reply(lua_State *L, int index, accs_reply *reply)
{
    reply_box *box = lua_touserdata(L, index);

    box->reply = reply;
}

static accs_reply *open_reply(lua_State *L, const reply_box *box)
{
    if (box->reply == NULL)
        luaL_error(L, "reply is closed");
    return box->reply;
}

/* Good until the next object is made: a finalizer may close it. */
static accs_reply *check_reply(lua_State *L)
{
    return open_reply(L, accs_lua_self(L, ACCS_REPLY_TYPE));
}

static int reply_close(lua_State *L)
{
    reply_box *box = accs_lua_self(L, ACCS_REPLY_TYPE);
    accs_reply *reply = box->reply;

    if (box->busy > 0)
        return 0; /* the collector frees it later */
    box->reply = NULL;
    accs_reply_free(reply);
    return 0;
}

static int reply_status(lua_State *L)
{
    lua_pushinteger(L, accs_reply_status(check_reply(L)));
    return 1;
}

static int reply_attempts(lua_State *L)
{
    lua_pushinteger(L, accs_reply_attempts(check_reply(L)));
    return 1;
}

static int reply_elapsed(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)accs_reply_elapsed_us(check_reply(L)) / 1e6);
    return 1;
}

static int reply_url(lua_State *L)
{
    lua_pushstring(L, accs_reply_url(check_reply(L)));
    return 1;
}

static int reply_body(lua_State *L)
{
    const char *bytes;
    size_t bytes_len;

    accs_reply_body(check_reply(L), &bytes, &bytes_len);
    lua_pushlstring(L, bytes, bytes_len);
    return 1;
}

/* size() -> bytes of the body, without making a string of it */
static int reply_size(lua_State *L)
{
    const char *bytes;
    size_t bytes_len;

    accs_reply_body(check_reply(L), &bytes, &bytes_len);
    lua_pushinteger(L, (lua_Integer)bytes_len);
    return 1;
}

static void push_header(lua_State *L, const accs_reply *reply, size_t index, bool want_name)
{
    const char *name;
    const char *value;
    size_t name_len;
    size_t value_len;

    accs_reply_header(reply, index, &name, &name_len, &value, &value_len);
    if (want_name)
        lua_pushlstring(L, name, name_len);
    else
        lua_pushlstring(L, value, value_len);
}

/* headers() -> { { name, value }, ... } as received */
static int reply_headers(lua_State *L)
{
    size_t count = accs_reply_header_count(check_reply(L));
    const reply_box *box = lua_touserdata(L, 1);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 2, 0);
        push_header(L, open_reply(L, box), i, true);
        lua_rawseti(L, -2, 1);
        push_header(L, open_reply(L, box), i, false);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void accs_lua_push_value(lua_State *L, const accs_reply *reply, const char *wanted,
                         size_t wanted_len)
{
    for (size_t i = 0; reply != NULL && i < accs_reply_header_count(reply); i++) {
        const char *name;
        const char *value;
        size_t name_len;
        size_t value_len;

        accs_reply_header(reply, i, &name, &name_len, &value, &value_len);
        if (name_len == wanted_len && strncasecmp(name, wanted, name_len) == 0) {
            lua_pushlstring(L, value, value_len);
            return;
        }
    }
    lua_pushnil(L);
}

/* header(name) -> the first value of that name | nil */
static int reply_header(lua_State *L)
{
    size_t wanted_len;
    const char *wanted = luaL_checklstring(L, 2, &wanted_len); /* may make a string of a number */

    accs_lua_push_value(L, check_reply(L), wanted, wanted_len);
    return 1;
}

/* decode() -> value | nil, message */
static int reply_decode(lua_State *L)
{
    reply_box *box = accs_lua_self(L, ACCS_REPLY_TYPE);
    const char *bytes;
    size_t bytes_len;

    accs_reply_body(open_reply(L, box), &bytes, &bytes_len);
    if (bytes_len == 0) {
        lua_pushnil(L);
        lua_pushliteral(L, "empty");
        return 2;
    }
    return accs_lua_decode(L, bytes, bytes_len, &box->busy);
}

void accs_lua_reply_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", reply_close},
        {"status", reply_status},
        {"attempts", reply_attempts},
        {"elapsed", reply_elapsed},
        {"url", reply_url},
        {"body", reply_body},
        {"size", reply_size},
        {"headers", reply_headers},
        {"header", reply_header},
        {"decode", reply_decode},
        {NULL, NULL},
    };

    accs_lua_new_type(L, ACCS_REPLY_TYPE, methods, reply_close, reply_close);
}
