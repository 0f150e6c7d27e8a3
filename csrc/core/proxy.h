/* Proxies: which addresses of theirs are taken, and what it means when one refuses. */
#ifndef ACCS_PROXY_H
#define ACCS_PROXY_H

#include "accs.h"
#include "attempt.h"
#include "compat.h"

/*
 * Looks at the address of a proxy: [scheme://][user:password@]host[:port], the
 * scheme one of http (when there is none), https, socks4, socks4a, socks5,
 * socks5h. Pure. Its text goes into no message: it may hold a password.
 *
 * near  set on success: the proxy runs on this machine
 *
 * Errors: ACCS_ERROR_CONFIG, ACCS_ERROR_MEMORY.
 */
accs_error accs_proxy_look(const char *proxy, bool *near, accs_failure *failure);

/*
 * Whether libcurl refused the address of a proxy; then its words hold it, and
 * the password too. error_text: of CURLOPT_ERRORBUFFER.
 */
bool accs_proxy_unusable(const char *error_text);

/*
 * Puts the blame on the proxy where it belongs there: it asked for a password,
 * refused the tunnel or found no way.
 *
 * easy     the handle of a transfer that ended with code, and never sent its request
 * verdict  what accs_attempt_judge() says; changed
 *
 * Returns the proxy's HTTP status, 0 when it gave none or had no part in it.
 */
int accs_proxy_judge(CURL *easy, CURLcode code, accs_attempt_verdict *verdict);

#endif
