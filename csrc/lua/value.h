/*
 * Lua values and JSON, both ways. value.c reads and opens, value_encode.c writes.
 */
#ifndef ACCS_LUA_VALUE_H
#define ACCS_LUA_VALUE_H

#include "../core/accs.h" /* LuaRocks knows only -I, and <limits.h> must stay the system's */
#include <lua.h>

/* Nested arrays and objects, in both directions; each takes two places on the Lua stack. */
enum { ACCS_LUA_DEPTH_MAX = 512 };

/* Metatable of arrays where lua-cjson has none, and registry fields for what lua-cjson has. */
#define ACCS_LUA_ARRAY "accs.json.array"
#define ACCS_LUA_ARRAY_MT "accs.json.array_mt"
#define ACCS_LUA_EMPTY_ARRAY_MT "accs.json.empty_array_mt"
#define ACCS_LUA_EMPTY_ARRAY "accs.json.empty_array"
#define ACCS_LUA_WRITER "accs.json.writer"

/* The message where the core has no memory left; as Lua's own. */
#define ACCS_LUA_NO_MEMORY "not enough memory"

/* What ACCS_LUA_WRITER is the metatable of. */
typedef struct accs_lua_writer_box {
    accs_json_writer *writer; /* owned; NULL when not open yet, or freed */
} accs_lua_writer_box;

/*
 * Pushes the value of a JSON text, or nil and a message of one line without
 * any of the text. No text at all: nil, "empty"; the core's memory ran out: nil,
 * ACCS_LUA_NO_MEMORY. null becomes lightuserdata
 * NULL, an integer beyond 64 bit a float; of equal keys the last one counts.
 *
 * bytes  borrowed for the call; the caller keeps what owns them on the stack
 * busy   counted up while the bytes are in use: a finalizer that runs
 *        meanwhile must not free them
 *
 * Returns the number of values pushed: 1 or 2. Raises when Lua's memory runs out.
 */
int accs_lua_decode(lua_State *L, const char *bytes, size_t bytes_len, unsigned *busy);

/*
 * Pushes the JSON text of the value at index, or nil and a message of one line
 * that begins with the place ("at items[3].price: ..."), or ACCS_LUA_NO_MEMORY.
 *
 * Returns the number of values pushed: 1 or 2. Raises when Lua's memory runs out.
 */
int accs_lua_encode(lua_State *L, int index);

/* Sets json_decode, json_encode, json_arrays and null in the table on top of the stack. */
void accs_lua_value_open(lua_State *L);

#endif
