#include "budget.h"

#include "limits.h"

/* Moves the half windows on, so that [0] holds now_ms. A clock that stands still moves nothing. */
static void roll(accs_budget *budget, int64_t now_ms)
{
    int64_t half_ms = ACCS_LIMIT_RETRY_BUDGET_WINDOW / 2;
    int64_t age_ms = now_ms - budget->half_start_ms;

    if (age_ms < half_ms)
        return;
    if (age_ms < 2 * half_ms) {
        budget->calls[1] = budget->calls[0];
        budget->repeats[1] = budget->repeats[0];
        budget->half_start_ms += half_ms;
    } else {
        budget->calls[1] = 0;
        budget->repeats[1] = 0;
        budget->half_start_ms = now_ms;
    }
    budget->calls[0] = 0;
    budget->repeats[0] = 0;
}

void accs_budget_call(accs_budget *budget, int64_t now_ms)
{
    roll(budget, now_ms);
    budget->calls[0]++;
}

bool accs_budget_take(accs_budget *budget, int64_t now_ms)
{
    if (!accs_budget_left(budget, now_ms))
        return false;
    budget->repeats[0]++;
    return true;
}

bool accs_budget_left(accs_budget *budget, int64_t now_ms)
{
    uint64_t allowed;

    roll(budget, now_ms);
    allowed = (budget->calls[0] + budget->calls[1]) * ACCS_LIMIT_RETRY_BUDGET_PERCENT / 100;
    if (allowed < ACCS_LIMIT_RETRY_BUDGET_MIN)
        allowed = ACCS_LIMIT_RETRY_BUDGET_MIN;
    return budget->repeats[0] + budget->repeats[1] < allowed;
}
