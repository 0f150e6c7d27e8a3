/* Whose signature counts. What claims say is in test_jwt_claims.c. */
#include "jwt_support.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "limits.h"

#define GOOD_HEADER "{\"alg\":\"RS256\",\"kid\":\"key-1\"}"
#define GOOD_CLAIMS "{\"exp\":2000}"

/* Made once: keys take time. */
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

/* The example of RFC 7515, A.2: its claims are {"iss":"joe", "exp":1300819380, ...}. */
static void knows_the_rfc_example(void **state)
{
    static const char token[] = "eyJhbGciOiJSUzI1NiJ9."
                                "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
                                "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
                                "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
                                "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
                                "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
                                "p0igcN_IoypGlUPQGe77Rw";
    static const char jwks[] =
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":"
        "\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx"
        "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
        "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
        "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
        "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8"
        "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}";
    accs_jwt_check check = {.keys = text_of(jwks), .issuer = "joe", .now_s = 1300819379};

    (void)state;
    assert_int_equal(accs_jwt_verify(text_of(token), &check), ACCS_JWT_GOOD);
    check.now_s++;
    assert_int_equal(accs_jwt_verify(text_of(token), &check), ACCS_JWT_EXPIRED);
    check.issuer = "jo";
    assert_int_equal(accs_jwt_verify(text_of(token), &check), ACCS_JWT_ISSUER);
}

/* Headers of tokens whose signature is right: kid tells which of the rules is at work. */
static const struct {
    const char *header;
    accs_jwt_verdict verdict;
} HEADERS[] = {
    {GOOD_HEADER, ACCS_JWT_GOOD},
    {" {\n\"kid\":\"key-1\",\t\"alg\":\"RS256\" } ", ACCS_JWT_GOOD},
    {"{\"\\u0061lg\":\"RS\\u003256\",\"kid\":\"\\u006bey-1\"}", ACCS_JWT_GOOD},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"typ\":\"JWT\",\"x5u\":\"a.cer\",\"itt\":\"at\"}",
     ACCS_JWT_GOOD},
    {"{\"ALG\":\"none\",\"Crit\":[\"exp\"],\"alg\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_GOOD},
    {"{\"x\":{\"alg\":\"none\",\"crit\":[]},\"alg\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_GOOD},
    /* other algorithms, and what only resembles the right one */
    {"{\"alg\":\"none\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"None\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"HS256\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"RS384\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"RS1\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"PS256\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"ES256\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"rs256\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"RS256 \",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"RS25\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"RS256\\u0000\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":\"\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":[\"RS256\"],\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":{\"alg\":\"RS256\"},\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":null,\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":256,\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\":true,\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"ALG\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"alg\\u0000\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{\"kid\":\"key-1\"}", ACCS_JWT_ALGORITHM},
    {"{}", ACCS_JWT_ALGORITHM},
    /* what one reader takes for this, and another for that */
    {"{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"alg\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"\\u0061lg\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"alg\":[1]}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-2\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    /* what must be understood */
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"crit\":[\"exp\"],\"exp\":1}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"crit\":[\"b64\"],\"b64\":false}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"crit\":[]}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"crit\":null}", ACCS_JWT_MALFORMED},
    {"{\"crit\":{},\"alg\":\"none\"}", ACCS_JWT_MALFORMED},
    /* names of keys that nobody has */
    {"{\"alg\":\"RS256\",\"kid\":\"key-2\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"KEY-1\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"key-\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1 \"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\\u0000\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\\u0000.pem\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"./key-1\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"../../../../dev/null\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"file:///dev/null\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"x' or 'a'='a\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":\"\"}", ACCS_JWT_KEY_UNKNOWN},
    {"{\"alg\":\"RS256\",\"kid\":1}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":null}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":[\"key-1\"]}", ACCS_JWT_MALFORMED},
    /* no header at all */
    {"", ACCS_JWT_MALFORMED},
    {"null", ACCS_JWT_MALFORMED},
    {"\"RS256\"", ACCS_JWT_MALFORMED},
    {"[{\"alg\":\"RS256\",\"kid\":\"key-1\"}]", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\"", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\"}{}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\"} x", ACCS_JWT_MALFORMED},
    {"\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"key-1\"}", ACCS_JWT_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"x\":\"\xff\"}", ACCS_JWT_MALFORMED},
    /* nesting: 16 levels, and no more */
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", ACCS_JWT_GOOD},
    {"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
     ACCS_JWT_MALFORMED},
};

static void takes_rs256_alone(void **state)
{
    const keys *made = *state;
    room jwks;
    room token;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    for (size_t i = 0; i < COUNT(HEADERS); i++)
        expect(verify(make_token(made->ours, HEADERS[i].header, GOOD_CLAIMS, &token), jwks.text),
               HEADERS[i].verdict, HEADERS[i].header);
}

/* Ways to sign without the private key. */
static void cannot_be_forged(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"kid\":\"key-1\"}",
        "{\"alg\":\"HS256\"}",
        GOOD_HEADER,
    };
    const keys *made = *state;
    BIO *pem = BIO_new(BIO_s_mem());
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned char modulus[NUMBER_ROOM];
    BIGNUM *number = NULL;
    unsigned mac_len;
    char *secret;
    int secret_len;
    room jwks;
    room token;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    PEM_write_bio_PUBKEY(pem, made->ours);
    secret_len = (int)BIO_get_mem_data(pem, &secret);
    EVP_PKEY_get_bn_param(made->ours, OSSL_PKEY_PARAM_RSA_N, &number);
    for (size_t i = 0; i < COUNT(headers); i++) {
        accs_jwt_verdict wanted = i < 2 ? ACCS_JWT_ALGORITHM : ACCS_JWT_SIGNATURE;

        begin_token(headers[i], GOOD_CLAIMS, &token);
        HMAC(EVP_sha256(), secret, secret_len, (unsigned char *)token.text, strlen(token.text), mac,
             &mac_len);
        end_token(mac, mac_len, &token);
        expect(verify(token.text, jwks.text), wanted, "a MAC with the PEM as its key");
        begin_token(headers[i], GOOD_CLAIMS, &token);
        HMAC(EVP_sha256(), modulus, BN_bn2bin(number, modulus), (unsigned char *)token.text,
             strlen(token.text), mac, &mac_len);
        end_token(mac, mac_len, &token);
        expect(verify(token.text, jwks.text), wanted, "a MAC with the modulus as its key");
        begin_token(headers[i], GOOD_CLAIMS, &token);
        end_token("", 0, &token);
        expect(verify(token.text, jwks.text), wanted, "no signature");
    }
    BN_free(number);
    BIO_free(pem);
}

/* Another's key, wherever the token says it lies. */
static void takes_no_key_from_the_token(void **state)
{
    static const char *const kids[] = {"", "\"kid\":\"key-1\",", "\"kid\":\"key-2\","};
    const keys *made = *state;
    room jwks;
    room jwk;
    room header;
    room token;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    make_jwk(made->other, ",\"kid\":\"key-2\"", &jwk);
    for (size_t i = 0; i < COUNT(kids); i++) {
        (void)snprintf(header.text, sizeof header.text,
                       "{%s\"alg\":\"RS256\",\"jwk\":%.1000s,\"jku\":\"https://example.com/jwks\","
                       "\"x5u\":\"https://example.com/a.cer\",\"x5c\":[\"MIIB\"]}",
                       kids[i], jwk.text);
        expect(verify(make_token(made->other, header.text, GOOD_CLAIMS, &token), jwks.text),
               i == 2 ? ACCS_JWT_KEY_UNKNOWN : ACCS_JWT_SIGNATURE, header.text);
        expect(verify(make_token(made->ours, header.text, GOOD_CLAIMS, &token), jwks.text),
               i == 2 ? ACCS_JWT_KEY_UNKNOWN : ACCS_JWT_GOOD, header.text);
    }
}

/* A signature of the right key by another method is none. */
static void takes_no_other_digest(void **state)
{
    const keys *made = *state;
    unsigned char signature[NUMBER_ROOM];
    room jwks;
    room token;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    begin_token(GOOD_HEADER, GOOD_CLAIMS, &token);
    end_token(signature, sign(made->ours, EVP_sha384(), token.text, signature), &token);
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "SHA-384");
    begin_token(GOOD_HEADER, GOOD_CLAIMS, &token);
    end_token(signature, sign(made->ours, EVP_sha1(), token.text, signature), &token);
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "SHA-1");
}

/* ------------------------------------------------------- changed tokens */

static void notices_every_cut(void **state)
{
    const keys *made = *state;
    room jwks;
    room token;
    size_t len;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    len = strlen(make_token(made->ours, GOOD_HEADER, GOOD_CLAIMS, &token));
    expect(verify(token.text, jwks.text), ACCS_JWT_GOOD, "whole");
    for (size_t i = 0; i < len; i++) {
        const accs_jwt_check check = {.keys = text_of(jwks.text), .now_s = 1000};
        char *part = malloc(i + 1); /* just so long: a read past it is seen */
        accs_jwt_verdict verdict;

        memcpy(part, token.text, i);
        verdict = accs_jwt_verify((accs_text){.bytes = part, .len = i}, &check);
        free(part);
        if (verdict != ACCS_JWT_MALFORMED && verdict != ACCS_JWT_SIGNATURE)
            fail_msg("cut at %zu: %s", i, accs_jwt_verdict_name(verdict));
    }
}

static void notices_every_flipped_bit_of_a_signature(void **state)
{
    const keys *made = *state;
    unsigned char signature[NUMBER_ROOM];
    size_t signature_len;
    room jwks;
    room signed_text;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    begin_token(GOOD_HEADER, GOOD_CLAIMS, &signed_text);
    signature_len = sign(made->ours, EVP_sha256(), signed_text.text, signature);
    assert_int_equal(signature_len, 256);
    for (size_t bit = 0; bit < 8 * signature_len; bit++) {
        room token;

        token.text[0] = '\0';
        add(&token, signed_text.text);
        signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
        end_token(signature, signature_len, &token);
        signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (verify(token.text, jwks.text) != ACCS_JWT_SIGNATURE)
            fail_msg("bit %zu", bit);
    }
}

static void notices_every_changed_character(void **state)
{
    const keys *made = *state;
    accs_jwt_check check = {.now_s = 1000};
    room jwks;
    room token;
    size_t len;

    check.keys = text_of(make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks));
    len = strlen(make_token(made->ours, GOOD_HEADER, GOOD_CLAIMS, &token));
    for (size_t i = 0; i < len; i++) {
        static const char others[] = "AB-_.=+/ \n";
        char kept = token.text[i];

        for (const char *other = others; *other != '\0'; other++) {
            token.text[i] = *other;
            if (*other != kept && verify(token.text, jwks.text) == ACCS_JWT_GOOD)
                fail_msg("%c for %c at %zu", *other, kept, i);
        }
        token.text[i] = '\0';
        if (accs_jwt_verify((accs_text){.bytes = token.text, .len = len}, &check) !=
            ACCS_JWT_MALFORMED)
            fail_msg("NUL at %zu", i);
        token.text[i] = kept;
    }
}

static void takes_the_compact_form_alone(void **state)
{
    static const char *const formats[] = {
        "",    ".",    "..",  "...", "x",      " %s",       "%s ",    "%s\n",
        "%s=", "%s==", "%s.", ".%s", "%s.e30", "Bearer %s", "\"%s\"", "{\"payload\":\"%s\"}",
    };
    const keys *made = *state;
    room jwks;
    room token;
    room wrapped;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    make_token(made->ours, GOOD_HEADER, GOOD_CLAIMS, &token);
    for (size_t i = 0; i < COUNT(formats); i++) {
        const char *place = strstr(formats[i], "%s");
        size_t before = place != NULL ? (size_t)(place - formats[i]) : strlen(formats[i]);

        (void)snprintf(wrapped.text, sizeof wrapped.text, "%.*s%.4000s%s", (int)before, formats[i],
                       place != NULL ? token.text : "", place != NULL ? place + 2 : "");
        expect(verify(wrapped.text, jwks.text), ACCS_JWT_MALFORMED, formats[i]);
    }
    expect(accs_jwt_verify((accs_text){0}, &(accs_jwt_check){.now_s = 1}), ACCS_JWT_MALFORMED,
           "no bytes at all");
}

/* s + n stands for the same number as s: one token would have two texts. */
static void takes_one_text_of_a_signature(void **state)
{
    const keys *made = *state;
    unsigned char signature[NUMBER_ROOM] = {0};
    unsigned char sum[NUMBER_ROOM];
    BIGNUM *modulus = NULL;
    BIGNUM *number;
    room jwks;
    room token;
    size_t len;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    begin_token(GOOD_HEADER, GOOD_CLAIMS, &token);
    len = strlen(token.text);
    sign(made->ours, EVP_sha256(), token.text, signature + 1);
    EVP_PKEY_get_bn_param(made->ours, OSSL_PKEY_PARAM_RSA_N, &modulus);
    number = BN_bin2bn(signature + 1, 256, NULL);
    BN_add(number, number, modulus);
    end_token(sum, (size_t)BN_bn2bin(number, sum), &token);
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "s + n");
    token.text[len] = '\0';
    end_token(signature, 257, &token);
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "a zero byte before");
    token.text[len] = '\0';
    end_token(signature + 1, 257, &token);
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "a zero byte behind");
    token.text[len] = '\0';
    end_token(signature + 1, 256, &token);
    expect(verify(token.text, jwks.text), ACCS_JWT_GOOD, "as it was made");
    BN_free(number);
    BN_free(modulus);
}

/* A token of just that length, by blanks in header and claims. */
static const char *make_long_token(EVP_PKEY *key, size_t len, room *token)
{
    static char claims[TEXT_ROOM];
    size_t padding = (len - 400) * 3 / 4;

    for (size_t i = 0; i < 64; i++) {
        char header[64];

        (void)snprintf(header, sizeof header, "%s%.*s", GOOD_HEADER, (int)(i % 8), "        ");
        (void)snprintf(claims, sizeof claims, "%s%*s", GOOD_CLAIMS, (int)(padding - i / 8), "");
        begin_token(header, claims, token);
        if (strlen(token->text) + 1 + 342 == len)
            return make_token(key, header, claims, token);
    }
    fail_msg("no token of %zu bytes", len);
    return NULL;
}

static void bounds_a_token(void **state)
{
    const keys *made = *state;
    room jwks;
    room token;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    expect(verify(make_long_token(made->ours, ACCS_LIMIT_TOKEN_MAX, &token), jwks.text),
           ACCS_JWT_GOOD, "the longest");
    expect(verify(make_long_token(made->ours, ACCS_LIMIT_TOKEN_MAX + 1, &token), jwks.text),
           ACCS_JWT_MALFORMED, "longer");
}

/* OpenSSL's list of errors is the thread's: the host's stay there, and none are left behind. */
static void leaves_the_errors_of_the_host(void **state)
{
    const keys *made = *state;
    unsigned long before;
    room jwks;
    room token;

    make_jwks(made->ours, ",\"kid\":\"key-1\"", &jwks);
    make_token(made->other, GOOD_HEADER, GOOD_CLAIMS, &token);
    ERR_clear_error();
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "another's");
    assert_int_equal(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_USER, 7);
    before = ERR_peek_last_error();
    expect(verify(token.text, jwks.text), ACCS_JWT_SIGNATURE, "another's");
    assert_int_equal(ERR_get_error(), before);
    assert_int_equal(ERR_get_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_rfc_example),
        cmocka_unit_test(takes_rs256_alone),
        cmocka_unit_test(cannot_be_forged),
        cmocka_unit_test(takes_no_key_from_the_token),
        cmocka_unit_test(takes_no_other_digest),
        cmocka_unit_test(notices_every_cut),
        cmocka_unit_test(notices_every_flipped_bit_of_a_signature),
        cmocka_unit_test(notices_every_changed_character),
        cmocka_unit_test(takes_the_compact_form_alone),
        cmocka_unit_test(takes_one_text_of_a_signature),
        cmocka_unit_test(bounds_a_token),
        cmocka_unit_test(leaves_the_errors_of_the_host),
    };

    return cmocka_run_group_tests_name("jwt", tests, make_keys, free_keys);
}
