/*
 * A heap of timers. Room is reserved when an object that owns timers is made,
 * so that setting one later cannot fail.
 */
#ifndef ACCS_TIMERS_H
#define ACCS_TIMERS_H

#include "accs.h"

typedef struct accs_timer {
    int64_t at_ms;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fire)(struct accs_timer *timer);
} accs_timer;

typedef struct accs_timers {
    accs_timer **heap; /* heap[0] is the earliest */
    size_t count;
    size_t capacity;
    size_t reserved;
} accs_timers;

/* Zeroed accs_timers are valid and empty. */
void accs_timers_cleanup(accs_timers *timers);

/* Reserves room for count timers more; ACCS_ERROR_MEMORY. */
accs_error accs_timers_reserve(accs_timers *timers, size_t count);
void accs_timers_release(accs_timers *timers, size_t count);

/* Sets a timer, or moves one that is set. */
void accs_timers_set(accs_timers *timers, accs_timer *timer, int64_t at_ms);
/* Unsets; nothing happens to one that is not set. */
void accs_timers_clear(accs_timers *timers, accs_timer *timer);

/* The earliest moment, or -1. */
int64_t accs_timers_next_ms(const accs_timers *timers);

/* Takes the earliest timer out if it is due, else NULL. */
accs_timer *accs_timers_due(accs_timers *timers, int64_t now_ms);

#endif
