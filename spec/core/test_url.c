#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char BASE[] = "https://na1.api.example.com/tenant";

typedef struct base_case {
    const char *url;
    const char *base; /* NULL: refused */
    const char *why;  /* part of the text when refused */
} base_case;

static const base_case BASES[] = {
    {"https://na1.api.example.com/tenant", "https://na1.api.example.com/tenant", NULL},
    {"https://na1.api.example.com/tenant/", "https://na1.api.example.com/tenant", NULL},
    {"https://na1.api.example.com/tenant//", "https://na1.api.example.com/tenant", NULL},
    {"https://na1.api.example.com", "https://na1.api.example.com", NULL},
    {"https://na1.api.example.com/", "https://na1.api.example.com", NULL},
    {"HTTPS://NA1.API.Example.com/Tenant", "https://na1.api.example.com/Tenant", NULL},
    {"https://example.com:443/t", "https://example.com/t", NULL},
    {"https://example.com:8443/t", "https://example.com:8443/t", NULL},
    {"https://example.com/rest/default/", "https://example.com/rest/default", NULL},
    {"https://example.com/a%2Fb", "https://example.com/a%2Fb", NULL},
    {"http://localhost:8080/t", "http://localhost:8080/t", NULL},
    {"http://LOCALHOST/t", "http://localhost/t", NULL},
    {"http://127.0.0.1:1/t", "http://127.0.0.1:1/t", NULL},
    {"http://127.9.8.7/t", "http://127.9.8.7/t", NULL},
    {"http://[::1]:8080/t", "http://[::1]:8080/t", NULL},
    {"http://example.com/t", NULL, "https://"},
    {"http://128.0.0.1/t", NULL, "https://"},
    {"http://10.0.0.1/t", NULL, "https://"},
    {"http://0.0.0.0/t", NULL, "https://"},
    {"http://[::]/t", NULL, "https://"},
    {"http://[::2]/t", NULL, "https://"},
    {"http://localhost.example.com/t", NULL, "https://"},
    {"http://127.0.0.1.example.com/t", NULL, "https://"},
    {"http://xlocalhost/t", NULL, "https://"},
    {"ftp://example.com/t", NULL, "https://"},
    {"file:///etc/passwd", NULL, "https://"},
    {"example.com/t", NULL, "https://"},
    {"//example.com/t", NULL, "https://"},
    {"https:/example.com/t", NULL, "https://"},
    {"https:example.com", NULL, "https://"},
    {"https://", NULL, "no host"},
    {"https:///t", NULL, "no host"},
    {"https://?x", NULL, "no host"},
    {"", NULL, "https://"},
    {"https://user@example.com/t", NULL, "user name"},
    {"https://user:pa55@example.com/t", NULL, "user name"},
    {"https://@example.com/t", NULL, "user name"},
    {"https://127.0.0.1@example.com/t", NULL, "user name"},
    {"https://example.com/t?x=1", NULL, "query"},
    {"https://example.com/t?", NULL, "query"},
    {"https://example.com/t#x", NULL, "query"},
    {"https://example.com/t#", NULL, "query"},
    {"https://example.com/t/../u", NULL, "segment"},
    {"https://example.com/t/..", NULL, "segment"},
    {"https://example.com/t/.", NULL, "segment"},
    {"https://example.com/t/%2e%2E/u", NULL, "segment"},
    {"https://example.com/t/.%2e/u", NULL, "segment"},
    {"https://example.com/a b", NULL, "blank"},
    {" https://example.com/", NULL, "https://"},
    {"https://example.com/\r\nX: y", NULL, "control"},
    {"https://example.com/\t", NULL, "control"},
    {"https://example.com\\t", NULL, "backslash"},
    {"https://example.com/t\\u", NULL, "backslash"},
    {"https://ex%61mple.com/t", NULL, "percent"},
    {"https://example.com%2f/t", NULL, "percent"},
    {"https://example.com/%zz", NULL, "%25"},
    {"https://example.com/%00", NULL, "%00"},
    {"https://ex\xc3\xa4mple.com/t", NULL, "ASCII"},
    {"https://example.com:99999/t", NULL, "read"},
    {"https://example.com:x/t", NULL, "read"},
    {"https://[::1/t", NULL, "read"},
};

static void a_base_is_checked_and_normalised(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(BASES); i++) {
        const base_case *it = &BASES[i];
        accs_failure failure = {0};
        accs_buffer base;
        accs_error error;

        accs_buffer_init(&base, ACCS_LIMIT_MAX_URL);
        error = accs_url_base("base_url", it->url, &base, &failure);
        if (error != (it->base != NULL ? ACCS_OK : ACCS_ERROR_CONFIG))
            fail_msg("<%s>: %s %s", it->url, accs_error_name(error), failure.text);
        if (it->base != NULL) {
            assert_string_equal(base.bytes, it->base);
        } else {
            assert_int_equal(base.len, 0);
            assert_int_equal(failure.code, ACCS_ERROR_CONFIG);
            assert_int_equal(failure.retry_after_ms, -1);
            assert_int_equal(strncmp(failure.text, "base_url: ", 10), 0);
            if (strstr(failure.text, it->why) == NULL)
                fail_msg("<%s>: %s", it->url, failure.text);
            assert_null(strstr(failure.text, "pa55"));
            assert_null(strpbrk(failure.text, "\r\n"));
        }
        accs_buffer_cleanup(&base);
    }
}

static void numbers_of_ipv4_are_written_out(void **state)
{
    static const char *const SPELLINGS[] = {"http://127.1/t", "http://0x7f.0.0.1/t",
                                            "http://2130706433/t", "http://017700000001/t"};

    (void)state;
    for (size_t i = 0; i < COUNT(SPELLINGS); i++) {
        accs_address address;
        accs_buffer base;

        accs_buffer_init(&base, ACCS_LIMIT_MAX_URL);
        if (accs_address_look(SPELLINGS[i], &address, NULL) == ACCS_OK && address.loopback) {
            assert_int_equal(accs_url_base("base_url", SPELLINGS[i], &base, NULL), ACCS_OK);
            assert_string_equal(base.bytes, "http://127.0.0.1/t");
        } else {
            assert_int_equal(accs_url_base("base_url", SPELLINGS[i], &base, NULL),
                             ACCS_ERROR_CONFIG);
        }
        accs_buffer_cleanup(&base);
    }
}

typedef struct join_case {
    const char *path;
    const char *url; /* what follows BASE; NULL: refused */
    const char *why;
} join_case;

static const join_case JOINS[] = {
    {"/V1/orders", "/V1/orders", NULL},
    {"V1/orders", "/V1/orders", NULL},
    {"/v1/orders", "/v1/orders", NULL},
    {"/V1/orders?searchCriteria[pageSize]=1", "/V1/orders?searchCriteria[pageSize]=1", NULL},
    {"/V1/orders?a=../b&c=/./d", "/V1/orders?a=../b&c=/./d", NULL},
    {"/V1/orders?a=http://example.com/", "/V1/orders?a=http://example.com/", NULL},
    {"/V1/products/24-MB01%2FX", "/V1/products/24-MB01%2FX", NULL},
    {"/V1/products/a%20b", "/V1/products/a%20b", NULL},
    {"/V1/products/...", "/V1/products/...", NULL},
    {"/V1/products/..a", "/V1/products/..a", NULL},
    {"/V1/products/%2e%2e%2e", "/V1/products/%2e%2e%2e", NULL},
    {"/V1/products/%0D%0A", "/V1/products/%0D%0A", NULL},
    {"/V1/products/a:b", "/V1/products/a:b", NULL},
    {"/V1/carts//items", "/V1/carts//items", NULL},
    {"/", "/", NULL},
    {"", "", NULL},
    {"?x=1", "?x=1", NULL},
    {"https://na1.api.example.com/tenant/V1/orders", "/V1/orders", NULL},
    {"HTTPS://NA1.api.example.COM/tenant/V1/orders", "/V1/orders", NULL},
    {"https://na1.api.example.com/tenant?x=1", "?x=1", NULL},
    {"https://na1.api.example.com/tenant", "", NULL},
    {"https://na1.api.example.com/tenantx/V1/orders", NULL, "leaves"},
    {"https://na1.api.example.com/Tenant/V1/orders", NULL, "leaves"},
    {"https://na1.api.example.com/other/V1/orders", NULL, "leaves"},
    {"https://na1.api.example.com/", NULL, "leaves"},
    {"http://na1.api.example.com/tenant/V1/orders", NULL, "leaves"},
    {"https://na1.api.example.com:443/tenant/V1/orders", NULL, "leaves"},
    {"https://user:pa55@na1.api.example.com/tenant/V1/orders", NULL, "leaves"},
    {"https://evil.example.net/V1/orders", NULL, "evil.example.net"},
    {"ftp://evil.example.net/", NULL, "leaves"},
    {"x://y", NULL, "leaves"},
    {"https://na1.api.example.com/tenant/../other", NULL, "segment"},
    {"https://na1.api.example.com/tenant//other", NULL, "//"},
    {"//evil.example.net/V1/orders", NULL, "//"},
    {"///x", NULL, "//"},
    {"/V1/products/../../../other/V1/orders", NULL, "segment"},
    {"/..", NULL, "segment"},
    {"..", NULL, "segment"},
    {".", NULL, "segment"},
    {"./V1", NULL, "segment"},
    {"/V1/.", NULL, "segment"},
    {"/V1/..?x", NULL, "segment"},
    {"/V1/%2e%2e/x", NULL, "segment"},
    {"/V1/%2E./x", NULL, "segment"},
    {"/V1/.%2e", NULL, "segment"},
    {"/V1/%2e", NULL, "segment"},
    {"/V1/products/..%2F..%2F..%2Fother%2FV1%2Forders", NULL, "segment"},
    {"/V1/products/a%2f%2E.", NULL, "segment"},
    {"/V1/products/a%5C..%5cb", NULL, "segment"},
    {"/V1/products/a%2F.?b", NULL, "segment"},
    {"/V1/products/..a%2F..b%2F...?c=..%2F..", "/V1/products/..a%2F..b%2F...?c=..%2F..", NULL},
    {"/V1/a\r\nX-Evil: 1", NULL, "control"},
    {"/V1/a\nb", NULL, "control"},
    {"/V1/a?b=\r", NULL, "control"},
    {"/V1/a\tb", NULL, "control"},
    {"/V1/a\x7f", NULL, "control"},
    {"/V1/a b", NULL, "blank"},
    {"/V1/\xc3\xa4", NULL, "ASCII"},
    {"/V1/a\\b", NULL, "backslash"},
    {"\\\\evil.example.net", NULL, "backslash"},
    {"/V1/a#b", NULL, "fragment"},
    {"/V1/a?b#c", NULL, "fragment"},
    {"/V1/a%", NULL, "%25"},
    {"/V1/a%2", NULL, "%25"},
    {"/V1/a%zz", NULL, "%25"},
    {"/V1/a?b=%", NULL, "%25"},
    {"/V1/a%00", NULL, "%00"},
    {"/V1/a?b=%00", NULL, "%00"},
};

static void a_path_stays_on_the_tenant(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(JOINS); i++) {
        const join_case *it = &JOINS[i];
        accs_failure failure = {0};
        accs_buffer url;
        accs_error error;

        accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
        error = accs_url_join(BASE, it->path, strlen(it->path), &url, &failure);
        if (error != (it->url != NULL ? ACCS_OK : ACCS_ERROR_CONFIG))
            fail_msg("<%s>: %s %s", it->path, accs_error_name(error), failure.text);
        if (it->url != NULL) {
            assert_int_equal(strncmp(url.bytes, BASE, strlen(BASE)), 0);
            assert_string_equal(url.bytes + strlen(BASE), it->url);
        } else {
            assert_int_equal(url.len, 0);
            if (strstr(failure.text, it->why) == NULL)
                fail_msg("<%s>: %s", it->path, failure.text);
            assert_null(strstr(failure.text, "pa55"));
            assert_null(strpbrk(failure.text, "\r\n\t\x7f"));
        }
        accs_buffer_cleanup(&url);
    }
}

static void a_nul_in_the_path_is_refused(void **state)
{
    static const char PATH[] = "/V1/a\0b";
    accs_failure failure = {0};
    accs_buffer url;

    (void)state;
    accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
    assert_int_equal(accs_url_join(BASE, PATH, sizeof PATH - 1, &url, &failure), ACCS_ERROR_CONFIG);
    assert_non_null(strstr(failure.text, "\"/V1/a?b\" holds a control character"));
    assert_int_equal(accs_url_join(BASE, "\0://x", 5, &url, NULL), ACCS_ERROR_CONFIG);
    accs_buffer_cleanup(&url);
}

static void a_long_path_is_refused_in_a_short_text(void **state)
{
    static char path[ACCS_FAILURE_TEXT_MAX + 70000];
    accs_failure failure = {0};
    accs_buffer url;

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    accs_buffer_init(&url, SIZE_MAX);
    assert_int_equal(accs_url_join(BASE, path, ACCS_LIMIT_MAX_URL, &url, &failure),
                     ACCS_ERROR_CONFIG);
    assert_non_null(strstr(failure.text, "65536"));
    assert_true(strlen(failure.text) < 160);
    assert_int_equal(accs_url_join(BASE, path, ACCS_LIMIT_MAX_URL - strlen(BASE) - 1, &url, NULL),
                     ACCS_OK);
    path[9] = '\n';
    assert_int_equal(accs_url_join(BASE, path, 300, &url, &failure), ACCS_ERROR_CONFIG);
    assert_non_null(strstr(failure.text, "control character"));
    assert_true(strlen(failure.text) < 160);
    accs_buffer_cleanup(&url);
    accs_buffer_init(&url, 10);
    assert_int_equal(accs_url_join(BASE, "/V1", 3, &url, &failure), ACCS_ERROR_CONFIG);
    assert_int_equal(url.len, 0);
    accs_buffer_cleanup(&url);
}

static void a_base_may_have_no_path(void **state)
{
    accs_buffer url;

    (void)state;
    accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
    assert_int_equal(accs_url_join("http://[::1]:80", "V1/x", 4, &url, NULL), ACCS_OK);
    assert_string_equal(url.bytes, "http://[::1]:80/V1/x");
    assert_int_equal(
        accs_url_join("https://example.com", "https://example.com.evil.net/", 29, &url, NULL),
        ACCS_ERROR_CONFIG);
    assert_int_equal(
        accs_url_join("https://example.com", "https://example.com@evil.net/", 29, &url, NULL),
        ACCS_ERROR_CONFIG);
    accs_buffer_cleanup(&url);
}

static void addresses_are_looked_at(void **state)
{
    static const struct {
        const char *url;
        accs_address address;
    } cases[] = {
        {"https://ims-na1.adobelogin.com", {.https = true, .adobe = true}},
        {"https://na1.api.commerce.adobe.com/t", {.https = true, .adobe = true}},
        {"https://ADOBE.COM/", {.https = true, .adobe = true}},
        {"https://notadobe.com/", {.https = true}},
        {"https://adobe.com.example.net/", {.https = true}},
        {"https://adobe.com@example.net/", {.https = true, .has_user_info = true}},
        {"https://example.net/adobe.com", {.https = true}},
        {"https://example.net?.adobe.com", {.https = true, .has_query = true}},
        {"https://example.net#.adobe.com", {.https = true, .has_query = true}},
        {"http://example.net/a?b", {.has_query = true}},
        {"http://localhost", {.loopback = true}},
        {"http://127.255.0.1:99/", {.loopback = true}},
        {"https://[0:0:0:0:0:0:0:1]/", {.https = true, .loopback = true}},
        {"https://u:p@[::1]/?q#f",
         {.https = true, .loopback = true, .has_user_info = true, .has_query = true}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_address address;

        if (accs_address_look(cases[i].url, &address, NULL) != ACCS_OK)
            fail_msg("%s", cases[i].url);
        if (memcmp(&address, &cases[i].address, sizeof address) != 0)
            fail_msg("%s: %d %d %d %d %d", cases[i].url, address.https, address.loopback,
                     address.adobe, address.has_user_info, address.has_query);
    }
}

static void headers_are_checked(void **state)
{
    static const char *const NAMES[] = {"Store", "x-api-key", "X_Y", "a!#$%&'*+-.^_`|~9"};
    static const char *const BAD_NAMES[] = {"",     "a b",  "a:",   ":a",  "a\r",   "a\nb",
                                            "a\tb", "a\"b", "a(b)", "a/b", "a\x80", "a\x7f"};
    static const char *const VALUES[] = {"",     "default",     "a b",
                                         "a\tb", "caf\xc3\xa9", "a:b;c=\"d\""};
    static const char *const BAD_VALUES[] = {"a\r\nX: y", "a\nb", "a\rb", "\x01", "a\x7f", "\x1f"};

    (void)state;
    for (size_t i = 0; i < COUNT(NAMES); i++)
        assert_true(accs_header_name_valid(NAMES[i]));
    for (size_t i = 0; i < COUNT(BAD_NAMES); i++)
        assert_false(accs_header_name_valid(BAD_NAMES[i]));
    for (size_t i = 0; i < COUNT(VALUES); i++)
        assert_true(accs_header_value_valid(VALUES[i]));
    for (size_t i = 0; i < COUNT(BAD_VALUES); i++)
        assert_false(accs_header_value_valid(BAD_VALUES[i]));
}

static void everything_but_unreserved_is_encoded(void **state)
{
    char all[256];
    char encoded[3 * sizeof all + 1];
    size_t len = 0;
    size_t plain = 0;

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    memset(encoded, '!', sizeof encoded);
    len = accs_percent_encode(all, sizeof all, encoded);
    assert_int_equal(encoded[len], '!');
    assert_int_equal(len, 66 + (256 - 66) * 3);
    for (size_t i = 0, at = 0; at < len; i++) { /* decoded again, each byte is the one it was */
        unsigned value = (unsigned char)encoded[at];

        if (encoded[at] == '%') {
            assert_int_equal(sscanf(encoded + at + 1, "%2X", &value), 1);
            at += 3;
        } else {
            plain++;
            at++;
        }
        assert_int_equal(value, i);
    }
    assert_int_equal(plain, 66);
    len = accs_percent_encode("24-MB01/X +%", 12, encoded);
    encoded[len] = '\0';
    assert_string_equal(encoded, "24-MB01%2FX%20%2B%25");
    assert_int_equal(accs_percent_encode(NULL, 0, encoded), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_is_checked_and_normalised),
        cmocka_unit_test(numbers_of_ipv4_are_written_out),
        cmocka_unit_test(a_path_stays_on_the_tenant),
        cmocka_unit_test(a_nul_in_the_path_is_refused),
        cmocka_unit_test(a_long_path_is_refused_in_a_short_text),
        cmocka_unit_test(a_base_may_have_no_path),
        cmocka_unit_test(addresses_are_looked_at),
        cmocka_unit_test(headers_are_checked),
        cmocka_unit_test(everything_but_unreserved_is_encoded),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
