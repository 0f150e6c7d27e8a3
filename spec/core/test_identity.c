#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"
#include "wipe_support.h"

static const accs_text SECRETS[] = {{"not-a-secret", 12}, {"not-an-older-one", 16}};

static const accs_identity FULL = {
    .ims_url = "https://ims.example.com",
    .client_id = "id",
    .client_secrets = SECRETS,
    .client_secret_count = 2,
    .scopes = "a,b",
    .access_token = "not-a-token",
    .session = "default",
    .cache_folder = "/cache",
    .cache_key = "not-a-key",
    .lock_timeout_ms = 5,
    .connection = {.ca_file = "/ca.pem",
                   .proxy = "http://proxy.example.com",
                   .no_proxy = "example.org",
                   .client_cert = "/cert.pem",
                   .client_key = "/key.pem",
                   .client_key_password = "not-a-password",
                   .pin = "sha256//x",
                   .min_tls = "1.2",
                   .ip_version = 4,
                   .connect_timeout_ms = 1,
                   .idle_timeout_ms = 2},
    .policy = {.attempts = 3},
    .timeout_ms = 4,
};

enum { TEXTS = 15 };

/* The text of that number in identity. */
static const char **text_of(accs_identity *identity, size_t number)
{
    const char **texts[TEXTS] = {&identity->ims_url,
                                 &identity->client_id,
                                 &identity->scopes,
                                 &identity->access_token,
                                 &identity->session,
                                 &identity->cache_folder,
                                 &identity->cache_key,
                                 &identity->connection.ca_file,
                                 &identity->connection.proxy,
                                 &identity->connection.no_proxy,
                                 &identity->connection.client_cert,
                                 &identity->connection.client_key,
                                 &identity->connection.client_key_password,
                                 &identity->connection.pin,
                                 &identity->connection.min_tls};

    return texts[number];
}

static void every_text_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        accs_identity with = FULL;
        accs_identity other = FULL;
        accs_identity without = FULL;
        accs_identity_owned owned = {.ims_url = NULL};

        assert_int_equal(accs_identity_copy(&owned, &with), ACCS_OK);
        assert_true(accs_identity_same(&owned, &with));
        *text_of(&other, i) = "other";
        *text_of(&without, i) = NULL;
        assert_false(accs_identity_same(&owned, &other));
        assert_false(accs_identity_same(&owned, &without));
        accs_identity_cleanup(&owned);
        assert_int_equal(accs_identity_copy(&owned, &without), ACCS_OK);
        assert_true(accs_identity_same(&owned, &without));
        assert_false(accs_identity_same(&owned, &with));
        accs_identity_cleanup(&owned);
    }
}

static void the_version_of_ip_counts(void **state)
{
    accs_identity other = FULL;
    accs_identity_owned owned = {.ims_url = NULL};

    (void)state;
    assert_int_equal(accs_identity_copy(&owned, &FULL), ACCS_OK);
    other.connection.ip_version = 6;
    assert_false(accs_identity_same(&owned, &other));
    accs_identity_cleanup(&owned);
}

static void the_client_secrets_count(void **state)
{
    const accs_text turned[] = {SECRETS[1], SECRETS[0]};
    const accs_text changed[] = {SECRETS[0], {"not-an-older-two", 16}};
    const accs_text longer[] = {SECRETS[0], {"not-an-older-one!", 17}};
    const accs_text *const lists[] = {turned, changed, longer};
    accs_identity other = FULL;
    accs_identity_owned owned = {.ims_url = NULL};

    (void)state;
    assert_int_equal(accs_identity_copy(&owned, &FULL), ACCS_OK);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        other.client_secrets = lists[i];
        assert_false(accs_identity_same(&owned, &other));
    }
    other = FULL;
    other.client_secret_count = 1;
    assert_false(accs_identity_same(&owned, &other));
    other.client_secret_count = 0;
    assert_false(accs_identity_same(&owned, &other));
    other = FULL;
    other.secret_hook = 7;
    assert_false(accs_identity_same(&owned, &other));
    accs_identity_cleanup(&owned);
}

static void who_signs_in_and_the_store_count(void **state)
{
    accs_identity other = FULL;
    accs_identity_owned owned = {.ims_url = NULL};

    (void)state;
    assert_int_equal(accs_identity_copy(&owned, &FULL), ACCS_OK);
    other.user = true;
    assert_false(accs_identity_same(&owned, &other));
    other = FULL;
    other.cache_hook = 3;
    assert_false(accs_identity_same(&owned, &other));
    other = FULL;
    other.cache_locks = true;
    assert_false(accs_identity_same(&owned, &other));
    accs_identity_cleanup(&owned);
}

static void a_code_is_a_sign_in_of_its_own(void **state)
{
    accs_identity coded = FULL;
    accs_identity_owned owned = {.ims_url = NULL};

    (void)state;
    coded.code = "not-a-code";
    coded.code_verifier = "not-a-verifier";
    coded.redirect_uri = "https://example.com/";
    assert_int_equal(accs_identity_copy(&owned, &coded), ACCS_OK);
    assert_string_equal(owned.code.bytes, "not-a-code");
    assert_string_equal(owned.code_verifier.bytes, "not-a-verifier");
    assert_string_equal(owned.redirect_uri.bytes, "https://example.com/");
    assert_false(accs_identity_same(&owned, &coded));
    assert_true(accs_identity_same(&owned, &FULL)); /* that goes on with the session */
    accs_identity_cleanup(&owned);
}

static void limits_and_policy_do_not_count(void **state)
{
    accs_identity other = FULL;
    accs_identity_owned owned = {.ims_url = NULL};

    (void)state;
    assert_int_equal(accs_identity_copy(&owned, &FULL), ACCS_OK);
    other.timeout_ms = 99;
    other.lock_timeout_ms = 99;
    other.policy.attempts = 99;
    other.connection.connect_timeout_ms = 99;
    other.connection.idle_timeout_ms = 99;
    assert_true(accs_identity_same(&owned, &other));
    accs_identity_cleanup(&owned);
}

static void the_copy_owns_all_of_it(void **state)
{
    char id[] = "id";
    char secret[] = "not-a-secret";
    const accs_text texts[] = {{secret, sizeof secret - 1}, SECRETS[1]};
    accs_identity given = FULL;
    accs_identity_owned owned = {.ims_url = NULL};
    accs_connection_options connection;

    (void)state;
    given.client_id = id;
    given.client_secrets = texts;
    assert_int_equal(accs_identity_copy(&owned, &given), ACCS_OK);
    memset(id, 'x', sizeof id - 1);
    memset(secret, 'x', sizeof secret - 1);
    assert_true(accs_identity_same(&owned, &FULL));
    assert_int_equal(owned.timeout_ms, 4);
    assert_int_equal(owned.policy.attempts, 3);
    connection = accs_connection_borrow(&owned.connection);
    assert_string_equal(connection.ca_file, "/ca.pem");
    assert_string_equal(connection.proxy, "http://proxy.example.com");
    assert_string_equal(connection.no_proxy, "example.org");
    assert_string_equal(connection.client_cert, "/cert.pem");
    assert_string_equal(connection.client_key, "/key.pem");
    assert_string_equal(connection.client_key_password, "not-a-password");
    assert_string_equal(connection.pin, "sha256//x");
    assert_string_equal(connection.min_tls, "1.2");
    assert_int_equal(connection.ip_version, 4);
    assert_int_equal(connection.connect_timeout_ms, 1);
    assert_int_equal(connection.idle_timeout_ms, 2);
    accs_identity_cleanup(&owned);
}

static void cleanup_wipes_the_secrets(void **state)
{
    static const char *const marks[] = {"not-a-secret", "not-an-older-one", "not-a-token",
                                        "not-a-key"};
    accs_identity_owned owned = {.ims_url = NULL};

    (void)state;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        watch_wiping(marks[i]);
        assert_int_equal(accs_identity_copy(&owned, &FULL), ACCS_OK);
        assert_true(accs_identity_same(&owned, &FULL));
        assert_int_equal(wiped_count, 0);
        accs_identity_cleanup(&owned);
        assert_int_equal(wiped_count, 1);
        assert_null(owned.client_secrets.items);
        assert_null(owned.access_token.bytes);
        accs_identity_cleanup(&owned);
        assert_int_equal(wiped_count, 1);
    }
    watch_wiping(NULL);
}

static void cleanup_wipes_the_passwords(void **state)
{
    accs_identity_owned owned = {.ims_url = NULL};
    const char *const markers[] = {"not-a-password", "proxy.example.com"};

    (void)state;
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        size_t working_copies;

        watch_wiping(markers[i]);
        assert_int_equal(accs_identity_copy(&owned, &FULL), ACCS_OK);
        working_copies = wiped_count; /* made to tell whose connections they are */
        assert_true(working_copies > 0);
        accs_identity_cleanup(&owned);
        assert_int_equal(wiped_count, working_copies + 1);
    }
    watch_wiping(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_counts),
        cmocka_unit_test(the_version_of_ip_counts),
        cmocka_unit_test(the_client_secrets_count),
        cmocka_unit_test(who_signs_in_and_the_store_count),
        cmocka_unit_test(a_code_is_a_sign_in_of_its_own),
        cmocka_unit_test(limits_and_policy_do_not_count),
        cmocka_unit_test(the_copy_owns_all_of_it),
        cmocka_unit_test(cleanup_wipes_the_secrets),
        cmocka_unit_test(cleanup_wipes_the_passwords),
    };

    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
