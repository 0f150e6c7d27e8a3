#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "clock.h"

static void reads_clocks_that_agree(void **state)
{
    accs_now first;
    accs_now second;
    struct timespec pause = {.tv_nsec = 20000000};
    time_t wall = time(NULL);

    (void)state;
    accs_clock_system(NULL, &first);
    nanosleep(&pause, NULL);
    accs_clock_system(NULL, &second);
    assert_in_range(first.wall_s - wall, 0, 2);
    assert_int_equal(first.mono_us / 1000, first.mono_ms);
    assert_in_range(second.mono_ms - first.mono_ms, 19, 2000);
    assert_in_range(second.mono_us - first.mono_us, 19999, 2000000);
    assert_in_range(second.boot_ms - first.boot_ms, 19, 2000);
    assert_true(first.boot_ms >= first.mono_ms); /* it counts suspends as well */
}

static void random_numbers_differ(void **state)
{
    uint32_t ones = 0;
    uint32_t zeros = 0;

    (void)state;
    for (int i = 0; i < 64; i++) {
        uint32_t number = accs_random_32();

        ones |= number;
        zeros |= ~number;
    }
    assert_int_equal(ones, UINT32_MAX);
    assert_int_equal(zeros, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_clocks_that_agree),
        cmocka_unit_test(random_numbers_differ),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
