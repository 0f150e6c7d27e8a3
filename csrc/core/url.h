/* Addresses: what may be asked, and how it is written. */
#ifndef ACCS_URL_H
#define ACCS_URL_H

#include "buffer.h"

/*
 * Checks a base address and writes its normal form: scheme://host[:port]/path
 * without the last slash. Refused with ACCS_ERROR_CONFIG: anything but http and
 * https, http to anything but loopback, user name or password, query, fragment,
 * dot segments (also percent-encoded), control characters, backslash.
 *
 * what  the option's name, for the text ("base_url")
 */
accs_error accs_url_base(const char *what, const char *url, accs_buffer *base,
                         accs_failure *failure);

/*
 * Writes base + path. "/V1/x" and "V1/x" are the same. A version segment "v1"
 * stays as it is. Refused with ACCS_ERROR_CONFIG, the text naming the cause and
 * never more than 80 bytes of the path: control characters (CR, LF, NUL), blanks,
 * bytes above 0x7e, backslash, a fragment, "//" at the start, a broken percent
 * escape, "%00", a "." or ".." segment also as %2e or between encoded slashes (query
 * excepted), and an absolute URL
 * unless it begins with the base itself (followed by "/", "?" or the end).
 * ACCS_ERROR_CONFIG too for more than ACCS_LIMIT_MAX_URL bytes.
 *
 * base  as accs_url_base() made it
 */
accs_error accs_url_join(const char *base, const char *path, size_t path_len, accs_buffer *url,
                         accs_failure *failure);

/* host: as libcurl writes it, numbers of IPv4 in four parts, IPv6 in brackets. */
bool accs_host_loopback(const char *host);

/* Header names are tokens (RFC 9110, 5.6.2); values hold no control character but TAB. */
bool accs_header_name_valid(const char *name);
bool accs_header_value_valid(const char *value);

#endif
