/*
 * How long an attempt has been silent. The moment of the last movement is noted; the timer looks
 * at it when it fires, and waits for what is left. Knows no libcurl and reads no clock.
 */
#ifndef ACCS_IDLE_H
#define ACCS_IDLE_H

#include "timers.h"

typedef struct accs_idle {
    accs_timer timer; /* its owner reserves the place, and hears of it */
    int64_t limit_ms; /* 0: none */
    int64_t moved_ms; /* when a byte moved last */
} accs_idle;

/* The limit counts from now on; a timer that is set already is left. */
void accs_idle_begin(accs_idle *idle, accs_timers *timers, int64_t now_ms);

/* A byte has moved, or nobody was to move one; an earlier moment than the last changes nothing. */
void accs_idle_move(accs_idle *idle, int64_t at_ms);

/* Whether nothing had moved for the whole limit when it was looked last. */
bool accs_idle_over(const accs_idle *idle, int64_t looked_ms);

/* Sets the timer for what is left; when that is nothing, for the next look. */
void accs_idle_wait(accs_idle *idle, accs_timers *timers, int64_t now_ms);

#endif
