#include "binding.h"

#include <errno.h>
#include <unistd.h>

#define LOOPBACK_TYPE "accs.loopback"

enum { INPUT_MAX = 8192 };

typedef struct loopback_box {
    accs_loopback *loopback; /* owned; NULL when not open yet, or closed */
} loopback_box;

static const char *const PAGES[] = {"foreign", "accepted", "failed", NULL};

static accs_loopback *check_loopback(lua_State *L)
{
    loopback_box *box = accs_lua_self(L, LOOPBACK_TYPE);

    if (box->loopback == NULL)
        luaL_error(L, "the listener is closed");
    return box->loopback;
}

/* loopback(redirect_uri | nil) -> loopback | nil, failure */
static int loopback_new(lua_State *L)
{
    const char *redirect_uri = luaL_optstring(L, 1, NULL);
    loopback_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    accs_failure failure;

    box->loopback = NULL;
    luaL_setmetatable(L, LOOPBACK_TYPE);
    if (accs_loopback_new(redirect_uri, &box->loopback, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    return 1;
}

/* What a descriptor has, at once: "input", bytes; without bytes when it has ended. */
static int push_input(lua_State *L, int fd)
{
    char bytes[INPUT_MAX];
    ssize_t got = read(fd, bytes, sizeof bytes);

    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    lua_pushliteral(L, "input");
    if (got <= 0)
        return 1;
    lua_pushlstring(L, bytes, (size_t)got);
    return 2;
}

/*
 * wait(seconds | nil, fd | nil) -> "redirect", query | "input", bytes | "input" | nothing, when the
 * time is over or a signal came | nil, failure
 */
static int loopback_wait(lua_State *L)
{
    accs_loopback *loopback = check_loopback(L);
    int64_t timeout_ms = lua_isnoneornil(L, 2) ? -1 : accs_lua_ms(luaL_checknumber(L, 2));
    int fd = (int)luaL_optinteger(L, 3, -1);
    accs_loopback_event event;
    accs_failure failure;
    accs_text query;

    if (accs_loopback_wait(loopback, fd, timeout_ms, &event, &query, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    if (event == ACCS_LOOPBACK_OTHER)
        return push_input(L, fd);
    if (event == ACCS_LOOPBACK_NOTHING)
        return 0;
    lua_pushliteral(L, "redirect");
    lua_pushlstring(L, query.bytes, query.len);
    return 2;
}

/* answer(page) */
static int loopback_answer(lua_State *L)
{
    accs_loopback *loopback = check_loopback(L);

    accs_loopback_answer(loopback, (accs_loopback_page)luaL_checkoption(L, 2, NULL, PAGES));
    return 0;
}

static int loopback_close(lua_State *L)
{
    loopback_box *box = accs_lua_self(L, LOOPBACK_TYPE);
    accs_loopback *loopback = box->loopback;

    box->loopback = NULL;
    accs_loopback_free(loopback);
    return 0;
}

void accs_lua_loopback_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"wait", loopback_wait},
        {"answer", loopback_answer},
        {"close", loopback_close},
        {NULL, NULL},
    };

    accs_lua_new_type(L, LOOPBACK_TYPE, methods, loopback_close, loopback_close);
    lua_pushcfunction(L, loopback_new);
    lua_setfield(L, -2, "loopback");
}
