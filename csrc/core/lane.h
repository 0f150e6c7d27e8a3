/*
 * What the calls of one client share: transport, token source, throttle, budget,
 * and a limited number of places for attempts, with a line for those who wait.
 */
#ifndef ACCS_LANE_H
#define ACCS_LANE_H

#include "budget.h"
#include "retry.h"
#include "stats.h"
#include "throttle.h"
#include "token.h"
#include "transfer.h"

typedef struct accs_call accs_call;

/* A call's place among the attempts under way, or in the line for one. Zeroed is valid. */
typedef struct accs_place {
    struct accs_place *next; /* in the line */
    struct accs_place *previous;
    bool in_line;
    bool held;
    void (*called)(struct accs_place *place); /* it left the line: there is room */
} accs_place;

typedef struct accs_lane {
    accs_engine *engine; /* NULL: not open */
    accs_timer serve;    /* gives free places to those who wait */
    accs_transport *transport;
    accs_token_source *source;
    accs_token_user user;      /* of the source; its listener hears the client's events */
    struct curl_slist *common; /* headers that every request ends with */
    accs_throttle throttle;
    accs_budget budget;
    bool http2; /* for reads, where the server offers it */
    accs_tally tally;
    size_t active; /* places held; the throttle says how many there are */
    accs_place *first_waiting;
    accs_place *last_waiting;
    accs_call *calls; /* all that have not ended */
} accs_lane;

/* Makes a zeroed lane ready for calls; ACCS_ERROR_MEMORY. */
accs_error accs_lane_open(accs_lane *lane, accs_engine *engine);
/* Lets go of the engine. Call once, on an open lane without calls. */
void accs_lane_stop(accs_lane *lane);

/* Pauses the lane and says so to whoever listens. */
void accs_lane_pause(accs_lane *lane, int64_t delay_ms, uint64_t call_id);

/* An attempt was answered; refused: by the service's limit. Call before its place is free. */
void accs_lane_answered(accs_lane *lane, bool refused);

/* Takes a place and returns true; without a free one it joins the line, and called comes later. */
bool accs_lane_take_place(accs_lane *lane, accs_place *place);
/* Leaves the line, or gives the place back: whoever waits gets it, from a timer. */
void accs_lane_free_place(accs_lane *lane, accs_place *place);

#endif
