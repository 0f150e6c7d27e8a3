#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "limits.h"
#include "loopback_head.h"
#include "loopback_tls.h"

enum { ANSWER_MAX = 4096, DESCRIPTORS = 64, A_WHILE_MS = 5000 };

/* ------------------------------------------------------------------- support */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sockaddr_in here(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
    struct sockaddr_in address = here(0);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static accs_loopback *open_at(const char *scheme, const char *host, unsigned port)
{
    char uri[100];
    accs_loopback *loopback = NULL;
    accs_failure failure = {.text = ""};

    snprintf(uri, sizeof uri, "%s://%s:%u/cb", scheme, host, port);
    if (accs_loopback_new(uri, &loopback, &failure) != ACCS_OK)
        fail_msg("%s: %s", uri, failure.text);
    return loopback;
}

static int dial(unsigned port)
{
    const struct timeval patience = {.tv_sec = A_WHILE_MS / 1000};
    struct sockaddr_in address = here(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends a request for the target and says that nothing follows. */
static int ask(unsigned port, const char *target)
{
    char request[300];
    int fd = dial(port);
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                       target, port);

    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    shutdown(fd, SHUT_WR);
    return fd;
}

/* What comes until the end; closes. */
static const char *hear(int fd, char answer[ANSWER_MAX])
{
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < ANSWER_MAX - 1) {
        got = recv(fd, answer + len, ANSWER_MAX - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    answer[len] = '\0';
    close(fd);
    return answer;
}

static accs_loopback_event wait_for(accs_loopback *loopback, int fd, int64_t timeout_ms,
                                    accs_text *query)
{
    accs_loopback_event event = ACCS_LOOPBACK_NOTHING;
    accs_failure failure;

    assert_int_equal(accs_loopback_wait(loopback, fd, timeout_ms, &event, query, &failure),
                     ACCS_OK);
    return event;
}

static void assert_text(const char *wanted, accs_text text)
{
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.bytes, wanted, text.len);
}

/* --------------------------------------------------------------- redirect URIs */

static void a_redirect_uri_has_to_be_on_this_machine(void **state)
{
    static const struct {
        const char *uri;
        const char *text;
    } cases[] = {
        {"https://shop.example.com:8443/cb", "only localhost"},
        {"http://127.0.0.2:8080/cb", "only localhost"},
        {"http://localhost.example.com:8080/cb", "only localhost"},
        {"http://0.0.0.0:8080/cb", "only localhost"},
        {"com.example.app://cb", "only http and https"},
        {"ftp://localhost:2100/cb", "only http and https"},
        {"http://localhost:0/cb", "port"},
        {"http://me@localhost:8080/cb", "no user name"},
        {"http://localhost:8080/cb#x", "no fragment"},
        {"localhost:8080/cb", "absolute"},
        {"", "absolute"},
        {"http://localhost:99999/cb", "absolute"},
    };
    accs_loopback *loopback = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_failure failure = {.text = ""};

        assert_int_equal(accs_loopback_new(cases[i].uri, &loopback, &failure), ACCS_ERROR_CONFIG);
        assert_int_equal(failure.code, ACCS_ERROR_CONFIG);
        if (strstr(failure.text, cases[i].text) == NULL)
            fail_msg("%s: %s", cases[i].uri, failure.text);
        assert_null(loopback);
    }
    accs_loopback_free(NULL);
}

static void a_port_that_another_has_is_named(void **state)
{
    unsigned port = free_port();
    accs_loopback *first = open_at("http", "127.0.0.1", port);
    accs_loopback *second = NULL;
    accs_failure failure = {.text = ""};
    char uri[100];
    char words[20];

    (void)state;
    snprintf(uri, sizeof uri, "http://localhost:%u/", port);
    snprintf(words, sizeof words, "port %u", port);
    assert_int_equal(accs_loopback_new(uri, &second, &failure), ACCS_ERROR_IO);
    assert_non_null(strstr(failure.text, words));
    assert_non_null(strstr(failure.text, "another program has it"));
    assert_null(second);
    accs_loopback_free(first);
    second = open_at("http", "localhost", port); /* it is free again at once */
    accs_loopback_free(second);
}

static void localhost_is_both_families_and_a_number_is_one(void **state)
{
    static const struct {
        const char *host;
        bool v4;
        bool v6;
    } cases[] = {{"localhost", true, true}, {"127.0.0.1", true, false}, {"[::1]", false, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned port = free_port();
        accs_loopback *loopback = open_at("http", cases[i].host, port);
        struct sockaddr_in v4 = here(port);
        struct sockaddr_in elsewhere = here(port);
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                  .sin6_port = htons((uint16_t)port),
                                  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        int four = socket(AF_INET, SOCK_STREAM, 0);
        int six = socket(AF_INET6, SOCK_STREAM, 0);
        int other = socket(AF_INET, SOCK_STREAM, 0);

        assert_int_equal(connect(four, (struct sockaddr *)&v4, sizeof v4) == 0, cases[i].v4);
        assert_int_equal(connect(six, (struct sockaddr *)&v6, sizeof v6) == 0, cases[i].v6);
        elsewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1); /* of this machine as well */
        assert_int_equal(connect(other, (struct sockaddr *)&elsewhere, sizeof elsewhere), -1);
        close(four);
        close(six);
        close(other);
        accs_loopback_free(loopback);
    }
}

static void no_descriptor_is_inherited_by_commands(void **state)
{
    unsigned port = free_port();
    accs_loopback *loopback;
    accs_text query;
    bool before[DESCRIPTORS];
    int seen = 0;
    int client;

    (void)state;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    loopback = open_at("https", "localhost", port);
    client = dial(port);
    before[client] = true;
    wait_for(loopback, -1, 50, &query);
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        int flags = before[fd] ? -1 : fcntl(fd, F_GETFD);

        if (flags >= 0) {
            assert_true((flags & FD_CLOEXEC) != 0);
            seen++;
        }
    }
    assert_true(seen >= 2); /* a listener and the guest */
    close(client);
    accs_loopback_free(loopback);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        assert_true(before[fd] || fcntl(fd, F_GETFD) < 0);
}

/* ----------------------------------------------------------------------- heads */

#define HOST "Host: localhost:8443\r\n"

static const struct {
    const char *head;
    int status;
    const char *query;
} HEADS[] = {
    {"GET /cb?code=a&state=b HTTP/1.1\r\n" HOST "\r\n", 200, "code=a&state=b"},
    {"GET /cb HTTP/1.1\r\n" HOST "\r\n", 200, ""},
    {"GET /cb? HTTP/1.1\r\n" HOST "\r\n", 200, ""},
    {"GET /cb?a?b HTTP/1.0\r\n" HOST "\r\n", 200, "a?b"},
    {"\r\nGET /cb HTTP/1.1\r\n" HOST "\r\n", 200, ""},
    {"GET /cb HTTP/1.1\nhOsT:localhost:8443 \t\n\n", 200, ""},
    {"GET /cb HTTP/1.1\r\nAccept: */*\r\nHost: LOCALHOST:8443\r\nX: y\r\n\r\n", 200, ""},
    {"HEAD /cb?code=a HTTP/1.1\r\n" HOST "\r\n", 204, NULL},
    {"HEAD /x HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"POST /cb HTTP/1.1\r\n" HOST "\r\n", 405, NULL},
    {"get /cb HTTP/1.1\r\n" HOST "\r\n", 405, NULL},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"POST /x HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /favicon.ico HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /cb/ HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /cb2?code=a HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /%63b HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /CB HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET //cb HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET https://localhost:8443/cb HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET cb HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb?\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb?a\tb HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET  /cb HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb HTTP/1.1 \r\n" HOST "\r\n", 400, NULL},
    {"GET /cb FTP/1.11\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb HTTP/2.0\r\n" HOST "\r\n", 505, NULL},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, NULL},
    {"GET /cb HTTP/1.1\r\n\r\n", 400, NULL},
    {"GET /cb HTTP/1.0\r\nAccept: */*\r\n\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\nHost: evil.example.com:8443\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\nno colon\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\nHost : localhost:8443\r\n\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\n: x\r\n" HOST "\r\n", 400, NULL},
    {"GET /cb HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost: evil.example.com:8443\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost: localhost:844\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost: localhost:84430\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost: localhost.example.com:8443\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost: 127.0.0.1:8443\r\n\r\n", 421, NULL},
    {"GET /cb HTTP/1.1\r\nHost:\r\n\r\n", 421, NULL},
};

static accs_loopback_ask look(const char *head, size_t len)
{
    char host[] = "localhost";
    char path[] = "/cb";
    const accs_loopback_target target = {.host = host, .path = path, .port = 8443, .https = true};
    accs_loopback_ask found;

    accs_loopback_look(&target, head, len, &found);
    return found;
}

static void a_head_is_what_it_says_and_nothing_before_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof HEADS / sizeof HEADS[0]; i++) {
        size_t len = strlen(HEADS[i].head);
        accs_loopback_ask found = look(HEADS[i].head, len);

        if (found.status != HEADS[i].status)
            fail_msg("%s: %d", HEADS[i].head, found.status);
        assert_int_equal(found.head, strncmp(HEADS[i].head, "HEAD", 4) == 0);
        if (HEADS[i].query != NULL)
            assert_text(HEADS[i].query, found.query);
        if (strstr(HEADS[i].head, "SM") == NULL) /* there the first end comes earlier */
            for (size_t cut = 0; cut < len - 1; cut++)
                assert_int_equal(look(HEADS[i].head, cut).status, 0);
    }
}

static void a_nul_in_a_head_is_refused(void **state)
{
    static const char HEAD[] = "GET /cb HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
    static const char HOST_TOO[] = "GET /cb HTTP/1.1\r\nHost: localhost:8443\0\r\n\r\n";

    (void)state;
    assert_int_equal(look(HEAD, sizeof HEAD - 1).status, 400);
    assert_int_equal(look(HOST_TOO, sizeof HOST_TOO - 1).status, 400);
}

static void a_head_without_end_is_too_large(void **state)
{
    size_t len = ACCS_LIMIT_LOOPBACK_HEAD;
    char *head = malloc(len);

    (void)state;
    memset(head, 'a', len);
    assert_int_equal(look(head, len - 1).status, 0);
    assert_int_equal(look(head, len).status, 431);
    free(head);
}

static void the_schemes_own_port_may_be_left_out(void **state)
{
    static const char HEAD[] = "GET /cb HTTP/1.1\r\nHost: [::1]\r\n\r\n";
    char host[] = "[::1]";
    char path[] = "/cb";
    accs_loopback_target target = {.host = host, .path = path, .port = 443, .https = true};
    accs_loopback_ask found;

    (void)state;
    accs_loopback_look(&target, HEAD, sizeof HEAD - 1, &found);
    assert_int_equal(found.status, 200);
    target.https = false;
    accs_loopback_look(&target, HEAD, sizeof HEAD - 1, &found);
    assert_int_equal(found.status, 421);
    target.port = 80;
    accs_loopback_look(&target, HEAD, sizeof HEAD - 1, &found);
    assert_int_equal(found.status, 200);
}

/* --------------------------------------------------------------------- waiting */

static void a_redirect_is_given_out_and_answered(void **state)
{
    static const struct {
        accs_loopback_page page;
        const char *status;
        const char *words;
    } cases[] = {{ACCS_LOOPBACK_ACCEPTED, "HTTP/1.1 200 ", "Signed in"},
                 {ACCS_LOOPBACK_FAILED, "HTTP/1.1 400 ", "Not signed in"},
                 {ACCS_LOOPBACK_FOREIGN, "HTTP/1.1 400 ", "Not this sign-in"}};
    static const char *const FIELDS[] = {
        "\r\nContent-Security-Policy: default-src 'none'", "\r\nCache-Control: no-store\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n", "\r\nConnection: close\r\n"};
    unsigned port = free_port();
    accs_loopback *loopback = open_at("http", "127.0.0.1", port);
    char answer[ANSWER_MAX];
    accs_text query;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int client = ask(port, "/cb?code=a&state=b%20c");
        int64_t begun = now_ms();

        assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
        assert_text("code=a&state=b%20c", query);
        accs_loopback_answer(loopback, cases[i].page);
        assert_true(now_ms() - begun < ACCS_LIMIT_LOOPBACK_LEAVE); /* nobody was waited for */
        hear(client, answer);
        assert_memory_equal(answer, cases[i].status, strlen(cases[i].status));
        assert_non_null(strstr(answer, cases[i].words));
        for (size_t field = 0; field < sizeof FIELDS / sizeof FIELDS[0]; field++)
            assert_non_null(strstr(answer, FIELDS[field]));
        accs_loopback_answer(loopback, ACCS_LOOPBACK_ACCEPTED); /* nothing is there to answer */
    }
    accs_loopback_free(loopback);
}

static void a_redirect_that_is_forgotten_is_not_shown_as_success(void **state)
{
    unsigned port = free_port();
    accs_loopback *loopback = open_at("http", "127.0.0.1", port);
    int client = ask(port, "/cb?code=a");
    char answer[ANSWER_MAX];
    accs_text query;

    (void)state;
    assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
    assert_int_equal(wait_for(loopback, -1, 10, &query), ACCS_LOOPBACK_NOTHING);
    assert_non_null(strstr(hear(client, answer), "Not this sign-in"));
    accs_loopback_free(loopback);
}

static void two_redirects_are_given_out_one_after_the_other(void **state)
{
    unsigned port = free_port();
    accs_loopback *loopback = open_at("http", "127.0.0.1", port);
    int clients[2] = {ask(port, "/cb?1"), ask(port, "/cb?2")};
    char answer[ANSWER_MAX];
    accs_text query;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
        assert_text(i == 0 ? "1" : "2", query);
        accs_loopback_answer(loopback, ACCS_LOOPBACK_FOREIGN);
    }
    for (int i = 0; i < 2; i++)
        assert_non_null(strstr(hear(clients[i], answer), "Not this sign-in"));
    accs_loopback_free(loopback);
}

static void other_requests_are_answered_while_it_waits(void **state)
{
    unsigned port = free_port();
    accs_loopback *loopback = open_at("http", "127.0.0.1", port);
    int clients[2] = {ask(port, "/favicon.ico"), ask(port, "/")};
    int64_t begun = now_ms();
    char answer[ANSWER_MAX];
    accs_text query;

    (void)state;
    assert_int_equal(wait_for(loopback, -1, 200, &query), ACCS_LOOPBACK_NOTHING);
    assert_in_range(now_ms() - begun, 199, 1500);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(hear(clients[i], answer), "HTTP/1.1 404 ", 13);
    accs_loopback_free(loopback);
}

static void a_full_house_lets_its_oldest_go(void **state)
{
    enum { MANY = 40 };
    unsigned port = free_port();
    accs_loopback *loopback = open_at("http", "127.0.0.1", port);
    int silent[MANY];
    char answer[ANSWER_MAX];
    char byte;
    int client;
    accs_text query;
    unsigned open_ones = 0;

    (void)state;
    for (int i = 0; i < MANY; i++) { /* a few at a time: a backlog has its limit as well */
        silent[i] = dial(port);
        assert_int_equal(wait_for(loopback, -1, 2, &query), ACCS_LOOPBACK_NOTHING);
    }
    client = ask(port, "/cb?in");
    assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
    assert_text("in", query);
    accs_loopback_answer(loopback, ACCS_LOOPBACK_ACCEPTED);
    assert_memory_equal(hear(client, answer), "HTTP/1.1 200 ", 13);
    for (int i = 0; i < MANY; i++) {
        bool is_open = recv(silent[i], &byte, 1, MSG_DONTWAIT) < 0;

        open_ones += is_open;
        assert_true(!is_open || i >= MANY - (int)ACCS_LIMIT_LOOPBACK_GUESTS);
        close(silent[i]);
    }
    assert_int_equal(open_ones, ACCS_LIMIT_LOOPBACK_GUESTS - 1);
    accs_loopback_free(loopback);
}

static void a_redirect_that_waits_for_its_answer_keeps_its_place(void **state)
{
    enum { MANY = 40 };
    unsigned port = free_port();
    accs_loopback *loopback = open_at("http", "127.0.0.1", port);
    int first = ask(port, "/cb?first");
    int later[MANY];
    char answer[ANSWER_MAX];
    accs_text query;

    (void)state;
    assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
    for (int i = 0; i < MANY; i++)
        later[i] = i < (int)ACCS_LIMIT_LOOPBACK_GUESTS ? dial(port) : -1;
    accs_loopback_answer(loopback, ACCS_LOOPBACK_ACCEPTED);
    assert_non_null(strstr(hear(first, answer), "Signed in"));
    for (int i = 0; i < MANY; i++)
        if (later[i] >= 0)
            close(later[i]);
    accs_loopback_free(loopback);
}

static void another_descriptor_ends_the_wait(void **state)
{
    unsigned port = free_port();
    accs_loopback *loopbacks[2] = {NULL, open_at("http", "127.0.0.1", port)};
    accs_text query;

    (void)state;
    assert_int_equal(accs_loopback_new(NULL, &loopbacks[0], NULL), ACCS_OK);
    for (int i = 0; i < 2; i++) {
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(wait_for(loopbacks[i], ends[0], 0, &query), ACCS_LOOPBACK_NOTHING);
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_int_equal(wait_for(loopbacks[i], ends[0], 0, &query), ACCS_LOOPBACK_OTHER);
        assert_int_equal(wait_for(loopbacks[i], ends[0], -1, &query), ACCS_LOOPBACK_OTHER);
        assert_int_equal(wait_for(loopbacks[i], -1, 10, &query), ACCS_LOOPBACK_NOTHING);
        close(ends[1]);
        assert_int_equal(read(ends[0], &(char){0}, 1), 1);
        assert_int_equal(wait_for(loopbacks[i], ends[0], -1, &query), ACCS_LOOPBACK_OTHER);
        close(ends[0]);
        assert_int_equal(wait_for(loopbacks[i], ends[0], -1, &query), ACCS_LOOPBACK_OTHER);
        accs_loopback_free(loopbacks[i]);
    }
}

/* ------------------------------------------------------------------------- TLS */

typedef struct tls_client {
    unsigned port;
    int resets; /* not 0: when this descriptor can be read it resets the connection */
    char answer[ANSWER_MAX];
} tls_client;

/* Asks by TLS; without checks, since the certificate is nobody's. */
static void *run_client(void *context)
{
    tls_client *client = context;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(tls);
    char request[100];
    int fd = dial(client->port);
    size_t len = 0;
    int got = 1;

    SSL_set_fd(ssl, fd);
    snprintf(request, sizeof request, "GET /cb?tls HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
             client->port);
    if (SSL_connect(ssl) == 1 && SSL_write(ssl, request, (int)strlen(request)) > 0) {
        if (client->resets != 0) {
            assert_int_equal(read(client->resets, &(char){0}, 1), 1);
            shutdown(fd, SHUT_WR); /* a reset after that is EPIPE at the other end */
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        } else {
            while (got > 0 && len < ANSWER_MAX - 1) {
                got = SSL_read(ssl, client->answer + len, (int)(ANSWER_MAX - 1 - len));
                len += got > 0 ? (size_t)got : 0;
            }
            if (SSL_get_error(ssl, got) != SSL_ERROR_ZERO_RETURN)
                len = 0; /* cut, as far as one can know */
        }
    }
    client->answer[len] = '\0';
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(tls);
    return NULL;
}

static void tls_is_spoken_and_ends_as_it_should(void **state)
{
    tls_client client = {.port = free_port()};
    accs_loopback *loopback = open_at("https", "localhost", client.port);
    pthread_t thread;
    accs_text query;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, run_client, &client), 0);
    assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
    assert_text("tls", query);
    accs_loopback_answer(loopback, ACCS_LOOPBACK_ACCEPTED);
    pthread_join(thread, NULL);
    assert_memory_equal(client.answer, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(client.answer, "Signed in"));
    accs_loopback_free(loopback);
}

static void tls_is_of_1_2_at_least(void **state)
{
    SSL_CTX *tls = accs_loopback_tls();

    (void)state;
    assert_non_null(tls);
    assert_int_equal(SSL_CTX_get_min_proto_version(tls), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_check_private_key(tls), 1);
    SSL_CTX_free(tls);
}

/* SIGPIPE is at its default here: it would end the process. */
static void a_browser_that_has_gone_does_no_harm(void **state)
{
    tls_client client = {.port = free_port()};
    accs_loopback *loopback = open_at("https", "localhost", client.port);
    pthread_t thread;
    accs_text query;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    client.resets = ends[0];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(pthread_create(&thread, NULL, run_client, &client), 0);
        assert_int_equal(wait_for(loopback, -1, A_WHILE_MS, &query), ACCS_LOOPBACK_REDIRECT);
        assert_int_equal(write(ends[1], "x", 1), 1);
        pthread_join(thread, NULL);
        accs_loopback_answer(loopback, ACCS_LOOPBACK_ACCEPTED);
    }
    assert_int_equal(wait_for(loopback, -1, 10, &query), ACCS_LOOPBACK_NOTHING);
    close(ends[0]);
    close(ends[1]);
    accs_loopback_free(loopback);
}

static void what_is_no_tls_leaves_nothing_in_the_list_of_errors(void **state)
{
    static const char *const BYTES[] = {"\x16\x03\x01\x00\x05hello", "\x16", "garbage\r\n\r\n",
                                        "\x16\x03\x01\xff\xff\xff\xff\xff\xff"};
    unsigned port = free_port();
    accs_loopback *loopback = open_at("https", "127.0.0.1", port);
    accs_text query;

    (void)state;
    for (size_t i = 0; i < sizeof BYTES / sizeof BYTES[0]; i++) {
        char answer[ANSWER_MAX];
        int client = dial(port);

        assert_true(send(client, BYTES[i], strlen(BYTES[i]) + 1, MSG_NOSIGNAL) > 0);
        shutdown(client, SHUT_WR);
        assert_int_equal(wait_for(loopback, -1, 100, &query), ACCS_LOOPBACK_NOTHING);
        assert_int_equal(ERR_peek_error(), 0);
        hear(client, answer); /* ends, since we would wait for longer than the test */
    }
    accs_loopback_free(loopback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redirect_uri_has_to_be_on_this_machine),
        cmocka_unit_test(a_port_that_another_has_is_named),
        cmocka_unit_test(localhost_is_both_families_and_a_number_is_one),
        cmocka_unit_test(no_descriptor_is_inherited_by_commands),
        cmocka_unit_test(a_head_is_what_it_says_and_nothing_before_its_end),
        cmocka_unit_test(a_nul_in_a_head_is_refused),
        cmocka_unit_test(a_head_without_end_is_too_large),
        cmocka_unit_test(the_schemes_own_port_may_be_left_out),
        cmocka_unit_test(a_redirect_is_given_out_and_answered),
        cmocka_unit_test(a_redirect_that_is_forgotten_is_not_shown_as_success),
        cmocka_unit_test(two_redirects_are_given_out_one_after_the_other),
        cmocka_unit_test(other_requests_are_answered_while_it_waits),
        cmocka_unit_test(a_full_house_lets_its_oldest_go),
        cmocka_unit_test(a_redirect_that_waits_for_its_answer_keeps_its_place),
        cmocka_unit_test(another_descriptor_ends_the_wait),
        cmocka_unit_test(tls_is_spoken_and_ends_as_it_should),
        cmocka_unit_test(tls_is_of_1_2_at_least),
        cmocka_unit_test(a_browser_that_has_gone_does_no_harm),
        cmocka_unit_test(what_is_no_tls_leaves_nothing_in_the_list_of_errors),
    };

    return cmocka_run_group_tests_name("loopback", tests, NULL, NULL);
}
