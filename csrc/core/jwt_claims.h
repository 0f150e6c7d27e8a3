/* The claims of a JWT (RFC 7519, and Adobe's): reading and judging them. Pure. */
#ifndef ACCS_JWT_CLAIMS_H
#define ACCS_JWT_CLAIMS_H

#include "jwt.h"

/* What a claims set (a JSON object) says to a check; without memory NO_MEMORY. */
accs_jwt_verdict accs_jwt_claims_check(accs_text claims, const accs_jwt_check *check);

/* See accs_jwt_facts_read(). */
accs_error accs_jwt_claims_facts(accs_text claims, accs_jwt_facts *facts);

#endif
