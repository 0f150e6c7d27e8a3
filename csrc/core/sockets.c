#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int accs_sockets_open(accs_sockets *sockets, int family, int type, int protocol)
{
    int fd;

    if (sockets->count == sockets->capacity) {
        size_t capacity = sockets->capacity == 0 ? 16 : 2 * sockets->capacity;
        accs_socket *list = realloc(sockets->list, capacity * sizeof *list);

        if (list == NULL)
            return -1;
        sockets->list = list;
        sockets->capacity = capacity;
    }
    fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0)
        sockets->list[sockets->count++] = (accs_socket){.fd = fd};
    return fd;
}

int accs_sockets_close(accs_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->list[i].fd == fd) {
            sockets->list[i] = sockets->list[--sockets->count];
            break;
        }
    }
    return close(fd);
}

bool accs_sockets_has(const accs_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->list[i].fd == fd)
            return true;
    return false;
}

void accs_sockets_move(accs_sockets *sockets, int fd, int64_t at_ms)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->list[i].fd == fd) {
            sockets->list[i].moved_ms = at_ms;
            return;
        }
    }
}

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
} address;

static int port_of(const address *end)
{
    if (end->any.sa_family == AF_INET)
        return ntohs(end->v4.sin_port);
    return end->any.sa_family == AF_INET6 ? ntohs(end->v6.sin6_port) : 0;
}

static bool local_port_is(int fd, int port)
{
    address end = {.room = {.ss_family = AF_UNSPEC}};
    socklen_t end_len = sizeof end;

    return getsockname(fd, &end.any, &end_len) == 0 && port_of(&end) == port;
}

/* Ports are taken again for other peers, so the far end has to fit too. */
static bool peer_is(int fd, const accs_ends *ends)
{
    char text[INET6_ADDRSTRLEN];
    address end = {.room = {.ss_family = AF_UNSPEC}};
    socklen_t end_len = sizeof end;
    const void *bytes;

    if (getpeername(fd, &end.any, &end_len) != 0)
        return errno == ENOTCONN; /* it was, and has been reset */
    bytes = end.any.sa_family == AF_INET ? (const void *)&end.v4.sin_addr
                                         : (const void *)&end.v6.sin6_addr;
    return port_of(&end) == ends->peer_port &&
           inet_ntop(end.any.sa_family, bytes, text, sizeof text) != NULL &&
           strcmp(text, ends->peer) == 0;
}

/* Whether it was found to be between these ends: they stay its own as long as it is open. */
static bool runs_between(const accs_socket *one, const accs_ends *ends)
{
    return one->known && one->local_port == ends->local_port && one->peer_port == ends->peer_port &&
           strcmp(one->peer, ends->peer) == 0;
}

/* The socket between these ends, or NULL. */
static accs_socket *find(const accs_sockets *sockets, const accs_ends *ends)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (runs_between(&sockets->list[i], ends))
            return &sockets->list[i]; /* as for each request but the first: no need to ask */
    for (size_t i = 0; i < sockets->count; i++) {
        accs_socket *one = &sockets->list[i];

        if (!one->known && local_port_is(one->fd, ends->local_port) && peer_is(one->fd, ends)) {
            one->known = true;
            one->local_port = ends->local_port;
            one->peer_port = ends->peer_port;
            snprintf(one->peer, sizeof one->peer, "%s", ends->peer);
            return one;
        }
    }
    return NULL;
}

bool accs_sockets_claim(accs_sockets *sockets, const accs_ends *ends, uint64_t owner)
{
    accs_socket *one = find(sockets, ends);

    if (one == NULL)
        return true;
    if (!one->claimed) {
        one->claimed = true;
        one->owner = owner;
    }
    return one->owner == owner;
}

void accs_sockets_quiet(accs_sockets *sockets, const accs_ends *ends)
{
    accs_socket *one = find(sockets, ends);

    if (one != NULL)
        one->quiet = true;
}

int64_t accs_sockets_moved_ms(const accs_sockets *sockets, const accs_ends *ends)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (local_port_is(sockets->list[i].fd, ends->local_port) &&
            peer_is(sockets->list[i].fd, ends))
            return sockets->list[i].moved_ms;
    return 0;
}

bool accs_sockets_spoiled(const accs_sockets *sockets, const accs_ends *ends)
{
    char byte;

    for (size_t i = 0; i < sockets->count; i++) {
        const accs_socket *one = &sockets->list[i];

        if (one->quiet && runs_between(one, ends))
            return recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
                   (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    }
    return false;
}

void accs_sockets_abandon(accs_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        close(sockets->list[i].fd);
    sockets->count = 0;
}

void accs_sockets_cleanup(accs_sockets *sockets)
{
    free(sockets->list);
    *sockets = (accs_sockets){.list = NULL};
}
