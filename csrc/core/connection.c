#include "connection.h"

#include "secret.h"
#include "trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_BYTES = 1 }; /* fewer in the idle time end the transfer */

static bool copy_text(char **copy, const char *text)
{
    *copy = text != NULL ? strdup(text) : NULL;
    return text == NULL || *copy != NULL;
}

accs_error accs_connection_copy(accs_connection *connection, const accs_connection_options *options)
{
    bool copied = true;

    *connection = (accs_connection){
        .connect_timeout_ms = options->connect_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
    };
#define COPY(name) copied = copied && copy_text(&connection->name, options->name);
    ACCS_CONNECTION_TEXTS(COPY)
#undef COPY
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
    return true ACCS_CONNECTION_TEXTS(SAME);
#undef SAME
}

accs_connection_options accs_connection_borrow(const accs_connection *connection)
{
    accs_connection_options options = {
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

bool accs_connection_prepare(const accs_connection *connection, CURL *easy)
{
    long idle_s = at_most_int(connection->idle_timeout_ms + 999) / 1000;
    bool set =
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                         at_most_int(connection->connect_timeout_ms)) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)IDLE_BYTES) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, idle_s) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;

#if ACCS_HAVE_QUICK_EXIT
    set = set && curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#endif
    if (set && connection->pin != NULL)
        set = curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, connection->pin) == CURLE_OK;
    return set && set_protocols(easy) && accs_trust_set(easy, connection->ca_file);
}

static bool plain(const char *url)
{
    return strncmp(url, "https:", 6) != 0;
}

/* Plain http is for loopback alone, where the environment's proxies have no business. */
bool accs_connection_route(const accs_connection *connection, CURL *easy, const char *url)
{
    const char *proxy = connection->proxy;

    if (proxy == NULL && plain(url))
        proxy = "";
    return curl_easy_setopt(easy, CURLOPT_PROXY, proxy) == CURLE_OK;
}

bool accs_connection_whole_address(const accs_connection *connection, const char *url)
{
    return connection->proxy != NULL && plain(url);
}
