/*
 * One request to IMS, with its repeats. What it sent and received is wiped. Knows nothing of what
 * the answer means.
 */
#ifndef ACCS_IMS_H
#define ACCS_IMS_H

#include "identity.h"
#include "transfer.h"

/* What is sent. */
typedef struct accs_ims_request {
    const char *path;           /* under the identity's ims_url */
    accs_buffer *form;          /* of a POST, taken; NULL: a GET */
    accs_secret *authorization; /* a header's whole line, taken; NULL: none */
    bool names_client;          /* header X-IMS-ClientId */
    int64_t deadline_ms;        /* no repeat reaches it; to end it then is the user's part */
} accs_ims_request;

/* Who asks; stands in a struct of its own. One request at a time. */
typedef struct accs_ims {
    accs_engine *engine; /* NULL: not open */
    const accs_identity_owned *identity;
    accs_transport **transport; /* shared by those of an identity; made with the first request */
    accs_transfer *transfer;
    accs_timer pause; /* between attempts */
    bool get;
    unsigned attempt;
    int64_t deadline_ms;
    char *url;
    accs_buffer form;
    accs_secret authorization;
    struct curl_slist *headers; /* one block */
    accs_reply *reply;          /* NULL: none yet */
    accs_now asked;             /* when the last attempt left */
    /*
     * It ended: failure is NULL with any answer in reply but one that asks to wait. From
     * accs_engine_step(); the next request may be started from here. reply lives until then.
     */
    void (*done)(struct accs_ims *ims, const accs_failure *failure);
    /* An attempt ended, and another follows after delay_ms. */
    void (*again)(struct accs_ims *ims, accs_error error, int64_t delay_ms);
} accs_ims;

/* Opens it, with done and again to be set before the first request; ACCS_ERROR_MEMORY. */
accs_error accs_ims_open(accs_ims *ims, accs_engine *engine, const accs_identity_owned *identity,
                         accs_transport **transport);
/* Stops, wipes, and gives back its timer. A second call is fine. */
void accs_ims_close(accs_ims *ims);

/* ACCS_ERROR_MEMORY, ACCS_ERROR_CONFIG; then done is not called. What is taken is taken anyway. */
accs_error accs_ims_start(accs_ims *ims, const accs_ims_request *request);
/* Ends the request under way, if any, without done; wipes. */
void accs_ims_stop(accs_ims *ims);

/* Hands over the reply, for the user to free. NULL when there is none. */
accs_reply *accs_ims_take_reply(accs_ims *ims);

/* Appends IMS's number of the request, " (x-debug-id ...)", to text if there is one and room. */
void accs_ims_name(const accs_ims *ims, char *text, size_t text_size);

#endif
