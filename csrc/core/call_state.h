/*
 * A call as its parts see it: call.c takes it from stage to stage, call_end.c ends it,
 * call_events.c puts it into the numbers and tells whoever listens.
 */
#ifndef ACCS_CALL_STATE_H
#define ACCS_CALL_STATE_H

#include "lane.h"
#include "stream.h"

enum { ACCS_CALL_TIMERS = 2, ACCS_CALL_METHOD_MAX = 12 };

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

    char method[ACCS_CALL_METHOD_MAX];
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

/* The call goes from one stage to another, or ends in the one it has. */
void accs_call_enter(accs_call *call, accs_stage stage);

/* Whether somebody listens; otherwise an event need not be made. */
bool accs_call_heard(const accs_call *call);
/* Completes the event with what it says of every call, and queues it. */
void accs_call_tell(const accs_call *call, accs_event *event);
/* An attempt ended, or was ended: into the numbers, and to whoever listens. */
void accs_call_observe(accs_call *call, accs_error error, unsigned sends, const char *text,
                       const accs_measure *measure);

/* Sets what the engine calls to end it. */
void accs_call_init_end(accs_call *call);
/* Frees one that was never started, or has come out of the queue. */
void accs_call_free(accs_call *call);
/* What is known of the request before its next attempt. */
accs_outcome accs_call_outcome(const accs_call *call);
/* The one way out: into the queue, with call->failure telling how it ended. */
void accs_call_end(accs_call *call);
void accs_call_end_with(accs_call *call, accs_error error, const char *text);
/* The wait that is asked for is longer than the call may take. */
void accs_call_end_rate_limited(accs_call *call, int64_t wait_ms);

#endif
