#include "token_state.h"

#include "limits.h"

/* How long a refresh beside calls rests after it failed. */
enum { AHEAD_PAUSE_MS = 30000 };

/* ---------------------------------------------------------------- events */

void accs_token_tell(accs_token_source *source, const char *text, const char *reason,
                     accs_event *event)
{
    event->kind = ACCS_EVENT_TOKEN;
    event->attempt = source->ims.attempt;
    accs_event_text(event->text, sizeof event->text, text);
    accs_event_text(event->reason, sizeof event->reason, reason);
    accs_token_source_tell(source, event);
}

static int64_t elapsed_us(const accs_token_source *source)
{
    return accs_engine_now(source->engine)->mono_us - source->started_us;
}

/* --------------------------------------------------------------- waiters */

static accs_token_errand errand_of(accs_token_wish wish)
{
    if (wish == ACCS_WISH_LOAD)
        return ACCS_ERRAND_LOAD;
    return wish == ACCS_WISH_CLEAR ? ACCS_ERRAND_CLEAR : ACCS_ERRAND_ACQUIRE;
}

/* Whom an end, or a token meanwhile, concerns. */
typedef enum audience { ALL_OF_ERRAND, SERVED, RENEWED } audience;

static bool concerned(const accs_token_waiter *waiter, accs_token_errand errand, audience whom)
{
    if (whom == SERVED)
        return waiter->wish == ACCS_WISH_SERVE;
    if (whom == RENEWED)
        return waiter->wish == ACCS_WISH_RENEW;
    return errand_of(waiter->wish) == errand;
}

/*
 * Each one that waits now hears, once; whoever comes while they are told waits on. A waiter may end
 * others, and make the source drop the token.
 */
static void wake(accs_token_source *source, accs_token_errand errand, audience whom,
                 accs_token *token, const accs_failure *failure)
{
    accs_token_waiter *waiter;

    if (token != NULL)
        accs_token_hold(token);
    for (waiter = source->first; waiter != NULL; waiter = waiter->next)
        waiter->called = concerned(waiter, errand, whom);
    for (;;) {
        for (waiter = source->first; waiter != NULL && !waiter->called;)
            waiter = waiter->next;
        if (waiter == NULL)
            break;
        accs_token_stop_waiting(source, waiter);
        waiter->ready(waiter, token != NULL ? accs_token_hold(token) : NULL, failure);
    }
    accs_token_release(token);
}

/* The token, while it lives. */
static accs_token *living(const accs_token_source *source)
{
    accs_token *token = source->token;

    return token != NULL && !accs_token_dead(token, accs_engine_now(source->engine)) ? token : NULL;
}

void accs_token_use_old(accs_token_source *source)
{
    if (source->errand != ACCS_ERRAND_ACQUIRE || source->overdue || living(source) == NULL)
        return;
    source->overdue = true;
    accs_token_tell(source, "late, the old token is used", "",
                    &(accs_event){.elapsed_us = elapsed_us(source)});
    wake(source, ACCS_ERRAND_ACQUIRE, SERVED, source->token, NULL);
}

/* --------------------------------------------------------------- the end */

static void end_errand(accs_token_source *source)
{
    accs_timers *timers = accs_engine_timers(source->engine);

    source->errand = ACCS_ERRAND_NONE;
    source->overdue = false;
    accs_timers_clear(timers, &source->start);
    accs_timers_clear(timers, &source->deadline);
    accs_timers_clear(timers, &source->patience);
    accs_ims_stop(&source->ims);
    accs_ask_stop(&source->ask);
    if (source->cache != NULL) {
        accs_cache_stop(source->cache);
        accs_cache_unlock(source->cache);
    }
    accs_secret_cleanup(&source->sent);
    accs_token_release(source->fresh);
    source->fresh = NULL;
}

static void tell_stored(accs_token_source *source)
{
    if (source->saved)
        accs_token_tell(source, "stored", "",
                        &(accs_event){.secret = source->worked, .elapsed_us = source->save_us});
}

/* Puts what was received in the place of the old token, and says so. */
static void install(accs_token_source *source)
{
    bool first = source->token == NULL;
    accs_event event = {.status = 200, .secret = source->worked};

    for (accs_token_user *user = source->users; user != NULL; user = user->next)
        ++*(first ? &user->acquired : &user->refreshed);
    event.elapsed_us = elapsed_us(source);
    accs_token_tell(source, first ? "acquired" : "refreshed", source->reason, &event);
    if (source->rotated)
        accs_token_tell(source, "rotated", source->reason, &event);
    tell_stored(source);
    accs_token_release(source->token);
    source->token = source->fresh;
    source->fresh = NULL;
    source->adopted = false;
    source->random = accs_random_32();
}

void accs_token_succeed(accs_token_source *source)
{
    accs_token_errand errand = source->errand;

    if (errand == ACCS_ERRAND_ACQUIRE) {
        if (source->fresh != NULL)
            install(source);
        source->ahead_after_ms = 0;
        source->refusal_until_ms = 0;
    } else if (errand == ACCS_ERRAND_SAVE) {
        tell_stored(source);
    }
    end_errand(source);
    wake(source, errand, ALL_OF_ERRAND, errand == ACCS_ERRAND_ACQUIRE ? source->token : NULL, NULL);
    if (source->engine != NULL)
        accs_token_run(source);
}

/* Whoever wants a token that lives goes on with the old one, should that be. */
static void end_in_vain(accs_token_source *source, const accs_failure *failure)
{
    accs_token *token = living(source);

    end_errand(source);
    if (token != NULL) {
        accs_token_hold(token); /* whoever is told may have the source drop it */
        wake(source, ACCS_ERRAND_ACQUIRE, RENEWED, NULL, failure);
        wake(source, ACCS_ERRAND_ACQUIRE, SERVED, token, NULL);
        accs_token_release(token);
    } else {
        wake(source, ACCS_ERRAND_ACQUIRE, ALL_OF_ERRAND, NULL, failure);
    }
}

static void fail_acquisition(accs_token_source *source, const accs_failure *failure)
{
    bool old = living(source) != NULL;
    accs_event event = {.status = failure->status, .error = failure->code};

    for (accs_token_user *user = source->users; user != NULL; user = user->next)
        user->failed++;
    source->ahead_after_ms = accs_engine_now(source->engine)->mono_ms + AHEAD_PAUSE_MS;
    event.elapsed_us = elapsed_us(source);
    accs_token_tell(source, old ? "not refreshed, the old token is used" : "not acquired",
                    source->reason, &event);
    end_in_vain(source, failure);
}

void accs_token_fail(accs_token_source *source, const accs_failure *failure)
{
    accs_token_errand errand = source->errand;
    accs_failure told = *failure; /* it may stand in the source */

    accs_token_source_redact(source, told.text);
    if (errand == ACCS_ERRAND_ACQUIRE) {
        fail_acquisition(source, &told);
    } else {
        end_errand(source);
        wake(source, errand, ALL_OF_ERRAND, NULL, &told);
    }
    accs_token_run(source);
}

void accs_token_fail_with(accs_token_source *source, accs_error error, const char *text)
{
    accs_failure failure;

    accs_fail(&failure, error, "no access token: %s", text);
    failure.retryable = error == ACCS_ERROR_TIMEOUT || error == ACCS_ERROR_CACHE;
    accs_token_fail(source, &failure);
}

/* ------------------------------------------------------------- the begin */

/* A refusal that still holds: IMS is not asked, and nothing new is to be told. */
static bool refused_before(accs_token_source *source)
{
    int64_t left_ms = source->refusal_until_ms - accs_engine_now(source->engine)->mono_ms;
    accs_failure failure = source->refusal;

    if (source->errand != ACCS_ERRAND_ACQUIRE || source->forced || left_ms <= 0)
        return false;
    if (failure.retry_after_ms >= 0)
        failure.retry_after_ms = left_ms;
    source->ahead_after_ms = source->refusal_until_ms;
    end_in_vain(source, &failure);
    accs_token_run(source);
    return true;
}

static void begin(accs_timer *timer)
{
    accs_token_source *source =
        (accs_token_source *)(void *)((char *)timer - offsetof(accs_token_source, start));

    source->started_us = accs_engine_now(source->engine)->mono_us;
    if (source->identity.access_token.len > 0) {
        if (source->errand == ACCS_ERRAND_ACQUIRE)
            accs_token_fail_with(source, ACCS_ERROR_AUTH,
                                 "the one there is was given ready-made, and cannot be renewed");
        else
            accs_token_succeed(source);
        return;
    }
    if (refused_before(source))
        return;
    if (source->identity.secret_hook != 0 && source->hooked.count == 0)
        accs_token_ask_secrets(source);
    else
        accs_token_ready(source);
}

static void deadline_passed(accs_timer *timer)
{
    accs_token_source *source =
        (accs_token_source *)(void *)((char *)timer - offsetof(accs_token_source, deadline));

    if (source->fresh != NULL) /* had, though not saved in time */
        accs_token_succeed(source);
    else
        accs_token_fail_with(source, ACCS_ERROR_TIMEOUT,
                             "IMS gave no whole answer in time (timeout)");
}

static void patience_over(accs_timer *timer)
{
    accs_token_use_old(
        (accs_token_source *)(void *)((char *)timer - offsetof(accs_token_source, patience)));
}

static void set_patience(accs_token_source *source)
{
    const accs_now *now = accs_engine_now(source->engine);
    int64_t wait_ms = ACCS_LIMIT_TOKEN_PATIENCE;
    int64_t left_ms;

    if (living(source) == NULL)
        return;
    left_ms = source->token->expires_ms - now->boot_ms;
    if (wait_ms > left_ms / 2)
        wait_ms = left_ms / 2;
    accs_timers_set(accs_engine_timers(source->engine), &source->patience, now->mono_ms + wait_ms);
}

static void start(accs_token_source *source, accs_token_errand errand, const char *reason,
                  bool forced)
{
    const accs_now *now = accs_engine_now(source->engine);

    source->errand = errand;
    source->reason = reason;
    source->forced = forced;
    source->rotated = false;
    source->saved = false;
    source->secrets_tried = 0;
    source->asked_again = false;
    source->reloaded = false;
    source->use_previous = false;
    source->ims.attempt = 0;
    source->started_us = now->mono_us;
    source->deadline_ms = now->mono_ms + source->identity.timeout_ms;
    accs_timers_set(accs_engine_timers(source->engine), &source->deadline, source->deadline_ms);
    if (errand == ACCS_ERRAND_ACQUIRE)
        set_patience(source);
    /* By way of the timer, so that no waiter hears of a failure before it waits. */
    accs_timers_set(accs_engine_timers(source->engine), &source->start, now->mono_ms);
}

void accs_token_acquire(accs_token_source *source, const char *reason)
{
    if (source->errand == ACCS_ERRAND_NONE)
        start(source, ACCS_ERRAND_ACQUIRE, reason, false);
}

void accs_token_save_again(accs_token_source *source)
{
    if (source->unsaved && source->cache != NULL && source->errand == ACCS_ERRAND_NONE &&
        accs_engine_now(source->engine)->mono_ms >= source->save_again_ms)
        start(source, ACCS_ERRAND_SAVE, "", false);
}

static const char *reason_of(const accs_token_source *source, accs_token_wish wish)
{
    if (wish == ACCS_WISH_RENEW)
        return "asked for";
    if (source->token != NULL)
        return "near its end";
    return source->dropped.len > 0 ? "refused by the service" : "none yet";
}

void accs_token_run(accs_token_source *source)
{
    const accs_token_waiter *waiter = source->first;

    if (source->errand == ACCS_ERRAND_NONE && waiter != NULL)
        start(source, errand_of(waiter->wish), reason_of(source, waiter->wish),
              waiter->wish == ACCS_WISH_RENEW);
}

void accs_token_run_init(accs_token_source *source)
{
    source->start.fire = begin;
    source->deadline.fire = deadline_passed;
    source->patience.fire = patience_over;
}

void accs_token_run_stop(accs_token_source *source)
{
    if (source->errand != ACCS_ERRAND_NONE)
        end_errand(source);
}
