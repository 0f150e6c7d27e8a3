#include "identity.h"

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
    *owned = (accs_identity_owned){.policy = identity->policy, .timeout_ms = identity->timeout_ms};
    if (copy(&owned->ims_url, identity->ims_url) && copy(&owned->client_id, identity->client_id) &&
        copy(&owned->scopes, identity->scopes) &&
        accs_connection_copy(&owned->connection, &identity->connection) == ACCS_OK &&
        keep(&owned->client_secret, identity->client_secret) &&
        keep(&owned->access_token, identity->access_token))
        return ACCS_OK;
    return ACCS_ERROR_MEMORY;
}

void accs_identity_cleanup(accs_identity_owned *owned)
{
    accs_secret_cleanup(&owned->client_secret);
    accs_secret_cleanup(&owned->access_token);
    free(owned->ims_url);
    free(owned->client_id);
    free(owned->scopes);
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
    accs_secret other = {.bytes = NULL};
    bool equal = text == NULL ? secret->len == 0
                              : accs_secret_set(&other, text, strlen(text)) == ACCS_OK &&
                                    accs_secret_equal(secret, &other);

    accs_secret_cleanup(&other);
    return equal;
}

bool accs_identity_same(const accs_identity_owned *owned, const accs_identity *identity)
{
    return same(owned->ims_url, identity->ims_url) && same(owned->client_id, identity->client_id) &&
           same(owned->scopes, identity->scopes) &&
           accs_connection_same(&owned->connection, &identity->connection) &&
           same_secret(&owned->client_secret, identity->client_secret) &&
           same_secret(&owned->access_token, identity->access_token);
}
