#include "engine.h"

#include "ask.h"
#include "fork_mark.h"
#include "library.h"
#include "pipe_guard.h"
#include "poller.h"
#include "pool.h"
#include "sockets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READY_MAX = 64,
    BLIND_MS = 10,   /* between two looks at sockets that nobody watches */
    ROUNDS_MAX = 16, /* of libcurl's zero timer in one step, so that sockets get their turn */
};

struct accs_engine {
    accs_fork_mark origin;
    CURLM *multi;
    accs_pool pool;
    accs_poller poller;
    bool fd_given; /* only then does the alarm need to follow the timers */
    accs_timers timers;
    int64_t curl_at_ms; /* when libcurl wants to be called; -1: never */
    accs_now now;
    int64_t looked_ms; /* see accs_engine_looked_ms() */
    size_t served;     /* sockets, since then */

    accs_works works;
    size_t events; /* of what waits in works */
    uint64_t numbers;
    accs_member *members;
    accs_ask *asks;

    accs_sockets sockets;
    bool blind;   /* a socket is not watched, or libcurl has lost sight of one */
    bool starved; /* no memory for a socket's place, which libcurl takes for a refusal */
};

accs_error accs_fail(accs_failure *failure, accs_error code, const char *format, ...)
{
    va_list arguments;

    if (failure == NULL)
        return code;
    *failure = (accs_failure){.code = code, .retry_after_ms = -1};
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    return code;
}

/* ------------------------------------------------------ libcurl's hooks */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    accs_engine *engine = context;
    unsigned events = 0;

    (void)easy;
    (void)socket_context;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= ACCS_POLL_IN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= ACCS_POLL_OUT;
    /* The resolver's descriptors are not opened here, so nobody would tell of their end. */
    if (events == 0 && accs_sockets_has(&engine->sockets, fd))
        accs_poller_rest(&engine->poller, fd);
    else if (accs_poller_watch(&engine->poller, fd, events) != ACCS_OK)
        engine->blind = true; /* a failure told to libcurl would end every transfer, for good */
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    accs_engine *engine = context;

    (void)multi;
    engine->curl_at_ms = timeout_ms < 0 ? -1 : engine->now.mono_ms + timeout_ms;
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    accs_engine *engine = context;
    int fd;

    (void)purpose;
    fd = accs_sockets_open(&engine->sockets, address->family, address->socktype, address->protocol);
    engine->starved = engine->starved || (fd < 0 && errno == ENOMEM);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    accs_engine *engine = context;

    accs_poller_forget(&engine->poller, fd);
    return accs_sockets_close(&engine->sockets, fd);
}

bool accs_engine_prepare(accs_engine *engine, CURL *easy)
{
    return accs_pool_prepare(&engine->pool, easy) &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, engine) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, engine) == CURLE_OK;
}

accs_sockets *accs_engine_sockets(accs_engine *engine)
{
    return &engine->sockets;
}

/* ----------------------------------------------------------- life cycle */

static CURLM *new_multi(accs_engine *engine, const accs_engine_options *options)
{
    CURLM *multi = curl_multi_init();

    if (multi == NULL)
        return NULL;
    if (accs_pool_init(&engine->pool, multi, options) &&
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, engine) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, engine) == CURLM_OK)
        return multi;
    accs_pool_cleanup(&engine->pool);
    curl_multi_cleanup(multi);
    return NULL;
}

accs_error accs_engine_new(const accs_engine_options *options, accs_engine **engine,
                           accs_failure *failure)
{
    accs_error error = ACCS_ERROR_MEMORY;
    accs_engine *made;

    if (!accs_library_start())
        return accs_fail(failure, ACCS_ERROR_MEMORY, "libcurl cannot be initialised");
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for an engine");
    accs_fork_mark_init(&made->origin);
    made->curl_at_ms = -1;
    accs_works_init(&made->works);
    accs_clock_system(NULL, &made->now);
    if (accs_poller_init(&made->poller) != ACCS_OK) {
        error =
            accs_fail(failure, ACCS_ERROR_IO, "no descriptor for an engine: %s", strerror(errno));
        if (failure != NULL)
            failure->system_errno = errno;
        goto done;
    }
    made->multi = new_multi(made, options);
    if (made->multi == NULL) {
        error = accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for an engine");
        goto done;
    }
    *engine = made;
    return ACCS_OK;

done:
    accs_fork_mark_cleanup(&made->origin);
    accs_poller_cleanup(&made->poller);
    free(made);
    return error;
}

void accs_engine_free(accs_engine *engine)
{
    bool usable = engine != NULL && accs_engine_usable(engine);
    accs_pipe_guard guard;

    if (engine == NULL)
        return;
    accs_pipe_block(&guard);
    accs_works_discard(&engine->works);
    while (engine->members != NULL) {
        accs_member *member = engine->members;

        accs_engine_leave(engine, member);
        member->engine_gone(member);
    }
    accs_ask_forsake(engine);
    accs_works_cleanup(&engine->works);
    if (usable) {
        curl_multi_cleanup(engine->multi);
        accs_pool_cleanup(&engine->pool);
    } else { /* curl_multi_cleanup() would shut the parent's connections down: plain close(2), no
              * more
              */
        accs_sockets_abandon(&engine->sockets);
    }
    accs_pipe_restore(&guard);
    accs_poller_cleanup(&engine->poller);
    accs_fork_mark_cleanup(&engine->origin);
    accs_timers_cleanup(&engine->timers);
    accs_sockets_cleanup(&engine->sockets);
    free(engine);
}

bool accs_engine_usable(const accs_engine *engine)
{
    return accs_fork_mark_here(&engine->origin);
}

accs_error accs_engine_check(const accs_engine *engine, accs_failure *failure)
{
    if (accs_engine_usable(engine))
        return ACCS_OK;
    return accs_fail(failure, ACCS_ERROR_CLOSED,
                     "this engine was made before the process forked: make a new client in the "
                     "child");
}

const accs_now *accs_engine_now(const accs_engine *engine)
{
    return &engine->now;
}

const accs_now *accs_engine_refresh(accs_engine *engine)
{
    accs_clock_system(NULL, &engine->now);
    return &engine->now;
}

int64_t accs_engine_looked_ms(const accs_engine *engine)
{
    return engine->looked_ms;
}

accs_timers *accs_engine_timers(accs_engine *engine)
{
    return &engine->timers;
}

accs_ask **accs_engine_asks(accs_engine *engine)
{
    return &engine->asks;
}

uint64_t accs_engine_number(accs_engine *engine)
{
    return ++engine->numbers;
}

void accs_engine_join(accs_engine *engine, accs_member *member)
{
    member->previous = NULL;
    member->next = engine->members;
    if (engine->members != NULL)
        engine->members->previous = member;
    engine->members = member;
}

void accs_engine_leave(accs_engine *engine, accs_member *member)
{
    if (member->previous != NULL)
        member->previous->next = member->next;
    else
        engine->members = member->next;
    if (member->next != NULL)
        member->next->previous = member->previous;
    member->next = NULL;
    member->previous = NULL;
}

accs_member *accs_engine_members(const accs_engine *engine)
{
    return engine->members;
}

/* ---------------------------------------------------------------- alarm */

/* Of two moments, -1 being never. */
static int64_t earlier(int64_t one, int64_t other)
{
    if (one < 0 || other < 0)
        return one < 0 ? other : one;
    return one < other ? one : other;
}

/* The next moment at which there is something to do, or -1; the past when it is there already. */
static int64_t next_moment(const accs_engine *engine)
{
    int64_t next = earlier(accs_timers_next_ms(&engine->timers), engine->curl_at_ms);

    if (engine->works.first != NULL)
        return 0;
    return engine->blind ? earlier(next, engine->now.mono_ms + BLIND_MS) : next;
}

void accs_engine_follow(accs_engine *engine)
{
    /* A forked child has its parent's alarm in hand. */
    if (engine->fd_given && accs_engine_usable(engine))
        accs_poller_alarm(&engine->poller, next_moment(engine));
}

/* -------------------------------------------------------------- handles */

accs_error accs_engine_attach(accs_engine *engine, accs_handle *handle)
{
    CURLMcode code;

    curl_easy_setopt(handle->easy, CURLOPT_PRIVATE, handle);
    code = curl_multi_add_handle(engine->multi, handle->easy); /* sends nothing: no SIGPIPE */
    handle->attached = code == CURLM_OK;
    if (code == CURLM_OK)
        return ACCS_OK;
    return code == CURLM_OUT_OF_MEMORY ? ACCS_ERROR_MEMORY : ACCS_ERROR_NETWORK;
}

void accs_engine_detach(accs_engine *engine, accs_handle *handle)
{
    accs_pipe_guard guard;

    if (!handle->attached)
        return;
    accs_pipe_block(&guard);
    curl_multi_remove_handle(engine->multi, handle->easy);
    accs_pipe_restore(&guard);
    handle->attached = false;
}

static void collect_finished(accs_engine *engine)
{
    CURLMsg *message;
    bool refreshed = false;
    int left;

    while ((message = curl_multi_info_read(engine->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        char *private = NULL;
        accs_handle *handle;

        if (message->msg != CURLMSG_DONE)
            continue;
        /* A transfer may begin and end within one step: how long it took is measured here. */
        if (!refreshed)
            accs_engine_refresh(engine);
        refreshed = true;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        handle = (accs_handle *)(void *)private;
        curl_multi_remove_handle(engine->multi, handle->easy); /* message is gone after this */
        handle->attached = false;
        if (engine->starved && code == CURLE_COULDNT_CONNECT)
            code = CURLE_OUT_OF_MEMORY;
        handle->finished(handle, code);
    }
    engine->starved = false;
}

/* ------------------------------------------------------- work and queue */

accs_error accs_engine_adopt(accs_engine *engine, accs_work *work)
{
    return accs_works_adopt(&engine->works, work);
}

void accs_engine_push(accs_engine *engine, accs_queued *queued)
{
    accs_works_push(&engine->works, queued);
    accs_engine_follow(engine);
}

void accs_engine_drop(accs_engine *engine, accs_queued *queued)
{
    accs_works_drop(&engine->works, queued);
}

accs_work *accs_engine_find(const accs_engine *engine, uint64_t id)
{
    return accs_works_find(&engine->works, id);
}

size_t *accs_engine_events(accs_engine *engine)
{
    return &engine->events;
}

void accs_engine_finish(accs_engine *engine, accs_work *work)
{
    work->finished = true;
    accs_engine_push(engine, &work->queued);
}

bool accs_engine_next(accs_engine *engine, accs_item *item)
{
    if (!accs_engine_usable(engine) || !accs_works_take(&engine->works, item))
        return false;
    if (engine->works.first == NULL)
        accs_engine_follow(engine);
    return true;
}

size_t accs_engine_pending(const accs_engine *engine)
{
    return engine->works.pending;
}

void accs_engine_cancel(accs_engine *engine, uint64_t id)
{
    accs_work *found;

    if (!accs_engine_usable(engine))
        return;
    accs_engine_refresh(engine);
    found = accs_works_find(&engine->works, id);
    if (found != NULL && !found->finished)
        found->cancel(found);
}

/* ----------------------------------------------------------------- step */

/* A code that leaves a transfer with nobody to move it: no memory, as a rule. */
static void note(accs_engine *engine, CURLMcode code)
{
    if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
        engine->blind = true;
}

/* Moves all, until each socket is watched again. */
static void look_around(accs_engine *engine)
{
    if (!engine->blind)
        return;
    engine->blind = false;
    note(engine, accs_curl_move_all(engine->multi));
    if (!accs_poller_retry(&engine->poller))
        engine->blind = true;
}

/* Runs what is due: libcurl's own timer first, then those of calls. */
static void run_due(accs_engine *engine)
{
    int running;
    accs_timer *timer;

    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (engine->curl_at_ms < 0 || engine->curl_at_ms > engine->now.mono_ms)
            break;
        engine->curl_at_ms = -1;
        note(engine, curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running));
    }
    collect_finished(engine);
    while ((timer = accs_timers_due(&engine->timers, engine->now.mono_ms)) != NULL)
        timer->fire(timer);
}

static int64_t wait_time(const accs_engine *engine, int64_t timeout_ms)
{
    int64_t next = next_moment(engine);
    int64_t until;

    if (next < 0)
        return timeout_ms;
    until = next > engine->now.mono_ms ? next - engine->now.mono_ms : 0;
    return timeout_ms >= 0 && timeout_ms < until ? timeout_ms : until;
}

int accs_engine_fd(accs_engine *engine)
{
    engine->fd_given = true;
    if (accs_engine_usable(engine))
        accs_engine_follow(engine);
    return engine->poller.fd;
}

int accs_engine_descriptor(const accs_engine *engine)
{
    return engine->poller.fd;
}

int64_t accs_engine_timeout_ms(const accs_engine *engine)
{
    int64_t next = next_moment(engine);
    accs_now now;

    if (next <= 0)
        return next;
    accs_clock_system(NULL, &now);
    return next > now.mono_ms ? next - now.mono_ms : 0;
}

static void serve_sockets(accs_engine *engine, const accs_ready *ready, int count)
{
    int running;

    for (int i = 0; i < count; i++) {
        int mask = 0;

        if (ready[i].events & ACCS_POLL_IN)
            mask |= CURL_CSELECT_IN;
        if (ready[i].events & ACCS_POLL_OUT)
            mask |= CURL_CSELECT_OUT;
        if (ready[i].events & ACCS_POLL_ERROR)
            mask |= CURL_CSELECT_ERR;
        accs_sockets_move(&engine->sockets, ready[i].fd, engine->now.mono_ms);
        note(engine, curl_multi_socket_action(engine->multi, ready[i].fd, mask, &running));
    }
}

/*
 * Silence is what was listened to: after a long absence the first look decides. A full list may
 * leave some out, but goes round; a socket that is not watched says nothing.
 */
static void note_look(accs_engine *engine, int count)
{
    engine->served += (size_t)count;
    if (engine->blind || (count == READY_MAX && engine->served < engine->sockets.count))
        return;
    engine->looked_ms = engine->now.mono_ms;
    engine->served = 0;
}

accs_error accs_engine_step(accs_engine *engine, int64_t timeout_ms, accs_failure *failure)
{
    accs_ready ready[READY_MAX];
    accs_error error = ACCS_OK;
    accs_pipe_guard guard;
    int count;

    if (accs_engine_check(engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    accs_pipe_block(&guard);
    accs_engine_refresh(engine);
    look_around(engine);
    run_due(engine);
    count = accs_poller_wait(&engine->poller, ready, READY_MAX, wait_time(engine, timeout_ms));
    if (count < 0) {
        error = accs_fail(failure, ACCS_ERROR_IO, "waiting for the network failed: %s",
                          strerror(errno));
        if (failure != NULL)
            failure->system_errno = errno;
        goto done;
    }
    accs_engine_refresh(engine);
    serve_sockets(engine, ready, count);
    note_look(engine, count);
    run_due(engine);
    accs_engine_follow(engine);

done:
    accs_pipe_restore(&guard);
    return error;
}
