#include "auth_job.h"

#include "grant.h"
#include "limits.h"
#include "token_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMERS_OF_A_JOB = 1 };

struct accs_job {
    accs_work work;  /* first */
    accs_jobs *jobs; /* NULL once ended */
    accs_job *next;
    accs_job *previous;
    accs_auth_job what;
    bool revoked;           /* of REVOKE: IMS agreed */
    size_t secrets_refused; /* of REVOKE: IMS does not know them (any more) */
    accs_token_waiter waiter;
    accs_ims ims;
    accs_timer deadline;
    int64_t timeout_ms;
    int64_t deadline_ms;
    int64_t started_us;
    accs_failure failure;
    accs_reply *reply; /* NULL: none */
};

/* ---------------------------------------------------------------- the end */

static void free_job(accs_job *job)
{
    accs_reply_wipe(job->reply);
    free(job);
}

/* Lets go of everything that belongs to the source. */
static void detach(accs_job *job)
{
    accs_jobs *jobs = job->jobs;
    accs_timers *timers = accs_engine_timers(jobs->engine);

    accs_token_stop_waiting(jobs->source, &job->waiter);
    accs_ims_close(&job->ims);
    accs_timers_clear(timers, &job->deadline);
    accs_timers_release(timers, TIMERS_OF_A_JOB);
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        jobs->first = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    job->jobs = NULL;
}

/* The one way out; failure NULL: it worked. */
static void end_job(accs_job *job, const accs_failure *failure)
{
    accs_engine *engine = job->jobs->engine;

    job->failure =
        failure != NULL ? *failure : (accs_failure){.code = ACCS_OK, .retry_after_ms = -1};
    job->failure.attempts = job->ims.attempt;
    if (job->reply != NULL)
        job->reply->elapsed_us = accs_engine_now(engine)->mono_us - job->started_us;
    accs_token_source_redact(job->jobs->source, job->failure.text);
    detach(job);
    accs_engine_finish(engine, &job->work);
}

static void end_with(accs_job *job, accs_error error, const char *text)
{
    accs_failure failure;

    accs_fail(&failure, error, "%s", text);
    failure.retryable = error == ACCS_ERROR_TIMEOUT;
    end_job(job, &failure);
}

static void deliver(accs_queued *queued, accs_item *item)
{
    accs_job *job = (accs_job *)(void *)queued;

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
    end_with((accs_job *)(void *)work, ACCS_ERROR_CANCELLED, "the job was cancelled");
}

static void discard(accs_work *work)
{
    accs_job *job = (accs_job *)(void *)work;

    detach(job);
    free_job(job);
}

static void deadline_passed(accs_timer *timer)
{
    accs_job *job = (accs_job *)(void *)((char *)timer - offsetof(accs_job, deadline));
    char text[ACCS_FAILURE_TEXT_MAX];

    snprintf(text, sizeof text, "no result within %g s (timeout): %s was waiting for %s",
             (double)job->timeout_ms / 1000, accs_auth_job_name(job->what),
             job->waiter.waiting ? "the token" : "IMS");
    end_with(job, ACCS_ERROR_TIMEOUT, text);
}

/* --------------------------------------------------------------- requests */

static accs_error text_field(accs_buffer *form, const char *name, const char *value)
{
    return value != NULL ? accs_grant_field(form, name, value, strlen(value)) : ACCS_OK;
}

static accs_error validate_form(const accs_job *job, accs_text token, accs_buffer *form)
{
    const accs_identity_owned *identity = accs_token_source_identity(job->jobs->source);
    accs_error error = text_field(form, "type", "access_token");

    if (error == ACCS_OK)
        error = text_field(form, "client_id", identity->client_id);
    if (error == ACCS_OK)
        error = accs_grant_field(form, "token", token.bytes, token.len);
    return error;
}

/* The refresh token stands for the whole session; without one the access token. */
static accs_error revoke_form(const accs_job *job, accs_buffer *form, accs_secret *line)
{
    const accs_token_source *source = job->jobs->source;
    const accs_identity_owned *identity = accs_token_source_identity(source);
    const accs_secret *refresh_token = &accs_token_source_record(source)->refresh_token;
    const accs_secret *secret = accs_token_source_secret(source, job->secrets_refused);
    accs_text token = {refresh_token->bytes, refresh_token->len};
    accs_error error;

    if (token.len == 0 && !accs_token_source_read(source, ACCS_AUTH_ACCESS_TOKEN, &token))
        return ACCS_ERROR_AUTH;
    error = accs_grant_field(form, "token", token.bytes, token.len);
    if (error == ACCS_OK && (secret == NULL || identity->client_id == NULL))
        error = text_field(form, "client_id", identity->client_id);
    else if (error == ACCS_OK)
        error = accs_grant_basic(identity->client_id, secret, line);
    return error;
}

/* token: what the job is about; for VALIDATE and USER_INFO. */
static void ask(accs_job *job, accs_text token)
{
    accs_secret line = {.bytes = NULL};
    accs_buffer form;
    accs_ims_request request = {.authorization = &line, .deadline_ms = job->deadline_ms};
    accs_error error = ACCS_OK;

    accs_buffer_init(&form, ACCS_LIMIT_TOKEN_REPLY_MAX);
    switch (job->what) {
    case ACCS_AUTH_VALIDATE:
        request.path = "/ims/validate_token/v1";
        request.form = &form;
        request.names_client = true;
        error = validate_form(job, token, &form);
        break;
    case ACCS_AUTH_REVOKE:
        request.path = "/ims/revoke";
        request.form = &form;
        error = revoke_form(job, &form, &line);
        break;
    case ACCS_AUTH_USER_INFO:
        request.path = "/ims/userinfo/v2";
        error = accs_grant_bearer(token, &line);
        break;
    default:
        request.path = "/ims/keys";
    }
    if (error == ACCS_OK)
        error = accs_ims_start(&job->ims, &request);
    accs_secret_cleanup(&line);
    accs_buffer_wipe(&form);
    if (error != ACCS_OK)
        end_with(job, error,
                 error == ACCS_ERROR_AUTH ? "there is no token to revoke" : accs_error_text(error));
}

/* ---------------------------------------------------------------- answers */

static void tell_revoked(const accs_job *job)
{
    accs_event event = {.kind = ACCS_EVENT_TOKEN, .status = 200, .attempt = job->ims.attempt};

    event.elapsed_us = accs_engine_now(job->jobs->engine)->mono_us - job->started_us;
    accs_event_text(event.text, sizeof event.text, "revoked");
    accs_token_source_tell(job->jobs->source, &event);
}

/* An answer that is no agreement. */
static void refused(accs_job *job)
{
    const accs_reply *received = job->ims.reply;
    int status = received->status;
    accs_token_reply reply = {.has_expires_in = false};
    accs_failure failure;

    accs_token_reply_read(received->body.bytes != NULL ? received->body.bytes : "",
                          received->body.len, &reply);
    if (job->what == ACCS_AUTH_REVOKE && strcmp(reply.error, "invalid_client") == 0 &&
        accs_token_source_secret(job->jobs->source, job->secrets_refused + 1) != NULL) {
        accs_token_reply_cleanup(&reply);
        job->secrets_refused++;
        ask(job, (accs_text){NULL, 0});
        return;
    }
    accs_fail(&failure, status == 401 || status == 403 ? ACCS_ERROR_AUTH : ACCS_ERROR_HTTP,
              "IMS answered %s with status %d%s%s%s", accs_auth_job_name(job->what), status,
              reply.error[0] != '\0' ? " (" : "", reply.error, reply.error[0] != '\0' ? ")" : "");
    accs_token_reply_cleanup(&reply);
    failure.status = status;
    failure.outcome = status >= 500 ? ACCS_OUTCOME_UNKNOWN : ACCS_OUTCOME_REFUSED;
    failure.retryable = status >= 500;
    accs_ims_name(&job->ims, failure.text, sizeof failure.text);
    job->reply = accs_ims_take_reply(&job->ims);
    end_job(job, &failure);
}

static void answered(accs_ims *ims, const accs_failure *failure)
{
    accs_job *job = (accs_job *)(void *)((char *)ims - offsetof(accs_job, ims));

    accs_token_source_date(job->jobs->source, ims->reply, ims->asked.wall_ms);
    if (failure != NULL) {
        end_job(job, failure);
    } else if (ims->reply->status != 200) {
        refused(job);
    } else if (job->what == ACCS_AUTH_REVOKE) {
        job->revoked = true;
        tell_revoked(job);
        accs_token_wait(job->jobs->source, &job->waiter, ACCS_WISH_CLEAR);
    } else {
        job->reply = accs_ims_take_reply(ims);
        end_job(job, NULL);
    }
}

static void asking_again(accs_ims *ims, accs_error error, int64_t delay_ms)
{
    (void)ims;
    (void)error;
    (void)delay_ms;
}

static void source_ready(accs_token_waiter *waiter, accs_token *token, const accs_failure *failure)
{
    accs_job *job = (accs_job *)(void *)((char *)waiter - offsetof(accs_job, waiter));

    if (failure != NULL) {
        end_job(job, failure);
        return;
    }
    if (job->what == ACCS_AUTH_VALIDATE || job->what == ACCS_AUTH_USER_INFO)
        ask(job, accs_token_text(token));
    else if (job->what == ACCS_AUTH_REVOKE && !job->revoked)
        ask(job, (accs_text){NULL, 0});
    else
        end_job(job, NULL);
    accs_token_release(token);
}

static void begin(accs_job *job)
{
    accs_token_source *source = job->jobs->source;
    accs_token *token;

    switch (job->what) {
    case ACCS_AUTH_TOKEN:
    case ACCS_AUTH_VALIDATE:
    case ACCS_AUTH_USER_INFO:
        token = accs_token_take(source, &job->waiter);
        if (token != NULL)
            source_ready(&job->waiter, token, NULL);
        break;
    case ACCS_AUTH_REFRESH:
        accs_token_wait(source, &job->waiter, ACCS_WISH_RENEW);
        break;
    case ACCS_AUTH_LOAD:
    case ACCS_AUTH_REVOKE: /* what there is to revoke, and the secret to do it with */
        accs_token_wait(source, &job->waiter, ACCS_WISH_LOAD);
        break;
    case ACCS_AUTH_CLEAR:
        accs_token_wait(source, &job->waiter, ACCS_WISH_CLEAR);
        break;
    default:
        ask(job, (accs_text){NULL, 0});
    }
}

/* ------------------------------------------------------------------ start */

static accs_job *new_job(accs_jobs *jobs)
{
    accs_timers *timers = accs_engine_timers(jobs->engine);
    accs_job *job = calloc(1, sizeof *job);

    if (job == NULL || accs_timers_reserve(timers, TIMERS_OF_A_JOB) != ACCS_OK) {
        free(job);
        return NULL;
    }
    job->work.queued.deliver = deliver;
    job->work.cancel = cancel;
    job->work.discard = discard;
    job->deadline.fire = deadline_passed;
    job->waiter.ready = source_ready;
    job->ims.done = answered;
    job->ims.again = asking_again;
    if (accs_ims_open(&job->ims, jobs->engine, accs_token_source_identity(jobs->source),
                      accs_token_source_transport(jobs->source)) == ACCS_OK &&
        accs_engine_adopt(jobs->engine, &job->work) == ACCS_OK)
        return job;
    accs_ims_close(&job->ims);
    accs_timers_release(timers, TIMERS_OF_A_JOB);
    free(job);
    return NULL;
}

accs_error accs_job_start(accs_jobs *jobs, accs_auth_job what, int64_t timeout_ms, uint64_t *id)
{
    const accs_now *now = accs_engine_refresh(jobs->engine);
    accs_job *job = new_job(jobs);

    if (job == NULL)
        return ACCS_ERROR_MEMORY;
    job->jobs = jobs;
    job->what = what;
    job->next = jobs->first;
    if (jobs->first != NULL)
        jobs->first->previous = job;
    jobs->first = job;
    job->timeout_ms = timeout_ms;
    job->deadline_ms = now->mono_ms + timeout_ms;
    job->started_us = now->mono_us;
    accs_timers_set(accs_engine_timers(jobs->engine), &job->deadline, job->deadline_ms);
    *id = job->work.id; /* first: the job may end in what follows */
    begin(job);
    accs_engine_follow(jobs->engine);
    return ACCS_OK;
}

void accs_jobs_cancel(accs_jobs *jobs)
{
    while (jobs->first != NULL)
        cancel(&jobs->first->work);
}
