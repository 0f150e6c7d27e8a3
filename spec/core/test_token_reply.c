#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>

#include <cmocka.h>

#include "limits.h"
#include "token_reply.h"
#include "token_window.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static accs_error read_text(const char *text, accs_token_reply *reply)
{
    *reply = (accs_token_reply){.has_expires_in = false};
    return accs_token_reply_read(text, strlen(text), reply);
}

/* What is read; token NULL: none. */
static const struct {
    const char *text;
    const char *token;
    bool has_expires_in;
    int64_t expires_in;
    const char *error;
    const char *description;
} READS[] = {
    {"{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":86399}", "abc", true,
     86399, "", ""},
    {" {} ", NULL, false, 0, "", ""},
    {"{\"error\":\"invalid_client\",\"error_description\":\"no such \\\"id\\\"\"}", NULL, false, 0,
     "invalid_client", "no such \"id\""},
    {"{\"access_token\":\"abc\",\"error\":\"odd\"}", "abc", false, 0, "odd", ""},
    /* expires_in in every form */
    {"{\"expires_in\":\"86399\"}", NULL, true, 86399, "", ""},
    {"{\"expires_in\":0}", NULL, true, 0, "", ""},
    {"{\"expires_in\":-5}", NULL, true, -5, "", ""},
    {"{\"expires_in\":86399999}", NULL, true, 86399999, "", ""},
    {"{\"expires_in\":1000000000000}", NULL, true, 1000000000000, "", ""},
    {"{\"expires_in\":\"999999999999999\"}", NULL, true, 999999999999999, "", ""},
    {"{\"expires_in\":\"1000000000000000\"}", NULL, false, 0, "", ""},
    {"{\"expires_in\":\"-5\"}", NULL, false, 0, "", ""},
    {"{\"expires_in\":\"\"}", NULL, false, 0, "", ""},
    {"{\"expires_in\":\"12x\"}", NULL, false, 0, "", ""},
    {"{\"expires_in\":3600.5}", NULL, false, 0, "", ""},
    {"{\"expires_in\":99999999999999999999}", NULL, false, 0, "", ""},
    {"{\"expires_in\":null}", NULL, false, 0, "", ""},
    {"{\"expires_in\":true}", NULL, false, 0, "", ""},
    {"{\"expires_in\":[60]}", NULL, false, 0, "", ""},
    {"{\"expires_in\":{\"expires_in\":60}}", NULL, false, 0, "", ""},
    /* the wrong types */
    {"{\"access_token\":5,\"error\":7,\"error_description\":[1]}", NULL, false, 0, "", ""},
    {"{\"access_token\":null}", NULL, false, 0, "", ""},
    {"{\"access_token\":true,\"error\":false}", NULL, false, 0, "", ""},
    {"{\"access_token\":\"a\\u0000b\"}", NULL, false, 0, "", ""},
    {"{\"access_token\":\"\"}", "", false, 0, "", ""},
    /* keys of nested values are others' */
    {"{\"a\":{\"access_token\":\"x\",\"error\":\"y\",\"expires_in\":1}}", NULL, false, 0, "", ""},
    {"{\"access_token\":{\"access_token\":\"x\"}}", NULL, false, 0, "", ""},
    {"{\"access_token\":[\"x\"]}", NULL, false, 0, "", ""},
    {"{\"a\":[{\"error\":\"y\"},[]],\"access_token\":\"abc\"}", "abc", false, 0, "", ""},
    {"{\"error\":{\"b\":[1,2]},\"expires_in\":9}", NULL, true, 9, "", ""},
    /* names that only resemble */
    {"{\"Access_token\":\"x\",\"access_toke\":\"x\",\"access_token2\":\"x\",\"\":\"x\"}", NULL,
     false, 0, "", ""},
    {"{\"access_token\\u0000\":\"x\"}", NULL, false, 0, "", ""},
    {"{\"access\\u005ftoken\":\"abc\"}", "abc", false, 0, "", ""},
    /* what goes into a message can be shown anywhere */
    {"{\"error\":\"a\\nb\\u001b[31m\\u0000c\\u007f\\u00e9\"}", NULL, false, 0, "a?b?[31m?c???", ""},
    {"{\"error_description\":\"\\r\\n\\t~ !\"}", NULL, false, 0, "", "???~ !"},
};

static void reads_what_stands_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(READS); i++) {
        accs_token_reply reply;

        if (read_text(READS[i].text, &reply) != ACCS_OK)
            fail_msg("refused: %s", READS[i].text);
        if (READS[i].token == NULL ? reply.access_token.bytes != NULL
                                   : reply.access_token.bytes == NULL ||
                                         strcmp(reply.access_token.bytes, READS[i].token) != 0)
            fail_msg("token of %s", READS[i].text);
        if (reply.has_expires_in != READS[i].has_expires_in ||
            (reply.has_expires_in && reply.expires_in != READS[i].expires_in))
            fail_msg("expires_in of %s: %lld", READS[i].text, (long long)reply.expires_in);
        assert_string_equal(reply.error, READS[i].error);
        assert_string_equal(reply.description, READS[i].description);
        accs_token_reply_cleanup(&reply);
        assert_null(reply.access_token.bytes);
    }
}

static void reads_the_tokens_of_a_session(void **state)
{
    static const char *const types[] = {"bearer", "Bearer", "BEARER"};
    char text[400];
    accs_token_reply reply;

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        snprintf(text, sizeof text,
                 "{\"token_type\":\"%s\",\"refresh_token\":\"r\\u0041\",\"id_token\":\"i\","
                 "\"sub\":{\"refresh_token\":\"no\"}}",
                 types[i]);
        assert_int_equal(read_text(text, &reply), ACCS_OK);
        assert_string_equal(reply.refresh_token.bytes, "rA");
        assert_string_equal(reply.id_token.bytes, "i");
        accs_token_reply_cleanup(&reply);
        assert_null(reply.refresh_token.bytes);
        assert_null(reply.id_token.bytes);
    }
    assert_int_equal(read_text("{\"refresh_token\":null,\"id_token\":\"\"}", &reply), ACCS_OK);
    assert_null(reply.refresh_token.bytes);
    assert_null(reply.id_token.bytes);
    accs_token_reply_cleanup(&reply);
}

static void refuses_what_is_no_object(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "5",
        "\"access_token\"",
        "[]",
        "[{\"access_token\":\"a\"}]",
        "<html><body>busy</body></html>",
        "access_token=a&expires_in=86399",
        "{\"access_token\":\"a\"} x",
        "{\"access_token\":\"a\"}{}",
        "{\"access_token\":\"a\",}",
        "{'access_token':'a'}",
        "{\"expires_in\":1e400}",
        "{\"access_token\":\"a\xff\"}",
        "{\"access_token\":\"a\nb\"}",
        "\xef\xbb\xbf{",
        /* what is said twice: who reads the first and who the last would differ */
        "{\"access_token\":\"a\",\"access_token\":\"b\"}",
        "{\"access_token\":\"a\",\"access\\u005ftoken\":null}",
        "{\"expires_in\":1,\"expires_in\":2}",
        "{\"error\":\"a\",\"error\":\"b\"}",
        "{\"error_description\":\"a\",\"error_description\":\"b\"}",
        "{\"refresh_token\":\"a\",\"refresh_token\":\"b\"}",
        "{\"id_token\":\"a\",\"id_token\":\"b\"}",
        "{\"token_type\":\"bearer\",\"token_type\":\"bearer\"}",
        /* other types of tokens, and tokens that are none */
        "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
        "{\"access_token\":\"a\",\"token_type\":\"\"}",
        "{\"access_token\":\"a\",\"token_type\":\"bearer \"}",
        "{\"access_token\":\"a\",\"token_type\":null}",
        "{\"access_token\":\"a\",\"token_type\":[\"bearer\"]}",
        "{\"access_token\":\"a\",\"refresh_token\":5}",
        "{\"access_token\":\"a\",\"refresh_token\":{\"a\":1}}",
        "{\"access_token\":\"a\",\"refresh_token\":[]}",
        "{\"access_token\":\"a\",\"refresh_token\":\"a\\u0000b\"}",
        "{\"access_token\":\"a\",\"id_token\":true}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        accs_token_reply reply = {.expires_in = 77};

        if (accs_token_reply_read(texts[i], strlen(texts[i]), &reply) != ACCS_ERROR_PARSE)
            fail_msg("not refused: %s", texts[i]);
        assert_int_equal(reply.expires_in, 77); /* untouched */
        assert_null(reply.access_token.bytes);
    }
}

static void cut_at_any_byte_it_is_refused(void **state)
{
    static const char text[] = "{\"access_token\":\"abc\\u00e9\",\"expires_in\":86399,"
                               "\"more\":[1,{\"x\":null}],\"error_description\":\"d\"}";

    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        accs_token_reply reply = {.expires_in = 77};
        char *exact = malloc(len + 1); /* so that a sanitizer sees a read beyond it */

        assert_non_null(exact);
        memcpy(exact, text, len);
        assert_int_equal(accs_token_reply_read(exact, len, &reply), ACCS_ERROR_PARSE);
        assert_int_equal(reply.expires_in, 77);
        free(exact);
    }
}

/* An object with one long member. */
static char *long_member(const char *name, size_t len)
{
    char *text = malloc(len + 64);
    size_t start;

    assert_non_null(text);
    start = (size_t)sprintf(text, "{\"%s\":\"", name);
    memset(text + start, 'x', len);
    memcpy(text + start + len, "\"}", sizeof "\"}");
    return text;
}

static void messages_are_cut_to_size(void **state)
{
    static const size_t lens[] = {46, 47, 48, 159, 160, 161, 500000};

    (void)state;
    for (size_t i = 0; i < COUNT(lens); i++) {
        accs_token_reply reply;
        char *error = long_member("error", lens[i]);
        char *description = long_member("error_description", lens[i]);

        assert_int_equal(read_text(error, &reply), ACCS_OK);
        assert_int_equal(strlen(reply.error), lens[i] < 47 ? lens[i] : 47);
        assert_int_equal(read_text(description, &reply), ACCS_OK);
        assert_int_equal(strlen(reply.description), lens[i] < 159 ? lens[i] : 159);
        free(error);
        free(description);
    }
}

static void a_token_has_a_largest_size(void **state)
{
    accs_token_reply reply;
    char *fits = long_member("access_token", ACCS_LIMIT_TOKEN_MAX);
    char *exceeds = long_member("access_token", ACCS_LIMIT_TOKEN_MAX + 1);
    char *document = long_member("access_token", ACCS_LIMIT_TOKEN_REPLY_MAX);

    (void)state;
    assert_int_equal(read_text(fits, &reply), ACCS_OK);
    assert_int_equal(reply.access_token.len, ACCS_LIMIT_TOKEN_MAX);
    accs_token_reply_cleanup(&reply);
    assert_int_equal(read_text(exceeds, &reply), ACCS_OK);
    assert_null(reply.access_token.bytes);
    assert_int_equal(read_text(document, &reply), ACCS_ERROR_PARSE);
    free(fits);
    free(exceeds);
    free(document);
}

static void nests_sixteen_deep_and_no_deeper(void **state)
{
    (void)state;
    for (size_t depth = 14; depth <= 17; depth++) {
        accs_token_reply reply;
        char text[128];
        int lists = (int)depth - 1; /* and the object around them */

        sprintf(text, "{\"a\":%.*s%.*s,\"error\":\"e\"}", lists, "[[[[[[[[[[[[[[[[", lists,
                "]]]]]]]]]]]]]]]]");
        assert_int_equal(read_text(text, &reply), depth <= 16 ? ACCS_OK : ACCS_ERROR_PARSE);
        assert_string_equal(reply.error, depth <= 16 ? "e" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_stands_there),
        cmocka_unit_test(reads_the_tokens_of_a_session),
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(cut_at_any_byte_it_is_refused),
        cmocka_unit_test(messages_are_cut_to_size),
        cmocka_unit_test(a_token_has_a_largest_size),
        cmocka_unit_test(nests_sixteen_deep_and_no_deeper),
    };

    return cmocka_run_group_tests_name("token_reply", tests, NULL, NULL);
}
