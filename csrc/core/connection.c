#include "connection.h"

#include "buffer.h"
#include "engine.h"
#include "proxy.h"
#include "secret.h"
#include "trust.h"
#include "url.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

static bool one_of(const char *text, const char *left, const char *right)
{
    return text == NULL || strcmp(text, left) == 0 || strcmp(text, right) == 0;
}

accs_error accs_connection_check(const accs_connection_options *options, accs_failure *failure)
{
    bool near = false;

#define CHECK(name)                                                                                \
    if (options->name != NULL && !accs_header_value_valid(options->name))                          \
        return accs_fail(failure, ACCS_ERROR_CONFIG, #name " holds a control character");
    ACCS_CONNECTION_TEXTS(CHECK)
#undef CHECK
    if (!one_of(options->min_tls, "1.2", "1.3"))
        return accs_fail(failure, ACCS_ERROR_CONFIG, "min_tls must be 1.2 or 1.3");
    if (options->ip_version != 0 && options->ip_version != 4 && options->ip_version != 6)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "ip_version must be 4 or 6");
    if (options->client_cert == NULL && options->client_key != NULL)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "client_key needs client_cert");
    return options->proxy != NULL ? accs_proxy_look(options->proxy, &near, failure) : ACCS_OK;
}

static bool copy_text(char **copy, const char *text)
{
    *copy = text != NULL ? strdup(text) : NULL;
    return text == NULL || *copy != NULL;
}

/*
 * libcurl takes a connection out of the pool without a look at the key of the client certificate
 * and its password, and some versions at those of the proxy too (CVE-2026-3784).
 */
static bool name_owner(const accs_connection_options *options, uint64_t *owner)
{
    const char *const texts[] = {options->client_key, options->client_key_password, options->proxy};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    accs_buffer all;
    bool named = true;

    accs_buffer_init(&all, SIZE_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = texts[i] != NULL ? texts[i] : "\n"; /* no text that was checked */

        named = named && accs_buffer_append(&all, text, strlen(text) + 1) == ACCS_OK;
    }
    named = named && EVP_Digest(all.bytes, all.len, digest, NULL, EVP_sha256(), NULL) == 1;
    if (named)
        memcpy(owner, digest, sizeof *owner);
    accs_buffer_wipe(&all);
    return named;
}

accs_error accs_connection_copy(accs_connection *connection, const accs_connection_options *options)
{
    bool copied = true;

    *connection = (accs_connection){
        .ip_version = options->ip_version,
        .connect_timeout_ms = options->connect_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
    };
#define COPY(name) copied = copied && copy_text(&connection->name, options->name);
    ACCS_CONNECTION_TEXTS(COPY)
#undef COPY
    if (copied && options->proxy != NULL)
        copied = accs_proxy_look(options->proxy, &connection->proxy_near, NULL) == ACCS_OK;
    if (options->proxy != NULL || options->client_key != NULL ||
        options->client_key_password != NULL)
        copied = copied && name_owner(options, &connection->owner);
    return copied ? ACCS_OK : ACCS_ERROR_MEMORY;
}

static void wipe_text(char *text)
{
    if (text != NULL)
        accs_wipe(text, strlen(text));
    free(text);
}

void accs_connection_cleanup(accs_connection *connection)
{
#define WIPE(name) wipe_text(connection->name);
    ACCS_CONNECTION_TEXTS(WIPE)
#undef WIPE
    *connection = (accs_connection){.connect_timeout_ms = 0};
}

static bool same_text(const char *left, const char *right)
{
    if (left == NULL || right == NULL)
        return left == right;
    return strcmp(left, right) == 0;
}

bool accs_connection_same(const accs_connection *connection, const accs_connection_options *options)
{
#define SAME(name) &&same_text(connection->name, options->name)
    return connection->ip_version == options->ip_version ACCS_CONNECTION_TEXTS(SAME);
#undef SAME
}

accs_connection_options accs_connection_borrow(const accs_connection *connection)
{
    accs_connection_options options = {
        .ip_version = connection->ip_version,
        .connect_timeout_ms = connection->connect_timeout_ms,
        .idle_timeout_ms = connection->idle_timeout_ms,
    };

#define BORROW(name) options.name = connection->name;
    ACCS_CONNECTION_TEXTS(BORROW)
#undef BORROW
    return options;
}

/* libcurl refuses longer times; this one is 24 days. */
static long at_most_int(int64_t time_ms)
{
    return time_ms < INT_MAX ? (long)time_ms : (long)INT_MAX;
}

static bool set_protocols(CURL *easy)
{
#if ACCS_HAVE_PROTOCOLS_STR
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

/* NULL leaves what libcurl has. */
static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return text == NULL || curl_easy_setopt(easy, option, text) == CURLE_OK;
}

/* OpenSSL wipes what it decrypted once libcurl has it: replies of IMS hold tokens. */
static CURLcode wipe_decrypted(CURL *easy, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
    return CURLE_OK;
}

/* The context is OpenSSL's where libcurl speaks TLS by it, and anything at all elsewhere. */
static bool set_wiping(CURL *easy)
{
    const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;

    return library == NULL || strncmp(library, "OpenSSL/", 8) != 0 ||
           curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, wipe_decrypted) == CURLE_OK;
}

static bool set_tls(const accs_connection *connection, CURL *easy)
{
    bool latest = connection->min_tls != NULL && strcmp(connection->min_tls, "1.3") == 0;
    /* Without any, OpenSSL would ask for the one of a locked key at the terminal. */
    const char *password =
        connection->client_key_password != NULL ? connection->client_key_password : "";
    long version = latest ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;

    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, version) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, version) == CURLE_OK &&
           set_text(easy, CURLOPT_PINNEDPUBLICKEY, connection->pin) &&
           set_text(easy, CURLOPT_SSLCERT, connection->client_cert) &&
           set_text(easy, CURLOPT_SSLKEY, connection->client_key) &&
           curl_easy_setopt(easy, CURLOPT_KEYPASSWD, password) == CURLE_OK && set_wiping(easy) &&
           accs_trust_set(easy, connection->ca_file);
}

/* Headers are for the server alone, and a password goes to a proxy in one way only. */
static bool set_proxy(const accs_connection *connection, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
           set_text(easy, CURLOPT_NOPROXY, connection->no_proxy);
}

static long ip_version(const accs_connection *connection)
{
    if (connection->ip_version == 4)
        return CURL_IPRESOLVE_V4;
    return connection->ip_version == 6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_WHATEVER;
}

bool accs_connection_limit_connect(CURL *easy, int64_t connect_timeout_ms)
{
    return curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, at_most_int(connect_timeout_ms)) ==
           CURLE_OK;
}

bool accs_connection_prepare(const accs_connection *connection, CURL *easy)
{
    bool set = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_IPRESOLVE, ip_version(connection)) == CURLE_OK;

#if ACCS_HAVE_QUICK_EXIT
    set = set && curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#endif
    return set && set_protocols(easy) && set_tls(connection, easy) && set_proxy(connection, easy);
}

static bool plain(const char *url)
{
    return strncmp(url, "https:", 6) != 0;
}

/*
 * Plain http is for loopback alone: the environment's proxies have no business
 * there, and one on another machine would get token and secret in clear.
 */
static bool uses_proxy(const accs_connection *connection, const char *url)
{
    return connection->proxy != NULL && (connection->proxy_near || !plain(url));
}

bool accs_connection_route(const accs_connection *connection, CURL *easy, const char *url)
{
    const char *proxy = uses_proxy(connection, url) ? connection->proxy : NULL;

    if (proxy == NULL && plain(url))
        proxy = "";
    return curl_easy_setopt(easy, CURLOPT_PROXY, proxy) == CURLE_OK;
}

bool accs_connection_whole_address(const accs_connection *connection, const char *url)
{
    return plain(url) && uses_proxy(connection, url);
}
