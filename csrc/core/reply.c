#include "reply.h"

#include "limits.h"
#include "retry_after.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

accs_reply *accs_reply_new(size_t max_headers, size_t max_body)
{
    accs_reply *reply = malloc(sizeof *reply); /* glibc keeps no cache for calloc() */

    if (reply == NULL)
        return NULL;
    *reply = (accs_reply){.status = 0};
    accs_buffer_init(&reply->head, max_headers);
    accs_buffer_init(&reply->body, max_body);
    return reply;
}

/* A usual head; asked for at once instead of in five steps. With its NUL still a small block for
 * glibc: from 1 kB on each malloc() first sorts what lies free. */
enum { HEAD_ROOM = 1000 };

void accs_reply_reset(accs_reply *reply)
{
    reply->status = 0;
    reply->field_count = 0;
    reply->streamed = 0;
    accs_buffer_clear(&reply->head);
    accs_buffer_clear(&reply->body);
}

static bool blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static accs_error grow_fields(accs_reply *reply)
{
    size_t capacity = reply->field_capacity == 0 ? 16 : 2 * reply->field_capacity;
    accs_field *fields = realloc(reply->fields, capacity * sizeof *fields);

    if (fields == NULL)
        return ACCS_ERROR_MEMORY;
    reply->fields = fields;
    reply->field_capacity = capacity;
    return ACCS_OK;
}

accs_error accs_reply_add_header(accs_reply *reply, const char *line, size_t line_len)
{
    const char *colon = memchr(line, ':', line_len);
    const char *value;
    const char *end = line + line_len;
    accs_field *field;
    size_t start = reply->head.len;
    accs_error error;

    if (colon == NULL || colon == line)
        return ACCS_OK;
    if (reply->field_count == ACCS_LIMIT_MAX_HEADER_COUNT)
        return ACCS_ERROR_TOO_LARGE;
    if (reply->field_count == reply->field_capacity && grow_fields(reply) != ACCS_OK)
        return ACCS_ERROR_MEMORY;
    if (start == 0)
        accs_buffer_reserve(&reply->head, HEAD_ROOM); /* only saves copies */
    value = colon + 1;
    while (value < end && blank(*value))
        value++;
    while (end > value && blank(end[-1]))
        end--;
    error = accs_buffer_append(&reply->head, line, (size_t)(end - line));
    if (error != ACCS_OK)
        return error;
    field = &reply->fields[reply->field_count++];
    field->name = start;
    field->name_len = (size_t)(colon - line);
    field->value = start + (size_t)(value - line);
    field->value_len = (size_t)(end - value);
    return ACCS_OK;
}

accs_error accs_reply_fold(accs_reply *reply, const char *line, size_t line_len)
{
    accs_field *field = &reply->fields[reply->field_count - 1];
    size_t before = reply->head.len;
    accs_error error;

    while (line_len > 0 && blank(line[line_len - 1]))
        line_len--;
    while (line_len > 0 && blank(line[0])) {
        line++;
        line_len--;
    }
    if (line_len == 0)
        return ACCS_OK;
    error = accs_buffer_append(&reply->head, " ", 1);
    if (error == ACCS_OK)
        error = accs_buffer_append(&reply->head, line, line_len);
    if (error != ACCS_OK)
        return error;
    if (field->value_len == 0)
        field->value = before + 1; /* nothing stands in front of the blank */
    field->value_len = reply->head.len - field->value;
    return ACCS_OK;
}

const char *accs_reply_find(const accs_reply *reply, const char *name, size_t *value_len)
{
    size_t name_len = strlen(name);

    for (size_t i = 0; i < reply->field_count; i++) {
        const accs_field *field = &reply->fields[i];

        if (field->name_len == name_len &&
            strncasecmp(reply->head.bytes + field->name, name, name_len) == 0) {
            *value_len = field->value_len;
            return reply->head.bytes + field->value;
        }
    }
    return NULL;
}

bool accs_reply_says(const accs_reply *reply, const char *name, const char *word)
{
    size_t value_len = 0;
    size_t word_len = strlen(word);
    const char *value = accs_reply_find(reply, name, &value_len);

    for (size_t i = 0; value != NULL && i + word_len <= value_len; i++)
        if ((value[i] | 0x20) == word[0] && strncasecmp(value + i, word, word_len) == 0)
            return true;
    return false;
}

bool accs_reply_is_page(const accs_reply *reply)
{
    return accs_reply_says(reply, "content-type", "html");
}

size_t accs_reply_read(accs_reply *reply, char *bytes, size_t room)
{
    accs_buffer *body = &reply->body;
    size_t count = body->len < room ? body->len : room;

    if (count == 0)
        return 0;
    memcpy(bytes, body->bytes, count);
    body->len -= count;
    memmove(body->bytes, body->bytes + count, body->len + 1); /* with the NUL behind them */
    reply->streamed += count;
    return count;
}

int64_t accs_reply_retry_after_ms(const accs_reply *reply, int64_t now_s)
{
    int64_t longest_ms = -1;

    for (size_t i = 0; i < reply->field_count; i++) {
        const accs_field *field = &reply->fields[i];
        int64_t delay_ms = -1;

        if (field->name_len == sizeof "retry-after" - 1 &&
            strncasecmp(reply->head.bytes + field->name, "retry-after", field->name_len) == 0 &&
            accs_retry_after_parse(reply->head.bytes + field->value, field->value_len, now_s,
                                   &delay_ms) == ACCS_OK &&
            delay_ms > longest_ms)
            longest_ms = delay_ms;
    }
    return longest_ms;
}

void accs_reply_free(accs_reply *reply)
{
    if (reply == NULL)
        return;
    accs_buffer_cleanup(&reply->head);
    accs_buffer_cleanup(&reply->body);
    free(reply->fields);
    free(reply->url);
    free(reply);
}

void accs_reply_wipe(accs_reply *reply)
{
    if (reply == NULL)
        return;
    accs_buffer_wipe(&reply->head);
    accs_buffer_wipe(&reply->body);
    accs_reply_free(reply);
}

int accs_reply_status(const accs_reply *reply)
{
    return reply->status;
}

unsigned accs_reply_attempts(const accs_reply *reply)
{
    return reply->attempts;
}

int64_t accs_reply_elapsed_us(const accs_reply *reply)
{
    return reply->elapsed_us;
}

const char *accs_reply_url(const accs_reply *reply)
{
    return reply->url != NULL ? reply->url : "";
}

void accs_reply_body(const accs_reply *reply, const char **bytes, size_t *bytes_len)
{
    *bytes = reply->body.bytes != NULL ? reply->body.bytes : "";
    *bytes_len = reply->body.len;
}

size_t accs_reply_header_count(const accs_reply *reply)
{
    return reply->field_count;
}

void accs_reply_header(const accs_reply *reply, size_t index, const char **name, size_t *name_len,
                       const char **value, size_t *value_len)
{
    const accs_field *field = &reply->fields[index];

    *name = reply->head.bytes + field->name;
    *name_len = field->name_len;
    *value = reply->head.bytes + field->value;
    *value_len = field->value_len;
}
