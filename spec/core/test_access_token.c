#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "access_token.h"
#include "wipe_support.h"

static accs_token *make(const char *text, int64_t life_ms, int64_t boot_ms)
{
    accs_secret secret = {.bytes = NULL};
    accs_token *token;

    assert_int_equal(accs_secret_set(&secret, text, strlen(text)), ACCS_OK);
    token = accs_token_new(&secret, life_ms, boot_ms);
    accs_secret_cleanup(&secret);
    assert_non_null(token);
    return token;
}

static void holds_the_header_that_carries_it(void **state)
{
    accs_token *token = make("secret-token", 5000, 100);

    (void)state;
    assert_string_equal(token->line.bytes, "Authorization: Bearer secret-token");
    assert_int_equal(token->line.len, strlen(token->line.bytes));
    assert_int_equal(token->life_ms, 5000);
    assert_int_equal(token->expires_ms, 5100);
    accs_token_release(token);
}

static void dies_at_its_last_moment_and_not_before(void **state)
{
    static const struct {
        int64_t life_ms;
        int64_t boot_ms;
        int64_t now_ms;
        bool dead;
    } cases[] = {
        {5000, 100, 0, false},
        {5000, 100, 5099, false},
        {5000, 100, 5100, true},
        {5000, 100, INT64_MAX, true},
        {INT64_MAX, 0, INT64_MAX - 1, false}, /* a ready token: for ever */
        {INT64_MAX, 100, INT64_MAX - 1, false},
        {INT64_MAX - 100, 100, INT64_MAX - 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_now now = {.boot_ms = cases[i].now_ms, .mono_ms = -cases[i].now_ms};
        accs_token *token = make("t", cases[i].life_ms, cases[i].boot_ms);

        assert_int_equal(accs_token_dead(token, &now), cases[i].dead);
        accs_token_release(token);
    }
}

static void is_wiped_with_the_last_reference_and_not_before(void **state)
{
    accs_token *token = make("secret-token", 5000, 100);

    (void)state;
    watch_wiping("secret-token");
    assert_ptr_equal(accs_token_hold(token), token);
    accs_token_hold(token);
    accs_token_release(token);
    accs_token_release(token);
    assert_int_equal(wiped_count, 0);
    assert_string_equal(token->line.bytes, "Authorization: Bearer secret-token");
    accs_token_release(token);
    assert_int_equal(wiped_count, 1);
    accs_token_release(NULL);
    watch_wiping(NULL);
}

/* The line is put together in a buffer, which must not keep a copy. */
static void making_one_leaves_no_copy(void **state)
{
    accs_secret secret = {.bytes = NULL};
    accs_token *token;

    (void)state;
    assert_int_equal(accs_secret_set(&secret, "secret-token", 12), ACCS_OK);
    watch_wiping("secret-token");
    token = accs_token_new(&secret, 1, 0);
    assert_non_null(token);
    assert_int_equal(wiped_count, 1); /* the buffer */
    accs_token_release(token);
    accs_secret_cleanup(&secret);
    assert_int_equal(wiped_count, 3); /* the line, and the secret of ours */
    watch_wiping(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_the_header_that_carries_it),
        cmocka_unit_test(dies_at_its_last_moment_and_not_before),
        cmocka_unit_test(is_wiped_with_the_last_reference_and_not_before),
        cmocka_unit_test(making_one_leaves_no_copy),
    };

    return cmocka_run_group_tests_name("access_token", tests, NULL, NULL);
}
