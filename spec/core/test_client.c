#include "engine_support.h"
#include "wipe_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const accs_client_options GOOD = {
    .base_url = "https://example.com/tenant",
    .client_id = "id",
    .client_secret = "not-a-secret",
};

/* Clients and token sources that live on the engine. */
static size_t members(const accs_engine *engine)
{
    size_t count = 0;

    for (const accs_member *member = accs_engine_members(engine); member != NULL;
         member = member->next)
        count++;
    return count;
}

typedef struct option_case {
    const char *word; /* that the text must hold */
    accs_client_options change;
} option_case;

/* What stands in change goes over GOOD; "" takes an option away. */
static accs_client_options changed(const accs_client_options *change)
{
    accs_client_options options = GOOD;

#define CHANGE(field)                                                                              \
    if (change->field != NULL)                                                                     \
    options.field = change->field[0] != '\0' ? change->field : NULL
    CHANGE(base_url);
    CHANGE(ims_url);
    CHANGE(client_id);
    CHANGE(client_secret);
    CHANGE(access_token);
    CHANGE(org_id);
    CHANGE(store);
    CHANGE(user_agent);
#undef CHANGE
    return options;
}

static void refused_options_leave_nothing_behind(void **state)
{
    static const option_case cases[] = {
        {"base_url", {.base_url = ""}},
        {"base_url", {.base_url = "http://example.com"}},
        {"base_url", {.base_url = "ftp://example.com"}},
        {"base_url", {.base_url = "https://u:not-a-secret@example.com"}},
        {"base_url", {.base_url = "https://example.com/?q"}},
        {"base_url", {.base_url = "https://example.com/a/../b"}},
        {"base_url", {.base_url = "https://example.com/\r\nX: y"}},
        {"base_url", {.base_url = "example.com"}},
        {"ims_url", {.ims_url = "http://example.com"}},
        {"ims_url", {.ims_url = "https://example.com\n"}},
        {"client_id is missing", {.client_id = ""}},
        {"client_secret is missing", {.client_secret = ""}},
        {"client_id", {.client_id = "a\r\nX: y"}},
        {"client_id", {.client_id = "a\x7f"}},
        {"access_token", {.access_token = "a\nb"}},
        {"org_id", {.org_id = "a\rb"}},
        {"store", {.store = "\x01"}},
        {"user_agent", {.user_agent = "a\nHost: b"}},
    };
    accs_engine *engine = new_engine();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_client_options options = changed(&cases[i].change);
        accs_failure failure = {.code = ACCS_OK};
        accs_client *client = NULL;

        if (accs_client_new(engine, &options, &client, &failure) != ACCS_ERROR_CONFIG ||
            failure.code != ACCS_ERROR_CONFIG || strstr(failure.text, cases[i].word) == NULL)
            fail_msg("case %zu, %s: %s", i, cases[i].word, failure.text);
        assert_null(client);
        assert_null(strstr(failure.text, "not-a-secret"));
        assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_ERROR_CONFIG);
        assert_int_equal(members(engine), 0);
        assert_int_equal(accs_engine_pending(engine), 0);
        assert_int_equal(accs_engine_timers(engine)->reserved, 0);
    }
    accs_engine_free(engine);
}

static void no_options_are_refused_too(void **state)
{
    accs_engine *engine = new_engine();
    accs_client *client = NULL;
    accs_failure failure = {.code = ACCS_OK};

    (void)state;
    assert_int_equal(accs_client_new(engine, NULL, &client, &failure), ACCS_ERROR_CONFIG);
    assert_non_null(strstr(failure.text, "base_url"));
    assert_null(client);
    accs_client_free(NULL);
    accs_engine_free(engine);
}

/* A path may hold a NUL, so its length stands beside it; 0: up to the NUL. */
static const struct {
    const char *method;
    const char *path;
    size_t path_len;
    accs_header header; /* no name: none */
    const char *store;
    const char *content_type;
} REQUESTS[] = {
    {.method = "OPTIONS", .path = "/V1/x"},
    {.method = "get", .path = "/V1/x"},
    {.method = "GET ", .path = "/V1/x"},
    {.method = "", .path = "/V1/x"},
    {.method = "GET\r\nX: y", .path = "/V1/x"},
    {.method = "GET", .path = "/V1/x y"},
    {.method = "GET", .path = "/V1/x\r\nX: y"},
    {.method = "GET", .path = "/V1/x\ny"},
    {.method = "GET", .path = "/V1/x\0y", .path_len = 7},
    {.method = "GET", .path = "/V1/%00"},
    {.method = "GET", .path = "/V1/%zz"},
    {.method = "GET", .path = "/V1/../../other"},
    {.method = "GET", .path = "/V1/%2e%2E/other"},
    {.method = "GET", .path = "//example.org/V1/x"},
    {.method = "GET", .path = "https://example.org/V1/x"},
    {.method = "GET", .path = "https://example.com/tenant2/x"},
    {.method = "GET", .path = "/V1/x#y"},
    {.method = "GET", .path = "/V1\\x"},
    {.method = "GET", .path = "/V1/\xc3\xa9"},
    {.method = "GET", .path = "/V1/x", .header = {"", "v"}},
    {.method = "GET", .path = "/V1/x", .header = {"a b", "v"}},
    {.method = "GET", .path = "/V1/x", .header = {"a:", "v"}},
    {.method = "GET", .path = "/V1/x", .header = {"a\r\nb", "v"}},
    {.method = "GET", .path = "/V1/x", .header = {"a", "v\r\nb: c"}},
    {.method = "GET", .path = "/V1/x", .header = {"a", "v\n"}},
    {.method = "GET", .path = "/V1/x", .header = {"a", NULL}},
    {.method = "GET", .path = "/V1/x", .header = {"authorization", "v"}},
    {.method = "GET", .path = "/V1/x", .header = {"HOST", "v"}},
    {.method = "GET", .path = "/V1/x", .header = {"Content-Length", "1"}},
    {.method = "GET", .path = "/V1/x", .header = {"transfer-encoding", "chunked"}},
    {.method = "GET", .path = "/V1/x", .header = {"X-Api-Key", "v"}},
    {.method = "GET", .path = "/V1/x", .store = "a\nb"},
    {.method = "POST", .path = "/V1/x", .content_type = "text/plain\r\nX: y"},
};

static accs_error start_case(accs_client *client, size_t number, accs_failure *failure)
{
    uint64_t id = 77;
    accs_request request = {
        .method = REQUESTS[number].method,
        .path = REQUESTS[number].path,
        .path_len = REQUESTS[number].path_len > 0 ? REQUESTS[number].path_len
                                                  : strlen(REQUESTS[number].path),
        .headers = &REQUESTS[number].header,
        .header_count = REQUESTS[number].header.name != NULL ? 1 : 0,
        .store = REQUESTS[number].store,
        .content_type = REQUESTS[number].content_type,
        .idempotent = -1,
    };
    accs_error error = accs_client_start(client, &request, &id, failure);

    assert_int_equal(id, 77);
    return error;
}

static void refused_requests_leave_nothing_pending(void **state)
{
    accs_engine *engine = new_engine();
    accs_client *client = NULL;
    size_t reserved;

    (void)state;
    assert_int_equal(accs_client_new(engine, &GOOD, &client, NULL), ACCS_OK);
    reserved = accs_engine_timers(engine)->reserved;
    for (size_t i = 0; i < COUNT(REQUESTS); i++) {
        accs_failure failure = {.code = ACCS_OK};

        if (start_case(client, i, &failure) != ACCS_ERROR_CONFIG ||
            failure.code != ACCS_ERROR_CONFIG || failure.outcome != ACCS_OUTCOME_NOT_SENT ||
            failure.text[0] == '\0' || strpbrk(failure.text, "\r\n") != NULL)
            fail_msg("request %zu: %s", i, failure.text);
        assert_int_equal(start_case(client, i, NULL), ACCS_ERROR_CONFIG);
        assert_int_equal(accs_engine_pending(engine), 0);
        assert_int_equal(accs_engine_timers(engine)->reserved, reserved);
    }
    assert_true(queue_is_empty(engine));
    assert_int_equal(accs_engine_timeout_ms(engine), -1); /* not even a token is asked for */
    accs_client_free(client);
    accs_engine_free(engine);
}

static void too_many_and_too_long_headers_are_refused(void **state)
{
    static char value[16385];
    accs_header headers[65];
    accs_engine *engine = new_engine();
    accs_client *client = new_client(engine, closed_port(), 0);
    accs_request request = {.method = "GET", .path = "/x", .path_len = 2, .headers = headers};
    uint64_t id;

    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++)
        headers[i] = (accs_header){"a", "v"};
    request.header_count = 65;
    assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_ERROR_CONFIG);
    memset(value, 'v', sizeof value - 1);
    headers[0].value = value; /* with its name one byte over 16384 */
    request.header_count = 1;
    assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_ERROR_CONFIG);
    assert_int_equal(accs_engine_pending(engine), 0);
    value[16383] = '\0';
    request.header_count = 64;
    assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_OK);
    assert_int_equal(accs_engine_pending(engine), 1);
    accs_client_free(client);
    accs_engine_free(engine);
}

static void read_only_refuses_every_write(void **state)
{
    static const struct {
        const char *method;
        accs_error error;
    } cases[] = {
        {"GET", ACCS_OK},
        {"HEAD", ACCS_OK},
        {"POST", ACCS_ERROR_CONFIG},
        {"PUT", ACCS_ERROR_CONFIG},
        {"PATCH", ACCS_ERROR_CONFIG},
        {"DELETE", ACCS_ERROR_CONFIG},
    };
    accs_engine *engine = new_engine();
    accs_client_options options = GOOD;
    accs_client *client = NULL;
    size_t started = 0;

    (void)state;
    options.read_only = true;
    assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_request request = {.method = cases[i].method, .path = "/x", .path_len = 2};
        accs_failure failure;
        uint64_t id;

        assert_int_equal(accs_client_start(client, &request, &id, &failure), cases[i].error);
        started += cases[i].error == ACCS_OK;
        if (cases[i].error != ACCS_OK)
            assert_non_null(strstr(failure.text, "read_only"));
        assert_int_equal(accs_engine_pending(engine), started);
    }
    accs_client_free(client);
    accs_engine_free(engine);
}

static void nobody_listens_is_one_network_failure(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    accs_engine *engine = new_engine();
    accs_client *client = new_client(engine, closed_port(), 0);

    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++) {
        accs_request request = {.method = methods[i], .path = "/x", .path_len = 2};
        uint64_t id;
        accs_item item;

        assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_OK);
        item = next_item(engine);
        assert_int_equal(item.kind, ACCS_ITEM_DONE);
        assert_int_equal(item.id, id);
        assert_int_equal(item.failure.code, ACCS_ERROR_NETWORK);
        assert_int_equal(item.failure.outcome, ACCS_OUTCOME_NOT_SENT);
        assert_int_equal(item.failure.attempts, 0);
        assert_int_equal(item.failure.curl_code, CURLE_COULDNT_CONNECT);
        assert_true(item.failure.retryable);
        assert_null(item.reply);
        assert_int_equal(accs_engine_step(engine, 10, NULL), ACCS_OK);
        assert_true(queue_is_empty(engine));
        assert_int_equal(accs_engine_pending(engine), 0);
    }
    accs_client_free(client);
    accs_engine_free(engine);
}

static void without_ims_no_call_leaves(void **state)
{
    enum { CALLS = 5 };
    char ims_url[64];
    accs_client_options options = GOOD;
    accs_engine *engine = new_engine();
    accs_client *client = NULL;

    (void)state;
    sprintf(ims_url, "http://127.0.0.1:%u", closed_port());
    options.ims_url = ims_url;
    options.attempts = 1;
    assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
    for (int i = 0; i < CALLS; i++)
        start_get(client);
    for (int i = 0; i < CALLS; i++) {
        accs_item item = next_item(engine);

        assert_int_equal(item.failure.code, ACCS_ERROR_NETWORK);
        assert_int_equal(item.failure.outcome, ACCS_OUTCOME_NOT_SENT);
        assert_memory_equal(item.failure.text, "no access token: ", 17);
        assert_null(strstr(item.failure.text, "not-a-secret"));
    }
    assert_true(queue_is_empty(engine));
    assert_int_equal(accs_engine_pending(engine), 0);
    accs_client_free(client);
    accs_engine_free(engine);
}

/* A server that is silent, and a client with one place: one call is sent, the others wait. */
static void freeing_a_client_cancels_its_calls(void **state)
{
    enum { CALLS = 4 };
    uint16_t port;
    int listener = open_port(&port);
    accs_engine *engine = new_engine();
    accs_client *client = new_client(engine, port, 1);
    accs_client *other = new_client(engine, port, 1);
    uint64_t ids[CALLS];
    uint64_t others;
    int64_t until = now_ms() + 200;

    (void)state;
    for (int i = 0; i < CALLS; i++)
        ids[i] = start_get(client);
    others = start_get(other);
    while (now_ms() < until)
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    assert_true(queue_is_empty(engine));
    accs_client_free(client);
    for (int i = 0; i < CALLS; i++) {
        accs_item item = next_item(engine);
        bool first = item.id == ids[0];

        assert_int_equal(item.failure.code, ACCS_ERROR_CANCELLED);
        assert_int_equal(item.failure.outcome,
                         first ? ACCS_OUTCOME_UNKNOWN : ACCS_OUTCOME_NOT_SENT);
        assert_int_equal(item.failure.attempts, first ? 1 : 0);
        assert_true(item.id != others);
        assert_null(item.reply);
    }
    assert_true(queue_is_empty(engine));
    assert_int_equal(accs_engine_pending(engine), 1); /* the other client's */
    accs_client_free(other);
    assert_int_equal(next_item(engine).id, others);
    accs_engine_free(engine);
    close(listener);
}

static void a_place_that_becomes_free_is_given_on(void **state)
{
    uint16_t port;
    int listener = open_port(&port);
    accs_engine *engine = new_engine();
    accs_client *client = new_client(engine, port, 1);
    uint64_t first = start_get(client);
    uint64_t second = start_get(client);
    int64_t until;
    accs_item item;

    (void)state;
    assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    accs_engine_cancel(engine, first);
    assert_int_equal(next_item(engine).id, first);
    for (until = now_ms() + 200; now_ms() < until;)
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    accs_engine_cancel(engine, second);
    item = next_item(engine);
    assert_int_equal(item.id, second);
    assert_int_equal(item.failure.attempts, 1); /* it had left */
    accs_client_free(client);
    accs_engine_free(engine);
    close(listener);
}

static void a_deadline_ends_a_call_that_waits_for_an_answer(void **state)
{
    uint16_t port;
    int listener = open_port(&port);
    accs_engine *engine = new_engine();
    accs_client *client = new_client(engine, port, 0);
    accs_request request = {.method = "POST", .path = "/x", .path_len = 2, .timeout_ms = 150};
    uint64_t id;
    int64_t start = now_ms();
    accs_item item;

    (void)state;
    assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_OK);
    item = next_item(engine);
    assert_in_range(now_ms() - start, 150, PATIENCE_MS);
    assert_int_equal(item.id, id);
    assert_int_equal(item.failure.code, ACCS_ERROR_TIMEOUT);
    assert_int_equal(item.failure.outcome, ACCS_OUTCOME_UNKNOWN);
    assert_int_equal(item.failure.attempts, 1);
    assert_non_null(strstr(item.failure.text, "for the answer"));
    accs_client_free(client);
    accs_engine_free(engine);
    close(listener);
}

/* "For ever" must not turn into the past. */
static void the_largest_limits_are_far_away(void **state)
{
    uint16_t port;
    int listener = open_port(&port);
    char base_url[64];
    accs_engine *engine = new_engine();
    accs_client *client = NULL;
    accs_client_options options = {
        .base_url = base_url,
        .access_token = "t",
        .connect_timeout_ms = INT64_MAX,
        .idle_timeout_ms = INT64_MAX,
        .timeout_ms = INT64_MAX,
        .max_retry_after_ms = INT64_MAX,
        .attempts = UINT32_MAX,
        .max_body = SIZE_MAX,
        .max_headers = SIZE_MAX,
        .max_concurrency = SIZE_MAX,
    };
    accs_request request = {.method = "GET", .path = "/x", .path_len = 2};
    uint64_t id;
    accs_item item;

    (void)state;
    sprintf(base_url, "http://127.0.0.1:%u", port);
    assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
    for (int given = 0; given < 2; given++) {
        request.timeout_ms = given ? INT64_MAX : 0;
        request.max_retry_after_ms = given ? INT64_MAX : 0;
        assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_OK);
        assert_int_equal(accs_engine_step(engine, 50, NULL), ACCS_OK);
        assert_true(queue_is_empty(engine));
        accs_engine_cancel(engine, id);
        item = next_item(engine);
        assert_int_equal(item.failure.code, ACCS_ERROR_CANCELLED);
    }
    accs_client_throttle(client, INT64_MAX);
    start_get(client);
    item = next_item(engine);
    assert_int_equal(item.failure.code, ACCS_ERROR_RATE_LIMITED);
    accs_client_free(client);
    accs_engine_free(engine);
    close(listener);
}

static void a_paused_client_fails_at_once_when_the_pause_is_too_long(void **state)
{
    accs_engine *engine = new_engine();
    accs_client *client = new_client(engine, closed_port(), 0);
    accs_item item;

    (void)state;
    accs_client_throttle(client, 100000);
    start_get(client);
    item = next_item(engine);
    assert_int_equal(item.failure.code, ACCS_ERROR_RATE_LIMITED);
    assert_int_equal(item.failure.outcome, ACCS_OUTCOME_NOT_SENT);
    assert_in_range(item.failure.retry_after_ms, 90000, 100000);
    assert_true(item.failure.retryable);
    accs_client_free(client);
    accs_engine_free(engine);
}

static void clients_of_one_identity_share_a_token_source(void **state)
{
    accs_engine *engine = new_engine();
    accs_client_options other_secret = GOOD;
    accs_client_options other_base = GOOD;
    accs_client *clients[3] = {NULL};

    (void)state;
    other_base.base_url = "https://example.com/other";
    other_base.events = true;
    other_base.timeout_ms = 5;
    other_secret.client_secret = "another";
    assert_int_equal(accs_client_new(engine, &GOOD, &clients[0], NULL), ACCS_OK);
    assert_int_equal(members(engine), 2);
    assert_int_equal(accs_client_new(engine, &other_base, &clients[1], NULL), ACCS_OK);
    assert_int_equal(members(engine), 3);
    assert_int_equal(accs_client_new(engine, &other_secret, &clients[2], NULL), ACCS_OK);
    assert_int_equal(members(engine), 5);
    assert_true(accs_client_handle(clients[0]) != 0);
    assert_true(accs_client_handle(clients[0]) != accs_client_handle(clients[1]));
    watch_wiping("not-a-secret");
    accs_client_free(clients[0]);
    assert_int_equal(members(engine), 4);
    assert_int_equal(wiped_count, 0); /* the second still needs it */
    accs_client_free(clients[1]);
    assert_int_equal(members(engine), 2);
    assert_int_equal(wiped_count, 1);
    accs_client_free(clients[2]);
    assert_int_equal(members(engine), 0);
    assert_int_equal(accs_engine_timers(engine)->reserved, 0);
    watch_wiping(NULL);
    accs_engine_free(engine);
}

/* The identity's copy and the form of the request under way. */
static void secrets_are_wiped_while_a_token_is_asked_for(void **state)
{
    uint16_t port;
    int listener = open_port(&port);
    char ims_url[64];
    accs_client_options options = GOOD;

    (void)state;
    sprintf(ims_url, "http://127.0.0.1:%u", port);
    options.ims_url = ims_url;
    for (int engine_first = 0; engine_first < 2; engine_first++) {
        accs_engine *engine = new_engine();
        accs_client *client = NULL;

        assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
        start_get(client);
        assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
        assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
        watch_wiping("not-a-secret");
        if (engine_first)
            accs_engine_free(engine);
        accs_client_free(client);
        assert_int_equal(wiped_count, 2);
        watch_wiping(NULL);
        if (!engine_first)
            accs_engine_free(engine);
    }
    close(listener);
}

static void without_its_engine_a_client_is_closed(void **state)
{
    const accs_request request = {.method = "GET", .path = "/x", .path_len = 2};
    accs_engine *engine = new_engine();
    accs_client *client = NULL;
    accs_client *second = NULL;
    accs_failure failure;
    uint64_t handle;
    uint64_t id = 77;

    (void)state;
    assert_int_equal(accs_client_new(engine, &GOOD, &client, NULL), ACCS_OK);
    assert_int_equal(accs_client_new(engine, &GOOD, &second, NULL), ACCS_OK);
    handle = accs_client_handle(client);
    start_get(client);
    accs_engine_free(engine);
    assert_int_equal(accs_client_start(client, &request, &id, &failure), ACCS_ERROR_CLOSED);
    assert_int_equal(failure.code, ACCS_ERROR_CLOSED);
    assert_int_equal(id, 77);
    assert_int_equal(accs_client_start(second, &request, &id, NULL), ACCS_ERROR_CLOSED);
    accs_client_throttle(client, 1000);
    assert_int_equal(accs_client_handle(client), handle);
    accs_client_free(client);
    accs_client_free(second);
}

static void events_tell_of_attempts_and_hold_no_token(void **state)
{
    static const accs_event_kind kinds[] = {ACCS_EVENT_REQUEST, ACCS_EVENT_RESPONSE};
    char base_url[64];
    accs_client_options options = {.base_url = base_url, .access_token = "not-a-token"};
    accs_engine *engine = new_engine();
    accs_client *client = NULL;
    accs_item item;
    uint64_t id;

    (void)state;
    sprintf(base_url, "http://127.0.0.1:%u", closed_port());
    options.events = true;
    options.attempts = 1;
    assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
    id = start_get(client);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        item = next_item(engine);
        assert_int_equal(item.kind, ACCS_ITEM_EVENT);
        assert_int_equal(item.id, accs_client_handle(client));
        assert_int_equal(item.event.kind, kinds[i]);
        assert_int_equal(item.event.call, id);
        assert_int_equal(item.event.attempt, 1);
        assert_string_equal(item.event.method, "GET");
        assert_non_null(strstr(item.event.url, "/V1/x"));
        assert_null(memmem(&item, sizeof item, "not-a-token", 11));
    }
    assert_int_equal(item.event.error, ACCS_ERROR_NETWORK);
    assert_int_equal(next_item(engine).kind, ACCS_ITEM_DONE);
    accs_client_throttle(client, 5);
    item = next_item(engine);
    assert_int_equal(item.event.kind, ACCS_EVENT_THROTTLE);
    assert_int_equal(item.event.delay_ms, 5);
    assert_true(queue_is_empty(engine));
    accs_client_free(client);
    accs_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_options_leave_nothing_behind),
        cmocka_unit_test(no_options_are_refused_too),
        cmocka_unit_test(refused_requests_leave_nothing_pending),
        cmocka_unit_test(too_many_and_too_long_headers_are_refused),
        cmocka_unit_test(read_only_refuses_every_write),
        cmocka_unit_test(nobody_listens_is_one_network_failure),
        cmocka_unit_test(without_ims_no_call_leaves),
        cmocka_unit_test(freeing_a_client_cancels_its_calls),
        cmocka_unit_test(a_place_that_becomes_free_is_given_on),
        cmocka_unit_test(a_deadline_ends_a_call_that_waits_for_an_answer),
        cmocka_unit_test(the_largest_limits_are_far_away),
        cmocka_unit_test(a_paused_client_fails_at_once_when_the_pause_is_too_long),
        cmocka_unit_test(clients_of_one_identity_share_a_token_source),
        cmocka_unit_test(secrets_are_wiped_while_a_token_is_asked_for),
        cmocka_unit_test(without_its_engine_a_client_is_closed),
        cmocka_unit_test(events_tell_of_attempts_and_hold_no_token),
    };

    return cmocka_run_group_tests_name("client", tests, without_proxies, NULL);
}
