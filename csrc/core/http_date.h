/* HTTP dates: the three forms of RFC 9110, 5.6.7, and nothing else. */
#ifndef ACCS_HTTP_DATE_H
#define ACCS_HTTP_DATE_H

#include "accs.h"

/*
 * Pure. A day that the month does not have, a wrong length, a zone other than
 * GMT, or text behind the date is refused; the weekday's name must be one, but
 * need not fit the date. A two-digit year is the latest that is at most 50 years ahead of now_s.
 * Second 60 (a leap second) is read as the next second.
 *
 * value    need not end in NUL
 * now_s    wall clock, for two-digit years; taken for 1970 or 9999 when out of that range
 * date_s   set on success: seconds since 1970-01-01 UTC
 *
 * Returns ACCS_OK or ACCS_ERROR_PARSE.
 */
accs_error accs_http_date_parse(const char *value, size_t value_len, int64_t now_s,
                                int64_t *date_s);

#endif
