#include "cache_store.h"

#include "ask.h"
#include "limits.h"

#include <stdlib.h>
#include <string.h>

static const char NO_MEMORY[] = "no memory left";

typedef struct host_store {
    accs_store store; /* first */
    accs_ask ask;
    uint64_t host;
    accs_hook_kind asked;                  /* with an open question */
    char lock_key[ACCS_STORE_KEY_MAX + 1]; /* of the lock that is had, or was asked for last */
    char owner[33];
    int64_t aside_until_ms;
} host_store;

/* Told, not asked: whoever gives a lock back has other things to do than to wait. Without memory
 * the lock ends by itself. */
static void give_back(host_store *kept)
{
    accs_hook what = {.kind = ACCS_HOOK_UNLOCK, .host = kept->host};

    memcpy(what.key, kept->lock_key, sizeof what.key);
    memcpy(what.owner, kept->owner, sizeof what.owner);
    accs_ask_send(kept->store.engine, &what);
}

/* The store is left alone for a while. A lock that may have been had all the same is given back. */
static accs_store_end fail(host_store *kept, const char *why)
{
    kept->aside_until_ms = accs_engine_now(kept->store.engine)->mono_ms + ACCS_LIMIT_STORE_PAUSE;
    if (kept->asked == ACCS_HOOK_LOCK)
        give_back(kept);
    return accs_store_fail(&kept->store, why);
}

static accs_store_end take_entry(host_store *kept, const accs_text *value)
{
    accs_error error = accs_buffer_append(&kept->store.bytes, value->bytes, value->len);

    return error == ACCS_ERROR_MEMORY ? accs_store_fail(&kept->store, NO_MEMORY) : ACCS_STORE_DONE;
}

static accs_store_end judge(host_store *kept, const accs_text *values, size_t value_count,
                            const char *problem)
{
    size_t most = kept->asked == ACCS_HOOK_LOAD || kept->asked == ACCS_HOOK_LOCK;

    if (problem != NULL)
        return fail(kept, problem);
    if (value_count > most)
        return fail(kept, "it gave more values than were asked for");
    if (value_count < most)
        return ACCS_STORE_NOTHING;
    if (kept->asked == ACCS_HOOK_LOAD)
        return take_entry(kept, values);
    if (kept->asked == ACCS_HOOK_LOCK)
        kept->store.locked = true;
    return ACCS_STORE_DONE;
}

static void settled(accs_ask *ask, const accs_text *values, size_t value_count, const char *problem)
{
    host_store *kept = (host_store *)(void *)((char *)ask - offsetof(host_store, ask));

    kept->store.answered(kept->store.context, judge(kept, values, value_count, problem));
}

static accs_store_end start(host_store *kept, accs_hook *what, const char *key)
{
    if (accs_engine_now(kept->store.engine)->mono_ms < kept->aside_until_ms)
        return ACCS_STORE_ASIDE;
    what->host = kept->host;
    memcpy(what->key, key, strlen(key) + 1);
    kept->asked = what->kind;
    if (accs_ask_start(&kept->ask, what, ACCS_LIMIT_STORE_TIMEOUT) != ACCS_OK)
        return accs_store_fail(&kept->store, NO_MEMORY);
    return ACCS_STORE_LATER;
}

static accs_store_end no_secret(accs_store *store, bool make, accs_secret *secret)
{
    (void)make;
    (void)secret;
    return accs_store_fail(store, "there is no key to seal with");
}

static accs_store_end load(accs_store *store, const char *key)
{
    accs_hook what = {.kind = ACCS_HOOK_LOAD};

    accs_buffer_clear(&store->bytes);
    return start((host_store *)(void *)store, &what, key);
}

static accs_store_end save(accs_store *store, const char *key, const accs_buffer *sealed,
                           int64_t ttl_ms)
{
    accs_hook what = {.kind = ACCS_HOOK_SAVE, .ttl_ms = ttl_ms};

    what.bytes = sealed->bytes;
    what.bytes_len = sealed->len;
    return start((host_store *)(void *)store, &what, key);
}

static accs_store_end forget(accs_store *store, const char *key)
{
    accs_hook what = {.kind = ACCS_HOOK_REMOVE};

    return start((host_store *)(void *)store, &what, key);
}

static accs_store_end take_lock(accs_store *store, const char *key)
{
    host_store *kept = (host_store *)(void *)store;
    accs_hook what = {.kind = ACCS_HOOK_LOCK, .ttl_ms = ACCS_LIMIT_LOCK_LIFE};

    if (accs_random_id(kept->owner) != ACCS_OK)
        return accs_store_fail(store, "no random numbers");
    memcpy(what.owner, kept->owner, sizeof what.owner);
    memcpy(kept->lock_key, key, strlen(key) + 1);
    return start(kept, &what, key);
}

static void unlock(accs_store *store, bool forked)
{
    if (store->locked && !forked)
        give_back((host_store *)(void *)store);
    store->locked = false;
}

static void stop(accs_store *store)
{
    host_store *kept = (host_store *)(void *)store;

    if (kept->ask.id != 0 && kept->asked == ACCS_HOOK_LOCK && accs_engine_usable(store->engine))
        give_back(kept);
    accs_ask_stop(&kept->ask);
}

static void leave(accs_store *store)
{
    accs_ask_cleanup(&((host_store *)(void *)store)->ask);
}

static void free_store(accs_store *store)
{
    accs_buffer_cleanup(&store->bytes);
    free(store);
}

accs_error accs_store_host(accs_engine *engine, uint64_t host, bool locks, accs_store **store)
{
    static const accs_store_kind kind = {
        .secret = no_secret,
        .load = load,
        .save = save,
        .remove = forget,
        .lock = take_lock,
        .unlock = unlock,
        .stop = stop,
        .leave = leave,
        .free = free_store,
    };
    host_store *made = calloc(1, sizeof *made);

    if (made == NULL)
        return ACCS_ERROR_MEMORY;
    made->ask.settled = settled;
    if (accs_ask_init(&made->ask, engine) != ACCS_OK) {
        free(made);
        return ACCS_ERROR_MEMORY;
    }
    made->store = (accs_store){.kind = &kind, .engine = engine, .locks = locks};
    accs_buffer_init(&made->store.bytes, ACCS_LIMIT_STORE_ENTRY_MAX);
    made->host = host;
    *store = &made->store;
    return ACCS_OK;
}
