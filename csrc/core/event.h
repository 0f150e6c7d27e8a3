/* What was observed, queued for whoever wants to see it. */
#ifndef ACCS_EVENT_H
#define ACCS_EVENT_H

#include "engine.h"

/* A client that events are about. */
typedef struct accs_listener {
    uint64_t handle;  /* names the client */
    bool wanted;      /* somebody listens */
    uint64_t dropped; /* events that nobody will see */
    uint64_t told;    /* of these, told with an event */
} accs_listener;

/*
 * Queues a copy of the event, with the time, for a listener that wants it.
 * Observation must not make a call fail, nor memory grow without end: without
 * memory, or when ACCS_LIMIT_MAX_EVENTS wait already, the event is dropped; the
 * next one that gets through says how many were.
 */
void accs_event_push(accs_engine *engine, accs_listener *listener, const accs_event *event);

/* Copies text into an event's field, cut to its size. */
void accs_event_text(char *field, size_t field_size, const char *text);

/* The same for words in UTF-8: what is too long is cut behind a word, else behind a character, and
 * ends in "...". field_size: 4 at least. */
void accs_event_words(char *field, size_t field_size, const char *text);

#endif
