#include "poller.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { WAIT_MAX = 64 };

accs_error accs_poller_init(accs_poller *poller)
{
    struct epoll_event event = {.events = EPOLLIN};

    poller->alarm_fd = -1;
    poller->armed_ms = -1;
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd < 0)
        return ACCS_ERROR_IO;
    poller->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    event.data.fd = poller->alarm_fd;
    if (poller->alarm_fd < 0 ||
        epoll_ctl(poller->fd, EPOLL_CTL_ADD, poller->alarm_fd, &event) != 0) {
        int cause = errno;

        accs_poller_cleanup(poller);
        errno = cause;
        return ACCS_ERROR_IO;
    }
    return ACCS_OK;
}

void accs_poller_cleanup(accs_poller *poller)
{
    if (poller->alarm_fd >= 0)
        close(poller->alarm_fd);
    if (poller->fd >= 0)
        close(poller->fd);
    poller->alarm_fd = -1;
    poller->fd = -1;
}

accs_error accs_poller_watch(accs_poller *poller, int fd, unsigned events)
{
    struct epoll_event event = {.events = 0};

    event.data.fd = fd;
    if (events & ACCS_POLL_IN)
        event.events |= EPOLLIN;
    if (events & ACCS_POLL_OUT)
        event.events |= EPOLLOUT;
    if (events == 0) {
        epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, &event); /* closed already: gone already */
        return ACCS_OK;
    }
    if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return ACCS_OK;
    if (errno == EEXIST && epoll_ctl(poller->fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return ACCS_OK;
    return ACCS_ERROR_IO;
}

accs_error accs_poller_alarm(accs_poller *poller, int64_t at_ms)
{
    struct itimerspec when = {.it_value = {0, 0}};

    if (at_ms == poller->armed_ms)
        return ACCS_OK;
    if (at_ms >= 0) {
        when.it_value.tv_sec = at_ms / 1000;
        when.it_value.tv_nsec = (at_ms % 1000) * 1000000;
        if (at_ms == 0)
            when.it_value.tv_nsec = 1; /* all zero would disarm it */
    }
    if (timerfd_settime(poller->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
        return ACCS_ERROR_IO;
    poller->armed_ms = at_ms;
    return ACCS_OK;
}

static void quench_alarm(accs_poller *poller)
{
    uint64_t count;

    if (read(poller->alarm_fd, &count, sizeof count) == (ssize_t)sizeof count)
        poller->armed_ms = -1;
}

int accs_poller_wait(accs_poller *poller, accs_ready *ready, int ready_max, int64_t timeout_ms)
{
    struct epoll_event events[WAIT_MAX];
    int wait = timeout_ms < 0 ? -1 : (timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
    int limit = ready_max < WAIT_MAX ? ready_max : WAIT_MAX;
    int count = epoll_wait(poller->fd, events, limit, wait);
    int filled = 0;

    if (count < 0)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == poller->alarm_fd) {
            quench_alarm(poller);
            continue;
        }
        ready[filled].fd = events[i].data.fd;
        ready[filled].events = 0;
        if (events[i].events & (EPOLLIN | EPOLLRDHUP))
            ready[filled].events |= ACCS_POLL_IN;
        if (events[i].events & EPOLLOUT)
            ready[filled].events |= ACCS_POLL_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            ready[filled].events |= ACCS_POLL_ERROR;
        filled++;
    }
    return filled;
}
