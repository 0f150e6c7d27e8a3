/* What the core itself looks up in a JWT. Checks of signatures: accs_auth.h. Pure. */
#ifndef ACCS_JWT_H
#define ACCS_JWT_H

#include "accs.h"

enum { ACCS_JWT_SUBJECT_MAX = 255 };

/* What a token says of itself. Times: 0 for absent, no number, not above 0, or past the year 9999.
 */
typedef struct accs_jwt_facts {
    int64_t created_at_ms; /* Adobe's: digits in a string, or an integer; since 1970 */
    int64_t expires_in_ms; /* likewise; after created_at */
    int64_t exp_s;         /* RFC 7519: a number, cut to whole seconds; since 1970 */
    int64_t iat_s;
    char subject[ACCS_JWT_SUBJECT_MAX +
                 1]; /* claim sub; "": absent, no text, longer, or with a NUL inside */
} accs_jwt_facts;

/*
 * Reads the claims of a JWT without checking anything but its form: for a token that its issuer
 * has just sent over TLS.
 *
 * facts  set on success
 *
 * Errors: ACCS_ERROR_PARSE (no JWT, or one that names a claim of these twice), ACCS_ERROR_MEMORY.
 */
accs_error accs_jwt_facts_read(accs_text token, accs_jwt_facts *facts);

#endif
