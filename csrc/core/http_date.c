#include "http_date.h"

#include <string.h>

enum { SECONDS_PER_DAY = 86400, YEARS_AHEAD_MAX = 50 };

/* The clock is clamped to what a date can say, so that no sum overflows: 9999-12-31T23:59:59Z. */
static const int64_t NOW_MAX = 253402300799;

static const char *const DAYS[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};
static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* What is left of the value. */
typedef struct cursor {
    const char *bytes;
    size_t len;
} cursor;

typedef struct date_parts {
    int64_t year;
    int month; /* from 1 */
    int day;   /* from 1 */
    int hour;
    int minute;
    int second; /* up to 60 */
} date_parts;

static bool take_text(cursor *at, const char *text)
{
    size_t len = strlen(text);

    if (at->len < len || memcmp(at->bytes, text, len) != 0)
        return false;
    at->bytes += len;
    at->len -= len;
    return true;
}

static bool take_number(cursor *at, size_t digits, int *number)
{
    int sum = 0;

    if (at->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (at->bytes[i] < '0' || at->bytes[i] > '9')
            return false;
        sum = sum * 10 + (at->bytes[i] - '0');
    }
    at->bytes += digits;
    at->len -= digits;
    *number = sum;
    return true;
}

static bool take_month(cursor *at, int *month)
{
    if (at->len < 3)
        return false;
    for (int i = 0; i < 12; i++) {
        if (memcmp(at->bytes, MONTHS + (ptrdiff_t)i * 3, 3) == 0) {
            at->bytes += 3;
            at->len -= 3;
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time(cursor *at, date_parts *parts)
{
    return take_number(at, 2, &parts->hour) && take_text(at, ":") &&
           take_number(at, 2, &parts->minute) && take_text(at, ":") &&
           take_number(at, 2, &parts->second);
}

/* A weekday's name, whole or its first three letters, then what must follow it. */
static bool take_weekday(cursor *at, bool whole, const char *then)
{
    for (size_t i = 0; i < sizeof DAYS / sizeof DAYS[0]; i++) {
        size_t len = whole ? strlen(DAYS[i]) : 3;

        if (at->len >= len && memcmp(at->bytes, DAYS[i], len) == 0) {
            at->bytes += len;
            at->len -= len;
            return take_text(at, then);
        }
    }
    return false;
}

/* Days from 1970-01-01 in the Gregorian calendar, for year 0 and later. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* a year that begins in March: the leap day last */
    int64_t m = month <= 2 ? month + 9 : month - 3;

    y += 400; /* one cycle of the calendar, so that nothing divided is negative */
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468 - 146097;
}

static int64_t seconds_of(const date_parts *parts)
{
    int64_t hours = days_of(parts->year, parts->month, parts->day) * 24 + parts->hour;

    return (hours * 60 + parts->minute) * 60 + parts->second;
}

static bool in_range(const date_parts *parts)
{
    static const int LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = parts->year % 4 == 0 && (parts->year % 100 != 0 || parts->year % 400 == 0);
    int length = LENGTHS[parts->month - 1] + (leap && parts->month == 2 ? 1 : 0);

    return parts->day >= 1 && parts->day <= length && parts->hour <= 23 && parts->minute <= 59 &&
           parts->second <= 60; /* RFC 9110 lets a leap second through */
}

/* The year of a moment: a guess that is right but for the edges, then put right. */
static int64_t year_of(int64_t moment_s)
{
    int64_t days = moment_s / SECONDS_PER_DAY;
    int64_t year = 1970 + days * 400 / 146097;

    while (days_of(year, 1, 1) > days)
        year--;
    while (days_of(year + 1, 1, 1) <= days)
        year++;
    return year;
}

/* Puts a century before a two-digit year: the latest that is at most 50 years ahead. */
static void add_century(date_parts *parts, int64_t now_s)
{
    int64_t now = now_s < 0 ? 0 : now_s > NOW_MAX ? NOW_MAX : now_s;
    int64_t this_year = year_of(now);
    int64_t latest = this_year + YEARS_AHEAD_MAX;
    date_parts earlier = *parts;

    earlier.year = this_year; /* the date as it would be, were its year the latest one */
    if (parts->year == latest % 100 && seconds_of(&earlier) > now)
        latest--;
    parts->year += latest / 100 * 100;
    if (parts->year > latest)
        parts->year -= 100;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool parse_fixdate(cursor at, date_parts *parts)
{
    int year = 0;

    if (!take_weekday(&at, false, ", ") || !take_number(&at, 2, &parts->day) ||
        !take_text(&at, " ") || !take_month(&at, &parts->month) || !take_text(&at, " ") ||
        !take_number(&at, 4, &year) || !take_text(&at, " ") || !take_time(&at, parts) ||
        !take_text(&at, " GMT"))
        return false;
    parts->year = year;
    return at.len == 0;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool parse_rfc850(cursor at, int64_t now_s, date_parts *parts)
{
    int year = 0;

    if (!take_weekday(&at, true, ", ") || !take_number(&at, 2, &parts->day) ||
        !take_text(&at, "-") || !take_month(&at, &parts->month) || !take_text(&at, "-") ||
        !take_number(&at, 2, &year) || !take_text(&at, " ") || !take_time(&at, parts) ||
        !take_text(&at, " GMT"))
        return false;
    parts->year = year;
    add_century(parts, now_s);
    return at.len == 0;
}

/* Sun Nov  6 08:49:37 1994 */
static bool parse_asctime(cursor at, date_parts *parts)
{
    int year = 0;

    if (!take_weekday(&at, false, " ") || !take_month(&at, &parts->month) || !take_text(&at, " "))
        return false;
    if (!take_number(&at, take_text(&at, " ") ? 1 : 2, &parts->day))
        return false;
    if (!take_text(&at, " ") || !take_time(&at, parts) || !take_text(&at, " ") ||
        !take_number(&at, 4, &year))
        return false;
    parts->year = year;
    return at.len == 0;
}

accs_error accs_http_date_parse(const char *value, size_t value_len, int64_t now_s, int64_t *date_s)
{
    cursor at = {value, value_len};
    date_parts parts = {0};

    if (!parse_fixdate(at, &parts) && !parse_rfc850(at, now_s, &parts) &&
        !parse_asctime(at, &parts))
        return ACCS_ERROR_PARSE;
    if (!in_range(&parts))
        return ACCS_ERROR_PARSE;
    *date_s = seconds_of(&parts);
    return ACCS_OK;
}
