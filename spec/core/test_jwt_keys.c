/* Which of an issuer's keys may have signed. */
#include "jwt_support.h"

#include <openssl/sha.h>

#include "jwt_keys.h"
#include "limits.h"

#define NAMED "{\"alg\":\"RS256\",\"kid\":\"key-1\"}"
#define NAMELESS "{\"alg\":\"RS256\"}"
#define CLAIMS "{\"exp\":2000}"

typedef struct keys {
    EVP_PKEY *ours;
    EVP_PKEY *other;
} keys;

static int make_keys(void **state)
{
    static keys made;

    made.ours = make_rsa(2048, 65537);
    made.other = make_rsa(2048, 65537);
    *state = &made;
    return 0;
}

static int free_keys(void **state)
{
    keys *made = *state;

    EVP_PKEY_free(made->ours);
    EVP_PKEY_free(made->other);
    return 0;
}

static accs_jwt_verdict verify(const char *token, const char *jwks)
{
    const accs_jwt_check check = {.keys = text_of(jwks), .now_s = 1000};

    return accs_jwt_verify(text_of(token), &check);
}

static void expect(accs_jwt_verdict verdict, accs_jwt_verdict wanted, const char *what)
{
    if (verdict != wanted)
        fail_msg("%s: %s, not %s", what, accs_jwt_verdict_name(verdict),
                 accs_jwt_verdict_name(wanted));
}

/* What a key says of itself beside kty, n and e. */
static const struct {
    const char *members;
    bool used;
} MEMBERS[] = {
    {",\"kid\":\"key-1\"", true},
    {",\"kid\":\"key-1\",\"use\":\"sig\",\"alg\":\"RS256\",\"x5c\":[\"MIIB\"],\"x5t\":\"a\"", true},
    {",\"kid\":\"key-1\",\"key_ops\":[\"verify\"]", true},
    {",\"kid\":\"key-1\",\"key_ops\":[\"sign\",{\"verify\":[]},\"verify\",\"a\"]", true},
    {",\"\\u006bid\":\"key\\u002d1\"", true},
    {",\"kid\":\"key-1\",\"x\":{\"kty\":\"EC\",\"use\":\"enc\",\"kid\":\"b\"}", true},
    {",\"kid\":\"key-1\",\"USE\":\"enc\",\"Alg\":\"none\"", true},
    /* another name, or none */
    {"", false},
    {",\"kid\":\"key-2\"", false},
    {",\"kid\":\"Key-1\"", false},
    {",\"kid\":\"key-1\\u0000\"", false},
    {",\"kid\":\"key-11\"", false},
    {",\"kid\":[\"key-1\"]", false},
    {",\"kid\":null", false},
    /* for something else */
    {",\"kid\":\"key-1\",\"use\":\"enc\"", false},
    {",\"kid\":\"key-1\",\"use\":\"SIG\"", false},
    {",\"kid\":\"key-1\",\"use\":\"\"", false},
    {",\"kid\":\"key-1\",\"use\":null", false},
    {",\"kid\":\"key-1\",\"use\":[\"sig\"]", false},
    {",\"kid\":\"key-1\",\"alg\":\"RS384\"", false},
    {",\"kid\":\"key-1\",\"alg\":\"PS256\"", false},
    {",\"kid\":\"key-1\",\"alg\":\"HS256\"", false},
    {",\"kid\":\"key-1\",\"alg\":\"rs256\"", false},
    {",\"kid\":\"key-1\",\"alg\":256", false},
    {",\"kid\":\"key-1\",\"key_ops\":[\"sign\"]", false},
    {",\"kid\":\"key-1\",\"key_ops\":[]", false},
    {",\"kid\":\"key-1\",\"key_ops\":\"verify\"", false},
    {",\"kid\":\"key-1\",\"key_ops\":[[\"verify\"],{\"a\":\"verify\"}]", false},
    /* what one reader takes for this, and another for that */
    {",\"kid\":\"key-1\",\"kid\":\"key-1\"", false},
    {",\"kid\":\"key-2\",\"kid\":\"key-1\"", false},
    {",\"kid\":\"key-1\",\"kty\":\"RSA\"", false},
    {",\"kid\":\"key-1\",\"use\":\"sig\",\"use\":\"enc\"", false},
    {",\"kid\":\"key-1\",\"e\":\"AQAB\"", false},
    {",\"kid\":\"key-1\",\"n\":\"\"", false},
    /* names alone that only resemble */
    {",\"kid\\u0000\":\"key-1\"", false},
    {",\"KID\":\"key-1\"", false},
};

static void takes_keys_for_what_they_are(void **state)
{
    const keys *made = *state;
    room token;
    room jwks;

    make_token(made->ours, NAMED, CLAIMS, &token);
    for (size_t i = 0; i < COUNT(MEMBERS); i++)
        expect(verify(token.text, make_jwks(made->ours, MEMBERS[i].members, &jwks)),
               MEMBERS[i].used ? ACCS_JWT_GOOD : ACCS_JWT_KEY_UNKNOWN, MEMBERS[i].members);
}

/* Whole keys; N and E stand for ours. */
static void takes_rsa_keys_alone(void **state)
{
    static const struct {
        const char *jwk;
        bool used;
    } cases[] = {
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"N\",\"e\":\"E\"}", true},
        {"{\"kid\":\"key-1\",\"n\":\"N\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"rsa\",\"n\":\"N\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"EC\",\"n\":\"N\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"oct\",\"k\":\"N\",\"n\":\"N\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":[\"RSA\"],\"n\":\"N\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"N\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"N\",\"e\":\"\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"N==\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\" N\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"N\",\"e\":65537}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":[\"N\"],\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":null,\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"E\"}", false},
        {"{\"kid\":\"key-1\",\"kty\":\"RSA\",\"n\":\"N\",\"e\":\"AAAA\"}", false},
        {"[\"kid\",\"key-1\"]", false},
        {"\"key-1\"", false},
        {"null", false},
        {"{}", false},
    };
    const keys *made = *state;
    char modulus[NUMBER_ROOM];
    char exponent[NUMBER_ROOM];
    room token;

    number_of(made->ours, OSSL_PKEY_PARAM_RSA_N, 0, modulus);
    number_of(made->ours, OSSL_PKEY_PARAM_RSA_E, 0, exponent);
    make_token(made->ours, NAMED, CLAIMS, &token);
    for (size_t i = 0; i < COUNT(cases); i++) {
        room jwks = {.text = "{\"keys\":["};

        for (const char *at = cases[i].jwk; *at != '\0'; at++)
            (void)strncat(jwks.text,
                          *at == 'N'                   ? modulus
                          : *at == 'E' && at[1] == '"' ? exponent
                                                       : at,
                          *at == 'N' || (*at == 'E' && at[1] == '"') ? NUMBER_ROOM : 1);
        add(&jwks, "]}");
        expect(verify(token.text, jwks.text), cases[i].used ? ACCS_JWT_GOOD : ACCS_JWT_KEY_UNKNOWN,
               cases[i].jwk);
    }
}

/* ------------------------------------------------------------- numbers */

/* A key of those numbers, which need be nobody's. */
static const char *number_jwks(const unsigned char *modulus, size_t modulus_len,
                               const unsigned char *exponent, size_t exponent_len, room *jwks)
{
    char n[NUMBER_ROOM];
    char e[NUMBER_ROOM];

    base64url(modulus, modulus_len, n);
    base64url(exponent, exponent_len, e);
    jwks->text[0] = '\0';
    add(jwks, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"key-1\",\"n\":\"");
    add(jwks, n);
    add(jwks, "\",\"e\":\"");
    add(jwks, e);
    add(jwks, "\"}]}");
    return jwks->text;
}

static void takes_no_short_key(void **state)
{
    static const struct {
        unsigned bits;
        accs_jwt_verdict verdict;
    } cases[] = {{1024, ACCS_JWT_KEY_UNKNOWN},
                 {2040, ACCS_JWT_KEY_UNKNOWN},
                 {2047, ACCS_JWT_KEY_UNKNOWN},
                 {2049, ACCS_JWT_GOOD},
                 {3072, ACCS_JWT_GOOD}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        EVP_PKEY *key = make_rsa(cases[i].bits, 65537);
        char what[32];
        room jwks;
        room token;

        (void)snprintf(what, sizeof what, "%u bits", cases[i].bits);
        make_jwks(key, ",\"kid\":\"key-1\"", &jwks);
        expect(verify(make_token(key, NAMED, CLAIMS, &token), jwks.text), cases[i].verdict, what);
        EVP_PKEY_free(key);
    }
}

/* Work grows with the cube of the length. SIGNATURE: the key was tried. */
static void takes_no_huge_key(void **state)
{
    static const unsigned char exponent[] = {1, 0x80, 0, 0, 0, 0, 0, 0, 1};
    static const unsigned char usual[] = {1, 0, 1};
    const keys *made = *state;
    unsigned char modulus[ACCS_JWT_KEY_BITS_MAX / 8 + 1];
    room token;
    room jwks;

    memset(modulus, 0xff, sizeof modulus);
    make_token(made->ours, NAMED, CLAIMS, &token);
    expect(verify(token.text, number_jwks(modulus, sizeof modulus - 1, usual, 3, &jwks)),
           ACCS_JWT_SIGNATURE, "16384 bits");
    expect(verify(token.text, number_jwks(modulus, sizeof modulus, usual, 3, &jwks)),
           ACCS_JWT_KEY_UNKNOWN, "16392 bits");
    modulus[0] = 1;
    expect(verify(token.text, number_jwks(modulus, sizeof modulus, usual, 3, &jwks)),
           ACCS_JWT_KEY_UNKNOWN, "16385 bits");
    expect(verify(token.text, number_jwks(modulus + 1, 256, exponent + 1, 8, &jwks)),
           ACCS_JWT_SIGNATURE, "an exponent of 64 bits");
    expect(verify(token.text, number_jwks(modulus + 1, 256, exponent, 9, &jwks)),
           ACCS_JWT_KEY_UNKNOWN, "an exponent of 65 bits");
}

static void takes_no_number_that_no_key_has(void **state)
{
    static const struct {
        const char *what;
        unsigned char exponent[4];
        size_t exponent_len;
        unsigned char last; /* of the modulus */
        accs_jwt_verdict verdict;
    } cases[] = {
        {"usual", {1, 0, 1}, 3, 0xff, ACCS_JWT_SIGNATURE},
        {"3", {3}, 1, 0xff, ACCS_JWT_SIGNATURE},
        {"3 behind zeros", {0, 0, 0, 3}, 4, 0xff, ACCS_JWT_SIGNATURE},
        {"0", {0}, 1, 0xff, ACCS_JWT_KEY_UNKNOWN},
        {"1", {1}, 1, 0xff, ACCS_JWT_KEY_UNKNOWN},
        {"1 behind zeros", {0, 0, 0, 1}, 4, 0xff, ACCS_JWT_KEY_UNKNOWN},
        {"2", {2}, 1, 0xff, ACCS_JWT_KEY_UNKNOWN},
        {"65536", {1, 0, 0}, 3, 0xff, ACCS_JWT_KEY_UNKNOWN},
        {"an even modulus", {1, 0, 1}, 3, 0xfe, ACCS_JWT_KEY_UNKNOWN},
    };
    const keys *made = *state;
    unsigned char modulus[256];
    room token;
    room jwks;

    memset(modulus, 0xff, sizeof modulus);
    make_token(made->ours, NAMED, CLAIMS, &token);
    for (size_t i = 0; i < COUNT(cases); i++) {
        modulus[sizeof modulus - 1] = cases[i].last;
        expect(verify(token.text, number_jwks(modulus, sizeof modulus, cases[i].exponent,
                                              cases[i].exponent_len, &jwks)),
               cases[i].verdict, cases[i].what);
    }
}

/* With e = 1 the padded digest is its own signature. */
static void cannot_be_forged_with_an_exponent_of_1(void **state)
{
    static const unsigned char prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                           0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                           0x01, 0x05, 0x00, 0x04, 0x20};
    unsigned char modulus[256];
    unsigned char signature[256] = {0, 1};
    room token;
    room jwks;

    (void)state;
    memset(modulus, 0xff, sizeof modulus);
    begin_token(NAMED, CLAIMS, &token);
    memset(signature + 2, 0xff, sizeof signature - 2);
    signature[sizeof signature - 32 - sizeof prefix - 1] = 0;
    memcpy(signature + sizeof signature - 32 - sizeof prefix, prefix, sizeof prefix);
    SHA256((unsigned char *)token.text, strlen(token.text), signature + sizeof signature - 32);
    end_token(signature, sizeof signature, &token);
    expect(verify(token.text, number_jwks(modulus, sizeof modulus, (unsigned char[]){1}, 1, &jwks)),
           ACCS_JWT_KEY_UNKNOWN, "e = 1");
}

static void takes_a_small_exponent_and_leading_zeros(void **state)
{
    const keys *made = *state;
    EVP_PKEY *small = make_rsa(2048, 3);
    char modulus[NUMBER_ROOM];
    room token;
    room jwks;

    make_jwks(small, ",\"kid\":\"key-1\"", &jwks);
    expect(verify(make_token(small, NAMED, CLAIMS, &token), jwks.text), ACCS_JWT_GOOD, "e = 3");
    number_of(made->ours, OSSL_PKEY_PARAM_RSA_N, 1, modulus);
    (void)snprintf(jwks.text, sizeof jwks.text,
                   "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"key-1\",\"n\":\"%s\",\"e\":\"AAEAAQ\"}]}",
                   modulus);
    expect(verify(make_token(made->ours, NAMED, CLAIMS, &token), jwks.text), ACCS_JWT_GOOD,
           "zeros before");
    EVP_PKEY_free(small);
}

/* ------------------------------------------------------------ the set */

/* A set of keys by letters: o ours, x another's, both "key-1"; O ours as "key-2"; e another's for
 * encryption, without kid; c not RSA. */
static const char *set_of(const keys *made, const char *letters, room *jwks)
{
    jwks->text[0] = '\0';
    add(jwks, "{\"keys\":[");
    for (const char *at = letters; *at != '\0'; at++) {
        room jwk;

        if (at > letters)
            add(jwks, ",");
        add(jwks, *at == 'o'   ? make_jwk(made->ours, ",\"kid\":\"key-1\"", &jwk)
                  : *at == 'O' ? make_jwk(made->ours, ",\"kid\":\"key-2\"", &jwk)
                  : *at == 'x' ? make_jwk(made->other, ",\"kid\":\"key-1\"", &jwk)
                  : *at == 'e' ? make_jwk(made->other, ",\"use\":\"enc\"", &jwk)
                               : "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"key-1\"}");
    }
    add(jwks, "]}");
    return jwks->text;
}

static void finds_the_key(void **state)
{
    static const struct {
        const char *header;
        const char *letters;
        accs_jwt_verdict verdict;
    } cases[] = {
        {NAMED, "o", ACCS_JWT_GOOD},
        {NAMED, "Oo", ACCS_JWT_GOOD}, /* before, while and after keys are changed */
        {NAMED, "oO", ACCS_JWT_GOOD},
        {NAMED, "O", ACCS_JWT_KEY_UNKNOWN},
        {NAMED, "", ACCS_JWT_KEY_UNKNOWN},
        {NAMED, "ceO", ACCS_JWT_KEY_UNKNOWN},
        {NAMED, "ceo", ACCS_JWT_GOOD},
        {NAMED, "x", ACCS_JWT_SIGNATURE},
        /* one name of several keys */
        {NAMED, "xo", ACCS_JWT_GOOD},
        {NAMED, "ox", ACCS_JWT_GOOD},
        {NAMED, "xx", ACCS_JWT_SIGNATURE},
        {NAMED, "OOOOOOcccccxxxo", ACCS_JWT_GOOD},
        {NAMED, "xxxxo", ACCS_JWT_SIGNATURE},
        /* no name */
        {NAMELESS, "o", ACCS_JWT_GOOD},
        {NAMELESS, "O", ACCS_JWT_GOOD},
        {NAMELESS, "eoc", ACCS_JWT_GOOD},
        {NAMELESS, "oO", ACCS_JWT_KEY_UNKNOWN},
        {NAMELESS, "ox", ACCS_JWT_KEY_UNKNOWN},
        {NAMELESS, "oxxxx", ACCS_JWT_KEY_UNKNOWN},
        {NAMELESS, "x", ACCS_JWT_SIGNATURE},
        {NAMELESS, "ce", ACCS_JWT_KEY_UNKNOWN},
    };
    const keys *made = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        room token;
        room jwks;

        make_token(made->ours, cases[i].header, CLAIMS, &token);
        expect(verify(token.text, set_of(made, cases[i].letters, &jwks)), cases[i].verdict,
               cases[i].letters);
    }
}

static void refuses_what_is_no_set(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{}",
        "[]",
        "null",
        "<html></html>",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":\"a\"}",
        "{\"Keys\":[]}",
        "{\"x\":{\"keys\":[]}}",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[]}}",
        "{\"keys\":[]} {}",
        "{\"keys\":[,]}",
        "{\"keys\":[{]}",
        "{\"keys\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
        "{\"keys\":[{\"n\":\"\xff\"}]}",
    };
    const keys *made = *state;
    room token;

    make_token(made->ours, NAMED, CLAIMS, &token);
    for (size_t i = 0; i < COUNT(texts); i++)
        expect(verify(token.text, texts[i]), ACCS_JWT_KEYS, texts[i]);
    expect(accs_jwt_verify(text_of(token.text), &(accs_jwt_check){.now_s = 1}), ACCS_JWT_KEYS,
           "no bytes at all");
}

static void needs_the_whole_set(void **state)
{
    const keys *made = *state;
    room token;
    room jwks;
    size_t len;

    make_token(made->ours, NAMED, CLAIMS, &token);
    len = strlen(make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks));
    for (size_t i = 0; i < len; i++) {
        char *part = malloc(i + 1); /* just so long: a read past it is seen */
        accs_jwt_check check = {.keys = {.bytes = part, .len = i}, .now_s = 1000};

        memcpy(part, jwks.text, i);
        if (accs_jwt_verify(text_of(token.text), &check) != ACCS_JWT_KEYS)
            fail_msg("cut at %zu", i);
        free(part);
    }
}

static void bounds_the_set(void **state)
{
    const keys *made = *state;
    size_t len = ACCS_LIMIT_TOKEN_REPLY_MAX;
    char *text = malloc(len + 1);
    room token;
    room jwks;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    make_token(made->ours, NAMED, CLAIMS, &token);
    memset(text, ' ', len + 1);
    memcpy(text, jwks.text, strlen(jwks.text));
    for (size_t more = 0; more < 2; more++) {
        const accs_jwt_check check = {.keys = {.bytes = text, .len = len + more}, .now_s = 1000};

        expect(accs_jwt_verify(text_of(token.text), &check), more ? ACCS_JWT_KEYS : ACCS_JWT_GOOD,
               more ? "larger" : "the largest");
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_keys_for_what_they_are),
        cmocka_unit_test(takes_rsa_keys_alone),
        cmocka_unit_test(takes_no_short_key),
        cmocka_unit_test(takes_no_huge_key),
        cmocka_unit_test(takes_no_number_that_no_key_has),
        cmocka_unit_test(cannot_be_forged_with_an_exponent_of_1),
        cmocka_unit_test(takes_a_small_exponent_and_leading_zeros),
        cmocka_unit_test(finds_the_key),
        cmocka_unit_test(refuses_what_is_no_set),
        cmocka_unit_test(needs_the_whole_set),
        cmocka_unit_test(bounds_the_set),
    };

    return cmocka_run_group_tests_name("jwt keys", tests, make_keys, free_keys);
}
