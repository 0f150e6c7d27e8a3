/*
 * The part of accs.h about credentials: tokens and their life, checks of tokens,
 * what a sign-in needs. Include accs.h.
 */
#ifndef ACCS_AUTH_H
#define ACCS_AUTH_H

#ifndef ACCS_H
#error "include accs.h"
#endif

/* ----------------------------------------------------------- credentials */

/*
 * The credentials of an identity and the tokens that were had with them. One
 * identity has one source of tokens in an engine, whoever uses it: clients, and
 * any number of accs_auth.
 *
 * options  borrowed for the call; what is about the tenant (base_url, org_id,
 *          store ...) is ignored
 * auth     set on success; free with accs_auth_free()
 *
 * Errors: ACCS_ERROR_CONFIG, ACCS_ERROR_MEMORY, ACCS_ERROR_CLOSED.
 */
ACCS_API accs_error accs_auth_new(accs_engine *engine, const accs_client_options *options,
                                  accs_auth **auth, accs_failure *failure);

/*
 * Frees it; its jobs under way come out of the queue as ACCS_ERROR_CANCELLED.
 * Tokens are wiped when the last user of the identity goes. NULL is fine.
 */
ACCS_API void accs_auth_free(accs_auth *auth);

/* A number that tells its events from those of others; never 0. */
ACCS_API uint64_t accs_auth_handle(const accs_auth *auth);

/* What can be asked for; each comes out of the queue as ACCS_ITEM_DONE, once. */
typedef enum accs_auth_job {
    ACCS_AUTH_TOKEN = 0, /* there is an access token that serves; without reply */
    ACCS_AUTH_LOAD,      /* what the cache has was read; ACCS_ERROR_AUTH when there is no token and
                            no session in it; without reply, and nobody else is asked */
    ACCS_AUTH_REFRESH,   /* another access token than now, even where IMS has just refused one */
    ACCS_AUTH_VALIDATE,  /* IMS was asked about the access token: its reply, 200 for a bad token
                            too. Source: behaviour of POST /ims/validate_token/v1 */
    ACCS_AUTH_REVOKE,    /* IMS revoked the refresh token, else the access token (RFC 7009), and
                            both were forgotten, as by CLEAR */
    ACCS_AUTH_CLEAR,     /* tokens were forgotten, in memory and in the cache; without reply */
    ACCS_AUTH_KEYS,      /* the reply is the JWKS of IMS (RFC 7517) */
    ACCS_AUTH_USER_INFO, /* the reply says whose access token it is (OpenID Connect Core, 5.3) */
} accs_auth_job;

/* "token", "load", "refresh", "validate", "revoke", "clear", "keys", "user_info". */
ACCS_API const char *accs_auth_job_name(accs_auth_job job);

/*
 * Starts a job.
 *
 * timeout_ms  of the whole job; 0: the identity's. It ends the waiting, not an acquisition that
 *             others wait for
 * id          set on success, as for accs_client_start()
 *
 * Errors: ACCS_ERROR_CLOSED, ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_auth_start(accs_auth *auth, accs_auth_job job, int64_t timeout_ms,
                                    uint64_t *id, accs_failure *failure);

typedef enum accs_auth_text {
    ACCS_AUTH_ACCESS_TOKEN = 0,
    ACCS_AUTH_ID_TOKEN,
} accs_auth_text;

/*
 * A token, for whoever must have its bytes. Borrowed until the engine is stepped or the auth freed;
 * not to be written anywhere. Returns false, and leaves *text alone, when there is none that lives.
 */
ACCS_API bool accs_auth_read(const accs_auth *auth, accs_auth_text which, accs_text *text);

/* What is known of the tokens, without them. */
typedef struct accs_auth_state {
    bool has_access_token; /* one that lives */
    bool has_refresh_token;
    bool has_id_token;
    bool user;       /* a person's sign-in */
    int64_t left_ms; /* of the access token's life */
    int64_t life_ms; /* all of it; 0: not known, of a ready token */
    unsigned secret; /* which client secret worked last, from 1, newest first; 0: none yet */
    int64_t skew_ms; /* how far this machine's clock is behind IMS's, as its answers tell */
} accs_auth_state;

ACCS_API void accs_auth_look(const accs_auth *auth, accs_auth_state *state);

/* Replaces its secrets and tokens by "***" in a text that came from outside, in place. */
ACCS_API void accs_auth_redact(const accs_auth *auth, char *text);

/* ------------------------------------------------------- checks of tokens */

/* What a check of a JWT found: identifier, name, what it means. */
#define ACCS_JWT_VERDICT_LIST(X)                                                                   \
    X(GOOD, "good", "signature and claims are right")                                              \
    X(MALFORMED, "malformed", "not a JWT in compact form (RFC 7515, 7.1)")                         \
    X(ALGORITHM, "algorithm", "not signed with RS256")                                             \
    X(KEY_UNKNOWN, "key_unknown", "signed with a key that is not among the issuer's")              \
    X(SIGNATURE, "signature", "the signature is wrong")                                            \
    X(EXPIRED, "expired", "its time is over")                                                      \
    X(NOT_YET, "not_yet", "its time has not come")                                                 \
    X(ISSUER, "issuer", "made by another issuer")                                                  \
    X(AUDIENCE, "audience", "made for another audience")                                           \
    X(CLIENT, "client", "made for another client")                                                 \
    X(TYPE, "type", "another type of token")                                                       \
    X(CLAIMS, "claims", "a claim that has to be there is missing or of another type")              \
    X(KEYS, "keys", "the issuer's keys cannot be read")                                            \
    X(NO_MEMORY, "memory", "no memory left")

typedef enum accs_jwt_verdict {
#define ACCS_JWT_VERDICT_ENUM(id, name, text) ACCS_JWT_##id,
    ACCS_JWT_VERDICT_LIST(ACCS_JWT_VERDICT_ENUM)
#undef ACCS_JWT_VERDICT_ENUM
} accs_jwt_verdict;

ACCS_API const char *accs_jwt_verdict_name(accs_jwt_verdict verdict);
ACCS_API const char *accs_jwt_verdict_text(accs_jwt_verdict verdict);

/* What a token has to be. Text is borrowed; NULL and empty: not looked at. */
typedef struct accs_jwt_check {
    accs_text keys;       /* JWKS of the issuer (RFC 7517) */
    const char *issuer;   /* claim iss */
    const char *audience; /* claim aud, alone or among others */
    const char *client;   /* claim client_id, as Adobe's access tokens have it */
    const char *type;     /* claim type: access_token for example */
    int64_t now_s;        /* wall clock of the issuer, seconds since 1970 */
    int64_t leeway_s;     /* how far clocks may be apart */
} accs_jwt_check;

/*
 * Checks a JWT: first its signature, then for whom it is, then its times. Pure.
 *
 * Signature: only RS256, with an RSA key of 2048 to 16384 bits that names no other use or
 * algorithm. The key is found by kid; where several of the issuer's have that one, each of the
 * first four is tried. A token without kid is checked where the issuer has just one such key. Keys
 * that the token itself names (jwk, jku, x5c, x5u) are not looked at. A critical header (crit), or
 * a member looked at here that stands there twice, is MALFORMED: nobody else may read another value
 * in the same token.
 * Times: exp and nbf (seconds, with a fraction at will), and Adobe's created_at and expires_in
 * (milliseconds, text or an integer): expired from its last moment plus leeway on, not before
 * nbf or created_at less leeway. CLAIMS: neither exp nor expires_in, expires_in without created_at,
 * or one of these not a time up to the year 9999.
 * Source: RFC 7515, RFC 7517, RFC 7518 3.3, RFC 7519, RFC 8725.
 */
ACCS_API accs_jwt_verdict accs_jwt_verify(accs_text token, const accs_jwt_check *check);

/*
 * The claims of a JWT as they stand in it, a JSON object, unchecked.
 *
 * claims      set on success; the caller's: accs_auth_text_free()
 *
 * Errors: ACCS_ERROR_PARSE, ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_jwt_claims(accs_text token, accs_text *claims);

/* Wipes and frees what functions here gave. NULL bytes are fine. */
ACCS_API void accs_auth_text_free(accs_text *text);

/* ------------------------------------------------------- for a sign-in */

enum { ACCS_PKCE_LEN = 43 };

/*
 * A code verifier of 256 bits and its challenge, method S256.
 * Errors: ACCS_ERROR_IO (no random numbers); then both are untouched.
 * Source: RFC 7636, 4.1 and 4.2.
 */
ACCS_API accs_error accs_pkce_new(char verifier[ACCS_PKCE_LEN + 1],
                                  char challenge[ACCS_PKCE_LEN + 1]);

/* The challenge of a verifier (43 to 128 unreserved characters, else ACCS_ERROR_PARSE). Pure. */
ACCS_API accs_error accs_pkce_challenge(const char *verifier, char challenge[ACCS_PKCE_LEN + 1]);

/* 256 random bits as text, for state (RFC 6749, 10.12). Errors: ACCS_ERROR_IO. */
ACCS_API accs_error accs_state_new(char state[ACCS_PKCE_LEN + 1]);

/* Whether both are the same, in a time that tells their lengths only. */
ACCS_API bool accs_text_equal(accs_text left, accs_text right);

/*
 * Seals text so that only who knows the secret can read or change it: AES-256-GCM under a key from
 * HKDF-SHA256, in base64url.
 *
 * secret   what the key is made from: long and random
 * purpose  tells one use of the secret from another; the same for accs_unseal_text()
 * sealed   set on success; the caller's: accs_auth_text_free()
 *
 * Errors: ACCS_ERROR_IO (no random numbers), ACCS_ERROR_MEMORY.
 * Source: RFC 5869, NIST SP 800-38D.
 */
ACCS_API accs_error accs_seal_text(accs_text secret, const char *purpose, accs_text text,
                                   accs_text *sealed);

/* The text again. Errors: ACCS_ERROR_PARSE (another secret or purpose, or changed),
 * ACCS_ERROR_MEMORY. */
ACCS_API accs_error accs_unseal_text(accs_text secret, const char *purpose, accs_text sealed,
                                     accs_text *text);

/*
 * A listener on this machine for the redirect of a sign-in (RFC 8252, 7.3). With https a
 * certificate is made on the spot: of EC P-256, self-signed, for a day, its key in memory alone.
 */
typedef struct accs_loopback accs_loopback;

/*
 * Begins to listen.
 *
 * redirect_uri  http or https, its host localhost (both families), 127.0.0.1 or [::1], and its
 *               port; NULL: a loopback that listens nowhere, for accs_loopback_wait() alone
 * loopback      set on success; free with accs_loopback_free()
 *
 * Errors: ACCS_ERROR_CONFIG (another address), ACCS_ERROR_IO (the port is in use, or not allowed),
 * ACCS_ERROR_MEMORY.
 */
ACCS_API accs_error accs_loopback_new(const char *redirect_uri, accs_loopback **loopback,
                                      accs_failure *failure);

/* Stops listening, ends connections. NULL is fine. */
ACCS_API void accs_loopback_free(accs_loopback *loopback);

/* Why accs_loopback_wait() came back. */
typedef enum accs_loopback_event {
    ACCS_LOOPBACK_NOTHING = 0, /* the time is over, or a signal arrived */
    ACCS_LOOPBACK_REDIRECT,    /* the redirect URI was asked for: accs_loopback_answer() follows */
    ACCS_LOOPBACK_OTHER,       /* the other descriptor can be read, or has ended */
} accs_loopback_event;

/*
 * Waits for a GET of the redirect URI, or for another descriptor. Whatever else comes to the port
 * is answered or ended here, within limits (limits.h), and does not end the wait. Blocks.
 *
 * other_fd    standard input for example; -1: none
 * timeout_ms  negative: until something happens
 * event       set on success
 * query       set with REDIRECT: what stands behind "?", as it came; borrowed until the next call
 *
 * Errors: ACCS_ERROR_IO.
 */
ACCS_API accs_error accs_loopback_wait(accs_loopback *loopback, int other_fd, int64_t timeout_ms,
                                       accs_loopback_event *event, accs_text *query,
                                       accs_failure *failure);

/* What the browser is shown. */
typedef enum accs_loopback_page {
    ACCS_LOOPBACK_FOREIGN = 0, /* not the sign-in that is waited for */
    ACCS_LOOPBACK_ACCEPTED,    /* it is done */
    ACCS_LOOPBACK_FAILED,      /* it was that sign-in, and it did not succeed */
} accs_loopback_page;

/*
 * Answers the redirect that accs_loopback_wait() gave last; without one nothing happens. Gives the
 * browser up to a second to take it. A redirect that is left unanswered is FOREIGN.
 */
ACCS_API void accs_loopback_answer(accs_loopback *loopback, accs_loopback_page page);

#endif
