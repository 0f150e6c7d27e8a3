/*
 * Memory runs out at every allocation of the token cache in turn, once or from then on: each
 * operation is told once, nothing leaks, and all works when there is memory again.
 */
#include "engine_support.h"
#include "oom_support.h"

#include "cache.h"

#include <ftw.h>

enum { ROUNDS_MAX = 1000 };

typedef struct scene {
    accs_engine *engine;
    accs_cache *cache;
    unsigned done;
    accs_cache_end end;
    char bytes[2048]; /* what the host keeps */
    size_t bytes_len; /* 0: nothing */
} scene;

static bool serves(void *context, const accs_token_record *record)
{
    (void)context;
    (void)record;
    return false;
}

static void done(void *context, accs_cache_end end, const accs_token_record *record)
{
    scene *made = context;

    (void)record;
    made->done++;
    made->end = end;
}

static void trouble(void *context, const char *text, const char *reason, int64_t elapsed_us)
{
    (void)context;
    (void)elapsed_us;
    assert_true(strlen(text) > 0 && strlen(reason) > 0);
}

/* Answers a question well, as far as there is memory. */
static void answer(scene *made, const accs_item *item)
{
    const accs_text value = {made->bytes, made->bytes_len};
    size_t count = item->hook->kind == ACCS_HOOK_LOCK ||
                   (item->hook->kind == ACCS_HOOK_LOAD && made->bytes_len > 0);

    if (item->hook->kind == ACCS_HOOK_SAVE) {
        assert_in_range(item->hook->bytes_len, 1, sizeof made->bytes);
        memcpy(made->bytes, item->hook->bytes, item->hook->bytes_len);
        made->bytes_len = item->hook->bytes_len;
    }
    accs_engine_settle(made->engine, item->id, &value, count, NULL, NULL);
    accs_hook_free(item->hook);
}

static accs_cache_end finish(scene *made)
{
    int64_t until = now_ms() + PATIENCE_MS;
    accs_item item;

    while (made->done == 0) {
        assert_true(now_ms() < until);
        accs_engine_step(made->engine, 1, NULL);
        while (accs_engine_next(made->engine, &item))
            answer(made, &item);
    }
    assert_int_equal(made->done, 1);
    made->done = 0;
    return made->end;
}

static accs_cache_end run(scene *made, void (*operation)(accs_cache *cache))
{
    accs_engine_refresh(made->engine);
    operation(made->cache);
    return finish(made);
}

static accs_cache_end save(scene *made)
{
    static char token[] = "not-a-token";
    const accs_token_record record = {
        .access_token = {token, sizeof token - 1}, .life_ms = 1, .saved_wall_ms = 1};

    accs_engine_refresh(made->engine);
    accs_cache_save(made->cache, &record, 0);
    return finish(made);
}

static accs_error open_cache(scene *made, const char *folder, bool with_secrets)
{
    static char texts[2][32] = {"example-new-secret", "example-old-secret"};
    const accs_secret secrets[2] = {{texts[0], strlen(texts[0])}, {texts[1], strlen(texts[1])}};
    const accs_cache_user user = {made, serves, done, trouble};
    const accs_cache_options options = {
        .folder = folder, .host = 1, .host_locks = true, .entry = "server-0"};

    if (accs_cache_new(made->engine, &options, &user, &made->cache) != ACCS_OK)
        return ACCS_ERROR_MEMORY;
    if (!with_secrets)
        return ACCS_OK;
    return accs_cache_set_secrets(made->cache, secrets, 2);
}

/* One run in which memory lasts for so many allocations; whether it lasted to the end. */
static bool run_starved(const char *folder, bool with_secrets, long round)
{
    scene made = {.done = 0};
    bool lasted;
    accs_error error;

    live = 0;
    made.engine = new_engine();
    left = round;
    error = open_cache(&made, folder, with_secrets);
    if (error == ACCS_OK) {
        run(&made, accs_cache_lock);
        save(&made);
        accs_cache_unlock(made.cache);
        run(&made, accs_cache_load);
        run(&made, accs_cache_remove);
    }
    lasted = left > 0;
    left = -1;
    if (error == ACCS_OK && folder != NULL) { /* a store of the host may be left alone by now */
        assert_int_equal(run(&made, accs_cache_lock), ACCS_CACHE_LOCKED);
        assert_int_equal(save(&made), ACCS_CACHE_SAVED);
        assert_int_equal(run(&made, accs_cache_load), ACCS_CACHE_FOUND);
    }
    if (error == ACCS_OK) { /* under way when all is closed; a question waits in the queue */
        accs_cache_load(made.cache);
        accs_engine_step(made.engine, 0, NULL);
    }
    if (round % 2 == 0)
        accs_cache_free(made.cache);
    accs_engine_free(made.engine);
    if (round % 2 != 0)
        accs_cache_free(made.cache);
    assert_int_equal(live, 0);
    return lasted;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void run_all(bool in_a_folder, bool with_secrets, long at_least)
{
    for (int kind = 0; kind < 2; kind++) {
        bool lasted = false;
        long round;

        persistent = kind == 1;
        for (round = 0; round < ROUNDS_MAX && !lasted; round++) {
            char base[] = "/tmp/accs-test-oom-XXXXXX";
            char folder[64];

            assert_non_null(mkdtemp(base));
            snprintf(folder, sizeof folder, "%s/tokens", base);
            lasted = run_starved(in_a_folder ? folder : NULL, with_secrets, round);
            nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        }
        assert_in_range(round, at_least, ROUNDS_MAX - 1); /* it really went through them all */
    }
}

static void memory_may_end_in_a_folder(void **state)
{
    (void)state;
    run_all(true, true, 20);
}

static void memory_may_end_with_a_key_file(void **state)
{
    (void)state;
    run_all(true, false, 20);
}

static void memory_may_end_in_a_store_of_the_host(void **state)
{
    (void)state;
    run_all(false, true, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_end_in_a_folder),
        cmocka_unit_test(memory_may_end_with_a_key_file),
        cmocka_unit_test(memory_may_end_in_a_store_of_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
