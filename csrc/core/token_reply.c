#include "token_reply.h"

#include "limits.h"

#include <string.h>
#include <strings.h>

typedef enum wanted {
    OTHER = 0,
    ACCESS_TOKEN,
    REFRESH_TOKEN,
    ID_TOKEN,
    TOKEN_TYPE,
    EXPIRES_IN,
    ERROR,
    DESCRIPTION
} wanted;

static wanted wanted_of(const accs_json_event *key)
{
    static const struct {
        const char *name;
        wanted wanted;
    } names[] = {
        {"access_token", ACCESS_TOKEN},
        {"refresh_token", REFRESH_TOKEN},
        {"id_token", ID_TOKEN},
        {"token_type", TOKEN_TYPE},
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

/* Text without a NUL, which would end a header and a form. */
static bool is_token(const accs_json_event *event)
{
    return event->kind == ACCS_JSON_STRING && event->text_len <= ACCS_LIMIT_TOKEN_MAX &&
           memchr(event->text, '\0', event->text_len) == NULL;
}

/* A member that may be absent, but not another thing than it has to be. */
static accs_error keep(const accs_json_event *event, accs_secret *secret)
{
    if (event->kind == ACCS_JSON_NULL || (event->kind == ACCS_JSON_STRING && event->text_len == 0))
        return ACCS_OK;
    if (!is_token(event))
        return ACCS_ERROR_PARSE;
    return accs_secret_set(secret, event->text, event->text_len);
}

static accs_error check_type(const accs_json_event *event)
{
    static const char bearer[] = "bearer";

    return event->kind == ACCS_JSON_STRING && event->text_len == sizeof bearer - 1 &&
                   strncasecmp(event->text, bearer, sizeof bearer - 1) == 0
               ? ACCS_OK
               : ACCS_ERROR_PARSE;
}

static accs_error store(wanted member, const accs_json_event *event, accs_token_reply *reply)
{
    bool text = event->kind == ACCS_JSON_STRING;

    switch (member) {
    case ACCESS_TOKEN:
        return is_token(event) ? accs_secret_set(&reply->access_token, event->text, event->text_len)
                               : ACCS_OK;
    case REFRESH_TOKEN:
        return keep(event, &reply->refresh_token);
    case ID_TOKEN:
        return keep(event, &reply->id_token);
    case TOKEN_TYPE:
        return check_type(event);
    case EXPIRES_IN:
        read_expires_in(event, reply);
        return ACCS_OK;
    case ERROR:
        if (text)
            copy_printable(reply->error, sizeof reply->error, event);
        return ACCS_OK;
    case DESCRIPTION:
        if (text)
            copy_printable(reply->description, sizeof reply->description, event);
        return ACCS_OK;
    default:
        return ACCS_OK;
    }
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
    unsigned seen = 0; /* a bit for each member; who reads the first and who the last differ */
    size_t depth = 0;
    accs_error error;

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
            error = depth == 0 ? store(member, &event, reply) : ACCS_OK;
            if (error != ACCS_OK)
                return error;
            depth++;
            break;
        case ACCS_JSON_OBJECT_END:
        case ACCS_JSON_ARRAY_END:
            if (depth > 0)
                depth--;
            break;
        case ACCS_JSON_KEY:
            member = depth == 0 ? wanted_of(&event) : OTHER;
            if (member != OTHER && (seen & 1U << member) != 0)
                return ACCS_ERROR_PARSE;
            seen |= 1U << member;
            break;
        default:
            error = depth == 0 ? store(member, &event, reply) : ACCS_OK;
            if (error != ACCS_OK)
                return error;
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
    accs_secret_cleanup(&reply->refresh_token);
    accs_secret_cleanup(&reply->id_token);
}
