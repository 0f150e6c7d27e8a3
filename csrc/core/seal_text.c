#include "accs.h"

#include <stdlib.h>

#include "base64url.h"
#include "seal.h"

/* What other users of seal.h do not say: sealed text is of no use as a cache's entry. */
static const char CONTEXT[] = "text";

accs_error accs_seal_text(accs_text secret, const char *purpose, accs_text text, accs_text *sealed)
{
    accs_seal_key key;
    accs_buffer bytes;
    char *encoded = NULL;
    accs_error error = accs_seal_key_derive(secret.bytes, secret.len, purpose, &key);

    if (error != ACCS_OK)
        return error;
    accs_buffer_init(&bytes, SIZE_MAX);
    error = accs_seal(&key, CONTEXT, text.bytes, text.len, &bytes);
    if (error == ACCS_ERROR_TOO_LARGE)
        error = ACCS_ERROR_MEMORY; /* more than 2 GB: no text that anybody seals */
    if (error != ACCS_OK)
        goto done;
    error = ACCS_ERROR_MEMORY;
    encoded = malloc(ACCS_BASE64URL_LEN(bytes.len) + 1);
    if (encoded == NULL)
        goto done;
    accs_base64url_encode(bytes.bytes, bytes.len, encoded);
    *sealed = (accs_text){.bytes = encoded, .len = ACCS_BASE64URL_LEN(bytes.len)};
    error = ACCS_OK;

done:
    accs_buffer_cleanup(&bytes);
    accs_seal_key_cleanup(&key);
    return error;
}

accs_error accs_unseal_text(accs_text secret, const char *purpose, accs_text sealed,
                            accs_text *text)
{
    accs_error error = ACCS_ERROR_MEMORY;
    accs_secret opened = {0};
    accs_seal_key key;
    size_t bytes_len;
    unsigned char *bytes = malloc(sealed.len + 1); /* a quarter too much, and never nothing */

    if (bytes == NULL)
        return ACCS_ERROR_MEMORY;
    if (!accs_base64url_decode(sealed.bytes, sealed.len, bytes, &bytes_len)) {
        free(bytes);
        return ACCS_ERROR_PARSE;
    }
    error = accs_seal_key_derive(secret.bytes, secret.len, purpose, &key);
    if (error == ACCS_OK) {
        error = accs_unseal(&key, CONTEXT, bytes, bytes_len, &opened);
        accs_seal_key_cleanup(&key);
    }
    if (error == ACCS_OK)
        *text = (accs_text){.bytes = opened.bytes, .len = opened.len};
    free(bytes);
    return error;
}
