/* A client's pause: nothing leaves before the moment. Pure state, the clock comes in. */
#ifndef ACCS_THROTTLE_H
#define ACCS_THROTTLE_H

#include "accs.h"

typedef struct accs_throttle {
    int64_t until_ms; /* monotonic; 0: no pause */
} accs_throttle;

/* Makes the pause last until now_ms + delay_ms at least; never shortens it. */
void accs_throttle_pause(accs_throttle *throttle, int64_t now_ms, int64_t delay_ms);

/* Milliseconds still to wait; 0 when free. */
int64_t accs_throttle_wait_ms(const accs_throttle *throttle, int64_t now_ms);

#endif
