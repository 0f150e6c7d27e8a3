/* Credentials and their jobs, against a server that answers from a script. */
#include "ims_support.h"

#define TOKEN(name) "{\"access_token\":\"" name "\",\"token_type\":\"bearer\",\"expires_in\":86399}"

static void a_token_comes_once_and_serves(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_auth *other = new_auth(engine, &options);
    accs_auth_state look;
    accs_text text;

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    accs_auth_look(auth, &look);
    assert_false(look.has_access_token);
    assert_false(accs_auth_read(auth, ACCS_AUTH_ACCESS_TOKEN, &text));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, other, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "not-a-token");
    assert_token(other, "not-a-token");
    accs_auth_look(auth, &look);
    assert_true(look.has_access_token);
    assert_false(look.user);
    assert_int_equal(look.life_ms, 86399000);
    assert_in_range(look.left_ms, 86399000 - PATIENCE_MS, 86399000);
    assert_int_equal(server->scene->requests, 1);
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
}

static void a_refresh_gets_another_token(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "not-a-token-2");
    assert_int_equal(server->scene->requests, 2);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_client_shares_the_source_and_outlives_the_auth(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_client_options of_client = {.base_url = server->origin, .auth = auth};
    accs_client *client = NULL;
    accs_item item;

    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", "{}");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(accs_client_new(engine, &of_client, &client, NULL), ACCS_OK);
    accs_auth_free(auth);
    start_get(client);
    item = next_but_events(engine, NULL);
    assert_int_equal(item.failure.code, ACCS_OK);
    accs_reply_free(item.reply);
    assert_int_equal(server->scene->requests, 2);
    assert_true(ims_got(server, 1, "Authorization: Bearer not-a-token\r\n"));
    assert_true(ims_got(server, 1, "x-api-key: example\r\n"));
    accs_client_free(client);
    accs_engine_free(engine);
}

static void the_engine_may_go_first(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_engine *second = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_client_options of_client = {.base_url = server->origin, .auth = auth};
    accs_client *client = NULL;
    accs_auth_state look;
    accs_text text;
    accs_failure failure;
    uint64_t id;

    server->scene->delay_ms = 10000;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, NULL), ACCS_OK);
    assert_int_equal(accs_engine_step(engine, 50, NULL), ACCS_OK);
    assert_int_equal(accs_client_new(second, &of_client, &client, &failure), ACCS_ERROR_CONFIG);
    accs_engine_free(engine);
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, &failure), ACCS_ERROR_CLOSED);
    assert_int_equal(accs_client_new(second, &of_client, &client, &failure), ACCS_ERROR_CLOSED);
    assert_false(accs_auth_read(auth, ACCS_AUTH_ACCESS_TOKEN, &text));
    accs_auth_look(auth, &look);
    assert_false(look.has_access_token);
    accs_auth_free(auth);
    accs_engine_free(second);
}

static void a_job_ends_by_time_cancelling_or_closing(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    uint64_t ids[3];
    accs_item item;

    server->scene->delay_ms = 10000;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 100, &ids[0], NULL), ACCS_OK);
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &ids[1], NULL), ACCS_OK);
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &ids[2], NULL), ACCS_OK);
    item = next_but_events(engine, NULL);
    assert_true(item.id == ids[0]);
    assert_int_equal(item.failure.code, ACCS_ERROR_TIMEOUT);
    accs_engine_cancel(engine, ids[1]);
    item = next_but_events(engine, NULL);
    assert_true(item.id == ids[1]);
    assert_int_equal(item.failure.code, ACCS_ERROR_CANCELLED);
    accs_auth_free(auth);
    item = next_but_events(engine, NULL);
    assert_true(item.id == ids[2]);
    assert_int_equal(item.failure.code, ACCS_ERROR_CANCELLED);
    assert_int_equal(accs_engine_pending(engine), 0);
    accs_engine_free(engine);
}

static void mistakes_in_options_are_told(void **state)
{
    ims_server *server = *state;
    static const accs_text empty = {"", 0};
    static const accs_text many[9] = {{"a", 1}, {"a", 1}, {"a", 1}, {"a", 1}, {"a", 1},
                                      {"a", 1}, {"a", 1}, {"a", 1}, {"a", 1}};
    const struct {
        accs_client_options options;
        const char *text;
    } cases[] = {
        {{.client_secret = "x"}, "client_id is missing"},
        {{.client_id = "x"}, "client_secret is missing"},
        {{.client_id = "x", .client_secrets = &empty, .client_secret_count = 1}, "empty secret"},
        {{.client_id = "x", .client_secrets = many, .client_secret_count = 9}, "more than 8"},
        {{.client_id = "x\n", .client_secret = "x"}, "control character"},
        {{.client_id = "x", .client_secret = "x", .cache_folder = "/x", .cache_hook = 1}, "both"},
        {{.client_id = "x", .user = true, .cache_hook = 1}, "cache_key is missing"},
        {{.client_id = "x", .client_secret = "x", .ims_url = "nonsense"}, "ims_url"},
        {{.client_id = "x", .client_secret = "x", .min_tls = "9"}, "min_tls"},
    };
    accs_engine *engine = new_engine();

    (void)server;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_auth *auth = NULL;
        accs_failure failure = {.code = ACCS_OK};

        assert_int_equal(accs_auth_new(engine, &cases[i].options, &auth, &failure),
                         ACCS_ERROR_CONFIG);
        assert_non_null(strstr(failure.text, cases[i].text));
        assert_null(auth);
    }
    accs_engine_free(engine);
}

static int refused_in_a_child(void *context)
{
    accs_auth *auth = context;
    accs_failure failure;
    uint64_t id;

    return accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, &failure) == ACCS_ERROR_CLOSED ? 0 : 1;
}

static void a_forked_child_is_refused(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);

    assert_int_equal(in_a_child(refused_in_a_child, auth), 0);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static int set_up(void **state)
{
    static ims_server server; /* of the test that runs */

    without_proxies(NULL);
    ims_start(&server);
    *state = &server;
    return 0;
}

static int tear_down(void **state)
{
    ims_stop(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_comes_once_and_serves),
        TEST(a_refresh_gets_another_token),
        TEST(a_client_shares_the_source_and_outlives_the_auth),
        TEST(the_engine_may_go_first),
        TEST(a_job_ends_by_time_cancelling_or_closing),
        TEST(mistakes_in_options_are_told),
        TEST(a_forked_child_is_refused),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
