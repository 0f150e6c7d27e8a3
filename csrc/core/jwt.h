/* What the core itself looks up in a JWT. Checks of signatures: accs_auth.h. Pure. */
#ifndef ACCS_JWT_H
#define ACCS_JWT_H

#include "accs.h"

enum { ACCS_JWT_SCOPE_MAX = 1023 };

/* Times as a token's claims have them. 0: absent, no number, not above 0, or past the year 9999. */
typedef struct accs_jwt_times {
    int64_t created_at_ms; /* Adobe's: digits in a string, or an integer; since 1970 */
    int64_t expires_in_ms; /* likewise; after created_at */
    int64_t exp_s;         /* RFC 7519: a number, cut to whole seconds; since 1970 */
    int64_t iat_s;
    char scope[ACCS_JWT_SCOPE_MAX + 1]; /* "": absent, no text, longer, or with a NUL inside */
} accs_jwt_times;

/*
 * Reads the times of a JWT without checking anything but its form: for the token that its issuer
 * has just sent over TLS.
 *
 * times  set on success
 *
 * Errors: ACCS_ERROR_PARSE (no JWT, or one that names a claim of these twice), ACCS_ERROR_MEMORY.
 */
accs_error accs_jwt_times_read(accs_text token, accs_jwt_times *times);

#endif
