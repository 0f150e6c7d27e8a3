#include "pipe_guard.h"

#include <time.h>

void accs_pipe_block(accs_pipe_guard *guard)
{
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    guard->ours = pthread_sigmask(SIG_BLOCK, &blocked, &guard->before) == 0 &&
                  sigismember(&guard->before, SIGPIPE) == 0;
}

void accs_pipe_restore(const accs_pipe_guard *guard)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe_only;

    if (!guard->ours)
        return;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    while (sigtimedwait(&pipe_only, NULL, &at_once) == SIGPIPE)
        ; /* ours: it was not blocked before, so none was pending */
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}
