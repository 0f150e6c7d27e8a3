#include "ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS_PER_S = 1000, PROBLEM_MAX = 64 };

/* A question in the queue. It stands on its own: who asked may be gone when it is taken. */
typedef struct queued_hook {
    accs_queued queued; /* first */
    uint64_t id;
    accs_hook *hook;
} queued_hook;

void accs_hook_free(accs_hook *hook)
{
    if (hook == NULL)
        return;
    free(hook->bytes);
    free(hook);
}

static accs_hook *copy_hook(const accs_hook *what)
{
    accs_hook *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return NULL;
    *copy = *what;
    copy->bytes = NULL;
    if (what->bytes_len == 0)
        return copy;
    copy->bytes = malloc(what->bytes_len);
    if (copy->bytes == NULL) {
        free(copy);
        return NULL;
    }
    memcpy(copy->bytes, what->bytes, what->bytes_len);
    return copy;
}

static void deliver(accs_queued *queued, accs_item *item)
{
    queued_hook *held = (queued_hook *)(void *)queued;

    if (item != NULL) {
        item->kind = ACCS_ITEM_HOOK;
        item->id = held->id;
        item->hook = held->hook;
    } else {
        accs_hook_free(held->hook);
    }
    free(held);
}

/* id: set on success. */
static accs_error enqueue(accs_engine *engine, const accs_hook *what, uint64_t *id)
{
    queued_hook *held = malloc(sizeof *held);
    accs_hook *hook = held != NULL ? copy_hook(what) : NULL;

    if (hook == NULL) {
        free(held);
        return ACCS_ERROR_MEMORY;
    }
    *held = (queued_hook){
        .queued = {.deliver = deliver}, .id = accs_engine_number(engine), .hook = hook};
    *id = held->id;
    accs_engine_push(engine, &held->queued);
    return ACCS_OK;
}

/* The answer: at once no question is open, so that settled may ask the next. */
static void settle(accs_ask *ask, const accs_text *values, size_t value_count, const char *problem)
{
    accs_ask_stop(ask);
    ask->settled(ask, values, value_count, problem);
}

static void patience_over(accs_timer *timer)
{
    accs_ask *ask = (accs_ask *)(void *)((char *)timer - offsetof(accs_ask, patience));
    char problem[PROBLEM_MAX];

    if (ask->timeout_ms % MS_PER_S == 0)
        snprintf(problem, sizeof problem, "no answer within %" PRId64 " s",
                 ask->timeout_ms / MS_PER_S);
    else
        snprintf(problem, sizeof problem, "no answer within %" PRId64 " ms", ask->timeout_ms);
    settle(ask, NULL, 0, problem);
}

accs_error accs_ask_init(accs_ask *ask, accs_engine *engine)
{
    accs_ask **first = accs_engine_asks(engine);
    accs_error error = accs_timers_reserve(accs_engine_timers(engine), 1);

    ask->engine = NULL;
    if (error != ACCS_OK)
        return error;
    ask->engine = engine;
    ask->id = 0;
    ask->patience = (accs_timer){.fire = patience_over};
    ask->next = *first;
    *first = ask;
    return ACCS_OK;
}

void accs_ask_cleanup(accs_ask *ask)
{
    accs_ask **link;

    if (ask->engine == NULL)
        return;
    accs_ask_stop(ask);
    accs_timers_release(accs_engine_timers(ask->engine), 1);
    link = accs_engine_asks(ask->engine);
    while (*link != NULL && *link != ask)
        link = &(*link)->next;
    if (*link != NULL)
        *link = ask->next;
    ask->engine = NULL;
}

void accs_ask_forsake(accs_engine *engine)
{
    accs_ask **first = accs_engine_asks(engine);

    while (*first != NULL)
        accs_ask_cleanup(*first);
}

accs_error accs_ask_start(accs_ask *ask, const accs_hook *what, int64_t timeout_ms)
{
    accs_error error;

    accs_ask_stop(ask);
    error = enqueue(ask->engine, what, &ask->id);
    if (error != ACCS_OK)
        return error;
    ask->timeout_ms = timeout_ms;
    accs_timers_set(accs_engine_timers(ask->engine), &ask->patience,
                    accs_engine_now(ask->engine)->mono_ms + timeout_ms);
    return ACCS_OK;
}

void accs_ask_stop(accs_ask *ask)
{
    if (ask->engine == NULL)
        return;
    ask->id = 0;
    accs_timers_clear(accs_engine_timers(ask->engine), &ask->patience);
}

accs_error accs_ask_send(accs_engine *engine, const accs_hook *what)
{
    uint64_t id;

    return enqueue(engine, what, &id);
}

accs_error accs_engine_settle(accs_engine *engine, uint64_t id, const accs_text *values,
                              size_t value_count, const char *problem, accs_failure *failure)
{
    accs_ask *ask;

    if (accs_engine_check(engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    ask = *accs_engine_asks(engine);
    while (ask != NULL && ask->id != id)
        ask = ask->next;
    if (id == 0 || ask == NULL)
        return ACCS_OK;
    accs_engine_refresh(engine);
    settle(ask, values, problem == NULL ? value_count : 0, problem);
    accs_engine_follow(engine);
    return ACCS_OK;
}
