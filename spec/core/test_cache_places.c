/* Sealing keys and the names of what they seal; plain records are wiped. */
#include "cache_places.h"
#include "engine_support.h"
#include "limits.h"
#include "wipe_support.h"

#define ENTRY "user-0123456789abcdef0123456789abcdef"
#define TOKEN "a-token-that-is-not-one"

static char first_text[] = "example-first-secret";
static char second_text[] = "example-second-secret";
static const accs_secret first = {first_text, sizeof first_text - 1};
static const accs_secret second = {second_text, sizeof second_text - 1};

static accs_cache_places places_of(const accs_secret *secrets, size_t count)
{
    accs_cache_places places = {.list = NULL};

    assert_int_equal(accs_cache_places_set(&places, ENTRY, secrets, count), ACCS_OK);
    return places;
}

static void each_secret_has_a_place_once(void **state)
{
    const accs_secret secrets[] = {first, second, first, second};
    accs_cache_places places = places_of(secrets, 4);
    accs_cache_places other = places_of(&second, 1);

    (void)state;
    assert_int_equal(places.count, 2);
    assert_int_equal(strlen(places.list[0].key), sizeof ENTRY + 16);
    assert_memory_equal(places.list[0].key, ENTRY "-", sizeof ENTRY);
    assert_memory_equal(places.list[1].key, ENTRY "-", sizeof ENTRY);
    assert_string_not_equal(places.list[0].key, places.list[1].key);
    assert_string_equal(places.list[1].key, other.list[0].key); /* the same in every process */
    assert_int_equal(accs_cache_places_set(&places, ENTRY, NULL, 0), ACCS_OK);
    assert_int_equal(places.count, 0);
    accs_cache_places_cleanup(&places);
    accs_cache_places_cleanup(&places);
    accs_cache_places_cleanup(&other);
}

static void the_longest_entry_has_a_whole_name(void **state)
{
    accs_cache_places places = {.list = NULL};
    char entry[2 * ACCS_STORE_KEY_MAX];

    (void)state;
    memset(entry, 'x', sizeof entry - 1);
    entry[sizeof entry - 1] = '\0';
    for (size_t len = ACCS_STORE_KEY_MAX - 18; len < sizeof entry; len++) {
        assert_int_equal(accs_cache_places_set(&places, entry + sizeof entry - 1 - len, &first, 1),
                         ACCS_OK);
        assert_int_equal(strlen(places.list[0].key),
                         len < ACCS_STORE_KEY_MAX - 17 ? len + 17 : ACCS_STORE_KEY_MAX);
        assert_string_equal(strrchr(places.list[0].key, '-') + 1, places.list[0].seal.id_text);
    }
    accs_cache_places_cleanup(&places);
}

static void plain_records_and_keys_are_wiped(void **state)
{
    static char token[] = TOKEN;
    const accs_token_record record = {.access_token = {token, sizeof TOKEN - 1}, .life_ms = 7};
    accs_cache_places places = places_of(&first, 1);
    accs_token_record opened = {.life_ms = 0};
    accs_buffer sealed;
    char key[ACCS_SEAL_KEY_BYTES + 1] = {0};

    (void)state;
    accs_buffer_init(&sealed, ACCS_LIMIT_STORE_ENTRY_MAX);
    watch_wiping(TOKEN);
    assert_int_equal(accs_cache_place_seal(&places.list[0], &record, &sealed), ACCS_OK);
    assert_true(wiped_count > 0);
    assert_null(memmem(sealed.bytes, sealed.len, TOKEN, 8));
    watch_wiping(TOKEN);
    assert_int_equal(accs_cache_place_open(&places.list[0], &sealed, &opened), ACCS_OK);
    assert_true(wiped_count > 0); /* before the record is */
    assert_int_equal(opened.life_ms, 7);
    assert_string_equal(opened.access_token.bytes, TOKEN);
    accs_token_record_cleanup(&opened);

    memcpy(key, places.list[0].seal.key, ACCS_SEAL_KEY_BYTES);
    assert_int_equal(strlen(key), ACCS_SEAL_KEY_BYTES); /* the same at every run, without a zero */
    watch_wiping(key);
    accs_cache_places_cleanup(&places);
    assert_int_equal(wiped_count, 1);
    watch_wiping(NULL);
    accs_buffer_cleanup(&sealed);
}

/* Sealed bytes are of no use to another entry, or under another secret. */
static void a_seal_holds_for_one_place(void **state)
{
    const accs_secret secrets[] = {first, second};
    const accs_token_record record = {.life_ms = 7};
    accs_cache_places places = places_of(secrets, 2);
    accs_token_record opened = {.life_ms = 0};
    accs_cache_place renamed = places.list[0];
    accs_buffer sealed;

    (void)state;
    accs_buffer_init(&sealed, ACCS_LIMIT_STORE_ENTRY_MAX);
    assert_int_equal(accs_cache_place_seal(&places.list[0], &record, &sealed), ACCS_OK);
    assert_int_equal(accs_cache_place_open(&places.list[1], &sealed, &opened), ACCS_ERROR_PARSE);
    renamed.key[0] = 'x';
    assert_int_equal(accs_cache_place_open(&renamed, &sealed, &opened), ACCS_ERROR_PARSE);
    accs_buffer_clear(&sealed);
    assert_int_equal(accs_cache_place_open(&places.list[0], &sealed, &opened), ACCS_ERROR_PARSE);
    accs_seal_key_cleanup(&renamed.seal);
    accs_cache_places_cleanup(&places);
    accs_buffer_cleanup(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_secret_has_a_place_once),
        cmocka_unit_test(the_longest_entry_has_a_whole_name),
        cmocka_unit_test(plain_records_and_keys_are_wiped),
        cmocka_unit_test(a_seal_holds_for_one_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
