/* Tokens where several things happen at a time: refusals, failing stores, sessions that moved on.
 */
#include "ims_support.h"

#include <fcntl.h>

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

/* What quotes the request holds the secret as it was sent. */
static void a_secret_that_ims_quotes_as_it_was_sent_is_not_told(void **state)
{
    static const char packed[] = "ZXhhbXBsZTpwJTQwc3MlMjB3b3JkJTJGeA==";
    static const char encoded[] = "p%40ss%20word%2Fx";
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_client_options options = user_options(server);
    accs_failure failure;
    accs_auth *auth;
    char body[512];

    options.client_secret = "p@ss word/x";
    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    snprintf(body, sizeof body,
             "{\"error\":\"invalid_client\",\"error_description\":\"Basic %s and "
             "client_secret=%s& are odd\"}",
             packed, encoded);
    ims_answer(server, 401, "", body);
    failure = do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL);
    assert_int_equal(failure.code, ACCS_ERROR_AUTH);
    assert_true(ims_got(server, 0, packed)); /* it is what was sent */
    assert_non_null(strstr(failure.text, "(Basic *** and client_secret=***& are odd)"));
    snprintf(body, sizeof body, "{\"error\":\"invalid_client\",\"error_description\":\"%0*d%s\"}",
             150, 0, packed);
    ims_restart(server);
    ims_answer(server, 401, "", body);
    failure = do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL);
    assert_null(strstr(failure.text, "ZXhhb"));
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* What is had with a new secret is kept for those who know only that one. */
static void a_new_secret_of_the_host_seals_what_it_was_used_for(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_engine *later = new_engine();
    accs_client_options options = ims_options(server);
    host kept = {.secrets = {"not-a-secret"}};
    accs_auth *auth;

    options.client_secret = NULL;
    options.secret_hook = 7;
    options.cache_hook = 9;
    options.cache_locks = true;
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", TOKEN("not-a-token"));
    ims_answer(server, 401, "", NOT_KNOWN);
    ims_answer(server, 200, "", TOKEN("not-a-token-2"));
    ims_answer(server, 200, "", TOKEN("not-a-token-3"));
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, &kept).code, ACCS_OK);
    kept.secrets[0] = "another-secret";
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_REFRESH, &kept).code, ACCS_OK);
    assert_token(auth, "not-a-token-2");
    accs_auth_free(auth);
    auth = new_auth(later, &options);
    assert_int_equal(do_hosted(later, auth, ACCS_AUTH_TOKEN, &kept).code, ACCS_OK);
    assert_token(auth, "not-a-token-2");
    assert_int_equal(server->scene->requests, 3);
    accs_auth_free(auth);
    accs_engine_free(engine);
    accs_engine_free(later);
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

/* ------------------------------------------------------------- at one time */

static accs_client_options session_options(const ims_server *server)
{
    accs_client_options options = user_options(server);

    options.cache_hook = 9;
    options.cache_locks = true;
    options.cache_key = "example-not-a-key";
    return options;
}

/* A session in the store: refresh token r-1, access token a-1. */
static void sign_in_hosted(ims_server *server, accs_client_options options, host *kept)
{
    accs_engine *engine = new_engine();
    accs_auth *auth;

    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_TOKEN, kept).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
    ims_restart(server);
}

/* Steps until there is a question to save, others being answered; story: what happened. */
static accs_item await_save(accs_engine *engine, host *kept, ims_story *story)
{
    for (;;) {
        accs_item item = next_but_events(engine, story);

        assert_int_equal(item.kind, ACCS_ITEM_HOOK);
        if (item.hook->kind == ACCS_HOOK_SAVE)
            return item;
        answer_hook(engine, &item, kept);
    }
}

static void start_call(accs_client *client, uint64_t *id)
{
    const accs_request request = {
        .method = "GET", .path = "/V1/x", .path_len = 5, .idempotent = -1};

    assert_int_equal(accs_client_start(client, &request, id, NULL), ACCS_OK);
}

/* The token that was refused is not the one that is on its way into the store. */
static void a_late_401_leaves_a_token_that_is_being_saved(void **state)
{
    ims_server *server = *state;
    host kept = {.deaf = false};
    accs_engine *engine = new_engine();
    accs_client_options options = session_options(server);
    ims_story story = {""};
    accs_client *client = NULL;
    accs_auth *auth = new_auth(engine, &options);
    accs_item item;
    uint64_t id;

    sign_in_hosted(server, options, &kept);
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_LOAD, &kept).code, ACCS_OK);
    options.auth = auth;
    options.base_url = server->origin;
    assert_int_equal(accs_client_new(engine, &options, &client, NULL), ACCS_OK);
    ims_answer(server, 401, "", "{}");
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    ims_answer(server, 200, "", "{}");
    server->scene->delay_ms = 400;
    start_call(client, &id);
    while (server->scene->requests == 0)
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    rest_ms(100);
    server->scene->delay_ms = 0;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    item = await_save(engine, &kept, &story); /* of the intent */
    answer_hook(engine, &item, &kept);
    item = await_save(engine, &kept, &story);
    while (strstr(story.text, "refused by the service") == NULL) {
        accs_item event;

        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
        while (accs_engine_next(engine, &event))
            if (event.kind == ACCS_ITEM_EVENT && event.event.kind == ACCS_EVENT_TOKEN)
                snprintf(story.text, sizeof story.text, "%s", event.event.text);
    }
    answer_hook(engine, &item, &kept);
    for (int ended = 0; ended < 2;) {
        item = next_but_events(engine, NULL);
        if (item.kind == ACCS_ITEM_HOOK) {
            answer_hook(engine, &item, &kept);
            continue;
        }
        assert_int_equal(item.failure.code, ACCS_OK);
        accs_reply_free(item.reply);
        ended++;
    }
    assert_token(auth, "a-2");
    assert_int_equal(server->scene->requests, 3);
    /* The intent of the next refresh is saved beside it. */
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    item = await_save(engine, &kept, NULL);
    answer_hook(engine, &item, &kept);
    accs_client_free(client);
    accs_auth_free(auth);
    accs_engine_free(engine);
    engine = new_engine();
    options.auth = NULL;
    auth = new_auth(engine, &options);
    assert_int_equal(do_hosted(engine, auth, ACCS_AUTH_LOAD, &kept).code, ACCS_OK);
    assert_token(auth, "a-2");
    accs_auth_free(auth);
    accs_engine_free(engine);
}

/* ----------------------------------------------------- what cannot be saved */

/* Steps until IMS has that many requests. */
static void await_requests(accs_engine *engine, const ims_server *server, int count)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (server->scene->requests < count) {
        assert_true(now_ms() < until);
        assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    }
}

/* Does a job that asks IMS once; the folder is out of reach when the answer comes. */
static void do_unsaved(accs_engine *engine, accs_auth *auth, accs_auth_job job, ims_server *server)
{
    char aside[64];
    uint64_t id;

    snprintf(aside, sizeof aside, "%s.aside", folder);
    server->scene->delay_ms = 300;
    assert_int_equal(accs_auth_start(auth, job, 0, &id, NULL), ACCS_OK);
    await_requests(engine, server, 1);
    assert_int_equal(rename(folder, aside), 0);
    close(open(folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* a file in its place */
    assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_OK);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(aside, folder), 0);
    server->scene->delay_ms = 0;
}

static void a_sign_in_that_could_not_be_saved_is_not_lost_to_an_older_one(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("b-1", "s-1"));
    ims_answer(server, 200, "", SESSION("b-2", "s-2"));
    do_unsaved(engine, auth, ACCS_AUTH_TOKEN, server);
    assert_token(auth, "b-1");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 1, "refresh_token=s-1"));
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* Another signed in meanwhile: that is the newer session. */
static void a_sign_in_after_what_could_not_be_saved_is_the_newer(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_auth *other;
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    do_unsaved(engine, auth, ACCS_AUTH_REFRESH, server);
    rest_ms(5); /* records know milliseconds */
    ims_restart(server);
    ims_answer(server, 200, "", SESSION("b-1", "s-1"));
    ims_answer(server, 200, "", SESSION("b-2", "s-2"));
    options.code = "not-a-code";
    other = new_auth(engine, &options);
    assert_int_equal(do_job(engine, other, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "b-1");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_int_equal(server->scene->requests, 2);
    assert_true(ims_got(server, 1, "refresh_token=s-1"));
    accs_auth_free(other);
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* ------------------------------------------------------ sessions that went on */

/* What is revoked is what the store has, not what this process had of it. */
static void a_session_that_went_on_elsewhere_is_revoked_as_it_is_now(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_engine *elsewhere = new_engine();
    accs_auth *other;
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    other = new_auth(elsewhere, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    ims_answer(server, 200, "", "");
    assert_int_equal(do_job(elsewhere, other, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REVOKE, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 1, "POST /ims/revoke"));
    assert_true(ims_got(server, 1, "token=r-2"));
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
    accs_engine_free(elsewhere);
    remove_folder();
}

/* LOAD beside a token that lives takes no older one. */
static void a_look_into_the_store_keeps_the_newer_token(void **state)
{
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_auth *auth;

    make_folder();
    options.cache_folder = folder;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    ims_answer(server, 200, "", SESSION("a-3", "r-3"));
    do_unsaved(engine, auth, ACCS_AUTH_REFRESH, server);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    assert_token(auth, "a-2");
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_true(ims_got(server, 1, "refresh_token=r-2"));
    accs_auth_free(auth);
    accs_engine_free(engine);
    remove_folder();
}

/* During a rotation of the client secret hosts have different ones, but one session. */
static void hosts_with_other_secrets_take_the_same_lock(void **state)
{
    static const accs_text both[] = {{"not-a-new-secret", 16}, {"not-an-old-secret", 17}};
    ims_server *server = *state;
    accs_client_options options = user_options(server);
    accs_engine *engine = new_engine();
    accs_engine *elsewhere = new_engine();
    accs_auth *other;
    accs_auth *auth;
    uint64_t id;

    make_folder();
    options.cache_folder = folder;
    options.client_secrets = &both[1];
    options.client_secret_count = 1;
    sign_in(server, &options);
    auth = new_auth(engine, &options);
    options.client_secrets = both;
    options.client_secret_count = 2;
    other = new_auth(elsewhere, &options);
    assert_int_equal(do_job(elsewhere, other, ACCS_AUTH_LOAD, NULL, NULL).code, ACCS_OK);
    assert_token(other, "a-1");
    ims_answer(server, 200, "", SESSION("a-2", "r-2"));
    server->scene->delay_ms = 300;
    assert_int_equal(accs_auth_start(auth, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    await_requests(engine, server, 1);
    assert_int_equal(accs_auth_start(other, ACCS_AUTH_REFRESH, 0, &id, NULL), ACCS_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(accs_engine_step(elsewhere, 10, NULL), ACCS_OK);
    assert_int_equal(server->scene->requests, 1);
    assert_int_equal(next_but_events(engine, NULL).failure.code, ACCS_OK);
    assert_int_equal(next_but_events(elsewhere, NULL).failure.code, ACCS_OK);
    assert_token(other, "a-2");
    assert_int_equal(server->scene->requests, 1);
    accs_auth_free(auth);
    accs_auth_free(other);
    accs_engine_free(engine);
    accs_engine_free(elsewhere);
    remove_folder();
}

/* ------------------------------------------------------- two persons, one name */

/* {"sub":"a"} and {"sub":"b"}; nobody asks for a signature here. */
#define SESSION_OF(subject, access, refresh)                                                       \
    "{\"access_token\":\"" access "\",\"token_type\":\"bearer\",\"expires_in\":86400,"             \
    "\"refresh_token\":\"" refresh "\",\"id_token\":\"e30." subject ".AA\"}"
#define SUB_A "eyJzdWIiOiJhIn0"
#define SUB_B "eyJzdWIiOiJiIn0"

static accs_auth *sign_in_as(ims_server *server, accs_engine *engine, const char *reply)
{
    accs_client_options options = user_options(server);
    accs_auth *auth;

    options.cache_folder = folder;
    options.code = "not-a-code";
    auth = new_auth(engine, &options);
    ims_answer(server, 200, "", reply);
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    return auth;
}

static void nobody_becomes_whoever_signed_in_under_the_same_name_since(void **state)
{
    ims_server *server = *state;
    accs_engine *engine = new_engine();
    accs_engine *other = new_engine();
    accs_client_options options = user_options(server);
    accs_failure failure;
    accs_auth *mine;
    accs_auth *theirs;
    accs_auth *later;

    make_folder();
    options.cache_folder = folder;
    mine = sign_in_as(server, engine, SESSION_OF(SUB_A, "a-1", "ra-1"));
    theirs = sign_in_as(server, other, SESSION_OF(SUB_B, "b-1", "rb-1"));
    failure = do_job(engine, mine, ACCS_AUTH_REFRESH, NULL, NULL);
    assert_int_equal(failure.code, ACCS_ERROR_AUTH);
    assert_non_null(strstr(failure.text, "another person has signed in"));
    assert_token(mine, "a-1"); /* to its end */
    assert_int_equal(server->scene->requests, 2);
    accs_auth_free(mine);
    later = new_auth(engine, &options);
    assert_int_equal(do_job(engine, later, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    assert_token(later, "b-1");
    ims_answer(server, 200, "", SESSION_OF(SUB_B, "b-2", "rb-2"));
    assert_int_equal(do_job(engine, later, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_int_equal(do_job(other, theirs, ACCS_AUTH_REFRESH, NULL, NULL).code, ACCS_OK);
    assert_token(theirs, "b-2"); /* the same person's, by another process */
    assert_int_equal(server->scene->requests, 3);
    accs_auth_free(later);
    accs_auth_free(theirs);
    accs_engine_free(other);
    accs_engine_free(engine);
    remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refused_secret_of_the_host_is_not_sent_again_at_once),
        TEST(a_secret_that_ims_quotes_as_it_was_sent_is_not_told),
        TEST(a_new_secret_of_the_host_seals_what_it_was_used_for),
        TEST(a_refusal_ends_with_the_next_question),
        TEST(a_late_401_leaves_a_token_that_is_being_saved),
        TEST(a_sign_in_that_could_not_be_saved_is_not_lost_to_an_older_one),
        TEST(a_sign_in_after_what_could_not_be_saved_is_the_newer),
        TEST(a_session_that_went_on_elsewhere_is_revoked_as_it_is_now),
        TEST(a_look_into_the_store_keeps_the_newer_token),
        TEST(hosts_with_other_secrets_take_the_same_lock),
        TEST(nobody_becomes_whoever_signed_in_under_the_same_name_since),
    };

    return cmocka_run_group_tests_name("token traps", tests, NULL, NULL);
}
