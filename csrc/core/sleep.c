#include "engine.h"

#include <stdlib.h>

/* The timer that users start: accs_engine_timer(). */
typedef struct user_timer {
    accs_work work; /* first */
    accs_timer timer;
    accs_engine *engine;
    accs_error result;
} user_timer;

static void deliver_timer(accs_queued *queued, accs_item *item)
{
    user_timer *timer = (user_timer *)(void *)queued;

    if (item != NULL) {
        item->kind = ACCS_ITEM_TIMER;
        item->id = timer->work.id;
        item->failure.code = timer->result;
        item->failure.retry_after_ms = -1;
    }
    free(timer);
}

static void end_timer(user_timer *timer, accs_error result)
{
    accs_timers_clear(accs_engine_timers(timer->engine), &timer->timer);
    accs_timers_release(accs_engine_timers(timer->engine), 1);
    timer->result = result;
    accs_engine_finish(timer->engine, &timer->work);
}

static void fire_timer(accs_timer *timer)
{
    end_timer((user_timer *)(void *)((char *)timer - offsetof(user_timer, timer)), ACCS_OK);
}

static void cancel_timer(accs_work *work)
{
    end_timer((user_timer *)(void *)work, ACCS_ERROR_CANCELLED);
}

static void discard_timer(accs_work *work)
{
    user_timer *timer = (user_timer *)(void *)work;

    /* Others that the engine ends after this one still move within the heap. */
    accs_timers_clear(accs_engine_timers(timer->engine), &timer->timer);
    free(timer);
}

accs_error accs_engine_timer(accs_engine *engine, int64_t delay_ms, uint64_t *id,
                             accs_failure *failure)
{
    user_timer *timer;
    int64_t start_ms;

    if (accs_engine_check(engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    timer = calloc(1, sizeof *timer);
    if (timer == NULL || accs_timers_reserve(accs_engine_timers(engine), 1) != ACCS_OK) {
        free(timer);
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a timer");
    }
    timer->work.queued.deliver = deliver_timer;
    timer->work.cancel = cancel_timer;
    timer->work.discard = discard_timer;
    timer->timer.fire = fire_timer;
    timer->engine = engine;
    if (accs_engine_adopt(engine, &timer->work) != ACCS_OK) {
        accs_timers_release(accs_engine_timers(engine), 1);
        free(timer);
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a timer");
    }
    /* From the next whole millisecond on, so that nobody wakes a fraction of one too early. */
    start_ms = (accs_engine_refresh(engine)->mono_us + 999) / 1000;
    if (delay_ms < 0)
        delay_ms = 0;
    accs_timers_set(accs_engine_timers(engine), &timer->timer,
                    delay_ms < INT64_MAX - start_ms ? start_ms + delay_ms : INT64_MAX);
    accs_engine_follow(engine);
    *id = timer->work.id;
    return ACCS_OK;
}
