/* Tokens while clocks step and machines sleep: the Makefile links this with --wrap, so that the
 * engine reads the clocks of the test. */
#include "ims_support.h"

#include "buffer.h"

#include <fcntl.h>
#include <time.h>

/* The linker gives these names.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __real_accs_clock_system(void *context, accs_now *now);
void __wrap_accs_clock_system(void *context, accs_now *now);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static const int64_t SECOND = 1000;
static const int64_t MINUTE = 60000;
static const int64_t HOUR = 3600000;
static const int64_t DAY = 86400000;

/* How far the clocks are from the real ones. */
static int64_t mono_ms;
static int64_t boot_ms;
static int64_t wall_ms;

void __wrap_accs_clock_system(void *context, accs_now *now)
{
    __real_accs_clock_system(context, now);
    now->mono_ms += mono_ms;
    now->mono_us += mono_ms * 1000;
    now->boot_ms += boot_ms;
    now->wall_ms += wall_ms;
    now->wall_s = now->wall_ms / 1000;
}

/* The Date of a server whose clock is right. */
static const char *right_date(void)
{
    static char date[64];
    time_t now = time(NULL);
    struct tm parts;

    strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&now, &parts));
    return date;
}

static accs_failure get_token(accs_engine *engine, accs_auth *auth, ims_story *story)
{
    return do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, story);
}

static void a_wall_clock_that_steps_does_not_matter(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    static const int64_t steps[] = {DAY, -DAY, 10 * DAY, -10 * DAY};
    accs_auth_state look;

    ims_answer(server, 200, right_date(), TOKEN("not-a-token"));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
        wall_ms = steps[i];
    }
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    accs_auth_look(auth, &look);
    assert_in_range(look.left_ms, 86390000, 86399000);
    assert_int_equal(server->scene->requests, 1);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_token_ages_while_the_machine_sleeps(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    ims_story story = {""};
    accs_text text;

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    boot_ms = DAY; /* the monotonic clock stood still */
    assert_false(accs_auth_read(auth, ACCS_AUTH_ACCESS_TOKEN, &text));
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 2);
    assert_string_equal(story.text, "acquired (none yet) 1;refreshed (near its end) 1;");
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* Steps until so many requests have come. */
static void await_requests(accs_engine *engine, const ims_server *server, int count)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (server->scene->requests < count) {
        assert_true(now_ms() < until);
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    }
}

static void a_refresh_ahead_makes_nobody_wait(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    ims_story story = {""};

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    boot_ms = 86399 * SECOND - 15 * MINUTE;
    server->scene->delay_ms = 200;
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    assert_token(auth, "not-a-token");
    await_requests(engine, server, 2);
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    assert_token(auth, "not-a-token");
    for (int i = 0; i < 20; i++)
        accs_engine_step(engine, 20, NULL);
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    assert_token(auth, "not-a-token-2");
    assert_int_equal(server->scene->requests, 2);
    assert_string_equal(story.text, "acquired (none yet) 1;refreshed (near its end) 1;");
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* E2: the old token serves to its end, and IMS is not hammered. */
static void ims_may_be_down_while_the_token_lives(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    ims_story story = {""};

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 400, "", "{\"error\":\"temporarily_unavailable\"}");
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    boot_ms = 86399 * SECOND - 5 * MINUTE;
    for (int i = 0; i < 20; i++)
        assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 2);
    assert_string_equal(story.text, "refused by IMS (temporarily_unavailable) 1;"
                                    "not refreshed, the old token is used (near its end) 0;");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_ERROR_AUTH);
    assert_token(auth, "not-a-token");
    boot_ms = 86399 * SECOND + 1;
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_ERROR_AUTH);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_slow_ims_makes_nobody_wait_for_long(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    ims_story story = {""};
    int64_t started;

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    boot_ms = 86399 * SECOND - 2 * SECOND; /* half of that is waited for at most */
    server->scene->delay_ms = 3000;
    started = now_ms();
    assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
    assert_in_range(now_ms() - started, 500, 2000);
    assert_token(auth, "not-a-token");
    assert_string_equal(story.text, "late, the old token is used 0;");
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_refusal_is_forgotten_after_a_minute(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);

    ims_answer(server, 400, "", "{\"error\":\"invalid_scope\"}");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_ERROR_AUTH);
    mono_ms = 59 * SECOND;
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 1);
    mono_ms = 61 * SECOND;
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 2);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void the_wait_that_ims_asked_for_ends(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);

    ims_answer(server, 429, "Retry-After: 500\r\n", "");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_ERROR_RATE_LIMITED);
    mono_ms = 400 * SECOND;
    assert_in_range(get_token(engine, auth, NULL).retry_after_ms, 90000, 100000);
    mono_ms = 501 * SECOND;
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* A token in the folder, by a process whose clock is right. */
static void keep_token(ims_server *server, accs_client_options *options)
{
    accs_engine *engine = new_engine();
    accs_auth *auth = new_auth(engine, options);

    ims_answer(server, 200, right_date(), TOKEN("not-a-token"));
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
    ims_restart(server);
}

static void a_kept_token_serves_where_the_clock_is_wrong(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    static const int64_t wrong[] = {-HOUR, -DAY, HOUR, DAY};

    make_folder();
    options.cache_folder = folder;
    keep_token(server, &options);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        accs_engine *engine = new_engine();
        accs_auth *auth = new_auth(engine, &options);
        accs_auth_state look;

        wall_ms = wrong[i];
        ims_restart(server);
        ims_answer(server, 200, right_date(), "{\"keys\":[]}");
        assert_int_equal(do_job(engine, auth, ACCS_AUTH_KEYS, NULL, NULL).code, ACCS_OK);
        assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
        assert_token(auth, "not-a-token");
        accs_auth_look(auth, &look);
        assert_in_range(look.left_ms, 86390 * SECOND, 86399 * SECOND);
        assert_in_range(look.skew_ms + wrong[i] + 1500, 0, 3000);
        assert_int_equal(server->scene->requests, 1);
        accs_auth_free(auth);
        accs_engine_free(engine);
    }
    remove_folder();
}

/* E1: calls with it would wait for another at once. */
static void a_kept_token_near_its_end_is_not_taken(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    static const struct {
        int64_t left_s;
        int requests;
    } cases[] = {{1800, 0}, {620, 0}, {590, 1}, {200, 1}, {0, 1}, {-5, 1}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_engine *engine = new_engine();
        accs_auth *auth;

        make_folder();
        options.cache_folder = folder;
        wall_ms = 0;
        keep_token(server, &options);
        ims_answer(server, 200, "", TOKEN("not-a-token-2"));
        wall_ms = (86399 - cases[i].left_s) * SECOND;
        auth = new_auth(engine, &options);
        assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
        assert_int_equal(server->scene->requests, cases[i].requests);
        assert_token(auth, cases[i].requests == 0 ? "not-a-token" : "not-a-token-2");
        accs_auth_free(auth);
        accs_engine_free(engine);
        ims_restart(server);
        remove_folder();
    }
}

static void a_kept_token_from_the_future_is_not_believed(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth = new_auth(engine, &options);

    accs_auth_free(auth);
    make_folder();
    options.cache_folder = folder;
    keep_token(server, &options);
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    wall_ms = -HOUR; /* and nothing has told so yet */
    auth = new_auth(engine, &options);
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    assert_token(auth, "not-a-token-2");
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* The clock is behind by less than is noticed: what is left is told right as soon as IMS answers.
 */
static void what_is_left_of_a_kept_token_is_reckoned_anew(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth;
    accs_auth_state look;

    make_folder();
    options.cache_folder = folder;
    keep_token(server, &options);
    wall_ms = 12 * HOUR;
    auth = new_auth(engine, &options);
    ims_answer(server, 200, right_date(), "{\"keys\":[]}");
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    accs_auth_look(auth, &look);
    assert_in_range(look.left_ms, 43190 * SECOND, 43200 * SECOND);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_KEYS, NULL, NULL).code, ACCS_OK);
    accs_auth_look(auth, &look);
    assert_in_range(look.left_ms, 86390 * SECOND, 86399 * SECOND);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* What a cache on the way kept tells an old time. */
static void an_aged_answer_tells_nothing(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth = new_auth(engine, &options);
    accs_auth_state look;
    char headers[128];

    wall_ms = HOUR;
    snprintf(headers, sizeof headers, "%sAge: 3600\r\n", right_date());
    ims_answer(server, 200, headers, "{\"keys\":[]}");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_KEYS, NULL, NULL).code, ACCS_OK);
    accs_auth_look(auth, &look);
    assert_int_equal(look.skew_ms, 0);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* The service's answers tell the time too. */
static void the_service_tells_the_time(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth = new_auth(engine, &options);
    accs_client_options of_client = {.base_url = server->origin, .auth = auth};
    accs_client *client = NULL;
    accs_auth_state look;
    accs_item item;

    assert_int_equal(accs_client_new(engine, &of_client, &client, NULL), ACCS_OK);
    wall_ms = -HOUR;
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, right_date(), "{}");
    start_get(client);
    item = next_but_events(engine, NULL);
    assert_int_equal(item.failure.code, ACCS_OK);
    accs_reply_free(item.reply);
    accs_auth_look(auth, &look);
    assert_in_range(look.skew_ms, HOUR - 2 * SECOND, HOUR + SECOND);
    accs_client_free(client);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* --------------------------------------------------------- what must end */

/* Who may call for ever does not wait for ever for a token. */
static void an_acquisition_ends_whatever_calls_may_take(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    accs_engine *engine = new_engine();
    accs_failure failure;
    accs_auth *auth;
    accs_item item;
    uint64_t id;

    options.timeout_ms = INT64_MAX;
    options.idle_timeout_ms = INT64_MAX;
    auth = new_auth(engine, &options);
    server->scene->delay_ms = 60000;
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, INT64_MAX, &id, &failure), ACCS_OK);
    await_requests(engine, server, 1);
    mono_ms = 2 * MINUTE;
    item = next_but_events(engine, NULL);
    assert_int_equal(item.failure.code, ACCS_ERROR_TIMEOUT);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* Answers a question: the lock is had, and nothing is kept but what is said here. */
static void answer_hook(accs_engine *engine, const accs_item *item, accs_buffer *kept)
{
    const accs_hook *hook = item->hook;
    accs_text value = {kept->bytes, kept->len};
    size_t count = hook->kind == ACCS_HOOK_LOCK || (hook->kind == ACCS_HOOK_LOAD && kept->len > 0);

    if (hook->kind == ACCS_HOOK_LOCK)
        assert_int_equal(hook->ttl_ms, 45 * SECOND);
    if (hook->kind == ACCS_HOOK_SAVE) {
        accs_buffer_clear(kept);
        assert_int_equal(accs_buffer_append(kept, hook->bytes, hook->bytes_len), ACCS_OK);
    }
    assert_int_equal(accs_engine_settle(engine, item->id, &value, count, NULL, NULL), ACCS_OK);
    accs_hook_free(item->hook);
}

/* The lock of a store ends by itself: the refresh token is not sent beyond. */
static void a_refresh_ends_before_its_lock(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_buffer kept;
    accs_auth *auth;
    accs_item item;
    uint64_t id;

    accs_buffer_init(&kept, IMS_TEXT_MAX);
    options.cache_hook = 9;
    options.cache_locks = true;
    options.cache_key = "example-not-a-key";
    options.code = "not-a-code";
    options.timeout_ms = 2 * MINUTE;
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, NULL), ACCS_OK);
    while ((item = next_but_events(engine, NULL)).kind == ACCS_ITEM_HOOK)
        answer_hook(engine, &item, &kept);
    assert_int_equal(item.failure.code, ACCS_OK);
    server->scene->delay_ms = 60000;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    while (server->scene->requests < 2) {
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
        while (accs_engine_next(engine, &item))
            if (item.kind == ACCS_ITEM_HOOK)
                answer_hook(engine, &item, &kept);
    }
    mono_ms = 36 * SECOND;
    while ((item = next_but_events(engine, NULL)).kind == ACCS_ITEM_HOOK)
        answer_hook(engine, &item, &kept);
    assert_int_equal(item.failure.code, ACCS_ERROR_TIMEOUT);
    assert_int_equal(server->scene->requests, 2);
    accs_auth_free(auth);
    accs_engine_free(engine);
    accs_buffer_wipe(&kept);
}

/* The folder is out of reach when the answer to a refresh comes, and then back. */
static void refresh_unsaved(accs_engine *engine, accs_auth *auth, ims_server *server)
{
    char aside[64];
    uint64_t id;

    snprintf(aside, sizeof aside, "%s.aside", folder);
    server->scene->delay_ms = 300;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    await_requests(engine, server, 1);
    assert_int_equal(rename(folder, aside), 0);
    close(open(folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* a file in its place */
    assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_OK);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(aside, folder), 0);
    server->scene->delay_ms = 0;
}

/* E5: the process that has the only copy may end. */
static void what_could_not_be_saved_is_saved_later(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    ims_story story = {""};
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    ims_answer(server, 200, "", SESSION("a-3", "r-3"));
    refresh_unsaved(engine, auth, server);
    mono_ms = 29 * SECOND; /* the store is left alone for a while */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
        for (int step = 0; step < 10; step++)
            assert_int_equal(accs_engine_step(engine, 10, NULL), ACCS_OK);
        assert_int_equal(get_token(engine, auth, &story).code, ACCS_OK);
        assert_string_equal(story.text, i == 0 ? "" : "stored 0;");
        mono_ms = 31 * SECOND;
    }
    assert_token(auth, "a-2");
    accs_auth_free(auth);
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 1, "refresh_token=r-2"));
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* Another signed in meanwhile. */
static void what_is_kept_by_then_is_not_overwritten(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_engine *elsewhere = new_engine();
    accs_auth *other;
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    refresh_unsaved(engine, auth, server);
    rest_ms(5); /* records know milliseconds */
    ims_restart(server);
    ims_answer(server, 200, "", SESSION("b-1", "s-1"));
    ims_answer(server, 200, "", SESSION("b-2", "s-2"));
    options.code = "not-a-code";
    other = new_auth(elsewhere, &options);
    assert_int_equal(get_token(elsewhere, other, NULL).code, ACCS_OK);
    accs_auth_free(other);
    mono_ms = 31 * SECOND;
    assert_int_equal(get_token(engine, auth, NULL).code, ACCS_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(accs_engine_step(engine, 10, NULL), ACCS_OK);
    options.code = NULL;
    other = new_auth(elsewhere, &options);
    assert_int_equal(do_job(elsewhere, other, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    assert_token(other, "b-1");
    assert_int_equal(do_job(elsewhere, other, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 1, "refresh_token=s-1"));
    accs_auth_free(other);
    accs_auth_free(auth);
    accs_engine_free(elsewhere);
    accs_engine_free(engine);
    remove_folder();
}

static int set_up(void **state)
{
    mono_ms = 0;
    boot_ms = 0;
    wall_ms = 0;
    return ims_set_up(state);
}

#define TEST_CLOCK(function) cmocka_unit_test_setup_teardown(function, set_up, ims_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CLOCK(a_wall_clock_that_steps_does_not_matter),
        TEST_CLOCK(a_token_ages_while_the_machine_sleeps),
        TEST_CLOCK(a_refresh_ahead_makes_nobody_wait),
        TEST_CLOCK(ims_may_be_down_while_the_token_lives),
        TEST_CLOCK(a_slow_ims_makes_nobody_wait_for_long),
        TEST_CLOCK(a_refusal_is_forgotten_after_a_minute),
        TEST_CLOCK(the_wait_that_ims_asked_for_ends),
        TEST_CLOCK(a_kept_token_serves_where_the_clock_is_wrong),
        TEST_CLOCK(a_kept_token_near_its_end_is_not_taken),
        TEST_CLOCK(a_kept_token_from_the_future_is_not_believed),
        TEST_CLOCK(what_is_left_of_a_kept_token_is_reckoned_anew),
        TEST_CLOCK(an_aged_answer_tells_nothing),
        TEST_CLOCK(the_service_tells_the_time),
        TEST_CLOCK(an_acquisition_ends_whatever_calls_may_take),
        TEST_CLOCK(a_refresh_ends_before_its_lock),
        TEST_CLOCK(what_could_not_be_saved_is_saved_later),
        TEST_CLOCK(what_is_kept_by_then_is_not_overwritten),
    };

    return cmocka_run_group_tests_name("token_clock", tests, NULL, NULL);
}
