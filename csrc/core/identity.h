/* Whose tokens are asked for, and how: what makes two clients share a token. */
#ifndef ACCS_IDENTITY_H
#define ACCS_IDENTITY_H

#include "connection.h"
#include "retry.h"
#include "secret.h"

/* Text is borrowed. */
typedef struct accs_identity {
    const char *ims_url; /* in normal form */
    const char *client_id;
    const char *client_secret;
    const char *scopes;
    const char *access_token; /* a ready token instead; it is never renewed */
    accs_connection_options connection;
    accs_retry_policy policy;
    int64_t timeout_ms; /* of one acquisition with its repeats */
} accs_identity;

/* A copy that owns its text. Zeroed is valid and empty. */
typedef struct accs_identity_owned {
    char *ims_url;
    char *client_id;
    char *scopes;
    accs_connection connection;
    accs_secret client_secret;
    accs_secret access_token;
    accs_retry_policy policy;
    int64_t timeout_ms;
} accs_identity_owned;

/* ACCS_ERROR_MEMORY; what was copied until then is for accs_identity_cleanup(). */
accs_error accs_identity_copy(accs_identity_owned *owned, const accs_identity *identity);
/* Wipes the secrets. A second call is fine. */
void accs_identity_cleanup(accs_identity_owned *owned);

/* Whether both stand for the same token by the same way. Time limits and policy do not count. */
bool accs_identity_same(const accs_identity_owned *owned, const accs_identity *identity);

#endif
