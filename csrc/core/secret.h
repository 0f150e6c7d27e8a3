/* Bytes that are wiped when they go: a client secret, a token. Prints as "***". */
#ifndef ACCS_SECRET_H
#define ACCS_SECRET_H

#include "accs.h"

typedef struct accs_secret {
    char *bytes; /* NUL-ended; NULL when unset */
    size_t len;
} accs_secret;

/* Copies the bytes and wipes what was held before; on ACCS_ERROR_MEMORY the old value stays. */
accs_error accs_secret_set(accs_secret *secret, const char *bytes, size_t bytes_len);

/* Wipes and frees; NULL bytes and a second call are fine. */
void accs_secret_cleanup(accs_secret *secret);

/* Compared in a time that does not depend on where the values differ. Unset equals unset only. */
bool accs_secret_equal(const accs_secret *left, const accs_secret *right);

/* Several, in an order that means something. Zeroed is valid and empty. */
typedef struct accs_secret_list {
    accs_secret *items;
    size_t count;
} accs_secret_list;

/* Copies and wipes what was held before; on ACCS_ERROR_MEMORY the old ones stay. */
accs_error accs_secret_list_set(accs_secret_list *list, const accs_text *texts, size_t text_count);
/* Wipes and frees; a second call is fine. */
void accs_secret_list_cleanup(accs_secret_list *list);
/* Whether the list holds these, in this order. Compared as accs_secret_equal() does. */
bool accs_secret_list_same(const accs_secret_list *list, const accs_text *texts, size_t text_count);

/* Overwrites memory in a way that compilers do not drop. */
void accs_wipe(void *bytes, size_t bytes_len);

/* Replaces every occurrence of the secret in a NUL-ended text by "***" (fewer for a shorter secret,
 * so that the text never grows). An unset or empty secret changes nothing. */
void accs_secret_redact(const accs_secret *secret, char *text);

/* For a text that was cut to size: drops from its end what the secret begins with. */
void accs_secret_redact_cut(const accs_secret *secret, char *text);

#endif
