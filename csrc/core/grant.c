#include "grant.h"

#include "limits.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static accs_error append_encoded(accs_buffer *to, const char *value, size_t value_len)
{
    char *encoded = value_len < SIZE_MAX / 3 ? malloc(3 * value_len + 1) : NULL;
    size_t encoded_len;
    accs_error error;

    if (encoded == NULL)
        return ACCS_ERROR_MEMORY;
    encoded_len = accs_percent_encode(value, value_len, encoded);
    error = accs_buffer_append(to, encoded, encoded_len);
    accs_wipe(encoded, encoded_len);
    free(encoded);
    return error;
}

accs_error accs_grant_field(accs_buffer *form, const char *name, const char *value,
                            size_t value_len)
{
    accs_error error = form->len > 0 ? accs_buffer_append_text(form, "&") : ACCS_OK;

    if (error == ACCS_OK)
        error = accs_buffer_append_text(form, name);
    if (error == ACCS_OK)
        error = accs_buffer_append_text(form, "=");
    if (error == ACCS_OK)
        error = append_encoded(form, value, value_len);
    return error;
}

static accs_error text_field(accs_buffer *form, const char *name, const char *value)
{
    return accs_grant_field(form, name, value, strlen(value));
}

/* Nothing for one that is not set. */
static accs_error secret_field(accs_buffer *form, const char *name, const accs_secret *value)
{
    return value->bytes != NULL ? accs_grant_field(form, name, value->bytes, value->len) : ACCS_OK;
}

static accs_error client_form(const accs_identity_owned *identity, const accs_secret *secret,
                              accs_buffer *form)
{
    accs_error error = text_field(form, "grant_type", "client_credentials");

    if (error == ACCS_OK)
        error = text_field(form, "client_id", identity->client_id);
    if (error == ACCS_OK)
        error = secret_field(form, "client_secret", secret);
    if (error == ACCS_OK)
        error = text_field(form, "scope", identity->scopes);
    return error;
}

static accs_error code_form(const accs_identity_owned *identity, accs_buffer *form)
{
    accs_error error = text_field(form, "grant_type", "authorization_code");

    if (error == ACCS_OK)
        error = secret_field(form, "code", &identity->code);
    if (error == ACCS_OK)
        error = secret_field(form, "code_verifier", &identity->code_verifier);
    if (error == ACCS_OK)
        error = secret_field(form, "redirect_uri", &identity->redirect_uri);
    return error;
}

accs_error accs_grant_form(const accs_identity_owned *identity, accs_grant grant,
                           const accs_secret *secret, const accs_secret *refresh_token,
                           accs_buffer *form)
{
    accs_error error;

    if (grant == ACCS_GRANT_CLIENT)
        return client_form(identity, secret, form);
    if (grant == ACCS_GRANT_CODE) {
        error = code_form(identity, form);
    } else {
        error = text_field(form, "grant_type", "refresh_token");
        if (error == ACCS_OK)
            error = secret_field(form, "refresh_token", refresh_token);
    }
    if (error == ACCS_OK && secret == NULL)
        error = text_field(form, "client_id", identity->client_id);
    return error;
}

static accs_error set_line(const char *scheme, const char *bytes, size_t bytes_len,
                           accs_secret *line)
{
    accs_buffer text;
    accs_error error;

    accs_buffer_init(&text, SIZE_MAX / 2);
    error = accs_buffer_append_text(&text, scheme);
    if (error == ACCS_OK)
        error = accs_buffer_append(&text, bytes, bytes_len);
    if (error == ACCS_OK)
        error = accs_secret_set(line, text.bytes, text.len);
    accs_buffer_wipe(&text);
    return error;
}

accs_error accs_grant_basic(const char *client_id, const accs_secret *secret, accs_secret *line)
{
    accs_buffer pair;
    unsigned char *packed = NULL;
    size_t packed_room = 0;
    accs_error error;

    accs_buffer_init(&pair, ACCS_LIMIT_TOKEN_REPLY_MAX);
    error = append_encoded(&pair, client_id, strlen(client_id));
    if (error == ACCS_OK)
        error = accs_buffer_append_text(&pair, ":");
    if (error == ACCS_OK)
        error = append_encoded(&pair, secret->bytes, secret->len);
    if (error != ACCS_OK)
        goto done;
    packed_room = 4 * ((pair.len + 2) / 3) + 1;
    packed = malloc(packed_room);
    error = ACCS_ERROR_MEMORY;
    if (packed == NULL)
        goto done;
    EVP_EncodeBlock(packed, (const unsigned char *)pair.bytes, (int)pair.len);
    error = set_line("Authorization: Basic ", (const char *)packed, packed_room - 1, line);
    accs_wipe(packed, packed_room);

done:
    free(packed);
    accs_buffer_wipe(&pair);
    return error;
}

accs_error accs_grant_bearer(accs_text token, accs_secret *line)
{
    return set_line("Authorization: Bearer ", token.bytes, token.len, line);
}
