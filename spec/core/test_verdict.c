#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>

#include <cmocka.h>

#include "verdict.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static accs_reply *reply_of(int status, const char *header, const char *body)
{
    accs_reply *reply = accs_reply_new(8192, 8192);

    assert_non_null(reply);
    reply->status = status;
    if (header != NULL)
        assert_int_equal(accs_reply_add_header(reply, header, strlen(header)), ACCS_OK);
    if (body != NULL)
        assert_int_equal(accs_buffer_append_text(&reply->body, body), ACCS_OK);
    return reply;
}

static const char JSON[] = "Content-Type: application/json; charset=utf-8\r\n";
static const char PROBLEM[] = "content-type: application/problem+JSON\r\n";
static const char PAGE[] = "Content-Type: text/HTML\r\n";
static const char PLAIN[] = "Content-Type: text/plain\r\n";

/* Status x content type x body -> kind; the rest of the failure follows from the status alone. */
static const struct {
    int status;
    accs_error error;
    const char *header;
    const char *body;
} ANSWERS[] = {
    {200, ACCS_OK, JSON, "{}"},
    {200, ACCS_OK, JSON, ""},
    {200, ACCS_OK, PLAIN, "x"},
    {200, ACCS_OK, NULL, "x"},
    {200, ACCS_OK, PAGE, ""},
    {200, ACCS_ERROR_GATEWAY, PAGE, "<html>"},
    {201, ACCS_OK, JSON, "1"},
    {204, ACCS_OK, NULL, ""},
    {299, ACCS_ERROR_GATEWAY, PAGE, "<html>"},
    {300, ACCS_ERROR_REDIRECT, JSON, "{}"},
    {302, ACCS_ERROR_REDIRECT, PAGE, "<html>"},
    {304, ACCS_ERROR_HTTP, NULL, ""}, /* asked for under a condition */
    {399, ACCS_ERROR_REDIRECT, NULL, ""},
    {400, ACCS_ERROR_HTTP, JSON, "{}"},
    {400, ACCS_ERROR_HTTP, PROBLEM, "{}"},
    {400, ACCS_ERROR_GATEWAY, PLAIN, "no"},
    {400, ACCS_ERROR_GATEWAY, NULL, "no"},
    {400, ACCS_ERROR_HTTP, NULL, ""},
    {401, ACCS_ERROR_AUTH, JSON, "{}"},
    {401, ACCS_ERROR_AUTH, NULL, ""},
    {401, ACCS_ERROR_GATEWAY, PAGE, "<html>"},
    {403, ACCS_ERROR_AUTH, JSON, "{}"},
    {403, ACCS_ERROR_GATEWAY, PAGE, "<html>"},
    {404, ACCS_ERROR_HTTP, JSON, "{}"},
    {404, ACCS_ERROR_GATEWAY, PAGE, "<html>"},
    {408, ACCS_ERROR_HTTP, JSON, "{}"},
    {429, ACCS_ERROR_RATE_LIMITED, JSON, "{}"},
    {429, ACCS_ERROR_RATE_LIMITED, PAGE, "<html>"},
    {429, ACCS_ERROR_RATE_LIMITED, NULL, ""},
    {499, ACCS_ERROR_HTTP, JSON, "{}"},
    {500, ACCS_ERROR_HTTP, JSON, "{}"},
    {502, ACCS_ERROR_GATEWAY, PAGE, "<html>"},
    {503, ACCS_ERROR_HTTP, NULL, ""},
    {503, ACCS_ERROR_GATEWAY, PLAIN, "busy"},
    {599, ACCS_ERROR_HTTP, JSON, "{}"},
};

static void an_answer_is_judged_by_status_type_and_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ANSWERS); i++) {
        for (int acted = 0; acted < 2; acted++) {
            int status = ANSWERS[i].status;
            accs_reply *reply = reply_of(status, ANSWERS[i].header, ANSWERS[i].body);
            accs_failure failure = {.code = ACCS_ERROR_IO, .attempts = 7};
            accs_error error = accs_verdict_answer(reply, acted, &failure);
            bool refused = status >= 400 && status < 500 && !acted;
            bool retryable = status == 408 || status == 429 || status >= 500;
            char number[16];

            if (error != ANSWERS[i].error)
                fail_msg("case %zu, status %d: %s", i, status, accs_error_name(error));
            if (error == ACCS_OK) {
                assert_int_equal(failure.code, ACCS_ERROR_IO); /* untouched */
                assert_int_equal(failure.attempts, 7);
            } else {
                assert_int_equal(failure.code, error);
                assert_int_equal(failure.status, status);
                assert_int_equal(failure.outcome,
                                 refused ? ACCS_OUTCOME_REFUSED : ACCS_OUTCOME_UNKNOWN);
                assert_int_equal(failure.retryable, retryable);
                assert_int_equal(failure.retry_after_ms, -1);
                sprintf(number, "HTTP %d", status);
                assert_non_null(strstr(failure.text, number));
            }
            accs_reply_free(reply);
        }
    }
}

static void a_redirect_names_its_target_and_nothing_more(void **state)
{
    static const struct {
        const char *location; /* NULL: none */
        const char *target;
    } cases[] = {
        {NULL, "another place"},
        {"", "another place"},
        {"https://other.example.com/a?token=hidden", "the host other.example.com"},
        {"https://user:hidden@other.example.com:8443/", "the host other.example.com"},
        {"http://[::1]:80/", "the host [::1]"},
        {"//other.example.com/a", "the host other.example.com"},
        {"//user:hidden@other.example.com/a?x", "the host other.example.com"},
        {"/login?back=hidden", "the path /login"},
        {"/login#hidden", "the path /login"},
        {"/", "the path /"},
        {"/a\x01\x1b[31mb\x7f", "the path /a  [31mb "},
        {"/caf\xc3\xa9\xff", "the path /caf   "},
        {"login?hidden", "another place"},
        {"javascript:hidden()", "another place"},
        {"https://user:hidden@", "another place"},
        {"//user:hidden@", "another place"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_failure failure;
        char header[256];
        char want[256];
        accs_reply *reply;

        sprintf(header, "Location: %s\r\n", cases[i].location != NULL ? cases[i].location : "");
        sprintf(want, "HTTP 302 redirects to %s, which this API never does: check base_url",
                cases[i].target);
        reply = reply_of(302, cases[i].location != NULL ? header : NULL, NULL);
        assert_int_equal(accs_verdict_answer(reply, false, &failure), ACCS_ERROR_REDIRECT);
        assert_string_equal(failure.text, want);
        accs_reply_free(reply);
    }
}

static void a_long_target_is_cut_or_left_out(void **state)
{
    static const struct {
        size_t path_len;
        size_t shown; /* bytes of the path; 0: not at all */
    } cases[] = {{127, 127}, {128, 128}, {129, 128}, {511, 128}, {512, 0}, {4000, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_failure failure;
        char header[4200] = "Location: /";
        accs_reply *reply;

        memset(header + 11, 'a', cases[i].path_len - 1);
        reply = reply_of(302, header, NULL);
        accs_verdict_answer(reply, false, &failure);
        if (cases[i].shown == 0)
            assert_non_null(strstr(failure.text, " to another place,"));
        else
            assert_int_equal(strcspn(strstr(failure.text, "/a"), ","), cases[i].shown);
        accs_reply_free(reply);
    }
}

static void an_attempt_without_an_answer_is_judged_by_what_left(void **state)
{
    static const struct {
        accs_attempt_end end;
        accs_error error;
        unsigned sends;
        int status;
        accs_outcome outcome;
        bool maybe_acted;
        bool retryable;
    } cases[] = {
        {ACCS_ATTEMPT_NEVER_SENT, ACCS_ERROR_NETWORK, 0, 0, ACCS_OUTCOME_NOT_SENT, false, true},
        {ACCS_ATTEMPT_NEVER_SENT, ACCS_ERROR_NETWORK, 0, 0, ACCS_OUTCOME_UNKNOWN, true, true},
        {ACCS_ATTEMPT_NEVER_SENT, ACCS_ERROR_TIMEOUT, 0, 0, ACCS_OUTCOME_NOT_SENT, false, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_NETWORK, 1, 0, ACCS_OUTCOME_UNKNOWN, false, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_NETWORK, 1, 200, ACCS_OUTCOME_UNKNOWN, false, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_TIMEOUT, 2, 0, ACCS_OUTCOME_UNKNOWN, false, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_DECODE, 1, 200, ACCS_OUTCOME_DONE, false, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_DECODE, 1, 299, ACCS_OUTCOME_DONE, true, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_DECODE, 1, 300, ACCS_OUTCOME_UNKNOWN, false, true},
        {ACCS_ATTEMPT_LOST, ACCS_ERROR_DECODE, 1, 500, ACCS_OUTCOME_UNKNOWN, false, true},
        {ACCS_ATTEMPT_FINAL, ACCS_ERROR_TOO_LARGE, 1, 201, ACCS_OUTCOME_DONE, false, false},
        {ACCS_ATTEMPT_FINAL, ACCS_ERROR_TOO_LARGE, 1, 404, ACCS_OUTCOME_UNKNOWN, false, false},
        {ACCS_ATTEMPT_FINAL, ACCS_ERROR_TLS, 0, 0, ACCS_OUTCOME_NOT_SENT, false, false},
        {ACCS_ATTEMPT_FINAL, ACCS_ERROR_HTTP, 1, 0, ACCS_OUTCOME_UNKNOWN, false, false},
        {ACCS_ATTEMPT_FINAL, ACCS_ERROR_MEMORY, 0, 0, ACCS_OUTCOME_NOT_SENT, false, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_reply *reply = reply_of(cases[i].status, NULL, NULL);
        accs_transfer_result result = {
            .end = cases[i].end,
            .error = cases[i].error,
            .sends = cases[i].sends,
            .curl_code = 7,
            .system_errno = 111,
            .text = "what 100%s happened",
        };
        accs_failure failure;

        accs_verdict_attempt(&result, reply, cases[i].maybe_acted, &failure);
        if (failure.code != cases[i].error || failure.outcome != cases[i].outcome ||
            failure.retryable != cases[i].retryable || failure.status != cases[i].status)
            fail_msg("case %zu: %s, %s, retryable %d", i, accs_error_name(failure.code),
                     accs_outcome_name(failure.outcome), failure.retryable);
        assert_string_equal(failure.text, "what 100%s happened");
        assert_int_equal(failure.curl_code, 7);
        assert_int_equal(failure.system_errno, 111);
        assert_int_equal(failure.retry_after_ms, -1);
        accs_reply_free(reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_judged_by_status_type_and_body),
        cmocka_unit_test(a_redirect_names_its_target_and_nothing_more),
        cmocka_unit_test(a_long_target_is_cut_or_left_out),
        cmocka_unit_test(an_attempt_without_an_answer_is_judged_by_what_left),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
