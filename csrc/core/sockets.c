#include "sockets.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int accs_sockets_open(accs_sockets *sockets, int family, int type, int protocol)
{
    int fd;

    if (sockets->count == sockets->capacity) {
        size_t capacity = sockets->capacity == 0 ? 16 : 2 * sockets->capacity;
        int *fds = realloc(sockets->fds, capacity * sizeof *fds);

        if (fds == NULL)
            return -1;
        sockets->fds = fds;
        sockets->capacity = capacity;
    }
    fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0)
        sockets->fds[sockets->count++] = fd;
    return fd;
}

int accs_sockets_close(accs_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->fds[i] == fd) {
            sockets->fds[i] = sockets->fds[--sockets->count];
            break;
        }
    }
    return close(fd);
}

bool accs_sockets_has(const accs_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->fds[i] == fd)
            return true;
    return false;
}

void accs_sockets_abandon(accs_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        close(sockets->fds[i]);
    sockets->count = 0;
}

void accs_sockets_cleanup(accs_sockets *sockets)
{
    free(sockets->fds);
    *sockets = (accs_sockets){.fds = NULL};
}
