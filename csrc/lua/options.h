/* What a client, or credentials, are made of: accs_client_options from a table. */
#ifndef ACCS_LUA_OPTIONS_H
#define ACCS_LUA_OPTIONS_H

#include "fields.h"

enum { ACCS_LUA_SECRETS_MAX = 8 }; /* as the core takes them: ACCS_LIMIT_CLIENT_SECRETS */

typedef struct accs_lua_options {
    accs_client_options core; /* points into secrets: do not move it */
    accs_text secrets[ACCS_LUA_SECRETS_MAX];
} accs_lua_options;

/*
 * Reads the table at index; raises for a field that is not known, or of another type. All text, and
 * the credentials of the field auth, are borrowed from the table. Makes no objects, as
 * accs_lua_find_field() says.
 */
void accs_lua_read_options(lua_State *L, int index, const char *what, accs_lua_options *options);

#endif
