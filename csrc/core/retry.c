#include "retry.h"

#include <limits.h>
#include <string.h>

/* An answer in a row of the table. */
#define STATUS(first, last) ACCS_ATTEMPT_ANSWERED, first, last
#define YES ACCS_REPEAT_YES
#define NO ACCS_REPEAT_NO
#define NEW_TOKEN ACCS_REPEAT_NEW_TOKEN
#define NOT_SENT ACCS_OUTCOME_NOT_SENT
#define REFUSED ACCS_OUTCOME_REFUSED
#define UNKNOWN ACCS_OUTCOME_UNKNOWN

/*
 * Which calls are repeated after which end: the first row that fits. The manual prints it.
 * Sources: RFC 9110, 9.2.2 (idempotent methods) and 15 (statuses); RFC 6585, 4 (429).
 *
 * end, idempotent, other, outcome, pauses_client, heeds_wait, uses_budget, why
 */
static const accs_retry_row TABLE[] = {
    {ACCS_ATTEMPT_NEVER_SENT, 0, 0, YES, YES, NOT_SENT, false, false, true,
     "no connection was made, so nothing left"},
    {ACCS_ATTEMPT_LOST, 0, 0, YES, NO, UNKNOWN, false, false, true,
     "it left and no whole answer came; the service may have acted on it"},
    {STATUS(401, 401), NEW_TOKEN, NEW_TOKEN, REFUSED, false, false, false,
     "the token was refused before the request was looked at"},
    {STATUS(408, 408), YES, NO, REFUSED, false, false, true,
     "the service gave up waiting for the request"},
    {STATUS(429, 429), YES, YES, REFUSED, true, true, false,
     "the service asks to slow down and did not act on it"},
    {STATUS(500, 500), YES, NO, UNKNOWN, false, false, true,
     "a fault of the service, at any moment of its work"},
    {STATUS(502, 502), YES, NO, UNKNOWN, false, false, true,
     "something in front of the service got no answer that it could read"},
    {STATUS(503, 503), YES, NO, UNKNOWN, false, true, true,
     "overload or maintenance; some answer so after they have begun"},
    {STATUS(504, 504), YES, NO, UNKNOWN, false, false, true,
     "something in front of the service stopped waiting for it"},
    {STATUS(400, 499), NO, NO, REFUSED, false, false, false,
     "the service said no; asking again changes nothing"},
    {STATUS(500, 599), NO, NO, UNKNOWN, false, false, false, "not known to pass"},
    {STATUS(0, INT_MAX), NO, NO, UNKNOWN, false, false, false,
     "the answer of another kind of service: a redirect, a page"},
    {ACCS_ATTEMPT_FINAL, 0, 0, NO, NO, UNKNOWN, false, false, false,
     "asking again cannot help: the certificate, the size, a broken answer"},
};

#undef STATUS
#undef YES
#undef NO
#undef NEW_TOKEN
#undef NOT_SENT
#undef REFUSED
#undef UNKNOWN

static const char *const IDEMPOTENT[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

/* value * random / 2^32 for a value that is not negative, without overflow. */
static int64_t share(int64_t value, uint32_t random)
{
    uint64_t high = (uint64_t)value >> 32;
    uint64_t low = (uint64_t)value & UINT32_MAX;

    return (int64_t)(high * random + (low * random >> 32));
}

static int64_t add(int64_t left, int64_t right)
{
    return right > 0 && left > INT64_MAX - right ? INT64_MAX : left + right;
}

const accs_retry_row *accs_retry_table(size_t *row_count)
{
    *row_count = sizeof TABLE / sizeof TABLE[0];
    return TABLE;
}

const accs_retry_row *accs_retry_find(accs_attempt_end end, int status)
{
    size_t last = sizeof TABLE / sizeof TABLE[0] - 1;

    for (size_t i = 0; i < last; i++) {
        const accs_retry_row *row = &TABLE[i];

        if (row->end == end && (end != ACCS_ATTEMPT_ANSWERED ||
                                (status >= row->first_status && status <= row->last_status)))
            return row;
    }
    return &TABLE[last];
}

/* Capped exponential back-off with full jitter: anything from 0 to the cap. */
static int64_t backoff(const accs_retry_policy *policy, const accs_retry_question *question)
{
    int64_t cap = policy->backoff_ms > 0 ? policy->backoff_ms : 0;

    for (unsigned i = 1; i < question->attempt && cap < policy->max_backoff_ms && cap > 0; i++)
        cap = add(cap, cap);
    if (cap > policy->max_backoff_ms)
        cap = policy->max_backoff_ms > 0 ? policy->max_backoff_ms : 0;
    return share(cap, question->random);
}

accs_retry_answer accs_retry_decide(const accs_retry_policy *policy,
                                    const accs_retry_question *question)
{
    const accs_retry_row *row = accs_retry_find(question->end, question->status);
    accs_repeat repeat = question->idempotent ? row->idempotent : row->other;
    bool told = question->end == ACCS_ATTEMPT_ANSWERED && question->retry_after_ms >= 0;
    int64_t wait_ms = told ? accs_retry_spread(question->retry_after_ms, question->random)
                           : backoff(policy, question);
    bool past_deadline = add(question->now_ms, wait_ms) >= question->deadline_ms;
    bool too_long =
        told && (question->retry_after_ms > policy->max_retry_after_ms || past_deadline);
    accs_retry_answer answer = {.action = ACCS_RETRY_STOP, .pause_client = row->pauses_client};

    if (too_long && row->heeds_wait) {
        answer.action = ACCS_RETRY_RATE_LIMITED;
        answer.delay_ms = question->retry_after_ms; /* as told: the caller is shown this number */
        answer.pause_client = true;
        return answer;
    }
    if (row->pauses_client)
        answer.delay_ms = wait_ms; /* what the client waits, should the call itself stop */
    if (question->once || repeat != ACCS_REPEAT_YES || too_long || past_deadline ||
        question->attempt >= policy->attempts || (row->uses_budget && !question->budget_left))
        return answer;
    answer.action = ACCS_RETRY_WAIT;
    answer.delay_ms = wait_ms;
    answer.uses_budget = row->uses_budget;
    return answer;
}

const char *accs_attempt_end_name(accs_attempt_end end)
{
    static const char *const names[] = {
        [ACCS_ATTEMPT_NEVER_SENT] = "never_sent",
        [ACCS_ATTEMPT_LOST] = "lost",
        [ACCS_ATTEMPT_ANSWERED] = "answered",
        [ACCS_ATTEMPT_FINAL] = "final",
    };

    return names[end];
}

const char *accs_repeat_name(accs_repeat repeat)
{
    static const char *const names[] = {
        [ACCS_REPEAT_NO] = "no",
        [ACCS_REPEAT_YES] = "yes",
        [ACCS_REPEAT_NEW_TOKEN] = "new_token",
    };

    return names[repeat];
}

bool accs_method_idempotent(const char *method)
{
    for (size_t i = 0; i < sizeof IDEMPOTENT / sizeof IDEMPOTENT[0]; i++)
        if (strcmp(IDEMPOTENT[i], method) == 0)
            return true;
    return false;
}

int64_t accs_retry_spread(int64_t wait_ms, uint32_t random)
{
    if (wait_ms <= 0)
        return 0;
    return add(wait_ms, share(wait_ms / 5, random));
}
