/* What one attempt cost: bytes, connection, and where its time went. */
#ifndef ACCS_MEASURE_H
#define ACCS_MEASURE_H

#include "accs.h"
#include "compat.h"

typedef struct accs_measure {
    uint64_t bytes_in;  /* head and coded body, as HTTP/1.1 spells them */
    uint64_t bytes_out; /* likewise */
    unsigned connects;  /* connections that were begun for it; 0: an open one was used */
    /* Only when somebody listens: */
    accs_protocol protocol;
    accs_phases phases; /* without queue */
} accs_measure;

/* Moments that libcurl does not tell, by the engine's clock; 0: not yet. */
typedef struct accs_watch {
    bool wanted; /* somebody wants to know: only then are they noted, and phases measured */
    int64_t started_us;
    int64_t sent_us;     /* the request was about to leave */
    int64_t answered_us; /* the first line of the answer came */
} accs_watch;

/*
 * Asks libcurl about the attempt that the easy handle made, or is at.
 *
 * now_us   of the same clock as the watch
 * measure  all but bytes_in is set; protocol and phases only when they are wanted
 */
void accs_measure_take(CURL *easy, const accs_watch *watch, int64_t now_us, accs_measure *measure);

#endif
