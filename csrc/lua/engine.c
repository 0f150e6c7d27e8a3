#include "binding.h"

#include <stdint.h>
#include <string.h>

typedef struct engine_box {
    accs_engine *engine; /* owned; NULL when not open yet, or closed */
    /*
     * What next() has taken from the queue and not handed out yet: making Lua
     * values of it may raise, and the next call goes on with it.
     */
    accs_item item;
    bool holding;
    unsigned taken; /* counts items: a finalizer may call next() inside next() */
} engine_box;

static engine_box *check_box(lua_State *L, int index)
{
    if (index == 1)
        return accs_lua_self(L, ACCS_ENGINE_TYPE);
    return luaL_checkudata(L, index, ACCS_ENGINE_TYPE);
}

accs_engine *accs_lua_check_engine(lua_State *L, int index)
{
    engine_box *box = check_box(L, index);

    if (box->engine == NULL)
        luaL_error(L, "engine is closed");
    return box->engine;
}

typedef struct limit {
    const char *name;
    size_t count; /* offset in accs_engine_options, or NONE */
    size_t time;  /* likewise; seconds in Lua */
} limit;

#define NONE SIZE_MAX

static const limit *find_limit(lua_State *L, const char *name)
{
    static const limit limits[] = {
        {"max_connections", offsetof(accs_engine_options, max_connections), NONE},
        {"max_total_connections", offsetof(accs_engine_options, max_total_connections), NONE},
        {"max_idle_connections", offsetof(accs_engine_options, max_idle_connections), NONE},
        {"max_streams", offsetof(accs_engine_options, max_streams), NONE},
        {"max_idle_time", NONE, offsetof(accs_engine_options, max_idle_time_ms)},
        {"dns_cache_time", NONE, offsetof(accs_engine_options, dns_cache_time_ms)},
    };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (strcmp(name, limits[i].name) == 0)
            return &limits[i];
    luaL_error(L, "an engine has no option %s", name);
    return NULL;
}

/* The value on top of the stack. */
static void read_limit(lua_State *L, const limit *found, accs_engine_options *options)
{
    const lua_Number most = 1e9;
    lua_Number value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;

    if (!(value > 0))
        luaL_error(L, "%s must be a number greater than 0", found->name);
    if (found->time != NONE) {
        *(int64_t *)(void *)((char *)options + found->time) = accs_lua_ms(value);
        return;
    }
    if (value < 1)
        luaL_error(L, "%s must be at least 1", found->name);
    *(size_t *)(void *)((char *)options + found->count) = (size_t)(value < most ? value : most);
}

/* engine{ max_connections = n, ... } -> engine | nil, failure */
static int engine_new(lua_State *L)
{
    accs_engine_options options = {.max_connections = 0};
    accs_failure failure;
    engine_box *box;

    if (!lua_isnoneornil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_pushnil(L);
        while (lua_next(L, 1) != 0) {
            luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 1,
                          "the options of an engine have names");
            read_limit(L, find_limit(L, lua_tostring(L, -2)), &options);
            lua_pop(L, 1);
        }
    }
    box = lua_newuserdatauv(L, sizeof *box, 1); /* the function of on_close() */
    box->engine = NULL;
    box->holding = false;
    box->taken = 0;
    luaL_setmetatable(L, ACCS_ENGINE_TYPE);
    if (accs_engine_new(&options, &box->engine, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    return 1;
}

static int engine_gc(lua_State *L)
{
    engine_box *box = check_box(L, 1);
    accs_engine *engine = box->engine;

    box->engine = NULL;
    accs_engine_free(engine);
    if (box->holding) {
        accs_reply_free(box->item.reply);
        accs_hook_free(box->item.hook);
    }
    box->holding = false;
    return 0;
}

/* close(): first tells the function of on_close(), whose errors change nothing. */
static int engine_close(lua_State *L)
{
    engine_box *box = check_box(L, 1);

    if (box->engine != NULL && lua_getiuservalue(L, 1, 1) == LUA_TFUNCTION) {
        lua_pushnil(L);
        lua_setiuservalue(L, 1, 1);
        lua_pcall(L, 0, 0, 0);
    }
    return engine_gc(L);
}

/* on_close(function) */
static int engine_on_close(lua_State *L)
{
    accs_lua_check_engine(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, 1);
    return 0;
}

static int engine_fd(lua_State *L)
{
    lua_pushinteger(L, accs_engine_fd(accs_lua_check_engine(L, 1)));
    return 1;
}

/* timeout() -> seconds | nil for "until the descriptor is ready" */
static int engine_timeout(lua_State *L)
{
    int64_t timeout_ms = accs_engine_timeout_ms(accs_lua_check_engine(L, 1));

    if (check_box(L, 1)->holding)
        timeout_ms = 0;
    if (timeout_ms < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (lua_Number)timeout_ms / 1000);
    return 1;
}

/* step(seconds | nil) -> true | nil, failure */
static int engine_step(lua_State *L)
{
    accs_engine *engine = accs_lua_check_engine(L, 1);
    int64_t timeout_ms = lua_isnoneornil(L, 2) ? -1 : accs_lua_ms(luaL_checknumber(L, 2));
    accs_failure failure;

    if (((engine_box *)lua_touserdata(L, 1))->holding)
        timeout_ms = 0;
    if (accs_engine_step(engine, timeout_ms, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushboolean(L, 1);
    return 1;
}

/* wait({engine, ...}, seconds | nil) -> true | nil, failure */
static int wait_for_engines(lua_State *L)
{
    int64_t timeout_ms = lua_isnoneornil(L, 2) ? -1 : accs_lua_ms(luaL_checknumber(L, 2));
    accs_engine **engines;
    accs_failure failure;
    size_t count;
    size_t open = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = (size_t)lua_rawlen(L, 1);
    engines = lua_newuserdatauv(L, (count + 1) * sizeof *engines, 0);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i);
        accs_lua_check_engine(L, -1);
        lua_pop(L, 1);
    }
    /* Nothing below allocates: no finalizer can close one of them. */
    for (size_t i = 1; i <= count; i++) {
        const engine_box *box;

        lua_rawgeti(L, 1, (lua_Integer)i);
        box = lua_touserdata(L, -1);
        lua_pop(L, 1); /* the table keeps it */
        if (box != NULL && box->engine != NULL) {
            engines[open++] = box->engine;
            if (box->holding)
                timeout_ms = 0;
        }
    }
    if (accs_engines_wait(engines, open, timeout_ms, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushboolean(L, 1);
    return 1;
}

/* Pushes what next() returns for the item; a reply becomes the box at index 2. */
static int push_item(lua_State *L, const accs_item *item)
{
    switch (item->kind) {
    case ACCS_ITEM_DONE:
        lua_pushliteral(L, "done");
        lua_pushinteger(L, (lua_Integer)item->id);
        if (item->reply != NULL)
            lua_pushvalue(L, 2);
        else
            lua_pushnil(L);
        if (item->failure.code == ACCS_OK)
            return 3;
        accs_lua_push_failure_table(L, &item->failure);
        return 4;
    case ACCS_ITEM_TIMER:
        lua_pushliteral(L, "timer");
        lua_pushinteger(L, (lua_Integer)item->id);
        lua_pushboolean(L, item->failure.code == ACCS_OK);
        return 3;
    case ACCS_ITEM_BODY:
        lua_pushliteral(L, "body");
        lua_pushinteger(L, (lua_Integer)item->id);
        return 2;
    case ACCS_ITEM_WISH:
        lua_pushliteral(L, "wish");
        lua_pushinteger(L, (lua_Integer)item->id);
        lua_pushboolean(L, item->from_start);
        return 3;
    case ACCS_ITEM_HOOK:
        accs_lua_push_hook(L, item->hook);
        lua_pushliteral(L, "hook");
        lua_insert(L, -2);
        lua_pushinteger(L, (lua_Integer)item->id);
        lua_insert(L, -2);
        return 3;
    default:
        lua_pushliteral(L, "event");
        lua_pushinteger(L, (lua_Integer)item->id);
        accs_lua_push_event(L, &item->event);
        return 3;
    }
}

/*
 * next() -> "done", id, reply | nil, failure | nil
 *         | "timer", id, ended | "event", client handle, event | "body", id
 *         | "wish", id, from_start | "hook", id, what | nothing
 *
 * The item stays in the engine's box until all that may raise, or run a
 * finalizer that calls next() or close(), is behind us.
 */
static int engine_next(lua_State *L)
{
    engine_box *box;

    accs_lua_check_engine(L, 1);
    box = lua_touserdata(L, 1);
    lua_settop(L, 1);
    luaL_checkstack(L, 8, NULL);
    for (;;) {
        accs_item item;
        unsigned taken;
        int results;

        if (box->engine == NULL)
            return 0;
        if (!box->holding) {
            if (!accs_engine_next(box->engine, &box->item))
                return 0;
            box->holding = true;
            box->taken++;
        }
        item = box->item;
        taken = box->taken;
        if (item.reply != NULL)
            accs_lua_new_reply(L);
        results = push_item(L, &item);
        if (box->holding && box->taken == taken) {
            if (item.reply != NULL)
                accs_lua_fill_reply(L, 2, item.reply);
            accs_hook_free(item.hook);
            box->holding = false;
            return results;
        }
        lua_settop(L, 1); /* somebody else has it by now */
    }
}

/* timer(seconds) -> id | nil, failure */
static int engine_timer(lua_State *L)
{
    accs_engine *engine = accs_lua_check_engine(L, 1);
    int64_t delay_ms = accs_lua_ms(luaL_checknumber(L, 2));
    accs_failure failure;
    uint64_t id;

    if (accs_engine_timer(engine, delay_ms, &id, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushinteger(L, (lua_Integer)id);
    return 1;
}

static int engine_cancel(lua_State *L)
{
    accs_engine_cancel(accs_lua_check_engine(L, 1), (uint64_t)luaL_checkinteger(L, 2));
    return 0;
}

/* read(id) -> bytes | nil when none wait */
static int engine_read(lua_State *L)
{
    accs_engine *engine = accs_lua_check_engine(L, 1);
    uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
    const accs_reply *answer = accs_engine_answer(engine, id);
    const char *bytes = "";
    size_t count = 0;
    char *copy;

    if (answer != NULL)
        accs_reply_body(answer, &bytes, &count);
    copy = lua_newuserdatauv(L, count + 1, 0);
    engine = accs_lua_check_engine(L, 1); /* a finalizer may have closed it, or read */
    count = accs_engine_read(engine, id, copy, count > 0 ? count : 1);
    if (count == 0)
        return 0;
    lua_pushlstring(L, copy, count);
    return 1;
}

/* feed(id, bytes | nil for the end) -> true | nil, failure */
static int engine_feed(lua_State *L)
{
    accs_engine *engine = accs_lua_check_engine(L, 1);
    uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
    size_t bytes_len = 0;
    const char *bytes = lua_isnoneornil(L, 3) ? NULL : luaL_checklstring(L, 3, &bytes_len);
    accs_failure failure;

    if (accs_engine_feed(engine, id, bytes, bytes_len, &failure) != ACCS_OK)
        return accs_lua_push_failure(L, &failure);
    lua_pushboolean(L, 1);
    return 1;
}

/* answer(id, names ...) -> status, values or nil ... | nil when no body is being streamed */
static int engine_answer(lua_State *L)
{
    uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
    const accs_reply *reply = accs_engine_answer(accs_lua_check_engine(L, 1), id);
    int names = lua_gettop(L) - 2;

    if (reply == NULL)
        return 0;
    luaL_checkstack(L, names + 1, NULL);
    lua_pushinteger(L, accs_reply_status(reply));
    for (int i = 1; i <= names; i++) { /* found again each time: a string may run a finalizer */
        size_t name_len;
        const char *name = luaL_checklstring(L, i + 2, &name_len);

        accs_lua_push_value(L, accs_engine_answer(accs_lua_check_engine(L, 1), id), name, name_len);
    }
    return names + 1;
}

/* usable() -> false in a forked child */
static int engine_usable(lua_State *L)
{
    lua_pushboolean(L, accs_engine_usable(accs_lua_check_engine(L, 1)));
    return 1;
}

static int engine_pending(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)accs_engine_pending(accs_lua_check_engine(L, 1)));
    return 1;
}

void accs_lua_engine_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", engine_close},       {"fd", engine_fd},           {"timeout", engine_timeout},
        {"step", engine_step},         {"next", engine_next},       {"timer", engine_timer},
        {"cancel", engine_cancel},     {"pending", engine_pending}, {"usable", engine_usable},
        {"on_close", engine_on_close}, {"read", engine_read},       {"feed", engine_feed},
        {"answer", engine_answer},     {"settle", accs_lua_settle}, {NULL, NULL},
    };

    accs_lua_new_type(L, ACCS_ENGINE_TYPE, methods, engine_close, engine_gc);
    lua_pushcfunction(L, wait_for_engines);
    lua_setfield(L, -2, "wait");
    lua_pushcfunction(L, engine_new);
    lua_setfield(L, -2, "engine");
}
