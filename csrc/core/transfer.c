#include "transfer.h"

#include "answer.h"
#include "ending.h"
#include "idle.h"
#include "outgoing.h"
#include "pipe_guard.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPOILED_MAX = 64 }; /* connections passed over in one attempt */

struct accs_transport {
    accs_engine *engine;
    accs_connection connection;
    accs_transfer *idle;
};

struct accs_transfer {
    accs_handle handle; /* first: the engine hands this back */
    accs_transport *transport;
    accs_transfer *next_idle;
    accs_answer answer;
    const accs_transfer_stream *stream; /* NULL: none */
    int paused;                         /* CURLPAUSE_ bits that are set */
    accs_idle idle;
    bool left;        /* the request is on its way: the idle limit counts */
    bool alone;       /* on its connection: what moves there is its own */
    bool upload_over; /* the answer came first: no more is sent */
    char *origin;     /* that the easy handle has as its address; NULL: none, or a whole address */
    unsigned sends_max;
    bool found_spoiled;
    bool found_foreign; /* a connection of somebody else's key or password */
    bool fresh;         /* CURLOPT_FRESH_CONNECT is on */
    unsigned spoiled;
    unsigned sends;
    uint64_t received; /* bytes of head and coded body */
    accs_watch watch;
    accs_transfer_done done;
    void *context;
    char error_text[CURL_ERROR_SIZE];
};

/* ------------------------------------------------------------ transport */

accs_error accs_transport_new(accs_engine *engine, const accs_connection_options *options,
                              accs_transport **transport)
{
    accs_transport *made = calloc(1, sizeof *made);

    if (made == NULL)
        return ACCS_ERROR_MEMORY;
    made->engine = engine;
    if (accs_connection_copy(&made->connection, options) != ACCS_OK) {
        accs_transport_free(made);
        return ACCS_ERROR_MEMORY;
    }
    *transport = made;
    return ACCS_OK;
}

static accs_timers *timers_of(const accs_transfer *transfer)
{
    return accs_engine_timers(transfer->transport->engine);
}

static void free_transfer(accs_transfer *transfer)
{
    if (transfer == NULL)
        return;
    curl_easy_cleanup(transfer->handle.easy);
    accs_timers_release(timers_of(transfer), 1);
    accs_answer_cleanup(&transfer->answer);
    free(transfer->origin);
    free(transfer);
}

void accs_transport_free(accs_transport *transport)
{
    if (transport == NULL)
        return;
    while (transport->idle != NULL) {
        accs_transfer *transfer = transport->idle;

        transport->idle = transfer->next_idle;
        free_transfer(transfer);
    }
    accs_connection_cleanup(&transport->connection);
    free(transport);
}

/* ------------------------------------------------------ libcurl's hooks */

static int64_t now_us(const accs_transfer *transfer)
{
    return accs_engine_now(transfer->transport->engine)->mono_us;
}

/* Within one step much may happen: the engine's time is that of its beginning. */
static int64_t fresh_us(const accs_transfer *transfer)
{
    return accs_engine_refresh(transfer->transport->engine)->mono_us;
}

static void note_moved(accs_transfer *transfer)
{
    accs_idle_move(&transfer->idle, accs_engine_now(transfer->transport->engine)->mono_ms);
}

static bool pause_as(accs_transfer *transfer, int paused)
{
    transfer->paused = paused;
    note_moved(transfer); /* when the pause ends, the idle limit begins anew */
    return curl_easy_pause(transfer->handle.easy, paused) == CURLE_OK;
}

/* libcurl stops sending when a refusal comes first, but would wait for a pause to end. */
static void stop_upload_after_refusal(accs_transfer *transfer)
{
    const accs_answer *answer = &transfer->answer;

    if (!answer->head_complete || answer->reply->status < 300 || transfer->upload_over)
        return;
    transfer->upload_over = true;
    if (transfer->paused & CURLPAUSE_SEND)
        pause_as(transfer, transfer->paused & ~CURLPAUSE_SEND);
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    accs_transfer *transfer = context;

    transfer->received += size * count;
    note_moved(transfer);
    if (transfer->watch.wanted && transfer->watch.answered_us == 0)
        transfer->watch.answered_us = fresh_us(transfer);
    if (!accs_answer_line(&transfer->answer, line, size * count))
        return 0;
    if (transfer->stream != NULL && transfer->stream->upload != NULL)
        stop_upload_after_refusal(transfer);
    return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    accs_transfer *transfer = context;
    accs_answer *answer = &transfer->answer;

    if (accs_answer_full(answer)) /* libcurl offers these bytes again */
        return CURL_WRITEFUNC_PAUSE;
    transfer->received += size * count;
    note_moved(transfer);
    if (!accs_answer_body(answer, bytes, size * count))
        return 0;
    if (!answer->streaming)
        return size * count;
    /* Not CURL_WRITEFUNC_PAUSE, which would mean that nothing was taken. The pause also keeps the
     * transfer from ending while decoded bytes are held back. */
    if (accs_answer_full(answer) && !pause_as(transfer, transfer->paused | CURLPAUSE_RECV)) {
        accs_answer_refuse(answer, ACCS_ERROR_MEMORY, "no memory left");
        return 0;
    }
    if (answer->reply->body.len > 0)
        transfer->stream->arrived(transfer->stream->context);
    return size * count;
}

static size_t on_upload(char *bytes, size_t size, size_t count, void *context)
{
    accs_transfer *transfer = context;
    const accs_transfer_stream *stream = transfer->stream;
    accs_upload *upload = stream->upload;
    size_t taken;

    if (upload->wrong || transfer->upload_over)
        return CURL_READFUNC_ABORT;
    taken = accs_upload_take(upload, bytes, size * count);
    note_moved(transfer); /* what was taken before has left */
    if (accs_upload_hungry(upload))
        stream->wanted(stream->context); /* the next piece is made while this one leaves */
    if (taken > 0 || upload->ended)
        return taken;
    transfer->paused |= CURLPAUSE_SEND;
    return CURL_READFUNC_PAUSE;
}

/* The request leaves: until then connect_timeout counts, or nothing for one that waits in line. */
static void note_leaving(accs_transfer *transfer)
{
    transfer->left = true;
    accs_idle_begin(&transfer->idle, timers_of(transfer),
                    accs_engine_now(transfer->transport->engine)->mono_ms);
}

#if ACCS_HAVE_PREREQ
/* Called for each send, also for those that libcurl makes when a pooled connection has died. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the signature is libcurl's */
static int on_send(void *context, char *primary_ip, char *local_ip, int primary_port,
                   int local_port)
{
    accs_transfer *transfer = context;
    const accs_transport *transport = transfer->transport;
    accs_sockets *sockets = accs_engine_sockets(transport->engine);
    accs_ends ends = {.local_port = local_port, .peer_port = primary_port, .peer = primary_ip};

    (void)local_ip;
    if (transfer->sends >= transfer->sends_max)
        return CURL_PREREQFUNC_ABORT;
    transfer->found_foreign = !accs_sockets_claim(sockets, &ends, transport->connection.owner);
    transfer->found_spoiled = accs_sockets_spoiled(sockets, &ends);
    if (transfer->found_foreign || transfer->found_spoiled)
        return CURL_PREREQFUNC_ABORT;
    transfer->sends++;
    note_leaving(transfer);
    if (transfer->watch.wanted)
        transfer->watch.sent_us = fresh_us(transfer);
    return CURL_PREREQFUNC_OK;
}
#endif

/* --------------------------------------------------------------- result */

static unsigned count_sends(const accs_transfer *transfer)
{
#if ACCS_HAVE_PREREQ
    return transfer->sends;
#else
    long bytes = 0;

    curl_easy_getinfo(transfer->handle.easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0 ? 1 : 0;
#endif
}

void accs_transfer_measure(const accs_transfer *transfer, accs_measure *measure)
{
    accs_measure_take(transfer->handle.easy, &transfer->watch, now_us(transfer), measure);
    measure->bytes_in = transfer->received;
}

static void judge(accs_transfer *transfer, CURLcode code, accs_transfer_result *result)
{
    const accs_ending ending = {
        .easy = transfer->handle.easy,
        .code = code,
        .error_text = transfer->error_text,
        .answer = &transfer->answer,
        .upload = transfer->stream != NULL ? transfer->stream->upload : NULL,
        .sends = count_sends(transfer),
    };

    accs_ending_judge(&ending, result);
}

static void rest(accs_transfer *transfer)
{
    accs_transport *transport = transfer->transport;

    if (transfer->paused != CURLPAUSE_CONT) {
        free_transfer(transfer); /* what libcurl holds for a paused handle must not turn up again */
        return;
    }
    transfer->answer.reply = NULL;
    transfer->stream = NULL;
    transfer->next_idle = transport->idle;
    transport->idle = transfer;
}

/* The ends of its connection; false when they are not known. */
static bool find_ends(CURL *easy, accs_ends *ends)
{
    long local_port = 0;
    long peer_port = 0;
    char *peer = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &local_port) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &peer_port) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &peer) != CURLE_OK || peer == NULL)
        return false;
    *ends = (accs_ends){.local_port = (int)local_port, .peer_port = (int)peer_port, .peer = peer};
    return true;
}

/* A connection that goes back into the pool has to stay silent until it is used again. */
static void note_quiet(accs_transfer *transfer)
{
    CURL *easy = transfer->handle.easy;
    long version = 0;
    accs_ends ends;

    if (curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK &&
        (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1) &&
        find_ends(easy, &ends))
        accs_sockets_quiet(accs_engine_sockets(transfer->transport->engine), &ends);
}

/* Whether the next connection is a new one. */
static bool set_fresh(accs_transfer *transfer, bool fresh)
{
    if (transfer->fresh == fresh)
        return true;
    transfer->fresh = fresh;
    return curl_easy_setopt(transfer->handle.easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L) ==
           CURLE_OK;
}

/*
 * The pooled connection was spoiled, or is not for this one, before anything was sent: another.
 * libcurl before 8.0 does not look for waiting bytes, and takes them for the
 * answer; and a reset that has just come escapes it too.
 */
static bool try_another(accs_transfer *transfer)
{
    bool foreign = transfer->found_foreign;
    bool unfit = foreign || transfer->found_spoiled;

    transfer->found_foreign = false;
    transfer->found_spoiled = false;
    return unfit && transfer->sends == 0 && transfer->spoiled++ < SPOILED_MAX &&
           (!foreign || set_fresh(transfer, true)) &&
           accs_engine_attach(transfer->transport->engine, &transfer->handle) == ACCS_OK;
}

static void finished(accs_handle *handle, CURLcode code)
{
    accs_transfer *transfer = (accs_transfer *)(void *)handle;
    accs_transfer_result result = {.error = ACCS_OK};
    accs_transfer_done done = transfer->done;
    void *context = transfer->context;

    if (code == CURLE_ABORTED_BY_CALLBACK && try_another(transfer))
        return;
    accs_timers_clear(timers_of(transfer), &transfer->idle.timer);
    if (code == CURLE_OK)
        note_quiet(transfer);
    judge(transfer, code, &result);
    accs_transfer_measure(transfer, &result.measure);
    rest(transfer); /* first: done may start the next attempt or free the transport */
    done(context, &result);
}

/* Heads come line by line, and a body given whole leaves without a hook: its socket tells. */
static int64_t socket_moved_ms(const accs_transfer *transfer)
{
    accs_ends ends;

    if (!find_ends(transfer->handle.easy, &ends))
        return 0;
    return accs_sockets_moved_ms(accs_engine_sockets(transfer->transport->engine), &ends);
}

/* While one side waits for the user, silence is not the server's. */
static void look_whether_idle(accs_timer *timer)
{
    accs_transfer *transfer =
        (accs_transfer *)(void *)((char *)timer - offsetof(accs_transfer, idle.timer));
    accs_engine *engine = transfer->transport->engine;

    if (transfer->paused != CURLPAUSE_CONT || !transfer->left)
        note_moved(transfer);
    else if (transfer->alone)
        accs_idle_move(&transfer->idle, socket_moved_ms(transfer));
    transfer->left = count_sends(transfer) > 0;
    if (!accs_idle_over(&transfer->idle, accs_engine_looked_ms(engine))) {
        accs_idle_wait(&transfer->idle, timers_of(transfer), accs_engine_now(engine)->mono_ms);
        return;
    }
    accs_engine_detach(engine, &transfer->handle);
    snprintf(transfer->error_text, sizeof transfer->error_text, "idle_timeout");
    finished(&transfer->handle, CURLE_OPERATION_TIMEDOUT);
}

/* ---------------------------------------------------------------- start */

static bool set_hooks(accs_transfer *transfer)
{
    CURL *easy = transfer->handle.easy;
    bool set = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_READDATA, transfer) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_text) == CURLE_OK;

#if ACCS_HAVE_PREREQ
    set = set && curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send) == CURLE_OK &&
          curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK;
#endif
    return set;
}

/* What never changes between the attempts of one transport. */
static bool set_common(accs_transfer *transfer)
{
    const accs_transport *transport = transfer->transport;
    CURL *easy = transfer->handle.easy;

    return accs_connection_prepare(&transport->connection, easy) &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK && set_hooks(transfer) &&
           accs_engine_prepare(transport->engine, easy);
}

static accs_transfer *take_transfer(accs_transport *transport)
{
    accs_transfer *transfer = transport->idle;

    if (transfer != NULL) {
        transport->idle = transfer->next_idle;
        return transfer;
    }
    transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL)
        return NULL;
    if (accs_timers_reserve(accs_engine_timers(transport->engine), 1) != ACCS_OK) {
        free(transfer);
        return NULL;
    }
    transfer->transport = transport;
    transfer->handle.finished = finished;
    transfer->idle.timer.fire = look_whether_idle;
    transfer->handle.easy = curl_easy_init();
    if (transfer->handle.easy != NULL && set_common(transfer))
        return transfer;
    free_transfer(transfer);
    return NULL;
}

static bool set_request(accs_transfer *transfer, const accs_transfer_request *request)
{
    const accs_connection *connection = &transfer->transport->connection;
    CURL *easy = transfer->handle.easy;
    /* Without a hook on each send, only a connection never used before is safe from a silent
     * repeat. */
    bool fresh = !ACCS_HAVE_PREREQ && request->sends_max <= 1;

    transfer->idle.limit_ms =
        request->idle_timeout_ms > 0 ? request->idle_timeout_ms : connection->idle_timeout_ms;
    return accs_outgoing_set(easy, connection, request, &transfer->origin) &&
           set_fresh(transfer, fresh);
}

accs_error accs_transfer_start(accs_transport *transport, const accs_transfer_request *request,
                               accs_transfer_done done, void *context, accs_transfer **transfer)
{
    accs_transfer *taken = take_transfer(transport);
    accs_error error = ACCS_ERROR_MEMORY;

    if (taken == NULL)
        return ACCS_ERROR_MEMORY;
    accs_answer_begin(&taken->answer, request->reply);
    taken->stream = request->stream;
    taken->paused = CURLPAUSE_CONT;
    taken->left = false;
    taken->alone = !request->http2;
    taken->upload_over = false;
    if (request->stream != NULL) {
        taken->answer.stream = request->stream->down;
        taken->answer.stream_max = request->stream->down_max;
    }
    taken->sends_max = request->sends_max > 0 ? request->sends_max : 1;
    taken->found_spoiled = false;
    taken->found_foreign = false;
    taken->spoiled = 0;
    taken->sends = 0;
    taken->received = 0;
    taken->watch = (accs_watch){.wanted = request->phases, .started_us = now_us(taken)};
    taken->done = done;
    taken->context = context;
    taken->error_text[0] = '\0';
    if (set_request(taken, request))
        error = accs_engine_attach(transport->engine, &taken->handle);
    if (error != ACCS_OK) {
        free_transfer(taken); /* half set: the next request must not find it */
        return error;
    }
#if !ACCS_HAVE_PREREQ
    accs_idle_begin(&taken->idle, timers_of(taken), accs_engine_now(transport->engine)->mono_ms);
#endif
    *transfer = taken;
    return ACCS_OK;
}

/*
 * What was refused between libcurl's calls ends the transfer in the next step, even though the
 * server may say nothing more: a time limit that is over, and a look at the handle, which each
 * change of its pause asks for. (What libcurl hands over meanwhile is refused as well, and then it
 * would leave the handle for a second.)
 */
static void stop(accs_transfer *transfer)
{
    CURL *easy = transfer->handle.easy;

    transfer->paused = CURLPAUSE_RECV; /* so the handle is not used again */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 1L);
    curl_easy_pause(easy, CURLPAUSE_CONT);
    curl_easy_pause(easy, CURLPAUSE_RECV);
}

/* The sides that have to wait for the user. */
static int pause_needed(const accs_transfer *transfer)
{
    const accs_upload *upload = transfer->stream->upload;
    int paused = transfer->paused;

    if (!accs_answer_full(&transfer->answer))
        paused &= ~CURLPAUSE_RECV;
    if (upload != NULL && (upload->held.len > 0 || upload->ended || transfer->upload_over))
        paused &= ~CURLPAUSE_SEND;
    return paused;
}

void accs_transfer_resume(accs_transfer *transfer)
{
    const accs_transfer_stream *stream = transfer->stream;
    accs_answer *answer = &transfer->answer;
    bool well = accs_answer_drain(answer) && (stream->upload == NULL || !stream->upload->wrong);
    int paused = pause_needed(transfer);
    accs_pipe_guard guard;

    if (answer->streaming && answer->reply->body.len > 0)
        stream->arrived(stream->context);
    if (paused & CURLPAUSE_SEND && accs_upload_hungry(stream->upload))
        stream->wanted(stream->context); /* what came was of an earlier attempt, or empty */
    accs_pipe_block(&guard);
    if (well && paused != transfer->paused) {
        well = pause_as(transfer, paused); /* libcurl may hand over at once what it has held back */
        if (!well)
            accs_answer_refuse(answer, ACCS_ERROR_MEMORY, "no memory left");
    }
    if (!well)
        stop(transfer);
    accs_pipe_restore(&guard);
}

bool accs_transfer_paused(const accs_transfer *transfer)
{
    return transfer->paused != CURLPAUSE_CONT;
}

bool accs_transfer_streaming(const accs_transfer *transfer)
{
    return transfer->answer.streaming;
}

unsigned accs_transfer_abort(accs_transfer *transfer)
{
    unsigned sends = count_sends(transfer);

    accs_timers_clear(timers_of(transfer), &transfer->idle.timer);
    if (!accs_engine_usable(transfer->transport->engine))
        return sends; /* left where it is: it belongs to the parent's connections */
    accs_engine_detach(transfer->transport->engine, &transfer->handle);
    rest(transfer);
    return sends;
}
