#include "seal.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

/* "ACCS" and the version of the format. */
static const unsigned char MAGIC[5] = {'A', 'C', 'C', 'S', 1};
/* Another version has another salt, and so other keys. */
static const char SALT[] = "accs sealing, version 1";

enum {
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    HEADER_BYTES = sizeof MAGIC + ACCS_SEAL_ID_BYTES + NONCE_BYTES,
};

_Static_assert((int)HEADER_BYTES + (int)TAG_BYTES == (int)ACCS_SEAL_OVERHEAD, "as seal.h says");

/* For a parameter of libcrypto, which are not const but only read. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t bytes_len)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, bytes_len);
}

accs_error accs_hkdf_sha256(const void *secret, size_t secret_len, const void *salt,
                            size_t salt_len, const void *info, size_t info_len, unsigned char *okm,
                            size_t okm_len)
{
    accs_error error = ACCS_ERROR_MEMORY;
    char digest[] = "SHA256";
    EVP_KDF *kdf = NULL;
    EVP_KDF_CTX *context = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, secret_len > 0 ? secret : "", secret_len),
        octets(OSSL_KDF_PARAM_SALT, salt_len > 0 ? salt : "", salt_len),
        octets(OSSL_KDF_PARAM_INFO, info_len > 0 ? info : "", info_len),
        OSSL_PARAM_construct_end(),
    };

    ERR_set_mark(); /* what fails here is not left to whoever uses libcrypto next */
    kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    context = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    if (context != NULL && EVP_KDF_derive(context, okm, okm_len, params) == 1)
        error = ACCS_OK;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    ERR_pop_to_mark();
    return error;
}

/* For one use of the secret: info is purpose and use, and no two uses end alike. */
static accs_error derive(const char *secret, size_t secret_len, const char *purpose,
                         const char *use, unsigned char *okm, size_t okm_len)
{
    accs_buffer info;
    accs_error error;

    accs_buffer_init(&info, strlen(purpose) + strlen(use));
    error = accs_buffer_append_text(&info, purpose);
    if (error == ACCS_OK)
        error = accs_buffer_append_text(&info, use);
    if (error == ACCS_OK)
        error = accs_hkdf_sha256(secret, secret_len, SALT, sizeof SALT - 1, info.bytes, info.len,
                                 okm, okm_len);
    accs_buffer_cleanup(&info);
    return error;
}

accs_error accs_seal_key_derive(const char *secret, size_t secret_len, const char *purpose,
                                accs_seal_key *key)
{
    static const char digits[] = "0123456789abcdef";
    accs_seal_key made = {.id_text = ""};
    accs_error error = derive(secret, secret_len, purpose, " key", made.key, sizeof made.key);

    if (error == ACCS_OK)
        error = derive(secret, secret_len, purpose, " id", made.id, sizeof made.id);
    if (error == ACCS_OK) {
        for (size_t i = 0; i < sizeof made.id; i++) {
            made.id_text[2 * i] = digits[made.id[i] >> 4];
            made.id_text[2 * i + 1] = digits[made.id[i] & 15];
        }
        *key = made;
    }
    accs_wipe(&made, sizeof made);
    return error;
}

void accs_seal_key_cleanup(accs_seal_key *key)
{
    accs_wipe(key, sizeof *key);
}

/* Key, nonce and associated data into a cipher that is to encrypt (or not). */
static bool start(EVP_CIPHER_CTX *cipher, const accs_seal_key *key, const unsigned char *header,
                  const char *context, bool encrypts)
{
    const unsigned char *nonce = header + HEADER_BYTES - NONCE_BYTES;
    size_t context_len = strlen(context);
    int len;

    return context_len <= INT_MAX &&
           EVP_CipherInit_ex2(cipher, EVP_aes_256_gcm(), key->key, nonce, encrypts, NULL) == 1 &&
           EVP_CipherUpdate(cipher, NULL, &len, header, HEADER_BYTES) == 1 &&
           EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)context, (int)context_len) ==
               1;
}

accs_error accs_seal(const accs_seal_key *key, const char *context, const void *bytes,
                     size_t bytes_len, accs_buffer *sealed)
{
    accs_error error = ACCS_ERROR_MEMORY;
    EVP_CIPHER_CTX *cipher = NULL;
    unsigned char nonce[NONCE_BYTES];
    unsigned char *out;
    unsigned char *text;
    int len;

    if (bytes_len > INT_MAX - ACCS_SEAL_OVERHEAD)
        return ACCS_ERROR_TOO_LARGE;
    error = accs_buffer_reserve(sealed, ACCS_SEAL_OVERHEAD + bytes_len);
    if (error != ACCS_OK)
        return error;
    ERR_set_mark();
    error = ACCS_ERROR_IO;
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        goto done;
    error = ACCS_ERROR_MEMORY;
    out = (unsigned char *)sealed->bytes + sealed->len;
    text = out + HEADER_BYTES;
    memcpy(out, MAGIC, sizeof MAGIC);
    memcpy(out + sizeof MAGIC, key->id, sizeof key->id);
    memcpy(text - sizeof nonce, nonce, sizeof nonce);
    cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL || !start(cipher, key, out, context, true))
        goto done;
    if (bytes_len > 0 && EVP_CipherUpdate(cipher, text, &len, bytes, (int)bytes_len) != 1)
        goto done;
    if (EVP_CipherFinal_ex(cipher, text + bytes_len, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + bytes_len) != 1)
        goto done;
    sealed->len += ACCS_SEAL_OVERHEAD + bytes_len;
    error = ACCS_OK;

done:
    sealed->bytes[sealed->len] = '\0';
    EVP_CIPHER_CTX_free(cipher);
    ERR_pop_to_mark();
    return error;
}

accs_error accs_unseal(const accs_seal_key *key, const char *context, const void *sealed,
                       size_t sealed_len, accs_secret *bytes)
{
    accs_error error = ACCS_ERROR_MEMORY;
    const unsigned char *in = sealed;
    const unsigned char *text;
    accs_secret opened = {0};
    EVP_CIPHER_CTX *cipher = NULL;
    unsigned char tag[TAG_BYTES];
    int len;

    if (sealed_len < ACCS_SEAL_OVERHEAD || sealed_len > INT_MAX ||
        memcmp(in, MAGIC, sizeof MAGIC) != 0 ||
        memcmp(in + sizeof MAGIC, key->id, sizeof key->id) != 0)
        return ACCS_ERROR_PARSE;
    ERR_set_mark();
    text = in + HEADER_BYTES;
    opened.len = sealed_len - ACCS_SEAL_OVERHEAD;
    opened.bytes = malloc(opened.len + 1);
    cipher = EVP_CIPHER_CTX_new();
    if (opened.bytes == NULL || cipher == NULL || !start(cipher, key, in, context, false))
        goto done;
    memcpy(tag, text + opened.len, sizeof tag);
    if (EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) != 1 ||
        EVP_CipherUpdate(cipher, (unsigned char *)opened.bytes, &len, text, (int)opened.len) != 1)
        goto done;
    opened.bytes[opened.len] = '\0';
    if (EVP_CipherFinal_ex(cipher, tag, &len) != 1) {
        error = ACCS_ERROR_PARSE;
        goto done;
    }
    accs_secret_cleanup(bytes);
    *bytes = opened;
    opened = (accs_secret){0};
    error = ACCS_OK;

done:
    accs_secret_cleanup(&opened); /* also what was opened before the tag was seen to be wrong */
    EVP_CIPHER_CTX_free(cipher);
    ERR_pop_to_mark();
    return error;
}
