/* What a token cache keeps of an identity, as bytes to be sealed. Pure. */
#ifndef ACCS_TOKEN_RECORD_H
#define ACCS_TOKEN_RECORD_H

#include "buffer.h"
#include "secret.h"

/* Zeroed is valid and empty. */
typedef struct accs_token_record {
    accs_secret access_token;
    int64_t expires_wall_ms; /* of the access token, by IMS's clock */
    int64_t life_ms;         /* all of it */
    int64_t saved_wall_ms;   /* when this was written, by the writer's clock */
    accs_secret id_token;
    accs_secret refresh_token;
    accs_secret previous_refresh_token; /* until refresh_token has worked once */
    int64_t intent_wall_ms; /* refresh_token is being exchanged since then; 0: it is not */
} accs_token_record;

/*
 * Version, then fields by number and length; unknown fields are passed over, so that an older
 * version reads what a newer one wrote.
 * bytes: appended to. ACCS_ERROR_TOO_LARGE, ACCS_ERROR_MEMORY.
 */
accs_error accs_token_record_write(const accs_token_record *record, accs_buffer *bytes);

/* record: set on success; to be cleaned up. ACCS_ERROR_PARSE, ACCS_ERROR_MEMORY. */
accs_error accs_token_record_read(const void *bytes, size_t bytes_len, accs_token_record *record);

/* to must be empty or hold a record, which is wiped. ACCS_ERROR_MEMORY: then it is empty. */
accs_error accs_token_record_copy(accs_token_record *to, const accs_token_record *from);

/* Wipes. A second call is fine. */
void accs_token_record_cleanup(accs_token_record *record);

#endif
