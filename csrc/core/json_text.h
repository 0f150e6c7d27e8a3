/*
 * What the JSON reader and writer share about text: runs of plain characters,
 * UTF-8 (RFC 3629) and escapes (RFC 8259, 7). Pure functions over bytes.
 */
#ifndef ACCS_JSON_TEXT_H
#define ACCS_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ACCS_JSON_ESCAPE_MAX = 12 }; /* bytes of the longest unit: a pair of \uXXXX */

/*
 * The first byte in [bytes, end) that a string cannot hold as it stands, or
 * that needs a closer look: a quote, a backslash, a control character, a byte
 * above 0x7f. Returns end when there is none.
 *
 * Eight bytes a step: every term marks a byte's top bit when its test holds; a
 * carry can mark wrongly only above a byte that is marked rightly, and the
 * lowest mark is the one that counts.
 */
static inline const char *accs_json_plain_end(const char *bytes, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones * 0x80;

    while (end - bytes >= 8) {
        uint64_t word;
        uint64_t quotes;
        uint64_t slashes;
        uint64_t marks;

        memcpy(&word, bytes, sizeof word);
        quotes = word ^ (ones * '"');
        slashes = word ^ (ones * '\\');
        marks = (((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes) |
                 ((word - ones * 0x20) & ~word) | word) &
                tops;
        if (marks != 0) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return bytes + (__builtin_ctzll(marks) >> 3);
#else
            break;
#endif
        }
        bytes += 8;
    }
    while (bytes < end) {
        unsigned char byte = (unsigned char)*bytes;

        if (byte < 0x20 || byte > 0x7f || byte == '"' || byte == '\\')
            break;
        bytes++;
    }
    return bytes;
}

/*
 * The length of the UTF-8 sequence at bytes: 1 to 4; 0 when the bytes begin a
 * sequence rightly but stop inside it; -1 when they are no UTF-8 (overlong,
 * surrogate, above U+10FFFF, stray continuation).
 *
 * bytes_len  at least 1
 * Source: RFC 3629, 4.
 */
int accs_json_utf8(const char *bytes, size_t bytes_len);

/*
 * Decodes the escape at bytes, which begins with its backslash. A surrogate
 * pair is one escape.
 *
 * bytes_len  at least 1
 * out        set on success: the character as UTF-8, 1 to 4 bytes
 *
 * Returns the bytes it takes; 0 when they stop inside the escape; -1 when it is
 * none, or a surrogate without its other half.
 * Source: RFC 8259, 7.
 */
int accs_json_escape(const char *bytes, size_t bytes_len, char out[4], size_t *out_len);

#endif
