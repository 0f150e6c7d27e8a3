#include "call.h"

#include "call_state.h"
#include "header_block.h"
#include "verdict.h"

#include <stdlib.h>
#include <string.h>

static void advance(accs_call *call);

/* -------------------------------------------------------------- attempts */

static void conclude(accs_call *call, const accs_transfer_result *result)
{
    if (result->end != ACCS_ATTEMPT_ANSWERED) {
        accs_verdict_attempt(result, call->reply, call->maybe_acted, &call->failure);
        if (call->work.stream == NULL || !call->work.stream->delivered)
            accs_reply_reset(call->reply); /* half an answer is none */
    } else if (accs_verdict_answer(call->reply, call->maybe_acted, &call->failure) == ACCS_OK) {
        call->failure = (accs_failure){.code = ACCS_OK, .retry_after_ms = -1};
    }
    if (call->failure.code == ACCS_ERROR_RATE_LIMITED)
        call->failure.retry_after_ms =
            accs_reply_retry_after_ms(call->reply, accs_engine_now(call->lane->engine)->wall_s);
    accs_call_end(call);
}

/* The token was refused: another, once. */
static bool renew_token(accs_call *call, const accs_transfer_result *result)
{
    const accs_retry_row *row = accs_retry_find(result->end, call->reply->status);
    accs_repeat repeat = call->idempotent ? row->idempotent : row->other;

    if (repeat != ACCS_REPEAT_NEW_TOKEN || call->token_renewed)
        return false;
    if (!accs_token_drop(call->lane->source, call->token) ||
        !accs_stream_repeatable(call->work.stream))
        return false;
    call->token_renewed = true;
    accs_token_release(call->token);
    call->token = NULL;
    return true;
}

static void go_again(accs_call *call, const accs_retry_answer *answer)
{
    accs_lane *lane = call->lane;

    if (answer->pause_client)
        accs_lane_pause(lane, answer->delay_ms, call->work.id);
    if (accs_call_heard(call))
        accs_call_tell(call, &(accs_event){.kind = ACCS_EVENT_RETRY, .delay_ms = answer->delay_ms});
    accs_call_enter(call, ACCS_STAGE_BACKOFF);
    accs_timers_set(accs_engine_timers(lane->engine), &call->pause,
                    accs_engine_now(lane->engine)->mono_ms + answer->delay_ms);
}

static void decide(accs_call *call, const accs_transfer_result *result)
{
    accs_lane *lane = call->lane;
    const accs_now *now = accs_engine_now(lane->engine);
    accs_retry_question question = {
        .end = result->end,
        .status = call->reply->status,
        .idempotent = call->idempotent,
        .attempt = call->sends > call->attempt ? call->sends : call->attempt,
        .once = !accs_stream_repeatable(call->work.stream),
        .retry_after_ms = accs_reply_retry_after_ms(call->reply, now->wall_s),
        .now_ms = now->mono_ms,
        .deadline_ms = call->deadline_ms,
        .budget_left = accs_budget_left(&lane->budget, now->mono_ms),
        .random = accs_random_32(),
    };
    accs_retry_answer answer = accs_retry_decide(&call->policy, &question);

    /* Whatever comes next: a later end must not say that nothing was sent. */
    if (result->sends > 0 &&
        accs_retry_find(result->end, question.status)->outcome == ACCS_OUTCOME_UNKNOWN)
        call->maybe_acted = true;
    switch (answer.action) {
    case ACCS_RETRY_WAIT:
        if (answer.uses_budget)
            accs_budget_take(&lane->budget, now->mono_ms);
        if (result->end != ACCS_ATTEMPT_ANSWERED)
            accs_reply_reset(call->reply); /* half an answer is none, should the call end waiting */
        go_again(call, &answer);
        break;
    case ACCS_RETRY_RATE_LIMITED:
        accs_lane_pause(lane, answer.delay_ms, call->work.id);
        accs_call_end_rate_limited(call, answer.delay_ms);
        break;
    default:
        if (answer.pause_client)
            accs_lane_pause(lane, answer.delay_ms, call->work.id);
        conclude(call, result);
    }
}

static void attempt_ended(void *context, const accs_transfer_result *result)
{
    accs_call *call = context;
    const accs_now *now = accs_engine_now(call->lane->engine);

    call->transfer = NULL;
    accs_stream_detach(call->work.stream);
    call->sends += result->sends;
    accs_call_observe(call, result->error, result->sends, result->text, &result->measure);
    if (result->end == ACCS_ATTEMPT_ANSWERED) {
        accs_lane_answered(call->lane,
                           accs_retry_find(result->end, call->reply->status)->pauses_client);
        accs_token_source_date(call->lane->source, call->reply,
                               now->wall_ms - (now->mono_us - call->attempt_us) / 1000);
    }
    accs_lane_free_place(call->lane, &call->place);
    if (result->end == ACCS_ATTEMPT_ANSWERED && call->reply->status < 400) {
        call->token->accepted = true;
        conclude(call, result);
    } else if (renew_token(call, result)) {
        advance(call);
    } else {
        decide(call, result);
    }
}

/*
 * A read may be sent again by libcurl itself, once in an attempt: a connection of
 * the pool was closed meanwhile, or a stream refused. More of that (libcurl would
 * go on, at once each time) is a repeat of ours, with back-off and budget.
 */
static unsigned sends_max(const accs_call *call)
{
    bool may = call->read && call->idempotent && call->sends + 1 < call->policy.attempts;

    return may ? 2 : 1;
}

static void start_attempt(accs_call *call)
{
    accs_lane *lane = call->lane;
    accs_stream *stream = call->work.stream;
    accs_transfer_request request = {
        .method = call->method,
        .url = call->url,
        .headers = call->headers,
        .body = call->body,
        .body_len = call->body_len,
        .connect_timeout_ms = call->connect_timeout_ms,
        .idle_timeout_ms = call->idle_timeout_ms,
        .sends_max = sends_max(call),
        /* Over HTTP/2 a refused stream cannot be told from a lost write, and what came for a
         * paused one fills the memory. */
        .http2 = call->read && lane->http2 && stream == NULL,
        .phases = accs_call_heard(call),
        .reply = call->reply,
        .stream = stream != NULL ? &stream->pieces : NULL,
    };
    accs_error error;

    call->headers[0].data = call->token->line.bytes;
    call->attempt++;
    call->attempt_us = accs_engine_now(lane->engine)->mono_us;
    accs_call_enter(call, ACCS_STAGE_TRANSFER);
    if (call->attempt > 1)
        lane->tally.counts.retries++;
    if (accs_call_heard(call))
        accs_call_tell(call, &(accs_event){.kind = ACCS_EVENT_REQUEST});
    if (stream != NULL)
        accs_stream_begin(stream);
    error = accs_transfer_start(lane->transport, &request, attempt_ended, call, &call->transfer);
    if (error != ACCS_OK) {
        accs_call_observe(call, error, 0, accs_error_text(error), &(accs_measure){.bytes_in = 0});
        accs_call_end_with(call, error, accs_error_text(error));
    } else if (stream != NULL) {
        accs_stream_attach(stream, call->transfer);
    }
}

/* With a token in hand: through the throttle, into a place, off. */
static void advance_with_token(accs_call *call)
{
    accs_lane *lane = call->lane;
    const accs_now *now = accs_engine_now(lane->engine);
    int64_t wait_ms = accs_throttle_wait_ms(&lane->throttle, now->mono_ms);
    int64_t longest_ms = call->policy.max_retry_after_ms + call->policy.max_retry_after_ms / 5;

    if (wait_ms > 0) {
        if (wait_ms > longest_ms || wait_ms >= call->deadline_ms - now->mono_ms) {
            accs_call_end_rate_limited(call, wait_ms);
            return;
        }
        accs_call_enter(call, ACCS_STAGE_THROTTLE);
        accs_timers_set(accs_engine_timers(lane->engine), &call->pause, now->mono_ms + wait_ms);
    } else if (accs_lane_take_place(lane, &call->place)) {
        start_attempt(call);
    } else {
        accs_call_enter(call, ACCS_STAGE_PLACE);
    }
}

static void token_ready(accs_token_waiter *waiter, accs_token *token, const accs_failure *failure)
{
    accs_call *call = (accs_call *)(void *)((char *)waiter - offsetof(accs_call, waiter));

    if (token == NULL) {
        accs_reply_reset(call->reply); /* of a 401 before: not the answer to this */
        call->failure = *failure;
        call->failure.outcome = accs_call_outcome(call);
        accs_call_end(call);
        return;
    }
    call->token = token;
    advance_with_token(call);
}

/* The token is taken anew each time: while the call waited, another may have come. */
static void advance(accs_call *call)
{
    accs_token_release(call->token);
    accs_call_enter(call, ACCS_STAGE_TOKEN);
    call->token = accs_token_take(call->lane->source, &call->waiter);
    if (call->token != NULL)
        advance_with_token(call);
}

static void pause_over(accs_timer *timer)
{
    advance((accs_call *)(void *)((char *)timer - offsetof(accs_call, pause)));
}

static void called_from_line(accs_place *place)
{
    advance((accs_call *)(void *)((char *)place - offsetof(accs_call, place)));
}

/* ----------------------------------------------------------------- start */

static char *copy_bytes(const char *bytes, size_t bytes_len)
{
    char *copy = malloc(bytes_len + 1);

    if (copy != NULL) {
        memcpy(copy, bytes, bytes_len);
        copy[bytes_len] = '\0';
    }
    return copy;
}

static accs_call *new_call(accs_lane *lane, const accs_call_request *request)
{
    accs_call *call = malloc(sizeof *call); /* glibc keeps no cache for calloc() */
    bool streamed = true;                   /* or not asked for */

    if (call == NULL)
        return NULL;
    *call = (accs_call){.attempt = 0};
    accs_call_init_end(call);
    call->waiter.ready = token_ready;
    call->place.called = called_from_line;
    call->pause.fire = pause_over;
    strncpy(call->method, request->method, sizeof call->method - 1); /* the rest is zero */
    call->url = copy_bytes(request->url, request->url_len);
    if (request->body != NULL)
        call->body = copy_bytes(request->body, request->body_len);
    call->body_len = request->body_len;
    call->headers = accs_header_block_new(request->headers, request->header_count, lane->common);
    call->reply = accs_reply_new(request->max_headers, request->max_body);
    if (call->reply != NULL && (request->stream || request->upload != NULL)) {
        call->work.stream = accs_stream_new(lane->engine, call->reply, request->stream,
                                            request->stream_max, request->upload);
        streamed = call->work.stream != NULL;
    }
    if (streamed && call->url != NULL && (request->body == NULL || call->body != NULL) &&
        call->headers != NULL && call->reply != NULL)
        return call;
    accs_call_free(call);
    return NULL;
}

static void set_policy(accs_call *call, const accs_lane *lane, const accs_call_request *request)
{
    const accs_now *now = accs_engine_now(lane->engine);

    call->read = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    call->idempotent = request->idempotent;
    call->policy = (accs_retry_policy){
        .attempts = request->attempts,
        .backoff_ms = request->backoff_ms,
        .max_backoff_ms = request->max_backoff_ms,
        .max_retry_after_ms = request->max_retry_after_ms,
    };
    call->connect_timeout_ms = request->connect_timeout_ms;
    call->idle_timeout_ms = request->idle_timeout_ms;
    call->timeout_ms = request->timeout_ms;
    call->started_us = now->mono_us;
    call->stage_us = now->mono_us;
    call->ready_us = now->mono_us;
    call->deadline_ms = now->mono_ms + request->timeout_ms;
}

accs_error accs_call_start(accs_lane *lane, const accs_call_request *request, uint64_t *id)
{
    accs_timers *timers = accs_engine_timers(lane->engine);
    accs_call *call = new_call(lane, request);

    if (call == NULL)
        return ACCS_ERROR_MEMORY;
    if (accs_timers_reserve(timers, ACCS_CALL_TIMERS) != ACCS_OK) {
        accs_call_free(call);
        return ACCS_ERROR_MEMORY;
    }
    if (accs_engine_adopt(lane->engine, &call->work) != ACCS_OK) {
        accs_timers_release(timers, ACCS_CALL_TIMERS);
        accs_call_free(call);
        return ACCS_ERROR_MEMORY;
    }
    if (call->work.stream != NULL)
        call->work.stream->id = call->work.id;
    call->lane = lane;
    call->next = lane->calls;
    if (lane->calls != NULL)
        lane->calls->previous = call;
    lane->calls = call;
    lane->tally.counts.started++;
    set_policy(call, lane, request);
    accs_budget_call(&lane->budget, accs_engine_now(lane->engine)->mono_ms);
    accs_timers_set(timers, &call->deadline, call->deadline_ms);
    *id = call->work.id; /* first: the call may end, though not leave, in what follows */
    advance(call);
    accs_engine_follow(lane->engine);
    return ACCS_OK;
}
