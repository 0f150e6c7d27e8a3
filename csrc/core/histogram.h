/*
 * Counts of durations in buckets of fixed number and growing width, of which
 * quantiles are told. Pure: no clock, no memory of its own.
 *
 * Up to 100 each value has a bucket; above, the bounds are the numbers of two
 * decimal digits (110, 120, ... 1000, 1100, ...), so a bucket's middle is off by
 * 5 % at most, and bounds that people choose (2500, 50000) are bounds of buckets.
 */
#ifndef ACCS_HISTOGRAM_H
#define ACCS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    ACCS_HISTOGRAM_EXACT = 100, /* buckets of one value each: 1 to 100, and 0 in the first */
    ACCS_HISTOGRAM_DIGITS = 90, /* buckets of a decade: 10 to 99 */
    ACCS_HISTOGRAM_DECADES = 8, /* above 100: up to 10^10, which is 2.7 hours in microseconds */
    ACCS_HISTOGRAM_BUCKETS =
        ACCS_HISTOGRAM_EXACT + ACCS_HISTOGRAM_DECADES * ACCS_HISTOGRAM_DIGITS + 1 /* and longer */
};

/* Zeroed is valid. */
typedef struct accs_histogram {
    uint64_t buckets[ACCS_HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum; /* stays at the largest number rather than begin anew */
    uint64_t max;
} accs_histogram;

void accs_histogram_add(accs_histogram *histogram, uint64_t value);

/*
 * The value that a share of all values does not exceed (nearest rank), off by
 * 5 % at most, never above the largest; 0 when there are no values. Beyond the
 * last decade it is the largest value.
 *
 * per_mille  1 to 1000: 500 for the median
 */
uint64_t accs_histogram_quantile(const accs_histogram *histogram, unsigned per_mille);

/*
 * How many values are at most that large: exact up to 100 and for a bound with
 * two decimal digits; for others the values of the whole bucket that it lies in count.
 */
uint64_t accs_histogram_at_most(const accs_histogram *histogram, uint64_t bound);

#endif
