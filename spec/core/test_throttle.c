#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
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

static void a_refusal_halves_the_places(void **state)
{
    static const size_t LEFT[] = {4, 2, 1, 1, 1};
    accs_throttle throttle;

    (void)state;
    accs_throttle_init(&throttle, 8, false);
    assert_int_equal(throttle.places, 8);
    for (size_t i = 0; i < sizeof LEFT / sizeof LEFT[0]; i++) {
        accs_throttle_refused(&throttle, 1000);
        assert_int_equal(throttle.places, LEFT[i]);
    }
    accs_throttle_init(&throttle, 1, false);
    accs_throttle_refused(&throttle, 1000);
    assert_int_equal(throttle.places, 1);
}

/* Eight that were under way together are refused together: that is one refusal. */
static void refusals_during_a_pause_count_once(void **state)
{
    accs_throttle throttle;

    (void)state;
    accs_throttle_init(&throttle, 8, false);
    for (int i = 0; i < 8; i++) {
        accs_throttle_refused(&throttle, 1000);
        accs_throttle_pause(&throttle, 1000, 500);
    }
    assert_int_equal(throttle.places, 4);
    accs_throttle_refused(&throttle, 1499);
    assert_int_equal(throttle.places, 4);
    accs_throttle_refused(&throttle, 1500);
    assert_int_equal(throttle.places, 2);
}

static void places_come_back_one_by_one(void **state)
{
    accs_throttle throttle;
    unsigned answers = 0;

    (void)state;
    accs_throttle_init(&throttle, 4, false);
    accs_throttle_refused(&throttle, 1000);
    accs_throttle_refused(&throttle, 1000);
    assert_int_equal(throttle.places, 1);
    for (size_t places = 1; places < 4; places++) {
        for (size_t i = 0; i < places * ACCS_LIMIT_PLACE_AFTER; i++) {
            assert_int_equal(throttle.places, places);
            accs_throttle_answered(&throttle);
            answers++;
        }
        assert_int_equal(throttle.places, places + 1);
    }
    assert_int_equal(answers, 60);
    for (int i = 0; i < 1000; i++)
        accs_throttle_answered(&throttle);
    assert_int_equal(throttle.places, 4);
    /* Each refusal begins the count anew. */
    accs_throttle_refused(&throttle, 1000);
    for (int i = 0; i < 19; i++)
        accs_throttle_answered(&throttle);
    accs_throttle_pause(&throttle, 1000, 1);
    accs_throttle_refused(&throttle, 2000);
    assert_int_equal(throttle.places, 1);
    accs_throttle_answered(&throttle);
    assert_int_equal(throttle.places, 1);
}

static void fixed_places_stay(void **state)
{
    accs_throttle throttle;

    (void)state;
    accs_throttle_init(&throttle, 8, true);
    for (int i = 0; i < 20; i++)
        accs_throttle_refused(&throttle, 1000);
    assert_int_equal(throttle.places, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_is_never_shortened),
        cmocka_unit_test(nothing_asked_leaves_no_trace),
        cmocka_unit_test(a_refusal_halves_the_places),
        cmocka_unit_test(refusals_during_a_pause_count_once),
        cmocka_unit_test(places_come_back_one_by_one),
        cmocka_unit_test(fixed_places_stay),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
