/*
 * libcurl's plain sockets never raise SIGPIPE, OpenSSL's do. Around libcurl the
 * signal is blocked in this thread alone, so the host's handler stays as it is.
 */
#ifndef ACCS_PIPE_GUARD_H
#define ACCS_PIPE_GUARD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

typedef struct accs_pipe_guard {
    sigset_t before;
    bool ours; /* SIGPIPE was not blocked before */
} accs_pipe_guard;

void accs_pipe_block(accs_pipe_guard *guard);
/* Takes away a SIGPIPE that came meanwhile, then restores the mask. */
void accs_pipe_restore(const accs_pipe_guard *guard);

#endif
