#include "buffer.h"
#include "json_number.h"
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

/* What may be written next. */
typedef enum place {
    PLACE_DOCUMENT = 0, /* the one value */
    PLACE_COMPLETE,     /* nothing */
    PLACE_ELEMENT,      /* a value of an array, or its end */
    PLACE_KEY,          /* a key, or the object's end */
    PLACE_VALUE,        /* the value of a key */
} place;

struct accs_json_writer {
    accs_buffer out;
    accs_buffer levels; /* one '{' or '[' per open object or array */
    place place;
    bool first; /* no comma before the next element or key */
    accs_error error;
};

static accs_error fail(accs_json_writer *writer, accs_error error)
{
    if (writer->error == ACCS_OK)
        writer->error = error;
    return writer->error;
}

static accs_error put(accs_json_writer *writer, const char *bytes, size_t bytes_len)
{
    if (writer->error != ACCS_OK)
        return writer->error;
    return fail(writer, accs_buffer_append(&writer->out, bytes, bytes_len));
}

/* The place behind a value. */
static void settle(accs_json_writer *writer)
{
    if (writer->levels.len == 0)
        writer->place = PLACE_COMPLETE;
    else if (writer->levels.bytes[writer->levels.len - 1] == '{')
        writer->place = PLACE_KEY;
    else
        writer->place = PLACE_ELEMENT;
    writer->first = false;
}

/* Writes what stands before a value; an error where none may stand. */
static accs_error begin_value(accs_json_writer *writer)
{
    if (writer->error != ACCS_OK)
        return writer->error;
    if (writer->place == PLACE_COMPLETE || writer->place == PLACE_KEY)
        return fail(writer, ACCS_ERROR_CONFIG);
    if (writer->place == PLACE_ELEMENT && !writer->first)
        return put(writer, ",", 1);
    return ACCS_OK;
}

/* Writes a value that is ready as text. */
static accs_error put_value(accs_json_writer *writer, const char *bytes, size_t bytes_len)
{
    if (begin_value(writer) == ACCS_OK && put(writer, bytes, bytes_len) == ACCS_OK)
        settle(writer);
    return writer->error;
}

/* The escape for a byte that cannot stand as it is; returns its length. */
static size_t escape(char byte, char out[8])
{
    static const char values[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *known = memchr(values, byte, sizeof values - 1);

    if (known == NULL)
        return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)(unsigned char)byte);
    out[0] = '\\';
    out[1] = names[known - values];
    return 2;
}

/* Writes text in quotes. */
static accs_error put_text(accs_json_writer *writer, const char *text, size_t text_len)
{
    const char *end = text + text_len;
    const char *run = text; /* not written yet */
    const char *at = text;

    put(writer, "\"", 1);
    while (at < end && writer->error == ACCS_OK) {
        at = accs_json_plain_end(at, end);
        if (at == end)
            break;
        if ((unsigned char)*at > 0x7f) {
            int taken = accs_json_utf8(at, (size_t)(end - at));

            if (taken <= 0)
                return fail(writer, ACCS_ERROR_PARSE);
            at += taken;
        } else {
            char escaped[8];
            size_t escaped_len = escape(*at, escaped);

            put(writer, run, (size_t)(at - run));
            put(writer, escaped, escaped_len);
            run = ++at;
        }
    }
    put(writer, run, (size_t)(end - run));
    return put(writer, "\"", 1);
}

static accs_error open_level(accs_json_writer *writer, char bracket)
{
    accs_error error;

    if (begin_value(writer) != ACCS_OK || put(writer, &bracket, 1) != ACCS_OK)
        return writer->error;
    error = accs_buffer_append(&writer->levels, &bracket, 1);
    if (error != ACCS_OK)
        return fail(writer, error);
    writer->place = bracket == '{' ? PLACE_KEY : PLACE_ELEMENT;
    writer->first = true;
    return ACCS_OK;
}

static accs_error close_level(accs_json_writer *writer, place inside, const char *bracket)
{
    if (writer->error != ACCS_OK)
        return writer->error;
    if (writer->place != inside)
        return fail(writer, ACCS_ERROR_CONFIG);
    if (put(writer, bracket, 1) == ACCS_OK) {
        writer->levels.len--;
        settle(writer);
    }
    return writer->error;
}

accs_error accs_json_writer_new(size_t max_bytes, accs_json_writer **writer)
{
    accs_json_writer *made = calloc(1, sizeof *made);

    if (made == NULL)
        return ACCS_ERROR_MEMORY;
    accs_buffer_init(&made->out, max_bytes);
    accs_buffer_init(&made->levels, max_bytes); /* each level has a byte in out */
    *writer = made;
    return ACCS_OK;
}

void accs_json_writer_free(accs_json_writer *writer)
{
    if (writer == NULL)
        return;
    accs_buffer_wipe(&writer->out); /* a sign-in that is to be sealed is written with it */
    accs_buffer_cleanup(&writer->levels);
    free(writer);
}

accs_error accs_json_write_object(accs_json_writer *writer)
{
    return open_level(writer, '{');
}

accs_error accs_json_write_object_end(accs_json_writer *writer)
{
    return close_level(writer, PLACE_KEY, "}");
}

accs_error accs_json_write_array(accs_json_writer *writer)
{
    return open_level(writer, '[');
}

accs_error accs_json_write_array_end(accs_json_writer *writer)
{
    return close_level(writer, PLACE_ELEMENT, "]");
}

accs_error accs_json_write_key(accs_json_writer *writer, const char *text, size_t text_len)
{
    if (writer->error != ACCS_OK)
        return writer->error;
    if (writer->place != PLACE_KEY)
        return fail(writer, ACCS_ERROR_CONFIG);
    if (!writer->first)
        put(writer, ",", 1);
    put_text(writer, text, text_len);
    if (put(writer, ":", 1) == ACCS_OK)
        writer->place = PLACE_VALUE;
    return writer->error;
}

accs_error accs_json_write_string(accs_json_writer *writer, const char *text, size_t text_len)
{
    if (begin_value(writer) == ACCS_OK && put_text(writer, text, text_len) == ACCS_OK)
        settle(writer);
    return writer->error;
}

accs_error accs_json_write_integer(accs_json_writer *writer, int64_t value)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        text[--at] = '-';
    return put_value(writer, text + at, sizeof text - at);
}

accs_error accs_json_write_float(accs_json_writer *writer, double value)
{
    char text[ACCS_JSON_NUMBER_MAX];

    if (value - value != 0.0) /* NaN and the infinities */
        return fail(writer, ACCS_ERROR_PARSE);
    return put_value(writer, text, accs_json_number_format(value, text));
}

accs_error accs_json_write_bool(accs_json_writer *writer, bool value)
{
    return value ? put_value(writer, "true", 4) : put_value(writer, "false", 5);
}

accs_error accs_json_write_null(accs_json_writer *writer)
{
    return put_value(writer, "null", 4);
}

accs_error accs_json_writer_bytes(const accs_json_writer *writer, const char **bytes,
                                  size_t *bytes_len)
{
    if (writer->error != ACCS_OK)
        return writer->error;
    if (writer->place != PLACE_COMPLETE)
        return ACCS_ERROR_CONFIG;
    *bytes = writer->out.bytes;
    *bytes_len = writer->out.len;
    return ACCS_OK;
}
