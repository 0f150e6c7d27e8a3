/* What the end of one attempt means: libcurl's result codes, in one table. */
#ifndef ACCS_ATTEMPT_H
#define ACCS_ATTEMPT_H

#include "accs.h"
#include "retry.h"

typedef struct accs_attempt_verdict {
    accs_error error;
    accs_attempt_end end;
    const char *text; /* what happened, for people */
} accs_attempt_verdict;

/*
 * The meaning of a CURLcode other than CURLE_OK. Pure.
 *
 * curl_code  as libcurl gave it
 * sent       the request may have left
 */
accs_attempt_verdict accs_attempt_judge(int curl_code, bool sent);

#endif
