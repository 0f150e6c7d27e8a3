/* When a token is used, refreshed beside calls, waited for, or dead. Pure. */
#ifndef ACCS_TOKEN_WINDOW_H
#define ACCS_TOKEN_WINDOW_H

#include "jwt.h"

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
 *          processes that started together do not refresh together; three quarters are
 *          left for the refresh, before anyone waits
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

/*
 * The life that is left to a token that IMS has just sent, in ms: the least that its reply and its
 * own claims say, of what makes sense. What the claims leave is reckoned by the reply's own Date,
 * so the local clock has no part in it; without a Date their length alone counts.
 *
 * times    of the token; NULL: it has none that can be read
 * date_ms  of the reply, since 1970; -1: none
 */
int64_t accs_token_left_ms(bool has_expires_in, int64_t expires_in, const accs_jwt_facts *times,
                           int64_t date_ms);

/*
 * The life that is left to a token that was kept, in ms; 0 for none, or when it would have more
 * than its whole life by more than ACCS_LIMIT_CLOCK_SKEW: then one of the clocks is wrong.
 *
 * expires_wall_ms  by IMS's clock; and
 * now_wall_ms      likewise: ours and the skew
 */
int64_t accs_token_kept_ms(int64_t expires_wall_ms, int64_t life_ms, int64_t now_wall_ms);

#endif
