#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "secret.h"

static void holds_what_was_appended(void **state)
{
    accs_buffer buffer;

    (void)state;
    accs_buffer_init(&buffer, 1000);
    assert_null(buffer.bytes);
    for (int i = 0; i < 100; i++)
        assert_int_equal(accs_buffer_append(&buffer, "0123456789", 10), ACCS_OK);
    assert_int_equal(buffer.len, 1000);
    assert_int_equal(buffer.bytes[1000], '\0');
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(buffer.bytes[i], '0' + (int)(i % 10));
    accs_buffer_cleanup(&buffer);
    accs_buffer_cleanup(&buffer);
    assert_null(buffer.bytes);
}

static void stays_below_its_ceiling(void **state)
{
    accs_buffer buffer;

    (void)state;
    accs_buffer_init(&buffer, 5);
    assert_int_equal(accs_buffer_append_text(&buffer, "abc"), ACCS_OK);
    assert_int_equal(accs_buffer_append_text(&buffer, "def"), ACCS_ERROR_TOO_LARGE);
    assert_string_equal(buffer.bytes, "abc");
    assert_int_equal(accs_buffer_append_text(&buffer, "de"), ACCS_OK);
    assert_int_equal(accs_buffer_append(&buffer, "", 0), ACCS_OK);
    assert_int_equal(accs_buffer_append(&buffer, "f", 1), ACCS_ERROR_TOO_LARGE);
    assert_int_equal(accs_buffer_reserve(&buffer, SIZE_MAX), ACCS_ERROR_TOO_LARGE);
    assert_string_equal(buffer.bytes, "abcde");
    accs_buffer_cleanup(&buffer);
    accs_buffer_init(&buffer, SIZE_MAX);
    assert_int_equal(accs_buffer_append_text(&buffer, "x"), ACCS_OK);
    assert_int_equal(accs_buffer_reserve(&buffer, SIZE_MAX - 8), ACCS_ERROR_MEMORY);
    assert_string_equal(buffer.bytes, "x");
    accs_buffer_cleanup(&buffer);
}

static void reserves_room_to_write_in(void **state)
{
    accs_buffer buffer;
    const char *before;

    (void)state;
    accs_buffer_init(&buffer, 100000);
    for (size_t more = 1; more < 90000; more *= 3) {
        assert_int_equal(accs_buffer_reserve(&buffer, more), ACCS_OK);
        assert_true(buffer.capacity > buffer.len + more);
        memset(buffer.bytes + buffer.len, 'x', more);
    }
    before = buffer.bytes;
    assert_int_equal(accs_buffer_append_text(&buffer, "kept"), ACCS_OK);
    accs_buffer_clear(&buffer);
    assert_string_equal(buffer.bytes, "");
    assert_ptr_equal(buffer.bytes, before);
    accs_buffer_wipe(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.max, 100000);
}

static void hands_over_its_bytes(void **state)
{
    accs_buffer buffer;
    size_t len = 1;
    char *bytes;

    (void)state;
    accs_buffer_init(&buffer, 10);
    assert_null(accs_buffer_take(&buffer, &len));
    assert_int_equal(len, 0);
    assert_int_equal(accs_buffer_append(&buffer, "a\0b", 3), ACCS_OK);
    bytes = accs_buffer_take(&buffer, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    free(bytes);
    assert_int_equal(buffer.len, 0);
    assert_null(buffer.bytes);
    assert_int_equal(accs_buffer_append_text(&buffer, "0123456789"), ACCS_OK);
    accs_buffer_clear(&buffer);
    assert_null(accs_buffer_take(&buffer, NULL));
    assert_null(buffer.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_appended),
        cmocka_unit_test(stays_below_its_ceiling),
        cmocka_unit_test(reserves_room_to_write_in),
        cmocka_unit_test(hands_over_its_bytes),
    };

    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
