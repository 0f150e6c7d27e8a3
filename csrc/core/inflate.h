/* gzip inflated with a bounded output; libcurl's own ends a cut body with success. */
#ifndef ACCS_INFLATE_H
#define ACCS_INFLATE_H

#include "buffer.h"

typedef struct accs_inflate accs_inflate;

/* ACCS_ERROR_MEMORY. Free with accs_inflate_free(). */
accs_error accs_inflate_new(accs_inflate **inflate);
void accs_inflate_free(accs_inflate *inflate); /* NULL is fine */

/* Makes it ready for another body, keeping its memory. */
void accs_inflate_reset(accs_inflate *inflate);

/*
 * Takes a chunk of one gzip member, appends what comes out.
 * ACCS_ERROR_DECODE: corrupt, or bytes behind the member's end (a second member too);
 * ACCS_ERROR_TOO_LARGE: past the ceiling of out; ACCS_ERROR_MEMORY.
 */
accs_error accs_inflate_push(accs_inflate *inflate, const char *bytes, size_t bytes_len,
                             accs_buffer *out);

/*
 * The same as far as out has room below window: *bytes and *bytes_len are moved on past what was
 * taken. More may come out even of no input: see accs_inflate_pending().
 */
accs_error accs_inflate_fill(accs_inflate *inflate, const char **bytes, size_t *bytes_len,
                             accs_buffer *out, size_t window);

/* Whether what was taken may hold more than came out: the output had no room left. */
bool accs_inflate_pending(const accs_inflate *inflate);

/* ACCS_OK when the member ended with a right trailer, else ACCS_ERROR_DECODE. */
accs_error accs_inflate_finish(const accs_inflate *inflate);

#endif
