/*
 * Where sealed entries are kept, with one lock: a folder, or a store of the host. Each function
 * tries once and ends at once, or later.
 */
#ifndef ACCS_CACHE_STORE_H
#define ACCS_CACHE_STORE_H

#include "buffer.h"
#include "cache.h"
#include "engine.h"
#include "secret.h"

typedef enum accs_store_end {
    ACCS_STORE_LATER = 0, /* answered() will be called */
    ACCS_STORE_DONE,
    ACCS_STORE_NOTHING, /* load, secret: nothing is kept; lock: another has it */
    ACCS_STORE_FAILED,  /* why says it */
    ACCS_STORE_ASIDE,   /* not tried: it failed a short while ago */
} accs_store_end;

typedef struct accs_store accs_store;

typedef struct accs_store_kind {
    /* The random bytes that sealing keys are made from; with make there are some afterwards. Never
     * LATER. */
    accs_store_end (*secret)(accs_store *store, bool make, accs_secret *secret);
    accs_store_end (*load)(accs_store *store, const char *key); /* into bytes */
    accs_store_end (*save)(accs_store *store, const char *key, const accs_buffer *sealed,
                           int64_t ttl_ms);
    accs_store_end (*remove)(accs_store *store, const char *key);
    accs_store_end (*lock)(accs_store *store, const char *key);
    /* Gives the lock back when it is had; in a forked child only closes the copy. */
    void (*unlock)(accs_store *store, bool forked);
    /* answered() will not be called. */
    void (*stop)(accs_store *store);
    /* Gives back what it has of the engine, which may end; later it is only freed. */
    void (*leave)(accs_store *store);
    void (*free)(accs_store *store);
} accs_store_kind;

struct accs_store {
    const accs_store_kind *kind;
    accs_engine *engine;
    void *context;
    void (*answered)(void *context, accs_store_end end); /* not from within a function above */
    accs_buffer bytes;                                   /* what load found, sealed */
    char why[ACCS_STORE_WHY_MAX];
    bool locks;  /* there is a lock to be had */
    bool locked; /* it is had */
};

/* Errors: ACCS_ERROR_MEMORY. folder: copied. */
accs_error accs_store_folder(accs_engine *engine, const char *folder, accs_store **store);
/* host: its number; locks: whether it knows LOCK. */
accs_error accs_store_host(accs_engine *engine, uint64_t host, bool locks, accs_store **store);

/* Sets why, cut to size, and returns FAILED. */
accs_store_end accs_store_fail(accs_store *store, const char *why);

#endif
