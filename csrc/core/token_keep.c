#include "token_state.h"

#include "jwt.h"
#include "limits.h"
#include "token_window.h"
#include "url.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY_BYTES = 16, ENTRY_SIZE = sizeof "server-" + 32 };
/* Of a lock's life: what it took to hear of it and to look once more, and what saving takes. */
enum { LOCK_SLACK_MS = 10000 };

/* ------------------------------------------------------ what is kept serves */

/* By IMS's clock. */
static int64_t wall_ms(const accs_token_source *source)
{
    return accs_engine_now(source->engine)->wall_ms + source->skew_ms;
}

static int64_t left_ms(const accs_token_source *source, const accs_token_record *record)
{
    if (record->access_token.len == 0 || !accs_header_value_valid(record->access_token.bytes) ||
        accs_secret_equal(&record->access_token, &source->dropped))
        return 0;
    return accs_token_kept_ms(record->expires_wall_ms, record->life_ms, wall_ms(source));
}

/* Whether its access token is, or is the only one. */
static bool is_newer(const accs_token_source *source, const accs_token_record *record)
{
    const accs_secret *ours = &source->record.access_token;

    return ours->len == 0 || (record->expires_wall_ms > source->record.expires_wall_ms &&
                              !accs_secret_equal(&record->access_token, ours));
}

/* Whose id_token it is; false where it does not say. */
static bool read_subject(const accs_secret *id_token, accs_jwt_facts *facts)
{
    return id_token->len > 0 &&
           accs_jwt_facts_read((accs_text){id_token->bytes, id_token->len}, facts) == ACCS_OK &&
           facts->subject[0] != '\0';
}

/* Whether somebody else has signed in under the name of our session since: what he has is not ours,
 * nor is it to be replaced by what we have. */
static bool is_of_another(const accs_token_source *source, const accs_token_record *record)
{
    accs_jwt_facts ours;
    accs_jwt_facts theirs;

    return record != NULL && source->identity.code.len == 0 &&
           read_subject(&source->record.id_token, &ours) &&
           read_subject(&record->id_token, &theirs) && strcmp(ours.subject, theirs.subject) != 0;
}

/* Whether no request is needed: it lives beyond the time in which calls wait for another, and is
 * newer than ours where we have one. */
static bool serves(void *context, const accs_token_record *record)
{
    const accs_token_source *source = context;
    int64_t left = left_ms(source, record);
    accs_token_phase phase = accs_token_window(record->life_ms, left, source->random);

    if (source->errand != ACCS_ERRAND_ACQUIRE || source->identity.code.len > 0)
        return false;
    if (!is_newer(source, record))
        return false;
    return phase == ACCS_TOKEN_FRESH || phase == ACCS_TOKEN_AHEAD;
}

/* ------------------------------------------------------ taking what is kept */

static void swap(accs_secret *left, accs_secret *right)
{
    accs_secret held = *left;

    *left = *right;
    *right = held;
}

/* Ours is the newer one: it could not be saved when it came. */
static bool session_is_newer(const accs_token_source *source, const accs_token_record *kept)
{
    const accs_token_record *ours = &source->record;

    if (ours->refresh_token.len == 0)
        return false;
    return kept->refresh_token.len == 0 ||
           (source->unsaved && ours->saved_wall_ms > kept->saved_wall_ms) ||
           accs_secret_equal(&ours->refresh_token, &kept->refresh_token) ||
           accs_secret_equal(&ours->previous_refresh_token, &kept->refresh_token);
}

/* Takes the session, if it is not older than ours, and the access token if that is wanted. */
static accs_error take_record(accs_token_source *source, const accs_token_record *kept,
                              bool with_token)
{
    accs_token_record *ours = &source->record;
    accs_token_record next = {.life_ms = 0};
    accs_error error = accs_token_record_copy(&next, kept);

    if (error != ACCS_OK)
        return error;
    if (session_is_newer(source, kept)) {
        swap(&next.refresh_token, &ours->refresh_token);
        swap(&next.previous_refresh_token, &ours->previous_refresh_token);
        swap(&next.id_token, &ours->id_token);
        if (next.saved_wall_ms < ours->saved_wall_ms)
            next.saved_wall_ms = ours->saved_wall_ms;
    } else {
        source->unsaved = false;
    }
    if (!with_token) {
        swap(&next.access_token, &ours->access_token);
        next.expires_wall_ms = ours->expires_wall_ms;
        next.life_ms = ours->life_ms;
    }
    accs_token_record_cleanup(ours);
    *ours = next;
    return ACCS_OK;
}

/* Uses the access token that is kept. */
static accs_error adopt(accs_token_source *source, const accs_token_record *kept)
{
    const accs_now *now = accs_engine_now(source->engine);
    int64_t left = left_ms(source, kept);
    accs_token *token = accs_token_new(&kept->access_token, kept->life_ms, now->boot_ms);
    accs_error error = token != NULL ? take_record(source, kept, true) : ACCS_ERROR_MEMORY;
    accs_event event = {.status = 0};

    if (error != ACCS_OK) {
        accs_token_release(token);
        return error;
    }
    token->expires_ms = now->boot_ms + left;
    accs_token_release(source->token);
    source->token = token;
    source->adopted = true;
    source->random = accs_random_32();
    event.elapsed_us = now->mono_us - source->started_us;
    accs_token_tell(source, "from the cache",
                    source->errand == ACCS_ERRAND_ACQUIRE ? source->reason : "", &event);
    return ACCS_OK;
}

void accs_token_reckon(accs_token_source *source)
{
    if (source->token != NULL && source->adopted && source->fresh == NULL)
        source->token->expires_ms = accs_engine_now(source->engine)->boot_ms +
                                    accs_token_kept_ms(source->record.expires_wall_ms,
                                                       source->record.life_ms, wall_ms(source));
}

/* --------------------------------------------------------- steps of errands */

static void out_of_memory(accs_token_source *source)
{
    accs_token_fail_with(source, ACCS_ERROR_MEMORY, "no memory left");
}

static void step_to(accs_token_source *source, accs_token_step step)
{
    source->step = step;
    if (step == ACCS_STEP_LOCK)
        accs_cache_lock(source->cache);
    else
        accs_cache_load(source->cache);
}

static void adopt_and_end(accs_token_source *source, const accs_token_record *record)
{
    if (adopt(source, record) != ACCS_OK)
        out_of_memory(source);
    else
        accs_token_succeed(source);
}

/* A store's lock ends by itself, and then another process sends the same refresh token. */
static void end_before_the_lock(accs_token_source *source)
{
    int64_t end_ms =
        accs_engine_now(source->engine)->mono_ms + ACCS_LIMIT_LOCK_LIFE - LOCK_SLACK_MS;

    if (!source->identity.cache_locks || source->deadline_ms <= end_ms)
        return;
    source->deadline_ms = end_ms;
    accs_timers_set(accs_engine_timers(source->engine), &source->deadline, end_ms);
}

/* The lock is had. */
static void locked(accs_token_source *source, const accs_token_record *record)
{
    if (source->identity.user)
        end_before_the_lock(source);
    if (record != NULL && source->identity.user && take_record(source, record, false) != ACCS_OK)
        out_of_memory(source);
    else
        accs_token_request(source);
}

static void save_later(accs_token_source *source)
{
    source->save_again_ms = accs_engine_now(source->engine)->mono_ms + ACCS_LIMIT_STORE_PAUSE;
}

/* For what could not be saved before; what is kept may be newer by now. */
static void locked_to_save(accs_token_source *source, accs_cache_end end,
                           const accs_token_record *record)
{
    save_later(source);
    if (record != NULL && end == ACCS_CACHE_LOCKED && take_record(source, record, false) != ACCS_OK)
        out_of_memory(source);
    else if (end == ACCS_CACHE_LOCKED && source->unsaved)
        accs_token_save(source);
    else
        accs_token_succeed(source);
}

/* There is no lock to be had: a refresh token must not be sent by two. */
static void not_locked(accs_token_source *source, accs_cache_end end)
{
    if (source->identity.user && source->identity.code.len == 0)
        accs_token_fail_with(
            source, ACCS_ERROR_CACHE,
            end == ACCS_CACHE_BUSY
                ? "another process has the lock of the session (lock_timeout)"
                : "the session cannot be locked, so its refresh token stays unused");
    else
        accs_token_request(source);
}

/* The refresh token that was refused may be an old one. */
static void reloaded(accs_token_source *source, const accs_token_record *record)
{
    bool newer = record != NULL && record->refresh_token.len > 0 &&
                 !accs_secret_equal(&record->refresh_token, &source->sent);

    if (newer && serves(source, record))
        adopt_and_end(source, record);
    else if (newer && take_record(source, record, false) != ACCS_OK)
        out_of_memory(source);
    else
        accs_token_recover(source);
}

static void end_load(accs_token_source *source, const accs_token_record *record)
{
    accs_failure failure;
    accs_error error = ACCS_OK;

    if (record != NULL)
        error = left_ms(source, record) > 0 && is_newer(source, record)
                    ? adopt(source, record)
                    : take_record(source, record, false);
    if (error != ACCS_OK) {
        out_of_memory(source);
    } else if (source->token != NULL || source->record.refresh_token.len > 0) {
        accs_token_succeed(source);
    } else {
        const char *words = "there is no token yet";

        if (source->identity.user)
            words =
                source->record.saved_wall_ms != 0 ? "the session is over" : "there is no session";
        accs_fail(&failure, ACCS_ERROR_AUTH, "%s", words);
        accs_token_fail(source, &failure);
    }
}

static void fail_as_another(accs_token_source *source)
{
    accs_failure failure;

    save_later(source);
    accs_fail(&failure, ACCS_ERROR_AUTH,
              "another person has signed in under the name of this session");
    accs_token_fail(source, &failure);
}

static void cache_done(void *context, accs_cache_end end, const accs_token_record *record)
{
    accs_token_source *source = context;

    if (is_of_another(source, record)) {
        fail_as_another(source);
        return;
    }
    switch (source->step) {
    case ACCS_STEP_LOOK:
        if (end == ACCS_CACHE_FOUND && left_ms(source, record) > 0 &&
            adopt(source, record) != ACCS_OK)
            out_of_memory(source);
        else
            step_to(source, ACCS_STEP_LOCK);
        break;
    case ACCS_STEP_LOCK:
        if (source->errand == ACCS_ERRAND_SAVE)
            locked_to_save(source, end, record);
        else if (end == ACCS_CACHE_FOUND)
            adopt_and_end(source, record);
        else if (end == ACCS_CACHE_LOCKED)
            locked(source, record);
        else
            not_locked(source, end);
        break;
    case ACCS_STEP_INTENT:
        source->unsaved = source->unsaved && end != ACCS_CACHE_SAVED;
        if (end == ACCS_CACHE_SAVED)
            accs_token_send(source);
        else
            accs_token_fail_with(source, ACCS_ERROR_CACHE,
                                 "the session cannot be stored, so its refresh token stays unused");
        break;
    case ACCS_STEP_RELOAD:
        reloaded(source, end == ACCS_CACHE_FOUND ? record : NULL);
        break;
    case ACCS_STEP_SAVE:
        source->saved = end == ACCS_CACHE_SAVED;
        source->save_us = accs_engine_now(source->engine)->mono_us - source->save_us;
        source->unsaved = source->unsaved && !source->saved;
        save_later(source);
        accs_token_succeed(source);
        break;
    case ACCS_STEP_LOAD:
        end_load(source, end == ACCS_CACHE_FOUND ? record : NULL);
        break;
    default: /* removed, as far as that was possible */
        accs_token_succeed(source);
    }
}

/* A store of the host's may quote anything. */
static void cache_trouble(void *context, const char *text, const char *reason, int64_t elapsed_us)
{
    accs_event event = {.kind = ACCS_EVENT_CACHE, .error = ACCS_ERROR_CACHE};
    char words[ACCS_STORE_WHY_MAX];

    event.elapsed_us = elapsed_us;
    accs_event_text(event.text, sizeof event.text, text);
    accs_event_text(words, sizeof words, reason);
    accs_token_source_redact(context, words); /* whole, before they are cut */
    accs_event_words(event.reason, sizeof event.reason, words);
    accs_wipe(words, sizeof words);
    accs_token_source_tell(context, &event);
}

/* ----------------------------------------------------------------- errands */

static void forget(accs_token_source *source)
{
    accs_token_release(source->token);
    source->token = NULL;
    accs_token_record_cleanup(&source->record);
    accs_secret_cleanup(&source->dropped);
    source->adopted = false;
    source->unsaved = false;
    source->refusal_until_ms = 0;
    source->in_vain_until_ms = 0;
    source->ahead_after_ms = 0;
    accs_token_tell(source, "forgotten", "", &(accs_event){.status = 0});
}

static void acquire(accs_token_source *source)
{
    if (source->cache == NULL)
        accs_token_request(source);
    else if (source->forced && source->token == NULL && source->identity.code.len == 0)
        step_to(source, ACCS_STEP_LOOK);
    else
        step_to(source, ACCS_STEP_LOCK);
}

accs_error accs_token_set_sealing(accs_token_source *source)
{
    const accs_secret_list *secrets = accs_token_secrets(source);
    const accs_secret *key = &source->identity.cache_key;
    accs_error error = ACCS_OK;

    if (source->cache != NULL && !source->sealing)
        error = key->len > 0
                    ? accs_cache_set_secrets(source->cache, key, 1)
                    : accs_cache_set_secrets(source->cache, secrets->items, secrets->count);
    source->sealing = error == ACCS_OK;
    return error;
}

void accs_token_ready(accs_token_source *source)
{
    if (accs_token_set_sealing(source) != ACCS_OK) {
        out_of_memory(source);
        return;
    }
    switch (source->errand) {
    case ACCS_ERRAND_LOAD:
        /* A session may have gone on in another process. */
        if (source->cache == NULL || (source->token != NULL && !source->identity.user))
            end_load(source, NULL);
        else
            step_to(source, ACCS_STEP_LOAD);
        break;
    case ACCS_ERRAND_SAVE:
        step_to(source, ACCS_STEP_LOCK);
        break;
    case ACCS_ERRAND_CLEAR:
        forget(source);
        source->step = ACCS_STEP_REMOVE;
        if (source->cache != NULL)
            accs_cache_remove(source->cache);
        else
            accs_token_succeed(source);
        break;
    default:
        acquire(source);
    }
}

void accs_token_save(accs_token_source *source)
{
    if (source->cache == NULL) {
        accs_token_succeed(source);
        return;
    }
    source->step = ACCS_STEP_SAVE;
    source->save_us = accs_engine_now(source->engine)->mono_us;
    accs_cache_save(source->cache, &source->record,
                    source->identity.user ? 0 : source->record.life_ms);
}

/* --------------------------------------------------------------- the cache */

/* "server-" or "user-", and what tells one identity from another; ACCS_ERROR_MEMORY. */
static accs_error name_entry(const accs_identity_owned *identity, char *entry, size_t entry_size)
{
    const char *const parts[] = {identity->ims_url, identity->client_id,
                                 identity->user ? identity->session : identity->scopes};
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    size_t len = (size_t)snprintf(entry, entry_size, identity->user ? "user-" : "server-");

    for (size_t i = 0; made && i < sizeof parts / sizeof parts[0]; i++)
        made = EVP_DigestUpdate(context, parts[i], strlen(parts[i]) + 1) == 1; /* with the NUL */
    made = made && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    for (size_t i = 0; made && i < ENTRY_BYTES; i++, len += 2)
        snprintf(entry + len, entry_size - len, "%02x", digest[i]);
    return made ? ACCS_OK : ACCS_ERROR_MEMORY;
}

accs_error accs_token_keep_init(accs_token_source *source)
{
    const accs_identity_owned *identity = &source->identity;
    char entry[ENTRY_SIZE];
    const accs_cache_options options = {
        .folder = identity->cache_folder,
        .host = identity->cache_hook,
        .host_locks = identity->cache_locks,
        .lock_timeout_ms = identity->lock_timeout_ms,
        .relief = !identity->user,
        .entry = entry,
    };
    const accs_cache_user user = {
        .context = source, .serves = serves, .done = cache_done, .trouble = cache_trouble};
    accs_error error;

    if (identity->cache_folder == NULL && identity->cache_hook == 0)
        return ACCS_OK;
    error = name_entry(identity, entry, sizeof entry);
    return error == ACCS_OK ? accs_cache_new(source->engine, &options, &user, &source->cache)
                            : error;
}
