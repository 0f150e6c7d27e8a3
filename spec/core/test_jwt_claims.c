/* What claims say: to a check, and to whom asks for a token's times. */
#include "jwt_support.h"

#include "jwt.h"
#include "jwt_claims.h"
#include "limits.h"
#include "wipe_support.h"

#define FOREVER ",\"exp\":253402300799}"

static accs_jwt_verdict judge(const char *claims, const accs_jwt_check *check)
{
    char *copy = malloc(strlen(claims) + 1); /* not its NUL: a read past the end is seen */
    accs_text text = {.bytes = copy, .len = strlen(claims)};
    accs_jwt_verdict verdict;

    memcpy(copy, claims, text.len);
    verdict = accs_jwt_claims_check(text, check);
    free(copy);
    return verdict;
}

static void expect(accs_jwt_verdict verdict, accs_jwt_verdict wanted, const char *what)
{
    if (verdict != wanted)
        fail_msg("%s: %s, not %s", what, accs_jwt_verdict_name(verdict),
                 accs_jwt_verdict_name(wanted));
}

/* ---------------------------------------------------------------- times */

/* First second of good (or good from the start: 0), and of what comes after it (INT64_MAX: never).
 */
static const struct {
    const char *claims;
    int64_t from_s;
    int64_t until_s;
} TIMES[] = {
    {"{\"exp\":5000}", 0, 5000},
    {"{\"exp\":5000.0}", 0, 5000},
    {"{\"exp\":5000.5}", 0, 5001},
    {"{\"exp\":5e3}", 0, 5000},
    {"{\"exp\":253402300799}", 0, INT64_MAX},
    {"{\"nbf\":4000,\"exp\":5000}", 4000, 5000},
    {"{\"nbf\":4000.25,\"exp\":5000}", 4001, 5000},
    {"{\"nbf\":0,\"exp\":5000,\"iat\":9000}", 0, 5000},
    {"{\"created_at\":\"4000000\",\"expires_in\":\"1000000\"}", 4000, 5000},
    {"{\"created_at\":4000000,\"expires_in\":1000000}", 4000, 5000},
    {"{\"created_at\":\"4000001\",\"expires_in\":\"999999\"}", 4001, 5000},
    {"{\"created_at\":\"4000000\",\"expires_in\":\"1000001\"}", 4000, 5001},
    {"{\"created_at\":\"0004000000\",\"expires_in\":\"1000000\"}", 4000, 5000},
    /* all of them hold */
    {"{\"created_at\":\"4000000\",\"expires_in\":\"1000000\",\"exp\":4500}", 4000, 4500},
    {"{\"created_at\":\"4000000\",\"expires_in\":\"1000000\",\"exp\":5500}", 4000, 5000},
    {"{\"created_at\":\"4000000\",\"expires_in\":\"1000000\",\"nbf\":4500}", 4500, 5000},
    {"{\"created_at\":\"4000000\",\"exp\":5000}", 4000, 5000},
};

static void knows_its_time_to_the_second(void **state)
{
    static const int64_t leeways[] = {0, 1, 60, 3999, -60};

    (void)state;
    for (size_t i = 0; i < COUNT(TIMES) * COUNT(leeways); i++) {
        const char *claims = TIMES[i / COUNT(leeways)].claims;
        int64_t from_s = TIMES[i / COUNT(leeways)].from_s;
        int64_t until_s = TIMES[i / COUNT(leeways)].until_s;
        accs_jwt_check check = {.leeway_s = leeways[i % COUNT(leeways)]};
        int64_t leeway_s = check.leeway_s > 0 ? check.leeway_s : 0;

        if (from_s > 0) {
            check.now_s = from_s - leeway_s - 1;
            expect(judge(claims, &check), ACCS_JWT_NOT_YET, claims);
        }
        check.now_s = from_s > 0 ? from_s - leeway_s : 0;
        expect(judge(claims, &check), ACCS_JWT_GOOD, claims);
        if (until_s < INT64_MAX) {
            check.now_s = until_s + leeway_s - 1;
            expect(judge(claims, &check), ACCS_JWT_GOOD, claims);
            check.now_s = until_s + leeway_s;
            expect(judge(claims, &check), ACCS_JWT_EXPIRED, claims);
        }
    }
}

static void survives_absurd_clocks(void **state)
{
    static const char claims[] = "{\"exp\":5000,\"nbf\":4000}";
    static const struct {
        int64_t now_s;
        int64_t leeway_s;
        accs_jwt_verdict verdict;
    } cases[] = {
        {INT64_MAX, 0, ACCS_JWT_EXPIRED},    {INT64_MAX, 60, ACCS_JWT_EXPIRED},
        {INT64_MIN, 0, ACCS_JWT_NOT_YET},    {INT64_MIN, 3999, ACCS_JWT_NOT_YET},
        {4500, INT64_MAX, ACCS_JWT_GOOD},    {4500, INT64_MIN, ACCS_JWT_GOOD},
        {5000, INT64_MIN, ACCS_JWT_EXPIRED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(judge(claims,
                     &(accs_jwt_check){.now_s = cases[i].now_s, .leeway_s = cases[i].leeway_s}),
               cases[i].verdict, "an absurd clock");
}

/* Times that are none: the token is not taken, whatever its other claims say. */
static void takes_no_odd_times(void **state)
{
    static const char *const values[] = {
        "null",
        "true",
        "\"\"",
        "\"5e3\"",
        "\"5000.0\"",
        "\" 5000\"",
        "\"-1\"",
        "\"0x10\"",
        "\"9999999999999999\"",
        "\"253402300800000\"",
        "[5000]",
        "{\"exp\":5000}",
        "-1",
        "-0.5",
        "1e300",
        "-1e300",
        "99999999999999999999",
        "9223372036854775807",
        "-9223372036854775808",
        "253402300800000",
    };
    static const char *const formats[] = {
        "{\"exp\":%s}",
        "{\"exp\":%s,\"created_at\":\"1\",\"expires_in\":\"9000000\"}",
        "{\"nbf\":%s,\"exp\":5000}",
        "{\"created_at\":%s,\"expires_in\":\"9000000\"}",
        "{\"created_at\":\"1\",\"expires_in\":%s}",
        "{\"created_at\":\"1\",\"expires_in\":%s,\"exp\":5000}",
        "{\"created_at\":%s,\"exp\":5000}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values) * COUNT(formats); i++) {
        const char *format = formats[i % COUNT(formats)];
        const char *place = strstr(format, "%s");
        char claims[256];

        (void)snprintf(claims, sizeof claims, "%.*s%s%s", (int)(place - format), format,
                       values[i / COUNT(formats)], place + 2);
        expect(judge(claims, &(accs_jwt_check){.now_s = 2000}), ACCS_JWT_CLAIMS, claims);
    }
}

static void needs_an_end(void **state)
{
    static const struct {
        const char *claims;
        accs_jwt_verdict verdict;
    } cases[] = {
        {"{}", ACCS_JWT_CLAIMS},
        {"{\"iat\":1000,\"nbf\":1000}", ACCS_JWT_CLAIMS},
        {"{\"created_at\":\"1000\"}", ACCS_JWT_CLAIMS},
        {"{\"expires_in\":\"9000000\"}", ACCS_JWT_CLAIMS},
        {"{\"expires_in\":\"9000000\",\"exp\":5000}", ACCS_JWT_CLAIMS},
        {"{\"EXP\":5000}", ACCS_JWT_CLAIMS},
        {"{\"a\":{\"exp\":5000}}", ACCS_JWT_CLAIMS},
        {"{\"exp\":5000.5e-1}", ACCS_JWT_EXPIRED},
        {"{\"exp\":0}", ACCS_JWT_EXPIRED},
        {"{\"exp\":-0}", ACCS_JWT_EXPIRED},
        {"{\"created_at\":\"0\",\"expires_in\":\"0\"}", ACCS_JWT_EXPIRED},
        {"{\"exp\":253402300799.0}", ACCS_JWT_GOOD},
        {"{\"exp\":253402300800}", ACCS_JWT_CLAIMS},
        {"{\"exp\":253402300800.0}", ACCS_JWT_CLAIMS},
        {"{\"created_at\":\"1\",\"expires_in\":\"253402300799999\"}", ACCS_JWT_GOOD},
        {"{\"exp\":5000,\"\\u0065xp\":5000}", ACCS_JWT_MALFORMED},
        {"{\"exp\":5000,\"exp\":9000}", ACCS_JWT_MALFORMED},
        {"{\"exp\":1e999}", ACCS_JWT_MALFORMED},
        {"", ACCS_JWT_MALFORMED},
        {"5", ACCS_JWT_MALFORMED},
        {"[{\"exp\":5000}]", ACCS_JWT_MALFORMED},
        {"{\"exp\":5000", ACCS_JWT_MALFORMED},
        {"{\"exp\":5000}{}", ACCS_JWT_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(judge(cases[i].claims, &(accs_jwt_check){.now_s = 2000}), cases[i].verdict,
               cases[i].claims);
}

/* ---------------------------------------------------------------- texts */

/* %s is the claim's name; wanted is always "https://example.com". */
static const struct {
    const char *value;
    bool there;
    bool readable;
    bool same;
} TEXTS[] = {
    {"\"https://example.com\"", true, true, true},
    {"\"https:\\/\\/ex\\u0061mple.com\"", true, true, true},
    {"\"https://example.com/\"", true, true, false},
    {"\"https://example.co\"", true, true, false},
    {"\"https://Example.com\"", true, true, false},
    {"\"https://example.com\\u0000\"", true, true, false},
    {"\"https://example.com\\u0000.example.org\"", true, true, false},
    {"\"\"", true, true, false},
    {"null", true, false, false},
    {"true", true, false, false},
    {"5", true, false, false},
    {"{\"https://example.com\":\"https://example.com\"}", true, false, false},
    {NULL, false, false, false},
};

static void knows_for_whom_it_is(void **state)
{
    static const struct {
        const char *name;
        accs_jwt_check check;
        accs_jwt_verdict other;
    } claims[] = {
        {"iss", {.issuer = "https://example.com"}, ACCS_JWT_ISSUER},
        {"aud", {.audience = "https://example.com"}, ACCS_JWT_AUDIENCE},
        {"client_id", {.client = "https://example.com"}, ACCS_JWT_CLIENT},
        {"type", {.type = "https://example.com"}, ACCS_JWT_TYPE},
    };
    static const accs_jwt_check empty = {.issuer = "", .audience = "", .client = "", .type = ""};
    static const accs_jwt_check none = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(TEXTS) * COUNT(claims); i++) {
        const char *name = claims[i % COUNT(claims)].name;
        const char *value = TEXTS[i / COUNT(claims)].value;
        char text[256] = "{\"exp\":5000}";

        if (value != NULL)
            (void)snprintf(text, sizeof text, "{\"%s\":%s%s", name, value, FOREVER);
        expect(judge(text, &claims[i % COUNT(claims)].check),
               TEXTS[i / COUNT(claims)].same       ? ACCS_JWT_GOOD
               : TEXTS[i / COUNT(claims)].readable ? claims[i % COUNT(claims)].other
                                                   : ACCS_JWT_CLAIMS,
               text);
        expect(judge(text, &empty), ACCS_JWT_GOOD, text);
        expect(judge(text, &none), ACCS_JWT_GOOD, text);
    }
}

static void takes_a_list_for_an_audience_alone(void **state)
{
    static const struct {
        const char *claims;
        accs_jwt_verdict verdict;
    } cases[] = {
        {"{\"aud\":[\"a\"]" FOREVER, ACCS_JWT_GOOD},
        {"{\"aud\":[\"b\",\"a\",\"c\"]" FOREVER, ACCS_JWT_GOOD},
        {"{\"aud\":[\"b\",\"a\"]" FOREVER, ACCS_JWT_GOOD},
        {"{\"aud\":[\"b\"]" FOREVER, ACCS_JWT_AUDIENCE},
        {"{\"aud\":[]" FOREVER, ACCS_JWT_AUDIENCE},
        {"{\"aud\":[\"aa\",\"A\",\"\"]" FOREVER, ACCS_JWT_AUDIENCE},
        {"{\"aud\":[\"a\",5]" FOREVER, ACCS_JWT_CLAIMS},
        {"{\"aud\":[5,\"a\"]" FOREVER, ACCS_JWT_CLAIMS},
        {"{\"aud\":[[\"a\"]]" FOREVER, ACCS_JWT_CLAIMS},
        {"{\"aud\":[{\"a\":\"a\"},\"a\"]" FOREVER, ACCS_JWT_CLAIMS},
        {"{\"aud\":{\"0\":\"a\"}" FOREVER, ACCS_JWT_CLAIMS},
        {"{\"aud\":[\"b\"],\"aud\":[\"a\"]" FOREVER, ACCS_JWT_MALFORMED},
        {"{\"aud\":\"a\",\"aud\":\"b\"" FOREVER, ACCS_JWT_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(judge(cases[i].claims, &(accs_jwt_check){.audience = "a"}), cases[i].verdict,
               cases[i].claims);
    expect(judge("{\"iss\":[\"a\"]" FOREVER, &(accs_jwt_check){.issuer = "a"}), ACCS_JWT_CLAIMS,
           "a list of issuers");
    expect(judge("{\"client_id\":[\"a\"]" FOREVER, &(accs_jwt_check){.client = "a"}),
           ACCS_JWT_CLAIMS, "a list of clients");
}

/* For another first, then too old: who renews an expired token must not renew another's. */
static void names_the_graver_fault(void **state)
{
    const accs_jwt_check check = {
        .issuer = "i", .audience = "a", .client = "c", .type = "t", .now_s = 9000};

    (void)state;
    expect(
        judge("{\"iss\":\"x\",\"aud\":\"a\",\"client_id\":\"c\",\"type\":\"t\",\"exp\":5}", &check),
        ACCS_JWT_ISSUER, "issuer");
    expect(
        judge("{\"type\":\"x\",\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"c\",\"exp\":5}", &check),
        ACCS_JWT_TYPE, "type");
    expect(
        judge("{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"c\",\"type\":\"t\",\"exp\":5}", &check),
        ACCS_JWT_EXPIRED, "time");
}

/* ------------------------------------------------- without any check */

#define ADOBE                                                                                      \
    "{\"id\":\"1\",\"type\":\"access_token\",\"client_id\":\"example\",\"as\":\"ims-na1\","        \
    "\"expires_in\":\"86400000\",\"created_at\":\"1700000000000\",\"sub\":\"someone\"}"

static void reads_times(void **state)
{
    static const struct {
        const char *claims;
        accs_jwt_facts times;
    } cases[] = {
        {ADOBE, {.created_at_ms = 1700000000000, .expires_in_ms = 86400000, .subject = "someone"}},
        {"{\"exp\":1700000000,\"iat\":1600000000.9}", {.exp_s = 1700000000, .iat_s = 1600000000}},
        {"{\"created_at\":5,\"expires_in\":6}", {.created_at_ms = 5, .expires_in_ms = 6}},
        {"{}", {.exp_s = 0}},
        {"{\"exp\":\"5\",\"iat\":null,\"created_at\":\"x\",\"expires_in\":1.5,\"sub\":5}",
         {.exp_s = 0}},
        {"{\"exp\":-5,\"iat\":-5,\"created_at\":-5,\"expires_in\":-5}", {.exp_s = 0}},
        {"{\"exp\":1e300,\"iat\":253402300800,\"created_at\":253402300800000,"
         "\"expires_in\":\"999999999999999\"}",
         {.exp_s = 0}},
        {"{\"sub\":\"a\\u0000b\",\"a\":{\"exp\":5}}", {.exp_s = 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        accs_jwt_facts times;
        room token;

        memset(&times, 0x55, sizeof times);
        begin_token("{}", cases[i].claims, &token);
        end_token("x", 1, &token);
        assert_int_equal(accs_jwt_facts_read(text_of(token.text), &times), ACCS_OK);
        assert_int_equal(times.created_at_ms, cases[i].times.created_at_ms);
        assert_int_equal(times.expires_in_ms, cases[i].times.expires_in_ms);
        assert_int_equal(times.exp_s, cases[i].times.exp_s);
        assert_int_equal(times.iat_s, cases[i].times.iat_s);
        assert_string_equal(times.subject, cases[i].times.subject);
    }
}

static void reads_a_subject_that_has_room(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t len = ACCS_JWT_SUBJECT_MAX + more;
        char claims[ACCS_JWT_SUBJECT_MAX + 64];
        char subject[ACCS_JWT_SUBJECT_MAX + 2] = {0};
        accs_jwt_facts times;
        room token;

        memset(subject, 'a', len);
        (void)snprintf(claims, sizeof claims, "{\"sub\":\"%s\"}", subject);
        begin_token("{}", claims, &token);
        end_token("", 0, &token);
        assert_int_equal(accs_jwt_facts_read(text_of(token.text), &times), ACCS_OK);
        assert_int_equal(strlen(times.subject), more ? 0 : len);
    }
}

static const char *const NO_TOKENS[] = {
    "",          "opaque",      "e30.e30",   "e30.e30.e30.e30", "e30.e3.e30", "e30.e30=.e30",
    "e30..e30",  "e30.W10.e30", ".e30..",    "e30.bnVsbA.e30",  "e30.e30 .x", "e3 .e30.e30",
    "e30.e30.x", "e30.e31.e30", "?.e30.e30",
};

static void refuses_what_is_no_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(NO_TOKENS); i++) {
        accs_jwt_facts times = {.exp_s = 7};
        accs_text claims = {.bytes = "kept", .len = 4};

        if (accs_jwt_facts_read(text_of(NO_TOKENS[i]), &times) != ACCS_ERROR_PARSE ||
            accs_jwt_claims(text_of(NO_TOKENS[i]), &claims) != ACCS_ERROR_PARSE)
            fail_msg("taken: %s", NO_TOKENS[i]);
        assert_int_equal(times.exp_s, 7);
        assert_string_equal(claims.bytes, "kept");
    }
}

static void bounds_what_it_reads(void **state)
{
    char *text = malloc(ACCS_LIMIT_TOKEN_MAX + 1);
    accs_text token = {.bytes = text, .len = ACCS_LIMIT_TOKEN_MAX};
    accs_jwt_facts times;
    accs_text claims;

    (void)state;
    memset(text, 'A', ACCS_LIMIT_TOKEN_MAX + 1);
    memcpy(text, "e30.e30.", 8);
    assert_int_equal(accs_jwt_facts_read(token, &times), ACCS_OK);
    assert_int_equal(accs_jwt_claims(token, &claims), ACCS_OK);
    accs_auth_text_free(&claims);
    token.len -= 2;
    assert_int_equal(accs_jwt_facts_read(token, &times), ACCS_OK);
    token.len += 3;
    assert_int_equal(accs_jwt_facts_read(token, &times), ACCS_ERROR_PARSE);
    assert_int_equal(accs_jwt_claims(token, &claims), ACCS_ERROR_PARSE);
    free(text);
}

static void gives_claims_as_they_stand(void **state)
{
    static const char *const texts[] = {ADOBE, "{}", " {\"exp\" : 5, \"exp\":6}\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        accs_text claims;
        room token;

        begin_token("{\"alg\":\"none\"}", texts[i], &token);
        end_token("", 0, &token);
        assert_int_equal(accs_jwt_claims(text_of(token.text), &claims), ACCS_OK);
        assert_int_equal(claims.len, strlen(texts[i]));
        assert_string_equal(claims.bytes, texts[i]); /* ends in NUL as well */
        accs_auth_text_free(&claims);
        assert_null(claims.bytes);
    }
}

/* A person's claims do not stay in freed memory. */
static void wipes_what_it_decoded(void **state)
{
    char marker[400]; /* more than decoding has in hand at a time: only the whole is counted */
    char claims[sizeof marker + 64];
    EVP_PKEY *key = make_rsa(2048, 65537);
    accs_jwt_check check = {.now_s = 1000};
    accs_jwt_facts times;
    accs_text text;
    room token;
    room jwks;

    (void)state;
    memset(marker, 'x', sizeof marker - 1);
    marker[sizeof marker - 1] = '\0';
    (void)snprintf(claims, sizeof claims, "{\"email\":\"%s\",\"exp\":5000}", marker);
    make_jwks(key, "", &jwks);
    make_token(key, "{\"alg\":\"RS256\"}", claims, &token);
    check.keys = text_of(jwks.text);
    watch_wiping(marker);
    assert_int_equal(accs_jwt_verify(text_of(token.text), &check), ACCS_JWT_GOOD);
    assert_int_equal(wiped_count, 1);
    assert_int_equal(accs_jwt_facts_read(text_of(token.text), &times), ACCS_OK);
    assert_int_equal(wiped_count, 2);
    assert_int_equal(accs_jwt_claims(text_of(token.text), &text), ACCS_OK);
    assert_int_equal(wiped_count, 3);
    accs_auth_text_free(&text);
    assert_int_equal(wiped_count, 4);
    *strrchr(token.text, '.') = '\0'; /* a token that is refused for its form */
    add(&token, ".!");
    assert_int_equal(accs_jwt_claims(text_of(token.text), &text), ACCS_ERROR_PARSE);
    assert_int_equal(wiped_count, 5);
    watch_wiping(NULL);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_time_to_the_second),
        cmocka_unit_test(survives_absurd_clocks),
        cmocka_unit_test(takes_no_odd_times),
        cmocka_unit_test(needs_an_end),
        cmocka_unit_test(knows_for_whom_it_is),
        cmocka_unit_test(takes_a_list_for_an_audience_alone),
        cmocka_unit_test(names_the_graver_fault),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(reads_a_subject_that_has_room),
        cmocka_unit_test(refuses_what_is_no_token),
        cmocka_unit_test(bounds_what_it_reads),
        cmocka_unit_test(gives_claims_as_they_stand),
        cmocka_unit_test(wipes_what_it_decoded),
    };

    return cmocka_run_group_tests_name("jwt claims", tests, NULL, NULL);
}
