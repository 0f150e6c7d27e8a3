/*
 * A relay that makes loopback as slow to answer as a far server, without limiting bandwidth: what
 * comes in at either side goes out at the other one DELAY later. The first bytes of a connection
 * wait a round trip more, which stands for the handshake of TCP.
 *
 * usage: delay TO_PORT DELAY_MS   (prints the port it listens on; ends with its standard input)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_MAX = 65536, LANES_MAX = 512, LISTENER = 0, INPUT = 1, FIRST_LANE = 2 };

typedef struct chunk {
    struct chunk *next;
    int64_t due_us;
    size_t len; /* 0: the end */
    size_t sent;
    char bytes[];
} chunk;

/* One direction of a connection; lanes 2n and 2n + 1 belong together. */
typedef struct lane {
    int from; /* -1: this lane is free */
    int to;
    bool ended;   /* nothing more comes in */
    bool blocked; /* the receiver takes nothing now */
    int64_t opens_us;
    chunk *first;
    chunk **last;
} lane;

static lane lanes[LANES_MAX];

static int64_t now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static struct sockaddr_in loopback(long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t address_len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 128) != 0 || getsockname(fd, (struct sockaddr *)&address, &address_len) != 0) {
        perror("delay");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void make_ready(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void open_pair(int listener, long to_port, int64_t delay_us)
{
    struct sockaddr_in address = loopback(to_port);
    int near = accept(listener, NULL, NULL);
    int far = socket(AF_INET, SOCK_STREAM, 0);
    int place = 0;

    while (place < LANES_MAX && (lanes[place].from >= 0 || lanes[place + 1].from >= 0))
        place += 2;
    if (near < 0 || far < 0 || place == LANES_MAX ||
        connect(far, (struct sockaddr *)&address, sizeof address) != 0) {
        if (near >= 0)
            close(near);
        if (far >= 0)
            close(far);
        return;
    }
    make_ready(near);
    make_ready(far);
    for (int i = 0; i < 2; i++) {
        lane *opened = &lanes[place + i];

        *opened = (lane){.from = i == 0 ? near : far, .to = i == 0 ? far : near};
        opened->opens_us = now_us() + (i == 0 ? 2 * delay_us : 0);
        opened->last = &opened->first;
    }
}

/* Takes what has come. */
static void take(lane *from, int64_t delay_us)
{
    chunk *taken = malloc(sizeof *taken + CHUNK_MAX);
    int64_t now = now_us();
    ssize_t len = taken != NULL ? read(from->from, taken->bytes, CHUNK_MAX) : -1;

    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        free(taken);
        return;
    }
    if (taken == NULL)
        exit(1);
    taken->next = NULL;
    taken->len = len > 0 ? (size_t)len : 0;
    taken->sent = 0;
    taken->due_us = (now > from->opens_us ? now : from->opens_us) + delay_us;
    from->ended = taken->len == 0;
    *from->last = taken;
    from->last = &taken->next;
}

/* Sends what is due. */
static void give(lane *to)
{
    to->blocked = false;
    while (to->first != NULL && to->first->due_us <= now_us()) {
        chunk *head = to->first;
        ssize_t len = 0;

        if (head->len == 0)
            shutdown(to->to, SHUT_WR);
        else
            len = write(to->to, head->bytes + head->sent, head->len - head->sent);
        if (len < 0 && errno == EAGAIN) {
            to->blocked = true;
            return;
        }
        head->sent = len < 0 ? head->len : head->sent + (size_t)len; /* a broken one: dropped */
        if (head->sent < head->len)
            continue;
        to->first = head->next;
        if (to->first == NULL)
            to->last = &to->first;
        free(head);
    }
}

static bool over(const lane *of)
{
    return of->ended && of->first == NULL;
}

static void close_pair(int place)
{
    if (lanes[place].from < 0 || !over(&lanes[place]) || !over(&lanes[place + 1]))
        return;
    close(lanes[place].from);
    close(lanes[place].to);
    lanes[place].from = lanes[place + 1].from = -1;
}

/* Milliseconds until the next chunk is due, -1: there is none. */
static int next_due(void)
{
    int64_t least = INT64_MAX;

    for (int i = 0; i < LANES_MAX; i++)
        if (lanes[i].from >= 0 && lanes[i].first != NULL && !lanes[i].blocked &&
            lanes[i].first->due_us < least)
            least = lanes[i].first->due_us;
    if (least == INT64_MAX)
        return -1;
    least -= now_us();
    return least <= 0 ? 0 : (int)((least + 999) / 1000);
}

static void run(int listener, long to_port, int64_t delay_us)
{
    struct pollfd fds[FIRST_LANE + 2 * LANES_MAX];

    for (;;) {
        fds[LISTENER] = (struct pollfd){.fd = listener, .events = POLLIN};
        fds[INPUT] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        for (int i = 0; i < LANES_MAX; i++) {
            bool open = lanes[i].from >= 0;

            fds[FIRST_LANE + 2 * i] = (struct pollfd){
                .fd = open && !lanes[i].ended ? lanes[i].from : -1, .events = POLLIN};
            fds[FIRST_LANE + 2 * i + 1] = (struct pollfd){
                .fd = open && lanes[i].blocked ? lanes[i].to : -1, .events = POLLOUT};
        }
        if (poll(fds, FIRST_LANE + 2 * LANES_MAX, next_due()) < 0 && errno != EINTR)
            return;
        if (fds[INPUT].revents != 0)
            return;
        for (int i = 0; i < LANES_MAX; i++) {
            if (lanes[i].from >= 0 && fds[FIRST_LANE + 2 * i].revents != 0)
                take(&lanes[i], delay_us);
            if (lanes[i].from >= 0)
                give(&lanes[i]);
        }
        for (int i = 0; i < LANES_MAX; i += 2)
            close_pair(i);
        if (fds[LISTENER].revents != 0)
            open_pair(listener, to_port, delay_us);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: delay TO_PORT DELAY_MS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < LANES_MAX; i++)
        lanes[i].from = -1;
    run(listen_anywhere(), strtol(argv[1], NULL, 10), 1000 * strtol(argv[2], NULL, 10));
    return 0;
}
