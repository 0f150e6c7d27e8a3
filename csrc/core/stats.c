#include "stats.h"

void accs_tally_attempt(accs_tally *tally, unsigned sends, const accs_measure *measure)
{
    accs_stats *counts = &tally->counts;

    counts->attempts += sends;
    counts->bytes_in += measure->bytes_in;
    counts->bytes_out += measure->bytes_out;
    counts->connections_opened += measure->connects;
    if (measure->connects == 0 && sends > 0)
        counts->connections_reused++;
}

void accs_tally_end(accs_tally *tally, accs_error how, int64_t elapsed_us)
{
    tally->counts.ended[how]++;
    if (how != ACCS_ERROR_CANCELLED && how != ACCS_ERROR_CLOSED) /* the caller's time, not theirs */
        accs_histogram_add(&tally->latency, elapsed_us > 0 ? (uint64_t)elapsed_us : 0);
}

static void read_latency(const accs_histogram *histogram, accs_latency *latency)
{
    static const uint64_t bounds[] = {
#define BOUND(us) us,
        ACCS_LATENCY_BOUND_LIST(BOUND)
#undef BOUND
    };

    latency->count = histogram->count;
    latency->sum_us = histogram->sum;
    latency->max_us = histogram->max;
    latency->p50_us = accs_histogram_quantile(histogram, 500);
    latency->p90_us = accs_histogram_quantile(histogram, 900);
    latency->p99_us = accs_histogram_quantile(histogram, 990);
    for (size_t i = 0; i < ACCS_LATENCY_BOUND_COUNT; i++)
        latency->at_most[i] = accs_histogram_at_most(histogram, bounds[i]);
}

void accs_tally_read(const accs_tally *tally, accs_stats *stats)
{
    *stats = tally->counts;
    stats->in_flight = stats->started;
    for (size_t i = 0; i < ACCS_ERROR_COUNT; i++)
        stats->in_flight -= stats->ended[i];
    read_latency(&tally->latency, &stats->latency);
}
