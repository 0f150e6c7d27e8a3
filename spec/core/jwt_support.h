/* Makes keys, key sets and tokens with OpenSSL alone; nothing here is the core's. */
#ifndef JWT_SUPPORT_H
#define JWT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "accs.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { TEXT_ROOM = 131072, NUMBER_ROOM = 4096 };

/* Room for what a test puts together. */
typedef struct room {
    char text[TEXT_ROOM];
} room;

/* Adds to what is there. */
static inline void add(room *made, const char *text)
{
    size_t len = strlen(made->text);
    size_t text_len = strlen(text);

    assert_in_range(len + text_len, 0, sizeof made->text - 1);
    memcpy(made->text + len, text, text_len + 1);
}

static inline void base64url(const void *bytes, size_t bytes_len, char *text)
{
    int len = EVP_EncodeBlock((unsigned char *)text, bytes, (int)bytes_len);

    while (len > 0 && text[len - 1] == '=')
        len--;
    text[len] = '\0';
    for (char *at = text; *at != '\0'; at++)
        *at = (char)(*at == '+' ? '-' : *at == '/' ? '_' : *at);
}

/* A new key with that exponent; EVP_PKEY_free(). */
static inline EVP_PKEY *make_rsa(unsigned bits, unsigned exponent)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *number = BN_new();
    EVP_PKEY *key = NULL;

    BN_set_word(number, exponent);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, number), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    BN_free(number);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* n or e in base64url, behind that many zero bytes. */
static inline void number_of(EVP_PKEY *key, const char *name, size_t zeros, char *text)
{
    unsigned char bytes[NUMBER_ROOM] = {0};
    BIGNUM *number = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    base64url(bytes, zeros + (size_t)BN_bn2bin(number, bytes + zeros), text);
    BN_free(number);
}

/* A JWK of the key; members begins with a comma, or is "". */
static inline const char *make_jwk(EVP_PKEY *key, const char *members, room *made)
{
    char modulus[NUMBER_ROOM];
    char exponent[NUMBER_ROOM];

    number_of(key, OSSL_PKEY_PARAM_RSA_N, 0, modulus);
    number_of(key, OSSL_PKEY_PARAM_RSA_E, 0, exponent);
    made->text[0] = '\0';
    add(made, "{\"kty\":\"RSA\",\"n\":\"");
    add(made, modulus);
    add(made, "\",\"e\":\"");
    add(made, exponent);
    add(made, "\"");
    add(made, members);
    add(made, "}");
    return made->text;
}

/* {"keys":[...]} of one key. */
static inline const char *make_jwks(EVP_PKEY *key, const char *members, room *made)
{
    room jwk;

    made->text[0] = '\0';
    add(made, "{\"keys\":[");
    add(made, make_jwk(key, members, &jwk));
    add(made, "]}");
    return made->text;
}

/* "header.claims" */
static inline void begin_token(const char *header, const char *claims, room *made)
{
    base64url(header, strlen(header), made->text);
    add(made, ".");
    base64url(claims, strlen(claims), made->text + strlen(made->text));
}

/* ".signature" behind what is there. */
static inline void end_token(const void *signature, size_t signature_len, room *made)
{
    add(made, ".");
    base64url(signature, signature_len, made->text + strlen(made->text));
}

static inline size_t sign(EVP_PKEY *key, const EVP_MD *digest, const char *text,
                          unsigned char *signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t signature_len = NUMBER_ROOM;

    assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &signature_len, (const unsigned char *)text,
                                    strlen(text)),
                     1);
    EVP_MD_CTX_free(context);
    return signature_len;
}

/* A token signed with RSASSA-PKCS1-v1_5 and SHA-256, whatever its header says. */
static inline const char *make_token(EVP_PKEY *key, const char *header, const char *claims,
                                     room *made)
{
    unsigned char signature[NUMBER_ROOM];
    size_t signature_len;

    begin_token(header, claims, made);
    signature_len = sign(key, EVP_sha256(), made->text, signature);
    end_token(signature, signature_len, made);
    return made->text;
}

static inline accs_text text_of(const char *text)
{
    return (accs_text){.bytes = text, .len = strlen(text)};
}

#endif
