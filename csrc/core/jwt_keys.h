/* The keys of an issuer (JWKS, RFC 7517) and what is signed with them. Pure. */
#ifndef ACCS_JWT_KEYS_H
#define ACCS_JWT_KEYS_H

#include "secret.h"

enum {
    ACCS_JWT_KEY_BITS_MIN = 2048,  /* RFC 7518, 3.3 */
    ACCS_JWT_KEY_BITS_MAX = 16384, /* OpenSSL refuses more */
    ACCS_JWT_EXPONENT_MAX = 8,     /* bytes; OpenSSL takes no more for long keys */
    ACCS_JWT_KEYS_TRIED = 4,       /* of one kid */
};

/* A public RSA key, big endian, without leading zeros. */
typedef struct accs_jwt_key {
    unsigned char modulus[ACCS_JWT_KEY_BITS_MAX / 8];
    size_t modulus_len;
    unsigned char exponent[ACCS_JWT_EXPONENT_MAX];
    size_t exponent_len;
} accs_jwt_key;

typedef struct accs_jwt_keys {
    accs_jwt_key keys[ACCS_JWT_KEYS_TRIED];
    size_t count; /* of keys */
} accs_jwt_keys;

/*
 * The keys of a set that may have made a signature with RS256: kty RSA, and no use, key_ops or alg
 * that says otherwise. A key of another kind, of a bad size, or with a member named twice is as if
 * it were not there.
 *
 * kid   those of that name; should an issuer give one name to several keys, the first
 *       ACCS_JWT_KEYS_TRIED. Unset: the one key of a set that has no second; of more, none.
 * keys  set on success
 *
 * Errors: ACCS_ERROR_PARSE (no JWKS), ACCS_ERROR_MEMORY.
 */
accs_error accs_jwt_keys_read(accs_text jwks, const accs_secret *kid, accs_jwt_keys *keys);

/* GOOD, SIGNATURE or NO_MEMORY: whether the key has signed the text (RSASSA-PKCS1-v1_5, SHA-256).
 */
accs_jwt_verdict accs_jwt_key_verify(const accs_jwt_key *key, accs_text text, accs_text signature);

#endif
