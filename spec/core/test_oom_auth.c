/*
 * Memory runs out at every allocation of credentials in turn, once or from then on: every job comes
 * out once, nothing leaks, and a token can be had when there is memory again.
 */
#include "ims_support.h"
#include "oom_support.h"

enum { ROUNDS_MAX = 2000, SETTLES_MAX = 3 };

typedef struct scene {
    const ims_server *server;
    accs_engine *engine;
    accs_auth *user;   /* whose session is kept in a folder */
    accs_auth *hooked; /* whose secret the host has */
    accs_client *client;
} scene;

static void make(scene *made)
{
    accs_client_options user = user_options(made->server);
    accs_client_options hooked = ims_options(made->server);
    accs_client_options client = {.base_url = made->server->origin, .attempts = 1};

    user.code = "not-a-code";
    user.cache_folder = folder;
    user.lock_timeout_ms = 200;
    user.timeout_ms = 3000;
    hooked.client_secret = NULL;
    hooked.secret_hook = 7;
    hooked.timeout_ms = 3000;
    accs_auth_new(made->engine, &user, &made->user, NULL);
    accs_auth_new(made->engine, &hooked, &made->hooked, NULL);
    client.auth = made->user;
    if (made->user != NULL)
        accs_client_new(made->engine, &client, &made->client, NULL);
}

static bool start_job(accs_auth *auth, accs_auth_job job)
{
    uint64_t id;

    return auth != NULL && accs_auth_start(auth, job, 0, &id, NULL) == ACCS_OK;
}

static bool start_call(accs_client *client)
{
    const accs_request request = {
        .method = "GET", .path = "/V1/x", .path_len = 5, .idempotent = -1};
    uint64_t id;

    return client != NULL && accs_client_start(client, &request, &id, NULL) == ACCS_OK;
}

/* Takes so many jobs and calls from the queue, and answers for the host. How many failed. */
static unsigned drain(accs_engine *engine, unsigned count)
{
    const accs_text secret = {"example-not-a-secret", 20};
    int64_t until = now_ms() + PATIENCE_MS;
    unsigned failed = 0;
    accs_item item;

    while (count > 0) {
        assert_true(now_ms() < until);
        accs_engine_step(engine, 100, NULL);
        while (accs_engine_next(engine, &item)) {
            if (item.kind == ACCS_ITEM_HOOK)
                for (int i = 0; i < SETTLES_MAX; i++)
                    accs_engine_settle(engine, item.id, &secret, 1, NULL, NULL);
            count -= item.kind == ACCS_ITEM_DONE;
            failed += item.kind == ACCS_ITEM_DONE && item.failure.code != ACCS_OK;
            accs_reply_free(item.reply);
            accs_hook_free(item.hook);
        }
    }
    return failed;
}

static void close_in_some_order(scene *made, long round)
{
    if (round % 3 == 0)
        accs_engine_free(made->engine);
    if (round % 2 == 0)
        accs_client_free(made->client);
    accs_auth_free(made->user);
    if (round % 3 == 1)
        accs_engine_free(made->engine);
    accs_auth_free(made->hooked);
    if (round % 2 != 0)
        accs_client_free(made->client);
    if (round % 3 == 2)
        accs_engine_free(made->engine);
}

/* One run in which memory lasts for so many allocations; whether it lasted to the end. */
static bool run_starved(const ims_server *server, long round)
{
    static const accs_auth_job jobs[] = {ACCS_AUTH_TOKEN, ACCS_AUTH_REFRESH, ACCS_AUTH_VALIDATE,
                                         ACCS_AUTH_LOAD, ACCS_AUTH_KEYS};
    scene made = {.server = server};
    bool lasted;

    remove_folder();
    live = 0;
    left = round;
    if (accs_engine_new(NULL, &made.engine, NULL) == ACCS_OK) {
        make(&made);
        for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
            unsigned started = start_job(made.user, jobs[i]);

            started += start_job(made.hooked, jobs[i]);
            started += start_call(made.client);
            drain(made.engine, started);
        }
    }
    lasted = left > 0;
    left = -1;
    if (made.user != NULL) {
        assert_true(start_job(made.user, ACCS_AUTH_TOKEN));
        assert_int_equal(drain(made.engine, 1), 0);
        start_job(made.user, ACCS_AUTH_REFRESH); /* under way when all is closed */
        accs_engine_step(made.engine, 0, NULL);
    }
    close_in_some_order(&made, round);
    assert_int_equal(live, 0);
    return lasted;
}

static void memory_may_end_anywhere(void **state)
{
    ims_server *server = *state;
    long round;

    make_folder();
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    for (int kind = 0; kind < 2; kind++) {
        persistent = kind == 1;
        for (round = 0; round < ROUNDS_MAX && !run_starved(server, round); round++)
            continue;
        assert_in_range(round, 100, ROUNDS_MAX - 1); /* it really went through them all */
    }
    remove_folder();
}

/* A refresh in which one allocation fails, and one more; whether the first failed though the second
 * goes on with the session that it got. */
static bool keeps_session(ims_server *server, long round, bool *lasted)
{
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_failure failure;
    accs_auth *auth;

    ims_restart(server);
    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_true(start_job(auth, ACCS_AUTH_REFRESH));
    left = round;
    failure = next_but_events(engine, NULL).failure;
    *lasted = left > 0;
    left = -1;
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
    return failure.code != ACCS_OK &&
           ims_got(server, server->scene->requests - 1, "refresh_token=r-2");
}

static void a_new_refresh_token_is_kept_without_memory_for_its_access_token(void **state)
{
    ims_server *server = *state;
    bool lasted = false;
    int kept = 0;

    persistent = false;
    for (long round = 0; round < ROUNDS_MAX && !lasted; round++)
        kept += keeps_session(server, round, &lasted);
    assert_true(lasted);
    assert_in_range(kept, 1, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_may_end_anywhere),
        TEST(a_new_refresh_token_is_kept_without_memory_for_its_access_token),
    };

    return cmocka_run_group_tests_name("oom_auth", tests, NULL, NULL);
}
