/* needs: csrc/core/answer.c reply.c inflate.c buffer.c secret.c retry_after.c http_date.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 2048, BODY_MAX = 8192, TEXT_END = 0 };

static void check_reply(const accs_reply *reply)
{
    if (reply->head.len > HEADERS_MAX || reply->body.len > BODY_MAX ||
        reply->field_count > ACCS_LIMIT_MAX_HEADER_COUNT)
        abort();
    for (size_t i = 0; i < reply->field_count; i++) {
        const accs_field *field = &reply->fields[i];

        if (field->name_len == 0 || field->name + field->name_len > field->value ||
            field->value + field->value_len > reply->head.len)
            abort();
    }
}

static void check(const accs_answer *answer)
{
    const accs_reply *reply = answer->reply;

    check_reply(reply);
    if ((answer->error == ACCS_OK) != (answer->text == NULL))
        abort();
    if (answer->error == ACCS_OK && reply->status != 0 &&
        (reply->status < 100 || reply->status > 599 || reply->status == 101))
        abort();
    if (accs_answer_full(answer) && !answer->streaming)
        abort();
    if (reply->body.len > 0 && (!answer->head_complete || !answer->got_body))
        abort();
}

/* A line of the head: up to its line feed. */
static size_t line_len(const uint8_t *data, size_t size)
{
    const uint8_t *feed = memchr(data, '\n', size);

    return feed != NULL ? (size_t)(feed - data) + 1 : size;
}

/* Reads a stream until more may come; odd pieces, so that the window is often part full. */
static void read_stream(accs_answer *answer)
{
    char bytes[1000];
    bool whole = true;

    while (whole && accs_answer_full(answer)) {
        if (accs_reply_read(answer->reply, bytes, sizeof bytes) == 0)
            abort(); /* full, and nothing to read: it would wait for ever */
        whole = accs_answer_drain(answer);
        check(answer);
    }
}

/*
 * The input in pieces: lines of a head, until one begins with a NUL; from there
 * on a byte that says how long, then as many bytes of the body, 0 going back to lines.
 * Returns the bytes of a body that came whole, or -1.
 */
static int64_t run(const uint8_t *data, size_t size, bool stream)
{
    accs_answer answer = {.reply = NULL};
    accs_reply *reply = accs_reply_new(HEADERS_MAX, BODY_MAX);
    const uint8_t *end = data + size;
    bool in_body = false;
    bool taken = true;
    int64_t total;

    if (reply == NULL)
        return -1;
    accs_answer_begin(&answer, reply);
    answer.stream = stream;
    while (data < end && taken) {
        size_t len;

        if (*data == TEXT_END) {
            in_body = !in_body;
            data++;
            continue;
        }
        len = in_body ? *data++ : line_len(data, (size_t)(end - data));
        if (len > (size_t)(end - data))
            len = (size_t)(end - data);
        taken = in_body ? accs_answer_body(&answer, (const char *)data, len)
                        : accs_answer_line(&answer, (const char *)data, len);
        data += len;
        check(&answer);
        if (taken != (answer.error == ACCS_OK))
            abort();
        read_stream(&answer);
        taken = answer.error == ACCS_OK;
    }
    if (!taken && answer.error == ACCS_OK)
        abort();
    if (taken)
        accs_answer_finish(&answer);
    if (answer.error == ACCS_OK && (!answer.head_complete || reply->status < 200))
        abort();
    check(&answer);
    (void)accs_reply_retry_after_ms(reply, 0);
    total = answer.error == ACCS_OK ? (int64_t)(reply->streamed + reply->body.len) : -1;
    accs_answer_cleanup(&answer);
    accs_reply_free(reply);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t kept = run(data, size, false);

    if (kept >= 0 && run(data, size, true) != kept)
        abort();
    return 0;
}
