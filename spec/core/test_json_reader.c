#include "json_support.h"

#include "../support/json_event.h"

#include "limits.h"

#define CASES_FILE "spec/core/json_cases.txt"

enum { LINE_MAX_LEN = 4096, LOG_MAX = 1 << 20 };

/* ---------------------------------------------------------------- helpers */

/* What was read, as text: each event's kind and what it carries. */
static void log_event(accs_buffer *log, const accs_json_event *event)
{
    char line[96];
    bool is_integer = event->kind == ACCS_JSON_INTEGER;
    bool is_float = event->kind == ACCS_JSON_FLOAT;

    (void)snprintf(line, sizeof line, "%d %lld %a %d|", (int)event->kind,
                   is_integer ? (long long)event->integer : 0, is_float ? event->number : 0.0,
                   is_float && event->big_integer);
    assert_int_equal(ACCS_OK, accs_buffer_append_text(log, line));
    if (is_integer || is_float || event->kind == ACCS_JSON_KEY || event->kind == ACCS_JSON_STRING)
        assert_int_equal(ACCS_OK, accs_buffer_append(log, event->text, event->text_len));
    assert_int_equal(ACCS_OK, accs_buffer_append_text(log, "\n"));
}

/*
 * Reads a document whose first chunk has the length first, the others step (0: all the rest),
 * each in memory of its own. Notes events and failure in log; writes it unless writer is NULL.
 */
static accs_error read_chunks(const accs_json_limits *limits, const char *bytes, size_t bytes_len,
                              size_t first, size_t step, accs_buffer *log, accs_json_writer *writer)
{
    accs_json_reader *reader = NULL;
    accs_json_event event;
    accs_error error = ACCS_OK;
    char *chunk = NULL;
    size_t at = 0;
    bool finished = false;

    assert_int_equal(ACCS_OK, accs_json_reader_new(limits, &reader));
    for (;;) {
        accs_json_kind kind = accs_json_next(reader, &event);

        assert_int_equal(kind, event.kind);
        if (kind == ACCS_JSON_ERROR || (kind == ACCS_JSON_END && finished))
            break;
        if (kind != ACCS_JSON_MORE && kind != ACCS_JSON_END) {
            log_event(log, &event);
            if (writer != NULL)
                assert_int_equal(ACCS_OK, write_json_event(writer, &event));
        } else if (at == bytes_len) {
            assert_false(finished);
            finished = true;
            accs_json_finish(reader);
        } else {
            size_t len = at == 0 ? first : step;

            if (len == 0 || len > bytes_len - at)
                len = bytes_len - at;
            free(chunk);
            chunk = malloc(len);
            assert_non_null(chunk);
            memcpy(chunk, bytes + at, len);
            accs_json_feed(reader, chunk, len);
            at += len;
        }
    }
    if (event.kind == ACCS_JSON_ERROR) {
        const char *text;
        uint64_t offset;
        char line[24];

        error = accs_json_failure(reader, &text, &offset);
        assert_int_not_equal(ACCS_OK, error);
        (void)snprintf(line, sizeof line, " at byte %llu", (unsigned long long)offset);
        assert_non_null(strstr(text, line));
        assert_int_equal(ACCS_OK, accs_buffer_append_text(log, text));
    }
    accs_json_reader_free(reader);
    free(chunk);
    return error;
}

/* Reads a document whole, in every two chunks, and byte by byte: always with the same outcome. */
static accs_error read_every_way(const accs_json_limits *limits, const char *bytes,
                                 size_t bytes_len, accs_json_writer *writer)
{
    accs_buffer whole;
    accs_buffer parts;
    accs_error error;

    accs_buffer_init(&whole, LOG_MAX);
    accs_buffer_init(&parts, LOG_MAX);
    error = read_chunks(limits, bytes, bytes_len, bytes_len, 0, &whole, writer);
    assert_int_equal(ACCS_OK, accs_buffer_append_text(&whole, ""));
    for (size_t first = 0; first < bytes_len; first++) {
        accs_buffer_clear(&parts);
        /* first 0 stands for "byte by byte" */
        assert_int_equal(error, read_chunks(limits, bytes, bytes_len, first == 0 ? 1 : first,
                                            first == 0 ? 1 : 0, &parts, NULL));
        assert_string_equal(whole.bytes, parts.bytes);
    }
    accs_buffer_cleanup(&whole);
    accs_buffer_cleanup(&parts);
    return error;
}

static accs_error read_text(const accs_json_limits *limits, const char *text)
{
    return read_every_way(limits, text, strlen(text), NULL);
}

/* A reader that has everything, and the kind of its first event. */
static accs_json_kind first_event(accs_json_reader **reader, const char *bytes,
                                  accs_json_event *event)
{
    assert_int_equal(ACCS_OK, accs_json_reader_new(NULL, reader));
    accs_json_feed(*reader, bytes, strlen(bytes));
    accs_json_finish(*reader);
    return accs_json_next(*reader, event);
}

/* ---------------------------------------------------------- written cases */

/* Undoes the %XX of the cases in place; returns the length. */
static size_t decode_case(char *text)
{
    size_t len = 0;

    if (strcmp(text, "%%") == 0)
        return 0;
    for (const char *at = text; *at != '\0'; at++) {
        char digits[3] = {0};

        if (*at != '%') {
            text[len++] = *at;
            continue;
        }
        memcpy(digits, at + 1, 2);
        text[len++] = (char)strtol(digits, NULL, 16);
        at += 2;
    }
    return len;
}

static void check_accepted(const char *bytes, size_t bytes_len, const char *expected,
                           size_t expected_len)
{
    accs_json_writer *writer = NULL;
    const char *written = NULL;
    size_t written_len = 0;

    assert_int_equal(ACCS_OK, accs_json_writer_new(LOG_MAX, &writer));
    assert_int_equal(ACCS_OK, read_every_way(NULL, bytes, bytes_len, writer));
    assert_int_equal(ACCS_OK, accs_json_writer_bytes(writer, &written, &written_len));
    assert_int_equal(expected_len, written_len);
    assert_memory_equal(expected, written, written_len);
    accs_json_writer_free(writer);
}

static void test_cases(void **state)
{
    char line[LINE_MAX_LEN];
    int accepted = 0;
    int rejected = 0;
    FILE *file = fopen(CASES_FILE, "r");

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        const char *verdict = strtok_r(line, " \n", &rest);
        char *document = strtok_r(NULL, " \n", &rest);
        char *written = strtok_r(NULL, " \n", &rest);
        char shown[LINE_MAX_LEN];

        if (verdict == NULL || verdict[0] == '#')
            continue;
        (void)snprintf(shown, sizeof shown, "%s", document);
        if (strcmp(verdict, "accept") == 0) {
            size_t document_len = decode_case(document);

            check_accepted(document, document_len, written, decode_case(written));
            accepted++;
        } else {
            if (read_every_way(NULL, document, decode_case(document), NULL) == ACCS_OK)
                fail_msg("accepted: %s", shown);
            rejected++;
        }
    }
    (void)fclose(file);
    assert_true(accepted >= 200);
    assert_true(rejected >= 200);
}

/* ----------------------------------------------------------------- errors */

static void test_failures(void **state)
{
    static const struct {
        const char *text;
        uint64_t offset;
        accs_error error;
    } cases[] = {
        {"", 0, ACCS_ERROR_PARSE},
        {"x", 0, ACCS_ERROR_PARSE},
        {"  x", 2, ACCS_ERROR_PARSE},
        {"[1,]", 3, ACCS_ERROR_PARSE},
        {"[1 2]", 3, ACCS_ERROR_PARSE},
        {"{\"a\" 1}", 5, ACCS_ERROR_PARSE},
        {"[1]x", 3, ACCS_ERROR_PARSE},
        {"[12", 3, ACCS_ERROR_PARSE},
        {"[trux]", 1, ACCS_ERROR_PARSE},
        {"[0, 01]", 4, ACCS_ERROR_PARSE},
        {"[\"ab\n\"]", 4, ACCS_ERROR_PARSE},
        {"[\"ab\\x\"]", 4, ACCS_ERROR_PARSE},
        {"[\"ab\\ud800\"]", 4, ACCS_ERROR_PARSE},
        {"[\"ab\xff\"]", 4, ACCS_ERROR_PARSE},
        {"[\"ab\xe2\x82\"]", 4, ACCS_ERROR_PARSE},
        {"[0,1e999]", 3, ACCS_ERROR_TOO_LARGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_json_reader *reader = NULL;
        accs_json_event event;
        accs_json_kind kind = first_event(&reader, cases[i].text, &event);
        const char *text;
        uint64_t offset;

        while (kind != ACCS_JSON_ERROR && kind != ACCS_JSON_END)
            kind = accs_json_next(reader, &event);
        assert_int_equal(ACCS_JSON_ERROR, kind);
        assert_int_equal(cases[i].error, accs_json_failure(reader, &text, &offset));
        assert_int_equal(cases[i].offset, offset);
        /* It stays there, whatever comes. */
        accs_json_feed(reader, "[]", 2);
        assert_int_equal(ACCS_JSON_ERROR, accs_json_next(reader, &event));
        assert_int_equal(cases[i].error, accs_json_failure(reader, &text, &offset));
        accs_json_reader_free(reader);
    }
}

static void test_byte_order_mark(void **state)
{
    accs_json_reader *reader = NULL;
    accs_json_event event;
    const char *text;
    uint64_t offset;

    (void)state;
    assert_int_equal(ACCS_JSON_ERROR, first_event(&reader, "\xef\xbb\xbf{}", &event));
    assert_int_equal(ACCS_ERROR_PARSE, accs_json_failure(reader, &text, &offset));
    assert_non_null(strstr(text, "byte order mark"));
    accs_json_reader_free(reader);
}

/* What is in a document may be secret: no error repeats any of it. */
static void test_no_input_in_failures(void **state)
{
    static const char *const cases[] = {
        "QQ",           "[QQ]",       "{QQ}",        "{\"QQ\"QQ}",     "[1QQ]",
        "[\"QQ\\QQ\"]", "\"QQ",       "{\"QQ\":QQ}", "[1]QQ",          "[tQQ]",
        "[\"QQ\xff\"]", "[\"QQ\n\"]", "[\"\\uQQ\"]", "[77777777e777]", "[7777.7777.7]"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_json_reader *reader = NULL;
        accs_json_event event;
        accs_json_kind kind = first_event(&reader, cases[i], &event);
        const char *text;
        uint64_t offset;

        while (kind != ACCS_JSON_ERROR && kind != ACCS_JSON_END)
            kind = accs_json_next(reader, &event);
        assert_int_equal(ACCS_JSON_ERROR, kind);
        (void)accs_json_failure(reader, &text, &offset);
        assert_null(strstr(text, "Q"));
        assert_null(strstr(text, "77"));
        accs_json_reader_free(reader);
    }
}

/* ------------------------------------------------------------ borrow, end */

static void test_text_is_borrowed(void **state)
{
    const char *bytes = "[\"plain text\", \"Z\xc3\xbcrich\", 12.5, \"a\\nb\"]";
    accs_json_reader *reader = NULL;
    accs_json_event event;

    (void)state;
    assert_int_equal(ACCS_JSON_ARRAY, first_event(&reader, bytes, &event));
    assert_int_equal(ACCS_JSON_STRING, accs_json_next(reader, &event));
    assert_ptr_equal(bytes + 2, event.text);
    assert_int_equal(10, event.text_len);
    assert_int_equal(ACCS_JSON_STRING, accs_json_next(reader, &event));
    assert_ptr_equal(bytes + 16, event.text);
    assert_int_equal(ACCS_JSON_FLOAT, accs_json_next(reader, &event));
    assert_ptr_equal(bytes + 26, event.text);
    assert_int_equal(4, event.text_len);
    assert_int_equal(ACCS_JSON_STRING, accs_json_next(reader, &event));
    assert_int_equal(3, event.text_len); /* collected: it has an escape */
    assert_memory_equal("a\nb", event.text, 3);
    accs_json_reader_free(reader);
}

static void test_end(void **state)
{
    accs_json_reader *reader = NULL;
    accs_json_event event;

    (void)state;
    assert_int_equal(ACCS_OK, accs_json_reader_new(NULL, &reader));
    assert_int_equal(ACCS_JSON_MORE, accs_json_next(reader, &event));
    accs_json_feed(reader, "[", 1);
    assert_int_equal(ACCS_JSON_ARRAY, accs_json_next(reader, &event));
    assert_int_equal(ACCS_JSON_MORE, accs_json_next(reader, &event));
    accs_json_feed(reader, "", 0);
    assert_int_equal(ACCS_JSON_MORE, accs_json_next(reader, &event));
    accs_json_feed(reader, "] ", 2);
    assert_int_equal(ACCS_JSON_ARRAY_END, accs_json_next(reader, &event));
    assert_int_equal(ACCS_JSON_END, accs_json_next(reader, &event)); /* without finish */
    accs_json_feed(reader, "\n", 1);
    assert_int_equal(ACCS_JSON_END, accs_json_next(reader, &event));
    accs_json_feed(reader, "[", 1);
    assert_int_equal(ACCS_JSON_ERROR, accs_json_next(reader, &event));
    accs_json_reader_free(reader);

    /* More digits may follow, so a bare number ends with the document. */
    assert_int_equal(ACCS_OK, accs_json_reader_new(NULL, &reader));
    accs_json_feed(reader, "12", 2);
    assert_int_equal(ACCS_JSON_MORE, accs_json_next(reader, &event));
    accs_json_feed(reader, "3", 1);
    assert_int_equal(ACCS_JSON_MORE, accs_json_next(reader, &event));
    accs_json_finish(reader);
    assert_int_equal(ACCS_JSON_INTEGER, accs_json_next(reader, &event));
    assert_int_equal(123, event.integer);
    assert_int_equal(ACCS_JSON_END, accs_json_next(reader, &event));
    accs_json_reader_free(reader);
    accs_json_reader_free(NULL);
}

/* ----------------------------------------------------------------- limits */

static void test_limits(void **state)
{
    const accs_json_limits shallow = {.depth = 3};
    const accs_json_limits short_text = {.text = 4};
    const accs_json_limits small = {.document = 6};

    (void)state;
    assert_int_equal(ACCS_OK, read_text(&shallow, "[[[]],{\"a\":[1]}]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&shallow, "[[[[]]]]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&shallow, "[{\"a\":{\"a\":{}}}]"));

    assert_int_equal(ACCS_OK, read_text(&short_text, "[\"1234\",1234,{\"1234\":-1.5}]"));
    assert_int_equal(ACCS_OK, read_text(&short_text, "[\"\\u00fc\\u00fc\",\"\xf0\x9f\x98\x80\"]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "[\"12345\"]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "[\"\\u00fc\\u00fca\"]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "[\"1\xf0\x9f\x98\x80\"]"));
    /* The length counts before whatever is wrong behind it. */
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "[\"\\n1234\\x\"]"));
    assert_int_equal(ACCS_ERROR_PARSE, read_text(&short_text, "[\"\\n123\\x\"]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "[12345]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "12345"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&short_text, "{\"12345\":1}"));

    assert_int_equal(ACCS_OK, read_text(&small, "[1,23]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&small, "[1,234]"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&small, "[1,23] "));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&small, "1234567"));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_text(&small, "\"12345\""));
}

static void test_default_depth(void **state)
{
    size_t len = 2 * (ACCS_LIMIT_JSON_DEPTH + 1);
    char *text = malloc(len);
    accs_buffer log;

    (void)state;
    assert_non_null(text);
    accs_buffer_init(&log, LOG_MAX);
    memset(text, '[', len / 2);
    memset(text + len / 2, ']', len / 2);
    assert_int_equal(ACCS_OK, read_chunks(NULL, text + 1, len - 2, len, 0, &log, NULL));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, read_chunks(NULL, text, len, len, 0, &log, NULL));
    accs_buffer_cleanup(&log);
    free(text);
}

/* ---------------------------------------------------------------- numbers */

static void check_number(const char *text, accs_json_kind kind, int64_t integer, double number,
                         bool big_integer)
{
    accs_json_reader *reader = NULL;
    accs_json_event event;

    assert_int_equal(kind, first_event(&reader, text, &event));
    assert_int_equal(strlen(text), event.text_len);
    assert_memory_equal(text, event.text, event.text_len);
    if (kind == ACCS_JSON_INTEGER) {
        assert_int_equal(integer, event.integer);
    } else {
        assert_memory_equal(&number, &event.number, sizeof number); /* the sign of zero too */
        assert_int_equal(big_integer, event.big_integer);
    }
    assert_int_equal(ACCS_JSON_END, accs_json_next(reader, &event));
    accs_json_reader_free(reader);
}

static void check_numbers(void)
{
    check_number("0", ACCS_JSON_INTEGER, 0, 0, false);
    check_number("-7", ACCS_JSON_INTEGER, -7, 0, false);
    check_number("9223372036854775807", ACCS_JSON_INTEGER, INT64_MAX, 0, false);
    check_number("-9223372036854775808", ACCS_JSON_INTEGER, INT64_MIN, 0, false);
    check_number("9223372036854775808", ACCS_JSON_FLOAT, 0, 0x1p63, true);
    check_number("-9223372036854775809", ACCS_JSON_FLOAT, 0, -0x1p63, true);
    check_number("18446744073709551616", ACCS_JSON_FLOAT, 0, 0x1p64, true);
    check_number("-0", ACCS_JSON_FLOAT, 0, -0.0, false);
    check_number("1.0", ACCS_JSON_FLOAT, 0, 1.0, false);
    check_number("1.5", ACCS_JSON_FLOAT, 0, 1.5, false);
    check_number("1e2", ACCS_JSON_FLOAT, 0, 100.0, false);
    check_number("0.1", ACCS_JSON_FLOAT, 0, 0x1.999999999999ap-4, false);
    check_number("1e23", ACCS_JSON_FLOAT, 0, 0x1.52d02c7e14af6p+76, false);
    check_number("9007199254740993.0", ACCS_JSON_FLOAT, 0, 0x1p53, false);
    check_number("1.7976931348623157e308", ACCS_JSON_FLOAT, 0, 0x1.fffffffffffffp1023, false);
    check_number("5e-324", ACCS_JSON_FLOAT, 0, 0x1p-1074, false);
    check_number("1e-400", ACCS_JSON_FLOAT, 0, 0.0, false);
}

static void test_numbers(void **state)
{
    (void)state;
    check_numbers();
}

static void test_numbers_in_a_comma_locale(void **state)
{
    (void)state;
    with_comma_locale(check_numbers);
}

/* libc is the oracle: random doubles with 1 to 25 digits, and random literals of any length. */
static void test_random_numbers(void **state)
{
    uint64_t seed = 20260101;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[400];
        double value = random_double(&seed);

        (void)snprintf(text, sizeof text, "%.*e", (int)(next_random(&seed) % 25), value);
        if (strtod(text, NULL) - strtod(text, NULL) == 0.0) /* rounding up may pass the range */
            check_number(text, ACCS_JSON_FLOAT, 0, strtod(text, NULL), false);
        (void)snprintf(text, sizeof text, "%llu.%0*llu",
                       (unsigned long long)(next_random(&seed) >> next_random(&seed) % 64),
                       (int)(next_random(&seed) % 300 + 1), (unsigned long long)i);
        check_number(text, ACCS_JSON_FLOAT, 0, strtod(text, NULL), false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_no_input_in_failures),
        cmocka_unit_test(test_text_is_borrowed),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_default_depth),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_in_a_comma_locale),
        cmocka_unit_test(test_random_numbers),
    };

    return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
