/* What a client counts, always: a few additions a call. */
#ifndef ACCS_STATS_H
#define ACCS_STATS_H

#include "histogram.h"
#include "measure.h"

/* Zeroed is valid. */
typedef struct accs_tally {
    accs_stats counts; /* what is derived (calls in flight, tokens, latency) stays 0 here */
    accs_histogram latency;
} accs_tally;

/* An attempt ended, or was ended; sends: requests that left for it. */
void accs_tally_attempt(accs_tally *tally, unsigned sends, const accs_measure *measure);

/* A call ended, elapsed_us after its start. */
void accs_tally_end(accs_tally *tally, accs_error how, int64_t elapsed_us);

/* Copies the counts, with what follows from them; waiting, tokens and events are the caller's. */
void accs_tally_read(const accs_tally *tally, accs_stats *stats);

#endif
