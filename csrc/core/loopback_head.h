/* The head of a request to the listener of a sign-in, and what is answered. Pure. */
#ifndef ACCS_LOOPBACK_HEAD_H
#define ACCS_LOOPBACK_HEAD_H

#include "buffer.h"

/* What the redirect URI says. */
typedef struct accs_loopback_target {
    char *host;    /* as a Host field has it, IPv6 in brackets */
    char *path;    /* from "/" on, without query */
    unsigned port; /* that is listened on */
    bool https;
} accs_loopback_target;

/* What a request turned out to be. */
typedef struct accs_loopback_ask {
    int status;      /* 0: its head has not come as a whole; 200: the redirect itself; 204: HEAD for
                        it; else what to refuse it with */
    bool head;       /* an answer has no body */
    accs_text query; /* with 200; borrowed from the head */
} accs_loopback_ask;

/*
 * Looks at what has come so far. Strict about the Host field, which has to be the redirect URI's
 * own: a page elsewhere whose name was made to point here must not get through.
 * Source: RFC 9112, 3 and 5; RFC 9110, 7.4.
 */
void accs_loopback_look(const accs_loopback_target *target, const char *bytes, size_t bytes_len,
                        accs_loopback_ask *ask);

/* Writes an answer to a request that was refused. ACCS_ERROR_MEMORY. */
accs_error accs_loopback_refuse(const accs_loopback_ask *ask, accs_buffer *answer);

/* Writes the page that ends a redirect. ACCS_ERROR_MEMORY. */
accs_error accs_loopback_show(accs_loopback_page page, accs_buffer *answer);

#endif
