/* What the tests of the JSON reader and writer share. */
#ifndef JSON_SUPPORT_H
#define JSON_SUPPORT_H

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "accs.h"
#include "buffer.h"

/* Random bits that are the same in every run (xorshift64*). */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* A finite double of random bits. */
static inline double random_double(uint64_t *state)
{
    double value;

    do {
        uint64_t bits = next_random(state);

        memcpy(&value, &bits, sizeof value);
    } while (value - value != 0.0);
    return value;
}

/* Runs the body while numbers have a comma in this process, then restores the locale. */
static inline void with_comma_locale(void (*body)(void))
{
    char folder[] = "/tmp/accs-locale-XXXXXX";
    char command[128];
    char number[16];

    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof command, "spec/support/comma_locale.sh %s", folder);
    assert_int_equal(0, system(command)); /* NOLINT(cert-env33-c): words of our own */
    assert_int_equal(0, setenv("LOCPATH", folder, 1));
    assert_non_null(setlocale(LC_NUMERIC, "xx_XX"));
    (void)snprintf(number, sizeof number, "%.1f", 1.5);
    assert_string_equal("1,5", number); /* else the test would prove nothing */
    body();
    assert_non_null(setlocale(LC_NUMERIC, "C"));
    assert_int_equal(0, unsetenv("LOCPATH"));
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(0, system(command)); /* NOLINT(cert-env33-c): words of our own */
}

#endif
