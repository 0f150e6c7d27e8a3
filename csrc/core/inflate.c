#include "inflate.h"

#include <stdlib.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#include "secret.h"

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* largest window, gzip wrapper only */
    CHUNK = 16384,              /* room made in the output at a time */
    PIECE_MAX = 1 << 30,        /* input at a time: zlib counts in unsigned int */
};

struct accs_inflate {
    z_stream stream;
    bool ended;
    bool pending;     /* the room was used up: more may come without further input */
    accs_error error; /* of an earlier push; stays until the reset */
};

/* In front of each of zlib's blocks, so that it can be wiped: its window may hold a token. */
typedef union block_head {
    size_t size;
    max_align_t align;
} block_head;

static void *allocate(void *context, unsigned count, unsigned size)
{
    size_t bytes = (size_t)count * size; /* zlib asks for some 40 kB at most */
    block_head *head = calloc(1, sizeof *head + bytes);

    (void)context;
    if (head == NULL)
        return NULL;
    head->size = bytes;
    return head + 1;
}

static void release(void *context, void *block)
{
    block_head *head = (block_head *)block - 1;

    (void)context;
    accs_wipe(block, head->size);
    free(head);
}

accs_error accs_inflate_new(accs_inflate **inflate)
{
    accs_inflate *made = calloc(1, sizeof *made);

    if (made == NULL)
        return ACCS_ERROR_MEMORY;
    made->stream.zalloc = allocate;
    made->stream.zfree = release;
    if (inflateInit2(&made->stream, GZIP_WINDOW_BITS) != Z_OK) {
        free(made);
        return ACCS_ERROR_MEMORY;
    }
    *inflate = made;
    return ACCS_OK;
}

void accs_inflate_free(accs_inflate *inflate)
{
    if (inflate == NULL)
        return;
    inflateEnd(&inflate->stream);
    free(inflate);
}

void accs_inflate_reset(accs_inflate *inflate)
{
    inflateReset(&inflate->stream); /* fails for a stream that was never made only */
    inflate->ended = false;
    inflate->pending = false;
    inflate->error = ACCS_OK;
}

/* What zlib's code means here; ACCS_OK also when it just wants more input or room. */
static accs_error error_of(int code)
{
    switch (code) {
    case Z_OK:
    case Z_STREAM_END:
    case Z_BUF_ERROR:
        return ACCS_OK;
    case Z_MEM_ERROR:
        return ACCS_ERROR_MEMORY;
    default:
        return ACCS_ERROR_DECODE;
    }
}

/*
 * One call of zlib into the room that out has, up to most bytes of it. With none left a single byte
 * behind the ceiling tells a body that ends there from one that goes on.
 */
static accs_error inflate_some(accs_inflate *state, accs_buffer *out, size_t most)
{
    z_stream *stream = &state->stream;
    size_t left = out->max - out->len < most ? out->max - out->len : most;
    size_t room = left < CHUNK ? left : CHUNK;
    accs_error error = accs_buffer_reserve(out, room);
    unsigned char probe[1];
    int code;

    if (error != ACCS_OK)
        return error;
    stream->next_out = room > 0 ? (unsigned char *)out->bytes + out->len : probe;
    stream->avail_out = room > 0 ? (uInt)room : (uInt)sizeof probe;
    code = inflate(stream, Z_NO_FLUSH);
    if (room == 0 && stream->avail_out == 0)
        return ACCS_ERROR_TOO_LARGE;
    if (room > 0)
        out->len += room - stream->avail_out;
    if (out->bytes != NULL)
        out->bytes[out->len] = '\0';
    state->ended = code == Z_STREAM_END;
    state->pending = stream->avail_out == 0 && !state->ended;
    return error_of(code);
}

/* A piece of the input, which may be empty, until it is used up or out holds window bytes. */
static void inflate_piece(accs_inflate *state, accs_buffer *out, size_t window)
{
    do {
        state->error = inflate_some(state, out, window - out->len);
    } while (state->error == ACCS_OK && !state->ended && out->len < window &&
             (state->stream.avail_in > 0 || state->pending));
}

accs_error accs_inflate_fill(accs_inflate *inflate, const char **bytes, size_t *bytes_len,
                             accs_buffer *out, size_t window)
{
    z_stream *stream = &inflate->stream;

    while (inflate->error == ACCS_OK && out->len < window && (*bytes_len > 0 || inflate->pending)) {
        size_t piece = *bytes_len < PIECE_MAX ? *bytes_len : PIECE_MAX;

        if (inflate->ended) {
            inflate->error = ACCS_ERROR_DECODE; /* bytes behind the member's end */
            break;
        }
        stream->next_in = (const unsigned char *)*bytes;
        stream->avail_in = (uInt)piece;
        inflate_piece(inflate, out, window);
        *bytes += piece - stream->avail_in;
        *bytes_len -= piece - stream->avail_in;
    }
    return inflate->error;
}

accs_error accs_inflate_push(accs_inflate *inflate, const char *bytes, size_t bytes_len,
                             accs_buffer *out)
{
    return accs_inflate_fill(inflate, &bytes, &bytes_len, out, SIZE_MAX);
}

bool accs_inflate_pending(const accs_inflate *inflate)
{
    return inflate->error == ACCS_OK && inflate->pending;
}

accs_error accs_inflate_finish(const accs_inflate *inflate)
{
    return inflate->error == ACCS_OK && inflate->ended ? ACCS_OK : ACCS_ERROR_DECODE;
}
