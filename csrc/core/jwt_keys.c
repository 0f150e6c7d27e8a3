#include "jwt_keys.h"

#include "base64url.h"
#include "jwt_object.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

/* ------------------------------------------------------------- one JWK */

typedef enum jwk_member { KTY = 0, USE, KEY_OPS, ALG, KID, MODULUS, EXPONENT } jwk_member;

static const char *const JWK_NAMES[] = {
    [KTY] = "kty", [USE] = "use",   [KEY_OPS] = "key_ops", [ALG] = "alg",
    [KID] = "kid", [MODULUS] = "n", [EXPONENT] = "e",
};

typedef struct jwk {
    const accs_secret *kid; /* that is wanted */
    bool rsa;
    bool named;    /* has that kid */
    bool unusable; /* says that it is for something else */
    accs_jwt_key key;
} jwk;

/*
 * A whole number in base64url, without the leading zeros that it should not have, but that some
 * libraries write (RFC 7518, 6.3.1.1). Returns its bytes, 0 when it is none or has no room.
 */
static size_t read_number(const accs_json_event *value, unsigned char *number, size_t number_max)
{
    unsigned char bytes[ACCS_JWT_KEY_BITS_MAX / 8 + 1];
    size_t bytes_len = 0;
    size_t zeros = 0;

    if (value->kind != ACCS_JSON_STRING || value->text_len > ACCS_BASE64URL_LEN(sizeof bytes) ||
        !accs_base64url_decode(value->text, value->text_len, bytes, &bytes_len))
        return 0;
    while (zeros < bytes_len && bytes[zeros] == 0)
        zeros++;
    if (bytes_len - zeros > number_max)
        return 0;
    memcpy(number, bytes + zeros, bytes_len - zeros);
    return bytes_len - zeros;
}

/* Whether a list of operations has "verify"; its ACCS_JSON_ARRAY has come. */
static accs_error read_operations(accs_json_reader *reader, bool *verifies)
{
    accs_error error = ACCS_OK;

    *verifies = false;
    while (error == ACCS_OK) {
        accs_json_event value;

        error = accs_jwt_next(reader, &value);
        if (error != ACCS_OK || value.kind == ACCS_JSON_ARRAY_END)
            break;
        *verifies = *verifies || accs_jwt_is_text(&value, "verify");
        error = accs_jwt_skip(reader, value.kind);
    }
    return error;
}

static accs_error take_of_jwk(void *into, size_t member, accs_json_reader *reader,
                              const accs_json_event *value)
{
    jwk *found = into;
    bool verifies;
    accs_error error;

    switch ((jwk_member)member) {
    case KTY:
        found->rsa = accs_jwt_is_text(value, "RSA");
        break;
    case USE:
        found->unusable = found->unusable || !accs_jwt_is_text(value, "sig");
        break;
    case ALG:
        found->unusable = found->unusable || !accs_jwt_is_text(value, "RS256");
        break;
    case KEY_OPS:
        if (value->kind != ACCS_JSON_ARRAY) {
            found->unusable = true;
            break;
        }
        error = read_operations(reader, &verifies);
        found->unusable = found->unusable || !verifies;
        return error;
    case KID:
        found->named = found->kid->bytes != NULL && value->kind == ACCS_JSON_STRING &&
                       value->text_len == found->kid->len &&
                       memcmp(value->text, found->kid->bytes, value->text_len) == 0;
        break;
    case MODULUS:
        found->key.modulus_len = read_number(value, found->key.modulus, sizeof found->key.modulus);
        break;
    case EXPONENT:
        found->key.exponent_len =
            read_number(value, found->key.exponent, sizeof found->key.exponent);
        break;
    }
    return accs_jwt_skip(reader, value->kind);
}

static size_t bits_of(const unsigned char *number, size_t number_len)
{
    size_t bits = 8 * number_len;

    for (unsigned bit = 0x80; number_len > 0 && bit > number[0]; bit >>= 1)
        bits--;
    return bits;
}

/* Whether n and e can be those of an RSA key that is worth a signature. */
static bool key_fits(const accs_jwt_key *key)
{
    return bits_of(key->modulus, key->modulus_len) >= ACCS_JWT_KEY_BITS_MIN &&
           (key->modulus[key->modulus_len - 1] & 1) != 0 && /* a product of odd primes */
           bits_of(key->exponent, key->exponent_len) > 1 && /* with 1 anybody can sign */
           (key->exponent[key->exponent_len - 1] & 1) != 0;
}

/* ------------------------------------------------------------- the set */

typedef struct jwks {
    const accs_secret *kid;
    bool is_list;
    size_t fitting; /* keys, more than there is room for included */
    accs_jwt_keys *keys;
} jwks;

static accs_error take_jwk(jwks *set, accs_json_reader *reader)
{
    jwk found = {.kid = set->kid};
    accs_jwt_object object = {.names = JWK_NAMES,
                              .name_count = sizeof JWK_NAMES / sizeof JWK_NAMES[0],
                              .take = take_of_jwk,
                              .into = &found};
    accs_error error = accs_jwt_object_read(reader, &object);

    if (error != ACCS_OK)
        return error;
    if (!found.rsa || found.unusable || object.repeated || !key_fits(&found.key) ||
        (set->kid->bytes != NULL && !found.named))
        return ACCS_OK;
    set->fitting++;
    if (set->keys->count < ACCS_JWT_KEYS_TRIED)
        set->keys->keys[set->keys->count++] = found.key;
    return ACCS_OK;
}

/* The list of keys; what is no object in it is no key. */
static accs_error take_of_jwks(void *into, size_t member, accs_json_reader *reader,
                               const accs_json_event *value)
{
    jwks *set = into;
    accs_error error = ACCS_OK;

    (void)member; /* there is but one */
    set->is_list = value->kind == ACCS_JSON_ARRAY;
    if (!set->is_list)
        return accs_jwt_skip(reader, value->kind);
    while (error == ACCS_OK) {
        accs_json_event entry;

        error = accs_jwt_next(reader, &entry);
        if (error != ACCS_OK || entry.kind == ACCS_JSON_ARRAY_END)
            break;
        error = entry.kind == ACCS_JSON_OBJECT ? take_jwk(set, reader)
                                               : accs_jwt_skip(reader, entry.kind);
    }
    return error;
}

accs_error accs_jwt_keys_read(accs_text jwks_text, const accs_secret *kid, accs_jwt_keys *keys)
{
    static const char *const names[] = {"keys"};
    accs_jwt_keys found = {.count = 0};
    jwks set = {.kid = kid, .keys = &found};
    accs_jwt_object object = {.names = names, .name_count = 1, .take = take_of_jwks, .into = &set};
    accs_error error = accs_jwt_document_read(jwks_text, &object);

    if (error == ACCS_OK && (!set.is_list || object.repeated))
        error = ACCS_ERROR_PARSE;
    if (error != ACCS_OK)
        return error;
    if (kid->bytes == NULL && set.fitting != 1)
        found.count = 0;
    *keys = found;
    return ACCS_OK;
}

/* ----------------------------------------------------------- signatures */

/* The key as OpenSSL has it. NULL: no memory. */
static EVP_PKEY *make_key(const accs_jwt_key *key)
{
    BIGNUM *modulus = BN_bin2bn(key->modulus, (int)key->modulus_len, NULL);
    BIGNUM *exponent = BN_bin2bn(key->exponent, (int)key->exponent_len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *values = NULL;
    EVP_PKEY *made = NULL;

    if (modulus == NULL || exponent == NULL || builder == NULL || context == NULL ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
        goto done;
    values = OSSL_PARAM_BLD_to_param(builder);
    if (values == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, values) != 1)
        made = NULL;

done:
    OSSL_PARAM_free(values);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_BLD_free(builder);
    BN_free(exponent);
    BN_free(modulus);
    return made;
}

accs_jwt_verdict accs_jwt_key_verify(const accs_jwt_key *key, accs_text text, accs_text signature)
{
    accs_jwt_verdict verdict = ACCS_JWT_NO_MEMORY;
    EVP_PKEY *made = NULL;
    EVP_MD_CTX *digest = NULL;
    EVP_PKEY_CTX *context = NULL; /* the digest's */

    ERR_set_mark(); /* the host's own errors stay, and ours do not */
    made = make_key(key);
    digest = EVP_MD_CTX_new();
    if (made == NULL || digest == NULL ||
        EVP_DigestVerifyInit(digest, &context, EVP_sha256(), NULL, made) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1)
        goto done;
    verdict = EVP_DigestVerify(digest, (const unsigned char *)signature.bytes, signature.len,
                               (const unsigned char *)text.bytes, text.len) == 1
                  ? ACCS_JWT_GOOD
                  : ACCS_JWT_SIGNATURE;

done:
    EVP_MD_CTX_free(digest);
    EVP_PKEY_free(made);
    ERR_pop_to_mark();
    return verdict;
}
