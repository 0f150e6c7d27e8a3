/*
 * A call: wait for a token -> wait for the throttle -> wait for a place -> one
 * attempt -> verdict: done, or again. All waiting is timers of the engine.
 */
#ifndef ACCS_CALL_H
#define ACCS_CALL_H

#include "budget.h"
#include "retry.h"
#include "throttle.h"
#include "token.h"
#include "transfer.h"

typedef struct accs_call accs_call;

/* What the calls of one client share. */
typedef struct accs_lane {
    accs_engine *engine; /* NULL: not open */
    accs_timer serve;    /* gives free places to those who wait */
    accs_transport *transport;
    accs_token_source *source;
    accs_token_user user;      /* of the source; its handle names the client in events */
    struct curl_slist *common; /* headers that every request ends with */
    accs_throttle throttle;
    accs_budget budget;
    accs_retry_policy policy;
    size_t max_headers;
    size_t active; /* attempts under way */
    size_t max_active;
    accs_call *first_waiting; /* for a place */
    accs_call *last_waiting;
    accs_call *calls; /* all that have not ended */
} accs_lane;

/* What the façade has checked already. Everything is borrowed for the call of accs_call_start(). */
typedef struct accs_call_request {
    const char *method;
    const char *url;
    size_t url_len;
    const accs_header *headers; /* Store, Accept and Content-Type among them */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
    bool idempotent;
    int64_t timeout_ms;
    unsigned attempts;
    int64_t max_retry_after_ms;
    size_t max_body;
} accs_call_request;

/* Makes a zeroed lane ready for calls; ACCS_ERROR_MEMORY. */
accs_error accs_lane_open(accs_lane *lane, accs_engine *engine);
/* Ends every call as cancelled and lets go of the engine. Call once, on an open lane. */
void accs_lane_close(accs_lane *lane);

/* Starts a call; see accs_client_start(). ACCS_ERROR_MEMORY. */
accs_error accs_call_start(accs_lane *lane, const accs_call_request *request, uint64_t *id);

/* Pauses the lane and says so to whoever listens. */
void accs_lane_pause(accs_lane *lane, int64_t delay_ms, uint64_t call_id);

#endif
