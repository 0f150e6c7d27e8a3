#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "throttle.h"

static void a_pause_is_never_shortened(void **state)
{
    accs_throttle throttle = {0};

    (void)state;
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1000), 0);
    accs_throttle_pause(&throttle, 1000, 500);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1000), 500);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1499), 1);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1500), 0);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 9999), 0);
    accs_throttle_pause(&throttle, 1100, 100);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1100), 400);
    accs_throttle_pause(&throttle, 1100, 900);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1100), 900);
    accs_throttle_pause(&throttle, 1100, 0);
    accs_throttle_pause(&throttle, 1100, -5000);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1100), 900);
    accs_throttle_pause(&throttle, 1100, INT64_MAX);
    assert_int_equal(accs_throttle_wait_ms(&throttle, 1100), INT64_MAX - 1100);
}

static void nothing_asked_leaves_no_trace(void **state)
{
    accs_throttle throttle = {0};

    (void)state;
    accs_throttle_pause(&throttle, 1000, -1);
    accs_throttle_pause(&throttle, 1000, 0);
    assert_int_equal(throttle.until_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_is_never_shortened),
        cmocka_unit_test(nothing_asked_leaves_no_trace),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
