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

void accs_budget_init(accs_budget *budget, double share, uint64_t least)
{
    *budget = (accs_budget){
        .share = share > 0 ? share : ACCS_LIMIT_RETRY_BUDGET,
        .least = least > 0 ? least : ACCS_LIMIT_RETRY_BUDGET_MIN,
    };
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
    /* The share of a whole number of calls must not fall below it by rounding: 0.1 * 10. */
    allowed = (uint64_t)((double)(budget->calls[0] + budget->calls[1]) * budget->share + 1e-9);
    if (allowed < budget->least)
        allowed = budget->least;
    return budget->repeats[0] + budget->repeats[1] < allowed;
}
