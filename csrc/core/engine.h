/*
 * The engine as its neighbours see it: clocks, timers, the multi handle, the
 * queue. What users call stands in accs.h.
 */
#ifndef ACCS_ENGINE_H
#define ACCS_ENGINE_H

#include "accs.h"
#include "clock.h"
#include "compat.h"
#include "sockets.h"
#include "timers.h"
#include "works.h"

/* Something that lives on an engine and must hear of its end: a client, a token source. */
typedef struct accs_member {
    struct accs_member *next;
    struct accs_member *previous;
    void (*engine_gone)(struct accs_member *member);
} accs_member;

/* One easy handle inside the multi handle. */
typedef struct accs_handle {
    CURL *easy;
    bool attached;
    void (*finished)(struct accs_handle *handle, CURLcode code); /* already detached */
} accs_handle;

/* ACCS_ERROR_CLOSED with a text for a forked child, else ACCS_OK. */
accs_error accs_engine_check(const accs_engine *engine, accs_failure *failure);

/* What accs_engine_fd() gives, for one who minds accs_engine_timeout_ms() beside it. */
int accs_engine_descriptor(const accs_engine *engine);

/* The clocks as they stood at the last refresh. */
const accs_now *accs_engine_now(const accs_engine *engine);
/* Reads the clocks; at the start of every public function that uses them. */
const accs_now *accs_engine_refresh(accs_engine *engine);

/* The last moment at which no socket had anything left that was not served. */
int64_t accs_engine_looked_ms(const accs_engine *engine);

accs_timers *accs_engine_timers(accs_engine *engine);

/* Makes the descriptor follow timers and queue again; after a change outside accs_engine_step(). */
void accs_engine_follow(accs_engine *engine);

/* Puts the handle into the multi handle: ACCS_ERROR_MEMORY or ACCS_ERROR_NETWORK. */
accs_error accs_engine_attach(accs_engine *engine, accs_handle *handle);
/* Takes it out without a result. Not in a forked child. */
void accs_engine_detach(accs_engine *engine, accs_handle *handle);
/* Sets the options that let the engine see the handle's sockets. */
bool accs_engine_prepare(accs_engine *engine, CURL *easy);
/* The sockets of all its connections. */
accs_sockets *accs_engine_sockets(accs_engine *engine);

/* Gives the work its id; ACCS_ERROR_MEMORY. */
accs_error accs_engine_adopt(accs_engine *engine, accs_work *work);
/* Puts finished work into the queue. Cannot fail. */
void accs_engine_finish(accs_engine *engine, accs_work *work);
/* Puts something without an id into the queue. */
void accs_engine_push(accs_engine *engine, accs_queued *queued);
/* How many events wait in the queue; event.c counts them. Lives as long as the engine. */
size_t *accs_engine_events(accs_engine *engine);

/* Takes something back out of the queue. */
void accs_engine_drop(accs_engine *engine, accs_queued *queued);
/* The work of that id, or NULL when it is not known or has come out. */
accs_work *accs_engine_find(const accs_engine *engine, uint64_t id);

void accs_engine_join(accs_engine *engine, accs_member *member);
void accs_engine_leave(accs_engine *engine, accs_member *member);
/* The members, newest first; for finding a token source of the same identity. */
accs_member *accs_engine_members(const accs_engine *engine);

/* Where the list of those who may ask the host something begins; ask.c keeps it. */
struct accs_ask **accs_engine_asks(accs_engine *engine);

/* A number never given before by this engine, from 1. */
uint64_t accs_engine_number(accs_engine *engine);

/* Fills failure, when there is one, and returns code. The text is printf's. */
accs_error accs_fail(accs_failure *failure, accs_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
