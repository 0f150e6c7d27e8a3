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

/*
 * Asks libcurl about the attempt that the easy handle made, or is at.
 *
 * phases    whether protocol and phases are wanted
 * since_us  how long ago the first line of the answer came; -1: it did not. What
 *           libcurl tells is that of the first byte sent, when a body went out
 *           in pieces
 * measure   all but bytes_in is set
 */
void accs_measure_take(CURL *easy, bool phases, int64_t since_us, accs_measure *measure);

#endif
