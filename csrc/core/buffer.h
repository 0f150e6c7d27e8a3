/* A growing run of bytes with a ceiling given at birth. */
#ifndef ACCS_BUFFER_H
#define ACCS_BUFFER_H

#include "accs.h"

typedef struct accs_buffer {
    char *bytes; /* NULL while nothing was stored; after an append a NUL stands behind bytes[len] */
    size_t len;
    size_t capacity; /* bytes allocated, room for the NUL included */
    size_t max;
} accs_buffer;

/* max: most bytes it may hold, the closing NUL not counted. Allocates nothing. */
void accs_buffer_init(accs_buffer *buffer, size_t max);

/* Frees; a second call is fine. Does not wipe: see accs_buffer_wipe(). */
void accs_buffer_cleanup(accs_buffer *buffer);

/* Overwrites the contents, then frees. For what may hold a secret (growth wipes what it leaves). */
void accs_buffer_wipe(accs_buffer *buffer);

/* Empties it, keeps the memory. */
void accs_buffer_clear(accs_buffer *buffer);

/* ACCS_ERROR_TOO_LARGE past the ceiling, ACCS_ERROR_MEMORY; then unchanged. */
accs_error accs_buffer_append(accs_buffer *buffer, const void *bytes, size_t bytes_len);
accs_error accs_buffer_append_text(accs_buffer *buffer, const char *text);

/*
 * Makes room for more bytes behind len (and a NUL), so that they can be written in place:
 * up to capacity - 1 - len of them, and no more than max - len. Errors as accs_buffer_append().
 */
accs_error accs_buffer_reserve(accs_buffer *buffer, size_t more);

/* Hands over the bytes (free(); NULL when empty) and leaves the buffer empty. bytes_len may be
 * NULL. */
char *accs_buffer_take(accs_buffer *buffer, size_t *bytes_len);

#endif
