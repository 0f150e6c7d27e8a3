/* Which certificates are trusted. */
#ifndef ACCS_TRUST_H
#define ACCS_TRUST_H

#include "compat.h"

#include <stdbool.h>

/*
 * Sets the trust store of an easy handle. ca_file (PEM) wins, then the
 * environment's SSL_CERT_FILE and SSL_CERT_DIR, then the system's hashed
 * directory where there is one: loading the whole bundle costs most of the time
 * that a first call takes, and the directory holds the same certificates.
 * Otherwise libcurl's own default stays.
 *
 * Returns false when memory runs out.
 */
bool accs_trust_set(CURL *easy, const char *ca_file);

#endif
