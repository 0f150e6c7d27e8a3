/* One connection to the listener of a sign-in, from its greeting to its end. Never blocks. */
#ifndef ACCS_LOOPBACK_GUEST_H
#define ACCS_LOOPBACK_GUEST_H

#include <openssl/ssl.h>

#include "loopback_head.h"

typedef enum accs_guest_stage {
    ACCS_GUEST_NONE = 0, /* no connection */
    ACCS_GUEST_GREETING, /* https: whether TLS is spoken at all */
    ACCS_GUEST_SHAKING,  /* TLS handshake */
    ACCS_GUEST_READING,  /* the head comes */
    ACCS_GUEST_ARRIVED,  /* it is the redirect, not given out yet */
    ACCS_GUEST_ASKING,   /* it was given out, and is to be answered */
    ACCS_GUEST_WRITING,
    ACCS_GUEST_LEAVING, /* the answer is out; what the peer still sends is thrown away, since an
                           unread byte would have the system reset the connection */
} accs_guest_stage;

typedef struct accs_guest {
    accs_guest_stage stage;
    int fd;
    SSL *ssl;         /* NULL: not TLS */
    bool clear;       /* plain text where TLS should be */
    short wants;      /* poll()'s events */
    int64_t since_ms; /* when it came */
    int64_t until_ms; /* when it ends at the latest, but for ARRIVED and ASKING */
    accs_buffer head; /* may hold a code: wiped */
    accs_buffer answer;
    size_t written;
    accs_loopback_ask ask;
} accs_guest;

/* fd: taken; non-blocking. */
void accs_guest_enter(accs_guest *guest, int fd, bool https, int64_t now_ms);

/* Does what can be done without waiting. SIGPIPE has to be blocked. */
void accs_guest_move(accs_guest *guest, const accs_loopback_target *target, SSL_CTX *tls,
                     int64_t now_ms);

/* Answers one that is ASKING. */
void accs_guest_answer(accs_guest *guest, accs_loopback_page page, int64_t now_ms);

/* Closes and wipes. A second time is fine. */
void accs_guest_end(accs_guest *guest);

#endif
