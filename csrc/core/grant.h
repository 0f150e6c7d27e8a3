/*
 * What IMS's token endpoint, and what asks like it, is sent: forms, and how who asks is told
 * (RFC 6749, 2.3.1): a confidential client's sign-in by HTTP Basic, a public one by its number in
 * the form. Everything is wiped by whoever takes it.
 */
#ifndef ACCS_GRANT_H
#define ACCS_GRANT_H

#include "buffer.h"
#include "identity.h"

typedef enum accs_grant {
    ACCS_GRANT_CLIENT = 0, /* RFC 6749, 4.4 */
    ACCS_GRANT_CODE,       /* 4.1.3 */
    ACCS_GRANT_REFRESH,    /* 6 */
} accs_grant;

/*
 * form           appended to
 * secret         NULL: a public client
 * refresh_token  with ACCS_GRANT_REFRESH
 *
 * Errors: ACCS_ERROR_MEMORY, ACCS_ERROR_TOO_LARGE.
 */
accs_error accs_grant_form(const accs_identity_owned *identity, accs_grant grant,
                           const accs_secret *secret, const accs_secret *refresh_token,
                           accs_buffer *form);

/* "&name=value", encoded; without the "&" in an empty form. Errors as above. */
accs_error accs_grant_field(accs_buffer *form, const char *name, const char *value,
                            size_t value_len);

/* "Authorization: Basic ...": id and secret are encoded before they are joined. Errors as above. */
accs_error accs_grant_basic(const char *client_id, const accs_secret *secret, accs_secret *line);

/* "Authorization: Bearer ...". Errors as above. */
accs_error accs_grant_bearer(accs_text token, accs_secret *line);

#endif
