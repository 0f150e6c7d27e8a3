/* needs: csrc/core/http_date.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http_date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first eight bytes are the clock. What is read as a date must be a moment that exists. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t YEAR_0 = -62167219200;
    static const int64_t YEAR_10050 = 254980224000; /* a two-digit year, seen in 9999 */
    int64_t now_s = 0;
    int64_t date_s = 0;

    if (size < sizeof now_s)
        return 0;
    memcpy(&now_s, data, sizeof now_s);
    if (accs_http_date_parse((const char *)data + sizeof now_s, size - sizeof now_s, now_s,
                             &date_s) == ACCS_OK &&
        (date_s < YEAR_0 || date_s >= YEAR_10050))
        abort();
    return 0;
}
