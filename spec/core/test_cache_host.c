/* The token cache in a store of the host: questions that are answered well, late, twice, never or
 * with nonsense; a store that is down costs one event and then no time. */
#include "cache_support.h"

#include <sys/syscall.h>
#include <time.h>

#define TEXT(literal)                                                                              \
    (accs_text)                                                                                    \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

enum { HOST = 42, SHORT_LOCK_MS = 300, SPREAD_MS = 500, SLACK_MS = 1500, ENTRIES = 4 };

static const char *const ONE[] = {"example-not-a-secret", NULL};
static const char *const BOTH[] = {"example-new-secret", "example-old-secret", NULL};
static const char *const OLD[] = {"example-old-secret", NULL};
static const char *const NONE[] = {NULL};

/* What the clocks are ahead of the system's: half a minute need not be waited for. */
static int64_t ahead_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    now->tv_sec += (time_t)ahead_s;
    return result;
}

/* ------------------------------------------------------------------ store */

typedef struct store {
    char keys[ENTRIES][ACCS_STORE_KEY_MAX + 1]; /* "" for none */
    char bytes[ENTRIES][2048];
    size_t lens[ENTRIES];
    char owner[33];    /* of the lock, "" for nobody */
    unsigned asked[6]; /* how often, by kind */
    int64_t lock_ttl_ms;
    int64_t save_ttl_ms;
    char last_key[ACCS_STORE_KEY_MAX + 1];
    char last_owner[33];
} store;

static void copy_text(char *to, size_t room, const char *text)
{
    assert_in_range(snprintf(to, room, "%s", text), 0, room - 1);
}

static int place_of(const store *kept, const char *key)
{
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(kept->keys[i], key) == 0)
            return i;
    return -1;
}

static void settle(witness *seen, uint64_t id, const accs_text *values, size_t count,
                   const char *problem)
{
    seen->inside = true;
    assert_int_equal(accs_engine_settle(seen->engine, id, values, count, problem, NULL), ACCS_OK);
    seen->inside = false;
}

/* Does what is asked; the value, with its count, is what to answer. */
static size_t work(store *kept, const accs_hook *hook, accs_text *value)
{
    int place = place_of(kept, hook->key);

    switch (hook->kind) {
    case ACCS_HOOK_LOAD:
        if (place >= 0)
            *value = (accs_text){kept->bytes[place], kept->lens[place]};
        return place >= 0;
    case ACCS_HOOK_SAVE:
        if (place < 0)
            place = place_of(kept, "");
        assert_in_range(place, 0, ENTRIES - 1);
        assert_in_range(hook->bytes_len, 1, sizeof kept->bytes[0]);
        copy_text(kept->keys[place], sizeof kept->keys[place], hook->key);
        memcpy(kept->bytes[place], hook->bytes, hook->bytes_len);
        kept->lens[place] = hook->bytes_len;
        kept->save_ttl_ms = hook->ttl_ms;
        return 0;
    case ACCS_HOOK_REMOVE:
        if (place >= 0)
            kept->keys[place][0] = '\0';
        return 0;
    case ACCS_HOOK_LOCK:
        kept->lock_ttl_ms = hook->ttl_ms;
        if (kept->owner[0] != '\0')
            return 0;
        copy_text(kept->owner, sizeof kept->owner, hook->owner);
        *value = TEXT("had");
        return 1;
    case ACCS_HOOK_UNLOCK:
        if (strcmp(kept->owner, hook->owner) == 0)
            kept->owner[0] = '\0';
        return 0;
    default:
        fail();
        return 0;
    }
}

static accs_item next_hook(witness *seen, store *kept)
{
    accs_item item = next_item(seen->engine);

    assert_int_equal(item.kind, ACCS_ITEM_HOOK);
    assert_int_equal(item.hook->host, HOST);
    kept->asked[item.hook->kind]++;
    copy_text(kept->last_key, sizeof kept->last_key, item.hook->key);
    copy_text(kept->last_owner, sizeof kept->last_owner, item.hook->owner);
    return item;
}

/* Answers what is in the queue. */
static void serve(witness *seen, store *kept)
{
    accs_item item = {.kind = ACCS_ITEM_NONE};

    while (accs_engine_next(seen->engine, &item)) {
        accs_text value = {NULL, 0};
        size_t count;

        assert_int_equal(item.kind, ACCS_ITEM_HOOK);
        assert_int_equal(item.hook->host, HOST);
        kept->asked[item.hook->kind]++;
        copy_text(kept->last_key, sizeof kept->last_key, item.hook->key);
        copy_text(kept->last_owner, sizeof kept->last_owner, item.hook->owner);
        count = work(kept, item.hook, &value);
        settle(seen, item.id, &value, count, NULL);
        accs_hook_free(item.hook);
    }
}

static accs_cache_end serve_until_done(witness *seen, store *kept)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (seen->done == 0) {
        assert_true(now_ms() < until);
        assert_int_equal(accs_engine_step(seen->engine, 1, NULL), ACCS_OK);
        serve(seen, kept);
    }
    assert_int_equal(seen->done, 1);
    return seen->end;
}

static accs_cache_end ask(witness *seen, store *kept, void (*operation)(accs_cache *cache))
{
    begin(seen, operation);
    return serve_until_done(seen, kept);
}

static accs_cache_end put(witness *seen, store *kept, int64_t saved_wall_ms)
{
    begin_save(seen, saved_wall_ms);
    return serve_until_done(seen, kept);
}

/* Takes the next question, whatever it is, and leaves it unanswered. */
static uint64_t swallow(witness *seen, store *kept)
{
    accs_item item = next_hook(seen, kept);

    accs_hook_free(item.hook);
    return item.id;
}

static void open_cache(witness *seen, const char *const *secrets, bool locks)
{
    const accs_cache_options options = {
        .host = HOST, .host_locks = locks, .lock_timeout_ms = SHORT_LOCK_MS, .entry = ENTRY};

    new_cache(seen, &options, secrets);
}

static unsigned all_asked(const store *kept)
{
    unsigned sum = 0;

    for (size_t i = 0; i < 6; i++)
        sum += kept->asked[i];
    return sum;
}

/* ------------------------------------------------------------------ tests */

static void what_was_saved_is_found_by_another(void **state)
{
    store kept = {.save_ttl_ms = -1};
    witness first;
    witness second;

    (void)state;
    open_cache(&first, ONE, true);
    open_cache(&second, ONE, true);
    assert_int_equal(ask(&first, &kept, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(put(&first, &kept, 100), ACCS_CACHE_SAVED);
    assert_int_equal(kept.save_ttl_ms, 1000);
    assert_memory_equal(kept.last_key, ENTRY "-", sizeof ENTRY);
    assert_int_equal(strlen(kept.last_key), sizeof ENTRY + 16);
    assert_int_equal(strspn(kept.last_key, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                     strlen(kept.last_key));
    assert_memory_equal(kept.bytes[0], "ACCS", 4); /* sealed bytes alone leave */
    assert_null(memmem(kept.bytes[0], kept.lens[0], ACCESS_TOKEN, 8));
    assert_null(memmem(kept.bytes[0], kept.lens[0], REFRESH_TOKEN, 8));
    assert_int_equal(ask(&second, &kept, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&second, 100);
    assert_int_equal(ask(&second, &kept, accs_cache_remove), ACCS_CACHE_REMOVED);
    assert_int_equal(ask(&first, &kept, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(kept.asked[ACCS_HOOK_LOAD], 3);
    assert_int_equal(kept.asked[ACCS_HOOK_SAVE], 1);
    assert_int_equal(kept.asked[ACCS_HOOK_REMOVE], 1);
    assert_int_equal(all_asked(&kept), 5);
    assert_int_equal(first.troubles + second.troubles, 0);
    free_cache(&first);
    free_cache(&second);
}

static void the_lock_has_an_owner_and_ends_by_itself(void **state)
{
    store kept = {.asked = {0}};
    char owner[33];
    int64_t start;
    witness first;
    witness second;

    (void)state;
    open_cache(&first, ONE, true);
    open_cache(&second, ONE, true);
    accs_cache_unlock(first.cache);
    assert_int_equal(ask(&first, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    assert_int_equal(kept.asked[ACCS_HOOK_LOAD], 2); /* once more when it is had */
    assert_int_equal(kept.asked[ACCS_HOOK_LOCK], 1);
    assert_int_equal(kept.lock_ttl_ms, ACCS_LIMIT_LOCK_LIFE);
    assert_true(ACCS_LIMIT_LOCK_LIFE > ACCS_LIMIT_CONNECT_TIMEOUT + ACCS_LIMIT_IDLE_TIMEOUT);
    copy_text(owner, sizeof owner, kept.owner);
    assert_int_equal(strlen(owner), 32);
    start = now_ms();
    assert_int_equal(ask(&second, &kept, accs_cache_lock), ACCS_CACHE_BUSY);
    assert_in_range(now_ms() - start, SHORT_LOCK_MS, SHORT_LOCK_MS + SPREAD_MS + SLACK_MS);
    assert_in_range(kept.asked[ACCS_HOOK_LOCK], 3, 20); /* every 50 to 100 ms */
    assert_string_not_equal(kept.last_owner, owner);
    assert_string_equal(kept.owner, owner);
    accs_cache_unlock(first.cache);
    accs_cache_unlock(first.cache);
    serve(&first, &kept);
    assert_int_equal(kept.asked[ACCS_HOOK_UNLOCK], 1);
    assert_string_equal(kept.owner, "");
    assert_int_equal(ask(&second, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    accs_cache_free(second.cache); /* gives it back */
    second.cache = NULL;
    serve(&second, &kept);
    assert_string_equal(kept.owner, "");
    assert_int_equal(first.troubles, 0);
    free_cache(&first);
    free_cache(&second);
}

static void who_waits_for_the_lock_finds_what_is_saved(void **state)
{
    store kept = {.asked = {0}};
    int64_t until = now_ms() + 150;
    witness first;
    witness second;

    (void)state;
    open_cache(&first, ONE, true);
    open_cache(&second, ONE, true);
    second.serves_from = 100;
    assert_int_equal(ask(&first, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    begin(&second, accs_cache_lock);
    while (now_ms() < until) {
        accs_engine_step(second.engine, 1, NULL);
        serve(&second, &kept);
    }
    assert_int_equal(second.done, 0);
    assert_int_equal(put(&first, &kept, 100), ACCS_CACHE_SAVED);
    assert_int_equal(serve_until_done(&second, &kept), ACCS_CACHE_FOUND);
    expect_record(&second, 100);
    assert_int_equal(second.troubles, 0);
    free_cache(&first);
    free_cache(&second);
}

/* It was saved between the look and the lock. */
static void what_was_saved_just_before_the_lock_was_had_serves(void **state)
{
    store kept = {.asked = {0}};
    witness first;
    witness second;

    (void)state;
    open_cache(&first, ONE, true);
    open_cache(&second, ONE, true);
    second.serves_from = 100;
    begin(&second, accs_cache_lock);
    settle(&second, swallow(&second, &kept), NULL, 0, NULL);
    assert_int_equal(put(&first, &kept, 100), ACCS_CACHE_SAVED);
    assert_int_equal(serve_until_done(&second, &kept), ACCS_CACHE_FOUND);
    expect_record(&second, 100);
    serve(&second, &kept);
    assert_int_equal(kept.asked[ACCS_HOOK_LOCK], 1);
    assert_int_equal(kept.asked[ACCS_HOOK_UNLOCK], 1); /* it is not needed */
    assert_string_equal(kept.owner, "");
    free_cache(&first);
    free_cache(&second);
}

static void the_descriptor_tells_of_an_answer(void **state)
{
    store kept = {.asked = {0}};
    witness seen;
    int fd;

    (void)state;
    open_cache(&seen, ONE, true);
    fd = accs_engine_fd(seen.engine);
    begin(&seen, accs_cache_load);
    settle(&seen, swallow(&seen, &kept), NULL, 0, NULL);
    assert_true(readable(fd, 500)); /* its patience would last longer */
    assert_int_equal(wait_end(&seen), ACCS_CACHE_MISSED);
    free_cache(&seen);
}

static void a_store_without_lock_is_locked_after_the_look(void **state)
{
    store kept = {.asked = {0}};
    witness seen;

    (void)state;
    open_cache(&seen, ONE, false);
    assert_int_equal(ask(&seen, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    assert_false(seen.found);
    assert_int_equal(put(&seen, &kept, 100), ACCS_CACHE_SAVED);
    accs_cache_unlock(seen.cache);
    assert_int_equal(ask(&seen, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    expect_record(&seen, 100);
    seen.serves_from = 100;
    assert_int_equal(ask(&seen, &kept, accs_cache_lock), ACCS_CACHE_FOUND);
    assert_int_equal(kept.asked[ACCS_HOOK_LOCK] + kept.asked[ACCS_HOOK_UNLOCK], 0);
    begin(&seen, accs_cache_lock);
    settle(&seen, swallow(&seen, &kept), NULL, 0, "down");
    assert_int_equal(wait_end(&seen), ACCS_CACHE_NO_LOCK); /* what is had cannot be kept either */
    free_cache(&seen);
}

static void an_entry_moves_to_the_first_secret(void **state)
{
    store kept = {.asked = {0}};
    char old_key[ACCS_STORE_KEY_MAX + 1];
    witness both;
    witness old;

    (void)state;
    open_cache(&old, OLD, true);
    open_cache(&both, BOTH, true);
    assert_int_equal(put(&old, &kept, 100), ACCS_CACHE_SAVED);
    copy_text(old_key, sizeof old_key, kept.last_key);
    assert_int_equal(ask(&both, &kept, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 100);
    assert_int_equal(put(&both, &kept, 200), ACCS_CACHE_SAVED);
    assert_int_equal(place_of(&kept, old_key), -1);
    assert_int_equal(kept.asked[ACCS_HOOK_REMOVE], 1);
    assert_int_equal(put(&both, &kept, 300), ACCS_CACHE_SAVED); /* not again */
    assert_int_equal(kept.asked[ACCS_HOOK_REMOVE], 1);
    assert_int_equal(ask(&both, &kept, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 300);
    assert_int_equal(ask(&both, &kept, accs_cache_remove), ACCS_CACHE_REMOVED);
    assert_int_equal(kept.asked[ACCS_HOOK_REMOVE], 3); /* under each secret */
    free_cache(&old);
    free_cache(&both);
}

/* Nobody answers: one second, one event, and then it is left alone for half a minute. */
static void a_silent_store_is_left_alone(void **state)
{
    store kept = {.asked = {0}};
    int64_t start = now_ms();
    uint64_t id;
    witness seen;

    (void)state;
    open_cache(&seen, BOTH, true);
    begin(&seen, accs_cache_load);
    id = swallow(&seen, &kept);
    assert_int_equal(wait_end(&seen), ACCS_CACHE_MISSED);
    assert_in_range(now_ms() - start, ACCS_LIMIT_STORE_TIMEOUT - 1, 2000);
    assert_int_equal(seen.troubles, 1);
    assert_string_equal(seen.text, "not read");
    assert_string_equal(seen.reason, "no answer within 1 s");
    assert_in_range(seen.elapsed_us, 990000, 2000000);
    settle(&seen, id, &TEXT("late"), 1, NULL);
    start = now_ms();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
        assert_int_equal(run(&seen, accs_cache_lock), ACCS_CACHE_NO_LOCK);
        assert_int_equal(save(&seen, 1), ACCS_CACHE_NOT_SAVED);
        assert_int_equal(run(&seen, accs_cache_remove), ACCS_CACHE_REMOVED);
    }
    assert_in_range(now_ms() - start, 0, 500);
    assert_true(queue_is_empty(seen.engine));
    assert_int_equal(all_asked(&kept), 1);
    assert_int_equal(seen.troubles, 1);

    ahead_s += 25;
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
    ahead_s += 6; /* it is tried again, in vain: the same spell */
    begin(&seen, accs_cache_load);
    settle(&seen, swallow(&seen, &kept), NULL, 0, "still down");
    assert_int_equal(wait_end(&seen), ACCS_CACHE_MISSED);
    assert_int_equal(seen.troubles, 1);
    ahead_s += 31;
    assert_int_equal(ask(&seen, &kept, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(ask(&seen, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    begin_save(&seen, 1); /* it works again, and then does not: another spell */
    settle(&seen, swallow(&seen, &kept), NULL, 0, "down once more");
    assert_int_equal(wait_end(&seen), ACCS_CACHE_NOT_SAVED);
    assert_int_equal(seen.troubles, 2);
    assert_string_equal(seen.text, "not written");
    assert_string_equal(seen.reason, "down once more");
    free_cache(&seen);
}

/* Each operation, with each wrong answer to its first question that fits it. */
static void a_wrong_answer_is_a_failure(void **state)
{
    static const struct {
        void (*operation)(accs_cache *cache); /* NULL: save */
        unsigned answered;                    /* questions that are answered well before */
        accs_cache_end end;
        const char *text;
    } rows[] = {
        {accs_cache_load, 0, ACCS_CACHE_MISSED, "not read"},
        {accs_cache_lock, 0, ACCS_CACHE_NO_LOCK, "not read"},
        {accs_cache_lock, 1, ACCS_CACHE_NO_LOCK, "not locked"},
        {NULL, 0, ACCS_CACHE_NOT_SAVED, "not written"},
        {accs_cache_remove, 0, ACCS_CACHE_REMOVED, "not removed"},
    };
    const accs_text values[] = {TEXT("one"), TEXT("two")};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int wrong = 0; wrong < 2; wrong++) {
            store kept = {.asked = {0}};
            witness seen;

            open_cache(&seen, ONE, true);
            if (rows[i].operation != NULL)
                begin(&seen, rows[i].operation);
            else
                begin_save(&seen, 1);
            for (unsigned j = 0; j < rows[i].answered; j++)
                settle(&seen, swallow(&seen, &kept), NULL, 0, NULL);
            settle(&seen, swallow(&seen, &kept), values, 2,
                   wrong == 0 ? "the vault is sealed" : NULL);
            assert_int_equal(wait_end(&seen), rows[i].end);
            assert_int_equal(seen.troubles, 1);
            assert_string_equal(seen.text, rows[i].text);
            assert_string_equal(seen.reason, wrong == 0
                                                 ? "the vault is sealed"
                                                 : "it gave more values than were asked for");
            assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED); /* left alone */
            assert_int_equal(seen.troubles, 1);
            free_cache(&seen);
        }
    }
}

static void answers_come_once(void **state)
{
    store kept = {.asked = {0}};
    char entry[2048];
    accs_text value;
    uint64_t id;
    witness seen;

    (void)state;
    open_cache(&seen, ONE, true);
    assert_int_equal(put(&seen, &kept, 100), ACCS_CACHE_SAVED);
    memcpy(entry, kept.bytes[0], kept.lens[0]);
    value = (accs_text){entry, kept.lens[0]};
    begin(&seen, accs_cache_load);
    id = swallow(&seen, &kept);
    settle(&seen, id, &value, 1, NULL);
    memset(entry, 0, sizeof entry); /* copied */
    settle(&seen, id, NULL, 0, "twice");
    assert_int_equal(seen.done, 0); /* nothing is told from within the host's function */
    assert_int_equal(wait_end(&seen), ACCS_CACHE_FOUND);
    expect_record(&seen, 100);
    begin(&seen, accs_cache_load);
    id = swallow(&seen, &kept);
    accs_cache_stop(seen.cache);
    settle(&seen, id, &value, 1, NULL);
    expect_silence(&seen, 30);
    begin(&seen, accs_cache_load); /* answered, but stopped before it was told */
    settle(&seen, swallow(&seen, &kept), &value, 1, NULL);
    accs_cache_stop(seen.cache);
    expect_silence(&seen, 30);
    assert_int_equal(ask(&seen, &kept, accs_cache_load), ACCS_CACHE_FOUND);
    assert_int_equal(seen.troubles, 0);
    free_cache(&seen);
}

static void a_lock_that_may_have_been_had_is_given_back(void **state)
{
    witness seen;

    (void)state;
    for (int how = 0; how < 4; how++) {
        store kept = {.asked = {0}};
        uint64_t id;

        open_cache(&seen, ONE, true);
        begin(&seen, accs_cache_lock);
        settle(&seen, swallow(&seen, &kept), NULL, 0, NULL);
        id = swallow(&seen, &kept);
        assert_int_equal(kept.asked[ACCS_HOOK_LOCK], 1);
        copy_text(kept.owner, sizeof kept.owner,
                  kept.last_owner); /* had, though nobody hears of it */
        if (how == 0)
            ahead_s += 2; /* no answer */
        else if (how == 1)
            settle(&seen, id, NULL, 0, "the connection broke");
        else if (how == 2)
            accs_cache_stop(seen.cache);
        else
            settle(&seen, id, &TEXT("had"), 1, NULL); /* and stopped before it was told */
        if (how < 2)
            assert_int_equal(wait_end(&seen), ACCS_CACHE_NO_LOCK);
        accs_cache_stop(seen.cache);
        serve(&seen, &kept);
        assert_int_equal(kept.asked[ACCS_HOOK_UNLOCK], 1);
        assert_string_equal(kept.owner, "");
        free_cache(&seen);
    }
}

static void a_foreign_entry_is_replaced(void **state)
{
    static const char *const texts[] = {"", "x", "ACCS", "{\"access_token\":\"x\"}"};
    char *huge = calloc(1, ACCS_LIMIT_STORE_ENTRY_MAX + 1);
    witness seen;

    (void)state;
    assert_non_null(huge);
    for (size_t i = 0; i < 5; i++) {
        const accs_text value = {i < 4 ? texts[i] : huge,
                                 i < 4 ? strlen(texts[i]) : ACCS_LIMIT_STORE_ENTRY_MAX + 1};
        store kept = {.asked = {0}};

        open_cache(&seen, ONE, true);
        begin(&seen, accs_cache_load);
        settle(&seen, swallow(&seen, &kept), &value, 1, NULL);
        assert_int_equal(wait_end(&seen), ACCS_CACHE_MISSED);
        assert_int_equal(seen.troubles, 1);
        assert_string_equal(seen.text, "not read");
        assert_int_equal(put(&seen, &kept, 100), ACCS_CACHE_SAVED); /* the store is not to blame */
        assert_int_equal(ask(&seen, &kept, accs_cache_load), ACCS_CACHE_FOUND);
        free_cache(&seen);
    }
    free(huge);
}

static void a_long_problem_is_cut_between_characters(void **state)
{
    store kept = {.asked = {0}};
    char problem[1100];
    size_t len;
    witness seen;

    (void)state;
    memset(problem, 'x', sizeof problem);
    for (size_t i = 91; i + 2 < sizeof problem; i += 3)
        memcpy(problem + i, "\xe2\x82\xac", 3);
    problem[sizeof problem - 2] = '\0';
    open_cache(&seen, ONE, true);
    begin(&seen, accs_cache_load);
    settle(&seen, swallow(&seen, &kept), NULL, 0, problem);
    assert_int_equal(wait_end(&seen), ACCS_CACHE_MISSED);
    len = strlen(seen.reason);
    assert_int_equal(len, 1018 + 3); /* of 1,020 bytes before the dots two are half a character */
    assert_memory_equal(seen.reason, problem, 1018);
    assert_string_equal(seen.reason + 1018, "...");
    free_cache(&seen);
}

static void without_a_secret_nothing_is_asked(void **state)
{
    store kept = {.asked = {0}};
    witness seen;

    (void)state;
    open_cache(&seen, NONE, true);
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(run(&seen, accs_cache_lock), ACCS_CACHE_NO_LOCK);
    assert_int_equal(save(&seen, 1), ACCS_CACHE_NOT_SAVED);
    assert_int_equal(seen.troubles, 1);
    assert_string_equal(seen.reason, "there is no key to seal with");
    assert_int_equal(all_asked(&kept), 0);
    assert_true(queue_is_empty(seen.engine));
    free_cache(&seen);
}

static int leave_in_a_child(void *context)
{
    const witness *seen = context;

    accs_cache_free(seen->cache);
    accs_engine_free(seen->engine);
    return 0;
}

static void engine_and_child_may_end_in_the_midst(void **state)
{
    store kept = {.asked = {0}};
    witness seen;

    (void)state;
    open_cache(&seen, ONE, true);
    assert_int_equal(ask(&seen, &kept, accs_cache_lock), ACCS_CACHE_LOCKED);
    begin(&seen, accs_cache_load);
    swallow(&seen, &kept);
    assert_int_equal(in_a_child(leave_in_a_child, &seen), 0);
    accs_engine_free(seen.engine);
    seen.engine = NULL;
    accs_cache_unlock(seen.cache);
    accs_cache_load(seen.cache);
    assert_int_equal(seen.done, 0);
    free_cache(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_is_found_by_another),
        cmocka_unit_test(the_lock_has_an_owner_and_ends_by_itself),
        cmocka_unit_test(who_waits_for_the_lock_finds_what_is_saved),
        cmocka_unit_test(what_was_saved_just_before_the_lock_was_had_serves),
        cmocka_unit_test(the_descriptor_tells_of_an_answer),
        cmocka_unit_test(a_store_without_lock_is_locked_after_the_look),
        cmocka_unit_test(an_entry_moves_to_the_first_secret),
        cmocka_unit_test(a_silent_store_is_left_alone),
        cmocka_unit_test(a_wrong_answer_is_a_failure),
        cmocka_unit_test(answers_come_once),
        cmocka_unit_test(a_lock_that_may_have_been_had_is_given_back),
        cmocka_unit_test(a_foreign_entry_is_replaced),
        cmocka_unit_test(a_long_problem_is_cut_between_characters),
        cmocka_unit_test(without_a_secret_nothing_is_asked),
        cmocka_unit_test(engine_and_child_may_end_in_the_midst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
