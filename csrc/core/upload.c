#include "upload.h"

#include "limits.h"

#include <string.h>

void accs_upload_init(accs_upload *upload, int64_t length, bool replayable)
{
    *upload = (accs_upload){
        .length = length >= 0 ? length : -1,
        .replayable = replayable,
        .from_start = true,
    };
    accs_buffer_init(&upload->held, ACCS_LIMIT_STREAM_WINDOW);
}

void accs_upload_cleanup(accs_upload *upload)
{
    accs_buffer_cleanup(&upload->held);
}

void accs_upload_restart(accs_upload *upload)
{
    accs_buffer_clear(&upload->held);
    upload->held_at = 0;
    upload->ended = false;
    upload->wrong = false;
    upload->fed = 0;
    upload->from_start = true;
    upload->round++;
}

size_t accs_upload_take(accs_upload *upload, char *bytes, size_t room)
{
    size_t left = upload->held.len - upload->held_at;
    size_t count = left < room ? left : room;

    if (count > 0)
        memcpy(bytes, upload->held.bytes + upload->held_at, count);
    upload->held_at += count;
    if (upload->held_at == upload->held.len) {
        accs_buffer_clear(&upload->held);
        upload->held_at = 0;
    }
    return count;
}

bool accs_upload_hungry(const accs_upload *upload)
{
    bool complete = upload->length >= 0 && upload->fed == (uint64_t)upload->length;

    return upload->held.len == 0 && !complete && !upload->ended && !upload->wrong && !upload->asked;
}

bool accs_upload_ask(accs_upload *upload)
{
    bool from_start = upload->from_start;

    upload->from_start = false;
    upload->pulled = true;
    upload->asked = true;
    upload->asked_round = upload->round;
    return from_start;
}

accs_error accs_upload_feed(accs_upload *upload, const char *bytes, size_t bytes_len)
{
    accs_error error;

    if (!upload->asked)
        return ACCS_ERROR_CONFIG;
    if (bytes_len > ACCS_LIMIT_STREAM_WINDOW)
        return ACCS_ERROR_TOO_LARGE;
    upload->asked = false;
    if (upload->asked_round != upload->round)
        return ACCS_OK; /* of an attempt that has ended meanwhile */
    if (bytes == NULL) {
        upload->ended = true;
        upload->wrong = upload->length >= 0 && upload->fed != (uint64_t)upload->length;
    } else {
        upload->wrong = upload->length >= 0 && upload->fed + bytes_len > (uint64_t)upload->length;
    }
    if (upload->wrong)
        return ACCS_ERROR_IO;
    if (bytes == NULL)
        return ACCS_OK;
    error = accs_buffer_append(&upload->held, bytes, bytes_len);
    if (error == ACCS_OK)
        upload->fed += bytes_len;
    else
        upload->asked = true; /* the same piece may come again */
    return error;
}
