/* What was observed, queued for whoever wants to see it. */
#ifndef ACCS_EVENT_H
#define ACCS_EVENT_H

#include "engine.h"

/*
 * Queues a copy of the event for the client with that handle. Observation must
 * not make a call fail: without memory the event is dropped.
 */
void accs_event_push(accs_engine *engine, uint64_t client_handle, const accs_event *event);

/* Copies text into an event's field, cut to its size. */
void accs_event_text(char *field, size_t field_size, const char *text);

#endif
