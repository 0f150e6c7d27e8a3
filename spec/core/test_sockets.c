#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sockets.h"

enum { MANY = 50 };

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int open_one(accs_sockets *sockets)
{
    int fd = accs_sockets_open(sockets, AF_UNIX, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    return fd;
}

static void sockets_are_not_inherited_by_commands(void **state)
{
    accs_sockets sockets = {.fds = NULL};
    int fd = open_one(&sockets);

    (void)state;
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(accs_sockets_close(&sockets, fd), 0);
    assert_false(is_open(fd));
    accs_sockets_cleanup(&sockets);
}

static void abandoning_closes_what_is_still_open_and_nothing_else(void **state)
{
    accs_sockets sockets = {.fds = NULL};
    int fds[MANY];
    int others[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++)
        fds[i] = open_one(&sockets);
    assert_int_equal(sockets.count, MANY);
    for (int i = 0; i < MANY; i += 2)
        assert_int_equal(accs_sockets_close(&sockets, fds[i]), 0);
    assert_int_equal(sockets.count, MANY / 2);
    for (int i = 0; i < MANY; i += 2) { /* somebody else gets the numbers that became free */
        others[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(others[i] >= 0);
    }
    accs_sockets_abandon(&sockets);
    assert_int_equal(sockets.count, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(is_open(fds[i]), i % 2 == 0);
    accs_sockets_abandon(&sockets); /* nothing more to close */
    for (int i = 0; i < MANY; i += 2)
        assert_int_equal(accs_sockets_close(&sockets, others[i]), 0); /* not of ours: closed only */
    accs_sockets_cleanup(&sockets);
    accs_sockets_cleanup(&sockets);
}

static void a_socket_that_cannot_be_had_is_not_counted(void **state)
{
    accs_sockets sockets = {.fds = NULL};

    (void)state;
    assert_int_equal(accs_sockets_open(&sockets, -1, SOCK_STREAM, 0), -1);
    assert_int_equal(sockets.count, 0);
    assert_int_equal(accs_sockets_close(&sockets, -1), -1);
    assert_int_equal(errno, EBADF);
    accs_sockets_cleanup(&sockets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_not_inherited_by_commands),
        cmocka_unit_test(abandoning_closes_what_is_still_open_and_nothing_else),
        cmocka_unit_test(a_socket_that_cannot_be_had_is_not_counted),
    };

    return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
