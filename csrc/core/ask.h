/*
 * Functions of the host that the core needs: each is an ACCS_ITEM_HOOK of the queue, answered by
 * accs_engine_settle(), with a limit of time.
 */
#ifndef ACCS_ASK_H
#define ACCS_ASK_H

#include "engine.h"

/* Who asks; stands in a struct of its own. One question at a time. */
typedef struct accs_ask {
    struct accs_ask *next;
    accs_engine *engine; /* NULL: none, or gone */
    uint64_t id;         /* 0: nothing is asked */
    int64_t timeout_ms;
    accs_timer patience;
    /*
     * The answer, from accs_engine_settle() or accs_engine_step(); values are borrowed. problem:
     * NULL when it worked, else why not, without secrets ("no answer within 1 s"). May ask the next
     * and clean up.
     */
    void (*settled)(struct accs_ask *ask, const accs_text *values, size_t value_count,
                    const char *problem);
} accs_ask;

/* Reserves its timer. ACCS_ERROR_MEMORY. */
accs_error accs_ask_init(accs_ask *ask, accs_engine *engine);
/* Stops, and gives back the timer. A second call is fine, and one after the engine's end. */
void accs_ask_cleanup(accs_ask *ask);

/* Asks; what was asked before is stopped. what: copied, with its bytes. ACCS_ERROR_MEMORY: then
 * settled is not called. */
accs_error accs_ask_start(accs_ask *ask, const accs_hook *what, int64_t timeout_ms);
/* An answer that comes later is ignored. */
void accs_ask_stop(accs_ask *ask);

/* Tells the host something without waiting for an answer. ACCS_ERROR_MEMORY. */
accs_error accs_ask_send(accs_engine *engine, const accs_hook *what);

/* The engine ends: who may ask on it does not touch it from now on. */
void accs_ask_forsake(accs_engine *engine);

#endif
