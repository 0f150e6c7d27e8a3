/*
 * JSON numbers to C and back (RFC 8259, 6). Nothing here depends on the
 * process's locale: libc sees digits and an exponent, never a decimal point.
 */
#ifndef ACCS_JSON_NUMBER_H
#define ACCS_JSON_NUMBER_H

#include "accs.h"

enum { ACCS_JSON_NUMBER_MAX = 32 }; /* bytes enough for any double in its shortest form */

typedef struct accs_json_number {
    bool is_integer;  /* integer holds the value; otherwise number does */
    bool big_integer; /* the literal was an integer beyond 64 bit; number is the nearest double */
    int64_t integer;
    double number;
} accs_json_number;

/*
 * Reads a literal, which must fill all the bytes.
 *
 * "-0" is a float, since no integer keeps its sign. What rounds to zero is
 * zero.
 *
 * number  set on success
 *
 * Errors: ACCS_ERROR_PARSE (no JSON number), ACCS_ERROR_TOO_LARGE (beyond the
 * largest double: infinity would be a value that nobody sent).
 */
accs_error accs_json_number_parse(const char *bytes, size_t bytes_len, accs_json_number *number);

/*
 * The shortest literal that reads back as the same double. It always has a
 * point or an exponent, so that it reads back as a float.
 *
 * value  finite
 * out    set; not ended by NUL
 *
 * Returns the bytes written.
 */
size_t accs_json_number_format(double value, char out[ACCS_JSON_NUMBER_MAX]);

#endif
