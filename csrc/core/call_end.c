#include "call.h"
#include "call_state.h"

#include <stdio.h>
#include <stdlib.h>

void accs_call_free(accs_call *call)
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

    accs_call_enter(call, call->stage); /* its last stage ends here */
    if (call->transfer != NULL)
        call->sends += accs_transfer_abort(call->transfer);
    call->transfer = NULL;
    accs_stream_detach(call->work.stream);
    accs_token_stop_waiting(lane->source, &call->waiter);
    accs_token_release(call->token);
    call->token = NULL;
    accs_timers_clear(timers, &call->deadline);
    accs_timers_clear(timers, &call->pause);
    accs_timers_release(timers, ACCS_CALL_TIMERS);
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
void accs_call_end(accs_call *call)
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

accs_outcome accs_call_outcome(const accs_call *call)
{
    return call->maybe_acted ? ACCS_OUTCOME_UNKNOWN : ACCS_OUTCOME_NOT_SENT;
}

void accs_call_end_with(accs_call *call, accs_error error, const char *text)
{
    accs_fail(&call->failure, error, "%s", text);
    call->failure.outcome = accs_call_outcome(call);
    call->failure.retryable = error == ACCS_ERROR_TIMEOUT || error == ACCS_ERROR_RATE_LIMITED;
    accs_call_end(call);
}

void accs_call_end_rate_limited(accs_call *call, int64_t wait_ms)
{
    accs_outcome outcome = call->reply->status == 429 && !call->maybe_acted
                               ? ACCS_OUTCOME_REFUSED
                               : accs_call_outcome(call);

    accs_fail(&call->failure, ACCS_ERROR_RATE_LIMITED,
              "the service asks to wait %lld s, which is longer than this call may take",
              (long long)((wait_ms + 999) / 1000));
    call->failure.outcome = outcome;
    call->failure.status = call->reply->status;
    call->failure.retryable = true;
    call->failure.retry_after_ms = wait_ms;
    accs_call_end(call);
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
    accs_call_free(call);
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
    accs_call_observe(call, why, sends, "ended before its answer was whole", &measure);
    call->sends += sends;
    call->maybe_acted = call->maybe_acted || sends > 0;
    accs_reply_reset(call->reply); /* half an answer is none */
}

static void cancel(accs_work *work)
{
    accs_call *call = (accs_call *)(void *)work;

    stop_transfer(call, ACCS_ERROR_CANCELLED);
    accs_call_end_with(call, ACCS_ERROR_CANCELLED, "the call was cancelled");
}

static void discard(accs_work *work)
{
    accs_call *call = (accs_call *)(void *)work;

    accs_tally_end(&call->lane->tally, ACCS_ERROR_CLOSED, 0);
    detach(call);
    accs_call_free(call);
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
    accs_call_end_with(call, ACCS_ERROR_TIMEOUT, text);
}

void accs_call_init_end(accs_call *call)
{
    call->work.queued.deliver = deliver;
    call->work.cancel = cancel;
    call->work.discard = discard;
    call->deadline.fire = deadline_passed;
}

void accs_calls_cancel(accs_lane *lane)
{
    while (lane->calls != NULL)
        cancel(&lane->calls->work);
}
