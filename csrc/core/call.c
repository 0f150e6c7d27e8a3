#include "call.h"

#include "event.h"
#include "header_block.h"
#include "limits.h"
#include "stream.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMERS_OF_A_CALL = 2, METHOD_MAX = 12 };

struct accs_call {
    accs_work work;  /* first */
    accs_lane *lane; /* NULL once ended */
    accs_call *next; /* in lane->calls */
    accs_call *previous;
    accs_place place;
    accs_stage stage;
    int64_t stage_us; /* since when */
    int64_t ready_us; /* since when this attempt waits to start */

    accs_token_waiter waiter;
    accs_token *token; /* held */
    bool token_renewed;
    accs_timer deadline;
    accs_timer pause;
    accs_transfer *transfer;

    char method[METHOD_MAX];
    char *url;
    char *body;
    size_t body_len;
    struct curl_slist *headers; /* one block: nodes, then their text; the first is the token's */
    bool read;                  /* GET or HEAD */
    bool idempotent;
    bool maybe_acted; /* an attempt left and its fate is not known */
    accs_retry_policy policy;
    int64_t connect_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t timeout_ms;
    int64_t deadline_ms;
    int64_t started_us;
    int64_t attempt_us; /* when this attempt started */
    unsigned attempt;   /* of ours */
    unsigned sends;     /* that left, hidden repeats included */
    accs_reply *reply;
    accs_failure failure;
};

static void advance(accs_call *call);

/* --------------------------------------------------------------- stages */

static void enter(accs_call *call, accs_stage stage)
{
    int64_t now_us = accs_engine_now(call->lane->engine)->mono_us;

    call->lane->tally.counts.spent_us[call->stage] += (uint64_t)(now_us - call->stage_us);
    if (call->stage >= ACCS_STAGE_TRANSFER)
        call->ready_us = now_us;
    call->stage = stage;
    call->stage_us = now_us;
}

/* --------------------------------------------------------------- events */

static void tell(const accs_call *call, accs_event *event)
{
    static const char id[] = "x-request-id: ";
    accs_lane *lane = call->lane;

    event->call = call->work.id;
    event->attempt = call->attempt;
    accs_event_text(event->method, sizeof event->method, call->method);
    accs_url_redact(call->url, event->url, sizeof event->url);
    for (const struct curl_slist *line = call->headers->next; line != NULL; line = line->next)
        if (strncmp(line->data, id, sizeof id - 1) == 0)
            accs_event_text(event->request_id, sizeof event->request_id,
                            line->data + sizeof id - 1);
    accs_token_source_redact(lane->source, event->url);
    accs_token_source_redact(lane->source, event->text);
    accs_event_push(lane->engine, &lane->user.listener, event);
}

static bool heard(const accs_call *call)
{
    return call->lane->user.listener.wanted;
}

static void tell_response(accs_call *call, accs_error error, unsigned sends, const char *text,
                          const accs_measure *measure)
{
    accs_event event = {.kind = ACCS_EVENT_RESPONSE, .error = error};

    event.status = call->reply->status;
    event.bytes = call->reply->streamed + call->reply->body.len;
    event.elapsed_us = accs_engine_now(call->lane->engine)->mono_us - call->attempt_us;
    event.bytes_in = measure->bytes_in;
    event.bytes_out = measure->bytes_out;
    event.sent = sends > 0;
    event.reused = sends > 0 && measure->connects == 0;
    event.protocol = measure->protocol;
    event.phases = measure->phases;
    event.phases.queue_us += call->attempt_us - call->ready_us;
    accs_event_text(event.text, sizeof event.text, text);
    tell(call, &event);
}

/* An attempt ended, or was ended: into the numbers, and to whoever listens. */
static void observe(accs_call *call, accs_error error, unsigned sends, const char *text,
                    const accs_measure *measure)
{
    accs_tally_attempt(&call->lane->tally, sends, measure);
    if (heard(call))
        tell_response(call, error, sends, text, measure);
}

/* ------------------------------------------------------------------ end */

static void free_call(accs_call *call)
{
    accs_stream_free(call->work.stream);
    accs_reply_free(call->reply);
    free(call->headers);
    free(call->body);
    free(call->url);
    free(call);
}

/* Lets go of everything that belongs to the lane. */
static void detach(accs_call *call)
{
    accs_lane *lane = call->lane;
    accs_timers *timers = accs_engine_timers(lane->engine);

    enter(call, call->stage); /* its last stage ends here */
    if (call->transfer != NULL)
        call->sends += accs_transfer_abort(call->transfer);
    call->transfer = NULL;
    accs_stream_detach(call->work.stream);
    accs_token_stop_waiting(lane->source, &call->waiter);
    accs_token_release(call->token);
    call->token = NULL;
    accs_timers_clear(timers, &call->deadline);
    accs_timers_clear(timers, &call->pause);
    accs_timers_release(timers, TIMERS_OF_A_CALL);
    accs_lane_free_place(lane, &call->place);
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        lane->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    call->lane = NULL;
}

/* The one way out: into the queue, with call->failure telling how it ended. */
static void end(accs_call *call)
{
    accs_lane *lane = call->lane;

    detach(call);
    free(call->headers);
    free(call->body);
    call->headers = NULL;
    call->body = NULL;
    call->failure.attempts = call->sends;
    call->reply->attempts = call->sends;
    call->reply->elapsed_us = accs_engine_now(lane->engine)->mono_us - call->started_us;
    accs_tally_end(&lane->tally, call->failure.code, call->reply->elapsed_us);
    call->reply->url = call->url;
    call->url = NULL;
    accs_engine_finish(lane->engine, &call->work);
}

static accs_outcome outcome_now(const accs_call *call)
{
    return call->maybe_acted ? ACCS_OUTCOME_UNKNOWN : ACCS_OUTCOME_NOT_SENT;
}

static void end_with(accs_call *call, accs_error error, const char *text)
{
    accs_fail(&call->failure, error, "%s", text);
    call->failure.outcome = outcome_now(call);
    call->failure.retryable = error == ACCS_ERROR_TIMEOUT || error == ACCS_ERROR_RATE_LIMITED;
    end(call);
}

static void end_rate_limited(accs_call *call, int64_t wait_ms)
{
    accs_outcome outcome =
        call->reply->status == 429 && !call->maybe_acted ? ACCS_OUTCOME_REFUSED : outcome_now(call);

    accs_fail(&call->failure, ACCS_ERROR_RATE_LIMITED,
              "the service asks to wait %lld s, which is longer than this call may take",
              (long long)((wait_ms + 999) / 1000));
    call->failure.outcome = outcome;
    call->failure.status = call->reply->status;
    call->failure.retryable = true;
    call->failure.retry_after_ms = wait_ms;
    end(call);
}

static void deliver(accs_queued *queued, accs_item *item)
{
    accs_call *call = (accs_call *)(void *)queued;

    if (item != NULL) {
        item->kind = ACCS_ITEM_DONE;
        item->id = call->work.id;
        item->failure = call->failure;
        if (call->reply->status != 0) {
            item->reply = call->reply;
            call->reply = NULL;
        }
    }
    free_call(call);
}

/* Ends the attempt under way, if there is one: what it sent may be acted on. */
static void stop_transfer(accs_call *call, accs_error why)
{
    accs_measure measure = {.bytes_in = 0};
    unsigned sends;

    if (call->transfer == NULL)
        return;
    if (accs_engine_usable(call->lane->engine))
        accs_transfer_measure(call->transfer, &measure);
    sends = accs_transfer_abort(call->transfer);
    call->transfer = NULL;
    accs_stream_detach(call->work.stream);
    observe(call, why, sends, "ended before its answer was whole", &measure);
    call->sends += sends;
    call->maybe_acted = call->maybe_acted || sends > 0;
    accs_reply_reset(call->reply); /* half an answer is none */
}

static void cancel(accs_work *work)
{
    accs_call *call = (accs_call *)(void *)work;

    stop_transfer(call, ACCS_ERROR_CANCELLED);
    end_with(call, ACCS_ERROR_CANCELLED, "the call was cancelled");
}

static void discard(accs_work *work)
{
    accs_call *call = (accs_call *)(void *)work;

    accs_tally_end(&call->lane->tally, ACCS_ERROR_CLOSED, 0);
    detach(call);
    free_call(call);
}

static void deadline_passed(accs_timer *timer)
{
    static const char *const waits[] = {
        [ACCS_STAGE_TOKEN] = "for an access token",
        [ACCS_STAGE_THROTTLE] = "because the service asked to slow down",
        [ACCS_STAGE_PLACE] = "for its turn (max_concurrency)",
        [ACCS_STAGE_TRANSFER] = "for the answer",
        [ACCS_STAGE_BACKOFF] = "before the next attempt",
    };
    accs_call *call = (accs_call *)(void *)((char *)timer - offsetof(accs_call, deadline));
    bool paused = call->transfer != NULL && accs_transfer_paused(call->transfer);
    char text[ACCS_FAILURE_TEXT_MAX];

    snprintf(text, sizeof text, "no result within %g s (timeout): the call was waiting %s",
             (double)call->timeout_ms / 1000.0,
             paused ? "for its sink or source" : waits[call->stage]);
    stop_transfer(call, ACCS_ERROR_TIMEOUT);
    end_with(call, ACCS_ERROR_TIMEOUT, text);
}

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
    end(call);
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
    if (heard(call))
        tell(call, &(accs_event){.kind = ACCS_EVENT_RETRY, .delay_ms = answer->delay_ms});
    enter(call, ACCS_STAGE_BACKOFF);
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
        end_rate_limited(call, answer.delay_ms);
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

    call->transfer = NULL;
    accs_stream_detach(call->work.stream);
    call->sends += result->sends;
    observe(call, result->error, result->sends, result->text, &result->measure);
    if (result->end == ACCS_ATTEMPT_ANSWERED)
        accs_lane_answered(call->lane,
                           accs_retry_find(result->end, call->reply->status)->pauses_client);
    accs_lane_free_place(call->lane, &call->place);
    if (result->end == ACCS_ATTEMPT_ANSWERED && call->reply->status < 400)
        conclude(call, result);
    else if (renew_token(call, result))
        advance(call);
    else
        decide(call, result);
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
        .phases = heard(call),
        .reply = call->reply,
        .stream = stream != NULL ? &stream->pieces : NULL,
    };
    accs_error error;

    call->headers[0].data = call->token->line.bytes;
    call->attempt++;
    call->attempt_us = accs_engine_now(lane->engine)->mono_us;
    enter(call, ACCS_STAGE_TRANSFER);
    if (call->attempt > 1)
        lane->tally.counts.retries++;
    if (heard(call))
        tell(call, &(accs_event){.kind = ACCS_EVENT_REQUEST});
    if (stream != NULL)
        accs_stream_begin(stream);
    error = accs_transfer_start(lane->transport, &request, attempt_ended, call, &call->transfer);
    if (error != ACCS_OK) {
        observe(call, error, 0, accs_error_text(error), &(accs_measure){.bytes_in = 0});
        end_with(call, error, accs_error_text(error));
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
            end_rate_limited(call, wait_ms);
            return;
        }
        enter(call, ACCS_STAGE_THROTTLE);
        accs_timers_set(accs_engine_timers(lane->engine), &call->pause, now->mono_ms + wait_ms);
    } else if (accs_lane_take_place(lane, &call->place)) {
        start_attempt(call);
    } else {
        enter(call, ACCS_STAGE_PLACE);
    }
}

static void token_ready(accs_token_waiter *waiter, accs_token *token, const accs_failure *failure)
{
    accs_call *call = (accs_call *)(void *)((char *)waiter - offsetof(accs_call, waiter));

    if (token == NULL) {
        accs_reply_reset(call->reply); /* of a 401 before: not the answer to this */
        call->failure = *failure;
        call->failure.outcome = outcome_now(call);
        end(call);
        return;
    }
    call->token = token;
    advance_with_token(call);
}

/* The token is taken anew each time: while the call waited, another may have come. */
static void advance(accs_call *call)
{
    accs_token_release(call->token);
    enter(call, ACCS_STAGE_TOKEN);
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

void accs_calls_cancel(accs_lane *lane)
{
    while (lane->calls != NULL)
        cancel(&lane->calls->work);
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
    call->work.queued.deliver = deliver;
    call->work.cancel = cancel;
    call->work.discard = discard;
    call->waiter.ready = token_ready;
    call->place.called = called_from_line;
    call->deadline.fire = deadline_passed;
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
    free_call(call);
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
    if (accs_timers_reserve(timers, TIMERS_OF_A_CALL) != ACCS_OK) {
        free_call(call);
        return ACCS_ERROR_MEMORY;
    }
    if (accs_engine_adopt(lane->engine, &call->work) != ACCS_OK) {
        accs_timers_release(timers, TIMERS_OF_A_CALL);
        free_call(call);
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
