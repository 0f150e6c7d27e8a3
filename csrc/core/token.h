/*
 * Access tokens: one source per identity in an engine, shared by its clients.
 * However many calls wait, one token request is under way.
 */
#ifndef ACCS_TOKEN_H
#define ACCS_TOKEN_H

#include "access_token.h"
#include "event.h"
#include "identity.h"
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

/* A call that waits for a token. */
typedef struct accs_token_waiter {
    struct accs_token_waiter *next;
    struct accs_token_waiter *previous;
    bool waiting;
    /* With a token (held for the callee), or with the failure of getting one. */
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
/* Another token than now, even where IMS has just refused one: ready is called later. */
void accs_token_renew(accs_token_source *source, accs_token_waiter *waiter);
void accs_token_stop_waiting(accs_token_source *source, accs_token_waiter *waiter);

/*
 * The service refused this token: it is not given out again (a newer one stays).
 * False when no other can be had, since the token came ready-made.
 */
bool accs_token_drop(accs_token_source *source, const accs_token *token);

const accs_identity_owned *accs_token_source_identity(const accs_token_source *source);

/* See accs_auth_read() and accs_auth_look(). */
bool accs_token_source_read(const accs_token_source *source, accs_auth_text which, accs_text *text);
void accs_token_source_look(const accs_token_source *source, accs_auth_state *state);

/* Replaces the secrets and the newest tokens in a text by "***". */
void accs_token_source_redact(const accs_token_source *source, char *text);

#endif
