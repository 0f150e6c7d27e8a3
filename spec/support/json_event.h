/* What a unit test and a fuzz target of JSON share. */
#ifndef ACCS_SPEC_JSON_EVENT_H
#define ACCS_SPEC_JSON_EVENT_H

#include "accs.h"

/* Writes what the reader told. Anything but a value, a key or an end counts as null. */
static inline accs_error write_json_event(accs_json_writer *writer, const accs_json_event *event)
{
    accs_error error = ACCS_OK;

    switch (event->kind) {
    case ACCS_JSON_OBJECT:
        error = accs_json_write_object(writer);
        break;
    case ACCS_JSON_OBJECT_END:
        error = accs_json_write_object_end(writer);
        break;
    case ACCS_JSON_ARRAY:
        error = accs_json_write_array(writer);
        break;
    case ACCS_JSON_ARRAY_END:
        error = accs_json_write_array_end(writer);
        break;
    case ACCS_JSON_KEY:
        error = accs_json_write_key(writer, event->text, event->text_len);
        break;
    case ACCS_JSON_STRING:
        error = accs_json_write_string(writer, event->text, event->text_len);
        break;
    case ACCS_JSON_INTEGER:
        error = accs_json_write_integer(writer, event->integer);
        break;
    case ACCS_JSON_FLOAT:
        error = accs_json_write_float(writer, event->number);
        break;
    case ACCS_JSON_TRUE:
    case ACCS_JSON_FALSE:
        error = accs_json_write_bool(writer, event->kind == ACCS_JSON_TRUE);
        break;
    default:
        error = accs_json_write_null(writer);
        break;
    }
    return error;
}

#endif
