#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "skew.h"

static const int64_t MINUTE = 60000;

static const int64_t SENT = 1767225600250;

static void a_clock_that_is_right_stays(void **state)
{
    (void)state;
    /* A Date is cut to whole seconds, and older than its arrival. */
    assert_int_equal(accs_skew_after(0, 1767225600000, SENT, SENT + 80), 0);
    assert_int_equal(accs_skew_after(0, 1767225601000, SENT, SENT + 5000), 0);
    assert_int_equal(accs_skew_after(0, 1767225600000, SENT, SENT + 10 * MINUTE), 0);
}

static void the_difference_moves_to_the_nearer_bound(void **state)
{
    int64_t skew;

    (void)state;
    skew = accs_skew_after(0, SENT + 10 * MINUTE, SENT, SENT + 100);
    assert_int_equal(skew, 10 * MINUTE - 100);
    assert_int_equal(accs_skew_after(skew, SENT + 10 * MINUTE, SENT, SENT + 100), skew);
    skew = accs_skew_after(0, SENT - 10 * MINUTE, SENT, SENT + 100);
    assert_int_equal(skew, -10 * MINUTE + 1000);
    assert_int_equal(accs_skew_after(skew, SENT - 10 * MINUTE, SENT, SENT + 100), skew);
}

static void it_goes_back_when_the_clock_is_set(void **state)
{
    (void)state;
    assert_in_range(accs_skew_after(10 * MINUTE, SENT, SENT, SENT + 100), 0, 1000);
    assert_int_equal(accs_skew_after(-10 * MINUTE, SENT, SENT, SENT + 100), -100);
}

static void a_clock_that_stepped_back_meanwhile_teaches_nothing(void **state)
{
    (void)state;
    assert_int_equal(accs_skew_after(7, SENT + 10 * MINUTE, SENT, SENT - 1), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_right_stays),
        cmocka_unit_test(the_difference_moves_to_the_nearer_bound),
        cmocka_unit_test(it_goes_back_when_the_clock_is_set),
        cmocka_unit_test(a_clock_that_stepped_back_meanwhile_teaches_nothing),
    };

    return cmocka_run_group_tests_name("skew", tests, NULL, NULL);
}
