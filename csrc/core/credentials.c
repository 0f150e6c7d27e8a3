#include "credentials.h"

#include "auth.h"
#include "limits.h"
#include "url.h"

#include <string.h>

static const int64_t FOR_EVER_MS = INT64_MAX / 4; /* a clock can be added to it */

static const char default_ims_url[] = "https://ims-na1.adobelogin.com";
static const char default_scopes[] = "AdobeID,openid,email,profile,additional_info.roles,"
                                     "additional_info.projectedProductContext,commerce.accs";
static const char default_session[] = "default";

/* Nobody waits longer for a token than by default, however long calls may take: whoever comes later
 * waits for the same acquisition. */
static int64_t acquisition_ms(int64_t timeout_ms)
{
    return timeout_ms > 0 && timeout_ms < ACCS_LIMIT_TIMEOUT ? timeout_ms : ACCS_LIMIT_TIMEOUT;
}

int64_t accs_options_time(int64_t value, int64_t fallback)
{
    int64_t time = value > 0 ? value : fallback;

    return time < FOR_EVER_MS ? time : FOR_EVER_MS;
}

accs_connection_options accs_options_connection(const accs_client_options *options)
{
    return (accs_connection_options){
#define TAKE(name) .name = options->name,
        ACCS_CONNECTION_TEXTS(TAKE)
#undef TAKE
            .ip_version = options->ip_version,
        .connect_timeout_ms =
            accs_options_time(options->connect_timeout_ms, ACCS_LIMIT_CONNECT_TIMEOUT),
        .idle_timeout_ms = accs_options_time(options->idle_timeout_ms, ACCS_LIMIT_IDLE_TIMEOUT),
    };
}

accs_error accs_options_text(const char *name, const char *value, accs_failure *failure)
{
    if (value == NULL || accs_header_value_valid(value))
        return ACCS_OK;
    return accs_fail(failure, ACCS_ERROR_CONFIG, "%s holds a control character", name);
}

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* ---------------------------------------------------------------- checks */

static accs_error check_secrets(const accs_client_options *options, accs_failure *failure)
{
    if (options->client_secret_count > ACCS_LIMIT_CLIENT_SECRETS)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "client_secret holds more than %zu secrets",
                         ACCS_LIMIT_CLIENT_SECRETS);
    for (size_t i = 0; i < options->client_secret_count; i++)
        if (options->client_secrets[i].len == 0)
            return accs_fail(failure, ACCS_ERROR_CONFIG, "client_secret holds an empty secret");
    if (!options->user && !given(options->client_secret) && options->client_secret_count == 0 &&
        options->secret_hook == 0)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "client_secret is missing");
    return ACCS_OK;
}

static accs_error check_cache(const accs_client_options *options, accs_failure *failure)
{
    if (options->cache_folder != NULL && options->cache_hook != 0)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "the cache is a folder or a store, not both");
    if (options->cache_hook != 0 && !given(options->cache_key) && !given(options->client_secret) &&
        options->client_secret_count == 0 && options->secret_hook == 0)
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "cache_key is missing: without a client secret there is nothing that a "
                         "store's entries could be sealed with");
    return ACCS_OK;
}

static accs_error check(const accs_client_options *options, accs_failure *failure)
{
    if (!given(options->access_token)) {
        if (!given(options->client_id))
            return accs_fail(failure, ACCS_ERROR_CONFIG, "client_id is missing");
        if (check_secrets(options, failure) != ACCS_OK || check_cache(options, failure) != ACCS_OK)
            return ACCS_ERROR_CONFIG;
    }
    if (accs_options_text("client_id", options->client_id, failure) != ACCS_OK)
        return ACCS_ERROR_CONFIG;
    return accs_options_text("access_token", options->access_token, failure);
}

/* -------------------------------------------------------------- identity */

/* How often calls are repeated says nothing about tokens: shared by clients, safe to ask again. */
static const accs_retry_policy policy = {
    .attempts = ACCS_LIMIT_ATTEMPTS,
    .backoff_ms = ACCS_LIMIT_BACKOFF,
    .max_backoff_ms = ACCS_LIMIT_MAX_BACKOFF,
    .max_retry_after_ms = ACCS_LIMIT_MAX_RETRY_AFTER,
};

/* one: room for a single secret, which becomes a list. */
static accs_identity identity_of(const accs_client_options *options, const char *ims_url,
                                 accs_text *one)
{
    accs_identity identity = {
        .ims_url = ims_url,
        .client_id = options->client_id,
        .connection = accs_options_connection(options),
        .policy = policy,
        .timeout_ms = acquisition_ms(options->timeout_ms),
        .client_secrets = options->client_secrets,
        .client_secret_count = options->client_secret_count,
        .secret_hook = options->secret_hook,
    };

    if (options->client_secret_count == 0 && given(options->client_secret)) {
        *one = (accs_text){options->client_secret, strlen(options->client_secret)};
        identity.client_secrets = one;
        identity.client_secret_count = 1;
    }
    if (given(options->access_token)) {
        identity.access_token = options->access_token;
        return identity;
    }
    identity.user = options->user;
    if (options->user) { /* its scopes were settled when the person agreed to them */
        identity.session = given(options->session) ? options->session : default_session;
        identity.code = options->code;
        identity.code_verifier = options->code_verifier;
        identity.redirect_uri = options->redirect_uri;
    } else {
        identity.scopes = options->scopes != NULL ? options->scopes : default_scopes;
    }
    identity.cache_folder = options->cache_folder;
    identity.cache_hook = options->cache_hook;
    identity.cache_locks = options->cache_locks;
    identity.cache_key = given(options->cache_key) ? options->cache_key : NULL;
    identity.lock_timeout_ms = accs_options_time(options->lock_timeout_ms, ACCS_LIMIT_LOCK_TIMEOUT);
    return identity;
}

accs_error accs_credentials_join(accs_engine *engine, const accs_client_options *options,
                                 accs_token_user *user, accs_token_source **source,
                                 accs_failure *failure)
{
    const accs_connection_options connection = accs_options_connection(options);
    accs_identity identity;
    accs_text one;
    accs_buffer ims;
    accs_error error;

    if (options->auth != NULL)
        return accs_auth_share(options->auth, engine, user, source, failure);
    accs_buffer_init(&ims, ACCS_LIMIT_MAX_URL);
    error = check(options, failure);
    if (error == ACCS_OK)
        error = accs_connection_check(&connection, failure);
    if (error == ACCS_OK)
        error =
            accs_url_base("ims_url", options->ims_url != NULL ? options->ims_url : default_ims_url,
                          &ims, failure);
    if (error != ACCS_OK)
        goto done;
    identity = identity_of(options, ims.bytes, &one);
    error = accs_token_source_join(engine, &identity, user, source);
    if (error != ACCS_OK)
        accs_fail(failure, error, "no memory left for credentials");

done:
    accs_buffer_cleanup(&ims);
    return error;
}
