#include "call_state.h"

#include "event.h"

#include <string.h>

void accs_call_enter(accs_call *call, accs_stage stage)
{
    int64_t now_us = accs_engine_now(call->lane->engine)->mono_us;

    call->lane->tally.counts.spent_us[call->stage] += (uint64_t)(now_us - call->stage_us);
    if (call->stage >= ACCS_STAGE_TRANSFER)
        call->ready_us = now_us;
    call->stage = stage;
    call->stage_us = now_us;
}

void accs_call_tell(const accs_call *call, accs_event *event)
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

bool accs_call_heard(const accs_call *call)
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
    accs_call_tell(call, &event);
}

/* An attempt ended, or was ended: into the numbers, and to whoever listens. */
void accs_call_observe(accs_call *call, accs_error error, unsigned sends, const char *text,
                       const accs_measure *measure)
{
    accs_tally_attempt(&call->lane->tally, sends, measure);
    if (accs_call_heard(call))
        tell_response(call, error, sends, text, measure);
}
