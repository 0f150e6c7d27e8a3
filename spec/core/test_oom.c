/*
 * Memory runs out at every allocation of the core in turn, once or from then
 * on, while calls are made: nothing leaks, every call comes out of the queue
 * once, and the client works when there is memory again. The Makefile links
 * this with --wrap, so that the core's allocations come here.
 */
#include "engine_support.h"
#include "jwt_support.h"
#include "oom_support.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <zlib.h>

enum { ROUNDS_MAX = 2000, PATH_LEN = 5 };

/* The linker gives these names.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
int __real_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static long unwatched; /* so many sockets the kernel refuses to watch from now on */
static long refused;

int __wrap_epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
    if (what == EPOLL_CTL_DEL || unwatched == 0)
        return __real_epoll_ctl(set, what, fd, event);
    unwatched--;
    refused++;
    errno = ENOSPC;
    return -1;
}

/* ---------------------------------------------------------------- server */

static size_t pack(const char *text, unsigned char *packed, size_t packed_max)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (uInt)strlen(text)};

    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_out = packed;
    stream.avail_out = (uInt)packed_max;
    deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return packed_max - stream.avail_out;
}

/* Answers what fits one read, which is all that these tests send, until the client goes. */
static void serve_connection(int fd)
{
    static const char token[] = "{\"access_token\":\"not-a-token\",\"expires_in\":86399}";
    unsigned char body[512];
    char request[4096];
    char answer[1024];

    while (true) {
        ssize_t got = read(fd, request, sizeof request - 1);
        size_t body_len;
        size_t len;

        if (got <= 0)
            break;
        request[got] = '\0';
        body_len =
            pack(strstr(request, "/ims/") != NULL ? token : "{\"ok\":true}", body, sizeof body);
        len = (size_t)snprintf(answer, sizeof answer - sizeof body,
                               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                               body_len);
        memcpy(answer + len, body, body_len);
        if (write(fd, answer, len + body_len) < 0) /* in one: Nagle would wait */
            break;
    }
    _exit(0);
}

/* A process that serves the port until it is killed. */
static pid_t serve(int listening)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listening, NULL, NULL);

        if (fd < 0)
            continue;
        if (fork() == 0)
            serve_connection(fd);
        close(fd);
    }
}

/* ----------------------------------------------------------------- tests */

typedef struct scene {
    accs_engine *engine;
    accs_client *one;
    accs_client *two;
    const char *origin;
} scene;

static accs_error make_client(scene *made, accs_client **client)
{
    char base_url[64];
    accs_client_options options = {
        .base_url = base_url,
        .ims_url = made->origin,
        .client_id = "example",
        .client_secret = "example-not-a-secret",
        .store = "default",
        .events = true,
        .attempts = 2,
        .timeout_ms = 5000,
    };

    snprintf(base_url, sizeof base_url, "%s/tenant", made->origin);
    return accs_client_new(made->engine, &options, client, NULL);
}

static bool start(accs_client *client, const char *method)
{
    const accs_header header = {"X-Example", "yes"};
    accs_request request = {
        .method = method, .path = "/V1/x", .path_len = PATH_LEN, .idempotent = -1};
    uint64_t id;

    request.headers = &header;
    request.header_count = 1;
    if (strcmp(method, "POST") == 0) {
        request.body = "{}";
        request.body_len = 2;
    }
    return client != NULL && accs_client_start(client, &request, &id, NULL) == ACCS_OK;
}

/* Takes so many calls and timers from the queue; how many ended otherwise than well. */
static unsigned drain(accs_engine *engine, unsigned count)
{
    int64_t until = now_ms() + PATIENCE_MS;
    unsigned failed = 0;
    accs_item item;

    while (count > 0) {
        assert_true(now_ms() < until);
        accs_engine_step(engine, 100, NULL);
        while (accs_engine_next(engine, &item)) {
            count -= item.kind != ACCS_ITEM_EVENT;
            failed += item.kind == ACCS_ITEM_DONE && item.failure.code != ACCS_OK;
            accs_reply_free(item.reply);
        }
    }
    assert_int_equal(accs_engine_pending(engine), 0);
    return failed;
}

static void close_in_some_order(scene *made, long round)
{
    if (round % 2 == 0)
        accs_engine_free(made->engine);
    accs_client_free(made->one);
    accs_client_free(made->two);
    if (round % 2 != 0)
        accs_engine_free(made->engine);
}

/* One run in which memory lasts for so many allocations; whether it lasted to the end. */
static bool run_starved(const char *origin, long round)
{
    scene made = {.origin = origin};
    unsigned started = 0;
    uint64_t id;
    bool lasted;

    live = 0;
    left = round;
    if (accs_engine_new(NULL, &made.engine, NULL) == ACCS_OK) {
        make_client(&made, &made.one);
        make_client(&made, &made.two);
        for (int i = 0; i < 3; i++) {
            started += start(made.one, "GET");
            started += start(made.two, "POST");
        }
        started += accs_engine_timer(made.engine, 1, &id, NULL) == ACCS_OK;
        drain(made.engine, started);
    }
    lasted = left > 0;
    left = -1;
    if (made.one != NULL) {
        assert_true(start(made.one, "GET"));
        assert_int_equal(drain(made.engine, 1), 0);
    }
    if (made.one != NULL)
        start(made.one, "GET"); /* in flight when all is closed */
    close_in_some_order(&made, round);
    assert_int_equal(live, 0);
    return lasted;
}

static void memory_may_end_anywhere(void **state)
{
    uint16_t port;
    int listening = open_port(&port);
    pid_t server = serve(listening);
    char origin[64];
    long round;

    (void)state;
    snprintf(origin, sizeof origin, "http://127.0.0.1:%u", port);
    for (int kind = 0; kind < 2; kind++) {
        persistent = kind == 1;
        for (round = 0; round < ROUNDS_MAX && !run_starved(origin, round); round++)
            continue;
        assert_in_range(round, 50, ROUNDS_MAX - 1); /* it really went through them all */
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(listening);
}

/* The kernel has no memory for watching a socket, for a while or to the end. */
static void sockets_that_cannot_be_watched_are_served(void **state)
{
    const long counts[] = {1, 2, 3, 10, 1000000};
    uint16_t port;
    int listening = open_port(&port);
    pid_t server = serve(listening);
    char origin[64];

    (void)state;
    snprintf(origin, sizeof origin, "http://127.0.0.1:%u", port);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        scene made = {.origin = origin, .engine = new_engine()};

        refused = 0;
        unwatched = counts[i];
        assert_int_equal(make_client(&made, &made.one), ACCS_OK);
        for (int round = 0; round < 3; round++) {
            int64_t started = now_ms();

            assert_true(start(made.one, "GET") && start(made.one, "POST"));
            assert_int_equal(drain(made.engine, 2), 0);
            assert_in_range(now_ms() - started, 0, 1000); /* not at a time limit */
        }
        assert_true(refused > 0);
        unwatched = 0;
        assert_true(start(made.one, "GET"));
        assert_int_equal(drain(made.engine, 1), 0);
        accs_client_free(made.one);
        accs_engine_free(made.engine);
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(listening);
}

/* A token is good or there is no memory, never anything else. */
static void checks_of_tokens_say_so(void **state)
{
    static const char claims[] = "{\"\\u0065xp\":5000,\"iss\":\"\\u0061\",\"a\":[[]]}";
    EVP_PKEY *key = make_rsa(2048, 65537);
    accs_jwt_check check = {.issuer = "a", .now_s = 1000};
    accs_jwt_verdict verdict = ACCS_JWT_NO_MEMORY;
    accs_error error = ACCS_ERROR_MEMORY;
    accs_text text = {.bytes = NULL};
    long before = live;
    room token;
    room jwks;
    long round;

    (void)state;
    make_token(key, "{\"alg\":\"RS256\",\"kid\":\"\\u006b\"}", claims, &token);
    check.keys = text_of(make_jwks(key, ",\"\\u006bid\":\"k\"", &jwks));
    for (round = 0; verdict == ACCS_JWT_NO_MEMORY && round < ROUNDS_MAX; round++) {
        left = round;
        verdict = accs_jwt_verify(text_of(token.text), &check);
        left = -1;
        assert_int_equal(live, before);
    }
    assert_int_equal(verdict, ACCS_JWT_GOOD);
    assert_in_range(round, 10, ROUNDS_MAX - 1);
    for (round = 0; error == ACCS_ERROR_MEMORY && round < ROUNDS_MAX; round++) {
        left = round;
        error = accs_jwt_claims(text_of(token.text), &text);
        left = -1;
        assert_int_equal(live, before + (error == ACCS_OK));
    }
    assert_int_equal(error, ACCS_OK);
    assert_string_equal(text.bytes, claims);
    accs_auth_text_free(&text);
    assert_int_equal(live, before);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_of_tokens_say_so),
        cmocka_unit_test_setup(memory_may_end_anywhere, without_proxies),
        cmocka_unit_test_setup(sockets_that_cannot_be_watched_are_served, without_proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
