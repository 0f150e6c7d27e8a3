#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "seal.h"
#include "wipe_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NONCE_AT = 5 + 8, NONCE_BYTES = 12, SEALS = 10000 };

/* Whether there are random numbers: the core's come through here. */
static bool no_random;

int RAND_bytes(unsigned char *buf, int num)
{
    return no_random ? 0 : RAND_priv_bytes(buf, num);
}

/* Hexadecimal digits to bytes. */
static size_t unhex(const char *text, unsigned char *bytes)
{
    size_t len = strlen(text) / 2;

    for (size_t i = 0; i < len; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

        bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return len;
}

/* RFC 5869, appendix A.1 to A.3: the cases with SHA-256. */
static const struct {
    const char *ikm;
    const char *salt;
    const char *info;
    const char *okm;
} HKDF[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
     "f0f1f2f3f4f5f6f7f8f9",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
     "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
     "404142434445464748494a4b4c4d4e4f",
     "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
     "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
     "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
     "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
     "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
};

static void keeps_to_the_vectors_of_hkdf(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(HKDF); i++) {
        unsigned char ikm[128];
        unsigned char salt[128];
        unsigned char info[128];
        unsigned char okm[128];
        unsigned char wanted[128];
        size_t okm_len = unhex(HKDF[i].okm, wanted);
        size_t ikm_len = unhex(HKDF[i].ikm, ikm);
        size_t salt_len = unhex(HKDF[i].salt, salt);
        size_t info_len = unhex(HKDF[i].info, info);

        assert_int_equal(
            accs_hkdf_sha256(ikm, ikm_len, salt, salt_len, info, info_len, okm, okm_len), ACCS_OK);
        assert_memory_equal(okm, wanted, okm_len);
    }
}

/* Empty is the same as absent, and RFC 5869 (2.2) has an absent salt be zeroes. */
static void hkdf_takes_what_is_empty(void **state)
{
    static const unsigned char zeroes[32];
    unsigned char one[16];
    unsigned char two[16];

    (void)state;
    assert_int_equal(accs_hkdf_sha256("key", 3, NULL, 0, NULL, 0, one, sizeof one), ACCS_OK);
    assert_int_equal(accs_hkdf_sha256("key", 3, zeroes, 32, "", 0, two, sizeof two), ACCS_OK);
    assert_memory_equal(one, two, sizeof one);
    assert_int_equal(accs_hkdf_sha256(NULL, 0, NULL, 0, NULL, 0, one, sizeof one), ACCS_OK);
    assert_memory_not_equal(one, two, sizeof one);
}

/* Who looks at libcrypto's list of errors next finds his own there, and none of ours. */
static void leaves_no_errors_behind(void **state)
{
    unsigned char okm[1];

    (void)state;
    ERR_clear_error();
    assert_int_equal(accs_hkdf_sha256("key", 3, NULL, 0, NULL, 0, okm, 0), ACCS_ERROR_MEMORY);
    assert_int_equal(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_USER, 77);
    assert_int_equal(accs_hkdf_sha256("key", 3, NULL, 0, NULL, 0, okm, 0), ACCS_ERROR_MEMORY);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 77);
    assert_int_equal(ERR_peek_error(), 0);
}

static accs_seal_key key_of(const char *secret, const char *purpose)
{
    accs_seal_key key;

    assert_int_equal(accs_seal_key_derive(secret, strlen(secret), purpose, &key), ACCS_OK);
    return key;
}

static void derives_a_key_for_each_secret_and_purpose(void **state)
{
    static const char *const OTHERS[][2] = {
        {"s3cret", "other"},       {"s3creu", "purpose"}, {"s3cret", "purpos"},  {"s3cret", ""},
        {"s3cret", "purpose key"}, {"", "purpose"},       {"s3cretp", "urpose"},
    };
    accs_seal_key key = key_of("s3cret", "purpose");
    accs_seal_key same = key_of("s3cret", "purpose");

    (void)state;
    assert_memory_equal(key.key, same.key, sizeof key.key);
    assert_memory_equal(key.id, same.id, sizeof key.id);
    for (size_t i = 0; i < COUNT(OTHERS); i++) {
        accs_seal_key other = key_of(OTHERS[i][0], OTHERS[i][1]);

        assert_memory_not_equal(key.key, other.key, sizeof key.key);
        assert_memory_not_equal(key.id, other.id, sizeof key.id);
        assert_string_not_equal(key.id_text, other.id_text);
    }
    assert_memory_not_equal(key.key, key.id, sizeof key.id); /* the id tells nothing of the key */
    assert_int_equal(strlen(key.id_text), 16);
    for (size_t i = 0; i < sizeof key.id; i++) {
        const char digits[3] = {key.id_text[2 * i], key.id_text[2 * i + 1], '\0'};

        assert_int_equal(strtoul(digits, NULL, 16), key.id[i]);
    }
}

/* What was sealed yesterday has to be opened tomorrow: these numbers must not change. */
static void derives_the_keys_of_version_1(void **state)
{
    static const char salt[] = "accs sealing, version 1";
    accs_seal_key key = key_of("s3cret", "purpose");
    unsigned char wanted[32];

    (void)state;
    assert_int_equal(
        accs_hkdf_sha256("s3cret", 6, salt, sizeof salt - 1, "purpose key", 11, wanted, 32),
        ACCS_OK);
    assert_memory_equal(key.key, wanted, 32);
    assert_int_equal(
        accs_hkdf_sha256("s3cret", 6, salt, sizeof salt - 1, "purpose id", 10, wanted, 8), ACCS_OK);
    assert_memory_equal(key.id, wanted, 8);
}

static void opens_what_it_sealed(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    unsigned char bytes[3000];
    const size_t lens[] = {0, 1, 15, 16, 17, 255, 256, 3000};

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 256);
    for (size_t i = 0; i < COUNT(lens); i++) {
        accs_secret opened = {0};
        accs_buffer sealed;
        size_t len = lens[i];

        accs_buffer_init(&sealed, len + ACCS_SEAL_OVERHEAD + 6);
        assert_int_equal(accs_buffer_append_text(&sealed, "before"), ACCS_OK);
        assert_int_equal(accs_seal(&key, "name", bytes, len, &sealed), ACCS_OK);
        assert_int_equal(sealed.len, 6 + ACCS_SEAL_OVERHEAD + len);
        assert_memory_equal(sealed.bytes, "beforeACCS\1", 11);
        assert_memory_equal(sealed.bytes + 11, key.id, sizeof key.id);
        if (len > 15)
            assert_null(memmem(sealed.bytes, sealed.len, bytes, 16));
        assert_int_equal(accs_secret_set(&opened, "old", 3), ACCS_OK);
        assert_int_equal(accs_unseal(&key, "name", sealed.bytes + 6, sealed.len - 6, &opened),
                         ACCS_OK);
        assert_int_equal(opened.len, len);
        assert_memory_equal(opened.bytes, bytes, len);
        assert_int_equal(opened.bytes[len], '\0');
        accs_secret_cleanup(&opened);
        accs_buffer_cleanup(&sealed);
    }
    accs_seal_key_cleanup(&key);
}

static void seal_text(const accs_seal_key *key, const char *context, const char *text,
                      accs_buffer *sealed)
{
    accs_buffer_init(sealed, 4096);
    assert_int_equal(accs_seal(key, context, text, strlen(text), sealed), ACCS_OK);
}

/* A refusal leaves what the caller had. */
static void assert_refused(const accs_seal_key *key, const char *context, const void *sealed,
                           size_t sealed_len)
{
    accs_secret opened = {0};

    assert_int_equal(accs_secret_set(&opened, "old", 3), ACCS_OK);
    assert_int_equal(accs_unseal(key, context, sealed, sealed_len, &opened), ACCS_ERROR_PARSE);
    assert_string_equal(opened.bytes, "old");
    accs_secret_cleanup(&opened);
}

static void refuses_every_changed_bit(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    accs_buffer sealed;

    (void)state;
    seal_text(&key, "name", "a token of some length", &sealed);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        sealed.bytes[bit / 8] = (char)(sealed.bytes[bit / 8] ^ (1 << bit % 8));
        assert_refused(&key, "name", sealed.bytes, sealed.len);
        sealed.bytes[bit / 8] = (char)(sealed.bytes[bit / 8] ^ (1 << bit % 8));
    }
    accs_buffer_cleanup(&sealed);
}

static void refuses_every_other_length(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    accs_buffer sealed;

    (void)state;
    seal_text(&key, "name", "a token of some length", &sealed);
    for (size_t len = 0; len < sealed.len; len++) {
        char *cut = malloc(len > 0 ? len : 1); /* exactly as large: a read beyond it is seen */

        memcpy(cut, sealed.bytes, len);
        assert_refused(&key, "name", cut, len);
        free(cut);
    }
    assert_refused(&key, "name", NULL, 0);
    assert_int_equal(accs_buffer_append(&sealed, "", 1), ACCS_OK);
    assert_refused(&key, "name", sealed.bytes, sealed.len);
    accs_buffer_cleanup(&sealed);
}

static void refuses_another_key_context_and_version(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    accs_seal_key other = key_of("other", "test");
    accs_seal_key disguised = other;
    accs_buffer sealed;
    accs_buffer again;

    (void)state;
    seal_text(&key, "name", "a token", &sealed);
    seal_text(&key, "name", "a token", &again);
    memcpy(disguised.id, key.id, sizeof key.id);
    assert_refused(&other, "name", sealed.bytes, sealed.len);
    assert_refused(&disguised, "name", sealed.bytes, sealed.len);
    assert_refused(&key, "nam", sealed.bytes, sealed.len);
    assert_refused(&key, "names", sealed.bytes, sealed.len);
    assert_refused(&key, "", sealed.bytes, sealed.len);
    memcpy(again.bytes + NONCE_AT, sealed.bytes + NONCE_AT, NONCE_BYTES); /* of another seal */
    assert_refused(&key, "name", again.bytes, again.len);
    sealed.bytes[4] = 2;
    assert_refused(&key, "name", sealed.bytes, sealed.len);
    sealed.bytes[4] = 0;
    assert_refused(&key, "name", sealed.bytes, sealed.len);
    accs_buffer_cleanup(&again);
    accs_buffer_cleanup(&sealed);
}

/* The context stands behind a header of fixed size: moving bytes between the two is noticed. */
static void binds_the_context_also_when_it_is_empty(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    accs_secret opened = {0};
    accs_buffer sealed;

    (void)state;
    seal_text(&key, "", "", &sealed);
    assert_int_equal(accs_unseal(&key, "", sealed.bytes, sealed.len, &opened), ACCS_OK);
    assert_int_equal(opened.len, 0);
    assert_refused(&key, "x", sealed.bytes, sealed.len);
    accs_secret_cleanup(&opened);
    accs_buffer_cleanup(&sealed);
}

static int compare_nonces(const void *left, const void *right)
{
    return memcmp(left, right, NONCE_BYTES);
}

static void takes_another_nonce_each_time(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    unsigned char(*nonces)[NONCE_BYTES] = calloc(SEALS, NONCE_BYTES);
    accs_buffer sealed;

    (void)state;
    assert_non_null(nonces);
    accs_buffer_init(&sealed, 4096);
    for (size_t i = 0; i < SEALS; i++) {
        accs_buffer_clear(&sealed);
        assert_int_equal(accs_seal(&key, "name", "same", 4, &sealed), ACCS_OK);
        memcpy(nonces[i], sealed.bytes + NONCE_AT, NONCE_BYTES);
    }
    qsort(nonces, SEALS, NONCE_BYTES, compare_nonces);
    for (size_t i = 1; i < SEALS; i++)
        assert_memory_not_equal(nonces[i - 1], nonces[i], NONCE_BYTES);
    accs_buffer_cleanup(&sealed);
    free(nonces);
}

static void seals_nothing_where_it_cannot(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    accs_buffer sealed;

    (void)state;
    accs_buffer_init(&sealed, 100);
    assert_int_equal(accs_buffer_append_text(&sealed, "before"), ACCS_OK);
    no_random = true;
    assert_int_equal(accs_seal(&key, "name", "a token", 7, &sealed), ACCS_ERROR_IO);
    no_random = false;
    assert_int_equal(accs_seal(&key, "name", "a token", 100, &sealed), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(accs_seal(&key, "name", "a token", INT32_MAX, &sealed), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(sealed.len, 6);
    assert_string_equal(sealed.bytes, "before");
    accs_buffer_cleanup(&sealed);
    /* libcrypto counts in ints, whatever the buffer may hold; not a byte of it is looked at */
    accs_buffer_init(&sealed, SIZE_MAX);
    assert_int_equal(accs_seal(&key, "name", "a token", INT32_MAX, &sealed), ACCS_ERROR_TOO_LARGE);
    assert_null(sealed.bytes);
    accs_buffer_cleanup(&sealed);
}

static void wipes_key_and_text(void **state)
{
    accs_seal_key key = key_of("s3cret", "test");
    char marker[ACCS_SEAL_KEY_BYTES + 1] = "";
    accs_secret opened = {0};
    accs_buffer sealed;

    (void)state;
    seal_text(&key, "name", "token-of-the-test", &sealed);
    assert_int_equal(accs_unseal(&key, "name", sealed.bytes, sealed.len, &opened), ACCS_OK);
    watch_wiping("token-of-the-test");
    accs_secret_cleanup(&opened);
    assert_int_equal(wiped_count, 1);
    /* What was opened although its tag is wrong is wiped too. */
    sealed.bytes[sealed.len - 1] ^= 1;
    watch_wiping("token-of-the-test");
    assert_int_equal(accs_unseal(&key, "name", sealed.bytes, sealed.len, &opened),
                     ACCS_ERROR_PARSE);
    assert_int_equal(wiped_count, 1);
    memcpy(marker, key.key, sizeof key.key);
    assert_int_equal(strlen(marker), sizeof key.key); /* no NUL in this key: it is a marker */
    watch_wiping(marker);
    (void)key_of("s3cret", "test"); /* the copy that it is made in */
    assert_true(wiped_count >= 1);
    watch_wiping(marker);
    accs_seal_key_cleanup(&key);
    assert_int_equal(wiped_count, 1);
    watch_wiping(NULL);
    accs_buffer_cleanup(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_to_the_vectors_of_hkdf),
        cmocka_unit_test(hkdf_takes_what_is_empty),
        cmocka_unit_test(leaves_no_errors_behind),
        cmocka_unit_test(derives_a_key_for_each_secret_and_purpose),
        cmocka_unit_test(derives_the_keys_of_version_1),
        cmocka_unit_test(opens_what_it_sealed),
        cmocka_unit_test(refuses_every_changed_bit),
        cmocka_unit_test(refuses_every_other_length),
        cmocka_unit_test(refuses_another_key_context_and_version),
        cmocka_unit_test(binds_the_context_also_when_it_is_empty),
        cmocka_unit_test(takes_another_nonce_each_time),
        cmocka_unit_test(seals_nothing_where_it_cannot),
        cmocka_unit_test(wipes_key_and_text),
    };

    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
