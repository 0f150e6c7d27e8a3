/*
 * Which attempts are repeated, and when: one table and pure functions.
 */
#ifndef ACCS_RETRY_H
#define ACCS_RETRY_H

#include "accs.h"

typedef struct accs_retry_policy {
    unsigned attempts; /* in all, from 1 */
    int64_t backoff_ms;
    int64_t max_backoff_ms;
    int64_t max_retry_after_ms;
} accs_retry_policy;

typedef struct accs_retry_question {
    accs_attempt_end end;
    int status; /* with ACCS_ATTEMPT_ANSWERED */
    bool idempotent;
    bool once;              /* the request, or its answer, cannot be had a second time */
    unsigned attempt;       /* number of the attempt that ended, from 1 */
    int64_t retry_after_ms; /* -1: the answer named none that could be read */
    int64_t now_ms;
    int64_t deadline_ms;
    bool budget_left; /* the client's retry budget allows one more */
    uint32_t random;
} accs_retry_question;

typedef enum accs_retry_action {
    ACCS_RETRY_STOP = 0,     /* the attempt's result is the call's */
    ACCS_RETRY_WAIT,         /* go again after delay_ms */
    ACCS_RETRY_RATE_LIMITED, /* 429 or 503 whose wait is too long: end as rate_limited, pause the
                                client for delay_ms */
} accs_retry_action;

typedef struct accs_retry_answer {
    accs_retry_action action;
    int64_t delay_ms;  /* for STOP: 0, or with pause_client the client's pause */
    bool pause_client; /* the wait holds for the whole client: any 429, any RATE_LIMITED */
    bool uses_budget;  /* counts as a repeat in the budget (network and 5xx, not 429) */
} accs_retry_answer;

/* The row of accs_retry_table() for an attempt's end; status: with ACCS_ATTEMPT_ANSWERED. Pure. */
const accs_retry_row *accs_retry_find(accs_attempt_end end, int status);

/*
 * The verdict. Pure.
 *
 * Whether a call is repeated at all says accs_retry_table(); ACCS_REPEAT_NEW_TOKEN is
 * the caller's part and stops here. A wait is Retry-After plus 0 to 20 %, never less,
 * or capped exponential back-off with full jitter. A wait that would reach the deadline
 * stops; so does a Retry-After beyond max_retry_after_ms. Where the row heeds the wait
 * (429, 503) that is RATE_LIMITED instead, whatever the method and attempt, with
 * delay_ms as told.
 * A 429 that stops for another reason (last attempt, no Retry-After and no time)
 * has pause_client and the wait in delay_ms. 429 asks for no share of the budget.
 */
accs_retry_answer accs_retry_decide(const accs_retry_policy *policy,
                                    const accs_retry_question *question);

/* Whether RFC 9110, 9.2.2 calls the method idempotent: GET, HEAD, PUT, DELETE (OPTIONS, TRACE).
 * Case-sensitive. */
bool accs_method_idempotent(const char *method);

/* wait_ms plus 0 to 20 %, for a wait that the server asked for. */
int64_t accs_retry_spread(int64_t wait_ms, uint32_t random);

#endif
