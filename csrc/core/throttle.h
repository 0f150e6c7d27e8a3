/*
 * What a client does when the service asks to slow down: a pause, in which nothing
 * leaves, and fewer attempts at a time after it. Pure state, the clock comes in.
 */
#ifndef ACCS_THROTTLE_H
#define ACCS_THROTTLE_H

#include "accs.h"

typedef struct accs_throttle {
    int64_t until_ms; /* monotonic; 0: no pause */
    size_t most;      /* attempts at a time, at best */
    size_t places;    /* attempts at a time now: 1 to most */
    size_t answered;  /* since places changed */
    bool fixed;       /* places stay */
} accs_throttle;

/* most: attempts at a time; fixed: whatever the service says about its limit. */
void accs_throttle_init(accs_throttle *throttle, size_t most, bool fixed);

/* Makes the pause last until now_ms + delay_ms at least; never shortens it. */
void accs_throttle_pause(accs_throttle *throttle, int64_t now_ms, int64_t delay_ms);

/* Milliseconds still to wait; 0 when free. */
int64_t accs_throttle_wait_ms(const accs_throttle *throttle, int64_t now_ms);

/*
 * An attempt was refused by the limit (429), before the pause that follows is
 * set: half of the places are left. During a pause nothing changes, since what
 * was under way together is refused together.
 */
void accs_throttle_refused(accs_throttle *throttle, int64_t now_ms);

/* An attempt was answered: after so many for each place there is one more again. */
void accs_throttle_answered(accs_throttle *throttle);

#endif
