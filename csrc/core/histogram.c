#include "histogram.h"

/* The bucket of a value: those up to and including a bound lie below it. */
static size_t bucket_of(uint64_t value)
{
    uint64_t below = value > 0 ? value - 1 : 0;
    size_t first = 0;

    if (below < ACCS_HISTOGRAM_EXACT)
        return (size_t)below;
    for (int decade = 0; decade < ACCS_HISTOGRAM_DECADES; decade++) {
        below /= 10;
        if (below < ACCS_HISTOGRAM_EXACT)
            return ACCS_HISTOGRAM_EXACT + first + (size_t)below - 10;
        first += ACCS_HISTOGRAM_DIGITS;
    }
    return ACCS_HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket, rounded up; not for the last, which has no end. */
static uint64_t middle_of(size_t bucket)
{
    uint64_t unit = 1;
    size_t digits;

    if (bucket < ACCS_HISTOGRAM_EXACT)
        return bucket + 1;
    bucket -= ACCS_HISTOGRAM_EXACT;
    digits = 10 + bucket % ACCS_HISTOGRAM_DIGITS;
    for (size_t decade = bucket / ACCS_HISTOGRAM_DIGITS + 1; decade > 0; decade--)
        unit *= 10;
    return digits * unit + unit / 2;
}

void accs_histogram_add(accs_histogram *histogram, uint64_t value)
{
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    histogram->sum = value <= UINT64_MAX - histogram->sum ? histogram->sum + value : UINT64_MAX;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t accs_histogram_quantile(const accs_histogram *histogram, unsigned per_mille)
{
    /* Rounded up, in two parts: count * per_mille could overflow. */
    uint64_t rank =
        histogram->count / 1000 * per_mille + (histogram->count % 1000 * per_mille + 999) / 1000;
    uint64_t seen = 0;

    if (histogram->count == 0)
        return 0;
    for (size_t bucket = 0; bucket < ACCS_HISTOGRAM_BUCKETS - 1; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= rank) {
            uint64_t middle = middle_of(bucket);

            return middle < histogram->max ? middle : histogram->max;
        }
    }
    return histogram->max;
}

uint64_t accs_histogram_at_most(const accs_histogram *histogram, uint64_t bound)
{
    size_t last = bucket_of(bound);
    uint64_t seen = 0;

    for (size_t bucket = 0; bucket <= last; bucket++)
        seen += histogram->buckets[bucket];
    return seen;
}
