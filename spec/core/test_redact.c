#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redact.h"

static void credentials_in_a_query_become_stars(void **state)
{
    static const char *const cases[][2] = {
        {"https://example.com/V1/x", "https://example.com/V1/x"},
        {"/V1/x?token=abc", "/V1/x?token=***"},
        {"/V1/x?a=1&access_token=abc&b=2", "/V1/x?a=1&access_token=***&b=2"},
        {"/V1/x?AccessToken=abc", "/V1/x?AccessToken=***"},
        {"/V1/x?access%5ftoken=abc", "/V1/x?access%5ftoken=***"},
        {"/V1/x?%74oken=abc", "/V1/x?%74oken=***"},
        {"/V1/x?a[password]=p%26q&c=d", "/V1/x?a[password]=***&c=d"},
        {"/V1/x?X-Amz-Signature=abc", "/V1/x?X-Amz-Signature=***"},
        {"/V1/x?sig=a&pwd=b&key=c&code=d", "/V1/x?sig=***&pwd=***&key=***&code=***"},
        {"/V1/x?client_secret=a=b", "/V1/x?client_secret=***"},
        {"/V1/x?a=1;secret=2", "/V1/x?a=1;secret=***"},
        {"/V1/x#token=abc", "/V1/x#token=***"},
        {"/V1/x?token=", "/V1/x?token="},
        {"/V1/x?token", "/V1/x?token"},
        {"/V1/x?token&b=2", "/V1/x?token&b=2"},
        {"/V1/x?field=token&keyboard=1&encoded=2", "/V1/x?field=token&keyboard=1&encoded=2"},
        {"/token=abc?a=b", "/token=abc?a=b"}, /* a path is no query */
        {"?", "?"},
        {"?&&=&", "?&&=&"},
        {"", ""},
        {"/V1/x?token%=abc&tok%65n=1&%zz=2", "/V1/x?token%=***&tok%65n=***&%zz=2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out = malloc(3 * strlen(cases[i][0]) + 1); /* to the byte: the sanitizer watches */

        accs_url_redact(cases[i][0], out, 3 * strlen(cases[i][0]) + 1);
        assert_string_equal(cases[i][1], out);
        free(out);
    }
}

static void a_cut_shows_no_part_of_a_credential(void **state)
{
    static const char url[] = "/V1/x?first=1&token=canary&last=2";
    char out[64];

    (void)state;
    for (size_t size = 1; size <= sizeof url; size++) {
        memset(out, '!', sizeof out);
        accs_url_redact(url, out, size);
        assert_true(strlen(out) < size);
        assert_int_equal('!', out[size]);
        assert_null(strstr(out, "=c"));
    }
    out[0] = '!';
    accs_url_redact(url, out, 0);
    assert_int_equal('!', out[0]);
}

static void the_end_of_a_long_name_counts(void **state)
{
    char name[301];

    (void)state;
    memset(name, 'x', sizeof name - 1);
    memcpy(name + 292, "password", 9);
    assert_true(accs_redact_is_secret(name, 300));
    assert_false(accs_redact_is_secret(name, 299));
    memcpy(name, "password", 8);
    memset(name + 292, 'x', 8);
    assert_false(accs_redact_is_secret(name, 300)); /* the price of a fixed room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_in_a_query_become_stars),
        cmocka_unit_test(a_cut_shows_no_part_of_a_credential),
        cmocka_unit_test(the_end_of_a_long_name_counts),
    };

    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
