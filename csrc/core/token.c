#include "token_state.h"

#include "http_date.h"
#include "limits.h"
#include "skew.h"
#include "token_window.h"

#include <stdio.h>
#include <stdlib.h>

enum { SKEW_TOLD_MS = 5000 };

/* ----------------------------------------------------------- what calls use */

static void enlist(accs_token_source *source, accs_token_waiter *waiter, accs_token_wish wish)
{
    waiter->waiting = true;
    waiter->called = false;
    waiter->wish = wish;
    waiter->next = NULL;
    waiter->previous = source->last;
    if (source->last != NULL)
        source->last->next = waiter;
    else
        source->first = waiter;
    source->last = waiter;
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
}

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
        accs_token_acquire(source, "near its end");
    if (phase == ACCS_TOKEN_FRESH || phase == ACCS_TOKEN_AHEAD) {
        accs_token_save_again(source);
        return accs_token_hold(source->token);
    }
    accs_token_wait(source, waiter, ACCS_WISH_SERVE);
    return NULL;
}

void accs_token_wait(accs_token_source *source, accs_token_waiter *waiter, accs_token_wish wish)
{
    enlist(source, waiter, wish);
    if (wish == ACCS_WISH_RENEW && source->errand == ACCS_ERRAND_ACQUIRE)
        source->forced = true;
    accs_token_run(source);
}

/* Another token has not helped a moment ago: a service that refuses whatever IMS gives out must not
 * have each call ask IMS. */
static bool in_vain(const accs_token_source *source, int64_t now_ms)
{
    return now_ms < source->in_vain_until_ms && !source->token->accepted && !source->adopted;
}

bool accs_token_drop(accs_token_source *source, const accs_token *token)
{
    int64_t now_ms = accs_engine_now(source->engine)->mono_ms;
    accs_secret *kept = &source->record.access_token;
    accs_text text;

    if (source->identity.access_token.len > 0)
        return false;
    if (source->token == token && in_vain(source, now_ms))
        return false;
    if (source->token == token) {
        source->in_vain_until_ms = now_ms + ACCS_LIMIT_TOKEN_REFUSAL;
        accs_token_tell(source, "refused by the service", "",
                        &(accs_event){.status = 401, .error = ACCS_ERROR_AUTH});
        text = accs_token_text(token);
        accs_secret_cleanup(&source->dropped); /* without memory the cache is trusted once more */
        accs_secret_set(&source->dropped, text.bytes, text.len);
        if (accs_text_equal((accs_text){kept->bytes, kept->len}, text))
            accs_secret_cleanup(kept); /* else it is what has just come, and is being saved */
        accs_token_release(source->token);
        source->token = NULL;
    }
    return true;
}

/* --------------------------------------------------------------- the clock */

void accs_token_source_date(accs_token_source *source, const accs_reply *reply, int64_t sent_ms)
{
    const accs_now *now = accs_engine_now(source->engine);
    accs_event event = {.kind = ACCS_EVENT_TOKEN};
    size_t len = 0;
    const char *date = accs_reply_find(reply, "date", &len);
    size_t age_len;
    int64_t date_s;
    int64_t skew_ms;

    /* What a cache kept tells the time of its making. */
    if (date == NULL || accs_reply_find(reply, "age", &age_len) != NULL ||
        accs_http_date_parse(date, len, now->wall_s, &date_s) != ACCS_OK)
        return;
    skew_ms = accs_skew_after(source->skew_ms, date_s * 1000, sent_ms, now->wall_ms);
    if (skew_ms == source->skew_ms)
        return;
    source->skew_ms = skew_ms;
    accs_token_reckon(source);
    if (source->skew_told || (skew_ms <= SKEW_TOLD_MS && skew_ms >= -SKEW_TOLD_MS))
        return;
    source->skew_told = true;
    accs_event_text(event.text, sizeof event.text, "clock differs");
    snprintf(event.reason, sizeof event.reason, "by %lld s", (long long)(skew_ms / 1000));
    accs_token_source_tell(source, &event);
}

/* ------------------------------------------------------------ what is known */

const accs_identity_owned *accs_token_source_identity(const accs_token_source *source)
{
    return &source->identity;
}

const accs_token_record *accs_token_source_record(const accs_token_source *source)
{
    return &source->record;
}

const accs_secret *accs_token_source_secret(const accs_token_source *source, size_t further)
{
    const accs_secret_list *secrets = accs_token_secrets(source);

    return further < secrets->count ? &secrets->items[(source->secret + further) % secrets->count]
                                    : NULL;
}

accs_transport **accs_token_source_transport(accs_token_source *source)
{
    return &source->transport;
}

void accs_token_source_tell(accs_token_source *source, const accs_event *event)
{
    for (accs_token_user *user = source->users; user != NULL; user = user->next)
        accs_event_push(source->engine, &user->listener, event);
}

bool accs_token_source_read(const accs_token_source *source, accs_auth_text which, accs_text *text)
{
    const accs_secret *id_token = &source->record.id_token;

    if (source->engine == NULL)
        return false;
    if (which == ACCS_AUTH_ID_TOKEN) {
        if (id_token->len > 0)
            *text = (accs_text){id_token->bytes, id_token->len};
        return id_token->len > 0;
    }
    if (source->token == NULL ||
        accs_token_dead(source->token, accs_engine_refresh(source->engine)))
        return false;
    *text = accs_token_text(source->token);
    return true;
}

void accs_token_source_look(const accs_token_source *source, accs_auth_state *state)
{
    int64_t left_ms;

    *state = (accs_auth_state){
        .user = source->identity.user,
        .has_refresh_token = source->record.refresh_token.len > 0,
        .has_id_token = source->record.id_token.len > 0,
        .secret = source->worked,
        .skew_ms = source->skew_ms,
    };
    if (source->engine == NULL || source->token == NULL)
        return;
    if (source->identity.access_token.len > 0) { /* ready-made: nobody said when it ends */
        state->has_access_token = true;
        return;
    }
    left_ms = source->token->expires_ms - accs_engine_refresh(source->engine)->boot_ms;
    state->has_access_token = left_ms > 0;
    state->left_ms = left_ms > 0 ? left_ms : 0;
    state->life_ms = source->token->life_ms;
}

static void redact_list(const accs_secret_list *list, char *text)
{
    for (size_t i = 0; i < list->count; i++)
        accs_secret_redact(&list->items[i], text);
}

void accs_token_source_redact(const accs_token_source *source, char *text)
{
    const accs_secret *const secrets[] = {
        &source->identity.cache_key,
        &source->identity.code,
        &source->identity.code_verifier,
        &source->record.access_token,
        &source->record.refresh_token,
        &source->record.previous_refresh_token,
        &source->record.id_token,
        &source->dropped,
        &source->sent,
    };

    redact_list(&source->identity.client_secrets, text);
    redact_list(&source->hooked, text);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        accs_secret_redact(secrets[i], text);
    if (source->token != NULL)
        accs_token_redact(source->token, text);
    if (source->fresh != NULL)
        accs_token_redact(source->fresh, text);
}

/* ------------------------------------------------------------ life cycle */

static void stop(accs_token_source *source)
{
    accs_token_run_stop(source);
    accs_ims_close(&source->ims);
    accs_ask_cleanup(&source->ask);
    accs_cache_free(source->cache);
    source->cache = NULL;
    if (accs_engine_usable(source->engine))
        accs_transport_free(source->transport);
    source->transport = NULL;
    accs_timers_release(accs_engine_timers(source->engine), ACCS_SOURCE_TIMERS);
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
    accs_token_release(source->fresh);
    accs_token_record_cleanup(&source->record);
    accs_secret_cleanup(&source->dropped);
    accs_secret_cleanup(&source->sent);
    accs_secret_list_cleanup(&source->hooked);
    accs_identity_cleanup(&source->identity);
    free(source);
}

/* A new source; what it has of the engine is given back by stop(). */
static accs_error open_source(accs_token_source *source, accs_engine *engine,
                              const accs_identity *identity)
{
    accs_error error = accs_timers_reserve(accs_engine_timers(engine), ACCS_SOURCE_TIMERS);

    if (error != ACCS_OK)
        return error;
    source->engine = engine;
    source->member.engine_gone = engine_gone;
    accs_engine_join(engine, &source->member);
    accs_token_run_init(source);
    error = accs_identity_copy(&source->identity, identity);
    if (error == ACCS_OK)
        error = accs_ims_open(&source->ims, engine, &source->identity, &source->transport);
    if (error == ACCS_OK)
        error = accs_ask_init(&source->ask, engine);
    accs_token_grant_init(source);
    if (error == ACCS_OK)
        error = accs_token_keep_init(source);
    if (error == ACCS_OK && source->identity.access_token.len > 0) {
        source->token = accs_token_new(&source->identity.access_token, INT64_MAX, 0);
        error = source->token != NULL ? ACCS_OK : ACCS_ERROR_MEMORY;
    }
    return error;
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
        if (open_source(found, engine, identity) != ACCS_OK) {
            free_source(found);
            return ACCS_ERROR_MEMORY;
        }
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
