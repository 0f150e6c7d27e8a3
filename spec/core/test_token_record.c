#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "token_record.h"
#include "wipe_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BYTES_MAX = 400000 };

static void set(accs_secret *secret, const char *text)
{
    assert_int_equal(accs_secret_set(secret, text, strlen(text)), ACCS_OK);
}

static accs_token_record full(void)
{
    accs_token_record record = {
        .expires_wall_ms = 1700000000123,
        .life_ms = 86399000,
        .saved_wall_ms = -5, /* a clock before 1970 */
        .intent_wall_ms = INT64_MIN,
    };

    set(&record.access_token, "access-token-of-the-test");
    set(&record.id_token, "id-token-of-the-test");
    set(&record.refresh_token, "refresh-token-of-the-test");
    set(&record.previous_refresh_token, "previous-token-of-the-test");
    return record;
}

static void assert_same_secret(const accs_secret *left, const accs_secret *right)
{
    assert_true(accs_secret_equal(left, right));
}

static void assert_same(const accs_token_record *left, const accs_token_record *right)
{
    assert_same_secret(&left->access_token, &right->access_token);
    assert_same_secret(&left->id_token, &right->id_token);
    assert_same_secret(&left->refresh_token, &right->refresh_token);
    assert_same_secret(&left->previous_refresh_token, &right->previous_refresh_token);
    assert_int_equal(left->expires_wall_ms, right->expires_wall_ms);
    assert_int_equal(left->life_ms, right->life_ms);
    assert_int_equal(left->saved_wall_ms, right->saved_wall_ms);
    assert_int_equal(left->intent_wall_ms, right->intent_wall_ms);
}

static void reads_what_it_wrote(void **state)
{
    accs_token_record records[] = {full(), {.life_ms = 0}, {.life_ms = INT64_MAX}, {.life_ms = -1}};

    (void)state;
    set(&records[2].refresh_token, "alone");
    for (size_t i = 0; i < COUNT(records); i++) {
        accs_token_record again;
        accs_buffer bytes;

        accs_buffer_init(&bytes, BYTES_MAX);
        assert_int_equal(accs_token_record_write(&records[i], &bytes), ACCS_OK);
        assert_int_equal(accs_token_record_read(bytes.bytes, bytes.len, &again), ACCS_OK);
        assert_same(&records[i], &again);
        accs_token_record_cleanup(&again);
        accs_token_record_cleanup(&records[i]);
        accs_buffer_wipe(&bytes);
    }
}

/* The bytes of version 1, field by field. */
static const char ALL[] = "\1"
                          "\1\0\0\0\2at"
                          "\2\0\0\0\10\0\0\1\213\317\345\150\173"
                          "\3\0\0\0\10\0\0\0\0\0\0\0\1"
                          "\4\0\0\0\10\377\377\377\377\377\377\377\373"
                          "\5\0\0\0\2id"
                          "\6\0\0\0\2rt"
                          "\7\0\0\0\2pt"
                          "\10\0\0\0\10\200\0\0\0\0\0\0\0";

static void keeps_the_format_of_version_1(void **state)
{
    accs_token_record record = {.expires_wall_ms = 1700000000123,
                                .life_ms = 1,
                                .saved_wall_ms = -5,
                                .intent_wall_ms = INT64_MIN};
    accs_token_record again;
    accs_buffer bytes;

    (void)state;
    set(&record.access_token, "at");
    set(&record.id_token, "id");
    set(&record.refresh_token, "rt");
    set(&record.previous_refresh_token, "pt");
    accs_buffer_init(&bytes, BYTES_MAX);
    assert_int_equal(accs_buffer_append_text(&bytes, "before"), ACCS_OK);
    assert_int_equal(accs_token_record_write(&record, &bytes), ACCS_OK);
    assert_int_equal(bytes.len, 6 + sizeof ALL - 1);
    assert_memory_equal(bytes.bytes + 6, ALL, sizeof ALL - 1);
    assert_int_equal(accs_token_record_read(ALL, sizeof ALL - 1, &again), ACCS_OK);
    assert_same(&record, &again);
    accs_token_record_cleanup(&again);
    accs_token_record_cleanup(&record);
    accs_buffer_wipe(&bytes);
}

#define BYTES(text) text, sizeof(text) - 1

static void refuses(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } REFUSED[] = {
        {BYTES("")},
        {BYTES("\0")},
        {BYTES("\2")},                                    /* a newer version */
        {BYTES("\2\1\0\0\0\2at")},                        /* the same, and not read on */
        {BYTES("\1\1")},                                  /* cut in the head */
        {BYTES("\1\1\0\0\0")},                            /* the same */
        {BYTES("\1\1\0\0\0\2a")},                         /* cut in the value */
        {BYTES("\1\1\377\377\377\377at")},                /* a length beyond the end */
        {BYTES("\1\1\0\0\0\0")},                          /* an empty token */
        {BYTES("\1\1\0\0\0\3a\0t")},                      /* NUL in a token */
        {BYTES("\1\6\0\0\0\1\0")},                        /* NUL alone */
        {BYTES("\1\1\0\0\0\2at\1\0\0\0\2at")},            /* twice */
        {BYTES("\1\1\0\0\0\2at\7\0\0\0\1x\1\0\0\0\2bt")}, /* twice, apart */
        {BYTES("\1\3\0\0\0\10\0\0\0\0\0\0\0\1"
               "\3\0\0\0\10\0\0\0\0\0\0\0\1")},     /* a time twice */
        {BYTES("\1\3\0\0\0\7\0\0\0\0\0\0\1")},      /* a time of 7 bytes */
        {BYTES("\1\3\0\0\0\11\0\0\0\0\0\0\0\1\0")}, /* of 9 */
        {BYTES("\1\3\0\0\0\0")},                    /* of none */
        {BYTES("\1\11\0\0\0\2a")},                  /* an unknown field that is cut */
        {BYTES("\1\1\0\0\0\2at\0")},                /* more behind the last */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(REFUSED); i++) {
        accs_token_record record = {.life_ms = 77};
        char *bytes = malloc(REFUSED[i].len > 0 ? REFUSED[i].len : 1);

        memcpy(bytes, REFUSED[i].bytes, REFUSED[i].len);
        if (accs_token_record_read(bytes, REFUSED[i].len, &record) != ACCS_ERROR_PARSE)
            fail_msg("taken: case %zu", i);
        assert_int_equal(record.life_ms, 77); /* untouched */
        assert_null(record.access_token.bytes);
        free(bytes);
    }
}

/* Cut anywhere but between two fields. */
static void refuses_every_cut(void **state)
{
    static const size_t BETWEEN[] = {1, 8, 21, 34, 47, 54, 61, 68};

    (void)state;
    for (size_t len = 0; len < sizeof ALL - 1; len++) {
        accs_token_record record;
        char *cut = malloc(len > 0 ? len : 1);
        bool whole = false;
        accs_error error;

        memcpy(cut, ALL, len);
        for (size_t i = 0; i < COUNT(BETWEEN); i++)
            whole = whole || BETWEEN[i] == len;
        error = accs_token_record_read(cut, len, &record);
        if (error != (whole ? ACCS_OK : ACCS_ERROR_PARSE))
            fail_msg("cut to %zu bytes: %s", len, accs_error_name(error));
        if (error == ACCS_OK)
            accs_token_record_cleanup(&record);
        free(cut);
    }
}

/* Any bit changed: read as something else, or refused; what sees it is a sanitizer. */
static void survives_every_changed_bit(void **state)
{
    char *bytes = malloc(sizeof ALL - 1);
    size_t refused = 0;

    (void)state;
    memcpy(bytes, ALL, sizeof ALL - 1);
    for (size_t bit = 0; bit < (sizeof ALL - 1) * 8; bit++) {
        accs_token_record record;
        accs_error error;

        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        error = accs_token_record_read(bytes, sizeof ALL - 1, &record);
        assert_true(error == ACCS_OK || error == ACCS_ERROR_PARSE);
        if (error == ACCS_OK)
            accs_token_record_cleanup(&record);
        else
            refused++;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused > 200); /* lengths, most numbers, the version */
    free(bytes);
}

static void passes_over_what_is_newer(void **state)
{
    static const char bytes[] = "\1"
                                "\11\0\0\0\3new"
                                "\1\0\0\0\2at"
                                "\377\0\0\0\0"
                                "\11\0\0\0\3two"
                                "\3\0\0\0\10\0\0\0\0\0\0\0\1";
    accs_token_record record;

    (void)state;
    assert_int_equal(accs_token_record_read(bytes, sizeof bytes - 1, &record), ACCS_OK);
    assert_string_equal(record.access_token.bytes, "at");
    assert_int_equal(record.life_ms, 1);
    assert_null(record.id_token.bytes);
    accs_token_record_cleanup(&record);
}

static void keeps_to_the_ceilings(void **state)
{
    accs_token_record record = {.life_ms = 1};
    accs_token_record again;
    accs_buffer bytes;
    char *token = malloc(ACCS_LIMIT_TOKEN_MAX + 1);

    (void)state;
    memset(token, 't', ACCS_LIMIT_TOKEN_MAX + 1);
    accs_buffer_init(&bytes, BYTES_MAX);
    assert_int_equal(accs_secret_set(&record.refresh_token, token, ACCS_LIMIT_TOKEN_MAX), ACCS_OK);
    assert_int_equal(accs_token_record_write(&record, &bytes), ACCS_OK);
    assert_int_equal(accs_token_record_read(bytes.bytes, bytes.len, &again), ACCS_OK);
    assert_same(&record, &again);
    accs_token_record_cleanup(&again);
    /* one byte more, in each direction */
    bytes.bytes[bytes.len - 1 - ACCS_LIMIT_TOKEN_MAX]++; /* the length's last byte */
    assert_int_equal(accs_buffer_append(&bytes, "t", 1), ACCS_OK);
    assert_int_equal(accs_token_record_read(bytes.bytes, bytes.len, &again), ACCS_ERROR_PARSE);
    assert_int_equal(accs_secret_set(&record.refresh_token, token, ACCS_LIMIT_TOKEN_MAX + 1),
                     ACCS_OK);
    accs_buffer_clear(&bytes);
    assert_int_equal(accs_token_record_write(&record, &bytes), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(bytes.len, 0);
    accs_buffer_wipe(&bytes);
    /* a buffer that is too small for all of it gets nothing of it */
    set(&record.refresh_token, "refresh");
    accs_buffer_init(&bytes, 20);
    assert_int_equal(accs_token_record_write(&record, &bytes), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(bytes.len, 0);
    accs_buffer_wipe(&bytes);
    accs_token_record_cleanup(&record);
    free(token);
}

static void copies(void **state)
{
    accs_token_record from = full();
    accs_token_record to = {.life_ms = 5};

    (void)state;
    set(&to.access_token, "old-token-of-the-test");
    watch_wiping("old-token-of-the-test");
    assert_int_equal(accs_token_record_copy(&to, &from), ACCS_OK);
    assert_int_equal(wiped_count, 1);
    watch_wiping(NULL);
    assert_same(&to, &from);
    assert_ptr_not_equal(to.access_token.bytes, from.access_token.bytes);
    assert_int_equal(accs_token_record_copy(&to, &to), ACCS_OK); /* of itself */
    assert_same(&to, &from);
    accs_token_record_cleanup(&from);
    assert_int_equal(accs_token_record_copy(&to, &from), ACCS_OK); /* of an empty one */
    assert_null(to.access_token.bytes);
    assert_int_equal(to.life_ms, 0);
    accs_token_record_cleanup(&to);
}

/* Also what was read before the byte that is wrong. */
static void wipes_everything(void **state)
{
    static const char bytes[] = "\1"
                                "\1\0\0\0\24token-of-the-test-01"
                                "\5\0\0\0\24token-of-the-test-02"
                                "\3\0\0\0\1x";
    accs_token_record record = full();

    (void)state;
    watch_wiping("token-of-the-test");
    accs_token_record_cleanup(&record);
    assert_int_equal(wiped_count, 4);
    accs_token_record_cleanup(&record);
    assert_int_equal(wiped_count, 4);
    watch_wiping("token-of-the-test");
    assert_int_equal(accs_token_record_read(bytes, sizeof bytes - 1, &record), ACCS_ERROR_PARSE);
    assert_int_equal(wiped_count, 2);
    watch_wiping(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(keeps_the_format_of_version_1),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(survives_every_changed_bit),
        cmocka_unit_test(passes_over_what_is_newer),
        cmocka_unit_test(keeps_to_the_ceilings),
        cmocka_unit_test(copies),
        cmocka_unit_test(wipes_everything),
    };

    return cmocka_run_group_tests_name("token_record", tests, NULL, NULL);
}
