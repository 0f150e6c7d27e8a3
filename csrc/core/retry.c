#include "retry.h"

#include <string.h>

enum { REQUEST_TIMEOUT = 408, TOO_MANY_REQUESTS = 429, UNAVAILABLE = 503 };

/* Statuses after which an idempotent call goes again. */
static const int PASSING[] = {REQUEST_TIMEOUT, TOO_MANY_REQUESTS, 500, 502, UNAVAILABLE, 504};

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

static bool passing(int status)
{
    for (size_t i = 0; i < sizeof PASSING / sizeof PASSING[0]; i++)
        if (PASSING[i] == status)
            return true;
    return false;
}

static bool may_repeat(const accs_retry_question *question)
{
    switch (question->end) {
    case ACCS_ATTEMPT_NEVER_SENT:
        return true;
    case ACCS_ATTEMPT_LOST:
        return question->idempotent;
    case ACCS_ATTEMPT_ANSWERED:
        return question->status == TOO_MANY_REQUESTS ||
               (question->idempotent && passing(question->status));
    case ACCS_ATTEMPT_FINAL:
        break;
    }
    return false;
}

/* Capped exponential back-off with full jitter: anything from 0 to the cap. */
static int64_t backoff(const accs_retry_policy *policy, const accs_retry_question *question)
{
    int64_t cap = policy->backoff_ms > 0 ? policy->backoff_ms : 0;

    for (unsigned i = 1; i < question->attempt && cap < policy->backoff_max_ms && cap > 0; i++)
        cap = add(cap, cap);
    if (cap > policy->backoff_max_ms)
        cap = policy->backoff_max_ms > 0 ? policy->backoff_max_ms : 0;
    return share(cap, question->random);
}

accs_retry_answer accs_retry_decide(const accs_retry_policy *policy,
                                    const accs_retry_question *question)
{
    bool answered = question->end == ACCS_ATTEMPT_ANSWERED;
    bool limited = answered && question->status == TOO_MANY_REQUESTS;
    bool told = answered && question->retry_after_ms >= 0;
    int64_t wait_ms = told ? accs_retry_spread(question->retry_after_ms, question->random)
                           : backoff(policy, question);
    bool past_deadline = add(question->now_ms, wait_ms) >= question->deadline_ms;
    bool too_long =
        told && (question->retry_after_ms > policy->max_retry_after_ms || past_deadline);
    accs_retry_answer answer = {.action = ACCS_RETRY_STOP, .pause_client = limited};

    if (too_long && (limited || question->status == UNAVAILABLE)) {
        answer.action = ACCS_RETRY_RATE_LIMITED;
        answer.delay_ms = question->retry_after_ms; /* as told: the caller is shown this number */
        answer.pause_client = true;
        return answer;
    }
    if (limited)
        answer.delay_ms = wait_ms; /* what the client waits, should the call itself stop */
    if (!may_repeat(question) || too_long || past_deadline ||
        question->attempt >= policy->attempts || (!limited && !question->budget_left))
        return answer;
    answer.action = ACCS_RETRY_WAIT;
    answer.delay_ms = wait_ms;
    answer.uses_budget = !limited;
    return answer;
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
