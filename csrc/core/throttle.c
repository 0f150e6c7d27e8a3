#include "throttle.h"

#include "limits.h"

void accs_throttle_init(accs_throttle *throttle, size_t most, bool fixed)
{
    *throttle = (accs_throttle){.most = most, .places = most, .fixed = fixed};
}

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

void accs_throttle_refused(accs_throttle *throttle, int64_t now_ms)
{
    if (throttle->fixed || accs_throttle_wait_ms(throttle, now_ms) > 0)
        return;
    if (throttle->places > 1)
        throttle->places /= 2;
    throttle->answered = 0;
}

void accs_throttle_answered(accs_throttle *throttle)
{
    if (throttle->places >= throttle->most)
        return;
    throttle->answered++;
    if (throttle->answered / ACCS_LIMIT_PLACE_AFTER >= throttle->places) {
        throttle->places++;
        throttle->answered = 0;
    }
}
