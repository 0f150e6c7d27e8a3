#include "token_reply.h"

#include "limits.h"

#include <string.h>

typedef enum wanted { OTHER = 0, ACCESS_TOKEN, EXPIRES_IN, ERROR, DESCRIPTION } wanted;

static wanted wanted_of(const accs_json_event *key)
{
    static const struct {
        const char *name;
        wanted wanted;
    } names[] = {
        {"access_token", ACCESS_TOKEN},
        {"expires_in", EXPIRES_IN},
        {"error", ERROR},
        {"error_description", DESCRIPTION},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (key->text_len == strlen(names[i].name) &&
            memcmp(key->text, names[i].name, key->text_len) == 0)
            return names[i].wanted;
    return OTHER;
}

/* What a server wrote goes into messages: printable ASCII only, cut to size. */
static void copy_printable(char *field, size_t field_size, const accs_json_event *event)
{
    size_t len = event->text_len < field_size ? event->text_len : field_size - 1;

    for (size_t i = 0; i < len; i++)
        field[i] = event->text[i] >= 0x20 && event->text[i] < 0x7f ? event->text[i] : '?';
    field[len] = '\0';
}

/* "86399" counts as well: some endpoints send strings. */
static void read_expires_in(const accs_json_event *event, accs_token_reply *reply)
{
    int64_t value = 0;

    reply->has_expires_in = false;
    if (event->kind == ACCS_JSON_INTEGER) {
        reply->has_expires_in = true;
        reply->expires_in = event->integer;
        return;
    }
    if (event->kind != ACCS_JSON_STRING || event->text_len == 0 || event->text_len > 15)
        return;
    for (size_t i = 0; i < event->text_len; i++) {
        if (event->text[i] < '0' || event->text[i] > '9')
            return;
        value = 10 * value + (event->text[i] - '0');
    }
    reply->has_expires_in = true;
    reply->expires_in = value;
}

static accs_error store(wanted member, const accs_json_event *event, accs_token_reply *reply)
{
    if (member == EXPIRES_IN)
        read_expires_in(event, reply);
    if (event->kind != ACCS_JSON_STRING)
        return ACCS_OK;
    if (member == ACCESS_TOKEN && event->text_len <= ACCS_LIMIT_TOKEN_MAX &&
        memchr(event->text, '\0', event->text_len) == NULL) /* a header would end there */
        return accs_secret_set(&reply->access_token, event->text, event->text_len);
    if (member == ERROR)
        copy_printable(reply->error, sizeof reply->error, event);
    if (member == DESCRIPTION)
        copy_printable(reply->description, sizeof reply->description, event);
    return ACCS_OK;
}

/* Why there is no token reply: no memory, or other text than wanted. */
static accs_error error_of(const accs_json_reader *reader, const accs_json_event *event)
{
    const char *text;
    uint64_t offset;

    if (event->kind == ACCS_JSON_ERROR &&
        accs_json_failure(reader, &text, &offset) == ACCS_ERROR_MEMORY)
        return ACCS_ERROR_MEMORY;
    return ACCS_ERROR_PARSE;
}

static accs_error read_members(accs_json_reader *reader, accs_token_reply *reply)
{
    accs_json_event event;
    wanted member = OTHER;
    size_t depth = 0;

    if (accs_json_next(reader, &event) != ACCS_JSON_OBJECT)
        return error_of(reader, &event);
    for (;;) {
        switch (accs_json_next(reader, &event)) {
        case ACCS_JSON_END:
            return ACCS_OK;
        case ACCS_JSON_MORE:
        case ACCS_JSON_ERROR:
            return error_of(reader, &event);
        case ACCS_JSON_OBJECT:
        case ACCS_JSON_ARRAY:
            depth++;
            break;
        case ACCS_JSON_OBJECT_END:
        case ACCS_JSON_ARRAY_END:
            if (depth > 0)
                depth--;
            break;
        case ACCS_JSON_KEY:
            member = depth == 0 ? wanted_of(&event) : OTHER;
            break;
        default:
            if (depth == 0 && store(member, &event, reply) != ACCS_OK)
                return ACCS_ERROR_MEMORY;
        }
    }
}

accs_error accs_token_reply_read(const char *bytes, size_t bytes_len, accs_token_reply *reply)
{
    const accs_json_limits limits = {
        .depth = 16, .text = ACCS_LIMIT_TOKEN_REPLY_MAX, .document = ACCS_LIMIT_TOKEN_REPLY_MAX};
    accs_token_reply read = {.has_expires_in = false};
    accs_json_reader *reader = NULL;
    accs_error error = accs_json_reader_new(&limits, &reader);

    if (error != ACCS_OK)
        return error;
    accs_json_feed(reader, bytes, bytes_len);
    accs_json_finish(reader);
    error = read_members(reader, &read);
    accs_json_reader_free(reader);
    if (error == ACCS_OK)
        *reply = read;
    else
        accs_token_reply_cleanup(&read);
    return error;
}

void accs_token_reply_cleanup(accs_token_reply *reply)
{
    accs_secret_cleanup(&reply->access_token);
}
