/*
 * One attempt: a request goes out, an answer comes in. Knows nothing of tokens,
 * repeats or clients. A transport holds what the attempts of one owner have in
 * common, and keeps their easy handles for the next.
 */
#ifndef ACCS_TRANSFER_H
#define ACCS_TRANSFER_H

#include "connection.h"
#include "engine.h"
#include "measure.h"
#include "reply.h"
#include "retry.h"
#include "upload.h"

typedef struct accs_transport accs_transport;
typedef struct accs_transfer accs_transfer;

/* options: text is copied. ACCS_ERROR_MEMORY. */
accs_error accs_transport_new(accs_engine *engine, const accs_connection_options *options,
                              accs_transport **transport);

/* Frees it and its idle handles. No transfer may be under way. NULL is fine. */
void accs_transport_free(accs_transport *transport);

/*
 * Bodies that are moved in pieces. What is full or empty pauses the transfer, until
 * accs_transfer_resume(). The functions are called from accs_engine_step() and
 * accs_transfer_resume(); they must not end the transfer.
 */
typedef struct accs_transfer_stream {
    bool down;           /* a 2xx answer's body stays in the reply only until it is read */
    uint64_t down_max;   /* decoded bytes of it; 0: no limit */
    accs_upload *upload; /* NULL: the request's body is in memory */
    void (*arrived)(void *context); /* the reply's body has bytes */
    void (*wanted)(void *context);  /* the upload is hungry */
    void *context;
} accs_transfer_stream;

/* Everything is borrowed until the transfer has ended. */
typedef struct accs_transfer_request {
    const char *method;
    const char *url;
    struct curl_slist *headers;
    const char *body; /* NULL: none */
    size_t body_len;
    int64_t connect_timeout_ms; /* 0: the transport's */
    int64_t idle_timeout_ms;    /* 0: the transport's */
    unsigned sends_max;         /* more than 1: libcurl may send it again by itself, reads only */
    bool http2;                 /* may go over HTTP/2 */
    accs_reply *reply;          /* filled */
    const accs_transfer_stream *stream; /* NULL: both bodies are in memory */
    bool phases;                        /* measure where the time goes */
} accs_transfer_request;

typedef struct accs_transfer_result {
    accs_attempt_end end;
    accs_error error; /* ACCS_OK with ACCS_ATTEMPT_ANSWERED */
    int curl_code;
    int system_errno;
    unsigned sends; /* requests that left */
    int status;     /* of a proxy that refused; 0: none did */
    accs_measure measure;
    char text[ACCS_FAILURE_TEXT_MAX];
} accs_transfer_result;

typedef void (*accs_transfer_done)(void *context, const accs_transfer_result *result);

/*
 * Starts an attempt; done is called once, from accs_engine_step(), unless the
 * transfer is aborted. The transfer is gone when done is called.
 * Errors: ACCS_ERROR_MEMORY, ACCS_ERROR_CONFIG (an option that libcurl refuses).
 */
accs_error accs_transfer_start(accs_transport *transport, const accs_transfer_request *request,
                               accs_transfer_done done, void *context, accs_transfer **transfer);

/* After the reply's body was read, or the upload fed: the transfer may go on. */
void accs_transfer_resume(accs_transfer *transfer);

/* Whether it waits for the user to read or to feed. */
bool accs_transfer_paused(const accs_transfer *transfer);

/* Whether the body of the answer is one that is handed out as it comes. */
bool accs_transfer_streaming(const accs_transfer *transfer);

/* Ends it without calling done; tells how many requests had left. In a forked child nothing is
 * touched. */
unsigned accs_transfer_abort(accs_transfer *transfer);

/* What it cost so far, for whoever is going to abort it. */
void accs_transfer_measure(const accs_transfer *transfer, accs_measure *measure);

#endif
