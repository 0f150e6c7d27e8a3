/* needs: csrc/core/token_reply.c csrc/core/json_*.c csrc/core/secret.c csrc/core/buffer.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "token_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *field, size_t field_size)
{
    size_t len = strnlen(field, field_size);

    if (len == field_size)
        abort();
    for (size_t i = 0; i < len; i++)
        if (field[i] < 0x20 || field[i] > 0x7e)
            abort();
}

/* A reply that is read is within its bounds; one that is refused leaves nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    accs_token_reply reply = {.has_expires_in = false};
    accs_error error = accs_token_reply_read((const char *)data, size, &reply);

    check_text(reply.error, sizeof reply.error);
    check_text(reply.description, sizeof reply.description);
    if (error != ACCS_OK && error != ACCS_ERROR_PARSE)
        abort();
    if (error != ACCS_OK && (reply.access_token.bytes != NULL || reply.has_expires_in))
        abort();
    if (reply.access_token.bytes != NULL &&
        (reply.access_token.len > ACCS_LIMIT_TOKEN_MAX || reply.access_token.len > size ||
         reply.access_token.bytes[reply.access_token.len] != '\0'))
        abort();
    accs_token_reply_cleanup(&reply);
    return 0;
}
