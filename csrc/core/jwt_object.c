#include "jwt_object.h"

#include "limits.h"

#include <string.h>

enum { DEPTH_MAX = 16 };

static bool same_text(const accs_json_event *event, const char *text)
{
    return event->text_len == strlen(text) && memcmp(event->text, text, event->text_len) == 0;
}

bool accs_jwt_is_text(const accs_json_event *event, const char *text)
{
    return event->kind == ACCS_JSON_STRING && same_text(event, text);
}

accs_error accs_jwt_next(accs_json_reader *reader, accs_json_event *event)
{
    const char *text;
    uint64_t offset;

    switch (accs_json_next(reader, event)) {
    case ACCS_JSON_MORE:
    case ACCS_JSON_END:
        return ACCS_ERROR_PARSE;
    case ACCS_JSON_ERROR:
        return accs_json_failure(reader, &text, &offset) == ACCS_ERROR_MEMORY ? ACCS_ERROR_MEMORY
                                                                              : ACCS_ERROR_PARSE;
    default:
        return ACCS_OK;
    }
}

/* How many lists and objects an event opens: -1 for an end. */
static int opens(accs_json_kind kind)
{
    if (kind == ACCS_JSON_OBJECT || kind == ACCS_JSON_ARRAY)
        return 1;
    return kind == ACCS_JSON_OBJECT_END || kind == ACCS_JSON_ARRAY_END ? -1 : 0;
}

accs_error accs_jwt_skip(accs_json_reader *reader, accs_json_kind kind)
{
    accs_error error = ACCS_OK;
    int open = opens(kind);

    while (error == ACCS_OK && open > 0) {
        accs_json_event event;

        error = accs_jwt_next(reader, &event);
        if (error == ACCS_OK)
            open += opens(event.kind);
    }
    return error;
}

/* The index of the key, or name_count. */
static size_t index_of(const accs_jwt_object *object, const accs_json_event *key)
{
    size_t i = 0;

    while (i < object->name_count && !same_text(key, object->names[i]))
        i++;
    return i;
}

accs_error accs_jwt_object_read(accs_json_reader *reader, accs_jwt_object *object)
{
    uint32_t seen = 0;

    for (;;) {
        accs_json_event event;
        accs_error error = accs_jwt_next(reader, &event); /* a key, or the end */
        size_t member;

        if (error != ACCS_OK || event.kind == ACCS_JSON_OBJECT_END)
            return error;
        member = index_of(object, &event);
        error = accs_jwt_next(reader, &event);
        if (error != ACCS_OK)
            return error;
        if (member < object->name_count && (seen >> member & 1) == 0) {
            seen |= UINT32_C(1) << member;
            error = object->take(object->into, member, reader, &event);
        } else {
            object->repeated = object->repeated || member < object->name_count;
            error = accs_jwt_skip(reader, event.kind);
        }
        if (error != ACCS_OK)
            return error;
    }
}

accs_error accs_jwt_document_read(accs_text document, accs_jwt_object *object)
{
    const accs_json_limits limits = {.depth = DEPTH_MAX,
                                     .text = ACCS_LIMIT_TOKEN_REPLY_MAX,
                                     .document = ACCS_LIMIT_TOKEN_REPLY_MAX};
    accs_json_reader *reader = NULL;
    accs_json_event event;
    accs_error error = accs_json_reader_new(&limits, &reader);

    if (error != ACCS_OK)
        return error;
    accs_json_feed(reader, document.bytes, document.len);
    accs_json_finish(reader);
    error = accs_jwt_next(reader, &event);
    if (error == ACCS_OK)
        error = event.kind == ACCS_JSON_OBJECT ? accs_jwt_object_read(reader, object)
                                               : ACCS_ERROR_PARSE;
    if (error == ACCS_OK && accs_json_next(reader, &event) != ACCS_JSON_END)
        error = ACCS_ERROR_PARSE; /* something follows */
    accs_json_reader_free(reader);
    return error;
}
