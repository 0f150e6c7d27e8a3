/*
 * A source of tokens as its parts see it: token.c has what calls use and its life, token_run.c
 * takes one errand at a time to its end, token_grant.c asks IMS, token_keep.c knows tokens that are
 * kept.
 */
#ifndef ACCS_TOKEN_STATE_H
#define ACCS_TOKEN_STATE_H

#include "ask.h"
#include "cache.h"
#include "grant.h"
#include "ims.h"
#include "token.h"

/* What a source is about. One at a time; what else is wanted waits for its end. */
typedef enum accs_token_errand {
    ACCS_ERRAND_NONE = 0,
    ACCS_ERRAND_ACQUIRE,
    ACCS_ERRAND_LOAD,
    ACCS_ERRAND_CLEAR,
    ACCS_ERRAND_SAVE, /* what could not be saved when it came */
} accs_token_errand;

/* What an operation of the cache was for. */
typedef enum accs_token_step {
    ACCS_STEP_LOOK = 0, /* to know what a refresh must differ from */
    ACCS_STEP_LOCK,     /* for the right to ask IMS */
    ACCS_STEP_INTENT,
    ACCS_STEP_RELOAD, /* IMS does not know the refresh token: another process may have a newer */
    ACCS_STEP_SAVE,
    ACCS_STEP_LOAD,
    ACCS_STEP_REMOVE,
} accs_token_step;

struct accs_token_source {
    accs_member member;  /* first */
    accs_engine *engine; /* NULL: gone */
    accs_token_user *users;
    accs_identity_owned identity;
    accs_token_waiter *first; /* waiting, in the order of their coming */
    accs_token_waiter *last;

    accs_token *token;        /* the newest; NULL: none */
    accs_token_record record; /* that token, and the session */
    accs_secret dropped;      /* the access token that the service refused last */
    int64_t in_vain_until_ms; /* another one that is refused too is not replaced */
    int64_t ahead_after_ms;   /* no refresh ahead, and no waiting in the margin, before this */
    accs_failure refusal;     /* how IMS refused; holds for further calls */
    int64_t refusal_until_ms;
    int64_t skew_ms;
    int64_t save_again_ms; /* what is unsaved, not before this */
    uint32_t random;       /* spreads the refresh of this token */
    bool adopted;          /* the token was kept: its time is by the wall clock */
    bool unsaved;          /* the session came, and is not in the cache since */
    bool skew_told;
    bool sealing; /* the cache knows what it seals with */

    accs_secret_list hooked; /* secrets that the host gave */
    size_t secret;           /* the one in use, from 0 */
    unsigned worked;         /* the one that worked last, from 1; 0: none yet */

    accs_token_errand errand;
    accs_token_step step;
    accs_grant grant;   /* of the request under way */
    const char *reason; /* why another token is asked for */
    int64_t started_us;
    int64_t deadline_ms;
    accs_timer start;    /* of the errand */
    accs_timer deadline; /* of the whole errand */
    accs_timer patience; /* of calls that have an old token to go on with */
    accs_transport *transport;
    accs_ims ims;
    accs_ask ask;
    accs_cache *cache; /* NULL: memory alone */

    accs_secret sent;     /* the refresh token that the request exchanges */
    accs_token *fresh;    /* received, and not yet saved */
    int64_t save_us;      /* when saving it began, or how long it took */
    size_t secrets_tried; /* in this errand, since the host was asked for them */
    accs_failure refused; /* how IMS refused the last request of this errand */
    bool forced;          /* whatever IMS said before */
    bool overdue;         /* it takes too long or fails: the old token serves beside it */
    bool rotated;         /* with a new refresh token */
    bool saved;
    bool asked_again;  /* the host, for other secrets */
    bool reloaded;     /* the cache, for a newer refresh token */
    bool use_previous; /* the refresh token before the present one is exchanged */
};

enum { ACCS_SOURCE_TIMERS = 3 };

/* ------------------------------------------------------------ token_run.c */

/* Begins the first errand that somebody waits for, unless one is under way. */
void accs_token_run(accs_token_source *source);
/* Begins to save a session that could not be saved, when it is time and no errand is under way. */
void accs_token_save_again(accs_token_source *source);
/* Begins to get another token, for that reason, unless an errand is under way. */
void accs_token_acquire(accs_token_source *source, const char *reason);
/* The errand ended well; for ACQUIRE with the token that is the newest now. */
void accs_token_succeed(accs_token_source *source);
/* It failed. failure: why, its text for people. */
void accs_token_fail(accs_token_source *source, const accs_failure *failure);
void accs_token_fail_with(accs_token_source *source, accs_error error, const char *text);
/* Whoever waits goes on with the old token, as long as that lives. */
void accs_token_use_old(accs_token_source *source);
/* Ends what is under way; nobody is told. */
void accs_token_run_stop(accs_token_source *source);
void accs_token_run_init(accs_token_source *source);

/* A TOKEN event; fields that are not given here are set in *event before, the time it took too. */
void accs_token_tell(accs_token_source *source, const char *text, const char *reason,
                     accs_event *event);

/* ---------------------------------------------------------- token_grant.c */

/* Asks IMS for a token with what there is: a code, a refresh token, or the client's secret. */
void accs_token_request(accs_token_source *source);
/* Sends what accs_token_request() prepared. */
void accs_token_send(accs_token_source *source);
/* After a look into the cache: another refresh token, or the one before, or the end. */
void accs_token_recover(accs_token_source *source);
void accs_token_grant_init(accs_token_source *source);
/* The secrets in use. */
const accs_secret_list *accs_token_secrets(const accs_token_source *source);
/* Asks the host for secrets; accs_token_ready() follows, or the failure. */
void accs_token_ask_secrets(accs_token_source *source);

/* ----------------------------------------------------------- token_keep.c */

/* Makes the cache that the identity names, if any; ACCS_ERROR_MEMORY. */
accs_error accs_token_keep_init(accs_token_source *source);
/* Has the cache seal with the secrets in use, if it does not yet. ACCS_ERROR_MEMORY. */
accs_error accs_token_set_sealing(accs_token_source *source);
/* What there is to be done is known, and so are the secrets: goes on with the cache. */
void accs_token_ready(accs_token_source *source);
/* Puts what is received into the cache, if there is one; then accs_token_succeed(). */
void accs_token_save(accs_token_source *source);
/* Another time for a token that was kept, after the clock's difference changed. */
void accs_token_reckon(accs_token_source *source);

#endif
