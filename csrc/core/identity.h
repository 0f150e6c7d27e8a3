/* Whose tokens are asked for, and how: what makes two clients share a token. */
#ifndef ACCS_IDENTITY_H
#define ACCS_IDENTITY_H

#include "connection.h"
#include "retry.h"
#include "secret.h"

/* What is text; NULL: not given. X(name) */
#define ACCS_IDENTITY_TEXTS(X)                                                                     \
    X(ims_url) /* in normal form */                                                                \
    X(client_id)                                                                                   \
    X(scopes)                                                                                      \
    X(session)                                                                                     \
    X(cache_folder)

/* What is text and wiped; likewise. */
#define ACCS_IDENTITY_SECRETS(X)                                                                   \
    X(access_token) /* a ready token instead; it is never renewed */                               \
    X(cache_key)

/* What only the first to join says: it is used up with the first acquisition. */
#define ACCS_IDENTITY_CODES(X)                                                                     \
    X(code)                                                                                        \
    X(code_verifier)                                                                               \
    X(redirect_uri)

/* Text is borrowed. */
typedef struct accs_identity {
#define ACCS_IDENTITY_BORROWED(name) const char *name;
    ACCS_IDENTITY_TEXTS(ACCS_IDENTITY_BORROWED)
    ACCS_IDENTITY_SECRETS(ACCS_IDENTITY_BORROWED)
    ACCS_IDENTITY_CODES(ACCS_IDENTITY_BORROWED)
#undef ACCS_IDENTITY_BORROWED
    const accs_text *client_secrets; /* newest first */
    size_t client_secret_count;
    uint64_t secret_hook; /* 0: none */
    bool user;            /* a person's sign-in */
    uint64_t cache_hook;  /* 0: none */
    bool cache_locks;
    int64_t lock_timeout_ms;
    accs_connection_options connection;
    accs_retry_policy policy;
    int64_t timeout_ms; /* of one acquisition with its repeats */
} accs_identity;

/* A copy that owns its text. Zeroed is valid and empty. */
typedef struct accs_identity_owned {
#define ACCS_IDENTITY_TEXT(name) char *name;
#define ACCS_IDENTITY_SECRET(name) accs_secret name;
    ACCS_IDENTITY_TEXTS(ACCS_IDENTITY_TEXT)
    ACCS_IDENTITY_SECRETS(ACCS_IDENTITY_SECRET)
    ACCS_IDENTITY_CODES(ACCS_IDENTITY_SECRET)
#undef ACCS_IDENTITY_TEXT
#undef ACCS_IDENTITY_SECRET
    accs_secret_list client_secrets;
    uint64_t secret_hook;
    bool user;
    uint64_t cache_hook;
    bool cache_locks;
    int64_t lock_timeout_ms;
    accs_connection connection;
    accs_retry_policy policy;
    int64_t timeout_ms;
} accs_identity_owned;

/* ACCS_ERROR_MEMORY; what was copied until then is for accs_identity_cleanup(). */
accs_error accs_identity_copy(accs_identity_owned *owned, const accs_identity *identity);
/* Wipes the secrets. A second call is fine. */
void accs_identity_cleanup(accs_identity_owned *owned);

/*
 * Whether both stand for the same token by the same way. Time limits and policy do not count; an
 * identity with a code is a sign-in of its own, and the same as no other.
 */
bool accs_identity_same(const accs_identity_owned *owned, const accs_identity *identity);

#endif
