/* The answer of IMS's token endpoint, read. */
#ifndef ACCS_TOKEN_REPLY_H
#define ACCS_TOKEN_REPLY_H

#include "secret.h"

enum { ACCS_TOKEN_ERROR_MAX = 48, ACCS_TOKEN_DESCRIPTION_MAX = 160 };

typedef struct accs_token_reply {
    accs_secret access_token;  /* unset when absent, too long or with a NUL inside */
    accs_secret refresh_token; /* unset when absent, null or empty */
    accs_secret id_token;      /* likewise */
    bool has_expires_in;
    int64_t expires_in;                           /* as received; see accs_token_life_ms() */
    char error[ACCS_TOKEN_ERROR_MAX];             /* "" when absent; printable ASCII */
    char description[ACCS_TOKEN_DESCRIPTION_MAX]; /* error_description, likewise */
} accs_token_reply;

/*
 * Reads a token reply (RFC 6749, 5.1 and 5.2). Pure.
 *
 * reply  set on success; accs_token_reply_cleanup() wipes it
 *
 * Errors: ACCS_ERROR_PARSE (not a JSON object, one that names a member of these twice, a type of
 * token that is not bearer, a refresh_token or id_token that is no text or too long),
 * ACCS_ERROR_MEMORY.
 */
accs_error accs_token_reply_read(const char *bytes, size_t bytes_len, accs_token_reply *reply);
void accs_token_reply_cleanup(accs_token_reply *reply);

#endif
