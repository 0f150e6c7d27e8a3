#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "limits.h"
#include "loopback_guest.h"
#include "loopback_tls.h"
#include "pipe_guard.h"

enum { LISTENERS_MAX = 2, DEAF_MS = 100, OTHER = LISTENERS_MAX };

struct accs_loopback {
    accs_loopback_target target;
    SSL_CTX *tls; /* NULL: http */
    int listeners[LISTENERS_MAX];
    size_t listener_count;
    accs_guest *guests;    /* LOOPBACK_GUESTS of them */
    struct pollfd *polled; /* listeners, the other descriptor, guests */
    int64_t deaf_until_ms; /* no descriptor was left for another guest */
};

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

/* ------------------------------------------------------------- the redirect URI */

static accs_error no_memory(accs_failure *failure)
{
    return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left");
}

/* A part of the address, the caller's: curl_free(). NULL: it has none, or there is no memory. */
static char *part(CURLU *url, CURLUPart which, bool *starved)
{
    char *text = NULL;

    if (curl_url_get(url, which, &text, CURLU_DEFAULT_PORT) == CURLUE_OUT_OF_MEMORY)
        *starved = true;
    return text;
}

static bool is_here(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "[::1]") == 0;
}

/* What is wrong with an address, or NULL. */
static const char *flaw(const accs_loopback_target *target, const char *scheme, bool more)
{
    if (!target->https && (scheme == NULL || strcmp(scheme, "http") != 0))
        return "only http and https can be listened for";
    if (target->host == NULL || target->path == NULL || !is_here(target->host))
        return "only localhost, 127.0.0.1 and [::1] are here";
    if (target->port == 0)
        return "no port 0";
    return more ? "no user name and no fragment (#) in it" : NULL;
}

static accs_error check_target(CURLU *url, accs_loopback_target *target, accs_failure *failure)
{
    bool starved = false;
    char *scheme = part(url, CURLUPART_SCHEME, &starved);
    char *port = part(url, CURLUPART_PORT, &starved);
    char *user = part(url, CURLUPART_USER, &starved);
    char *fragment = part(url, CURLUPART_FRAGMENT, &starved);
    accs_error error = ACCS_OK;
    const char *problem;

    target->host = part(url, CURLUPART_HOST, &starved);
    target->path = part(url, CURLUPART_PATH, &starved);
    target->https = scheme != NULL && strcmp(scheme, "https") == 0;
    target->port = port == NULL ? 0 : (unsigned)strtoul(port, NULL, 10);
    problem = flaw(target, scheme, user != NULL || fragment != NULL);
    if (starved)
        error = no_memory(failure);
    else if (problem != NULL)
        error = accs_fail(failure, ACCS_ERROR_CONFIG, "redirect_uri: %s", problem);
    curl_free(scheme);
    curl_free(port);
    curl_free(user);
    curl_free(fragment);
    return error;
}

static accs_error read_target(const char *redirect_uri, accs_loopback_target *target,
                              accs_failure *failure)
{
    CURLU *url = curl_url();
    accs_error error;
    CURLUcode code;

    if (url == NULL)
        return no_memory(failure);
    code = curl_url_set(url, CURLUPART_URL, redirect_uri, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OUT_OF_MEMORY)
        error = no_memory(failure);
    else if (code != CURLUE_OK)
        error = accs_fail(failure, ACCS_ERROR_CONFIG, "redirect_uri is not an absolute address");
    else
        error = check_target(url, target, failure);
    curl_url_cleanup(url);
    return error;
}

/* ------------------------------------------------------------------- listening */

static accs_error refuse_port(const accs_loopback_target *target, int problem,
                              accs_failure *failure)
{
    const char *advice = "";

    if (problem == EADDRINUSE)
        advice = ": another program has it";
    else if (problem == EACCES)
        advice = ": ports below 1024 are not for everybody; use a redirect URI with another";
    accs_fail(failure, ACCS_ERROR_IO, "cannot listen on port %u of %s (%s)%s", target->port,
              target->host, strerror(problem), advice);
    failure->system_errno = problem;
    return ACCS_ERROR_IO;
}

/* Returns 0, or what was wrong. */
static int listen_on(accs_loopback *loopback, const address *where, socklen_t where_len)
{
    const int yes = 1;
    int fd = socket(where->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int problem;

    if (fd < 0)
        return errno;
    /* A sign-in that ended a moment ago may have left its port in TIME_WAIT. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        (where->any.sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) != 0) ||
        bind(fd, &where->any, where_len) != 0 || listen(fd, (int)ACCS_LIMIT_LOOPBACK_GUESTS) != 0) {
        problem = errno;
        close(fd);
        return problem;
    }
    loopback->listeners[loopback->listener_count++] = fd;
    return 0;
}

/* localhost: both families, of which a machine may lack one; nobody else may have either. */
static accs_error listen_at(accs_loopback *loopback, accs_failure *failure)
{
    const accs_loopback_target *target = &loopback->target;
    address v4 = {.v4 = {.sin_family = AF_INET,
                         .sin_port = htons((uint16_t)target->port),
                         .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    address v6 = {.v6 = {.sin6_family = AF_INET6,
                         .sin6_port = htons((uint16_t)target->port),
                         .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    const char *host = target->host != NULL ? target->host : ""; /* it is: see flaw() */
    int problem = 0;

    if (host[0] != '[')
        problem = listen_on(loopback, &v4, sizeof v4.v4);
    if (host[0] != '1' && (problem == 0 || problem == EAFNOSUPPORT || problem == EADDRNOTAVAIL)) {
        int without_v6 = listen_on(loopback, &v6, sizeof v6.v6);
        bool lacks = without_v6 == EAFNOSUPPORT || without_v6 == EADDRNOTAVAIL;

        if (!lacks || loopback->listener_count == 0)
            problem = without_v6;
    }
    return problem == 0 ? ACCS_OK : refuse_port(target, problem, failure);
}

accs_error accs_loopback_new(const char *redirect_uri, accs_loopback **loopback,
                             accs_failure *failure)
{
    accs_loopback *made = calloc(1, sizeof *made);
    accs_error error = ACCS_ERROR_MEMORY;

    if (made != NULL) {
        made->guests = calloc(ACCS_LIMIT_LOOPBACK_GUESTS, sizeof *made->guests);
        made->polled = calloc(LISTENERS_MAX + 1 + ACCS_LIMIT_LOOPBACK_GUESTS, sizeof *made->polled);
    }
    if (made == NULL || made->guests == NULL || made->polled == NULL) {
        no_memory(failure);
        goto done;
    }
    error = redirect_uri == NULL ? ACCS_OK : read_target(redirect_uri, &made->target, failure);
    if (error == ACCS_OK && made->target.https) {
        made->tls = accs_loopback_tls();
        if (made->tls == NULL)
            error = accs_fail(failure, ACCS_ERROR_IO, "no certificate could be made");
    }
    if (error == ACCS_OK && redirect_uri != NULL)
        error = listen_at(made, failure);

done:
    if (error == ACCS_OK)
        *loopback = made;
    else
        accs_loopback_free(made);
    return error;
}

void accs_loopback_free(accs_loopback *loopback)
{
    if (loopback == NULL)
        return;
    for (size_t i = 0; i < loopback->listener_count; i++)
        close(loopback->listeners[i]);
    for (size_t i = 0; loopback->guests != NULL && i < ACCS_LIMIT_LOOPBACK_GUESTS; i++)
        accs_guest_end(&loopback->guests[i]);
    SSL_CTX_free(loopback->tls);
    curl_free(loopback->target.host);
    curl_free(loopback->target.path);
    free(loopback->guests);
    free(loopback->polled);
    free(loopback);
}

/* --------------------------------------------------------------------- waiting */

static int64_t now_ms(void)
{
    accs_now now;

    accs_clock_system(NULL, &now);
    return now.mono_ms;
}

static accs_guest *find(accs_loopback *loopback, accs_guest_stage stage)
{
    for (size_t i = 0; i < ACCS_LIMIT_LOOPBACK_GUESTS; i++)
        if (loopback->guests[i].stage == stage)
            return &loopback->guests[i];
    return NULL;
}

/* A free place. Where there is none the oldest goes that has not arrived; NULL: all have. */
static accs_guest *make_place(accs_loopback *loopback)
{
    accs_guest *oldest = find(loopback, ACCS_GUEST_NONE);

    if (oldest != NULL)
        return oldest;
    for (size_t i = 0; i < ACCS_LIMIT_LOOPBACK_GUESTS; i++) {
        accs_guest *guest = &loopback->guests[i];

        if (guest->stage != ACCS_GUEST_ARRIVED && guest->stage != ACCS_GUEST_ASKING &&
            (oldest == NULL || guest->since_ms < oldest->since_ms))
            oldest = guest;
    }
    if (oldest != NULL)
        accs_guest_end(oldest);
    return oldest;
}

/* One from each listener in a turn, so that those who are in get theirs as well. */
static void let_in(accs_loopback *loopback, int64_t now)
{
    for (size_t i = 0; i < loopback->listener_count; i++) {
        accs_guest *guest;
        int fd;

        if ((loopback->polled[i].revents & POLLIN) == 0)
            continue;
        /* cppcheck-suppress nullPointer ; accept4(2) allows it */
        fd = accept4(loopback->listeners[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                loopback->deaf_until_ms =
                    now + DEAF_MS; /* else poll() would say so again at once */
            continue;
        }
        guest = make_place(loopback);
        if (guest == NULL)
            close(fd);
        else
            accs_guest_enter(guest, fd, loopback->tls != NULL, now);
    }
}

/* Fills what poll() looks at, and cuts the time to what the guests have left. */
static size_t prepare(accs_loopback *loopback, int other_fd, int64_t now, int64_t *timeout_ms)
{
    bool deaf = now < loopback->deaf_until_ms;
    struct pollfd *polled = loopback->polled;

    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        int fd = i < loopback->listener_count && !deaf ? loopback->listeners[i] : -1;

        polled[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    polled[OTHER] = (struct pollfd){.fd = other_fd, .events = POLLIN};
    if (deaf && (*timeout_ms < 0 || *timeout_ms > DEAF_MS))
        *timeout_ms = DEAF_MS;
    for (size_t i = 0; i < ACCS_LIMIT_LOOPBACK_GUESTS; i++) {
        const accs_guest *guest = &loopback->guests[i];
        bool moves = guest->stage != ACCS_GUEST_NONE && guest->stage != ACCS_GUEST_ARRIVED &&
                     guest->stage != ACCS_GUEST_ASKING;
        int64_t left_ms = guest->until_ms > now ? guest->until_ms - now : 0;

        polled[OTHER + 1 + i] =
            (struct pollfd){.fd = moves ? guest->fd : -1, .events = guest->wants};
        if (moves && (*timeout_ms < 0 || *timeout_ms > left_ms))
            *timeout_ms = left_ms;
    }
    return OTHER + 1 + ACCS_LIMIT_LOOPBACK_GUESTS;
}

/* Waits once and moves everybody. Returns false for a signal, with errno set for trouble. */
static bool turn(accs_loopback *loopback, int other_fd, int64_t timeout_ms, bool *other)
{
    const int64_t most_ms = 1000000;
    int64_t now = now_ms();
    size_t count = prepare(loopback, other_fd, now, &timeout_ms);
    accs_pipe_guard guard;

    if (poll(loopback->polled, (nfds_t)count, (int)(timeout_ms > most_ms ? most_ms : timeout_ms)) <
        0)
        return false;
    now = now_ms();
    accs_pipe_block(&guard);
    for (size_t i = 0; i < ACCS_LIMIT_LOOPBACK_GUESTS; i++)
        accs_guest_move(&loopback->guests[i], &loopback->target, loopback->tls, now);
    let_in(loopback, now);
    accs_pipe_restore(&guard);
    *other = loopback->polled[OTHER].revents != 0;
    return true;
}

accs_error accs_loopback_wait(accs_loopback *loopback, int other_fd, int64_t timeout_ms,
                              accs_loopback_event *event, accs_text *query, accs_failure *failure)
{
    int64_t end = now_ms() + timeout_ms;
    int64_t left_ms = timeout_ms;
    bool looked = false;
    bool other = false;

    accs_loopback_answer(loopback, ACCS_LOOPBACK_FOREIGN); /* one that was forgotten */
    for (;;) {
        accs_guest *guest = find(loopback, ACCS_GUEST_ARRIVED);

        if (guest != NULL) {
            guest->stage = ACCS_GUEST_ASKING;
            *event = ACCS_LOOPBACK_REDIRECT;
            *query = guest->ask.query;
            return ACCS_OK;
        }
        if (other) {
            *event = ACCS_LOOPBACK_OTHER;
            return ACCS_OK;
        }
        if (looked && left_ms == 0) {
            *event = ACCS_LOOPBACK_NOTHING;
            return ACCS_OK;
        }
        errno = 0;
        if (!turn(loopback, other_fd, left_ms, &other)) {
            if (errno != EINTR)
                return accs_fail(failure, ACCS_ERROR_IO, "waiting failed (%s)", strerror(errno));
            *event = ACCS_LOOPBACK_NOTHING;
            return ACCS_OK;
        }
        looked = true;
        left_ms = timeout_ms < 0 ? -1 : end - now_ms();
        if (timeout_ms >= 0 && left_ms < 0)
            left_ms = 0;
    }
}

void accs_loopback_answer(accs_loopback *loopback, accs_loopback_page page)
{
    accs_guest *guest = find(loopback, ACCS_GUEST_ASKING);
    int64_t end = now_ms() + ACCS_LIMIT_LOOPBACK_LEAVE;
    int64_t left_ms = ACCS_LIMIT_LOOPBACK_LEAVE;
    bool other;

    if (guest == NULL)
        return;
    accs_guest_answer(guest, page, end - left_ms);
    while (left_ms > 0 &&
           (guest->stage == ACCS_GUEST_WRITING || guest->stage == ACCS_GUEST_LEAVING)) {
        turn(loopback, -1, left_ms, &other); /* false: a signal; the time is bounded as it is */
        left_ms = end - now_ms();
    }
}
