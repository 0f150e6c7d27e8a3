/*
 * RSA signatures, hashes, random bytes and base64url for the sandbox's tokens, by OpenSSL.
 *
 * Lua: crypto.key() -> key; key:sign(bytes) -> signature; key:verify(bytes, signature) -> boolean;
 * key:public() -> modulus, exponent; crypto.sha256(bytes) -> bytes; crypto.random(count) -> bytes;
 * crypto.base64url(bytes) -> text; crypto.from_base64url(text) -> bytes | nil; crypto.equal(a, b)
 * -> boolean, in a time that does not tell where they differ.
 * OpenSSL's failures raise.
 */
#include "native.h"

#include <lauxlib.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define KEY_TYPE "accs.sandbox.key"
#define KEY_BITS 2048
#define KEY_PRIMES 3
#define SIGNATURE_MAX (KEY_BITS / 8)
#define RANDOM_MAX 1024

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

typedef struct {
    EVP_PKEY *pair; /* owned; NULL when not made yet, or closed */
} key_box;

static EVP_PKEY *check_key(lua_State *L)
{
    key_box *box = luaL_checkudata(L, 1, KEY_TYPE);

    if (box->pair == NULL)
        luaL_error(L, "the key is closed");
    return box->pair;
}

/*
 * A new RSA pair, owned by the caller; NULL when OpenSSL fails. Three primes instead of two: they
 * are found in a third of the time, and each start of the sandbox waits for them.
 */
static EVP_PKEY *make_pair(void)
{
    EVP_PKEY *pair = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    if (context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_keygen_bits(context, KEY_BITS) == 1 &&
        EVP_PKEY_CTX_set_rsa_keygen_primes(context, KEY_PRIMES) == 1 &&
        EVP_PKEY_generate(context, &pair) != 1)
        pair = NULL;
    EVP_PKEY_CTX_free(context);
    return pair;
}

/* crypto.key() -> key: a new RSA pair for RS256. */
static int key_new(lua_State *L)
{
    key_box *box = lua_newuserdatauv(L, sizeof *box, 0);

    box->pair = NULL;
    luaL_setmetatable(L, KEY_TYPE);
    box->pair = make_pair();
    if (box->pair == NULL)
        return luaL_error(L, "OpenSSL could not make an RSA key");
    return 1;
}

/* key:sign(bytes) -> signature: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3). */
static int key_sign(lua_State *L)
{
    EVP_PKEY *pair = check_key(L);
    size_t bytes_len;
    const char *bytes = luaL_checklstring(L, 2, &bytes_len);
    unsigned char signature[SIGNATURE_MAX];
    size_t signature_len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pair) == 1 &&
              EVP_DigestSign(context, signature, &signature_len, (const unsigned char *)bytes,
                             bytes_len) == 1;

    EVP_MD_CTX_free(context);
    if (!ok)
        return luaL_error(L, "OpenSSL could not sign");
    lua_pushlstring(L, (const char *)signature, signature_len);
    return 1;
}

/* key:verify(bytes, signature) -> boolean */
static int key_verify(lua_State *L)
{
    EVP_PKEY *pair = check_key(L);
    size_t bytes_len;
    size_t signature_len;
    const char *bytes = luaL_checklstring(L, 2, &bytes_len);
    const char *signature = luaL_checklstring(L, 3, &signature_len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL &&
              EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pair) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature, signature_len,
                               (const unsigned char *)bytes, bytes_len) == 1;

    EVP_MD_CTX_free(context);
    lua_pushboolean(L, ok);
    return 1;
}

/* Pushes a number of the key as bytes, the largest first; false when OpenSSL fails. */
static bool push_number(lua_State *L, const EVP_PKEY *pair, const char *name)
{
    unsigned char bytes[KEY_BITS / 8];
    BIGNUM *number = NULL;
    int bytes_len = 0;

    if (EVP_PKEY_get_bn_param(pair, name, &number) == 1 &&
        BN_num_bytes(number) <= (int)sizeof bytes)
        bytes_len = BN_bn2bin(number, bytes);
    BN_free(number);
    lua_pushlstring(L, (const char *)bytes, (size_t)bytes_len);
    return bytes_len > 0;
}

/* key:public() -> modulus, exponent: big-endian bytes without leading zeros (RFC 7518, 6.3.1). */
static int key_public(lua_State *L)
{
    const EVP_PKEY *pair = check_key(L);

    if (!push_number(L, pair, OSSL_PKEY_PARAM_RSA_N) ||
        !push_number(L, pair, OSSL_PKEY_PARAM_RSA_E))
        return luaL_error(L, "OpenSSL does not tell the public key");
    return 2;
}

static int key_close(lua_State *L)
{
    key_box *box = luaL_checkudata(L, 1, KEY_TYPE);
    EVP_PKEY *pair = box->pair;

    box->pair = NULL;
    EVP_PKEY_free(pair);
    return 0;
}

/* crypto.sha256(bytes) -> 32 bytes */
static int hash_sha256(lua_State *L)
{
    size_t bytes_len;
    const char *bytes = luaL_checklstring(L, 1, &bytes_len);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;

    if (EVP_Digest(bytes, bytes_len, hash, &hash_len, EVP_sha256(), NULL) != 1)
        return luaL_error(L, "OpenSSL could not hash");
    lua_pushlstring(L, (const char *)hash, hash_len);
    return 1;
}

/* crypto.random(count) -> bytes, from OpenSSL's generator. */
static int random_bytes(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);
    unsigned char bytes[RANDOM_MAX];

    luaL_argcheck(L, count >= 1 && count <= RANDOM_MAX, 1, "must be from 1 to 1024");
    if (RAND_bytes(bytes, (int)count) != 1)
        return luaL_error(L, "OpenSSL has no random bytes");
    lua_pushlstring(L, (const char *)bytes, (size_t)count);
    return 1;
}

/* crypto.base64url(bytes) -> text without padding (RFC 4648, 5). */
static int encode_base64url(lua_State *L)
{
    size_t bytes_len;
    const char *bytes = luaL_checklstring(L, 1, &bytes_len);
    luaL_Buffer text;
    uint32_t bits = 0;
    unsigned count = 0;

    luaL_buffinit(L, &text);
    for (size_t i = 0; i < bytes_len; i++) {
        bits = (bits << 8) | (unsigned char)bytes[i];
        for (count += 8; count >= 6; count -= 6)
            luaL_addchar(&text, alphabet[(bits >> (count - 6)) & 63u]);
    }
    if (count > 0)
        luaL_addchar(&text, alphabet[(bits << (6 - count)) & 63u]);
    luaL_pushresult(&text);
    return 1;
}

/* crypto.from_base64url(text) -> bytes, or nil for anything that is not base64url. */
static int decode_base64url(lua_State *L)
{
    size_t text_len;
    const char *text = luaL_checklstring(L, 1, &text_len);
    luaL_Buffer bytes;
    uint32_t bits = 0;
    unsigned count = 0;

    luaL_buffinit(L, &bytes);
    for (size_t i = 0; i < text_len; i++) {
        const char *place = text[i] == '\0' ? NULL : strchr(alphabet, text[i]);

        if (place == NULL) {
            lua_pushnil(L);
            return 1;
        }
        bits = (bits << 6) | (uint32_t)(place - alphabet);
        count += 6;
        if (count >= 8) {
            count -= 8;
            luaL_addchar(&bytes, (char)((bits >> count) & 255u));
        }
    }
    luaL_pushresult(&bytes);
    return 1;
}

/* crypto.equal(a, b) -> boolean; only the lengths show in the time it takes. */
static int equal_bytes(lua_State *L)
{
    size_t a_len;
    size_t b_len;
    const char *a = luaL_checklstring(L, 1, &a_len);
    const char *b = luaL_checklstring(L, 2, &b_len);

    lua_pushboolean(L, a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0);
    return 1;
}

int accs_sandbox_crypto_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"sign", key_sign},  {"verify", key_verify}, {"public", key_public}, {"close", key_close},
        {"__gc", key_close}, {"__close", key_close}, {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"key", key_new},
        {"sha256", hash_sha256},
        {"random", random_bytes},
        {"base64url", encode_base64url},
        {"from_base64url", decode_base64url},
        {"equal", equal_bytes},
        {NULL, NULL},
    };

    luaL_newmetatable(L, KEY_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
