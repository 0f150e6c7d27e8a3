/* How far this machine's clock is from IMS's, as the Date of answers tells. Pure. */
#ifndef ACCS_SKEW_H
#define ACCS_SKEW_H

#include "accs.h"

/*
 * The difference after an answer. Its Date, of whole seconds, was written between sending and
 * receiving, so the difference lies between two bounds: what is known stays when it does, else it
 * moves to the nearer one. A clock that stepped meanwhile teaches nothing.
 *
 * skew_ms      known so far; 0 at first
 * date_ms      since 1970, by the other clock
 * sent_ms      since 1970, by ours; and
 * received_ms
 *
 * Returns what is to be added to our clock.
 * Source: RFC 9110, 6.6.1.
 */
int64_t accs_skew_after(int64_t skew_ms, int64_t date_ms, int64_t sent_ms, int64_t received_ms);

#endif
