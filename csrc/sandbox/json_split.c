/*
 * One level of a JSON text, as slices.
 *
 * Lua: json.split(text [, wanted]) -> "object", keys, values | "array", values | "scalar"
 *
 * keys are the raw text between the quotes (the names that the sandbox makes need no escapes),
 * values the text of each value. With a table `wanted` only the members whose key is a field of it
 * are returned. The text must be valid JSON, such as SQLite's functions make; of anything else the
 * slices are meaningless, but never reach beyond the text.
 */
#include "native.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

typedef struct {
    const char *at;
    const char *end;
} cursor;

static void skip_space(cursor *text)
{
    while (text->at < text->end && memchr(" \t\r\n", *text->at, 4) != NULL)
        text->at++;
}

/* From an opening quote to behind the closing one. */
static void skip_string(cursor *text)
{
    for (text->at++; text->at < text->end; text->at++) {
        if (*text->at == '"') {
            text->at++;
            return;
        }
        if (*text->at == '\\' && text->at + 1 < text->end)
            text->at++;
    }
}

/* From the first character of a value to behind its last. */
static void skip_value(cursor *text)
{
    size_t depth = 0;

    while (text->at < text->end) {
        char c = *text->at;

        if (c == '"') {
            skip_string(text);
        } else if (c == '{' || c == '[') {
            depth++;
            text->at++;
        } else if (depth > 0) {
            if (c == '}' || c == ']')
                depth--;
            text->at++;
        } else {
            while (text->at < text->end && memchr(",]} \t\r\n", *text->at, 7) == NULL)
                text->at++;
            return;
        }
        if (depth == 0)
            return;
    }
}

static void push_slice(lua_State *L, const char *from, const char *to)
{
    lua_pushlstring(L, from, to > from ? (size_t)(to - from) : 0);
}

/* Whether the key on top of the stack is a field of the table at wanted (0: every key is). */
static bool is_wanted(lua_State *L, int wanted)
{
    bool found = true;

    if (wanted != 0) {
        lua_pushvalue(L, -1);
        found = lua_rawget(L, wanted) != LUA_TNIL;
        lua_pop(L, 1);
    }
    return found;
}

/* Appends the members behind an opening bracket to the list at values and, for an object, keys. */
static void split_members(lua_State *L, cursor *text, int keys, int values, int wanted)
{
    lua_Integer count = 0;

    while (text->at < text->end) {
        const char *from;
        bool keep = true;

        skip_space(text);
        if (text->at < text->end && *text->at == ',') {
            text->at++;
            skip_space(text);
        }
        if (text->at >= text->end || *text->at == '}' || *text->at == ']')
            return;
        if (keys != 0) {
            from = text->at;
            skip_string(text);
            push_slice(L, from + 1, text->at - 1);
            keep = is_wanted(L, wanted);
            skip_space(text);
            if (text->at < text->end)
                text->at++; /* the colon */
            skip_space(text);
        }
        from = text->at;
        skip_value(text);
        if (text->at == from)
            return; /* not JSON */
        if (keep) {
            count++;
            push_slice(L, from, text->at);
            lua_rawseti(L, values, count);
            if (keys != 0)
                lua_rawseti(L, keys, count);
        } else {
            lua_pop(L, 1);
        }
    }
}

static int json_split(lua_State *L)
{
    size_t text_len;
    const char *bytes = luaL_checklstring(L, 1, &text_len);
    int wanted = lua_istable(L, 2) ? 2 : 0;
    cursor text = {bytes, bytes + text_len};

    lua_settop(L, 2);
    skip_space(&text);
    if (text.at == text.end || (*text.at != '{' && *text.at != '[')) {
        lua_pushliteral(L, "scalar");
        return 1;
    }
    if (*text.at == '{') {
        lua_pushliteral(L, "object");
        lua_newtable(L);
        lua_newtable(L);
        text.at++;
        split_members(L, &text, 4, 5, wanted);
        return 3;
    }
    lua_pushliteral(L, "array");
    lua_newtable(L);
    text.at++;
    split_members(L, &text, 0, 4, 0);
    return 2;
}

int accs_sandbox_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"split", json_split}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
