#include "ims.h"

#include "header_block.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORM_TYPE[] = "application/x-www-form-urlencoded";

/* --------------------------------------------------------------- the end */

/* Forgets the request; the reply stays for whoever was told of it. */
static void forget_request(accs_ims *ims)
{
    accs_buffer_wipe(&ims->form);
    accs_secret_cleanup(&ims->authorization);
    free(ims->headers);
    free(ims->url);
    ims->headers = NULL;
    ims->url = NULL;
}

void accs_ims_stop(accs_ims *ims)
{
    if (ims->engine == NULL)
        return;
    if (ims->transfer != NULL)
        accs_transfer_abort(ims->transfer);
    ims->transfer = NULL;
    accs_timers_clear(accs_engine_timers(ims->engine), &ims->pause);
    forget_request(ims);
    accs_reply_wipe(ims->reply);
    ims->reply = NULL;
}

accs_reply *accs_ims_take_reply(accs_ims *ims)
{
    accs_reply *reply = ims->reply;

    ims->reply = NULL;
    return reply;
}

static void end(accs_ims *ims, const accs_failure *failure)
{
    ims->reply->attempts = ims->attempt;
    free(ims->reply->url);
    ims->reply->url = ims->url;
    ims->url = NULL;
    forget_request(ims);
    ims->done(ims, failure);
}

static void end_with(accs_ims *ims, accs_error error, int status, int curl_code, const char *text)
{
    accs_failure failure;

    accs_fail(&failure, error, "%s", text);
    failure.status = status;
    failure.curl_code = curl_code;
    failure.retryable = error == ACCS_ERROR_NETWORK || error == ACCS_ERROR_TIMEOUT || status >= 500;
    end(ims, &failure);
}

static void end_rate_limited(accs_ims *ims, int64_t retry_after_ms)
{
    accs_failure failure;
    char number[ACCS_FAILURE_TEXT_MAX] = "";

    accs_ims_name(ims, number, sizeof number);
    accs_fail(&failure, ACCS_ERROR_RATE_LIMITED, "IMS asks to slow down (status %d)%.120s",
              ims->reply->status, number);
    failure.status = ims->reply->status;
    failure.retryable = true;
    failure.retry_after_ms = retry_after_ms;
    end(ims, &failure);
}

void accs_ims_name(const accs_ims *ims, char *text, size_t text_size)
{
    static const char before[] = " (x-debug-id ";
    size_t len = strlen(text);
    size_t number_len = 0;
    const char *number =
        ims->reply != NULL ? accs_reply_find(ims->reply, "x-debug-id", &number_len) : NULL;

    if (number == NULL || number_len == 0 || number_len > 80 ||
        len + sizeof before + number_len + 1 > text_size)
        return;
    for (size_t i = 0; i < number_len; i++)
        if (number[i] <= 0x20 || number[i] > 0x7e)
            return;
    snprintf(text + len, text_size - len, "%s%.*s)", before, (int)number_len, number);
}

/* ------------------------------------------------------------- attempts */

static void attempt_ended(void *context, const accs_transfer_result *result)
{
    accs_ims *ims = context;
    const accs_now *now = accs_engine_now(ims->engine);
    accs_retry_question question = {
        .end = result->end,
        .status = ims->reply->status,
        .idempotent = true, /* what IMS is asked for here may be asked again */
        .attempt = ims->attempt,
        .retry_after_ms = accs_reply_retry_after_ms(ims->reply, now->wall_s),
        .now_ms = now->mono_ms,
        .deadline_ms = ims->deadline_ms,
        .budget_left = true,
        .random = accs_random_32(),
    };
    accs_retry_answer answer = accs_retry_decide(&ims->identity->policy, &question);

    ims->transfer = NULL;
    if (answer.action == ACCS_RETRY_WAIT) {
        accs_timers_set(accs_engine_timers(ims->engine), &ims->pause,
                        now->mono_ms + answer.delay_ms);
        ims->again(ims, result->error, answer.delay_ms);
    } else if (result->end != ACCS_ATTEMPT_ANSWERED) {
        end_with(ims, result->error, result->status, result->curl_code, result->text);
    } else if (question.status == 429 || answer.action == ACCS_RETRY_RATE_LIMITED) {
        end_rate_limited(ims, question.retry_after_ms);
    } else {
        end(ims, NULL);
    }
}

static accs_error attempt(accs_ims *ims)
{
    accs_transfer_request request = {
        .method = ims->get ? "GET" : "POST",
        .url = ims->url,
        .headers = ims->authorization.bytes != NULL ? ims->headers : ims->headers->next,
        .body = ims->form.bytes,
        .body_len = ims->form.len,
        .reply = ims->reply,
    };

    ims->headers[0].data = ims->authorization.bytes;
    ims->attempt++;
    ims->asked = *accs_engine_now(ims->engine);
    return accs_transfer_start(*ims->transport, &request, attempt_ended, ims, &ims->transfer);
}

static void pause_over(accs_timer *timer)
{
    accs_ims *ims = (accs_ims *)(void *)((char *)timer - offsetof(accs_ims, pause));
    accs_error error;

    accs_reply_reset(ims->reply);
    error = attempt(ims);
    if (error != ACCS_OK)
        end_with(ims, error, 0, 0, accs_error_text(error));
}

/* ----------------------------------------------------------------- start */

static bool make_url(accs_ims *ims, const char *path)
{
    accs_buffer url;
    bool made;

    accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
    made = accs_buffer_append_text(&url, ims->identity->ims_url) == ACCS_OK &&
           accs_buffer_append_text(&url, path) == ACCS_OK;
    ims->url = accs_buffer_take(&url, NULL);
    return made;
}

/* Not Accept-Encoding: what unpacks a body keeps copies of it. */
static bool make_headers(accs_ims *ims, bool names_client)
{
    accs_header headers[5] = {{"Accept", "application/json"}, {"Accept-Encoding", NULL}};
    size_t count = 2;

    if (!ims->get) {
        headers[count++] = (accs_header){"Content-Type", FORM_TYPE};
        headers[count++] = (accs_header){"Expect", NULL};
    }
    if (names_client)
        headers[count++] = (accs_header){"X-IMS-ClientId", ims->identity->client_id};
    ims->headers = accs_header_block_new(headers, count, NULL);
    return ims->headers != NULL;
}

static bool make_transport(accs_ims *ims)
{
    const accs_connection_options options = accs_connection_borrow(&ims->identity->connection);

    return *ims->transport != NULL ||
           accs_transport_new(ims->engine, &options, ims->transport) == ACCS_OK;
}

accs_error accs_ims_start(accs_ims *ims, const accs_ims_request *request)
{
    accs_error error = ACCS_ERROR_MEMORY;

    accs_ims_stop(ims);
    ims->get = request->form == NULL;
    if (request->form != NULL) {
        ims->form = *request->form;
        *request->form = (accs_buffer){.max = 0};
    }
    if (request->authorization != NULL) {
        ims->authorization = *request->authorization;
        *request->authorization = (accs_secret){.bytes = NULL};
    }
    ims->attempt = 0;
    ims->deadline_ms = request->deadline_ms;
    ims->reply = accs_reply_new(ACCS_LIMIT_MAX_HEADERS, ACCS_LIMIT_TOKEN_REPLY_MAX);
    if (ims->reply != NULL && make_url(ims, request->path) &&
        make_headers(ims, request->names_client && ims->identity->client_id != NULL) &&
        make_transport(ims))
        error = attempt(ims);
    if (error != ACCS_OK)
        accs_ims_stop(ims);
    return error;
}

accs_error accs_ims_open(accs_ims *ims, accs_engine *engine, const accs_identity_owned *identity,
                         accs_transport **transport)
{
    accs_error error = accs_timers_reserve(accs_engine_timers(engine), 1);

    if (error != ACCS_OK)
        return error;
    ims->engine = engine;
    ims->identity = identity;
    ims->transport = transport;
    ims->pause.fire = pause_over;
    return ACCS_OK;
}

void accs_ims_close(accs_ims *ims)
{
    if (ims->engine == NULL)
        return;
    accs_ims_stop(ims);
    accs_timers_release(accs_engine_timers(ims->engine), 1);
    ims->engine = NULL;
}
