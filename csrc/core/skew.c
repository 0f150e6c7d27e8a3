#include "skew.h"

enum { DATE_STEP_MS = 1000 };

int64_t accs_skew_after(int64_t skew_ms, int64_t date_ms, int64_t sent_ms, int64_t received_ms)
{
    int64_t least = date_ms - received_ms;
    int64_t most = date_ms + DATE_STEP_MS - sent_ms;

    if (received_ms < sent_ms || (skew_ms >= least && skew_ms <= most))
        return skew_ms;
    return skew_ms < least ? least : most;
}
