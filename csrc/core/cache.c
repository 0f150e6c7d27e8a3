#include "cache.h"

#include "cache_places.h"
#include "cache_store.h"
#include "event.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPREAD_MS = 500, /* who waited in vain for the same lock do not all give up at once */
    RELIEF_MS = 1000 /* how long the others wait for the one that goes on without it */
};

static const char RELIEF[] = "-relief";

static const char NO_MEMORY[] = "no memory left";

typedef enum cache_work { IDLE = 0, LOAD, LOCK, SAVE, REMOVE } cache_work;

/* Of an operation: each is one function of the store for one key. */
typedef enum cache_stage { OPENING = 0, LOOKING, LOCKING, SAVING, REMOVING } cache_stage;

/* What can go wrong, as events call it. */
typedef enum cache_trouble {
    NONE = 0,
    NOT_READ,
    NOT_LOCKED,
    NOT_WRITTEN,
    NOT_REMOVED
} cache_trouble;

struct accs_cache {
    accs_member member;  /* first */
    accs_engine *engine; /* NULL: gone */
    accs_cache_user user;
    accs_store *store;
    char entry[ACCS_STORE_KEY_MAX + 1];
    char relief[ACCS_STORE_KEY_MAX + 1]; /* the lock of those that waited in vain; "": none */
    int64_t lock_timeout_ms;
    bool given; /* the secrets; else the store has one */
    accs_cache_places places;

    cache_work work;
    cache_stage stage;
    size_t place;          /* of the stage */
    accs_store_end answer; /* came from outside, to be taken when the timer fires */
    accs_timer timer;
    int64_t started_us;
    int64_t asked_us;   /* the step's begin */
    int64_t give_up_ms; /* LOCK */
    bool relieving;     /* LOCK: it is about the relief */
    accs_buffer sealed; /* SAVE */
    int64_t ttl_ms;
    bool found; /* record holds what is kept */
    accs_token_record record;
    bool look_failed; /* something could not be read in this look */
    bool store_down;  /* nothing could */
    cache_trouble spell;
};

/* --------------------------------------------------------------- trouble */

accs_store_end accs_store_fail(accs_store *store, const char *why)
{
    accs_event_words(store->why, sizeof store->why, why);
    return ACCS_STORE_FAILED;
}

/* Told once, until what was told works again: whatever else fails meanwhile has the same cause. */
static void complain(accs_cache *cache, cache_trouble trouble, const char *why)
{
    static const char *const texts[] = {"", "not read", "not locked", "not written", "not removed"};

    if (cache->spell != NONE)
        return;
    cache->spell = trouble;
    cache->user.trouble(cache->user.context, texts[trouble], why,
                        accs_engine_refresh(cache->engine)->mono_us - cache->asked_us);
}

static void works_again(accs_cache *cache, cache_trouble trouble)
{
    if (cache->spell == trouble)
        cache->spell = NONE;
}

/* Without secrets from outside the store's own is asked for, each time: a folder may be another. */
static accs_store_end open_places(accs_cache *cache, bool make)
{
    accs_secret secret = {0};
    accs_store_end end;

    if (cache->given)
        return ACCS_STORE_DONE;
    end = cache->store->kind->secret(cache->store, make, &secret);
    if (end == ACCS_STORE_DONE &&
        accs_cache_places_set(&cache->places, cache->entry, &secret, 1) != ACCS_OK)
        end = accs_store_fail(cache->store, NO_MEMORY);
    accs_secret_cleanup(&secret);
    return end;
}

/* ------------------------------------------------------------ operations */

static void forget_record(accs_cache *cache)
{
    accs_token_record_cleanup(&cache->record);
    cache->found = false;
}

/* Tells the user, who may start the next operation or free the cache: nothing of it is touched
 * afterwards. Returns false: no step follows. */
static bool finish(accs_cache *cache, accs_cache_end end)
{
    accs_cache_user user = cache->user;
    accs_token_record record = cache->record;
    bool found = cache->found;

    cache->record = (accs_token_record){.life_ms = 0};
    cache->found = false;
    cache->work = IDLE;
    accs_buffer_cleanup(&cache->sealed);
    user.done(user.context, end, found ? &record : NULL);
    accs_token_record_cleanup(&record);
    return false;
}

static bool enter(accs_cache *cache, cache_stage stage, size_t place)
{
    cache->stage = stage;
    cache->place = place;
    return true;
}

static bool look(accs_cache *cache)
{
    forget_record(cache);
    cache->look_failed = false;
    cache->store_down = false;
    return enter(cache, LOOKING, 0);
}

static bool serves(const accs_cache *cache)
{
    return cache->found && cache->user.serves(cache->user.context, &cache->record);
}

static void unlock(accs_cache *cache)
{
    cache->store->kind->unlock(cache->store, !accs_engine_usable(cache->engine));
}

static bool wait_for_lock(accs_cache *cache)
{
    int64_t now_ms = accs_engine_refresh(cache->engine)->mono_ms;
    int64_t next_ms =
        now_ms + ACCS_LIMIT_LOCK_POLL + accs_random_32() % (uint32_t)(ACCS_LIMIT_LOCK_POLL + 1);

    if (now_ms >= cache->give_up_ms) {
        cache->asked_us = cache->started_us;
        complain(cache, NOT_LOCKED, "another process has the lock for too long");
        if (cache->relieving || cache->relief[0] == '\0')
            return finish(cache, ACCS_CACHE_BUSY);
        cache->relieving = true;
        cache->give_up_ms = now_ms + RELIEF_MS;
        return enter(cache, LOCKING, 0);
    }
    look(cache);
    accs_timers_set(accs_engine_timers(cache->engine), &cache->timer,
                    next_ms < cache->give_up_ms ? next_ms : cache->give_up_ms);
    return false;
}

/* The entry of the present place. Of several the newest is what is kept. */
static void take_entry(accs_cache *cache)
{
    accs_cache_place *place = &cache->places.list[cache->place];
    accs_token_record record = {.life_ms = 0};
    accs_error error = accs_cache_place_open(place, &cache->store->bytes, &record);

    if (error != ACCS_OK) {
        cache->look_failed = true;
        complain(cache, NOT_READ,
                 error == ACCS_ERROR_MEMORY ? NO_MEMORY : "what is kept is damaged or foreign");
        return;
    }
    place->stale = cache->place > 0;
    if (cache->found && record.saved_wall_ms <= cache->record.saved_wall_ms &&
        !cache->user.serves(cache->user.context, &record)) {
        accs_token_record_cleanup(&record);
        return;
    }
    accs_token_record_cleanup(&cache->record);
    cache->record = record;
    cache->found = true;
}

static bool after_look(accs_cache *cache)
{
    accs_store *store = cache->store;

    if (!cache->look_failed)
        works_again(cache, NOT_READ);
    if (cache->work == LOAD)
        return finish(cache, cache->found ? ACCS_CACHE_FOUND : ACCS_CACHE_MISSED);
    if (serves(cache)) {
        unlock(cache);
        return finish(cache, ACCS_CACHE_FOUND);
    }
    if (!store->locks)
        return finish(cache, cache->store_down ? ACCS_CACHE_NO_LOCK : ACCS_CACHE_LOCKED);
    if (store->locked)
        return finish(cache, ACCS_CACHE_LOCKED);
    return enter(cache, LOCKING, 0);
}

static bool looked(accs_cache *cache, accs_store_end end)
{
    if (end == ACCS_STORE_FAILED)
        complain(cache, NOT_READ, cache->store->why);
    if (end == ACCS_STORE_FAILED || end == ACCS_STORE_ASIDE) {
        cache->look_failed = true;
        cache->store_down = true;
    }
    if (end == ACCS_STORE_DONE)
        take_entry(cache);
    if (end != ACCS_STORE_ASIDE && !serves(cache) && cache->place + 1 < cache->places.count)
        return enter(cache, LOOKING, cache->place + 1);
    return after_look(cache);
}

static bool locked(accs_cache *cache, accs_store_end end)
{
    if (end == ACCS_STORE_NOTHING)
        return wait_for_lock(cache);
    if (end == ACCS_STORE_FAILED)
        complain(cache, NOT_LOCKED, cache->store->why);
    if (end != ACCS_STORE_DONE)
        return finish(cache, ACCS_CACHE_NO_LOCK);
    works_again(cache, NOT_LOCKED);
    return look(cache); /* another may have saved just before */
}

/* The next place from this one on that is to be emptied. */
static bool remove_next(accs_cache *cache, size_t place)
{
    while (place < cache->places.count && cache->work == SAVE && !cache->places.list[place].stale)
        place++;
    if (place < cache->places.count)
        return enter(cache, REMOVING, place);
    return finish(cache, cache->work == SAVE ? ACCS_CACHE_SAVED : ACCS_CACHE_REMOVED);
}

static bool saved(accs_cache *cache, accs_store_end end)
{
    if (end == ACCS_STORE_FAILED)
        complain(cache, NOT_WRITTEN, cache->store->why);
    if (end != ACCS_STORE_DONE)
        return finish(cache, ACCS_CACHE_NOT_SAVED);
    works_again(cache, NOT_WRITTEN);
    works_again(cache, NOT_READ); /* what could not be read is replaced */
    return remove_next(cache, 1);
}

static bool removed(accs_cache *cache, accs_store_end end)
{
    if (end == ACCS_STORE_FAILED)
        complain(cache, NOT_REMOVED, cache->store->why);
    if (end == ACCS_STORE_DONE || end == ACCS_STORE_NOTHING) {
        cache->places.list[cache->place].stale = false;
        works_again(cache, NOT_REMOVED);
    }
    return remove_next(cache, cache->place + 1);
}

static bool opened(accs_cache *cache, accs_store_end end)
{
    static const cache_trouble troubles[] = {
        [LOAD] = NOT_READ, [LOCK] = NOT_LOCKED, [REMOVE] = NOT_REMOVED};
    static const accs_cache_end ends[] = {
        [LOAD] = ACCS_CACHE_MISSED, [LOCK] = ACCS_CACHE_NO_LOCK, [REMOVE] = ACCS_CACHE_REMOVED};

    if (end == ACCS_STORE_DONE)
        return cache->work == REMOVE ? remove_next(cache, 0) : look(cache);
    if (end == ACCS_STORE_FAILED)
        complain(cache, troubles[cache->work], cache->store->why);
    return finish(cache, ends[cache->work]);
}

static accs_store_end begin(accs_cache *cache)
{
    accs_store *store = cache->store;
    const char *key = cache->stage != OPENING ? cache->places.list[cache->place].key : NULL;

    cache->asked_us = accs_engine_refresh(cache->engine)->mono_us;
    switch (cache->stage) {
    case OPENING:
        return open_places(cache, cache->work == LOCK);
    case LOOKING:
        return store->kind->load(store, key);
    case LOCKING:
        /* Of all, whatever they seal with. */
        return store->kind->lock(store, cache->relieving ? cache->relief : cache->entry);
    case SAVING:
        return store->kind->save(store, key, &cache->sealed, cache->ttl_ms);
    case REMOVING:
        return store->kind->remove(store, key);
    }
    return ACCS_STORE_FAILED;
}

/* What follows from the end of a step; whether there is a next one now. */
static bool take(accs_cache *cache, accs_store_end end)
{
    switch (cache->stage) {
    case OPENING:
        return opened(cache, end);
    case LOOKING:
        return looked(cache, end);
    case LOCKING:
        return locked(cache, end);
    case SAVING:
        return saved(cache, end);
    case REMOVING:
        return removed(cache, end);
    }
    return false;
}

static void move(accs_timer *timer)
{
    accs_cache *cache = (accs_cache *)(void *)((char *)timer - offsetof(accs_cache, timer));
    accs_store_end end = cache->answer;

    cache->answer = ACCS_STORE_LATER;
    if (end == ACCS_STORE_LATER)
        end = begin(cache);
    while (end != ACCS_STORE_LATER && take(cache, end)) /* after a false it may be freed */
        end = begin(cache);
}

/* By way of the timer: users hear nothing from within a function, of theirs or of the host. */
static void answered(void *context, accs_store_end end)
{
    accs_cache *cache = context;

    cache->answer = end;
    accs_timers_set(accs_engine_timers(cache->engine), &cache->timer,
                    accs_engine_now(cache->engine)->mono_ms);
}

/* ----------------------------------------------------------- life cycle */

void accs_cache_stop(accs_cache *cache)
{
    if (cache->engine == NULL || cache->work == IDLE)
        return;
    accs_timers_clear(accs_engine_timers(cache->engine), &cache->timer);
    cache->store->kind->stop(cache->store);
    if (cache->work == LOCK) /* had perhaps, and not told yet */
        unlock(cache);
    cache->work = IDLE;
    cache->answer = ACCS_STORE_LATER;
    forget_record(cache);
    accs_buffer_cleanup(&cache->sealed);
}

static void leave(accs_cache *cache)
{
    if (cache->engine == NULL)
        return;
    accs_cache_stop(cache);
    unlock(cache);
    cache->store->kind->leave(cache->store);
    accs_timers_release(accs_engine_timers(cache->engine), 1);
    cache->engine = NULL;
}

static void engine_gone(accs_member *member)
{
    leave((accs_cache *)(void *)member);
}

accs_error accs_cache_new(accs_engine *engine, const accs_cache_options *options,
                          const accs_cache_user *user, accs_cache **cache)
{
    accs_cache *made = calloc(1, sizeof *made);
    accs_error error = ACCS_ERROR_MEMORY;

    if (made == NULL)
        return error;
    if (options->folder != NULL)
        error = accs_store_folder(engine, options->folder, &made->store);
    else
        error = accs_store_host(engine, options->host, options->host_locks, &made->store);
    if (error == ACCS_OK)
        error = accs_timers_reserve(accs_engine_timers(engine), 1);
    if (error != ACCS_OK) {
        if (made->store != NULL) {
            made->store->kind->leave(made->store);
            made->store->kind->free(made->store);
        }
        free(made);
        return error;
    }
    made->store->context = made;
    made->store->answered = answered;
    made->engine = engine;
    made->user = *user;
    made->lock_timeout_ms = options->lock_timeout_ms;
    made->timer.fire = move;
    snprintf(made->entry, sizeof made->entry, "%s", options->entry);
    if (options->relief)
        snprintf(made->relief, sizeof made->relief, "%.*s%s",
                 (int)(sizeof made->relief - sizeof RELIEF), options->entry, RELIEF);
    accs_buffer_init(&made->sealed, ACCS_LIMIT_STORE_ENTRY_MAX);
    made->member.engine_gone = engine_gone;
    accs_engine_join(engine, &made->member);
    *cache = made;
    return ACCS_OK;
}

void accs_cache_free(accs_cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->engine != NULL)
        accs_engine_leave(cache->engine, &cache->member);
    leave(cache);
    cache->store->kind->free(cache->store);
    accs_cache_places_cleanup(&cache->places);
    free(cache);
}

accs_error accs_cache_set_secrets(accs_cache *cache, const accs_secret *secrets,
                                  size_t secret_count)
{
    accs_error error = accs_cache_places_set(&cache->places, cache->entry, secrets, secret_count);

    if (error == ACCS_OK)
        cache->given = secret_count > 0;
    return error;
}

static void start(accs_cache *cache, cache_work work, cache_stage stage)
{
    if (cache->engine == NULL)
        return;
    cache->work = work;
    cache->started_us = accs_engine_now(cache->engine)->mono_us;
    enter(cache, stage, 0);
    accs_timers_set(accs_engine_timers(cache->engine), &cache->timer,
                    accs_engine_now(cache->engine)->mono_ms);
}

void accs_cache_load(accs_cache *cache)
{
    accs_cache_stop(cache);
    start(cache, LOAD, OPENING);
}

void accs_cache_lock(accs_cache *cache)
{
    accs_cache_stop(cache);
    start(cache, LOCK, OPENING);
    cache->relieving = false;
    if (cache->engine != NULL)
        cache->give_up_ms = accs_engine_now(cache->engine)->mono_ms + cache->lock_timeout_ms +
                            accs_random_32() % (SPREAD_MS + 1);
}

void accs_cache_unlock(accs_cache *cache)
{
    if (cache->engine != NULL)
        unlock(cache);
}

/* Into sealed, for the first place; FAILED: the store's why says it. */
static accs_store_end seal(accs_cache *cache, const accs_token_record *record)
{
    accs_store_end end = open_places(cache, true);
    accs_error error;

    if (end != ACCS_STORE_DONE)
        return end;
    error = accs_cache_place_seal(&cache->places.list[0], record, &cache->sealed);
    if (error == ACCS_OK)
        return ACCS_STORE_DONE;
    if (error == ACCS_ERROR_TOO_LARGE)
        return accs_store_fail(cache->store, "the tokens are too large to be kept");
    return accs_store_fail(cache->store,
                           error == ACCS_ERROR_MEMORY ? NO_MEMORY : "no random numbers");
}

void accs_cache_save(accs_cache *cache, const accs_token_record *record, int64_t ttl_ms)
{
    accs_store_end end;

    accs_cache_stop(cache);
    if (cache->engine == NULL)
        return;
    cache->asked_us = accs_engine_refresh(cache->engine)->mono_us;
    cache->ttl_ms = ttl_ms;
    end = seal(cache, record);
    start(cache, SAVE, SAVING);
    if (end != ACCS_STORE_DONE)
        cache->answer = end;
}

void accs_cache_remove(accs_cache *cache)
{
    accs_cache_stop(cache);
    start(cache, REMOVE, OPENING);
}
