#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rand.h>

#include "base64url.h"
#include "seal.h"
#include "wipe_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool no_random;

int RAND_bytes(unsigned char *buf, int num)
{
    return no_random ? 0 : RAND_priv_bytes(buf, num);
}

static accs_text text_of(const char *text)
{
    return (accs_text){.bytes = text, .len = strlen(text)};
}

static accs_text sealed_of(const char *text)
{
    accs_text sealed = {0};

    assert_int_equal(accs_seal_text(text_of("s3cret"), "test", text_of(text), &sealed), ACCS_OK);
    return sealed;
}

static void assert_refused(const char *secret, const char *purpose, accs_text sealed)
{
    accs_text text = {.bytes = "untouched", .len = 9};

    assert_int_equal(accs_unseal_text(text_of(secret), purpose, sealed, &text), ACCS_ERROR_PARSE);
    assert_string_equal(text.bytes, "untouched");
}

static void opens_what_it_sealed(void **state)
{
    static const char *const TEXTS[] = {"", "x", "a text", "{\"state\":\"abc\",\"n\":[1,2,3]}"};

    (void)state;
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        accs_text sealed = sealed_of(TEXTS[i]);
        accs_text text = {0};

        assert_int_equal(sealed.len, ACCS_BASE64URL_LEN(strlen(TEXTS[i]) + ACCS_SEAL_OVERHEAD));
        assert_int_equal(strlen(sealed.bytes), sealed.len);
        assert_int_equal(accs_unseal_text(text_of("s3cret"), "test", sealed, &text), ACCS_OK);
        assert_int_equal(text.len, strlen(TEXTS[i]));
        assert_string_equal(text.bytes, TEXTS[i]);
        accs_auth_text_free(&text);
        accs_auth_text_free(&text);
        assert_null(text.bytes);
        accs_auth_text_free(&sealed);
    }
}

static void refuses_what_was_changed(void **state)
{
    accs_text sealed = sealed_of("a text");
    char *changed = malloc(sealed.len + 1);

    (void)state;
    assert_refused("other", "test", sealed);
    assert_refused("s3cret", "other", sealed);
    for (size_t len = 0; len < sealed.len; len++)
        assert_refused("s3cret", "test", (accs_text){.bytes = sealed.bytes, .len = len});
    for (size_t at = 0; at < sealed.len; at++) {
        static const char INSTEAD[] = "A_-z=+ \n";

        for (size_t i = 0; i < sizeof INSTEAD; i++) { /* NUL too */
            memcpy(changed, sealed.bytes, sealed.len + 1);
            if (changed[at] == INSTEAD[i])
                continue;
            changed[at] = INSTEAD[i];
            assert_refused("s3cret", "test", (accs_text){.bytes = changed, .len = sealed.len});
        }
    }
    free(changed);
    accs_auth_text_free(&sealed);
}

/* Sealed bytes of another use of the same key are no text. */
static void refuses_what_was_sealed_as_something_else(void **state)
{
    accs_seal_key key;
    accs_buffer bytes;
    char text[200];

    (void)state;
    assert_int_equal(accs_seal_key_derive("s3cret", 6, "test", &key), ACCS_OK);
    accs_buffer_init(&bytes, 100);
    assert_int_equal(accs_seal(&key, "server-00", "a text", 6, &bytes), ACCS_OK);
    accs_base64url_encode(bytes.bytes, bytes.len, text);
    assert_refused("s3cret", "test", text_of(text));
    accs_buffer_clear(&bytes);
    assert_int_equal(accs_seal(&key, "text", "a text", 6, &bytes), ACCS_OK);
    accs_base64url_encode(bytes.bytes, bytes.len, text);
    {
        accs_text opened = {0};

        assert_int_equal(accs_unseal_text(text_of("s3cret"), "test", text_of(text), &opened),
                         ACCS_OK);
        accs_auth_text_free(&opened);
    }
    accs_buffer_cleanup(&bytes);
}

static void seals_nothing_without_random_numbers(void **state)
{
    accs_text sealed = {.bytes = "untouched", .len = 9};

    (void)state;
    no_random = true;
    assert_int_equal(accs_seal_text(text_of("s3cret"), "test", text_of("a text"), &sealed),
                     ACCS_ERROR_IO);
    no_random = false;
    assert_string_equal(sealed.bytes, "untouched");
}

static void wipes_text_and_key(void **state)
{
    accs_text sealed = sealed_of("text-of-the-test");
    accs_text text = {0};
    accs_seal_key key;
    char marker[ACCS_SEAL_KEY_BYTES + 1] = "";

    (void)state;
    assert_int_equal(accs_unseal_text(text_of("s3cret"), "test", sealed, &text), ACCS_OK);
    watch_wiping("text-of-the-test");
    accs_auth_text_free(&text);
    assert_int_equal(wiped_count, 1);
    assert_int_equal(accs_seal_key_derive("s3cret", 6, "test", &key), ACCS_OK);
    memcpy(marker, key.key, sizeof key.key);
    assert_int_equal(strlen(marker), sizeof key.key); /* no NUL in this key: it is a marker */
    watch_wiping(marker);
    assert_int_equal(accs_unseal_text(text_of("s3cret"), "test", sealed, &text), ACCS_OK);
    assert_true(wiped_count >= 2); /* derive's, and that of the caller */
    accs_auth_text_free(&text);
    accs_auth_text_free(&sealed);
    watch_wiping(marker);
    sealed = sealed_of("text-of-the-test");
    assert_true(wiped_count >= 2);
    watch_wiping(NULL);
    accs_auth_text_free(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed),
        cmocka_unit_test(refuses_what_was_changed),
        cmocka_unit_test(refuses_what_was_sealed_as_something_else),
        cmocka_unit_test(seals_nothing_without_random_numbers),
        cmocka_unit_test(wipes_text_and_key),
    };

    return cmocka_run_group_tests_name("seal_text", tests, NULL, NULL);
}
