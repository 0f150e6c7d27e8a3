#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <time.h>

#include "http_date.h"

enum { NOW = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

typedef struct date_case {
    const char *text;
    int64_t now_s;
    int64_t date_s; /* -1: refused */
} date_case;

static const date_case CASES[] = {
    /* RFC 9110, 5.6.7: the three forms of one moment. */
    {"Sun, 06 Nov 1994 08:49:37 GMT", NOW, NOW},
    {"Sunday, 06-Nov-94 08:49:37 GMT", NOW, NOW},
    {"Sun Nov  6 08:49:37 1994", NOW, NOW},
    {"Sun Nov 06 08:49:37 1994", NOW, NOW},
    {"Thu, 01 Jan 1970 00:00:00 GMT", NOW, 0},
    {"Thu, 01 Jan 1970 00:00:01 GMT", NOW, 1},
    {"Fri, 31 Dec 9999 23:59:59 GMT", NOW, 253402300799},
    {"Tue, 29 Feb 2000 12:00:00 GMT", NOW, 951825600},
    {"Thu, 29 Feb 2024 00:00:00 GMT", NOW, 1709164800},
    {"Fri, 01 Mar 2024 00:00:00 GMT", NOW, 1709251200},
    {"Mon, 06 Nov 1994 08:49:37 GMT", NOW, NOW},        /* the weekday need not fit */
    {"Sat, 31 Dec 2016 23:59:60 GMT", NOW, 1483228800}, /* a leap second */
    {"Sat, 30 Feb 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 29 Feb 1900 08:49:37 GMT", NOW, -1},
    {"Sun, 29 Feb 2023 08:49:37 GMT", NOW, -1},
    {"Sun, 31 Apr 2023 08:49:37 GMT", NOW, -1},
    {"Sun, 31 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 32 Jan 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 00 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun Nov  0 08:49:37 1994", NOW, -1},
    {"Sun Nov   6 08:49:37 1994", NOW, -1},
    {"Sun Nov 6 08:49:37 1994", NOW, -1},
    {"Sun, 06 Nov 1994 24:00:00 GMT", NOW, -1},
    {"Sun, 06 Nov 1994 08:60:00 GMT", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:61 GMT", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:37 +0000", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:37 EST", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:37", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", NOW, -1},
    {" Sun, 06 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06 Nov 1994 08:49:37 GMTX", NOW, -1},
    {"Sun, 06 Nov 1994  08:49:37 GMT", NOW, -1},
    {"Sun, 6 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06 Nov 94 08:49:37 GMT", NOW, -1},
    {"Sun, 06 Nov -1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06 Nov 19940 08:49:37 GMT", NOW, -1},
    {"Sun, 06 Nov 1994 8:49:37 GMT", NOW, -1},
    {"Sun, 06 Nov 1994 08:49 GMT", NOW, -1},
    {"Sun, 06-Nov-1994 08:49:37 GMT", NOW, -1},
    {"Sunday, 06 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06-Nov-94 08:49:37 GMT", NOW, -1},
    {"sun, 06 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06 nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06 Now 1994 08:49:37 GMT", NOW, -1},
    {"Sun, 06 ovD 1994 08:49:37 GMT", NOW, -1}, /* letters of two neighbours */
    {"Sun, 06 Nov 1994 08:49:37 gmt", NOW, -1},
    {"Xyz, 06 Nov 1994 08:49:37 GMT", NOW, -1},
    {"06 Nov 1994 08:49:37 GMT", NOW, -1},
    {"Sun Nov  6 08:49:37 1994 GMT", NOW, -1},
    {"Sunday Nov  6 08:49:37 1994", NOW, -1},
    {"1994-11-06T08:49:37Z", NOW, -1},
    {"784111777", NOW, -1},
    {"Sun", NOW, -1},
    {"Sun,", NOW, -1},
    {"", NOW, -1},
    /* Two-digit years: the latest that is at most 50 years ahead. */
    {"Sunday, 06-Nov-44 08:49:37 GMT", NOW, 2362034977}, /* 50 years to the second: 2044 */
    {"Sunday, 06-Nov-44 08:49:38 GMT", NOW, -793725022}, /* a second more: 1944 */
    {"Monday, 07-Nov-44 08:49:37 GMT", NOW, -793638623}, /* a day more: 1944 */
    {"Saturday, 05-Nov-44 08:49:38 GMT", NOW, 2361948578},
    {"Saturday, 01-Jan-00 00:00:00 GMT", NOW, 946684800},       /* 2000 */
    {"Saturday, 01-Jan-45 00:00:00 GMT", NOW, -788918400},      /* 1945 */
    {"Tuesday, 01-Jan-95 00:00:00 GMT", NOW, 788918400},        /* 1995 */
    {"Friday, 01-Jan-99 00:00:00 GMT", 1767225600, 915148800},  /* seen in 2026: 1999 */
    {"Friday, 01-Jan-76 00:00:00 GMT", 1767225600, 3345062400}, /* seen on 2026-01-01: 2076 */
    {"Friday, 02-Jan-76 00:00:00 GMT", 1767225600, 189388800},  /* 1976 */
    {"Friday, 01-Jan-05 00:00:00 GMT", 3786825600, 4260211200}, /* seen in 2089: 2105 */
    {"Friday, 01-Jan-30 00:00:00 GMT", INT64_MIN, -1262304000}, /* taken for 1970: 1930 */
    {"Friday, 01-Jan-10 00:00:00 GMT", INT64_MIN, 1262304000},  /* 2010 */
    {"Monday, 29-Feb-00 00:00:00 GMT", NOW, 951782400},
    {"Monday, 29-Feb-01 00:00:00 GMT", NOW, -1},
    {"Monday, 29-Feb-00 00:00:00 GMT", 3786825600, -1}, /* 2100 is no leap year */
};

/* Some dates lie before 1970, so -1 alone cannot say "refused": no case is that very second. */
static void reads_the_three_forms_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const date_case *it = &CASES[i];
        int64_t date_s = -77;
        accs_error error = accs_http_date_parse(it->text, strlen(it->text), it->now_s, &date_s);

        if (error != (it->date_s == -1 ? ACCS_ERROR_PARSE : ACCS_OK))
            fail_msg("\"%s\": %s", it->text, accs_error_name(error));
        if (date_s != (it->date_s == -1 ? -77 : it->date_s))
            fail_msg("\"%s\": %lld", it->text, (long long)date_s);
    }
}

static void heeds_the_length_alone(void **state)
{
    char text[] = "Sun, 06 Nov 1994 08:49:37 GMTxxxx";
    int64_t date_s = 0;

    (void)state;
    assert_int_equal(accs_http_date_parse(text, 29, NOW, &date_s), ACCS_OK);
    assert_int_equal(date_s, NOW);
    for (size_t len = 0; len < strlen(text); len++)
        if (len != 29)
            assert_int_equal(accs_http_date_parse(text, len, NOW, &date_s), ACCS_ERROR_PARSE);
    text[10] = '\0';
    assert_int_equal(accs_http_date_parse(text, 29, NOW, &date_s), ACCS_ERROR_PARSE);
}

/* Against the C library, every 40,000 seconds from 1970 to 2150. */
static void agrees_with_the_calendar(void **state)
{
    (void)state;
    for (int64_t moment = 0; moment < 5680281600; moment += 39989) {
        time_t when = (time_t)moment;
        struct tm parts;
        char text[64];
        int64_t date_s = -1;

        gmtime_r(&when, &parts);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        assert_int_equal(accs_http_date_parse(text, strlen(text), 0, &date_s), ACCS_OK);
        assert_int_equal(date_s, moment);
        strftime(text, sizeof text, "%A, %d-%b-xx %H:%M:%S GMT", &parts);
        memcpy(strchr(text, 'x'),
               (char[]){(char)('0' + parts.tm_year / 10 % 10), (char)('0' + parts.tm_year % 10)},
               2);
        assert_int_equal(accs_http_date_parse(text, strlen(text), moment, &date_s), ACCS_OK);
        assert_int_equal(date_s, moment);
        strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts);
        assert_int_equal(accs_http_date_parse(text, strlen(text), 0, &date_s), ACCS_OK);
        assert_int_equal(date_s, moment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_three_forms_and_nothing_else),
        cmocka_unit_test(heeds_the_length_alone),
        cmocka_unit_test(agrees_with_the_calendar),
    };

    return cmocka_run_group_tests_name("http_date", tests, NULL, NULL);
}
