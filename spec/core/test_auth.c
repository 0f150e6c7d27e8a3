/* Credentials and their jobs, against a server that answers from a script. */
#include "ims_support.h"

#include <fcntl.h>
#include <time.h>

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

/* ------------------------------------------------------- client secrets */

static void the_next_secret_is_tried_and_remembered(void **state)
{
    ims_server *server = *state;
    static const accs_text secrets[] = {{"not-the-new-one", 15}, {"not-the-old-one", 15}};
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    ims_story story = {""};
    accs_auth_state look;
    accs_auth *auth;

    options.client_secret = NULL;
    options.client_secrets = secrets;
    options.client_secret_count = 2;
    auth = new_auth(engine, &options);
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, &story).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 3);
    assert_true(ims_got(server, 0, "client_secret=not-the-new-one&"));
    assert_true(ims_got(server, 1, "client_secret=not-the-old-one&"));
    assert_true(ims_got(server, 2, "client_secret=not-the-old-one&"));
    assert_string_equal(story.text, "refused by IMS (invalid_client) 1;acquired (none yet) 2;"
                                    "refreshed (asked for) 2;");
    accs_auth_look(auth, &look);
    assert_int_equal(look.secret, 2);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_refusal_holds_until_a_refresh(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    ims_story story = {""};
    accs_failure first;

    ims_answer(server, 400, "x-debug-id: not-a-number-1\r\n",
               "{\"error\":\"invalid_client\",\"error_description\":\"no example-not-a-secret\"}");
    ims_answer(server, 400, "", "{\"error\":\"invalid_scope\"}");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    first = do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, &story);
    assert_int_equal(first.code, ACCS_ERROR_AUTH);
    assert_int_equal(first.status, 400);
    assert_string_equal(first.text, "no access token: IMS refused with invalid_client (no ***) "
                                    "(x-debug-id not-a-number-1)");
    for (int i = 0; i < 1000; i++) {
        accs_failure next = do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, &story);

        assert_int_equal(next.code, first.code);
        assert_string_equal(next.text, first.text);
    }
    assert_int_equal(server->scene->requests, 1);
    assert_string_equal(story.text, "refused by IMS (invalid_client) 1;not acquired (none yet) 0;");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 2);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_CLEAR, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 3);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void two_wrong_secrets_make_two_requests(void **state)
{
    ims_server *server = *state;
    static const accs_text secrets[] = {{"not-the-new-one", 15}, {"not-the-old-one", 15}};
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth;

    options.client_secret = NULL;
    options.client_secrets = secrets;
    options.client_secret_count = 2;
    auth = new_auth(engine, &options);
    ims_answer(server, 400, "", "{\"error\":\"invalid_client\"}");
    for (int i = 0; i < 100; i++)
        assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 2);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void what_may_pass_is_not_remembered(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    static const struct {
        int status;
        const char *body;
    } cases[] = {
        {400, "{\"error\":\"temporarily_unavailable\"}"},
        {401, "{\"error\":\"server_error\"}"},
        {400, "{}"},
        {403, "{\"error\":\"invalid_client\"}"},
        {200, "{\"access_token\":\"a\",\"access_token\":\"b\"}"},
        {200, "nonsense"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ims_restart(server);
        ims_answer(server, cases[i].status, "", cases[i].body);
        for (int n = 1; n <= 2; n++) {
            assert_int_not_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
            assert_int_equal(server->scene->requests, n);
        }
    }
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_wait_that_ims_asks_for_is_heeded_by_all(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);

    ims_answer(server, 429, "Retry-After: 5000\r\n", "");
    for (int i = 0; i < 10; i++) {
        accs_failure failure = do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL);

        assert_int_equal(failure.code, ACCS_ERROR_RATE_LIMITED);
        assert_in_range(failure.retry_after_ms, 4900000, 5000000);
    }
    assert_int_equal(server->scene->requests, 1);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* Takes the next question and answers it. */
static void settle(accs_engine *engine, const char *secret)
{
    accs_item item = next_but_events(engine, NULL);
    accs_text value = {secret, secret != NULL ? strlen(secret) : 0};

    assert_int_equal(item.kind, ACCS_ITEM_HOOK);
    assert_int_equal(item.hook->kind, ACCS_HOOK_SECRET);
    assert_int_equal(item.hook->host, 7);
    assert_int_equal(accs_engine_settle(engine, item.id, &value, secret != NULL ? 1 : 0,
                                        secret != NULL ? NULL : "the vault is shut", NULL),
                     ACCS_OK);
    accs_hook_free(item.hook);
}

static void the_host_is_asked_on_first_use_and_after_a_refusal(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth;
    accs_failure failure;
    uint64_t id;

    options.client_secret = NULL;
    options.secret_hook = 7;
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, NULL), ACCS_OK);
    settle(engine, NULL);
    failure = next_but_events(engine, NULL).failure;
    assert_int_equal(failure.code, ACCS_ERROR_CONFIG);
    assert_non_null(strstr(failure.text, "the vault is shut"));
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, NULL), ACCS_OK);
    settle(engine, "not-the-old-one");
    assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_OK);
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    settle(engine, "not-the-new-one");
    assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_OK);
    assert_true(ims_got(server, 0, "client_secret=not-the-old-one&"));
    assert_true(ims_got(server, 1, "client_secret=not-the-old-one&"));
    assert_true(ims_got(server, 2, "client_secret=not-the-new-one&"));
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    settle(engine, "not-the-new-one"); /* no other: once an acquisition */
    assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 4);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_wrong_secret_of_the_host_makes_one_request(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth;
    uint64_t id;

    options.client_secret = NULL;
    options.secret_hook = 7;
    auth = new_auth(engine, &options);
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(accs_auth_start(auth, ACCS_AUTH_TOKEN, 0, &id, NULL), ACCS_OK);
        for (int asked = 0; i == 0 && asked < 2; asked++)
            settle(engine, "not-the-right-one");
        assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_ERROR_AUTH);
    }
    assert_int_equal(server->scene->requests, 1);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* ------------------------------------------------------------ other jobs */

static void jobs_ask_ims_in_its_own_words(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_reply *reply = NULL;
    ims_story story = {""};
    accs_auth_state look;
    const char *body;
    size_t body_len;

    ims_answer(server, 200, "", "{\"keys\":[]}");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", "{\"valid\":false}");
    ims_answer(server, 200, "", "{\"sub\":\"x\"}");
    ims_answer(server, 400, "", "{\"error\":\"invalid_request\"}");
    ims_answer(server, 200, "", "");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_KEYS, &reply, &story).code, ACCS_OK);
    accs_reply_body(reply, &body, &body_len);
    assert_string_equal(body, "{\"keys\":[]}");
    assert_non_null(strstr(accs_reply_url(reply), "/ims/keys"));
    accs_reply_free(reply);
    assert_true(ims_got(server, 0, "GET /ims/keys HTTP"));
    assert_false(ims_got(server, 0, "Authorization"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_VALIDATE, &reply, &story).code, ACCS_OK);
    accs_reply_body(reply, &body, &body_len);
    assert_string_equal(body, "{\"valid\":false}");
    accs_reply_free(reply);
    assert_true(ims_got(server, 2, "POST /ims/validate_token/v1 HTTP"));
    assert_true(ims_got(server, 2, "X-IMS-ClientId: example\r\n"));
    assert_true(ims_got(server, 2, "type=access_token&client_id=example&token=not-a-token"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_USER_INFO, &reply, &story).code, ACCS_OK);
    accs_reply_free(reply);
    assert_true(ims_got(server, 3, "GET /ims/userinfo/v2 HTTP"));
    assert_true(ims_got(server, 3, "Authorization: Bearer not-a-token\r\n"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, &story).code, ACCS_ERROR_HTTP);
    assert_token(auth, "not-a-token"); /* IMS did not agree */
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, &story).code, ACCS_OK);
    assert_true(ims_got(server, 5, "POST /ims/revoke HTTP"));
    assert_true(
        ims_got(server, 5, "Authorization: Basic ZXhhbXBsZTpleGFtcGxlLW5vdC1hLXNlY3JldA=="));
    assert_true(ims_got(server, 5, "\r\n\r\ntoken=not-a-token"));
    accs_auth_look(auth, &look);
    assert_false(look.has_access_token);
    assert_string_equal(story.text, "acquired (none yet) 1;revoked 0;forgotten 0;");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, NULL).code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 6);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* While secrets are rotated, the one that gave the token may be gone. */
static void each_secret_may_revoke(void **state)
{
    const accs_text secrets[] = {{"not-a-secret-2", 14}, {"not-a-secret-1", 14}};
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth;

    options.client_secret = NULL;
    options.client_secrets = secrets;
    options.client_secret_count = sizeof secrets / sizeof secrets[0];
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    ims_answer(server, 200, "", "");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 1, "Authorization: Basic ZXhhbXBsZTpub3QtYS1zZWNyZXQtMg=="));
    assert_true(ims_got(server, 2, "Authorization: Basic ZXhhbXBsZTpub3QtYS1zZWNyZXQtMQ=="));
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    ims_answer(server, 401, "", "{\"error\":\"invalid_client\"}");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, NULL).code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 6);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* One errand at a time: what is wanted meanwhile follows, however the first ends. */
static void jobs_follow_one_another(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    static const accs_auth_job jobs[] = {ACCS_AUTH_TOKEN, ACCS_AUTH_CLEAR, ACCS_AUTH_LOAD,
                                         ACCS_AUTH_REFRESH};
    static const accs_error ends[] = {ACCS_ERROR_AUTH, ACCS_OK, ACCS_ERROR_AUTH, ACCS_OK};

    ims_answer(server, 400, "", "{\"error\":\"invalid_client\"}");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    for (int round = 0; round < 2; round++) {
        uint64_t ids[4];

        for (size_t i = 0; i < 4; i++)
            assert_int_equal(accs_auth_start(auth, jobs[i], 0, &ids[i], NULL), ACCS_OK);
        for (size_t i = 0; i < 4; i++) {
            accs_item item = next_but_events(engine, NULL);
            size_t which = 0;

            while (which < 3 && ids[which] != item.id)
                which++;
            if (round == 0 && jobs[which] != ACCS_AUTH_REFRESH)
                assert_int_equal(item.failure.code, ends[which]);
        }
        assert_int_equal(accs_engine_pending(engine), 0);
    }
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_ready_token_is_never_renewed(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = {.ims_url = server->origin, .access_token = "not-a-token"};
    accs_auth *auth = new_auth(engine, &options);

    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_ERROR_AUTH);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_CLEAR, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "not-a-token");
    assert_int_equal(server->scene->requests, 0);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* -------------------------------------------------------------- sessions */

static void a_code_becomes_a_session_of_a_public_client(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    ims_story story = {""};
    accs_auth_state look;
    accs_auth *auth;
    accs_text text;

    options.code = "not-a-code";
    options.code_verifier = "not-a-verifier";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    ims_answer(server, 200, "", "{\"access_token\":\"a-2\",\"refresh_token\":\"r-2\"}");
    ims_answer(server, 200, "", "{\"access_token\":\"a-3\",\"expires_in\":86399}");
    ims_answer(server, 200, "", "");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, &story).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_token(auth, "a-3");
    assert_true(accs_auth_read(auth, ACCS_AUTH_ID_TOKEN, &text));
    assert_memory_equal(text.bytes, "not-an-id", text.len);
    accs_auth_look(auth, &look);
    assert_true(look.user && look.has_refresh_token && look.has_id_token);
    assert_int_equal(look.secret, 0);
    assert_true(ims_got(server, 0,
                        "\r\n\r\ngrant_type=authorization_code&code=not-a-code&"
                        "code_verifier=not-a-verifier&client_id=example"));
    assert_false(ims_got(server, 0, "Authorization"));
    assert_true(ims_got(server, 1, "grant_type=refresh_token&refresh_token=r-1&client_id=example"));
    assert_true(ims_got(server, 2, "grant_type=refresh_token&refresh_token=r-2&client_id=example"));
    assert_string_equal(story.text, "acquired (none yet) 0;refreshed (asked for) 0;"
                                    "rotated (asked for) 0;refreshed (asked for) 0;");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 3, "\r\n\r\ntoken=r-2&client_id=example"));
    accs_auth_look(auth, &look);
    assert_false(look.has_refresh_token || look.has_id_token || look.has_access_token);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_confidential_client_signs_in_by_basic(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    accs_auth *auth;

    options.client_secret = "example-not-a-secret";
    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_true(
        ims_got(server, 0, "Authorization: Basic ZXhhbXBsZTpleGFtcGxlLW5vdC1hLXNlY3JldA=="));
    assert_false(ims_got(server, 0, "client_id"));
    assert_false(ims_got(server, 0, "example-not-a-secret"));
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void without_a_session_there_is_nothing_to_go_on_with(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    accs_auth *auth = new_auth(engine, &options);
    accs_failure failure = do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL);

    assert_int_equal(failure.code, ACCS_ERROR_AUTH);
    assert_non_null(strstr(failure.text, "no session"));
    assert_int_equal(server->scene->requests, 0);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

static void a_session_goes_on_in_another_process(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    ims_story story = {""};
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, &story).code, ACCS_OK);
    assert_token(auth, "a-1");
    assert_int_equal(server->scene->requests, 0);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_token(auth, "a-2");
    assert_true(ims_got(server, 0, "refresh_token=r-1"));
    assert_string_equal(story.text, "from the cache 0;refreshed (asked for) 0;"
                                    "rotated (asked for) 0;stored 0;");
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

static void clear_removes_what_is_kept(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_CLEAR, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_ERROR_AUTH);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* E7: the loser of a race neither fails nor takes anything from the winner. */
static void another_process_has_refreshed_already(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_engine *winner = new_engine();
    accs_client_options options = user_options(server);
    ims_story story = {""};
    accs_auth *auth;
    accs_auth *other;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    other = new_auth(winner, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    rest_ms(20); /* the other's token ends later */
    assert_int_equal(do_job(winner, other, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_token(auth, "a-2");
    assert_int_equal(server->scene->requests, 1);
    assert_string_equal(story.text, "from the cache (asked for) 0;");
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
    accs_engine_free(winner);
    remove_folder();
}

/* The new refresh token never reached us, and IMS takes the one before. */
static void the_previous_refresh_token_is_tried_once(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    accs_auth *auth;
    accs_failure failure;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    ims_answer(server, 400, "", OVER);
    ims_answer(server, 200, "", SESSION("a-3", "r-3"));
    ims_answer(server, 400, "", OVER);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "a-3");
    assert_true(ims_got(server, 1, "refresh_token=r-2"));
    assert_true(ims_got(server, 2, "refresh_token=r-1"));
    failure = do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL);
    assert_int_equal(failure.code, ACCS_ERROR_AUTH);
    assert_non_null(strstr(failure.text, "the session is over"));
    assert_true(ims_got(server, 3, "refresh_token=r-3"));
    assert_true(ims_got(server, 4, "refresh_token=r-1"));
    assert_int_equal(server->scene->requests, 5);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* E8 */
static void a_refresh_token_is_not_used_where_nothing_can_be_stored(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    accs_client_options of_server = ims_options(server);
    accs_auth *auth;
    accs_auth *other;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    remove_folder();
    close(open(folder, O_CREAT | O_WRONLY, 0600)); /* a file in its place */
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_ERROR_CACHE);
    assert_token(auth, "a-1");
    assert_int_equal(server->scene->requests, 0);
    of_server.cache_folder = folder;
    other = new_auth(engine, &of_server);
    assert_int_equal(do_job(engine, other, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 1);
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
    remove_folder();
}

/* ------------------------------------------------ the cache of a server */

static void a_token_is_shared_through_the_cache(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);
    ims_story story = {""};

    make_folder();
    options.cache_folder = folder;
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    for (int i = 0; i < 3; i++) {
        accs_engine *engine = new_engine();
        accs_auth *auth = new_auth(engine, &options);

        assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, &story).code, ACCS_OK);
        assert_token(auth, "not-a-token");
        accs_auth_free(auth);
        accs_engine_free(engine);
    }
    assert_int_equal(server->scene->requests, 1);
    assert_string_equal(story.text, "acquired (none yet) 1;stored 1;from the cache (none yet) 0;"
                                    "from the cache (none yet) 0;");
    remove_folder();
}

/* A refresh in a process that has used nothing yet is one. */
static void a_refresh_does_not_take_the_kept_token(void **state)
{
    ims_server *server = *state;
    accs_client_options options = ims_options(server);

    make_folder();
    options.cache_folder = folder;
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    for (int i = 0; i < 2; i++) {
        accs_engine *engine = new_engine();
        accs_auth *auth = new_auth(engine, &options);

        assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
        assert_token(auth, i == 0 ? "not-a-token" : "not-a-token-2");
        accs_auth_free(auth);
        accs_engine_free(engine);
    }
    assert_int_equal(server->scene->requests, 2);
    remove_folder();
}

/* E6: what the service refused is not taken from the cache again, and a newer one is. */
static void a_401_drops_one_token_only(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth;
    accs_client_options of_client = {.base_url = server->origin};
    accs_client *client = NULL;
    accs_item item;

    make_folder();
    options.cache_folder = folder;
    auth = new_auth(engine, &options);
    of_client.auth = auth;
    assert_int_equal(accs_client_new(engine, &of_client, &client, NULL), ACCS_OK);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 401, "", "{}");
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    ims_answer(server, 200, "", "{}");
    start_get(client);
    item = next_but_events(engine, NULL);
    assert_int_equal(item.failure.code, ACCS_OK);
    accs_reply_free(item.reply);
    assert_int_equal(server->scene->requests, 4);
    assert_true(ims_got(server, 3, "Authorization: Bearer not-a-token-2\r\n"));
    accs_client_free(client);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

static void a_401_finds_the_newer_token_of_another_process(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_engine *second = new_engine();
    accs_client_options options = ims_options(server);
    accs_client_options of_client = {.base_url = server->origin};
    accs_client *client = NULL;
    accs_auth *auth;
    accs_auth *other;
    accs_item item;

    make_folder();
    options.cache_folder = folder;
    auth = new_auth(engine, &options);
    other = new_auth(second, &options);
    of_client.auth = auth;
    assert_int_equal(accs_client_new(engine, &of_client, &client, NULL), ACCS_OK);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    ims_answer(server, 401, "", "{}");
    ims_answer(server, 200, "", "{}");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(second, other, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    start_get(client);
    item = next_but_events(engine, NULL);
    assert_int_equal(item.failure.code, ACCS_OK);
    accs_reply_free(item.reply);
    assert_int_equal(server->scene->requests, 4);
    assert_true(ims_got(server, 2, "Authorization: Bearer not-a-token\r\n"));
    assert_true(ims_got(server, 3, "Authorization: Bearer not-a-token-2\r\n"));
    accs_client_free(client);
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
    accs_engine_free(second);
    remove_folder();
}

/* ------------------------------------------------------------- the clock */

static void a_clock_that_differs_is_told_once(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    accs_auth *auth = new_auth(engine, &options);
    time_t when = time(NULL) + 600;
    ims_story story = {""};
    accs_auth_state look;
    struct tm parts;
    char date[64];

    strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&when, &parts));
    ims_answer(server, 200, date, TOKEN("not-a-token"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, &story).code, ACCS_OK);
    assert_non_null(strstr(story.text, "clock differs (by 59"));
    assert_null(strstr(strstr(story.text, "clock differs") + 1, "clock differs"));
    accs_auth_look(auth, &look);
    assert_in_range(look.skew_ms, 598000, 600000);
    assert_int_equal(look.life_ms, 86399000); /* its life is no matter of clocks */
    accs_auth_free(auth);
    accs_engine_free(engine);
}

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
        TEST(the_next_secret_is_tried_and_remembered),
        TEST(a_refusal_holds_until_a_refresh),
        TEST(two_wrong_secrets_make_two_requests),
        TEST(what_may_pass_is_not_remembered),
        TEST(a_wait_that_ims_asks_for_is_heeded_by_all),
        TEST(the_host_is_asked_on_first_use_and_after_a_refusal),
        TEST(a_wrong_secret_of_the_host_makes_one_request),
        TEST(jobs_ask_ims_in_its_own_words),
        TEST(each_secret_may_revoke),
        TEST(jobs_follow_one_another),
        TEST(a_ready_token_is_never_renewed),
        TEST(a_code_becomes_a_session_of_a_public_client),
        TEST(a_confidential_client_signs_in_by_basic),
        TEST(without_a_session_there_is_nothing_to_go_on_with),
        TEST(a_session_goes_on_in_another_process),
        TEST(clear_removes_what_is_kept),
        TEST(another_process_has_refreshed_already),
        TEST(the_previous_refresh_token_is_tried_once),
        TEST(a_refresh_token_is_not_used_where_nothing_can_be_stored),
        TEST(a_token_is_shared_through_the_cache),
        TEST(a_refresh_does_not_take_the_kept_token),
        TEST(a_401_drops_one_token_only),
        TEST(a_401_finds_the_newer_token_of_another_process),
        TEST(a_clock_that_differs_is_told_once),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
