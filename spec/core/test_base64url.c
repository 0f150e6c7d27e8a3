#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base64url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* RFC 7515, appendix A.1.1: the header of its first example, with the line break it has. */
static const char JWS_HEADER[] = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";

static const struct {
    const char *bytes;
    size_t bytes_len;
    const char *text;
} VECTORS[] = {
    /* RFC 4648, 10 */
    {"", 0, ""},
    {"f", 1, "Zg"},
    {"fo", 2, "Zm8"},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg"},
    {"fooba", 5, "Zm9vYmE"},
    {"foobar", 6, "Zm9vYmFy"},
    /* RFC 7515, appendix C, and A.1.1 */
    {"\x03\xec\xff\xe0\xc1", 5, "A-z_4ME"},
    {JWS_HEADER, sizeof JWS_HEADER - 1, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"},
    /* RFC 7636, appendix B: the octets of the verifier */
    {"\x74\x18\xdf\xb4\x97\x99\xe0\x25\x4f\xfa\x60\x7d\xd8\xad\xbb\xba"
     "\x16\xd4\x25\x4d\x69\xd6\xbf\xf0\x5b\x58\x05\x58\x53\x84\x8d\x79",
     32, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    /* every bit at each end, and NUL */
    {"\xff\xff\xff", 3, "____"},
    {"\xfb\xef\xbe", 3, "----"},
    {"\0\0\0\0", 4, "AAAAAA"},
    {"\0\x10\x83", 3, "ABCD"},
};

static void keeps_to_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        size_t text_len = strlen(VECTORS[i].text);
        char text[64];
        unsigned char bytes[64];
        size_t bytes_len = SIZE_MAX;

        memset(text, '#', sizeof text);
        assert_int_equal(ACCS_BASE64URL_LEN(VECTORS[i].bytes_len), text_len);
        accs_base64url_encode(VECTORS[i].bytes, VECTORS[i].bytes_len, text);
        assert_string_equal(text, VECTORS[i].text);
        assert_int_equal(text[text_len + 1], '#'); /* nothing behind the NUL */
        memset(bytes, '#', sizeof bytes);
        assert_true(accs_base64url_decode(text, text_len, bytes, &bytes_len));
        assert_int_equal(bytes_len, VECTORS[i].bytes_len);
        assert_memory_equal(bytes, VECTORS[i].bytes, bytes_len);
        assert_int_equal(bytes[bytes_len], '#');
    }
}

static void refuses_what_no_encoder_makes(void **state)
{
    static const char *const REFUSED[] = {
        "A",       "AAAAA",    "Zg==",      "Zm8=",  "Zm9v=", "=",    "====", "Zm9v\n",
        "\nZm9v",  " Zm9v",    "Zm9v ",     "Zm 9v", "Zm9+",  "Zm9/", "Zm9.", "Z%39v",
        "Zm9\xc3", "\t\t\t\t", "Zh", /* 4 bits left over, one of them set */
        "Zm9",                       /* 2 bits left over */
        "Zm9vZh",  "Zm9vZm9",  "Zm9vZm9vA", "-----", "_",     "AB",   "AAB",  "Zm9v\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(REFUSED); i++) {
        unsigned char bytes[64];
        size_t bytes_len = 77;

        if (accs_base64url_decode(REFUSED[i], strlen(REFUSED[i]), bytes, &bytes_len))
            fail_msg("taken: \"%s\"", REFUSED[i]);
        assert_int_equal(bytes_len, 77);
    }
}

/* Each of the 256 bytes at each of four places: 65 are no less than that taken, each right. */
static void takes_the_alphabet_alone(void **state)
{
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *found = c == 0 ? NULL : strchr(ALPHABET, c);

        for (int at = 0; at < 4; at++) {
            char text[4] = {'A', 'A', 'A', 'A'};
            unsigned char bytes[3] = {0};
            size_t bytes_len = 0;

            text[at] = (char)c;
            assert_int_equal(accs_base64url_decode(text, 4, bytes, &bytes_len), found != NULL);
            if (found == NULL)
                continue;
            assert_int_equal(bytes_len, 3);
            assert_int_equal((bytes[0] << 16 | bytes[1] << 8 | bytes[2]) >> (6 * (3 - at)),
                             found - ALPHABET);
        }
    }
}

/* Lengths around the steps it works in, in rooms of exactly the promised size. */
static void keeps_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len < 800; len++) {
        size_t text_len = ACCS_BASE64URL_LEN(len);
        unsigned char *bytes = malloc(len + 1);
        unsigned char *again = malloc(text_len * 3 / 4 + 1);
        char *text = malloc(text_len + 1);
        size_t again_len = 0;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)(i * 7 + len * 13 + (i >> 3));
        accs_base64url_encode(bytes, len, text);
        assert_int_equal(strlen(text), text_len);
        assert_true(accs_base64url_decode(text, text_len, again, &again_len));
        assert_int_equal(again_len, len);
        assert_memory_equal(again, bytes, len);
        free(text);
        free(again);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_to_the_vectors),
        cmocka_unit_test(refuses_what_no_encoder_makes),
        cmocka_unit_test(takes_the_alphabet_alone),
        cmocka_unit_test(keeps_every_length),
    };

    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
