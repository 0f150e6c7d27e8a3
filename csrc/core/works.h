/*
 * Work in progress and what waits to be fetched: ids that are never given twice
 * in a row, and the queue out of which everything comes once.
 */
#ifndef ACCS_WORKS_H
#define ACCS_WORKS_H

#include "accs.h"

/* Something that waits in the queue until accs_engine_next() takes it. */
typedef struct accs_queued {
    struct accs_queued *next;
    /* Fills the item and frees itself; with item NULL it only frees. */
    void (*deliver)(struct accs_queued *queued, accs_item *item);
} accs_queued;

/*
 * Work in progress: a call or a timer of the user. It has an id, and comes out
 * of the queue exactly once.
 */
typedef struct accs_work {
    accs_queued queued; /* first: the queue hands this back */
    uint64_t id;
    bool finished;              /* in the queue already */
    struct accs_stream *stream; /* NULL: its bodies, if any, are in memory */
    /* Ends it now, as ACCS_ERROR_CANCELLED: must call accs_engine_finish(). */
    void (*cancel)(struct accs_work *work);
    /* Frees it unfinished: the engine goes away. */
    void (*discard)(struct accs_work *work);
} accs_work;

/* Ids are slot number + 1 in the low half, the slot's generation in the high half. */
typedef struct accs_slot {
    accs_work *work; /* NULL: free */
    uint32_t generation;
    uint32_t next_free; /* slot number + 1; 0: none */
} accs_slot;

typedef struct accs_works {
    accs_queued *first;
    accs_queued **last; /* points into the struct: do not move it */
    accs_slot *slots;
    uint32_t slot_count;
    uint32_t slot_capacity;
    uint32_t free_slot; /* slot number + 1; 0: none */
    size_t pending;     /* adopted, and not yet taken out of the queue */
} accs_works;

void accs_works_init(accs_works *works);

/* Discards all unfinished work. */
void accs_works_discard(accs_works *works);
/* Drops what waits in the queue and frees the slots. A second call is fine. */
void accs_works_cleanup(accs_works *works);

/* Gives the work its id; ACCS_ERROR_MEMORY. */
accs_error accs_works_adopt(accs_works *works, accs_work *work);

/* The work of that id, or NULL when it is not known or has come out. */
accs_work *accs_works_find(const accs_works *works, uint64_t id);

/* Puts something at the end of the queue. */
void accs_works_push(accs_works *works, accs_queued *queued);

/* Takes something that waits out of the queue, unseen. */
void accs_works_drop(accs_works *works, accs_queued *queued);

/* Takes the first of the queue; false, and nothing happens, when it is empty. */
bool accs_works_take(accs_works *works, accs_item *item);

#endif
