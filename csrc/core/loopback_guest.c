#include "loopback_guest.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.h"

enum { PIECE = 1024, ANSWER_MAX = 4096, DRAINED_AT_ONCE = 64, TLS_HANDSHAKE_RECORD = 22 };

void accs_guest_enter(accs_guest *guest, int fd, bool https, int64_t now_ms)
{
    *guest = (accs_guest){
        .stage = https ? ACCS_GUEST_GREETING : ACCS_GUEST_READING,
        .fd = fd,
        .wants = POLLIN,
        .since_ms = now_ms,
        .until_ms = now_ms + ACCS_LIMIT_LOOPBACK_TIME,
    };
    accs_buffer_init(&guest->head, ACCS_LIMIT_LOOPBACK_HEAD);
    accs_buffer_init(&guest->answer, ANSWER_MAX);
}

void accs_guest_end(accs_guest *guest)
{
    if (guest->stage == ACCS_GUEST_NONE)
        return;
    SSL_free(guest->ssl);
    close(guest->fd);
    accs_buffer_wipe(&guest->head);
    accs_buffer_cleanup(&guest->answer);
    *guest = (accs_guest){.stage = ACCS_GUEST_NONE, .fd = -1};
}

/* What a call of OpenSSL or the system that gave nothing waits for; the end when it never comes. */
static void wait_or_end(accs_guest *guest, int result, short events)
{
    if (guest->ssl != NULL) {
        int why = SSL_get_error(guest->ssl, result);

        ERR_clear_error(); /* nobody else is to find it */
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            guest->wants = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        else
            accs_guest_end(guest);
    } else if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        guest->wants = events;
    } else {
        accs_guest_end(guest);
    }
}

/* The first byte tells TLS from anything else: a plain request is told so, not left to wonder. */
static void greet(accs_guest *guest, SSL_CTX *tls)
{
    unsigned char byte = 0;
    ssize_t got = recv(guest->fd, &byte, 1, MSG_PEEK);

    if (got != 1) {
        wait_or_end(guest, (int)got, POLLIN);
    } else if (byte != TLS_HANDSHAKE_RECORD) {
        guest->clear = true;
        guest->stage = ACCS_GUEST_READING;
    } else {
        SSL *ssl = SSL_new(tls);

        if (ssl != NULL && SSL_set_fd(ssl, guest->fd) == 1) {
            SSL_set_accept_state(ssl);
            guest->ssl = ssl;
            guest->stage = ACCS_GUEST_SHAKING;
        } else {
            SSL_free(ssl);
            ERR_clear_error();
            accs_guest_end(guest);
        }
    }
}

static void shake(accs_guest *guest)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(guest->ssl);
    if (result == 1)
        guest->stage = ACCS_GUEST_READING;
    else
        wait_or_end(guest, result, POLLIN);
}

static void begin_answer(accs_guest *guest, accs_error error, int64_t now_ms)
{
    if (error != ACCS_OK) {
        accs_guest_end(guest);
        return;
    }
    guest->until_ms = now_ms + ACCS_LIMIT_LOOPBACK_LEAVE;
    guest->wants = POLLOUT;
    guest->stage = ACCS_GUEST_WRITING;
}

static void look(accs_guest *guest, const accs_loopback_target *target, int64_t now_ms)
{
    accs_loopback_look(target, guest->head.bytes, guest->head.len, &guest->ask);
    if (guest->ask.status == 0)
        return;
    if (guest->clear)
        guest->ask.status = 403;
    if (guest->ask.status == 200)
        guest->stage = ACCS_GUEST_ARRIVED;
    else
        begin_answer(guest, accs_loopback_refuse(&guest->ask, &guest->answer), now_ms);
}

static void read_head(accs_guest *guest, const accs_loopback_target *target, int64_t now_ms)
{
    while (guest->stage == ACCS_GUEST_READING) {
        size_t room = guest->head.max - guest->head.len; /* never 0: a full head was refused */
        char *at;
        int got;

        if (room > PIECE)
            room = PIECE;
        if (accs_buffer_reserve(&guest->head, room) != ACCS_OK) {
            accs_guest_end(guest);
            return;
        }
        at = guest->head.bytes + guest->head.len;
        ERR_clear_error();
        got = guest->ssl != NULL ? SSL_read(guest->ssl, at, (int)room)
                                 : (int)recv(guest->fd, at, room, 0);
        if (got <= 0) {
            wait_or_end(guest, got, POLLIN);
            return;
        }
        guest->head.len += (size_t)got;
        look(guest, target, now_ms);
    }
}

static void write_answer(accs_guest *guest)
{
    while (guest->written < guest->answer.len) {
        const char *at = guest->answer.bytes + guest->written;
        size_t left = guest->answer.len - guest->written;
        int put;

        ERR_clear_error();
        put = guest->ssl != NULL ? SSL_write(guest->ssl, at, (int)left)
                                 : (int)send(guest->fd, at, left, 0);
        if (put <= 0) {
            wait_or_end(guest, put, POLLOUT);
            return;
        }
        guest->written += (size_t)put;
    }
    if (guest->ssl != NULL)
        SSL_shutdown(guest->ssl); /* so that the end is known to be one */
    ERR_clear_error();
    shutdown(guest->fd, SHUT_WR);
    guest->wants = POLLIN;
    guest->stage = ACCS_GUEST_LEAVING;
}

static void drain(accs_guest *guest)
{
    char bytes[PIECE];
    ssize_t got = 1;

    for (int i = 0; i < DRAINED_AT_ONCE && got > 0; i++)
        got = recv(guest->fd, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        accs_guest_end(guest);
}

static bool with_the_host(const accs_guest *guest)
{
    return guest->stage == ACCS_GUEST_ARRIVED || guest->stage == ACCS_GUEST_ASKING;
}

void accs_guest_move(accs_guest *guest, const accs_loopback_target *target, SSL_CTX *tls,
                     int64_t now_ms)
{
    accs_guest_stage before = ACCS_GUEST_NONE;

    if (guest->stage != ACCS_GUEST_NONE && !with_the_host(guest) && now_ms >= guest->until_ms)
        accs_guest_end(guest);
    while (guest->stage != before) { /* each stage leads to a later one */
        before = guest->stage;
        switch (guest->stage) {
        case ACCS_GUEST_GREETING:
            greet(guest, tls);
            break;
        case ACCS_GUEST_SHAKING:
            shake(guest);
            break;
        case ACCS_GUEST_READING:
            read_head(guest, target, now_ms);
            break;
        case ACCS_GUEST_WRITING:
            write_answer(guest);
            break;
        case ACCS_GUEST_LEAVING:
            drain(guest);
            break;
        case ACCS_GUEST_NONE:
        case ACCS_GUEST_ARRIVED:
        case ACCS_GUEST_ASKING:
            break;
        }
    }
}

void accs_guest_answer(accs_guest *guest, accs_loopback_page page, int64_t now_ms)
{
    begin_answer(guest, accs_loopback_show(page, &guest->answer), now_ms);
}
