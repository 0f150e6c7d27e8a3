/* When a token is used, refreshed beside calls, waited for, or dead. Pure. */
#ifndef ACCS_TOKEN_WINDOW_H
#define ACCS_TOKEN_WINDOW_H

#include "accs.h"

typedef enum accs_token_phase {
    ACCS_TOKEN_FRESH = 0, /* just use it */
    ACCS_TOKEN_AHEAD,     /* use it, and fetch another beside the calls */
    ACCS_TOKEN_MARGIN,    /* wait for another; use it only when none can be had */
    ACCS_TOKEN_DEAD,
} accs_token_phase;

/*
 * life_ms  from acquisition to expiry
 * left_ms  until expiry; 0 and less is dead
 * random   spreads the start of the AHEAD window over its first quarter, so that
 *          processes that started together do not refresh together
 */
accs_token_phase accs_token_window(int64_t life_ms, int64_t left_ms, uint32_t random);

/*
 * The life that an expires_in of a token reply stands for, in ms. IMS v3 counts
 * in seconds; a value beyond 30 days is taken for milliseconds, as older
 * endpoints count; what is still beyond, zero or negative gives the default life.
 *
 * expires_in  as received; has_expires_in false when absent or no number
 */
int64_t accs_token_life_ms(bool has_expires_in, int64_t expires_in);

#endif
