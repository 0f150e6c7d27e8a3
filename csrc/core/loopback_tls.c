#include "loopback_tls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>

enum { DAY_S = 86400, EARLIER_S = 300, X509_VERSION_3_NUMBER = 2 };

/* Names and uses (RFC 5280, 4.2.1). */
static const struct {
    int nid;
    const char *value;
} EXTENSIONS[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"},
};

static bool extend(X509 *certificate)
{
    X509V3_CTX context;
    bool fine = true;

    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    for (size_t i = 0; fine && i < sizeof EXTENSIONS / sizeof EXTENSIONS[0]; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_nconf_nid(NULL, &context, EXTENSIONS[i].nid, EXTENSIONS[i].value);

        fine = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
    }
    return fine;
}

/* Browsers refuse a second certificate of one issuer and serial number, so it is random. */
static bool number(X509 *certificate)
{
    uint64_t serial;

    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

static X509 *certify(EVP_PKEY *key)
{
    static const unsigned char NAME[] = "localhost";
    X509 *certificate = X509_new();
    X509_NAME *name;

    if (certificate == NULL)
        return NULL;
    name = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3_NUMBER) != 1 || !number(certificate) ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), -EARLIER_S) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S - EARLIER_S) == NULL ||
        X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, NAME, -1, -1, 0) != 1 ||
        X509_set_issuer_name(certificate, name) != 1 || X509_set_pubkey(certificate, key) != 1 ||
        !extend(certificate) || X509_sign(certificate, key, EVP_sha256()) == 0) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

SSL_CTX *accs_loopback_tls(void)
{
    SSL_CTX *context;
    EVP_PKEY *key;
    X509 *certificate;

    ERR_set_mark();
    context = SSL_CTX_new(TLS_server_method());
    key = EVP_EC_gen("P-256");
    certificate = key == NULL ? NULL : certify(key);
    if (context == NULL || certificate == NULL ||
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1) {
        SSL_CTX_free(context);
        context = NULL;
    } else {
        /* A connection carries one request; nothing of it is kept for another. */
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_options(context,
                            SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_pop_to_mark();
    return context;
}
