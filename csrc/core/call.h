/*
 * A call: wait for a token -> wait for the throttle -> wait for a place -> one
 * attempt -> verdict: done, or again. All waiting is timers of the engine.
 */
#ifndef ACCS_CALL_H
#define ACCS_CALL_H

#include "lane.h"

/* What the façade has checked already. Everything is borrowed for the call of accs_call_start(). */
typedef struct accs_call_request {
    const char *method;
    const char *url;
    size_t url_len;
    const accs_header *headers; /* Store, Accept, Content-Type and x-request-id among them */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
    bool idempotent;
    int64_t connect_timeout_ms; /* 0: the lane's transport's, and below */
    int64_t idle_timeout_ms;
    int64_t timeout_ms;
    unsigned attempts;
    int64_t max_retry_after_ms;
    int64_t backoff_ms;
    int64_t max_backoff_ms;
    size_t max_body;
    size_t max_headers;
    bool stream; /* hand out the body of a 2xx, at most stream_max bytes (0: no limit) */
    uint64_t stream_max;
    const accs_upload *upload; /* NULL: the body is in memory */
} accs_call_request;

/* Starts a call; see accs_client_start(). ACCS_ERROR_MEMORY. */
accs_error accs_call_start(accs_lane *lane, const accs_call_request *request, uint64_t *id);

/* Ends every call of the lane as cancelled. */
void accs_calls_cancel(accs_lane *lane);

#endif
