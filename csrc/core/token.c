#include "token.h"

#include "limits.h"
#include "token_reply.h"
#include "token_window.h"
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a refresh beside calls rests after it failed. */
enum { AHEAD_PAUSE_MS = 30000, TIMERS_OF_A_SOURCE = 3 };

struct accs_token_source {
    accs_member member;  /* first */
    accs_engine *engine; /* NULL: gone */
    accs_token_user *users;
    accs_identity_owned identity;

    accs_token *token;      /* the newest; NULL: none */
    uint32_t random;        /* spreads the refresh of this token */
    int64_t ahead_after_ms; /* no refresh ahead, and no waiting in the margin, before this */

    accs_token_waiter *first; /* waiting, in the order of their coming */
    accs_token_waiter *last;
    size_t waiting;
    accs_transport *transport; /* made with the first request */
    accs_transfer *transfer;
    accs_timer pause;    /* between the attempts of one acquisition */
    accs_timer deadline; /* of the whole acquisition */
    accs_timer patience; /* of calls that have an old token to go on with */
    bool acquiring;
    bool overdue; /* the acquisition takes too long or fails: the old token serves beside it */
    unsigned attempt;
    int64_t deadline_ms;
    int64_t asked_boot_ms; /* when this attempt left: a token's life begins no earlier */
    accs_reply *reply;
    accs_buffer form;
    char *url;
    struct curl_slist *headers;
};

/* ---------------------------------------------------------------- events */

static void tell(accs_token_source *source, const char *text, int status, accs_error error,
                 int64_t delay_ms)
{
    accs_event event = {.kind = ACCS_EVENT_TOKEN, .status = status, .error = error};

    event.attempt = source->attempt;
    event.delay_ms = delay_ms;
    accs_event_text(event.text, sizeof event.text, text);
    for (accs_token_user *user = source->users; user != NULL; user = user->next)
        accs_event_push(source->engine, &user->listener, &event);
}

/* --------------------------------------------------- end of acquisition */

static void end_acquisition(accs_token_source *source)
{
    accs_timers *timers = accs_engine_timers(source->engine);

    source->acquiring = false;
    source->overdue = false;
    accs_timers_clear(timers, &source->pause);
    accs_timers_clear(timers, &source->deadline);
    accs_timers_clear(timers, &source->patience);
    accs_buffer_wipe(&source->form);
    accs_reply_wipe(source->reply);
    source->reply = NULL;
}

static void enlist(accs_token_source *source, accs_token_waiter *waiter)
{
    waiter->waiting = true;
    waiter->next = NULL;
    waiter->previous = source->last;
    if (source->last != NULL)
        source->last->next = waiter;
    else
        source->first = waiter;
    source->last = waiter;
    source->waiting++;
}

void accs_token_stop_waiting(accs_token_source *source, accs_token_waiter *waiter)
{
    if (!waiter->waiting)
        return;
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        source->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    else
        source->last = waiter->previous;
    waiter->waiting = false;
    source->waiting--;
}

/* Each one that waits now hears, once; whoever comes while they are told waits on. */
static void wake(accs_token_source *source, accs_token *token, const accs_failure *failure)
{
    if (token != NULL)
        accs_token_hold(token); /* a waiter may make the source drop it */
    for (size_t count = source->waiting; count > 0 && source->first != NULL; count--) {
        accs_token_waiter *waiter = source->first;

        accs_token_stop_waiting(source, waiter);
        waiter->ready(waiter, token != NULL ? accs_token_hold(token) : NULL, failure);
    }
    accs_token_release(token);
}

/* IMS is down or slow: whoever waits goes on with the old token, as long as that lives. */
static void use_old(accs_token_source *source)
{
    const accs_now *now = accs_engine_now(source->engine);

    if (source->overdue || source->token == NULL || accs_token_dead(source->token, now))
        return;
    source->overdue = true;
    tell(source, "late, the old token is used", 0, ACCS_OK, 0);
    wake(source, source->token, NULL);
}

static void patience_over(accs_timer *timer)
{
    use_old((accs_token_source *)(void *)((char *)timer - offsetof(accs_token_source, patience)));
}

static void succeed(accs_token_source *source, accs_token *token)
{
    for (accs_token_user *user = source->users; user != NULL; user = user->next)
        ++*(source->token == NULL ? &user->acquired : &user->refreshed);
    tell(source, source->token == NULL ? "acquired" : "refreshed", 200, ACCS_OK, 0);
    accs_token_release(source->token);
    source->token = token;
    source->random = accs_random_32();
    source->ahead_after_ms = 0;
    end_acquisition(source);
    wake(source, token, NULL);
}

static void give_up(accs_token_source *source, accs_failure *failure)
{
    const accs_now *now = accs_engine_now(source->engine);
    accs_token *token = source->token;

    for (accs_token_user *user = source->users; user != NULL; user = user->next)
        user->failed++;
    accs_token_source_redact(source, failure->text);
    source->ahead_after_ms = now->mono_ms + AHEAD_PAUSE_MS;
    if (token != NULL && accs_token_dead(token, now))
        token = NULL;
    tell(source, token != NULL ? "not refreshed, the old token is used" : "not acquired",
         failure->status, failure->code, 0);
    end_acquisition(source);
    wake(source, token, token != NULL ? NULL : failure);
}

static void fail_as(accs_token_source *source, accs_error code, int status, int curl_code,
                    const char *text)
{
    accs_failure failure;

    accs_fail(&failure, code, "no access token: %s", text);
    failure.status = status;
    failure.curl_code = curl_code;
    failure.retryable = code == ACCS_ERROR_NETWORK || code == ACCS_ERROR_TIMEOUT ||
                        code == ACCS_ERROR_RATE_LIMITED || status >= 500;
    give_up(source, &failure);
}

static void fail_with(accs_token_source *source, accs_error code, int status, const char *text)
{
    fail_as(source, code, status, 0, text);
}

static void deadline_passed(accs_timer *timer)
{
    accs_token_source *source =
        (accs_token_source *)(void *)((char *)timer - offsetof(accs_token_source, deadline));

    if (source->transfer != NULL)
        accs_transfer_abort(source->transfer);
    source->transfer = NULL;
    fail_with(source, ACCS_ERROR_TIMEOUT, 0, "IMS gave no whole answer in time (timeout)");
}

/* A field that was cut to size may end with the beginning of a secret. */
static void redact_cut(const accs_token_source *source, char *field, size_t field_size)
{
    const accs_secret_list *secrets = &source->identity.client_secrets;

    for (size_t i = 0; i < secrets->count && strlen(field) + 1 == field_size; i++)
        accs_secret_redact_cut(&secrets->items[i], field);
}

/* An answer that holds no token: what IMS says, or that it says nothing useful. */
static void refuse(accs_token_source *source, accs_token_reply *reply, int status)
{
    char text[ACCS_FAILURE_TEXT_MAX];

    redact_cut(source, reply->error, sizeof reply->error);
    redact_cut(source, reply->description, sizeof reply->description);
    if (reply->error[0] == '\0') {
        snprintf(text, sizeof text, "IMS answered with status %d and no token", status);
        fail_with(source,
                  status >= 400   ? ACCS_ERROR_HTTP
                  : status >= 300 ? ACCS_ERROR_REDIRECT
                                  : ACCS_ERROR_DECODE,
                  status, text);
        return;
    }
    snprintf(text, sizeof text, "IMS refused with %s%s%s%s", reply->error,
             reply->description[0] != '\0' ? " (" : "", reply->description,
             reply->description[0] != '\0' ? ")" : "");
    fail_with(source, ACCS_ERROR_AUTH, status, text);
}

static void read_answer(accs_token_source *source)
{
    const accs_reply *received = source->reply;
    accs_token_reply reply = {.has_expires_in = false};
    accs_token *token;
    accs_error error = accs_token_reply_read(
        received->body.bytes != NULL ? received->body.bytes : "", received->body.len, &reply);

    if (error == ACCS_ERROR_MEMORY) {
        fail_with(source, ACCS_ERROR_MEMORY, 0, "no memory left");
    } else if (received->status != 200 || reply.error[0] != '\0' || reply.access_token.len == 0) {
        refuse(source, &reply, received->status);
    } else if (!accs_header_value_valid(reply.access_token.bytes)) {
        fail_with(source, ACCS_ERROR_DECODE, 200, "IMS sent a token with control characters");
    } else {
        token = accs_token_new(&reply.access_token,
                               accs_token_life_ms(reply.has_expires_in, reply.expires_in),
                               source->asked_boot_ms);
        if (token != NULL)
            succeed(source, token);
        else
            fail_with(source, ACCS_ERROR_MEMORY, 0, "no memory left");
    }
    accs_token_reply_cleanup(&reply);
}

/* ------------------------------------------------------------- attempts */

static void attempt_ended(void *context, const accs_transfer_result *result)
{
    accs_token_source *source = context;
    const accs_now *now = accs_engine_now(source->engine);
    accs_retry_question question = {
        .end = result->end,
        .status = source->reply->status,
        .idempotent = true, /* asking for another token changes nothing */
        .attempt = source->attempt,
        .retry_after_ms = accs_reply_retry_after_ms(source->reply, now->wall_s),
        .now_ms = now->mono_ms,
        .deadline_ms = source->deadline_ms,
        .budget_left = true,
        .random = accs_random_32(),
    };
    accs_retry_answer answer = accs_retry_decide(&source->identity.policy, &question);

    source->transfer = NULL;
    if (answer.action == ACCS_RETRY_WAIT) {
        tell(source, "asking again", question.status, result->error, answer.delay_ms);
        use_old(source);
        accs_timers_set(accs_engine_timers(source->engine), &source->pause,
                        now->mono_ms + answer.delay_ms);
        return;
    }
    if (result->end != ACCS_ATTEMPT_ANSWERED) {
        fail_as(source, result->error, result->status, result->curl_code, result->text);
    } else if (question.status == 429 || answer.action == ACCS_RETRY_RATE_LIMITED) {
        accs_failure failure;

        accs_fail(&failure, ACCS_ERROR_RATE_LIMITED,
                  "no access token: IMS asks to slow down (status %d)", question.status);
        failure.status = question.status;
        failure.retryable = true;
        failure.retry_after_ms = question.retry_after_ms;
        give_up(source, &failure);
    } else {
        read_answer(source);
    }
}

static accs_error append_field(accs_buffer *form, const char *name, const char *value,
                               size_t value_len)
{
    char *encoded = value_len < SIZE_MAX / 3 ? malloc(3 * value_len + 1) : NULL;
    size_t encoded_len;
    accs_error error;

    if (encoded == NULL)
        return ACCS_ERROR_MEMORY;
    encoded_len = accs_percent_encode(value, value_len, encoded);
    error = accs_buffer_append_text(form, name);
    if (error == ACCS_OK)
        error = accs_buffer_append(form, encoded, encoded_len);
    accs_wipe(encoded, encoded_len);
    free(encoded);
    return error;
}

static accs_error write_form(accs_token_source *source)
{
    accs_buffer *form = &source->form;
    accs_error error;

    accs_buffer_init(form, ACCS_LIMIT_TOKEN_REPLY_MAX);
    error = accs_buffer_append_text(form, "grant_type=client_credentials");
    if (error == ACCS_OK)
        error = append_field(form, "&client_id=", source->identity.client_id,
                             strlen(source->identity.client_id));
    if (error == ACCS_OK)
        error =
            append_field(form, "&client_secret=", source->identity.client_secrets.items[0].bytes,
                         source->identity.client_secrets.items[0].len);
    if (error == ACCS_OK)
        error =
            append_field(form, "&scope=", source->identity.scopes, strlen(source->identity.scopes));
    return error;
}

static struct curl_slist *new_headers(void)
{
    static const char *const lines[] = {"Content-Type: application/x-www-form-urlencoded",
                                        "Accept: application/json", "Accept-Encoding: gzip",
                                        "Expect:"};
    struct curl_slist *headers = NULL;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = curl_slist_append(headers, lines[i]);

        if (longer == NULL) {
            curl_slist_free_all(headers);
            return NULL;
        }
        headers = longer;
    }
    return headers;
}

/* What all attempts of one acquisition share. */
static bool prepare(accs_token_source *source)
{
    const accs_connection_options options = accs_connection_borrow(&source->identity.connection);

    if (source->headers == NULL)
        source->headers = new_headers();
    if (source->transport == NULL)
        accs_transport_new(source->engine, &options, &source->transport);
    source->reply = accs_reply_new(ACCS_LIMIT_MAX_HEADERS, ACCS_LIMIT_TOKEN_REPLY_MAX);
    return source->headers != NULL && source->transport != NULL && source->reply != NULL &&
           write_form(source) == ACCS_OK;
}

static void attempt_acquisition(accs_token_source *source)
{
    accs_error error = ACCS_ERROR_MEMORY;
    bool ready = source->reply != NULL || prepare(source);
    accs_transfer_request request = {
        .method = "POST",
        .url = source->url,
        .headers = source->headers,
        .body = source->form.bytes,
        .body_len = source->form.len,
        .reply = source->reply,
    };

    source->attempt++;
    source->asked_boot_ms = accs_engine_now(source->engine)->boot_ms;
    if (ready)
        error = accs_transfer_start(source->transport, &request, attempt_ended, source,
                                    &source->transfer);
    if (error != ACCS_OK)
        fail_with(source, error, 0, accs_error_text(error));
}

static void pause_over(accs_timer *timer)
{
    attempt_acquisition(
        (accs_token_source *)(void *)((char *)timer - offsetof(accs_token_source, pause)));
}

static void set_patience(accs_token_source *source)
{
    const accs_now *now = accs_engine_now(source->engine);
    int64_t wait_ms = ACCS_LIMIT_TOKEN_PATIENCE;
    int64_t left_ms;

    if (source->token == NULL || accs_token_dead(source->token, now))
        return;
    left_ms = source->token->expires_ms - now->boot_ms;
    if (wait_ms > left_ms / 2)
        wait_ms = left_ms / 2;
    accs_timers_set(accs_engine_timers(source->engine), &source->patience, now->mono_ms + wait_ms);
}

static void acquire(accs_token_source *source)
{
    accs_timers *timers = accs_engine_timers(source->engine);
    const accs_now *now = accs_engine_now(source->engine);

    if (source->acquiring)
        return;
    source->acquiring = true;
    source->attempt = 0;
    source->deadline_ms = now->mono_ms + source->identity.timeout_ms;
    accs_timers_set(timers, &source->deadline, source->deadline_ms);
    set_patience(source);
    /* By way of the timer, so that no waiter hears of a failure before it waits. */
    accs_timers_set(timers, &source->pause, now->mono_ms);
}

/* ----------------------------------------------------------- what calls use */

accs_token *accs_token_take(accs_token_source *source, accs_token_waiter *waiter)
{
    const accs_now *now = accs_engine_now(source->engine);
    accs_token_phase phase = ACCS_TOKEN_DEAD;

    if (source->identity.access_token.len > 0)
        return accs_token_hold(source->token);
    if (source->token != NULL)
        phase = accs_token_window(source->token->life_ms, source->token->expires_ms - now->boot_ms,
                                  source->random);
    if (phase == ACCS_TOKEN_MARGIN && (source->overdue || now->mono_ms < source->ahead_after_ms))
        phase = ACCS_TOKEN_FRESH; /* IMS fails: this one still serves */
    if (phase == ACCS_TOKEN_AHEAD && now->mono_ms >= source->ahead_after_ms)
        acquire(source);
    if (phase == ACCS_TOKEN_FRESH || phase == ACCS_TOKEN_AHEAD)
        return accs_token_hold(source->token);
    enlist(source, waiter);
    acquire(source);
    return NULL;
}

void accs_token_renew(accs_token_source *source, accs_token_waiter *waiter)
{
    enlist(source, waiter);
    acquire(source);
}

bool accs_token_drop(accs_token_source *source, const accs_token *token)
{
    if (source->identity.access_token.len > 0)
        return false;
    if (source->token == token) {
        tell(source, "refused by the service", 401, ACCS_ERROR_AUTH, 0);
        accs_token_release(source->token);
        source->token = NULL;
    }
    return true;
}

/* ------------------------------------------------------------ life cycle */

static void stop(accs_token_source *source)
{
    if (source->transfer != NULL)
        accs_transfer_abort(source->transfer);
    source->transfer = NULL;
    if (source->acquiring)
        end_acquisition(source);
    if (accs_engine_usable(source->engine))
        accs_transport_free(source->transport);
    source->transport = NULL;
    accs_timers_release(accs_engine_timers(source->engine), TIMERS_OF_A_SOURCE);
    source->engine = NULL;
}

static void engine_gone(accs_member *member)
{
    stop((accs_token_source *)(void *)member);
}

static void free_source(accs_token_source *source)
{
    if (source->engine != NULL) {
        accs_engine_leave(source->engine, &source->member);
        stop(source);
    }
    accs_token_release(source->token);
    accs_identity_cleanup(&source->identity);
    accs_buffer_wipe(&source->form);
    curl_slist_free_all(source->headers);
    free(source->url);
    free(source);
}

static bool fill(accs_token_source *source, const accs_identity *identity)
{
    static const char path[] = "/ims/token/v3";
    accs_buffer url;
    bool filled = accs_identity_copy(&source->identity, identity) == ACCS_OK;

    accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
    filled = filled && accs_buffer_append_text(&url, identity->ims_url) == ACCS_OK &&
             accs_buffer_append(&url, path, sizeof path) == ACCS_OK; /* with its NUL */
    source->url = accs_buffer_take(&url, NULL);
    if (filled && source->identity.access_token.len > 0) {
        source->token = accs_token_new(&source->identity.access_token, INT64_MAX, 0);
        filled = source->token != NULL;
    }
    return filled;
}

static accs_token_source *find(const accs_engine *engine, const accs_identity *identity)
{
    for (accs_member *member = accs_engine_members(engine); member != NULL; member = member->next)
        if (member->engine_gone == engine_gone &&
            accs_identity_same(&((accs_token_source *)(void *)member)->identity, identity))
            return (accs_token_source *)(void *)member;
    return NULL;
}

accs_error accs_token_source_join(accs_engine *engine, const accs_identity *identity,
                                  accs_token_user *user, accs_token_source **source)
{
    accs_token_source *found = find(engine, identity);

    if (found == NULL) {
        found = calloc(1, sizeof *found);
        if (found == NULL)
            return ACCS_ERROR_MEMORY;
        if (!fill(found, identity) ||
            accs_timers_reserve(accs_engine_timers(engine), TIMERS_OF_A_SOURCE) != ACCS_OK) {
            free_source(found);
            return ACCS_ERROR_MEMORY;
        }
        found->engine = engine;
        found->member.engine_gone = engine_gone;
        found->pause.fire = pause_over;
        found->deadline.fire = deadline_passed;
        found->patience.fire = patience_over;
        accs_engine_join(engine, &found->member);
    }
    accs_token_source_enter(found, user);
    *source = found;
    return ACCS_OK;
}

void accs_token_source_enter(accs_token_source *source, accs_token_user *user)
{
    user->next = source->users;
    source->users = user;
}

void accs_token_source_leave(accs_token_source *source, accs_token_user *user)
{
    accs_token_user **link = &source->users;

    while (*link != NULL && *link != user)
        link = &(*link)->next;
    if (*link != NULL)
        *link = user->next;
    if (source->users == NULL)
        free_source(source);
}

void accs_token_source_redact(const accs_token_source *source, char *text)
{
    const accs_secret_list *secrets = &source->identity.client_secrets;

    for (size_t i = 0; i < secrets->count; i++)
        accs_secret_redact(&secrets->items[i], text);
    if (source->token != NULL)
        accs_token_redact(source->token, text);
}

const accs_identity_owned *accs_token_source_identity(const accs_token_source *source)
{
    return &source->identity;
}

bool accs_token_source_read(const accs_token_source *source, accs_auth_text which, accs_text *text)
{
    if (source->engine == NULL || which != ACCS_AUTH_ACCESS_TOKEN || source->token == NULL ||
        accs_token_dead(source->token, accs_engine_refresh(source->engine)))
        return false;
    *text = accs_token_text(source->token);
    return true;
}

void accs_token_source_look(const accs_token_source *source, accs_auth_state *state)
{
    *state = (accs_auth_state){.user = source->identity.user};
    if (source->engine == NULL || source->token == NULL)
        return;
    state->left_ms = source->token->expires_ms - accs_engine_refresh(source->engine)->boot_ms;
    state->life_ms = source->token->life_ms;
    state->has_access_token = state->left_ms > 0;
    if (state->left_ms < 0)
        state->left_ms = 0;
}
