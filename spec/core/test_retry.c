#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retry.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const accs_retry_policy POLICY = {
    .attempts = 4,
    .backoff_ms = 500,
    .max_backoff_ms = 30000,
    .max_retry_after_ms = 60000,
};

enum { NOW = 1000000, FAR = NOW + 3600000 };

/* A question that is answered with WAIT unless a field speaks against it. */
static accs_retry_question question(accs_attempt_end end, int status, bool idempotent)
{
    return (accs_retry_question){
        .end = end,
        .status = status,
        .idempotent = idempotent,
        .attempt = 1,
        .retry_after_ms = -1,
        .now_ms = NOW,
        .deadline_ms = FAR,
        .budget_left = true,
        .random = UINT32_MAX / 2 + 1, /* one half */
    };
}

static const int STATUSES[] = {100, 199, 200, 201, 204, 301, 302, 304, 400, 401, 403,
                               404, 405, 406, 408, 409, 410, 422, 425, 428, 429, 431,
                               500, 501, 502, 503, 504, 505, 507, 511, 599, 999};

static bool in_list(int status)
{
    static const int LIST[] = {408, 429, 500, 502, 503, 504};

    for (size_t i = 0; i < COUNT(LIST); i++)
        if (LIST[i] == status)
            return true;
    return false;
}

/* What the table of retry.h says about repeating at all. */
static bool repeated(accs_attempt_end end, int status, bool idempotent)
{
    if (end == ACCS_ATTEMPT_NEVER_SENT)
        return true;
    if (end == ACCS_ATTEMPT_LOST)
        return idempotent;
    if (end == ACCS_ATTEMPT_ANSWERED)
        return status == 429 || (idempotent && in_list(status));
    return false;
}

enum wait_kind { NONE, SHORT, AT_LIMIT, PAST_LIMIT, PAST_DEADLINE, WAIT_KINDS };

/* The retry_after_ms of a case, given the deadline of its question. */
static int64_t retry_after_of(enum wait_kind kind)
{
    static const int64_t VALUES[WAIT_KINDS] = {-1, 2000, 60000, 60001, 59000};

    return VALUES[kind];
}

static accs_retry_answer expected(const accs_retry_question *q, enum wait_kind kind)
{
    bool answered = q->end == ACCS_ATTEMPT_ANSWERED;
    bool told = answered && kind != NONE;
    bool too_long = told && (kind == PAST_LIMIT || kind == PAST_DEADLINE);
    bool limited = answered && q->status == 429;
    int64_t wait = told ? q->retry_after_ms + q->retry_after_ms / 10
                        : (250LL << (q->attempt - 1)); /* half of 500, 1000, 2000, 4000 */
    accs_retry_answer answer = {.action = ACCS_RETRY_STOP};

    if (too_long && (limited || q->status == 503)) {
        answer.action = ACCS_RETRY_RATE_LIMITED;
        answer.delay_ms = q->retry_after_ms;
        answer.pause_client = true;
    } else if (repeated(q->end, q->status, q->idempotent) && !too_long && q->attempt < 4 &&
               q->now_ms + wait < q->deadline_ms && (limited || q->budget_left)) {
        answer.action = ACCS_RETRY_WAIT;
        answer.delay_ms = wait;
        answer.pause_client = limited;
        answer.uses_budget = !limited;
    } else if (limited) {
        answer.pause_client = true;
        answer.delay_ms = wait;
    }
    return answer;
}

static void check(const accs_retry_question *q, enum wait_kind kind)
{
    accs_retry_answer want = expected(q, kind);
    accs_retry_answer got = accs_retry_decide(&POLICY, q);

    if (got.action != want.action || got.delay_ms != want.delay_ms ||
        got.pause_client != want.pause_client || got.uses_budget != want.uses_budget)
        fail_msg(
            "end %d status %d idempotent %d attempt %u wait %d budget %d deadline %lld: action "
            "%d delay %lld pause %d budget %d",
            q->end, q->status, q->idempotent, q->attempt, kind, q->budget_left,
            (long long)(q->deadline_ms - q->now_ms), got.action, (long long)got.delay_ms,
            got.pause_client, got.uses_budget);
}

/* Every end x status x idempotent x attempt x Retry-After x budget x room before the deadline. */
static void the_whole_table(void **state)
{
    static const int64_t ROOMS[] = {-1, 0, 1, 250, 251, 2000, 2200, 2201, 3600000};
    size_t checked = 0;

    (void)state;
    for (int end = ACCS_ATTEMPT_NEVER_SENT; end <= ACCS_ATTEMPT_FINAL; end++) {
        for (size_t s = 0; s < (end == ACCS_ATTEMPT_ANSWERED ? COUNT(STATUSES) : 1); s++) {
            for (unsigned flags = 0; flags < 4; flags++) {
                for (unsigned attempt = 1; attempt <= 5; attempt++) {
                    accs_retry_question q =
                        question((accs_attempt_end)end,
                                 end == ACCS_ATTEMPT_ANSWERED ? STATUSES[s] : 0, (flags & 1) != 0);

                    q.attempt = attempt;
                    q.budget_left = (flags & 2) != 0;
                    for (int kind = NONE; kind < WAIT_KINDS; kind++) {
                        q.retry_after_ms = retry_after_of((enum wait_kind)kind);
                        q.deadline_ms = kind == PAST_DEADLINE ? NOW + 60000 : FAR;
                        check(&q, (enum wait_kind)kind);
                        checked++;
                    }
                    q.retry_after_ms = -1;
                    for (size_t r = 0; r < COUNT(ROOMS); r++) {
                        q.deadline_ms = NOW + ROOMS[r];
                        check(&q, NONE);
                        checked++;
                    }
                }
            }
        }
    }
    assert_true(checked > 9000);
}

/* What users read in the manual is what decides: every end and status has one row, told in words.
 */
static void the_table_is_whole(void **state)
{
    size_t row_count;
    const accs_retry_row *rows = accs_retry_table(&row_count);
    size_t answered = 0;

    (void)state;
    assert_in_range(row_count, 5, 40);
    for (size_t i = 0; i < row_count; i++) {
        assert_true(strlen(rows[i].why) > 10);
        assert_in_range(rows[i].end, ACCS_ATTEMPT_NEVER_SENT, ACCS_ATTEMPT_FINAL);
        /* The row is reached, by one of the statuses that bound it. */
        assert_true(accs_retry_find(rows[i].end, rows[i].first_status) == &rows[i] ||
                    accs_retry_find(rows[i].end, rows[i].last_status) == &rows[i]);
        if (rows[i].end == ACCS_ATTEMPT_ANSWERED) {
            assert_true(rows[i].first_status <= rows[i].last_status);
            answered++;
        }
        /* A write goes again by itself only when it was surely not acted on. */
        if (rows[i].other != ACCS_REPEAT_NO)
            assert_int_not_equal(rows[i].outcome, ACCS_OUTCOME_UNKNOWN);
    }
    assert_true(answered > 5);
    for (int status = -1; status < 1100; status++) {
        const accs_retry_row *row = accs_retry_find(ACCS_ATTEMPT_ANSWERED, status);

        if (status >= 0) {
            assert_int_equal(row->end, ACCS_ATTEMPT_ANSWERED);
            assert_in_range(status, row->first_status, row->last_status);
        }
        assert_int_equal(row->idempotent == ACCS_REPEAT_NEW_TOKEN, status == 401);
        assert_int_equal(row->pauses_client, status == 429);
        assert_int_equal(row->heeds_wait, status == 429 || status == 503);
        assert_int_equal(row->outcome, status >= 400 && status < 500 ? ACCS_OUTCOME_REFUSED
                                                                     : ACCS_OUTCOME_UNKNOWN);
    }
    for (int end = ACCS_ATTEMPT_NEVER_SENT; end <= ACCS_ATTEMPT_FINAL; end++)
        assert_int_equal(accs_retry_find((accs_attempt_end)end, 200)->end, end);
}

static void the_table_has_words(void **state)
{
    (void)state;
    assert_string_equal(accs_attempt_end_name(ACCS_ATTEMPT_NEVER_SENT), "never_sent");
    assert_string_equal(accs_attempt_end_name(ACCS_ATTEMPT_LOST), "lost");
    assert_string_equal(accs_attempt_end_name(ACCS_ATTEMPT_ANSWERED), "answered");
    assert_string_equal(accs_attempt_end_name(ACCS_ATTEMPT_FINAL), "final");
    assert_string_equal(accs_repeat_name(ACCS_REPEAT_NO), "no");
    assert_string_equal(accs_repeat_name(ACCS_REPEAT_YES), "yes");
    assert_string_equal(accs_repeat_name(ACCS_REPEAT_NEW_TOKEN), "new_token");
}

/* The promises that matter most, said once more by hand. */
static void a_write_goes_again_only_when_surely_not_acted_on(void **state)
{
    accs_retry_question lost = question(ACCS_ATTEMPT_LOST, 0, false);
    accs_retry_question never = question(ACCS_ATTEMPT_NEVER_SENT, 0, false);
    accs_retry_question limited = question(ACCS_ATTEMPT_ANSWERED, 429, false);
    accs_retry_question down = question(ACCS_ATTEMPT_ANSWERED, 503, false);

    (void)state;
    assert_int_equal(accs_retry_decide(&POLICY, &lost).action, ACCS_RETRY_STOP);
    assert_int_equal(accs_retry_decide(&POLICY, &never).action, ACCS_RETRY_WAIT);
    assert_int_equal(accs_retry_decide(&POLICY, &limited).action, ACCS_RETRY_WAIT);
    assert_int_equal(accs_retry_decide(&POLICY, &down).action, ACCS_RETRY_STOP);
    down.retry_after_ms = 1000;
    assert_int_equal(accs_retry_decide(&POLICY, &down).action, ACCS_RETRY_STOP);
    down.retry_after_ms = 61000;
    assert_int_equal(accs_retry_decide(&POLICY, &down).action, ACCS_RETRY_RATE_LIMITED);
}

static void a_wait_is_never_shorter_than_told(void **state)
{
    static const uint32_t RANDOMS[] = {0, 1, 1000, UINT32_MAX / 2, UINT32_MAX - 1, UINT32_MAX};
    static const int64_t TOLD[] = {0, 1, 7, 1000, 59999, 60000};

    (void)state;
    for (size_t i = 0; i < COUNT(RANDOMS); i++) {
        for (size_t j = 0; j < COUNT(TOLD); j++) {
            accs_retry_question q = question(ACCS_ATTEMPT_ANSWERED, 429, true);
            accs_retry_answer answer;

            q.random = RANDOMS[i];
            q.retry_after_ms = TOLD[j];
            answer = accs_retry_decide(&POLICY, &q);
            assert_int_equal(answer.action, ACCS_RETRY_WAIT);
            assert_in_range(answer.delay_ms, TOLD[j], TOLD[j] + TOLD[j] / 5);
        }
    }
}

/* The deadline is reached by the wait that would be waited, the random part included. */
static void the_random_part_counts_before_the_deadline(void **state)
{
    accs_retry_question q = question(ACCS_ATTEMPT_ANSWERED, 429, true);

    (void)state;
    q.retry_after_ms = 10000;
    q.random = UINT32_MAX;
    q.deadline_ms = NOW + 11000;
    assert_int_equal(accs_retry_decide(&POLICY, &q).action, ACCS_RETRY_RATE_LIMITED);
    assert_int_equal(accs_retry_decide(&POLICY, &q).delay_ms, 10000);
    q.random = 0;
    assert_int_equal(accs_retry_decide(&POLICY, &q).action, ACCS_RETRY_WAIT);
}

static void backoff_doubles_up_to_its_cap(void **state)
{
    static const int64_t CAPS[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    accs_retry_policy policy = POLICY;

    (void)state;
    policy.attempts = 1000000;
    for (unsigned attempt = 1; attempt < 100000;
         attempt = attempt < 9 ? attempt + 1 : attempt * 3) {
        accs_retry_question q = question(ACCS_ATTEMPT_LOST, 0, true);
        int64_t cap = attempt <= COUNT(CAPS) ? CAPS[attempt - 1] : 30000;

        q.attempt = attempt;
        q.random = 0; /* full jitter: from nothing at all ... */
        assert_int_equal(accs_retry_decide(&policy, &q).delay_ms, 0);
        q.random = UINT32_MAX; /* ... to the cap */
        assert_int_equal(accs_retry_decide(&policy, &q).delay_ms, cap - 1);
    }
}

static void odd_policies_do_no_harm(void **state)
{
    accs_retry_policy policy = {0};
    accs_retry_question q = question(ACCS_ATTEMPT_LOST, 0, true);

    (void)state;
    assert_int_equal(accs_retry_decide(&policy, &q).action, ACCS_RETRY_STOP);
    policy.attempts = UINT32_MAX;
    assert_int_equal(accs_retry_decide(&policy, &q).action, ACCS_RETRY_WAIT);
    assert_int_equal(accs_retry_decide(&policy, &q).delay_ms, 0);
    policy.backoff_ms = INT64_MAX;
    policy.max_backoff_ms = INT64_MAX;
    q.attempt = 50;
    q.random = UINT32_MAX;
    assert_int_equal(accs_retry_decide(&policy, &q).action,
                     ACCS_RETRY_STOP); /* past the deadline */
    q = question(ACCS_ATTEMPT_ANSWERED, 429, true);
    q.retry_after_ms = INT64_MAX / 4;
    q.deadline_ms = INT64_MAX;
    policy.max_retry_after_ms = INT64_MAX;
    assert_int_equal(accs_retry_decide(&policy, &q).action, ACCS_RETRY_WAIT);
    assert_true(accs_retry_decide(&policy, &q).delay_ms >= INT64_MAX / 4);
}

static void knows_the_methods_of_rfc_9110(void **state)
{
    static const struct {
        const char *method;
        bool idempotent;
    } cases[] = {
        {"GET", true},   {"HEAD", true},  {"PUT", true},    {"DELETE", true},   {"OPTIONS", true},
        {"TRACE", true}, {"POST", false}, {"PATCH", false}, {"CONNECT", false}, {"get", false},
        {"GETS", false}, {"GE", false},   {"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(accs_method_idempotent(cases[i].method), cases[i].idempotent);
}

static void spreads_upward_only(void **state)
{
    (void)state;
    assert_int_equal(accs_retry_spread(1000, 0), 1000);
    assert_int_equal(accs_retry_spread(1000, UINT32_MAX / 2 + 1), 1100);
    assert_int_equal(accs_retry_spread(1000, UINT32_MAX), 1199);
    assert_int_equal(accs_retry_spread(0, UINT32_MAX), 0);
    assert_int_equal(accs_retry_spread(-5, UINT32_MAX), 0);
    assert_int_equal(accs_retry_spread(INT64_MAX, UINT32_MAX), INT64_MAX);
    assert_true(accs_retry_spread(INT64_MAX / 4, UINT32_MAX) > INT64_MAX / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_table),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(the_table_has_words),
        cmocka_unit_test(a_write_goes_again_only_when_surely_not_acted_on),
        cmocka_unit_test(a_wait_is_never_shorter_than_told),
        cmocka_unit_test(the_random_part_counts_before_the_deadline),
        cmocka_unit_test(backoff_doubles_up_to_its_cap),
        cmocka_unit_test(odd_policies_do_no_harm),
        cmocka_unit_test(knows_the_methods_of_rfc_9110),
        cmocka_unit_test(spreads_upward_only),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
