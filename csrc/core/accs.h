/*
 * accs: client core for Adobe Commerce as a Cloud Service.
 *
 * The only public header (accs_auth.h is a part of it). Plain C11 over libcurl, libcrypto and zlib.
 * Nothing here prints, exits, keeps mutable statics or calls back: work is started,
 * accs_engine_step() moves it, and results are fetched from a queue with
 * accs_engine_next().
 *
 * Threads: an engine and everything made from it belong to one thread at a
 * time. Different engines are independent of each other.
 * Text is UTF-8 and ends in NUL unless a length stands beside it. Times are
 * milliseconds unless the name says otherwise.
 */
#ifndef ACCS_H
#define ACCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACCS_VERSION "0.1.0"

#if defined(__GNUC__)
#define ACCS_API __attribute__((visibility("default")))
#else
#define ACCS_API
#endif

/* ---------------------------------------------------------------- errors */

/* The one error list: identifier, name that users see, what it means. */
#define ACCS_ERROR_LIST(X)                                                                         \
    X(CONFIG, "config", "a mistake in options, credentials or request")                            \
    X(AUTH, "auth", "credentials or permissions refused")                                          \
    X(NETWORK, "network", "no connection, or it broke")                                            \
    X(TLS, "tls", "no trusted encrypted connection")                                               \
    X(TIMEOUT, "timeout", "a time limit passed")                                                   \
    X(HTTP, "http", "the service answered with an error")                                          \
    X(GATEWAY, "gateway", "something in front of the service answered")                            \
    X(RATE_LIMITED, "rate_limited", "the service asks to slow down")                               \
    X(REDIRECT, "redirect", "a redirect, which this API never sends")                              \
    X(DECODE, "decode", "the answer cannot be read")                                               \
    X(TOO_LARGE, "too_large", "more data than the limit allows")                                   \
    X(CANCELLED, "cancelled", "the caller ended the call")                                         \
    X(CLOSED, "closed", "the client or engine is closed")                                          \
    X(CACHE, "cache", "the token cache failed")                                                    \
    X(IO, "io", "a local file or descriptor failed")                                               \
    X(MEMORY, "memory", "no memory left")                                                          \
    X(PARSE, "parse", "text does not have the expected form")

typedef enum accs_error {
    ACCS_OK = 0,
#define ACCS_ERROR_ENUM(id, name, text) ACCS_ERROR_##id,
    ACCS_ERROR_LIST(ACCS_ERROR_ENUM)
#undef ACCS_ERROR_ENUM
        ACCS_ERROR_COUNT /* not an error: how many there are, with ACCS_OK */
} accs_error;

/* What is known about the fate of a request that failed. */
typedef enum accs_outcome {
    ACCS_OUTCOME_NOT_SENT = 0, /* surely not acted on: it never left */
    ACCS_OUTCOME_REFUSED,      /* the service said no with a 4xx */
    ACCS_OUTCOME_UNKNOWN,      /* sent, fate not known; 5xx too */
    ACCS_OUTCOME_DONE,         /* it happened, but its answer could not be read */
} accs_outcome;

enum { ACCS_FAILURE_TEXT_MAX = 320 };

/*
 * Why something failed. A plain value that the caller owns; it holds no
 * pointer and no secret. Functions fill it only when they fail.
 */
typedef struct accs_failure {
    accs_error code;
    accs_outcome outcome;
    int status;                       /* HTTP status, 0 when there was none */
    int curl_code;                    /* CURLcode, 0 when libcurl had no part in it */
    int system_errno;                 /* errno, 0 when the system had no part in it */
    unsigned attempts;                /* requests that left, hidden repeats included */
    bool retryable;                   /* the same call may succeed later */
    int64_t retry_after_ms;           /* wait that the service asked for, or -1 */
    char text[ACCS_FAILURE_TEXT_MAX]; /* one line that says what to do */
} accs_failure;

/* The name that users see, for example "rate_limited"; "ok" for ACCS_OK. */
ACCS_API const char *accs_error_name(accs_error error);

/* One sentence about the error. */
ACCS_API const char *accs_error_text(accs_error error);

/* "not_sent", "refused", "unknown" or "done". */
ACCS_API const char *accs_outcome_name(accs_outcome outcome);

/* Writes "libcurl/7.88.1 OpenSSL/3.0.17 zlib/1.2.13", the libraries in use, cut to text_size. */
ACCS_API void accs_libraries(char *text, size_t text_size);

/* --------------------------------------------------------------- repeats */

/* How an attempt ended, as far as repeating it is concerned. */
typedef enum accs_attempt_end {
    ACCS_ATTEMPT_NEVER_SENT = 0, /* no connection: surely not acted on */
    ACCS_ATTEMPT_LOST,           /* it left, and no whole answer came back */
    ACCS_ATTEMPT_ANSWERED,       /* there is a status */
    ACCS_ATTEMPT_FINAL,          /* repeating cannot help: certificate, size, redirect ... */
} accs_attempt_end;

/* Whether a call goes again by itself. */
typedef enum accs_repeat {
    ACCS_REPEAT_NO = 0,
    ACCS_REPEAT_YES,
    ACCS_REPEAT_NEW_TOKEN, /* once, at once, with another token */
} accs_repeat;

/* One row of the table of repeats. */
typedef struct accs_retry_row {
    accs_attempt_end end;
    int first_status; /* with ACCS_ATTEMPT_ANSWERED: the statuses it is for, both included */
    int last_status;
    accs_repeat idempotent; /* calls that may be sent twice */
    accs_repeat other;      /* all others */
    accs_outcome outcome;   /* of the call, should it end with this attempt */
    bool pauses_client;     /* the wait holds for the whole client */
    bool heeds_wait;        /* a Retry-After that is too long ends the call as rate_limited */
    bool uses_budget;       /* a repeat counts in the client's retry budget */
    const char *why;
} accs_retry_row;

/*
 * The table that decides about every repeat; the first row that fits holds.
 * Static data, not to be freed.
 */
ACCS_API const accs_retry_row *accs_retry_table(size_t *row_count);

/* "never_sent", "lost", "answered" or "final". */
ACCS_API const char *accs_attempt_end_name(accs_attempt_end end);

/* "no", "yes" or "new_token". */
ACCS_API const char *accs_repeat_name(accs_repeat repeat);

/* ---------------------------------------------------------------- engine */

typedef struct accs_engine accs_engine;
typedef struct accs_client accs_client;
typedef struct accs_auth accs_auth;
typedef struct accs_reply accs_reply;

/*
 * Limits of what the clients of an engine share: connections, TLS sessions,
 * addresses of names. 0: the default, see limits.h.
 */
typedef struct accs_engine_options {
    size_t max_connections;       /* open at a time, per host; further requests wait */
    size_t max_total_connections; /* to all hosts together; 0: no limit */
    size_t max_idle_connections;  /* kept open for later requests, to all hosts together */
    size_t max_streams;           /* requests at a time over one HTTP/2 connection */
    int64_t max_idle_time_ms;     /* an older idle connection is not used again; whole seconds */
    int64_t dns_cache_time_ms;    /* addresses of a name are kept so long; whole seconds */
} accs_engine_options;

/*
 * Makes an engine: one curl_multi behind one pollable descriptor.
 *
 * options  borrowed for the call; NULL for all defaults
 * engine   set on success; free with accs_engine_free()
 *
 * Errors: ACCS_ERROR_MEMORY, ACCS_ERROR_IO (no descriptor).
 */
ACCS_API accs_error accs_engine_new(const accs_engine_options *options, accs_engine **engine,
                                    accs_failure *failure);

/*
 * Frees the engine. Clients of it that still live answer ACCS_ERROR_CLOSED from
 * then on and are freed by their owners, in any order. In a forked child it only
 * closes the child's copies of the descriptors and abandons the rest, so the
 * parent's connections live on. NULL is fine.
 */
ACCS_API void accs_engine_free(accs_engine *engine);

/*
 * False in a forked child: nothing of the engine may be used there but
 * accs_engine_free(), and it refuses all work. Make another one.
 */
ACCS_API bool accs_engine_usable(const accs_engine *engine);

/*
 * The descriptor that is readable whenever accs_engine_step() has work to do:
 * timers are in the same set. Owned by the engine; never read it, only poll.
 */
ACCS_API int accs_engine_fd(accs_engine *engine);

/*
 * How long a host may wait before it calls accs_engine_step(), in ms: 0 while
 * the queue holds something, -1 for "until the descriptor is ready".
 */
ACCS_API int64_t accs_engine_timeout_ms(const accs_engine *engine);

/*
 * Moves everything once. Waits up to timeout_ms (-1: until something happens)
 * when there is nothing to do; returns early when the queue holds something or
 * a signal arrives.
 *
 * Errors: ACCS_ERROR_CLOSED in a forked child, ACCS_ERROR_IO, ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_engine_step(accs_engine *engine, int64_t timeout_ms,
                                     accs_failure *failure);

/*
 * Waits until one of several engines has something to do, for a program that
 * then steps each of them with timeout 0. Moves none of them. Returns early when
 * a signal arrives; an engine of another process counts as ready.
 *
 * engines     borrowed for the call
 * timeout_ms  the longest wait; -1: until something happens
 *
 * Errors: ACCS_ERROR_IO, ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_engines_wait(accs_engine *const *engines, size_t engine_count,
                                      int64_t timeout_ms, accs_failure *failure);

/* The number of calls and timers that have not been fetched from the queue yet. */
ACCS_API size_t accs_engine_pending(const accs_engine *engine);

/*
 * Starts a timer that comes out of the queue as ACCS_ITEM_TIMER.
 *
 * delay_ms  from now; negative counts as 0
 * id        set on success; unique among calls and timers of the engine
 */
ACCS_API accs_error accs_engine_timer(accs_engine *engine, int64_t delay_ms, uint64_t *id,
                                      accs_failure *failure);

/*
 * Ends a call (it comes out of the queue with ACCS_ERROR_CANCELLED) or a timer
 * (likewise). An id that is not known, or finished already, is ignored.
 */
ACCS_API void accs_engine_cancel(accs_engine *engine, uint64_t id);

typedef enum accs_event_kind {
    ACCS_EVENT_REQUEST = 0, /* an attempt leaves */
    ACCS_EVENT_RESPONSE,    /* it ended, with a status or without: one for each REQUEST */
    ACCS_EVENT_RETRY,       /* the call waits delay_ms and goes again */
    ACCS_EVENT_THROTTLE,    /* the whole client waits delay_ms */
    ACCS_EVENT_TOKEN,       /* what became of a token: see text and reason */
    ACCS_EVENT_CACHE,       /* the token cache could not do its work: see text and reason */
} accs_event_kind;

/* "request", "response", "retry", "throttle", "token", "cache". */
ACCS_API const char *accs_event_name(accs_event_kind kind);

typedef enum accs_protocol {
    ACCS_PROTOCOL_NONE = 0, /* no answer */
    ACCS_PROTOCOL_HTTP_1_0,
    ACCS_PROTOCOL_HTTP_1_1,
    ACCS_PROTOCOL_HTTP_2,
} accs_protocol;

/* "", "HTTP/1.0", "HTTP/1.1", "HTTP/2". */
ACCS_API const char *accs_protocol_name(accs_protocol protocol);

/*
 * Where the time of one attempt went, in microseconds: durations, one after the
 * other. 0 for what was not needed (an open connection, no TLS) or never ended.
 * Source: "TIMES" in curl_easy_getinfo(3), whose values are cumulated.
 */
typedef struct accs_phases {
    int64_t queue_us;       /* waiting for token, throttle, place and connection: from the call's
                               start, or the end of the back-off, to the attempt's */
    int64_t name_lookup_us; /* of the host, or the proxy */
    int64_t connect_us;     /* TCP */
    int64_t tls_us;         /* the proxy's tunnel too */
    int64_t first_byte_us;  /* from the connection's being ready to the answer's first byte */
    int64_t total_us;       /* of the attempt, without queue; what the others leave is the body */
} accs_phases;

enum { ACCS_EVENT_URL_MAX = 256, ACCS_EVENT_TEXT_MAX = 96, ACCS_REQUEST_ID_MAX = 128 };

/* From bytes on, fields are of RESPONSE; elapsed_us is of TOKEN and CACHE too. */
typedef struct accs_event {
    accs_event_kind kind;
    int64_t wall_ms;  /* when, in ms since 1970-01-01 UTC */
    uint64_t call;    /* the call's id, 0 when the event belongs to none */
    unsigned attempt; /* from 1 */
    int status;       /* 0 when there was no answer */
    accs_error error; /* ACCS_OK when the attempt was answered */
    int64_t delay_ms;
    uint64_t dropped; /* events of this client that were dropped before this one, see limits.h */
    char method[12];
    char url[ACCS_EVENT_URL_MAX];     /* cut when longer; no secret */
    char text[ACCS_EVENT_TEXT_MAX];   /* what happened, in a word or two */
    char reason[ACCS_EVENT_TEXT_MAX]; /* of TOKEN and CACHE: why; "" where text says it */
    unsigned secret; /* of TOKEN: which client secret was used, from 1, newest first; 0: none */
    char request_id[ACCS_REQUEST_ID_MAX + 1]; /* that was sent, "" for none */
    int64_t elapsed_us;                       /* of the attempt, or of what text says */
    uint64_t bytes;                           /* of the decoded body */
    uint64_t bytes_in;                        /* head and body as they came over the wire */
    uint64_t bytes_out;                       /* likewise; TLS and HTTP/2's packing not counted */
    bool sent;                                /* the request left */
    bool reused;                              /* over a connection that was open already */
    accs_protocol protocol;
    accs_phases phases;
} accs_event;

typedef enum accs_item_kind {
    ACCS_ITEM_NONE = 0,
    ACCS_ITEM_DONE,  /* a call ended: failure.code tells how */
    ACCS_ITEM_TIMER, /* a timer ended: failure.code is ACCS_OK or ACCS_ERROR_CANCELLED */
    ACCS_ITEM_EVENT, /* something was observed */
    ACCS_ITEM_BODY,  /* bytes of a streamed answer wait: accs_engine_read() */
    ACCS_ITEM_WISH,  /* a call wants bytes of its source: accs_engine_feed() */
    ACCS_ITEM_HOOK,  /* a function of the host is to be called: accs_engine_settle() */
} accs_item_kind;

/* What a host's function is asked for. */
typedef enum accs_hook_kind {
    ACCS_HOOK_SECRET = 0, /* the client secrets, newest first */
    ACCS_HOOK_LOAD,       /* the sealed bytes that the store has under key */
    ACCS_HOOK_SAVE,       /* keep bytes under key, for ttl_ms */
    ACCS_HOOK_REMOVE,     /* forget what is kept under key */
    ACCS_HOOK_LOCK,       /* the lock of key, for owner, for ttl_ms at most */
    ACCS_HOOK_UNLOCK,     /* the lock of key, should owner still have it */
} accs_hook_kind;

/* "secret", "load", "save", "remove", "lock", "unlock". */
ACCS_API const char *accs_hook_name(accs_hook_kind kind);

enum { ACCS_STORE_KEY_MAX = 95 };

typedef struct accs_hook {
    accs_hook_kind kind;
    uint64_t host; /* the number that the options gave the store, or the source of secrets */
    char key[ACCS_STORE_KEY_MAX + 1]; /* of the entry: letters, digits and "-"; a lock's is that of
                                         its entries under all sealing keys */
    char owner[33];                   /* of LOCK and UNLOCK */
    int64_t ttl_ms;                   /* of SAVE and LOCK; 0: without end */
    char *bytes;                      /* of SAVE: sealed, so no secret */
    size_t bytes_len;
} accs_hook;

/* Frees what an item of kind ACCS_ITEM_HOOK held. NULL is fine. */
ACCS_API void accs_hook_free(accs_hook *hook);

typedef struct accs_item {
    accs_item_kind kind;
    uint64_t id;          /* of the call or timer; of the client's handle for an event */
    accs_reply *reply;    /* owned by whoever took the item; NULL when nothing was received */
    accs_failure failure; /* code is ACCS_OK on success */
    accs_event event;     /* for ACCS_ITEM_EVENT */
    bool from_start;      /* for ACCS_ITEM_WISH: the source must begin at its first byte */
    accs_hook *hook;      /* for ACCS_ITEM_HOOK: owned by whoever took the item */
} accs_item;

/*
 * Takes the next thing from the queue. Returns false, and leaves *item alone,
 * when the queue is empty. Every started call and timer comes out exactly once.
 * The item's reply and hook are the caller's: accs_reply_free(), accs_hook_free().
 */
ACCS_API bool accs_engine_next(accs_engine *engine, accs_item *item);

/*
 * Takes bytes of a streamed answer, and lets the transfer go on when it waited for that. After an
 * ACCS_ITEM_BODY no other comes for the call until this was called; what is left when the call ends
 * is the body of its reply. Once bytes were taken the core does not repeat the call by itself.
 *
 * bytes  the caller's, room bytes
 *
 * Returns how many were copied; 0 when none wait, also for an id that is not known or has ended.
 */
ACCS_API size_t accs_engine_read(accs_engine *engine, uint64_t id, char *bytes, size_t room);

/*
 * The head of the answer whose body is being streamed; borrowed until the engine is stepped.
 * NULL when there is none.
 */
ACCS_API const accs_reply *accs_engine_answer(const accs_engine *engine, uint64_t id);

/*
 * Answers an ACCS_ITEM_WISH with the next bytes of the request's body. Bytes for an attempt that
 * has ended meanwhile are dropped, and another wish asks for the first byte again; an id that is
 * not known or has ended is ignored. The call ends with ACCS_ERROR_IO when the bytes are more or
 * fewer than its source_length.
 *
 * bytes      copied; NULL: the body is complete
 * bytes_len  at most ACCS_LIMIT_STREAM_WINDOW
 *
 * Errors: ACCS_ERROR_CONFIG (no wish is open), ACCS_ERROR_TOO_LARGE, ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_engine_feed(accs_engine *engine, uint64_t id, const char *bytes,
                                     size_t bytes_len, accs_failure *failure);

/* Bytes with their length; borrowed. */
typedef struct accs_text {
    const char *bytes;
    size_t len;
} accs_text;

/*
 * Answers an ACCS_ITEM_HOOK. Whoever waits has a time limit of its own (limits.h): an answer that
 * comes later, twice, or for an id that is not known is ignored.
 *
 * id           of the item
 * values       copied; SECRET: one or more; LOAD: one, or none when nothing is kept; LOCK: one
 *              (any) when the lock was had, none when another has it; the others: none
 * problem      NULL: it worked; else why not, for events; without secrets, cut to size
 *
 * Errors: ACCS_ERROR_CLOSED (a forked child), ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_engine_settle(accs_engine *engine, uint64_t id, const accs_text *values,
                                       size_t value_count, const char *problem,
                                       accs_failure *failure);

/* ----------------------------------------------------------------- reply */

ACCS_API void accs_reply_free(accs_reply *reply);
ACCS_API int accs_reply_status(const accs_reply *reply);
ACCS_API unsigned accs_reply_attempts(const accs_reply *reply);
/* From the call's start to its end, waits included, in microseconds. */
ACCS_API int64_t accs_reply_elapsed_us(const accs_reply *reply);
/* The address asked, without user name, password and token. Lives as long as the reply. */
ACCS_API const char *accs_reply_url(const accs_reply *reply);
/* The decoded body; borrowed. *bytes is never NULL. */
ACCS_API void accs_reply_body(const accs_reply *reply, const char **bytes, size_t *bytes_len);
ACCS_API size_t accs_reply_header_count(const accs_reply *reply);
/* Header number index (from 0), as received; borrowed. */
ACCS_API void accs_reply_header(const accs_reply *reply, size_t index, const char **name,
                                size_t *name_len, const char **value, size_t *value_len);

/* ---------------------------------------------------------------- client */

/*
 * What a client is made of. Text is borrowed for the call. Zero and NULL mean
 * "the default"; the defaults and ceilings stand in limits.h.
 */
typedef struct accs_client_options {
    const char *base_url;      /* required: scheme, host, tenant path */
    const char *ims_url;       /* NULL: Adobe's production IMS */
    const char *client_id;     /* required unless access_token is given */
    const char *client_secret; /* likewise; copied and wiped at the end */
    const char *access_token;  /* a ready token instead of credentials */
    const char *org_id;
    const char *scopes; /* comma-separated */
    /*
     * Further ways to say who asks; see accs_auth.h. Instead of client_secret: a list, newest first
     * (the next is tried when IMS refuses one), or a number, for which the host is asked by
     * ACCS_ITEM_HOOK.
     */
    const accs_text *client_secrets; /* copied and wiped at the end */
    size_t client_secret_count;
    uint64_t secret_hook; /* 0: none */
    accs_auth *auth; /* credentials that exist already: all others here are ignored, and those of
                        the cache too. Not taken: it may be freed before the client */
    const char *session;       /* name of a person's session in the cache; NULL: "default" */
    const char *code;          /* of the sign-in, to be exchanged; NULL: go on with the session */
    const char *code_verifier; /* that the code was asked for with (RFC 7636) */
    const char *redirect_uri;  /* likewise (RFC 6749, 4.1.3); NULL: not sent */
    /* Tokens are kept in memory, and sealed in one of: */
    const char *cache_folder; /* made when absent, mode 0700; NULL: none */
    uint64_t cache_hook;      /* a store of the host, asked by ACCS_ITEM_HOOK; 0: none */
    const char *cache_key;    /* what sealing keys are made from; NULL: the client secret, or
                                 a random one in cache_folder where there is none */
    int64_t lock_timeout_ms;  /* how long to wait while another process asks IMS */
    const char *store;        /* NULL: no Store header */
    const char *user_agent;
    const char *ca_file;     /* PEM; NULL: the system's store */
    const char *proxy;       /* may hold user:password@; NULL: as the environment says */
    const char *no_proxy;    /* hosts that are reached without: names, domains, *; NULL: likewise */
    const char *client_cert; /* PEM file shown to servers that ask; NULL: none */
    const char *client_key;  /* PEM file; NULL: in client_cert */
    const char *client_key_password; /* copied and wiped at the end */
    const char *pin;                 /* libcurl's CURLOPT_PINNEDPUBLICKEY form */
    const char *min_tls;             /* "1.2" (the default) or "1.3" */
    const char *http_version;        /* of reads: "1.1", or "2" where offered; NULL: 1.1 */
    unsigned ip_version;             /* 4 or 6; 0: both */
    int64_t connect_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t timeout_ms; /* whole call with its waits and repeats */
    int64_t max_retry_after_ms;
    unsigned attempts;
    int64_t backoff_ms;        /* the first one, before the jitter */
    int64_t max_backoff_ms;    /* the largest, before the jitter */
    double retry_budget;       /* repeats as a share of recent calls, up to 1 */
    unsigned retry_budget_min; /* repeats that are always allowed in the budget's window */
    size_t max_concurrency;    /* transfers of this client at a time */
    bool fixed_concurrency;    /* after a 429 too; false: fewer, for a while */
    size_t max_body;           /* decoded bytes */
    size_t max_headers;        /* bytes of all response headers */
    bool read_only;            /* refuse every method but GET and HEAD */
    bool events;               /* queue ACCS_ITEM_EVENT items */
    bool user; /* a person's sign-in: authorization code, then refresh tokens; without a secret as a
                  public client */
    bool cache_locks; /* it knows LOCK and UNLOCK */
} accs_client_options;

/*
 * Makes a client. No I/O. Clients of one identity (IMS address, client id,
 * secret and scopes) in one engine share one token.
 *
 * engine   must outlive no one: see accs_engine_free()
 * options  borrowed for the call
 * client   set on success; free with accs_client_free()
 *
 * Errors: ACCS_ERROR_CONFIG, ACCS_ERROR_MEMORY, ACCS_ERROR_CLOSED.
 */
ACCS_API accs_error accs_client_new(accs_engine *engine, const accs_client_options *options,
                                    accs_client **client, accs_failure *failure);

/*
 * Frees the client. Its calls in flight come out of the engine's queue as
 * ACCS_ERROR_CANCELLED. Secrets are wiped. NULL is fine.
 */
ACCS_API void accs_client_free(accs_client *client);

/* A number that tells this client's events from those of others; never 0. */
ACCS_API uint64_t accs_client_handle(const accs_client *client);

typedef struct accs_header {
    const char *name;
    const char *value;
} accs_header;

/* One call. Everything is borrowed for accs_client_start() and copied. */
typedef struct accs_request {
    const char *method; /* GET HEAD POST PUT PATCH DELETE */
    const char *path;   /* percent-encoded, with its query; never another origin */
    size_t path_len;    /* so that a NUL inside can be refused */
    const accs_header *headers;
    size_t header_count;
    const char *store; /* NULL: the client's */
    const char *body;  /* NULL: none */
    size_t body_len;
    const char *content_type;   /* NULL: application/json when there is a body */
    int idempotent;             /* 1 yes, 0 no, -1: as the method says (RFC 9110, 9.2.2) */
    int64_t connect_timeout_ms; /* 0: the client's */
    int64_t idle_timeout_ms;    /* 0: the client's */
    int64_t timeout_ms;         /* 0: the client's */
    unsigned attempts;          /* 0: the client's */
    int64_t max_retry_after_ms; /* 0: the client's */
    int64_t backoff_ms;         /* 0: the client's */
    int64_t max_backoff_ms;     /* 0: the client's */
    size_t max_body;            /* 0: the client's; of a streamed body: no limit */
    size_t max_headers;         /* bytes of all headers of the answer; 0: the client's */
    /*
     * A body that is moved in pieces, in either direction, has no limit of time but the idle one
     * unless timeout_ms is given. It travels over HTTP/1.1: what a server has
     * sent for a paused HTTP/2 stream must be kept in memory to reach the others (up to 32 MB).
     */
    bool stream;            /* a 2xx answer's body comes by accs_engine_read() */
    bool source;            /* the body comes by accs_engine_feed(); body is NULL */
    bool replayable;        /* the source can begin again, for another attempt */
    int64_t source_length;  /* bytes; -1: not known */
    const char *request_id; /* x-request-id, 1 to ACCS_REQUEST_ID_MAX visible ASCII bytes, the
                               same for all attempts; NULL: none */
} accs_request;

/*
 * Starts a call. It ends as one ACCS_ITEM_DONE of the engine's queue, unless
 * this function fails: then nothing comes later.
 *
 * id  set on success
 *
 * Errors: ACCS_ERROR_CONFIG (path, header, method, read_only), ACCS_ERROR_CLOSED,
 * ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_client_start(accs_client *client, const accs_request *request,
                                      uint64_t *id, accs_failure *failure);

/* Makes every call of this client wait at least delay_ms from now. */
ACCS_API void accs_client_throttle(accs_client *client, int64_t delay_ms);

/*
 * Replaces this client's secret and access token by "***" in a text that came
 * from outside, before it is shown. text: NUL-ended, changed in place.
 */
ACCS_API void accs_client_redact(const accs_client *client, char *text);

/* ------------------------------------------------------------ statistics */

/* What a call is doing. */
typedef enum accs_stage {
    ACCS_STAGE_TOKEN = 0, /* waits for an access token */
    ACCS_STAGE_THROTTLE,  /* waits because the service asked to slow down */
    ACCS_STAGE_PLACE,     /* waits for its turn (max_concurrency) */
    ACCS_STAGE_TRANSFER,  /* an attempt is under way */
    ACCS_STAGE_BACKOFF,   /* waits before the next attempt */
    ACCS_STAGE_COUNT      /* not a stage */
} accs_stage;

/* "token", "throttle", "place", "transfer", "backoff". */
ACCS_API const char *accs_stage_name(accs_stage stage);

/* Microseconds up to which calls are counted: X(bound) */
#define ACCS_LATENCY_BOUND_LIST(X)                                                                 \
    X(5000)                                                                                        \
    X(10000)                                                                                       \
    X(25000)                                                                                       \
    X(50000)                                                                                       \
    X(100000)                                                                                      \
    X(250000)                                                                                      \
    X(500000) X(1000000) X(2500000) X(5000000) X(10000000) X(30000000) X(60000000) X(120000000)

enum {
#define ACCS_LATENCY_BOUND_ENUM(us) ACCS_LATENCY_BOUND_##us,
    ACCS_LATENCY_BOUND_LIST(ACCS_LATENCY_BOUND_ENUM)
#undef ACCS_LATENCY_BOUND_ENUM
        ACCS_LATENCY_BOUND_COUNT
};

/*
 * Durations of whole calls with their waits and repeats, those that the caller
 * cancelled left out. Quantiles are off by 5 % at most, the rest is exact.
 */
typedef struct accs_latency {
    uint64_t count;
    uint64_t sum_us;
    uint64_t max_us;
    uint64_t p50_us;
    uint64_t p90_us;
    uint64_t p99_us;
    uint64_t at_most[ACCS_LATENCY_BOUND_COUNT]; /* calls that took no longer than the bound */
} accs_latency;

/* What a client did since it was made. Requests for tokens are not among calls and attempts. */
typedef struct accs_stats {
    uint64_t started;                    /* calls */
    uint64_t ended[ACCS_ERROR_COUNT];    /* calls, by how: ACCS_OK or the error */
    uint64_t in_flight;                  /* calls started and not ended */
    uint64_t waiting;                    /* of these, in line for a place */
    uint64_t attempts;                   /* requests that left, libcurl's hidden repeats included */
    uint64_t retries;                    /* attempts after a call's first */
    uint64_t throttles;                  /* times that the client was told to pause */
    uint64_t spent_us[ACCS_STAGE_COUNT]; /* by all calls together, until their last change */
    uint64_t bytes_in;                   /* as in events; of attempts that ended */
    uint64_t bytes_out;
    uint64_t connections_opened; /* begun, in vain too */
    uint64_t connections_reused; /* attempts that left over an open one */
    uint64_t tokens_acquired;    /* by the identity, which clients may share */
    uint64_t tokens_refreshed;
    uint64_t tokens_failed;
    uint64_t events_dropped; /* because too many waited to be fetched, or without memory */
    accs_latency latency;
} accs_stats;

/* Copies the client's numbers, also when its engine is closed. */
ACCS_API void accs_client_stats(const accs_client *client, accs_stats *stats);

/*
 * Writes a new random id, 128 bits in hexadecimal, for accs_request.request_id.
 * Errors: ACCS_ERROR_IO (the system has no random numbers); then id is untouched.
 */
ACCS_API accs_error accs_random_id(char id[33]);

/* ------------------------------------------------------------- addresses */

/* What an address is, decided in one place for all rules about secrets. */
typedef struct accs_address {
    bool https;
    bool loopback;      /* localhost, 127.0.0.0/8, ::1 */
    bool adobe;         /* under adobe.com or adobelogin.com */
    bool has_user_info; /* user name or password in it */
    bool has_query;     /* a query or a fragment */
} accs_address;

/*
 * Looks at an absolute http or https URL. Pure.
 *
 * Errors: ACCS_ERROR_CONFIG with a text that says what is wrong.
 * Source: RFC 3986, parsed by libcurl's URL API.
 */
ACCS_API accs_error accs_address_look(const char *url, accs_address *address,
                                      accs_failure *failure);

/*
 * Copies a URL with "***" for the value of each query parameter whose name says
 * that it is a credential: token, secret, password, signature, key and the like,
 * in any case, percent-encoded or in brackets. Pure.
 *
 * url       NUL-ended
 * out       the caller's; cut to out_size bytes with the NUL. 3 * strlen(url) + 1 is enough
 */
ACCS_API void accs_url_redact(const char *url, char *out, size_t out_size);

/*
 * Percent-encodes everything but unreserved characters (RFC 3986, 2.3). Pure.
 *
 * bytes    any bytes
 * encoded  the caller's, room for 3 * bytes_len; no NUL is added
 *
 * Returns how many bytes it wrote.
 */
ACCS_API size_t accs_percent_encode(const char *bytes, size_t bytes_len, char *encoded);

/* ------------------------------------------------------------------ JSON */

typedef struct accs_json_reader accs_json_reader;
typedef struct accs_json_writer accs_json_writer;

typedef enum accs_json_kind {
    ACCS_JSON_MORE = 0, /* feed more bytes, or accs_json_finish() */
    ACCS_JSON_END,      /* the document is complete, only white space followed */
    ACCS_JSON_ERROR,    /* accs_json_failure() says what; the reader stays there */
    ACCS_JSON_OBJECT,
    ACCS_JSON_OBJECT_END,
    ACCS_JSON_ARRAY,
    ACCS_JSON_ARRAY_END,
    ACCS_JSON_KEY,     /* text, decoded */
    ACCS_JSON_STRING,  /* text, decoded */
    ACCS_JSON_INTEGER, /* integer; text holds the digits */
    ACCS_JSON_FLOAT,   /* number; text holds the literal; an integer beyond 64 bit and -0 too */
    ACCS_JSON_TRUE,
    ACCS_JSON_FALSE,
    ACCS_JSON_NULL,
} accs_json_kind;

typedef struct accs_json_event {
    accs_json_kind kind;
    const char *text; /* borrowed until the next accs_json_next() or accs_json_feed() */
    size_t text_len;
    int64_t integer;
    double number;
    bool big_integer; /* with FLOAT: the literal was an integer beyond 64 bit */
} accs_json_event;

typedef struct accs_json_limits {
    size_t depth;    /* nested arrays and objects; 0: the default */
    size_t text;     /* bytes of one string, key or number; 0: the default */
    size_t document; /* bytes of the whole document; 0: the default */
} accs_json_limits;

/*
 * A strict, incremental pull reader (RFC 8259): bytes in chunks of any size go
 * in, events come out. UTF-8 is checked, a lone surrogate escape is refused.
 *
 * limits  borrowed for the call; NULL for the defaults
 * Errors: ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_json_reader_new(const accs_json_limits *limits, accs_json_reader **reader);
ACCS_API void accs_json_reader_free(accs_json_reader *reader);

/*
 * Hands bytes to the reader, which borrows them until accs_json_next() has
 * answered ACCS_JSON_MORE, ACCS_JSON_END or ACCS_JSON_ERROR. Call only at the
 * start and after ACCS_JSON_MORE (or after END, where bytes but white space make an error).
 */
ACCS_API void accs_json_feed(accs_json_reader *reader, const char *bytes, size_t bytes_len);

/* Says that no byte follows: the next ACCS_JSON_MORE becomes END or ERROR. */
ACCS_API void accs_json_finish(accs_json_reader *reader);

/* The next event, also returned. After ERROR it returns ERROR again. */
ACCS_API accs_json_kind accs_json_next(accs_json_reader *reader, accs_json_event *event);

/*
 * What went wrong after ACCS_JSON_ERROR: ACCS_ERROR_PARSE, ACCS_ERROR_TOO_LARGE
 * (a limit, or a number beyond the largest double) or ACCS_ERROR_MEMORY; a text without
 * input bytes, with the offset.
 * Never call it before an error.
 */
ACCS_API accs_error accs_json_failure(const accs_json_reader *reader, const char **text,
                                      uint64_t *offset);

/*
 * A writer that makes one document in memory. Commas and colons are its own
 * work. After an error every call returns that error. Misplaced calls (a value
 * without key inside an object, an end without begin) are ACCS_ERROR_CONFIG.
 */
ACCS_API accs_error accs_json_writer_new(size_t max_bytes, accs_json_writer **writer);
ACCS_API void accs_json_writer_free(accs_json_writer *writer);
ACCS_API accs_error accs_json_write_object(accs_json_writer *writer);
ACCS_API accs_error accs_json_write_object_end(accs_json_writer *writer);
ACCS_API accs_error accs_json_write_array(accs_json_writer *writer);
ACCS_API accs_error accs_json_write_array_end(accs_json_writer *writer);
/* Text must be valid UTF-8: otherwise ACCS_ERROR_PARSE. */
ACCS_API accs_error accs_json_write_key(accs_json_writer *writer, const char *text,
                                        size_t text_len);
ACCS_API accs_error accs_json_write_string(accs_json_writer *writer, const char *text,
                                           size_t text_len);
ACCS_API accs_error accs_json_write_integer(accs_json_writer *writer, int64_t value);
/* Shortest form that reads back the same, "." as the point in every locale. NaN, infinity:
 * ACCS_ERROR_PARSE. */
ACCS_API accs_error accs_json_write_float(accs_json_writer *writer, double value);
ACCS_API accs_error accs_json_write_bool(accs_json_writer *writer, bool value);
ACCS_API accs_error accs_json_write_null(accs_json_writer *writer);
/* The finished document; borrowed from the writer. ACCS_ERROR_CONFIG while it is not complete. */
ACCS_API accs_error accs_json_writer_bytes(const accs_json_writer *writer, const char **bytes,
                                           size_t *bytes_len);

#include "accs_auth.h"

#ifdef __cplusplus
}
#endif

#endif
