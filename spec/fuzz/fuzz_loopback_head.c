/* needs: csrc/core/loopback_head.c csrc/core/buffer.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "loopback_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A head of a request: a query lies within it, is printable and belongs to nothing but the
 * redirect; every status has an answer.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char host[] = "localhost";
    char path[] = "/cb";
    const accs_loopback_target target = {.host = host, .path = path, .port = 8443, .https = true};
    const char *bytes = (const char *)data;
    accs_loopback_ask ask;
    accs_buffer answer;

    if (size == 0 || size > ACCS_LIMIT_LOOPBACK_HEAD)
        return 0;
    accs_loopback_look(&target, bytes, size, &ask);
    if (ask.status == 0 && size < ACCS_LIMIT_LOOPBACK_HEAD)
        return 0;
    if (ask.status < 200 || ask.status > 505 || (ask.status != 200 && ask.query.len > 0))
        abort();
    for (size_t i = 0; i < ask.query.len; i++)
        if (ask.query.bytes[i] <= ' ' || ask.query.bytes[i] > '~')
            abort();
    if (ask.query.len > 0 && (ask.query.bytes < bytes || ask.query.len > size))
        abort();
    accs_buffer_init(&answer, ACCS_LIMIT_LOOPBACK_HEAD);
    if (accs_loopback_refuse(&ask, &answer) != ACCS_OK || answer.len < 100)
        abort();
    accs_buffer_cleanup(&answer);
    return 0;
}
