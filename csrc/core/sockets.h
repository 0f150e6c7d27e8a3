/*
 * The open sockets of an engine. libcurl opens and closes them through here, so
 * that a forked child knows which of its descriptors belong to the parent's connections.
 */
#ifndef ACCS_SOCKETS_H
#define ACCS_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is valid and empty. */
typedef struct accs_sockets {
    int *fds;
    size_t count;
    size_t capacity;
} accs_sockets;

/* socket(2) with close-on-exec; -1 when there is none to be had. */
int accs_sockets_open(accs_sockets *sockets, int family, int type, int protocol);
/* close(2) of one that was opened here. */
int accs_sockets_close(accs_sockets *sockets, int fd);
/* Whether it was opened here and is still open. */
bool accs_sockets_has(const accs_sockets *sockets, int fd);
/* Closes all, without a word to the other side. */
void accs_sockets_abandon(accs_sockets *sockets);
void accs_sockets_cleanup(accs_sockets *sockets);

#endif
