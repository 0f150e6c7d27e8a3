#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipe_guard.h"

static volatile sig_atomic_t raised;

static void on_pipe(int number)
{
    (void)number;
    raised++;
}

static bool blocked(void)
{
    sigset_t now;

    pthread_sigmask(SIG_SETMASK, NULL, &now);
    return sigismember(&now, SIGPIPE) == 1;
}

static bool pending(void)
{
    sigset_t now;

    sigpending(&now);
    return sigismember(&now, SIGPIPE) == 1;
}

/* What OpenSSL does to a connection that is gone. */
static void write_to_nobody(void)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[1]);
    assert_int_equal(write(pair[0], "x", 1), -1);
    close(pair[0]);
}

static int host_has_a_handler(void **state)
{
    const struct sigaction action = {.sa_handler = on_pipe};

    (void)state;
    raised = 0;
    return sigaction(SIGPIPE, &action, NULL);
}

static void a_broken_pipe_inside_does_not_reach_the_host(void **state)
{
    accs_pipe_guard guard;

    (void)state;
    accs_pipe_block(&guard);
    assert_true(blocked());
    write_to_nobody();
    write_to_nobody();
    assert_true(pending());
    accs_pipe_restore(&guard);
    assert_false(blocked());
    assert_false(pending());
    assert_int_equal(raised, 0);
    write_to_nobody(); /* outside, the host's handler is what it was */
    assert_int_equal(raised, 1);
}

static void without_a_signal_the_mask_comes_back(void **state)
{
    accs_pipe_guard guard;
    sigset_t usr1;
    sigset_t now;

    (void)state;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
    accs_pipe_block(&guard);
    accs_pipe_restore(&guard);
    assert_false(blocked());
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_int_equal(sigismember(&now, SIGUSR1), 1);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    write_to_nobody();
    assert_int_equal(raised, 1);
}

/* A host that blocks the signal itself keeps what was pending. */
static void a_host_that_blocks_it_keeps_its_own(void **state)
{
    accs_pipe_guard guard;
    sigset_t pipe_only;

    (void)state;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL), 0);
    write_to_nobody();
    accs_pipe_block(&guard);
    accs_pipe_restore(&guard);
    assert_true(blocked());
    assert_true(pending());
    assert_int_equal(raised, 0);
    pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL);
    assert_int_equal(raised, 1);
}

static void guards_may_be_nested(void **state)
{
    accs_pipe_guard outer;
    accs_pipe_guard inner;

    (void)state;
    accs_pipe_block(&outer);
    accs_pipe_block(&inner);
    write_to_nobody();
    accs_pipe_restore(&inner);
    assert_true(blocked());
    accs_pipe_restore(&outer);
    assert_false(blocked());
    assert_int_equal(raised, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_broken_pipe_inside_does_not_reach_the_host, host_has_a_handler),
        cmocka_unit_test_setup(without_a_signal_the_mask_comes_back, host_has_a_handler),
        cmocka_unit_test_setup(a_host_that_blocks_it_keeps_its_own, host_has_a_handler),
        cmocka_unit_test_setup(guards_may_be_nested, host_has_a_handler),
    };

    return cmocka_run_group_tests_name("pipe_guard", tests, NULL, NULL);
}
