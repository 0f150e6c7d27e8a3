/* Credentials as their neighbours see them; what users call stands in accs_auth.h. */
#ifndef ACCS_AUTH_CORE_H
#define ACCS_AUTH_CORE_H

#include "token.h"

/*
 * Enters another user of the auth's source into its list. The auth may be freed before it leaves.
 * Errors: ACCS_ERROR_CLOSED (its engine is gone), ACCS_ERROR_CONFIG (it has another engine).
 */
accs_error accs_auth_share(accs_auth *auth, const accs_engine *engine, accs_token_user *user,
                           accs_token_source **source, accs_failure *failure);

#endif
