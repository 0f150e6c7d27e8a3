#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retry_after.h"

enum { NOW = 784111777, KEPT = 4242 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

static const int64_t LONGEST = INT64_MAX / 4 / 1000 * 1000;

static const struct {
    const char *value;
    int64_t delay_ms; /* KEPT: refused */
} CASES[] = {
    {"0", 0},
    {"7", 7000},
    {" 7 ", 7000},
    {"\t7 \t", 7000},
    {"007", 7000},
    {"120", 120000},
    {"34560000", 34560000000}, /* 400 days: capping is the retry policy's part */
    {"9223372036854775807", INT64_MAX / 4 / 1000 * 1000},
    {"99999999999999999999999999999999999999", INT64_MAX / 4 / 1000 * 1000},
    {"1.5", KEPT},
    {"-1", KEPT},
    {"+1", KEPT},
    {"1e3", KEPT},
    {"0x10", KEPT},
    {"7 s", KEPT},
    {"7s", KEPT},
    {"1 2", KEPT},
    {"7, 9", KEPT}, /* two fields joined */
    {"7,7", KEPT},
    {"abc", KEPT},
    {"", KEPT},
    {"   ", KEPT},
    {"7\n", KEPT},
    {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
    {"Sun, 06 Nov 1994 08:49:38 GMT", 1000},
    {" Sun, 06 Nov 1994 08:59:37 GMT ", 600000},
    {"Sunday, 06-Nov-94 08:49:47 GMT", 10000},
    {"Sun Nov  6 08:49:47 1994", 10000},
    {"Sun, 06 Nov 1994 08:49:36 GMT", 0}, /* gone by */
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Sat, 06 Nov 1993 08:49:37 GMT", 0},
    {"Fri, 31 Dec 9999 23:59:59 GMT", (253402300799 - 784111777) * 1000},
    {"Sun, 06 Nov 1994 09:49:37 +0100", KEPT},
    {"Sun, 30 Feb 1995 08:49:37 GMT", KEPT},
    {"1994-11-06T08:49:47Z", KEPT},
};

static void reads_seconds_and_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t delay_ms = KEPT;
        accs_error error =
            accs_retry_after_parse(CASES[i].value, strlen(CASES[i].value), NOW, &delay_ms);

        if (delay_ms != CASES[i].delay_ms)
            fail_msg("\"%s\": %lld", CASES[i].value, (long long)delay_ms);
        assert_int_equal(error, CASES[i].delay_ms == KEPT ? ACCS_ERROR_PARSE : ACCS_OK);
    }
}

static void a_clock_far_off_does_no_harm(void **state)
{
    static const char DATE[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    int64_t delay_ms = KEPT;

    (void)state;
    assert_int_equal(accs_retry_after_parse(DATE, strlen(DATE), INT64_MIN, &delay_ms), ACCS_OK);
    assert_int_equal(delay_ms, LONGEST);
    assert_int_equal(accs_retry_after_parse(DATE, strlen(DATE), INT64_MAX, &delay_ms), ACCS_OK);
    assert_int_equal(delay_ms, 0);
}

static void heeds_the_length_alone(void **state)
{
    int64_t delay_ms = KEPT;

    (void)state;
    assert_int_equal(accs_retry_after_parse("12345", 2, NOW, &delay_ms), ACCS_OK);
    assert_int_equal(delay_ms, 12000);
    assert_int_equal(accs_retry_after_parse("1\0", 2, NOW, &delay_ms), ACCS_ERROR_PARSE);
    assert_int_equal(accs_retry_after_parse(NULL, 0, NOW, &delay_ms), ACCS_ERROR_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_seconds_and_dates),
        cmocka_unit_test(a_clock_far_off_does_no_harm),
        cmocka_unit_test(heeds_the_length_alone),
    };

    return cmocka_run_group_tests_name("retry_after", tests, NULL, NULL);
}
