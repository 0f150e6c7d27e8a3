/*
 * The body of a request that comes in pieces while it is sent: at most one piece is held. Pure:
 * knows no socket. Each attempt begins anew; a piece that was made for an earlier one is dropped.
 */
#ifndef ACCS_UPLOAD_H
#define ACCS_UPLOAD_H

#include "buffer.h"

typedef struct accs_upload {
    int64_t length;  /* bytes announced; -1: not known */
    bool replayable; /* its source can begin again */
    bool pulled;     /* the source was asked for bytes, in any attempt */
    bool asked;      /* and has not answered yet */
    bool ended;      /* all of it was fed */
    bool wrong;      /* other than the length announced */
    unsigned round;  /* of attempts */
    unsigned asked_round;
    bool from_start; /* nothing of this round was fed yet */
    uint64_t fed;    /* bytes of this round */
    accs_buffer held;
    size_t held_at; /* bytes of it that were taken */
} accs_upload;

/* length: -1 when it is not known. */
void accs_upload_init(accs_upload *upload, int64_t length, bool replayable);
void accs_upload_cleanup(accs_upload *upload);

/* Another attempt: from the first byte. */
void accs_upload_restart(accs_upload *upload);

/* Moves up to room bytes to the caller; returns how many. */
size_t accs_upload_take(accs_upload *upload, char *bytes, size_t room);

/* Whether a piece should be asked for: none is held, and none under way. */
bool accs_upload_hungry(const accs_upload *upload);

/* The source is asked now; returns whether it must begin at its start. */
bool accs_upload_ask(accs_upload *upload);

/*
 * Takes the next piece; bytes NULL: that was all. A piece asked for in an earlier round is dropped.
 * ACCS_ERROR_CONFIG: not asked for, or after the end; ACCS_ERROR_TOO_LARGE: longer than
 * ACCS_LIMIT_STREAM_WINDOW; ACCS_ERROR_IO: other than the length announced, and then wrong is set;
 * ACCS_ERROR_MEMORY.
 */
accs_error accs_upload_feed(accs_upload *upload, const char *bytes, size_t bytes_len);

#endif
