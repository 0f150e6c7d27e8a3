/* The options of a client that say who asks, and how: checked, and made into an identity. */
#ifndef ACCS_CREDENTIALS_H
#define ACCS_CREDENTIALS_H

#include "token.h"

/* A time limit; one that is for ever stays so when a clock is added to it. */
int64_t accs_options_time(int64_t value, int64_t fallback);

/* What every connection of the options has in common. Text is borrowed from them. */
accs_connection_options accs_options_connection(const accs_client_options *options);

/* ACCS_ERROR_CONFIG when a text that becomes a header holds a control character; NULL is fine. */
accs_error accs_options_text(const char *name, const char *value, accs_failure *failure);

/*
 * Enters user into the list of the source that the options stand for, until
 * accs_token_source_leave(): that of options->auth, an existing one, or a new one.
 *
 * source  set on success
 *
 * Errors: ACCS_ERROR_CONFIG, ACCS_ERROR_MEMORY, ACCS_ERROR_CLOSED (the engine of options->auth).
 */
accs_error accs_credentials_join(accs_engine *engine, const accs_client_options *options,
                                 accs_token_user *user, accs_token_source **source,
                                 accs_failure *failure);

#endif
