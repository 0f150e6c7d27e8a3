#include "value.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STACK_PER_LEVEL = 4, /* the table, its key, all its keys, its value */
    STACK_BESIDE = 8,
    PATH_MAX_LEN = 200,
    PATH_KEY_MAX = 40,
};

static const char NO_MEMORY[] = ACCS_LUA_NO_MEMORY;
static const size_t DOCUMENT_MAX = (size_t)1 << 30; /* bytes; what the reader takes back */

/*
 * A member's name. The bytes stand behind the names, in the same userdata: a
 * finalizer may take the key out of the table while that is being written.
 */
typedef struct name {
    const char *bytes;
    size_t len;
} name;

/*
 * A table that is being written. Above an object stand the key being written and a userdata with
 * all its names.
 */
typedef struct level {
    int at; /* stack index */
    bool is_array;
    const name *names; /* of an object, sorted; in the userdata */
    lua_Integer index; /* of the element being written; for an object, how many were begun */
    lua_Integer count;
} level;

typedef struct encoder {
    lua_State *L;
    accs_json_writer *writer;
    const char *problem; /* text of ours; NULL: none so far */
    int depth;
    level levels[ACCS_LUA_DEPTH_MAX];
} encoder;

/* ------------------------------------------------------------------- path */

/* ".name" for what looks like a name, else ["..."]; never more than a line, never odd bytes. */
static int put_key(char *out, size_t out_size, const char *key, size_t key_len)
{
    char shown[PATH_KEY_MAX + 1];
    size_t len = key_len < PATH_KEY_MAX ? key_len : PATH_KEY_MAX;
    bool plain = key_len > 0 && key_len <= PATH_KEY_MAX && !(key[0] >= '0' && key[0] <= '9');

    for (size_t i = 0; i < len; i++) {
        char byte = key[i];
        bool is_word = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '_';

        plain = plain && is_word;
        shown[i] = byte >= 0x20 && byte < 0x7f ? byte : '?';
    }
    shown[len] = '\0';
    if (plain)
        return snprintf(out, out_size, ".%s", shown);
    return snprintf(out, out_size, "[\"%s%s\"]", shown, len < key_len ? "..." : "");
}

/* Pushes nil and "at <path>: <problem>". */
static int push_problem(const encoder *encode)
{
    lua_State *L = encode->L;
    char path[PATH_MAX_LEN + PATH_KEY_MAX + 16];
    size_t len = 0;

    path[0] = '\0';
    for (int i = 0; i < encode->depth; i++) {
        const level *here = &encode->levels[i];

        if (len > PATH_MAX_LEN) {
            len += (size_t)snprintf(path + len, sizeof path - len, "...");
            break;
        }
        if (here->is_array) {
            len +=
                (size_t)snprintf(path + len, sizeof path - len, "[%lld]", (long long)here->index);
        } else {
            size_t key_len;
            const char *key = lua_tolstring(L, here->at + 1, &key_len);

            len += (size_t)put_key(path + len, sizeof path - len, key, key_len);
        }
    }
    lua_pushnil(L);
    if (encode->problem == NO_MEMORY) /* the place has no part in it */
        lua_pushstring(L, NO_MEMORY);
    else if (len == 0)
        lua_pushfstring(L, "at the top: %s", encode->problem);
    else
        lua_pushfstring(L, "at %s: %s", path[0] == '.' ? path + 1 : path, encode->problem);
    return 2;
}

/* ----------------------------------------------------------------- shapes */

/*
 * What the keys of the table at the index say when it is no object: all of
 * 1..n, none missing. Sets *count.
 */
static const char *check_sequence(lua_State *L, int at, lua_Integer *count)
{
    lua_Integer largest = 0;

    *count = 0;
    for (lua_pushnil(L); lua_next(L, at) != 0; lua_pop(L, 1)) {
        lua_Integer key;

        if (!lua_isinteger(L, -2))
            return lua_type(L, -2) == LUA_TSTRING ? "a list that has text keys too"
                                                  : "a list with a key that is no whole number";
        key = lua_tointeger(L, -2);
        if (key < 1)
            return "a list with a key below 1";
        if (key > largest)
            largest = key;
        ++*count;
    }
    return *count == largest ? NULL : "a list with holes (JSON objects need text keys)";
}

/* What marks the table as array: 'a' always, 'e' when it is empty, else 0. */
static char mark_of(lua_State *L, int at)
{
    static const struct {
        const char *name;
        char mark;
    } marks[] = {{ACCS_LUA_ARRAY, 'a'}, {ACCS_LUA_ARRAY_MT, 'a'}, {ACCS_LUA_EMPTY_ARRAY_MT, 'e'}};
    char mark = 0;

    if (!lua_getmetatable(L, at))
        return 0;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0] && mark == 0; i++) {
        lua_getfield(L, LUA_REGISTRYINDEX, marks[i].name);
        if (lua_rawequal(L, -1, -2))
            mark = marks[i].mark;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return mark;
}

/* Whether the table on top of the stack is an array or an object. A text: neither. */
static const char *look(lua_State *L, level *table)
{
    const char *problem = NULL;
    char mark = mark_of(L, table->at);

    lua_pushnil(L);
    if (lua_next(L, table->at) == 0) { /* empty */
        table->is_array = mark != 0;
        return NULL;
    }
    table->is_array = mark == 'a' || lua_type(L, -2) != LUA_TSTRING;
    lua_pop(L, 2);
    if (table->is_array)
        problem = check_sequence(L, table->at, &table->count);
    return problem;
}

/* ---------------------------------------------------------------- writing */

/* Keeps a writer's error as problem. */
static void check_written(encoder *encode, accs_error error)
{
    if (error == ACCS_ERROR_PARSE)
        encode->problem = "text that is not UTF-8";
    else if (error == ACCS_ERROR_TOO_LARGE)
        encode->problem = "more than 1 GB of JSON";
    else if (error == ACCS_ERROR_MEMORY)
        encode->problem = NO_MEMORY;
    else if (error != ACCS_OK)
        encode->problem = accs_error_text(error);
}

static int compare_names(const void *left, const void *right)
{
    const name *a = left;
    const name *b = right;
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/*
 * Puts the key's place and the sorted names of the object on top of the stack above it. A text:
 * it has a key that is no name. Sorted, since Lua's own order changes from run to run: equal
 * values make equal texts.
 */
static const char *push_names(lua_State *L, level *object)
{
    name *names;
    char *bytes;
    size_t count = 0;
    size_t room = 0; /* for all the bytes */
    size_t filled = 0;

    for (lua_pushnil(L); lua_next(L, object->at) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return lua_type(L, -2) == LUA_TNUMBER
                       ? "an object with a number as key (JSON keys are text)"
                       : "an object with a key that is not text";
        room += lua_rawlen(L, -2);
        count++;
    }
    lua_pushnil(L);
    names = lua_newuserdatauv(L, count * sizeof *names + room, 0);
    bytes = (char *)(names + count);
    for (lua_pushnil(L); lua_next(L, object->at) != 0; lua_pop(L, 1)) {
        const char *key;
        size_t len;

        if (lua_type(L, -2) != LUA_TSTRING || filled == count || lua_rawlen(L, -2) > room) {
            lua_pop(L, 2);
            return "a table that a finalizer changes meanwhile";
        }
        key = lua_tolstring(L, -2, &len);
        names[filled++] = (name){bytes, len};
        memcpy(bytes, key, len);
        bytes += len;
        room -= len;
    }
    object->names = names;
    object->count = (lua_Integer)filled;
    qsort(names, filled, sizeof *names, compare_names);
    return NULL;
}

/* Begins the table on top of the stack, which stays there until its end. */
static void open_table(encoder *encode)
{
    lua_State *L = encode->L;
    level opened = {.at = lua_gettop(L)};
    const char *problem;

    for (int i = 0; i < encode->depth; i++) {
        if (lua_rawequal(L, encode->levels[i].at, opened.at)) {
            encode->problem = "a table that contains itself";
            return;
        }
    }
    if (encode->depth == ACCS_LUA_DEPTH_MAX) {
        encode->problem = "tables nested too deep";
        return;
    }
    luaL_checkstack(L, STACK_PER_LEVEL + STACK_BESIDE, "tables nested too deep");
    problem = look(L, &opened);
    if (problem == NULL && !opened.is_array)
        problem = push_names(L, &opened);
    if (problem != NULL) {
        encode->problem = problem;
        return;
    }
    encode->levels[encode->depth++] = opened;
    check_written(encode, opened.is_array ? accs_json_write_array(encode->writer)
                                          : accs_json_write_object(encode->writer));
}

static void write_number(encoder *encode)
{
    lua_State *L = encode->L;
    lua_Number number = lua_tonumber(L, -1);

    if (lua_isinteger(L, -1))
        check_written(encode, accs_json_write_integer(encode->writer, lua_tointeger(L, -1)));
    else if (isnan(number))
        encode->problem = "not a number (NaN), which JSON has no form for";
    else if (isinf(number))
        encode->problem = "an infinite number, which JSON has no form for";
    else
        check_written(encode, accs_json_write_float(encode->writer, (double)number));
}

static void write_pointer(encoder *encode)
{
    lua_State *L = encode->L;

    if (lua_touserdata(L, -1) == NULL) {
        check_written(encode, accs_json_write_null(encode->writer));
        return;
    }
    lua_getfield(L, LUA_REGISTRYINDEX, ACCS_LUA_EMPTY_ARRAY);
    if (lua_rawequal(L, -1, -2)) {
        check_written(encode, accs_json_write_array(encode->writer));
        check_written(encode, accs_json_write_array_end(encode->writer));
    } else {
        encode->problem = "a light userdata, which JSON has no form for";
    }
    lua_pop(L, 1);
}

/* Writes the value on top of the stack and takes it off; a table stays until its end. */
static void write_value(encoder *encode)
{
    lua_State *L = encode->L;
    const char *text;
    size_t text_len;

    switch (lua_type(L, -1)) {
    case LUA_TTABLE:
        open_table(encode);
        return;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &text_len);
        check_written(encode, accs_json_write_string(encode->writer, text, text_len));
        break;
    case LUA_TNUMBER:
        write_number(encode);
        break;
    case LUA_TBOOLEAN:
        check_written(encode, accs_json_write_bool(encode->writer, lua_toboolean(L, -1)));
        break;
    case LUA_TLIGHTUSERDATA:
        write_pointer(encode);
        break;
    case LUA_TNIL:
        encode->problem = "nil, which JSON has no form for (null is accs.null)";
        break;
    case LUA_TFUNCTION:
        encode->problem = "a function, which JSON has no form for";
        break;
    default:
        encode->problem = "a userdata or thread, which JSON has no form for";
        break;
    }
    if (encode->problem == NULL)
        lua_pop(L, 1);
}

/* Ends the innermost table and takes it off, with what stood above it. */
static void close_table(encoder *encode)
{
    level *closed = &encode->levels[--encode->depth];

    check_written(encode, closed->is_array ? accs_json_write_array_end(encode->writer)
                                           : accs_json_write_object_end(encode->writer));
    lua_settop(encode->L, closed->at - 1);
}

/* Writes the next element of the innermost array. */
static void step_array(encoder *encode, level *array)
{
    if (array->index == array->count) {
        close_table(encode);
        return;
    }
    lua_rawgeti(encode->L, array->at, ++array->index);
    write_value(encode);
}

/* Writes the next member of the innermost object. */
static void step_object(encoder *encode, level *object)
{
    lua_State *L = encode->L;
    const name *next;

    if (object->index == object->count) {
        close_table(encode);
        return;
    }
    next = &object->names[object->index++];
    lua_pushlstring(L, next->bytes, next->len);
    lua_copy(L, -1, object->at + 1);
    lua_rawget(L, object->at);
    check_written(encode, accs_json_write_key(encode->writer, next->bytes, next->len));
    if (encode->problem == NULL)
        write_value(encode);
}

int accs_lua_encode(lua_State *L, int index)
{
    encoder encode;
    accs_lua_writer_box *box;
    int top = lua_gettop(L);
    int results = 1;

    index = lua_absindex(L, index);
    luaL_checkstack(L, STACK_PER_LEVEL + STACK_BESIDE, "no room for a JSON text");
    encode.L = L;
    encode.problem = NULL;
    encode.depth = 0;
    box = lua_newuserdatauv(L, sizeof *box, 0);
    box->writer = NULL;
    luaL_setmetatable(L, ACCS_LUA_WRITER); /* from here on the box frees, whatever raises */
    check_written(&encode, accs_json_writer_new(DOCUMENT_MAX, &box->writer));
    encode.writer = box->writer;
    lua_pushvalue(L, index);
    if (encode.problem == NULL)
        write_value(&encode);
    while (encode.problem == NULL && encode.depth > 0) {
        level *open = &encode.levels[encode.depth - 1];

        if (open->is_array)
            step_array(&encode, open);
        else
            step_object(&encode, open);
    }
    if (encode.problem == NULL) {
        const char *bytes;
        size_t bytes_len;

        accs_json_writer_bytes(encode.writer, &bytes, &bytes_len);
        lua_pushlstring(L, bytes, bytes_len);
    } else {
        results = push_problem(&encode);
    }
    accs_json_writer_free(box->writer);
    box->writer = NULL;
    lua_rotate(L, top + 1, results); /* below whatever the walk left */
    lua_settop(L, top + results);
    return results;
}
