/*
 * Memory runs out at every allocation of the core in turn, while the listener of a sign-in is made
 * and while it serves: nothing leaks, it says so or goes on. The Makefile links this with --wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "accs.h"
#include "oom_support.h"

enum { ROUNDS_MAX = 200, A_WHILE_MS = 5000 };

static struct sockaddr_in here(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

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

static void a_listener_is_made_or_says_why_not(void **state)
{
    static const char *const SCHEMES[] = {"http", "https"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        accs_error error = ACCS_ERROR_MEMORY;
        long before = live;
        char uri[60];
        long round;

        snprintf(uri, sizeof uri, "%s://localhost:%u/cb", SCHEMES[i], free_port());
        for (round = 0; error == ACCS_ERROR_MEMORY && round < ROUNDS_MAX; round++) {
            accs_loopback *loopback = NULL;
            accs_failure failure = {.text = ""};

            left = round;
            error = accs_loopback_new(uri, &loopback, &failure);
            left = -1;
            assert_int_equal(loopback != NULL, error == ACCS_OK);
            accs_loopback_free(loopback);
            assert_int_equal(live, before);
        }
        assert_int_equal(error, ACCS_OK);
        assert_in_range(round, 4, ROUNDS_MAX - 1);
    }
}

/* A guest for whom there is no memory is sent away; the wait goes on, and the next one gets in. */
static void a_listener_goes_on_without_memory(void **state)
{
    static const char REQUEST[] = "GET /cb?code=a HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n";
    unsigned port = free_port();
    accs_loopback_event event = ACCS_LOOPBACK_NOTHING;
    accs_loopback *loopback = NULL;
    accs_failure failure;
    char text[200];
    accs_text query;
    long before;
    long round;
    long answered = 0;

    (void)state;
    snprintf(text, sizeof text, "http://127.0.0.1:%u/cb", port);
    assert_int_equal(accs_loopback_new(text, &loopback, &failure), ACCS_OK);
    before = live;
    for (round = 0; answered < 3 && round < ROUNDS_MAX; round++) {
        struct sockaddr_in address = here(port);
        int len = snprintf(text, sizeof text, REQUEST, port);
        int client = socket(AF_INET, SOCK_STREAM, 0);

        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(send(client, text, (size_t)len, MSG_NOSIGNAL), len);
        shutdown(client, SHUT_WR);
        left = round;
        assert_int_equal(accs_loopback_wait(loopback, client, A_WHILE_MS, &event, &query, &failure),
                         ACCS_OK);
        if (event == ACCS_LOOPBACK_REDIRECT)
            accs_loopback_answer(loopback, ACCS_LOOPBACK_ACCEPTED);
        left = -1;
        answered += recv(client, text, sizeof text, 0) > 20;
        close(client);
        assert_int_equal(live, before);
    }
    assert_int_equal(answered, 3);
    assert_in_range(round, 4, ROUNDS_MAX - 1);
    accs_loopback_free(loopback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_is_made_or_says_why_not),
        cmocka_unit_test(a_listener_goes_on_without_memory),
    };

    return cmocka_run_group_tests_name("oom_loopback", tests, NULL, NULL);
}
