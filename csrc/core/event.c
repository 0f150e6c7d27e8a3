#include "event.h"

#include "limits.h"

#include <stdlib.h>
#include <string.h>

typedef struct queued_event {
    accs_queued queued; /* first */
    size_t *waiting;    /* the engine's count, which outlives the queue */
    uint64_t client_handle;
    accs_event event;
} queued_event;

static void deliver(accs_queued *queued, accs_item *item)
{
    queued_event *held = (queued_event *)(void *)queued;

    if (item != NULL) {
        item->kind = ACCS_ITEM_EVENT;
        item->id = held->client_handle;
        item->event = held->event;
    }
    --*held->waiting;
    free(held);
}

void accs_event_push(accs_engine *engine, accs_listener *listener, const accs_event *event)
{
    size_t *waiting = accs_engine_events(engine);
    queued_event *held;

    if (!listener->wanted)
        return;
    held = *waiting < ACCS_LIMIT_MAX_EVENTS ? malloc(sizeof *held) : NULL;
    if (held == NULL) {
        listener->dropped++;
        return;
    }
    ++*waiting;
    held->waiting = waiting;
    held->queued.deliver = deliver;
    held->client_handle = listener->handle;
    held->event = *event;
    held->event.wall_ms = accs_engine_now(engine)->wall_ms;
    held->event.dropped = listener->dropped - listener->told;
    listener->told = listener->dropped;
    accs_engine_push(engine, &held->queued);
}

void accs_event_text(char *field, size_t field_size, const char *text)
{
    size_t len = strlen(text);

    if (len >= field_size)
        len = field_size - 1;
    memcpy(field, text, len);
    field[len] = '\0';
}

void accs_event_words(char *field, size_t field_size, const char *text)
{
    static const char dots[] = "...";
    size_t room = field_size - sizeof dots;
    size_t word;

    accs_event_text(field, field_size, text);
    if (strlen(text) < field_size)
        return;
    while (room > 0 && ((unsigned char)field[room] & 0xc0) == 0x80)
        room--;
    word = room;
    while (word > field_size / 3 && field[word] != ' ')
        word--;
    memcpy(field + (field[word] == ' ' ? word : room), dots, sizeof dots);
}
