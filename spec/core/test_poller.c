#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "poller.h"

static int64_t now_ms(void)
{
    accs_now now;

    accs_clock_system(NULL, &now);
    return now.mono_ms;
}

static bool readable(int fd, int timeout_ms)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    return poll(&entry, 1, timeout_ms) == 1;
}

static void the_alarm_makes_the_descriptor_readable_from_its_moment_on(void **state)
{
    accs_poller poller;
    accs_ready ready[4];
    int64_t start;

    (void)state;
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_false(readable(poller.fd, 0));
    start = now_ms();
    assert_int_equal(accs_poller_alarm(&poller, start + 40), ACCS_OK);
    assert_false(readable(poller.fd, 0));
    assert_true(readable(poller.fd, 5000));
    assert_true(now_ms() >= start + 39);
    assert_true(readable(poller.fd, 0)); /* until somebody looks */
    assert_int_equal(accs_poller_wait(&poller, ready, 4, 0), 0);
    assert_false(readable(poller.fd, 0));
    assert_int_equal(accs_poller_alarm(&poller, start + 40), ACCS_OK); /* the past, once more */
    assert_true(readable(poller.fd, 1000));
    assert_int_equal(accs_poller_alarm(&poller, 0), ACCS_OK); /* 0 is a moment, not "off" */
    assert_true(readable(poller.fd, 1000));
    assert_int_equal(accs_poller_alarm(&poller, -1), ACCS_OK);
    assert_false(readable(poller.fd, 0));
    assert_int_equal(accs_poller_alarm(&poller, INT64_MAX), ACCS_OK);
    assert_false(readable(poller.fd, 0));
    accs_poller_cleanup(&poller);
}

static void the_alarm_ends_a_wait(void **state)
{
    accs_poller poller;
    accs_ready ready[4];
    int64_t start = now_ms();

    (void)state;
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_int_equal(accs_poller_alarm(&poller, start + 30), ACCS_OK);
    assert_int_equal(accs_poller_wait(&poller, ready, 4, 5000), 0);
    assert_in_range(now_ms() - start, 29, 4000);
    start = now_ms();
    assert_int_equal(accs_poller_wait(&poller, ready, 4, 30), 0); /* it rings once only */
    assert_in_range(now_ms() - start, 29, 4000);
    accs_poller_cleanup(&poller);
}

static unsigned events_of(accs_poller *poller, int fd)
{
    accs_ready ready[4] = {{0}};
    int count = accs_poller_wait(poller, ready, 4, 0);

    assert_in_range(count, 0, 1);
    if (count == 0)
        return 0;
    assert_int_equal(ready[0].fd, fd);
    return ready[0].events;
}

static void tells_what_a_socket_is_ready_for(void **state)
{
    accs_poller poller;
    int pair[2];
    char byte;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_IN), ACCS_OK);
    assert_int_equal(events_of(&poller, pair[0]), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of(&poller, pair[0]), ACCS_POLL_IN);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_IN | ACCS_POLL_OUT), ACCS_OK);
    assert_int_equal(events_of(&poller, pair[0]), ACCS_POLL_IN | ACCS_POLL_OUT);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_OUT), ACCS_OK);
    assert_int_equal(events_of(&poller, pair[0]), ACCS_POLL_OUT);
    assert_int_equal(accs_poller_watch(&poller, pair[0], 0), ACCS_OK);
    assert_int_equal(events_of(&poller, pair[0]), 0);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_IN), ACCS_OK);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    close(pair[1]);
    assert_int_equal(events_of(&poller, pair[0]), ACCS_POLL_IN | ACCS_POLL_ERROR);
    accs_poller_cleanup(&poller);
    close(pair[0]);
}

static void a_closed_descriptor_is_forgotten_without_an_error(void **state)
{
    accs_poller poller;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_OUT), ACCS_OK);
    close(pair[0]);
    assert_int_equal(accs_poller_watch(&poller, pair[0], 0), ACCS_OK);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_IN), ACCS_ERROR_IO);
    accs_poller_cleanup(&poller);
    close(pair[1]);
}

static void a_resting_descriptor_is_silent_until_it_is_watched_again(void **state)
{
    accs_poller poller;
    int pair[2];

    (void)state;
    for (int woken = 0; woken < 2; woken++) { /* something comes while it rests, or after */
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(accs_poller_init(&poller), ACCS_OK);
        accs_poller_rest(&poller, pair[0]); /* never watched: nothing */
        assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_IN), ACCS_OK);
        accs_poller_rest(&poller, pair[0]);
        if (woken) {
            assert_int_equal(write(pair[1], "x", 1), 1);
            assert_int_equal(events_of(&poller, pair[0]), 0);
            assert_false(readable(poller.fd, 0)); /* a host would spin */
        }
        assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_IN), ACCS_OK);
        assert_int_equal(write(pair[1], "x", 1), 1);
        assert_int_equal(events_of(&poller, pair[0]), ACCS_POLL_IN);
        accs_poller_rest(&poller, pair[0]);
        assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_OUT), ACCS_OK);
        assert_int_equal(events_of(&poller, pair[0]), ACCS_POLL_OUT);
        accs_poller_cleanup(&poller);
        close(pair[0]);
        close(pair[1]);
    }
}

/* The number of a closed descriptor comes again as another's. */
static void a_forgotten_descriptor_may_come_again(void **state)
{
    accs_poller poller;
    int pair[2];
    int again;

    (void)state;
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_OUT), ACCS_OK);
    accs_poller_rest(&poller, pair[0]);
    accs_poller_forget(&poller, pair[0]);
    accs_poller_forget(&poller, pair[0]); /* nothing more to forget */
    again = dup(pair[1]);
    assert_true(again >= 0);
    assert_int_equal(dup2(again, pair[0]), pair[0]);
    close(again);
    assert_int_equal(accs_poller_watch(&poller, pair[0], ACCS_POLL_OUT), ACCS_OK);
    assert_true((events_of(&poller, pair[0]) & ACCS_POLL_OUT) != 0);
    accs_poller_cleanup(&poller);
    close(pair[0]);
    close(pair[1]);
}

/* More are ready than are asked for: the others come with the next waits. */
static void many_come_in_portions(void **state)
{
    enum { PAIRS = 100, PORTION = 7 };
    accs_poller poller;
    int pairs[PAIRS][2];
    accs_ready ready[PAIRS];
    int seen = 0;

    (void)state;
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    for (int i = 0; i < PAIRS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        assert_int_equal(accs_poller_watch(&poller, pairs[i][0], ACCS_POLL_OUT), ACCS_OK);
    }
    assert_int_equal(accs_poller_alarm(&poller, 0), ACCS_OK); /* must not hide a socket */
    assert_in_range(accs_poller_wait(&poller, ready, PAIRS, 1000), 1, PAIRS);
    for (int round = 0; round < 2 * PAIRS && seen < PAIRS; round++) {
        int count = accs_poller_wait(&poller, ready, PORTION, 0);

        assert_in_range(count, 0, PORTION);
        for (int i = 0; i < count; i++, seen++)
            assert_int_equal(accs_poller_watch(&poller, ready[i].fd, 0), ACCS_OK);
    }
    assert_int_equal(seen, PAIRS);
    assert_int_equal(accs_poller_wait(&poller, ready, PAIRS, 0), 0);
    accs_poller_cleanup(&poller);
    for (int i = 0; i < PAIRS; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
}

static void on_alarm(int number)
{
    (void)number;
}

static void a_signal_ends_the_wait_without_an_error(void **state)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval soon = {{0, 20000}, {0, 20000}};
    const struct itimerval off = {{0, 0}, {0, 0}};
    struct sigaction before;
    accs_poller poller;
    accs_ready ready[1];
    int64_t start = now_ms();

    (void)state;
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(accs_poller_wait(&poller, ready, 1, 5000), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_true(now_ms() - start < 4000);
    accs_poller_cleanup(&poller);
    assert_int_equal(accs_poller_wait(&poller, ready, 1, 0), -1); /* closed: that is an error */
    assert_int_equal(errno, EBADF);
}

/* With room for room descriptors more. */
static void without_descriptors_it_says_so(void **state)
{
    (void)state;
    for (unsigned room = 0; room < 2; room++) {
        accs_poller poller;
        struct rlimit before;
        struct rlimit tight;
        int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
        accs_error error;
        int cause;

        assert_true(lowest >= 0);
        close(lowest);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        tight = before;
        tight.rlim_cur = (rlim_t)lowest + room;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        error = accs_poller_init(&poller);
        cause = errno;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(error, ACCS_ERROR_IO);
        assert_int_equal(cause, EMFILE);
        assert_int_equal(poller.fd, -1);
        accs_poller_cleanup(&poller);
        assert_int_equal(fcntl(lowest, F_GETFD), -1); /* nothing stayed open */
    }
}

static void descriptors_are_not_inherited_by_commands(void **state)
{
    accs_poller poller;

    (void)state;
    assert_int_equal(accs_poller_init(&poller), ACCS_OK);
    assert_true((fcntl(poller.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(poller.alarm_fd, F_GETFD) & FD_CLOEXEC) != 0);
    accs_poller_cleanup(&poller);
    assert_int_equal(poller.fd, -1);
    accs_poller_cleanup(&poller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_alarm_makes_the_descriptor_readable_from_its_moment_on),
        cmocka_unit_test(the_alarm_ends_a_wait),
        cmocka_unit_test(tells_what_a_socket_is_ready_for),
        cmocka_unit_test(a_closed_descriptor_is_forgotten_without_an_error),
        cmocka_unit_test(a_resting_descriptor_is_silent_until_it_is_watched_again),
        cmocka_unit_test(a_forgotten_descriptor_may_come_again),
        cmocka_unit_test(many_come_in_portions),
        cmocka_unit_test(a_signal_ends_the_wait_without_an_error),
        cmocka_unit_test(without_descriptors_it_says_so),
        cmocka_unit_test(descriptors_are_not_inherited_by_commands),
    };

    return cmocka_run_group_tests_name("poller", tests, NULL, NULL);
}
