/*
 * The sealing keys of a cache, and under which key of the store each of them keeps its entry. Pure.
 */
#ifndef ACCS_CACHE_PLACES_H
#define ACCS_CACHE_PLACES_H

#include "seal.h"
#include "token_record.h"

typedef struct accs_cache_place {
    accs_seal_key seal;
    char key[ACCS_STORE_KEY_MAX + 1];
    bool stale; /* an entry was found here that belongs into the first place */
} accs_cache_place;

/* Zeroed is valid and empty. */
typedef struct accs_cache_places {
    accs_cache_place *list; /* entries are saved in the first */
    size_t count;
} accs_cache_places;

/* One for each secret, but one only for those that are the same. ACCS_ERROR_MEMORY: then unchanged.
 */
accs_error accs_cache_places_set(accs_cache_places *places, const char *entry,
                                 const accs_secret *secrets, size_t secret_count);
/* Wipes and frees. A second call is fine. */
void accs_cache_places_cleanup(accs_cache_places *places);

/* sealed: appended to. ACCS_ERROR_IO (no random numbers), ACCS_ERROR_TOO_LARGE, ACCS_ERROR_MEMORY.
 */
accs_error accs_cache_place_seal(const accs_cache_place *place, const accs_token_record *record,
                                 accs_buffer *sealed);
/* record: set on success; to be cleaned up. ACCS_ERROR_PARSE, ACCS_ERROR_MEMORY. */
accs_error accs_cache_place_open(const accs_cache_place *place, const accs_buffer *sealed,
                                 accs_token_record *record);

#endif
