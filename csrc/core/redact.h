/* Which query parameters hold credentials; the function itself stands in accs.h. */
#ifndef ACCS_REDACT_H
#define ACCS_REDACT_H

#include "accs.h"

/* Whether a parameter's name, percent-encoded or not, says that its value is a credential. */
bool accs_redact_is_secret(const char *name, size_t name_len);

#endif
