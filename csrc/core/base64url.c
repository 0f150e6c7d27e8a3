#include "base64url.h"

#include <openssl/evp.h>
#include <string.h>

#include "secret.h"

/* Per step: whole groups, so that what libcrypto writes needs no padding. */
enum { STEP_TEXT = 256, STEP_BYTES = STEP_TEXT / 4 * 3 };

static void to_url_alphabet(char *text, size_t text_len)
{
    for (size_t i = 0; i < text_len; i++) {
        if (text[i] == '+')
            text[i] = '-';
        else if (text[i] == '/')
            text[i] = '_';
    }
}

void accs_base64url_encode(const void *bytes, size_t bytes_len, char *text)
{
    const unsigned char *from = bytes;
    unsigned char encoded[STEP_TEXT + 1]; /* of its own: the last step may be padded */

    while (bytes_len > 0) {
        size_t step = bytes_len < STEP_BYTES ? bytes_len : STEP_BYTES;
        size_t text_len = ACCS_BASE64URL_LEN(step);

        (void)EVP_EncodeBlock(encoded, from, (int)step);
        memcpy(text, encoded, text_len);
        to_url_alphabet(text, text_len);
        from += step;
        bytes_len -= step;
        text += text_len;
    }
    *text = '\0';
    accs_wipe(encoded, sizeof encoded);
}

/* The characters in the alphabet that libcrypto knows; false for any other. */
static bool from_url_alphabet(const char *text, size_t text_len, unsigned char *encoded)
{
    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            encoded[i] = (unsigned char)c;
        else if (c == '-')
            encoded[i] = '+';
        else if (c == '_')
            encoded[i] = '/';
        else
            return false;
    }
    return true;
}

/* One step. A last group of two or three characters is filled with zero bits. */
static bool decode_step(const char *text, size_t text_len, unsigned char *bytes)
{
    bool decoded = false;
    unsigned char encoded[STEP_TEXT];
    unsigned char plain[STEP_BYTES];
    size_t padded_len = (text_len + 3) / 4 * 4;
    size_t bytes_len = text_len * 3 / 4;

    if (!from_url_alphabet(text, text_len, encoded))
        goto done;
    memset(encoded + text_len, 'A', padded_len - text_len);
    if (EVP_DecodeBlock(plain, encoded, (int)padded_len) < 0)
        goto done;
    for (size_t i = bytes_len; i < padded_len / 4 * 3; i++)
        if (plain[i] != 0)
            goto done; /* bits that no encoder sets: one value has one text */
    memcpy(bytes, plain, bytes_len);
    decoded = true;

done:
    accs_wipe(encoded, sizeof encoded);
    accs_wipe(plain, sizeof plain);
    return decoded;
}

bool accs_base64url_decode(const char *text, size_t text_len, unsigned char *bytes,
                           size_t *bytes_len)
{
    size_t len = text_len / 4 * 3 + text_len % 4 * 3 / 4;

    if (text_len % 4 == 1)
        return false;
    while (text_len > 0) {
        size_t step = text_len < STEP_TEXT ? text_len : STEP_TEXT;

        if (!decode_step(text, step, bytes))
            return false;
        text += step;
        text_len -= step;
        bytes += step / 4 * 3;
    }
    *bytes_len = len;
    return true;
}
