/* Readiness of many descriptors and one alarm behind a single pollable descriptor. */
#ifndef ACCS_POLLER_H
#define ACCS_POLLER_H

#include "accs.h"

enum { ACCS_POLL_IN = 1, ACCS_POLL_OUT = 2, ACCS_POLL_ERROR = 4 };

typedef struct accs_poller {
    int fd;              /* pollable itself; -1 when not open */
    int alarm_fd;        /* in the set of fd */
    int64_t armed_ms;    /* what the alarm was last set to; -1: off */
    unsigned char *kept; /* by descriptor: the events that the kernel watches; see poller.c */
    size_t kept_count;
} accs_poller;

typedef struct accs_ready {
    int fd;
    unsigned events; /* ACCS_POLL_ bits */
} accs_ready;

/* ACCS_ERROR_IO with errno set when there is no descriptor to be had. */
accs_error accs_poller_init(accs_poller *poller);

/* Closes the descriptors, which is all: safe in a forked child. A second call is fine. */
void accs_poller_cleanup(accs_poller *poller);

/*
 * Watches fd for the given bits from now on; 0 stops. A descriptor closed meanwhile is no error.
 * ACCS_ERROR_IO when the kernel has no memory for it: see accs_poller_retry().
 */
accs_error accs_poller_watch(accs_poller *poller, int fd, unsigned events);

/* Tries again for every descriptor that could not be watched. Whether all are watched now. */
bool accs_poller_retry(accs_poller *poller);

/*
 * Stops watching fd for now. The kernel goes on until something happens there,
 * which saves two system calls for a connection that is used again at once.
 * Whoever closes such a descriptor says so with accs_poller_forget().
 */
void accs_poller_rest(accs_poller *poller, int fd);

/* The descriptor is about to be closed. */
void accs_poller_forget(accs_poller *poller, int fd);

/* Makes the poller's descriptor readable from at_ms (monotonic clock) on; -1: never. */
accs_error accs_poller_alarm(accs_poller *poller, int64_t at_ms);

/*
 * Waits up to timeout_ms (-1: for ever) and returns how many entries of ready
 * were filled: 0 after a timeout, a signal or the alarm, -1 with errno set on failure.
 */
int accs_poller_wait(accs_poller *poller, accs_ready *ready, int ready_max, int64_t timeout_ms);

#endif
