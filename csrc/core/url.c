#include "url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "limits.h"

enum { SHOWN_MAX = 80, HOST_MAX = 255 };

static const char HEX[] = "0123456789ABCDEF";
static const char LOOPBACK_ONLY[] =
    "http:// goes to this machine only (localhost, 127.x.x.x, [::1]); use https://";

/* Fills the failure (which may be NULL) and returns its code. */
__attribute__((format(printf, 2, 3))) static accs_error refuse(accs_failure *failure,
                                                               const char *format, ...)
{
    va_list arguments;

    if (failure != NULL) {
        *failure = (accs_failure){.code = ACCS_ERROR_CONFIG, .retry_after_ms = -1};
        va_start(arguments, format);
        vsnprintf(failure->text, sizeof failure->text, format, arguments);
        va_end(arguments);
    }
    return ACCS_ERROR_CONFIG;
}

static accs_error no_memory(accs_failure *failure)
{
    if (failure != NULL) {
        *failure = (accs_failure){.code = ACCS_ERROR_MEMORY, .retry_after_ms = -1};
        snprintf(failure->text, sizeof failure->text, "no memory left");
    }
    return ACCS_ERROR_MEMORY;
}

/* The number that a hexadecimal digit stands for, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Whether "." or ".." stands here, dots as "%2e" too. */
static bool dot_segment(const char *segment, size_t len)
{
    size_t dots = 0;
    size_t i = 0;

    while (i < len) {
        if (segment[i] == '.')
            i++;
        else if (len - i >= 3 && strncasecmp(segment + i, "%2e", 3) == 0)
            i += 3;
        else
            return false;
        dots++;
    }
    return dots == 1 || dots == 2;
}

/* Most bytes of a path: nothing can be wrong with them. */
static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether "%2F" or "%5C" stands here, whose two digits are there. */
static bool encoded_slash(const char *at)
{
    return (at[1] == '2' && (at[2] == 'F' || at[2] == 'f')) ||
           (at[1] == '5' && (at[2] == 'C' || at[2] == 'c'));
}

/*
 * What is wrong with a path and its query, or NULL. An encoded slash stays, but
 * ends a segment as well: nginx for one takes "/tenant/x%2F..%2F..%2Fother" for
 * "/other".
 */
static const char *path_flaw(const char *path, size_t len)
{
    size_t segment = 0;
    bool in_query = false;

    for (size_t i = 0; i <= len; i++) {
        char c = '/'; /* the end ends the last segment */

        if (i < len)
            c = path[i];
        if (plain(c))
            continue;
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return "a control character";
        if (c == ' ' || (unsigned char)c > 0x7e)
            return "a blank or a byte that is not ASCII; percent-encode it";
        if (c == '\\')
            return "a backslash";
        if (c == '#')
            return "a fragment (#); percent-encode it as %23";
        if (c == '%' && (len - i < 3 || hex_value(path[i + 1]) < 0 || hex_value(path[i + 2]) < 0))
            return "a % that is no percent-encoding; write %25 for the sign itself";
        if (c == '%' && path[i + 1] == '0' && path[i + 2] == '0')
            return "%00";
        if (!in_query && (c == '/' || c == '?' || (c == '%' && encoded_slash(path + i)))) {
            if (dot_segment(path + segment, i - segment))
                return "a \".\" or \"..\" segment";
            segment = i + (c == '%' ? 3 : 1);
            in_query = c == '?';
        }
    }
    return NULL;
}

/*
 * The start of a path for a message: one line of printable ASCII without the
 * user name and password that an absolute URL may carry. shown: SHOWN_MAX + 1 bytes.
 */
static const char *show(const char *path, size_t len, char *shown)
{
    const char *slashes = memmem(path, len, "://", 3);
    const char *authority = slashes == NULL ? path : slashes + 3;
    size_t at = (size_t)(authority - path);
    size_t skip = 0;
    size_t out = 0;

    for (size_t i = at; slashes != NULL && i < len && strchr("/?#", path[i]) == NULL; i++)
        if (path[i] == '@')
            skip = i + 1 - at;
    for (size_t i = 0; i < len && out < SHOWN_MAX; i++) {
        if (i >= at && i < at + skip)
            continue;
        shown[out++] =
            (unsigned char)path[i] >= 0x20 && (unsigned char)path[i] < 0x7f ? path[i] : '?';
    }
    shown[out] = '\0';
    return shown;
}

/* The length of "http://" or "https://" at the start, 0 for anything else. */
static size_t scheme_length(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0)
        return 8;
    if (strncasecmp(url, "http://", 7) == 0)
        return 7;
    return 0;
}

static bool under(const char *host, const char *domain)
{
    size_t host_len = strlen(host);
    size_t domain_len = strlen(domain);

    if (host_len < domain_len || strcasecmp(host + host_len - domain_len, domain) != 0)
        return false;
    return host_len == domain_len || host[host_len - domain_len - 1] == '.';
}

bool accs_host_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    char inner[HOST_MAX + 1];
    size_t len = strlen(host);

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (len < 2 || len > HOST_MAX || host[0] != '[' || host[len - 1] != ']')
        return false;
    memcpy(inner, host + 1, len - 2);
    inner[len - 2] = '\0';
    return inet_pton(AF_INET6, inner, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* Parses the absolute URL; on success handle is the caller's, curl_url_cleanup(). */
static accs_error parse(const char *url, CURLU **handle, accs_failure *failure)
{
    size_t scheme = scheme_length(url);
    size_t authority = strcspn(url + scheme, "/?#");
    CURLU *made = NULL;
    CURLUcode code;

    if (scheme == 0)
        return refuse(failure, "an address begins with https:// (or http:// on this machine)");
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c > 0x7e || *c == '\\')
            return refuse(failure, "an address holds no blank, backslash, control character or "
                                   "byte that is not ASCII");
    if (authority == 0)
        return refuse(failure, "the address names no host");
    /* libcurl would decode it: what is looked at must be what is written. */
    if (memchr(url + scheme, '%', authority) != NULL)
        return refuse(failure, "a host name holds no percent-encoding");
    made = curl_url();
    if (made == NULL)
        return no_memory(failure);
    code = curl_url_set(made, CURLUPART_URL, url, CURLU_PATH_AS_IS);
    if (code != CURLUE_OK) {
        curl_url_cleanup(made);
        return code == CURLUE_OUT_OF_MEMORY
                   ? no_memory(failure)
                   : refuse(failure, "the address cannot be read: %s", curl_url_strerror(code));
    }
    *handle = made;
    return ACCS_OK;
}

/* Fills address from a parsed URL. */
static accs_error look(const char *url, CURLU *handle, accs_address *address, accs_failure *failure)
{
    size_t scheme = scheme_length(url);
    size_t authority = strcspn(url + scheme, "/?#");
    char *host = NULL;

    if (curl_url_get(handle, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return no_memory(failure);
    *address = (accs_address){
        .https = scheme == 8,
        .loopback = accs_host_loopback(host),
        .adobe = under(host, "adobe.com") || under(host, "adobelogin.com"),
        .has_user_info = memchr(url + scheme, '@', authority) != NULL,
        .has_query = strpbrk(url, "?#") != NULL,
    };
    curl_free(host);
    return ACCS_OK;
}

accs_error accs_address_look(const char *url, accs_address *address, accs_failure *failure)
{
    CURLU *handle = NULL;
    accs_error error = parse(url, &handle, failure);

    if (error == ACCS_OK)
        error = look(url, handle, address, failure);
    curl_url_cleanup(handle);
    return error;
}

/* Writes scheme://host[:port] as libcurl has normalised it, in lower case. */
static accs_error append_origin(CURLU *handle, bool https, accs_buffer *base)
{
    accs_error error = ACCS_ERROR_MEMORY;
    char *host = NULL;
    char *port = NULL;
    CURLUcode code = curl_url_get(handle, CURLUPART_HOST, &host, 0);

    if (code != CURLUE_OK)
        goto done;
    for (char *c = host; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    code = curl_url_get(handle, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    if (code != CURLUE_OK && code != CURLUE_NO_PORT)
        goto done;
    error = accs_buffer_append_text(base, https ? "https://" : "http://");
    if (error == ACCS_OK)
        error = accs_buffer_append_text(base, host);
    if (error == ACCS_OK && port != NULL)
        error = accs_buffer_append_text(base, ":");
    if (error == ACCS_OK && port != NULL)
        error = accs_buffer_append_text(base, port);

done:
    curl_free(port);
    curl_free(host);
    return error;
}

/* What is wrong with a base address, or NULL. path: behind host and port. */
static const char *base_flaw(const accs_address *address, const char *path, size_t path_len)
{
    if (address->has_user_info)
        return "holds a user name or password; credentials have options of their own";
    if (address->has_query)
        return "holds a query or fragment";
    if (!address->https && !address->loopback)
        return LOOPBACK_ONLY;
    return path_flaw(path, path_len);
}

accs_error accs_url_base(const char *what, const char *url, accs_buffer *base,
                         accs_failure *failure)
{
    accs_failure cause = {0};
    accs_address address;
    CURLU *handle = NULL;
    const char *path;
    const char *flaw;
    size_t path_len;
    accs_error error = ACCS_ERROR_CONFIG;

    accs_buffer_clear(base);
    if (strlen(url) > ACCS_LIMIT_MAX_URL)
        return refuse(failure, "%s: longer than %zu bytes", what, ACCS_LIMIT_MAX_URL);
    error = parse(url, &handle, &cause);
    if (error == ACCS_OK)
        error = look(url, handle, &address, &cause);
    if (error != ACCS_OK) {
        error = error == ACCS_ERROR_MEMORY ? no_memory(failure)
                                           : refuse(failure, "%s: %s", what, cause.text);
        goto done;
    }
    path = url + scheme_length(url);
    path += strcspn(path, "/?#");
    path_len = strlen(path);
    flaw = base_flaw(&address, path, path_len);
    if (flaw != NULL) {
        error = refuse(failure, "%s: %s", what, flaw);
        goto done;
    }
    while (path_len > 0 && path[path_len - 1] == '/')
        path_len--;
    error = append_origin(handle, address.https, base);
    if (error == ACCS_OK)
        error = accs_buffer_append(base, path, path_len);
    if (error != ACCS_OK) {
        accs_buffer_clear(base);
        error =
            error == ACCS_ERROR_MEMORY ? no_memory(failure) : refuse(failure, "%s: too long", what);
    }

done:
    curl_url_cleanup(handle);
    return error;
}

/* Whether path is the base itself with something behind it; the origin's case does not count. */
static bool begins_with_base(const char *base, const char *path, size_t path_len)
{
    size_t base_len = strlen(base);
    size_t scheme = scheme_length(base);
    size_t origin = scheme + strcspn(base + scheme, "/");

    if (path_len < base_len || strncasecmp(path, base, origin) != 0 ||
        memcmp(path + origin, base + origin, base_len - origin) != 0)
        return false;
    return path_len == base_len || path[base_len] == '/' || path[base_len] == '?';
}

/* Whether the path begins with a scheme and "://". */
static bool is_absolute(const char *path, size_t path_len)
{
    const char *slashes;

    if (path_len > 0 && path[0] == '/')
        return false; /* most are like this: spares the search */
    slashes = memmem(path, path_len, "://", 3);
    if (slashes == NULL)
        return false;
    for (const char *c = path; c < slashes; c++)
        if (strchr("/?#", *c) != NULL)
            return false;
    return true;
}

accs_error accs_url_join(const char *base, const char *path, size_t path_len, accs_buffer *url,
                         accs_failure *failure)
{
    char shown[SHOWN_MAX + 1];
    const char *rest = path;
    size_t rest_len = path_len;
    const char *flaw;
    bool slash;
    accs_error error;

    accs_buffer_clear(url);
    if (is_absolute(path, path_len)) {
        if (!begins_with_base(base, path, path_len))
            return refuse(failure, "path \"%s\" leaves the tenant: give a path such as /V1/orders",
                          show(path, path_len, shown));
        rest = path + strlen(base);
        rest_len = path_len - strlen(base);
    }
    flaw = rest_len >= 2 && memcmp(rest, "//", 2) == 0 ? "\"//\" at its start"
                                                       : path_flaw(rest, rest_len);
    if (flaw != NULL)
        return refuse(failure, "path \"%s\" holds %s", show(path, path_len, shown), flaw);
    if (rest_len > ACCS_LIMIT_MAX_URL || strlen(base) + 1 + rest_len > ACCS_LIMIT_MAX_URL)
        return refuse(failure, "path \"%s\" makes an address of more than %zu bytes",
                      show(path, path_len, shown), ACCS_LIMIT_MAX_URL);
    slash = rest_len > 0 && rest[0] != '/' && rest[0] != '?';
    error = accs_buffer_append_text(url, base);
    if (error == ACCS_OK && slash)
        error = accs_buffer_append(url, "/", 1);
    if (error == ACCS_OK)
        error = accs_buffer_append(url, rest, rest_len);
    if (error == ACCS_OK)
        return ACCS_OK;
    accs_buffer_clear(url);
    return error == ACCS_ERROR_MEMORY
               ? no_memory(failure)
               : refuse(failure, "path \"%s\" is too long", show(path, path_len, shown));
}

bool accs_header_name_valid(const char *name)
{
    static const char TOKEN[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return name[0] != '\0' && name[strspn(name, TOKEN)] == '\0';
}

bool accs_header_value_valid(const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    return true;
}

size_t accs_percent_encode(const char *bytes, size_t bytes_len, char *encoded)
{
    static const char UNRESERVED[] = "-._~0123456789"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = 0;

    for (size_t i = 0; i < bytes_len; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (memchr(UNRESERVED, byte, sizeof UNRESERVED - 1) != NULL) {
            encoded[len++] = (char)byte;
        } else {
            encoded[len++] = '%';
            encoded[len++] = HEX[byte >> 4];
            encoded[len++] = HEX[byte & 15];
        }
    }
    return len;
}
