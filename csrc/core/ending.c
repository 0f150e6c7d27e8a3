#include "ending.h"

#include "attempt.h"
#include "proxy.h"

#include <stdio.h>
#include <string.h>

/* libcurl's own words, made one line. */
static void set_text(accs_transfer_result *result, const char *text, const char *detail)
{
    if (detail != NULL && detail[0] != '\0')
        snprintf(result->text, sizeof result->text, "%s (%s)", text, detail);
    else
        snprintf(result->text, sizeof result->text, "%s", text);
    for (char *byte = result->text; *byte != '\0'; byte++)
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f)
            *byte = ' ';
}

static bool too_many_headers(const accs_ending *ending)
{
    if (ending->answer->head_complete || ending->answer->reply->status == 0)
        return false;
    return ending->code == CURLE_OUT_OF_MEMORY || /* how libcurl names a header line over 100 kB */
           strncmp(ending->error_text, "Too large response headers", 26) == 0;
}

/* The answer's own faults come first: libcurl lets some of them pass. */
static void judge_answer(const accs_ending *ending)
{
    accs_answer *answer = ending->answer;

    if (too_many_headers(ending))
        accs_answer_refuse(answer, ACCS_ERROR_TOO_LARGE, ACCS_ANSWER_TOO_MANY_HEADERS);
    if (ending->code == CURLE_OK)
        accs_answer_finish(answer);
    if (ending->upload != NULL && ending->upload->wrong)
        accs_answer_refuse(answer, ACCS_ERROR_IO,
                           "the source gave more or fewer bytes than were announced");
}

/* There is no answer, or a part of one. */
static void judge_code(const accs_ending *ending, accs_transfer_result *result)
{
    accs_attempt_verdict verdict = accs_attempt_judge((int)ending->code, ending->sends > 0);
    bool by_callback = ending->code == CURLE_ABORTED_BY_CALLBACK;
    long system_errno = 0;

    if (ending->sends == 0)
        result->status = accs_proxy_judge(ending->easy, ending->code, &verdict);
    curl_easy_getinfo(ending->easy, CURLINFO_OS_ERRNO, &system_errno);
    result->system_errno = (int)system_errno;
    result->error = verdict.error;
    result->end = verdict.end;
    set_text(result, verdict.text, by_callback ? NULL : ending->error_text);
}

void accs_ending_judge(const accs_ending *ending, accs_transfer_result *result)
{
    const accs_answer *answer = ending->answer;

    result->curl_code = (int)ending->code;
    result->sends = ending->sends;
    judge_answer(ending);
    if (answer->error != ACCS_OK) {
        result->error = answer->error;
        result->end = answer->final ? ACCS_ATTEMPT_FINAL : ACCS_ATTEMPT_LOST;
        set_text(result, answer->text, NULL);
    } else if (ending->code == CURLE_OK) {
        result->end = ACCS_ATTEMPT_ANSWERED;
    } else if (accs_proxy_unusable(ending->error_text)) { /* its words hold the password */
        result->error = ACCS_ERROR_CONFIG;
        result->end = ACCS_ATTEMPT_FINAL;
        set_text(result,
                 "the proxy's address cannot be read, or has a scheme that is not known "
                 "(option proxy, or the environment)",
                 NULL);
    } else {
        judge_code(ending, result);
    }
}
