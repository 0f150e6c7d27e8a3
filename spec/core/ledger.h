/*
 * A ledger of all memory: every block that the core and its binding, Lua, libcurl and OpenSSL
 * allocated, what stood in it when it was freed, and who asked for it; and of all that crossed
 * the wire, so that it is known what to look for.
 *
 * The core's blocks are caught by the linker's --wrap, those of the others by the functions that
 * each of them lets a program set.
 */
#ifndef ACCS_LEDGER_H
#define ACCS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum ledger_owner {
    LEDGER_CORE = 0, /* the binding's malloc() too */
    LEDGER_LUA,
    LEDGER_CURL,
    LEDGER_OPENSSL,
    LEDGER_OWNERS,
} ledger_owner;

/* Before anything else is called; ends the program when it cannot. */
void ledger_begin(void);

/* From now on nothing is recorded. */
void ledger_end(void);

/* lua_Alloc */
void *ledger_lua(void *context, void *block, size_t old_size, size_t new_size);

/* All bytes that came, or went, over plain connections and in the clear of TLS. */
const char *ledger_received(size_t *len);
const char *ledger_sent(size_t *len);

/* A block in which something stood; borrowed. */
typedef struct ledger_find {
    ledger_owner owner;
    bool freed;
    size_t size;
    void *const *trace; /* return addresses of who allocated it, the innermost first */
    int trace_count;
} ledger_find;

/* Calls found for each block that holds these bytes. */
void ledger_search(const char *bytes, size_t len, void (*found)(void *context, const ledger_find *),
                   void *context);

/* "core", "lua", "libcurl", "openssl" */
const char *ledger_owner_name(ledger_owner owner);

/* How many blocks were recorded. */
size_t ledger_count(void);

#endif
