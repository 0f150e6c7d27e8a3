#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>

#include <cmocka.h>

#include "limits.h"
#include "reply.h"
#include "wipe_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add(accs_reply *reply, const char *text)
{
    assert_int_equal(accs_reply_add_header(reply, text, strlen(text)), ACCS_OK);
}

static void headers_are_split_and_trimmed(void **state)
{
    static const struct {
        const char *line;
        const char *name; /* NULL: ignored */
        const char *value;
    } cases[] = {
        {"Name: value\r\n", "Name", "value"},
        {"Name:value\n", "Name", "value"},
        {"Name: \t value \t \r\n", "Name", "value"},
        {"Name: a: b : c\r\n", "Name", "a: b : c"},
        {"Name:\r\n", "Name", ""},
        {"Name:", "Name", ""},
        {"Name: a b", "Name", "a b"},
        {"n:v", "n", "v"},
        {": value\r\n", NULL, NULL},
        {"no colon\r\n", NULL, NULL},
        {"\r\n", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_reply *reply = accs_reply_new(100, 100);
        const char *name;
        const char *value;
        size_t name_len;
        size_t value_len;

        assert_non_null(reply);
        add(reply, cases[i].line);
        assert_int_equal(accs_reply_header_count(reply), cases[i].name != NULL);
        if (cases[i].name != NULL) {
            accs_reply_header(reply, 0, &name, &name_len, &value, &value_len);
            assert_int_equal(name_len, strlen(cases[i].name));
            assert_memory_equal(name, cases[i].name, name_len);
            assert_int_equal(value_len, strlen(cases[i].value));
            assert_memory_equal(value, cases[i].value, value_len);
        }
        accs_reply_free(reply);
    }
}

static void finds_the_first_of_that_name_in_any_case(void **state)
{
    accs_reply *reply = accs_reply_new(10000, 100);
    size_t value_len = 77;
    const char *value;

    (void)state;
    assert_non_null(reply);
    for (int i = 0; i < 100; i++) { /* the memory grows beneath what was stored */
        char text[32];

        sprintf(text, "X-%d: %d\r\n", i, i);
        add(reply, text);
    }
    add(reply, "x-7: again\r\n");
    value = accs_reply_find(reply, "x-7", &value_len);
    assert_int_equal(value_len, 1);
    assert_memory_equal(value, "7", 1);
    value = accs_reply_find(reply, "x-99", &value_len);
    assert_int_equal(value_len, 2);
    assert_memory_equal(value, "99", 2);
    assert_null(accs_reply_find(reply, "x-", &value_len));
    assert_null(accs_reply_find(reply, "x-100", &value_len));
    assert_null(accs_reply_find(reply, "", &value_len));
    assert_int_equal(accs_reply_header_count(reply), 101);
    accs_reply_free(reply);
}

static void a_refused_header_leaves_no_trace(void **state)
{
    accs_reply *reply = accs_reply_new(10, 100);

    (void)state;
    assert_non_null(reply);
    assert_int_equal(accs_reply_add_header(reply, "Name: 12345\r\n", 13), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(accs_reply_header_count(reply), 0);
    add(reply, "Name: 1234\r\n"); /* the blanks at the end do not count */
    assert_int_equal(accs_reply_header_count(reply), 1);
    accs_reply_free(reply);
}

static void retry_after_is_milliseconds_or_nothing(void **state)
{
    static const struct {
        const char *line;
        int64_t delay_ms;
    } cases[] = {
        {"X: 1\r\n", -1},
        {"Retry-After: 5\r\n", 5000},
        {"RETRY-AFTER: 0\r\n", 0},
        {"Retry-After: soon\r\n", -1},
        {"Retry-After:\r\n", -1},
        {"Retry-After: -1\r\n", -1},
        {"Retry-After: Thu, 01 Jan 1970 00:01:40 GMT\r\n", 90000}, /* 100 s, it is 10 s now */
        {"Retry-After: Thu, 01 Jan 1970 00:00:01 GMT\r\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_reply *reply = accs_reply_new(100, 100);

        assert_non_null(reply);
        add(reply, cases[i].line);
        if (accs_reply_retry_after_ms(reply, 10) != cases[i].delay_ms)
            fail_msg("%s: %lld", cases[i].line, (long long)accs_reply_retry_after_ms(reply, 10));
        accs_reply_free(reply);
    }
}

static void an_empty_reply_can_be_asked(void **state)
{
    accs_reply *reply = accs_reply_new(100, 100);
    const char *bytes = NULL;
    size_t len = 77;

    (void)state;
    assert_non_null(reply);
    accs_reply_body(reply, &bytes, &len);
    assert_string_equal(bytes, "");
    assert_int_equal(len, 0);
    assert_string_equal(accs_reply_url(reply), "");
    assert_int_equal(accs_reply_status(reply), 0);
    assert_int_equal(accs_reply_attempts(reply), 0);
    assert_int_equal(accs_reply_elapsed_us(reply), 0);
    accs_reply_free(reply);
    accs_reply_free(NULL);
    accs_reply_wipe(NULL);
}

static void a_reset_forgets_what_came(void **state)
{
    accs_reply *reply = accs_reply_new(100, 100);
    const char *bytes;
    size_t len;

    (void)state;
    assert_non_null(reply);
    reply->status = 200;
    add(reply, "A: b\r\n");
    assert_int_equal(accs_buffer_append_text(&reply->body, "body"), ACCS_OK);
    accs_reply_body(reply, &bytes, &len);
    assert_string_equal(bytes, "body");
    assert_int_equal(len, 4);
    accs_reply_reset(reply);
    accs_reply_body(reply, &bytes, &len);
    assert_int_equal(len, 0);
    assert_string_equal(bytes, "");
    assert_int_equal(accs_reply_status(reply), 0);
    assert_int_equal(accs_reply_header_count(reply), 0);
    assert_null(accs_reply_find(reply, "a", &len));
    accs_reply_free(reply);
}

static void wiping_covers_headers_and_body(void **state)
{
    accs_reply *reply = accs_reply_new(100, 100);

    (void)state;
    assert_non_null(reply);
    add(reply, "A: secret-token\r\n");
    assert_int_equal(accs_buffer_append_text(&reply->body, "{\"t\":\"secret-token\"}"), ACCS_OK);
    accs_reply_reset(reply); /* what an earlier attempt brought is still there */
    watch_wiping("ecret-token");
    accs_reply_wipe(reply);
    assert_int_equal(wiped_count, 2);
    watch_wiping(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_split_and_trimmed),
        cmocka_unit_test(finds_the_first_of_that_name_in_any_case),
        cmocka_unit_test(a_refused_header_leaves_no_trace),
        cmocka_unit_test(retry_after_is_milliseconds_or_nothing),
        cmocka_unit_test(an_empty_reply_can_be_asked),
        cmocka_unit_test(a_reset_forgets_what_came),
        cmocka_unit_test(wiping_covers_headers_and_body),
    };

    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
