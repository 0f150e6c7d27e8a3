#include "buffer.h"
#include "json_number.h"
#include "json_text.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>

/* What the grammar allows at the cursor. */
typedef enum expectation {
    EXPECT_VALUE = 0,
    EXPECT_VALUE_OR_END, /* behind "[" */
    EXPECT_KEY,          /* behind a comma in an object */
    EXPECT_KEY_OR_END,   /* behind "{" */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING, /* the document is complete */
} expectation;

/* A token that the last chunk broke off. */
typedef enum token {
    TOKEN_NONE = 0,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_LITERAL,
} token;

typedef struct literal {
    const char *text;
    size_t len;
    accs_json_kind kind;
} literal;

static const literal literals[] = {
    {"true", 4, ACCS_JSON_TRUE}, {"false", 5, ACCS_JSON_FALSE}, {"null", 4, ACCS_JSON_NULL}};

enum { REASON_MAX = 96 };

struct accs_json_reader {
    const char *cursor; /* the next byte of the chunk */
    const char *end;    /* of the chunk, or of what the document's limit lets in */
    const char *chunk;
    uint64_t base;    /* offset of the chunk in the document */
    uint64_t started; /* offset of the token being read */
    uint64_t document_max;
    size_t text_max;
    expectation expected;
    token broken;
    bool is_key;         /* the string being read is a key */
    bool clipped;        /* bytes follow that the document's limit keeps out */
    bool finished;       /* no byte follows */
    const literal *word; /* TOKEN_LITERAL */
    size_t word_len;     /* its bytes seen */
    size_t unit_len;     /* bytes in unit */
    accs_buffer levels;  /* one '{' or '[' per open object or array */
    accs_buffer text;    /* what a token collected, when it cannot be taken from the chunk */
    accs_error error;
    uint64_t error_offset;
    char unit[ACCS_JSON_ESCAPE_MAX]; /* the part of an escape or a UTF-8 sequence seen */
    char reason[REASON_MAX];
};

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* A byte that can stand in a number: a run of them is taken as one token. */
static bool is_number_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '+' ||
           byte == 'e' || byte == 'E';
}

static uint64_t offset_of(const accs_json_reader *reader, const char *at)
{
    return reader->base + (uint64_t)(at - reader->chunk);
}

/* Ends the reading. what is text of ours: input never gets into a reason. */
static accs_json_kind fail(accs_json_reader *reader, accs_error error, uint64_t offset,
                           const char *what)
{
    reader->error = error;
    reader->error_offset = offset;
    snprintf(reader->reason, sizeof reader->reason, "%s at byte %llu", what,
             (unsigned long long)offset);
    return ACCS_JSON_ERROR;
}

static accs_json_kind fail_buffer(accs_json_reader *reader, accs_error error)
{
    return fail(reader, error, reader->started,
                error == ACCS_ERROR_MEMORY ? "no memory left for the text"
                                           : "longer text than the limit allows");
}

/* The state behind a value. */
static expectation after_value(const accs_json_reader *reader)
{
    return reader->levels.len == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

/* A byte that the grammar does not allow here. */
static accs_json_kind fail_unexpected(accs_json_reader *reader, const char *at)
{
    static const char *const missing[] = {
        [EXPECT_VALUE] = "a value is missing",
        [EXPECT_VALUE_OR_END] = "a value or \"]\" is missing",
        [EXPECT_KEY] = "a key is missing",
        [EXPECT_KEY_OR_END] = "a key or \"}\" is missing",
        [EXPECT_COLON] = "a colon is missing",
        [EXPECT_COMMA_OR_END] = "a comma or the closing bracket is missing",
        [EXPECT_NOTHING] = "something follows the document",
    };
    uint64_t offset = offset_of(reader, at);

    if (offset == 0 && (unsigned char)*at == 0xef)
        return fail(reader, ACCS_ERROR_PARSE, offset, "a byte order mark, which JSON forbids,");
    return fail(reader, ACCS_ERROR_PARSE, offset, missing[reader->expected]);
}

/* The chunk is used up. */
static accs_json_kind chunk_end(accs_json_reader *reader)
{
    uint64_t offset = offset_of(reader, reader->cursor);

    if (reader->clipped)
        return fail(reader, ACCS_ERROR_TOO_LARGE, offset, "larger document than the limit allows");
    if (reader->expected == EXPECT_NOTHING && reader->broken == TOKEN_NONE)
        return ACCS_JSON_END;
    if (!reader->finished)
        return ACCS_JSON_MORE;
    if (offset == 0)
        return fail(reader, ACCS_ERROR_PARSE, offset, "nothing to read");
    return fail(reader, ACCS_ERROR_PARSE, offset, "the document breaks off");
}

/* ---------------------------------------------------------------- strings */

/* Adds to the collected text, within the limit. */
static bool collect(accs_json_reader *reader, const char *bytes, size_t bytes_len)
{
    accs_error error;

    if (bytes_len == 0)
        return true;
    error = accs_buffer_append(&reader->text, bytes, bytes_len);
    if (error != ACCS_OK)
        fail_buffer(reader, error);
    return error == ACCS_OK;
}

/*
 * One escape or one UTF-8 sequence: the bytes it takes, 0 when they stop
 * inside it, -1 when it is wrong. out is the character.
 */
static int decode_unit(const char *bytes, size_t bytes_len, char out[4], size_t *out_len)
{
    int taken;

    if (bytes[0] == '\\')
        return accs_json_escape(bytes, bytes_len, out, out_len);
    taken = accs_json_utf8(bytes, bytes_len);
    if (taken > 0) {
        memcpy(out, bytes, (size_t)taken);
        *out_len = (size_t)taken;
    }
    return taken;
}

static void fail_unit(accs_json_reader *reader, uint64_t offset, char first)
{
    fail(reader, ACCS_ERROR_PARSE, offset,
         first == '\\' ? "an escape that JSON does not know, or half a surrogate pair,"
                       : "a byte that is not UTF-8");
}

/* Completes the unit that an earlier chunk broke off. False when that is not possible (yet). */
static bool resume_unit(accs_json_reader *reader)
{
    char out[4];
    size_t out_len;
    int taken = 0;

    while (taken == 0 && reader->cursor < reader->end) {
        reader->unit[reader->unit_len++] = *reader->cursor++;
        taken = decode_unit(reader->unit, reader->unit_len, out, &out_len);
    }
    if (taken < 0)
        fail_unit(reader, offset_of(reader, reader->cursor) - reader->unit_len, reader->unit[0]);
    if (taken <= 0)
        return false;
    reader->unit_len = 0;
    return collect(reader, out, out_len);
}

/* The string ends at the quote at end; its last run begins at run. */
static accs_json_kind end_string(accs_json_reader *reader, accs_json_event *event, const char *run,
                                 const char *end)
{
    event->text = run;
    event->text_len = (size_t)(end - run);
    if (reader->text.len > 0) {
        if (!collect(reader, run, event->text_len))
            return ACCS_JSON_ERROR;
        event->text = reader->text.bytes;
        event->text_len = reader->text.len;
    }
    reader->cursor = end + 1;
    reader->broken = TOKEN_NONE;
    if (reader->is_key) {
        reader->expected = EXPECT_COLON;
        return ACCS_JSON_KEY;
    }
    reader->expected = after_value(reader);
    return ACCS_JSON_STRING;
}

/* Keeps a string whose chunk ends: run..unit as text, unit..end as the begin of a unit. */
static accs_json_kind break_string(accs_json_reader *reader, const char *run, const char *unit)
{
    if (!collect(reader, run, (size_t)(unit - run)))
        return ACCS_JSON_ERROR;
    reader->unit_len = (size_t)(reader->end - unit);
    memcpy(reader->unit, unit, reader->unit_len);
    reader->cursor = reader->end;
    reader->broken = TOKEN_STRING;
    return chunk_end(reader);
}

/* Reads on in a string: cursor is behind its quote, or where the chunk goes on. */
static accs_json_kind read_string(accs_json_reader *reader, accs_json_event *event)
{
    const char *run;
    const char *at;

    if (reader->unit_len > 0 && !resume_unit(reader))
        return reader->error != ACCS_OK ? ACCS_JSON_ERROR : chunk_end(reader);
    run = reader->cursor;
    at = run;
    for (;;) {
        char out[4];
        size_t out_len;
        int taken;

        at = accs_json_plain_end(at, reader->end);
        if ((size_t)(at - run) > reader->text_max - reader->text.len)
            return fail_buffer(reader, ACCS_ERROR_TOO_LARGE);
        if (at == reader->end)
            return break_string(reader, run, at);
        if (*at == '"')
            return end_string(reader, event, run, at);
        if ((unsigned char)*at < 0x20)
            return fail(reader, ACCS_ERROR_PARSE, offset_of(reader, at),
                        "a control character that is not escaped");
        taken = decode_unit(at, (size_t)(reader->end - at), out, &out_len);
        if (taken == 0)
            return break_string(reader, run, at);
        if (taken < 0) {
            fail_unit(reader, offset_of(reader, at), *at);
            return ACCS_JSON_ERROR;
        }
        if (*at == '\\') {
            if (!collect(reader, run, (size_t)(at - run)) || !collect(reader, out, out_len))
                return ACCS_JSON_ERROR;
            run = at + taken;
        }
        at += taken;
    }
}

static accs_json_kind begin_string(accs_json_reader *reader, accs_json_event *event, bool is_key)
{
    reader->started = offset_of(reader, reader->cursor);
    reader->cursor++;
    reader->text.len = 0;
    reader->is_key = is_key;
    return read_string(reader, event);
}

/* ------------------------------------------------------ numbers, literals */

/* Reads on in a number; it ends at a byte that no number holds, or with the document. */
static accs_json_kind read_number(accs_json_reader *reader, accs_json_event *event)
{
    accs_json_number number;
    accs_error error;
    const char *run = reader->cursor;
    const char *at = run;

    while (at < reader->end && is_number_byte(*at))
        at++;
    if ((size_t)(at - run) > reader->text_max - reader->text.len)
        return fail_buffer(reader, ACCS_ERROR_TOO_LARGE);
    event->text = run;
    event->text_len = (size_t)(at - run);
    reader->cursor = at;
    if (reader->text.len > 0 || (at == reader->end && (!reader->finished || reader->clipped))) {
        if (!collect(reader, run, (size_t)(at - run)))
            return ACCS_JSON_ERROR;
        event->text = reader->text.bytes;
        event->text_len = reader->text.len;
    }
    if (at == reader->end && (!reader->finished || reader->clipped)) {
        reader->broken = TOKEN_NUMBER;
        return chunk_end(reader);
    }
    error = accs_json_number_parse(event->text, event->text_len, &number);
    if (error != ACCS_OK)
        return fail(reader, error, reader->started,
                    error == ACCS_ERROR_PARSE ? "a broken number"
                                              : "a number beyond the range of a double");
    reader->broken = TOKEN_NONE;
    reader->expected = after_value(reader);
    event->integer = number.integer;
    event->number = number.number;
    event->big_integer = number.big_integer;
    return number.is_integer ? ACCS_JSON_INTEGER : ACCS_JSON_FLOAT;
}

static accs_json_kind begin_number(accs_json_reader *reader, accs_json_event *event)
{
    reader->started = offset_of(reader, reader->cursor);
    reader->text.len = 0;
    return read_number(reader, event);
}

static accs_json_kind read_literal(accs_json_reader *reader)
{
    while (reader->word_len < reader->word->len) {
        if (reader->cursor == reader->end) {
            reader->broken = TOKEN_LITERAL;
            return chunk_end(reader);
        }
        if (*reader->cursor != reader->word->text[reader->word_len])
            return fail(reader, ACCS_ERROR_PARSE, reader->started,
                        "a word that is not true, false or null");
        reader->cursor++;
        reader->word_len++;
    }
    reader->broken = TOKEN_NONE;
    reader->expected = after_value(reader);
    return reader->word->kind;
}

static accs_json_kind begin_literal(accs_json_reader *reader, const literal *word)
{
    reader->started = offset_of(reader, reader->cursor);
    reader->word = word;
    reader->word_len = 0;
    return read_literal(reader);
}

/* -------------------------------------------------------------- structure */

static accs_json_kind open_level(accs_json_reader *reader, char bracket)
{
    accs_error error = accs_buffer_append(&reader->levels, &bracket, 1);

    if (error != ACCS_OK)
        return fail(reader, error, offset_of(reader, reader->cursor),
                    error == ACCS_ERROR_MEMORY ? "no memory left for the nesting"
                                               : "deeper nesting than the limit allows");
    reader->cursor++;
    reader->expected = bracket == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return bracket == '{' ? ACCS_JSON_OBJECT : ACCS_JSON_ARRAY;
}

static accs_json_kind close_level(accs_json_reader *reader)
{
    char bracket = reader->levels.bytes[--reader->levels.len];

    reader->cursor++;
    reader->expected = after_value(reader);
    return bracket == '{' ? ACCS_JSON_OBJECT_END : ACCS_JSON_ARRAY_END;
}

static accs_json_kind read_value(accs_json_reader *reader, accs_json_event *event)
{
    switch (*reader->cursor) {
    case '"':
        return begin_string(reader, event, false);
    case '{':
    case '[':
        return open_level(reader, *reader->cursor);
    case 't':
        return begin_literal(reader, &literals[0]);
    case 'f':
        return begin_literal(reader, &literals[1]);
    case 'n':
        return begin_literal(reader, &literals[2]);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return begin_number(reader, event);
    default:
        return fail_unexpected(reader, reader->cursor);
    }
}

/* Goes on with the token that the last chunk broke off. */
static accs_json_kind resume(accs_json_reader *reader, accs_json_event *event)
{
    switch (reader->broken) {
    case TOKEN_STRING:
        return read_string(reader, event);
    case TOKEN_NUMBER:
        return read_number(reader, event);
    default:
        return read_literal(reader);
    }
}

/* The next event; loops over white space, commas and colons. */
static accs_json_kind read_event(accs_json_reader *reader, accs_json_event *event)
{
    for (;;) {
        char byte;

        while (reader->cursor < reader->end && is_space(*reader->cursor))
            reader->cursor++;
        if (reader->cursor == reader->end)
            return chunk_end(reader);
        byte = *reader->cursor;
        switch (reader->expected) {
        case EXPECT_COMMA_OR_END: {
            bool in_object = reader->levels.bytes[reader->levels.len - 1] == '{';

            if (byte == (in_object ? '}' : ']'))
                return close_level(reader);
            if (byte != ',')
                return fail_unexpected(reader, reader->cursor);
            reader->cursor++;
            reader->expected = in_object ? EXPECT_KEY : EXPECT_VALUE;
            break;
        }
        case EXPECT_COLON:
            if (byte != ':')
                return fail_unexpected(reader, reader->cursor);
            reader->cursor++;
            reader->expected = EXPECT_VALUE;
            break;
        case EXPECT_KEY_OR_END:
        case EXPECT_KEY:
            if (byte == '"')
                return begin_string(reader, event, true);
            if (byte == '}' && reader->expected == EXPECT_KEY_OR_END)
                return close_level(reader);
            return fail_unexpected(reader, reader->cursor);
        case EXPECT_VALUE_OR_END:
            if (byte == ']')
                return close_level(reader);
            return read_value(reader, event);
        case EXPECT_VALUE:
            return read_value(reader, event);
        default:
            return fail_unexpected(reader, reader->cursor);
        }
    }
}

/* ----------------------------------------------------------------- public */

accs_error accs_json_reader_new(const accs_json_limits *limits, accs_json_reader **reader)
{
    static const accs_json_limits none;
    accs_json_reader *made = malloc(sizeof *made); /* glibc keeps no cache for calloc() */

    if (made == NULL)
        return ACCS_ERROR_MEMORY;
    *made = (accs_json_reader){.error = ACCS_OK};
    if (limits == NULL)
        limits = &none;
    made->chunk = made->cursor = made->end = "";
    made->text_max = limits->text != 0 ? limits->text : ACCS_LIMIT_JSON_TEXT;
    made->document_max = limits->document != 0 ? limits->document : ACCS_LIMIT_JSON_DOCUMENT;
    accs_buffer_init(&made->levels, limits->depth != 0 ? limits->depth : ACCS_LIMIT_JSON_DEPTH);
    accs_buffer_init(&made->text, made->text_max);
    *reader = made;
    return ACCS_OK;
}

void accs_json_reader_free(accs_json_reader *reader)
{
    if (reader == NULL)
        return;
    accs_buffer_cleanup(&reader->levels);
    accs_buffer_wipe(&reader->text); /* token replies are read with it */
    free(reader);
}

void accs_json_feed(accs_json_reader *reader, const char *bytes, size_t bytes_len)
{
    uint64_t room;

    if (reader->error != ACCS_OK || bytes_len == 0)
        return;
    reader->base = offset_of(reader, reader->cursor);
    room = reader->document_max - reader->base;
    reader->clipped = bytes_len > room;
    reader->chunk = bytes;
    reader->cursor = bytes;
    reader->end = bytes + (reader->clipped ? (size_t)room : bytes_len);
}

void accs_json_finish(accs_json_reader *reader)
{
    reader->finished = true;
}

accs_json_kind accs_json_next(accs_json_reader *reader, accs_json_event *event)
{
    if (reader->error != ACCS_OK)
        event->kind = ACCS_JSON_ERROR;
    else if (reader->broken != TOKEN_NONE)
        event->kind = resume(reader, event);
    else
        event->kind = read_event(reader, event);
    return event->kind;
}

accs_error accs_json_failure(const accs_json_reader *reader, const char **text, uint64_t *offset)
{
    *text = reader->reason;
    *offset = reader->error_offset;
    return reader->error;
}
