#include "throttle.h"

void accs_throttle_pause(accs_throttle *throttle, int64_t now_ms, int64_t delay_ms)
{
    int64_t until;

    if (delay_ms <= 0)
        return;
    until = now_ms > INT64_MAX - delay_ms ? INT64_MAX : now_ms + delay_ms;
    if (until > throttle->until_ms)
        throttle->until_ms = until;
}

int64_t accs_throttle_wait_ms(const accs_throttle *throttle, int64_t now_ms)
{
    return throttle->until_ms > now_ms ? throttle->until_ms - now_ms : 0;
}
