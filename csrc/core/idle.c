#include "idle.h"

#include <limits.h>

void accs_idle_begin(accs_idle *idle, accs_timers *timers, int64_t now_ms)
{
    idle->moved_ms = now_ms;
    if (idle->limit_ms > INT_MAX)
        idle->limit_ms = INT_MAX; /* 24 days: moments can be added up */
    if (idle->limit_ms > 0 && idle->timer.place == 0)
        accs_timers_set(timers, &idle->timer, now_ms + idle->limit_ms);
}

void accs_idle_move(accs_idle *idle, int64_t at_ms)
{
    if (at_ms > idle->moved_ms)
        idle->moved_ms = at_ms;
}

bool accs_idle_over(const accs_idle *idle, int64_t looked_ms)
{
    return looked_ms - idle->moved_ms >= idle->limit_ms;
}

void accs_idle_wait(accs_idle *idle, accs_timers *timers, int64_t now_ms)
{
    int64_t at_ms = idle->moved_ms + idle->limit_ms;

    accs_timers_set(timers, &idle->timer, at_ms > now_ms ? at_ms : now_ms + 1);
}
