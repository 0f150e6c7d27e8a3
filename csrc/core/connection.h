/* How connections are made: options that are copied, compared, and set on easy handles. */
#ifndef ACCS_CONNECTION_H
#define ACCS_CONNECTION_H

#include "accs.h"
#include "compat.h"

/* The options that are text; NULL: not set. All of them tell one connection from another: libcurl
 * looks at most of them, accs_connection.owner stands for the rest. */
#define ACCS_CONNECTION_TEXTS(X)                                                                   \
    X(ca_file)                                                                                     \
    X(proxy) /* may hold a password */                                                             \
    X(no_proxy)                                                                                    \
    X(client_cert)                                                                                 \
    X(client_key)                                                                                  \
    X(client_key_password)                                                                         \
    X(pin)                                                                                         \
    X(min_tls)

/* Text is borrowed. */
typedef struct accs_connection_options {
#define ACCS_CONNECTION_BORROWED(name) const char *name;
    ACCS_CONNECTION_TEXTS(ACCS_CONNECTION_BORROWED)
#undef ACCS_CONNECTION_BORROWED
    unsigned ip_version; /* 4 or 6; 0: both */
    int64_t connect_timeout_ms;
    int64_t idle_timeout_ms;
} accs_connection_options;

/* A copy that owns its text. Zeroed is valid and empty. */
typedef struct accs_connection {
#define ACCS_CONNECTION_OWNED(name) char *name;
    ACCS_CONNECTION_TEXTS(ACCS_CONNECTION_OWNED)
#undef ACCS_CONNECTION_OWNED
    unsigned ip_version;
    bool proxy_near; /* the option's proxy runs on this machine */
    uint64_t owner;  /* of its connections: the same key and proxy with the same passwords */
    int64_t connect_timeout_ms;
    int64_t idle_timeout_ms;
} accs_connection;

/* ACCS_ERROR_CONFIG for values that no connection can be made with, ACCS_ERROR_MEMORY. */
accs_error accs_connection_check(const accs_connection_options *options, accs_failure *failure);

/* Of options that were checked. ACCS_ERROR_MEMORY; what was copied until then is for
 * accs_connection_cleanup(). */
accs_error accs_connection_copy(accs_connection *connection,
                                const accs_connection_options *options);
/* Wipes the text. A second call is fine. */
void accs_connection_cleanup(accs_connection *connection);

/* Whether both lead the same way. Time limits do not count. */
bool accs_connection_same(const accs_connection *connection,
                          const accs_connection_options *options);

/* The options again; text is borrowed from the connection. */
accs_connection_options accs_connection_borrow(const accs_connection *connection);

/* Sets what holds for every request of an easy handle; false when libcurl refuses or memory runs
 * out. */
bool accs_connection_prepare(const accs_connection *connection, CURL *easy);

/* Sets what depends on the address: the proxy. As above. */
bool accs_connection_route(const accs_connection *connection, CURL *easy, const char *url);

/* Sets how long a request may take to connect. As above. */
bool accs_connection_limit_connect(CURL *easy, int64_t connect_timeout_ms);

/* Whether a plain proxy needs the whole address in the request line. */
bool accs_connection_whole_address(const accs_connection *connection, const char *url);

#endif
