/* What the files of the binding share. The only code that knows Lua, and of the core only accs.h.
 */
#ifndef ACCS_BINDING_H
#define ACCS_BINDING_H

#include "../core/accs.h" /* LuaRocks knows only -I, and <limits.h> must stay the system's */

#include <lauxlib.h>
#include <lua.h>

#define ACCS_ENGINE_TYPE "accs.engine"
#define ACCS_CLIENT_TYPE "accs.core.client"
#define ACCS_AUTH_TYPE "accs.core.auth"
#define ACCS_REPLY_TYPE "accs.reply"
#define ACCS_TEXT_TYPE "accs.text"

/* Pushes nil and a table that describes the failure: 2. */
int accs_lua_push_failure(lua_State *L, const accs_failure *failure);

/* Pushes the failure's table alone. */
void accs_lua_push_failure_table(lua_State *L, const accs_failure *failure);

/* Pushes a table of what was observed. */
void accs_lua_push_event(lua_State *L, const accs_event *event);

/* Pushes a table of what a function of the host is asked for; reads hook before it makes anything.
 */
void accs_lua_push_hook(lua_State *L, const accs_hook *hook);

/* The method of engines that answers it: settle(id, problem | nil, values ...). */
int accs_lua_settle(lua_State *L);

/* Pushes a table of a client's numbers. */
void accs_lua_push_stats(lua_State *L, const accs_stats *stats);

/* Pushes an empty reply box, to be filled with accs_lua_fill_reply(), which cannot raise. */
void accs_lua_new_reply(lua_State *L);
void accs_lua_fill_reply(lua_State *L, int index, accs_reply *reply);

/* Pushes the first value of a header, in any case, or nil; also for no reply at all. */
void accs_lua_push_value(lua_State *L, const accs_reply *reply, const char *wanted,
                         size_t wanted_len);

/*
 * For text that the core makes and accs_auth_text_free() ends: pushes a box for it, empty, which
 * frees it should Lua raise. accs_lua_push_text() pushes what is in it by then, and empties it: 1.
 */
accs_text *accs_lua_new_text(lua_State *L);
int accs_lua_push_text(lua_State *L, accs_text *text);

/* The engine at index, open; raises otherwise. */
accs_engine *accs_lua_check_engine(lua_State *L, int index);

/* The credentials at index, open; raises otherwise. Makes no objects. */
accs_auth *accs_lua_check_auth(lua_State *L, int index);

/*
 * Reads a table { keys, issuer, audience, client, type, now, leeway } (now and leeway in seconds);
 * raises for another field, and where keys or now are missing. index: positive. Text is borrowed
 * from the table. Makes no objects.
 */
void accs_lua_read_jwt_check(lua_State *L, int index, accs_jwt_check *check);

/* Pushes the verdict's name and text: 2. */
int accs_lua_push_verdict(lua_State *L, accs_jwt_verdict verdict);

/* Pushes what accs_jwt_claims() gave into such a box, or nil and a message. Returns how many. */
int accs_lua_push_claims(lua_State *L, accs_error error, accs_text *claims);

/* Seconds as Lua numbers to milliseconds; negative and NaN count as 0, infinity as years. */
int64_t accs_lua_ms(lua_Number seconds);

/* Metatable with methods, __close and __gc: mostly the same idempotent function. */
void accs_lua_new_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close,
                       lua_CFunction gc);

/*
 * The box that a method is called on, as luaL_checkudata(L, 1, name) gives it. Only in the methods
 * of that type: they hold their metatable, which spares the look-up by name.
 */
void *accs_lua_self(lua_State *L, const char *name);

/* Each makes its type and sets its functions in the module table at the top. */
void accs_lua_engine_open(lua_State *L);
void accs_lua_client_open(lua_State *L);
void accs_lua_auth_open(lua_State *L);
void accs_lua_jwt_open(lua_State *L);
void accs_lua_reply_open(lua_State *L);
void accs_lua_policy_open(lua_State *L);
void accs_lua_loopback_open(lua_State *L);
void accs_lua_security_open(lua_State *L);

#endif
