#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

#include "answer.h"
#include "limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MAX_HEADERS = 4096, MAX_BODY = 4096 };

/* An answer in the making, and what it is made of. */
typedef struct fixture {
    accs_answer answer;
    accs_reply *reply;
} fixture;

static void begin(fixture *made)
{
    *made = (fixture){.reply = accs_reply_new(MAX_HEADERS, MAX_BODY)};
    assert_non_null(made->reply);
    accs_answer_begin(&made->answer, made->reply);
}

static void end(fixture *made)
{
    accs_answer_cleanup(&made->answer);
    accs_answer_cleanup(&made->answer); /* a second call is fine */
    accs_reply_free(made->reply);
}

static bool line(fixture *made, const char *text)
{
    return accs_answer_line(&made->answer, text, strlen(text));
}

static bool body(fixture *made, const char *text)
{
    return accs_answer_body(&made->answer, text, strlen(text));
}

/* Gives the lines of a head, each ended by '\n', as long as they are taken. */
static bool head(fixture *made, const char *lines)
{
    const char *end_of_line;

    for (; (end_of_line = strchr(lines, '\n')) != NULL; lines = end_of_line + 1)
        if (!accs_answer_line(&made->answer, lines, (size_t)(end_of_line + 1 - lines)))
            return false;
    return true;
}

static size_t gzip(const char *text, char *out, size_t out_size)
{
    z_stream stream = {.zalloc = Z_NULL};
    char *copy = strdup(text);
    size_t len;

    assert_non_null(copy);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)copy;
    stream.avail_in = (uInt)strlen(text);
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)out_size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    len = out_size - stream.avail_out;
    deflateEnd(&stream);
    free(copy);
    return len;
}

static void a_plain_answer_is_kept(void **state)
{
    fixture made;
    size_t value_len;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\n"));
    assert_true(body(&made, "hel"));
    assert_true(body(&made, "lo"));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    assert_int_equal(made.reply->status, 200);
    assert_int_equal(made.reply->field_count, 2);
    assert_memory_equal(accs_reply_find(made.reply, "x-a", &value_len), "b", 1);
    assert_int_equal(value_len, 1);
    assert_string_equal(made.reply->body.bytes, "hello");
    end(&made);
}

static void knows_the_statuses_of_http(void **state)
{
    static const struct {
        const char *line;
        int status; /* 0: refused */
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n", 200},
        {"HTTP/1.1 200\r\n", 200},
        {"HTTP/1.0 404 Not Found\n", 404},
        {"HTTP/2 204 \r\n", 204},
        {"HTTP/2 204", 204},
        {"HTTP/1.1 100 Continue\r\n", 100},
        {"HTTP/1.1 199 x\r\n", 199},
        {"HTTP/1.1 599 x\r\n", 599},
        {"HTTP/1.1 101 Switching Protocols\r\n", 0},
        {"HTTP/1.1 600 x\r\n", 0},
        {"HTTP/1.1 999 x\r\n", 0},
        {"HTTP/1.1 099 x\r\n", 0},
        {"HTTP/1.1 000 x\r\n", 0},
        {"HTTP/1.1 20 x\r\n", 0},
        {"HTTP/1.1 2000 x\r\n", 0},
        {"HTTP/1.1 -20 x\r\n", 0},
        {"HTTP/1.1 2x0 x\r\n", 0},
        {"HTTP/1.1  200 x\r\n", 0},
        {"HTTP/1.1 20", 0},
        {"HTTP/1.1 ", 0},
        {"HTTP/1.1\r\n", 0},
        {"HTTP/", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        fixture made;
        bool taken;

        begin(&made);
        taken = line(&made, cases[i].line);
        if (taken != (cases[i].status != 0))
            fail_msg("%s: taken %d, status %d", cases[i].line, taken, made.reply->status);
        if (taken) {
            assert_int_equal(made.reply->status, cases[i].status);
        } else {
            assert_int_equal(made.answer.error, ACCS_ERROR_HTTP);
            assert_true(made.answer.final);
        }
        end(&made);
    }
}

static void interim_answers_leave_nothing_behind(void **state)
{
    fixture made;
    size_t value_len;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 100 Continue\r\nX-Old: 1\r\nContent-Length: 9\r\n\r\n"));
    assert_false(made.answer.head_complete);
    assert_true(head(&made, "HTTP/1.1 103 Early Hints\r\nContent-Encoding: br\r\n\r\n"));
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
    assert_true(body(&made, "ok"));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    assert_int_equal(made.reply->status, 200);
    assert_null(accs_reply_find(made.reply, "x-old", &value_len));
    assert_int_equal(made.answer.length, 2);
    end(&made);
}

static void only_interim_answers_are_no_answer(void **state)
{
    fixture made;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 100 Continue\r\n\r\n"));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_ERROR_NETWORK);
    assert_false(made.answer.final);
    end(&made);
}

static void two_lengths_must_be_the_same(void **state)
{
    static const struct {
        const char *lines;
        bool taken;
        uint64_t length;
    } cases[] = {
        {"Content-Length: 5\r\ncontent-length: 5\r\n", true, 5},
        {"Content-Length: 5\r\nContent-Length: 05\r\n", true, 5},
        {"Content-Length: 5\r\nX: 1\r\nCONTENT-LENGTH: 6\r\n", false, 0},
        {"Content-Length: 0\r\nContent-Length: 6\r\n", false, 0},
        {"Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 7\r\n", false, 0},
        {"Content-Lengths: 5\r\nContent-Length: 6\r\n", true, 6},
        {"Content-Length: 5, 05 ,5\r\n", true, 5},
        {"Content-Length: 9223372036854775799\r\n", true, 9223372036854775799U},
        {"Content-Length: 9223372036854775808\r\n", false, 0},
        {"Content-Length: 5, 6\r\n", false, 0},
        {"Content-Length: 5,\r\n", false, 0},
        {"Content-Length: ,5\r\n", false, 0},
        {"Content-Length: 5 5\r\n", false, 0},
        {"Content-Length: 5x\r\n", false, 0},
        {"Content-Length: -5\r\n", false, 0},
        {"Content-Length:\r\n", false, 0},
        {"Content-Length:\r\n 5\r\n", true, 5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        fixture made;

        begin(&made);
        assert_true(head(&made, "HTTP/1.1 200 OK\r\n"));
        assert_true(head(&made, cases[i].lines));
        if (head(&made, "\r\n") != cases[i].taken)
            fail_msg("lengths: %s", cases[i].lines);
        if (cases[i].taken) {
            assert_true(made.answer.has_length);
            assert_int_equal(made.answer.length, cases[i].length);
        } else {
            assert_int_equal(made.answer.error, ACCS_ERROR_HTTP);
        }
        end(&made);
    }
}

static void codings_are_gzip_or_none(void **state)
{
    static const struct {
        const char *lines;
        accs_coding coding;
    } cases[] = {
        {"", ACCS_CODING_NONE},
        {"Content-Encoding: identity\r\n", ACCS_CODING_NONE},
        {"Content-Encoding: gzip\r\n", ACCS_CODING_GZIP},
        {"CONTENT-ENCODING: X-GZip\r\n", ACCS_CODING_GZIP},
        {"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", ACCS_CODING_GZIP},
        {"Content-Encoding: br\r\n", ACCS_CODING_OTHER},
        {"Content-Encoding: deflate\r\n", ACCS_CODING_OTHER},
        {"Content-Encoding: gzip, gzip\r\n", ACCS_CODING_OTHER},
        {"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", ACCS_CODING_OTHER},
        {"Content-Encoding: br\r\nContent-Encoding: gzip\r\n", ACCS_CODING_OTHER},
        {"Content-Encoding: gzipped\r\n", ACCS_CODING_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        fixture made;

        begin(&made);
        assert_true(head(&made, "HTTP/1.1 200 OK\r\n"));
        assert_true(head(&made, cases[i].lines));
        if (head(&made, "\r\n") != (cases[i].coding != ACCS_CODING_OTHER) ||
            made.answer.coding != cases[i].coding)
            fail_msg("coding %d of %s", made.answer.coding, cases[i].lines);
        if (cases[i].coding == ACCS_CODING_OTHER) {
            assert_int_equal(made.answer.error, ACCS_ERROR_DECODE);
            assert_false(made.answer.final);
            assert_false(body(&made, "x"));
            assert_int_equal(made.reply->body.len, 0);
        }
        end(&made);
    }
}

static void a_gzip_answer_is_inflated_and_must_be_whole(void **state)
{
    char packed[256];
    size_t packed_len = gzip("a text that is packed, packed, packed", packed, sizeof packed);
    fixture made;

    (void)state;
    begin(&made);
    for (size_t len = 0; len <= packed_len; len++) { /* one inflater for all of them */
        accs_answer_begin(&made.answer, made.reply);
        assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
        assert_true(accs_answer_body(&made.answer, packed, len));
        accs_answer_finish(&made.answer);
        assert_int_equal(made.answer.error, len < packed_len ? ACCS_ERROR_DECODE : ACCS_OK);
        assert_false(made.answer.final);
    }
    assert_string_equal(made.reply->body.bytes, "a text that is packed, packed, packed");
    accs_answer_begin(&made.answer, made.reply);
    packed[12] ^= 0x55;
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    if (accs_answer_body(&made.answer, packed, packed_len))
        accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_ERROR_DECODE);
    end(&made);
}

/* HEAD and 304 tell the coding of what they do not send. */
static void a_coding_without_a_body_is_fine(void **state)
{
    fixture made;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    end(&made);
}

static void a_cut_head_is_refused(void **state)
{
    static const char *const heads[] = {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++) {
        fixture made;

        begin(&made);
        assert_true(head(&made, heads[i]));
        accs_answer_finish(&made.answer);
        assert_int_equal(made.answer.error, ACCS_ERROR_NETWORK);
        assert_false(made.answer.final);
        end(&made);
    }
}

static void headers_have_a_limit_in_count_and_bytes(void **state)
{
    fixture made;
    char text[MAX_HEADERS + 64] = "X: ";

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\n"));
    for (size_t i = 0; i < ACCS_LIMIT_MAX_HEADER_COUNT; i++)
        assert_true(line(&made, "A: b\r\n"));
    assert_false(line(&made, "A: b\r\n"));
    assert_int_equal(made.answer.error, ACCS_ERROR_TOO_LARGE);
    assert_true(made.answer.final);
    assert_string_equal(made.answer.text, ACCS_ANSWER_TOO_MANY_HEADERS);
    for (size_t over = 0; over < 2; over++) {
        accs_answer_begin(&made.answer, made.reply);
        memset(text + 3, 'v', MAX_HEADERS + over - 3);
        text[MAX_HEADERS + over] = '\0';
        assert_true(head(&made, "HTTP/1.1 200 OK\r\n"));
        assert_int_equal(line(&made, text), over == 0);
        assert_int_equal(made.answer.error, over == 0 ? ACCS_OK : ACCS_ERROR_TOO_LARGE);
    }
    end(&made);
}

static void a_body_has_a_limit(void **state)
{
    char bytes[MAX_BODY + 1];
    char packed[512];
    size_t packed_len;
    fixture made;

    (void)state;
    memset(bytes, 'b', sizeof bytes);
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"));
    assert_true(accs_answer_body(&made.answer, bytes, MAX_BODY));
    assert_false(accs_answer_body(&made.answer, bytes, 1));
    assert_int_equal(made.answer.error, ACCS_ERROR_TOO_LARGE);
    assert_true(made.answer.final);
    bytes[MAX_BODY] = '\0';
    packed_len = gzip(bytes, packed, sizeof packed);
    accs_answer_begin(&made.answer, made.reply);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    assert_true(accs_answer_body(&made.answer, packed, packed_len));
    assert_int_equal(made.reply->body.len, MAX_BODY);
    made.reply->body.max = MAX_BODY - 1;
    accs_answer_begin(&made.answer, made.reply);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    assert_false(accs_answer_body(&made.answer, packed, packed_len));
    assert_int_equal(made.answer.error, ACCS_ERROR_TOO_LARGE);
    end(&made);
}

static void trailers_are_passed_over(void **state)
{
    fixture made;
    size_t value_len;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"));
    assert_true(body(&made, "x"));
    assert_true(
        head(&made, "Content-Encoding: br\r\nContent-Length: 77\r\nRetry-After: 5\r\n\r\n"));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    assert_int_equal(made.reply->field_count, 1);
    assert_null(accs_reply_find(made.reply, "retry-after", &value_len));
    end(&made);
}

static void a_body_before_the_head_is_not_http(void **state)
{
    fixture made;

    (void)state;
    begin(&made);
    assert_false(body(&made, "SSH-2.0"));
    assert_int_equal(made.answer.error, ACCS_ERROR_HTTP);
    assert_int_equal(made.reply->body.len, 0);
    assert_false(line(&made, "HTTP/1.1 200 OK\r\n")); /* the refusal stays */
    assert_int_equal(made.answer.error, ACCS_ERROR_HTTP);
    end(&made);
}

/* libcurl sends a read again by itself when a pooled connection dies. */
static void a_new_status_line_starts_anew(void **state)
{
    char packed[256];
    size_t packed_len = gzip("packed", packed, sizeof packed);
    fixture made;
    size_t value_len;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 503 No\r\nContent-Length: 9\r\nRetry-After: 5\r\n"
                            "Content-Encoding: gzip\r\n\r\n"));
    assert_true(accs_answer_body(&made.answer, packed, packed_len / 2));
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"));
    assert_int_equal(made.reply->status, 200);
    assert_int_equal(made.reply->body.len, 0);
    assert_null(accs_reply_find(made.reply, "retry-after", &value_len));
    assert_true(body(&made, "text"));
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    accs_answer_finish(&made.answer); /* what came before is not this one's body */
    assert_int_equal(made.answer.error, ACCS_OK);
    assert_int_equal(made.reply->body.len, 0);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    assert_true(accs_answer_body(&made.answer, packed, packed_len));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    assert_string_equal(made.reply->body.bytes, "packed");
    end(&made);
}

static void the_first_reason_stays(void **state)
{
    fixture made;

    (void)state;
    begin(&made);
    accs_answer_refuse(&made.answer, ACCS_ERROR_DECODE, "first");
    accs_answer_refuse(&made.answer, ACCS_ERROR_TOO_LARGE, "second");
    assert_int_equal(made.answer.error, ACCS_ERROR_DECODE);
    assert_string_equal(made.answer.text, "first");
    assert_false(made.answer.final);
    accs_answer_begin(&made.answer, made.reply);
    assert_int_equal(made.answer.error, ACCS_OK);
    end(&made);
}

static void a_malformed_header_ends_the_answer(void **state)
{
    static const struct {
        const char *line;
        size_t line_len;
        bool taken;
    } cases[] = {
        {"a: b\r\n", 6, true},
        {"A!#$%&'*+-.^_`|~9: b\n", 21, true},
        {"a:\r\n", 4, true},
        {"a: \x01\xff\r\n", 7, true},
        {" b: c\r\n", 7, true}, /* goes on with the one before */
        {"\tb\r\n", 4, true},
        {"rubbish\r\n", 9, false},
        {":\r\n", 3, false},
        {"", 0, true},
        {"H", 1, false},
        {": b\r\n", 5, false},
        {"a : b\r\n", 7, false},
        {"a b: c\r\n", 8, false},
        {"a\0: b\r\n", 7, false},
        {"a: \0b\r\n", 7, false},
        {"a: b\rc: d\r\n", 11, false},
        {"a: b\r\r\n", 7, false},
        {" \0\r\n", 4, false},
        {"\x7f: b\r\n", 6, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        fixture made;

        begin(&made);
        assert_true(head(&made, "HTTP/1.1 200 OK\r\nX: y\r\n"));
        if (accs_answer_line(&made.answer, cases[i].line, cases[i].line_len) != cases[i].taken)
            fail_msg("line %zu: %s", i, cases[i].line);
        if (!cases[i].taken)
            assert_int_equal(made.answer.error, ACCS_ERROR_HTTP);
        end(&made);
    }
}

static void a_fold_is_a_blank(void **state)
{
    fixture made;
    size_t value_len = 0;

    (void)state;
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nA:\r\n  b \r\n \r\n\tc: d\r\nB: e\r\n\r\n"));
    assert_int_equal(made.reply->field_count, 2);
    assert_memory_equal(accs_reply_find(made.reply, "a", &value_len), "b c: d", 6);
    assert_int_equal(value_len, 6);
    assert_memory_equal(accs_reply_find(made.reply, "b", &value_len), "e", 1);
    assert_int_equal(value_len, 1);
    end(&made);
    begin(&made);
    assert_true(head(&made, "HTTP/1.1 200 OK\r\n"));
    assert_false(head(&made, " b: c\r\n")); /* nothing to go on with */
    end(&made);
}

/* Reads and drains until all that came is out; returns how much that was. */
static size_t read_all(fixture *made, char *out, size_t out_size)
{
    size_t len = 0;
    size_t count;

    while ((count = accs_reply_read(made->reply, out + len, out_size - len)) > 0) {
        len += count;
        accs_answer_drain(&made->answer);
    }
    return len;
}

static void a_stream_holds_a_window(void **state)
{
    char text[3 * MAX_BODY];
    char out[sizeof text];
    fixture made;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    begin(&made);
    made.answer.stream = true;
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Length: 12288\r\n\r\n"));
    assert_true(made.answer.streaming);
    assert_true(accs_answer_body(&made.answer, text, 100));
    assert_false(accs_answer_full(&made.answer));
    assert_true(accs_answer_body(&made.answer, text + 100, sizeof text - 100));
    assert_true(accs_answer_full(&made.answer));
    assert_int_equal(made.reply->body.len, MAX_BODY);
    assert_int_equal(accs_reply_read(made.reply, out, 10), 10);
    assert_true(accs_answer_drain(&made.answer));
    assert_true(accs_answer_full(&made.answer));
    assert_int_equal(made.reply->body.len, MAX_BODY);
    assert_int_equal(read_all(&made, out + 10, sizeof out - 10), sizeof text - 10);
    assert_memory_equal(out, text, sizeof text);
    assert_int_equal(made.reply->streamed, sizeof text);
    assert_false(accs_answer_full(&made.answer));
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    end(&made);
}

/* A megabyte in a kilobyte, which comes at once. */
static void a_packed_stream_stops_when_the_window_is_full(void **state)
{
    static char text[1 << 20];
    static char out[sizeof text];
    char packed[4096];
    size_t packed_len;
    fixture made;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    packed_len = gzip(text, packed, sizeof packed);
    begin(&made);
    made.answer.stream = true;
    assert_true(head(&made, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    assert_true(accs_answer_body(&made.answer, packed, packed_len));
    assert_true(accs_answer_full(&made.answer));
    assert_int_equal(made.reply->body.len, MAX_BODY);
    assert_true(made.reply->body.capacity <= MAX_BODY + 1);
    assert_int_equal(read_all(&made, out, sizeof out), sizeof text - 1);
    assert_memory_equal(out, text, sizeof text - 1);
    accs_answer_finish(&made.answer);
    assert_int_equal(made.answer.error, ACCS_OK);
    end(&made);
}

static void a_stream_may_have_a_limit(void **state)
{
    char out[64];

    (void)state;
    for (uint64_t limit = 4; limit <= 6; limit++) {
        fixture made;

        begin(&made);
        made.answer.stream = true;
        made.answer.stream_max = limit;
        assert_true(head(&made, "HTTP/1.1 200 OK\r\n\r\n"));
        assert_true(body(&made, "abc"));
        assert_int_equal(read_all(&made, out, sizeof out), 3);
        assert_int_equal(body(&made, "de"), limit >= 5);
        assert_int_equal(made.answer.error, limit >= 5 ? ACCS_OK : ACCS_ERROR_TOO_LARGE);
        assert_int_equal(made.reply->body.len, limit >= 5 ? 2 : 1); /* no more than allowed */
        end(&made);
    }
}

static void errors_and_pages_are_kept_whole(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/HTML; charset=utf-8\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++) {
        fixture made;

        begin(&made);
        made.answer.stream = true;
        assert_true(head(&made, heads[i]));
        assert_false(made.answer.streaming);
        assert_true(body(&made, "x"));
        assert_false(accs_answer_full(&made.answer));
        end(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_answer_is_kept),
        cmocka_unit_test(knows_the_statuses_of_http),
        cmocka_unit_test(interim_answers_leave_nothing_behind),
        cmocka_unit_test(only_interim_answers_are_no_answer),
        cmocka_unit_test(two_lengths_must_be_the_same),
        cmocka_unit_test(codings_are_gzip_or_none),
        cmocka_unit_test(a_gzip_answer_is_inflated_and_must_be_whole),
        cmocka_unit_test(a_coding_without_a_body_is_fine),
        cmocka_unit_test(a_cut_head_is_refused),
        cmocka_unit_test(headers_have_a_limit_in_count_and_bytes),
        cmocka_unit_test(a_body_has_a_limit),
        cmocka_unit_test(trailers_are_passed_over),
        cmocka_unit_test(a_body_before_the_head_is_not_http),
        cmocka_unit_test(a_new_status_line_starts_anew),
        cmocka_unit_test(the_first_reason_stays),
        cmocka_unit_test(a_malformed_header_ends_the_answer),
        cmocka_unit_test(a_fold_is_a_blank),
        cmocka_unit_test(a_stream_holds_a_window),
        cmocka_unit_test(a_packed_stream_stops_when_the_window_is_full),
        cmocka_unit_test(a_stream_may_have_a_limit),
        cmocka_unit_test(errors_and_pages_are_kept_whole),
    };

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
