/* base64url without padding (RFC 4648, 5), as JWTs and PKCE have it. */
#ifndef ACCS_BASE64URL_H
#define ACCS_BASE64URL_H

#include "accs.h"

/* Characters that bytes_len bytes become, without the NUL. */
#define ACCS_BASE64URL_LEN(bytes_len) (((bytes_len)*4 + 2) / 3)

/* text: room for ACCS_BASE64URL_LEN(bytes_len) + 1. */
void accs_base64url_encode(const void *bytes, size_t bytes_len, char *text);

/*
 * Strict: padding, blanks, other characters and bits that are left over and not zero are refused.
 *
 * bytes      the caller's, room for text_len * 3 / 4
 * bytes_len  set on success
 */
bool accs_base64url_decode(const char *text, size_t text_len, unsigned char *bytes,
                           size_t *bytes_len);

#endif
