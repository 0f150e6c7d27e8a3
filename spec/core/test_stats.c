#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats.h"

static void attempts_add_up(void **state)
{
    static accs_tally tally;
    accs_measure first = {.bytes_in = 10, .bytes_out = 3, .connects = 1};
    accs_measure again = {.bytes_in = 5, .bytes_out = 2};
    accs_measure never_left = {.connects = 1};
    accs_stats stats;

    (void)state;
    accs_tally_attempt(&tally, 1, &first);
    accs_tally_attempt(&tally, 2, &again); /* libcurl sent it twice */
    accs_tally_attempt(&tally, 0, &never_left);
    accs_tally_attempt(&tally, 0, &(accs_measure){.connects = 0}); /* ended before it began */
    accs_tally_read(&tally, &stats);
    assert_int_equal(3, stats.attempts);
    assert_int_equal(15, stats.bytes_in);
    assert_int_equal(5, stats.bytes_out);
    assert_int_equal(2, stats.connections_opened);
    assert_int_equal(1, stats.connections_reused);
}

static void calls_in_flight_are_those_not_ended(void **state)
{
    static accs_tally tally;
    accs_stats stats;

    (void)state;
    tally.counts.started = 5;
    accs_tally_end(&tally, ACCS_OK, 100);
    accs_tally_end(&tally, ACCS_ERROR_HTTP, 100);
    accs_tally_end(&tally, ACCS_ERROR_CANCELLED, 100);
    accs_tally_read(&tally, &stats);
    assert_int_equal(2, stats.in_flight);
    assert_int_equal(1, stats.ended[ACCS_OK]);
    assert_int_equal(1, stats.ended[ACCS_ERROR_HTTP]);
    assert_int_equal(1, stats.ended[ACCS_ERROR_CANCELLED]);
    assert_int_equal(0, stats.ended[ACCS_ERROR_NETWORK]);
}

static void latency_is_that_of_calls_that_nobody_cut_short(void **state)
{
    static accs_tally tally;
    accs_stats stats;

    (void)state;
    for (int64_t ms = 1; ms <= 100; ms++)
        accs_tally_end(&tally, ms % 2 == 0 ? ACCS_OK : ACCS_ERROR_TIMEOUT, ms * 1000);
    accs_tally_end(&tally, ACCS_ERROR_CANCELLED, 900000000);
    accs_tally_end(&tally, ACCS_ERROR_CLOSED, 900000000);
    accs_tally_end(&tally, ACCS_OK, -5); /* a clock that went back */
    accs_tally_read(&tally, &stats);
    assert_int_equal(101, stats.latency.count);
    assert_int_equal(5050000, stats.latency.sum_us);
    assert_int_equal(100000, stats.latency.max_us);
    assert_in_range(stats.latency.p50_us, 47500, 52500);
    assert_in_range(stats.latency.p90_us, 85500, 94500);
    assert_in_range(stats.latency.p99_us, 94050, 100000);
    assert_int_equal(6, stats.latency.at_most[0]);   /* 5 ms */
    assert_int_equal(11, stats.latency.at_most[1]);  /* 10 ms */
    assert_int_equal(51, stats.latency.at_most[3]);  /* 50 ms */
    assert_int_equal(101, stats.latency.at_most[4]); /* 100 ms */
    assert_int_equal(101, stats.latency.at_most[ACCS_LATENCY_BOUND_COUNT - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_add_up),
        cmocka_unit_test(calls_in_flight_are_those_not_ended),
        cmocka_unit_test(latency_is_that_of_calls_that_nobody_cut_short),
    };

    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
