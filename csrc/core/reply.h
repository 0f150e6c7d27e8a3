/* What one call received: filled by transfers, finished by the call, read by the user. */
#ifndef ACCS_REPLY_H
#define ACCS_REPLY_H

#include "buffer.h"

/* Offsets into the reply's head. */
typedef struct accs_field {
    size_t name;
    size_t name_len;
    size_t value;
    size_t value_len;
} accs_field;

struct accs_reply {
    int status;
    unsigned attempts;
    int64_t elapsed_us;
    char *url;
    accs_buffer head; /* names and values, one after the other */
    accs_field *fields;
    size_t field_count;
    size_t field_capacity;
    accs_buffer body;
    uint64_t streamed; /* bytes of the body that were handed out and are no longer in it */
};

/* ACCS_ERROR_MEMORY gives NULL. max_headers, max_body: bytes. */
accs_reply *accs_reply_new(size_t max_headers, size_t max_body);

/* Forgets everything received, for another attempt. */
void accs_reply_reset(accs_reply *reply);

/*
 * Adds a header from a line as libcurl hands it over. A line without a colon is
 * ignored. ACCS_ERROR_TOO_LARGE past the bytes or the count allowed, ACCS_ERROR_MEMORY.
 */
accs_error accs_reply_add_header(accs_reply *reply, const char *line, size_t line_len);

/*
 * Adds a line to the value of the last header, of which there must be one; the
 * fold becomes one blank. Errors as above. Source: RFC 9112, 5.2.
 */
accs_error accs_reply_fold(accs_reply *reply, const char *line, size_t line_len);

/* The first header of that name (lower case), or NULL; not NUL-ended. */
const char *accs_reply_find(const accs_reply *reply, const char *name, size_t *value_len);

/*
 * What Retry-After asks for, in ms after now_s (wall clock), or -1 when it says
 * nothing readable. Of several the longest: never earlier than told.
 */
int64_t accs_reply_retry_after_ms(const accs_reply *reply, int64_t now_s);

/* Moves up to room bytes from the body's front to the caller; returns how many. */
size_t accs_reply_read(accs_reply *reply, char *bytes, size_t room);

/* Whether the answer is a page for people, which this API never sends. */
bool accs_reply_is_page(const accs_reply *reply);

/* Whether that header (lower case) holds the word (lower case, beginning with a letter). */
bool accs_reply_says(const accs_reply *reply, const char *name, const char *word);

/* Wipes body and headers as well: the reply held a token. */
void accs_reply_wipe(accs_reply *reply);

#endif
