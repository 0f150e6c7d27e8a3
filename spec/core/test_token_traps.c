/* Tokens where several things happen at a time: refusals, failing stores, sessions that moved on.
 */
#include "ims_support.h"

/* ------------------------------------------------------ a store of the host */

enum { STORE_ENTRIES = 4 };

typedef struct store_entry {
    char key[ACCS_STORE_KEY_MAX + 1];
    char bytes[4096];
    size_t bytes_len;
} store_entry;

/* What the functions of the host know. */
typedef struct host {
    const char *secrets[2]; /* NULL: no more */
    store_entry entries[STORE_ENTRIES];
    bool deaf;                          /* saving fails */
    char saved[ACCS_STORE_KEY_MAX + 1]; /* key of what was saved last */
} host;

/* The entry of the key, or the first that is free. */
static store_entry *find_entry(host *kept, const char *key)
{
    for (size_t i = 0; i < STORE_ENTRIES; i++)
        if (kept->entries[i].bytes_len == 0 || strcmp(kept->entries[i].key, key) == 0)
            return &kept->entries[i];
    fail_msg("no room for %s", key);
    return NULL;
}

static void save_entry(host *kept, const accs_hook *hook)
{
    store_entry *entry = find_entry(kept, hook->key);

    assert_in_range(hook->bytes_len, 1, sizeof entry->bytes);
    memcpy(entry->key, hook->key, sizeof entry->key);
    memcpy(entry->bytes, hook->bytes, hook->bytes_len);
    entry->bytes_len = hook->bytes_len;
    memcpy(kept->saved, hook->key, sizeof kept->saved);
}

static void answer_hook(accs_engine *engine, const accs_item *item, host *kept)
{
    const accs_hook *hook = item->hook;
    accs_text values[2];
    size_t count = 0;
    bool fails = hook->kind == ACCS_HOOK_SAVE && kept->deaf;

    if (hook->kind == ACCS_HOOK_SECRET) {
        while (count < 2 && kept->secrets[count] != NULL) {
            values[count] = (accs_text){kept->secrets[count], strlen(kept->secrets[count])};
            count++;
        }
    } else if (hook->kind == ACCS_HOOK_LOAD) {
        const store_entry *entry = find_entry(kept, hook->key);

        values[0] = (accs_text){entry->bytes, entry->bytes_len};
        count = entry->bytes_len > 0;
    } else if (hook->kind == ACCS_HOOK_LOCK) {
        values[0] = (accs_text){"1", 1};
        count = 1;
    } else if (hook->kind == ACCS_HOOK_SAVE && !fails) {
        save_entry(kept, hook);
    }
    assert_int_equal(
        accs_engine_settle(engine, item->id, values, count, fails ? "out of order" : NULL, NULL),
        ACCS_OK);
    accs_hook_free(item->hook);
}

/* Does a job, answering what the engine asks the host. */
static accs_failure do_hosted(accs_engine *engine, accs_auth *auth, accs_auth_job job, host *kept)
{
    uint64_t id;

    assert_int_equal(accs_auth_start(auth, job, 0, &id, NULL), ACCS_OK);
    for (;;) {
        accs_item item = next_but_events(engine, NULL);

        if (item.kind == ACCS_ITEM_DONE) {
            accs_reply_free(item.reply);
            return item.failure;
        }
        assert_int_equal(item.kind, ACCS_ITEM_HOOK);
        answer_hook(engine, &item, kept);
    }
}

/* ---------------------------------------------------------------- refusals */

#define NOT_KNOWN "{\"error\":\"invalid_client\"}"

/* E14, with a function for the secret. */
static void a_refused_secret_of_the_host_is_not_sent_again_at_once(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    host kept = {.secrets = {"not-a-secret"}};
    accs_auth *auth;

    options.client_secret = NULL;
    options.secret_hook = 7;
    auth = new_auth(engine, &options);
    ims_answer(server, 401, "", NOT_KNOWN);
    for (int i = 0; i < 5; i++)
        assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, &kept).code, ACCS_ERROR_AUTH);
    assert_int_equal(server->scene->requests, 1);
    kept.secrets[0] = "another-secret";
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_CLEAR, &kept).code, ACCS_OK);
    ims_restart(server);
    ims_answer(server, 401, "", NOT_KNOWN);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, &kept).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* What holds is what IMS said last. */
static void a_refusal_ends_with_the_next_question(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = ims_options(server);
    host kept = {.secrets = {"not-a-secret"}};
    accs_auth *auth;

    options.client_secret = NULL;
    options.secret_hook = 7;
    auth = new_auth(engine, &options);
    ims_answer(server, 401, "", NOT_KNOWN);
    ims_answer(server, 200, "", "{}");
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, &kept).code, ACCS_ERROR_AUTH);
    kept.secrets[0] = "another-secret";
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_REFRESH, &kept).code, ACCS_ERROR_DECODE);
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, &kept).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refused_secret_of_the_host_is_not_sent_again_at_once),
        TEST(a_refusal_ends_with_the_next_question),
    };

    return cmocka_run_group_tests_name("token traps", tests, NULL, NULL);
}
