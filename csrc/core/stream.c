#include "stream.h"

#include <stdlib.h>

static void push(accs_stream *stream, accs_stream_note *note)
{
    if (note->waiting)
        return;
    note->waiting = true;
    accs_engine_push(stream->engine, &note->queued);
}

static void take_back(accs_stream *stream, accs_stream_note *note)
{
    if (note->waiting)
        accs_engine_drop(stream->engine, &note->queued);
    note->waiting = false;
}

static void deliver_body(accs_queued *queued, accs_item *item)
{
    accs_stream_note *note = (accs_stream_note *)(void *)queued;

    note->waiting = false;
    if (item == NULL)
        return;
    item->kind = ACCS_ITEM_BODY;
    item->id = note->stream->id;
}

static void deliver_wish(accs_queued *queued, accs_item *item)
{
    accs_stream_note *note = (accs_stream_note *)(void *)queued;

    note->waiting = false;
    if (item == NULL)
        return;
    item->kind = ACCS_ITEM_WISH;
    item->id = note->stream->id;
    item->from_start = accs_upload_ask(&note->stream->upload);
}

static void arrived(void *context)
{
    accs_stream *stream = context;

    if (stream->offered)
        return;
    stream->offered = true;
    push(stream, &stream->body);
}

static void wanted(void *context)
{
    accs_stream *stream = context;

    push(stream, &stream->wish);
}

accs_stream *accs_stream_new(accs_engine *engine, accs_reply *reply, bool down, uint64_t down_max,
                             const accs_upload *upload)
{
    accs_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        return NULL;
    stream->engine = engine;
    stream->reply = reply;
    stream->body = (accs_stream_note){.queued = {.deliver = deliver_body}, .stream = stream};
    stream->wish = (accs_stream_note){.queued = {.deliver = deliver_wish}, .stream = stream};
    stream->pieces = (accs_transfer_stream){
        .down = down,
        .down_max = down_max,
        .arrived = arrived,
        .wanted = wanted,
        .context = stream,
    };
    if (upload != NULL) {
        stream->upload = *upload;
        stream->pieces.upload = &stream->upload;
    }
    return stream;
}

void accs_stream_free(accs_stream *stream)
{
    if (stream == NULL)
        return;
    accs_upload_cleanup(&stream->upload);
    free(stream);
}

void accs_stream_begin(accs_stream *stream)
{
    accs_upload_restart(&stream->upload);
}

void accs_stream_attach(accs_stream *stream, accs_transfer *transfer)
{
    stream->transfer = transfer;
}

void accs_stream_detach(accs_stream *stream)
{
    if (stream == NULL)
        return;
    stream->transfer = NULL;
    if (stream->body.waiting)
        stream->offered = false;
    take_back(stream, &stream->body);
    take_back(stream, &stream->wish);
}

bool accs_stream_repeatable(const accs_stream *stream)
{
    const accs_upload *upload;

    if (stream == NULL)
        return true;
    upload = stream->pieces.upload;
    return !stream->delivered && (upload == NULL || upload->replayable || !upload->pulled);
}

/* ------------------------------------------------------- the user's side */

static accs_stream *find(const accs_engine *engine, uint64_t id)
{
    const accs_work *work = accs_engine_usable(engine) ? accs_engine_find(engine, id) : NULL;

    return work != NULL && !work->finished ? work->stream : NULL;
}

static bool readable(const accs_stream *stream)
{
    return stream != NULL && stream->transfer != NULL && accs_transfer_streaming(stream->transfer);
}

const accs_reply *accs_engine_answer(const accs_engine *engine, uint64_t id)
{
    const accs_stream *stream = find(engine, id);

    return readable(stream) ? stream->reply : NULL;
}

size_t accs_engine_read(accs_engine *engine, uint64_t id, char *bytes, size_t room)
{
    accs_stream *stream = find(engine, id);
    size_t count;

    if (stream == NULL || room == 0)
        return 0;
    stream->offered = false;
    if (!readable(stream))
        return 0;
    count = accs_reply_read(stream->reply, bytes, room);
    stream->delivered = stream->delivered || count > 0;
    accs_engine_refresh(engine);
    accs_transfer_resume(stream->transfer);
    if (stream->reply->body.len > 0)
        arrived(stream);
    accs_engine_follow(engine);
    return count;
}

accs_error accs_engine_feed(accs_engine *engine, uint64_t id, const char *bytes, size_t bytes_len,
                            accs_failure *failure)
{
    accs_stream *stream = find(engine, id);
    accs_error error;

    if (stream == NULL || stream->pieces.upload == NULL)
        return ACCS_OK;
    error = accs_upload_feed(&stream->upload, bytes, bytes_len);
    if (error == ACCS_ERROR_CONFIG)
        return accs_fail(failure, error, "this call did not ask for bytes of its body");
    if (error == ACCS_ERROR_TOO_LARGE)
        return accs_fail(failure, error, "more bytes than the call takes at a time");
    if (error == ACCS_ERROR_MEMORY)
        return accs_fail(failure, error, "no memory left for the body of a request");
    if (stream->transfer != NULL) { /* with other bytes than announced it ends */
        accs_engine_refresh(engine);
        accs_transfer_resume(stream->transfer);
        accs_engine_follow(engine);
    }
    return ACCS_OK;
}
