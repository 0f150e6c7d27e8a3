/*
 * Every ceiling and default of the core, with unit and reason, in one list.
 * The manual's table is made from it.
 */
#ifndef ACCS_LIMITS_H
#define ACCS_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* X(identifier, type, value, unit, reason) */
#define ACCS_LIMIT_LIST(X)                                                                         \
    X(CONNECT_TIMEOUT, int64_t, 10000, "ms", "name lookup, connect and TLS together")              \
    X(IDLE_TIMEOUT, int64_t, 30000, "ms", "no byte moved since the request began to leave")        \
    X(TIMEOUT, int64_t, 120000, "ms", "a whole call with its waits and repeats")                   \
    X(ATTEMPTS, unsigned, 4, "requests", "of a call that may be repeated")                         \
    X(BACKOFF, int64_t, 500, "ms", "first back-off, before the jitter")                            \
    X(MAX_BACKOFF, int64_t, 30000, "ms", "largest back-off, before the jitter")                    \
    X(MAX_RETRY_AFTER, int64_t, 60000, "ms", "a longer wait is the caller's decision")             \
    X(RETRY_BUDGET, double, 0.1, "of recent calls", "share of them that may be repeats")           \
    X(RETRY_BUDGET_MIN, unsigned, 10, "repeats", "always allowed in the budget's window")          \
    X(RETRY_BUDGET_WINDOW, int64_t, 60000, "ms", "what counts as recent")                          \
    X(MAX_CONNECTIONS, size_t, 8, "connections", "per host and engine")                            \
    X(MAX_IDLE_CONNECTIONS, size_t, 64, "connections", "kept for later requests, of all hosts")    \
    X(MAX_IDLE_TIME, int64_t, 118000, "ms", "a connection idle for longer is not used again")      \
    X(MAX_STREAMS, size_t, 100, "requests", "at a time over one HTTP/2 connection")                \
    X(DNS_CACHE_TIME, int64_t, 60000, "ms", "the addresses of a name are kept")                    \
    X(MAX_CONCURRENCY, size_t, 8, "transfers", "of one client at a time")                          \
    X(PLACE_AFTER, size_t, 10, "answers", "of each place, before one more after a 429")            \
    X(MAX_BODY, size_t, 268435456, "bytes", "decoded answer kept in memory")                       \
    X(STREAM_WINDOW, size_t, 262144, "bytes",                                                      \
      "of a streamed body that wait for whoever takes them")                                       \
    X(MAX_HEADERS, size_t, 262144, "bytes", "all headers of one answer")                           \
    X(MAX_HEADER_COUNT, size_t, 256, "headers", "of one answer")                                   \
    X(MAX_REQUEST_HEADER, size_t, 16384, "bytes", "one header of a request")                       \
    X(MAX_URL, size_t, 65536, "bytes", "servers refuse far less")                                  \
    X(TOKEN_REPLY_MAX, size_t, 1048576, "bytes", "an answer of IMS")                               \
    X(TOKEN_MAX, size_t, 65536, "bytes", "an access token")                                        \
    X(TOKEN_LIFE_DEFAULT, int64_t, 3600000, "ms", "when the answer names no usable expires_in")    \
    X(TOKEN_LIFE_MAX, int64_t, 2592000000, "ms", "30 days; more is taken for a mistake")           \
    X(TOKEN_AHEAD, int64_t, 1200000, "ms", "refresh beside calls, or a fifth of the life")         \
    X(TOKEN_MARGIN, int64_t, 600000, "ms", "calls wait for a new token, or a tenth of the life")   \
    X(TOKEN_MARGIN_MIN, int64_t, 1000, "ms", "expires_in counts whole seconds")                    \
    X(TOKEN_PATIENCE, int64_t, 3000, "ms", "calls wait for a new token while the old one is good") \
    X(TOKEN_REFUSAL, int64_t, 60000, "ms", "a definite refusal of IMS holds for further calls")    \
    X(CLOCK_SKEW, int64_t, 300000, "ms", "a stored token from the future is believed so far")      \
    X(CLIENT_SECRETS, size_t, 8, "secrets", "of one credential; Adobe allows two")                 \
    X(LOCK_TIMEOUT, int64_t, 5000, "ms", "while another process asks IMS for the same token")      \
    X(LOCK_POLL, int64_t, 50, "ms", "between two looks at cache and lock, plus up to as much")     \
    X(LOCK_LIFE, int64_t, 45000, "ms", "of a lock in a token store: longer than a request to IMS") \
    X(STORE_TIMEOUT, int64_t, 1000, "ms", "one operation of a token store of the host")            \
    X(STORE_PAUSE, int64_t, 30000, "ms", "a store that failed is left alone")                      \
    X(STORE_ENTRY_MAX, size_t, 262144, "bytes", "one sealed entry of a token cache")               \
    X(LOOPBACK_GUESTS, size_t, 16, "connections", "to the listener of a sign-in; the oldest goes") \
    X(LOOPBACK_HEAD, size_t, 8192, "bytes", "head of a request to that listener")                  \
    X(LOOPBACK_TIME, int64_t, 10000, "ms", "for such a request to arrive, TLS included")           \
    X(LOOPBACK_LEAVE, int64_t, 1000, "ms", "for such an answer to be taken")                       \
    X(MAX_EVENTS, size_t, 4096, "events", "of an engine, not fetched yet; more are dropped")       \
    X(JSON_DEPTH, size_t, 512, "levels", "nested arrays and objects")                              \
    X(JSON_TEXT, size_t, 67108864, "bytes", "one string, key or number")                           \
    X(JSON_DOCUMENT, size_t, 1073741824, "bytes", "one document")

#define ACCS_LIMIT_ENTRY(id, type, value, unit, reason)                                            \
    __attribute__((unused)) static const type ACCS_LIMIT_##id = value;
ACCS_LIMIT_LIST(ACCS_LIMIT_ENTRY)
#undef ACCS_LIMIT_ENTRY

#endif
