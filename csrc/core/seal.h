/*
 * Sealing: AES-256-GCM with a fresh nonce each time, under keys from HKDF-SHA256.
 *
 * Format, version 1: "ACCS" 1, id of the key (8 bytes), nonce (12), ciphertext, tag (16). What
 * stands before the ciphertext, and the context, are associated data: sealed bytes are of no use
 * under another name.
 * Source: RFC 5869, NIST SP 800-38D.
 */
#ifndef ACCS_SEAL_H
#define ACCS_SEAL_H

#include "buffer.h"
#include "secret.h"

enum { ACCS_SEAL_KEY_BYTES = 32, ACCS_SEAL_ID_BYTES = 8, ACCS_SEAL_OVERHEAD = 5 + 8 + 12 + 16 };

typedef struct accs_seal_key {
    unsigned char key[ACCS_SEAL_KEY_BYTES];
    unsigned char id[ACCS_SEAL_ID_BYTES];     /* tells keys apart, and nothing about them */
    char id_text[2 * ACCS_SEAL_ID_BYTES + 1]; /* in hexadecimal, for names */
} accs_seal_key;

/* HKDF-SHA256 (RFC 5869). salt and info may be empty. ACCS_ERROR_MEMORY. */
accs_error accs_hkdf_sha256(const void *secret, size_t secret_len, const void *salt,
                            size_t salt_len, const void *info, size_t info_len, unsigned char *okm,
                            size_t okm_len);

/* The key that a secret stands for, for one purpose. ACCS_ERROR_MEMORY. */
accs_error accs_seal_key_derive(const char *secret, size_t secret_len, const char *purpose,
                                accs_seal_key *key);
/* Wipes. */
void accs_seal_key_cleanup(accs_seal_key *key);

/* sealed: appended to. ACCS_ERROR_IO (no random numbers), ACCS_ERROR_TOO_LARGE, ACCS_ERROR_MEMORY.
 */
accs_error accs_seal(const accs_seal_key *key, const char *context, const void *bytes,
                     size_t bytes_len, accs_buffer *sealed);

/* bytes: set on success. ACCS_ERROR_PARSE (any byte is wrong), ACCS_ERROR_MEMORY. */
accs_error accs_unseal(const accs_seal_key *key, const char *context, const void *sealed,
                       size_t sealed_len, accs_secret *bytes);

#endif
