#include "verdict.h"

#include "compat.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LOCATION_MAX = 511 };

/* Commerce answers in JSON; a page, or text in front of nothing, comes from what stands before it.
 */
static bool from_gateway(const accs_reply *reply)
{
    if (reply->body.len == 0 || accs_reply_says(reply, "content-type", "json"))
        return false;
    return reply->status >= 400 || accs_reply_is_page(reply);
}

/* Where a redirect wanted to go: the host, or the path on this one, without its query. */
static void describe_target(const accs_reply *reply, char *text, size_t text_size)
{
    size_t value_len = 0;
    const char *value = accs_reply_find(reply, "location", &value_len);
    char location[sizeof "https:" + LOCATION_MAX];
    const char *scheme = "";
    char *host = NULL;
    CURLU *url = curl_url();

    snprintf(text, text_size, "another place");
    if (value == NULL || value_len > LOCATION_MAX || url == NULL)
        goto done;
    if (value_len >= 2 && memcmp(value, "//", 2) == 0) /* a host, maybe with a password before it */
        scheme = "https:";
    snprintf(location, sizeof location, "%s%.*s", scheme, (int)value_len, value);
    if (curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && strlen(host) < 128)
        snprintf(text, text_size, "the host %s", host);
    else if (location[0] == '/')
        snprintf(text, text_size, "the path %.*s",
                 (int)(strcspn(location, "?#") < 128 ? strcspn(location, "?#") : 128), location);
    for (char *byte = text; *byte != '\0'; byte++)
        if ((unsigned char)*byte < 0x20 || (unsigned char)*byte >= 0x7f)
            *byte = ' ';

done:
    curl_free(host);
    curl_url_cleanup(url);
}

static accs_error kind_of(const accs_reply *reply)
{
    int status = reply->status;

    if (status >= 300 && status < 400 &&
        status != 304) /* 304: the caller asked under a condition */
        return ACCS_ERROR_REDIRECT;
    if (status == 429)
        return ACCS_ERROR_RATE_LIMITED;
    if (status == 407) /* of a plain proxy, with a page of its own */
        return ACCS_ERROR_AUTH;
    if (from_gateway(reply))
        return ACCS_ERROR_GATEWAY;
    if (status < 300)
        return ACCS_OK;
    return status == 401 || status == 403 ? ACCS_ERROR_AUTH : ACCS_ERROR_HTTP;
}

accs_error accs_verdict_answer(const accs_reply *reply, bool maybe_acted, accs_failure *failure)
{
    accs_error error = kind_of(reply);
    int status = reply->status;
    char target[160];

    if (error == ACCS_OK)
        return ACCS_OK;
    if (error == ACCS_ERROR_REDIRECT) {
        describe_target(reply, target, sizeof target);
        accs_fail(failure, error,
                  "HTTP %d redirects to %s, which this API never does: check base_url", status,
                  target);
    } else if (error == ACCS_ERROR_GATEWAY) {
        accs_fail(failure, error, "HTTP %d with a page instead of JSON", status);
    } else {
        accs_fail(failure, error, "HTTP %d", status);
    }
    failure->status = status;
    failure->outcome = maybe_acted ? ACCS_OUTCOME_UNKNOWN
                                   : accs_retry_find(ACCS_ATTEMPT_ANSWERED, status)->outcome;
    failure->retryable = status == 408 || status == 429 || status >= 500;
    return error;
}

static accs_outcome outcome_of(const accs_transfer_result *result, const accs_reply *reply,
                               bool maybe_acted)
{
    bool unreadable = result->error == ACCS_ERROR_DECODE || result->error == ACCS_ERROR_TOO_LARGE;

    if (unreadable && reply->status >= 200 && reply->status < 300)
        return ACCS_OUTCOME_DONE;
    if (maybe_acted || result->sends > 0)
        return ACCS_OUTCOME_UNKNOWN;
    return ACCS_OUTCOME_NOT_SENT;
}

void accs_verdict_attempt(const accs_transfer_result *result, const accs_reply *reply,
                          bool maybe_acted, accs_failure *failure)
{
    accs_fail(failure, result->error, "%s", result->text);
    failure->outcome = outcome_of(result, reply, maybe_acted);
    failure->status = reply->status != 0 ? reply->status : result->status;
    failure->curl_code = result->curl_code;
    failure->system_errno = result->system_errno;
    failure->retryable = result->end != ACCS_ATTEMPT_FINAL || result->error == ACCS_ERROR_MEMORY;
}
