/* The Retry-After field. */
#ifndef ACCS_RETRY_AFTER_H
#define ACCS_RETRY_AFTER_H

#include "accs.h"

/*
 * The delay that a Retry-After field asks for.
 *
 * Pure: reads no clock, keeps nothing.
 *
 * value      field value as received; need not end in NUL; blanks around it are skipped
 * value_len  bytes
 * now_s      wall clock, seconds since 1970-01-01 UTC (for the date form)
 * delay_ms   set on success: milliseconds after now_s, 0 for a date gone by.
 *            Not capped below INT64_MAX / 4; that is the retry policy's part.
 *
 * Returns ACCS_OK, or ACCS_ERROR_PARSE for anything that is neither a count of
 * seconds (digits only) nor an HTTP date; then *delay_ms is untouched.
 * Source: RFC 9110, 10.2.3.
 */
accs_error accs_retry_after_parse(const char *value, size_t value_len, int64_t now_s,
                                  int64_t *delay_ms);

#endif
