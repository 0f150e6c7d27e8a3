#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "header_block.h"

static void writes_headers_in_libcurls_notation(void **state)
{
    static const accs_header headers[] = {
        {"Accept", "application/json"}, {"X-Empty", ""}, {"Content-Type", NULL}, {"S", "1"}};
    static const char *const lines[] = {"Accept: application/json", "X-Empty;",
                                        "Content-Type:", "S: 1"};
    struct curl_slist tail = {.data = NULL, .next = NULL};
    struct curl_slist *block = accs_header_block_new(headers, 4, &tail);
    const struct curl_slist *node = block;

    (void)state;
    assert_non_null(block);
    assert_null(node->data); /* for the token's line */
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        node = node->next;
        assert_non_null(node);
        assert_string_equal(node->data, lines[i]);
    }
    assert_ptr_equal(node->next, &tail);
    free(block);
}

static void without_headers_there_is_room_for_the_token(void **state)
{
    struct curl_slist *block = accs_header_block_new(NULL, 0, NULL);

    (void)state;
    assert_non_null(block);
    assert_null(block->data);
    assert_null(block->next);
    free(block);
}

/* Every length of name and value: a sanitizer sees a byte too many. */
static void the_memory_suffices_for_every_length(void **state)
{
    char name[34];
    char value[34];

    (void)state;
    for (size_t name_len = 1; name_len < sizeof name; name_len++) {
        for (size_t value_len = 0; value_len < sizeof value; value_len++) {
            accs_header headers[] = {{name, value}, {name, NULL}, {name, value}};
            struct curl_slist *block;

            memset(name, 'n', name_len);
            name[name_len] = '\0';
            memset(value, 'v', value_len);
            value[value_len] = '\0';
            block = accs_header_block_new(headers, 3, NULL);
            assert_non_null(block);
            assert_int_equal(strlen(block->next->data),
                             name_len + (value_len > 0 ? 2 + value_len : 1));
            assert_int_equal(strlen(block->next->next->data), name_len + 1);
            assert_string_equal(block->next->next->next->data, block->next->data);
            free(block);
        }
    }
}

static void a_copy_is_made(void **state)
{
    char name[] = "Name";
    char value[] = "value";
    const accs_header header = {name, value};
    struct curl_slist *block = accs_header_block_new(&header, 1, NULL);

    (void)state;
    assert_non_null(block);
    memset(name, 'x', sizeof name - 1);
    memset(value, 'x', sizeof value - 1);
    assert_string_equal(block->next->data, "Name: value");
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_headers_in_libcurls_notation),
        cmocka_unit_test(without_headers_there_is_room_for_the_token),
        cmocka_unit_test(the_memory_suffices_for_every_length),
        cmocka_unit_test(a_copy_is_made),
    };

    return cmocka_run_group_tests_name("header_block", tests, NULL, NULL);
}
