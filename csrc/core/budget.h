/* The retry budget: repeats are a share of recent calls, so an outage is not amplified. */
#ifndef ACCS_BUDGET_H
#define ACCS_BUDGET_H

#include "accs.h"

/* Two half windows: "recent" is between one half and a whole window back. */
typedef struct accs_budget {
    double share;   /* of the calls */
    uint64_t least; /* repeats that are always allowed */
    int64_t half_start_ms;
    uint64_t calls[2]; /* [0] this half, [1] the one before */
    uint64_t repeats[2];
} accs_budget;

/* share and least; 0: the defaults of limits.h. */
void accs_budget_init(accs_budget *budget, double share, uint64_t least);

void accs_budget_call(accs_budget *budget, int64_t now_ms);
/* Takes one repeat; false, and nothing taken, when the budget is used up. */
bool accs_budget_take(accs_budget *budget, int64_t now_ms);
bool accs_budget_left(accs_budget *budget, int64_t now_ms);

#endif
