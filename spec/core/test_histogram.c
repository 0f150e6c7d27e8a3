#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "histogram.h"

enum { SAMPLES = 5000 };

/* A generator with a fixed start, so that a failure comes back (xorshift64). */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Each size as likely as another: from 1 digit to 10. */
static uint64_t any_size(uint64_t *state)
{
    uint64_t value = next_random(state) % UINT64_C(10000000000) + 1;

    for (uint64_t cut = next_random(state) % 10; cut > 0 && value >= 10; cut--)
        value /= 10;
    return value;
}

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

/* At most 5 %, without floating point. */
static void assert_near(uint64_t told, uint64_t real)
{
    uint64_t off = told > real ? told - real : real - told;

    if (off * 20 > real)
        fail_msg("%llu is told for %llu", (unsigned long long)told, (unsigned long long)real);
}

static void one_value_is_told_within_the_error(void **state)
{
    uint64_t seed = 88172645463325252ULL;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        accs_histogram histogram;
        uint64_t value = any_size(&seed);

        memset(&histogram, 0, sizeof histogram);
        accs_histogram_add(&histogram, value);
        accs_histogram_add(&histogram, UINT64_C(10000000000)); /* so that max does not help */
        assert_near(accs_histogram_quantile(&histogram, 500), value);
        assert_int_equal(2, histogram.count);
    }
}

static void quantiles_are_within_the_error(void **state)
{
    static const unsigned shares[] = {1, 10, 250, 500, 900, 990, 999, 1000};
    static uint64_t values[SAMPLES];
    accs_histogram histogram = {.count = 0};
    uint64_t seed = 42;

    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        values[i] = any_size(&seed);
        accs_histogram_add(&histogram, values[i]);
    }
    qsort(values, SAMPLES, sizeof values[0], ascending);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        size_t rank = (SAMPLES * shares[i] + 999) / 1000;

        assert_near(accs_histogram_quantile(&histogram, shares[i]), values[rank - 1]);
    }
    assert_int_equal(values[SAMPLES - 1], histogram.max);
}

static void the_rank_is_the_nearest_one(void **state)
{
    accs_histogram histogram = {.count = 0};

    (void)state;
    for (uint64_t value = 1; value <= 10; value++)
        accs_histogram_add(&histogram, value);
    assert_int_equal(5, accs_histogram_quantile(&histogram, 500));
    assert_int_equal(6, accs_histogram_quantile(&histogram, 501));
    assert_int_equal(9, accs_histogram_quantile(&histogram, 900));
    assert_int_equal(10, accs_histogram_quantile(&histogram, 901));
    assert_int_equal(10, accs_histogram_quantile(&histogram, 1000));
    assert_int_equal(1, accs_histogram_quantile(&histogram, 1));
    assert_int_equal(55, histogram.sum);
}

static void bounds_of_two_digits_are_exact(void **state)
{
    static const uint64_t bounds[] = {1,         99,         100,       110,     2500,
                                      5000,      50000,      250000,    1000000, 9900000,
                                      120000000, 9900000000, 9999999999};
    (void)state;
    for (size_t i = 0; i + 1 < sizeof bounds / sizeof bounds[0]; i++) {
        accs_histogram histogram = {.count = 0};

        accs_histogram_add(&histogram, bounds[i]);
        accs_histogram_add(&histogram, bounds[i] + 1);
        assert_int_equal(1, accs_histogram_at_most(&histogram, bounds[i]));
        assert_int_equal(2, accs_histogram_at_most(&histogram, UINT64_MAX));
    }
}

static void extremes_stay_in_bounds(void **state)
{
    accs_histogram histogram = {.count = 0};

    (void)state;
    assert_int_equal(0, accs_histogram_quantile(&histogram, 500));
    assert_int_equal(0, accs_histogram_at_most(&histogram, UINT64_MAX));
    accs_histogram_add(&histogram, 0);
    assert_int_equal(0, accs_histogram_quantile(&histogram, 1000)); /* never above the largest */
    accs_histogram_add(&histogram, UINT64_MAX);
    assert_true(accs_histogram_quantile(&histogram, 1000) == UINT64_MAX);
    accs_histogram_add(&histogram, UINT64_MAX);
    assert_true(histogram.sum == UINT64_MAX); /* not begun anew */
    assert_true(histogram.max == UINT64_MAX);
    assert_int_equal(3, histogram.count);
}

static void counts_do_not_overflow(void **state)
{
    accs_histogram histogram = {.count = 0};

    (void)state;
    accs_histogram_add(&histogram, 7);
    accs_histogram_add(&histogram, 9);
    histogram.buckets[6] = UINT64_MAX / 2; /* as if it had been told for ages */
    histogram.count = UINT64_MAX / 2 + 1;
    assert_int_equal(7, accs_histogram_quantile(&histogram, 999));
    assert_int_equal(9, accs_histogram_quantile(&histogram, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_is_told_within_the_error),
        cmocka_unit_test(quantiles_are_within_the_error),
        cmocka_unit_test(the_rank_is_the_nearest_one),
        cmocka_unit_test(bounds_of_two_digits_are_exact),
        cmocka_unit_test(extremes_stay_in_bounds),
        cmocka_unit_test(counts_do_not_overflow),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
