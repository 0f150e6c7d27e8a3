/* needs: csrc/core/seal.c csrc/core/token_record.c csrc/core/secret.c csrc/core/buffer.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "seal.h"
#include "token_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_token(const accs_secret *token)
{
    if (token->bytes == NULL)
        return;
    must(token->len > 0 && token->len <= ACCS_LIMIT_TOKEN_MAX);
    must(strlen(token->bytes) == token->len);
}

static void check_record(const accs_token_record *record)
{
    check_token(&record->access_token);
    check_token(&record->id_token);
    check_token(&record->refresh_token);
    check_token(&record->previous_refresh_token);
}

static bool same(const accs_token_record *left, const accs_token_record *right)
{
    return accs_secret_equal(&left->access_token, &right->access_token) &&
           accs_secret_equal(&left->id_token, &right->id_token) &&
           accs_secret_equal(&left->refresh_token, &right->refresh_token) &&
           accs_secret_equal(&left->previous_refresh_token, &right->previous_refresh_token) &&
           left->expires_wall_ms == right->expires_wall_ms && left->life_ms == right->life_ms &&
           left->saved_wall_ms == right->saved_wall_ms &&
           left->intent_wall_ms == right->intent_wall_ms;
}

/* What is read is within its bounds, and is the same when it was written and read again. */
static void read_record(const void *bytes, size_t bytes_len)
{
    accs_token_record record;
    accs_token_record again;
    accs_buffer written;
    accs_error error = accs_token_record_read(bytes, bytes_len, &record);

    must(error == ACCS_OK || error == ACCS_ERROR_PARSE);
    if (error != ACCS_OK)
        return;
    check_record(&record);
    accs_buffer_init(&written, bytes_len); /* what is not known is left out: it never grows */
    must(accs_token_record_write(&record, &written) == ACCS_OK);
    must(accs_token_record_read(written.bytes, written.len, &again) == ACCS_OK);
    must(same(&record, &again));
    accs_token_record_cleanup(&again);
    accs_token_record_cleanup(&record);
    accs_buffer_wipe(&written);
}

/* The first byte says what the rest is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    accs_seal_key key;
    accs_secret opened = {0};
    accs_buffer sealed;
    size_t at;

    accs_buffer_init(&sealed, SIZE_MAX);
    if (size == 0)
        return 0;
    must(accs_seal_key_derive("not-a-secret", 12, "fuzz", &key) == ACCS_OK);
    switch (data[0] % 4) {
    case 0: /* a file: nobody here knows the key, so it is never opened */
        must(accs_unseal(&key, "fuzz", data + 1, size - 1, &opened) == ACCS_ERROR_PARSE);
        break;
    case 1: /* what stands in a file, bare */
        read_record(data + 1, size - 1);
        break;
    case 2: /* the same, sealed */
        must(accs_seal(&key, "fuzz", data + 1, size - 1, &sealed) == ACCS_OK);
        must(accs_unseal(&key, "fuzz", sealed.bytes, sealed.len, &opened) == ACCS_OK);
        must(opened.len == size - 1 && memcmp(opened.bytes, data + 1, size - 1) == 0);
        read_record(opened.bytes, opened.len);
        break;
    default: /* sealed, and then one byte is another: the second byte says which */
        must(accs_seal(&key, "fuzz", data + 1, size - 1, &sealed) == ACCS_OK);
        at = size > 1 ? data[1] % sealed.len : 0;
        sealed.bytes[at] = (char)(sealed.bytes[at] ^ (1 << data[0] / 4 % 8));
        must(accs_unseal(&key, "fuzz", sealed.bytes, sealed.len, &opened) == ACCS_ERROR_PARSE);
        break;
    }
    accs_secret_cleanup(&opened);
    accs_buffer_cleanup(&sealed);
    accs_seal_key_cleanup(&key);
    return 0;
}
