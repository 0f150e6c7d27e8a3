/* What the tests of engine and client share: an engine, its queue, and ports nobody answers on. */
#ifndef ENGINE_SUPPORT_H
#define ENGINE_SUPPORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "engine.h"

enum { PATIENCE_MS = 10000 }; /* a test that waits longer has failed */

static inline void rest_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static inline int64_t now_ms(void)
{
    accs_now now;

    accs_clock_system(NULL, &now);
    return now.mono_ms;
}

static inline accs_engine *new_engine(void)
{
    accs_engine *engine = NULL;

    assert_int_equal(accs_engine_new(NULL, &engine, NULL), ACCS_OK);
    return engine;
}

/* The next item; the test fails when none comes. */
static inline accs_item next_item(accs_engine *engine)
{
    accs_item item = {.kind = ACCS_ITEM_NONE};
    int64_t until = now_ms() + PATIENCE_MS;

    while (!accs_engine_next(engine, &item)) {
        assert_true(now_ms() < until);
        assert_int_equal(accs_engine_step(engine, PATIENCE_MS, NULL), ACCS_OK);
    }
    return item;
}

static inline bool queue_is_empty(accs_engine *engine)
{
    accs_item item;

    return !accs_engine_next(engine, &item);
}

static inline bool readable(int fd, int timeout_ms)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    return poll(&entry, 1, timeout_ms) == 1;
}

/* A listening port of the loopback address that nobody accepts on; port is set. */
static inline int open_port(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* A port on which nobody listens. */
static inline uint16_t closed_port(void)
{
    uint16_t port;
    int fd = open_port(&port);

    close(fd);
    return port;
}

/* The exit code of a child that runs check(context). */
static inline int in_a_child(int (*check)(void *context), void *context)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check(context));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A client with a ready token for that port. */
static inline accs_client *new_client(accs_engine *engine, uint16_t port, size_t max_concurrency)
{
    char base_url[64];
    accs_client *client = NULL;
    accs_client_options options = {
        .base_url = base_url,
        .access_token = "not-a-token",
        .attempts = 1,
        .max_concurrency = max_concurrency,
    };

    sprintf(base_url, "http://127.0.0.1:%u/tenant", port);
    assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
    return client;
}

static inline uint64_t start_get(accs_client *client)
{
    const accs_request request = {
        .method = "GET", .path = "/V1/x", .path_len = 5, .idempotent = -1};
    uint64_t id = 0;

    assert_int_equal(accs_client_start(client, &request, &id, NULL), ACCS_OK);
    return id;
}

/* libcurl would ask a proxy of the environment for what these tests ask of nobody. */
static inline int without_proxies(void **state)
{
    (void)state;
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return 0;
}

#endif
