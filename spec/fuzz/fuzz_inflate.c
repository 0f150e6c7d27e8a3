/* needs: csrc/core/inflate.c csrc/core/buffer.c csrc/core/secret.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CEILING = 65536 };

static accs_error run(accs_inflate *inflate, const uint8_t *data, size_t size, size_t piece,
                      accs_buffer *out)
{
    accs_error error = ACCS_OK;

    for (size_t at = 0; at < size && error == ACCS_OK; at += piece)
        error = accs_inflate_push(inflate, (const char *)data + at,
                                  size - at < piece ? size - at : piece, out);
    if (out->len > CEILING)
        abort();
    return error == ACCS_OK ? accs_inflate_finish(inflate) : error;
}

/* The first byte says how the rest is cut; cut or whole, the verdict and the text are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    accs_inflate *inflate = NULL;
    accs_buffer whole;
    accs_buffer pieces;
    accs_error error;

    if (size < 1 || accs_inflate_new(&inflate) != ACCS_OK)
        return 0;
    accs_buffer_init(&whole, CEILING);
    accs_buffer_init(&pieces, CEILING);
    error = run(inflate, data + 1, size - 1, size, &whole);
    accs_inflate_reset(inflate);
    if (run(inflate, data + 1, size - 1, (size_t)data[0] + 1, &pieces) != error)
        abort();
    if (error == ACCS_OK && (whole.len != pieces.len ||
                             (whole.len > 0 && memcmp(whole.bytes, pieces.bytes, whole.len) != 0)))
        abort();
    accs_buffer_cleanup(&pieces);
    accs_buffer_cleanup(&whole);
    accs_inflate_free(inflate);
    return 0;
}
