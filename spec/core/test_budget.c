#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "budget.h"
#include "limits.h"

static unsigned take_all(accs_budget *budget, int64_t now_ms)
{
    unsigned taken = 0;

    while (taken < 100000 && accs_budget_take(budget, now_ms))
        taken++;
    return taken;
}

static void a_few_repeats_are_always_allowed(void **state)
{
    accs_budget budget;

    (void)state;
    accs_budget_init(&budget, 0, 0);
    assert_true(accs_budget_left(&budget, 5000000));
    assert_int_equal(take_all(&budget, 5000000), ACCS_LIMIT_RETRY_BUDGET_MIN);
    assert_false(accs_budget_left(&budget, 5000000));
    assert_false(accs_budget_take(&budget, 5000000));
}

static void repeats_are_a_share_of_recent_calls(void **state)
{
    accs_budget budget;

    (void)state;
    accs_budget_init(&budget, 0, 0);
    for (int i = 0; i < 500; i++)
        accs_budget_call(&budget, 5000000 + i);
    assert_int_equal(take_all(&budget, 5000500), 50);
    for (int i = 0; i < 10; i++)
        accs_budget_call(&budget, 5000500);
    assert_int_equal(take_all(&budget, 5000500), 1);
}

static void looking_takes_nothing(void **state)
{
    accs_budget budget;

    (void)state;
    accs_budget_init(&budget, 0, 0);
    for (int i = 0; i < 100; i++)
        assert_true(accs_budget_left(&budget, 7));
    assert_int_equal(take_all(&budget, 7), ACCS_LIMIT_RETRY_BUDGET_MIN);
}

static void what_is_a_window_old_is_forgotten(void **state)
{
    const int64_t start = 5000000;
    const int64_t window = ACCS_LIMIT_RETRY_BUDGET_WINDOW;
    accs_budget budget;

    (void)state;
    accs_budget_init(&budget, 0, 0);
    for (int i = 0; i < 1000; i++)
        accs_budget_call(&budget, start);
    assert_int_equal(take_all(&budget, start), 100);
    /* The half window before still counts, with its calls and its repeats ... */
    assert_int_equal(take_all(&budget, start + window / 2), 0);
    for (int i = 0; i < 50; i++)
        accs_budget_call(&budget, start + window / 2);
    assert_int_equal(take_all(&budget, start + window / 2), 5);
    assert_int_equal(take_all(&budget, start + window - 1), 0);
    /* ... and is gone with the next one: 50 calls and 5 repeats are left. */
    assert_int_equal(take_all(&budget, start + window), 5);
    /* After a long silence nothing is left at all. */
    assert_int_equal(take_all(&budget, start + 10 * window), ACCS_LIMIT_RETRY_BUDGET_MIN);
}

static void a_silence_of_one_window_is_enough(void **state)
{
    const int64_t start = 5000000;
    accs_budget budget;

    (void)state;
    accs_budget_init(&budget, 0, 0);
    for (int i = 0; i < 1000; i++)
        accs_budget_call(&budget, start);
    assert_int_equal(take_all(&budget, start + ACCS_LIMIT_RETRY_BUDGET_WINDOW),
                     ACCS_LIMIT_RETRY_BUDGET_MIN);
}

static void an_outage_is_not_amplified(void **state)
{
    accs_budget budget;
    unsigned repeats = 0;

    (void)state;
    accs_budget_init(&budget, 0, 0);
    for (int i = 0; i < 500; i++) { /* each call fails and would like three repeats */
        accs_budget_call(&budget, 5000000 + i);
        for (int j = 0; j < 3; j++)
            repeats += accs_budget_take(&budget, 5000000 + i) ? 1 : 0;
    }
    assert_int_equal(repeats, 50);
}

static void share_and_least_are_as_given(void **state)
{
    static const struct {
        double share;
        uint64_t least;
        unsigned calls;
        unsigned repeats;
    } cases[] = {
        {0, 0, 0, 10},      {0, 0, 1000, 100}, {0.5, 1, 1000, 500}, {1, 1, 1000, 1000},
        {1e-9, 1, 1000, 1}, {0.1, 1, 10, 1},   {0.3, 1, 10, 3},     {0.7, 2, 10, 7},
        {0.29, 1, 100, 29}, {0, 3, 10, 3},     {0.1, 25, 100, 25},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_budget budget;

        accs_budget_init(&budget, cases[i].share, cases[i].least);
        for (unsigned j = 0; j < cases[i].calls; j++)
            accs_budget_call(&budget, 5000000);
        assert_int_equal(take_all(&budget, 5000000), cases[i].repeats);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_repeats_are_always_allowed),
        cmocka_unit_test(repeats_are_a_share_of_recent_calls),
        cmocka_unit_test(looking_takes_nothing),
        cmocka_unit_test(what_is_a_window_old_is_forgotten),
        cmocka_unit_test(a_silence_of_one_window_is_enough),
        cmocka_unit_test(an_outage_is_not_amplified),
        cmocka_unit_test(share_and_least_are_as_given),
    };

    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
