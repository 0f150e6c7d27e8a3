#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

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
    accs_sockets sockets = {.list = NULL};
    int fd = open_one(&sockets);

    (void)state;
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(accs_sockets_close(&sockets, fd), 0);
    assert_false(is_open(fd));
    accs_sockets_cleanup(&sockets);
}

static void abandoning_closes_what_is_still_open_and_nothing_else(void **state)
{
    accs_sockets sockets = {.list = NULL};
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
    accs_sockets sockets = {.list = NULL};

    (void)state;
    assert_int_equal(accs_sockets_open(&sockets, -1, SOCK_STREAM, 0), -1);
    assert_int_equal(sockets.count, 0);
    assert_int_equal(accs_sockets_close(&sockets, -1), -1);
    assert_int_equal(errno, EBADF);
    accs_sockets_cleanup(&sockets);
}

/* A connection on loopback: the client's end through the engine's sockets. */
static int connect_one(accs_sockets *sockets, accs_ends *ends, int *server_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t address_len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = accs_sockets_open(sockets, AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    *server_fd = accept(listener, NULL, NULL);
    ends->peer_port = ntohs(address.sin_port);
    ends->peer = "127.0.0.1";
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_len), 0);
    ends->local_port = ntohs(address.sin_port);
    close(listener);
    return fd;
}

static void a_quiet_connection_that_speaks_or_ends_is_spoiled(void **state)
{
    enum { SPEAKS, ENDS, RESETS, WAYS };

    for (int way = SPEAKS; way < WAYS; way++) {
        accs_sockets sockets = {.list = NULL};
        struct linger hard = {.l_onoff = 1};
        accs_ends ends;
        int server_fd;
        int fd = connect_one(&sockets, &ends, &server_fd);
        accs_ends other = {ends.local_port, ends.peer_port, "127.0.0.2"};

        assert_false(accs_sockets_spoiled(&sockets, &ends));
        accs_sockets_quiet(&sockets, &ends);
        assert_false(accs_sockets_spoiled(&sockets, &ends));
        if (way == SPEAKS)
            assert_int_equal(write(server_fd, "x", 1), 1);
        if (way == RESETS)
            setsockopt(server_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        if (way != SPEAKS)
            close(server_fd);
        assert_true(accs_sockets_spoiled(&sockets, &ends));
        assert_false(accs_sockets_spoiled(&sockets, &other));
        if (way == SPEAKS)
            close(server_fd);
        accs_sockets_close(&sockets, fd);
        assert_false(accs_sockets_spoiled(&sockets, &ends));
        accs_sockets_cleanup(&sockets);
    }
    (void)state;
}

static void a_connection_that_is_not_quiet_may_speak(void **state)
{
    accs_sockets sockets = {.list = NULL};
    accs_ends ends;
    int server_fd;
    int fd = connect_one(&sockets, &ends, &server_fd);

    assert_int_equal(write(server_fd, "x", 1), 1);
    assert_false(accs_sockets_spoiled(&sockets, &ends));
    accs_sockets_close(&sockets, fd);
    close(server_fd);
    accs_sockets_cleanup(&sockets);
    (void)state;
}

static void a_connection_belongs_to_who_sent_over_it_first(void **state)
{
    enum { FIRST = 7, SECOND = 8 };

    accs_sockets sockets = {.list = NULL};
    accs_ends ends;
    accs_ends unknown = {1, 1, "127.0.0.1"};
    int server_fd;
    int fd = connect_one(&sockets, &ends, &server_fd);

    assert_true(accs_sockets_claim(&sockets, &ends, FIRST));
    assert_true(accs_sockets_claim(&sockets, &ends, FIRST));
    assert_false(accs_sockets_claim(&sockets, &ends, SECOND));
    assert_false(accs_sockets_claim(&sockets, &ends, 0));
    assert_false(accs_sockets_spoiled(&sockets, &ends)); /* not quiet yet, whatever comes */
    assert_int_equal(write(server_fd, "x", 1), 1);
    assert_false(accs_sockets_spoiled(&sockets, &ends));
    accs_sockets_quiet(&sockets, &ends);
    assert_true(accs_sockets_spoiled(&sockets, &ends));
    assert_true(accs_sockets_claim(&sockets, &unknown, FIRST));
    assert_true(accs_sockets_claim(&sockets, &unknown, SECOND));
    accs_sockets_close(&sockets, fd);
    close(server_fd);
    accs_sockets_cleanup(&sockets);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_not_inherited_by_commands),
        cmocka_unit_test(a_quiet_connection_that_speaks_or_ends_is_spoiled),
        cmocka_unit_test(a_connection_that_is_not_quiet_may_speak),
        cmocka_unit_test(a_connection_belongs_to_who_sent_over_it_first),
        cmocka_unit_test(abandoning_closes_what_is_still_open_and_nothing_else),
        cmocka_unit_test(a_socket_that_cannot_be_had_is_not_counted),
    };

    return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
