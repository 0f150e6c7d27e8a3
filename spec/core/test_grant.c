#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "grant.h"
#include "wipe_support.h"

static const accs_identity SERVER = {
    .client_id = "id&1",
    .scopes = "openid,commerce.accs",
};

static const accs_identity USER = {
    .client_id = "id&1",
    .user = true,
    .code = "not a code",
    .code_verifier = "not-a-verifier",
    .redirect_uri = "https://example.com/?a=b",
};

static accs_secret SECRET = {(char[]){"not=a+secret"}, 12};
static accs_secret REFRESH = {(char[]){"not/a/refresh/token"}, 19};

static void expect(const accs_identity *identity, accs_grant grant, const accs_secret *secret,
                   const char *text)
{
    accs_identity_owned owned = {.ims_url = NULL};
    accs_buffer form;

    accs_buffer_init(&form, 1000);
    assert_int_equal(accs_identity_copy(&owned, identity), ACCS_OK);
    assert_int_equal(accs_grant_form(&owned, grant, secret, &REFRESH, &form), ACCS_OK);
    assert_string_equal(form.bytes, text);
    accs_buffer_wipe(&form);
    accs_identity_cleanup(&owned);
}

/* RFC 6749: 4.4.2, 4.1.3 with RFC 7636 4.5, and 6. */
static void each_grant_has_its_form(void **state)
{
    accs_identity bare = USER;

    (void)state;
    expect(&SERVER, ACCS_GRANT_CLIENT, &SECRET,
           "grant_type=client_credentials&client_id=id%261&client_secret=not%3Da%2Bsecret&scope="
           "openid%2Ccommerce.accs");
    expect(&USER, ACCS_GRANT_CODE, &SECRET,
           "grant_type=authorization_code&code=not%20a%20code&code_verifier=not-a-verifier&"
           "redirect_uri=https%3A%2F%2Fexample.com%2F%3Fa%3Db");
    expect(&USER, ACCS_GRANT_REFRESH, &SECRET,
           "grant_type=refresh_token&refresh_token=not%2Fa%2Frefresh%2Ftoken");
    bare.code_verifier = NULL;
    bare.redirect_uri = NULL;
    expect(&bare, ACCS_GRANT_CODE, &SECRET, "grant_type=authorization_code&code=not%20a%20code");
}

static void a_public_client_is_named_in_the_form(void **state)
{
    (void)state;
    expect(&USER, ACCS_GRANT_CODE, NULL,
           "grant_type=authorization_code&code=not%20a%20code&code_verifier=not-a-verifier&"
           "redirect_uri=https%3A%2F%2Fexample.com%2F%3Fa%3Db&client_id=id%261");
    expect(&USER, ACCS_GRANT_REFRESH, NULL,
           "grant_type=refresh_token&refresh_token=not%2Fa%2Frefresh%2Ftoken&client_id=id%261");
}

/* RFC 6749, 2.3.1: encoded first, so that a colon within the id does not end it. */
static void basic_encodes_id_and_secret_first(void **state)
{
    accs_secret line = {.bytes = NULL};
    accs_secret secret = {(char[]){"s:e/c r"}, 7};

    (void)state;
    assert_int_equal(accs_grant_basic("i:d", &secret, &line), ACCS_OK);
    assert_string_equal(line.bytes, "Authorization: Basic aSUzQWQ6cyUzQWUlMkZjJTIwcg==");
    accs_secret_cleanup(&line);
    assert_int_equal(accs_grant_bearer((accs_text){"not-a-token", 11}, &line), ACCS_OK);
    assert_string_equal(line.bytes, "Authorization: Bearer not-a-token");
    accs_secret_cleanup(&line);
}

static void what_was_needed_on_the_way_is_wiped(void **state)
{
    accs_secret line = {.bytes = NULL};
    accs_secret plain = {(char[]){"not-a-secret"}, 12};

    (void)state;
    watch_wiping("not-a-secret");
    assert_int_equal(accs_grant_basic("id", &plain, &line), ACCS_OK);
    assert_int_equal(wiped_count, 2); /* the encoded secret, and the pair */
    watch_wiping("aWQ6bm90LWEtc2VjcmV0");
    accs_secret_cleanup(&line);
    assert_int_equal(wiped_count, 1);
    assert_int_equal(accs_grant_basic("id", &plain, &line), ACCS_OK);
    assert_int_equal(wiped_count, 3); /* the packed pair, and the line's buffer */
    watch_wiping(NULL);
    accs_secret_cleanup(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_grant_has_its_form),
        cmocka_unit_test(a_public_client_is_named_in_the_form),
        cmocka_unit_test(basic_encodes_id_and_secret_first),
        cmocka_unit_test(what_was_needed_on_the_way_is_wiped),
    };

    return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
