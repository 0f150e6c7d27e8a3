#include "timers.h"

#include <stdlib.h>

void accs_timers_cleanup(accs_timers *timers)
{
    free(timers->heap);
    *timers = (accs_timers){.heap = NULL};
}

accs_error accs_timers_reserve(accs_timers *timers, size_t count)
{
    size_t wanted = timers->reserved + count;

    if (wanted > timers->capacity) {
        size_t capacity = timers->capacity < 16 ? 16 : timers->capacity;
        accs_timer **heap;

        while (capacity < wanted)
            capacity *= 2;
        heap = realloc(timers->heap, capacity * sizeof(accs_timer *));
        if (heap == NULL)
            return ACCS_ERROR_MEMORY;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timers->reserved = wanted;
    return ACCS_OK;
}

void accs_timers_release(accs_timers *timers, size_t count)
{
    timers->reserved -= count;
}

static void put(accs_timers *timers, size_t index, accs_timer *timer)
{
    timers->heap[index] = timer;
    timer->place = index + 1;
}

/* Moves the timer at index to where its moment belongs. */
static void settle(accs_timers *timers, size_t index)
{
    accs_timer *timer = timers->heap[index];

    while (index > 0 && timers->heap[(index - 1) / 2]->at_ms > timer->at_ms) {
        put(timers, index, timers->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms)
            child++;
        if (timers->heap[child]->at_ms >= timer->at_ms)
            break;
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

void accs_timers_set(accs_timers *timers, accs_timer *timer, int64_t at_ms)
{
    timer->at_ms = at_ms;
    if (timer->place == 0)
        put(timers, timers->count++, timer);
    settle(timers, timer->place - 1);
}

void accs_timers_clear(accs_timers *timers, accs_timer *timer)
{
    size_t index;
    accs_timer *last;

    if (timer->place == 0)
        return;
    index = timer->place - 1;
    timer->place = 0;
    last = timers->heap[--timers->count];
    if (last != timer) {
        put(timers, index, last);
        settle(timers, index);
    }
}

int64_t accs_timers_next_ms(const accs_timers *timers)
{
    return timers->count == 0 ? -1 : timers->heap[0]->at_ms;
}

accs_timer *accs_timers_due(accs_timers *timers, int64_t now_ms)
{
    accs_timer *timer;

    if (timers->count == 0 || timers->heap[0]->at_ms > now_ms)
        return NULL;
    timer = timers->heap[0];
    accs_timers_clear(timers, timer);
    return timer;
}
