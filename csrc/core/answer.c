#include "answer.h"

#include "limits.h"

#include <string.h>
#include <strings.h>

enum { STATUS_DIGITS = 3, FIRST_ROOM_MAX = 1 << 20 };

void accs_answer_begin(accs_answer *answer, accs_reply *reply)
{
    accs_buffer_cleanup(&answer->rest);
    *answer = (accs_answer){.reply = reply, .inflate = answer->inflate};
    accs_buffer_init(&answer->rest, SIZE_MAX);
    accs_reply_reset(reply);
}

void accs_answer_cleanup(accs_answer *answer)
{
    accs_inflate_free(answer->inflate);
    answer->inflate = NULL;
    accs_buffer_cleanup(&answer->rest);
}

void accs_answer_refuse(accs_answer *answer, accs_error error, const char *text)
{
    if (answer->error != ACCS_OK)
        return;
    answer->error = error;
    answer->text = text;
    /* What was garbled or cut on its way may come whole the next time. */
    answer->final = error != ACCS_ERROR_DECODE && error != ACCS_ERROR_NETWORK;
}

static int status_of(const char *line, size_t line_len)
{
    const char *blank = memchr(line, ' ', line_len);
    int status = 0;

    if (blank == NULL || (size_t)(line + line_len - blank) < 1 + STATUS_DIGITS)
        return 0;
    for (int i = 1; i <= STATUS_DIGITS; i++) {
        if (blank[i] < '0' || blank[i] > '9')
            return 0;
        status = 10 * status + (blank[i] - '0');
    }
    blank += 1 + STATUS_DIGITS;
    return blank < line + line_len && *blank >= '0' && *blank <= '9' ? 0 : status;
}

static void begin_head(accs_answer *answer, const char *line, size_t line_len)
{
    int status = status_of(line, line_len);

    accs_reply_reset(answer->reply);
    answer->reply->status = status;
    answer->head_complete = false;
    answer->has_length = false;
    answer->got_body = false;
    answer->streaming = false;
    answer->coding = ACCS_CODING_NONE;
    if (status == 101)
        accs_answer_refuse(answer, ACCS_ERROR_HTTP,
                           "the server switched protocols unasked (status 101)");
    else if (status < 100 || status > 599)
        accs_answer_refuse(answer, ACCS_ERROR_HTTP,
                           "the status of the answer is none that HTTP knows");
}

static bool same_text(const char *text, size_t text_len, const char *other)
{
    return text_len == strlen(other) && strncasecmp(text, other, text_len) == 0;
}

static void note_coding(accs_answer *answer, const char *value, size_t value_len)
{
    bool gzip = same_text(value, value_len, "gzip") || same_text(value, value_len, "x-gzip");

    if (same_text(value, value_len, "identity"))
        return;
    answer->coding =
        gzip && answer->coding == ACCS_CODING_NONE ? ACCS_CODING_GZIP : ACCS_CODING_OTHER;
}

/* libcurl would undo any coding by itself, and ends a cut one with success. */
static void note_transfer_coding(accs_answer *answer, const char *value, size_t value_len)
{
    if (!same_text(value, value_len, "chunked") && !same_text(value, value_len, "identity"))
        accs_answer_refuse(answer, ACCS_ERROR_DECODE,
                           "the answer has a transfer coding that nobody asked for");
}

/* One number at the front of the text, blanks around it passed over too. */
static bool take_number(const char **text, const char *end, uint64_t *number)
{
    const char *at = *text;
    const char *digits;
    uint64_t sum = 0;

    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    for (digits = at; at < end && *at >= '0' && *at <= '9'; at++) {
        if (sum > (INT64_MAX - 9) / 10)
            return false;
        sum = 10 * sum + (uint64_t)(*at - '0');
    }
    if (at == digits)
        return false;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    *text = at;
    *number = sum;
    return true;
}

/*
 * A number, or the same number several times; libcurl takes the first digits
 * that it finds. Source: RFC 9112, 6.3.
 */
static void note_length(accs_answer *answer, const char *value, size_t value_len)
{
    const char *end = value + value_len;
    uint64_t length = 0;

    do {
        if (!take_number(&value, end, &length) || (value < end && *value != ',')) {
            accs_answer_refuse(answer, ACCS_ERROR_HTTP, "the answer has a length that is none");
            return;
        }
        if (answer->has_length && answer->length != length)
            accs_answer_refuse(answer, ACCS_ERROR_HTTP, "the answer has two lengths that differ");
        answer->has_length = true;
        answer->length = length;
    } while (value++ < end);
}

/* What matters here of the headers. */
static void note_headers(accs_answer *answer)
{
    const accs_reply *reply = answer->reply;

    for (size_t i = 0; i < reply->field_count; i++) {
        const accs_field *field = &reply->fields[i];
        const char *name = reply->head.bytes + field->name;
        const char *value = reply->head.bytes + field->value;

        if (same_text(name, field->name_len, "content-encoding"))
            note_coding(answer, value, field->value_len);
        else if (same_text(name, field->name_len, "transfer-encoding"))
            note_transfer_coding(answer, value, field->value_len);
        else if (same_text(name, field->name_len, "content-length"))
            note_length(answer, value, field->value_len);
    }
}

/* A character of a token. Source: RFC 9110, 5.6.2. */
static bool in_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/*
 * Whether a line is a header, or goes on with the one before: a name right
 * before the colon, and neither NUL nor a CR inside, where others might see
 * another head. Source: RFC 9112, 5; RFC 9110, 5.5.
 */
static bool well_formed(const char *line, size_t line_len, bool fold)
{
    size_t name_len = 0;

    if (line_len > 0 && line[line_len - 1] == '\n')
        line_len--;
    if (line_len > 0 && line[line_len - 1] == '\r')
        line_len--;
    while (name_len < line_len && in_token(line[name_len]))
        name_len++;
    if (!fold && (name_len == 0 || name_len == line_len || line[name_len] != ':'))
        return false;
    return memchr(line, '\0', line_len) == NULL && memchr(line, '\r', line_len) == NULL;
}

static void add_header(accs_answer *answer, const char *line, size_t line_len)
{
    bool fold = line[0] == ' ' || line[0] == '\t';
    accs_error error = ACCS_ERROR_HTTP;

    if (well_formed(line, line_len, fold) && (!fold || answer->reply->field_count > 0))
        error = fold ? accs_reply_fold(answer->reply, line, line_len)
                     : accs_reply_add_header(answer->reply, line, line_len);
    if (error == ACCS_ERROR_HTTP)
        accs_answer_refuse(answer, error, "the answer has a malformed header");
    else if (error == ACCS_ERROR_TOO_LARGE)
        accs_answer_refuse(answer, error, ACCS_ANSWER_TOO_MANY_HEADERS);
    else if (error != ACCS_OK)
        accs_answer_refuse(answer, error, "no memory left");
}

static void end_head(accs_answer *answer)
{
    accs_buffer *body = &answer->reply->body;

    if (answer->reply->status < 200)
        return; /* an interim answer: the real head follows */
    answer->head_complete = true;
    note_headers(answer);
    answer->streaming =
        answer->stream && answer->reply->status < 300 && !accs_reply_is_page(answer->reply);
    if (answer->coding == ACCS_CODING_OTHER)
        accs_answer_refuse(answer, ACCS_ERROR_DECODE,
                           "the answer has a content coding that nobody asked for");
    if (answer->coding == ACCS_CODING_GZIP) {
        if (answer->inflate == NULL && accs_inflate_new(&answer->inflate) != ACCS_OK)
            accs_answer_refuse(answer, ACCS_ERROR_MEMORY, "no memory left");
        else
            accs_inflate_reset(answer->inflate);
    } else if (!answer->streaming && answer->has_length && answer->length < FIRST_ROOM_MAX &&
               answer->length <= body->max) {
        accs_buffer_reserve(body, (size_t)answer->length); /* only saves copies */
    }
}

bool accs_answer_line(accs_answer *answer, const char *line, size_t line_len)
{
    if (line_len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        begin_head(answer, line, line_len);
    else if (answer->head_complete || line_len == 0)
        return true;
    else if (line[0] == '\r' || line[0] == '\n')
        end_head(answer);
    else
        add_header(answer, line, line_len);
    return answer->error == ACCS_OK;
}

static bool refuse_body(accs_answer *answer, accs_error error)
{
    if (error == ACCS_ERROR_TOO_LARGE)
        accs_answer_refuse(answer, error, "the answer is larger than the limit (max_body)");
    else if (error == ACCS_ERROR_DECODE)
        accs_answer_refuse(answer, error, "the compressed answer is corrupt");
    else if (error != ACCS_OK)
        accs_answer_refuse(answer, error, "no memory left");
    return answer->error == ACCS_OK;
}

static size_t window_of(const accs_answer *answer)
{
    size_t max = answer->reply->body.max;

    return max < ACCS_LIMIT_STREAM_WINDOW ? max : ACCS_LIMIT_STREAM_WINDOW;
}

/* Moves bytes into the window as far as they fit, and moves *bytes on past them. */
static accs_error fill_window(accs_answer *answer, const char **bytes, size_t *bytes_len)
{
    accs_buffer *body = &answer->reply->body;
    size_t window = window_of(answer);
    size_t count = window - body->len < *bytes_len ? window - body->len : *bytes_len;
    accs_error error;

    if (answer->coding == ACCS_CODING_GZIP) {
        error = accs_inflate_fill(answer->inflate, bytes, bytes_len, body, window);
    } else {
        error = accs_buffer_append(body, *bytes, count);
        *bytes += count;
        *bytes_len -= count;
    }
    if (error == ACCS_OK && answer->stream_max > 0 &&
        answer->reply->streamed + body->len > answer->stream_max) {
        /* Nobody gets more than was allowed. */
        body->len = (size_t)(answer->stream_max - answer->reply->streamed);
        body->bytes[body->len] = '\0';
        error = ACCS_ERROR_TOO_LARGE;
    }
    return error;
}

static accs_error push_stream(accs_answer *answer, const char *bytes, size_t bytes_len)
{
    accs_error error = fill_window(answer, &bytes, &bytes_len);

    if (error == ACCS_OK && bytes_len > 0)
        error = accs_buffer_append(&answer->rest, bytes, bytes_len);
    return error;
}

bool accs_answer_full(const accs_answer *answer)
{
    return answer->streaming && answer->error == ACCS_OK &&
           (answer->reply->body.len >= window_of(answer) || answer->rest.len > answer->rest_at ||
            (answer->coding == ACCS_CODING_GZIP && accs_inflate_pending(answer->inflate)));
}

bool accs_answer_drain(accs_answer *answer)
{
    size_t bytes_len = answer->rest.len - answer->rest_at;
    const char *bytes = bytes_len > 0 ? answer->rest.bytes + answer->rest_at : "";
    accs_error error;

    if (!accs_answer_full(answer))
        return answer->error == ACCS_OK;
    error = fill_window(answer, &bytes, &bytes_len);
    answer->rest_at = answer->rest.len - bytes_len;
    if (bytes_len == 0) {
        accs_buffer_clear(&answer->rest);
        answer->rest_at = 0;
    }
    return refuse_body(answer, error);
}

bool accs_answer_body(accs_answer *answer, const char *bytes, size_t bytes_len)
{
    accs_buffer *body = &answer->reply->body;
    accs_error error;

    answer->got_body = true;
    if (!answer->head_complete)
        accs_answer_refuse(answer, ACCS_ERROR_HTTP, "the server does not speak HTTP");
    if (answer->error != ACCS_OK)
        return false;
    if (answer->streaming)
        error = push_stream(answer, bytes, bytes_len);
    else if (answer->coding == ACCS_CODING_GZIP)
        error = accs_inflate_push(answer->inflate, bytes, bytes_len, body);
    else
        error = accs_buffer_append(body, bytes, bytes_len);
    return refuse_body(answer, error);
}

void accs_answer_finish(accs_answer *answer)
{
    if (!answer->head_complete)
        accs_answer_refuse(answer, ACCS_ERROR_NETWORK,
                           "the connection ended in the headers of the answer");
    else if (answer->coding == ACCS_CODING_GZIP && answer->got_body &&
             accs_inflate_finish(answer->inflate) != ACCS_OK)
        accs_answer_refuse(answer, ACCS_ERROR_DECODE, "the compressed answer is cut short");
}
