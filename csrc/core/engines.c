#include "engine.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

accs_error accs_engines_wait(accs_engine *const *engines, size_t engine_count, int64_t timeout_ms,
                             accs_failure *failure)
{
    struct pollfd *polled = calloc(engine_count + 1, sizeof *polled);
    accs_error error = ACCS_OK;

    if (polled == NULL)
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for waiting");
    for (size_t i = 0; i < engine_count; i++) {
        /* A forked child's step says what is wrong. */
        int64_t next = accs_engine_usable(engines[i]) ? accs_engine_timeout_ms(engines[i]) : 0;

        if (next >= 0 && (timeout_ms < 0 || next < timeout_ms))
            timeout_ms = next;
        polled[i].fd = accs_engine_descriptor(engines[i]);
        polled[i].events = POLLIN;
    }
    if (poll(polled, (nfds_t)engine_count, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms) < 0 &&
        errno != EINTR) {
        error = accs_fail(failure, ACCS_ERROR_IO, "waiting for the network failed: %s",
                          strerror(errno));
        if (failure != NULL)
            failure->system_errno = errno;
    }
    free(polled);
    return error;
}
