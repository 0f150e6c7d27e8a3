#include "event.h"

#include <stdlib.h>
#include <string.h>

typedef struct queued_event {
    accs_queued queued; /* first */
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
    free(held);
}

void accs_event_push(accs_engine *engine, uint64_t client_handle, const accs_event *event)
{
    queued_event *held = malloc(sizeof *held);

    if (held == NULL)
        return;
    held->queued.deliver = deliver;
    held->client_handle = client_handle;
    held->event = *event;
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
