/* Sessions of people whose processes die, race each other, or find no lock (E4 to E8). */
#include "ims_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

/* --------------------------------------------------------- one that dies */

/* A child that refreshes, and is killed as soon as IMS has its request. */
static void die_refreshing(ims_server *server, const accs_client_options *options)
{
    int64_t until = now_ms() + PATIENCE_MS;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        accs_engine *engine = NULL;
        accs_auth *auth = NULL;
        uint64_t id;

        if (accs_engine_new(NULL, &engine, NULL) == ACCS_OK &&
            accs_auth_new(engine, options, &auth, NULL) == ACCS_OK &&
            accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL) == ACCS_OK)
            for (;;)
                accs_engine_step(engine, 100, NULL);
        _exit(1);
    }
    while (server->scene->requests == 0) {
        assert_true(now_ms() < until);
        rest_ms(1);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ims_restart(server);
    server->scene->delay_ms = 0;
}

/* E5, before the server acted, or where it allows the same token again for a while. */
static void a_refresh_that_died_is_made_again(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    ims_story story = {""};
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    server->scene->delay_ms = 60000;
    die_refreshing(server, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_token(auth, "a-2");
    assert_true(ims_got(server, 0, "refresh_token=r-1"));
    assert_string_equal(story.text, "from the cache (asked for) 0;refreshed (asked for) 0;"
                                    "rotated (asked for) 0;stored 0;");
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* E5, after the server acted, without such grace: one clear error, and the record stays. */
static void a_session_that_was_lost_is_told_and_kept(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_auth_state look;
    accs_failure failure;
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    server->scene->delay_ms = 60000;
    die_refreshing(server, &options);
    ims_answer(server, 400, "", OVER);
    auth = new_auth(engine, &options);
    for (int i = 0; i < 3; i++) {
        failure = do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL);
        assert_int_equal(failure.code, ACCS_ERROR_AUTH);
        assert_non_null(strstr(failure.text, "the session is over"));
    }
    assert_token(auth, "a-1"); /* which lives on */
    accs_auth_free(auth);
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    accs_auth_look(auth, &look);
    assert_true(look.has_refresh_token && look.has_id_token);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* ------------------------------------------------- a lock another one has */

/* Locks what is kept in the folder; the descriptor. */
static int lock_folder(void)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    char path[300] = "";
    int fd;

    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL)
        if (strstr(entry->d_name, ".lock") != NULL)
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    closedir(entries);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

static void a_refresh_token_waits_for_the_lock(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_failure failure;
    accs_auth *auth;
    int lock;

    make_folder();
    options.cache_folder = folder;
    options.lock_timeout_ms = 200;
    sign_in(server, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    lock = lock_folder();
    auth = new_auth(engine, &options);
    failure = do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL);
    assert_int_equal(failure.code, ACCS_ERROR_CACHE);
    assert_true(failure.retryable);
    assert_int_equal(server->scene->requests, 0);
    close(lock);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "a-2");
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

static void a_server_goes_on_without_the_lock(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth;
    int64_t started;
    int lock;

    make_folder();
    options.cache_folder = folder;
    options.lock_timeout_ms = 200;
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    lock = lock_folder();
    started = now_ms();
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_in_range(now_ms() - started, 150, 2000);
    assert_token(auth, "not-a-token-2");
    close(lock);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

static void a_code_is_exchanged_without_the_lock_too(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth;
    int lock;

    make_folder();
    options.cache_folder = folder;
    options.lock_timeout_ms = 200;
    sign_in(server, &options);
    lock = lock_folder();
    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("b-1", "s-1"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "b-1"); /* not what was kept */
    close(lock);
    accs_auth_free(auth);
    options.code = NULL;
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "b-1");
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

static void the_lock_is_given_back_after_a_failure(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    ims_answer(server, 400, "", OVER);
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_ERROR_AUTH);
    close(lock_folder());
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* --------------------------------------------- a store without any lock */

typedef struct store {
    char bytes[4096];
    size_t bytes_len;
    int saves;
    bool broken;
} store;

/* Answers a question of the engine from the store. */
static void serve_hook(accs_engine *engine, const accs_item *item, store *kept)
{
    const accs_text value = {kept->bytes, kept->bytes_len};
    size_t count = item->hook->kind == ACCS_HOOK_LOAD && kept->bytes_len > 0;

    if (item->hook->kind == ACCS_HOOK_SAVE && !kept->broken) {
        assert_in_range(item->hook->bytes_len, 1, sizeof kept->bytes);
        memcpy(kept->bytes, item->hook->bytes, item->hook->bytes_len);
        kept->bytes_len = item->hook->bytes_len;
        kept->saves++;
    }
    accs_engine_settle(engine, item->id, &value, count, kept->broken ? "down" : NULL, NULL);
    accs_hook_free(item->hook);
}

/* Steps until a job ends; its failure. */
static accs_failure serve_until_done(accs_engine *engine, store *kept)
{
    for (;;) {
        accs_item item = next_but_events(engine, NULL);

        if (item.kind == ACCS_ITEM_DONE) {
            accs_reply_free(item.reply);
            return item.failure;
        }
        assert_int_equal(item.kind, ACCS_ITEM_HOOK);
        serve_hook(engine, &item, kept);
    }
}

static accs_failure do_hosted(accs_engine *engine, accs_auth *auth, accs_auth_job job, store *kept)
{
    uint64_t id;

    assert_int_equal(accs_auth_start(auth, job, 0, &id, NULL), ACCS_OK);
    return serve_until_done(engine, kept);
}

static accs_client_options hosted_options(const ims_server *server)
{
    accs_client_options options = user_options(server);

    options.cache_hook = 9;
    options.cache_key = "example-not-a-key";
    options.events = false;
    return options;
}

/* Signs in with the store. */
static void sign_in_hosted(ims_server *server, accs_engine *engine, store *kept)
{
    accs_client_options options = hosted_options(server);
    accs_auth *auth;

    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, kept).code, ACCS_OK);
    accs_auth_free(auth);
    ims_restart(server);
}

/* Both send the same refresh token; the loser finds what the winner stored. live: the winner's
 * access token serves, else its refresh token is used. */
static void lose_a_race(ims_server *server, bool live)
{
    store kept = {.saves = 0};
    accs_engine *engine = new_engine();
    accs_engine *winner = new_engine();
    accs_client_options options = hosted_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_auth *other = new_auth(winner, &options);
    int64_t until = now_ms() + PATIENCE_MS;
    accs_item item;
    uint64_t id;

    sign_in_hosted(server, winner, &kept);
    ims_answer(server, 400, "", OVER);
    if (live)
        ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    else
        ims_answer(server, 200, "",
                   "{\"access_token\":\"a-2\",\"expires_in\":1,\"refresh_token\":\"r-2\"}");
    ims_answer(server, 200, "", SESSION("a-3", "r-3"));
    server->scene->delay_ms = 300;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    while (server->scene->requests == 0) {
        assert_true(now_ms() < until);
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
        while (accs_engine_next(engine, &item))
            serve_hook(engine, &item, &kept);
    }
    assert_int_equal(do_hosted(winner, other, ACCS_AUTH_REFRESH, &kept).code, ACCS_OK);
    assert_int_equal(serve_until_done(engine, &kept).code, ACCS_OK);
    assert_true(ims_got(server, 0, "refresh_token=r-1"));
    assert_true(ims_got(server, 1, "refresh_token=r-1"));
    assert_token(auth, live ? "a-2" : "a-3");
    assert_int_equal(server->scene->requests, live ? 2 : 3);
    if (!live)
        assert_true(ims_got(server, 2, "refresh_token=r-2"));
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
    accs_engine_free(winner);
}

static void the_loser_of_a_race_takes_the_winners_token(void **state)
{
    lose_a_race(*state, true);
}

static void the_loser_of_a_race_goes_on_with_the_winners_session(void **state)
{
    lose_a_race(*state, false);
}

static void the_intent_is_saved_before_and_the_token_before_its_use(void **state)
{
    ims_server *server = *state;
    store kept = {.saves = 0};
    accs_engine *engine = new_engine();
    accs_client_options options = hosted_options(server);
    accs_auth *auth = new_auth(engine, &options);
    bool seen_intent = false;
    bool seen_token = false;
    accs_item item;
    uint64_t id;

    sign_in_hosted(server, engine, &kept);
    kept.saves = 0;
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_LOAD, &kept).code, ACCS_OK);
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    while ((item = next_but_events(engine, NULL)).kind != ACCS_ITEM_DONE) {
        if (item.hook->kind == ACCS_HOOK_SAVE) {
            assert_int_equal(server->scene->requests, kept.saves); /* 0, then 1 */
            assert_token(auth, "a-1");
            seen_intent = seen_intent || kept.saves == 0;
            seen_token = seen_token || kept.saves == 1;
            assert_int_equal(item.hook->ttl_ms, 0);
        }
        serve_hook(engine, &item, &kept);
    }
    assert_int_equal(item.failure.code, ACCS_OK);
    assert_true(seen_intent && seen_token);
    assert_int_equal(kept.saves, 2);
    assert_token(auth, "a-2");
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void without_a_saved_intent_nothing_is_sent(void **state)
{
    ims_server *server = *state;
    store kept = {.saves = 0};
    accs_engine *engine = new_engine();
    accs_client_options options = hosted_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_item item;
    uint64_t id;

    sign_in_hosted(server, engine, &kept);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    while ((item = next_but_events(engine, NULL)).kind != ACCS_ITEM_DONE) {
        kept.broken = item.hook->kind == ACCS_HOOK_SAVE;
        serve_hook(engine, &item, &kept);
    }
    assert_int_equal(item.failure.code, ACCS_ERROR_CACHE);
    assert_true(item.failure.retryable);
    assert_int_equal(server->scene->requests, 0);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* Steps until IMS has that many requests. */
static void await_requests(accs_engine *engine, const ims_server *server, int count)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (server->scene->requests < count) {
        assert_true(now_ms() < until);
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    }
}

/* What is kept is older than what could not be saved. */
static void a_session_that_could_not_be_saved_is_not_lost_in_memory(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    ims_story story = {""};
    char aside[64];
    accs_auth *auth;
    uint64_t id;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    snprintf(aside, sizeof aside, "%s.aside", folder);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    ims_answer(server, 200, "", SESSION("a-3", "r-3"));
    server->scene->delay_ms = 300;
    auth = new_auth(engine, &options);
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    await_requests(engine, server, 1);
    assert_int_equal(rename(folder, aside), 0);
    close(open(folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* a file in its place */
    assert_int_equal(next_but_events(engine, &story).failure.code, ACCS_OK);
    assert_token(auth, "a-2");
    assert_non_null(strstr(story.text, "cache: not written"));
    assert_null(strstr(story.text, ";stored"));
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(aside, folder), 0);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 0, "refresh_token=r-1"));
    assert_true(ims_got(server, 1, "refresh_token=r-2"));
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* ------------------------------------------------------------------ fork */

typedef struct family {
    accs_engine *engine;
    accs_auth *auth;
} family;

static int free_in_a_child(void *context)
{
    family *both = context;

    accs_auth_free(both->auth);
    accs_engine_free(both->engine);
    return 0;
}

static void a_forked_child_leaves_lock_and_request_to_its_parent(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    family both = {.engine = new_engine()};
    accs_item item;
    uint64_t id;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    server->scene->delay_ms = 300;
    both.auth = new_auth(both.engine, &options);
    assert_int_equal(accs_auth_start(both.auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    await_requests(both.engine, server, 1);
    assert_int_equal(in_a_child(free_in_a_child, &both), 0);
    item = next_but_events(both.engine, NULL);
    assert_int_equal(item.failure.code, ACCS_OK);
    assert_token(both.auth, "a-2");
    accs_auth_free(both.auth);
    accs_engine_free(both.engine);
    remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refresh_that_died_is_made_again),
        TEST(a_session_that_was_lost_is_told_and_kept),
        TEST(a_refresh_token_waits_for_the_lock),
        TEST(a_server_goes_on_without_the_lock),
        TEST(a_code_is_exchanged_without_the_lock_too),
        TEST(the_lock_is_given_back_after_a_failure),
        TEST(the_loser_of_a_race_takes_the_winners_token),
        TEST(the_loser_of_a_race_goes_on_with_the_winners_session),
        TEST(the_intent_is_saved_before_and_the_token_before_its_use),
        TEST(without_a_saved_intent_nothing_is_sent),
        TEST(a_session_that_could_not_be_saved_is_not_lost_in_memory),
        TEST(a_forked_child_leaves_lock_and_request_to_its_parent),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
