#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "upload.h"

static char room[16];

static accs_upload made(int64_t length)
{
    accs_upload upload;

    accs_upload_init(&upload, length, true);
    accs_upload_restart(&upload);
    return upload;
}

static accs_error feed(accs_upload *upload, const char *text)
{
    return accs_upload_feed(upload, text, text != NULL ? strlen(text) : 0);
}

static void a_piece_is_asked_for_when_none_is_held(void **state)
{
    accs_upload upload = made(-1);

    (void)state;
    assert_true(accs_upload_hungry(&upload));
    assert_false(upload.pulled);
    assert_true(accs_upload_ask(&upload)); /* from the start */
    assert_true(upload.pulled);
    assert_false(accs_upload_hungry(&upload));
    assert_int_equal(feed(&upload, "hello"), ACCS_OK);
    assert_false(accs_upload_hungry(&upload));
    assert_int_equal(accs_upload_take(&upload, room, 3), 3);
    assert_memory_equal(room, "hel", 3);
    assert_false(accs_upload_hungry(&upload));
    assert_int_equal(accs_upload_take(&upload, room, sizeof room), 2);
    assert_memory_equal(room, "lo", 2);
    assert_true(accs_upload_hungry(&upload));
    assert_int_equal(accs_upload_take(&upload, room, sizeof room), 0);
    assert_false(accs_upload_ask(&upload));
    assert_int_equal(feed(&upload, ""), ACCS_OK); /* nothing yet */
    assert_true(accs_upload_hungry(&upload));
    accs_upload_ask(&upload);
    assert_int_equal(feed(&upload, NULL), ACCS_OK);
    assert_true(upload.ended);
    assert_false(accs_upload_hungry(&upload));
    accs_upload_cleanup(&upload);
}

static void what_nobody_asked_for_is_refused(void **state)
{
    size_t most = ACCS_LIMIT_STREAM_WINDOW;
    char *many = calloc(most + 1, 1);
    accs_upload upload = made(-1);

    (void)state;
    assert_non_null(many);
    assert_int_equal(feed(&upload, "x"), ACCS_ERROR_CONFIG);
    accs_upload_ask(&upload);
    assert_int_equal(accs_upload_feed(&upload, many, most + 1), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(accs_upload_feed(&upload, many, most), ACCS_OK);
    assert_int_equal(feed(&upload, "x"), ACCS_ERROR_CONFIG);
    free(many);
    accs_upload_cleanup(&upload);
}

static void the_length_announced_is_kept(void **state)
{
    accs_upload upload = made(5);

    (void)state;
    accs_upload_ask(&upload);
    assert_int_equal(feed(&upload, "hell"), ACCS_OK);
    accs_upload_take(&upload, room, sizeof room);
    accs_upload_ask(&upload);
    assert_int_equal(feed(&upload, NULL), ACCS_ERROR_IO); /* fewer */
    assert_true(upload.wrong);
    assert_false(accs_upload_hungry(&upload));

    accs_upload_restart(&upload);
    assert_false(upload.wrong);
    accs_upload_ask(&upload);
    assert_int_equal(feed(&upload, "hello!"), ACCS_ERROR_IO); /* more */
    assert_true(upload.wrong);

    accs_upload_restart(&upload);
    accs_upload_ask(&upload);
    assert_int_equal(feed(&upload, "hello"), ACCS_OK);
    assert_int_equal(accs_upload_take(&upload, room, sizeof room), 5);
    assert_false(accs_upload_hungry(&upload)); /* all is there */
    accs_upload_cleanup(&upload);
}

static void a_piece_of_an_earlier_attempt_is_dropped(void **state)
{
    accs_upload upload = made(-1);

    (void)state;
    accs_upload_ask(&upload);
    assert_int_equal(feed(&upload, "one"), ACCS_OK);
    accs_upload_take(&upload, room, sizeof room);
    accs_upload_ask(&upload);
    accs_upload_restart(&upload); /* while the source makes "two" */
    assert_false(accs_upload_hungry(&upload));
    assert_int_equal(feed(&upload, "two"), ACCS_OK);
    assert_int_equal(upload.held.len, 0);
    assert_true(accs_upload_hungry(&upload));
    assert_true(accs_upload_ask(&upload)); /* from the start */
    assert_int_equal(feed(&upload, "one"), ACCS_OK);
    assert_int_equal(accs_upload_take(&upload, room, sizeof room), 3);
    assert_int_equal(upload.fed, 3);

    accs_upload_ask(&upload);
    accs_upload_restart(&upload);
    assert_int_equal(feed(&upload, NULL), ACCS_OK); /* the end of that one, too */
    assert_false(upload.ended);
    accs_upload_cleanup(&upload);
    accs_upload_cleanup(&upload);
}

static void a_length_below_zero_is_not_known(void **state)
{
    accs_upload upload;

    (void)state;
    accs_upload_init(&upload, -5, true);
    assert_int_equal(upload.length, -1); /* libcurl refuses any other */
    accs_upload_cleanup(&upload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_is_asked_for_when_none_is_held),
        cmocka_unit_test(what_nobody_asked_for_is_refused),
        cmocka_unit_test(the_length_announced_is_kept),
        cmocka_unit_test(a_piece_of_an_earlier_attempt_is_dropped),
        cmocka_unit_test(a_length_below_zero_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
