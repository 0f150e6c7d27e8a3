/* gzip for replies, by zlib. */
#define ZLIB_CONST /* next_in may point to what is not ours to change */

#include "httpd.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_LEVEL 1   /* a local server: speed before size */
#define GZIP_WINDOW 31 /* the largest window, plus 16: a gzip header and trailer */
#define GZIP_MEMORY 8  /* zlib's default */

bool httpd_gzip(const void *bytes, size_t bytes_len, void **out, size_t *out_len)
{
    bool ok = false;
    bool begun = false;
    unsigned char *packed = NULL;
    size_t room;
    z_stream stream;

    memset(&stream, 0, sizeof stream);
    if (bytes_len > UINT_MAX / 2)
        goto done;
    if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        goto done;
    begun = true;
    room = deflateBound(&stream, (uLong)bytes_len);
    packed = malloc(room);
    if (packed == NULL)
        goto done;
    stream.next_in = bytes;
    stream.avail_in = (uInt)bytes_len;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        goto done;
    *out_len = room - stream.avail_out;
    *out = packed;
    packed = NULL;
    ok = true;

done:
    free(packed);
    if (begun)
        deflateEnd(&stream);
    return ok;
}
