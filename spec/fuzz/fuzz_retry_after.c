/* needs: csrc/core/retry_after.c csrc/core/http_date.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first eight bytes are the clock. A delay is never negative, never past its cap. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now_s = 0;
    int64_t delay_ms = -1;
    accs_error error;

    if (size < sizeof now_s)
        return 0;
    memcpy(&now_s, data, sizeof now_s);
    error = accs_retry_after_parse((const char *)data + sizeof now_s, size - sizeof now_s, now_s,
                                   &delay_ms);
    if (error == ACCS_OK ? delay_ms < 0 || delay_ms > INT64_MAX / 4 : delay_ms != -1)
        abort();
    return 0;
}
