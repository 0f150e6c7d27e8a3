#include "retry_after.h"

#include "http_date.h"

enum { MS_PER_S = 1000 };

static const int64_t DELAY_MAX_S = INT64_MAX / 4 / MS_PER_S;

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Digits only, from one on; larger numbers end at DELAY_MAX_S. */
static bool parse_seconds(const char *value, size_t value_len, int64_t *seconds)
{
    int64_t sum = 0;

    for (size_t i = 0; i < value_len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return false;
        sum = sum * 10 + (value[i] - '0');
        if (sum > DELAY_MAX_S)
            sum = DELAY_MAX_S;
    }
    *seconds = sum;
    return value_len > 0;
}

accs_error accs_retry_after_parse(const char *value, size_t value_len, int64_t now_s,
                                  int64_t *delay_ms)
{
    int64_t seconds = 0;
    int64_t date_s = 0;

    while (value_len > 0 && blank(value[0])) {
        value++;
        value_len--;
    }
    while (value_len > 0 && blank(value[value_len - 1]))
        value_len--;
    if (!parse_seconds(value, value_len, &seconds)) {
        if (accs_http_date_parse(value, value_len, now_s, &date_s) != ACCS_OK)
            return ACCS_ERROR_PARSE;
        if (date_s <= now_s)
            seconds = 0;
        else /* a date lies within 400,000 years of 1970, so only now_s can be far off */
            seconds = now_s < date_s - DELAY_MAX_S ? DELAY_MAX_S : date_s - now_s;
    }
    *delay_ms = seconds * MS_PER_S;
    return ACCS_OK;
}
