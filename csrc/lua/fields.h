/* Tables of Lua as structs of the core: each field by its name, of its type, others refused. */
#ifndef ACCS_LUA_FIELDS_H
#define ACCS_LUA_FIELDS_H

#include "binding.h"

typedef enum accs_lua_field_kind {
    FIELD_END = 0,
    FIELD_TEXT,   /* const char * */
    FIELD_TIME,   /* int64_t, ms; seconds in Lua */
    FIELD_COUNT,  /* unsigned */
    FIELD_SIZE,   /* size_t */
    FIELD_SHARE,  /* double */
    FIELD_FLAG,   /* bool */
    FIELD_NUMBER, /* uint64_t, from 1 */
    FIELD_OWN,    /* from here on: whoever reads the table knows what it is */
} accs_lua_field_kind;

typedef struct accs_lua_field {
    const char *name;
    int kind; /* accs_lua_field_kind, or FIELD_OWN and a number */
    size_t offset;
} accs_lua_field;

/*
 * The entry of fields for the key below the top of the stack; raises for another. Neither this nor
 * the reading of a value makes objects, and lua_next() asks no metamethod: so no finalizer runs
 * that could change the table, which keeps alive what is borrowed from it, or close what the caller
 * has checked.
 */
const accs_lua_field *accs_lua_find_field(lua_State *L, const accs_lua_field *fields,
                                          const char *what);

/* Puts the value on top of the stack into the member of into. Text is borrowed. */
void accs_lua_read_field(lua_State *L, const accs_lua_field *found, void *into);

/* The string on top of the stack, without NUL bytes; borrowed from the table that holds it. */
const char *accs_lua_top_text(lua_State *L, const char *name);

#endif
