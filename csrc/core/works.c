#include "works.h"

#include <stdlib.h>

void accs_works_init(accs_works *works)
{
    *works = (accs_works){.first = NULL};
    works->last = &works->first;
}

void accs_works_discard(accs_works *works)
{
    for (uint32_t i = 0; i < works->slot_count; i++) {
        accs_work *work = works->slots[i].work;

        if (work != NULL && !work->finished)
            work->discard(work);
    }
}

void accs_works_cleanup(accs_works *works)
{
    while (works->first != NULL) {
        accs_queued *queued = works->first;

        works->first = queued->next;
        queued->deliver(queued, NULL);
    }
    free(works->slots);
    accs_works_init(works);
}

static accs_error grow(accs_works *works)
{
    uint32_t capacity = works->slot_capacity == 0 ? 32 : 2 * works->slot_capacity;
    accs_slot *slots = realloc(works->slots, capacity * sizeof *slots);

    if (slots == NULL)
        return ACCS_ERROR_MEMORY;
    works->slots = slots;
    works->slot_capacity = capacity;
    return ACCS_OK;
}

accs_error accs_works_adopt(accs_works *works, accs_work *work)
{
    uint32_t number;
    accs_slot *taken;

    if (works->free_slot != 0) {
        number = works->free_slot - 1;
        works->free_slot = works->slots[number].next_free;
    } else {
        if (works->slot_count == works->slot_capacity && grow(works) != ACCS_OK)
            return ACCS_ERROR_MEMORY;
        number = works->slot_count++;
        works->slots[number] = (accs_slot){.generation = 0};
    }
    taken = &works->slots[number];
    taken->generation = (taken->generation + 1) & 0x7fffffff; /* ids stay positive in Lua */
    taken->work = work;
    work->id = ((uint64_t)taken->generation << 32) | (uint64_t)(number + 1);
    work->finished = false;
    works->pending++;
    return ACCS_OK;
}

static accs_slot *find_slot(const accs_works *works, uint64_t id)
{
    uint32_t number = (uint32_t)(id & 0xffffffff);
    accs_slot *found;

    if (number == 0 || number > works->slot_count)
        return NULL;
    found = &works->slots[number - 1];
    /* Not work->id: what came out of the queue is freed already. */
    return found->work != NULL && found->generation == (uint32_t)(id >> 32) ? found : NULL;
}

accs_work *accs_works_find(const accs_works *works, uint64_t id)
{
    const accs_slot *found = find_slot(works, id);

    return found != NULL ? found->work : NULL;
}

void accs_works_push(accs_works *works, accs_queued *queued)
{
    queued->next = NULL;
    *works->last = queued;
    works->last = &queued->next;
}

static bool ends_work(accs_item_kind kind)
{
    return kind == ACCS_ITEM_DONE || kind == ACCS_ITEM_TIMER;
}

void accs_works_drop(accs_works *works, accs_queued *queued)
{
    accs_queued **link = &works->first;

    while (*link != NULL && *link != queued)
        link = &(*link)->next;
    if (*link == NULL)
        return;
    *link = queued->next;
    if (works->last == &queued->next)
        works->last = link;
}

bool accs_works_take(accs_works *works, accs_item *item)
{
    accs_queued *queued = works->first;
    accs_slot *freed;

    if (queued == NULL)
        return false;
    works->first = queued->next;
    if (works->first == NULL)
        works->last = &works->first;
    *item = (accs_item){.kind = ACCS_ITEM_NONE};
    queued->deliver(queued, item);
    freed = ends_work(item->kind) ? find_slot(works, item->id) : NULL;
    if (freed != NULL) {
        freed->work = NULL;
        freed->next_free = works->free_slot;
        works->free_slot = (uint32_t)(freed - works->slots) + 1;
        works->pending--;
    }
    return true;
}
