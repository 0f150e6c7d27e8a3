/*
 * Access tokens: one source per identity in an engine, shared by its clients.
 * However many calls wait, one token request is under way.
 */
#ifndef ACCS_TOKEN_H
#define ACCS_TOKEN_H

#include "access_token.h"
#include "event.h"
#include "identity.h"
#include "token_record.h"
#include "transfer.h"

typedef struct accs_token_source accs_token_source;

/* A client that uses a source: counts as a reference, and hears its events. */
typedef struct accs_token_user {
    struct accs_token_user *next;
    accs_listener listener;
    uint64_t acquired; /* how often the source got a token while this one used it */
    uint64_t refreshed;
    uint64_t failed; /* gave up */
} accs_token_user;

/* What a waiter waits for. */
typedef enum accs_token_wish {
    ACCS_WISH_SERVE = 0, /* a token that lives */
    ACCS_WISH_RENEW,     /* another token than now, even where IMS has just refused one */
    ACCS_WISH_LOAD,      /* what the cache has was read, and client secrets are known */
    ACCS_WISH_CLEAR,     /* tokens were forgotten, in memory and in the cache */
} accs_token_wish;

/* Who waits for a source: a call, a job. */
typedef struct accs_token_waiter {
    struct accs_token_waiter *next;
    struct accs_token_waiter *previous;
    bool waiting;
    bool called; /* is about to hear */
    accs_token_wish wish;
    /* failure is NULL when it went well; then with SERVE and RENEW token is held for the callee. */
    void (*ready)(struct accs_token_waiter *waiter, accs_token *token, const accs_failure *failure);
} accs_token_waiter;

/*
 * The source of that identity in the engine: an existing one, or a new one.
 * user is entered into its list until accs_token_source_leave().
 * Errors: ACCS_ERROR_MEMORY.
 */
accs_error accs_token_source_join(accs_engine *engine, const accs_identity *identity,
                                  accs_token_user *user, accs_token_source **source);
/* Enters another user. */
void accs_token_source_enter(accs_token_source *source, accs_token_user *user);
/* The last user's leaving frees the source. */
void accs_token_source_leave(accs_token_source *source, accs_token_user *user);

/*
 * A token for a call: held for the caller and returned, or NULL: then the
 * waiter's ready is called later, unless accs_token_stop_waiting() comes first.
 */
accs_token *accs_token_take(accs_token_source *source, accs_token_waiter *waiter);
/* ready is called later. */
void accs_token_wait(accs_token_source *source, accs_token_waiter *waiter, accs_token_wish wish);
void accs_token_stop_waiting(accs_token_source *source, accs_token_waiter *waiter);

/*
 * The service refused this token: it is not given out again (a newer one stays).
 * False when no other is had: the token came ready-made, or it has just come from IMS in the place
 * of another that was refused, and the service accepted it never (limits.h: TOKEN_REFUSAL).
 */
bool accs_token_drop(accs_token_source *source, const accs_token *token);

/* An answer of IMS or of the service came: its Date tells of the clock. sent_ms: by the wall. */
void accs_token_source_date(accs_token_source *source, const accs_reply *reply, int64_t sent_ms);

const accs_identity_owned *accs_token_source_identity(const accs_token_source *source);
/* The tokens of a session; access_token stands in it when it was not given ready-made. */
const accs_token_record *accs_token_source_record(const accs_token_source *source);
/* The client secret in use, or one so much further in the list. NULL: there is none, as for a
 * public client, or not that many, or the host was not asked yet. */
const accs_secret *accs_token_source_secret(const accs_token_source *source, size_t further);
/* Shared by all requests to IMS of the identity; for accs_ims_open(). */
accs_transport **accs_token_source_transport(accs_token_source *source);
/* Queues an event of the source for all its users. */
void accs_token_source_tell(accs_token_source *source, const accs_event *event);

/* See accs_auth_read() and accs_auth_look(). */
bool accs_token_source_read(const accs_token_source *source, accs_auth_text which, accs_text *text);
void accs_token_source_look(const accs_token_source *source, accs_auth_state *state);

/* Replaces the secrets and the newest tokens in a text by "***". */
void accs_token_source_redact(const accs_token_source *source, char *text);

#endif
