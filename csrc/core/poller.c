#include "poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { WAIT_MAX = 64 };

/* In kept[fd], beside the ACCS_POLL_ bits that the kernel watches, or should: LOST. */
enum { RESTING = 0x80, LOST = 0x40 };

accs_error accs_poller_init(accs_poller *poller)
{
    struct epoll_event event = {.events = EPOLLIN};

    poller->alarm_fd = -1;
    poller->armed_ms = -1;
    poller->kept = NULL;
    poller->kept_count = 0;
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
    free(poller->kept);
    poller->kept = NULL;
    poller->kept_count = 0;
}

/* What is known of fd, or NULL: then every change asks the kernel. */
static unsigned char *kept_of(accs_poller *poller, int fd)
{
    size_t wanted = (size_t)fd + 1;

    if (wanted > poller->kept_count) {
        size_t count = wanted < 64 ? 64 : 2 * wanted;
        unsigned char *kept = realloc(poller->kept, count);

        if (kept == NULL)
            return NULL;
        memset(kept + poller->kept_count, 0, count - poller->kept_count);
        poller->kept = kept;
        poller->kept_count = count;
    }
    return &poller->kept[fd];
}

static void stop_watching(accs_poller *poller, int fd)
{
    struct epoll_event none = {.events = 0};

    epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, &none); /* closed already: gone already */
    if ((size_t)fd < poller->kept_count)
        poller->kept[fd] = 0;
}

accs_error accs_poller_watch(accs_poller *poller, int fd, unsigned events)
{
    struct epoll_event event = {.events = 0};
    unsigned char *kept;

    if (events == 0) {
        stop_watching(poller, fd);
        return ACCS_OK;
    }
    kept = kept_of(poller, fd);
    if (kept != NULL && (*kept & ~(unsigned)RESTING) == events) {
        *kept = (unsigned char)events; /* it rested, or nothing changes */
        return ACCS_OK;
    }
    event.data.fd = fd;
    if (events & ACCS_POLL_IN)
        event.events |= EPOLLIN;
    if (events & ACCS_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) != 0 &&
        (errno != EEXIST || epoll_ctl(poller->fd, EPOLL_CTL_MOD, fd, &event) != 0)) {
        if (kept != NULL)
            *kept = (unsigned char)(events | LOST);
        return ACCS_ERROR_IO;
    }
    if (kept != NULL)
        *kept = (unsigned char)events;
    return ACCS_OK;
}

bool accs_poller_retry(accs_poller *poller)
{
    bool all = true;

    for (size_t i = 0; i < poller->kept_count; i++)
        if (poller->kept[i] & LOST)
            all = accs_poller_watch(poller, (int)i, poller->kept[i] & ~(unsigned)LOST) == ACCS_OK &&
                  all;
    return all;
}

void accs_poller_rest(accs_poller *poller, int fd)
{
    if ((size_t)fd < poller->kept_count && poller->kept[fd] != 0 && !(poller->kept[fd] & LOST))
        poller->kept[fd] |= RESTING;
    else
        stop_watching(poller, fd);
}

void accs_poller_forget(accs_poller *poller, int fd)
{
    /* Closing alone would not end it where a forked child holds the descriptor as well. */
    if ((size_t)fd < poller->kept_count && poller->kept[fd] != 0)
        stop_watching(poller, fd);
}

/* Something came for a descriptor that nobody watches any more. */
static bool wakes_resting(accs_poller *poller, int fd)
{
    if ((size_t)fd >= poller->kept_count || (poller->kept[fd] & RESTING) == 0)
        return false;
    stop_watching(poller, fd);
    return true;
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
        if (wakes_resting(poller, events[i].data.fd))
            continue;
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
