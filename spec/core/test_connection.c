#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connection.h"
#include "proxy.h"

static const struct {
    const char *proxy;
    accs_error error;
    bool near;
} PROXIES[] = {
    {"http://127.0.0.1:3128", ACCS_OK, true},
    {"http://user:word@127.0.0.1:3128", ACCS_OK, true},
    {"https://localhost", ACCS_OK, true},
    {"socks5h://[::1]:1080", ACCS_OK, true},
    {"SOCKS5://127.1.2.3", ACCS_OK, true},
    {"socks4a://127.0.0.1", ACCS_OK, true},
    {"127.0.0.1:3128", ACCS_OK, true},
    {"user:word@localhost:3128", ACCS_OK, true},
    {"proxy.example.com:3128", ACCS_OK, false},
    {"http://localhost.example.com:3128", ACCS_OK, false},
    {"http://localhost@example.com:3128", ACCS_OK, false},
    {"http://10.0.0.1", ACCS_OK, false},
    {"ftp.example.com:3128", ACCS_OK, false}, /* a name, not a scheme */
    {"ftp://127.0.0.1", ACCS_ERROR_CONFIG, false},
    {"file:///etc/passwd", ACCS_ERROR_CONFIG, false},
    {"foo://user:word@127.0.0.1", ACCS_ERROR_CONFIG, false},
    {"http://user:word@127.0.0.1:99999", ACCS_ERROR_CONFIG, false},
    {"http://user:word@[::1", ACCS_ERROR_CONFIG, false},
    {"http://", ACCS_ERROR_CONFIG, false},
    {"", ACCS_ERROR_CONFIG, false},
};

static void the_address_of_a_proxy_is_looked_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof PROXIES / sizeof PROXIES[0]; i++) {
        accs_failure failure = {.text = ""};
        bool near = !PROXIES[i].near;
        accs_error error = accs_proxy_look(PROXIES[i].proxy, &near, &failure);

        if (error != PROXIES[i].error)
            print_error("%s\n", PROXIES[i].proxy);
        assert_int_equal(error, PROXIES[i].error);
        if (error == ACCS_OK)
            assert_int_equal(near, PROXIES[i].near);
        else
            assert_null(strstr(failure.text, "word"));
    }
}

static void options_that_lead_nowhere_are_refused(void **state)
{
    const struct {
        accs_connection_options options;
        const char *word; /* of the text; NULL: fine */
    } cases[] = {
        {{.ca_file = NULL}, NULL},
        {{.min_tls = "1.2"}, NULL},
        {{.min_tls = "1.3", .ip_version = 6, .proxy = "localhost:1"}, NULL},
        {{.client_cert = "a", .client_key = "b", .client_key_password = "c"}, NULL},
        {{.min_tls = "1.1"}, "min_tls"},
        {{.min_tls = ""}, "min_tls"},
        {{.ip_version = 5}, "ip_version"},
        {{.client_key = "b"}, "client_cert"},
        {{.proxy = "foo://localhost"}, "proxy"},
        {{.proxy = "http://user:wo\nrd@localhost"}, "proxy holds a control character"},
        {{.client_key_password = "\x01"}, "client_key_password holds a control character"},
        {{.no_proxy = "a\r"}, "no_proxy holds a control character"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_failure failure = {.text = ""};
        accs_error error = accs_connection_check(&cases[i].options, &failure);

        assert_int_equal(error, cases[i].word == NULL ? ACCS_OK : ACCS_ERROR_CONFIG);
        if (cases[i].word != NULL)
            assert_non_null(strstr(failure.text, cases[i].word));
    }
}

static void only_a_near_proxy_is_asked_in_clear(void **state)
{
    const struct {
        const char *proxy;
        const char *url;
        bool whole;
    } cases[] = {
        {"http://127.0.0.1:1", "http://localhost/x", true},
        {"http://127.0.0.1:1", "https://localhost/x", false},
        {"http://proxy.example.com:1", "http://localhost/x", false},
        {"http://proxy.example.com:1", "https://example.com/x", false},
        {NULL, "http://localhost/x", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const accs_connection_options options = {.proxy = cases[i].proxy};
        accs_connection connection;

        assert_int_equal(accs_connection_copy(&connection, &options), ACCS_OK);
        assert_int_equal(accs_connection_whole_address(&connection, cases[i].url), cases[i].whole);
        accs_connection_cleanup(&connection);
    }
}

static void owners_differ_by_keys_and_passwords_alone(void **state)
{
    const struct {
        accs_connection_options options;
        size_t same_as; /* an earlier one; itself: none */
    } cases[] = {
        {{.pin = "sha256//x", .client_cert = "/c.pem"}, 0},
        {{.ca_file = "/ca.pem", .min_tls = "1.3"}, 0},
        {{.client_cert = "/c.pem", .client_key = "/k.pem"}, 2},
        {{.client_cert = "/c.pem", .client_key = "/k.pem", .pin = "sha256//x"}, 2},
        {{.client_cert = "/c.pem", .client_key = "/other.pem"}, 4},
        {{.client_cert = "/c.pem", .client_key = "/k.pem", .client_key_password = "one"}, 5},
        {{.client_cert = "/c.pem", .client_key = "/k.pem", .client_key_password = "two"}, 6},
        {{.client_cert = "/c.pem", .client_key_password = "/k.pem"}, 7},
        {{.proxy = "http://127.0.0.1"}, 8},
        {{.proxy = "http://jane:one@127.0.0.1"}, 9},
        {{.proxy = "http://jane:two@127.0.0.1"}, 10},
        {{.proxy = "http://jane:two@127.0.0.1", .no_proxy = "example.com"}, 10},
    };
    uint64_t owners[sizeof cases / sizeof cases[0]];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_connection connection;

        assert_int_equal(accs_connection_copy(&connection, &cases[i].options), ACCS_OK);
        owners[i] = connection.owner;
        for (size_t j = 0; j < i; j++)
            if ((owners[i] == owners[j]) != (cases[i].same_as == cases[j].same_as))
                fail_msg("case %zu against %zu", i, j);
        accs_connection_cleanup(&connection);
    }
}

static void a_time_without_end_is_a_long_one(void **state)
{
    CURL *easy = curl_easy_init();

    (void)state;
    assert_true(accs_connection_limit_connect(easy, INT64_MAX));
    curl_easy_cleanup(easy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_of_a_proxy_is_looked_at),
        cmocka_unit_test(options_that_lead_nowhere_are_refused),
        cmocka_unit_test(only_a_near_proxy_is_asked_in_clear),
        cmocka_unit_test(owners_differ_by_keys_and_passwords_alone),
        cmocka_unit_test(a_time_without_end_is_a_long_one),
    };

    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
