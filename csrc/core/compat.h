/*
 * The only file that asks for a library's version or for a platform. The rest
 * of the core uses the ACCS_HAVE_ names, which are always 0 or 1.
 */
#ifndef ACCS_COMPAT_H
#define ACCS_COMPAT_H

#include <curl/curl.h>

#if LIBCURL_VERSION_NUM < 0x074c00
/* cppcheck-suppress preprocessorErrorDirective ; it does not read curl/curl.h */
#error "accs needs libcurl 7.76 or newer"
#endif

/* CURLOPT_PREREQFUNCTION tells each send of a request. Before it, writes take a fresh connection.
 */
#define ACCS_HAVE_PREREQ (LIBCURL_VERSION_NUM >= 0x075000)

/* The result code came with 7.77; what is older never gives it. */
#if LIBCURL_VERSION_NUM < 0x074d00
#define CURLE_SSL_CLIENTCERT ((CURLcode)98)
#endif

/* CURLOPT_PROTOCOLS_STR replaces the bit mask. */
#define ACCS_HAVE_PROTOCOLS_STR (LIBCURL_VERSION_NUM >= 0x075500)

/* CURLOPT_QUICK_EXIT: a resolver thread that hangs holds nobody up. */
#define ACCS_HAVE_QUICK_EXIT (LIBCURL_VERSION_NUM >= 0x075700)

/*
 * Moves every transfer and tells anew which sockets to watch. libcurl would rather see each socket
 * moved alone, which is what the engine does, until libcurl or the kernel had no memory for one.
 */
static inline CURLMcode accs_curl_move_all(CURLM *multi)
{
    int running;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    /* cppcheck-suppress curl_multi_socket_allCalled */
    return curl_multi_socket_all(multi, &running);
#pragma GCC diagnostic pop
}

/* CLOCK_BOOTTIME runs on while the machine sleeps; elsewhere the monotonic clock has to do. */
#if defined(__linux__)
#define ACCS_HAVE_BOOTTIME 1
#else
#define ACCS_HAVE_BOOTTIME 0
#endif

#endif
