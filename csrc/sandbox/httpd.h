/*
 * The two halves of the sandbox's HTTP server: httpd.c has the socket, the signals and the loop,
 * exchange.c has one request from its first byte to its reply.
 *
 * One thread, one lua_State: libmicrohttpd runs inside the loop, and the Lua handler is called
 * from within its callback, always protected, so no Lua error crosses a frame of the library.
 */
#ifndef ACCS_SANDBOX_HTTPD_H
#define ACCS_SANDBOX_HTTPD_H

#include <lua.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTPD_BODY_MAX ((size_t)64 * 1024 * 1024) /* bytes of a request body; more is a 413 */
#define HTTPD_HEADERS_MAX 64                      /* request headers handed to Lua; no more */

typedef struct exchange exchange;

/* What the callbacks of one server share. */
typedef struct {
    lua_State *L;      /* the state whose handler is called; only while the loop runs */
    int handler;       /* its index on that stack */
    size_t gzip_above; /* replies of more bytes are compressed when asked for; 0: none */
    exchange *delayed; /* requests that wait for their time; borrowed, in no order */
} httpd_shared;

/* Milliseconds of the monotonic clock. */
int64_t httpd_now_ms(void);

/*
 * libmicrohttpd's callbacks, each with a httpd_shared as `shared`: the raw request line makes an
 * exchange, the answer is given by the Lua handler, the end frees the exchange.
 */
void *httpd_exchange_begin(void *shared, const char *uri, struct MHD_Connection *connection);
enum MHD_Result httpd_exchange_answer(void *shared, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *upload, size_t *upload_len, void **request);
void httpd_exchange_end(void *shared, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode reason);

/*
 * Resumes the delayed exchanges whose time has come.
 *
 * Returns the milliseconds until the next one is due, 0 when one was resumed (MHD_run is to be
 * called then: the library's own timeout does not tell), or -1 when none waits.
 */
int64_t httpd_delayed_resume(httpd_shared *shared, int64_t now_ms);

/* Resumes every delayed exchange, before the server stops. */
void httpd_delayed_flush(httpd_shared *shared);

/*
 * Compresses in gzip's format (RFC 1952).
 *
 * bytes    what to compress, bytes_len of them
 * out      set on success: allocated, the caller frees
 * out_len  set on success: bytes in *out
 *
 * Returns false when memory runs out.
 */
bool httpd_gzip(const void *bytes, size_t bytes_len, void **out, size_t *out_len);

#endif
