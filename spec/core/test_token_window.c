#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "token_window.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The last millisecond of each phase, written out by hand: calls wait from
 * margin_ms on, a refresh runs beside calls from ahead_ms on, or up to a quarter
 * later. ahead_ms 0: the margin swallows it.
 */
static const struct {
    int64_t life_ms;
    int64_t ahead_ms;
    int64_t latest_ahead_ms;
    int64_t margin_ms;
} LIVES[] = {
    {1, 0, 0, 1000},
    {1000, 0, 0, 1000},
    {2000, 0, 0, 1000},
    {10000, 2000, 1751, 1000},
    {600000, 120000, 105001, 60000},
    {3600000, 720000, 630001, 360000},
    {6000000, 1200000, 1050001, 600000},
    {86400000, 1200000, 1050001, 600000},
    {2592000000, 1200000, 1050001, 600000},
    {INT64_MAX, 1200000, 1050001, 600000},
};

static void check(int64_t life_ms, int64_t left_ms, uint32_t random, accs_token_phase phase)
{
    accs_token_phase got = accs_token_window(life_ms, left_ms, random);

    if (got != phase)
        fail_msg("life %lld left %lld random %u: phase %d, not %d", (long long)life_ms,
                 (long long)left_ms, random, got, phase);
}

static void every_border_of_every_life(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(LIVES); i++) {
        int64_t life = LIVES[i].life_ms;
        int64_t ahead = LIVES[i].ahead_ms;
        int64_t latest = LIVES[i].latest_ahead_ms;
        int64_t margin = LIVES[i].margin_ms;

        for (unsigned r = 0; r < 2; r++) {
            uint32_t random = r == 0 ? 0 : UINT32_MAX;

            check(life, INT64_MIN, random, ACCS_TOKEN_DEAD);
            check(life, -1, random, ACCS_TOKEN_DEAD);
            check(life, 0, random, ACCS_TOKEN_DEAD);
            check(life, 1, random, ACCS_TOKEN_MARGIN);
            check(life, margin, random, ACCS_TOKEN_MARGIN);
            check(life, margin + 1, random, ahead > 0 ? ACCS_TOKEN_AHEAD : ACCS_TOKEN_FRESH);
            check(life, INT64_MAX, random, ACCS_TOKEN_FRESH);
        }
        if (ahead == 0)
            continue;
        check(life, ahead, 0, ACCS_TOKEN_AHEAD);
        check(life, ahead + 1, 0, ACCS_TOKEN_FRESH);
        check(life, latest, UINT32_MAX, ACCS_TOKEN_AHEAD);
        check(life, latest + 1, UINT32_MAX, ACCS_TOKEN_FRESH);
    }
}

/* Half the random numbers start the refresh in the first half of the quarter. */
static void the_start_is_spread_evenly(void **state)
{
    const int64_t life = 3600000;
    int64_t last = INT64_MAX;

    (void)state;
    check(life, 720000 - 45000, UINT32_MAX / 2 + 1, ACCS_TOKEN_AHEAD);
    check(life, 720000 - 45000 + 1, UINT32_MAX / 2 + 1, ACCS_TOKEN_FRESH);
    for (uint64_t random = 0; random <= UINT32_MAX; random += UINT32_MAX / 64) {
        int64_t border = 720000;

        while (accs_token_window(life, border, (uint32_t)random) == ACCS_TOKEN_FRESH)
            border--;
        assert_true(border < last);
        assert_in_range(border, 630001, 720000);
        last = border;
    }
}

/* As a token ages it never becomes fresher. */
static void phases_come_in_order(void **state)
{
    static const uint32_t randoms[] = {0, 1, 0x80000000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(LIVES) && LIVES[i].life_ms <= 10000; i++) {
        for (size_t r = 0; r < COUNT(randoms); r++) {
            accs_token_phase last = ACCS_TOKEN_FRESH;

            for (int64_t left = LIVES[i].life_ms; left >= -1; left--) {
                accs_token_phase phase = accs_token_window(LIVES[i].life_ms, left, randoms[r]);

                assert_true(phase >= last);
                last = phase;
            }
            assert_int_equal(last, ACCS_TOKEN_DEAD);
        }
    }
}

static void expires_in_is_seconds_within_reason(void **state)
{
    /* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of the sentence */
    static const struct {
        bool has;
        int64_t expires_in;
        int64_t life_ms;
    } cases[] = {
        {false, 0, 3600000},
        {false, 86399, 3600000}, /* absent: what stands beside it is nothing */
        {true, 0, 3600000},
        {true, -1, 3600000},
        {true, INT64_MIN, 3600000},
        {true, 1, 1000},
        {true, 86399, 86399000},
        {true, 2592000, 2592000000},    /* 30 days in seconds */
        {true, 2592001, 2592001},       /* more: milliseconds, 43 minutes */
        {true, 86399999, 86399999},     /* a day as older endpoints count */
        {true, 2592000000, 2592000000}, /* 30 days in milliseconds */
        {true, 2592000001, 3600000},
        {true, 1000000000000, 3600000}, /* 10^12 */
        {true, INT64_MAX, 3600000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (accs_token_life_ms(cases[i].has, cases[i].expires_in) != cases[i].life_ms)
            fail_msg("expires_in %lld: %lld ms", (long long)cases[i].expires_in,
                     (long long)accs_token_life_ms(cases[i].has, cases[i].expires_in));
}

#define HOUR INT64_C(3600000)
#define DAY INT64_C(86400000)

static const int64_t DATE = 1767225600000; /* 2026-01-01 */

/* What a reply and the claims of its token say, and what is left of it then. */
static void the_least_that_makes_sense_is_left(void **state)
{
    static const struct {
        int64_t has; /* a bool, as two more: without holes between them */
        int64_t expires_in;
        int64_t claims;
        int64_t created_after_ms; /* after DATE */
        int64_t expires_in_ms;
        int64_t dated;
        int64_t left_ms;
    } cases[] = {
        /* without claims the reply alone counts */
        {true, 86399, false, 0, 0, true, 86399000},
        {false, 0, false, 0, 0, true, HOUR},
        {true, 86399, true, 0, 0, true, 86399000},
        /* they agree */
        {true, 86400, true, 0, DAY, true, DAY},
        {true, 86400, true, 0, DAY, false, DAY},
        /* the smaller one */
        {true, 86400, true, 0, HOUR, true, HOUR},
        {true, 3600, true, 0, DAY, true, HOUR},
        {true, 86400, true, 0, HOUR, false, HOUR},
        /* a reply that says nothing usable: the claims alone */
        {false, 0, true, 0, DAY, true, DAY},
        {true, 0, true, 0, DAY, true, DAY},
        {true, -5, true, 0, DAY, true, DAY},
        {true, 1000000000000000, true, 0, DAY, true, DAY},
        {true, INT64_MAX, true, 0, DAY, true, DAY},
        /* seconds that are milliseconds */
        {true, 86400000, true, 0, DAY, true, DAY},
        /* a token that IMS had made before */
        {true, 86400, true, -HOUR, DAY, true, DAY - HOUR},
        {true, 86400, true, -DAY + 5000, DAY, true, 5000},
        {true, 86400, true, -HOUR, DAY, false, DAY}, /* no Date: no clock to trust */
        /* claims that make no sense */
        {true, 86400, true, -2 * DAY, DAY, true, DAY}, /* over before it came */
        {true, 86400, true, DAY, DAY, true, DAY},      /* made tomorrow: no longer than told */
        {true, 86400, true, 0, 31 * DAY, true, DAY},
        {true, 86400, true, 0, 1, true, 1},
        {false, 0, true, 0, 253402300799000, true, HOUR},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const accs_jwt_facts times = {
            .created_at_ms = DATE + cases[i].created_after_ms,
            .expires_in_ms = cases[i].expires_in_ms,
        };
        int64_t left = accs_token_left_ms(cases[i].has != 0, cases[i].expires_in,
                                          cases[i].claims != 0 ? &times : NULL,
                                          cases[i].dated != 0 ? DATE : -1);

        if (left != cases[i].left_ms)
            fail_msg("case %zu: %lld ms", i, (long long)left);
    }
}

static void claims_without_a_beginning_tell_the_length(void **state)
{
    const accs_jwt_facts times = {.expires_in_ms = HOUR};

    (void)state;
    assert_int_equal(accs_token_left_ms(true, 86400, &times, DATE), HOUR);
}

static void a_kept_token_is_believed_within_its_life(void **state)
{
    static const struct {
        int64_t after_ms; /* its end, after now */
        int64_t life_ms;
        int64_t left_ms;
    } cases[] = {
        {HOUR, DAY, HOUR},
        {DAY, DAY, DAY},
        {1, DAY, 1},
        {0, DAY, 0},
        {-1, DAY, 0},
        {DAY + 300000, DAY, DAY}, /* a clock that is a little behind */
        {DAY + 300001, DAY, 0},   /* one that is wrong */
        {100 * DAY, DAY, 0},
        {HOUR, 0, 0},
        {HOUR, -1, 0},
        {HOUR, 31 * DAY, 0},
        {INT64_MAX / 2, DAY, 0},
        {INT64_MIN / 2, DAY, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (accs_token_kept_ms(DATE + cases[i].after_ms, cases[i].life_ms, DATE) !=
            cases[i].left_ms)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_border_of_every_life),
        cmocka_unit_test(the_start_is_spread_evenly),
        cmocka_unit_test(phases_come_in_order),
        cmocka_unit_test(expires_in_is_seconds_within_reason),
        cmocka_unit_test(the_least_that_makes_sense_is_left),
        cmocka_unit_test(claims_without_a_beginning_tell_the_length),
        cmocka_unit_test(a_kept_token_is_believed_within_its_life),
    };

    return cmocka_run_group_tests_name("token_window", tests, NULL, NULL);
}
