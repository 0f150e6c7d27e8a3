/*
 * The token cache of one identity: a sealed entry in a folder or in a store of the host, and its
 * lock. One operation at a time; whatever goes wrong costs an event, never a call.
 */
#ifndef ACCS_CACHE_H
#define ACCS_CACHE_H

#include "engine.h"
#include "token_record.h"

/* Bytes of a store's reason: what the host says is that long at most. */
enum { ACCS_STORE_WHY_MAX = 1024 };

typedef struct accs_cache accs_cache;

/* How an operation ended. */
typedef enum accs_cache_end {
    ACCS_CACHE_FOUND = 0, /* load, lock: record is what is kept; with lock: it serves */
    ACCS_CACHE_MISSED,    /* load: nothing is kept, or nothing that can be opened */
    ACCS_CACHE_LOCKED,    /* lock: had; record is what is kept now, NULL for nothing */
    ACCS_CACHE_BUSY,      /* lock: another had it for all of lock_timeout */
    ACCS_CACHE_NO_LOCK,   /* lock: there is none to be had: no folder, a store that is down */
    ACCS_CACHE_SAVED,
    ACCS_CACHE_NOT_SAVED,
    ACCS_CACHE_REMOVED, /* as far as that was possible */
} accs_cache_end;

/* Who uses it. The functions are called from accs_engine_step(), never from inside a function
 * below; done may start the next operation, or free the cache, the others leave it alone. */
typedef struct accs_cache_user {
    void *context;
    /* Whether what is kept serves, so that no lock is needed. */
    bool (*serves)(void *context, const accs_token_record *record);
    /* The operation is over. record is borrowed until it returns. */
    void (*done)(void *context, accs_cache_end end, const accs_token_record *record);
    /* For an event: what could not be done, and why, in the store's words, which may hold anything.
     * Once for each spell of trouble. */
    void (*trouble)(void *context, const char *text, const char *reason, int64_t elapsed_us);
} accs_cache_user;

typedef struct accs_cache_options {
    const char *folder; /* or */
    uint64_t host;      /* the number of a store of the host; it knows LOCK where */
    bool host_locks;
    int64_t lock_timeout_ms;
    bool relief; /* for what may be asked for twice: once the lock was waited for in vain, one of
                    those that did gets another, and the others what it saves, for another second */
    const char *entry; /* what the key of the entry begins with; the id of the sealing key follows.
                          At most ACCS_STORE_KEY_MAX - 17 bytes */
} accs_cache_options;

/* options: copied. ACCS_ERROR_MEMORY. */
accs_error accs_cache_new(accs_engine *engine, const accs_cache_options *options,
                          const accs_cache_user *user, accs_cache **cache);

/* Also while an operation is under way, whose end is not told then. Gives back a lock that it has,
 * but in a forked child only closes its copy. NULL is fine. */
void accs_cache_free(accs_cache *cache);

/*
 * What sealing keys are made from, before the first operation: the first seals, each opens. An
 * entry that was opened by a later one is saved under the first and removed from its old place.
 * None: random bytes in the folder (file "key"), made on first use. ACCS_ERROR_MEMORY.
 */
accs_error accs_cache_set_secrets(accs_cache *cache, const accs_secret *secrets,
                                  size_t secret_count);

/* Reads what is kept: FOUND or MISSED. */
void accs_cache_load(accs_cache *cache);

/*
 * Looks at what is kept, then for the lock, again and again: FOUND as soon as what is kept serves,
 * LOCKED, BUSY or NO_LOCK. After the lock is had it looks once more. A store without LOCK is
 * LOCKED at once.
 */
void accs_cache_lock(accs_cache *cache);
/* Nothing happens when it is not had. Told to nobody. */
void accs_cache_unlock(accs_cache *cache);

/* Replaces what is kept: SAVED or NOT_SAVED. record is borrowed for the call. ttl_ms: for stores
 * of the host; 0: without end. */
void accs_cache_save(accs_cache *cache, const accs_token_record *record, int64_t ttl_ms);

/* Forgets it, under every key: REMOVED. */
void accs_cache_remove(accs_cache *cache);

/* Ends the operation under way, if any, without telling. */
void accs_cache_stop(accs_cache *cache);

#endif
