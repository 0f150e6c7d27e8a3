/* The certificate that a listener on this machine makes for itself. */
#ifndef ACCS_LOOPBACK_TLS_H
#define ACCS_LOOPBACK_TLS_H

#include <openssl/ssl.h>

/*
 * A server context with a fresh EC P-256 key and a self-signed certificate for localhost, 127.0.0.1
 * and ::1 that is good for a day; TLS 1.2 or newer. NULL when there is no memory, or no random
 * numbers; nothing is left in OpenSSL's list of errors.
 */
SSL_CTX *accs_loopback_tls(void);

#endif
