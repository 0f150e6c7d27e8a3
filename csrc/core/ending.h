/* What an attempt came to that libcurl has ended: its code, and what was seen of the answer. */
#ifndef ACCS_ENDING_H
#define ACCS_ENDING_H

#include "answer.h"
#include "transfer.h"

typedef struct accs_ending {
    CURL *easy;
    CURLcode code;
    const char *error_text; /* of CURLOPT_ERRORBUFFER */
    accs_answer *answer;
    const accs_upload *upload; /* NULL: the request's body was in memory */
    unsigned sends;            /* requests that left */
} accs_ending;

/* Fills all of the result but its measure. An answer that is not whole is refused. */
void accs_ending_judge(const accs_ending *ending, accs_transfer_result *result);

#endif
