#include "auth.h"

#include "auth_job.h"
#include "credentials.h"

#include <stdlib.h>

struct accs_auth {
    accs_member member;   /* first */
    accs_token_user user; /* of the source */
    accs_jobs jobs;       /* engine NULL: gone */
};

static void close_auth(accs_auth *auth)
{
    accs_jobs_cancel(&auth->jobs);
    accs_token_source_leave(auth->jobs.source, &auth->user);
    auth->jobs = (accs_jobs){.engine = NULL};
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
    made->jobs.engine = engine;
    made->user.listener.handle = accs_engine_number(engine);
    made->user.listener.wanted = options->events;
    made->member.engine_gone = engine_gone;
    error = accs_credentials_join(engine, options, &made->user, &made->jobs.source, failure);
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
    engine = auth->jobs.engine;
    if (engine != NULL) {
        accs_engine_leave(engine, &auth->member);
        close_auth(auth);
    }
    free(auth);
    if (engine != NULL)
        accs_engine_follow(engine);
}

accs_error accs_auth_share(accs_auth *auth, const accs_engine *engine, accs_token_user *user,
                           accs_token_source **source, accs_failure *failure)
{
    if (auth->jobs.engine == NULL)
        return accs_fail(failure, ACCS_ERROR_CLOSED, "the engine of these credentials is closed");
    if (auth->jobs.engine != engine)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "these credentials are of another engine");
    accs_token_source_enter(auth->jobs.source, user);
    *source = auth->jobs.source;
    return ACCS_OK;
}

uint64_t accs_auth_handle(const accs_auth *auth)
{
    return auth->user.listener.handle;
}

accs_error accs_auth_start(accs_auth *auth, accs_auth_job job, int64_t timeout_ms, uint64_t *id,
                           accs_failure *failure)
{
    accs_jobs *jobs = &auth->jobs;

    if (jobs->engine == NULL)
        return accs_fail(failure, ACCS_ERROR_CLOSED, "the engine is closed");
    if (accs_engine_check(jobs->engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    timeout_ms =
        accs_options_time(timeout_ms, accs_token_source_identity(jobs->source)->timeout_ms);
    if (accs_job_start(jobs, job, timeout_ms, id) == ACCS_OK)
        return ACCS_OK;
    return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a job");
}

bool accs_auth_read(const accs_auth *auth, accs_auth_text which, accs_text *text)
{
    return auth->jobs.engine != NULL && accs_token_source_read(auth->jobs.source, which, text);
}

void accs_auth_look(const accs_auth *auth, accs_auth_state *state)
{
    *state = (accs_auth_state){.has_access_token = false};
    if (auth->jobs.engine != NULL)
        accs_token_source_look(auth->jobs.source, state);
}

void accs_auth_redact(const accs_auth *auth, char *text)
{
    if (auth->jobs.engine != NULL)
        accs_token_source_redact(auth->jobs.source, text);
}
