/*
 * What module.c of the sandbox joins to `accs.sandbox.native`.
 *
 * Each part opens as one function that pushes a table of functions. The parts know Lua and one
 * library each (libmicrohttpd, OpenSSL, SQLite), nothing of one another and nothing of csrc/core.
 */
#ifndef ACCS_SANDBOX_NATIVE_H
#define ACCS_SANDBOX_NATIVE_H

#include <lua.h>

/* Pushes the table of SQLite functions (database.c): { open = function }. */
int accs_sandbox_database_open(lua_State *L);

/* Pushes the table of the HTTP server (httpd.c): { listen = function }. */
int accs_sandbox_http_open(lua_State *L);

/* Pushes the table of RSA, random bytes and base64url (crypto.c). */
int accs_sandbox_crypto_open(lua_State *L);

/* Pushes the table of the JSON splitter (json_split.c): { split = function }. */
int accs_sandbox_json_open(lua_State *L);

/* Pushes the table of child processes, terminals and the wall clock (process.c). */
int accs_sandbox_process_open(lua_State *L);

#endif
