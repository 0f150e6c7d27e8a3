#include "json_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Significant digits that can decide a rounding; one more stands for all that follow. */
    DIGITS_MAX = 770,
    /* Beyond this an exponent means zero or infinity, whatever the digits. */
    EXPONENT_MAX = 1000000000,
    EXACT_POWER_MAX = 22, /* the largest power of ten that a double holds exactly */
    ROUND_TRIP_DIGITS = 17,
};

/* A number as digits * 10^exponent. */
typedef struct decimal {
    const char *whole; /* the digits before the point */
    size_t whole_len;
    const char *part; /* the digits behind it */
    size_t part_len;
    int64_t exponent; /* as written, held within EXPONENT_MAX */
    bool negative;
    bool is_integer; /* neither point nor exponent */
} decimal;

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - start);
}

/* Reads "e+12" at *at, when there is one. False when it is broken. */
static bool split_exponent(const char **at, const char *end, int64_t *exponent)
{
    bool negative = false;
    int64_t value = 0;
    size_t len;

    if (*at == end || (**at | 0x20) != 'e')
        return true;
    ++*at;
    if (*at < end && (**at == '+' || **at == '-')) {
        negative = **at == '-';
        ++*at;
    }
    len = count_digits(*at, end);
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        value = value * 10 + ((*at)[i] - '0');
        if (value > EXPONENT_MAX)
            value = EXPONENT_MAX;
    }
    *at += len;
    *exponent = negative ? -value : value;
    return true;
}

/* Takes a literal apart by the grammar of RFC 8259, 6. False when it is none. */
static bool split(const char *at, const char *end, decimal *parts)
{
    parts->negative = at < end && *at == '-';
    if (parts->negative)
        at++;
    parts->whole = at;
    parts->whole_len = count_digits(at, end);
    if (parts->whole_len == 0 || (parts->whole_len > 1 && *at == '0'))
        return false;
    at += parts->whole_len;
    parts->part = at;
    parts->part_len = 0;
    parts->exponent = 0;
    parts->is_integer = at == end;
    if (parts->is_integer)
        return true;
    if (*at == '.') {
        at++;
        parts->part = at;
        parts->part_len = count_digits(at, end);
        if (parts->part_len == 0)
            return false;
        at += parts->part_len;
    }
    return split_exponent(&at, end, &parts->exponent) && at == end;
}

/*
 * The nearest double to digits * 10^exponent, where that is cheap; else false.
 *
 * When the digits fit 53 bits and the power of ten is exact, one multiplication
 * or division rounds once and so rightly (W. D. Clinger, "How to Read Floating
 * Point Numbers Accurately", 1990). It needs arithmetic in double precision.
 */
static bool exact(uint64_t digits, int64_t exponent, double *value)
{
    static const double powers[EXACT_POWER_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (FLT_EVAL_METHOD != 0 || digits > UINT64_C(1) << DBL_MANT_DIG ||
        exponent > EXACT_POWER_MAX || exponent < -EXACT_POWER_MAX)
        return false;
    *value = exponent < 0 ? (double)digits / powers[-exponent] : (double)digits * powers[exponent];
    return true;
}

static char digit_at(const decimal *parts, size_t i)
{
    return i < parts->whole_len ? parts->whole[i] : parts->part[i - parts->whole_len];
}

/*
 * The general way: libc's strtod() over "<digits>e<exponent>". It rounds
 * rightly, and without a decimal point no locale has a say.
 */
static double rounded(const decimal *parts)
{
    char text[DIGITS_MAX + 32];
    size_t len = 0;
    int64_t exponent = parts->exponent;
    size_t total = parts->whole_len + parts->part_len;
    size_t i = 0;

    for (; i < total && len < DIGITS_MAX; i++) {
        char digit = digit_at(parts, i);

        if (digit != '0' || len > 0)
            text[len++] = digit;
        if (i >= parts->whole_len)
            exponent--;
    }
    if (len == 0)
        return 0.0;
    if (i < parts->whole_len)
        exponent += (int64_t)(parts->whole_len - i);
    for (; i < total && text[len - 1] == '0'; i++) { /* "and something more" is all that matters */
        if (digit_at(parts, i) != '0')
            text[len - 1] = '1';
    }
    snprintf(text + len, sizeof text - len, "e%lld", (long long)exponent);
    return strtod(text, NULL);
}

/* Folds a run of digits into *value; false when that passes 64 bit. */
static bool fold(const char *digits, size_t len, uint64_t *value)
{
    uint64_t sum = *value;

    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(digits[i] - '0');

        if (sum > UINT64_MAX / 10 || (sum == UINT64_MAX / 10 && digit > UINT64_MAX % 10))
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

accs_error accs_json_number_parse(const char *bytes, size_t bytes_len, accs_json_number *number)
{
    decimal parts;
    uint64_t digits = 0;
    bool fits;
    double value;

    if (!split(bytes, bytes + bytes_len, &parts))
        return ACCS_ERROR_PARSE;
    fits = fold(parts.whole, parts.whole_len, &digits);
    number->is_integer = false;
    number->big_integer = false;
    if (parts.is_integer) {
        uint64_t most = (uint64_t)INT64_MAX + (parts.negative ? 1 : 0);

        if (fits && digits <= most && !(parts.negative && digits == 0)) {
            number->is_integer = true;
            /* Negated as unsigned, so that the smallest integer does not overflow. */
            number->integer = (int64_t)(parts.negative ? 0 - digits : digits);
            return ACCS_OK;
        }
        number->big_integer = digits != 0 || !fits;
    }
    fits = fits && fold(parts.part, parts.part_len, &digits);
    if (!fits || !exact(digits, parts.exponent - (int64_t)parts.part_len, &value))
        value = rounded(&parts);
    if (isinf(value))
        return ACCS_ERROR_TOO_LARGE;
    number->number = parts.negative ? -value : value;
    return ACCS_OK;
}

/* Whether digits * 10^exponent reads back as value (positive). */
static bool reads_back(uint64_t digits, int exponent, double value)
{
    char text[48];
    double back;

    if (exact(digits, exponent, &back))
        return back == value;
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
    return strtod(text, NULL) == value;
}

/* The nearest decimal of so many significant digits: value is about digits * 10^exponent. */
static uint64_t nearest(double value, int significant, int *exponent)
{
    char text[48];
    uint64_t digits = 0;
    const char *at = text;

    snprintf(text, sizeof text, "%.*e", significant - 1, value);
    for (; *at != 'e'; at++) { /* what is no digit is the locale's point */
        if (*at >= '0' && *at <= '9')
            digits = digits * 10 + (uint64_t)(*at - '0');
    }
    *exponent = (int)strtol(at + 1, NULL, 10) - (significant - 1);
    return digits;
}

/*
 * Amounts of money and their like: up to four decimals, 15 digits in all. No two decimals of
 * so few digits are the same double, so the one that reads back is the shortest.
 */
static bool few_decimals(double value, uint64_t *digits, int *exponent)
{
    double scale = 1.0;

    for (int decimals = 0; decimals <= 4; decimals++) {
        double scaled = value * scale;
        double back;

        if (scaled >= 1e15)
            return false;
        *digits = (uint64_t)(scaled + 0.5);
        *exponent = -decimals;
        if (exact(*digits, -decimals, &back) && back == value)
            return true;
        scale *= 10.0;
    }
    return false;
}

/* The general way: one digit more until it reads back. */
static uint64_t search(double value, int *exponent)
{
    /* Below the normal range fewer digits may do; elsewhere 15 always survive. */
    int significant = value < DBL_MIN ? 1 : DBL_DIG;

    for (;; significant++) {
        uint64_t digits = nearest(value, significant, exponent);

        if (significant == ROUND_TRIP_DIGITS || reads_back(digits, *exponent, value))
            return digits;
        /* Above a power of two doubles lie wider than below, so the second nearest may do. */
        if (significant == DBL_DIG + 1 && reads_back(digits + 1, *exponent, value))
            return digits + 1;
    }
}

/* The shortest digits * 10^exponent that reads back as value (positive, finite). */
static uint64_t shortest(double value, int *exponent)
{
    uint64_t digits;

    if (!few_decimals(value, &digits, exponent))
        digits = search(value, exponent);
    while (digits % 10 == 0) {
        digits /= 10;
        ++*exponent;
    }
    return digits;
}

size_t accs_json_number_format(double value, char out[ACCS_JSON_NUMBER_MAX])
{
    char digits[24];
    int exponent;
    int len;
    int point; /* digits before the decimal point */
    size_t at = 0;

    if (signbit(value))
        out[at++] = '-';
    if (value == 0.0) {
        memcpy(out + at, "0.0", 3);
        return at + 3;
    }
    len = snprintf(digits, sizeof digits, "%llu",
                   (unsigned long long)shortest(fabs(value), &exponent));
    point = len + exponent;
    if (point > 0 && point <= ROUND_TRIP_DIGITS - 1) { /* 1250.0, 12.5 */
        for (int i = 0; i < point; i++)
            out[at++] = i < len ? digits[i] : '0';
        out[at++] = '.';
        if (len <= point)
            out[at++] = '0';
        for (int i = point; i < len; i++)
            out[at++] = digits[i];
        return at;
    }
    if (point > -5 && point <= 0) { /* 0.00125 */
        memcpy(out + at, "0.0000", 6);
        at += 2 + (size_t)-point;
        memcpy(out + at, digits, (size_t)len);
        return at + (size_t)len;
    }
    out[at++] = digits[0]; /* 1.25e-9 */
    if (len > 1) {
        out[at++] = '.';
        memcpy(out + at, digits + 1, (size_t)len - 1);
        at += (size_t)len - 1;
    }
    return at + (size_t)snprintf(out + at, ACCS_JSON_NUMBER_MAX - at, "e%d", point - 1);
}
