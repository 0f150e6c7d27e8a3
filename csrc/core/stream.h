/*
 * The bodies of one call that are moved in pieces: says in the engine's queue what waits, and moves
 * bytes between the user and the transfer. The user's side stands in accs.h.
 */
#ifndef ACCS_STREAM_H
#define ACCS_STREAM_H

#include "transfer.h"

typedef struct accs_stream accs_stream;

/* Says once in the queue that the stream waits for something. */
typedef struct accs_stream_note {
    accs_queued queued; /* first */
    accs_stream *stream;
    bool waiting; /* in the queue */
} accs_stream_note;

struct accs_stream {
    accs_engine *engine;
    uint64_t id;             /* of the call */
    accs_reply *reply;       /* of the call */
    accs_transfer *transfer; /* under way; NULL: none */
    accs_transfer_stream pieces;
    accs_upload upload;
    bool delivered; /* the user has bytes of an answer */
    bool offered;   /* the user was told of bytes, and did not ask for them yet */
    accs_stream_note body;
    accs_stream_note wish;
};

/*
 * down, down_max  as in accs_transfer_stream
 * upload          NULL or what the request's body is; copied, and cleaned up with the stream
 * NULL: no memory.
 */
accs_stream *accs_stream_new(accs_engine *engine, accs_reply *reply, bool down, uint64_t down_max,
                             const accs_upload *upload);
/* The stream must have no transfer. NULL is fine. */
void accs_stream_free(accs_stream *stream);

/* An attempt begins, and has begun. */
void accs_stream_begin(accs_stream *stream);
void accs_stream_attach(accs_stream *stream, accs_transfer *transfer);
/* It has ended: takes back what nobody has fetched from the queue. NULL is fine. */
void accs_stream_detach(accs_stream *stream);

/* Whether another attempt would give the user, and send, each byte once. NULL is fine: true. */
bool accs_stream_repeatable(const accs_stream *stream);

#endif
