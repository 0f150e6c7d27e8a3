#include "lane.h"

#include "event.h"

#include <stddef.h>

void accs_lane_pause(accs_lane *lane, int64_t delay_ms, uint64_t call_id)
{
    accs_event event = {.kind = ACCS_EVENT_THROTTLE, .call = call_id, .delay_ms = delay_ms};

    accs_throttle_pause(&lane->throttle, accs_engine_now(lane->engine)->mono_ms, delay_ms);
    lane->tally.counts.throttles++;
    accs_event_push(lane->engine, &lane->user.listener, &event);
}

void accs_lane_answered(accs_lane *lane, bool refused)
{
    if (refused)
        accs_throttle_refused(&lane->throttle, accs_engine_now(lane->engine)->mono_ms);
    else
        accs_throttle_answered(&lane->throttle);
}

static void leave_line(accs_lane *lane, accs_place *place)
{
    if (!place->in_line)
        return;
    if (place->previous != NULL)
        place->previous->next = place->next;
    else
        lane->first_waiting = place->next;
    if (place->next != NULL)
        place->next->previous = place->previous;
    else
        lane->last_waiting = place->previous;
    place->in_line = false;
}

static void join_line(accs_lane *lane, accs_place *place)
{
    place->next = NULL;
    place->previous = lane->last_waiting;
    if (lane->last_waiting != NULL)
        lane->last_waiting->next = place;
    else
        lane->first_waiting = place;
    lane->last_waiting = place;
    place->in_line = true;
}

bool accs_lane_take_place(accs_lane *lane, accs_place *place)
{
    if (lane->active >= lane->throttle.places) {
        join_line(lane, place);
        return false;
    }
    place->held = true;
    lane->active++;
    return true;
}

/* Whoever waits gets the free place at once, but from a timer: no call starts inside another's end.
 */
static void call_line(accs_lane *lane)
{
    if (lane->first_waiting != NULL && lane->active < lane->throttle.places)
        accs_timers_set(accs_engine_timers(lane->engine), &lane->serve,
                        accs_engine_now(lane->engine)->mono_ms);
}

void accs_lane_free_place(accs_lane *lane, accs_place *place)
{
    leave_line(lane, place);
    if (!place->held)
        return;
    place->held = false;
    lane->active--;
    call_line(lane);
}

static void serve_line(accs_timer *timer)
{
    accs_lane *lane = (accs_lane *)(void *)((char *)timer - offsetof(accs_lane, serve));

    while (lane->first_waiting != NULL && lane->active < lane->throttle.places) {
        accs_place *place = lane->first_waiting;

        leave_line(lane, place);
        place->called(place);
    }
}

accs_error accs_lane_open(accs_lane *lane, accs_engine *engine)
{
    if (accs_timers_reserve(accs_engine_timers(engine), 1) != ACCS_OK)
        return ACCS_ERROR_MEMORY;
    lane->engine = engine;
    lane->serve.fire = serve_line;
    return ACCS_OK;
}

void accs_lane_stop(accs_lane *lane)
{
    accs_timers_clear(accs_engine_timers(lane->engine), &lane->serve);
    accs_timers_release(accs_engine_timers(lane->engine), 1);
    lane->engine = NULL;
}
