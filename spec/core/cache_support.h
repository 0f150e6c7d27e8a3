/* What the tests of the token cache share: a user of a cache, who notes what it is told. */
#ifndef CACHE_SUPPORT_H
#define CACHE_SUPPORT_H

#include "engine_support.h"

#include "cache.h"
#include "limits.h"

#define ENTRY "server-0123456789abcdef0123456789abcdef"
#define ACCESS_TOKEN "an-access-token-that-is-not-one"
#define REFRESH_TOKEN "a-refresh-token-that-is-not-one"

typedef struct witness {
    accs_engine *engine;
    accs_cache *cache;
    bool inside; /* a function of the cache, or of the host */
    unsigned done;
    accs_cache_end end;
    bool found; /* a record came with it */
    accs_token_record record;
    int64_t serves_from; /* records saved since then serve */
    unsigned troubles;
    char text[ACCS_EVENT_TEXT_MAX]; /* of the last trouble */
    char reason[ACCS_STORE_WHY_MAX];
    int64_t elapsed_us;
    void (*then)(struct witness *seen); /* from within done */
} witness;

static inline bool witness_serves(void *context, const accs_token_record *record)
{
    const witness *seen = context;

    assert_false(seen->inside);
    return record->saved_wall_ms >= seen->serves_from;
}

static inline void witness_done(void *context, accs_cache_end end, const accs_token_record *record)
{
    witness *seen = context;

    assert_false(seen->inside);
    seen->done++;
    seen->end = end;
    seen->found = record != NULL;
    accs_token_record_cleanup(&seen->record);
    if (record != NULL)
        assert_int_equal(accs_token_record_copy(&seen->record, record), ACCS_OK);
    if (seen->then != NULL)
        seen->then(seen);
}

static inline void witness_trouble(void *context, const char *text, const char *reason,
                                   int64_t elapsed_us)
{
    witness *seen = context;

    assert_false(seen->inside);
    assert_non_null(reason);
    assert_true(elapsed_us >= 0);
    seen->troubles++;
    seen->elapsed_us = elapsed_us;
    snprintf(seen->text, sizeof seen->text, "%s", text);
    snprintf(seen->reason, sizeof seen->reason, "%s", reason);
}

static inline void new_cache(witness *seen, const accs_cache_options *options,
                             const char *const *secrets)
{
    accs_cache_user user = {NULL, witness_serves, witness_done, witness_trouble};
    accs_secret given[4] = {{NULL, 0}};
    size_t count = 0;

    *seen = (witness){.engine = new_engine(), .serves_from = INT64_MAX};
    user.context = seen;
    assert_int_equal(accs_cache_new(seen->engine, options, &user, &seen->cache), ACCS_OK);
    for (; secrets != NULL && secrets[count] != NULL; count++)
        assert_int_equal(accs_secret_set(&given[count], secrets[count], strlen(secrets[count])),
                         ACCS_OK);
    assert_int_equal(accs_cache_set_secrets(seen->cache, given, count), ACCS_OK);
    for (size_t i = 0; i < count; i++)
        accs_secret_cleanup(&given[i]);
}

static inline void free_cache(witness *seen)
{
    accs_cache_free(seen->cache);
    if (seen->engine != NULL) /* what was reserved is given back */
        assert_int_equal(accs_engine_timers(seen->engine)->reserved, 0);
    accs_engine_free(seen->engine);
    accs_token_record_cleanup(&seen->record);
}

static inline void begin(witness *seen, void (*operation)(accs_cache *cache))
{
    accs_engine_refresh(seen->engine);
    seen->done = 0;
    seen->inside = true;
    operation(seen->cache);
    seen->inside = false;
}

/* A record that was saved at that moment. */
static inline accs_token_record a_record(int64_t saved_wall_ms)
{
    accs_token_record record = {
        .saved_wall_ms = saved_wall_ms, .expires_wall_ms = 5, .life_ms = 86400000};

    assert_int_equal(accs_secret_set(&record.access_token, ACCESS_TOKEN, sizeof ACCESS_TOKEN - 1),
                     ACCS_OK);
    assert_int_equal(
        accs_secret_set(&record.refresh_token, REFRESH_TOKEN, sizeof REFRESH_TOKEN - 1), ACCS_OK);
    return record;
}

static inline void begin_save(witness *seen, int64_t saved_wall_ms)
{
    accs_token_record record = a_record(saved_wall_ms);

    accs_engine_refresh(seen->engine);
    seen->done = 0;
    seen->inside = true;
    accs_cache_save(seen->cache, &record, 1000);
    seen->inside = false;
    accs_token_record_cleanup(&record); /* borrowed for the call */
}

static inline accs_cache_end wait_end(witness *seen)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (seen->done == 0) {
        assert_true(now_ms() < until);
        /* Not longer: what is told puts nothing into the queue that would end the step. */
        assert_int_equal(accs_engine_step(seen->engine, 1, NULL), ACCS_OK);
    }
    assert_int_equal(seen->done, 1);
    return seen->end;
}

static inline accs_cache_end run(witness *seen, void (*operation)(accs_cache *cache))
{
    begin(seen, operation);
    return wait_end(seen);
}

static inline accs_cache_end save(witness *seen, int64_t saved_wall_ms)
{
    begin_save(seen, saved_wall_ms);
    return wait_end(seen);
}

/* What is kept was saved at that moment, and is whole. */
static inline void expect_record(const witness *seen, int64_t saved_wall_ms)
{
    assert_true(seen->found);
    assert_int_equal(seen->record.saved_wall_ms, saved_wall_ms);
    assert_int_equal(seen->record.life_ms, 86400000);
    assert_string_equal(seen->record.access_token.bytes, ACCESS_TOKEN);
    assert_string_equal(seen->record.refresh_token.bytes, REFRESH_TOKEN);
}

/* Steps for so long, while nothing is to be told. */
static inline void expect_silence(witness *seen, int64_t time_ms)
{
    int64_t until = now_ms() + time_ms;

    while (now_ms() < until)
        assert_int_equal(accs_engine_step(seen->engine, until - now_ms(), NULL), ACCS_OK);
    assert_int_equal(seen->done, 0);
}

#endif
