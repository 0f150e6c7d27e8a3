#include "token_state.h"

#include "http_date.h"
#include "jwt.h"
#include "limits.h"
#include "token_reply.h"
#include "token_window.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

static const char TOKEN_PATH[] = "/ims/token/v3";

/* --------------------------------------------------------- client secrets */

/* Further calls end with it at once. */
static void remember(accs_token_source *source, const accs_failure *failure, int64_t hold_ms)
{
    source->refusal = *failure;
    source->refusal_until_ms = accs_engine_now(source->engine)->mono_ms + hold_ms;
}

const accs_secret_list *accs_token_secrets(const accs_token_source *source)
{
    return source->identity.secret_hook != 0 ? &source->hooked : &source->identity.client_secrets;
}

/* Answers that cannot be secrets. */
static const char *unfit(const accs_text *values, size_t value_count)
{
    if (value_count == 0)
        return "it gave none";
    if (value_count > ACCS_LIMIT_CLIENT_SECRETS)
        return "it gave too many";
    for (size_t i = 0; i < value_count; i++)
        if (values[i].len == 0)
            return "it gave an empty one";
    return NULL;
}

static void secrets_settled(accs_ask *ask, const accs_text *values, size_t value_count,
                            const char *problem)
{
    accs_token_source *source =
        (accs_token_source *)(void *)((char *)ask - offsetof(accs_token_source, ask));
    char text[ACCS_FAILURE_TEXT_MAX];
    bool same;

    if (problem == NULL)
        problem = unfit(values, value_count);
    same = problem == NULL && accs_secret_list_same(&source->hooked, values, value_count);
    if (source->asked_again && (problem != NULL || same)) {
        remember(source, &source->refused, ACCS_LIMIT_TOKEN_REFUSAL);
        accs_token_fail(source, &source->refused);
        return;
    }
    if (problem != NULL) {
        snprintf(text, sizeof text, "the client secret could not be had: %.200s", problem);
        accs_token_fail_with(source, ACCS_ERROR_CONFIG, text);
        return;
    }
    if (accs_secret_list_set(&source->hooked, values, value_count) != ACCS_OK) {
        accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
        return;
    }
    source->secret = 0;
    source->secrets_tried = 0;
    source->sealing = source->sealing && source->identity.cache_key.len > 0;
    if (!source->asked_again)
        accs_token_ready(source);
    else if (accs_token_set_sealing(source) != ACCS_OK) /* whoever starts now has only the new */
        accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
    else
        accs_token_send(source);
}

void accs_token_ask_secrets(accs_token_source *source)
{
    accs_hook hook = {.kind = ACCS_HOOK_SECRET, .host = source->identity.secret_hook};
    int64_t left_ms = source->deadline_ms - accs_engine_now(source->engine)->mono_ms;

    if (accs_ask_start(&source->ask, &hook, left_ms) != ACCS_OK)
        accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
}

/* IMS does not know the secret: the next, or the host may have others. */
static bool try_next_secret(accs_token_source *source)
{
    const accs_secret_list *secrets = accs_token_secrets(source);

    if (++source->secrets_tried < secrets->count) {
        source->secret = (source->secret + 1) % secrets->count;
        accs_token_send(source);
        return true;
    }
    if (source->identity.secret_hook == 0 || source->asked_again)
        return false;
    source->asked_again = true;
    accs_token_ask_secrets(source);
    return true;
}

/* -------------------------------------------------------------- refusals */

/* A field that was cut to size may end with the beginning of a secret. */
static void redact_cut(const accs_token_source *source, char *field, size_t field_size)
{
    const accs_secret_list *secrets = accs_token_secrets(source);

    if (strlen(field) + 1 < field_size)
        return;
    for (size_t i = 0; i < secrets->count; i++)
        accs_secret_redact_cut(&secrets->items[i], field);
    if (source->sent.len > 0)
        accs_secret_redact_cut(&source->sent, field);
    if (source->identity.code.len > 0)
        accs_secret_redact_cut(&source->identity.code, field);
}

static void hide(const accs_secret *secret, char *field, size_t field_size)
{
    if (strlen(field) + 1 >= field_size)
        accs_secret_redact_cut(secret, field);
    accs_secret_redact(secret, field);
}

/* The secret as it stands in forms and in HTTP Basic; some quote what they were sent. */
static void hide_as_sent(const accs_token_source *source, char *field, size_t field_size)
{
    static const char scheme[] = "Authorization: Basic ";
    const accs_secret *secret = accs_token_source_secret(source, 0);
    accs_secret line = {.bytes = NULL};
    accs_buffer form;

    if (secret == NULL)
        return;
    accs_buffer_init(&form, ACCS_LIMIT_TOKEN_REPLY_MAX);
    if (accs_grant_basic(source->identity.client_id, secret, &line) == ACCS_OK &&
        accs_grant_field(&form, "", secret->bytes, secret->len) == ACCS_OK) {
        hide(&(accs_secret){line.bytes + sizeof scheme - 1, line.len - (sizeof scheme - 1)}, field,
             field_size);
        hide(&(accs_secret){form.bytes + 1, form.len - 1}, field, field_size); /* behind "=" */
    } else {
        field[0] = '\0';
    }
    accs_secret_cleanup(&line);
    accs_buffer_wipe(&form);
}

/* What IMS will say again to the same question (RFC 6749, 5.2). */
static bool definite(const accs_token_reply *reply, int status)
{
    return (status == 400 || status == 401) && reply->error[0] != '\0' &&
           strcmp(reply->error, "temporarily_unavailable") != 0 &&
           strcmp(reply->error, "server_error") != 0;
}

static void describe(accs_token_source *source, accs_token_reply *reply, int status,
                     accs_failure *failure)
{
    accs_error code = ACCS_ERROR_AUTH;

    redact_cut(source, reply->error, sizeof reply->error);
    redact_cut(source, reply->description, sizeof reply->description);
    hide_as_sent(source, reply->error, sizeof reply->error);
    hide_as_sent(source, reply->description, sizeof reply->description);
    if (reply->error[0] != '\0') {
        accs_fail(failure, code, "no access token: IMS refused with %s%s%s%s", reply->error,
                  reply->description[0] != '\0' ? " (" : "", reply->description,
                  reply->description[0] != '\0' ? ")" : "");
    } else {
        code = status >= 400 ? ACCS_ERROR_HTTP
                             : (status >= 300 ? ACCS_ERROR_REDIRECT : ACCS_ERROR_DECODE);
        accs_fail(failure, code, "no access token: IMS answered with status %d and no token",
                  status);
    }
    failure->status = status;
    failure->retryable = status >= 500;
    accs_ims_name(&source->ims, failure->text, sizeof failure->text);
    accs_token_source_redact(source, failure->text); /* it stays in the source */
}

static void end_session(accs_token_source *source)
{
    accs_failure *failure = &source->refused;

    accs_fail(failure, ACCS_ERROR_AUTH,
              "no access token: the session is over (IMS says invalid_grant)");
    failure->status = source->ims.reply != NULL ? source->ims.reply->status : 0;
    remember(source, failure, ACCS_LIMIT_TOKEN_REFUSAL);
    accs_token_fail(source, failure);
}

void accs_token_recover(accs_token_source *source)
{
    const accs_token_record *record = &source->record;

    if (!accs_secret_equal(&record->refresh_token, &source->sent) && !source->use_previous) {
        accs_token_request(source); /* another process had a newer one */
    } else if (!source->use_previous && record->previous_refresh_token.len > 0 &&
               !accs_secret_equal(&record->previous_refresh_token, &source->sent)) {
        source->use_previous = true;
        accs_token_request(source);
    } else {
        end_session(source);
    }
}

/* IMS does not know the refresh token. */
static void session_refused(accs_token_source *source)
{
    source->unsaved = false; /* what is kept may be better */
    if (source->cache != NULL && !source->reloaded) {
        source->reloaded = true;
        source->step = ACCS_STEP_RELOAD;
        accs_cache_load(source->cache);
    } else {
        accs_token_recover(source);
    }
}

/* An answer that holds no token: what IMS says, or that it says nothing useful. */
static void refuse(accs_token_source *source, accs_token_reply *reply)
{
    int status = source->ims.reply->status;
    accs_failure *failure = &source->refused;
    accs_event event = {.status = status, .error = ACCS_ERROR_AUTH};

    describe(source, reply, status, failure);
    if (reply->error[0] != '\0') {
        char reason[ACCS_TOKEN_ERROR_MAX];

        snprintf(reason, sizeof reason, "%s", reply->error);
        accs_token_source_redact(source, reason);
        event.elapsed_us = accs_engine_now(source->engine)->mono_us - source->ims.asked.mono_us;
        event.secret = accs_token_secrets(source)->count > 0 ? (unsigned)source->secret + 1 : 0;
        accs_token_tell(source, "refused by IMS", reason, &event);
    }
    if (definite(reply, status) && strcmp(reply->error, "invalid_client") == 0 &&
        try_next_secret(source))
        return;
    if (definite(reply, status) && strcmp(reply->error, "invalid_grant") == 0 &&
        source->grant == ACCS_GRANT_REFRESH) {
        session_refused(source);
        return;
    }
    if (definite(reply, status))
        remember(source, failure, ACCS_LIMIT_TOKEN_REFUSAL);
    accs_token_fail(source, failure);
}

/* --------------------------------------------------------------- answers */

static int64_t date_ms(const accs_reply *reply, int64_t now_s)
{
    size_t len = 0;
    const char *date = accs_reply_find(reply, "date", &len);
    int64_t date_s;

    if (date == NULL || accs_http_date_parse(date, len, now_s, &date_s) != ACCS_OK)
        return -1;
    return date_s * 1000;
}

static void move(accs_secret *to, accs_secret *from)
{
    accs_secret_cleanup(to);
    *to = *from;
    *from = (accs_secret){.bytes = NULL};
}

/* What came of the session. The token that was exchanged is kept until the next has worked. */
static void take_session(accs_token_source *source, accs_token_reply *reply)
{
    accs_token_record *record = &source->record;
    accs_secret *next = &reply->refresh_token;

    if (source->grant == ACCS_GRANT_CLIENT)
        return;
    if (source->grant == ACCS_GRANT_CODE) { /* a new session, and a code is used once */
        accs_secret_cleanup(&record->id_token);
        accs_secret_cleanup(&record->previous_refresh_token);
        move(&record->refresh_token, next);
        accs_secret_cleanup(&source->identity.code);
        accs_secret_cleanup(&source->identity.code_verifier);
    } else if (next->len > 0 && !accs_secret_equal(next, &source->sent)) {
        source->rotated = true;
        move(&record->refresh_token, next);
        move(&record->previous_refresh_token, &source->sent);
    } else { /* the one that was sent goes on */
        accs_secret_cleanup(&record->previous_refresh_token);
        move(&record->refresh_token, &source->sent);
    }
    source->unsaved = true;
    if (reply->id_token.len > 0)
        move(&record->id_token, &reply->id_token);
    record->intent_wall_ms = 0;
}

static void take_token(accs_token_source *source, accs_token_reply *reply)
{
    const accs_ims *ims = &source->ims;
    const accs_text text = {reply->access_token.bytes, reply->access_token.len};
    accs_token_record *record = &source->record;
    accs_jwt_facts times;
    bool timed = accs_jwt_facts_read(text, &times) == ACCS_OK;
    int64_t date = date_ms(ims->reply, ims->asked.wall_s);
    int64_t left_ms =
        accs_token_left_ms(reply->has_expires_in, reply->expires_in, timed ? &times : NULL, date);

    record->saved_wall_ms = accs_engine_now(source->engine)->wall_ms;
    take_session(source, reply); /* first: without memory for the rest this is not lost */
    source->fresh = accs_token_new(&reply->access_token, left_ms, ims->asked.boot_ms);
    if (source->fresh == NULL) {
        accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
        return;
    }
    record->expires_wall_ms = ims->asked.wall_ms + source->skew_ms + left_ms;
    record->life_ms = left_ms;
    move(&record->access_token, &reply->access_token);
    if (accs_token_secrets(source)->count > 0)
        source->worked = (unsigned)source->secret + 1;
    accs_token_save(source);
}

static void read_answer(accs_token_source *source)
{
    const accs_reply *received = source->ims.reply;
    accs_token_reply reply = {.has_expires_in = false};
    accs_error error = accs_token_reply_read(
        received->body.bytes != NULL ? received->body.bytes : "", received->body.len, &reply);

    if (error == ACCS_ERROR_MEMORY)
        accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
    else if (received->status != 200 || reply.error[0] != '\0' || reply.access_token.len == 0)
        refuse(source, &reply);
    else if (!accs_header_value_valid(reply.access_token.bytes))
        accs_token_fail_with(source, ACCS_ERROR_DECODE, "IMS sent one with control characters");
    else
        take_token(source, &reply);
    accs_token_reply_cleanup(&reply);
}

static void answered(accs_ims *ims, const accs_failure *failure)
{
    accs_token_source *source =
        (accs_token_source *)(void *)((char *)ims - offsetof(accs_token_source, ims));
    accs_failure *refused = &source->refused;

    accs_token_source_date(source, ims->reply, ims->asked.wall_ms);
    if (failure == NULL) {
        read_answer(source);
        return;
    }
    accs_fail(refused, failure->code, "no access token: %s", failure->text);
    refused->status = failure->status;
    refused->curl_code = failure->curl_code;
    refused->retryable = failure->retryable;
    refused->retry_after_ms = failure->retry_after_ms;
    if (failure->code == ACCS_ERROR_RATE_LIMITED && failure->retry_after_ms > 0)
        remember(source, refused, failure->retry_after_ms);
    accs_token_fail(source, refused);
}

static void asking_again(accs_ims *ims, accs_error error, int64_t delay_ms)
{
    accs_token_source *source =
        (accs_token_source *)(void *)((char *)ims - offsetof(accs_token_source, ims));
    accs_event event = {.status = ims->reply->status, .error = error, .delay_ms = delay_ms};

    event.elapsed_us = accs_engine_now(source->engine)->mono_us - ims->asked.mono_us;
    accs_token_tell(source, "asking again", "", &event);
    accs_token_use_old(source);
}

void accs_token_grant_init(accs_token_source *source)
{
    source->ims.done = answered;
    source->ims.again = asking_again;
    source->ask.settled = secrets_settled;
}

/* --------------------------------------------------------------- request */

void accs_token_send(accs_token_source *source)
{
    const accs_identity_owned *identity = &source->identity;
    const accs_secret *secret = accs_token_source_secret(source, 0);
    accs_secret line = {.bytes = NULL};
    accs_buffer form;
    accs_ims_request request = {
        .path = TOKEN_PATH, .form = &form, .deadline_ms = source->deadline_ms};
    accs_error error;

    source->refusal_until_ms = 0; /* whatever IMS says now is newer */
    accs_buffer_init(&form, ACCS_LIMIT_TOKEN_REPLY_MAX);
    error = accs_grant_form(identity, source->grant, secret, &source->sent, &form);
    if (error == ACCS_OK && source->grant != ACCS_GRANT_CLIENT && secret != NULL) {
        error = accs_grant_basic(identity->client_id, secret, &line);
        request.authorization = &line;
    }
    if (error == ACCS_OK)
        error = accs_ims_start(&source->ims, &request);
    accs_secret_cleanup(&line);
    accs_buffer_wipe(&form);
    if (error != ACCS_OK)
        accs_token_fail_with(source, error, accs_error_text(error));
}

static const char *why_no_refresh(const accs_token_source *source)
{
    if (source->record.saved_wall_ms == 0)
        return "there is no session to go on with";
    if (source->token != NULL &&
        source->token->expires_ms > accs_engine_now(source->engine)->boot_ms)
        return "the session has no refresh token, and ends with its access token";
    return "the session is over";
}

void accs_token_request(accs_token_source *source)
{
    accs_token_record *record = &source->record;
    const accs_secret *exchanged =
        source->use_previous ? &record->previous_refresh_token : &record->refresh_token;

    if (!source->identity.user) {
        source->grant = ACCS_GRANT_CLIENT;
        accs_token_send(source);
        return;
    }
    if (source->identity.code.len > 0) {
        source->grant = ACCS_GRANT_CODE;
        accs_token_send(source);
        return;
    }
    source->grant = ACCS_GRANT_REFRESH;
    if (exchanged->len == 0) {
        accs_token_fail_with(source, ACCS_ERROR_AUTH, why_no_refresh(source));
    } else if (accs_secret_set(&source->sent, exchanged->bytes, exchanged->len) != ACCS_OK) {
        accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
    } else if (source->cache != NULL) {
        record->intent_wall_ms = accs_engine_now(source->engine)->wall_ms;
        record->saved_wall_ms = record->intent_wall_ms;
        source->step = ACCS_STEP_INTENT;
        accs_cache_save(source->cache, record, 0);
    } else {
        accs_token_send(source);
    }
}
