#include "accs.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base64url.h"
#include "secret.h"

enum { RANDOM_BYTES = 32, VERIFIER_MIN = 43, VERIFIER_MAX = 128, SHA256_BYTES = 32 };

_Static_assert(ACCS_BASE64URL_LEN(RANDOM_BYTES) == ACCS_PKCE_LEN, "a verifier is 256 bits");
_Static_assert(ACCS_BASE64URL_LEN(SHA256_BYTES) == ACCS_PKCE_LEN, "a challenge is a SHA-256");

/* 256 random bits as text. */
static accs_error random_text(char text[ACCS_PKCE_LEN + 1])
{
    unsigned char bytes[RANDOM_BYTES];
    bool had;

    ERR_set_mark(); /* what fails here is not left to whoever uses libcrypto next */
    had = RAND_bytes(bytes, sizeof bytes) == 1;
    ERR_pop_to_mark();
    if (!had)
        return ACCS_ERROR_IO;
    accs_base64url_encode(bytes, sizeof bytes, text);
    accs_wipe(bytes, sizeof bytes);
    return ACCS_OK;
}

static bool is_verifier(const char *text)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t len = strnlen(text, VERIFIER_MAX + 1);

    return len >= VERIFIER_MIN && len <= VERIFIER_MAX && strspn(text, unreserved) == len;
}

accs_error accs_pkce_challenge(const char *verifier, char challenge[ACCS_PKCE_LEN + 1])
{
    unsigned char digest[SHA256_BYTES];
    bool done;

    if (!is_verifier(verifier))
        return ACCS_ERROR_PARSE;
    ERR_set_mark();
    done = EVP_Digest(verifier, strlen(verifier), digest, NULL, EVP_sha256(), NULL) == 1;
    ERR_pop_to_mark();
    if (!done)
        return ACCS_ERROR_MEMORY;
    accs_base64url_encode(digest, sizeof digest, challenge);
    return ACCS_OK;
}

accs_error accs_pkce_new(char verifier[ACCS_PKCE_LEN + 1], char challenge[ACCS_PKCE_LEN + 1])
{
    char made[ACCS_PKCE_LEN + 1];
    accs_error error = random_text(made);

    if (error == ACCS_OK)
        error = accs_pkce_challenge(made, challenge);
    if (error == ACCS_OK)
        memcpy(verifier, made, sizeof made);
    accs_wipe(made, sizeof made);
    return error;
}

accs_error accs_state_new(char state[ACCS_PKCE_LEN + 1])
{
    return random_text(state);
}

bool accs_text_equal(accs_text left, accs_text right)
{
    return left.len == right.len &&
           (left.len == 0 || CRYPTO_memcmp(left.bytes, right.bytes, left.len) == 0);
}
