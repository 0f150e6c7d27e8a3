#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idle.h"

enum { LIMIT = 1000 };

typedef struct world {
    accs_timers timers;
    accs_idle idle;
} world;

static void begin(world *now, int64_t limit_ms, int64_t at_ms)
{
    *now = (world){.idle = {.limit_ms = limit_ms}};
    assert_int_equal(accs_timers_reserve(&now->timers, 1), ACCS_OK);
    accs_idle_begin(&now->idle, &now->timers, at_ms);
}

/* The timer fires; returns whether that is the end. */
static bool fire(world *now, int64_t at_ms, int64_t looked_ms)
{
    assert_ptr_equal(accs_timers_due(&now->timers, at_ms), &now->idle.timer);
    if (accs_idle_over(&now->idle, looked_ms))
        return true;
    accs_idle_wait(&now->idle, &now->timers, at_ms);
    return false;
}

static void silence_ends_at_the_limit(void **state)
{
    world now;

    (void)state;
    begin(&now, LIMIT, 500);
    assert_int_equal(accs_timers_next_ms(&now.timers), 1500);
    assert_null(accs_timers_due(&now.timers, 1499));
    assert_true(fire(&now, 1500, 1500));
    accs_timers_cleanup(&now.timers);
}

static void a_movement_costs_nothing_and_leaves_the_rest_of_the_time(void **state)
{
    world now;

    (void)state;
    begin(&now, LIMIT, 500);
    for (int64_t at_ms = 500; at_ms <= 1300; at_ms++)
        accs_idle_move(&now.idle, at_ms);
    assert_int_equal(accs_timers_next_ms(&now.timers), 1500);
    accs_idle_move(&now.idle, 900); /* known already */
    assert_false(fire(&now, 1500, 1500));
    assert_int_equal(accs_timers_next_ms(&now.timers), 2300);
    assert_true(fire(&now, 2300, 2300));
    accs_timers_cleanup(&now.timers);
}

static void silence_that_nobody_listened_to_is_none(void **state)
{
    world now;

    (void)state;
    begin(&now, LIMIT, 500);
    assert_false(fire(&now, 9000, 700)); /* nobody stepped in between */
    assert_int_equal(accs_timers_next_ms(&now.timers), 9001);
    assert_true(fire(&now, 9001, 9000));
    accs_timers_cleanup(&now.timers);
}

static void a_second_send_begins_anew_with_the_same_timer(void **state)
{
    world now;

    (void)state;
    begin(&now, LIMIT, 500);
    accs_idle_begin(&now.idle, &now.timers, 1400);
    assert_int_equal(now.timers.count, 1);
    assert_false(fire(&now, 1500, 1500));
    assert_int_equal(accs_timers_next_ms(&now.timers), 2400);
    accs_timers_cleanup(&now.timers);
}

static void no_limit_sets_no_timer_and_a_huge_one_never_overflows(void **state)
{
    world now;

    (void)state;
    begin(&now, 0, 500);
    assert_int_equal(now.timers.count, 0);
    accs_timers_cleanup(&now.timers);
    begin(&now, INT64_MAX, 500);
    assert_int_equal(accs_timers_next_ms(&now.timers), (int64_t)500 + INT32_MAX);
    accs_timers_cleanup(&now.timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_ends_at_the_limit),
        cmocka_unit_test(a_movement_costs_nothing_and_leaves_the_rest_of_the_time),
        cmocka_unit_test(silence_that_nobody_listened_to_is_none),
        cmocka_unit_test(a_second_send_begins_anew_with_the_same_timer),
        cmocka_unit_test(no_limit_sets_no_timer_and_a_huge_one_never_overflows),
    };

    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
