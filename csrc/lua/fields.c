#include "fields.h"

#include <string.h>

const char *accs_lua_top_text(lua_State *L, const char *name)
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

void accs_lua_read_field(lua_State *L, const accs_lua_field *found, void *into)
{
    void *member = (char *)into + found->offset;

    switch (found->kind) {
    case FIELD_TEXT:
        *(const char **)member = accs_lua_top_text(L, found->name);
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
    case FIELD_NUMBER:
        *(uint64_t *)member = (uint64_t)as_size(top_number(L, found->name));
        break;
    default:
        *(bool *)member = lua_toboolean(L, -1);
    }
}

const accs_lua_field *accs_lua_find_field(lua_State *L, const accs_lua_field *fields,
                                          const char *what)
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
