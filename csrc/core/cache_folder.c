#include "cache_store.h"

#include "file.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { KEY_BYTES = 32, NAME_SIZE = ACCS_STORE_KEY_MAX + 16, TRIES = 3 };

static const char KEY_FILE[] = "key";
static const char NO_MEMORY[] = "no memory left";

/*
 * The folder is opened for each operation: one that was removed and made again is the new one then,
 * and no descriptor keeps the old one alive.
 */
typedef struct folder_store {
    accs_store store; /* first */
    char *path;
    int lock; /* with locked */
} folder_store;

static accs_store_end ended(accs_store *store, accs_error error, const char *why)
{
    if (error == ACCS_OK)
        return ACCS_STORE_DONE;
    if (error == ACCS_ERROR_CONFIG || error == ACCS_ERROR_TIMEOUT)
        return ACCS_STORE_NOTHING;
    if (error == ACCS_ERROR_MEMORY)
        why = NO_MEMORY;
    return accs_store_fail(store, why != NULL ? why : accs_error_text(error));
}

static accs_store_end open_folder(const accs_store *store, accs_folder *folder)
{
    const folder_store *kept = (const folder_store *)(const void *)store;
    const char *why = NULL;
    accs_error error = accs_folder_open(kept->path, folder, &why);

    return ended((accs_store *)(uintptr_t)store, error, why);
}

/* ------------------------------------------------------------- key file */

/* DONE, NOTHING, or FAILED; damaged: what is there is no key, and no entry can be opened by it. */
static accs_store_end read_key(accs_store *store, const accs_folder *folder, accs_secret *secret,
                               bool *damaged)
{
    const char *why = NULL;
    accs_store_end end = ACCS_STORE_FAILED;
    accs_buffer bytes;
    accs_error error;

    accs_buffer_init(&bytes, KEY_BYTES);
    error = accs_file_read(folder, KEY_FILE, &bytes, &why);
    *damaged = error == ACCS_ERROR_TOO_LARGE || (error == ACCS_OK && bytes.len != KEY_BYTES);
    if (*damaged)
        accs_store_fail(store, "the key file is damaged");
    else if (error == ACCS_OK)
        end = ended(store, accs_secret_set(secret, bytes.bytes, bytes.len), NULL);
    else
        end = ended(store, error, why);
    accs_buffer_wipe(&bytes);
    return end;
}

/* NOTHING: another process has made one meanwhile. */
static accs_store_end make_key(accs_store *store, const accs_folder *folder, bool damaged)
{
    unsigned char bytes[KEY_BYTES];
    const char *why = NULL;
    accs_error error;

    if (getentropy(bytes, sizeof bytes) != 0)
        return accs_store_fail(store, "no random numbers");
    if (damaged)
        error = accs_file_replace(folder, KEY_FILE, bytes, sizeof bytes, &why);
    else
        error = accs_file_create(folder, KEY_FILE, bytes, sizeof bytes, &why);
    accs_wipe(bytes, sizeof bytes);
    return ended(store, error, why);
}

static accs_store_end get_secret(accs_store *store, bool make, accs_secret *secret)
{
    accs_folder folder = {.fd = -1};
    accs_store_end end = open_folder(store, &folder);
    bool damaged = false;

    if (end != ACCS_STORE_DONE)
        return end;
    for (int i = 0; i < TRIES; i++) { /* what was made is read: of two makers one was first */
        end = read_key(store, &folder, secret, &damaged);
        if (!make || (end != ACCS_STORE_NOTHING && !damaged))
            break;
        end = make_key(store, &folder, damaged);
        if (end == ACCS_STORE_FAILED)
            break;
        end = ACCS_STORE_NOTHING;
    }
    accs_folder_close(&folder);
    if (make && end == ACCS_STORE_NOTHING)
        return accs_store_fail(store, "the key file comes and goes");
    return end;
}

/* -------------------------------------------------------------- entries */

static accs_store_end load(accs_store *store, const char *key)
{
    accs_folder folder = {.fd = -1};
    accs_store_end end = open_folder(store, &folder);
    const char *why = NULL;
    char name[NAME_SIZE];
    accs_error error;

    if (end != ACCS_STORE_DONE)
        return end;
    snprintf(name, sizeof name, "%s.sealed", key);
    accs_buffer_clear(&store->bytes);
    error = accs_file_read(&folder, name, &store->bytes, &why);
    accs_folder_close(&folder);
    return ended(store, error, why);
}

static accs_store_end save(accs_store *store, const char *key, const accs_buffer *sealed,
                           int64_t ttl_ms)
{
    accs_folder folder = {.fd = -1};
    accs_store_end end = open_folder(store, &folder);
    const char *why = NULL;
    char name[NAME_SIZE];
    accs_error error;

    (void)ttl_ms; /* the time of the token stands in the entry */
    if (end != ACCS_STORE_DONE)
        return end;
    snprintf(name, sizeof name, "%s.sealed", key);
    error = accs_file_replace(&folder, name, sealed->bytes, sealed->len, &why);
    accs_folder_close(&folder);
    return ended(store, error, why);
}

static accs_store_end forget(accs_store *store, const char *key)
{
    accs_folder folder = {.fd = -1};
    accs_store_end end = open_folder(store, &folder);
    const char *why = NULL;
    char name[NAME_SIZE];
    accs_error error;

    if (end != ACCS_STORE_DONE)
        return end;
    snprintf(name, sizeof name, "%s.sealed", key);
    error = accs_file_remove(&folder, name, &why);
    accs_folder_close(&folder);
    return ended(store, error, why);
}

static accs_store_end take_lock(accs_store *store, const char *key)
{
    folder_store *kept = (folder_store *)(void *)store;
    accs_folder folder = {.fd = -1};
    accs_store_end end = open_folder(store, &folder);
    const char *why = NULL;
    char name[NAME_SIZE];
    accs_error error;

    if (end != ACCS_STORE_DONE)
        return end;
    snprintf(name, sizeof name, "%s.lock", key);
    error = accs_file_lock(&folder, name, &kept->lock, &why);
    accs_folder_close(&folder);
    store->locked = error == ACCS_OK;
    return ended(store, error, why);
}

static void unlock(accs_store *store, bool forked)
{
    const folder_store *kept = (const folder_store *)(const void *)store;

    if (!store->locked)
        return;
    store->locked = false;
    if (forked)
        accs_file_abandon(kept->lock);
    else
        accs_file_unlock(kept->lock);
}

/* ----------------------------------------------------------- life cycle */

static void nothing_to_do(accs_store *store)
{
    (void)store;
}

static void free_store(accs_store *store)
{
    folder_store *kept = (folder_store *)(void *)store;

    accs_buffer_cleanup(&store->bytes);
    free(kept->path);
    free(kept);
}

accs_error accs_store_folder(accs_engine *engine, const char *folder, accs_store **store)
{
    static const accs_store_kind kind = {
        .secret = get_secret,
        .load = load,
        .save = save,
        .remove = forget,
        .lock = take_lock,
        .unlock = unlock,
        .stop = nothing_to_do,
        .leave = nothing_to_do,
        .free = free_store,
    };
    folder_store *made = calloc(1, sizeof *made);
    char *path = made != NULL ? strdup(folder) : NULL;

    if (path == NULL) {
        free(made);
        return ACCS_ERROR_MEMORY;
    }
    made->store = (accs_store){.kind = &kind, .engine = engine, .locks = true};
    accs_buffer_init(&made->store.bytes, ACCS_LIMIT_STORE_ENTRY_MAX);
    made->path = path;
    *store = &made->store;
    return ACCS_OK;
}
