#include "value.h"

#include <lauxlib.h>
#include <limits.h>
#include <string.h>

enum {
    STACK_PER_LEVEL = 2,
    STACK_BESIDE = 8,
    ARRAY_MT = 2, /* places in build_protected(), filled at the first array */
    EMPTY_ARRAY_MT = 3,
    FIRST_MEMBERS = 4, /* room in the first object of a depth: few have less, growing costs */
};

/* An array or object that is being filled; it stands on the Lua stack. */
typedef struct level {
    bool is_array;
    int count;
} level;

typedef struct builder {
    lua_State *L;
    accs_json_reader *reader;
    bool big_as_text;
    bool knows_arrays; /* their metatables stand at ARRAY_MT and EMPTY_ARRAY_MT of the stack */
    int depth;
    int reached; /* the greatest depth so far; hints beyond it are not set yet */
    level levels[ACCS_LUA_DEPTH_MAX];
    /*
     * How many members the last array or object of a depth had: rows of a page
     * are alike, so the next table is made that large at once. What is made
     * too large is never more than what its neighbour really held, or FIRST_MEMBERS.
     */
    int array_hints[ACCS_LUA_DEPTH_MAX];
    int object_hints[ACCS_LUA_DEPTH_MAX];
} builder;

/* Pushes the metatables for arrays: lua-cjson's where it has them. */
static void push_array_metatables(lua_State *L)
{
    bool has_array;

    luaL_getmetatable(L, ACCS_LUA_ARRAY);
    has_array = lua_getfield(L, LUA_REGISTRYINDEX, ACCS_LUA_ARRAY_MT) == LUA_TTABLE;
    if (has_array) {
        lua_replace(L, -2);
        lua_pushvalue(L, -1);
    } else if (lua_getfield(L, LUA_REGISTRYINDEX, ACCS_LUA_EMPTY_ARRAY_MT) == LUA_TTABLE) {
        lua_replace(L, -2);
    } else {
        lua_pop(L, 2);
        lua_pushvalue(L, -1);
    }
}

static void open_level(builder *build, bool is_array)
{
    int depth = build->depth++;
    level *opened = &build->levels[depth];

    opened->is_array = is_array;
    opened->count = 0;
    if (depth == build->reached) {
        build->array_hints[depth] = 0;
        build->object_hints[depth] = FIRST_MEMBERS;
        build->reached++;
    }
    if (is_array)
        lua_createtable(build->L, build->array_hints[depth], 0);
    else
        lua_createtable(build->L, 0, build->object_hints[depth]);
}

static void close_level(builder *build)
{
    int depth = --build->depth;
    level *closed = &build->levels[depth];

    if (closed->is_array) {
        build->array_hints[depth] = closed->count;
        if (!build->knows_arrays) {
            push_array_metatables(build->L);
            lua_replace(build->L, EMPTY_ARRAY_MT);
            lua_replace(build->L, ARRAY_MT);
            build->knows_arrays = true;
        }
        lua_pushvalue(build->L, closed->count > 0 ? ARRAY_MT : EMPTY_ARRAY_MT);
        lua_setmetatable(build->L, -2);
    } else {
        build->object_hints[depth] = closed->count;
    }
}

/* Moves the value on top of the stack into the open array or object; at the top it stays. */
static void store(builder *build)
{
    level *open;

    if (build->depth == 0)
        return;
    open = &build->levels[build->depth - 1];
    open->count += open->count < INT_MAX;
    if (open->is_array)
        lua_rawseti(build->L, -2, open->count);
    else
        lua_rawset(build->L, -3);
}

static void push_float(const builder *build, const accs_json_event *event)
{
    if (event->big_integer && build->big_as_text)
        lua_pushlstring(build->L, event->text, event->text_len);
    else
        lua_pushnumber(build->L, event->number);
}

/* Builds the value on top of the stack. Returns ACCS_JSON_END, or what stopped it. */
static accs_json_kind build_value(builder *build)
{
    lua_State *L = build->L;
    accs_json_event event;

    for (;;) {
        switch (accs_json_next(build->reader, &event)) {
        case ACCS_JSON_OBJECT:
        case ACCS_JSON_ARRAY:
            luaL_checkstack(L, STACK_PER_LEVEL + STACK_BESIDE, "JSON nested too deep");
            open_level(build, event.kind == ACCS_JSON_ARRAY);
            continue;
        case ACCS_JSON_KEY:
            lua_pushlstring(L, event.text, event.text_len);
            continue;
        case ACCS_JSON_OBJECT_END:
        case ACCS_JSON_ARRAY_END:
            close_level(build);
            break;
        case ACCS_JSON_STRING:
            lua_pushlstring(L, event.text, event.text_len);
            break;
        case ACCS_JSON_INTEGER:
            lua_pushinteger(L, (lua_Integer)event.integer);
            break;
        case ACCS_JSON_FLOAT:
            push_float(build, &event);
            break;
        case ACCS_JSON_TRUE:
        case ACCS_JSON_FALSE:
            lua_pushboolean(L, event.kind == ACCS_JSON_TRUE);
            break;
        case ACCS_JSON_NULL:
            lua_pushlightuserdata(L, NULL);
            break;
        case ACCS_JSON_MORE:
        case ACCS_JSON_END:
        case ACCS_JSON_ERROR:
            return event.kind;
        }
        store(build);
    }
}

/* build_protected(builder) -> value | nil, message */
static int build_protected(lua_State *L)
{
    builder *build = lua_touserdata(L, 1);
    const char *text;
    uint64_t offset;

    lua_settop(L, EMPTY_ARRAY_MT);
    luaL_checkstack(L, STACK_BESIDE, "no room for a JSON value");
    if (build_value(build) == ACCS_JSON_END)
        return 1;
    if (accs_json_failure(build->reader, &text, &offset) == ACCS_ERROR_MEMORY)
        text = ACCS_LUA_NO_MEMORY;
    lua_pushnil(L);
    lua_pushstring(L, text);
    return 2;
}

/* Whatever raises on the way, the reader is freed: cheaper than a userdata that holds it. */
static int decode(lua_State *L, const char *bytes, size_t bytes_len, bool big_as_text,
                  unsigned *busy)
{
    const accs_json_limits limits = {.depth = ACCS_LUA_DEPTH_MAX};
    builder build;
    int top = lua_gettop(L);
    int status;

    if (bytes_len == 0) {
        lua_pushnil(L);
        lua_pushliteral(L, "empty");
        return 2;
    }
    luaL_checkstack(L, STACK_BESIDE, "no room for a JSON value");
    lua_pushcfunction(L, build_protected);
    lua_pushlightuserdata(L, &build);
    build.L = L;
    build.knows_arrays = false;
    build.big_as_text = big_as_text;
    build.depth = 0;
    build.reached = 0; /* levels and hints are set when reached: they are 8 kB */
    if (accs_json_reader_new(&limits, &build.reader) != ACCS_OK) {
        lua_settop(L, top);
        lua_pushnil(L);
        lua_pushliteral(L, ACCS_LUA_NO_MEMORY);
        return 2;
    }
    accs_json_feed(build.reader, bytes, bytes_len);
    accs_json_finish(build.reader);
    *busy += 1;
    status = lua_pcall(L, 1, LUA_MULTRET, 0);
    *busy -= 1;
    accs_json_reader_free(build.reader);
    return status == LUA_OK ? lua_gettop(L) - top : lua_error(L);
}

int accs_lua_decode(lua_State *L, const char *bytes, size_t bytes_len, unsigned *busy)
{
    return decode(L, bytes, bytes_len, false, busy);
}

/* Whether options ask for big integers as text. Raises on any other option. */
static bool check_options(lua_State *L, int index)
{
    bool big_as_text = false;

    if (lua_isnoneornil(L, index))
        return false;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

        if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "big_integers") != 0)
            luaL_argerror(L, index, "unknown option (the only one is big_integers)");
        big_as_text = strcmp(value, "text") == 0;
        if (!big_as_text && strcmp(value, "float") != 0)
            luaL_argerror(L, index, "big_integers is \"float\" or \"text\"");
        lua_pop(L, 1);
    }
    return big_as_text;
}

/* json_decode(text [, options]) -> value | nil, message */
static int json_decode(lua_State *L)
{
    size_t len;
    const char *text;
    bool big_as_text;
    unsigned busy = 0; /* the string on the stack is freed by nobody */

    luaL_checktype(L, 1, LUA_TSTRING); /* no number: converting it would hide a mistake */
    text = lua_tolstring(L, 1, &len);
    big_as_text = check_options(L, 2);
    return decode(L, text, len, big_as_text, &busy);
}

/* json_encode(value) -> text | nil, message */
static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    return accs_lua_encode(L, 1);
}

/*
 * json_arrays(cjson) -> metatable
 *
 * Learns from the table of lua-cjson what it marks arrays with, for this Lua
 * state, and returns the metatable that arrays carry from now on.
 */
static int json_arrays(lua_State *L)
{
    static const char *const names[][2] = {{"array_mt", ACCS_LUA_ARRAY_MT},
                                           {"empty_array_mt", ACCS_LUA_EMPTY_ARRAY_MT},
                                           {"empty_array", ACCS_LUA_EMPTY_ARRAY}};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_pushstring(L, names[i][0]);
        lua_rawget(L, 1);
        lua_setfield(L, LUA_REGISTRYINDEX, names[i][1]);
    }
    push_array_metatables(L);
    lua_settop(L, 2);
    return 1;
}

static int writer_free(lua_State *L)
{
    accs_lua_writer_box *box = luaL_checkudata(L, 1, ACCS_LUA_WRITER);
    accs_json_writer *writer = box->writer;

    box->writer = NULL;
    accs_json_writer_free(writer);
    return 0;
}

static void new_type(lua_State *L, const char *name, lua_CFunction collect)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

void accs_lua_value_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"json_decode", json_decode},
                                         {"json_encode", json_encode},
                                         {"json_arrays", json_arrays},
                                         {NULL, NULL}};

    new_type(L, ACCS_LUA_WRITER, writer_free);
    luaL_newmetatable(L, ACCS_LUA_ARRAY);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
    lua_pushlightuserdata(L, NULL); /* the same value as cjson.null */
    lua_setfield(L, -2, "null");
}
