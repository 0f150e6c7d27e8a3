#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "inflate.h"

/* A gzip member of bytes; the caller frees it. */
static char *deflated(const char *bytes, size_t bytes_len, size_t *len)
{
    z_stream stream = {0};
    char *out;
    uLong room;

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    room = deflateBound(&stream, (uLong)bytes_len) + 64;
    out = malloc(room);
    assert_non_null(out);
    stream.next_in = (unsigned char *)(uintptr_t)bytes;
    stream.avail_in = (uInt)bytes_len;
    stream.next_out = (unsigned char *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *len = room - stream.avail_out;
    deflateEnd(&stream);
    return out;
}

/* Text that gzip makes smaller, but not by much: letters from a small generator. */
static char *text_of(size_t len)
{
    char *text = malloc(len + 1);
    uint32_t seed = 1;

    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (char)('a' + (seed >> 24) % 26);
    }
    text[len] = '\0';
    return text;
}

/* Pushes in pieces; ACCS_OK only when the push and the finish both say so. */
static accs_error inflated(accs_inflate *inflate, const char *bytes, size_t len, size_t piece,
                           accs_buffer *out)
{
    for (size_t at = 0; at < len; at += piece) {
        accs_error error =
            accs_inflate_push(inflate, bytes + at, len - at < piece ? len - at : piece, out);

        if (error != ACCS_OK)
            return error;
    }
    return accs_inflate_finish(inflate);
}

static void gives_back_what_was_packed(void **state)
{
    static const size_t LENGTHS[] = {0, 1, 100, 16383, 16384, 16385, 32768, 200000};
    static const size_t PIECES[] = {1, 7, 1000, 1000000};
    accs_inflate *inflate = NULL;

    (void)state;
    assert_int_equal(accs_inflate_new(&inflate), ACCS_OK);
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        char *text = text_of(LENGTHS[i]);
        size_t len = 0;
        char *packed = deflated(text, LENGTHS[i], &len);

        for (size_t j = 0; j < sizeof PIECES / sizeof PIECES[0]; j++) {
            accs_buffer out;

            accs_buffer_init(&out, LENGTHS[i]); /* the ceiling may be reached, not passed */
            accs_inflate_reset(inflate);
            assert_int_equal(inflated(inflate, packed, len, PIECES[j], &out), ACCS_OK);
            assert_int_equal(out.len, LENGTHS[i]);
            if (out.len > 0) {
                assert_memory_equal(out.bytes, text, out.len);
                assert_int_equal(out.bytes[out.len], '\0');
            }
            accs_buffer_cleanup(&out);
        }
        free(packed);
        free(text);
    }
    accs_inflate_free(inflate);
    accs_inflate_free(NULL);
}

/* libcurl 7.88 ends such bodies with success. */
static void a_cut_body_is_never_a_success(void **state)
{
    static const char SMALL[] = "{\"items\":[{\"sku\":\"24-MB01\"}],\"total_count\":1}";
    char *text = text_of(50000);
    size_t small_len = 0;
    size_t large_len = 0;
    char *small = deflated(SMALL, sizeof SMALL - 1, &small_len);
    char *large = deflated(text, 50000, &large_len);
    accs_inflate *inflate = NULL;
    accs_buffer out;

    (void)state;
    assert_int_equal(accs_inflate_new(&inflate), ACCS_OK);
    accs_buffer_init(&out, 100000);
    for (size_t cut = 0; cut < small_len; cut++) { /* at every byte, the trailer's too */
        accs_buffer_clear(&out);
        accs_inflate_reset(inflate);
        assert_int_equal(inflated(inflate, small, cut, small_len, &out), ACCS_ERROR_DECODE);
    }
    for (size_t tenth = 0; tenth < 10; tenth++) {
        accs_buffer_clear(&out);
        accs_inflate_reset(inflate);
        assert_int_equal(inflated(inflate, large, large_len * tenth / 10, 4096, &out),
                         ACCS_ERROR_DECODE);
    }
    accs_buffer_clear(&out);
    accs_inflate_reset(inflate); /* after all that it still works */
    assert_int_equal(inflated(inflate, small, small_len, 5, &out), ACCS_OK);
    assert_string_equal(out.bytes, SMALL);
    accs_buffer_cleanup(&out);
    accs_inflate_free(inflate);
    free(large);
    free(small);
    free(text);
}

static void a_changed_byte_never_changes_the_text(void **state)
{
    static const char SMALL[] = "{\"items\":[{\"sku\":\"24-MB01\"}],\"total_count\":1}";
    size_t len = 0;
    size_t refused = 0;
    char *packed = deflated(SMALL, sizeof SMALL - 1, &len);
    accs_inflate *inflate = NULL;
    accs_buffer out;

    (void)state;
    assert_int_equal(accs_inflate_new(&inflate), ACCS_OK);
    accs_buffer_init(&out, 100000);
    for (size_t at = 0; at < len; at++) {
        accs_error error;

        packed[at] = (char)(packed[at] ^ 0x20);
        accs_buffer_clear(&out);
        accs_inflate_reset(inflate);
        error = inflated(inflate, packed, len, len, &out);
        packed[at] = (char)(packed[at] ^ 0x20);
        refused += error == ACCS_ERROR_DECODE ? 1 : 0;
        if (error != ACCS_ERROR_DECODE) /* the header's time, unused bits: the text is the same */
            assert_string_equal(out.bytes, SMALL);
    }
    assert_true(refused >= len - 8);
    accs_buffer_cleanup(&out);
    accs_inflate_free(inflate);
    free(packed);
}

static void nothing_may_follow_the_member(void **state)
{
    static const char *const BEHIND[] = {"", "\n", "x", "\x1f\x8b\x08"};
    size_t len = 0;
    char *packed = deflated("abc", 3, &len);
    accs_inflate *inflate = NULL;
    accs_buffer out;
    char *twice = malloc(2 * len);

    (void)state;
    assert_non_null(twice);
    assert_int_equal(accs_inflate_new(&inflate), ACCS_OK);
    accs_buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof BEHIND / sizeof BEHIND[0]; i++) {
        size_t behind_len = strlen(BEHIND[i]);

        memcpy(twice, packed, len);
        memcpy(twice + len, BEHIND[i], behind_len);
        for (size_t piece = 1; piece < 100; piece += 33) {
            accs_inflate_reset(inflate);
            assert_int_equal(inflated(inflate, twice, len + behind_len, piece, &out),
                             behind_len == 0 ? ACCS_OK : ACCS_ERROR_DECODE);
        }
    }
    memcpy(twice + len, packed, len); /* a second member */
    for (size_t piece = 1; piece < 100; piece += 33) {
        accs_inflate_reset(inflate);
        assert_int_equal(inflated(inflate, twice, 2 * len, piece, &out), ACCS_ERROR_DECODE);
    }
    accs_inflate_reset(inflate);
    assert_int_equal(accs_inflate_push(inflate, packed, len, &out), ACCS_OK);
    assert_int_equal(accs_inflate_push(inflate, NULL, 0, &out), ACCS_OK);
    assert_int_equal(accs_inflate_finish(inflate), ACCS_OK);
    assert_int_equal(accs_inflate_push(inflate, "x", 1, &out), ACCS_ERROR_DECODE);
    assert_int_equal(accs_inflate_push(inflate, NULL, 0, &out), ACCS_ERROR_DECODE); /* it stays */
    assert_int_equal(accs_inflate_finish(inflate), ACCS_ERROR_DECODE);
    accs_buffer_cleanup(&out);
    accs_inflate_free(inflate);
    free(twice);
    free(packed);
}

static void other_formats_are_refused(void **state)
{
    static const char *const BODIES[] = {"{\"a\":1}", "<html>",
                                         "x\x9c\x03\x00\x00\x00\x00\x01" /* zlib's own */,
                                         "PK\x03\x04", "BZh91AY&SY"};
    accs_inflate *inflate = NULL;
    accs_buffer out;

    (void)state;
    assert_int_equal(accs_inflate_new(&inflate), ACCS_OK);
    accs_buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        accs_inflate_reset(inflate);
        assert_int_equal(accs_inflate_push(inflate, BODIES[i], strlen(BODIES[i]), &out),
                         ACCS_ERROR_DECODE);
        assert_int_equal(accs_inflate_finish(inflate), ACCS_ERROR_DECODE);
    }
    assert_int_equal(out.len, 0);
    accs_buffer_cleanup(&out);
    accs_inflate_free(inflate);
}

static void a_bomb_ends_at_the_ceiling(void **state)
{
    enum { WHOLE = 20000000, CEILING = 1000000 };
    char *zeros = calloc(1, WHOLE);
    size_t len = 0;
    char *packed;
    accs_inflate *inflate = NULL;
    accs_buffer out;

    (void)state;
    assert_non_null(zeros);
    packed = deflated(zeros, WHOLE, &len);
    assert_true(len < 30000);
    assert_int_equal(accs_inflate_new(&inflate), ACCS_OK);
    accs_buffer_init(&out, CEILING);
    assert_int_equal(accs_inflate_push(inflate, packed, len, &out), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(out.len, CEILING);
    assert_true(out.capacity <= CEILING + 1);
    assert_int_equal(accs_inflate_push(inflate, packed, 1, &out), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(accs_inflate_finish(inflate), ACCS_ERROR_DECODE);
    accs_buffer_cleanup(&out);
    accs_buffer_init(&out, WHOLE - 1); /* one byte too many is too many */
    accs_inflate_reset(inflate);
    assert_int_equal(inflated(inflate, packed, len, 100, &out), ACCS_ERROR_TOO_LARGE);
    accs_buffer_cleanup(&out);
    accs_buffer_init(&out, 0);
    accs_inflate_reset(inflate);
    assert_int_equal(inflated(inflate, packed, len, 100, &out), ACCS_ERROR_TOO_LARGE);
    accs_buffer_cleanup(&out);
    accs_inflate_free(inflate);
    free(packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_packed),
        cmocka_unit_test(a_cut_body_is_never_a_success),
        cmocka_unit_test(a_changed_byte_never_changes_the_text),
        cmocka_unit_test(nothing_may_follow_the_member),
        cmocka_unit_test(other_formats_are_refused),
        cmocka_unit_test(a_bomb_ends_at_the_ceiling),
    };

    return cmocka_run_group_tests_name("inflate", tests, NULL, NULL);
}
