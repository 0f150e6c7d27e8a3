#include "identity.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static bool copy(char **to, const char *text)
{
    *to = text != NULL ? strdup(text) : NULL;
    return text == NULL || *to != NULL;
}

static bool keep(accs_secret *secret, const char *text)
{
    return text == NULL || accs_secret_set(secret, text, strlen(text)) == ACCS_OK;
}

accs_error accs_identity_copy(accs_identity_owned *owned, const accs_identity *identity)
{
    *owned = (accs_identity_owned){.secret_hook = identity->secret_hook,
                                   .user = identity->user,
                                   .cache_hook = identity->cache_hook,
                                   .cache_locks = identity->cache_locks,
                                   .lock_timeout_ms = identity->lock_timeout_ms,
                                   .policy = identity->policy,
                                   .timeout_ms = identity->timeout_ms};
#define COPY(name) copy(&owned->name, identity->name) &&
#define KEEP(name) keep(&owned->name, identity->name) &&
    if (ACCS_IDENTITY_TEXTS(COPY) ACCS_IDENTITY_SECRETS(KEEP) ACCS_IDENTITY_CODES(KEEP)
                accs_secret_list_set(&owned->client_secrets, identity->client_secrets,
                                     identity->client_secret_count) == ACCS_OK &&
        accs_connection_copy(&owned->connection, &identity->connection) == ACCS_OK)
        return ACCS_OK;
#undef COPY
#undef KEEP
    return ACCS_ERROR_MEMORY;
}

void accs_identity_cleanup(accs_identity_owned *owned)
{
#define FREE(name) free(owned->name);
#define WIPE(name) accs_secret_cleanup(&owned->name);
    ACCS_IDENTITY_TEXTS(FREE)
    ACCS_IDENTITY_SECRETS(WIPE)
    ACCS_IDENTITY_CODES(WIPE)
#undef FREE
#undef WIPE
    accs_secret_list_cleanup(&owned->client_secrets);
    accs_connection_cleanup(&owned->connection);
    *owned = (accs_identity_owned){.ims_url = NULL};
}

static bool same(const char *left, const char *right)
{
    if (left == NULL || right == NULL)
        return left == right;
    return strcmp(left, right) == 0;
}

static bool same_secret(const accs_secret *secret, const char *text)
{
    if (text == NULL || secret->bytes == NULL)
        return text == NULL && secret->bytes == NULL;
    return secret->len == strlen(text) && CRYPTO_memcmp(secret->bytes, text, secret->len) == 0;
}

bool accs_identity_same(const accs_identity_owned *owned, const accs_identity *identity)
{
#define SAME(name) same(owned->name, identity->name) &&
#define SAME_SECRET(name) same_secret(&owned->name, identity->name) &&
    return ACCS_IDENTITY_TEXTS(SAME) ACCS_IDENTITY_SECRETS(SAME_SECRET) identity->code == NULL &&
           accs_secret_list_same(&owned->client_secrets, identity->client_secrets,
                                 identity->client_secret_count) &&
           owned->secret_hook == identity->secret_hook && owned->user == identity->user &&
           owned->cache_hook == identity->cache_hook &&
           owned->cache_locks == identity->cache_locks &&
           accs_connection_same(&owned->connection, &identity->connection);
#undef SAME
#undef SAME_SECRET
}
