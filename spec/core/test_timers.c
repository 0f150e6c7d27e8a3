#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "timers.h"

enum { TIMERS = 80, OPERATIONS = 60000, NOT_SET = -1 };

/* Random bits that are the same in every run (xorshift64). */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

typedef struct model {
    int64_t at[TIMERS]; /* NOT_SET, or the moment */
    size_t count;
} model;

static int64_t earliest(const model *naive)
{
    int64_t found = NOT_SET;

    for (size_t i = 0; i < TIMERS; i++)
        if (naive->at[i] != NOT_SET && (found == NOT_SET || naive->at[i] < found))
            found = naive->at[i];
    return found;
}

/* The heap and the model agree about everything that can be seen. */
static void compare(const accs_timers *timers, const accs_timer *all, const model *naive)
{
    assert_int_equal(timers->count, naive->count);
    assert_int_equal(accs_timers_next_ms(timers), earliest(naive));
    for (size_t i = 0; i < TIMERS; i++) {
        if (naive->at[i] == NOT_SET) {
            assert_int_equal(all[i].place, 0);
        } else {
            assert_in_range(all[i].place, 1, timers->count);
            assert_ptr_equal(timers->heap[all[i].place - 1], &all[i]);
            assert_int_equal(all[i].at_ms, naive->at[i]);
        }
    }
}

static void take_due(accs_timers *timers, const accs_timer *all, model *naive, int64_t now_ms)
{
    int64_t first = earliest(naive);
    const accs_timer *due = accs_timers_due(timers, now_ms);

    if (first == NOT_SET || first > now_ms) {
        assert_null(due);
        return;
    }
    assert_non_null(due);
    assert_int_equal(due->at_ms, first);
    assert_int_equal(naive->at[due - all], first);
    naive->at[due - all] = NOT_SET;
    naive->count--;
}

static void random_operations_agree_with_a_list(void **state)
{
    accs_timers timers = {.heap = NULL};
    accs_timer all[TIMERS] = {{0}};
    model naive = {.count = 0};
    uint64_t seed = 20260731;

    (void)state;
    for (size_t i = 0; i < TIMERS; i++)
        naive.at[i] = NOT_SET;
    assert_int_equal(accs_timers_reserve(&timers, TIMERS), ACCS_OK);
    for (int i = 0; i < OPERATIONS; i++) {
        size_t which = next_random(&seed) % TIMERS;
        int64_t moment = (int64_t)(next_random(&seed) % 100); /* few values: many are equal */

        switch (next_random(&seed) % 4) {
        case 0:
        case 1: /* sets one, or moves it */
            accs_timers_set(&timers, &all[which], moment);
            naive.count += naive.at[which] == NOT_SET;
            naive.at[which] = moment;
            break;
        case 2:
            accs_timers_clear(&timers, &all[which]);
            naive.count -= naive.at[which] != NOT_SET;
            naive.at[which] = NOT_SET;
            break;
        default:
            take_due(&timers, all, &naive, moment);
        }
        compare(&timers, all, &naive);
    }
    accs_timers_cleanup(&timers);
}

static void come_out_in_order_and_only_when_due(void **state)
{
    static const int64_t moments[] = {50, 10, INT64_MAX, 30, 0, 30, 20, 40, 10};
    static const int64_t order[] = {0, 10, 10, 20, 30, 30, 40, 50};
    accs_timers timers = {.heap = NULL};
    accs_timer all[9] = {{0}};

    (void)state;
    assert_int_equal(accs_timers_next_ms(&timers), -1);
    assert_null(accs_timers_due(&timers, INT64_MAX));
    assert_int_equal(accs_timers_reserve(&timers, 9), ACCS_OK);
    for (size_t i = 0; i < 9; i++)
        accs_timers_set(&timers, &all[i], moments[i]);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const accs_timer *due;

        assert_null(accs_timers_due(&timers, order[i] - 1));
        due = accs_timers_due(&timers, order[i]); /* due at its very moment */
        assert_non_null(due);
        assert_int_equal(due->at_ms, order[i]);
    }
    assert_null(accs_timers_due(&timers, INT64_MAX - 1));
    assert_ptr_equal(accs_timers_due(&timers, INT64_MAX), &all[2]);
    accs_timers_cleanup(&timers);
}

static void clearing_in_the_middle_keeps_the_order(void **state)
{
    enum { COUNT = 15 };

    (void)state;
    for (size_t victim = 0; victim < COUNT; victim++) {
        accs_timers timers = {.heap = NULL};
        accs_timer all[COUNT] = {{0}};
        int64_t last = -1;

        assert_int_equal(accs_timers_reserve(&timers, COUNT), ACCS_OK);
        for (size_t i = 0; i < COUNT; i++) /* 0 100 200 .. under 0, so that a hole may rise */
            accs_timers_set(&timers, &all[i], (int64_t)(i % 2 == 0 ? i : 100 * i));
        accs_timers_clear(&timers, &all[victim]);
        accs_timers_clear(&timers, &all[victim]); /* a second time is nothing */
        assert_int_equal(timers.count, COUNT - 1);
        for (size_t i = 0; i < COUNT - 1; i++) {
            const accs_timer *due = accs_timers_due(&timers, INT64_MAX);

            assert_non_null(due);
            assert_ptr_not_equal(due, &all[victim]);
            assert_true(due->at_ms >= last);
            last = due->at_ms;
        }
        assert_null(accs_timers_due(&timers, INT64_MAX));
        accs_timers_cleanup(&timers);
    }
}

static void room_is_there_for_all_that_was_reserved(void **state)
{
    accs_timers timers = {.heap = NULL};
    accs_timer all[200] = {{0}};

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(accs_timers_reserve(&timers, 2), ACCS_OK);
        assert_int_equal(timers.reserved, 2 * (i + 1));
        assert_true(timers.capacity >= timers.reserved);
        accs_timers_set(&timers, &all[2 * i], (int64_t)i);
        accs_timers_set(&timers, &all[2 * i + 1], (int64_t)i);
    }
    assert_int_equal(timers.count, 200);
    for (size_t i = 0; i < 200; i++) {
        accs_timers_clear(&timers, &all[i]);
        accs_timers_release(&timers, 1);
    }
    assert_int_equal(timers.reserved, 0);
    accs_timers_cleanup(&timers);
    accs_timers_cleanup(&timers);
    assert_int_equal(accs_timers_next_ms(&timers), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_list),
        cmocka_unit_test(come_out_in_order_and_only_when_due),
        cmocka_unit_test(clearing_in_the_middle_keeps_the_order),
        cmocka_unit_test(room_is_there_for_all_that_was_reserved),
    };

    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
