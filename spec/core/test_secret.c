#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secret.h"

static void keeps_a_copy(void **state)
{
    accs_secret secret = {0};
    char bytes[] = "s3cret";

    (void)state;
    assert_int_equal(accs_secret_set(&secret, bytes, 6), ACCS_OK);
    bytes[0] = 'X';
    assert_string_equal(secret.bytes, "s3cret");
    assert_int_equal(accs_secret_set(&secret, secret.bytes + 2, 4), ACCS_OK); /* of its own */
    assert_string_equal(secret.bytes, "cret");
    assert_int_equal(accs_secret_set(&secret, NULL, SIZE_MAX), ACCS_ERROR_MEMORY);
    assert_string_equal(secret.bytes, "cret");
    assert_int_equal(secret.len, 4);
    accs_secret_cleanup(&secret);
    accs_secret_cleanup(&secret);
    assert_null(secret.bytes);
    assert_int_equal(accs_secret_set(&secret, NULL, 0), ACCS_OK);
    assert_string_equal(secret.bytes, "");
    accs_secret_cleanup(&secret);
}

static void compares(void **state)
{
    static const struct {
        const char *left;
        const char *right;
        bool equal;
    } cases[] = {
        {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "ab", false},
        {"", "", true},       {NULL, NULL, true},    {NULL, "", false},
        {"", NULL, false},    {"xbc", "abc", false}, {"ab", "abc", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_secret left = {0};
        accs_secret right = {0};

        if (cases[i].left != NULL)
            accs_secret_set(&left, cases[i].left, strlen(cases[i].left));
        if (cases[i].right != NULL)
            accs_secret_set(&right, cases[i].right, strlen(cases[i].right));
        assert_int_equal(accs_secret_equal(&left, &right), cases[i].equal);
        accs_secret_cleanup(&left);
        accs_secret_cleanup(&right);
    }
}

static void overwrites(void **state)
{
    char bytes[16] = "0123456789abcde";

    (void)state;
    accs_wipe(bytes, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(bytes[i], 0);
    assert_string_equal(bytes + 10, "abcde");
}

static void frees_what_was_handed_out(void **state)
{
    accs_secret taken = {0};
    accs_text text = {0};

    (void)state;
    accs_auth_text_free(&text); /* nothing yet */
    assert_int_equal(accs_secret_set(&taken, "abc", 3), ACCS_OK);
    text = (accs_text){.bytes = taken.bytes, .len = taken.len};
    accs_auth_text_free(&text);
    assert_null(text.bytes);
    assert_int_equal(text.len, 0);
    accs_auth_text_free(&text);
}

static void redacts_every_occurrence(void **state)
{
    static const struct {
        const char *secret;
        const char *text;
        const char *redacted;
    } cases[] = {
        {"s3cret", "id=a&secret=s3cret&x=1", "id=a&secret=***&x=1"},
        {"s3cret", "s3crets3cret s3cret", "****** ***"},
        {"s3cret", "nothing here", "nothing here"},
        {"s3cret", "s3cre", "s3cre"},
        {"s3cret", "", ""},
        {"s3cret", "s3cret", "***"},
        {"xy", "axyb", "a**b"},
        {"x", "xxx", "***"},
        {"", "text", "text"},
        {NULL, "text", "text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_secret secret = {0};
        char text[64] = {0};
        size_t len = strlen(cases[i].text);

        memcpy(text, cases[i].text, len);
        if (cases[i].secret != NULL)
            accs_secret_set(&secret, cases[i].secret, strlen(cases[i].secret));
        accs_secret_redact(&secret, text);
        assert_string_equal(text, cases[i].redacted);
        /* Nothing of the secret may stay behind the new end either. */
        for (size_t j = strlen(text); j < sizeof text; j++)
            assert_int_equal(text[j], 0);
        accs_secret_cleanup(&secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_a_copy),
        cmocka_unit_test(compares),
        cmocka_unit_test(overwrites),
        cmocka_unit_test(frees_what_was_handed_out),
        cmocka_unit_test(redacts_every_occurrence),
    };

    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
