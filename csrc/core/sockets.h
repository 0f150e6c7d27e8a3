/*
 * The open sockets of an engine. libcurl opens and closes them through here, so
 * that a forked child knows which of its descriptors belong to the parent's
 * connections, and that a pooled connection can be looked at before it is used.
 */
#ifndef ACCS_SOCKETS_H
#define ACCS_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACCS_PEER_MAX = 64 }; /* an address as text, IPv6 with its scope */

typedef struct accs_socket {
    int fd;
    int64_t moved_ms; /* when bytes had come last, or could leave */
    bool quiet;       /* it has answered over HTTP/1: before the next request nothing may come */
    bool claimed;     /* a request was sent over it */
    uint64_t owner;   /* with claimed */
    bool known;       /* its two ends are, which stay the same while it is open */
    int local_port;
    int peer_port;
    char peer[ACCS_PEER_MAX];
} accs_socket;

/* The two ends of a connection, as libcurl tells them. */
typedef struct accs_ends {
    int local_port;
    int peer_port;
    const char *peer; /* address as text */
} accs_ends;

/* Zeroed is valid and empty. */
typedef struct accs_sockets {
    accs_socket *list;
    size_t count;
    size_t capacity;
} accs_sockets;

/* socket(2) with close-on-exec; -1 when there is none to be had. */
int accs_sockets_open(accs_sockets *sockets, int family, int type, int protocol);
/* close(2) of one that was opened here. */
int accs_sockets_close(accs_sockets *sockets, int fd);
/* Whether it was opened here and is still open. */
bool accs_sockets_has(const accs_sockets *sockets, int fd);
/*
 * Asks for the socket between these ends, to send a request. The first who asks becomes its owner;
 * false when that was another. One whose ends cannot be found belongs to all.
 */
bool accs_sockets_claim(accs_sockets *sockets, const accs_ends *ends, uint64_t owner);
/* The socket was ready at that moment: bytes came, or could leave. One of others is passed over. */
void accs_sockets_move(accs_sockets *sockets, int fd, int64_t at_ms);
/* When that was last for the socket between these ends; 0: never, or it is not known. */
int64_t accs_sockets_moved_ms(const accs_sockets *sockets, const accs_ends *ends);
/* The socket between these ends answered over HTTP/1 and waits for the next request. */
void accs_sockets_quiet(accs_sockets *sockets, const accs_ends *ends);
/*
 * Whether such a socket is not as it was left: the server has closed it, or sent
 * what nobody asked for, which must not be taken for the next request's answer.
 * Source: RFC 9112, 9.2.
 */
bool accs_sockets_spoiled(const accs_sockets *sockets, const accs_ends *ends);
/* Closes all, without a word to the other side. */
void accs_sockets_abandon(accs_sockets *sockets);
void accs_sockets_cleanup(accs_sockets *sockets);

#endif
