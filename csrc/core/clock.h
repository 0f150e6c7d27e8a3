/*
 * The three clocks, read together once a step and passed down, so that policy
 * never asks for the time. Injectable: a test gives a function of its own.
 */
#ifndef ACCS_CLOCK_H
#define ACCS_CLOCK_H

#include "accs.h"

typedef struct accs_now {
    int64_t mono_ms; /* CLOCK_MONOTONIC: timers and deadlines */
    int64_t mono_us; /* the same, finer, for durations */
    int64_t boot_ms; /* CLOCK_BOOTTIME: lifetimes of tokens, runs on in suspend */
    int64_t wall_s;  /* seconds since 1970-01-01 UTC */
    int64_t wall_ms; /* the same, finer, for what people read */
} accs_now;

typedef void (*accs_clock_read)(void *context, accs_now *now);

/* Reads the system's clocks; context is not used. */
void accs_clock_system(void *context, accs_now *now);

/* 32 random bits for jitter from the system; 0x80000000 when that fails. */
uint32_t accs_random_32(void);

#endif
