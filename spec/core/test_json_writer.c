#include "json_support.h"

enum { LOG_MAX = 1 << 20, DEPTH = 3000 };

static accs_json_writer *new_writer(void)
{
    accs_json_writer *writer = NULL;

    assert_int_equal(ACCS_OK, accs_json_writer_new(LOG_MAX, &writer));
    return writer;
}

/* Checks what was written, and frees the writer. */
static void check_written(accs_json_writer *writer, const char *expected)
{
    const char *bytes = NULL;
    size_t bytes_len = 0;

    assert_int_equal(ACCS_OK, accs_json_writer_bytes(writer, &bytes, &bytes_len));
    assert_int_equal(strlen(expected), bytes_len);
    assert_memory_equal(expected, bytes, bytes_len);
    accs_json_writer_free(writer);
}

static void test_structure(void **state)
{
    accs_json_writer *writer = new_writer();

    (void)state;
    assert_int_equal(ACCS_OK, accs_json_write_object(writer));
    assert_int_equal(ACCS_OK, accs_json_write_key(writer, "a", 1));
    assert_int_equal(ACCS_OK, accs_json_write_array(writer));
    assert_int_equal(ACCS_OK, accs_json_write_integer(writer, 1));
    assert_int_equal(ACCS_OK, accs_json_write_string(writer, "x", 1));
    assert_int_equal(ACCS_OK, accs_json_write_array(writer));
    assert_int_equal(ACCS_OK, accs_json_write_array_end(writer));
    assert_int_equal(ACCS_OK, accs_json_write_object(writer));
    assert_int_equal(ACCS_OK, accs_json_write_object_end(writer));
    assert_int_equal(ACCS_OK, accs_json_write_array_end(writer));
    assert_int_equal(ACCS_OK, accs_json_write_key(writer, "b", 1));
    assert_int_equal(ACCS_OK, accs_json_write_bool(writer, true));
    assert_int_equal(ACCS_OK, accs_json_write_key(writer, "", 0));
    assert_int_equal(ACCS_OK, accs_json_write_bool(writer, false));
    assert_int_equal(ACCS_OK, accs_json_write_key(writer, "c", 1));
    assert_int_equal(ACCS_OK, accs_json_write_null(writer));
    assert_int_equal(ACCS_OK, accs_json_write_object_end(writer));
    check_written(writer, "{\"a\":[1,\"x\",[],{}],\"b\":true,\"\":false,\"c\":null}");
}

static void test_scalars(void **state)
{
    accs_json_writer *writer = new_writer();

    (void)state;
    assert_int_equal(ACCS_OK, accs_json_write_integer(writer, INT64_MIN));
    check_written(writer, "-9223372036854775808");
    writer = new_writer();
    assert_int_equal(ACCS_OK, accs_json_write_integer(writer, INT64_MAX));
    check_written(writer, "9223372036854775807");
    writer = new_writer();
    assert_int_equal(ACCS_OK, accs_json_write_string(writer, NULL, 0));
    check_written(writer, "\"\"");
}

/* A step of a misplaced sequence. */
typedef accs_error (*step)(accs_json_writer *);

static accs_error write_key(accs_json_writer *writer)
{
    return accs_json_write_key(writer, "k", 1);
}

static accs_error write_text(accs_json_writer *writer)
{
    return accs_json_write_string(writer, "v", 1);
}

static accs_error write_one(accs_json_writer *writer)
{
    return accs_json_write_integer(writer, 1);
}

static void test_misplaced(void **state)
{
    /* The last step of each is wrong, the others are right. */
    static const struct {
        step steps[4];
    } cases[] = {
        {{write_key}},
        {{accs_json_write_object_end}},
        {{accs_json_write_array_end}},
        {{write_one, write_one}},
        {{write_one, accs_json_write_array}},
        {{accs_json_write_array, write_key}},
        {{accs_json_write_array, accs_json_write_object_end}},
        {{accs_json_write_array, accs_json_write_array_end, write_one}},
        {{accs_json_write_array, accs_json_write_array_end, accs_json_write_array_end}},
        {{accs_json_write_object, write_text}},
        {{accs_json_write_object, write_one}},
        {{accs_json_write_object, accs_json_write_null}},
        {{accs_json_write_object, accs_json_write_object}},
        {{accs_json_write_object, accs_json_write_array}},
        {{accs_json_write_object, accs_json_write_array_end}},
        {{accs_json_write_object, write_key, write_key}},
        {{accs_json_write_object, write_key, accs_json_write_object_end}},
        {{accs_json_write_object, write_key, write_one, write_one}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_json_writer *writer = new_writer();
        const char *bytes = NULL;
        size_t bytes_len = 0;
        size_t last = 0;

        while (last < 3 && cases[i].steps[last + 1] != NULL)
            last++;
        for (size_t at = 0; at < last; at++)
            assert_int_equal(ACCS_OK, cases[i].steps[at](writer));
        assert_int_equal(ACCS_ERROR_CONFIG, cases[i].steps[last](writer));
        /* From then on nothing else. */
        assert_int_equal(ACCS_ERROR_CONFIG, write_one(writer));
        assert_int_equal(ACCS_ERROR_CONFIG, write_key(writer));
        assert_int_equal(ACCS_ERROR_CONFIG, accs_json_write_array(writer));
        assert_int_equal(ACCS_ERROR_CONFIG, accs_json_write_object_end(writer));
        assert_int_equal(ACCS_ERROR_CONFIG, accs_json_writer_bytes(writer, &bytes, &bytes_len));
        assert_null(bytes);
        accs_json_writer_free(writer);
    }
    accs_json_writer_free(NULL);
}

static void test_unfinished(void **state)
{
    accs_json_writer *writer = new_writer();
    const char *bytes = NULL;
    size_t bytes_len = 0;

    (void)state;
    assert_int_equal(ACCS_ERROR_CONFIG, accs_json_writer_bytes(writer, &bytes, &bytes_len));
    assert_int_equal(ACCS_OK, accs_json_write_array(writer));
    assert_int_equal(ACCS_ERROR_CONFIG, accs_json_writer_bytes(writer, &bytes, &bytes_len));
    assert_int_equal(ACCS_OK, accs_json_write_array_end(writer)); /* asking did no harm */
    check_written(writer, "[]");
}

static void test_text(void **state)
{
    static const struct {
        const char *text;
        size_t text_len;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"plain", 5, "\"plain\""},
        {"a/b", 3, "\"a/b\""},
        {"\"\\", 2, "\"\\\"\\\\\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0a\x1f\x7f", 4, "\"\\u0000a\\u001f\x7f\""},
        {"Z\xc3\xbcrich", 7, "\"Z\xc3\xbcrich\""},
        {"\xf0\x9f\x98\x80\n\xe2\x82\xac", 8, "\"\xf0\x9f\x98\x80\\n\xe2\x82\xac\""},
        {"12345678\n12345678", 17, "\"12345678\\n12345678\""},
        {"\xc3", 1, NULL},
        {"\xc3"
         "a",
         2, NULL},
        {"ab\xff", 3, NULL},
        {"\xc0\x80", 2, NULL},
        {"\xed\xa0\x80", 3, NULL},
        {"\xf4\x90\x80\x80", 4, NULL},
        {"\xe2\x82", 2, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        accs_json_writer *writer = new_writer();
        accs_error error = accs_json_write_string(writer, cases[i].text, cases[i].text_len);

        if (cases[i].expected != NULL) {
            assert_int_equal(ACCS_OK, error);
            check_written(writer, cases[i].expected);
        } else {
            assert_int_equal(ACCS_ERROR_PARSE, error);
            assert_int_equal(ACCS_ERROR_PARSE, write_one(writer));
            accs_json_writer_free(writer);
        }
        writer = new_writer();
        assert_int_equal(ACCS_OK, accs_json_write_object(writer));
        error = accs_json_write_key(writer, cases[i].text, cases[i].text_len);
        assert_int_equal(cases[i].expected != NULL ? ACCS_OK : ACCS_ERROR_PARSE, error);
        accs_json_writer_free(writer);
    }
}

static void check_float(double value, const char *expected)
{
    accs_json_writer *writer = new_writer();

    assert_int_equal(ACCS_OK, accs_json_write_float(writer, value));
    check_written(writer, expected);
}

static void check_floats(void)
{
    check_float(0.0, "0.0");
    check_float(-0.0, "-0.0");
    check_float(1.0, "1.0");
    check_float(-34.0, "-34.0");
    check_float(34.95, "34.95");
    check_float(0.1, "0.1");
    check_float(0.1 + 0.2, "0.30000000000000004");
    check_float(1.0 / 3.0, "0.3333333333333333");
    check_float(123456.789, "123456.789");
    check_float(0.00001, "0.00001");
    check_float(0.000001, "1e-6");
    check_float(1.25e-9, "1.25e-9");
    check_float(9007199254740993.0, "9007199254740992.0");
    check_float(1e15, "1000000000000000.0");
    check_float(9999999999999998.0, "9999999999999998.0");
    check_float(1e16, "1e16");
    check_float(1e22, "1e22");
    check_float(1e23, "1e23");
    check_float(-1.5e300, "-1.5e300");
    check_float(0x1.fffffffffffffp1023, "1.7976931348623157e308");
    check_float(0x1p-1022, "2.2250738585072014e-308");
    check_float(0x1p-1074, "5e-324");
    check_float(0x1p-44, "5.684341886080802e-14"); /* its nearest 16 digits do not read back */
    check_float(0x1p89, "6.189700196426902e26");
}

static void test_floats(void **state)
{
    (void)state;
    check_floats();
}

static void test_floats_in_a_comma_locale(void **state)
{
    (void)state;
    with_comma_locale(check_floats);
}

static void test_no_form(void **state)
{
    static const double values[] = {1e308 * 10, -1e308 * 10, (1e308 * 10) - (1e308 * 10)};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        accs_json_writer *writer = new_writer();

        assert_int_equal(ACCS_ERROR_PARSE, accs_json_write_float(writer, values[i]));
        accs_json_writer_free(writer);
    }
}

/* The significant digits of a literal. */
static int count_digits(const char *text)
{
    char digits[64];
    int count = 0;
    int start = 0;

    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9')
            digits[count++] = *text;
    }
    while (count > 1 && digits[count - 1] == '0')
        count--;
    while (start < count - 1 && digits[start] == '0')
        start++;
    return count - start;
}

/* libc is the oracle: each literal reads back the same, and none has a digit too many. */
static void test_random_floats(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        accs_json_writer *writer = new_writer();
        double value = random_double(&seed);
        double back;
        const char *bytes;
        size_t bytes_len;
        char text[64];
        char shorter[64];
        int digits;

        if (i % 2 == 0) /* amounts of money, for half of them */
            value = (double)(int64_t)(next_random(&seed) % 100000000) / 10000.0;
        assert_int_equal(ACCS_OK, accs_json_write_float(writer, value));
        assert_int_equal(ACCS_OK, accs_json_writer_bytes(writer, &bytes, &bytes_len));
        assert_true(bytes_len < sizeof text);
        memcpy(text, bytes, bytes_len);
        text[bytes_len] = '\0';
        back = strtod(text, NULL);
        assert_memory_equal(&value, &back, sizeof value);
        assert_non_null(strpbrk(text, ".e"));
        digits = count_digits(text);
        if (digits > 1) {
            (void)snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
            assert_true(strtod(shorter, NULL) != value);
        }
        accs_json_writer_free(writer);
    }
}

static void test_ceiling(void **state)
{
    accs_json_writer *writer = NULL;

    (void)state;
    assert_int_equal(ACCS_OK, accs_json_writer_new(7, &writer));
    assert_int_equal(ACCS_OK, accs_json_write_string(writer, "12345", 5));
    check_written(writer, "\"12345\"");
    assert_int_equal(ACCS_OK, accs_json_writer_new(7, &writer));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, accs_json_write_string(writer, "123456", 6));
    assert_int_equal(ACCS_ERROR_TOO_LARGE, accs_json_write_null(writer));
    accs_json_writer_free(writer);
}

static void test_depth(void **state)
{
    accs_json_writer *writer = new_writer();
    const char *bytes;
    size_t bytes_len;

    (void)state;
    for (int i = 0; i < DEPTH; i++)
        assert_int_equal(ACCS_OK, accs_json_write_array(writer));
    for (int i = 0; i < DEPTH; i++)
        assert_int_equal(ACCS_OK, accs_json_write_array_end(writer));
    assert_int_equal(ACCS_OK, accs_json_writer_bytes(writer, &bytes, &bytes_len));
    assert_int_equal(2 * DEPTH, bytes_len);
    accs_json_writer_free(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_floats_in_a_comma_locale),
        cmocka_unit_test(test_no_form),
        cmocka_unit_test(test_random_floats),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
