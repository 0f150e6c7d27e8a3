#include "cache_places.h"

#include "limits.h"

#include <stdlib.h>
#include <string.h>

static const char PURPOSE[] = "accs token cache";

static bool known(const accs_cache_places *places, const accs_seal_key *key)
{
    for (size_t i = 0; i < places->count; i++)
        if (memcmp(places->list[i].seal.id, key->id, sizeof key->id) == 0)
            return true;
    return false;
}

/* "entry-id" */
static void name(accs_cache_place *place, const char *entry)
{
    size_t id_len = strlen(place->seal.id_text);
    size_t entry_len = strnlen(entry, ACCS_STORE_KEY_MAX - 1 - id_len);

    memcpy(place->key, entry, entry_len);
    place->key[entry_len] = '-';
    memcpy(place->key + entry_len + 1, place->seal.id_text, id_len + 1);
}

accs_error accs_cache_places_set(accs_cache_places *places, const char *entry,
                                 const accs_secret *secrets, size_t secret_count)
{
    accs_cache_places made = {calloc(secret_count > 0 ? secret_count : 1, sizeof *made.list), 0};
    accs_error error = made.list != NULL ? ACCS_OK : ACCS_ERROR_MEMORY;

    for (size_t i = 0; error == ACCS_OK && i < secret_count; i++) {
        accs_seal_key key;

        error = accs_seal_key_derive(secrets[i].bytes, secrets[i].len, PURPOSE, &key);
        if (error != ACCS_OK)
            break;
        if (!known(&made, &key)) {
            made.list[made.count].seal = key;
            name(&made.list[made.count], entry);
            made.count++;
        }
        accs_seal_key_cleanup(&key);
    }
    if (error != ACCS_OK) {
        accs_cache_places_cleanup(&made);
        return error;
    }
    accs_cache_places_cleanup(places);
    *places = made;
    return ACCS_OK;
}

void accs_cache_places_cleanup(accs_cache_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        accs_seal_key_cleanup(&places->list[i].seal);
    free(places->list);
    *places = (accs_cache_places){.list = NULL};
}

accs_error accs_cache_place_seal(const accs_cache_place *place, const accs_token_record *record,
                                 accs_buffer *sealed)
{
    accs_buffer plain;
    accs_error error;

    accs_buffer_init(&plain, ACCS_LIMIT_STORE_ENTRY_MAX - ACCS_SEAL_OVERHEAD);
    error = accs_token_record_write(record, &plain);
    if (error == ACCS_OK)
        error = accs_seal(&place->seal, place->key, plain.bytes, plain.len, sealed);
    accs_buffer_wipe(&plain);
    return error;
}

accs_error accs_cache_place_open(const accs_cache_place *place, const accs_buffer *sealed,
                                 accs_token_record *record)
{
    accs_secret plain = {0};
    accs_error error = accs_unseal(&place->seal, place->key, sealed->bytes, sealed->len, &plain);

    if (error == ACCS_OK)
        error = accs_token_record_read(plain.bytes, plain.len, record);
    accs_secret_cleanup(&plain);
    return error;
}
