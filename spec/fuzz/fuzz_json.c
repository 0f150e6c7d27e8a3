/*
 * The JSON reader and writer. The first eight bytes of the input say where chunks end, the
 * rest is the document. Fed whole, in those chunks, or byte by byte, the reader must say the
 * same; what it accepts, written and read again, must be the same once more.
 */
#include "accs.h"
#include "buffer.h"

#include "../support/json_event.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 8, SIZE_MAX_USEFUL = 1024, LOG_MAX = 1 << 26 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Small enough that a fuzzer reaches them. */
static const accs_json_limits limits = {.depth = 24, .text = 200, .document = 600};

static void note(accs_buffer *log, const void *bytes, size_t bytes_len)
{
    REQUIRE(accs_buffer_append(log, bytes, bytes_len) == ACCS_OK);
}

/* Notes all that an event says. */
static void note_event(accs_buffer *log, const accs_json_event *event)
{
    note(log, &event->kind, sizeof event->kind);
    if (event->kind == ACCS_JSON_INTEGER)
        note(log, &event->integer, sizeof event->integer);
    if (event->kind == ACCS_JSON_FLOAT) {
        note(log, &event->number, sizeof event->number);
        note(log, &event->big_integer, sizeof event->big_integer);
    }
    if (event->kind == ACCS_JSON_KEY || event->kind == ACCS_JSON_STRING ||
        event->kind == ACCS_JSON_INTEGER || event->kind == ACCS_JSON_FLOAT) {
        note(log, &event->text_len, sizeof event->text_len);
        note(log, event->text, event->text_len);
    }
}

/*
 * Reads a document in chunks of the lengths in cuts, over and over (a length of 0 counts as
 * all the rest), each in memory of its own and of just its size. Notes what it says in log,
 * and writes it with writer unless that is NULL. True when the document was accepted.
 */
static bool read_all(const char *bytes, size_t bytes_len, const uint8_t cuts[CUTS],
                     accs_buffer *log, accs_json_writer *writer)
{
    accs_json_reader *reader = NULL;
    accs_json_event event;
    char *chunk = NULL;
    size_t chunk_len = 0;
    size_t at = 0;
    size_t turn = 0;
    bool finished = false;

    memset(&event, 0, sizeof event);
    REQUIRE(accs_json_reader_new(&limits, &reader) == ACCS_OK);
    for (;;) {
        accs_json_kind kind = accs_json_next(reader, &event);
        size_t len = cuts[turn++ % CUTS];

        if (kind == ACCS_JSON_ERROR || (kind == ACCS_JSON_END && finished))
            break;
        if (kind != ACCS_JSON_MORE && kind != ACCS_JSON_END) {
            note_event(log, &event);
            if (writer != NULL) /* what is read can be written */
                REQUIRE(write_json_event(writer, &event) == ACCS_OK);
            continue;
        }
        if (at == bytes_len) {
            REQUIRE(!finished); /* nothing asks for more behind the end */
            finished = true;
            accs_json_finish(reader);
            continue;
        }
        if (len == 0 || len > bytes_len - at)
            len = bytes_len - at;
        if (len != chunk_len) { /* else the old bytes are overwritten: nobody may need them */
            free(chunk);
            chunk = malloc(len);
            REQUIRE(chunk != NULL);
            chunk_len = len;
        }
        memcpy(chunk, bytes + at, len);
        accs_json_feed(reader, chunk, len);
        at += len;
    }
    if (event.kind == ACCS_JSON_ERROR) {
        const char *text;
        uint64_t offset;
        accs_error error = accs_json_failure(reader, &text, &offset);

        REQUIRE(error == ACCS_ERROR_PARSE || error == ACCS_ERROR_TOO_LARGE);
        REQUIRE(offset <= bytes_len);
        note(log, &error, sizeof error);
        note(log, &offset, sizeof offset);
        note(log, text, strlen(text));
    }
    accs_json_reader_free(reader);
    free(chunk);
    return event.kind == ACCS_JSON_END;
}

static bool same(const accs_buffer *left, const accs_buffer *right)
{
    return left->len == right->len &&
           (left->len == 0 || memcmp(left->bytes, right->bytes, left->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t whole[CUTS] = {0};
    static const uint8_t single[CUTS] = {1, 1, 1, 1, 1, 1, 1, 1};
    accs_json_writer *writer = NULL;
    accs_json_writer *again = NULL;
    accs_buffer expected;
    accs_buffer log;
    const char *bytes;

    if (size < CUTS || size > SIZE_MAX_USEFUL) /* the document's limit is lower still */
        return 0;
    bytes = (const char *)data + CUTS;
    size -= CUTS;
    accs_buffer_init(&expected, LOG_MAX);
    accs_buffer_init(&log, LOG_MAX);
    REQUIRE(accs_json_writer_new(LOG_MAX, &writer) == ACCS_OK);
    REQUIRE(accs_json_writer_new(LOG_MAX, &again) == ACCS_OK);

    if (read_all(bytes, size, whole, &expected, writer)) {
        const char *written;
        const char *rewritten;
        size_t written_len;
        size_t rewritten_len;

        /* Written text may pass the small limits, so it is compared as text. */
        REQUIRE(accs_json_writer_bytes(writer, &written, &written_len) == ACCS_OK);
        if (read_all(written, written_len, whole, &log, again)) {
            REQUIRE(accs_json_writer_bytes(again, &rewritten, &rewritten_len) == ACCS_OK);
            REQUIRE(written_len == rewritten_len);
            REQUIRE(memcmp(written, rewritten, written_len) == 0);
        } else {
            REQUIRE(written_len > limits.document);
        }
    }
    accs_buffer_clear(&log);
    (void)read_all(bytes, size, data, &log, NULL);
    REQUIRE(same(&expected, &log));
    accs_buffer_clear(&log);
    (void)read_all(bytes, size, single, &log, NULL);
    REQUIRE(same(&expected, &log));

    accs_json_writer_free(writer);
    accs_json_writer_free(again);
    accs_buffer_cleanup(&expected);
    accs_buffer_cleanup(&log);
    return 0;
}
