#include "auth.h"

#include "credentials.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct auth_job auth_job;

struct accs_auth {
    accs_member member;  /* first */
    accs_engine *engine; /* NULL: gone */
    accs_token_source *source;
    accs_token_user user; /* of the source */
    auth_job *jobs;       /* all that have not ended */
};

enum { TIMERS_OF_A_JOB = 1 };

struct auth_job {
    accs_work work;  /* first */
    accs_auth *auth; /* NULL once ended */
    auth_job *next;  /* in auth->jobs */
    auth_job *previous;
    accs_auth_job what;
    accs_token_waiter waiter;
    accs_timer deadline;
    int64_t timeout_ms;
    accs_failure failure;
    accs_reply *reply; /* NULL: none */
};

/* ------------------------------------------------------------------ jobs */

static void free_job(auth_job *job)
{
    accs_reply_wipe(job->reply);
    free(job);
}

/* Lets go of everything that belongs to the auth. */
static void detach(auth_job *job)
{
    accs_auth *auth = job->auth;
    accs_timers *timers = accs_engine_timers(auth->engine);

    accs_token_stop_waiting(auth->source, &job->waiter);
    accs_timers_clear(timers, &job->deadline);
    accs_timers_release(timers, TIMERS_OF_A_JOB);
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        auth->jobs = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    job->auth = NULL;
}

/* The one way out; failure NULL: it worked. */
static void end_job(auth_job *job, const accs_failure *failure)
{
    accs_engine *engine = job->auth->engine;

    job->failure =
        failure != NULL ? *failure : (accs_failure){.code = ACCS_OK, .retry_after_ms = -1};
    detach(job);
    accs_engine_finish(engine, &job->work);
}

static void end_with(auth_job *job, accs_error error, const char *text)
{
    accs_failure failure;

    accs_fail(&failure, error, "%s", text);
    failure.retryable = error == ACCS_ERROR_TIMEOUT;
    end_job(job, &failure);
}

static void deliver(accs_queued *queued, accs_item *item)
{
    auth_job *job = (auth_job *)(void *)queued;

    if (item != NULL) {
        item->kind = ACCS_ITEM_DONE;
        item->id = job->work.id;
        item->failure = job->failure;
        item->reply = job->reply;
        job->reply = NULL;
    }
    free_job(job);
}

static void cancel(accs_work *work)
{
    end_with((auth_job *)(void *)work, ACCS_ERROR_CANCELLED, "the job was cancelled");
}

static void discard(accs_work *work)
{
    auth_job *job = (auth_job *)(void *)work;

    detach(job);
    free_job(job);
}

static void deadline_passed(accs_timer *timer)
{
    auth_job *job = (auth_job *)(void *)((char *)timer - offsetof(auth_job, deadline));
    char text[ACCS_FAILURE_TEXT_MAX];

    snprintf(text, sizeof text, "no result within %g s (timeout)", (double)job->timeout_ms / 1000);
    end_with(job, ACCS_ERROR_TIMEOUT, text);
}

static void token_ready(accs_token_waiter *waiter, accs_token *token, const accs_failure *failure)
{
    auth_job *job = (auth_job *)(void *)((char *)waiter - offsetof(auth_job, waiter));

    accs_token_release(token);
    end_job(job, token != NULL ? NULL : failure);
}

static void run(auth_job *job)
{
    accs_token_source *source = job->auth->source;
    accs_token *token;

    switch (job->what) {
    case ACCS_AUTH_TOKEN:
        token = accs_token_take(source, &job->waiter);
        if (token != NULL)
            token_ready(&job->waiter, token, NULL);
        break;
    case ACCS_AUTH_REFRESH:
        accs_token_renew(source, &job->waiter);
        break;
    default:
        end_with(job, ACCS_ERROR_CONFIG, "not known yet");
    }
}

accs_error accs_auth_start(accs_auth *auth, accs_auth_job what, int64_t timeout_ms, uint64_t *id,
                           accs_failure *failure)
{
    accs_timers *timers;
    auth_job *job;

    if (auth->engine == NULL)
        return accs_fail(failure, ACCS_ERROR_CLOSED, "the engine is closed");
    if (accs_engine_check(auth->engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    timers = accs_engine_timers(auth->engine);
    job = calloc(1, sizeof *job);
    if (job == NULL || accs_timers_reserve(timers, TIMERS_OF_A_JOB) != ACCS_OK) {
        free(job);
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a job");
    }
    job->work.queued.deliver = deliver;
    job->work.cancel = cancel;
    job->work.discard = discard;
    job->deadline.fire = deadline_passed;
    job->waiter.ready = token_ready;
    if (accs_engine_adopt(auth->engine, &job->work) != ACCS_OK) {
        accs_timers_release(timers, TIMERS_OF_A_JOB);
        free(job);
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a job");
    }
    job->auth = auth;
    job->what = what;
    job->next = auth->jobs;
    if (auth->jobs != NULL)
        auth->jobs->previous = job;
    auth->jobs = job;
    job->timeout_ms =
        accs_options_time(timeout_ms, accs_token_source_identity(auth->source)->timeout_ms);
    accs_timers_set(timers, &job->deadline,
                    accs_engine_refresh(auth->engine)->mono_ms + job->timeout_ms);
    *id = job->work.id;
    run(job);
    accs_engine_follow(auth->engine);
    return ACCS_OK;
}

/* ------------------------------------------------------------ life cycle */

static void close_auth(accs_auth *auth)
{
    while (auth->jobs != NULL)
        cancel(&auth->jobs->work);
    if (auth->source != NULL)
        accs_token_source_leave(auth->source, &auth->user);
    auth->source = NULL;
    auth->engine = NULL;
}

/* The engine has discarded the jobs already. */
static void engine_gone(accs_member *member)
{
    close_auth((accs_auth *)(void *)member);
}

accs_error accs_auth_new(accs_engine *engine, const accs_client_options *options, accs_auth **auth,
                         accs_failure *failure)
{
    accs_auth *made;
    accs_error error;

    if (accs_engine_check(engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for credentials");
    made->engine = engine;
    made->user.listener.handle = accs_engine_number(engine);
    made->user.listener.wanted = options->events;
    made->member.engine_gone = engine_gone;
    error = accs_credentials_join(engine, options, &made->user, &made->source, failure);
    if (error != ACCS_OK) {
        free(made);
        return error;
    }
    accs_engine_join(engine, &made->member);
    *auth = made;
    return ACCS_OK;
}

void accs_auth_free(accs_auth *auth)
{
    accs_engine *engine;

    if (auth == NULL)
        return;
    engine = auth->engine;
    if (engine != NULL) {
        accs_engine_leave(engine, &auth->member);
        close_auth(auth);
    }
    free(auth);
    if (engine != NULL)
        accs_engine_follow(engine);
}

accs_error accs_auth_share(accs_auth *auth, accs_engine *engine, accs_token_user *user,
                           accs_token_source **source, accs_failure *failure)
{
    if (auth->engine == NULL)
        return accs_fail(failure, ACCS_ERROR_CLOSED, "the engine of these credentials is closed");
    if (auth->engine != engine)
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "these credentials were made for another engine");
    accs_token_source_enter(auth->source, user);
    *source = auth->source;
    return ACCS_OK;
}

uint64_t accs_auth_handle(const accs_auth *auth)
{
    return auth->user.listener.handle;
}

bool accs_auth_read(const accs_auth *auth, accs_auth_text which, accs_text *text)
{
    return auth->source != NULL && accs_token_source_read(auth->source, which, text);
}

void accs_auth_look(const accs_auth *auth, accs_auth_state *state)
{
    *state = (accs_auth_state){.has_access_token = false};
    if (auth->source != NULL)
        accs_token_source_look(auth->source, state);
}

void accs_auth_redact(const accs_auth *auth, char *text)
{
    if (auth->source != NULL)
        accs_token_source_redact(auth->source, text);
}
